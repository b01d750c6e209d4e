"""What is kept of a recording beside its sound: the metadata file (contract section 9.3), the note on it."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from hookflash.calls.audio_effects import StartRecording
from hookflash.recording.files import RATE
from hookflash.wire.timestamps import zulu_time

_ROOM = 4096
"""Octets that are reserved for the metadata of a file; it seldom has more than a thousand."""

_log = logging.getLogger(__name__)


class Label(msgspec.Struct, frozen=True, rename="camel"):
    """What recording a file belongs to.

    ``connection_id``, ``callback`` and ``version`` are for telling of its end after a crash.
    """

    recording_id: str
    resource: str
    server_call_id: str
    correlation_id: str
    content_type: str
    channel_type: str
    format: str
    connection_id: str = ""
    callback: str | None = None
    version: str = ""

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
            effect.connection_id,
            effect.callback,
            effect.version,
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

    ``people``, their ``channels`` and ``pauses`` are those of a file that is being recorded: all that is
    known of them if the server dies. Of one that is stored its metadata has them.
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
    channels: dict[str, int] = {}
    pauses: tuple[Pause, ...] = ()

    @property
    def ended(self) -> float:
        """Unix time of its end."""
        return self.started + (self.duration_ms + self.paused_ms) / 1000


def within(pauses: Sequence[Pause], start: float, end: float = math.inf) -> tuple[Pause, ...]:
    """What there is of pauses from ``start`` on and before ``end``, Unix times."""
    found = []
    for pause in pauses:
        first, last = max(pause.start, start), min(pause.start + pause.seconds, end)
        if first < end and (first < last or first == pause.start):
            found.append(Pause(first, last - first))
    return tuple(found)


def reserve(path: Path) -> None:
    """Take the room that a metadata file at ``path`` will need: there may be none when it is written.

    Raises OSError.
    """
    with path.with_suffix(".part").open("xb", buffering=0) as file:
        os.posix_fallocate(file.fileno(), 0, _ROOM)


def write_metadata(path: Path, content: bytes) -> None:
    """Write a metadata file, which is there as a whole or not at all.

    What goes wrong is logged: without it the sound is as good as ever.
    """
    part = path.with_suffix(".part")
    try:
        # In its own blocks, where they were reserved.
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT, 0o644), "wb", buffering=0) as file:
            done = 0
            while done < len(content):
                done += os.pwrite(file.fileno(), content[done:], done)
            file.truncate(len(content))
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        _log.error("the metadata of a recording could not be kept in %s: %s", path, error)


def metadata(file: StoredFile, channels: int, people: Sequence[Person], pauses: Sequence[Pause]) -> bytes:
    """The metadata file of a stored file, whose ``pauses`` these are. Times are ISO 8601, durations
    milliseconds."""
    seconds = file.duration_ms / 1000
    rate = (
        RATE * 16 * channels
        if file.label.format == "wav"
        else round(8 * file.bytes / seconds)
        if seconds
        else 0
    )
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
