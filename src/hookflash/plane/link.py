"""The byte link between control and a media worker.

A *batch* is what one side has to say since its last tick: a MessagePack array of messages behind a four-byte
big-endian length. Control writes from an event loop (:class:`ControlLink`), the worker reads and writes a
non-blocking socket once a tick (:class:`WorkerLink`), so that neither can hold up the other. Both sides bound
what they keep: a peer that does not read, or that sends a batch over :data:`MAX_BATCH`, loses the link.
"""

from __future__ import annotations

import asyncio
import select
import socket
import struct
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar, cast

import msgspec

from hookflash.ports.plane import TICK, PlaneCommand, PlaneEvent, PlaneMessage, StopPlay

MAX_BATCH = 16 << 20
"""Largest batch in bytes; :data:`MAX_CLIP` keeps every batch of one clip far below it."""

MAX_CLIP = 1 << 20
"""Largest ``LoadClip.pcm`` control sends (65 s of audio); longer audio travels as several clips."""

READ_BUDGET = 1 << 20
"""Bytes a worker takes from the link in one tick, so that a burst of audio files cannot stall the sweep."""

WORKER_BACKLOG = 8 << 20
"""Bytes of events a worker keeps for a control side that does not read; beyond it the link is given up."""

CONTROL_BACKLOG = 64 << 20
"""Bytes of commands control keeps for a worker that does not read; beyond it the worker counts as lost."""

_HEADER = struct.Struct(">I")
_READ = 256 << 10
_M = TypeVar("_M", bound=PlaneMessage)


class LinkError(Exception):
    """The link can not be used any more; the message says why."""


_encoder = msgspec.msgpack.Encoder()


def pack(messages: Sequence[PlaneMessage]) -> bytes:
    """One batch, ready to write. Raises :class:`LinkError` when it is over :data:`MAX_BATCH`."""
    body = _encoder.encode(messages)
    if len(body) > MAX_BATCH:
        raise LinkError(
            f"a batch of {len(messages)} messages has {len(body)} bytes; the link takes {MAX_BATCH}"
        )
    return _HEADER.pack(len(body)) + body


class BatchReader(Generic[_M]):
    """Cuts a byte stream into batches and decodes them."""

    def __init__(self, decoder: msgspec.msgpack.Decoder[list[_M]]) -> None:
        self._decoder = decoder
        self._buffer = bytearray()

    def feed(self, data: bytes | bytearray | memoryview) -> list[_M]:
        """The messages completed by ``data``, in order. Raises :class:`LinkError` on a malformed stream."""
        self._buffer += data
        messages: list[_M] = []
        at = 0
        size = len(self._buffer)
        with memoryview(self._buffer) as view:
            while size - at >= _HEADER.size:
                (length,) = _HEADER.unpack_from(view, at)
                if length > MAX_BATCH:
                    raise LinkError(
                        f"the peer announced a batch of {length} bytes; the link takes {MAX_BATCH}"
                    )
                if size - at - _HEADER.size < length:
                    break
                start = at + _HEADER.size
                try:
                    messages += self._decoder.decode(view[start : start + length])
                except msgspec.MsgspecError as error:
                    raise LinkError(f"the peer sent a batch that can not be read: {error}") from error
                at = start + length
        if at:
            del self._buffer[:at]
        return messages


def command_reader() -> BatchReader[PlaneCommand]:
    """Reads what control sends."""
    return BatchReader(msgspec.msgpack.Decoder(list[PlaneCommand]))


def event_reader() -> BatchReader[PlaneEvent]:
    """Reads what a worker sends."""
    return BatchReader(msgspec.msgpack.Decoder(list[PlaneEvent]))


class WorkerLink:
    """The worker's end: polled once a tick, never blocks. Owns ``sock``."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._reader = command_reader()
        self._unsent = bytearray()

    def hung_up(self, timeout: float) -> bool:
        """Wait ``timeout`` seconds for control to go away, and read nothing; whether it has."""
        poll = select.poll()
        poll.register(self._sock, select.POLLRDHUP)
        return bool(poll.poll(timeout * 1e3))

    def receive(self) -> list[PlaneCommand]:
        """The commands that have arrived. Raises :class:`LinkError` when control is gone."""
        commands: list[PlaneCommand] = []
        left = READ_BUDGET
        while left > 0:
            try:
                data = self._sock.recv(_READ)
            except (BlockingIOError, InterruptedError):
                break
            except OSError as error:
                raise LinkError(f"the control side is gone: {error}") from error
            if not data:
                raise LinkError("the control side has closed the link")
            commands += self._reader.feed(data)
            left -= len(data)
            if len(data) < _READ:
                break
        return commands

    def send(self, events: Sequence[PlaneEvent]) -> None:
        """Send a batch, or what is left of earlier ones.

        Raises:
            LinkError: control is gone, or has not read for so long that the backlog is full.
        """
        if events:
            self._unsent += pack(events)
        if not self._unsent:
            return
        try:
            sent = self._sock.send(self._unsent)
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError as error:
            raise LinkError(f"the control side is gone: {error}") from error
        del self._unsent[:sent]
        if len(self._unsent) > WORKER_BACKLOG:
            raise LinkError(f"the control side has left {len(self._unsent)} bytes of events unread")

    def close(self) -> None:
        self._sock.close()


class ControlLink(asyncio.Protocol):
    """Control's end, on the event loop.

    ``on_events`` gets every batch of events; ``on_lost`` is called once, with the reason, when the link ends
    for whatever cause but :meth:`close`. Commands posted within a tick leave as one batch, with a
    :class:`StopPlay` at once: whoever interrupts a prompt would hear another 20 ms of it.
    """

    def __init__(
        self, on_events: Callable[[Sequence[PlaneEvent]], None], on_lost: Callable[[str], None]
    ) -> None:
        self._on_events = on_events
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        self._reader = event_reader()
        self._transport: asyncio.Transport | None = None
        self._posted: list[PlaneCommand] = []
        self._posted_audio = 0
        self._flush_timer: asyncio.Handle | None = None
        self._flushed_at = float("-inf")
        self._writable = asyncio.Event()
        self._writable.set()
        self._closed = False

    async def attach(self, sock: socket.socket) -> None:
        """Start using ``sock`` (a connected stream socket), which the link owns from now on."""
        await self._loop.create_unix_connection(lambda: self, sock=sock)

    def post(self, command: PlaneCommand, *, audio: int = 0) -> None:
        """Send ``command`` with the next batch; ``audio`` is the size of the PCM it carries, in bytes."""
        if self._closed:
            return
        self._posted.append(command)
        self._posted_audio += audio
        if self._posted_audio >= MAX_CLIP:
            # A batch never carries more than a couple of clips, whatever else is posted.
            self.flush()
        elif isinstance(command, StopPlay):
            self._flush_soon()
        elif self._flush_timer is None:
            wait = self._flushed_at + TICK - self._loop.time()
            self._flush_timer = (
                self._loop.call_later(wait, self.flush) if wait > 0 else self._loop.call_soon(self.flush)
            )

    def _flush_soon(self) -> None:
        """Flush as soon as what is being done now is done."""
        if self._flush_timer is not None:
            self._flush_timer.cancel()
        self._flush_timer = self._loop.call_soon(self.flush)

    def flush(self) -> None:
        """Write what has been posted now."""
        if self._flush_timer is not None:
            self._flush_timer.cancel()
            self._flush_timer = None
        if self._closed or self._transport is None or not self._posted:
            return
        batch, self._posted, self._posted_audio = self._posted, [], 0
        self._flushed_at = self._loop.time()
        self._transport.write(pack(batch))
        backlog = self._transport.get_write_buffer_size()
        if backlog > CONTROL_BACKLOG:
            self._lose(f"it has left {backlog} bytes of commands unread")

    async def writable(self) -> None:
        """Wait until the worker has read enough for more audio to be sent; returns at once on a dead link."""
        await self._writable.wait()

    def close(self) -> None:
        """Send what is posted and close; ``on_lost`` will not be called."""
        self.flush()
        self._closed = True
        self._writable.set()
        if self._transport is not None:
            self._transport.close()

    def _lose(self, reason: str) -> None:
        if self._closed:
            return
        self._closed = True
        self._writable.set()
        if self._flush_timer is not None:
            self._flush_timer.cancel()
            self._flush_timer = None
        if self._transport is not None:
            self._transport.abort()
        self._on_lost(reason)

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclasses of asyncio's: nothing may check their type.
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=4 * MAX_CLIP)
        self.flush()

    def data_received(self, data: bytes) -> None:
        try:
            events = self._reader.feed(data)
        except LinkError as error:
            self._lose(str(error))
            return
        if events:
            self._on_events(events)

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self._lose(f"its link broke: {exc}" if exc else "its link was closed")
