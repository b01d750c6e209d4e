"""A server that dies just when a file is begun: the note is there first, so that apps are told, and no file
is left that nobody knows."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from streaming_bench import until
from test_recording_desk import FakeDocuments, Room

from hookflash.calls import facts
from hookflash.composition.recovering import lost_recordings
from hookflash.ports.audio import Whole
from hookflash.recording.library import Library
from hookflash.recording.orders import Order
from hookflash.recording.outcomes import FAILURES, Outcomes
from hookflash.recording.shelf import Shelf
from hookflash.recording.stores import Store
from hookflash.recording.uploads import Uploads

CALLBACK = {"callback": "https://app.example/recording", "version": "2026-03-12"}


class SlowDocuments(FakeDocuments):
    """Keeps what it is given, and says so only when it is let go on."""

    def __init__(self) -> None:
        super().__init__()
        self.held: list[asyncio.Future[None]] | None = None

    def put_document(self, space: str, key: str, body: bytes) -> Any:
        done = super().put_document(space, key, body)
        if self.held is None:
            return done
        self.held.append(asyncio.get_running_loop().create_future())
        return self.held[-1]

    def let(self) -> None:
        held, self.held = self.held or [], None
        for one in held:
            one.set_result(None)


def nowhere(order: Order) -> Store:
    raise AssertionError("no file goes anywhere")


async def started_again(room: Room) -> Library:
    library = Library(room.folder, room.documents)
    await library.load()
    return library


async def test_no_file_is_made_before_its_note_is_kept(tmp_path: Path) -> None:
    documents = SlowDocuments()
    documents.held = []
    room = Room(tmp_path / "recordings", documents)
    room.desk.start(room.effect(**CALLBACK))
    # By then whoever asked has not been answered.
    assert len(documents.kept["recordings"]) == len(documents.held) == 1
    for _ in range(20):
        await asyncio.sleep(0)
    assert not room.folder.exists()
    assert room.facts == []
    again = await started_again(room)
    (lost,) = lost_recordings(again)
    assert (lost.recording_id, lost.callback_uri) == ("r1", CALLBACK["callback"])
    assert again.files() == []
    documents.let()
    await until(lambda: room.of(facts.RecordingStarted))
    assert len(list(room.folder.iterdir())) == 1
    await room.stop()
    await room.desk.close()


async def test_the_next_file_is_not_made_before_its_note_either(tmp_path: Path) -> None:
    documents = SlowDocuments()
    room = Room(tmp_path / "recordings", documents, max_seconds=1.0)
    listener = await room.start(**CALLBACK)
    documents.held = []
    room.give(listener, {Whole(5): 1}, 50)
    await until(lambda: len(documents.kept["recordings"]) == 2)
    assert len(list(room.folder.iterdir())) == 1
    assert {file.index for file in room.library.files()} == {0, 1}
    copy = FakeDocuments()
    copy.kept = {"recordings": dict(documents.kept["recordings"])}
    documents.let()
    await until(lambda: len(list(room.folder.iterdir())) == 2)
    room.give(listener, {Whole(5): 2}, 10)
    stored = await room.stop()
    assert [len(room.read(chunk)) for chunk in stored.chunks] == [16_000, 3_200]
    await room.desk.close()
    # A kill when the first had been closed, and the second was not there yet.
    first, second = stored.chunks
    notes = copy.kept["recordings"]
    notes[first.document_id] = documents.kept["recordings"][first.document_id]
    (room.folder / second.path).unlink()
    (room.folder / second.metadata_path).unlink()
    again = Library(room.folder, copy)
    told: list[facts.Fact] = []
    uploads = Uploads(
        again, Shelf(again), copy, nowhere, room.clock, told.append, window=1.0, keep_local=True
    )
    await again.load()
    await uploads.load()
    assert [lost.recording_id for lost in lost_recordings(again)] == ["r1"]
    (fact,) = told
    assert isinstance(fact, facts.RecordingStored)
    assert fact.chunks == (first,)
    assert fact.origin is not None
    assert fact.origin.broken


@pytest.mark.parametrize("left", [(), ("metadata.part",), ("metadata.part", "audio.wav")])
async def test_what_was_made_of_a_file_without_sound_is_gone_and_its_app_is_told(
    tmp_path: Path, left: tuple[str, ...]
) -> None:
    documents = SlowDocuments()
    documents.held = []
    room = Room(tmp_path / "recordings", documents)
    room.desk.start(room.effect(**CALLBACK))
    (file,) = room.library.files()
    kept = dict(documents.kept["recordings"])
    documents.let()
    await room.stop()
    await room.desk.close()
    documents.kept["recordings"] = kept
    for path in (room.folder / file.document_id).iterdir():
        path.unlink()
    for name in left:
        (room.folder / file.document_id / name).write_bytes(b"")
    again = await started_again(room)
    assert [lost.recording_id for lost in lost_recordings(again)] == ["r1"]
    assert list(room.folder.iterdir()) == []
    assert documents.kept["recordings"] == {}
    outcomes = Outcomes(again, documents, room.facts.append, 0.0)
    await outcomes.load()
    assert not documents.kept.get(FAILURES), "there is no file to tell it of"


async def test_a_file_that_can_not_be_made_is_not_noted(tmp_path: Path) -> None:
    (tmp_path / "recordings").write_text("a file, where a folder should be")
    room = Room(tmp_path / "recordings")
    room.desk.start(room.effect())
    await until(lambda: room.facts and not room.desk.open)
    (failed,) = room.facts
    assert isinstance(failed, facts.RecordingFailed)
    assert room.library.files() == []
    assert room.documents.kept["recordings"] == {}
    await room.desk.close()


async def test_it_is_recorded_without_a_note_all_the_same(tmp_path: Path) -> None:
    room = Room(tmp_path / "recordings")
    room.documents.failing = True
    listener = await room.start()
    room.give(listener, {Whole(5): 1}, 50)
    assert (await room.stop()).duration_ms == 1_000
    await room.desk.close()
