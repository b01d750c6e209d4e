"""Recording commands: start, look, pause, resume, stop (contract sections 1.4 and 9)."""

from __future__ import annotations

import msgspec

from hookflash.calls.commands import (
    GetRecording,
    GetRecordingResult,
    PauseRecording,
    ResumeRecording,
    StartRecording,
    StopRecording,
)
from hookflash.calls.facts import RecordingFailed, RecordingStarted, RecordingStored
from hookflash.calls.recordings import (
    CALL_ENDED,
    FAILED,
    Kept,
    Order,
    Recording,
    RecordingBook,
    keeps_nothing,
    publish_files,
)
from hookflash.calls.registry import NamedCall, Registry
from hookflash.calls.server_call import ServerCall
from hookflash.calls.turn import Turn
from hookflash.wire.constraints import CallbackRules, require_callback
from hookflash.wire.containers import NO_CONTAINERS, ContainerRules, require_container
from hookflash.wire.enums import (
    RecordingChannelType,
    RecordingContentType,
    RecordingFormatType,
    RecordingStorageKind,
)
from hookflash.wire.identifiers import Identifier
from hookflash.wire.parts import CallLocator
from hookflash.wire.recording_rules import check_no_video
from hookflash.wire.requests import StartCallRecordingRequest
from hookflash.wire.results import (
    ResultInformation,
    not_established,
    not_found,
    not_supported,
    recording_active,
    wrong_resource,
)

_FORMATS = {
    RecordingChannelType.MIXED: RecordingFormatType.MP3,
    RecordingChannelType.UNMIXED: RecordingFormatType.WAV,
}
"""The format of a request that names none."""


class RecordingControl:
    """Handlers of the commands and facts about recordings; each checks everything, then acts.

    ``files`` is the base URL of recorded files, ``containers`` says which containers apps may name, ``kept``
    what there is of recordings that are over.
    """

    def __init__(
        self,
        registry: Registry,
        callbacks: CallbackRules,
        memory: int,
        files: str,
        containers: ContainerRules = NO_CONTAINERS,
        kept: Kept = keeps_nothing,
    ) -> None:
        self._containers = containers
        self._kept = kept
        self._registry = registry
        self._callbacks = callbacks
        self._files = files.rstrip("/")
        self.book = RecordingBook(memory)

    # --- commands ---------------------------------------------------------------------------------------

    def start(self, turn: Turn, command: StartRecording) -> msgspec.Struct:
        """Record a call. Raises Refusal 404/8522, 403/7507, 400/8501, 400/8559, 400/8523 or 405/8520."""
        request, resource = command.request, command.resource
        if request.recording_state_callback_uri is not None:
            require_callback(
                request.recording_state_callback_uri, "recordingStateCallbackUri", self._callbacks
            )
        destination = _destination(request)
        if destination is not None:
            name = "externalStorage.recordingDestinationContainerUrl"
            require_container(destination, name, resource, self._containers)
        call = self._call(resource, request)
        leg = self._leg(call, resource, request)
        running = call.recording
        if running is not None:
            raise recording_active(
                f"The call is being recorded already (recordingId {running.id}, {running.state}); a call has "
                "one recording at a time, so resume that one, or stop it first."
            )
        check_no_video(request)
        recording = Recording(
            self.book,
            call,
            id=self._registry.minter.recording_id(leg),
            resource=resource,
            version=command.version,
            connection_id=leg,
            callback=request.recording_state_callback_uri,
            order=_order(request, destination),
        )
        recording.start(turn)
        return recording.response()

    def get(self, turn: Turn, command: GetRecording) -> msgspec.Struct:
        return self.book.get(command.resource, command.recording_id).response()

    def result(self, turn: Turn, command: GetRecordingResult) -> msgspec.Struct:
        return self.book.result(command.resource, command.recording_id, self._kept, self._files)

    def stop(self, turn: Turn, command: StopRecording) -> None:
        self.book.get(command.resource, command.recording_id).stop(turn)

    def pause(self, turn: Turn, command: PauseRecording) -> None:
        self.book.get(command.resource, command.recording_id).pause(turn)

    def resume(self, turn: Turn, command: ResumeRecording) -> None:
        self.book.get(command.resource, command.recording_id).resume(turn)

    # --- facts ------------------------------------------------------------------------------------------

    def started(self, turn: Turn, fact: RecordingStarted) -> None:
        recording = self.book.live.get(fact.recording)
        if recording is not None:
            recording.started(turn, fact.started)

    def failed(self, turn: Turn, fact: RecordingFailed) -> None:
        result = ResultInformation(fact.code, fact.sub_code, fact.message)
        if (recording := self.book.live.get(fact.recording)) is not None:
            recording.failed(turn, result)
        elif (recording := self.book.over.get(fact.recording)) is not None:
            recording.failed_after_all(result)

    def stored(self, turn: Turn, fact: RecordingStored) -> None:
        recording = self.book.over.get(fact.recording)
        if recording is not None:
            if not recording.published:
                recording.stored(turn, fact, self._files)
        elif fact.origin is not None:
            # Its files were complete, or where they belong, only after the server was restarted.
            kept = self._kept(fact.recording)
            failed = fact.origin.broken or (kept is not None and kept.failure is not None)
            reason = FAILED if failed else CALL_ENDED
            publish_files(turn, fact, fact.origin, self._files, reason)

    # --- which call -------------------------------------------------------------------------------------

    def _call(self, resource: str, request: StartCallRecordingRequest) -> ServerCall:
        """The call to record, which has to be up."""
        if request.call_connection_id is not None:
            connection = self._registry.connection(resource, request.call_connection_id)
            call = connection.server_call
            if not connection.up:
                raise _not_up(f"Call {connection.id}")
            return call
        assert request.call_locator is not None
        call = self._located(resource, request.call_locator)
        if not self._has_part(resource, call):
            raise wrong_resource(
                "The call of callLocator belongs to another resource: none of its participants is an app, a "
                "user or a number of the resource whose access key signed this request.",
                target="callLocator",
            )
        if not any(one.up for one in call.connections.values()) and len(call.present()) < 2:
            raise _not_up("The call")
        return call

    def _located(self, resource: str, locator: CallLocator) -> ServerCall:
        """The call a locator names. Raises Refusal 404/8522, or 405/8520 for a room."""
        if locator.room_id:
            raise not_supported(
                "A room cannot be recorded by its roomId; name the call by its serverCallId (it is in every "
                "event of the call) or by callConnectionId.",
                target="callLocator.roomId",
            )
        if locator.group_call_id:
            name = NamedCall(resource.casefold(), "group", locator.group_call_id.casefold())
            call = self._registry.named.get(name)
        else:
            call = self._registry.call_of_id(locator.server_call_id or "")
        if call is None:
            raise not_found(
                "Call not found: there is no call of that callLocator, or it has ended; take the "
                "serverCallId from an event of a call that lasts.",
                target="callLocator",
            )
        return call

    def _has_part(self, resource: str, call: ServerCall) -> bool:
        """Whether an app of the resource has or had part in the call, or one of its users or numbers has."""
        wanted = resource.casefold()
        if wanted in {one.casefold() for one in call.resources}:
            return True
        owner = self._registry.directory.owner
        people = [person.identity for person in call.present()]
        return any(owner(identity) == wanted for identity in [call.caller, *call.targets, *people])

    def _leg(self, call: ServerCall, resource: str, request: StartCallRecordingRequest) -> str:
        """The connection the recording is named after: that of the request, one of its resource, or none."""
        if request.call_connection_id is not None:
            return request.call_connection_id.casefold()
        for connection in call.connections.values():
            if connection.resource.casefold() == resource.casefold():
                return connection.id
        return self._registry.minter.guid()


def _not_up(what: str) -> Exception:
    return not_established(f"{what} is not established yet; it can be recorded after CallConnected.")


def _destination(request: StartCallRecordingRequest) -> str | None:
    """The container the files are to go to, if the app wants them in one of its own."""
    storage = request.external_storage
    if storage is None or storage.recording_storage_kind is not RecordingStorageKind.AZURE_BLOB_STORAGE:
        return None
    return storage.recording_destination_container_url


def _order(request: StartCallRecordingRequest, destination: str | None) -> Order:
    """What to record, of a request that has been checked: audio."""
    channel = request.recording_channel_type or RecordingChannelType.MIXED
    return Order(
        content_type=RecordingContentType.AUDIO.value,
        channel_type=channel.value,
        format=(request.recording_format_type or _FORMATS[channel]).value,
        channels=_channels(request) if channel is RecordingChannelType.UNMIXED else (),
        paused=bool(request.pause_on_start),
        destination=destination,
    )


def _channels(request: StartCallRecordingRequest) -> tuple[tuple[str, int], ...]:
    """Who goes to which channel: channelAffinity first, then the ordering, in the channels left over."""
    given = {
        Identifier.from_model(entry.participant, "channelAffinity").raw_id: entry.channel
        for entry in request.channel_affinity or ()
    }
    for model in request.audio_channel_participant_ordering or ():
        given.setdefault(Identifier.from_model(model, "audioChannelParticipantOrdering").raw_id, None)
    free = iter(sorted(set(range(5)) - {channel for channel in given.values() if channel is not None}))
    named = {raw_id: next(free, None) if channel is None else channel for raw_id, channel in given.items()}
    return tuple((raw_id, channel) for raw_id, channel in named.items() if channel is not None)
