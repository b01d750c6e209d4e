"""UDP and TCP on loopback, on asyncio's loop and on uvloop's."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
import uvloop

from hookflash.ports.names import RecordKind
from hookflash.sip.errors import ParseError
from hookflash.sip.flow import Flow
from hookflash.sip.transports import Handlers, Limits, Transports
from hookflash.testing.clock import VirtualClock

MESSAGE = b"OPTIONS sip:a@b SIP/2.0\r\nContent-Length: 2\r\n\r\nhi"


class End:
    """One SIP element that keeps what it receives."""

    def __init__(self, **options: Any) -> None:
        self.clock = VirtualClock()
        self.bound = ("", 0)
        self.messages: asyncio.Queue[tuple[bytes, Flow]] = asyncio.Queue()
        self.lost: asyncio.Queue[Flow] = asyncio.Queue()
        self.malformed: asyncio.Queue[ParseError] = asyncio.Queue()
        handlers = Handlers(
            lambda data, flow: self.messages.put_nowait((data, flow)),
            self.lost.put_nowait,
            lambda error, flow: self.malformed.put_nowait(error),
        )
        self.transports = Transports(handlers, self.clock, **options)

    async def flow_to(self, transport: str, host: str, port: int) -> Flow:
        """The path to a host; of names there is one only."""
        return self.transports.path(transport, ("127.0.0.1" if host == "localhost" else host, port), host)

    async def got(self) -> tuple[bytes, Flow]:
        async with asyncio.timeout(5):
            return await self.messages.get()


Test = Callable[[End, End, int], Awaitable[None]]


def run(test: Test, loop: str, **options: Any) -> None:
    """Run ``test(near, far, port of far)`` with both ends listening on loopback."""

    async def main() -> None:
        near, far = End(), End(**options)
        near.bound = await near.transports.listen("127.0.0.1", 0)
        host, port = await far.transports.listen("127.0.0.1", 0)
        assert host == "127.0.0.1"
        try:
            await test(near, far, port)
        finally:
            await near.transports.close()
            await far.transports.close()

    factory = uvloop.new_event_loop if loop == "uvloop" else asyncio.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main())


loops = pytest.mark.parametrize("loop", ["asyncio", "uvloop"])


@loops
def test_datagrams_go_there_and_back(loop: str) -> None:
    async def test(near: End, far: End, port: int) -> None:
        flow = await near.flow_to("UDP", "127.0.0.1", port)
        near.transports.send(MESSAGE, flow)
        data, back = await far.got()
        assert data == MESSAGE
        assert back.remote == flow.local
        assert back.local == flow.remote
        far.transports.send(b"pong", back)
        assert (await near.got())[0] == b"pong"

    run(test, loop)


@loops
def test_tcp_opens_one_connection_and_answers_on_it(loop: str) -> None:
    async def test(near: End, far: End, port: int) -> None:
        flow = await near.flow_to("TCP", "127.0.0.1", port)
        near.transports.send(MESSAGE, flow)
        near.transports.send(MESSAGE, flow)
        _, back = await far.got()
        assert (await far.got())[1].connection == back.connection != 0
        far.transports.send(MESSAGE, back)
        data, here = await near.got()
        assert data == MESSAGE
        near.transports.send(MESSAGE, flow)
        assert (await far.got())[1] == back
        near.transports.send(MESSAGE, here)
        assert (await far.got())[1] == back

    run(test, loop)


@loops
def test_a_connection_that_cannot_be_opened_is_reported(loop: str) -> None:
    async def test(near: End, far: End, port: int) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            flow = await near.flow_to("TCP", "127.0.0.1", unused.getsockname()[1])
            near.transports.send(MESSAGE, flow)
            async with asyncio.timeout(5):
                assert await near.lost.get() == flow

    run(test, loop)


@loops
def test_a_lost_connection_is_reported_and_sending_on_it_fails(loop: str) -> None:
    async def test(near: End, far: End, port: int) -> None:
        near.transports.send(MESSAGE, await near.flow_to("TCP", "127.0.0.1", port))
        _, back = await far.got()
        await near.transports.close()
        async with asyncio.timeout(5):
            assert await far.lost.get() == back
            far.transports.send(MESSAGE, back)
            assert await far.lost.get() == back

    run(test, loop)


async def read(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(5):
        return await reader.read(100)


def test_keep_alives_are_answered_and_broken_streams_closed() -> None:
    async def test(near: End, far: End, port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"\r\n\r\n")
        assert await read(reader) == b"\r\n"
        writer.write(MESSAGE + b"OPTIONS sip:a@b SIP/2.0\r\nContent-Length: many\r\n\r\n")
        assert (await far.got())[0] == MESSAGE
        async with asyncio.timeout(5):
            assert isinstance(await far.malformed.get(), ParseError)
        assert await read(reader) == b""
        writer.close()

    run(test, "asyncio")


def test_an_idle_connection_is_closed() -> None:
    async def test(near: End, far: End, port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(MESSAGE)
        await far.got()
        far.clock.advance(29.0)
        writer.write(MESSAGE)
        await far.got()
        far.clock.advance(29.0)
        assert not reader.at_eof()
        far.clock.advance(2.0)
        assert await read(reader) == b""
        writer.close()

    run(test, "asyncio", limits=Limits(idle=30.0))


def test_connections_are_bounded() -> None:
    async def test(near: End, far: End, port: int) -> None:
        first, one = await asyncio.open_connection("127.0.0.1", port)
        one.write(MESSAGE)
        await far.got()
        second, two = await asyncio.open_connection("127.0.0.1", port)
        with pytest.raises((ConnectionResetError, AssertionError)):
            assert await read(second) != b""
        one.write(MESSAGE)
        await far.got()
        assert not first.at_eof()
        one.close()
        two.close()

    run(test, "asyncio", limits=Limits(connections=1))


def test_strangers_do_not_keep_out_who_is_known_nor_take_more_by_ipv6() -> None:
    def ignore(*_: object) -> None: ...

    handlers = Handlers(ignore, ignore, ignore, is_known=lambda host: host == "192.0.2.1")
    limits = Limits(connections=4, per_peer=3)
    transports = Transports(handlers, VirtualClock(), limits=limits)
    crowd = [(f"2001:db8::{number}", 5060) for number in range(1, 6)]  # one customer
    assert [transports.visitors.admit(one) for one in crowd] == [True, True, True, False, False]
    assert transports.visitors.admit(("203.0.113.1", 5060))
    assert not transports.visitors.admit(("203.0.113.2", 5060))
    known = ("192.0.2.1", 5060)
    assert [transports.visitors.admit(known) for _ in range(4)] == [True, True, True, False]
    for one in (*crowd[:3], ("203.0.113.1", 5060), known, known, known):
        transports.visitors.release(one)
    assert not transports.visitors.count


def test_the_advertised_address_is_the_external_one_or_that_of_the_interface() -> None:
    async def test(near: End, far: End, port: int) -> None:
        assert (await far.flow_to("UDP", "192.0.2.9", 5060)).local == ("198.51.100.1", port)
        wild = End()
        try:
            _, own = await wild.transports.listen("0.0.0.0", 0)
            for _ in range(2):
                assert (await wild.flow_to("UDP", "127.0.0.1", 5060)).local == ("127.0.0.1", own)
        finally:
            await wild.transports.close()

    run(test, "asyncio", external_address="198.51.100.1")


def test_missing_transports_are_named() -> None:
    async def test(near: End, far: End, port: int) -> None:
        with pytest.raises(OSError, match="there are UDP, TCP"):
            await near.flow_to("SCTP", "127.0.0.1", port)
        assert near.transports.reachable == ("UDP", "TCP")
        assert near.transports.families("TCP") == (RecordKind.A,)

    run(test, "asyncio")


def test_a_port_in_use_is_an_error() -> None:
    async def test(near: End, far: End, port: int) -> None:
        other = End()
        with pytest.raises(OSError):
            await other.transports.listen("127.0.0.1", port)
        await other.transports.close()
        other.transports.send(MESSAGE, Flow("UDP", ("127.0.0.1", 1), ("127.0.0.1", port)))

    run(test, "asyncio")


async def _closed(reader: asyncio.StreamReader) -> None:
    async with asyncio.timeout(5):
        assert await reader.read() == b""


def test_a_connection_that_never_says_anything_is_closed_early() -> None:
    async def test(near: End, far: End, port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        near.transports.send(MESSAGE, await near.flow_to("TCP", "127.0.0.1", port))
        await far.got()  # accepted after the silent one
        far.clock.advance(10.0)
        await _closed(reader)
        writer.close()

    run(test, "asyncio", limits=Limits(message=10.0))


def test_half_a_message_is_not_kept_alive_by_single_bytes() -> None:
    async def test(near: End, far: End, port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(MESSAGE + MESSAGE[:20])
        await far.got()
        far.clock.advance(9.0)
        writer.write(MESSAGE[20:30])
        near.transports.send(MESSAGE, await near.flow_to("TCP", "127.0.0.1", port))
        await far.got()  # read after those bytes
        far.clock.advance(1.0)
        await _closed(reader)
        writer.close()

    run(test, "asyncio", limits=Limits(message=10.0))


def test_a_keep_alive_is_a_sign_of_life() -> None:
    async def test(near: End, far: End, port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"\r\n\r\n")
        assert await reader.readexactly(2) == b"\r\n"
        far.clock.advance(100.0)
        writer.write(MESSAGE)
        await far.got()
        writer.close()

    run(test, "asyncio", limits=Limits(message=10.0))


def test_one_address_cannot_take_all_connections() -> None:
    async def test(near: End, far: End, port: int) -> None:
        first = await asyncio.open_connection("127.0.0.1", port)
        first[1].write(MESSAGE)
        await far.got()
        second, writer = await asyncio.open_connection("127.0.0.1", port)
        with contextlib.suppress(ConnectionResetError):
            await _closed(second)
        writer.close()
        # Those we open ourselves are not counted, nor kept from opening.
        far.transports.send(MESSAGE, await far.flow_to("TCP", *near.bound))
        await near.got()
        # Who has gone leaves room.
        first[1].close()
        async with asyncio.timeout(5):
            await far.lost.get()
        third = await asyncio.open_connection("127.0.0.1", port)
        third[1].write(MESSAGE)
        await far.got()
        third[1].close()

    run(test, "asyncio", limits=Limits(per_peer=1))


async def open_to(near: End) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, asyncio.Server, Flow]:
    """Let ``near`` open a connection to somebody we play; it has sent one message over it."""
    ends: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    server = await asyncio.start_server(lambda *end: ends.put_nowait(end), "127.0.0.1", 0)
    flow = await near.flow_to("TCP", *server.sockets[0].getsockname())
    near.transports.send(MESSAGE, flow)
    reader, writer = await ends.get()
    assert await reader.readexactly(len(MESSAGE)) == MESSAGE
    return reader, writer, server, flow


def test_a_server_that_has_answered_keep_alives_must_go_on_doing_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.uniform", lambda least, most: most)

    async def test(near: End, far: End, port: int) -> None:
        reader, writer, server, _ = await open_to(near)
        near.clock.advance(95.0)
        assert await reader.readexactly(4) == b"\r\n\r\n"
        writer.write(b"\r\n" + MESSAGE)
        await near.got()
        near.clock.advance(95.0)
        assert await reader.readexactly(4) == b"\r\n\r\n"
        near.clock.advance(9.9)
        writer.write(MESSAGE)  # anything is a sign of life
        await near.got()
        near.clock.advance(50.0)
        assert near.lost.empty()
        near.clock.advance(45.0)
        assert await reader.readexactly(4) == b"\r\n\r\n"
        near.clock.advance(10.0)
        async with asyncio.timeout(5):
            await near.lost.get()
        server.close()

    run(test, "asyncio")


def test_a_server_that_does_not_know_keep_alives_is_not_judged_by_them() -> None:
    async def test(near: End, far: End, port: int) -> None:
        reader, writer, server, _ = await open_to(near)
        for _ in range(5):
            near.clock.advance(95.0)
            assert await reader.readexactly(4) == b"\r\n\r\n"
        assert near.lost.empty()
        writer.write(MESSAGE)
        await near.got()
        writer.close()
        server.close()

    run(test, "asyncio")


def test_those_who_connect_to_us_are_not_pinged() -> None:
    async def test(near: End, far: End, port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(MESSAGE)
        await far.got()
        far.clock.advance(500.0)
        writer.write(b"\r\n\r\n")
        assert await reader.readexactly(2) == b"\r\n"
        writer.close()

    run(test, "asyncio")


def test_both_families_have_addresses_of_their_own() -> None:
    async def main() -> None:
        end = End(external_address="198.51.100.1")
        four = await end.transports.listen("127.0.0.1", 0)
        six = await end.transports.listen("::1", 0)
        assert (await end.flow_to("UDP", "192.0.2.1", 5060)).local == ("198.51.100.1", four[1])
        flow = await end.flow_to("UDP", "::1", six[1])
        assert flow.local == six
        end.transports.send(MESSAGE, flow)
        data, back = await end.got()
        assert (data, back.remote) == (MESSAGE, six)
        end.transports.send(MESSAGE, await end.flow_to("TCP", "::1", six[1]))
        assert (await end.got())[1].local == six
        await end.transports.close()

    asyncio.run(main())


def test_nothing_is_taken_from_who_is_barred() -> None:
    async def main() -> None:
        barred: set[str] = set()
        end, near = End(), End()
        handlers = replace(end.transports._handlers, is_barred=barred.__contains__)
        end.transports._handlers = end.transports.visitors._handlers = handlers
        _, port = await end.transports.listen("127.0.0.1", 0)
        await near.transports.listen("127.0.0.1", 0)
        before, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(MESSAGE)
        await end.got()
        barred.add("127.0.0.1")
        near.transports.send(MESSAGE, await near.flow_to("UDP", "127.0.0.1", port))
        after, other = await asyncio.open_connection("127.0.0.1", port)
        writer.write(MESSAGE)
        for reader in (before, after):
            with contextlib.suppress(ConnectionResetError):
                assert await read(reader) == b""
        assert end.messages.empty()
        barred.clear()
        near.transports.send(MESSAGE, await near.flow_to("UDP", "127.0.0.1", port))
        await end.got()
        other.close()
        writer.close()
        await near.transports.close()
        await end.transports.close()

    asyncio.run(main())


@pytest.mark.parametrize(
    "data",
    [b"\r\n\r\n", b"\r\n", b"\0", b"\0\0\0\0", b"\x00\x01\x00\x00\x21\x12\xa4\x42" + b"\x07" * 12],
)
def test_datagrams_that_only_keep_a_nat_open_are_no_messages(data: bytes) -> None:
    async def test(near: End, far: End, port: int) -> None:
        flow = await near.flow_to("UDP", "127.0.0.1", port)
        near.transports.send(data, flow)
        near.transports.send(MESSAGE, flow)
        assert (await far.got())[0] == MESSAGE

    run(test, "asyncio")
