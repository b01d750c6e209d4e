"""The client's end of a WebSocket, against aiohttp's servers; however octets are cut, and what breaks it."""

from __future__ import annotations

import asyncio
import errno
import ssl
import struct
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import aiohttp
import pytest
import uvloop
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given
from hypothesis import strategies as st
from streaming_bench import FakeTokens, until
from system import certificates

from hookflash.events.targets import TargetPolicy
from hookflash.streaming import websocket
from hookflash.streaming.dialling import Dialler, Ticket
from hookflash.streaming.websocket import (
    AT_ONCE,
    BINARY,
    BURST,
    CLOSE,
    CONTINUATION,
    FRAME_COST,
    PING,
    PONG,
    RATE,
    TEXT,
    Parser,
    Violation,
    WebSocket,
    frame,
)

LIMIT = 70_000
payloads = st.binary(max_size=300) | st.integers(65_500, LIMIT).map(bytes)


def server_frame(opcode: int, payload: bytes, fin: bool = True) -> bytes:
    """A frame as a server sends it, by the book (RFC 6455 section 5.2)."""
    first = opcode | (0x80 if fin else 0)
    if len(payload) < 126:
        head = struct.pack("!BB", first, len(payload))
    elif len(payload) < 65_536:
        head = struct.pack("!BBH", first, 126, len(payload))
    else:
        head = struct.pack("!BBQ", first, 127, len(payload))
    return head + payload


@st.composite
def conversations(draw: st.DrawFn) -> tuple[bytes, list[tuple[int, bytes]]]:
    """Octets of a server, messages in pieces and pings in between, and what they mean."""
    octets, messages = b"", []
    for _ in range(draw(st.integers(0, 6))):
        opcode, payload = draw(st.sampled_from([TEXT, BINARY])), draw(payloads)
        cuts = sorted(draw(st.lists(st.integers(0, len(payload)), max_size=3)))
        bounds = [0, *cuts, len(payload)]
        for number, (begin, end) in enumerate(pairwise(bounds)):
            if draw(st.booleans()):
                control = draw(st.sampled_from([PING, PONG])), draw(st.binary(max_size=125))
                octets += server_frame(*control)
                messages.append(control)
            last = number == len(bounds) - 2
            octets += server_frame(opcode if number == 0 else 0, payload[begin:end], last)
        messages.append((opcode, payload))
    return octets, messages


@given(conversations(), st.data())
def test_however_octets_are_cut_the_messages_are_the_same(
    conversation: tuple[bytes, list[tuple[int, bytes]]], data: st.DataObject
) -> None:
    octets, messages = conversation
    bounds = [0, *sorted(data.draw(st.lists(st.integers(0, len(octets)), max_size=8))), len(octets)]
    parser = Parser(LIMIT)
    found = []
    for begin, end in pairwise(bounds):
        found += parser.feed(octets[begin:end])
    assert found == messages


@given(st.binary(max_size=400))
def test_any_octets_are_messages_or_a_violation(octets: bytes) -> None:
    parser = Parser(1_000)
    with suppress(Violation):
        for at in range(0, len(octets), 7):
            assert all(len(payload) <= 1_000 for _, payload in parser.feed(octets[at : at + 7]))


@pytest.mark.parametrize(
    ("octets", "code"),
    [
        (server_frame(TEXT, b"x")[:1] + b"\x81\0\0\0\0x", websocket.PROTOCOL_ERROR),
        (b"\xc1\x01x", websocket.PROTOCOL_ERROR),
        (server_frame(3, b""), websocket.PROTOCOL_ERROR),
        (server_frame(0, b""), websocket.PROTOCOL_ERROR),
        (server_frame(TEXT, b"", fin=False) + server_frame(TEXT, b""), websocket.PROTOCOL_ERROR),
        (server_frame(PING, b"", fin=False), websocket.PROTOCOL_ERROR),
        (server_frame(PING, bytes(126)), websocket.PROTOCOL_ERROR),
        (struct.pack("!BBQ", 0x81, 127, 201), websocket.TOO_BIG),
        (server_frame(TEXT, bytes(120), fin=False) + server_frame(0, bytes(120)), websocket.TOO_BIG),
    ],
)
def test_what_breaks_the_protocol(octets: bytes, code: int) -> None:
    with pytest.raises(Violation) as error:
        Parser(200).feed(octets)
    assert error.value.code == code


# --- with a server of aiohttp -----------------------------------------------------------------------------

Serve = Callable[[web.WebSocketResponse], Awaitable[None]]


class Line:
    """A connection to a server that does as the test says."""

    def __init__(self, serve: Serve, folder: Path | None = None) -> None:
        self._folder = folder
        self.texts: list[str] = []

        async def handle(request: web.Request) -> web.WebSocketResponse:
            socket = web.WebSocketResponse(autoping=False)
            await socket.prepare(request)
            await serve(socket)
            return socket

        application = web.Application()
        application.router.add_get("/", handle)
        self._server = TestServer(application)
        self._dialler = Dialler(
            TargetPolicy(allow_private=True, allow_http=True, schemes=("wss", "ws")), FakeTokens()
        )

    async def __aenter__(self) -> Line:
        theirs = None
        if self._folder is not None:
            ca, certificate, key = certificates.make(self._folder)
            theirs = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            theirs.load_cert_chain(certificate, key)
            connector = self._dialler._open().connector
            assert isinstance(connector, aiohttp.TCPConnector)
            connector._ssl = ssl.create_default_context(cafile=str(ca))
        await self._server.start_server(ssl=theirs)
        url = f"{'ws' if theirs is None else 'wss'}://127.0.0.1:{self._server.port}/"
        self.socket: WebSocket = await self._dialler.dial(Ticket(url, "", "", "", "failed", 0))
        self.socket.on_text = self.texts.append
        self.socket.start()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.socket.close(websocket.OK, b"", 1)
        await self._dialler.close()
        await self._server.close()


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
@pytest.mark.parametrize("tls", [False, True])
def test_what_is_sent_is_what_a_server_reads(
    run: Callable[[Coroutine[None, None, None]], None], tls: bool, tmp_path: Path
) -> None:
    run(there_and_back(tmp_path if tls else None))


async def there_and_back(folder: Path | None) -> None:
    """Texts of all sizes to a server and back; over TLS with certificates in a folder."""
    sizes = (0, 1, 125, 126, 127, 65_535, 65_536, 200_000)
    read: list[str] = []

    async def serve(socket: web.WebSocketResponse) -> None:
        async for message in socket:
            read.append(message.data)
            await socket.send_str(message.data)

    texts = ["é" * (size // 2) + "x" * (size % 2) for size in sizes]
    async with Line(serve, folder) as line:
        for text in texts:
            line.socket.send(text.encode())
        await until(lambda: len(line.texts) == len(texts))
    assert line.texts == read == texts
    assert line.socket.code == websocket.OK


async def test_what_comes_with_the_handshake_waits_for_who_starts() -> None:
    async def serve(socket: web.WebSocketResponse) -> None:
        for number in range(3):
            await socket.send_str(f"{number}")
        await socket.receive()

    async with Line(serve) as line:
        await until(lambda: line.texts == ["0", "1", "2"])


async def test_a_ping_is_answered_and_binary_is_passed_over() -> None:
    answers = []

    async def serve(socket: web.WebSocketResponse) -> None:
        await socket.ping(b"are you there")
        answers.append(await socket.receive())
        await socket.send_bytes(b"{}")
        await socket.send_str("{}")
        await socket.receive()

    async with Line(serve) as line:
        await until(lambda: line.texts == ["{}"])
    assert answers[0].type is aiohttp.WSMsgType.PONG
    assert answers[0].data == b"are you there"


@pytest.mark.parametrize(
    ("octets", "code"),
    [
        (server_frame(TEXT, b"\xff"), websocket.NO_TEXT),
        (server_frame(7, b""), websocket.PROTOCOL_ERROR),
        (server_frame(CLOSE, b"\x03"), websocket.PROTOCOL_ERROR),
    ],
)
async def test_a_server_that_speaks_nonsense_is_told_so(octets: bytes, code: int) -> None:
    told = []

    async def serve(socket: web.WebSocketResponse) -> None:
        assert socket._req is not None
        transport = socket._req.transport
        assert transport is not None
        transport.write(octets)  # type: ignore[attr-defined]
        told.append(await socket.receive())

    async with Line(serve) as line:
        await until(lambda: line.socket.code is not None and told)
        assert line.socket.code == code
        assert line.socket.why
        line.socket.send(b"ignored")
    assert told[0].data == code


@pytest.mark.parametrize("given_", [1000, 1008, 4000])
async def test_the_code_of_the_server_is_known_and_answered(given_: int) -> None:
    clean = []

    async def serve(socket: web.WebSocketResponse) -> None:
        clean.append(await socket.close(code=given_))

    async with Line(serve) as line:
        await until(lambda: clean and line.socket.code == given_)
    assert clean == [True]


def said(written: bytes) -> tuple[int, bytes]:
    """Opcode and payload of a short frame of ours."""
    key, payload = written[2:6], written[6:]
    return written[0] & 15, bytes(octet ^ key[at % 4] for at, octet in enumerate(payload))


@pytest.mark.parametrize("code", [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535])
async def test_a_code_that_may_not_be_sent_is_not_sent_back(code: int) -> None:
    pipe = Pipe()
    socket = WebSocket(pipe, limit=100, heartbeat=60)
    socket.start()
    socket.data_received(server_frame(CLOSE, code.to_bytes(2) + b"bye"))
    ((opcode, payload),) = map(said, pipe.written)
    assert (opcode, int.from_bytes(payload[:2])) == (CLOSE, websocket.PROTOCOL_ERROR)
    assert socket.code == websocket.PROTOCOL_ERROR
    assert f"code {code}," in socket.why
    await socket.close(websocket.OK, b"", 0.01)
    assert len(pipe.written) == 1


@pytest.mark.parametrize("code", [1000, 1001, 1003, 1007, 1010, 1011, 1012, 1014, 3000, 4999])
async def test_a_code_that_may_be_sent_is_sent_back(code: int) -> None:
    pipe = Pipe()
    socket = WebSocket(pipe, limit=100, heartbeat=60)
    socket.start()
    socket.data_received(server_frame(CLOSE, code.to_bytes(2) + b"bye"))
    assert [said(one) for one in pipe.written] == [(CLOSE, code.to_bytes(2))]
    assert (socket.code, socket.why) == (code, "")
    await socket.close(websocket.OK, b"", 0.01)


async def test_a_close_without_a_code_is_answered_without_one() -> None:
    pipe = Pipe()
    socket = WebSocket(pipe, limit=100, heartbeat=60)
    socket.start()
    socket.data_received(server_frame(CLOSE, b""))
    assert [said(one) for one in pipe.written] == [(CLOSE, b"")]
    assert socket.code == websocket.NO_STATUS
    await socket.close(websocket.OK, b"", 0.01)


async def test_a_server_that_is_gone() -> None:
    async def serve(socket: web.WebSocketResponse) -> None:
        assert socket._req is not None
        assert socket._req.transport is not None
        socket._req.transport.abort()

    over = asyncio.Event()
    async with Line(serve) as line:
        line.socket.on_over = over.set
        if line.socket.code is None:
            await over.wait()
        assert line.socket.code == websocket.ABNORMAL


class Pipe(asyncio.Transport):
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.gone = False
        self.reading = True

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol

    def write(self, data: object) -> None:
        assert isinstance(data, bytes)
        self.written.append(data)

    def pause_reading(self) -> None:
        assert self.reading
        self.reading = False

    def resume_reading(self) -> None:
        assert not self.reading
        self.reading = True

    def close(self) -> None:
        self.gone = True

    abort = close


async def test_who_is_silent_is_asked_and_given_up() -> None:
    pipe = Pipe()
    socket = WebSocket(pipe, limit=100, heartbeat=0.02)
    socket.start()
    await until(lambda: pipe.written)
    assert pipe.written[0][0] == 0x80 | PING
    socket.data_received(server_frame(PONG, b""))
    assert socket.code is None
    await until(lambda: socket.code is not None)
    assert socket.code == websocket.ABNORMAL
    assert pipe.gone
    assert "ping" in socket.why
    assert socket.deaf


async def test_a_greeting_proves_nothing_and_what_comes_long_after_it_does() -> None:
    pipe = Pipe()
    socket = WebSocket(pipe, limit=100, heartbeat=0.02)
    socket.start()
    socket.data_received(server_frame(TEXT, b"hello"))
    for count in (1, 2):
        await until(lambda count=count: len(pipe.written) == count)
        assert not socket.proven or count == 2
        socket.data_received(server_frame(PONG, b""))
        await until(lambda count=count: len(pipe.written) > count or socket.proven)
    assert socket.proven
    await socket.close(websocket.OK, b"", 0.01)


@pytest.mark.parametrize(
    ("error", "deaf"),
    [
        (TimeoutError(errno.ETIMEDOUT, "timed out"), True),
        (ConnectionResetError(errno.ECONNRESET, "reset"), False),
    ],
)
async def test_a_connection_that_nothing_was_taken_from(error: OSError, deaf: bool) -> None:
    socket = WebSocket(Pipe(), limit=100, heartbeat=60)
    socket.start()
    socket.connection_lost(error)
    assert (socket.code, socket.deaf) == (websocket.ABNORMAL, deaf)


async def test_a_good_bye_that_is_not_waited_for_leaves_nothing_open() -> None:
    pipe = Pipe()
    socket = WebSocket(pipe, limit=100, heartbeat=60)
    socket.start()
    leaving = asyncio.create_task(socket.close(websocket.OK, b"", 60))
    await until(lambda: pipe.written)
    assert not pipe.gone
    leaving.cancel()
    with suppress(asyncio.CancelledError):
        await leaving
    assert pipe.gone
    assert socket.code == websocket.ABNORMAL


async def test_pings_of_one_who_does_not_read_are_not_answered() -> None:
    pipe = Pipe()
    socket = WebSocket(pipe, limit=100, heartbeat=60)
    socket.start()
    socket.pause_writing()
    for _ in range(10):
        socket.data_received(server_frame(PING, b"1") * 100)
    assert pipe.written == []
    socket.resume_writing()
    socket.data_received(server_frame(PING, b"2"))
    assert len(pipe.written) == 1
    await socket.close(websocket.OK, b"", 0.01)


class Slow:
    """A socket on a loop whose time only goes on when it is told so."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = asyncio.get_running_loop().time()
        self.waits: list[tuple[float, Callable[[], None]]] = []
        self.pipe = Pipe()
        self.texts: list[str] = []
        self.socket = WebSocket(self.pipe, limit=8 << 20, heartbeat=60)
        self.socket.on_text = self.texts.append
        self.socket.start()
        monkeypatch.setattr(self.socket, "_loop", self)

    def time(self) -> float:
        return self.now

    def call_soon(self, call: Callable[[], None]) -> object:
        return self.call_later(0, call)

    def call_later(self, delay: float, call: Callable[[], None]) -> object:
        self.waits.append((self.now + delay, call))
        return call

    def turn(self) -> None:
        """One turn of the loop."""
        waits, self.waits = self.waits, []
        for due, call in waits:
            if due <= self.now:
                call()
            else:
                self.waits.append((due, call))


async def test_many_messages_are_handed_over_some_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = Slow(monkeypatch)
    texts = [f"{number}" for number in range(2 * AT_ONCE + 10)]
    slow.socket.data_received(b"".join(server_frame(TEXT, text.encode()) for text in texts))
    assert slow.texts == texts[:AT_ONCE]
    assert not slow.pipe.reading
    # What had been read before reading was paused comes behind it.
    slow.socket.data_received(server_frame(TEXT, b"last"))
    assert len(slow.texts) == AT_ONCE
    slow.turn()
    assert slow.texts == texts[: 2 * AT_ONCE]
    slow.turn()
    assert slow.texts == [*texts, "last"]
    assert slow.pipe.reading
    slow.socket.data_received(server_frame(TEXT, b"again"))
    assert slow.texts[-1] == "again"


@pytest.mark.parametrize(
    "octets",
    [
        server_frame(TEXT, b"x" * 60_000),
        server_frame(TEXT, b""),
        server_frame(PING, b""),
        # An endless message in pieces of nothing.
        server_frame(CONTINUATION, b"", fin=False),
    ],
)
async def test_who_sends_without_end_is_read_from_slowly(
    monkeypatch: pytest.MonkeyPatch, octets: bytes
) -> None:
    slow = Slow(monkeypatch)
    if octets[0] & 15 == CONTINUATION:
        slow.socket.data_received(server_frame(TEXT, b"", fin=False))
    many = max(1, 30_000 // len(octets))
    cost = many * (len(octets) + FRAME_COST)
    taken, seconds = 0, 20.0
    end = slow.now + seconds
    while slow.now < end:
        while slow.pipe.reading:
            slow.socket.data_received(octets * many)
            taken += cost
            while any(due <= slow.now for due, _ in slow.waits):
                slow.turn()
        slow.now += 0.01
        slow.turn()
    assert BURST + RATE * (seconds - 1) - cost < taken < BURST + RATE * (seconds + 1) + cost
    assert slow.socket.code is None


async def test_a_minute_of_speech_comes_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """In frames of 20 ms at 24,000 Hz, and nobody waits: StopAudio behind it is heard."""
    slow = Slow(monkeypatch)
    audio = server_frame(TEXT, b"x" * 1_340)
    for _ in range(3_000):
        slow.socket.data_received(audio)
    assert len(slow.texts) == 3_000
    assert slow.pipe.reading


async def test_the_end_is_the_end_also_for_what_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = Slow(monkeypatch)
    slow.socket.data_received(server_frame(TEXT, b"x") * (AT_ONCE + 5))
    slow.socket.data_received(b"\xff\xff")
    assert slow.socket.code == websocket.PROTOCOL_ERROR
    slow.turn()
    assert len(slow.texts) == AT_ONCE
    assert not slow.waits


def test_every_frame_has_a_key_of_its_own() -> None:
    assert len({frame(TEXT, b"abc")[2:6] for _ in range(20)}) > 10
