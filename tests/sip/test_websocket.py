"""SIP over WebSockets: the framer by itself, and on loopback with aiohttp as the client."""

from __future__ import annotations

import asyncio
import socket
import ssl
from pathlib import Path

import aiohttp
import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st
from sip.certificate_files import Authority
from sip.test_transports import MESSAGE, End, loops

from hookflash.sip.flow import Flow
from hookflash.sip.grammar import MAX_MESSAGE
from hookflash.sip.transports import Tls, TlsSettings
from hookflash.sip.transports.limits import Limits
from hookflash.sip.websocket import (
    MAX_CONTROLS,
    MAX_FRAMES,
    MAX_HANDSHAKE,
    CloseCode,
    Opcode,
    WebSocketFramer,
)

HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: sip.example.org\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: https://phone.example.org\r\n"
    b"Sec-WebSocket-Protocol: chat, sip\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
CRLF = b"\r\n"


def frame(kind: int, payload: bytes = b"", *, final: bool = True, key: bytes = b"\x01\x02\x03\x04") -> bytes:
    """A frame of a client, written slowly and plainly."""
    head = bytes([(0x80 if final else 0) | kind])
    if len(payload) < 126:
        head += bytes([0x80 | len(payload)])
    elif len(payload) < 65536:
        head += bytes([0x80 | 126]) + len(payload).to_bytes(2, "big")
    else:
        head += bytes([0x80 | 127]) + len(payload).to_bytes(8, "big")
    return head + key + bytes(byte ^ key[index % 4] for index, byte in enumerate(payload))


def opened(**options: object) -> WebSocketFramer:
    framer = WebSocketFramer(**options)  # type: ignore[arg-type]
    assert framer.feed(HANDSHAKE) == []
    assert framer.take_pongs().startswith(b"HTTP/1.1 101 ")
    assert not framer.owing
    return framer


def farewell(framer: WebSocketFramer) -> int:
    """The code a WebSocket is closed with."""
    assert framer.closing
    data = framer.take_pongs()
    assert data[-4:-2] == b"\x88\x02"
    return int.from_bytes(data[-2:], "big")


def test_the_handshake_of_the_rfc() -> None:
    framer = WebSocketFramer()
    assert framer.owing
    framer.feed(HANDSHAKE[:50])
    assert framer.take_pongs() == b""
    framer.feed(HANDSHAKE[50:])
    answer = framer.take_pongs().decode()
    assert "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in answer
    assert "Sec-WebSocket-Protocol: sip\r\n" in answer


@pytest.mark.parametrize(
    ("old", "new", "status"),
    [
        (b"GET /", b"POST /", 400),
        (b"HTTP/1.1", b"HTTP/1.0", 400),
        (b"Host: sip.example.org\r\n", b"", 400),
        (b"Upgrade: websocket\r\n", b"", 426),
        (b"keep-alive, Upgrade", b"keep-alive", 426),
        (b"Version: 13", b"Version: 8", 426),
        (b"chat, sip", b"chat", 400),
        (b"dGhlIHNhbXBsZSBub25jZQ==", b"c2hvcnQ=", 400),
        (b"dGhlIHNhbXBsZSBub25jZQ==", b"%%%", 400),
        (b"Host: sip.example.org\r\n", b"Host: a\r\nHost: b\r\n", 400),
        (b"Host: sip.example.org\r\n", b"Host: a\r\nno header\r\n", 400),
        (b"Host: sip.example.org\r\n", b"Host: a\r\nX: \x01\r\n", 400),
        (b"Host: ", b"Host: " + b"x" * MAX_HANDSHAKE, 431),
    ],
)
def test_a_handshake_that_is_none_is_refused(old: bytes, new: bytes, status: int) -> None:
    framer = WebSocketFramer()
    assert framer.feed(HANDSHAKE.replace(old, new) + frame(Opcode.TEXT, b"x")) == []
    assert framer.take_pongs().startswith(f"HTTP/1.1 {status} ".encode())
    assert framer.fault.startswith(f"its handshake is refused: {status} ")
    assert framer.closing
    assert framer.feed(HANDSHAKE) == []


def test_a_handshake_without_an_end_is_bounded() -> None:
    framer = WebSocketFramer()
    framer.feed(b"GET / HTTP/1.1\r\nX: " + b"y" * MAX_HANDSHAKE)
    assert framer.take_pongs().startswith(b"HTTP/1.1 431 ")


def test_pages_of_other_origins_are_refused_where_that_is_wanted() -> None:
    opened(origins=("https://Phone.example.org/",))
    framer = WebSocketFramer(("https://other.example",))
    framer.feed(HANDSHAKE)
    assert framer.take_pongs().startswith(b"HTTP/1.1 403 ")
    assert 'the origin "https://phone.example.org" is not' in framer.fault
    framer = WebSocketFramer(("https://other.example",))
    framer.feed(HANDSHAKE.replace(b"Origin", b"X-Origin"))  # no browser
    assert framer.take_pongs().startswith(b"HTTP/1.1 101 ")


@given(
    st.lists(st.binary(max_size=300).filter(lambda message: message.strip(CRLF)), max_size=5),
    st.integers(1, 50),
    st.randoms(use_true_random=False),
)
def test_messages_come_out_whole_however_they_are_cut(
    messages: list[bytes], size: int, source: object
) -> None:
    framer = opened()
    data = b""
    for message in messages:
        parts = [message[at : at + size] for at in range(0, len(message), size)][:MAX_FRAMES]
        parts[-1] = message[size * (len(parts) - 1) :]
        for number, part in enumerate(parts):
            kind = Opcode.CONTINUATION if number else Opcode.BINARY
            data += frame(kind, part, final=number == len(parts) - 1) + frame(Opcode.PONG, b"between")
    out = []
    while data:
        cut = source.randint(1, 40)  # type: ignore[attr-defined]
        out += framer.feed(data[:cut])
        data = data[cut:]
    assert out == messages
    assert not framer.owing
    assert not framer.closing


@given(st.binary(max_size=600))
def test_whatever_comes_nothing_breaks(data: bytes) -> None:
    framer = opened()
    framer.feed(data)
    framer.take_pongs()
    assert len(framer._buffer) <= len(data)


@pytest.mark.parametrize("size", [0, 125, 126, 65535])
def test_frames_of_every_length(size: int) -> None:
    framer = opened()
    message = b"x" * size
    assert framer.feed(frame(Opcode.TEXT, message)) == ([message] if size else [])
    out = framer.wrap(message)
    assert out[0] == 0x81
    assert out.endswith(message)
    assert framer.wrap(b"\xff")[0] == 0x82  # what is not UTF-8 is binary


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\x81\x01x", CloseCode.PROTOCOL_ERROR),  # not masked
        (b"\xc1\x80\x00\x00\x00\x00", CloseCode.PROTOCOL_ERROR),  # a reserved bit
        (frame(3), CloseCode.PROTOCOL_ERROR),
        (frame(Opcode.PING, final=False), CloseCode.PROTOCOL_ERROR),
        (frame(Opcode.PING, b"x" * 126), CloseCode.PROTOCOL_ERROR),
        (frame(Opcode.CONTINUATION, b"x"), CloseCode.PROTOCOL_ERROR),
        (frame(Opcode.TEXT, b"x", final=False) + frame(Opcode.TEXT, b"x"), CloseCode.PROTOCOL_ERROR),
        (frame(Opcode.TEXT, b"\xff"), CloseCode.BAD_DATA),
        (b"\x81\xff" + (MAX_MESSAGE + 1).to_bytes(8, "big"), CloseCode.TOO_BIG),
        (
            frame(Opcode.TEXT, b"x" * 65535, final=False) + frame(Opcode.CONTINUATION, b"x" * 2)[:6],
            CloseCode.TOO_BIG,
        ),
        (frame(Opcode.TEXT, final=False) + frame(0, final=False) * MAX_FRAMES, CloseCode.PROTOCOL_ERROR),
        (frame(Opcode.PING) * (MAX_CONTROLS + 1), CloseCode.PROTOCOL_ERROR),
        (frame(Opcode.TEXT) * (MAX_CONTROLS + 1), CloseCode.PROTOCOL_ERROR),
        (frame(Opcode.BINARY, 2 * CRLF) * (MAX_CONTROLS + 1), CloseCode.PROTOCOL_ERROR),
    ],
)
def test_what_breaks_the_rules_is_closed_with_its_reason(data: bytes, code: CloseCode) -> None:
    framer = opened()
    assert framer.feed(frame(Opcode.TEXT, b"before") + data) == [b"before"]
    assert farewell(framer) == code
    assert framer.fault.endswith(code.name.replace("_", " ").lower())


def test_keep_alives_both_ways_and_the_farewell() -> None:
    framer = opened()
    assert framer.feed(frame(Opcode.PING, b"hi")) == []
    assert framer.take_pongs() == b"\x8a\x02hi"
    assert framer.feed(frame(Opcode.TEXT, 2 * CRLF) + frame(Opcode.TEXT, CRLF)) == []
    assert framer.take_pongs() == b"\x81\x02\r\n"
    assert framer.ping() == b"\x89\x00"
    framer.feed(frame(Opcode.PONG))
    assert framer.answered == 1
    framer.feed(frame(Opcode.CLOSE, (1001).to_bytes(2, "big") + b"bye") + frame(Opcode.TEXT, b"late"))
    assert farewell(framer) == 1001
    assert framer.fault == "", "to leave is no fault"


# --- on loopback ----------------------------------------------------------------------------------------


@loops
@pytest.mark.parametrize("secure", [False, True])
def test_a_client_of_aiohttp_talks_sip(loop: str, secure: bool, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    cert, key = authority.sign("ws", dns=("localhost",), addresses=("127.0.0.1",))

    async def main() -> None:
        end = End(tls=Tls(TlsSettings(str(cert), str(key))))
        _, port = await end.transports.listen_ws("127.0.0.1", 0, secure=secure)
        context = ssl.create_default_context(cafile=str(authority.path))
        url = f"{'wss' if secure else 'ws'}://127.0.0.1:{port}/sip"
        async with aiohttp.ClientSession() as session:
            async with session.ws_connect(url, protocols=("sip",), ssl=context if secure else True) as socket:
                assert socket.protocol == "sip"
                await socket.send_str(MESSAGE.decode())
                await socket.send_bytes(b"x" * 60_000)
                data, flow = await end.got()
                assert data == MESSAGE
                assert (flow.transport, flow.connection) == ("WSS" if secure else "WS", 1)
                assert len((await end.got())[0]) == 60_000
                end.transports.send(MESSAGE, flow)
                assert await socket.receive_str(timeout=5) == MESSAGE.decode()
                await socket.ping(b"there?")
            async with asyncio.timeout(5):
                gone = await end.lost.get()
                assert gone == flow
            # Nobody can connect to a client.
            end.transports.send(MESSAGE, flow.towards(flow.remote))
            async with asyncio.timeout(5):
                assert (await end.lost.get()).connection == 0
            with pytest.raises(aiohttp.WSServerHandshakeError):
                await session.ws_connect(url, protocols=("chat",), ssl=context if secure else True)
        await end.transports.close()

    factory = uvloop.new_event_loop if loop == "uvloop" else asyncio.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main())


def test_half_a_handshake_and_half_a_frame_have_their_time() -> None:
    async def main() -> None:
        end = End()
        _, port = await end.transports.listen_ws("127.0.0.1", 0)
        for sent in (HANDSHAKE[:60], HANDSHAKE + frame(Opcode.TEXT, MESSAGE)[:20]):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(sent)
            if len(sent) > 60:
                assert (await reader.readuntil(CRLF)).startswith(b"HTTP/1.1 101")
                await reader.readuntil(2 * CRLF)
            else:
                probe, other = await asyncio.open_connection("127.0.0.1", port)
                other.write(HANDSHAKE + frame(Opcode.TEXT, MESSAGE))
                await end.got()  # read after the half
                await probe.readuntil(2 * CRLF)
            end.clock.advance(31.0)
            async with asyncio.timeout(5):
                assert await reader.read() == b""
            writer.close()
        await end.transports.close()

    asyncio.run(main())


def test_compression_that_is_offered_is_not_taken() -> None:
    """As browsers offer it."""
    framer = WebSocketFramer()
    offered = b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\nUpgrade"
    framer.feed(HANDSHAKE.replace(b"Upgrade", offered, 1))
    answer = framer.take_pongs()
    assert answer.startswith(b"HTTP/1.1 101 ")
    assert b"xtensions" not in answer


async def _opened(end: End, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A WebSocket over which a message has come."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(HANDSHAKE + frame(Opcode.TEXT, MESSAGE))
    await reader.readuntil(2 * CRLF)
    await end.got()
    return reader, writer


def test_a_browser_that_answers_no_ping_is_gone_and_one_that_does_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("random.uniform", lambda least, most: most)

    async def main() -> None:
        end = End(limits=Limits(keep_alive=60.0, pong=10.0))
        _, port = await end.transports.listen_ws("127.0.0.1", 0)
        (mute, one), (lively, two) = await _opened(end, port), await _opened(end, port)
        end.clock.advance(60.0)
        assert await mute.readexactly(2) == await lively.readexactly(2) == b"\x89\x00"
        two.write(frame(Opcode.PONG) + frame(Opcode.TEXT, MESSAGE))
        await end.got()
        end.clock.advance(10.0)
        async with asyncio.timeout(5):
            gone = await end.lost.get()
        assert gone.remote == one.get_extra_info("sockname")
        assert end.lost.empty()
        end.clock.advance(50.0)
        assert await lively.readexactly(2) == b"\x89\x00"
        one.close()
        two.close()
        await end.transports.close()

    asyncio.run(main())


def test_nobody_is_pinged_in_the_middle_of_a_handshake_or_a_message() -> None:
    async def main() -> None:
        end = End(limits=Limits(keep_alive=10.0, message=60.0))
        _, port = await end.transports.listen_ws("127.0.0.1", 0)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HANDSHAKE[:60])
        _, other = await _opened(end, port)  # read after the half
        end.clock.advance(10.0)
        writer.write(HANDSHAKE[60:])
        assert (await reader.readuntil(2 * CRLF)).startswith(b"HTTP/1.1 101 ")
        writer.close()
        other.close()
        await end.transports.close()

    asyncio.run(main())


@pytest.mark.parametrize("sent", [HANDSHAKE.replace(b"sip\r\n", b"chat\r\n"), HANDSHAKE + b"\x81\x01x"])
def test_who_speaks_no_websocket_is_reported_once_and_sent_away(sent: bytes) -> None:
    """As who sends garbage over any other transport: it counts for a ban, and stands in the log."""

    async def main() -> None:
        end = End()
        _, port = await end.transports.listen_ws("127.0.0.1", 0)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)
        async with asyncio.timeout(5):
            assert (await reader.read()).startswith(b"HTTP/1.1 ")
            assert str(await end.malformed.get()).startswith("its ")
        assert end.malformed.empty()
        writer.close()
        await end.transports.close()

    asyncio.run(main())


def test_the_system_watches_over_connections() -> None:
    async def main() -> None:
        end = End(limits=Limits(keep_alive=60.0))
        _, port = await end.transports.listen_ws("127.0.0.1", 0)
        _, writer = await _opened(end, port)
        (connection,) = end.transports._connections.values()
        assert connection._transport is not None
        sock = connection._transport.get_extra_info("socket")
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 60
        writer.close()
        await end.transports.close()

    asyncio.run(main())


def test_contacts_say_ws_for_both_kinds() -> None:
    from sip.agents import Probe

    for transport in ("WS", "WSS"):
        core = Probe().agent._core
        flow = Flow(transport, ("192.0.2.2", 443), ("192.0.2.1", 4000), 1)
        assert core.contact(flow) == "<sip:hookflash@192.0.2.2:443;transport=ws>"
        assert core.contact(flow, "sips:a@b") == "<sips:hookflash@192.0.2.2:443;transport=ws>"
