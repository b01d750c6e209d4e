"""moveHere: bring participants over from another call of the same resource (contract section 5.4)."""

from __future__ import annotations

import msgspec

from hookflash.calls.commands import MoveParticipants
from hookflash.calls.connection import Connection
from hookflash.calls.ending import Ending
from hookflash.calls.moving import Move
from hookflash.calls.participants import Participant
from hookflash.calls.registry import Registry
from hookflash.calls.turn import Handlers, Turn
from hookflash.media.line import Request
from hookflash.wire.constraints import CallbackRules, require_callback
from hookflash.wire.events import MoveParticipantFailed, MoveParticipantSucceeded
from hookflash.wire.identifiers import CommunicationIdentifierModel, Identifier
from hookflash.wire.responses import CallParticipant, MoveParticipantsResponse
from hookflash.wire.results import (
    CANCELED,
    PARTICIPANT_NOT_FOUND,
    SUCCESS,
    UNKNOWN_ERROR,
    ResultInformation,
    conflict,
    invalid_argument,
    not_found,
)


class Moving:
    """One participant on the way, and the event the app is promised about it."""

    def __init__(self, connection: Connection, request: Request, from_call: str, target: Identifier) -> None:
        self._connection = connection
        self._request = request
        self._from_call = from_call
        self._target = target
        connection.undertakings.append(self)

    def moved(self, turn: Turn, move: Move) -> None:
        self._tell(turn, SUCCESS)

    def returned(self, turn: Turn, move: Move, message: str) -> None:
        self._tell(turn, ResultInformation(UNKNOWN_ERROR.code, UNKNOWN_ERROR.sub_code, message))

    def lost(self, turn: Turn, move: Move, ending: Ending) -> None:
        self._tell(turn, PARTICIPANT_NOT_FOUND)

    def abandon(self, turn: Turn, ending: Ending) -> None:
        self._tell(turn, CANCELED)

    def missing(self, turn: Turn) -> None:
        """They were not in the call to begin with."""
        self._tell(turn, PARTICIPANT_NOT_FOUND)

    def _tell(self, turn: Turn, result: ResultInformation) -> None:
        if self not in self._connection.undertakings:
            return
        self._connection.undertakings.remove(self)
        self._connection.notify(
            turn,
            MoveParticipantSucceeded if result is SUCCESS else MoveParticipantFailed,
            result,
            self._request,
            participant=self._target.to_model(),
            from_call=self._from_call,
        )


def _absent(identity: Identifier) -> CallParticipant:
    return CallParticipant(identity.to_model(), is_muted=False, is_on_hold=False)


class MoveControl:
    """The handler of moveHere."""

    def __init__(self, registry: Registry, callbacks: CallbackRules) -> None:
        self._registry = registry
        self._callbacks = callbacks
        self.commands: Handlers = {MoveParticipants: self.move}

    def move(self, turn: Turn, command: MoveParticipants) -> msgspec.Struct:
        """Phones of ``fromCall`` come to this call. Whoever is not there any more fails by an event."""
        request = command.request
        connection = self._registry.connection(command.resource, command.connection_id)
        connection.require_connected("participants can be moved to it")
        if request.operation_callback_uri is not None:
            require_callback(request.operation_callback_uri, "operationCallbackUri", self._callbacks)
        origin = self._registry.connection(command.resource, request.from_call, field="fromCall")
        origin.require_connected("participants can be moved from it")
        source, destination = origin.server_call, connection.server_call
        if source is destination:
            raise invalid_argument(
                "fromCall", f"{request.from_call} is a connection of this very call; name another call's."
            )
        wanted = self._wanted(request.target_participants, origin)
        destination.require_room(len(wanted))

        operation = Request(command.version, request.operation_context, request.operation_callback_uri)
        moves: list[Move] = []
        for identity, person in wanted.items():
            moving = Moving(connection, operation, request.from_call, identity)
            if person is None:
                moving.missing(turn)
            else:
                moves.append(Move(person, source, destination, moving))
        for move in moves:
            move.begin(turn)
        return MoveParticipantsResponse(
            participants=[
                person.to_model() if person is not None else _absent(identity)
                for identity, person in wanted.items()
            ],
            from_call=request.from_call,
            operation_context=request.operation_context,
        )

    def _wanted(
        self, models: list[CommunicationIdentifierModel], origin: Connection
    ) -> dict[Identifier, Participant | None]:
        """Whom to move, each once; None for those who are not there. Raises Refusal before any is moved."""
        source = origin.server_call
        wanted: dict[Identifier, Participant | None] = {}
        for index, model in enumerate(models):
            field = f"targetParticipants[{index}]"
            identity = Identifier.from_model(model, field)
            person = source.named(identity)
            if person is not None and not person.is_phone:
                raise invalid_argument(
                    field,
                    f"{identity} is the end of an app, which cannot be moved; only phones and users' devices "
                    "can.",
                )
            if person is not None and person.leaving:
                raise conflict(
                    f"{identity} ({field}) is being transferred already; wait until that is over.",
                    target=field,
                )
            if person not in wanted.values() or person is None:
                wanted[identity] = person
        if not any(wanted.values()):
            raise not_found(
                f"Nobody named in targetParticipants is in call {origin.id}; participants are: "
                f"{source.names()}.",
                target="targetParticipants",
            )
        return wanted
