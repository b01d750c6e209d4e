"""A server call: participants, apps, whoever is still being reached; how people come in, how it ends.

A call begins with its *originator*, a phone or an app, who waits while others are reached: dialled phones
and invited apps. The first of them to come in brings the originator up (a waiting phone is answered, and is
up once it acknowledges), and with it every app that has answered. From then on people come and go, and the
call lives while somebody is in it and there are two ends, counting those still being reached and those on
their way to it or from it. The last one is not left alone: when one end remains, the call ends. Only a
*named* call, a group call or a room, lives while anybody at all is in it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING

from hookflash.calls.audio_effects import Roster, UpdateRoster
from hookflash.calls.connection import Connection
from hookflash.calls.effects import (
    AnswerLeg,
    CloseAppLeg,
    EndLeg,
    JoinMix,
    LeaveMix,
    MuteLeg,
    OpenAppLeg,
    RefuseLeg,
)
from hookflash.calls.ending import ALONE, Ending
from hookflash.calls.facts import Cause
from hookflash.calls.participants import Participant
from hookflash.calls.reaching import Reaching
from hookflash.calls.registry import NamedCall, Registry
from hookflash.calls.reporting import Report
from hookflash.calls.streams import roster_of
from hookflash.calls.tables import Leg, LegEvent
from hookflash.calls.turn import Turn
from hookflash.wire.identifiers import CommunicationIdentifierModel, Identifier
from hookflash.wire.results import SUCCESS, invalid_state, not_found

if TYPE_CHECKING:
    from hookflash.calls.moving import Move
    from hookflash.calls.recordings import Recording

MAX_ENDS = 350
"""Most ends one call has, those being reached included."""

_HANGUP = Cause(200, "OK")
_LEFT_MEMORY = 1000
"""How many of those who left a call are remembered."""


class ServerCall:
    """``number`` names its mix in the plane; ``caller`` and ``targets`` are identities.

    ``resources`` are the GUIDs of all that ever had part in it. ``arriving`` are moves that wait to begin,
    and ``departing`` those of people on their way out, each by leg. ``recording`` is the one that runs.
    """

    def __init__(
        self,
        registry: Registry,
        caller: Identifier,
        *,
        caller_number: str | None = None,
        display_name: str = "",
        name: NamedCall | None = None,
    ) -> None:
        self.registry = registry
        self.number = registry.new_call_number()
        self.id = registry.minter.server_call_id()
        self.correlation_id = registry.minter.correlation_id()
        self.caller = caller
        self.caller_number = caller_number
        self.display_name = display_name
        self.name = name
        self.targets: list[Identifier] = []
        self.resources: set[str] = set()
        self.participants: dict[int, Participant] = {}
        self.connections: dict[int, Connection] = {}
        self.reachings: list[Reaching] = []
        self.arriving: dict[int, Move] = {}
        self.departing: dict[int, Move] = {}
        self.originator: Participant | None = None
        self.recording: Recording | None = None
        self.over = False
        self.report = Report(self)
        self._told: Roster = ()
        self._left: OrderedDict[str, None] = OrderedDict()
        registry.add_call(self)
        if name is not None:
            registry.named[name] = self

    # --- who is in it -----------------------------------------------------------------------------------

    def present(self) -> list[Participant]:
        """Everybody in the call, up or on hold, in the order they came to it."""
        return [person for person in self.participants.values() if person.present]

    def names(self) -> str:
        """Who is in the call, for messages."""
        return ", ".join(person.identity.raw_id for person in self.present()) or "nobody yet"

    @property
    def placed(self) -> bool:
        """Whether its audio has a place: an app is in it, or somebody is up."""
        return bool(self.connections) or any(person.present for person in self.participants.values())

    def ends(self) -> int:
        """How many ends the call has, counting those being reached or moved."""
        here = sum(not person.being_reached for person in self.participants.values())
        reached = sum(not one.replaces for one in self.reachings)
        return here + reached + len(self.arriving) + len(self.departing)

    def member(self, wanted: Identifier) -> Participant | None:
        """Whoever in the call is called that."""
        return next((person for person in self.present() if person.identity.matches(wanted)), None)

    def named(self, wanted: Identifier) -> Participant | None:
        """As :meth:`member`, or else the app others know by that number."""
        return self.member(wanted) or next(
            (one for one in self.present() if any(alias.matches(wanted) for alias in one.aliases)), None
        )

    def find(self, model: CommunicationIdentifierModel, field: str) -> Participant:
        """Whom an identifier names. Raises Refusal 404/8522, or 400/8523 when it is no identifier."""
        wanted = Identifier.from_model(model, field)
        person = self.named(wanted)
        if person is None:
            raise not_found(
                f"Participant {wanted} ({field}) is not in the call; participants are: {self.names()}.",
                target=field,
            )
        return person

    def require_room(self, more: int = 1) -> None:
        """Raises Refusal 400/8585 when ``more`` ends would be too many."""
        if self.ends() + more > MAX_ENDS:
            raise invalid_state(
                f"The call has {self.ends()} ends and takes {MAX_ENDS}, so {more} more are too many; remove "
                "somebody first."
            )

    def has_left(self, identity: Identifier) -> bool:
        """Whether somebody of that identity was in the call before; the newest thousand are remembered."""
        return identity.raw_id in self._left

    # --- coming in --------------------------------------------------------------------------------------

    def add(self, person: Participant) -> None:
        self.participants[person.leg] = person
        self.registry.legs[person.leg] = (self, person)
        if person.state is Leg.WAITING:
            self.originator = person

    def add_app(self, turn: Turn, connection: Connection) -> None:
        """An app's own leg, and its connection."""
        leg = connection.participant.leg
        self.add(connection.participant)
        self.connections[leg] = connection
        self.resources.add(connection.resource)
        self.registry.connections[connection.id] = connection
        connection.open(turn)
        turn.emit(OpenAppLeg(leg, self.number))

    def established(self, turn: Turn, person: Participant) -> None:
        """A phone's leg is up: one we dialled was answered, or the caller acknowledged."""
        reaching = person.reaching
        if reaching is not None:
            reaching.answered_by_phone(turn)
        self._up(turn, person)
        self.settle(turn, [person])
        if reaching is not None:
            reaching.purpose.reached(turn, reaching, person)

    def settle(self, turn: Turn, came: list[Participant]) -> None:
        """Somebody came in: bring up the originator, then the apps that wait for it, and tell all."""
        caller = self.originator
        if caller is not None and caller.state is Leg.WAITING and self._somebody_answered():
            caller.machine.fire(LegEvent.ANSWER)
            if caller.is_phone:
                turn.emit(AnswerLeg(caller.leg, self.number))
            else:
                came.append(self._up(turn, caller))
        if not self._awaits_transferee() if caller is None else caller.present:
            came += [
                self._up(turn, person)
                for person in self.participants.values()
                if person.state is Leg.JOINING and not person.is_phone
            ]
        self.came(turn, came)

    def _awaits_transferee(self) -> bool:
        """Whether nobody is in yet and somebody is on the way from another call: the app that answered a
        transfer is up when there is somebody it can talk to."""
        coming = self.arriving or any(person.moving for person in self.participants.values())
        return bool(coming) and not self.present()

    def _somebody_answered(self) -> bool:
        """Whether anybody is in beside the originator; apps that merely connected do not count."""
        return any(
            person.present or (person.leg in self.connections and self.connections[person.leg].answers)
            for person in self.participants.values()
            if person is not self.originator
        )

    def came(self, turn: Turn, people: list[Participant]) -> None:
        """They are up: their apps are told so, then everybody who is in the call now."""
        for person in people:
            if person.leg in self.connections and not self.connections[person.leg].up:
                self.connections[person.leg].connect(turn)
        if not people:
            return
        self.roster_changed(turn)
        self.report.came(turn, people)
        for person in people:
            for connection in self.connections.values():
                if connection.up and connection.participant is not person:
                    connection.desk.joined(turn, person.leg)

    def _up(self, turn: Turn, person: Participant) -> Participant:
        person.machine.fire(LegEvent.ESTABLISH)
        turn.emit(JoinMix(person.leg))
        return person

    # --- while it lasts ---------------------------------------------------------------------------------

    def roster_changed(self, turn: Turn) -> None:
        """Tell every app, and whoever streams or records the call, who is in it."""
        for connection in self.connections.values():
            connection.roster_changed(turn)
        self._tell_roster(turn)

    def _tell_roster(self, turn: Turn) -> None:
        """Streams and recordings have to know who speaks; nobody else is told."""
        if self.recording is None and not any(one.streams.running for one in self.connections.values()):
            self._told = ()
            return
        roster = roster_of(self)
        if roster != self._told:
            self._told = roster
            turn.emit(UpdateRoster(self.number, roster))

    def hold(self, turn: Turn, person: Participant) -> None:
        """Take somebody out of the mix; what plays to them alone ends."""
        person.machine.fire(LegEvent.HOLD)
        turn.emit(LeaveMix(person.leg))
        for connection in self.connections.values():
            connection.desk.held(turn, person.leg)
        self.roster_changed(turn)

    def unhold(self, turn: Turn, person: Participant) -> None:
        """Bring somebody back into the mix; their hold music ends."""
        person.machine.fire(LegEvent.UNHOLD)
        for connection in self.connections.values():
            connection.desk.stop_music(turn, person.leg)
        turn.emit(JoinMix(person.leg))
        self.roster_changed(turn)
        for connection in self.connections.values():
            connection.desk.joined(turn, person.leg)

    def mute(self, turn: Turn, person: Participant, muted: bool) -> None:
        """Let nobody hear somebody, or everybody again; the same once more changes nothing."""
        if person.muted is not muted:
            person.muted = muted
            turn.emit(MuteLeg(person.leg, muted))
            self.roster_changed(turn)

    def heard(self, turn: Turn, leg: int, digit: str, audible: bool) -> None:
        """Somebody pressed a key: it is for the apps; where there is none, for the others."""
        for connection in list(self.connections.values()):
            connection.streams.heard(turn, leg, digit)
            connection.desk.heard(turn, leg, digit)
        if not self.connections and not audible:
            for person in self.present():
                if person.leg != leg:
                    turn.pass_key(self.number, person.leg, digit)

    # --- going ------------------------------------------------------------------------------------------

    def unreached(self, turn: Turn, person: Participant, ending: Ending) -> None:
        """A leg that was never up here is gone: a dialled phone, the originator before the call began, or
        somebody who was on the way from another call."""
        reaching = person.reaching
        self.forget(turn, person, ending)
        if reaching is not None:
            reaching.phone_failed(turn, ending)
        elif not self.shrink(turn, ending):
            self.settle(turn, [])

    def gone(
        self, turn: Turn, person: Participant, ending: Ending, told: Callable[[Turn], None] | None = None
    ) -> None:
        """Somebody who was in the call has left it.

        ``told`` has its say when the others know and before the call ends, if it does.
        """
        self.forget(turn, person, ending)
        self.left(turn, person, ending, told)

    def left(
        self, turn: Turn, person: Participant, ending: Ending, told: Callable[[Turn], None] | None = None
    ) -> None:
        """As :meth:`gone`, for somebody whose leg goes on elsewhere."""
        self._left[person.identity.raw_id] = None
        while len(self._left) > _LEFT_MEMORY:
            self._left.popitem(last=False)
        self.report.left(turn, person)
        for connection in self.connections.values():
            connection.story.left(turn.now, person)
        if self._lives():
            if not self.connections:
                self._release_held(turn)
            for connection in self.connections.values():
                connection.desk.left(turn, person.leg)
            self.roster_changed(turn)
        if told is not None:
            told(turn)
        self.shrink(turn, ending)

    def _release_held(self, turn: Turn) -> None:
        """The last app has left, and nobody else could take anybody off hold or let them speak."""
        for person in self.present():
            self.mute(turn, person, False)
            if person.on_hold:
                self.unhold(turn, person)

    def app_leaves(self, turn: Turn, connection: Connection, ending: Ending) -> None:
        """An app hangs up: with only one other end, or before anybody answered, that ends the call."""
        if self.name is None and (self.ends() <= 2 or not connection.up):
            self.end(turn, ending)
        else:
            self.drop_app(turn, connection, ending)

    def drop_app(
        self,
        turn: Turn,
        connection: Connection,
        ending: Ending,
        told: Callable[[Turn], None] | None = None,
    ) -> None:
        """One app is out, whatever becomes of the others."""
        self._close_connection(turn, connection, ending)
        self.gone(turn, connection.participant, ALONE, told)

    def end(self, turn: Turn, ending: Ending) -> None:
        """Everybody goes: last events for apps, a final response for waiting callers, BYE or CANCEL."""
        self.over = True
        self.registry.remove_call(self)
        people = [*self.present(), *(move.person for move in self.departing.values())]
        if self.recording is not None:
            fault = ending.result(self.recording.version) if ending.fault else SUCCESS
            self.recording.stop(turn, fault)
        for connection in list(self.connections.values()):
            self._close_connection(turn, connection, ending)
        for reaching in list(self.reachings):
            reaching.withdraw(turn, _HANGUP)
        for move in list(self.arriving.values()):
            move.call_off(turn, ending)
        for person in list(self.participants.values()):
            if person.is_phone:
                if person.state is Leg.WAITING:
                    turn.emit(RefuseLeg(person.leg, ending.status, ending.reason))
                else:
                    turn.emit(EndLeg(person.leg, _HANGUP))
            self.forget(turn, person, ending)
        self.report.ended(turn, people, ending)

    def shrink(self, turn: Turn, ending: Ending) -> bool:
        """End the call when too little of it is left; whether it is over."""
        if not self.over and not self._lives():
            self.end(turn, ending)
        return self.over

    def _lives(self) -> bool:
        anchored = bool(self.arriving or self.departing) or any(
            person.present or person.moving or person is self.originator
            for person in self.participants.values()
        )
        return anchored and (self.name is not None or self.ends() >= 2)

    def _close_connection(self, turn: Turn, connection: Connection, ending: Ending) -> None:
        del self.connections[connection.participant.leg]
        connection.close(turn, ending)
        self.registry.remember_ended(connection)

    def forget(self, turn: Turn, person: Participant, ending: Ending) -> None:
        """Take a leg that is over out of every index; a call it was to move to, or from, is told."""
        person.go()
        if not person.is_phone:
            turn.emit(CloseAppLeg(person.leg))
        if self.originator is person:
            self.originator = None
        del self.participants[person.leg]
        del self.registry.legs[person.leg]
        if person.referral is not None:
            person.referral.lost(turn, ending)
        if person.move is not None:
            person.move.lost(turn, ending)
