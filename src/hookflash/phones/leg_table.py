"""The legs alive: how they are found, how they come up and how they end.

Every leg ends here, in one of three ways: left (we end it; no fact), failed (LegFailed) or ended (LegDown).
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Awaitable, Callable

from hookflash.calls.facts import Cause, LegDown, LegFailed, LegRinging, LegUp
from hookflash.phones.causes import parting, refusing
from hookflash.phones.legs import Leg, LegState
from hookflash.phones.signalling import Signalling
from hookflash.phones.tolls import TollGate
from hookflash.ports.edges import FactSink
from hookflash.ports.plane import LegMedia

log = logging.getLogger("hookflash.sip")


class LegTable:
    """Legs by their number and by their session."""

    def __init__(
        self, signalling: Signalling, media: LegMedia, sink: FactSink, tolls: TollGate | None = None
    ) -> None:
        self._tolls = tolls
        self._signalling = signalling
        self._media = media
        self._sink = sink
        self._legs: dict[int, Leg] = {}
        self._sessions: dict[int, Leg] = {}
        self._talking: Counter[str] = Counter()
        self._carried: Counter[str] = Counter()
        self._sources: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._legs)

    def all(self) -> list[Leg]:
        """Every leg alive, as of now."""
        return list(self._legs.values())

    def get(self, leg: int) -> Leg | None:
        """A leg by its number."""
        return self._legs.get(leg)

    def of_session(self, session: int) -> Leg | None:
        """The leg a session of the user agent belongs to."""
        return self._sessions.get(session)

    def talks_to(self, host: str) -> bool:
        """Whether a leg is up with the phone at an address."""
        return host in self._talking

    def talks(self, leg: Leg) -> None:
        """A leg is up with the phone at ``leg.peer``; said again when that has changed."""
        self._silent(leg)
        leg.talking_to = leg.peer
        self._talking[leg.peer] += 1

    def _silent(self, leg: Leg) -> None:
        host, leg.talking_to = leg.talking_to, ""
        if host:
            self._talking[host] -= 1
            if not self._talking[host]:
                del self._talking[host]

    def carried(self, trunk: str) -> int:
        """Legs that a trunk carries."""
        return self._carried.get(trunk, 0)

    def carry(self, leg: Leg, trunk: str) -> None:
        """A leg is with this trunk from now on; "" for none."""
        former, leg.trunk = leg.trunk, trunk
        for name, change in ((former, -1), (trunk, 1)):
            if name:
                self._carried[name] += change
                if not self._carried[name]:
                    del self._carried[name]

    def come_from(self, source: str) -> int:
        """Legs whose calls came in from a source."""
        return self._sources.get(source, 0)

    def add(self, leg: Leg) -> None:
        """Keep a new leg, with its session if it has one."""
        self._legs[leg.leg] = leg
        if leg.source:
            self._sources[leg.source] += 1
        if leg.trunk:
            self._carried[leg.trunk] += 1
        if leg.session:
            self._sessions[leg.session] = leg

    def bind(self, leg: Leg, session: int) -> None:
        """Give a leg another session; events of its earlier one are not its own any more."""
        self._sessions.pop(leg.session, None)
        leg.session = session
        self._sessions[session] = leg

    def watch(self, leg: Leg, session: int) -> None:
        """Events of one more session are a leg's: of a device that rings for it."""
        self._sessions[session] = leg

    def unwatch(self, session: int) -> None:
        """A device rings no more."""
        self._sessions.pop(session, None)

    # --- coming up --------------------------------------------------------------------------------------

    def rings(self, leg: Leg) -> None:
        """The phone we call rings; said once."""
        if not leg.rang and leg.state is LegState.DIALLING:
            leg.rang = True
            self._sink(LegRinging(leg.leg))

    def up(self, leg: Leg) -> None:
        """The leg is answered."""
        leg.state = LegState.UP
        leg.told_port = leg.port
        self.talks(leg)
        if self._tolls is not None:
            self._tolls.up(leg.leg)
        log.info("call up", extra=leg.fields)
        self._sink(LegUp(leg.leg, leg.refers))

    # --- ending -----------------------------------------------------------------------------------------

    def leave(
        self, leg: Leg, status: int, reason: str, cause: Cause | None = None, *, retry_after: int = 0
    ) -> None:
        """We end it: CANCEL, BYE, or a refusal with ``status``. No fact follows.

        ``cause`` is why; the status when there is none. ``retry_after`` (seconds) goes with a refusal.
        """
        log.info("call left", extra=leg.fields | {"state": leg.state.value})
        offered = leg.state in (LegState.OFFERED, LegState.ANSWERING) and not leg.accepted
        headers = refusing(status) if offered else parting(cause or Cause(status, reason))
        if offered and retry_after:
            headers = (*headers, ("Retry-After", str(retry_after)))
        sessions = [*leg.forks.open] if leg.forks is not None else [leg.session] if leg.session else []
        self._release(leg)
        for session in sessions:
            self._signalling.end(session, status, reason, headers)

    def fail(self, leg: Leg, status: int, reason: str) -> None:
        """It cannot come up for a reason of ours: end it on the network, and say so."""
        self.refuse(leg, Cause(status, reason))

    def refuse(self, leg: Leg, cause: Cause, *, retry_after: int = 0) -> None:
        """As :meth:`fail`; a caller may try again after so many seconds."""
        if leg.state is LegState.GONE:
            return
        said = cause.reason if cause.status != 503 else ""
        self.leave(leg, cause.status, said, cause, retry_after=retry_after)
        self._sink(LegFailed(leg.leg, cause))

    async def see_through(self, leg: Leg, work: Callable[[], Awaitable[None]]) -> None:
        """Await ``work``, what is done for a leg that comes up. An error of ours in that must not leave
        the leg there for ever, with its port: it fails.
        """
        try:
            await work()
        except Exception:
            log.exception("call failed by an error of ours", extra=leg.fields)
            if leg.state is LegState.UP:
                self.lose(leg, Cause(500, ""))
            else:
                self.fail(leg, 500, "")

    def failed(self, leg: Leg, cause: Cause) -> None:
        """It is gone already without having come up."""
        log.info("call failed", extra=leg.fields | {"status": cause.status, "reason": cause.reason})
        self._release(leg)
        self._sink(LegFailed(leg.leg, cause))

    def lose(self, leg: Leg, cause: Cause) -> None:
        """It is up but of no use any more: end it on the network, and say so."""
        self.leave(leg, cause.status, "", cause)
        self._sink(LegDown(leg.leg, cause))

    def ended(self, leg: Leg, cause: Cause) -> None:
        """It was up and is gone."""
        log.info("call ended", extra=leg.fields | {"status": cause.status, "reason": cause.reason})
        self._release(leg)
        self._sink(LegDown(leg.leg, cause))

    def _release(self, leg: Leg) -> None:
        """Forget a leg and give its media back; a media leg still being opened is closed when it comes."""
        leg.state = LegState.GONE
        self._silent(leg)
        if self._legs.pop(leg.leg, None) is not None:
            for counted, name in ((self._carried, leg.trunk), (self._sources, leg.source)):
                if name:
                    counted[name] -= 1
                    if not counted[name]:
                        del counted[name]
        self._sessions.pop(leg.session, None)
        if self._tolls is not None:
            self._tolls.gone(leg.leg)
        if leg.forks is not None:
            for session in leg.forks.open:
                self._sessions.pop(session, None)
        if leg.opened:
            leg.opened = False
            self._media.close_leg(leg.leg)
