"""Trunk phones on an in-memory network, with a far end in virtual time and a plane that only keeps count."""

from __future__ import annotations

import math
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace

from hookflash.calls.effects import AnswerLeg, DialLeg
from hookflash.calls.facts import Cause, Fact, IncomingLeg, LegUp
from hookflash.phones.config import PhonesConfig, RouteConfig, TrunkConfig
from hookflash.phones.guard import Guard, GuardRules
from hookflash.phones.trunk import TrunkPhones
from hookflash.ports.plane import ConnectLeg, LegUnavailable
from hookflash.sip.events import Event, IncomingInvite, Reoffered
from hookflash.sip.flow import Address, Flow, Send
from hookflash.sip.message import Request, Response, parse
from hookflash.sip.ua import Outgoing, Output, Settings, UserAgent
from hookflash.testing.clock import VirtualClock
from hookflash.wire.identifiers import Identifier

US: Address = ("192.0.2.2", 5060)
THEM: Address = ("192.0.2.1", 5060)
TARGET = Identifier.phone("+14255550100")
BYE = Cause(200, "OK")


def sdp(
    codecs: str = "0 101", port: int = 4000, direction: str = "sendrecv", host: str = "192.0.2.1"
) -> bytes:
    return (
        f"v=0\r\no=- 7 {port} IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
        f"m=audio {port} RTP/AVP {codecs}\r\na=rtpmap:101 telephone-event/8000\r\na={direction}\r\n"
    ).encode()


async def _at_once(leg: int) -> None:
    """Nothing holds a move back."""


class Plane:
    """Implements LegMedia; ``full`` makes it refuse. Legs that move get ``new_port``, 0 for their old one."""

    def __init__(self) -> None:
        self.legs: set[int] = set()
        self.connected: list[ConnectLeg] = []
        self.full: bool | LegUnavailable = False
        self.opening: Callable[[int], None] = lambda leg: None
        self.moving: Callable[[int], Awaitable[None]] = _at_once
        self.new_port = 0

    async def open_leg(self, leg: int, call: int, *, socket: bool = True) -> int:
        if self.full:
            raise (
                self.full
                if isinstance(self.full, LegUnavailable)
                else LegUnavailable("all 100 RTP ports are in use")
            )
        self.legs.add(leg)
        self.opening(leg)
        return 20_000 + 2 * leg

    async def move_leg(self, leg: int, call: int) -> int:
        await self.moving(leg)
        if self.full or leg not in self.legs:
            raise LegUnavailable("no media worker is ready")
        return self.new_port or 20_000 + 2 * leg

    def connect_leg(self, command: ConnectLeg) -> None:
        assert command.leg in self.legs
        self.connected.append(command)

    def close_leg(self, leg: int) -> None:
        self.legs.remove(leg)


class Far:
    """A user agent at one address."""

    def __init__(self, bench: Bench, address: Address) -> None:
        self.bench, self.address = bench, address
        self.agent = UserAgent(Settings(), random.Random(address[1]).randbytes)
        self.events: list[Event] = []
        self.react: Callable[[Event], None] = lambda event: None
        self.silent = False

    def receive(self, data: bytes, flow: Flow) -> None:
        if not self.silent:
            self.take(self.agent.receive(self.bench.clock.now(), data, flow))

    def take(self, outputs: list[Output]) -> None:
        for output in outputs:
            if isinstance(output, Send):
                self.bench.seen.append(parse(output.data))
                self.bench.wire.append((output.data, US, Flow("UDP", US, self.address)))
            else:
                self.events.append(output)
                self.react(output)

    def call(self, uri: str = "sip:+14255550100@192.0.2.2", body: bytes = b"", **more: str) -> int:
        headers = tuple((name.replace("_", "-"), value) for name, value in more.items())
        sender = f'"Ada" <sip:+12065550100@{self.address[0]}>'
        flow = Flow("UDP", self.address, US)
        outgoing = Outgoing(uri, sender, "<sip:x@192.0.2.2>", body, flow, headers)
        session, outputs = self.agent.invite(self.bench.clock.now(), outgoing)
        self.take(outputs)
        return session

    def answer_calls(self, body: bytes, ring: bool = True) -> None:
        def react(event: Event) -> None:
            now = self.bench.clock.now()
            if isinstance(event, IncomingInvite) and ring:
                self.take(self.agent.ring(now, event.session))
            if isinstance(event, IncomingInvite | Reoffered):
                self.take(self.agent.answer(now, event.session, body))

        self.react = react

    def refuse_calls(self, status: int, **more: str) -> None:
        from hookflash.sip.fields import Headers

        headers = Headers([(name.replace("_", "-"), value) for name, value in more.items()])

        def react(event: Event) -> None:
            if isinstance(event, IncomingInvite):
                self.take(self.agent.refuse(self.bench.clock.now(), event.session, status, "", headers))

        self.react = react

    def kinds(self) -> list[str]:
        return [type(event).__name__ for event in self.events]


class Bench:
    """Everything together. Messages travel in no time; only the clock's timers take any."""

    def __init__(
        self,
        config: PhonesConfig | None = None,
        settings: Settings | None = None,
        guard: GuardRules | None = None,
    ) -> None:
        self.clock = VirtualClock()
        self.plane = Plane()
        self.facts: list[Fact] = []
        self.on_fact: Callable[[Fact], None] = lambda fact: None
        self.wire: list[tuple[bytes, Address, Flow]] = []
        self.seen: list[Request | Response] = []
        self.fars: dict[Address, Far] = {}
        self.unreachable: set[str] = set()
        self.avoided: list[tuple[Address, float]] = []
        self._leg = 100
        self.phones = TrunkPhones(
            config or configured(),
            self.plane,
            self._fact,
            self.new_leg,
            self.clock,
            settings=settings,
            guard=Guard(self.clock, guard),
            entropy=random.Random(5).randbytes,
            draw=random.Random(6).random,
        )
        self.phones.attach(self)
        self.far = self.at(THEM)

    def at(self, address: Address) -> Far:
        far = self.fars[address] = Far(self, address)
        return far

    def new_leg(self) -> int:
        self._leg += 1
        return self._leg

    def _fact(self, fact: Fact) -> None:
        self.facts.append(fact)
        self.on_fact(fact)

    def leg(self) -> int:
        """The leg of the latest call that came in."""
        return next(fact.leg for fact in reversed(self.facts) if isinstance(fact, IncomingLeg))

    # --- the network as the phones see it ---------------------------------------------------------------

    def send(self, data: bytes, flow: Flow) -> None:
        if data.strip():
            self.seen.append(parse(data))
        self.wire.append((data, flow.remote, Flow(flow.transport, flow.remote, US)))

    async def flows_to(
        self, transport: str, host: str, port: int | None, *, secure: bool = False
    ) -> list[Flow]:
        if host in self.unreachable:
            raise OSError(f"no route to {host}")
        return [Flow(transport, US, (host, port or 5060))]

    def avoid(self, flow: Flow, seconds: float) -> None:
        self.avoided.append((flow.remote, seconds))

    # --- time -------------------------------------------------------------------------------------------

    async def settle(self, seconds: float = 0.0) -> None:
        """Let tasks run and messages arrive; then ``seconds`` pass, at once while nothing is due."""
        end = self.clock.now() + seconds
        while True:
            for _ in range(6):
                await self.clock.settle(3)
                self._deliver()
            if self.clock.now() >= end:
                return
            self.clock.advance(min(max(0.5, self._due - self.clock.now()), end - self.clock.now()))
            for far in self.fars.values():
                far.take(far.agent.timeout(self.clock.now()))

    @property
    def _due(self) -> float:
        """When a timer of anybody is due next."""
        due = [self.clock.next_at, *(far.agent.next_timeout() for far in self.fars.values())]
        return min((at for at in due if at is not None), default=math.inf)

    def _deliver(self) -> None:
        wire, self.wire = self.wire, []
        for data, to, flow in wire:
            if to == US:
                self.phones.ingress.receive(data, flow)
            elif to in self.fars:
                self.fars[to].receive(data, flow)

    async def over(self) -> None:
        """Every leg is gone: wait for the last timers; nothing may be left anywhere."""
        assert self.phones.legs == 0
        assert self.plane.legs == set()
        await self.settle(150.0)
        agent = self.phones.agent
        assert (agent.sessions, agent.dialogs, agent.transactions, agent.timers) == (0, 0, 0, 0)
        assert self.clock.next_at is None

    def sent(self, method: str) -> list[Request]:
        return [m for m in self.seen if isinstance(m, Request) and m.method == method]


def configured(**changes: object) -> PhonesConfig:
    trunk = TrunkConfig("carrier", (THEM,), caller="+12065550199", ring_timeout=60.0)
    fields: dict[str, object] = {"trunks": (trunk,), "routes": (RouteConfig("+1", "carrier"),)}
    return PhonesConfig(**(fields | changes))  # type: ignore[arg-type]


def dialled(leg: int = 7, **changes: object) -> DialLeg:
    return replace(DialLeg(leg, 3, TARGET, "+12065550100"), **changes)  # type: ignore[arg-type]


async def incoming(bench: Bench, body: bytes | None = None, **more: str) -> int:
    """A call that has come in; returns its leg."""
    bench.far.call(body=sdp() if body is None else body, **more)
    await bench.settle()
    return bench.leg()


async def answered(bench: Bench) -> int:
    leg = await incoming(bench)
    bench.phones.answer(AnswerLeg(leg, 3))
    await bench.settle()
    assert bench.facts[-1] == LegUp(leg)
    return leg


async def up(bench: Bench) -> int:
    bench.far.answer_calls(sdp())
    bench.phones.dial(dialled())
    await bench.settle()
    assert bench.facts[-1] == LegUp(7)
    return 7
