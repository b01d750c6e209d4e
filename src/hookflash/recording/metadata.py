"""What is kept of a recording beside its sound: the metadata file (contract section 9.3), the note on it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from hookflash.calls.audio_effects import StartRecording
from hookflash.recording.files import RATE
from hookflash.wire.timestamps import zulu_time


class Label(msgspec.Struct, frozen=True, rename="camel"):
    """What recording a file belongs to."""

    recording_id: str
    resource: str
    server_call_id: str
    correlation_id: str
    content_type: str
    channel_type: str
    format: str

    @classmethod
    def of(cls, effect: StartRecording) -> Label:
        return cls(
            effect.recording,
            effect.resource,
            effect.server_call_id,
            effect.correlation_id,
            effect.content_type,
            effect.channel_type,
            effect.format,
        )


class Pause(msgspec.Struct, frozen=True):
    """An interval that was not recorded: Unix time and seconds."""

    start: float
    seconds: float


class Person(msgspec.Struct, frozen=True):
    """Somebody who was in the call; ``channel`` of an unmixed recording, None when they never spoke."""

    raw_id: str
    channel: int | None = None


class StoredFile(msgspec.Struct, frozen=True, rename="camel"):
    """One file as the store keeps it, one JSON document under its ``document_id``.

    ``state`` is "recording" or "stored". Paths are relative to the recordings' folder. ``started`` is Unix
    time; ``duration_ms`` of its sound, ``paused_ms`` beside it and ``bytes`` are 0 until it is stored.
    ``end_reason`` as in contract section 5.7.
    """

    document_id: str
    label: Label
    index: int
    state: str
    path: str
    metadata_path: str
    started: float
    duration_ms: int = 0
    bytes: int = 0
    end_reason: str = ""
    people: tuple[str, ...] = ()
    paused_ms: int = 0

    @property
    def ended(self) -> float:
        """Unix time of its end."""
        return self.started + (self.duration_ms + self.paused_ms) / 1000


def metadata(file: StoredFile, channels: int, people: Sequence[Person], pauses: Sequence[Pause]) -> bytes:
    """The metadata file of a stored file. Times are ISO 8601, durations milliseconds."""
    seconds = file.duration_ms / 1000
    rate = (
        RATE * 16 * channels
        if file.label.format == "wav"
        else round(8 * file.bytes / seconds)
        if seconds
        else 0
    )
    end = file.started + seconds + sum(pause.seconds for pause in pauses)
    return msgspec.json.encode(
        {
            "resourceId": file.label.resource,
            "callId": file.label.correlation_id,
            "chunkDocumentId": file.document_id,
            "chunkIndex": file.index,
            "chunkStartTime": zulu_time(file.started),
            "chunkDuration": file.duration_ms,
            "pauseResumeIntervals": [
                {"startTime": zulu_time(pause.start), "duration": round(1000 * pause.seconds)}
                for pause in pauses
                if file.started <= pause.start <= end
            ],
            "recordingInfo": {
                "contentType": file.label.content_type,
                "channelType": file.label.channel_type,
                "format": file.label.format,
                "audioConfiguration": {"sampleRate": RATE, "bitRate": rate, "channels": channels},
            },
            "participants": [
                {"participantId": one.raw_id}
                if one.channel is None
                else {"participantId": one.raw_id, "channel": one.channel}
                for one in people
            ],
        }
    )
