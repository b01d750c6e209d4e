"""Call control: create, answer, redirect, reject, look, hang up (contract sections 1.2, 4.2 and 6.10)."""

from __future__ import annotations

from dataclasses import replace

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
from hookflash.calls.connection import Connection, Origin
from hookflash.calls.ending import (
    BY_APP,
    ELSEWHERE,
    REJECTED_BUSY,
    REJECTED_FORBIDDEN,
    REJECTED_NONE,
)
from hookflash.calls.participants import Participant
from hookflash.calls.reaching import Manner, Reaching, Ways, headers_of
from hookflash.calls.registry import Registry
from hookflash.calls.server_call import ServerCall
from hookflash.calls.streaming_control import setup_of
from hookflash.calls.tables import InvitationEvent, Leg
from hookflash.calls.turn import Handlers, Turn
from hookflash.media.line import Request
from hookflash.wire.constraints import CallbackRules, require_callback
from hookflash.wire.enums import CallRejectReason
from hookflash.wire.identifiers import Identifier, IdentifierKind
from hookflash.wire.requests import CreateCallRequest
from hookflash.wire.responses import GetParticipantsResponse, NoContent
from hookflash.wire.results import Refusal, invalid_argument, not_supported

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
        self.commands: Handlers = {
            CreateCall: self.create,
            AnswerCall: self.answer,
            RedirectCall: self.redirect,
            RejectCall: self.reject,
            GetCall: self.get,
            ListParticipants: self.list_participants,
            GetParticipant: self.get_participant,
            HangUp: self.hang_up,
            Terminate: self.terminate,
        }

    # --- setting up -------------------------------------------------------------------------------------

    def create(self, turn: Turn, command: CreateCall) -> msgspec.Struct:
        """Call phones (outward), users and owned numbers (their apps are asked); several ring at once."""
        request = command.request
        require_callback(request.callback_uri, "callbackUri", self._callbacks)
        setup = setup_of(request, self._callbacks)
        if request.teams_app_source is not None:
            raise not_supported(
                "teamsAppSource is not supported: Teams cannot be called from here; leave it out.",
                target="teamsAppSource",
            )
        targets = self._targets(request)
        source = checks.own_identity(self._registry, command.resource, request.source, "source")
        number = checks.shown_number(self._registry, command.resource, request.source_caller_id_number)
        sip, voip = headers_of(request.custom_calling_context)

        self._registry.admission.require_call()
        call = ServerCall(
            self._registry,
            source or self._registry.new_user(command.resource),
            caller_number=number,
            display_name=request.source_display_name or "",
        )
        call.targets += targets
        own = Participant(self._registry.new_leg(), call.caller, Leg.WAITING, is_phone=False)
        if number is not None:
            own.know_as(Identifier.phone(number))
        connection = Connection(
            self._registry.minter.call_connection_id(),
            call,
            own,
            resource=command.resource,
            request=Request(command.version, request.operation_context),
            callback_uri=request.callback_uri,
            origin=Origin.CREATED,
            setup=setup,
        )
        call.add_app(turn, connection)
        for target, ways in targets.items():
            manner = Manner(number, call.caller, call.display_name, sip, voip, resource=command.resource)
            Reaching(call, target, manner).begin(turn, ways)
        return connection.properties()

    def answer(self, turn: Turn, command: AnswerCall) -> msgspec.Struct:
        """Become the callee's end of an incoming call."""
        request = command.request
        require_callback(request.callback_uri, "callbackUri", self._callbacks)
        setup = setup_of(request, self._callbacks)
        answered_by = checks.own_identity(self._registry, command.resource, request.answered_by, "answeredBy")
        invitation = self._registry.book.get(command.resource, request.incoming_call_context)

        reaching = invitation.reaching
        call, target = reaching.call, reaching.target
        self._registry.admission.require_place(call.placed)
        if answered_by is None:
            is_user = target.kind is IdentifierKind.COMMUNICATION_USER
            answered_by = target if is_user else self._registry.new_user(command.resource)
        own = Participant(self._registry.new_leg(), answered_by, Leg.JOINING, is_phone=False)
        for called in (reaching.manner.on_behalf_of, target):
            if called is not None:
                own.know_as(called)
        connection = Connection(
            self._registry.minter.call_connection_id(),
            call,
            own,
            resource=command.resource,
            request=Request(command.version, request.operation_context),
            callback_uri=request.callback_uri,
            origin=Origin.ANSWERED,
            answered_for=(reaching.manner.on_behalf_of or target).phone_number,
            setup=setup,
        )
        reaching.answered_by_app(turn)
        call.add_app(turn, connection)
        response = connection.properties()
        call.settle(turn, [])
        reaching.purpose.reached(turn, reaching, own)
        return response

    def redirect(self, turn: Turn, command: RedirectCall) -> msgspec.Struct:
        """Send an incoming call elsewhere: to another app's identity, or outward and without an app."""
        request = command.request
        target = checks.reachable(request.target, "target")
        invitation = self._registry.book.get(command.resource, request.incoming_call_context)
        ways = checks.ways_to(self._registry, target, "target")
        old = invitation.reaching
        hops = old.manner.hops + 1
        if hops > MAX_HOPS:
            raise Refusal(
                400,
                8521,
                f"The incoming call has been redirected {MAX_HOPS} times; answer or reject it.",
                target="target",
            )

        call = old.call
        old.withdraw(turn, ELSEWHERE.cause, InvitationEvent.REDIRECT)
        call.targets = [target if known == old.target else known for known in call.targets]
        behalf = old.manner.on_behalf_of or old.target
        manner = replace(old.manner, hops=hops, on_behalf_of=behalf, resource=command.resource)
        new = Reaching(call, target, manner, old.purpose)
        new.purpose.redirected(new)
        new.begin(turn, ways)
        return NoContent(call.correlation_id)

    def reject(self, turn: Turn, command: RejectCall) -> msgspec.Struct:
        """Decline an incoming call: 603, 486 or 403 towards a phone."""
        request = command.request
        invitation = self._registry.book.get(command.resource, request.incoming_call_context)
        correlation_id = invitation.reaching.call.correlation_id
        invitation.reaching.rejected(turn, _REJECTIONS[request.reason])
        return NoContent(correlation_id)

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

    def _targets(self, request: CreateCallRequest) -> dict[Identifier, Ways]:
        """Whom to call, each once, and how."""
        if not request.targets:
            raise invalid_argument("targets", "there is nobody to call; give at least one target.")
        targets: dict[Identifier, Ways] = {}
        for index, model in enumerate(request.targets):
            field = f"targets[{index}]"
            target = checks.reachable(model, field)
            checks.require_caller_id(target, request.source_caller_id_number, field)
            targets[target] = checks.ways_to(self._registry, target, field)
        return targets
