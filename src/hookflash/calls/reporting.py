"""What Event Grid is told of a call: that it started and ended, which users came and went.

Contract section 5.7. Each resource that has, or had, an app in the call is told, from the moment its first
app is up. Only communication users are reported as participants, so a call of phones and one app has one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hookflash.calls.effects import PublishEvent
from hookflash.wire.eventgrid import (
    CALL_ENDED,
    CALL_PARTICIPANT_ADDED,
    CALL_PARTICIPANT_REMOVED,
    CALL_STARTED,
    CallEndedBy,
    CallEndedByType,
    CallEndedData,
    CallEndReason,
    CallParticipantEventData,
    CallStartedData,
    GridId,
    GridParticipant,
)
from hookflash.wire.identifiers import IdentifierKind
from hookflash.wire.versions import NEWEST

if TYPE_CHECKING:
    from hookflash.calls.ending import Ending
    from hookflash.calls.participants import Participant
    from hookflash.calls.server_call import ServerCall
    from hookflash.calls.turn import Turn


class Report:
    """What has been told of one call, and to whom."""

    def __init__(self, call: ServerCall) -> None:
        self._call = call
        self._told: dict[str, set[int]] = {}
        """By resource, the legs it was told of."""
        self._guids: dict[int, str] = {}
        self._began: float | None = None
        self._last: Participant | None = None

    def came(self, turn: Turn, people: list[Participant]) -> None:
        """They are up."""
        if self._began is None:
            self._began = turn.now
        known = set(self._told)
        for connection in self._call.connections.values():
            if connection.up and connection.resource not in self._told:
                self._told[connection.resource] = set()
        for resource in self._told:
            if resource not in known:
                started = CallStartedData(**self._common())
                turn.emit(PublishEvent(resource, CALL_STARTED, started.subject, started))
            newcomers = people if resource in known else self._call.present()
            for person in newcomers:
                self._participant(turn, resource, CALL_PARTICIPANT_ADDED, person)

    def left(self, turn: Turn, person: Participant) -> None:
        """Somebody who was up is out."""
        self._last = person
        for resource in self._told:
            self._participant(turn, resource, CALL_PARTICIPANT_REMOVED, person)
        self._guids.pop(person.leg, None)

    def ended(self, turn: Turn, people: list[Participant], ending: Ending) -> None:
        """The call is over; ``people`` were in it until then, or on their way out."""
        for resource in self._told:
            for person in people:
                self._participant(turn, resource, CALL_PARTICIPANT_REMOVED, person)
        result = ending.result(NEWEST)
        by = None
        if self._last is not None and not (ending.by_app or ending.fault):
            by = CallEndedBy(
                communication_identifier=self._last.identity.to_model(), type=CallEndedByType.PARTICIPANT
            )
        for resource in self._told:
            ended = CallEndedData(
                **self._common(),
                call_duration_in_seconds=round(turn.now - (self._began or turn.now), 3),
                ended_by=by,
                reason=CallEndReason(result.code, result.sub_code, result.message),
            )
            turn.emit(PublishEvent(resource, CALL_ENDED, ended.subject, ended))

    def _participant(self, turn: Turn, resource: str, event: str, person: Participant) -> None:
        if person.identity.kind is not IdentifierKind.COMMUNICATION_USER:
            return
        legs = self._told[resource]
        if event == CALL_PARTICIPANT_REMOVED:
            if person.leg not in legs:
                return
            legs.remove(person.leg)
        else:
            legs.add(person.leg)
        guid = self._guids.setdefault(person.leg, self._call.registry.minter.guid())
        data = CallParticipantEventData(
            **self._common(),
            user=GridParticipant(communication_identifier=person.identity.to_model()),
            participant_id=guid,
            user_agent="phone" if person.is_phone else "call automation",
        )
        turn.emit(PublishEvent(resource, event, data.subject, data))

    def _common(self) -> dict[str, Any]:
        call = self._call
        kind = call.name.kind if call.name is not None else ""
        named = GridId(call.name.name) if call.name is not None else None
        return {
            "started_by": GridParticipant(communication_identifier=call.caller.to_model()),
            "server_call_id": call.id,
            "correlation_id": call.correlation_id,
            "is_two_party": call.name is None and len(call.targets) <= 1 and call.ends() <= 2,
            "group": named if kind == "group" else None,
            "room": named if kind == "room" else None,
            "is_rooms_call": kind == "room",
        }
