"""Removing compiled kernels that nobody needs any more: each version of the plane leaves a folder a module.

A folder is in use while a process holds a lock on it (:func:`~hookflash.plane.kernels.compiling.hold`), and
its time is when one last began to. What is removed is moved away first, under a lock that excludes the
others, so that another process finds a folder whole or not at all; several may tidy up at once.
"""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from hookflash.plane.kernels.compiling import base_folder

UNUSED = 30 * 86_400.0
"""Seconds after which a folder nobody has used is removed."""
MOST_SEEN, MOST_REMOVED = 2_048, 64
"""Folders looked at, and removed, at one start."""

_OURS = re.compile(r"(gone-)?[0-9a-f]{16}")
"""Other programs may keep theirs beside ours, where ``NUMBA_CACHE_DIR`` says so."""


def tidy_up(now: Callable[[], float] = time.time) -> int:
    """Remove kernels that were not used for :data:`UNUSED` seconds by ``now`` (Unix time); how many folders.

    What can not be removed is left.
    """
    removed = 0
    with contextlib.suppress(OSError), os.scandir(base_folder()) as entries:
        for entry in itertools.islice(entries, MOST_SEEN):
            if removed == MOST_REMOVED:
                break
            if _OURS.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False):
                with contextlib.suppress(OSError):
                    removed += _remove(Path(entry.path), now() - UNUSED)
    return removed


def _remove(folder: Path, before: float) -> bool:
    """Remove a folder that nobody uses and that was last used ``before``; whether it is gone."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        if os.fstat(descriptor).st_mtime >= before:
            return False
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Somebody may have used it just before the lock was ours.
        if os.fstat(descriptor).st_mtime >= before:
            return False
        away = folder
        if not folder.name.startswith("gone-"):
            away = folder.rename(folder.with_name(f"gone-{folder.name}"))
        shutil.rmtree(away)
        return True
    finally:
        os.close(descriptor)
