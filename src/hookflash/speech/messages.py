"""What the server and a speech worker say to each other over the worker's standard input and output.

A frame is its length (32-bit, little-endian, at most :data:`MAX_FRAME`) and a message in MessagePack. Audio
is int16 little-endian mono at 16,000 Hz. A job is begun, may be fed, and is over with :class:`Done` or
:class:`Failed`, which come for a cancelled job too. An engine does one job at a time, a service many.

Nobody has to stop reading because of one job: of each, at most :data:`WINDOW` messages with audio or results
are on their way or wait at the other side, which says with :class:`Taken` that there is room for more.
"""

from __future__ import annotations

import struct
from typing import Any

import msgspec

MAX_FRAME = 1 << 20
"""Bytes of a message at most."""

MAX_AUDIO = 64 << 10
"""Bytes of audio in one message; longer audio is sent as several."""

WINDOW = 32
"""Messages of a job (:class:`Feed` one way, :class:`Sound` and :class:`Result` the other) that may be ahead
of whoever takes them: 2 MiB at most, 0.6 s of audio that comes in frames of 20 ms."""

HEARTBEAT = 1.0
"""Seconds between one :class:`Alive` and the next."""

HEAD = struct.Struct("<I")


class ProtocolError(ValueError):
    """What came is no frame of this protocol; the other side is broken."""


class Load(msgspec.Struct, frozen=True, tag=True):
    """The first message: make the engine ready. Answered by :class:`Ready`, or the process ends."""

    settings: dict[str, Any]

    def __repr__(self) -> str:
        return f"Load({', '.join(self.settings)})"  # the names alone: a key may be among the values


class Begin(msgspec.Struct, frozen=True, tag=True):
    """Start a job; what ``request`` holds is between the engine and whoever asks it."""

    job: int
    request: Any


class Feed(msgspec.Struct, frozen=True, tag=True):
    """Audio for a job."""

    job: int
    pcm: bytes


class Finish(msgspec.Struct, frozen=True, tag=True):
    """No more audio comes for a job."""

    job: int


class Cancel(msgspec.Struct, frozen=True, tag=True):
    """Nobody wants a job any more."""

    job: int


class Taken(msgspec.Struct, frozen=True, tag=True):
    """So many messages of a job have been taken: room for as many more."""

    job: int
    messages: int


class Ready(msgspec.Struct, frozen=True, tag=True):
    """The engine is loaded; ``details`` say which model it is."""

    pid: int
    details: dict[str, str] = {}


class Alive(msgspec.Struct, frozen=True, tag=True):
    """A process that does many jobs has nothing else to say; it does not hang."""


class Sound(msgspec.Struct, frozen=True, tag=True):
    """Audio that a job has made, with what its owner should know of it."""

    job: int
    pcm: bytes
    notes: tuple[str, ...] = ()


class Result(msgspec.Struct, frozen=True, tag=True):
    """What a job has found out; ``value`` is between the engine and whoever asks it."""

    job: int
    value: Any


class Done(msgspec.Struct, frozen=True, tag=True):
    """A job is over."""

    job: int


class Failed(msgspec.Struct, frozen=True, tag=True):
    """A job is over without success; see :class:`hookflash.ports.speech.SpeechError`."""

    job: int
    message: str
    code: int = 400
    sub_code: int = 8565
    final: bool = False
    outage: bool = False


ToWorker = Load | Begin | Feed | Finish | Cancel | Taken
FromWorker = Ready | Alive | Taken | Sound | Result | Done | Failed

_encoder = msgspec.msgpack.Encoder()
_to_worker = msgspec.msgpack.Decoder(ToWorker)
_from_worker = msgspec.msgpack.Decoder(FromWorker)


def frame(message: ToWorker | FromWorker) -> bytes:
    """A message as it goes over the pipe.

    Raises :class:`ProtocolError` when it is too large, or holds what MessagePack cannot carry.
    """
    try:
        body = _encoder.encode(message)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:  # half a surrogate pair, say
        raise ProtocolError(f"a {type(message).__name__} cannot be written: {error}") from error
    if len(body) > MAX_FRAME:
        raise ProtocolError(f"a {type(message).__name__} of {len(body):,} bytes is over {MAX_FRAME:,}")
    return HEAD.pack(len(body)) + body


def length(head: bytes) -> int:
    """The length of the message that follows ``head``. Raises :class:`ProtocolError`."""
    (size,) = HEAD.unpack(head)
    if not 0 < size <= MAX_FRAME:
        raise ProtocolError(f"a message of {size:,} bytes was announced, at most {MAX_FRAME:,} are taken")
    return int(size)


def to_worker(body: bytes) -> ToWorker:
    """A message for a worker. Raises :class:`ProtocolError`."""
    message: ToWorker = _decoded(_to_worker, body)
    return message


def from_worker(body: bytes) -> FromWorker:
    """A message of a worker. Raises :class:`ProtocolError`."""
    message: FromWorker = _decoded(_from_worker, body)
    return message


def _decoded(decoder: msgspec.msgpack.Decoder[Any], body: bytes) -> Any:
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ProtocolError(f"a message could not be read: {error}") from error
