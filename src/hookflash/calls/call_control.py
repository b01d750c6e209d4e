"""Call control: create, answer, redirect, reject, look, hang up (contract sections 1.2, 4.2 and 6.10)."""

from __future__ import annotations

import msgspec

from hookflash.calls import checks
from hookflash.calls.commands import (
    AnswerCall,
    CreateCall,
    GetCall,
    GetParticipant,
    HangUp,
    ListParticipants,
    RedirectCall,
    RejectCall,
    Terminate,
)
from hookflash.calls.connection import Connection
from hookflash.calls.ending import BY_APP, REJECTED_BUSY, REJECTED_FORBIDDEN, REJECTED_NONE
from hookflash.calls.participants import Participant
from hookflash.calls.registry import Registry
from hookflash.calls.server_call import ServerCall
from hookflash.calls.streaming_control import setup_of
from hookflash.calls.tables import InvitationEvent, Leg
from hookflash.calls.turn import Turn
from hookflash.media.line import Request
from hookflash.wire.constraints import CallbackRules, require_callback
from hookflash.wire.enums import CallRejectReason
from hookflash.wire.identifiers import Identifier, IdentifierKind
from hookflash.wire.requests import CreateCallRequest
from hookflash.wire.responses import GetParticipantsResponse
from hookflash.wire.results import Refusal, invalid_argument, not_found, not_supported

MAX_HOPS = 10
"""Most redirects one incoming call goes through."""

_REJECTIONS = {
    CallRejectReason.NONE: REJECTED_NONE,
    CallRejectReason.BUSY: REJECTED_BUSY,
    CallRejectReason.FORBIDDEN: REJECTED_FORBIDDEN,
}


class CallControl:
    """Handlers of the commands about calls; each checks everything, then acts."""

    def __init__(self, registry: Registry, callbacks: CallbackRules) -> None:
        self._registry = registry
        self._callbacks = callbacks

    # --- setting up -------------------------------------------------------------------------------------

    def create(self, turn: Turn, command: CreateCall) -> msgspec.Struct:
        """Call phones (outward), users and owned numbers (their apps are asked); several ring at once."""
        request = command.request
        require_callback(request.callback_uri, "callbackUri", self._callbacks)
        setup = setup_of(request, self._callbacks)
        if request.teams_app_source is not None:
            raise not_supported(
                "teamsAppSource is not supported: Teams cannot be called from here; leave it out."
            )
        targets = self._targets(request)
        source = checks.own_identity(request.source, "source")
        number = request.source_caller_id_number.value if request.source_caller_id_number else None
        context = request.custom_calling_context
        headers = (context.sip_headers if context else None) or {}

        call = ServerCall(
            self._registry,
            source or self._user_of(command.resource),
            caller_number=number,
            display_name=request.source_display_name or "",
            headers=headers,
        )
        call.targets += targets
        own = Participant(self._registry.new_leg(), call.caller, Leg.WAITING, is_phone=False)
        connection = Connection(
            self._registry.minter.call_connection_id(),
            call,
            own,
            resource=command.resource,
            request=Request(command.version, request.operation_context),
            callback_uri=request.callback_uri,
            created=True,
            setup=setup,
        )
        call.add_app(turn, connection)
        for target, owner in targets.items():
            if owner is not None:
                call.invite(turn, target, owner)
            else:
                call.dial(turn, target, number, headers)
        return connection.properties()

    def answer(self, turn: Turn, command: AnswerCall) -> msgspec.Struct:
        """Become the callee's end of an incoming call."""
        request = command.request
        require_callback(request.callback_uri, "callbackUri", self._callbacks)
        setup = setup_of(request, self._callbacks)
        answered_by = checks.own_identity(request.answered_by, "answeredBy")
        invitation = self._registry.book.get(command.resource, request.incoming_call_context)

        call, target = invitation.call, invitation.target
        if answered_by is None:
            is_user = target.kind is IdentifierKind.COMMUNICATION_USER
            answered_by = target if is_user else self._user_of(command.resource)
        own = Participant(self._registry.new_leg(), answered_by, Leg.JOINING, is_phone=False)
        connection = Connection(
            self._registry.minter.call_connection_id(),
            call,
            own,
            resource=command.resource,
            request=Request(command.version, request.operation_context),
            callback_uri=request.callback_uri,
            created=False,
            answered_for=target.phone_number,
            setup=setup,
        )
        call.decided(turn, invitation, InvitationEvent.ANSWER)
        call.add_app(turn, connection)
        response = connection.properties()
        call.settle(turn, [])
        return response

    def redirect(self, turn: Turn, command: RedirectCall) -> None:
        """Send an incoming call elsewhere: to another app's identity, or outward and without an app."""
        request = command.request
        target = checks.reachable(request.target, "target")
        invitation = self._registry.book.get(command.resource, request.incoming_call_context)
        owner = self._owner(target, "target")
        hops = invitation.hops + 1
        if hops > MAX_HOPS:
            raise Refusal(
                400, 8521, f"The incoming call has been redirected {MAX_HOPS} times; answer or reject it."
            )

        call = invitation.call
        call.decided(turn, invitation, InvitationEvent.REDIRECT)
        call.targets = [target if known == invitation.target else known for known in call.targets]
        if owner is not None:
            call.invite(turn, target, owner, hops)
        else:
            call.dial(turn, target, call.caller_number or _callable_number(call.caller), call.headers)

    def reject(self, turn: Turn, command: RejectCall) -> None:
        """Decline an incoming call: 603, 486 or 403 towards a phone."""
        request = command.request
        invitation = self._registry.book.get(command.resource, request.incoming_call_context)
        invitation.call.decline(turn, invitation, InvitationEvent.REJECT, _REJECTIONS[request.reason])

    # --- looking ----------------------------------------------------------------------------------------

    def get(self, turn: Turn, command: GetCall) -> msgspec.Struct:
        return self._registry.connection(command.resource, command.connection_id, reading=True).properties()

    def list_participants(self, turn: Turn, command: ListParticipants) -> msgspec.Struct:
        connection = self._registry.connection(command.resource, command.connection_id, reading=True)
        people = connection.server_call.present()
        return GetParticipantsResponse(value=[person.to_model() for person in people])

    def get_participant(self, turn: Turn, command: GetParticipant) -> msgspec.Struct:
        connection = self._registry.connection(command.resource, command.connection_id, reading=True)
        return connection.participant_named(command.participant).to_model()

    # --- ending -----------------------------------------------------------------------------------------

    def hang_up(self, turn: Turn, command: HangUp) -> None:
        connection = self._registry.connection(command.resource, command.connection_id)
        connection.server_call.app_leaves(turn, connection, BY_APP)

    def terminate(self, turn: Turn, command: Terminate) -> None:
        connection = self._registry.connection(command.resource, command.connection_id)
        connection.server_call.end(turn, BY_APP)

    # --- helpers ----------------------------------------------------------------------------------------

    def _user_of(self, resource: str) -> Identifier:
        return Identifier.user(self._registry.minter.user_id(resource))

    def _targets(self, request: CreateCallRequest) -> dict[Identifier, str | None]:
        """Whom to call, each once, and whose apps to ask: None for phones out there."""
        if not request.targets:
            raise invalid_argument("targets", "there is nobody to call; give at least one target.")
        targets: dict[Identifier, str | None] = {}
        for index, model in enumerate(request.targets):
            field = f"targets[{index}]"
            target = checks.reachable(model, field)
            caller = request.source_caller_id_number
            if target.phone_number is not None and (caller is None or not caller.value):
                raise invalid_argument(
                    "sourceCallerIdNumber",
                    f"{field} is the phone number {target.phone_number}, and calling a phone number "
                    "needs the number to "
                    "show as the caller's.",
                )
            targets[target] = self._owner(target, field)
        return targets

    def _owner(self, target: Identifier, field: str) -> str | None:
        owner = self._registry.directory.owner(target)
        if owner is None and target.kind is IdentifierKind.COMMUNICATION_USER:
            raise not_found(
                f"{field} is the user {target.raw_id!r}, whose resource does not exist on this server; "
                "the GUID before "
                "the underscore has to be that of a configured resource."
            )
        return owner


def _callable_number(caller: Identifier) -> str | None:
    return None if caller.is_anonymous else caller.phone_number
