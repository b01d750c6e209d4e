"""Where compiled kernels are kept, when they are compiled anew, and what is said about it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hookflash.plane.kernels import compiling

SOURCE = str(Path(compiling.__file__).parents[3])
digest = compiling._digest.__wrapped__


@pytest.fixture
def package(monkeypatch, tmp_path):
    """A plane of small modules: one imports two, which imports three; four is imported by nobody."""
    monkeypatch.setattr(compiling, "_PACKAGE", tmp_path)
    plane = tmp_path / "plane"
    (plane / "group").mkdir(parents=True)
    (plane / "one.py").write_text("from hookflash.plane.two import x\n")
    (plane / "two.py").write_text("from hookflash.plane import (\n    three,\n)\n")
    (plane / "three.py").write_text("import math\nfrom hookflash.plane.group import y\n")
    (plane / "group" / "__init__.py").write_text("from hookflash.plane.group.part import y\n")
    (plane / "group" / "part.py").write_text("y = 1\n")
    (plane / "four.py").write_text("")
    return plane


@pytest.mark.parametrize("name", ["one", "two", "three", "group/__init__", "group/part"])
def test_a_change_of_what_a_module_takes_changes_where_its_kernels_are(package, name):
    before = digest("hookflash.plane.one")
    assert digest("hookflash.plane.one") == before
    path = package / f"{name}.py"
    path.write_text(path.read_text() + "# changed\n")
    assert digest("hookflash.plane.one") != before


def test_a_change_elsewhere_does_not(package):
    before = digest("hookflash.plane.one"), digest("hookflash.plane.three")
    (package / "four.py").write_text("z = 2\n")
    assert (digest("hookflash.plane.one"), digest("hookflash.plane.three")) == before
    (package / "two.py").write_text("from hookflash.plane import three  # changed\n")
    assert digest("hookflash.plane.one") != before[0]
    assert digest("hookflash.plane.three") == before[1]


def test_checked_kernels_are_kept_apart(package, monkeypatch):
    before = digest("hookflash.plane.one")
    monkeypatch.setattr(compiling.config, "BOUNDSCHECK", not compiling.config.BOUNDSCHECK)
    assert digest("hookflash.plane.one") != before


def test_a_folder_that_can_not_be_written_is_noticed(tmp_path):
    assert compiling.unkept(tmp_path / "new" / "folder") is None
    (tmp_path / "file").write_text("")
    assert compiling.unkept(tmp_path / "file" / "folder") == "Not a directory"


PROGRAM = """
import logging, sys
logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(levelname)s %(message)s")
from hookflash.plane import warmup
from hookflash.plane.kernels.compiling import kernel
{short}
print(warmup.warm_up())
"""
SHORT = """
@kernel
def double(x):
    return x + x
warmup.run_all = lambda: double(1)
"""


def start(folder: Path | None, tmp_path: Path, short: str = SHORT) -> list[str]:
    """The lines a process of its own writes when it warms up."""
    # In a file: numba keeps nothing of what has none.
    program = tmp_path / "program.py"
    program.write_text(PROGRAM.format(short=short))
    where = {} if folder is None else {"NUMBA_CACHE_DIR": str(folder)}
    done = subprocess.run(
        [sys.executable, str(program)],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "PYTHONPATH": SOURCE, **where},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_the_first_start_says_what_it_does_and_the_second_has_nothing_to_say(tmp_path):
    folder = tmp_path / "kept"
    began, ended, count = start(folder, tmp_path)
    assert began.startswith("INFO compiling the kernels of the media plane, ")
    assert "compiled 1 kernels in " in ended
    assert str(folder) in ended
    assert count == "1"
    assert start(folder, tmp_path) == ["0"]


def test_a_folder_that_can_not_be_written_is_told_and_the_start_goes_on(tmp_path):
    (tmp_path / "file").write_text("")
    for _ in range(2):
        warning, began, count = start(tmp_path / "file" / "folder", tmp_path)
        assert warning.startswith("WARNING compiled kernels can not be kept in ")
        assert "(Not a directory)" in warning
        assert "NUMBA_CACHE_DIR" in warning
        assert began.startswith("INFO compiling")
        assert count == "1"


def test_a_second_process_compiles_no_kernel_of_the_plane(tmp_path):
    start(None, tmp_path, "")
    assert start(None, tmp_path, "") == ["0"]
