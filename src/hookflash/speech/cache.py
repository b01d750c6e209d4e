"""Synthesised prompts, kept by what they say: in memory, and on disk where they survive a restart.

Both are bounded in bytes; who keeps the most gives up first what it has not used for longest (see
:class:`~hookflash.speech.shares.Shelf`). A file is written beside its place and moved there whole, and holds
a checksum: one that was damaged is as if it had never been there.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hookflash.speech.shares import Shelf

_log = logging.getLogger(__name__)

UNUSED = 90 * 86_400.0
"""Seconds after which a prompt on disk that nobody played is removed."""

_MAGIC = b"HFPROMPT"
_HEAD = struct.Struct("<8s32sI")
_SUFFIX = ".prompt"
_FOLDER = 16
"""Characters of the name of an owner's folder."""
_MAX_NOTES = 1 << 16
_ENTRY = 512
"""Bytes of memory beside the audio of a prompt, about."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """A whole synthesised prompt: int16 at 16,000 Hz, and what was to be said of it when it was made."""

    pcm: NDArray[np.int16]
    notes: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Bytes of memory it takes."""
        return int(self.pcm.nbytes) + _ENTRY + sum(map(len, self.notes))


class MemoryCache:
    """Prompts in memory, at most ``capacity`` bytes of them; keys are hex digests."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._kept: dict[str, Prompt] = {}
        self._shelf = Shelf()

    @property
    def bytes(self) -> int:
        """What is kept."""
        return self._shelf.total

    def get(self, key: str) -> Prompt | None:
        self._shelf.touch(key)
        return self._kept.get(key)

    def put(self, key: str, prompt: Prompt, owner: str = "") -> None:
        """Keep a prompt for ``owner``, unless it alone is more than fits."""
        if prompt.size > self._capacity:
            return
        self._shelf.add(key, prompt.size, owner)
        self._kept[key] = prompt
        while self._shelf.total > self._capacity:
            gone = self._shelf.first_to_go()
            self._shelf.remove(gone)
            del self._kept[gone]


class DiskCache:
    """Prompts in ``folder``, at most ``capacity`` bytes of files. Every method blocks; any thread may call.

    What cannot be written is not kept; the first such failure is logged. Each owner has a folder in it, named
    by a digest. What was not used for :data:`UNUSED` seconds before a start is removed then; ``now`` is Unix
    time.
    """

    def __init__(self, folder: Path, capacity: int, now: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._now = now
        self._capacity = capacity
        self._lock = threading.Lock()
        self._shelf: Shelf | None = None
        self._complained = False

    @property
    def bytes(self) -> int:
        """What is kept; 0 before the first use."""
        shelf = self._shelf
        return shelf.total if shelf is not None else 0

    def get(self, key: str) -> Prompt | None:
        """The prompt of a key, None when it is not there or not whole."""
        with self._lock:
            shelf = self._open()
            folder = shelf.owner(key)
            if folder is None:
                return None
            path = self._path(folder, key)
            try:
                prompt = unpack(path.read_bytes())
                os.utime(path)
            except (OSError, ValueError) as error:
                _log.warning("a cached prompt is dropped: %s", error)
                self._remove(shelf, key)
                return None
            shelf.touch(key)
            return prompt

    def put(self, key: str, prompt: Prompt, owner: str = "") -> None:
        """Keep a prompt for ``owner``, unless it alone is more than fits."""
        data = pack(prompt)
        with self._lock:
            if len(data) > self._capacity:
                return
            shelf = self._open()
            folder = shelf.owner(key) or hashlib.sha256(owner.encode()).hexdigest()[:_FOLDER]
            path = self._path(folder, key)
            try:
                self._folder.mkdir(
                    mode=0o700, parents=True, exist_ok=True
                )  # what callers are told is private
                path.parent.mkdir(exist_ok=True)
                _write(path, data)
            except OSError as error:
                if not self._complained:
                    self._complained = True
                    _log.warning(
                        "synthesised prompts cannot be kept on disk: %s; set speech.cache_folder, or "
                        "speech.cache_disk = 0",
                        error,
                    )
                return
            shelf.add(key, len(data), folder)
            self._make_room(shelf)

    def _open(self) -> Shelf:
        """What is there, the least recently used first; looked up once."""
        if self._shelf is not None:
            return self._shelf
        found: list[tuple[float, str, int, str]] = []
        with contextlib.suppress(OSError):  # of a folder that cannot be read
            for path in self._folder.glob("*/*"):
                with contextlib.suppress(OSError):
                    if path.suffix not in (".partial", _SUFFIX):
                        continue
                    stat = path.stat()
                    # Whoever does not come back would keep their share for ever.
                    if (
                        path.suffix == _SUFFIX
                        and stat.st_mtime > self._now() - UNUSED
                        and len(path.parent.name) == _FOLDER
                    ):
                        found.append((stat.st_mtime, path.stem, stat.st_size, path.parent.name))
                    else:
                        path.unlink()
        shelf = Shelf()
        for _, key, size, folder in sorted(found):
            shelf.add(key, size, folder)
        self._make_room(shelf)
        self._shelf = shelf
        return shelf

    def _make_room(self, shelf: Shelf) -> None:
        while shelf.total > self._capacity:
            self._remove(shelf, shelf.first_to_go())

    def _remove(self, shelf: Shelf, key: str) -> None:
        folder = shelf.owner(key)
        shelf.remove(key)
        if folder is not None:
            with contextlib.suppress(OSError):
                self._path(folder, key).unlink()

    def _path(self, folder: str, key: str) -> Path:
        return self._folder / folder / f"{key}{_SUFFIX}"


def _write(path: Path, data: bytes) -> None:
    """Write a file whole or not at all. Raises OSError, and leaves nothing behind: the disk may be full."""
    partial = path.with_suffix(".partial")
    try:
        partial.write_bytes(data)
        os.replace(partial, path)
    except OSError:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise


def pack(prompt: Prompt) -> bytes:
    """A prompt as a file: magic, SHA-256 of the rest, length of the notes, the notes as JSON, the samples."""
    notes = json.dumps(prompt.notes).encode()
    body = notes + prompt.pcm.astype("<i2", copy=False).tobytes()
    return _HEAD.pack(_MAGIC, _digest(len(notes), body), len(notes)) + body


def unpack(data: bytes) -> Prompt:
    """The prompt in a file. Raises ValueError when it is not whole."""
    if len(data) < _HEAD.size:
        raise ValueError("the file is too short")
    magic, digest, length = _HEAD.unpack_from(data)
    body = memoryview(data)[_HEAD.size :]
    if magic != _MAGIC or length > min(len(body), _MAX_NOTES) or digest != _digest(length, body):
        raise ValueError("the file is damaged")
    notes = json.loads(bytes(body[:length]))
    return Prompt(np.frombuffer(body[length:], "<i2"), tuple(notes))


def _digest(length: int, body: bytes | memoryview) -> bytes:
    return hashlib.sha256(length.to_bytes(4, "little") + body).digest()
