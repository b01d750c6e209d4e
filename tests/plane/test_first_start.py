"""Kernels compiled by several processes: each of them once, and nothing lost when a process ends."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import threading
from pathlib import Path

from hookflash.plane import first_start
from hookflash.plane.first_start import compile_unclaimed, one_at_a_time, weight
from hookflash.plane.kernels import compiling, ingest

SOURCE = str(Path(compiling.__file__).parents[3])
COUNT = 9
MODULE = """
from hookflash.plane.kernels.compiling import kernel, part

@part
def twice(x):
    return x * 2

@kernel
def within(x):
    return twice(x) + 1
"""
EACH = """
@kernel
def kernel_{n}(x):
    return within(x) + {n}
"""
PROGRAM = """
import json, logging, sys
from numba.core import event
logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(message)s")
from hookflash.plane import first_start
import many

class Compiled(event.Listener):
    names = []
    def on_start(self, event):
        self.names.append(event.data["dispatcher"].py_func.__name__)
    def on_end(self, event):
        pass

def run_all():
    for n in range(9):
        assert getattr(many, f"kernel_{n}")(n) == 3 * n + 1

with event.install_listener("numba:compile", Compiled()):
    made = first_start.compile_together(run_all, int(sys.argv[1]), package="many")
    ours = sorted(set(Compiled.names))
    Compiled.names.clear()
    run_all()
print(json.dumps([sorted(made), ours, Compiled.names]))
"""


def start(folder: Path, processes: int) -> tuple[list[list[str]], str]:
    """A process that needs nine kernels: what was made, what it compiled itself and later; its log."""
    (folder / "many.py").write_text(MODULE + "".join(EACH.format(n=n) for n in range(COUNT)))
    (folder / "program.py").write_text(PROGRAM)
    where = {"PYTHONPATH": f"{SOURCE}{os.pathsep}{folder}", "NUMBA_CACHE_DIR": str(folder / "kept")}
    done = subprocess.run(
        [sys.executable, str(folder / "program.py"), str(processes)],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, **where},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), done.stderr


def test_a_first_start_leaves_nothing_to_be_compiled(tmp_path):
    (made, ours, later), log = start(tmp_path, 2)
    assert made == sorted([*(f"many.kernel_{n}" for n in range(COUNT)), "many.within"])
    assert "2 processes" in log
    assert len(ours) <= COUNT + 2
    assert later == []
    assert start(tmp_path, 2) == ([[], [], []], "")


def test_each_kernel_is_compiled_by_one_process(monkeypatch, tmp_path):
    done = []

    class Module:
        def __init__(self, name):
            self.name = name

        def __getattr__(self, function):
            return type(
                "Kernel", (), {"compile": lambda _, types: done.append((f"{self.name}.{function}", types))}
            )()

    monkeypatch.setattr(first_start, "import_module", Module)
    tasks = [(f"some.module.k{n}", (n,)) for n in range(50)]
    helpers = [threading.Thread(target=compile_unclaimed, args=(tasks, tmp_path)) for _ in range(4)]
    for helper in helpers:
        helper.start()
    for helper in helpers:
        helper.join()
    assert sorted(done) == sorted(tasks)


def test_who_comes_second_waits_for_the_first(tmp_path, caplog, monkeypatch):
    order = []
    caplog.set_level("INFO")
    inside, go = threading.Event(), threading.Event()

    def first():
        with one_at_a_time(tmp_path / "lock"):
            inside.set()
            go.wait(10)
            order.append("first")

    thread = threading.Thread(target=first)
    thread.start()
    assert inside.wait(10)
    monkeypatch.setattr(caplog.handler, "emit", lambda record: go.set())
    with one_at_a_time(tmp_path / "lock"):
        order.append("second")
    thread.join()
    assert order == ["first", "second"]


def test_a_kernel_weighs_all_that_it_calls():
    own = len(ingest.ingest.py_func.__code__.co_code)
    assert weight(ingest.ingest.py_func, set()) > own + len(ingest.ingest_packet.py_func.__code__.co_code)
    assert weight(ingest.number.py_func, set()) == len(ingest.number.py_func.__code__.co_code)


def helper(folder: Path) -> subprocess.Popen[bytes]:
    """A process that helps out."""
    where = {**os.environ, "PYTHONPATH": f"{SOURCE}{os.pathsep}{folder}"}
    command = [sys.executable, "-m", "hookflash.plane.first_start"]
    return subprocess.Popen(command, stdin=subprocess.PIPE, env=where)


def test_a_helper_ends_when_all_is_done(tmp_path):
    with helper(tmp_path) as process:
        pickle.dump((str(tmp_path), []), process.stdin)
        process.stdin.flush()
        assert process.wait(60) == 0


def test_a_helper_ends_with_the_process_that_wants_its_work(tmp_path):
    (tmp_path / "endless.py").write_text("import threading\nthreading.Event().wait()\n")
    with helper(tmp_path) as process:
        pickle.dump((str(tmp_path), [("endless.kernel", ())]), process.stdin)
        process.stdin.close()
        assert process.wait(60) == 1


def test_a_start_goes_on_without_helpers(monkeypatch, caplog):
    compiled = []
    monkeypatch.setattr(first_start, "compile_unclaimed", lambda tasks, folder: compiled.extend(tasks))

    def none_left(*arguments, **options):
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(first_start.subprocess, "Popen", none_left)
    first_start.share([("a.b", ())], 3)
    assert compiled == [("a.b", ())]
    assert "Resource temporarily unavailable" in caplog.text
