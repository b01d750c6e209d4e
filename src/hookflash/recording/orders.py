"""What is noted down of the way of recordings to storage outside: where they go, what became of each file."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from hookflash.calls.facts import RecordingChunk, RecordingOrigin, RecordingStored
from hookflash.recording.disk import SESSION_FAILED
from hookflash.recording.library import BROKEN_OFF
from hookflash.recording.metadata import StoredFile
from hookflash.wire.timestamps import zulu_time


class Order(msgspec.Struct, frozen=True):
    """Where the files of a recording go.

    ``url`` has no secrets; ``sas`` is the query string an app gave with it. ``own``: the place belongs to the
    server, which serves and deletes what is there; what is in an app's container is the app's.
    """

    recording_id: str
    url: str
    sas: str = ""
    own: bool = False

    def __repr__(self) -> str:
        return f"Order({self.recording_id!r}, {self.url!r}, own={self.own})"


class Upload(msgspec.Struct, frozen=True):
    """What became of a file: ``state`` is "waiting", "uploaded" or "failed".

    ``sound`` and ``metadata`` are the names of the objects at ``url``. ``since`` is the Unix time at which it
    was ready. ``local``: whether the files are on the disk (still). ``note`` says what went wrong last.
    """

    document_id: str
    recording_id: str
    url: str
    own: bool
    sound: str
    metadata: str
    since: float
    state: str = "waiting"
    local: bool = True
    tries: int = 0
    note: str = ""


def object_names(file: StoredFile) -> tuple[str, str]:
    """The names of a file's sound and metadata in a store: by day, call, recording and place in it."""
    day = zulu_time(file.started)[:10].replace("-", "")
    base = f"{day}/{file.label.correlation_id}/{file.label.recording_id}/{file.index}"
    return f"{base}-acsaudio.{file.label.format}", f"{base}-acsmetadata.json"


def stored_again(files: Sequence[StoredFile], *, broken: bool = False) -> RecordingStored:
    """RecordingStored of a recording that is known from its files only, since the server was restarted.

    ``broken``: it broke off, which the last of them does not tell if the next had not been begun.
    """
    files = sorted(files, key=lambda file: file.index)
    label = files[0].label
    return RecordingStored(
        label.recording_id,
        tuple(
            RecordingChunk(file.document_id, file.index, file.end_reason, file.path, file.metadata_path)
            for file in files
        ),
        files[0].started,
        sum(file.duration_ms for file in files),
        RecordingOrigin(
            label.resource,
            label.server_call_id,
            label.correlation_id,
            label.content_type,
            label.channel_type,
            label.format,
            broken or files[-1].end_reason in (BROKEN_OFF, SESSION_FAILED),
        ),
    )
