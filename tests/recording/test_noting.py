"""What a crash leaves of a recording beside its sound: who was in it, on which channel, and its pauses."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from streaming_bench import until
from test_recording_desk import FRAME, ROSTER, FakeDocuments, Room, milliseconds

from hookflash.calls import audio_effects
from hookflash.ports.audio import Said, Whole
from hookflash.recording.library import Library
from hookflash.recording.noting import EVERY, PAUSED
from hookflash.recording.sealed_files import unsealed
from hookflash.recording.sealing import KeyRing, SealKey

KEY = SealKey(bytes(range(32)))


class Counting(FakeDocuments):
    """Counts what it is given to keep."""

    def __init__(self) -> None:
        super().__init__()
        self.puts: Counter[str] = Counter()

    def put_document(self, space: str, key: str, body: bytes) -> Any:
        self.puts[key] += 1
        return super().put_document(space, key, body)


async def killed(room: Room, key: SealKey | None = None) -> list[dict[str, Any]]:
    """The metadata of all files after a kill now and a start, in order."""
    folder = room.folder.with_name("after")
    shutil.copytree(room.folder, folder)
    documents = FakeDocuments()
    documents.kept = {space: dict(kept) for space, kept in room.documents.kept.items()}
    keys = KeyRing([key]) if key is not None else None
    library = Library(folder, documents, keys)
    await library.load()
    found = []
    for file in sorted(library.files(), key=lambda one: one.index):
        path = folder / file.metadata_path
        content = path.read_bytes() if keys is None else b"".join(unsealed(path, keys))
        found.append(json.loads(content))
        assert file.paused_ms == sum(duration for _, duration in milliseconds(found[-1]))
    return found


@pytest.mark.parametrize("key", [None, KEY], ids=["plain", "sealed"])
async def test_channels_late_comers_and_pauses_outlive_a_kill(tmp_path: Path, key: SealKey | None) -> None:
    room = Room(tmp_path / "recordings", key=key)
    listener = await room.start(channel_type="unmixed")
    room.give(listener, {Said(11): 11}, 50)
    room.give(listener, {Said(11): 11, Said(10): 10}, 50)
    room.desk.pause(audio_effects.PauseRecording("r1"))
    room.clock.advance(3.0)
    room.desk.resume(audio_effects.ResumeRecording("r1"))
    room.desk.roster(audio_effects.UpdateRoster(5, (*ROSTER[:2], (12, "8:acs:late"))))
    room.give(listener, {Said(12): 12}, 100)
    (file,) = room.library.files()
    await until(lambda: (room.folder / file.path).stat().st_size >= 44 + 10 * 200 * FRAME)
    (meta,) = await killed(room, key)
    assert meta["participants"] == [
        {"participantId": "8:acs:app"},
        {"participantId": "4:+14255550100", "channel": 1},
        {"participantId": "4:+14255550101", "channel": 0},
        {"participantId": "8:acs:late", "channel": 2},
    ]
    assert milliseconds(meta) == [(2_000, 3_000)]
    assert meta["chunkDuration"] == 4_000
    await room.desk.close()


async def test_a_pause_that_a_kill_ended_is_as_long_as_was_known(tmp_path: Path) -> None:
    room = Room(tmp_path / "recordings")
    listener = await room.start()
    room.give(listener, {Whole(5): 1}, 100)
    room.desk.pause(audio_effects.PauseRecording("r1"))
    room.clock.advance(2.5 * PAUSED)
    (meta,) = await killed(room)
    assert milliseconds(meta) == [(2_000, 2_000 * PAUSED)]
    await room.desk.close()


async def test_one_that_began_paused_says_so(tmp_path: Path) -> None:
    room = Room(tmp_path / "recordings")
    await room.start(paused=True)
    room.clock.advance(PAUSED)
    (meta,) = await killed(room)
    assert milliseconds(meta) == [(0, 1_000 * PAUSED)]
    await room.desk.close()


async def test_however_much_changes_there_is_a_note_a_second(tmp_path: Path) -> None:
    documents = Counting()
    room = Room(tmp_path / "recordings", documents)
    await room.start()
    (file,) = room.library.files()
    documents.puts.clear()
    for change in range(100):
        room.desk.roster(audio_effects.UpdateRoster(5, ((change, f"8:acs:{change}"),)))
        room.desk.pause(audio_effects.PauseRecording("r1"))
        room.desk.resume(audio_effects.ResumeRecording("r1"))
        room.clock.advance(0.1)
    assert 9 <= documents.puts[file.document_id] <= 10
    room.clock.advance(EVERY)
    (meta,) = await killed(room)
    assert len(meta["participants"]) == len(ROSTER) + 100
    assert len(meta["pauseResumeIntervals"]) == 100
    documents.puts.clear()
    room.desk.roster(audio_effects.UpdateRoster(5, ROSTER))
    room.clock.advance(10 * PAUSED)
    assert not documents.puts, "nothing is new, and nothing is paused"
    await room.desk.close()


async def test_each_file_has_its_own_and_is_stored_for_good(tmp_path: Path) -> None:
    room = Room(tmp_path / "recordings", max_bytes=100_000)
    listener = await room.start()
    room.desk.pause(audio_effects.PauseRecording("r1"))
    room.clock.advance(2.0)
    room.desk.resume(audio_effects.ResumeRecording("r1"))
    for _ in range(4):
        room.give(listener, {Whole(5): 1}, 50)
        await until(lambda: not room.desk._takes["r1"]._frames)
    await until(lambda: room.library.files()[0].state == "stored")
    room.desk.roster(audio_effects.UpdateRoster(5, (*ROSTER, (12, "8:acs:late"))))
    room.clock.advance(EVERY)
    assert [file.state for file in room.library.files()] == ["stored", "recording"]
    first, second = await killed(room)
    assert milliseconds(first) == [(0, 2_000)]
    assert milliseconds(second) == []
    assert [len(one["participants"]) for one in (first, second)] == [len(ROSTER), len(ROSTER) + 1]
    stored = await room.stop()
    room.clock.advance(10 * PAUSED)
    kept = [json.loads(note) for note in room.documents.kept["recordings"].values()]
    assert [note["state"] for note in kept] == ["stored"] * len(stored.chunks)
    await room.desk.close()


async def test_a_store_that_takes_no_notes_ends_no_recording(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    room = Room(tmp_path / "recordings")
    listener = await room.start(channel_type="unmixed")
    room.documents.failing = True
    for leg in (10, 11):
        room.give(listener, {Said(leg): leg}, 100)
    await until(lambda: "could not be kept: the store is broken" in caplog.text)
    stored = await room.stop()
    assert stored.duration_ms == 4_000
    channels = {
        one["participantId"]: one.get("channel") for one in room.metadata(stored.chunks[0])["participants"]
    }
    assert channels == {"8:acs:app": None, "4:+14255550100": 0, "4:+14255550101": 1}
    await room.desk.close()
