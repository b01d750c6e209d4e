"""Where finished recordings can be kept outside this machine: one protocol, whatever is behind it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Protocol


class StoreError(OSError):
    """A store did not do what it was asked for.

    Args:
        message: why, on one line and without secrets.
        gone: whether there is no such object (or no such container).
    """

    def __init__(self, message: str, *, gone: bool = False) -> None:
        super().__init__(message)
        self.gone = gone


class Content(Protocol):
    """Bytes of a known length that can be read from anywhere, more than once."""

    @property
    def size(self) -> int:
        """Their number."""
        ...

    def read(self, start: int, stop: int) -> AsyncIterator[bytes]:
        """Bytes ``start`` to ``stop`` (exclusive), in pieces of bounded size.

        Raises OSError while they are read.
        """
        ...


class Store(Protocol):
    """A container, bucket or folder of objects. Everything raises :class:`StoreError`, and nothing else."""

    async def put(self, name: str, content: Content, media_type: str) -> None:
        """Keep ``content`` as ``name``, which is there as a whole or not at all; what was there is replaced.

        Once this returns, the store has acknowledged it. Memory is bounded, whatever the size.
        """
        ...

    async def open(self, name: str) -> Content:
        """What is kept as ``name``."""
        ...

    async def delete(self, name: str) -> None:
        """Keep it no longer; nothing happens when there is none."""
        ...


PIECE = 1 << 18
"""Bytes read from a disk at a time."""


async def file_pieces(path: Path, start: int, stop: int) -> AsyncIterator[bytes]:
    """Bytes of a file. Raises OSError, also when it is shorter."""
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


class FileContent:
    """:class:`Content` in a file, as long as it was when this was made. Raises OSError."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._size = path.stat().st_size

    @property
    def size(self) -> int:
        return self._size

    def read(self, start: int, stop: int) -> AsyncIterator[bytes]:
        return file_pieces(self._path, start, min(stop, self._size))
