"""Recordings: one of a call at a time, from the start request to the files (contract section 9).

A recording belongs to a server call and to the resource that started it. It is *active* once the recorder
says that it runs; until then, and while it is paused, apps are shown *inactive*, as recorded from the real
service. Each change is told to its ``recordingStateCallbackUri``, if it has one. After its end it is not
found any more; what is left is to publish its files when they are complete, and to tell of them on request:
from what is kept of them, so that the answer is the same after a restart, and none once they are deleted.

A recording that fails before it ran is StartRecordingFailed; api-versions that do not know that event, and
recordings that ran already, get RecordingStateChanged with the reason instead. Without a
``recordingStateCallbackUri`` StartRecordingFailed goes where the app's other events go: who is not told waits
for a file that never comes.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hookflash.calls import audio_effects, effects
from hookflash.calls.facts import RecordingOrigin
from hookflash.calls.streams import roster_of
from hookflash.machine import Machine
from hookflash.media.tables import RECORDING, RecordingStep
from hookflash.media.tables import Recording as State
from hookflash.wire.enums import RecordingKind, RecordingState
from hookflash.wire.eventgrid import (
    RECORDING_FILE_STATUS_UPDATED,
    RecordingChunk,
    RecordingFileStatusUpdatedData,
    recording_file_status_updated,
    recording_subject,
)
from hookflash.wire.events import (
    EventData,
    RecordingStateChanged,
    StartRecordingFailed,
    is_known,
    recording_source,
)
from hookflash.wire.gates import gated
from hookflash.wire.recording_result import RecordingResultResponse, recording_result
from hookflash.wire.responses import RecordingStateResponse
from hookflash.wire.results import (
    SUCCESS,
    Refusal,
    ResultInformation,
    not_found,
    wrong_resource,
)
from hookflash.wire.timestamps import offset_time

if TYPE_CHECKING:
    from hookflash.calls.facts import RecordingStored
    from hookflash.calls.server_call import ServerCall
    from hookflash.calls.turn import Turn

CALL_ENDED = "CallEnded"
"""The sessionEndReason of every recording that was not broken off (contract section 5.7)."""
FAILED = "SessionFailed"


@dataclass(frozen=True, slots=True)
class KeptRecording:
    """What is known of a recording from its files, which are complete, and where they belong.

    ``stored`` has its origin. ``failure`` is what broke the recording off, ``expires`` the Unix time at which
    the first of the files is deleted; None where nothing did, or does.
    """

    stored: RecordingStored
    failure: ResultInformation | None = None
    expires: float | None = None


Kept = Callable[[str], KeptRecording | None]
"""From the id of a recording that does not run to what is kept of it; None while its files are on their way
to where they belong, and when there are none (left)."""


def keeps_nothing(recording_id: str) -> KeptRecording | None:
    """A :data:`Kept` where nothing is."""
    return None


@dataclass(frozen=True, slots=True)
class Order:
    """What to record and how; ``channels`` maps rawIds to channels, ``destination`` is a container's URL,
    which may hold a secret."""

    content_type: str
    channel_type: str
    format: str
    channels: tuple[tuple[str, int], ...] = ()
    paused: bool = False
    destination: str | None = field(default=None, repr=False)


class Recording:
    """One recording. ``connection_id`` is the leg that started it, or a GUID of its own."""

    def __init__(
        self,
        book: RecordingBook,
        call: ServerCall,
        *,
        id: str,
        resource: str,
        version: str,
        connection_id: str,
        callback: str | None,
        order: Order,
    ) -> None:
        self.book = book
        self.call: ServerCall | None = call
        self.server_call_id = call.id
        self.correlation_id = call.correlation_id
        self.id = id
        self.resource = resource
        self.version = version
        self.connection_id = connection_id
        self.callback = callback
        self.order = order
        self.began: float | None = None
        self.end_reason = CALL_ENDED
        self.failure: ResultInformation | None = None
        self.published = False
        self.machine = Machine(RECORDING, State.WAITING if order.paused else State.STARTING)

    @property
    def state(self) -> RecordingState:
        active = self.machine.state is State.ACTIVE
        return RecordingState.ACTIVE if active else RecordingState.INACTIVE

    def response(self) -> RecordingStateResponse:
        return RecordingStateResponse(self.id, self.state, RecordingKind.AZURE_COMMUNICATION_SERVICES)

    # --- what is asked ----------------------------------------------------------------------------------

    def start(self, turn: Turn) -> None:
        call, order = self.call, self.order
        assert call is not None
        call.recording = self
        self.book.live[self.id] = self
        turn.emit(
            audio_effects.StartRecording(
                recording=self.id,
                call=call.number,
                resource=self.resource,
                server_call_id=call.id,
                correlation_id=call.correlation_id,
                connection_id=self.connection_id,
                content_type=order.content_type,
                channel_type=order.channel_type,
                format=order.format,
                channels=order.channels,
                paused=order.paused,
                destination=order.destination,
                roster=roster_of(call),
                callback=self.callback,
                version=self.version,
            )
        )

    def pause(self, turn: Turn) -> None:
        """Idempotent: the request has no repeatability headers, and a client that retries sends it twice."""
        if not self.machine.allows(RecordingStep.PAUSE):
            return
        was = self.state
        self.machine.fire(RecordingStep.PAUSE)
        turn.emit(audio_effects.PauseRecording(self.id))
        if was is RecordingState.ACTIVE:
            self._changed(turn, SUCCESS)

    def resume(self, turn: Turn) -> None:
        """Idempotent, as :meth:`pause`."""
        if not self.machine.allows(RecordingStep.RESUME):
            return
        self.machine.fire(RecordingStep.RESUME)
        turn.emit(audio_effects.ResumeRecording(self.id))
        if self.state is RecordingState.ACTIVE:
            self._changed(turn, SUCCESS)

    def stop(self, turn: Turn, result: ResultInformation = SUCCESS) -> None:
        """Somebody stopped it, or the call is over; ``result`` says so when the platform broke down."""
        self.machine.fire(RecordingStep.STOP)
        self._over()
        turn.emit(audio_effects.StopRecording(self.id, self.end_reason))
        self._changed(turn, result)

    # --- what happens -----------------------------------------------------------------------------------

    def started(self, turn: Turn, at: float) -> None:
        """The recorder runs since ``at`` (Unix time)."""
        if self.began is not None:
            return
        self.began = at
        self.machine.fire(RecordingStep.BEGIN)
        if self.state is RecordingState.ACTIVE:
            self._changed(turn, SUCCESS)

    def failed(self, turn: Turn, result: ResultInformation) -> None:
        never_ran = self.began is None
        callback = self.callback or self._app_callback()
        self.machine.fire(RecordingStep.FAIL)
        self._over()
        self.end_reason, self.failure = FAILED, result
        if never_ran and is_known(StartRecordingFailed, self.version):
            event = StartRecordingFailed(**self._common(result), recording_id=self.id)
            self._notify(turn, event, callback)
        else:
            self._changed(turn, result)

    def failed_after_all(self, result: ResultInformation) -> None:
        """It was stopped, and then what it still had could not be written: its files will tell."""
        if not self.published and self.failure is None:
            self.end_reason, self.failure = FAILED, result

    def stored(self, turn: Turn, fact: RecordingStored, base: str) -> None:
        """Its files are complete; ``base`` is the URL they are served under."""
        order = self.order
        origin = RecordingOrigin(
            self.resource,
            self.server_call_id,
            self.correlation_id,
            order.content_type,
            order.channel_type,
            order.format,
            broken=False,
        )
        publish_files(turn, fact, origin, base, self.end_reason)
        self.published = True

    # --- telling ----------------------------------------------------------------------------------------

    def _over(self) -> None:
        if self.call is not None:
            self.call.recording = None
            self.call = None
        self.book.end(self)

    def _changed(self, turn: Turn, result: ResultInformation) -> None:
        source = recording_source(self.server_call_id, self.id)
        self._notify(
            turn,
            RecordingStateChanged(
                **self._common(result),
                event_source=source,
                recording_id=self.id,
                state=self.state,
                start_date_time=offset_time(self.began) if self.began is not None else None,
                recording_kind=RecordingKind.AZURE_COMMUNICATION_SERVICES,
            ),
            self.callback,
        )

    def _common(self, result: ResultInformation) -> dict[str, Any]:
        return {
            "version": self.version,
            "call_connection_id": self.connection_id,
            "server_call_id": self.server_call_id,
            "correlation_id": self.correlation_id,
            "result_information": result,
        }

    def _app_callback(self) -> str | None:
        """Where its app has its events; StartRecordingFailed is an event of the connection."""
        connections = self.call.connections.values() if self.call is not None else ()
        return next((one.callback_uri for one in connections if one.id == self.connection_id), None)

    def _notify(self, turn: Turn, event: EventData, callback: str | None) -> None:
        data = gated(event)
        if callback is not None and data is not None:
            turn.emit(effects.Notify(self.resource, self.connection_id, callback, data))


def publish_files(
    turn: Turn, fact: RecordingStored, origin: RecordingOrigin, base: str, end_reason: str
) -> None:
    """Tell Event Grid of complete files (contract section 5.7)."""
    data = _files_of(fact, origin, base, end_reason)
    subject = recording_subject(origin.correlation_id, origin.server_call_id, fact.recording)
    turn.emit(effects.PublishEvent(origin.resource, RECORDING_FILE_STATUS_UPDATED, subject, data))


def result_of(kept: KeptRecording, origin: RecordingOrigin, base: str) -> RecordingResultResponse:
    """The result of a recording, from its files."""
    end_reason = CALL_ENDED if kept.failure is None else FAILED
    return recording_result(_files_of(kept.stored, origin, base, end_reason), kept.failure, kept.expires)


def _files_of(
    fact: RecordingStored, origin: RecordingOrigin, base: str, end_reason: str
) -> RecordingFileStatusUpdatedData:
    chunks = []
    for chunk in fact.chunks:
        url = f"{base}/v1/objects/{chunk.document_id}"
        chunks.append(
            RecordingChunk(
                document_id=chunk.document_id,
                index=chunk.index,
                end_reason=chunk.end_reason,
                content_location=f"{url}/content/acsaudio",
                metadata_location=f"{url}/content/acsmetadata",
                delete_location=url,
            )
        )
    return recording_file_status_updated(
        chunks,
        started=fact.started,
        duration_ms=fact.duration_ms,
        content_type=origin.content_type,
        channel_type=origin.channel_type,
        format=origin.format,
        session_end_reason=end_reason,
    )


class RecordingBook:
    """Recordings by id: those that run, and the newest ``memory`` of those that are over."""

    def __init__(self, memory: int) -> None:
        self.live: dict[str, Recording] = {}
        self.over: OrderedDict[str, Recording] = OrderedDict()
        self._memory = memory

    def get(self, resource: str, recording_id: str) -> Recording:
        """What a request names. Raises Refusal 404/8522, or 403/7507 for another resource's."""
        recording = self.live.get(recording_id)
        if recording is None:
            raise _unknown()
        _check_owner(recording.resource, resource)
        return recording

    def result(self, resource: str, recording_id: str, kept: Kept, base: str) -> RecordingResultResponse:
        """The files of a recording, be it of before a restart; ``base`` is the URL they are served under.

        Raises Refusal as :meth:`get`, and 404/8522 before they are complete, or after they were deleted.
        """
        recording = self.over.get(recording_id) or self.live.get(recording_id)
        if recording is not None:
            _check_owner(recording.resource, resource)
            if not recording.published:
                raise not_found(
                    "Recording result not found: the files are not complete; RecordingFileStatusUpdated "
                    "tells when they are."
                )
        found = kept(recording_id)
        origin = found.stored.origin if found is not None else None
        if found is None or origin is None:
            raise _unknown()
        _check_owner(origin.resource, resource)
        return result_of(found, origin, base)

    def end(self, recording: Recording) -> None:
        del self.live[recording.id]
        self.over[recording.id] = recording
        while len(self.over) > self._memory:
            self.over.popitem(last=False)


def _unknown() -> Refusal:
    return Refusal(404, 8522, "Recording not found.", target="recordingId")


def _check_owner(owner: str, resource: str) -> None:
    if owner.casefold() != resource.casefold():
        raise wrong_resource(
            "The recording belongs to another resource; use the key of the resource that started it.",
            target="recordingId",
        )
