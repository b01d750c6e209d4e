"""A server call: participants, apps, whoever is still being asked; how people come in, how it ends.

A call begins with its *originator*, a phone or an app, who waits while others are reached: dialled phones
and invited apps. The first of them to come in brings the originator up (a waiting phone is answered, and is
up once it acknowledges), and with it every app that has answered. From then on people come and go, and the
call lives while somebody is in it and there are two ends, counting those still being reached. The last one
is not left alone: when one end remains, the call ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from hookflash.calls.connection import Connection
from hookflash.calls.effects import (
    AnswerLeg,
    CloseAppLeg,
    DialLeg,
    EndLeg,
    JoinMix,
    LeaveMix,
    OpenAppLeg,
    RaiseIncomingCall,
    RefuseLeg,
    Roster,
    UpdateRoster,
)
from hookflash.calls.ending import ALONE, NOT_ANSWERED, Ending
from hookflash.calls.facts import Cause
from hookflash.calls.invitations import Invitation
from hookflash.calls.participants import Participant
from hookflash.calls.registry import Registry
from hookflash.calls.streams import roster_of
from hookflash.calls.tables import InvitationEvent, Leg, LegEvent
from hookflash.calls.turn import Turn
from hookflash.wire.identifiers import CommunicationIdentifierModel, Identifier
from hookflash.wire.models import CustomContext, IncomingCallData
from hookflash.wire.results import not_found

if TYPE_CHECKING:
    from hookflash.calls.recordings import Recording

_HANGUP = Cause(200, "OK")


class ServerCall:
    """``number`` names its mix in the plane; ``caller`` and ``targets`` are identities."""

    def __init__(
        self,
        registry: Registry,
        caller: Identifier,
        *,
        caller_number: str | None = None,
        display_name: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.registry = registry
        self.number = registry.new_call_number()
        self.id = registry.minter.server_call_id()
        self.correlation_id = registry.minter.correlation_id()
        self.caller = caller
        self.caller_number = caller_number
        self.display_name = display_name
        self.headers = dict(headers or {})
        self.targets: list[Identifier] = []
        self.participants: dict[int, Participant] = {}
        self.connections: dict[int, Connection] = {}
        self.invitations: dict[str, Invitation] = {}
        self.originator: Participant | None = None
        self.recording: Recording | None = None
        self._told: Roster = ()
        registry.calls[self.number] = self

    # --- who is in it -----------------------------------------------------------------------------------

    def present(self) -> list[Participant]:
        """Everybody in the call, up or on hold, in the order they came to it."""
        return [person for person in self.participants.values() if person.present]

    def names(self) -> str:
        """Who is in the call, for messages."""
        return ", ".join(person.identity.raw_id for person in self.present()) or "nobody yet"

    def ends(self) -> int:
        """How many ends the call has, counting those being reached."""
        return len(self.participants) + len(self.invitations)

    def find(self, model: CommunicationIdentifierModel, field: str) -> Participant:
        """Whom an identifier names. Raises Refusal 404/8522, or 400/8523 when it is no identifier."""
        wanted = Identifier.from_model(model, field)
        for person in self.present():
            if person.identity.matches(wanted):
                return person
        raise not_found(
            f"Participant {wanted.raw_id} ({field}) is not in the call; participants are: {self.names()}."
        )

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
        self.registry.connections[connection.id] = connection
        connection.open(turn)
        turn.emit(OpenAppLeg(leg, self.number))

    def dial(self, turn: Turn, target: Identifier, shown: str | None, headers: Mapping[str, str]) -> None:
        """Call a phone outward; it may ring for a while."""
        person = Participant(self.registry.new_leg(), target, Leg.INVITING, is_phone=True, outbound=True)
        self.add(person)
        turn.emit(DialLeg(person.leg, self.number, target, shown, self.display_name, headers))

        def give_up(turn: Turn) -> None:
            person.timer = None
            turn.emit(EndLeg(person.leg, NOT_ANSWERED.cause))
            self.unreached(turn, person, NOT_ANSWERED)

        person.timer = turn.start_timer(turn.now + self.registry.timings.ring, give_up)

    def invite(self, turn: Turn, target: Identifier, resource: str, hops: int = 0) -> None:
        """Offer the call to the apps of ``resource``."""
        context = self.registry.minter.incoming_call_context()
        invitation = Invitation(context, self, target, resource, hops)
        self.invitations[context] = invitation
        self.registry.book.add(invitation)

        def expire(turn: Turn) -> None:
            invitation.timer = None
            self.decline(turn, invitation, InvitationEvent.EXPIRE, NOT_ANSWERED)

        invitation.timer = turn.start_timer(turn.now + self.registry.timings.invitation, expire)
        turn.emit(RaiseIncomingCall(resource, self._incoming_call(invitation)))

    def _incoming_call(self, invitation: Invitation) -> IncomingCallData:
        shown = self.caller
        if self.caller_number and invitation.target.phone_number is not None:
            shown = Identifier.phone(self.caller_number)
        return IncomingCallData(
            to=invitation.target.to_model(),
            from_=shown.to_model(),
            server_call_id=self.id,
            incoming_call_context=invitation.context,
            correlation_id=self.correlation_id,
            caller_display_name=self.display_name,
            custom_context=CustomContext(sip_headers=self.headers) if self.headers else None,
        )

    def decided(self, turn: Turn, invitation: Invitation, event: InvitationEvent) -> None:
        """An invitation is settled."""
        turn.stop_timer(invitation.timer)
        invitation.timer = None
        self.registry.book.decide(invitation, event)
        del self.invitations[invitation.context]

    def established(self, turn: Turn, person: Participant) -> None:
        """A phone's leg is up: one we dialled was answered, or the caller acknowledged."""
        turn.stop_timer(person.timer)
        person.timer = None
        self._up(turn, person)
        self.settle(turn, [person])

    def settle(self, turn: Turn, came: list[Participant]) -> None:
        """Somebody came in: bring up the originator, then the apps that wait for it, and tell all."""
        caller = self.originator
        if caller is not None and caller.state is Leg.WAITING:
            if caller.is_phone:
                caller.machine.fire(LegEvent.ANSWER)
                turn.emit(AnswerLeg(caller.leg, self.number))
            else:
                caller.machine.fire(LegEvent.ANSWER)
                came.append(self._up(turn, caller))
        if caller is None or caller.present:
            came += [
                self._up(turn, person)
                for person in self.participants.values()
                if person.state is Leg.JOINING and not person.is_phone
            ]
        for person in came:
            if person.leg in self.connections:
                self.connections[person.leg].connect(turn)
        if came:
            self.roster_changed(turn)
            for person in came:
                for connection in self.connections.values():
                    if connection.connected and connection.participant is not person:
                        connection.desk.joined(turn, person.leg)

    def _up(self, turn: Turn, person: Participant) -> Participant:
        person.machine.fire(LegEvent.ESTABLISH)
        turn.emit(JoinMix(person.leg))
        return person

    # --- while it lasts ---------------------------------------------------------------------------------

    def roster_changed(self, turn: Turn) -> None:
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

    def heard(self, turn: Turn, leg: int, digit: str) -> None:
        """Somebody pressed a key."""
        for connection in list(self.connections.values()):
            connection.streams.heard(turn, leg, digit)
            connection.desk.heard(turn, leg, digit)

    # --- going ------------------------------------------------------------------------------------------

    def unreached(self, turn: Turn, person: Participant, ending: Ending) -> None:
        """A leg that never came up is gone: a dialled phone, or the originator before the call began."""
        self._forget(turn, person)
        self._dwindle(turn, ending)

    def decline(self, turn: Turn, invitation: Invitation, event: InvitationEvent, ending: Ending) -> None:
        """An invitation came to nothing."""
        self.decided(turn, invitation, event)
        self._dwindle(turn, ending)

    def gone(self, turn: Turn, person: Participant, ending: Ending) -> None:
        """Somebody who was in the call has left it."""
        self._forget(turn, person)
        if self._dwindle(turn, ending):
            return
        if not self.connections:
            self._release_held(turn)
        for connection in self.connections.values():
            connection.desk.left(turn, person.leg)
        self.roster_changed(turn)

    def _release_held(self, turn: Turn) -> None:
        """The last app has left, and nobody else could take anybody off hold."""
        for person in self.present():
            if person.on_hold:
                self.unhold(turn, person)

    def app_leaves(self, turn: Turn, connection: Connection, ending: Ending) -> None:
        """An app hangs up: with only one other end, or before anybody answered, that ends the call."""
        if self.ends() <= 2 or not connection.connected:
            self.end(turn, ending)
            return
        self._close_connection(turn, connection, ending)
        self.gone(turn, connection.participant, ALONE)

    def end(self, turn: Turn, ending: Ending) -> None:
        """Everybody goes: last events for apps, a final response for waiting callers, BYE or CANCEL."""
        for invitation in list(self.invitations.values()):
            self.decided(turn, invitation, InvitationEvent.CANCEL)
        if self.recording is not None:
            self.recording.stop(turn, fault=ending.fault)
        for connection in list(self.connections.values()):
            self._close_connection(turn, connection, ending)
        for person in list(self.participants.values()):
            if person.is_phone:
                if person.state is Leg.WAITING:
                    turn.emit(RefuseLeg(person.leg, ending.status, ending.reason))
                else:
                    turn.emit(EndLeg(person.leg, _HANGUP))
            self._forget(turn, person)
        del self.registry.calls[self.number]

    def _dwindle(self, turn: Turn, ending: Ending) -> bool:
        """End the call when too little of it is left; whether it ended."""
        anchored = any(not person.being_reached for person in self.participants.values())
        if anchored and self.ends() >= 2:
            return False
        self.end(turn, ending)
        return True

    def _close_connection(self, turn: Turn, connection: Connection, ending: Ending) -> None:
        del self.connections[connection.participant.leg]
        connection.close(turn, ending)
        self.registry.remember_ended(connection)

    def _forget(self, turn: Turn, person: Participant) -> None:
        turn.stop_timer(person.timer)
        person.timer = None
        person.go()
        if not person.is_phone:
            turn.emit(CloseAppLeg(person.leg))
        if self.originator is person:
            self.originator = None
        del self.participants[person.leg]
        del self.registry.legs[person.leg]
