"""Transfers that a phone asks for (REFER, RFC 3515): its call shall go on with somebody else in its place.

Blind: the target is reached in the same call, as if an app had added it. When it answers, the phone that has
asked leaves, with BYE; apps see one participant come and another go. Until then, and if nobody answers, the
call goes on as it was; a phone that hangs up meanwhile is not waited for.

Attended: the phone is in two calls, and wants the others of both together. Where both are here the other
phones of the one move to the other call, and both legs of who has asked end; nobody is dialled. Apps cannot
be moved (they keep their calls), so at least one of the calls needs another phone. A dialog of another server
is reached by dialling, with Replaces (RFC 3891).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookflash.calls.effects import EndLeg, TellReferrer
from hookflash.calls.ending import ALONE, Ending
from hookflash.calls.facts import Cause, LegRefers
from hookflash.calls.moving import Move
from hookflash.calls.participants import Participant
from hookflash.calls.reaching import Manner, Reaching, Ways
from hookflash.calls.turn import Turn
from hookflash.wire.identifiers import Identifier
from hookflash.wire.results import Refusal

if TYPE_CHECKING:
    from hookflash.calls.registry import Registry
    from hookflash.calls.server_call import ServerCall

_TRANSFERRED = Cause(200, "OK")
_WITHDRAWN = (487, "The call has ended")


class Takeover:
    """What one phone has asked for, until it is told what became of it."""

    def __init__(self, person: Participant, refer: int) -> None:
        self.person = person
        self.refer = refer
        person.takeover = self

    def tell(self, turn: Turn, status: int, reason: str) -> None:
        """Have the phone told; a final status settles it."""
        if self.person.takeover is not self:
            return
        if status >= 200:
            self.person.takeover = None
        turn.emit(TellReferrer(self.person.leg, self.refer, status, reason))


def _leave(turn: Turn, call: ServerCall, person: Participant) -> None:
    """A phone that was taken over goes, unless it has gone already."""
    if not call.over and call.participants.get(person.leg) is person and person.present:
        turn.emit(EndLeg(person.leg, _TRANSFERRED))
        call.gone(turn, person, ALONE)


class Replacement(Takeover):
    """A blind transfer: the :class:`~hookflash.calls.reaching.Purpose` of reaching its target."""

    @property
    def replaces(self) -> bool:
        return self.person.present

    def reached(self, turn: Turn, reaching: Reaching, person: Participant) -> None:
        self.tell(turn, 200, "OK")
        _leave(turn, reaching.call, self.person)

    def failed(self, turn: Turn, reaching: Reaching, ending: Ending) -> None:
        cause = ending.cause
        if cause.status >= 300:
            self.tell(turn, cause.status, cause.reason)
        else:
            self.tell(turn, ending.status, ending.reason)
        reaching.call.shrink(turn, ALONE)

    def redirected(self, reaching: Reaching) -> None:
        reaching.watcher = self

    def rings(self, turn: Turn) -> None:
        self.tell(turn, 180, "Ringing")

    def withdrawn(self, turn: Turn) -> None:
        self.tell(turn, *_WITHDRAWN)


class Joining(Takeover):
    """An attended transfer between two calls that are here, and the Mover of those who move."""

    def __init__(
        self, person: Participant, refer: int, call: ServerCall, other: Participant, other_call: ServerCall
    ) -> None:
        super().__init__(person, refer)
        self.call = call
        self.other = other
        self.other_call = other_call
        self.waiting = 0
        self.came = 0

    def begin(self, turn: Turn, movers: list[Participant], destination: ServerCall) -> None:
        self.other.takeover = self
        source = self.other_call if destination is self.call else self.call
        self.waiting = len(movers)
        for move in [Move(person, source, destination, self) for person in movers]:
            move.begin(turn)

    def moved(self, turn: Turn, move: Move) -> None:
        self.came += 1
        self._one_less(turn, "")

    def returned(self, turn: Turn, move: Move, message: str) -> None:
        self._one_less(turn, message)

    def lost(self, turn: Turn, move: Move, ending: Ending) -> None:
        self._one_less(turn, ending.cause.reason)

    def _one_less(self, turn: Turn, problem: str) -> None:
        self.waiting -= 1
        if self.waiting:
            return
        if self.other.takeover is self:
            self.other.takeover = None
        if not self.came:
            self.tell(turn, 500, problem)
            return
        self.tell(turn, 200, "OK")
        _leave(turn, self.call, self.person)
        _leave(turn, self.other_call, self.other)


class TakeoverControl:
    """Decides about what phones ask for."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def refers(self, turn: Turn, fact: LegRefers) -> None:
        """A phone asks; it is told at once when that cannot be."""
        call, person = self._registry.legs.get(fact.leg, (None, None))
        if call is None or person is None or not person.present:
            refused: tuple[int, str] | None = (480, "It is in no call")
        elif person.leaving:
            refused = (491, "It is being transferred already")
        elif fact.joins is not None:
            refused = self._join(turn, fact, call, person, fact.joins)
        else:
            refused = self._replace(turn, fact, call, person)
        if refused is not None:
            turn.emit(TellReferrer(fact.leg, fact.refer, *refused))

    def _replace(
        self, turn: Turn, fact: LegRefers, call: ServerCall, person: Participant
    ) -> tuple[int, str] | None:
        ways = Ways.to(self._registry, fact.target)
        if ways.none:
            return 404, "Nobody is called that"
        if call.member(fact.target) is not None:
            return 403, "The target is in the call already"
        try:
            self._registry.admission.require_leg()
            call.require_room()
        except Refusal as refusal:
            return (503 if refusal.status == 503 else 480), refusal.message
        identity, number = _shown(call, person)
        manner = Manner(
            number,
            identity,
            resource=self._payer(call),
            referrer=fact.by,
            replaces=fact.replaces,
        )
        takeover = Replacement(person, fact.refer)
        reaching = Reaching(call, fact.target, manner, takeover)
        reaching.watcher = takeover
        reaching.begin(turn, ways)
        return None

    def _payer(self, call: ServerCall) -> str:
        """At whose expense the target is called: the resource of the call's app, without one its user's."""
        ours = [connection.resource for connection in call.connections.values()]
        owners = (self._registry.directory.resource_of(one.identity) for one in call.present())
        return next((owner for owner in [*ours, *owners] if owner), "")

    def _join(
        self, turn: Turn, fact: LegRefers, call: ServerCall, person: Participant, joins: int
    ) -> tuple[int, str] | None:
        other_call, other = self._registry.legs.get(joins, (None, None))
        if other_call is None or other is None or not other.present or other_call is call:
            return 481, "The other call does not exist"
        if call.resources and other_call.resources and call.resources.isdisjoint(other_call.resources):
            return 403, "The calls belong to different resources"
        ours, theirs = _phones(call, person), _phones(other_call, other)
        if other.leaving or any(one.leaving for one in (*ours, *theirs)):
            return 491, "Somebody is being transferred already"
        if not ours and not theirs:
            return 603, "There are only apps in both calls, and they cannot be moved"
        movers, destination = (theirs, call) if theirs else (ours, other_call)
        try:
            destination.require_room(len(movers))
        except Refusal as refusal:
            return 480, refusal.message
        Joining(person, fact.refer, call, other, other_call).begin(turn, movers, destination)
        return None


def _phones(call: ServerCall, beside: Participant) -> list[Participant]:
    """The other phones of a call."""
    return [one for one in call.present() if one.is_phone and one is not beside]


def _shown(call: ServerCall, person: Participant) -> tuple[Identifier, str | None]:
    """Who the target sees calling: the other party, or in a larger call the app; and with which number."""
    others = [one for one in call.present() if one is not person]
    apps = [connection.participant for connection in call.connections.values()]
    caller = others[0] if len(others) == 1 else next(iter([*apps, *others]), person)
    if caller.is_phone:
        return caller.identity, None if caller.identity.is_anonymous else caller.identity.phone_number
    known = (alias.phone_number for alias in caller.aliases)
    return caller.identity, next((number for number in known if number), call.caller_number)
