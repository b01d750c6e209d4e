"""Encryption of recorded files at rest: AES-256-GCM in segments, so that they can grow, and be read anywhere.

A sealed file is a header of 64 bytes and segments of 16 KiB of plain bytes, each with its tag of 16 bytes:

    header:  "HFSEAL1\\0"  key id (8)  salt (32)  plain bytes of a segment (4)  WAV channels (1)  zeros (11)

Each file has a key of its own: HKDF-SHA256 (RFC 5869) of the server's key with the file's random salt. The
nonce of a segment is its number (8 bytes), how many bytes it holds (3) and whether it is the last of a
finished file (1); the header is authenticated with every segment. A file is only ever appended to, so number
and length say what is in a segment: the segment at the end, which is written again when it has grown, has
another nonce then, and no nonce is ever used for two different texts. Segments that were changed, exchanged
or left out do not open; a finished file that was cut off has no last segment. (The construction follows
"Online Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance", Hoang et al., 2015, section 7:
STREAM.)

The header of a WAV tells its length, which changes while it grows. So it is not in the file: where the sealed
header has ``channels``, the reader puts it in front.

Not for the event loop, but for :class:`SealedContent`.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import os
import struct
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

SEGMENT = 16 << 10
"""Plain bytes of a segment; half a second of one channel."""
TAG = 16
MAGIC = b"HFSEAL1\0"
KEY_BYTES = 32
_HEADER = struct.Struct(">8s8s32sIB11s")
EMPTY = _HEADER.size + TAG
"""Octets of a sealed file in which nothing is, be it finished or not."""
_INFO = b"hookflash recording segment"
_AT_ONCE = 64
"""Segments opened at a time: a MiB."""

Lead = Callable[[int, int], bytes]
"""Makes what stands in front of the data: from the number of channels and the bytes of data."""


class SealError(OSError):
    """A sealed file can not be opened: it was changed, or its key is not here."""


class KeyMissing(SealError):
    """The key of a sealed file is not here."""


class SealKey:
    """A key of the server's. ``id`` is in the header of files, so that keys can be told from each other."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) != KEY_BYTES:
            raise ValueError(f"a key has {KEY_BYTES} bytes, this one {len(secret)}")
        self._secret = secret
        self.id = sha256(b"hookflash recording key id" + secret).digest()[:8]

    def for_file(self, salt: bytes) -> AESGCM:
        """The cipher of one file."""
        derived = HKDF(SHA256(), KEY_BYTES, salt, _INFO).derive(self._secret)
        return AESGCM(derived)


class KeyRing:
    """The keys of a server: the first seals, all of them open."""

    def __init__(self, keys: Sequence[SealKey]) -> None:
        self.current = keys[0]
        self._keys = {key.id: key for key in keys}

    def find(self, id: bytes) -> SealKey | None:
        return self._keys.get(id)


def read_keys(text: str) -> KeyRing:
    """Keys as people write them: base64 of 32 bytes each, divided by commas or white space.

    Raises:
        ValueError: there is none, or one is no key; the message does not show it.
    """
    keys = []
    for number, word in enumerate(text.replace(",", " ").split(), 1):
        try:
            secret = base64.b64decode(word, validate=True)
        except (binascii.Error, ValueError):
            raise ValueError(f"key {number} is not base64") from None
        if len(secret) != KEY_BYTES:
            raise ValueError(f"key {number} has {len(secret)} bytes, not {KEY_BYTES}")
        keys.append(SealKey(secret))
    if not keys:
        raise ValueError("there is no key in it")
    return KeyRing(keys)


def _nonce(number: int, length: int, last: bool) -> bytes:
    return number.to_bytes(8, "big") + length.to_bytes(3, "big") + bytes((last,))


def seal_bytes(data: bytes, key: SealKey) -> bytes:
    """A sealed file of these bytes."""
    head, cipher = _begin(key, 0)
    pieces = [data[at : at + SEGMENT] for at in range(0, len(data), SEGMENT)] or [b""]
    last = len(pieces) - 1
    sealed = (
        cipher.encrypt(_nonce(number, len(piece), number == last), piece, head)
        for number, piece in enumerate(pieces)
    )
    return head + b"".join(sealed)


def _begin(key: SealKey, channels: int) -> tuple[bytes, AESGCM]:
    """Header and cipher of a new file."""
    salt = os.urandom(32)
    return _HEADER.pack(MAGIC, key.id, salt, SEGMENT, channels, bytes(11)), key.for_file(salt)


class SealedWriter:
    """A sealed file that grows. Everything may raise OSError.

    Args:
        path: a new file.
        key: what it is sealed with.
        channels: of a WAV whose header the reader shall make; 0 for data that is complete as it is.
    """

    def __init__(self, path: Path, key: SealKey, channels: int = 0) -> None:
        self._head, self._cipher = _begin(key, channels)
        self._tail = bytearray()
        self._whole = 0
        self._file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o644)
        self._open = True
        self._broken = False
        self._put(self._head, 0)

    @property
    def size(self) -> int:
        """Octets of the file now."""
        return _at(self._whole) + (len(self._tail) + TAG if self._tail else 0)

    @property
    def data(self) -> int:
        """Plain bytes written."""
        return self._whole * SEGMENT + len(self._tail)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Append; what was written can be read whatever happens from now on."""
        if self._broken:
            raise OSError("an earlier write has failed")
        view = memoryview(data).cast("B")
        before = self._whole, bytes(self._tail)
        at = _at(self._whole)
        out = bytearray()
        while len(view):
            room = SEGMENT - len(self._tail)
            self._tail += view[:room]
            view = view[room:]
            if len(self._tail) == SEGMENT:
                out += self._seal(last=False)
                self._whole += 1
                self._tail.clear()
        if self._tail:
            out += self._seal(last=False)
        try:
            self._put(out, at)
        except OSError:
            # Nothing else may come where this was to go: a nonce is for one text.
            self._broken = True
            self._whole, self._tail = before[0], bytearray(before[1])
            raise

    def close(self) -> None:
        """Finish the file; idempotent."""
        if not self._open:
            return
        self._open = False
        try:
            # Of a write that failed a part may be there.
            os.ftruncate(self._file, self.size)
            if not self._tail and self._whole:
                # The last segment is full, and was sealed as one that others follow.
                self._whole -= 1
                sealed = os.pread(self._file, SEGMENT + TAG, _at(self._whole))
                self._tail += self._cipher.decrypt(_nonce(self._whole, SEGMENT, False), sealed, self._head)
            self._put(self._seal(last=True), _at(self._whole))
            os.fsync(self._file)
        except InvalidTag:
            raise SealError("what was written can not be read back") from None
        finally:
            os.close(self._file)

    def _seal(self, *, last: bool) -> bytes:
        tail = bytes(self._tail)
        return self._cipher.encrypt(_nonce(self._whole, len(tail), last), tail, self._head)

    def _put(self, data: bytes | bytearray, at: int) -> None:
        view = memoryview(data)
        while len(view):
            done = os.pwrite(self._file, view, at)
            view, at = view[done:], at + done


def _at(segment: int) -> int:
    return _HEADER.size + segment * (SEGMENT + TAG)


class Sealed:
    """What is in a sealed file, given a way to read the file: its header and its layout.

    Raises SealError when it is none, its key is missing, or it was cut.
    """

    def __init__(self, head: bytes, size: int, keys: KeyRing, name: str, lead: Lead) -> None:
        self._name = name
        if len(head) < _HEADER.size or head[: len(MAGIC)] != MAGIC:
            raise SealError(f"{name} is not a sealed file")
        _, id, salt, segment, self.channels, _ = _HEADER.unpack(head)
        if segment != SEGMENT:
            raise SealError(f"{name} has segments of {segment} bytes, this version knows {SEGMENT}")
        key = keys.find(id)
        if key is None:
            raise KeyMissing(f"{name} was sealed with key {id.hex()}, which is not configured")
        self._head = head
        self._cipher = key.for_file(salt)
        body = size - _HEADER.size
        self.segments = -(-body // (SEGMENT + TAG))
        rest = body - (self.segments - 1) * (SEGMENT + TAG)
        if self.segments < 1 or rest < TAG:
            raise SealError(f"{name} was cut off")
        self._last_length = rest - TAG
        self.data = (self.segments - 1) * SEGMENT + self._last_length
        self.lead = lead(self.channels, self.data) if self.channels else b""
        self.size = len(self.lead) + self.data

    def extent(self, first: int, count: int) -> tuple[int, int]:
        """Where segments are in the file: from, to."""
        end = _at(min(first + count, self.segments))
        if first + count >= self.segments:
            end = _at(self.segments - 1) + self._last_length + TAG
        return _at(first), end

    def seal(self, number: int, plain: bytes) -> bytes:
        """The last segment of the file when it is finished."""
        return self._cipher.encrypt(_nonce(number, len(plain), True), plain, self._head)

    def unseal(self, first: int, sealed: bytes, *, finished: bool = True) -> bytes:
        """The plain bytes of whole segments, the first of which has this number. Raises SealError."""
        plain = bytearray()
        number = first
        for at in range(0, len(sealed), SEGMENT + TAG):
            one = sealed[at : at + SEGMENT + TAG]
            last = number == self.segments - 1
            nonce = _nonce(number, max(len(one) - TAG, 0), last and finished)
            try:
                plain += self._cipher.decrypt(nonce, one, self._head)
            except InvalidTag:
                raise SealError(f"{self._name} was changed: segment {number} does not open") from None
            number += 1
        return bytes(plain)


class SealedContent:
    """A finished sealed file as :class:`hookflash.recording.stores.Content`: its plain bytes."""

    def __init__(self, sealed: Sealed, fetch: Callable[[int, int], AsyncIterator[bytes]]) -> None:
        self._sealed = sealed
        self._fetch = fetch

    @property
    def size(self) -> int:
        return self._sealed.size

    async def read(self, start: int, stop: int) -> AsyncIterator[bytes]:
        sealed = self._sealed
        stop = min(stop, sealed.size)
        lead = len(sealed.lead)
        # Together with what follows: what can not be opened is found out before anything is given away.
        front = sealed.lead[start:stop]
        start, stop = max(start - lead, 0), stop - lead
        while start < stop:
            first = start // SEGMENT
            count = min(_AT_ONCE, -(-stop // SEGMENT) - first)
            pieces = [piece async for piece in self._fetch(*sealed.extent(first, count))]
            plain = await asyncio.to_thread(sealed.unseal, first, b"".join(pieces))
            skip = start - first * SEGMENT
            piece = plain[skip : skip + stop - start]
            if not piece:
                raise SealError("a sealed file is shorter than it was")
            start += len(piece)
            yield front + piece if front else piece
            front = b""
        if front:
            yield front


def open_sealed(path: Path, keys: KeyRing, lead: Lead, *, finished: bool = True) -> Sealed:
    """The layout of a sealed file on disk, whose last segment has been looked at. Raises OSError."""
    with path.open("rb") as file:
        sealed = Sealed(file.read(_HEADER.size), os.fstat(file.fileno()).st_size, keys, path.name, lead)
        start, stop = sealed.extent(sealed.segments - 1, 1)
        file.seek(start)
        sealed.unseal(sealed.segments - 1, file.read(stop - start), finished=finished)
    return sealed


def plain_pieces(path: Path, keys: KeyRing) -> Iterator[bytes]:
    """The data of a finished sealed file, in pieces of a MiB, without the header of a WAV. Raises OSError."""
    sealed = open_sealed(path, keys, _no_lead)
    with path.open("rb") as file:
        for first in range(0, sealed.segments, _AT_ONCE):
            start, stop = sealed.extent(first, _AT_ONCE)
            file.seek(start)
            yield sealed.unseal(first, file.read(stop - start))


def is_sealed(path: Path) -> bool:
    """Whether a file is a sealed one. Raises OSError."""
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def mend_sealed(path: Path, keys: KeyRing) -> tuple[int, int]:
    """Finish a sealed file whose writer died; its plain bytes of data, and the channels of its WAV or 0.

    What was being written at that moment is given up, a MiB at most, and of a WAV what is no whole frame. A
    file none of whose last segments opens is left as it is. Raises OSError.
    """
    with path.open("r+b") as file:
        size = os.fstat(file.fileno()).st_size
        head = file.read(_HEADER.size)
        number, plain = 0, b""
        if size > _HEADER.size:
            # Less than a tag at the end: nothing of that segment is there.
            rest = (size - _HEADER.size) % (SEGMENT + TAG)
            size -= rest if rest < TAG else 0
        empty = size <= _HEADER.size
        sealed = Sealed(head, size + TAG if empty else size, keys, path.name, _no_lead)
        if not empty:
            number, plain, finished = _last_good(file, sealed)
            if finished:
                return sealed.data, sealed.channels
            odd = (number * SEGMENT + len(plain)) % (2 * sealed.channels or 1)
            if odd > len(plain):
                odd -= len(plain)
                number -= 1
                file.seek(_at(number))
                plain = sealed.unseal(number, file.read(SEGMENT + TAG), finished=False)
            plain = plain[: len(plain) - odd]
        # In this order: what is cut off first can not be mistaken for the end afterwards.
        file.truncate(_at(number))
        file.seek(_at(number))
        file.write(sealed.seal(number, plain))
        file.flush()
        os.fsync(file.fileno())
    return number * SEGMENT + len(plain), sealed.channels


def _last_good(file: BinaryIO, sealed: Sealed) -> tuple[int, bytes, bool]:
    """The last segment that opens: its number, its plain bytes, and whether the file is finished with it."""
    last = sealed.segments - 1
    for number in range(last, max(last - _AT_ONCE, -1), -1):
        start, stop = sealed.extent(number, 1)
        file.seek(start)
        data = file.read(stop - start)
        with contextlib.suppress(SealError):
            return number, sealed.unseal(number, data, finished=False), False
        if number == last:
            with contextlib.suppress(SealError):
                return number, sealed.unseal(number, data), True
    if not last:
        return 0, b"", False
    raise SealError(f"{file.name} was changed: none of its last segments opens")


def _no_lead(channels: int, data: int) -> bytes:
    return b""
