"""Bytes of a file for the event loop: read in threads, a piece at a time."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

PIECE = 1 << 18
"""Bytes read from a disk at a time."""


async def file_pieces(path: Path, start: int, stop: int) -> AsyncIterator[bytes]:
    """Bytes ``start`` to ``stop`` (exclusive) of a file. Raises OSError, also when it is shorter."""
    file = await asyncio.to_thread(path.open, "rb", 0)
    try:
        while start < stop:
            piece = await asyncio.to_thread(os.pread, file.fileno(), min(PIECE, stop - start), start)
            if not piece:
                raise OSError(f"{path.name} is shorter than it was")
            start += len(piece)
            yield piece
    finally:
        file.close()
