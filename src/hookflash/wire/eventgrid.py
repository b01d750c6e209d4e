"""Event Grid: the envelope, its handshake and its payloads (contract sections 5.6 and 5.7)."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from hookflash.wire.enums import WireEnum
from hookflash.wire.identifiers import CommunicationIdentifierModel, Identifier
from hookflash.wire.parts import Model
from hookflash.wire.timestamps import offset_time, zulu_time

INCOMING_CALL = "Microsoft.Communication.IncomingCall"
CALL_STARTED = "Microsoft.Communication.CallStarted"
CALL_ENDED = "Microsoft.Communication.CallEnded"
CALL_PARTICIPANT_ADDED = "Microsoft.Communication.CallParticipantAdded"
CALL_PARTICIPANT_REMOVED = "Microsoft.Communication.CallParticipantRemoved"
RECORDING_FILE_STATUS_UPDATED = "Microsoft.Communication.RecordingFileStatusUpdated"
EVENT_TYPES = (
    INCOMING_CALL,
    CALL_STARTED,
    CALL_ENDED,
    CALL_PARTICIPANT_ADDED,
    CALL_PARTICIPANT_REMOVED,
    RECORDING_FILE_STATUS_UPDATED,
)
"""Every type a subscription may name."""
SUBSCRIPTION_VALIDATION = "Microsoft.EventGrid.SubscriptionValidationEvent"

ALL_TYPES = "All"
"""What a subscription to every type may name."""
DATA_VERSION = "1.0"
METADATA_VERSION = "1"
_VERSIONS = {"aeg-data-version": DATA_VERSION, "aeg-metadata-version": METADATA_VERSION}
NOTIFICATION_HEADERS = {"aeg-event-type": "Notification", **_VERSIONS}
VALIDATION_HEADERS = {"aeg-event-type": "SubscriptionValidation", **_VERSIONS}

_NAMESPACE = "Microsoft.Communication."
_BY_FOLDED_NAME = {name.casefold(): name for name in EVENT_TYPES} | {
    name.removeprefix(_NAMESPACE).casefold(): name for name in EVENT_TYPES
}


def event_type_named(text: str) -> str | None:
    """The full name of an event type given in full or short ("CallEnded"), in any case; None for others."""
    return _BY_FOLDED_NAME.get(text.casefold())


# --- IncomingCall ---------------------------------------------------------------------------------------


class CustomContext(msgspec.Struct, rename="camel"):
    """Headers that came with a call; both maps are always there when the object is.

    An IncomingCall that comes from addParticipant has the object even when no header came; one from a plain
    call without headers does not.
    """

    sip_headers: dict[str, str] = msgspec.field(default_factory=dict)
    voip_headers: dict[str, str] = msgspec.field(default_factory=dict)

    def sip_header(self, name: str) -> str | None:
        """A SIP header looked up without regard to case, as apps do with User-To-User."""
        folded = name.casefold()
        return next((value for key, value in self.sip_headers.items() if key.casefold() == folded), None)


class IncomingCallData(Model, kw_only=True):
    """Payload of IncomingCall. ``from`` is a Python keyword, hence ``from_``.

    ``on_behalf_of_callee`` is whom the caller meant when somebody else is rung in their place.
    """

    to: CommunicationIdentifierModel
    from_: CommunicationIdentifierModel = msgspec.field(name="from")
    server_call_id: str
    incoming_call_context: str
    correlation_id: str
    caller_display_name: str = msgspec.field(default_factory=str)
    custom_context: CustomContext | None = None
    on_behalf_of_callee: CommunicationIdentifierModel | None = None

    @property
    def subject(self) -> str:
        """``/caller/<rawId>/recipient/<rawId>``."""
        caller, callee = Identifier.from_model(self.from_, "from"), Identifier.from_model(self.to, "to")
        return f"/caller/{caller}/recipient/{callee}"


# --- what a call was: reporting events ------------------------------------------------------------------


class CallParticipantRole(WireEnum):
    """What somebody may do in a call; outside of rooms everybody is an attendee."""

    ATTENDEE = "Attendee"
    PRESENTER = "Presenter"
    ORGANIZER = "Organizer"
    CONSUMER = "Consumer"
    COLLABORATOR = "Collaborator"


class CallEndedByType(WireEnum):
    """``MicrosoftInternal`` is the service itself: here, Hookflash."""

    PARTICIPANT = "Participant"
    MICROSOFT_INTERNAL = "MicrosoftInternal"


class GridParticipant(Model):
    """Somebody in a reporting event."""

    communication_identifier: CommunicationIdentifierModel
    role: CallParticipantRole = msgspec.field(default_factory=lambda: CallParticipantRole.ATTENDEE)


class GridId(Model):
    """``group`` and ``room`` of a reporting event."""

    id: str


class _CallData(Model, kw_only=True):
    """What every reporting event of a call carries.

    ``group`` is there for a group call, ``room`` for a room's.
    """

    started_by: GridParticipant
    server_call_id: str
    correlation_id: str
    is_two_party: bool
    group: GridId | None = None
    room: GridId | None = None
    is_rooms_call: bool = msgspec.field(default_factory=bool)


class CallStartedData(_CallData, kw_only=True):
    """Payload of CallStarted."""

    @property
    def subject(self) -> str:
        """``call/<serverCallId>/startedBy/<rawId>``."""
        starter = Identifier.from_model(self.started_by.communication_identifier, "startedBy")
        return f"call/{self.server_call_id}/startedBy/{starter}"


class CallEndedBy(Model):
    """Who ended a call; ``name`` is their display name, "" if they have none."""

    communication_identifier: CommunicationIdentifierModel
    type: CallEndedByType
    name: str = msgspec.field(default_factory=str)


class CallEndReason(msgspec.Struct, rename="camel"):
    """Why a call ended: code and sub-code as in resultInformation, and words."""

    code: int
    sub_code: int
    phrase: str


class CallEndedData(_CallData, kw_only=True):
    """Payload of CallEnded.

    The duration (seconds) goes out under two names, the documented one and that of the SDKs' schema.
    """

    call_duration_in_seconds: float
    duration_of_call: float = msgspec.field(default_factory=float)
    ended_by: CallEndedBy | None = None
    reason: CallEndReason | None = None

    def __post_init__(self) -> None:
        self.duration_of_call = self.call_duration_in_seconds

    @property
    def subject(self) -> str:
        """``call/<serverCallId>``."""
        return f"call/{self.server_call_id}"


class CallParticipantEventData(_CallData, kw_only=True):
    """Payload of CallParticipantAdded and of CallParticipantRemoved.

    ``participant_id`` is a GUID of this participation. What the participant called with goes out under two
    names, the documented one (``endpointType``) and that of the SDKs' schema (``userAgent``).
    """

    user: GridParticipant
    participant_id: str
    display_name: str = msgspec.field(default_factory=str)
    user_agent: str = msgspec.field(default_factory=str)
    endpoint_type: str = msgspec.field(default_factory=str)

    def __post_init__(self) -> None:
        self.endpoint_type = self.user_agent

    @property
    def subject(self) -> str:
        """``call/<serverCallId>/participant/<rawId>``."""
        user = Identifier.from_model(self.user.communication_identifier, "user")
        return f"call/{self.server_call_id}/participant/{user}"


# --- recordings -----------------------------------------------------------------------------------------


class GridRecordingContentType(WireEnum):
    """Capital letters here, unlike in requests; found in any case, so a request's value can be given."""

    AUDIO_VIDEO = "AudioVideo"
    AUDIO = "Audio"


class GridRecordingChannelType(WireEnum):
    MIXED = "Mixed"
    UNMIXED = "Unmixed"


class GridRecordingFormatType(WireEnum):
    WAV = "Wav"
    MP3 = "Mp3"
    MP4 = "Mp4"


class RecordingChunk(msgspec.Struct, rename="camel"):
    """One file of a recording and the URLs to fetch or delete it with.

    ``index`` counts from 0; ``end_reason`` is "SessionEnded" for the last one, or "SessionFailed" and the
    like where something went wrong; "ChunkMaximumSizeExceeded" and the like before.
    """

    document_id: str
    index: int
    end_reason: str
    content_location: str
    metadata_location: str
    delete_location: str


class RecordingStorageInfo(msgspec.Struct, rename="camel"):
    recording_chunks: tuple[RecordingChunk, ...]


class RecordingFileStatusUpdatedData(msgspec.Struct, rename="camel", kw_only=True):
    """Payload of RecordingFileStatusUpdated. ``recording_start_time`` is ISO 8601 with ``Z``."""

    recording_storage_info: RecordingStorageInfo
    recording_start_time: str
    recording_duration_ms: int
    recording_content_type: GridRecordingContentType
    recording_channel_type: GridRecordingChannelType
    recording_format_type: GridRecordingFormatType
    session_end_reason: str


def recording_file_status_updated(
    chunks: Iterable[RecordingChunk],
    *,
    started: float,
    duration_ms: int,
    content_type: str,
    channel_type: str,
    format: str,
    session_end_reason: str,
) -> RecordingFileStatusUpdatedData:
    """The payload from what a recorder knows.

    Args:
        chunks: the files, in order.
        started: Unix time.
        duration_ms: of everything recorded, pauses left out.
        content_type, channel_type, format: as in the start request, in any case.
        session_end_reason: "CallEnded", "InitiatorLeft" and the like.

    Raises:
        ValueError: one of the types is not known.
    """
    return RecordingFileStatusUpdatedData(
        recording_storage_info=RecordingStorageInfo(tuple(chunks)),
        recording_start_time=zulu_time(started),
        recording_duration_ms=duration_ms,
        recording_content_type=GridRecordingContentType(content_type),
        recording_channel_type=GridRecordingChannelType(channel_type),
        recording_format_type=GridRecordingFormatType(format),
        session_end_reason=session_end_reason,
    )


def recording_subject(call_id: str, server_call_id: str, recording_id: str) -> str:
    """``subject`` of RecordingFileStatusUpdated; ``call_id`` is the correlationId."""
    return f"/recording/call/{call_id}/serverCallId/{server_call_id}/recordingId/{recording_id}"


# --- the envelope and the handshake ---------------------------------------------------------------------


class SubscriptionValidationData(Model):
    """What a subscriber must prove it has read; ``validationUrl`` is for doing it by hand."""

    validation_code: str
    validation_url: str | None = None


class SubscriptionValidationResponse(Model):
    """What a subscriber answers the handshake with."""

    validation_response: str | None = None


class GridEvent(msgspec.Struct, rename="camel"):
    """One event in Event Grid schema. ``event_time`` is ISO 8601 with ``Z``."""

    id: str
    topic: str
    subject: str
    data: msgspec.Struct
    event_type: str
    event_time: str
    data_version: str = DATA_VERSION
    metadata_version: str = METADATA_VERSION


class GridCloudEvent(msgspec.Struct):
    """The same event for a subscription in CloudEvents schema; ``source`` is the topic."""

    id: str
    source: str
    subject: str
    data: msgspec.Struct
    type: str
    time: str
    specversion: str = "1.0"
    datacontenttype: str = "application/json"


_ENCODER = msgspec.json.Encoder()
_RESPONSE = msgspec.json.Decoder(SubscriptionValidationResponse)


def topic_of(resource_name: str, *, subscription: str = "00000000-0000-0000-0000-000000000000") -> str:
    """The Azure path of a communication resource, as ``topic``."""
    return (
        f"/subscriptions/{subscription}/resourcegroups/hookflash/providers/microsoft.communication"
        f"/communicationservices/{resource_name}"
    )


def grid_event(
    data: msgspec.Struct, *, id: str, topic: str, subject: str, event_type: str, time: float
) -> bytes:
    """A JSON array with one event in Event Grid schema. ``time`` is Unix time."""
    return _ENCODER.encode([GridEvent(id, topic, subject, data, event_type, zulu_time(time))])


def grid_cloud_event(
    data: msgspec.Struct, *, id: str, topic: str, subject: str, event_type: str, time: float
) -> bytes:
    """One event in CloudEvents schema (not an array, as Event Grid delivers it). ``time`` is Unix time."""
    return _ENCODER.encode(GridCloudEvent(id, topic, subject, data, event_type, offset_time(time)))


def incoming_call(data: IncomingCallData, *, id: str, topic: str, time: float) -> bytes:
    """The POST body of one IncomingCall in Event Grid schema."""
    return grid_event(data, id=id, topic=topic, subject=data.subject, event_type=INCOMING_CALL, time=time)


def subscription_validation(
    code: str, *, id: str, topic: str, time: float, validation_url: str | None = None
) -> bytes:
    """The POST body of the handshake; the subscriber echoes ``code``."""
    data = SubscriptionValidationData(code, validation_url)
    return grid_event(data, id=id, topic=topic, subject="", event_type=SUBSCRIPTION_VALIDATION, time=time)


def validated(body: bytes, code: str) -> bool:
    """Whether a handshake's answer echoes ``code``; anything unreadable is a no."""
    try:
        return _RESPONSE.decode(body).validation_response == code
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
