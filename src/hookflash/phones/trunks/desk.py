"""All trunks under one roof: who is up, who knows us, who may take one more call."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from hookflash.phones.asking import Asking
from hookflash.phones.config import Target, TrunkConfig
from hookflash.phones.routes import Sources
from hookflash.phones.signalling import Signalling
from hookflash.phones.tasks import Tasks
from hookflash.phones.trunks.choosing import ordered
from hookflash.phones.trunks.config import TrunkCare
from hookflash.phones.trunks.enrolment import Enrolment
from hookflash.phones.trunks.health import TargetState, TargetWatch
from hookflash.phones.trunks.limits import Refusal, TrunkLimits
from hookflash.ports.clock import Clock
from hookflash.sip.errors import ParseError
from hookflash.sip.events import IncomingInvite
from hookflash.sip.flow import Flow
from hookflash.sip.headers import NameAddr
from hookflash.sip.message import Request
from hookflash.sip.uri import SipUri, Uri, parse_uri

CALLED = "P-Called-Party-ID"
"""The header that a registrar puts the number into that was called (RFC 7315 section 4.2)."""


@dataclass(frozen=True, slots=True)
class Carrier:
    """A trunk and what is known of it."""

    trunk: TrunkConfig
    care: TrunkCare
    targets: dict[Target, TargetState]
    limits: TrunkLimits
    enrolment: Enrolment | None

    @property
    def up(self) -> bool:
        """Whether any target is there, as far as is known."""
        return any(one.up for one in self.targets.values())


class TrunkDesk:
    """Looks after the trunks of the configuration; others are taken for up and have no limits.

    ``active`` says how many calls a trunk of this name carries.

    ``draw`` is uniform in [0, 1): for the order of targets and the spreading of what is done again and again.
    """

    def __init__(
        self,
        trunks: tuple[TrunkConfig, ...],
        signalling: Signalling,
        sources: Sources,
        clock: Clock,
        active: Callable[[str], int],
        draw: Callable[[], float] = random.random,
    ) -> None:
        self.asking = Asking(signalling)
        self._signalling = signalling
        self._clock = clock
        self._active = active
        self._draw = draw
        self._tasks = Tasks()
        self._started = False
        self.carriers: dict[str, Carrier] = {}
        for trunk in trunks:
            care, states = trunk.care, {target: TargetState(target) for target in trunk.targets}
            enrolment = None
            if care.register:
                enrolment = Enrolment(
                    trunk,
                    care,
                    signalling,
                    self.asking,
                    clock,
                    draw,
                    partial(self.order, trunk),
                    partial(sources.learn, trunk=trunk),
                )
            limits = TrunkLimits(trunk.name, care, clock.now())
            self.carriers[trunk.name] = Carrier(trunk, care, states, limits, enrolment)

    # --- running ----------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to ask and to register, once the network listens; again without effect."""
        if self._started:
            return
        self._started = True
        for carrier in self.carriers.values():
            if carrier.enrolment is not None:
                self._tasks.spawn(carrier.enrolment.run())
            if carrier.care.health_interval > 0:
                for state in carrier.targets.values():
                    watch = TargetWatch(
                        carrier.trunk,
                        carrier.care,
                        state,
                        self._signalling,
                        self.asking,
                        self._clock,
                        self._draw,
                    )
                    self._tasks.spawn(watch.run())

    async def close(self) -> None:
        """Stop asking, and take registrations back, which takes two seconds at most."""
        await self._tasks.cancel()
        leaving = Tasks()
        for carrier in self.carriers.values():
            if carrier.enrolment is not None:
                leaving.spawn(carrier.enrolment.leave())
        await leaving.over()

    def broken(self, flow: Flow) -> None:
        """A connection is gone."""
        for carrier in self.carriers.values():
            if carrier.enrolment is not None:
                carrier.enrolment.broken(flow)

    # --- calls ------------------------------------------------------------------------------------------

    def order(self, trunk: TrunkConfig) -> list[Target]:
        """The targets of a trunk, those that are down last."""
        if trunk.name not in self.carriers:
            return list(trunk.targets)
        states = self.carriers[trunk.name].targets
        found = ordered(trunk.targets, trunk.care.shares, self._draw)
        return sorted(found, key=lambda target: not states[target].up)

    def up(self, trunk: TrunkConfig) -> bool:
        """Whether any target of a trunk is there, as far as is known."""
        carrier = self.carriers.get(trunk.name)
        return carrier is None or carrier.up

    def admit(self, trunk: TrunkConfig, *, counted: bool = False) -> Refusal | None:
        """Let a trunk carry one more call; a refusal when it may not. ``counted``: it is active already."""
        if trunk.name not in self.carriers:
            return None
        active = self._active(trunk.name) - counted
        return self.carriers[trunk.name].limits.admit(self._clock.now(), active)

    def called(
        self, event: IncomingInvite, trunk: TrunkConfig | None
    ) -> tuple[IncomingInvite, TrunkConfig | None]:
        """A call to the Contact of a registration, as one to the number that was called; which trunk it is.

        ``trunk`` is the one it comes from by address, certificate or password. Several registrations with
        one registrar come from the same address: the Contact tells them apart, but nobody else's calls
        become a trunk's by it.
        """
        if trunk is None:
            return event, None
        try:
            uri = parse_uri(event.request.uri)
        except ParseError:
            return event, trunk
        for carrier in self.carriers.values():
            own = carrier.enrolment
            if own is None or uri.user != own.user:
                continue
            if carrier.trunk is trunk or event.flow.remote[0] in own.hosts:
                return _readdressed(event, carrier.trunk), carrier.trunk
        return event, trunk

    # --- what there is to see ---------------------------------------------------------------------------

    def active(self, name: str) -> int:
        """Calls that a trunk carries."""
        return self._active(name)


def _readdressed(event: IncomingInvite, trunk: TrunkConfig) -> IncomingInvite:
    """The call with the number that was called in its Request-URI, where one is told."""
    request = event.request
    found: list[Uri] = []
    for name in (CALLED, "To"):
        try:
            found += [NameAddr.parse(value).uri for value in request.headers.all(name)[:1]]
        except ParseError:
            continue
    numbers = [uri for uri in found if uri.user and uri.user.lstrip("+").isdecimal()]
    chosen = numbers or ([SipUri("sip", trunk.caller, "invalid")] if trunk.caller else found)
    if not chosen:
        return event
    return replace(event, request=Request(request.method, str(chosen[0]), request.headers, request.body))
