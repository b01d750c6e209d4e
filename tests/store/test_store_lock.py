from __future__ import annotations

import logging
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from hookflash.store.lock import LOCK_NAME, DataDirectory, DataDirectoryInUse, DataDirectoryUnusable

HOLDER = """
import sys
from hookflash.store.lock import DataDirectory
directory = DataDirectory.acquire(sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""


def test_the_directory_is_made_private(tmp_path: Path) -> None:
    held = DataDirectory.acquire(tmp_path / "a" / "b")
    try:
        assert stat.S_IMODE((tmp_path / "a" / "b").stat().st_mode) == 0o700
        lock = tmp_path / "a" / "b" / LOCK_NAME
        assert stat.S_IMODE(lock.stat().st_mode) == 0o600
        assert lock.read_text() == f"{os.getpid()}\n"
    finally:
        held.release()


def test_a_second_server_is_told_who_has_it(tmp_path: Path) -> None:
    held = DataDirectory.acquire(tmp_path / "data")
    with pytest.raises(
        DataDirectoryInUse, match=rf"data is in use by process {os.getpid()}; stop it, or give"
    ):
        DataDirectory.acquire(tmp_path / "data")
    held.release()
    held.release()
    DataDirectory.acquire(tmp_path / "data").release()


def test_the_lock_dies_with_its_process(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(DataDirectoryInUse) as refused:
            DataDirectory.acquire(tmp_path)
        assert refused.value.pid == holder.pid
        holder.kill()
        holder.wait()
    DataDirectory.acquire(tmp_path).release()


def test_an_unreadable_lock_file_still_refuses(tmp_path: Path) -> None:
    held = DataDirectory.acquire(tmp_path)
    (tmp_path / LOCK_NAME).write_text("nonsense")
    with pytest.raises(DataDirectoryInUse, match="in use by another process"):
        DataDirectory.acquire(tmp_path)
    held.release()


def test_a_directory_others_can_read_is_pointed_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "open").mkdir(mode=0o755)
    (tmp_path / "open").chmod(0o755)
    with caplog.at_level(logging.WARNING, "hookflash.store"):
        DataDirectory.acquire(tmp_path / "open").release()
    assert "mode 0755" in caplog.text


def test_a_place_that_cannot_be_a_directory_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "below", Path("/proc/nowhere")):
        with pytest.raises(DataDirectoryUnusable, match=rf"{path} cannot be used: .*; set server.data_dir"):
            DataDirectory.acquire(path)
