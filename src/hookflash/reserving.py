"""Blocks of a growing file, asked of the file system ahead of its end.

Many files that grow by little at a time cost it less so, and do not lie in small pieces between each other.
The size of the file stays what is written; truncating it to that gives back what was not needed.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable

AHEAD = 1 << 20
"""Octets that are reserved at a time: half a minute of a recording."""
_KEEP_SIZE = 1  # FALLOC_FL_KEEP_SIZE; os.posix_fallocate would make the file longer


def _find() -> Callable[[int, int, int, int], int] | None:
    if sys.platform != "linux":
        return None
    try:
        found = ctypes.CDLL(None).fallocate64
    except AttributeError:
        return None
    found.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
    found.restype = ctypes.c_int

    def fallocate(fd: int, mode: int, offset: int, size: int) -> int:
        return int(found(fd, mode, offset, size))

    return fallocate


_fallocate = _find()


def reserve(fd: int, offset: int, size: int) -> None:
    """Reserve ahead before ``size`` octets are written at ``offset``, if it is time to: with the first octets
    of each :data:`AHEAD`. Where there is no room, or no such thing, all goes on without it."""
    piece = (offset + size) // AHEAD
    if _fallocate is not None and (offset == 0 or offset // AHEAD != piece):
        _fallocate(fd, _KEEP_SIZE, piece * AHEAD, AHEAD)
