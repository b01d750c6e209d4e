"""The last file of a recording: none is begun at its end into which nothing would be written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from streaming_bench import FakeBlockListener, until
from test_poured_audio import Pouring
from test_recording_desk import FRAME, Room, milliseconds

from hookflash.calls import audio_effects, facts
from hookflash.ports.audio import Whole


@pytest.mark.parametrize("paused", [False, True])
async def test_a_file_found_full_at_the_stop_is_the_last(tmp_path: Path, paused: bool) -> None:
    room = Room(tmp_path, max_seconds=1.0)
    listener = await room.start()
    room.give(listener, {Whole(5): 100}, 40)
    await until(lambda: not room.desk._takes["r1"]._writing)
    room.give(listener, {Whole(5): 100}, 34)
    if paused:
        room.desk.pause(audio_effects.PauseRecording("r1"))
        room.clock.advance(0.5)
    stored = await room.stop()
    (chunk,) = stored.chunks
    assert (chunk.end_reason, stored.duration_ms) == ("SessionEnded", 1_480)
    assert milliseconds(room.metadata(chunk)) == ([(1_480, 500)] if paused else [])
    assert os.listdir(tmp_path) == [chunk.document_id]
    await room.desk.close()


async def test_what_waits_then_goes_into_another_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = Room(tmp_path, max_seconds=1.0)
    listener = await room.start()
    take = room.desk._takes["r1"]
    for value in (100, 200):  # the second while the first is being written
        room.give(listener, {Whole(5): value}, 50)
    assert take._writing
    assert take._frames
    stored = await room.stop()
    assert [(chunk.end_reason, room.read(chunk)[:, 0].max()) for chunk in stored.chunks] == [
        ("ChunkMaximumTimeExceeded", 100),
        ("SessionEnded", 200),
    ]
    await room.desk.close()


async def test_the_same_where_audio_is_poured(tmp_path: Path) -> None:
    """What is poured ends only because of the stop."""
    room = Room(tmp_path, max_seconds=1.0)
    listener = await room.start()
    assert isinstance(listener, FakeBlockListener)
    pouring = Pouring(listener, 0)
    pouring.write(1, 60)
    stored = await room.stop()
    assert pouring.ended
    (chunk,) = stored.chunks
    assert (chunk.end_reason, len(room.read(chunk))) == ("SessionEnded", 60 * FRAME)
    await room.desk.close()


async def test_the_last_file_of_one_that_broke_off_says_so(tmp_path: Path) -> None:
    room = Room(tmp_path, max_seconds=1.0)
    listener = await room.start()
    room.give(listener, {Whole(5): 100}, 30)
    room.give(listener, {Whole(5): 100}, 30)
    listener.lost("the worker died")
    stored = await room.stored()
    assert room.of(facts.RecordingFailed)
    (chunk,) = stored.chunks
    assert (chunk.end_reason, os.stat(tmp_path / chunk.path).st_size) == (
        "SessionFailed",
        44 + 2 * 60 * FRAME,
    )
    await room.desk.close()
