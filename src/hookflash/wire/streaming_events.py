"""Callback events of what leaves a call: media streaming, transcription, recording (contract section 5.3)."""

from __future__ import annotations

import msgspec

from hookflash.wire.enums import (
    MediaStreamingStatus,
    MediaStreamingStatusDetails,
    RecordingKind,
    RecordingState,
    TranscriptionStatus,
    TranscriptionStatusDetails,
)
from hookflash.wire.event_data import EventData
from hookflash.wire.parts import Model


class MediaStreamingUpdate(Model):
    """``contentType`` is written with a capital, unlike everywhere else."""

    media_streaming_status: MediaStreamingStatus
    media_streaming_status_details: MediaStreamingStatusDetails
    content_type: str = msgspec.field(default_factory=lambda: "Audio")


class _MediaStreamingEvent(EventData, frozen=True):
    media_streaming_update: MediaStreamingUpdate


class MediaStreamingStarted(_MediaStreamingEvent, frozen=True):
    pass


class MediaStreamingStopped(_MediaStreamingEvent, frozen=True):
    pass


class MediaStreamingFailed(_MediaStreamingEvent, frozen=True):
    pass


class TranscriptionUpdate(Model):
    """``transcriptionMessage`` is preview."""

    transcription_status: TranscriptionStatus
    transcription_status_details: TranscriptionStatusDetails
    transcription_message: str | None = None


class _TranscriptionEvent(EventData, frozen=True):
    transcription_update: TranscriptionUpdate


class TranscriptionStarted(_TranscriptionEvent, frozen=True):
    pass


class TranscriptionUpdated(_TranscriptionEvent, frozen=True):
    pass


class TranscriptionStopped(_TranscriptionEvent, frozen=True):
    pass


class TranscriptionFailed(_TranscriptionEvent, frozen=True):
    pass


class RecordingStateChanged(EventData, frozen=True):
    """Goes to ``recordingStateCallbackUri``; its source names the recording, not the connection."""

    event_source: str
    recording_id: str
    state: RecordingState
    start_date_time: str | None = None
    recording_kind: RecordingKind | None = None

    @property
    def source(self) -> str:
        return self.event_source


class StartRecordingFailed(EventData, frozen=True):
    recording_id: str


def recording_source(server_call_id: str, recording_id: str) -> str:
    """``eventSource`` of RecordingStateChanged."""
    return f"calling/recordings/{server_call_id}/{recording_id}/RecordingStateChanged"
