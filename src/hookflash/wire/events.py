"""Callback events: one struct a type, and the CloudEvent around them (contract sections 5.2 and 5.3).

``publicEventType`` and the CloudEvent's ``type`` follow from the class. All fields are keyword-only. Every
event carries the api-version of the request that caused it; :func:`gated` cuts an event to what that version
knows.
"""

from __future__ import annotations

import msgspec

from hookflash.wire.enums import RecognitionType, Tone
from hookflash.wire.event_data import NAMESPACE, EventData
from hookflash.wire.identifiers import CommunicationIdentifierModel
from hookflash.wire.parts import Model
from hookflash.wire.responses import CallParticipant
from hookflash.wire.streaming_events import (
    MediaStreamingFailed,
    MediaStreamingStarted,
    MediaStreamingStopped,
    MediaStreamingUpdate,
    RecordingStateChanged,
    StartRecordingFailed,
    TranscriptionFailed,
    TranscriptionStarted,
    TranscriptionStopped,
    TranscriptionUpdate,
    TranscriptionUpdated,
    recording_source,
)
from hookflash.wire.timestamps import offset_time
from hookflash.wire.versions import at_least

# --- the call -------------------------------------------------------------------------------------------


class CallConnected(EventData, frozen=True):
    """The app's own leg is up."""


class CallDisconnected(EventData, frozen=True):
    """The last event of a leg."""


class CreateCallFailed(EventData, frozen=True):
    """An outbound leg never connected; CallDisconnected follows."""


class AnswerFailed(EventData, frozen=True):
    """The answer was accepted over HTTP and failed later."""


class ConnectFailed(EventData, frozen=True):
    """The connect was accepted over HTTP and failed later."""


class ParticipantsUpdated(EventData, frozen=True):
    """The roster changed; ``sequenceNumber`` rises within a connection."""

    participants: list[CallParticipant]
    sequence_number: int


class _ParticipantEvent(EventData, frozen=True):
    participant: CommunicationIdentifierModel


class AddParticipantSucceeded(_ParticipantEvent, frozen=True):
    pass


class AddParticipantFailed(_ParticipantEvent, frozen=True):
    pass


class RemoveParticipantSucceeded(_ParticipantEvent, frozen=True):
    pass


class RemoveParticipantFailed(_ParticipantEvent, frozen=True):
    pass


class CancelAddParticipantSucceeded(EventData, frozen=True):
    invitation_id: str


class CancelAddParticipantFailed(EventData, frozen=True):
    invitation_id: str


class MoveParticipantSucceeded(_ParticipantEvent, frozen=True):
    """One a participant; ``fromCall`` is the callConnectionId it left."""

    from_call: str


class MoveParticipantFailed(_ParticipantEvent, frozen=True):
    from_call: str


class CallTransferAccepted(EventData, frozen=True):
    """Both identifiers since 2023-10-15."""

    transfer_target: CommunicationIdentifierModel | None = None
    transferee: CommunicationIdentifierModel | None = None


class CallTransferFailed(EventData, frozen=True):
    pass


# --- media ----------------------------------------------------------------------------------------------


class PlayStarted(EventData, frozen=True):
    pass


class PlayCompleted(EventData, frozen=True):
    pass


class PlayFailed(EventData, frozen=True):
    """``failedPlaySourceIndex`` is 0-based, absent when no single source is to blame; since 2024-09-15."""

    failed_play_source_index: int | None = None


class PlayCanceled(EventData, frozen=True):
    pass


class DtmfResult(Model):
    tones: list[Tone]


class ChoiceResult(Model):
    """``recognizedPhrase`` is null, not absent, when a tone chose: apps look it up without asking whether it
    is there. ``confidence`` since 2025-05-15.
    """

    label: str
    recognized_phrase: str | None
    confidence: float | None = None


class SpeechResult(Model):
    """``confidence`` since 2025-05-15."""

    speech: str
    confidence: float | None = None


class RecognizeCompleted(EventData, frozen=True):
    """Exactly one of the results is there, the one ``recognitionType`` names."""

    recognition_type: RecognitionType
    dtmf_result: DtmfResult | None = None
    choice_result: ChoiceResult | None = None
    speech_result: SpeechResult | None = None


class RecognizeFailed(EventData, frozen=True):
    """``failedPlaySourceIndex`` names the prompt that could not be played, when that was it.

    ``dtmfResult`` has the keys pressed before an inter-digit timeout; no SDK reads it, and none minds.
    """

    failed_play_source_index: int | None = None
    dtmf_result: DtmfResult | None = None


class RecognizeCanceled(EventData, frozen=True):
    pass


class ToneInfo(Model):
    """Where 2023-06-15-preview put a tone."""

    sequence_id: int
    tone: Tone


class ContinuousDtmfRecognitionToneReceived(EventData, frozen=True):
    """``sequenceId`` counts from 1. 2023-06-15-preview has ``toneInfo`` instead of both."""

    sequence_id: int | None = None
    tone: Tone | None = None
    tone_info: ToneInfo | None = None


class ContinuousDtmfRecognitionToneFailed(EventData, frozen=True):
    pass


class ContinuousDtmfRecognitionStopped(EventData, frozen=True):
    pass


class SendDtmfTonesCompleted(EventData, frozen=True):
    pass


class SendDtmfTonesFailed(EventData, frozen=True):
    pass


class HoldFailed(EventData, frozen=True):
    pass


# --- which version knows which type ---------------------------------------------------------------------

EVENT_TYPES: dict[str, type[EventData]] = {
    f"{NAMESPACE}{event.__name__}": event
    for event in (
        CallConnected,
        CallDisconnected,
        CreateCallFailed,
        AnswerFailed,
        ConnectFailed,
        ParticipantsUpdated,
        AddParticipantSucceeded,
        AddParticipantFailed,
        RemoveParticipantSucceeded,
        RemoveParticipantFailed,
        CancelAddParticipantSucceeded,
        CancelAddParticipantFailed,
        MoveParticipantSucceeded,
        MoveParticipantFailed,
        CallTransferAccepted,
        CallTransferFailed,
        PlayStarted,
        PlayCompleted,
        PlayFailed,
        PlayCanceled,
        RecognizeCompleted,
        RecognizeFailed,
        RecognizeCanceled,
        ContinuousDtmfRecognitionToneReceived,
        ContinuousDtmfRecognitionToneFailed,
        ContinuousDtmfRecognitionStopped,
        SendDtmfTonesCompleted,
        SendDtmfTonesFailed,
        HoldFailed,
        MediaStreamingStarted,
        MediaStreamingStopped,
        MediaStreamingFailed,
        TranscriptionStarted,
        TranscriptionUpdated,
        TranscriptionStopped,
        TranscriptionFailed,
        RecordingStateChanged,
        StartRecordingFailed,
    )
}
"""Every type that may be sent, by its ``publicEventType``."""

_OLDEST = "2022-04-07-preview"
_SINCE: dict[type[EventData], str] = {
    CreateCallFailed: "2024-06-15-preview",
    AnswerFailed: "2024-06-15-preview",
    ConnectFailed: "2024-06-15-preview",
    PlayStarted: "2024-06-15-preview",
    HoldFailed: "2024-06-15-preview",
    MediaStreamingStarted: "2024-06-15-preview",
    MediaStreamingStopped: "2024-06-15-preview",
    MediaStreamingFailed: "2024-06-15-preview",
    TranscriptionStarted: "2024-06-15-preview",
    TranscriptionUpdated: "2024-06-15-preview",
    TranscriptionStopped: "2024-06-15-preview",
    TranscriptionFailed: "2024-06-15-preview",
    StartRecordingFailed: "2025-06-15",
    # The preview before the stable version has the operation, so it has to be told how that ends.
    MoveParticipantSucceeded: "2025-08-15-preview",
    MoveParticipantFailed: "2025-08-15-preview",
}


def since(event: type[EventData]) -> str:
    """The first api-version whose SDKs know ``event``; older ones may throw on it (contract section 5.3)."""
    return _SINCE.get(event, _OLDEST)


def is_known(event: type[EventData], version: str) -> bool:
    """Whether ``event`` may be sent for a request of ``version``."""
    return at_least(version, since(event))


# --- the envelope ---------------------------------------------------------------------------------------


class CloudEvent(msgspec.Struct):
    """CloudEvents 1.0 as callbacks carry it; ``subject`` repeats ``source``."""

    id: str
    source: str
    type: str
    data: EventData
    time: str
    subject: str
    specversion: str = "1.0"
    datacontenttype: str = "application/json"


_ENCODER = msgspec.json.Encoder()


def cloud_event(data: EventData, *, id: str, time: float) -> bytes:
    """The POST body of a callback: a JSON array with exactly one CloudEvent. ``time`` is Unix time in
    seconds.
    """
    source = data.source
    return _ENCODER.encode([CloudEvent(id, source, data.public_event_type, data, offset_time(time), source)])


__all__ = [
    "EVENT_TYPES",
    "AddParticipantFailed",
    "AddParticipantSucceeded",
    "AnswerFailed",
    "CallConnected",
    "CallDisconnected",
    "CallTransferAccepted",
    "CallTransferFailed",
    "CancelAddParticipantFailed",
    "CancelAddParticipantSucceeded",
    "ChoiceResult",
    "CloudEvent",
    "ConnectFailed",
    "ContinuousDtmfRecognitionStopped",
    "ContinuousDtmfRecognitionToneFailed",
    "ContinuousDtmfRecognitionToneReceived",
    "CreateCallFailed",
    "DtmfResult",
    "EventData",
    "HoldFailed",
    "MediaStreamingFailed",
    "MediaStreamingStarted",
    "MediaStreamingStopped",
    "MediaStreamingUpdate",
    "MoveParticipantFailed",
    "MoveParticipantSucceeded",
    "ParticipantsUpdated",
    "PlayCanceled",
    "PlayCompleted",
    "PlayFailed",
    "PlayStarted",
    "RecognizeCanceled",
    "RecognizeCompleted",
    "RecognizeFailed",
    "RecordingStateChanged",
    "RemoveParticipantFailed",
    "RemoveParticipantSucceeded",
    "SendDtmfTonesCompleted",
    "SendDtmfTonesFailed",
    "SpeechResult",
    "StartRecordingFailed",
    "ToneInfo",
    "TranscriptionFailed",
    "TranscriptionStarted",
    "TranscriptionStopped",
    "TranscriptionUpdate",
    "TranscriptionUpdated",
    "cloud_event",
    "is_known",
    "recording_source",
    "since",
]
