"""Where finished recordings can be kept outside this machine: one protocol, whatever is behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Protocol

from hookflash.file_pieces import file_pieces


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
