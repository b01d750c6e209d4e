"""What strangers hear over real sockets: nothing in production; in development an answer, and the log a line.

The server is what its settings make of it: sockets, user agent and phones; there is no trunk on this machine.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from composition.test_telephony import Desk
from sip.certificate_files import Authority
from sip.test_websocket import HANDSHAKE, frame

from hookflash.calls.facts import Fact
from hookflash.clock import LoopClock
from hookflash.composition.signalling import SipEdge
from hookflash.composition.telephony import Telephony
from hookflash.config import parse
from hookflash.sip.flow import Flow

METHODS = (
    "INVITE",
    "ACK",
    "CANCEL",
    "BYE",
    "OPTIONS",
    "REGISTER",
    "PRACK",
    "UPDATE",
    "INFO",
    "REFER",
    "MESSAGE",
    "SUBSCRIBE",
    "NOTIFY",
    "PUBLISH",
    "NONSENSE",
)
TRANSPORTS = ("UDP", "TCP", "TLS", "WS", "WSS")
TEXT = 0x1
PRODUCTION = """
[server]
mode = "production"
public_url = "https://calls.example.org"
[[resource]]
name = "contoso"
id = "6d889502-3d7a-41a8-befa-d21fd80e8767"
access_keys = ["b3RoZXIgcmVzb3VyY2Uga2V5OiB0aGlydHktdHdvIGJ5dGVzIG9yIG1vcmUh"]
"""
TRUNK = """
[[trunk]]
name = "carrier"
targets = ["192.0.2.1:5060"]
{more}
"""


@dataclass
class Place:
    """A server on its sockets. ``taken`` counts the messages it has dealt with."""

    phones: Telephony
    edge: SipEdge
    facts: list[Fact] = field(default_factory=list)
    taken: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def port(self, transport: str) -> int:
        if transport == "TLS":
            assert self.edge.tls_address is not None
            return self.edge.tls_address[1]
        if transport in ("WS", "WSS"):
            return self.edge.ws_addresses[("WS", "WSS").index(transport)][1]
        return self.edge.address[1]

    async def dealt_with(self, count: int) -> None:
        """Wait until so many messages have been."""
        while self.taken < count:
            self.changed.clear()
            async with asyncio.timeout(20):
                await self.changed.wait()


@asynccontextmanager
async def server(folder: Path, head: str, sip: str = "", trunk: str = "") -> AsyncIterator[Place]:
    cert, key = Authority(folder).sign("us", dns=("us.example",))
    text = (
        f'{head}\n[sip]\nbind = "127.0.0.1:0"\ntls_bind = "127.0.0.1:0"\nws_bind = "127.0.0.1:0"\n'
        f'wss_bind = "127.0.0.1:0"\ntls_cert = "{cert}"\ntls_key = "{key}"\n{sip}\n'
        f"{TRUNK.format(more=trunk)}"
    )
    settings, clock, facts = parse(text), LoopClock(), []  # type: ignore[var-annotated]
    desk: Any = Desk()
    phones = Telephony(settings, desk, facts.append, lambda: 1, clock)
    edge = SipEdge(settings, phones.trunks, clock)
    place = Place(phones, edge, facts)
    handlers = edge.transports._handlers
    take = handlers.on_message

    def taken(data: bytes, flow: Flow) -> None:
        take(data, flow)
        place.taken += 1
        place.changed.set()

    object.__setattr__(handlers, "on_message", taken)
    await edge.listen()
    try:
        yield place
    finally:
        await phones.close()
        await edge.close()


def request(method: str, transport: str, name: str, tag: str = "") -> bytes:
    lines = [
        f"{method} sip:+14255550100@127.0.0.1 SIP/2.0",
        f"Via: SIP/2.0/{transport} 127.0.0.1:5999;branch=z9hG4bK{name};rport",
        "Max-Forwards: 70",
        "From: <sip:a@b.example>;tag=1",
        f"To: <sip:c@d.example>{tag and ';tag=' + tag}",
        f"Call-ID: {name}",
        f"CSeq: 1 {method}",
        "Contact: <sip:a@127.0.0.1:5999>",
        "Content-Length: 0\r\n\r\n",
    ]
    return "\r\n".join(lines).encode()


class Datagrams:
    """A stranger who sends datagrams."""

    def __init__(self, place: Place, host: str) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((host, 0))
        self._socket.connect(("127.0.0.1", place.port("UDP")))
        self._socket.setblocking(False)

    async def send(self, message: bytes) -> None:
        self._socket.send(message)

    async def heard(self) -> bytes:
        """All that has come; what was sent on this machine is there at once."""
        found = b""
        while True:
            try:
                found += self._socket.recv(65_535)
            except BlockingIOError:
                self._socket.close()
                return found


class Streams:
    """A stranger with a connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, web: bool) -> None:
        self._reader, self._writer, self._web = reader, writer, web

    async def send(self, message: bytes) -> None:
        self._writer.write(frame(TEXT, message) if self._web else message)

    async def heard(self) -> bytes:
        """All that comes until the server closes the connection."""
        found = await self._reader.read()
        self._writer.close()
        return found


async def stranger(place: Place, transport: str, host: str) -> Datagrams | Streams:
    if transport == "UDP":
        return Datagrams(place, host)
    context = None
    if transport in ("TLS", "WSS"):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    port = place.port(transport)
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, local_addr=(host, 0))
    web = transport in ("WS", "WSS")
    if web:
        writer.write(HANDSHAKE)
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
    return Streams(reader, writer, web)


def statuses(heard: bytes) -> list[int]:
    """Those of the answers in what was heard."""
    return [int(part[:3]) for part in heard.split(b"SIP/2.0 ")[1:]]


def lines(caplog: pytest.LogCaptureFixture, what: str) -> list[Any]:
    return [record for record in caplog.records if record.getMessage() == what]


async def everything(place: Place, transport: str, say: Callable[[str, str], bytes]) -> dict[str, bytes]:
    """What each method brought, each from an address of its own."""
    speakers = {}
    for number, method in enumerate(METHODS):
        speaker = await stranger(place, transport, f"127.0.1.{number + 1}")
        before = place.taken
        await speaker.send(say(method, f"{transport}{number}"))
        await place.dealt_with(before + 1)
        speakers[method] = speaker
    await place.edge.close()
    return {method: await speaker.heard() for method, speaker in speakers.items()}


@pytest.mark.parametrize("tag", ["", "nothing"], ids=["outside", "in a dialog there is not"])
@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_in_production_a_stranger_hears_nothing_whatever_it_asks(
    tmp_path: Path, transport: str, tag: str
) -> None:
    async with server(tmp_path, PRODUCTION) as place:
        heard = await everything(place, transport, lambda method, name: request(method, transport, name, tag))
        # A WebSocket says that it is closed; that was asked for before anything of SIP was.
        farewell = b"\x88\x02\x03\xe9" if transport in ("WS", "WSS") else b""
        found = {method: data.removeprefix(farewell) for method, data in heard.items()}
        assert found == dict.fromkeys(METHODS, b"")
        assert place.facts == []
        agent = place.phones.trunks.agent
        assert (agent.sessions, agent.transactions, agent.timers) == (0, 0, 0)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_in_production_broken_requests_are_met_with_silence_as_well(
    tmp_path: Path, transport: str
) -> None:
    def broken(method: str, name: str) -> bytes:
        return request(method, transport, name).replace(b"From: ", b"From: <<<")

    async with server(tmp_path, PRODUCTION) as place:
        heard = await everything(place, transport, broken)
        assert [data for data in heard.values() if b"SIP" in data] == []
        assert place.phones.trunks.agent.broken_messages == len(METHODS)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_in_development_a_stranger_is_told_and_so_is_the_log(
    tmp_path: Path, transport: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "hookflash.sip")
    async with server(tmp_path, "", "unknown_callers = false") as place:
        heard = await everything(place, transport, lambda method, name: request(method, transport, name))
    told = {method: statuses(data) for method, data in heard.items()}
    expected = {method: [403] for method in METHODS} | {"ACK": [], "CANCEL": [481], "OPTIONS": [200]}
    assert told == expected
    written = {(line.peer, line.method) for line in lines(caplog, "stranger refused")}
    hosts = {method: f"127.0.1.{number + 1}" for number, method in enumerate(METHODS)}
    # An ACK is answered by nobody and asks for nothing.
    assert written == {(hosts[method], method) for method in METHODS if method != "ACK"}
    assert place.facts == []


async def answers(folder: Path, transport: str, trunk: str, method: str) -> list[int]:
    """What somebody at an address hears of a server in production that has such a trunk."""
    async with server(folder, PRODUCTION, trunk=trunk) as place:
        speaker = await stranger(place, transport, "127.0.1.1")
        await speaker.send(request(method, transport, "one"))
        await place.dealt_with(1)
        await place.edge.close()
        return statuses(await speaker.heard())


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_the_same_sockets_are_not_deaf_in_production(tmp_path: Path, transport: str) -> None:
    """To a trunk of that address they are not; over WebSockets nobody is one by its address."""
    by_address = [] if transport in ("WS", "WSS") else [200]
    assert await answers(tmp_path / "1", transport, 'allow = ["127.0.1.1"]', "OPTIONS") == by_address
    proving = 'username = "u"\npassword = "p"\nchallenge = true'
    assert await answers(tmp_path / "2", transport, proving, "INVITE") == [401]
    assert await answers(tmp_path / "3", transport, proving, "OPTIONS") == []
