"""The first start on a machine: its kernels are compiled by several processes at once.

What kernels are called with is found by running the plane as plain Python, which takes a second. Then this
process and some helpers of it compile, each the next kernel that nobody has begun, and keep what they made in
the folder from which all others take it. Nothing depends on that going well: what is missing afterwards is
compiled when it is called. While one process of this machine does this, others wait for it.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import pickle
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from hookflash.plane.kernels.compiling import base_folder, kept, kernel_names, noting

MANY = 8
"""Fewer kernels than that are not worth it."""
MOST_PROCESSES = 4
"""Each takes up to half a gigabyte while it compiles."""

_log = logging.getLogger(__name__)

Task = tuple[str, tuple[Any, ...]]
"""A kernel's name, as in ``kernel_names``, and the types of its arguments."""


def missing(package: str) -> set[str]:
    """Names of the kernels of a package that no process has kept yet."""
    return {name for name in kernel_names() if name.startswith(f"{package}.") and not kept(name)}


def compile_together(
    run_all: Callable[[], None], processes: int | None = None, *, package: str = "hookflash"
) -> set[str]:
    """Compile what ``run_all`` calls of a package if much of it is missing; names of what was made.

    ``processes`` is how many at most, this one included; None: one a core.
    """
    if len(missing(package)) < MANY:
        return set()
    with one_at_a_time(base_folder() / "compiling.lock"):
        # Others may have done it while this one waited.
        before = missing(package)
        if len(before) < MANY:
            return set()
        with noting() as calls, np.errstate(all="ignore"):
            run_all()
        wanted = [call for (name, _), call in calls.items() if name in before]
        wanted.sort(key=lambda call: weight(call.kernel.py_func, set()), reverse=True)
        tasks = [(call.name, call.types) for call in wanted]
        limit = min(os.cpu_count() or 1, MOST_PROCESSES) if processes is None else processes
        share(tasks, min(limit, len(tasks) // 2))
        return before - missing(package)


@contextlib.contextmanager
def one_at_a_time(path: Path) -> Iterator[None]:
    """Only one process of this machine is in here; it leaves when it ends, however it ends."""
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            _log.info("another process is compiling the kernels of the media plane: waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def weight(function: Any, seen: set[Any]) -> int:
    """How much code a kernel comes to with all that it calls, to begin with what takes longest."""
    seen.add(function)
    total = len(function.__code__.co_code)
    for name in function.__code__.co_names:
        inner = getattr(function.__globals__.get(name), "py_func", None)
        if inner is not None and inner not in seen:
            total += weight(inner, seen)
    return total


def share(tasks: Sequence[Task], processes: int) -> None:
    """Compile ``tasks`` in so many processes, this one included."""
    command = (sys.executable, "-P", "-m", "hookflash.plane.first_start")
    where = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    helpers = []
    with tempfile.TemporaryDirectory() as folder:
        if processes > 1:
            _log.info("%d processes share the work of compiling kernels", processes)
        try:
            for _ in range(processes - 1):
                helper = subprocess.Popen(
                    command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, env=where
                )
                helpers.append(helper)
                assert helper.stdin is not None
                # The pipe stays open: a helper ends with the process that wants its work.
                pickle.dump((folder, tasks), helper.stdin)
                helper.stdin.flush()
        except OSError as error:
            _log.warning("a process that helps compiling can not be started, it takes longer: %s", error)
        try:
            compile_unclaimed(tasks, Path(folder))
            for helper in helpers:
                if helper.wait() != 0:
                    _log.warning("a process that helps compiling ended with status %d", helper.returncode)
        finally:
            for helper in helpers:
                helper.kill()
                with contextlib.suppress(OSError):
                    helper.communicate()


def compile_unclaimed(tasks: Sequence[Task], folder: Path) -> None:
    """Compile and keep what no other process has begun; files in ``folder`` say what has been."""
    for number, (name, types) in enumerate(tasks):
        try:
            os.close(os.open(folder / str(number), os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        except FileExistsError:
            continue
        module, _, function = name.rpartition(".")
        getattr(import_module(module), function).compile(types)


def help_out() -> int:
    """A helper: tasks come by standard input; its end is the end of this process."""
    with contextlib.suppress(AttributeError, OSError):
        # A media worker is pinned to one core, and its helpers with it.
        os.sched_setaffinity(0, range(os.cpu_count() or 1))
    folder, tasks = pickle.load(sys.stdin.buffer)

    def watch() -> None:
        # Not by way of the file object, whose lock would be in the way of ending.
        while os.read(0, 1):
            pass
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
    compile_unclaimed(tasks, Path(folder))
    return 0


if __name__ == "__main__":
    sys.exit(help_out())
