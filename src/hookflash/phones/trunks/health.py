"""Are the targets of a trunk there? Each is asked by OPTIONS (RFC 3261 section 11) every so often."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

from hookflash.phones.asking import Asking
from hookflash.phones.config import Target, TrunkConfig
from hookflash.phones.signalling import Signalling
from hookflash.phones.trunks.config import TrunkCare
from hookflash.phones.trunks.pausing import pause
from hookflash.ports.clock import Clock
from hookflash.sip.events import Replied
from hookflash.sip.flow import Flow
from hookflash.sip.headers import NameAddr
from hookflash.sip.inquiries import Inquiry, Series
from hookflash.sip.uri import SipUri, format_host_port

log = logging.getLogger("hookflash.sip")

PATIENCE = 10.0
"""Seconds for an answer at most: long enough for six tries over UDP."""
MAX_SERVERS = 4
"""Servers of one target that are asked in a round."""
DEAD = frozenset({408, 503, 504})
"""Answers that say nobody is there to take a call: a proxy tells of the server behind it, or an overloaded
server of itself. Any other answer shows that somebody is."""


def alive(outcome: Replied) -> bool:
    """Whether an answer to OPTIONS shows that calls can be taken."""
    return outcome.kind == "response" and outcome.status not in DEAD


@dataclass(slots=True)
class TargetState:
    """How a target does. ``since`` is when that last changed by the wall clock, 0 before it is known."""

    target: Target
    up: bool = True
    since: float = 0.0
    failures: int = 0
    problem: str = ""
    """Why the last round failed, "" when it did not."""

    def answered(self, wall: float) -> bool:
        """Somebody is there; True when that is news."""
        news = not self.up or not self.since
        self.up, self.failures, self.problem = True, 0, ""
        if news:
            self.since = wall
        return news

    def failed(self, wall: float, problem: str, limit: int) -> bool:
        """Nobody is; True when the target is down from now on."""
        self.failures += 1
        self.problem = problem
        if not self.up or self.failures < limit:
            return False
        self.up, self.since = False, wall
        return True

    def __str__(self) -> str:
        return format_host_port(*self.target)


class TargetWatch:
    """Asks one target for as long as it runs. ``draw`` is uniform in [0, 1)."""

    def __init__(
        self,
        trunk: TrunkConfig,
        care: TrunkCare,
        state: TargetState,
        signalling: Signalling,
        asking: Asking,
        clock: Clock,
        draw: Callable[[], float],
    ) -> None:
        self._trunk = trunk
        self._care = care
        self._state = state
        self._signalling = signalling
        self._asking = asking
        self._clock = clock
        self._draw = draw
        self._series = Series(trunk.username, trunk.password)

    async def run(self) -> None:
        """Ask, wait, ask again; a tenth earlier at times, so that not all servers are asked at once."""
        interval = self._care.health_interval
        while True:
            await self.look()
            await pause(self._clock, interval * (1.0 - 0.1 * self._draw()))

    async def look(self) -> None:
        """One round: up as soon as one server of the target answers."""
        problem = await self._problem()
        extra = {"trunk": self._trunk.name, "target": str(self._state)}
        if not problem:
            former = self._state.since
            if self._state.answered(self._clock.wall()):
                said = "target up again" if former else "target up"
                log.info(said, extra=extra)
        elif self._state.failed(self._clock.wall(), problem, self._care.health_failures):
            log.warning("target down", extra=extra | {"problem": problem})

    async def _problem(self) -> str:
        try:
            flows = await self._signalling.flows_to(self._trunk, self._state.target)
        except OSError as error:
            return str(error)
        problem = "it has no server"
        for flow in flows[:MAX_SERVERS]:
            outcome = await self._asking.ask(self._inquiry(flow))
            if alive(outcome):
                return ""
            self._signalling.avoid(flow, 2 * self._care.health_interval)
            problem = f"{flow.remote[0]}: {outcome.status} {outcome.reason}"
        return problem

    def _inquiry(self, flow: Flow) -> Inquiry:
        host, port = self._state.target
        usual = 5061 if flow.transport == "TLS" else 5060
        params = {} if flow.transport == "UDP" else {"transport": flow.transport.lower()}
        uri = SipUri("sip", None, host.lower(), None if port == usual else port, params)
        me = SipUri("sip", "hookflash", self._trunk.domain or flow.local[0])
        return Inquiry(
            "OPTIONS",
            str(uri),
            str(NameAddr("", me)),
            str(NameAddr("", replace(uri, port=None, params={}))),
            flow,
            (("Accept", "application/sdp"),),
            self._series,
            min(PATIENCE, self._care.health_interval),
        )
