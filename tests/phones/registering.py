"""Phones that register on the in-memory network of the trunk tests, each a whole user agent of its own."""

from __future__ import annotations

from collections.abc import Sequence

from phones.exchange import US, Bench, Far

from hookflash.phones.config import PhoneConfig, PhonesConfig
from hookflash.sip.digest import Challenge, answer
from hookflash.sip.flow import Address, Flow
from hookflash.sip.message import Request, Response
from hookflash.sip.ua import Outgoing
from hookflash.wire.identifiers import Identifier

RESOURCE = "11111111-2222-3333-4444-555555555555"
ALICE = Identifier.parse(f"8:acs:{RESOURCE}_alice")
BOB = Identifier.parse(f"8:acs:{RESOURCE}_bob")
PHONES = (
    PhoneConfig("alice", "alice's secret", ALICE),
    PhoneConfig("bob", "bob's secret", BOB),
    PhoneConfig("bob-soft", "soft secret", BOB),
)
DESK: Address = ("198.51.100.7", 5062)
SOFT: Address = ("198.51.100.8", 5064)
HERS: Address = ("198.51.100.6", 5066)


def office(phones: Sequence[PhoneConfig] = PHONES, **more: object) -> PhonesConfig:
    """Phones and nothing else, strangers in silence."""
    return PhonesConfig(**({"phones": tuple(phones), "silent": True} | more))  # type: ignore[arg-type]


class Handset:
    """A phone at an address: registers, calls and is called."""

    def __init__(
        self, bench: Bench, address: Address, username: str, password: str | None = None, connection: int = 0
    ) -> None:
        self.bench, self.address, self.username = bench, address, username
        self.password = f"{username}'s secret" if password is None else password
        self.far: Far = bench.at(address)
        self.flow = Flow("TCP" if connection else "UDP", US, address, connection)
        self.number = 0
        self.call_id = f"reg-{username}-{address[1]}"
        self.nonces: dict[str, int] = {}

    def contact(self, more: str = "") -> str:
        return f"<sip:{self.username}@{self.address[0]}:{self.address[1]}>{more}"

    def request(self, *lines: str, to: str = "", method: str = "REGISTER") -> bytes:
        self.number += 1
        name = to or self.username
        head = [
            f"{method} sip:192.0.2.2 SIP/2.0",
            f"Via: SIP/2.0/{self.flow.transport} {self.address[0]}:{self.address[1]}"
            f";branch=z9hG4bK{self.username}{self.address[1]}{self.number};rport",
            "Max-Forwards: 70",
            f"From: <sip:{name}@192.0.2.2>;tag=1",
            f"To: <sip:{name}@192.0.2.2>",
            f"Call-ID: {self.call_id}",
            f"CSeq: {self.number} {method}",
            *lines,
        ]
        return "\r\n".join([*head, "Content-Length: 0", "", ""]).encode()

    def ask(self, data: bytes) -> list[Response]:
        """The answers to a message."""
        before = len(self.bench.seen)
        self.bench.phones.ingress.receive(data, self.flow)
        return [message for message in self.bench.seen[before:] if isinstance(message, Response)]

    def proof(self, challenged: Response, uri: str = "sip:192.0.2.2") -> str:
        challenge = Challenge.parse(challenged.headers.get("WWW-Authenticate") or "")
        count = self.nonces[challenge.nonce] = self.nonces.get(challenge.nonce, 0) + 1
        value = answer(challenge, "REGISTER", uri, self.username, self.password, cnonce="c0ffee", nc=count)
        return f"Authorization: {value}"

    def send(self, *lines: str, to: str = "") -> Response:
        """A REGISTER with these lines, after its challenge."""
        (first,) = self.ask(self.request(*lines, to=to))
        assert first.status == 401, first
        (second,) = self.ask(self.request(*lines, self.proof(first), to=to))
        return second

    def register(self, expires: int = 300, more: str = "") -> Response:
        """Register the usual way."""
        return self.send(f"Contact: {self.contact(more)}", f"Expires: {expires}")

    def dial(self, callee: str, body: bytes, display: str = "", **headers: str) -> int:
        """Call, answering the challenge; returns the far session."""
        extra = tuple((name.replace("_", "-"), value) for name, value in headers.items())
        outgoing = Outgoing(
            f"sip:{callee}@192.0.2.2",
            f'"{display}" <sip:{self.username}@192.0.2.2>',
            f"<sip:{callee}@192.0.2.2>",
            body,
            Flow("UDP", self.address, US),
            extra,
            self.username,
            self.password,
        )
        session, outputs = self.far.agent.invite(self.bench.clock.now(), outgoing)
        self.far.take(outputs)
        return session

    @property
    def invites(self) -> list[Request]:
        """The INVITEs it has got."""
        return [one for one in self.bench.sent("INVITE") if f"{self.address[1]}" in one.uri]


def contacts(response: Response) -> list[str]:
    """The Contact values of an answer."""
    return response.headers.all("Contact")
