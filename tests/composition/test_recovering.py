"""Who is told of recordings that broke off with the server: those who wanted to be, once each."""

from __future__ import annotations

from pathlib import Path

import msgspec

from hookflash.calls.audio_effects import StartRecording
from hookflash.composition.recovering import lost_recordings
from hookflash.recording.library import Library
from hookflash.recording.metadata import Label, StoredFile


class NoDocuments:
    """A store in which nothing is."""

    async def documents(self, space: str) -> dict[str, bytes]:
        return {}


def label(name: str, callback: str | None) -> Label:
    effect = StartRecording(
        recording=name,
        call=1,
        resource="resource",
        server_call_id="s1",
        correlation_id="c1",
        connection_id="connection",
        content_type="audio",
        channel_type="mixed",
        format="wav",
        channels=(),
        paused=False,
        destination=None,
        roster=(),
        callback=callback,
        version="2026-03-12",
    )
    kept = msgspec.json.encode(Label.of(effect))
    return msgspec.json.decode(kept, type=Label)


def file(label: Label, index: int, started: float) -> StoredFile:
    name = f"{label.recording_id}-{index}"
    return StoredFile(name, label, index, "stored", f"{name}/audio.wav", f"{name}/metadata.json", started)


def test_each_recording_once_with_its_first_beginning(tmp_path: Path) -> None:
    library = Library(tmp_path, NoDocuments())  # type: ignore[arg-type]
    told, silent = label("r1", "https://app.example/recording"), label("r2", None)
    files = [file(told, 0, 100.0), file(told, 1, 200.0), file(silent, 0, 150.0)]
    library._files = {one.document_id: one for one in files}
    library.broken_off = {"r1": files[1], "r2": files[2]}
    (lost,) = lost_recordings(library)
    assert (lost.recording_id, lost.began, lost.connection_id) == ("r1", 100.0, "connection")
    assert (lost.callback_uri, lost.version) == ("https://app.example/recording", "2026-03-12")


def test_a_file_that_is_gone_is_no_reason_for_silence(tmp_path: Path) -> None:
    library = Library(tmp_path, NoDocuments())  # type: ignore[arg-type]
    library.broken_off = {"r1": file(label("r1", "https://app.example/recording"), 0, 100.0)}
    assert [lost.began for lost in lost_recordings(library)] == [100.0]


def test_notes_of_older_versions_are_read(tmp_path: Path) -> None:
    """They name nobody to tell."""
    fields = msgspec.json.decode(msgspec.json.encode(label("r1", "https://app.example/recording")))
    for name in ("connectionId", "callback", "version"):
        del fields[name]
    old = msgspec.json.decode(msgspec.json.encode(fields), type=Label)
    library = Library(tmp_path, NoDocuments())  # type: ignore[arg-type]
    library.broken_off = {"r1": file(old, 0, 100.0)}
    assert lost_recordings(library) == []
