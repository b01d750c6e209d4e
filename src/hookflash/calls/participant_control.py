"""Commands about participants: add, cancel, remove, mute (contract sections 1.2, 5.4 and 6.7)."""

from __future__ import annotations

import msgspec

from hookflash.calls import checks
from hookflash.calls.adding import AddBook, Adding, tell_too_late
from hookflash.calls.commands import (
    AddParticipant,
    CancelAddParticipant,
    MuteParticipants,
    RemoveParticipant,
    UnmuteParticipants,
)
from hookflash.calls.connection import Connection
from hookflash.calls.effects import EndLeg
from hookflash.calls.ending import ALONE, REMOVED
from hookflash.calls.participants import Participant
from hookflash.calls.reaching import Manner, Reaching, headers_of
from hookflash.calls.registry import Registry
from hookflash.calls.turn import Handlers, Turn
from hookflash.media.line import Request
from hookflash.wire.constraints import CallbackRules, require_callback
from hookflash.wire.events import EventData, RemoveParticipantFailed, RemoveParticipantSucceeded
from hookflash.wire.identifiers import Identifier, IdentifierKind
from hookflash.wire.responses import (
    AddParticipantResponse,
    CallParticipant,
    CancelAddParticipantResponse,
    OperationResponse,
)
from hookflash.wire.results import (
    PARTICIPANT_NOT_FOUND,
    SUCCESS,
    ResultInformation,
    conflict,
    invalid_argument,
    not_found,
)

_Command = AddParticipant | CancelAddParticipant | RemoveParticipant


class ParticipantControl:
    """Handlers of the commands about participants; each checks everything, then acts."""

    def __init__(self, registry: Registry, callbacks: CallbackRules) -> None:
        self._registry = registry
        self._callbacks = callbacks
        self._book = AddBook()
        self.commands: Handlers = {
            AddParticipant: self.add,
            CancelAddParticipant: self.cancel_add,
            RemoveParticipant: self.remove,
            MuteParticipants: self.mute,
            UnmuteParticipants: self.unmute,
        }

    def _connection(self, command: _Command, what: str) -> Connection:
        connection = self._registry.connection(command.resource, command.connection_id)
        connection.require_connected(what)
        callback = command.request.operation_callback_uri
        if callback is not None:
            require_callback(callback, "operationCallbackUri", self._callbacks)
        return connection

    # --- adding -----------------------------------------------------------------------------------------

    def add(self, turn: Turn, command: AddParticipant) -> msgspec.Struct:
        """Reach somebody for a call that is up."""
        request, field = command.request, "participantToAdd"
        connection = self._connection(command, "participants can be added")
        call = connection.server_call
        target = checks.reachable(request.participant_to_add, field)
        checks.require_caller_id(target, request.source_caller_id_number, field)
        number = checks.shown_number(self._registry, command.resource, request.source_caller_id_number)
        ways = checks.ways_to(self._registry, target, field)
        if call.member(target) is not None:
            raise invalid_argument(field, f"{target} is in the call already; add somebody else.")
        ringing = next((one for one in call.reachings if one.target.matches(target)), None)
        if ringing is not None:
            raise conflict(
                f"{target} ({field}) has been ringing for {turn.now - ringing.began:.1f} s; wait for the "
                "answer, or cancel that invitation first.",
                target=field,
            )
        call.require_room()
        self._registry.admission.require_leg()

        sip, voip = headers_of(request.custom_calling_context)
        manner = Manner(
            number,
            connection.participant.identity,
            request.source_display_name or "",
            sip,
            voip,
            context=True,
            timeout=request.invitation_timeout_in_seconds or None,
            resource=command.resource,
        )
        reaching = Reaching(call, target, manner)
        operation = Request(command.version, request.operation_context, request.operation_callback_uri)
        invitation_id = self._registry.minter.invitation_id()
        reaching.purpose = Adding(self._book, connection, operation, reaching, invitation_id)
        reaching.begin(turn, ways)
        if manner.caller is not None and ways.owner is not None:
            connection.participant.know_as(Identifier.phone(manner.caller))
        return AddParticipantResponse(
            participant=CallParticipant(target.to_model(), is_muted=False, is_on_hold=False),
            invitation_id=invitation_id,
            operation_context=request.operation_context,
        )

    def cancel_add(self, turn: Turn, command: CancelAddParticipant) -> msgspec.Struct:
        """Stop an add that rings; one that is settled fails by an event, an unknown one is 404/8522."""
        request = command.request
        connection = self._connection(command, "adding somebody can be canceled")
        operation = Request(command.version, request.operation_context, request.operation_callback_uri)
        invitation_id = request.invitation_id.casefold()
        adding = self._book.open.get(invitation_id)
        owner, outcome = self._book.settled.get(invitation_id, ("", ""))
        if adding is not None and adding.connection is connection:
            adding.cancel(turn, operation)
        elif owner == connection.id:
            tell_too_late(turn, connection, operation, invitation_id, outcome)
        else:
            raise not_found(
                f"Invitation {request.invitation_id!r} is not known in call {connection.id}; take the "
                "invitationId from the response of addParticipant.",
                target="invitationId",
            )
        return CancelAddParticipantResponse(
            invitation_id=invitation_id, operation_context=request.operation_context
        )

    # --- removing ---------------------------------------------------------------------------------------

    def remove(self, turn: Turn, command: RemoveParticipant) -> msgspec.Struct:
        """Take somebody out of the call; the last other one ends it."""
        request, field = command.request, "participantToRemove"
        connection = self._connection(command, "participants can be removed")
        call = connection.server_call
        identity = Identifier.from_model(request.participant_to_remove, field)
        person = call.named(identity)
        if person is connection.participant:
            raise invalid_argument(field, f"{identity} is the app itself; hang up to leave the call.")
        operation = Request(command.version, request.operation_context, request.operation_callback_uri)

        def tell(turn: Turn, event: type[EventData], result: ResultInformation) -> None:
            connection.notify(turn, event, result, operation, participant=identity.to_model())

        def succeeded(turn: Turn) -> None:
            tell(turn, RemoveParticipantSucceeded, SUCCESS)

        if person is not None and person.leg in call.connections:
            call.drop_app(turn, call.connections[person.leg], REMOVED, succeeded)
        elif person is not None:
            turn.emit(EndLeg(person.leg, REMOVED.cause))
            call.gone(turn, person, ALONE, succeeded)
        elif call.has_left(identity):
            tell(turn, RemoveParticipantFailed, PARTICIPANT_NOT_FOUND)
        else:
            raise not_found(
                f"Participant {identity} ({field}) is not in the call; participants are: {call.names()}. "
                "Somebody who still rings is stopped by cancelAddParticipant.",
                target=field,
            )
        return OperationResponse(operation_context=request.operation_context)

    # --- muting -----------------------------------------------------------------------------------------

    def mute(self, turn: Turn, command: MuteParticipants) -> msgspec.Struct:
        """Let nobody hear a user."""
        return self._set_muted(turn, command, muted=True)

    def unmute(self, turn: Turn, command: UnmuteParticipants) -> msgspec.Struct:
        """Let a user be heard again."""
        return self._set_muted(turn, command, muted=False)

    def _set_muted(
        self, turn: Turn, command: MuteParticipants | UnmuteParticipants, *, muted: bool
    ) -> msgspec.Struct:
        request = command.request
        connection = self._registry.connection(command.resource, command.connection_id)
        connection.require_connected("participants can be muted and unmuted")
        person = self._user(connection, command)
        connection.server_call.mute(turn, person, muted)
        return OperationResponse(operation_context=request.operation_context)

    def _user(self, connection: Connection, command: MuteParticipants | UnmuteParticipants) -> Participant:
        """Whom to mute. Raises Refusal 400/8523 unless it is exactly one communication user, or 404/8522."""
        targets, field = command.request.target_participants, "targetParticipants"
        if len(targets) != 1:
            raise invalid_argument(field, f"expected exactly one participant, got {len(targets)}.")
        identity = Identifier.from_model(targets[0], f"{field}[0]")
        if identity.kind is not IdentifierKind.COMMUNICATION_USER:
            raise invalid_argument(
                f"{field}[0]",
                f"{identity} is of kind {identity.kind}; only communication users can be muted.",
            )
        return connection.find(targets[0], f"{field}[0]")
