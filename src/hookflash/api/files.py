"""Plain files on the disk as bodies of answers."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from email.utils import formatdate
from pathlib import Path

from hookflash.file_pieces import file_pieces


class FileBody:
    """:class:`hookflash.api.ranges.Body` in a file, as it was when this was made.

    To be made in a thread. Raises OSError.

    Attributes:
        size: its bytes.
        tag: an entity tag; changes with the size and the time of the last change.
        modified: that time, as an HTTP date.
    """

    def __init__(self, path: Path) -> None:
        found = path.stat()
        self.size = found.st_size
        seen = f"{found.st_mtime}-{found.st_size}".encode()
        self.tag = f'"{hashlib.md5(seen, usedforsecurity=False).hexdigest()}"'
        self.modified = formatdate(found.st_mtime, usegmt=True)
        self._path = path

    def read(self, start: int, stop: int) -> AsyncIterator[bytes]:
        """Bytes ``start`` to ``stop`` (exclusive), in pieces. Raises OSError, also when there are fewer."""
        return file_pieces(self._path, start, stop)
