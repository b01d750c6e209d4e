"""Recordings side by side: what takes long for one of them is nothing to the others."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from streaming_bench import until
from test_recording_desk import Room

from hookflash.calls import audio_effects
from hookflash.ports.audio import Whole
from hookflash.recording.files import RATE, Mp3Writer, WavWriter


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    """Files hold less than two seconds."""
    room = Room(tmp_path / "recordings", max_bytes=3 * RATE)
    yield room
    await room.desk.close()


@pytest.fixture
def held() -> Iterator[threading.Event]:
    """Set at the end of a test, or when it wants what it has held up to go on."""
    event = threading.Event()
    yield event
    event.set()


def hold(patch: pytest.MonkeyPatch, kind: Any, name: str, until_set: threading.Event) -> threading.Event:
    """Hold up a method of a writer; set once it has been called."""
    real, called = getattr(kind, name), threading.Event()

    def held(self: Any, *arguments: Any) -> Any:
        called.set()
        until_set.wait(120)
        return real(self, *arguments)

    patch.setattr(kind, name, held)
    return called


async def second_goes_on(room: Room, call: int) -> None:
    """Another recording begins and grows; its end is left to the test."""
    room.desk.start(room.effect(recording="second", call=call))
    await until(lambda: len(room.audio.listeners) == 2)
    listener = room.audio.listeners[-1]
    room.give(listener, {Whole(call): 7}, 50)
    file = next(file for file in room.library.files() if file.label.recording_id == "second")
    path = room.folder / file.path
    await until(lambda: path.stat().st_size == 44 + 2 * RATE)
    assert (soundfile.read(path, dtype="int16")[0] == 7).all()


async def test_a_file_that_is_long_in_closing_holds_up_nobody(
    room: Room, monkeypatch: pytest.MonkeyPatch, held: threading.Event
) -> None:
    closing = hold(monkeypatch, WavWriter, "close", held)
    listener = await room.start()
    room.give(listener, {Whole(5): 1}, 100)
    await until(closing.is_set)
    await second_goes_on(room, 6)
    # What comes for the first one waits, and is in its next file.
    room.give(listener, {Whole(5): 2}, 60)
    held.set()
    await until(lambda: room.library.files()[0].state == "stored")
    room.desk.stop(audio_effects.StopRecording("r1", "CallEnded"))
    stored = await first_stored(room)
    assert [chunk.end_reason for chunk in stored.chunks] == ["ChunkMaximumSizeExceeded", "SessionEnded"]
    first, second = (room.read(chunk)[:, 0] for chunk in stored.chunks)
    assert (len(first), len(second)) == (2 * RATE, 60 * RATE // 50)
    assert (np.unique(first).tolist(), np.unique(second).tolist()) == ([1], [2])


async def first_stored(room: Room) -> Any:
    found: list[Any] = []

    def there() -> bool:
        found[:] = [
            fact for fact in room.facts if type(fact).__name__ == "RecordingStored" and fact.recording == "r1"
        ]
        return bool(found)

    await until(there)
    return found[0]


async def test_an_encoder_holds_up_no_plain_recording(
    room: Room, monkeypatch: pytest.MonkeyPatch, held: threading.Event
) -> None:
    encoding = hold(monkeypatch, Mp3Writer, "write", held)
    listener = await room.start(format="mp3")
    room.give(listener, {Whole(5): 1}, 50)
    await until(encoding.is_set)
    await second_goes_on(room, 6)


async def test_a_file_that_can_not_follow_ends_the_recording(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The full one is kept, and told of."""
    listener = await room.start()

    def full(self: Any, *arguments: object) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("hookflash.recording.disk.Disk._open", full)
    room.give(listener, {Whole(5): 1}, 100)
    stored = await room.stored()
    (chunk,) = stored.chunks
    assert chunk.end_reason == "ChunkMaximumSizeExceeded"
    assert (room.read(chunk) == 1).all()
    assert listener.closed
