"""Bringing established legs into other calls.

The plane decides where a leg's audio goes. When that is another port, the phone has to be told by a re-INVITE
(RFC 3261 section 14.1), or by our answer to one of its own that comes first.
"""

from __future__ import annotations

import logging

from hookflash.calls.effects import MoveLeg
from hookflash.calls.facts import Cause, LegMoved, LegNotMoved
from hookflash.phones.bearers import Bearers
from hookflash.phones.leg_table import LegTable
from hookflash.phones.legs import Leg, LegState, Moving
from hookflash.phones.signalling import Signalling
from hookflash.phones.tasks import Tasks
from hookflash.ports.edges import FactSink
from hookflash.ports.plane import LegMedia, LegUnavailable

log = logging.getLogger("hookflash.sip")


class Moves:
    """Moves legs, and follows the re-INVITEs that takes."""

    def __init__(
        self,
        signalling: Signalling,
        legs: LegTable,
        bearers: Bearers,
        media: LegMedia,
        tasks: Tasks,
        sink: FactSink,
    ) -> None:
        self._signalling = signalling
        self._legs = legs
        self._bearers = bearers
        self._media = media
        self._tasks = tasks
        self._sink = sink

    def move(self, effect: MoveLeg) -> None:
        """Bring an established leg into another call; LegMoved or LegNotMoved follows."""
        self._tasks.spawn(self._move(effect))

    async def _move(self, effect: MoveLeg) -> None:
        leg = self._legs.get(effect.leg)
        if leg is None or leg.state is not LegState.UP or leg.negotiation is None:
            self._sink(LegNotMoved(effect.leg, "the phone is not in a call"))
            return
        if leg.moving is not Moving.NO:
            self._sink(LegNotMoved(effect.leg, "the phone is just being moved; try again when that is over"))
            return
        leg.moving = Moving.MEDIA
        try:
            port = await self._media.move_leg(leg.leg, effect.call)
        except LegUnavailable as error:
            leg.moving = Moving.NO
            if self._there(leg):
                self._sink(LegNotMoved(leg.leg, str(error)))
            return
        if not self._there(leg):
            return
        leg.moving, leg.call = Moving.PHONE, effect.call
        leg.port = leg.negotiation.port = port
        self.go_on(leg)

    # --- what happens to its session --------------------------------------------------------------------

    def reanswered(self, leg: Leg, body: bytes) -> None:
        """The phone took our offer."""
        if self._bearers.agree(leg, body):
            leg.told_port = leg.offered_port
            self.go_on(leg)
        else:
            self._refused(leg, 488, "its answer has no audio we offered")

    def refused(self, leg: Leg, status: int, reason: str) -> None:
        """The phone did not take our offer."""
        self._refused(leg, status, f"{status} {reason}")

    def reoffered(self, leg: Leg) -> None:
        """An offer of the phone's own came first: ours waits for the end of that, and may not be needed."""
        if leg.moving is Moving.PHONE:
            self._signalling.withdraw(leg.session)

    def acknowledged(self, leg: Leg) -> None:
        """The phone has our answer."""
        leg.told_port = leg.answered_port
        self.go_on(leg)

    def go_on(self, leg: Leg) -> None:
        """Tell a phone that moves where its audio is now; done when it knows."""
        if leg.moving is not Moving.PHONE or leg.negotiation is None:
            return
        if leg.told_port == leg.port:
            leg.moving = Moving.NO
            self._sink(LegMoved(leg.leg))
        elif self._signalling.may_reoffer(leg.session):
            leg.offered_port = leg.port
            self._signalling.reoffer(leg.session, leg.negotiation.offer().to_bytes())
        # Otherwise an exchange is under way, and what ends it leads here again.

    # --- inside -----------------------------------------------------------------------------------------

    def _refused(self, leg: Leg, status: int, why: str) -> None:
        """Its old port is gone and it does not want the new one: the phone can not be heard any more."""
        if leg.moving is not Moving.PHONE:
            return
        leg.moving = Moving.NO
        message = f"the phone did not take its new media address: {why}"
        log.warning("not moved", extra=leg.fields | {"problem": message})
        self._sink(LegNotMoved(leg.leg, message))
        # 487 is what a phone says that hangs up just now: its BYE is on the way (RFC 3261 section 15.1.2).
        if self._there(leg) and status != 487:
            self._legs.lose(leg, Cause(status, message))

    @staticmethod
    def _there(leg: Leg) -> bool:
        return leg.state is LegState.UP
