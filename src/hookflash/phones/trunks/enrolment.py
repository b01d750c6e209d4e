"""Being registered with a trunk: register, stay registered, come back after trouble, leave at the end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from enum import Enum

from hookflash.phones.asking import Asking
from hookflash.phones.config import Target, TrunkConfig
from hookflash.phones.signalling import Signalling
from hookflash.phones.trunks.config import TrunkCare
from hookflash.phones.trunks.pausing import pause
from hookflash.phones.trunks.registration import (
    contact_user,
    granted,
    least_expires,
    moves_to_next,
    outside,
    refresh_after,
    retry_after,
    wait_after,
)
from hookflash.ports.clock import Clock
from hookflash.sip.events import Replied
from hookflash.sip.flow import Address, Flow
from hookflash.sip.grammar import printable
from hookflash.sip.headers import NameAddr
from hookflash.sip.inquiries import Inquiry, Series
from hookflash.sip.uri import SipUri, format_host_port

log = logging.getLogger("hookflash.sip")

MAX_SERVERS = 8
"""Servers tried in one round."""
LEAVING = 2.0
"""Seconds for the answer to our leaving at the end."""
AFTER_BREAK = 4.0
"""Seconds within which we register again when the connection has gone: not all clients at the same moment."""
KEEP_OPEN = 25.0
"""Seconds after which a datagram keeps a NAT open: they forget a way over UDP after 30 s at times."""


class EnrolmentState(Enum):
    """WAITING: not registered, tried again later. REFUSED: the same, and the registrar has said no."""

    REGISTERING = "registering"
    REGISTERED = "registered"
    WAITING = "waiting"
    REFUSED = "refused"
    LEFT = "left"


class Enrolment:
    """The registration with one trunk. ``targets`` says in which order its targets are tried now.

    Attributes:
        state: how it stands; ``since`` is the wall clock's time of the last change.
        problem: why the last try failed, "" when it did not.
        until: when the registration ends by the clock, 0 without one.
        hosts: addresses of the registrars asked of late.
    """

    def __init__(
        self,
        trunk: TrunkConfig,
        care: TrunkCare,
        signalling: Signalling,
        asking: Asking,
        clock: Clock,
        draw: Callable[[], float],
        targets: Callable[[], list[Target]],
        learn: Callable[[str], None],
    ) -> None:
        self._trunk = trunk
        self._signalling = signalling
        self._asking = asking
        self._clock = clock
        self._draw = draw
        self._targets = targets
        self._learn = learn
        self._series = Series(trunk.username, trunk.password)
        self._expires = care.register_expires
        self._account = care.account or trunk.username
        self._wake = asyncio.Event()
        self._seen: Address | None = None
        self._failures = 0
        self.flow: Flow | None = None
        self.user = contact_user(trunk.name)
        self.state = EnrolmentState.REGISTERING
        self.since = clock.wall()
        self.problem = ""
        self.until = 0.0
        self.hosts: set[str] = set()

    async def run(self) -> None:
        """Stay registered until cancelled."""
        while True:
            outcome = await self._round()
            if outcome is None:
                self._failures = 0
                left = self.until - self._clock.now()
                await self._rest(refresh_after(int(left), self._draw()))
            else:
                self._failures += 1
                seconds = wait_after(self._failures, self._draw(), outcome)
                log.warning(
                    "not registered",
                    extra={"trunk": self._trunk.name, "problem": self.problem, "again": round(seconds)},
                )
                await pause(self._clock, seconds, self._wake)

    async def leave(self) -> None:
        """Take the registration back; not waited for longer than :data:`LEAVING`."""
        if self.state is EnrolmentState.REGISTERED and self.flow is not None:
            await self._asking.ask(self._inquiry(self.flow, 0, LEAVING))
        self._become(EnrolmentState.LEFT)
        self.until = 0.0

    def broken(self, flow: Flow) -> None:
        """A connection is gone: calls could not come over it any more, if it is ours."""
        own = self.flow
        if own is None or self.state is not EnrolmentState.REGISTERED or not own.reliable:
            return
        if (own.transport, own.remote) == (flow.transport, flow.remote):
            self._clock.call_at(self._clock.now() + AFTER_BREAK * self._draw(), self._wake.set)

    # --- one round --------------------------------------------------------------------------------------

    async def _round(self) -> float | None:
        """Try the servers; None once registered, else the seconds that were asked for before the next try."""
        if self.state is not EnrolmentState.REGISTERED:
            self._become(EnrolmentState.REGISTERING)
        asked_for, refused, tried = 0.0, False, 0
        self.problem = "it has no server"
        async for flow in self._servers():
            outcome = await self._register(flow)
            if outcome is None:
                return None
            tried += 1
            asked_for = max(asked_for, retry_after(outcome.headers))
            self.problem = printable(f"{flow.remote[0]}: {outcome.status} {outcome.reason}")
            refused = not moves_to_next(outcome)
            if refused or tried >= MAX_SERVERS:
                break
        # A registration that could not be refreshed holds until it ends.
        if self._clock.now() >= self.until or refused:
            self._become(EnrolmentState.REFUSED if refused else EnrolmentState.WAITING)
            self.flow, self.until = None, 0.0
        return asked_for

    async def _servers(self) -> AsyncIterator[Flow]:
        """Those to try: first the one we are registered with, which a refresh belongs to."""
        former = self.flow
        if former is not None:
            yield former
        for target in self._targets():
            try:
                flows = await self._signalling.flows_to(self._trunk, target)
            except OSError as error:
                self.problem = str(error)
                continue
            for flow in flows:
                if flow != former:
                    yield flow

    async def _register(self, flow: Flow) -> Replied | None:
        """Register with one server; None when that is done, its answer when it is not."""
        if self.flow is None or self.flow.remote[0] != flow.remote[0]:
            self._seen = None
        self.hosts.add(flow.remote[0])
        self._learn(flow.remote[0])
        outcome = await self._asking.ask(self._inquiry(flow, self._expires))
        least = least_expires(outcome)
        if least is not None and least > self._expires:
            self._expires = least
            outcome = await self._asking.ask(self._inquiry(flow, self._expires))
        seen = outside(flow, outcome.seen)
        if outcome.status == 200 and seen is not None and seen != self._seen:
            # What leads to us from outside is known now: that address instead of ours.
            former, self._seen = str(self._contact(flow)), seen
            outcome = await self._asking.ask(self._inquiry(flow, self._expires, former=former))
        if not 200 <= outcome.status <= 299:
            return outcome
        seconds = granted(outcome.headers, self._contact(flow), self._expires)
        if not seconds:
            return replace(outcome, reason="OK, but our contact is not among those registered")
        self.until = self._clock.now() + seconds
        self.flow, self.problem, self.hosts = flow, "", {flow.remote[0]}
        if self.state is not EnrolmentState.REGISTERED:
            extra = {"trunk": self._trunk.name, "peer": flow.remote[0], "seconds": seconds}
            log.info("registered", extra=extra)
            self._become(EnrolmentState.REGISTERED)
        return None

    async def _rest(self, seconds: float) -> None:
        """Wait until it is time to refresh, and keep the way to us open meanwhile."""
        end = self._clock.now() + seconds
        while (left := end - self._clock.now()) > 0:
            natted = self._seen is not None and self.flow is not None and not self.flow.reliable
            if await pause(self._clock, min(left, KEEP_OPEN) if natted else left, self._wake):
                return
            if natted and self.flow is not None:
                self._signalling.keep_open(self.flow)

    @property
    def registered(self) -> bool:
        """Whether the registrar knows us now."""
        return self.state is EnrolmentState.REGISTERED and self._clock.now() < self.until

    # --- words ------------------------------------------------------------------------------------------

    def _become(self, state: EnrolmentState) -> None:
        if state is not self.state:
            self.state, self.since = state, self._clock.wall()

    @property
    def registrar(self) -> str:
        """The server we are registered with, "" without one."""
        return "" if self.flow is None else format_host_port(*self.flow.remote)

    def _contact(self, flow: Flow) -> SipUri:
        host, port = self._seen or flow.local
        params = {} if flow.transport == "UDP" else {"transport": flow.transport.lower()}
        return SipUri("sip", self.user, host, port, params)

    def _inquiry(
        self, flow: Flow, expires: int, patience: float | None = None, *, former: str = ""
    ) -> Inquiry:
        """A REGISTER for ``expires`` seconds, which takes back a ``former`` contact."""
        domain = self._trunk.domain or self._trunk.targets[0][0]
        contacts = [("Contact", f"<{self._contact(flow)}>;expires={expires}")]
        if former:
            contacts.append(("Contact", f"<{former}>;expires=0"))
        account = str(NameAddr("", SipUri("sip", self._account, domain.lower())))
        headers = (*contacts, ("Expires", str(expires)))
        registrar = str(SipUri("sip", None, domain.lower()))
        return Inquiry("REGISTER", registrar, account, account, flow, headers, self._series, patience)
