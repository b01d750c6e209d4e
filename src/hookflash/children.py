"""What the edges that run processes of their own share: where those find this package, how they are ended,
and what becomes of what they write to standard error.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Mapping
from pathlib import Path

MAX_LINE = 500
"""Characters of a child's line that go to the log."""

_SOURCE = str(Path(__file__).resolve().parents[1])


_INHERITED = ("PATH", "HOME", "LANG", "TMPDIR", "TZ", "LD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR")
_INHERITED_BEGINNINGS = ("LC_", "PYTHON", "OMP_", "XDG_", "NUMBA_", "COVERAGE_")


def environment_of_child(inherited: Mapping[str, str]) -> dict[str, str]:
    """A child's environment: what a program needs, and the place of this very package, wherever it was
    imported from. The keys that a server may have in its own stay there: a child reads what strangers send.
    """
    kept = {
        name: value
        for name, value in inherited.items()
        if name in _INHERITED or name.startswith(_INHERITED_BEGINNINGS)
    }
    path = kept.get("PYTHONPATH", "")
    return {**kept, "PYTHONPATH": f"{_SOURCE}{os.pathsep}{path}" if path else _SOURCE}


def kill(pidfd: int) -> None:
    """Kill the child behind a pidfd; one that has ended, or a negative number, is left alone.

    Not through asyncio, whose ``kill()`` may reap the child before its watcher, which then knows no status.
    """
    if pidfd >= 0:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)


def describe_end(status: int) -> str:
    """How a process ended, by its exit status as :mod:`subprocess` gives it."""
    if status >= 0:
        return f"ended with status {status}"
    try:
        return f"was ended by signal {signal.Signals(-status).name}"
    except ValueError:
        return f"was ended by signal {-status}"


async def relay_errors(
    process: asyncio.subprocess.Process, name: str, log: logging.Logger, most: int | None = None
) -> None:
    """Enter what a child writes to standard error in the log, a line an entry, until it writes no more.

    A line that the child's own logging wrote (``LEVEL: text``) keeps its level; any other is a warning. A
    line is cut to :data:`MAX_LINE` characters; ``most`` bounds their number: what comes after is read and
    dropped.
    """
    assert process.stderr is not None
    lines = 0
    while True:
        try:
            line = await process.stderr.readline()
        except ValueError:
            continue  # a line over the reader's limit; it has been dropped
        if not line:
            return
        text = line.decode(errors="replace").rstrip()
        if not text:
            continue
        lines += 1
        if most is not None and lines > most:
            continue
        level, text = _level(text)
        log.log(level, "%s (process %d): %s", name, process.pid, text[:MAX_LINE])
        if lines == most:
            log.warning("%s (process %d): what it writes is left out from here", name, process.pid)


def _level(text: str) -> tuple[int, str]:
    """The level a child logged a line at, and the line; what it did not log is a warning."""
    head, _, rest = text.partition(": ")
    level = logging.getLevelNamesMapping().get(head)
    return (level, rest) if level is not None else (logging.WARNING, text)
