"""A connection: one app's view of a call, and what it is told (contract sections 5.3 to 5.5)."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol

from hookflash.calls.effects import ConnectionClosed, ConnectionOpened, Notify
from hookflash.calls.ending import Ending
from hookflash.calls.story import Story
from hookflash.calls.streams import Setup, Streams
from hookflash.calls.tables import CONNECTION, ConnectionEvent
from hookflash.calls.turn import Turn
from hookflash.machine import Machine
from hookflash.media.line import Request
from hookflash.media.line import Turn as MediaTurn
from hookflash.media.scheduler import Desk
from hookflash.media.speech import Abilities
from hookflash.wire.enums import CallConnectionState as State
from hookflash.wire.events import (
    AnswerFailed,
    CallConnected,
    CallDisconnected,
    ConnectFailed,
    CreateCallFailed,
    EventData,
    ParticipantsUpdated,
)
from hookflash.wire.gates import gated
from hookflash.wire.identifiers import CommunicationIdentifierModel, CommunicationUserModel, PhoneNumberModel
from hookflash.wire.responses import CallConnectionProperties
from hookflash.wire.results import (
    SUCCESS,
    ResultInformation,
    invalid_argument,
    invalid_state,
    not_established,
    not_found,
)

if TYPE_CHECKING:
    from hookflash.calls.participants import Participant
    from hookflash.calls.server_call import ServerCall


_UP = frozenset({State.CONNECTED, State.TRANSFERRING, State.TRANSFER_ACCEPTED})


class Origin(Enum):
    """How an app came to its call."""

    CREATED = "created"
    ANSWERED = "answered"
    CONNECTED = "connected"


_FAILED: dict[Origin, type[EventData]] = {
    Origin.CREATED: CreateCallFailed,
    Origin.ANSWERED: AnswerFailed,
    Origin.CONNECTED: ConnectFailed,
}


class Undertaking(Protocol):
    """Something under way that an app was promised an event for: an add, a transfer, a move."""

    def abandon(self, turn: Turn, ending: Ending) -> None:
        """The connection is about to end: say the last word now, and take this off its list."""
        ...


class Connection:
    """One app in one call; it is also the :class:`hookflash.media.line.Line` of its media desk.

    ``answered_for`` is the number dialled first, before redirects. ``undertakings`` are under way in its
    name. ``story`` is for people who ask what happened.
    """

    def __init__(
        self,
        id: str,
        server_call: ServerCall,
        participant: Participant,
        *,
        resource: str,
        request: Request,
        callback_uri: str,
        origin: Origin,
        answered_for: str | None = None,
        setup: Setup | None = None,
    ) -> None:
        self.id = id
        self.server_call = server_call
        self.participant = participant
        self.resource = resource
        self.request = request
        self.callback_uri = callback_uri
        self.origin = origin
        self.answered_for = answered_for
        self.sequence_number = 0
        self.machine = Machine(CONNECTION, State.CONNECTING)
        self.setup = setup or Setup()
        self.streams = Streams(self, self.setup)
        self.desk = Desk(self)
        self.undertakings: list[Undertaking] = []
        self.story = Story(server_call.registry.new_connection_number())

    @property
    def state(self) -> State:
        return self.machine.state

    @property
    def connected(self) -> bool:
        """Up, and not about to be transferred."""
        return self.state is State.CONNECTED

    @property
    def up(self) -> bool:
        """In the call, from CallConnected on."""
        return self.state in _UP

    @property
    def answers(self) -> bool:
        """Whether the app is the callee's end."""
        return self.origin is Origin.ANSWERED

    def require_connected(self, what: str) -> None:
        """Raises Refusal 400/8501 before the call is up, 400/8585 while it is being transferred."""
        if self.state is State.CONNECTING:
            raise not_established(f"Call {self.id} is not established yet; {what} after CallConnected.")
        if not self.connected:
            raise invalid_state(f"Call {self.id} is {self.state}; {what} only while it is connected.")

    # --- its life ---------------------------------------------------------------------------------------

    def open(self, turn: Turn) -> None:
        """Have it journalled."""
        self.story.begin(turn.now, self.origin.value)
        turn.emit(
            ConnectionOpened(
                connection_id=self.id,
                resource=self.resource,
                callback_uri=self.callback_uri,
                server_call_id=self.server_call.id,
                correlation_id=self.server_call.correlation_id,
                version=self.request.version,
                operation_context=self.request.context,
            )
        )

    def connect(self, turn: Turn) -> None:
        self.machine.fire(ConnectionEvent.CONNECT)
        self.notify(turn, CallConnected, SUCCESS, self.request)
        self.streams.connected(turn)

    def roster_changed(self, turn: Turn) -> None:
        """Tell who is in the call now; nothing before the connection is up."""
        if not self.up:
            return
        self.sequence_number += 1
        present = self.server_call.present()
        self.story.roster(turn.now, present)
        self.notify(
            turn,
            ParticipantsUpdated,
            SUCCESS,
            Request(self.request.version),
            participants=[person.to_model() for person in present],
            sequence_number=self.sequence_number,
        )

    def close(self, turn: Turn, ending: Ending) -> None:
        """End it: its operations, then its last event, after which there is nothing.

        A call that was never answered says CreateCallFailed and CallDisconnected. An answer or a connect that
        came to nothing says AnswerFailed or ConnectFailed alone; api-versions that do not know these get
        CallDisconnected instead.
        """
        was_up = self.up
        self.story.end(turn.now, ending.described())
        for undertaking in list(self.undertakings):
            undertaking.abandon(turn, ending)
        self.machine.fire(ConnectionEvent.DISCONNECT)
        self.streams.end(turn, fault=ending.fault)
        self.desk.close(turn, fault=ending.fault)
        result = ending.result(self.request.version)
        last: type[EventData] = CallDisconnected
        if not was_up and not ending.by_app:
            failure = _FAILED[self.origin]
            if self.answers:
                result = ending.answer_result(self.request.version)
            elif self.origin is Origin.CONNECTED:
                result = ending.connect_result(self.request.version)
            if self.origin is Origin.CREATED:
                self.notify(turn, failure, result, self.request)
            elif self._event(failure, result, self.request) is not None:
                last = failure
        self.notify(turn, last, result, self.request)
        self.machine.fire(ConnectionEvent.CLOSE)
        turn.emit(ConnectionClosed(self.id))

    # --- what media operations need (Line) --------------------------------------------------------------

    @property
    def call(self) -> int:
        return self.server_call.number

    @property
    def cognitive_endpoint(self) -> str | None:
        return self.setup.cognitive_endpoint

    @property
    def abilities(self) -> Abilities:
        return self.server_call.registry.abilities

    def find(self, model: CommunicationIdentifierModel, field: str) -> Participant:
        """Somebody else in the call. Raises Refusal 404/8522, or 400/8523 for the app itself."""
        person = self.server_call.find(model, field)
        if person is self.participant:
            raise invalid_argument(field, f"{person.identity.raw_id} is the app itself; name somebody else.")
        return person

    def listeners(self) -> tuple[int, ...]:
        own = self.participant
        return tuple(
            person.leg for person in self.server_call.present() if person is not own and not person.on_hold
        )

    def is_one_to_one(self) -> bool:
        return len(self.server_call.present()) <= 2

    def notify(
        self,
        turn: MediaTurn,
        event: type[EventData],
        result: ResultInformation,
        request: Request,
        **fields: Any,
    ) -> None:
        data = self._event(event, result, request, **fields)
        if data is not None:
            self.story.told(turn.now, data)
            turn.emit(Notify(self.resource, self.id, request.callback or self.callback_uri, data))

    def _event(
        self, event: type[EventData], result: ResultInformation, request: Request, **fields: Any
    ) -> EventData | None:
        return gated(
            event(
                version=request.version,
                call_connection_id=self.id,
                server_call_id=self.server_call.id,
                correlation_id=self.server_call.correlation_id,
                result_information=result,
                operation_context=request.context,
                **fields,
            )
        )

    # --- as seen by GET ---------------------------------------------------------------------------------

    def properties(self) -> CallConnectionProperties:
        """``source`` is the caller and ``targets`` the callees on both sides (contract section 1.4).

        A call somebody has yet to answer shows no serverCallId, as recorded from the real service.
        """
        call = self.server_call
        number = call.caller_number
        waiting = self.origin is Origin.CREATED and self.state is State.CONNECTING
        return CallConnectionProperties(
            call_connection_id=self.id,
            call_connection_state=self.state,
            callback_uri=self.callback_uri,
            server_call_id=None if waiting else call.id,
            targets=[target.to_model() for target in call.targets],
            source_caller_id_number=PhoneNumberModel(value=number) if number else None,
            source_display_name=call.display_name or None,
            source=call.caller.to_model(),
            correlation_id=call.correlation_id,
            answered_by=(
                CommunicationUserModel(id=self.participant.identity.raw_id) if self.answers else None
            ),
            answered_for=PhoneNumberModel(value=self.answered_for) if self.answered_for else None,
            media_streaming_subscription=self.streams.audio.subscription() if self.streams.audio else None,
            transcription_subscription=(
                self.streams.transcript.subscription() if self.streams.transcript else None
            ),
        )

    def participant_named(self, raw_id: str) -> Participant:
        """Whoever a path names; Refusal 404/8522 when nobody in the call is called that."""
        people = self.server_call.present()
        names = [(person.identity, person) for person in people]
        names += [(alias, person) for person in people for alias in person.aliases]
        for name, person in names:
            if name.matches_raw(raw_id):
                return person
        raise not_found(
            f"Participant {raw_id!r} is not in call {self.id}; participants are: {self.server_call.names()}.",
            target="participantRawId",
        )
