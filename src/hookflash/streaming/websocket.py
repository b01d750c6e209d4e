"""A client's end of a WebSocket (RFC 6455) once the handshake is done: messages in and out, without tasks.

Fifty messages a second go either way on every stream, so each is worth microseconds: one that arrives is
handed over as it comes out of the socket, one that is sent goes to the transport at once. There are no
extensions. A peer that sends more than anybody has to say is read from more slowly, so that one app cannot
have all of the event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import struct
from collections import deque
from collections.abc import Callable

# Compiled where aiohttp is; there is no public name for it.
from aiohttp._websocket.helpers import websocket_mask

OK = 1000
PROTOCOL_ERROR = 1002
NO_STATUS = 1005
ABNORMAL = 1006
NO_TEXT = 1007
POLICY_VIOLATION = 1008
TOO_BIG = 1009
INTERNAL_ERROR = 1011
MAX_REASON = 123
"""Octets of the reason in a close frame (section 5.5)."""
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
RATE, BURST = 2 << 20, 16 << 20
"""Octets taken from a peer in a second, and ahead of that; more waits with the peer. A minute of speech may
come at once, in frames of 20 ms too, and from then on some thirty seconds of it in each.
"""
FRAME_COST = 2_048
"""Octets that a frame counts for on top of its own: it is work, even if it is empty."""
AT_ONCE = 256
"""Messages that are handed over before others have their turn."""
_RECKON = 1 << 16
"""Octets of a peer after which they are reckoned up."""
_FIN = _MASKED = 0x80
_MAX_CONTROL = 125
_ASSIGNED = frozenset({1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014})
_FREE = range(3000, 5000)
"""Codes of a close frame: those that stand for something, and those for libraries and applications (RFC 6455
section 7.4; 1012 to 1014 by IANA's registry). The others may not be sent.
"""
_LENGTH_16 = struct.Struct("!BBH")
_LENGTH_64 = struct.Struct("!BBQ")


class Violation(Exception):
    """What came breaks the protocol or its bounds; ``code`` is for the close frame."""

    def __init__(self, code: int, why: str) -> None:
        super().__init__(why)
        self.code = code


def header(opcode: int, size: int) -> bytes:
    """What an unfragmented frame of a client begins with, before the key (section 5.2)."""
    if size <= _MAX_CONTROL:
        return bytes((_FIN | opcode, _MASKED | size))
    if size < 1 << 16:
        return _LENGTH_16.pack(_FIN | opcode, _MASKED | 126, size)
    return _LENGTH_64.pack(_FIN | opcode, _MASKED | 127, size)


def frame(opcode: int, payload: bytes) -> bytes:
    """One unfragmented frame as a client sends it: masked with a fresh key (section 5.3)."""
    key = os.urandom(4)
    masked = bytearray(payload)
    websocket_mask(key, masked)
    return header(opcode, len(payload)) + key + masked


class Allowance:
    """How much a peer may send: :data:`RATE` octets a second, and :data:`BURST` ahead of it."""

    def __init__(self, now: float) -> None:
        self._left = float(BURST)
        self._at = now

    def spend(self, octets: int, now: float) -> float:
        """Note what came; seconds until more may come, 0 for now."""
        self._left = min(self._left + (now - self._at) * RATE, BURST) - octets
        self._at = now
        return max(-self._left / RATE, 0.0)


class Parser:
    """Cuts what a server sends into messages of at most ``limit`` octets.

    Attributes:
        frames: how many have come.
    """

    def __init__(self, limit: int) -> None:
        self.frames = 0
        self._limit = limit
        self._rest = bytearray()
        self._needed = 0
        self._opcode = CONTINUATION
        self._parts = bytearray()

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """The messages that are complete now, in order: opcode and payload. Raises :class:`Violation`."""
        if self._rest:
            self._rest += data
            if len(self._rest) < self._needed:
                return []
            data = bytes(self._rest)
            self._rest.clear()
        messages: list[tuple[int, bytes]] = []
        at, end = 0, len(data)
        while at < end:
            start = at + 2
            if start > end:
                self._needed = 2
                break
            size = data[at + 1]
            if size >= 126:
                if size > 127:
                    raise Violation(PROTOCOL_ERROR, "a server may not mask its frames")
                start += 2 if size == 126 else 8
                if start > end:
                    self._needed = start - at
                    break
                size = int.from_bytes(data[at + 2 : start])
            if size > self._limit:
                raise Violation(TOO_BIG, f"a frame of {size} octets; {self._limit} are taken")
            if start + size > end:
                self._needed = start + size - at
                break
            self.frames += 1
            payload = data[start : start + size]
            if data[at] == _FIN | TEXT and self._opcode == CONTINUATION:
                messages.append((TEXT, payload))
            else:
                self._take(data[at], payload, messages)
            at = start + size
        if at < end:
            self._rest += data[at:] if at else data
        return messages

    def _take(self, first: int, payload: bytes, messages: list[tuple[int, bytes]]) -> None:
        """Whatever is not simply a text."""
        opcode, fin = first & 0x0F, first & _FIN
        if first & 0x70:
            raise Violation(PROTOCOL_ERROR, "a frame uses an extension; none was agreed on")
        if opcode in (CLOSE, PING, PONG):
            if not fin or len(payload) > _MAX_CONTROL:
                raise Violation(PROTOCOL_ERROR, "a control frame is in pieces, or longer than 125 octets")
            messages.append((opcode, payload))
            return
        if opcode in (TEXT, BINARY):
            if self._opcode != CONTINUATION:
                raise Violation(PROTOCOL_ERROR, "a message begins before the one before it has ended")
            self._opcode = opcode
        elif opcode != CONTINUATION:
            raise Violation(PROTOCOL_ERROR, f"a frame with opcode {opcode}, which does not exist")
        elif self._opcode == CONTINUATION:
            raise Violation(PROTOCOL_ERROR, "a message goes on that has not begun")
        if len(self._parts) + len(payload) > self._limit:
            raise Violation(TOO_BIG, f"a message of more than {self._limit} octets")
        self._parts += payload
        if fin:
            messages.append((self._opcode, bytes(self._parts)))
            self._opcode = CONTINUATION
            self._parts = bytearray()


class WebSocket(asyncio.Protocol):
    """The connection, from :meth:`take_over` of its transport to :attr:`code`.

    Args:
        transport: which it is the protocol of from now on; nothing is handed over before :meth:`start`.
        early: octets that had come already.
        limit: octets of the largest message taken.
        heartbeat: seconds of silence after which a ping is sent; half as long later the peer is given up.
        on_lost: told of the end of the transport as well, by the wish of who had it before.

    Attributes:
        on_text: takes each message that is a text; others are ignored.
        on_room: told that what was written has gone, after :attr:`writable` was False.
        on_over: told once that nothing more will come.
        writable: whether a message may be sent without piling up.
        code: None while it is open, then the peer's close code, 1005 when it gave none, 1006 when the
            connection broke, or the one with which we ended it because of what came.
        why: what was wrong, when something was.
        deaf: it broke since the peer did not take, or not answer, what was sent.
        proven: the peer was heard long after the beginning.
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        early: bytes = b"",
        *,
        limit: int,
        heartbeat: float,
        on_lost: Callable[[Exception | None], object] = lambda error: None,
    ) -> None:
        self.on_text: Callable[[str], object] = lambda text: None
        self.on_room: Callable[[], object] = lambda: None
        self.on_over: Callable[[], object] = lambda: None
        self.writable = True
        self.code: int | None = None
        self.why = ""
        self.deaf = self.proven = False
        self._beats = 0
        self._transport = transport
        self._early: list[bytes] | None = [early]
        self._parser = Parser(limit)
        self._unreckoned = 0
        self._held: deque[tuple[int, bytes]] = deque()
        self._hold: asyncio.Handle | None = None
        self._heartbeat = heartbeat
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        self._allowance = Allowance(self._loop.time())
        self._over, self._gone = asyncio.Event(), asyncio.Event()
        self._closing = self._heard = self._asked = False
        self._timer = self._loop.call_later(heartbeat, self._beat)
        transport.set_protocol(self)

    def start(self) -> None:
        """Hand over what comes, and what has come."""
        early, self._early = b"".join(self._early or ()), None
        self.data_received(early)

    def send(self, text: bytes) -> None:
        """Send a text, as UTF-8; ignored once it is over."""
        self.send_frame(frame(TEXT, text))

    def send_frame(self, whole: bytes) -> None:
        """Send a frame that is ready to be sent; ignored once it is over."""
        if self.code is None and not self._closing:
            self._transport.write(whole)

    async def close(self, code: int, reason: bytes, timeout: float) -> None:
        """Say good-bye, wait for the answer as long as ``timeout`` seconds, and be over.

        It is over as well, without the answer, when this is cancelled.
        """
        try:
            if self.code is None and not self._closing:
                self._closing = True
                self._transport.write(frame(CLOSE, code.to_bytes(2) + reason[:MAX_REASON]))
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(timeout):
                        await self._over.wait()
            if self.code is None:
                self._end(ABNORMAL)
            self._transport.close()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout):
                    await self._gone.wait()
        finally:
            if not self._gone.is_set():
                self._transport.abort()
                self._end(ABNORMAL)

    # --- asyncio.Protocol -----------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        self._heard = True
        if self._early is not None:
            self._early.append(data)
            return
        if self.code is not None:
            return
        frames = self._parser.frames
        try:
            messages = self._parser.feed(data)
        except Violation as error:
            self._refuse(error.code, str(error))
            return
        self._unreckoned += len(data) + FRAME_COST * (self._parser.frames - frames)
        wait = self._reckon() if self._unreckoned > _RECKON else 0
        if self._hold is None and not wait and len(messages) <= AT_ONCE:
            for opcode, payload in messages:
                self._receive(opcode, payload)
            return
        self._held += messages
        if self._hold is None:
            self._transport.pause_reading()
            self._hand_over()

    def pause_writing(self) -> None:
        self.writable = False

    def resume_writing(self) -> None:
        self.writable = True
        self.on_room()

    def eof_received(self) -> None:
        """The transport closes by itself."""

    def connection_lost(self, error: Exception | None) -> None:
        self._gone.set()
        if self.code is None:
            self.deaf = isinstance(error, OSError) and error.errno == errno.ETIMEDOUT
            self.why = self.why or (str(error) if error is not None else "")
            self._end(ABNORMAL)
        self._on_lost(error)

    # --- inside ---------------------------------------------------------------------------------------------

    def _reckon(self) -> float:
        """Seconds for which no more is read."""
        spent, self._unreckoned = self._unreckoned, 0
        return self._allowance.spend(spent, self._loop.time())

    def _hand_over(self) -> None:
        """Some of what has come, the rest a little later, and read on when it is time for that."""
        self._hold, self._heard = None, True
        for _ in range(min(AT_ONCE, len(self._held))):
            self._receive(*self._held.popleft())
        if self.code is not None:
            self._held.clear()
            return
        if self._held:
            self._hold = self._loop.call_soon(self._hand_over)
        elif wait := self._reckon():
            self._hold = self._loop.call_later(wait, self._hand_over)
        else:
            self._transport.resume_reading()

    def _receive(self, opcode: int, payload: bytes) -> None:
        if self.code is not None:
            return
        try:
            if opcode == TEXT:
                self.on_text(payload.decode())
            elif opcode != BINARY:
                self._control(opcode, payload)
        except Violation as error:
            self._refuse(error.code, str(error))
        except UnicodeDecodeError:
            self._refuse(NO_TEXT, "a text that is not UTF-8")

    def _control(self, opcode: int, payload: bytes) -> None:
        if opcode == PING:
            # Who pings without reading gets no answers that pile up.
            if self.writable and not self._closing:
                self._transport.write(frame(PONG, payload))
        elif opcode == CLOSE:
            if len(payload) == 1:
                raise Violation(PROTOCOL_ERROR, "a close frame with half a code")
            code = int.from_bytes(payload[:2]) if payload else NO_STATUS
            if payload and code not in _ASSIGNED and code not in _FREE:
                raise Violation(PROTOCOL_ERROR, f"a close frame with code {code}, which may not be sent")
            if not self._closing:
                self._transport.write(frame(CLOSE, payload[:2]))
            self._end(code)

    def _refuse(self, code: int, why: str) -> None:
        """End it for what came."""
        self.why = why
        if not self._closing:
            self._transport.write(frame(CLOSE, code.to_bytes(2) + why.encode()[:MAX_REASON]))
        self._end(code)

    def _beat(self) -> None:
        if self.code is not None:
            return
        if self._heard:
            self._heard = self._asked = False
            # What was heard before the first beat may have been no more than a greeting.
            self.proven = self._beats > 0
            self._beats += 1
            self._timer = self._loop.call_later(self._heartbeat, self._beat)
        elif self._asked:
            self.deaf = True
            self.why = f"the app has not answered a ping for {self._heartbeat / 2:g} s"
            self._end(ABNORMAL)
            self._transport.abort()
        else:
            self._asked = True
            self._transport.write(frame(PING, b""))
            self._timer = self._loop.call_later(self._heartbeat / 2, self._beat)

    def _end(self, code: int) -> None:
        if self.code is None:
            self.code = code
            self._timer.cancel()
            self._over.set()
            self.on_over()
