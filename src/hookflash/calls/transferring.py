"""Transfer: a participant and a target get a call of their own (contract sections 5.4 and 6.10).

The target rings in a new call, which waits for the transferee. When the target answers, the transferee's leg
moves over; once it is there the app is told CallTransferAccepted. In a call of two the app then leaves, so
its call is over; in a larger one it keeps the others. Should the target not be reached, or the leg not come
over, everything is as it was: CallTransferFailed says why, and nothing that ran in the call has stopped.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from hookflash.calls import checks
from hookflash.calls.commands import Transfer as TransferCommand
from hookflash.calls.connection import Connection
from hookflash.calls.effects import ReferLeg
from hookflash.calls.ending import ALONE, CANCELED, TRANSFERRED, Ending
from hookflash.calls.handover import Handover
from hookflash.calls.moving import Move
from hookflash.calls.participants import Participant
from hookflash.calls.reaching import Manner, Reaching, Ways, headers_of
from hookflash.calls.referring import Referral
from hookflash.calls.registry import Registry
from hookflash.calls.server_call import ServerCall
from hookflash.calls.tables import ConnectionEvent
from hookflash.calls.turn import Handlers, Turn
from hookflash.media.line import Request
from hookflash.wire.constraints import CallbackRules, require_callback
from hookflash.wire.enums import CallConnectionState
from hookflash.wire.identifiers import Identifier
from hookflash.wire.requests import TransferToParticipantRequest
from hookflash.wire.responses import OperationResponse
from hookflash.wire.results import UNKNOWN_ERROR, Refusal, ResultInformation, invalid_argument


class Transfer(Handover):
    """One transfer that is carried out here."""

    def __init__(
        self,
        connection: Connection,
        request: Request,
        transferee: Participant,
        reaching: Reaching,
        *,
        whole: bool,
    ) -> None:
        super().__init__(connection, request, transferee, reaching.target, whole=whole)
        self.reaching = reaching
        self.move = Move(transferee, connection.server_call, reaching.call, self)
        self.answered = False
        reaching.purpose = self

    # --- the target -------------------------------------------------------------------------------------

    def reached(self, turn: Turn, reaching: Reaching, person: Participant) -> None:
        self.answered = True
        self.target = reaching.target
        self.move.begin(turn)

    def failed(self, turn: Turn, reaching: Reaching, ending: Ending) -> None:
        self.fail(turn, ending.result(self.request.version))
        self._dissolve(turn)

    def redirected(self, reaching: Reaching) -> None:
        self.reaching = reaching

    # --- the transferee ---------------------------------------------------------------------------------

    def moved(self, turn: Turn, move: Move) -> None:
        if not self.under_way:
            return
        connection = self.connection
        self.accept(turn)
        if self.whole:
            connection.machine.fire(ConnectionEvent.ACCEPT_TRANSFER)
            connection.server_call.drop_app(turn, connection, TRANSFERRED)

    def returned(self, turn: Turn, move: Move, message: str) -> None:
        self.fail(turn, ResultInformation(UNKNOWN_ERROR.code, UNKNOWN_ERROR.sub_code, message))

    def lost(self, turn: Turn, move: Move, ending: Ending) -> None:
        """The transferee hung up, or the target did before the transferee came."""
        result = ending.result(self.request.version)
        if result.code < 300:
            result = CANCELED.result(self.request.version)
        self.fail(turn, result)
        if not self.answered:
            self._dissolve(turn)

    # --- the app ----------------------------------------------------------------------------------------

    def abandon(self, turn: Turn, ending: Ending) -> None:
        """The app's connection ends; a target that has answered keeps the transferee."""
        if self.answered:
            self.accept(turn)
            return
        self.fail(turn, CANCELED.result(self.request.version))
        self._dissolve(turn)

    def _dissolve(self, turn: Turn) -> None:
        """The new call is not needed."""
        call = self.reaching.call
        if self.transferee.move is self.move:
            self.transferee.move = None
            call.arriving.pop(self.transferee.leg, None)
        call.shrink(turn, ALONE)


class TransferControl:
    """The handler of transferToParticipant."""

    def __init__(self, registry: Registry, callbacks: CallbackRules) -> None:
        self._registry = registry
        self._callbacks = callbacks
        self.commands: Handlers = {TransferCommand: self.transfer}

    def transfer(self, turn: Turn, command: TransferCommand) -> msgspec.Struct:
        """Begin a transfer. Raises Refusal with nothing changed."""
        request = command.request
        connection = self._registry.connection(command.resource, command.connection_id)
        _refuse_second(connection)
        connection.require_connected("a participant can be transferred")
        if request.operation_callback_uri is not None:
            require_callback(request.operation_callback_uri, "operationCallbackUri", self._callbacks)
        target = checks.reachable(request.target_participant, "targetParticipant")
        ways = checks.ways_to(self._registry, target, "targetParticipant")
        transferee = _transferee(connection, request)
        call = connection.server_call
        there = call.member(target)
        if there is not None:
            raise invalid_argument(
                "targetParticipant", f"{target} is in the call already; transfer to somebody outside it."
            )
        number = checks.shown_number(self._registry, command.resource, request.source_caller_id_number)
        self._registry.admission.require_transfer()

        def bridge(turn: Turn) -> None:
            self._begin(turn, command, connection, transferee, target, ways, number)

        asks = transferee.refers and ways.dial and ways.owner is None and number is None
        if asks and target.phone_number is not None:
            self._ask(turn, command, connection, transferee, target, bridge)
        else:
            bridge(turn)
        return OperationResponse(operation_context=request.operation_context)

    def _ask(
        self,
        turn: Turn,
        command: TransferCommand,
        connection: Connection,
        transferee: Participant,
        target: Identifier,
        bridge: Callable[[Turn], None],
    ) -> None:
        request, call = command.request, connection.server_call
        operation = Request(command.version, request.operation_context, request.operation_callback_uri)
        whole = len(call.present()) <= 2
        Referral(connection, operation, transferee, target, bridge, whole=whole)
        sip, _ = headers_of(request.custom_calling_context)
        known = (alias.phone_number for alias in connection.participant.aliases)
        asker = next((number for number in known if number), call.caller_number)
        turn.emit(ReferLeg(transferee.leg, target, asker, sip))

    def _begin(
        self,
        turn: Turn,
        command: TransferCommand,
        connection: Connection,
        transferee: Participant,
        target: Identifier,
        ways: Ways,
        number: str | None,
    ) -> None:
        request, call = command.request, connection.server_call
        identity = transferee.identity
        shown = number or (None if identity.is_anonymous else identity.phone_number)
        if shown is None and not identity.is_anonymous:
            shown = call.caller_number
        sip, voip = headers_of(request.custom_calling_context)
        name = call.display_name if call.caller == identity else ""
        new = ServerCall(self._registry, identity, caller_number=shown, display_name=name)
        new.targets.append(target)
        new.resources.add(connection.resource)
        manner = Manner(
            shown,
            identity,
            name,
            sip,
            voip,
            context=request.custom_calling_context is not None,
            resource=command.resource,
        )
        operation = Request(command.version, request.operation_context, request.operation_callback_uri)
        reaching = Reaching(new, target, manner)
        Transfer(connection, operation, transferee, reaching, whole=len(call.present()) <= 2)
        reaching.begin(turn, ways)


def _refuse_second(connection: Connection) -> None:
    """One transfer at a time. Raises Refusal 409/8607."""
    running = next((one for one in connection.undertakings if isinstance(one, Handover)), None)
    if running is not None and connection.state is not CallConnectionState.CONNECTING:
        raise Refusal(
            409,
            8607,
            f"{running.transferee.identity} is being transferred to {running.target}; wait for "
            "CallTransferAccepted or CallTransferFailed.",
        )


def _transferee(connection: Connection, request: TransferToParticipantRequest) -> Participant:
    """Who is to go. Raises Refusal 400/8523 when that is not clear or not possible, 404/8522 or 409/8607."""
    call, field = connection.server_call, "transferee"
    others = [person for person in call.present() if person is not connection.participant]
    if request.transferee is not None:
        person = connection.find(request.transferee, field)
    elif len(others) == 1:
        person = others[0]
    elif others:
        raise invalid_argument(
            field,
            f"it is required in a call of several participants; they are: "
            f"{', '.join(str(other.identity) for other in others)}.",
        )
    else:
        raise invalid_argument(field, "nobody else is in the call who could be transferred.")
    if not person.is_phone:
        raise invalid_argument(
            field,
            f"{person.identity} is the end of an app, which cannot be transferred; only phones and users' "
            "devices can.",
        )
    if person.leaving:
        raise Refusal(
            409,
            8607,
            f"{person.identity} is being transferred or moved already; wait until that is over.",
            target=field,
        )
    return person
