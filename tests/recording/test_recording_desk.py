"""The recording desk with audio the tests make: files, pauses, channels, faults, notes in the store."""

from __future__ import annotations

import asyncio
import errno
import json
import threading
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from streaming_bench import FakeAudio, FakeListener, until

from hookflash.calls import audio_effects, facts
from hookflash.ports.audio import Prompts, Said, Source, Whole
from hookflash.recording import take
from hookflash.recording.desk import RecordingDesk
from hookflash.recording.files import WavWriter
from hookflash.recording.library import Library
from hookflash.testing.clock import VirtualClock

FRAME = 320
ROSTER = ((9, "8:acs:app"), (10, "4:+14255550100"), (11, "4:+14255550101"))


class FakeDocuments:
    """The store, in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, dict[str, bytes]] = {}
        self.failing = False

    async def documents(self, space: str) -> dict[str, bytes]:
        return dict(self.kept.get(space, {}))

    def put_document(self, space: str, key: str, body: bytes) -> asyncio.Future[None]:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self.failing:
            future.set_exception(OSError("the store is broken"))
        else:
            self.kept.setdefault(space, {})[key] = body
            future.set_result(None)
        return future

    def delete_document(self, space: str, key: str) -> asyncio.Future[None]:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.kept[space].pop(key)
        future.set_result(None)
        return future


class Room:
    def __init__(
        self,
        folder: Path,
        documents: FakeDocuments | None = None,
        clock: VirtualClock | None = None,
        **settings: Any,
    ) -> None:
        self.folder = folder
        self.clock = clock or VirtualClock()
        self.audio = FakeAudio()
        self.documents = documents or FakeDocuments()
        self.library = Library(folder, self.documents)
        self.facts: list[facts.Fact] = []
        self.desk = RecordingDesk(self.audio, self.library, self.clock, self.facts.append, **settings)

    def effect(self, **changes: Any) -> audio_effects.StartRecording:
        given: dict[str, Any] = {
            "recording": "r1",
            "call": 5,
            "resource": "1bdaa2b9-9507-4542-bb64-a7b22c00a8d4",
            "server_call_id": "c2VydmVyY2FsbA==",
            "correlation_id": "5683b58d-bb85-4073-ae9a-c03488d4291d",
            "connection_id": "2c006980-8ef1-46c2-84fa-357fefac0893",
            "content_type": "audio",
            "channel_type": "mixed",
            "format": "wav",
            "channels": (),
            "paused": False,
            "destination": None,
            "roster": ROSTER,
        }
        return audio_effects.StartRecording(**{**given, **changes})

    async def start(self, **changes: Any) -> FakeListener:
        self.desk.start(self.effect(**changes))
        await until(lambda: self.of(facts.RecordingStarted) and self.audio.listeners)
        return self.audio.listeners[-1]

    async def stop(self) -> facts.RecordingStored:
        self.desk.stop(audio_effects.StopRecording("r1", "CallEnded"))
        return await self.stored()

    async def stored(self) -> facts.RecordingStored:
        await until(lambda: self.of(facts.RecordingStored) and not self.desk.open)
        return self.of(facts.RecordingStored)[-1]

    def of(self, kind: type[facts.Fact]) -> list[Any]:
        return [fact for fact in self.facts if isinstance(fact, kind)]

    def read(self, chunk: facts.RecordingChunk) -> np.ndarray:
        samples, rate = soundfile.read(self.folder / chunk.path, dtype="int16", always_2d=True)
        assert rate == 16_000
        return samples

    def metadata(self, chunk: facts.RecordingChunk) -> dict[str, Any]:
        return json.loads((self.folder / chunk.metadata_path).read_bytes())

    def give(self, listener: FakeListener, amplitudes: dict[Source, int], ticks: int = 1) -> None:
        """So many ticks, in real time for the files, in blocks of a second."""
        for done in range(0, ticks, 50):
            count = min(50, ticks - done)
            self.clock.advance(0.02 * count)
            listener.give(amplitudes, count)


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    room = Room(tmp_path / "recordings")
    yield room
    await room.desk.close()


async def test_a_mixed_call_becomes_a_wav_with_metadata_and_a_note(room: Room) -> None:
    listener = await room.start()
    assert room.facts == [facts.RecordingStarted("r1", room.clock.wall())]
    assert (listener.rate, listener.sources) == (16_000, {Whole(5)})
    began = room.clock.wall()
    room.give(listener, {Whole(5): 1000}, 120)
    room.give(listener, {Whole(5): 2000}, 7)
    stored = await room.stop()
    assert listener.closed
    (chunk,) = stored.chunks
    assert (stored.recording, stored.started, stored.duration_ms) == ("r1", began, 2540)
    assert (chunk.index, chunk.end_reason) == (0, "SessionEnded")
    assert chunk.path == f"{chunk.document_id}/audio.wav"
    samples = room.read(chunk)
    assert samples.shape == (127 * FRAME, 1)
    assert (samples[: 120 * FRAME] == 1000).all()
    assert (samples[120 * FRAME :] == 2000).all()
    assert room.metadata(chunk) == {
        "resourceId": "1bdaa2b9-9507-4542-bb64-a7b22c00a8d4",
        "callId": "5683b58d-bb85-4073-ae9a-c03488d4291d",
        "chunkDocumentId": chunk.document_id,
        "chunkIndex": 0,
        "chunkStartTime": "2026-01-01T00:00:00.0000000Z",
        "chunkDuration": 2540,
        "pauseResumeIntervals": [],
        "recordingInfo": {
            "contentType": "audio",
            "channelType": "mixed",
            "format": "wav",
            "audioConfiguration": {"sampleRate": 16000, "bitRate": 256000, "channels": 1},
        },
        "participants": [{"participantId": name} for _, name in ROSTER],
    }
    note = room.library.find(chunk.document_id)
    assert note is not None
    assert (note.state, note.duration_ms, note.bytes) == ("stored", 2540, 44 + 2 * 127 * FRAME)
    assert room.library.files() == [note]
    assert json.loads(room.documents.kept["recordings"][chunk.document_id])["state"] == "stored"


async def test_the_file_grows_every_second_and_can_be_read(room: Room) -> None:
    listener = await room.start()
    (file,) = room.library.files()
    assert file.state == "recording"
    for second in range(1, 4):
        room.give(listener, {Whole(5): 500}, 50)
        await until(lambda second=second: len(soundfile.read(room.folder / file.path)[0]) == second * 16_000)


async def test_audio_that_comes_while_the_disk_works_is_written_at_once(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    listener = await room.start()
    working, go_on = threading.Event(), threading.Event()
    real = WavWriter.write

    def slow(self: WavWriter, block: Any) -> None:
        working.set()
        go_on.wait(20)
        real(self, block)

    monkeypatch.setattr(WavWriter, "write", slow)
    room.give(listener, {Whole(5): 100}, 50)
    await until(working.is_set)
    room.give(listener, {Whole(5): 200}, 50)
    go_on.set()
    (file,) = room.library.files()
    await until(lambda: len(soundfile.read(room.folder / file.path)[0]) == 32_000)


async def test_pauses_are_left_out_and_told(room: Room) -> None:
    listener = await room.start()
    room.give(listener, {Whole(5): 100}, 50)
    at = room.clock.wall()
    room.desk.pause(audio_effects.PauseRecording("r1"))
    room.desk.pause(audio_effects.PauseRecording("r1"))
    room.give(listener, {Whole(5): 9999}, 100)
    room.desk.resume(audio_effects.ResumeRecording("r1"))
    room.desk.resume(audio_effects.ResumeRecording("r1"))
    room.give(listener, {Whole(5): 200}, 50)
    stored = await room.stop()
    (chunk,) = stored.chunks
    samples = room.read(chunk)[:, 0]
    assert np.unique(samples).tolist() == [100, 200]
    assert (len(samples), stored.duration_ms) == (32_000, 2000)
    assert room.metadata(chunk)["pauseResumeIntervals"] == [
        {"startTime": f"2026-01-01T00:00:0{at % 60:.7f}Z", "duration": 2000}
    ]


async def test_it_may_begin_paused_and_end_so(room: Room) -> None:
    listener = await room.start(paused=True)
    room.give(listener, {Whole(5): 9999}, 60)
    stored = await room.stop()
    (chunk,) = stored.chunks
    assert len(room.read(chunk)) == 0
    assert room.metadata(chunk)["pauseResumeIntervals"][0]["duration"] == 1200


class MovingClock(VirtualClock):
    """Time goes on between any two looks at it, as it really does."""

    def now(self) -> float:
        self._now += 0.001
        return self._now


class SetClock(VirtualClock):
    """A clock that somebody sets: ``off`` is by how many seconds."""

    off = 0.0

    def wall(self) -> float:
        return super().wall() + self.off


def milliseconds(meta: dict[str, Any]) -> list[tuple[int, int]]:
    """The pauses of a file: after its start, and how long."""
    start = datetime.fromisoformat(meta["chunkStartTime"])
    return [
        (round((datetime.fromisoformat(one["startTime"]) - start).total_seconds() * 1_000), one["duration"])
        for one in meta["pauseResumeIntervals"]
    ]


async def test_a_recording_that_begins_paused_tells_of_that_pause_in_its_first_file_only(
    tmp_path: Path,
) -> None:
    room = Room(tmp_path, clock=MovingClock(), max_bytes=100_000)
    listener = await room.start(paused=True)
    room.clock.advance(3.0)
    room.desk.resume(audio_effects.ResumeRecording("r1"))
    for _ in range(4):
        room.give(listener, {Whole(5): 100}, 50)
        await until(lambda: not room.desk._takes["r1"]._frames)
    await until(lambda: len(room.library.files()) == 2)
    room.desk.pause(audio_effects.PauseRecording("r1"))
    room.clock.advance(1.0)
    stored = await room.stop()
    first, second = [milliseconds(room.metadata(chunk)) for chunk in stored.chunks]
    ((start, duration),) = first
    assert start == 0
    assert duration == pytest.approx(3_000, abs=20)
    ((start, duration),) = second
    assert start >= 0
    assert duration == pytest.approx(1_000, abs=20)
    one, other = room.library.files()
    assert (one.paused_ms, other.paused_ms) == (first[0][1], duration)
    assert one.ended <= other.started + 0.02
    await room.desk.close()


@pytest.mark.parametrize("first", [True, False], ids=["before", "meanwhile"])
@pytest.mark.parametrize("hours", [-1, 1])
async def test_a_clock_that_is_set_makes_no_pause_longer_or_shorter(
    tmp_path: Path, hours: int, first: bool
) -> None:
    clock = SetClock()
    room = Room(tmp_path, clock=clock)
    listener = await room.start()
    room.give(listener, {Whole(5): 100}, 50)
    if first:
        clock.off = hours * 3_600
    room.desk.pause(audio_effects.PauseRecording("r1"))
    clock.off = hours * 3_600
    room.clock.advance(10.0)
    room.desk.resume(audio_effects.ResumeRecording("r1"))
    (chunk,) = (await room.stop()).chunks
    assert milliseconds(room.metadata(chunk)) == [(1_000, 10_000)]
    (file,) = room.library.files()
    assert file.ended - file.started == pytest.approx(11.0)
    await room.desk.close()


async def test_nothing_is_noted_any_more_of_a_recording_that_ended_by_a_mistake_of_ours(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    def mistake(*arguments: object) -> None:
        raise ValueError("a mistake")

    monkeypatch.setattr(room.audio, "listen_in_blocks", mistake)
    room.desk.start(room.effect(paused=True))
    await until(lambda: room.library.files() and not room.desk.open)
    assert room.clock.pending == []


async def test_a_pause_in_which_a_file_is_full_is_in_both_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was heard before it waited for the disk, and filled the file in the middle of it."""
    room = Room(tmp_path, max_bytes=100_000)
    listener = await room.start()
    stuck, real = threading.Event(), WavWriter.write

    def slow(self: WavWriter, block: Any) -> None:
        stuck.wait(20)
        real(self, block)

    monkeypatch.setattr(WavWriter, "write", slow)
    room.give(listener, {Whole(5): 100}, 50)
    room.give(listener, {Whole(5): 200}, 150)
    room.desk.pause(audio_effects.PauseRecording("r1"))
    room.clock.advance(3.0)
    stuck.set()
    await until(lambda: len(room.library.files()) == 2)
    room.clock.advance(2.0)
    room.desk.resume(audio_effects.ResumeRecording("r1"))
    stored = await room.stop()
    assert [milliseconds(room.metadata(chunk)) for chunk in stored.chunks] == [[(4_000, 3_000)], [(0, 2_000)]]
    assert [file.paused_ms for file in room.library.files()] == [3_000, 2_000]
    await room.desk.close()


async def test_lost_audio_is_silence_of_the_same_length(room: Room) -> None:
    listener = await room.start()
    room.give(listener, {Whole(5): 100}, 10)
    listener.tick += 5
    room.give(listener, {Whole(5): 200}, 10)
    listener.tick += 100_000
    room.give(listener, {Whole(5): 300}, 10)
    samples = room.read((await room.stop()).chunks[0])[:, 0].reshape(-1, FRAME)[:, 0]
    assert samples.tolist() == [100] * 10 + [0] * 5 + [200] * 10 + [0] * take.MAX_GAP + [300] * 10


async def test_everybody_has_a_channel_in_an_unmixed_recording(room: Room) -> None:
    listener = await room.start(channel_type="unmixed", channels=(("4:+14255550101", 0),))
    assert listener.sources == {Said(9), Said(10), Said(11), Prompts(5)}
    room.give(listener, {Said(10): 10}, 5)
    room.give(listener, {Said(10): 10, Said(11): 11, Said(9): 9, Prompts(5): 90}, 5)
    room.desk.roster(audio_effects.UpdateRoster(5, (*ROSTER[:2], (12, "8:acs:late"))))
    room.desk.roster(audio_effects.UpdateRoster(6, ()))
    assert listener.sources == {Said(9), Said(10), Said(12), Prompts(5)}
    room.give(listener, {Said(12): 12}, 5)
    room.desk.roster(audio_effects.UpdateRoster(5, (*ROSTER[:2], (13, "4:+14255550101"))))
    room.give(listener, {Said(13): 13}, 5)
    (chunk,) = (await room.stop()).chunks
    samples = room.read(chunk)[::FRAME]
    # 101 was given channel 0 and keeps it on another leg; the others came in the order they spoke.
    assert samples[:, 0].tolist() == [0] * 5 + [11] * 5 + [0] * 5 + [13] * 5
    assert samples[:, 1].tolist() == [10] * 10 + [0] * 10
    assert samples[:, 2].tolist() == [0] * 5 + [99] * 5 + [0] * 10
    assert samples[:, 3].tolist() == [0] * 10 + [12] * 5 + [0] * 5
    assert samples.shape[1] == 4
    meta = room.metadata(chunk)
    assert meta["recordingInfo"]["audioConfiguration"]["channels"] == 4
    assert meta["participants"] == [
        {"participantId": "8:acs:app", "channel": 2},
        {"participantId": "4:+14255550100", "channel": 1},
        {"participantId": "4:+14255550101", "channel": 0},
        {"participantId": "8:acs:late", "channel": 3},
    ]


async def test_there_are_five_channels(room: Room, caplog: pytest.LogCaptureFixture) -> None:
    roster = tuple((leg, f"p{leg}") for leg in range(20, 27))
    listener = await room.start(channel_type="unmixed", roster=roster)
    room.give(listener, {Said(leg): leg for leg in range(20, 27)}, 5)
    room.give(listener, {Prompts(5): 77}, 1)  # there is no app to whom it could belong
    (chunk,) = (await room.stop()).chunks
    assert room.read(chunk).shape == (6 * FRAME, 5)
    assert room.read(chunk)[0].sum() == pytest.approx(5 * 23, abs=10)
    assert len([record for record in caplog.records if "no channel left" in record.message]) == 2


async def test_mp3(room: Room) -> None:
    listener = await room.start(format="mp3")
    for tick in range(150):
        n = np.arange(tick * FRAME, (tick + 1) * FRAME)
        tone = np.round(8000 * np.sin(2 * np.pi * 500 * n / 16_000)).astype(np.int16)
        listener.take(tick, 1, {Whole(5): tone})
    (chunk,) = (await room.stop()).chunks
    assert chunk.path.endswith("/audio.mp3")
    samples = room.read(chunk)[16_000:32_000, 0]
    level = 2 * abs((samples * np.exp(-2j * np.pi * 500 * np.arange(16_000) / 16_000)).mean())
    assert level == pytest.approx(8000, rel=0.05)
    info = room.metadata(chunk)["recordingInfo"]
    assert info["format"] == "mp3"
    assert 8_000 < info["audioConfiguration"]["bitRate"] < 200_000


async def test_a_large_recording_is_several_files(tmp_path: Path) -> None:
    room = Room(tmp_path, max_bytes=100_000)
    listener = await room.start()
    for second in range(8):
        room.give(listener, {Whole(5): second + 1}, 50)
        await until(lambda: not room.desk._takes["r1"]._frames)
    stored = await room.stop()
    assert [chunk.end_reason for chunk in stored.chunks] == [
        *["ChunkMaximumSizeExceeded"] * (len(stored.chunks) - 1),
        "SessionEnded",
    ]
    assert [chunk.index for chunk in stored.chunks] == list(range(len(stored.chunks)))
    assert len(stored.chunks) >= 2
    whole = np.concatenate([room.read(chunk) for chunk in stored.chunks])
    assert whole[::16_000, 0].tolist() == list(range(1, 9))
    assert stored.duration_ms == 8000
    assert all(file.state == "stored" for file in room.library.files())
    assert len(room.library.files()) == len(stored.chunks)
    assert room.metadata(stored.chunks[1])["chunkIndex"] == 1
    await room.desk.close()


async def test_stopping_at_once_leaves_a_file_without_audio(room: Room) -> None:
    room.desk.start(room.effect())
    stored = await room.stop()
    assert stored.duration_ms == 0
    assert room.audio.listeners == []
    room.desk.stop(audio_effects.StopRecording("r1", "CallEnded"))
    for effect in (audio_effects.PauseRecording("r1"), audio_effects.PauseRecording("r2")):
        room.desk.pause(effect)
    room.desk.resume(audio_effects.ResumeRecording("r2"))


async def test_a_container_that_nothing_is_sent_to_fails(room: Room) -> None:
    room.desk.start(room.effect(destination="https://x.blob.core.windows.net/c"))
    assert room.facts == [], "the caller is still carrying out effects"
    await until(lambda: room.facts)
    (fact,) = room.facts
    assert (fact.code, fact.sub_code) == (400, 8523)
    assert "externalStorage" in fact.message
    assert room.desk.open == 0


async def test_a_call_without_audio_can_not_be_recorded(room: Room) -> None:
    room.audio.gone = True
    room.desk.start(room.effect())
    await until(lambda: room.of(facts.RecordingFailed))
    (failed,) = room.of(facts.RecordingFailed)
    assert (failed.code, failed.sub_code) == (500, 9999)
    assert "the call has no audio" in failed.message
    assert room.of(facts.RecordingStarted) == []


async def test_a_folder_that_can_not_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    room = Room(tmp_path / "file" / "recordings")
    room.desk.start(room.effect())
    await until(lambda: room.facts and not room.desk.open)
    (failed,) = room.facts
    assert isinstance(failed, facts.RecordingFailed)
    assert "Not a directory" in failed.message
    await room.desk.close()


async def test_a_full_disk_ends_the_recording_and_keeps_what_there_is(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    listener = await room.start()
    room.give(listener, {Whole(5): 100}, 50)
    (file,) = room.library.files()
    await until(lambda: len(soundfile.read(room.folder / file.path)[0]) == 16_000)

    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(WavWriter, "write", full)
    room.give(listener, {Whole(5): 100}, 50)
    stored = await room.stored()
    (failed,) = room.of(facts.RecordingFailed)
    assert (failed.code, failed.sub_code) == (500, 9999)
    assert "No space left on device" in failed.message
    assert listener.closed
    assert stored.duration_ms == 1000
    assert [chunk.end_reason for chunk in stored.chunks] == ["SessionFailed"]
    assert [file.end_reason for file in room.library.files()] == ["SessionFailed"]
    assert (room.read(stored.chunks[0]) == 100).all()
    room.give(listener, {Whole(5): 100}, 500)


async def test_a_disk_too_slow_ends_the_recording_and_the_loop_never_waits(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(take, "MAX_WAITING", 200)
    listener = await room.start()
    stuck = threading.Event()
    real = WavWriter.write

    def slow(self: WavWriter, block: Any) -> None:
        stuck.wait(120)
        real(self, block)

    monkeypatch.setattr(WavWriter, "write", slow)
    room.give(listener, {Whole(5): 100}, 50)
    await asyncio.sleep(0.05)
    room.give(listener, {Whole(5): 200}, 300)
    await until(lambda: room.of(facts.RecordingFailed))
    (failed,) = room.of(facts.RecordingFailed)
    assert "too slow" in failed.message
    assert not stuck.is_set(), "it is told while the disk still hangs"
    assert room.of(facts.RecordingStored) == []
    stuck.set()
    stored = await room.stored()
    assert stored.duration_ms == 1_000


async def test_a_worker_that_dies_ends_the_recording_and_its_file_is_kept(room: Room) -> None:
    listener = await room.start()
    room.give(listener, {Whole(5): 100}, 30)
    listener.lost("the media worker is gone: it was killed")
    stored = await room.stored()
    (failed,) = room.of(facts.RecordingFailed)
    assert "it was killed" in failed.message
    assert [type(fact) for fact in room.facts] == [
        facts.RecordingStarted,
        facts.RecordingFailed,
        facts.RecordingStored,
    ]
    assert len(room.read(stored.chunks[0])) == 30 * FRAME
    assert stored.chunks[0].end_reason == "SessionFailed"


async def test_a_file_that_can_not_be_closed_is_told_in_the_log(
    room: Room, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    listener = await room.start()
    room.give(listener, {Whole(5): 100}, 10)

    def fail(*arguments: object) -> None:
        raise OSError("the disk is gone")

    monkeypatch.setattr(WavWriter, "close", fail)
    room.desk.stop(audio_effects.StopRecording("r1", "CallEnded"))
    await until(lambda: not room.desk.open)
    assert "could not be closed: the disk is gone" in caplog.text
    assert room.of(facts.RecordingStored) == []


async def test_closing_the_desk_finishes_files(room: Room) -> None:
    listener = await room.start()
    room.give(listener, {Whole(5): 100}, 10)
    await room.desk.close()
    assert len(room.of(facts.RecordingStored)) == 1


# --- after a crash ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", ["wav", "mp3"])
async def test_what_was_recorded_when_the_server_died_is_kept(tmp_path: Path, format: str) -> None:
    documents = FakeDocuments()
    dead = Room(tmp_path, documents)
    listener = await dead.start(format=format)
    for _ in range(3):
        dead.give(listener, {Whole(5): 100}, 50)
        await until(lambda: not dead.desk._takes["r1"]._frames)
    await asyncio.sleep(0.05)
    (before,) = dead.library.files()
    notes = {space: dict(kept) for space, kept in documents.kept.items()}
    copy = tmp_path / "copy"
    (copy / before.document_id).mkdir(parents=True)
    (copy / before.path).write_bytes((tmp_path / before.path).read_bytes())
    await dead.desk.close()

    documents.kept = notes
    library = Library(copy, documents)
    await library.load()
    found = library.find(before.document_id)
    assert found is not None
    assert (found.state, found.end_reason) == ("stored", "ServerFailure")
    assert 1000 <= found.duration_ms <= 3100
    meta = json.loads((copy / found.metadata_path).read_bytes())
    assert [one["participantId"] for one in meta["participants"]] == [name for _, name in ROSTER]
    assert meta["chunkDuration"] == found.duration_ms
    again = Library(copy, documents)
    await again.load()
    assert again.files() == library.files()


async def test_notes_that_are_of_no_use_are_passed_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    documents = FakeDocuments()
    room = Room(tmp_path, documents)
    listener = await room.start()
    room.give(listener, {Whole(5): 1}, 5)
    stored = await room.stop()
    body = json.loads(documents.kept["recordings"][stored.chunks[0].document_id])
    lost = {**body, "documentId": "lost", "state": "recording", "path": "lost/audio.wav"}
    mp3 = {**lost, "documentId": "mp3", "label": {**body["label"], "format": "mp3"}}
    for one in (lost, mp3):
        documents.kept["recordings"][one["documentId"]] = json.dumps(one).encode()
    documents.kept["recordings"]["broken"] = b"{"
    library = Library(tmp_path, documents)
    await library.load()
    assert [file.document_id for file in library.files()] == [stored.chunks[0].document_id]
    assert "can not be read" in caplog.text
    assert caplog.text.count("not usable") == 2
    assert "lost" not in documents.kept["recordings"]
    library.forget("lost")
    documents.failing = True
    library.note(library.files()[0])
    await asyncio.sleep(0)
    assert "could not be kept: the store is broken" in caplog.text
    await room.desk.close()


async def test_a_deleted_file_is_gone_from_disk_and_store(room: Room) -> None:
    listener = await room.start()
    room.give(listener, {Whole(5): 100}, 100)
    await room.stop()
    (file,) = room.library.files()
    folder = room.library.folder / file.document_id
    assert {path.name for path in folder.iterdir()} == {"audio.wav", "metadata.json"}
    assert sorted(await asyncio.gather(*(room.library.delete(file.document_id) for _ in range(8)))) == (
        [False] * 7 + [True]
    )
    assert not folder.exists()
    assert room.library.find(file.document_id) is None
    assert room.documents.kept["recordings"] == {}
    assert not await room.library.delete(file.document_id)


async def test_a_pause_counts_to_the_end_of_a_file_and_not_to_its_sound(room: Room) -> None:
    listener = await room.start()
    room.give(listener, {Whole(5): 100}, 50)
    room.desk.pause(audio_effects.PauseRecording("r1"))
    room.clock.advance(10.0)
    room.desk.resume(audio_effects.ResumeRecording("r1"))
    room.give(listener, {Whole(5): 100}, 50)
    await room.stop()
    (file,) = room.library.files()
    assert (file.duration_ms, file.paused_ms) == (2_000, 10_000)
    assert file.ended - file.started == pytest.approx(12.0)


async def test_who_speaks_first_has_the_first_channel_whatever_comes_in_one_block(room: Room) -> None:
    """Prompts are the first source there is, and leg 10 was in the call before leg 11."""
    listener = await room.start(channel_type="unmixed")
    frames = {
        source: np.repeat(np.array(levels, np.int16), FRAME)
        for source, levels in (
            (Prompts(5), (0, 0, 90)),
            (Said(10), (0, 10, 10)),
            (Said(11), (11, 0, 0)),
        )
    }
    listener.take(0, 3, frames)
    (chunk,) = (await room.stop()).chunks
    assert room.read(chunk)[::FRAME].tolist() == [[11, 0, 0], [0, 10, 0], [0, 10, 90]]
