"""Moving: one participant's way from one call to another, for transfers and moveHere alike.

A move may wait first, while a transfer's target rings: then the participant is still in its call, and the
other call, which may hold nobody yet, lives for its sake. Once begun, the leg is in neither mix. It belongs
to the new call, which ends it should that call end; the old call keeps its place open, in case it comes
back. It arrives, returns, or is lost on the way.

What concerned the participant in the old call (plays to it, recognitions, tones, subscriptions, hold) ends
when the move begins; if it returns, it is put back as it was, on hold or not, but what ended stays ended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from hookflash.calls.effects import EndLeg, JoinMix, LeaveMix, MoveLeg, MuteLeg
from hookflash.calls.ending import ALONE, NOT_BROUGHT, Ending
from hookflash.calls.facts import Cause
from hookflash.calls.tables import LegEvent
from hookflash.calls.turn import Turn

if TYPE_CHECKING:
    from hookflash.calls.participants import Participant
    from hookflash.calls.server_call import ServerCall


class Mover(Protocol):
    """Whoever wants somebody moved. Exactly one of the three happens."""

    def moved(self, turn: Turn, move: Move) -> None:
        """They are up in the new call, which knows; the old one is told next."""
        ...

    def returned(self, turn: Turn, move: Move, message: str) -> None:
        """They could not be brought over, and are where they were."""
        ...

    def lost(self, turn: Turn, move: Move, ending: Ending) -> None:
        """They are gone, or the new call is."""
        ...


class Move:
    """``person`` goes from ``source`` to ``destination``."""

    def __init__(
        self, person: Participant, source: ServerCall, destination: ServerCall, mover: Mover
    ) -> None:
        self.person = person
        self.source = source
        self.destination = destination
        self.mover = mover
        self.was_held = False
        person.move = self
        destination.arriving[person.leg] = self

    def begin(self, turn: Turn) -> None:
        """Take the leg out of the old call and send it over."""
        person, source, destination = self.person, self.source, self.destination
        leg = person.leg
        self.was_held = person.on_hold
        del source.participants[leg]
        source.departing[leg] = self
        if source.originator is person:
            source.originator = None
        if not self.was_held:
            turn.emit(LeaveMix(leg))
        for connection in source.connections.values():
            if not self.was_held:
                connection.desk.held(turn, leg)
            connection.desk.left(turn, leg)
        person.machine.fire(LegEvent.MOVE)
        del destination.arriving[leg]
        destination.add(person)
        turn.emit(MoveLeg(leg, destination.number))

    # --- how it ends ------------------------------------------------------------------------------------

    def arrived(self, turn: Turn) -> None:
        person, source = self.person, self.source
        person.move = None
        del source.departing[person.leg]
        person.machine.fire(LegEvent.ARRIVE)
        turn.emit(JoinMix(person.leg))
        if person.muted:
            turn.emit(MuteLeg(person.leg, True))
        source.report.left(turn, person)
        self.destination.settle(turn, [person])
        self.mover.moved(turn, self)
        if not source.over:
            source.left(turn, person, ALONE)

    def returned(self, turn: Turn, message: str) -> None:
        person, source, destination = self.person, self.source, self.destination
        if source.over:
            # There is nowhere to go back to.
            turn.emit(EndLeg(person.leg, Cause(500, message)))
            destination.unreached(turn, person, ALONE)
            return
        person.move = None
        del source.departing[person.leg]
        del destination.participants[person.leg]
        source.add(person)
        person.machine.fire(LegEvent.RETURN)
        if self.was_held:
            person.machine.fire(LegEvent.HOLD)
        else:
            turn.emit(JoinMix(person.leg))
        source.roster_changed(turn)
        if not self.was_held:
            for connection in source.connections.values():
                connection.desk.joined(turn, person.leg)
        self.mover.returned(turn, self, message)
        destination.shrink(turn, NOT_BROUGHT)

    def lost(self, turn: Turn, ending: Ending) -> None:
        """The participant's leg is over, before or after the move began."""
        person, source = self.person, self.source
        person.move = None
        self.destination.arriving.pop(person.leg, None)
        begun = source.departing.pop(person.leg, None) is not None
        if begun:
            # The mover may end the old call, which knows nothing of the participant any more.
            source.report.left(turn, person)
        self.mover.lost(turn, self, ending)
        if begun and not source.over:
            source.left(turn, person, ending)

    def call_off(self, turn: Turn, ending: Ending) -> None:
        """The new call ends, or is not wanted any more, before the move has begun; the participant stays."""
        self.person.move = None
        self.destination.arriving.pop(self.person.leg, None)
        self.mover.lost(turn, self, ending)
