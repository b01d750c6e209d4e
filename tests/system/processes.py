"""The processes a server consists of, by /proc."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from system.harness import Server


def children(parent: int) -> dict[int, str]:
    """The command lines of a process's children."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            # The fields after the name, which is in parentheses and may hold anything.
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            command = (entry / "cmdline").read_text().replace("\0", " ")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[1]) == parent and fields[0] != "Z":
            found[int(entry.name)] = command
    return found


def worker_of(server: Server) -> int:
    """The process id of the one media worker."""
    assert server.process is not None
    (pid,) = [pid for pid, command in children(server.process.pid).items() if "hookflash.plane" in command]
    return pid


def wait_gone(pid: int, timeout: float = 15) -> None:
    """Wait until a process is no more."""
    deadline = time.monotonic() + timeout
    while alive(pid):
        assert time.monotonic() < deadline, f"process {pid} still runs after {timeout} s"
        threading.Event().wait(0.05)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
