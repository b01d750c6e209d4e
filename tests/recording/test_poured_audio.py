"""Recordings whose audio is poured into files: what is in them, what is refused, what is written over."""

from __future__ import annotations

import errno
import os
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from streaming_bench import FakeBlockListener, until
from test_recording_desk import FRAME, Room

from hookflash.calls import audio_effects, facts
from hookflash.ports.audio import Outlet, Whole


def samples(value: int, count: int) -> np.ndarray:
    return np.full(count * FRAME, value, np.int16)


class Pouring:
    """The plane, which pours from ``tick`` on until the listener is flushed.

    Attributes:
        outlet: None where the recording did not want it.
        held: what was poured last is not written yet: it is recalled when this ends.
    """

    def __init__(self, listener: FakeBlockListener, tick: int) -> None:
        assert listener.lend is not None
        self.outlet: Outlet | None = listener.lend(tick)
        self.last = tick - 1
        self.held: tuple[int, int] | None = None
        self.ended = False
        if self.outlet is not None:
            self.at = self.outlet.offset
            listener.flush = self.end  # type: ignore[method-assign]

    def write(self, value: int, count: int = 45) -> None:
        assert self.outlet is not None
        self.at += os.pwrite(self.outlet.fd, samples(value, count), self.at)
        self.last += count

    @property
    def full(self) -> bool:
        assert self.outlet is not None
        return self.at >= self.outlet.limit

    def hold(self, value: int, count: int = 45) -> None:
        self.held = value, count
        self.last += count

    def end(self) -> None:
        if not self.ended:
            assert self.outlet is not None
            self.ended = True
            self.outlet.ends(self.last, self.at, None if self.held is None else samples(*self.held))
            if self.held is None:
                self.outlet.done(None)

    def done(self, error: Exception | None = None) -> None:
        """What was being written when this ended is not any more; anything may be there."""
        assert self.outlet is not None
        assert self.held is not None
        os.pwrite(self.outlet.fd, samples(-1, 60), self.at)
        self.outlet.done(error)


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    room = Room(tmp_path / "recordings")
    yield room
    await room.desk.close()


async def start(room: Room, **changes: object) -> FakeBlockListener:
    listener = await room.start(**changes)
    assert isinstance(listener, FakeBlockListener)
    return listener


async def values(room: Room, count: int = 1) -> list[list[tuple[int, int]]]:
    """Of each file: values with their frames, in order."""
    stored = await room.stop()
    found = []
    for chunk in stored.chunks:
        audio = room.read(chunk)[:, 0]
        starts = np.flatnonzero(np.diff(audio, prepend=-2))
        lengths = np.diff([*starts, len(audio)]) // FRAME
        found.append([(int(audio[at]), int(n)) for at, n in zip(starts, lengths, strict=True)])
    assert len(found) == count
    return found


async def test_what_is_poured_is_in_the_file(room: Room) -> None:
    listener = await start(room)
    pouring = Pouring(listener, 0)
    for n in range(4):
        pouring.write(n + 1)
    assert await values(room) == [[(1, 45), (2, 45), (3, 45), (4, 45)]]
    assert pouring.ended


async def test_audio_that_is_handed_over_meanwhile_waits_for_what_is_recalled(room: Room) -> None:
    listener = await start(room)
    pouring = Pouring(listener, 0)
    pouring.write(1)
    pouring.hold(2)
    assert Pouring(listener, 90).outlet is None, "one at a time"
    pouring.end()
    listener.take(90, 45, {Whole(5): samples(3, 45)})
    assert Pouring(listener, 135).outlet is None, "it would be before the others"
    listener.take(135, 5, {Whole(5): samples(4, 5)})
    pouring.done()
    (file,) = room.library.files()
    await until(lambda: (room.folder / file.path).stat().st_size == 44 + 2 * 140 * FRAME)
    await until(lambda: not room.desk._takes["r1"]._writing)
    Pouring(listener, 140).write(5)
    assert await values(room) == [[(1, 45), (2, 45), (3, 45), (4, 5), (5, 45)]]


async def test_what_is_recalled_when_the_recording_ends_is_not_lost(room: Room) -> None:
    listener = await start(room)
    pouring = Pouring(listener, 0)
    pouring.hold(1)
    room.desk.stop(audio_effects.StopRecording("r1", "CallEnded"))
    assert pouring.ended
    pouring.done()
    assert await values(room) == [[(1, 45)]]


async def test_nothing_is_poured_in_a_pause_or_behind_a_gap(room: Room) -> None:
    listener = await start(room)
    pouring = Pouring(listener, 0)
    pouring.write(1)
    pouring.end()
    assert Pouring(listener, 50).outlet is None  # 45 to 49 are missing: silence is to be put in
    listener.take(50, 45, {Whole(5): samples(2, 45)})
    await until(lambda: not room.desk._takes["r1"]._writing)
    pouring = Pouring(listener, 95)
    pouring.write(3, 7)
    room.desk.pause(audio_effects.PauseRecording("r1"))
    assert pouring.ended
    assert Pouring(listener, 102).outlet is None
    room.desk.resume(audio_effects.ResumeRecording("r1"))
    Pouring(listener, 300).write(4)
    assert await values(room) == [[(1, 45), (0, 5), (2, 45), (3, 7), (4, 45)]]


async def test_what_is_recalled_by_a_pause_is_before_what_comes_behind_it_and_no_silence(room: Room) -> None:
    listener = await start(room)
    pouring = Pouring(listener, 0)
    pouring.hold(1)
    room.desk.pause(audio_effects.PauseRecording("r1"))
    room.desk.resume(audio_effects.ResumeRecording("r1"))
    listener.take(400, 45, {Whole(5): samples(2, 45)})
    pouring.done()
    assert await values(room) == [[(1, 45), (2, 45)]]


async def test_a_disk_that_is_full_ends_the_recording(room: Room) -> None:
    listener = await start(room)
    pouring = Pouring(listener, 0)
    pouring.write(1)
    assert pouring.outlet is not None
    pouring.ended = True
    pouring.outlet.ends(44, pouring.at, None)
    pouring.outlet.done(OSError(errno.ENOSPC, "No space left on device"))
    stored = await room.stored()
    (failed,) = room.of(facts.RecordingFailed)
    assert "No space left on device" in failed.message
    assert stored.duration_ms == 900
    assert Pouring(listener, 45).outlet is None


@pytest.mark.parametrize("bound", [{"max_bytes": 2 * 45 * 2 * FRAME}, {"max_seconds": 1.7}])
async def test_a_file_that_is_full_is_followed_by_another(tmp_path: Path, bound: dict[str, float]) -> None:
    room = Room(tmp_path / "recordings", **bound)
    listener = await start(room)
    pouring, limits = Pouring(listener, 0), []
    for n in range(5):
        pouring.write(n + 1)
        if pouring.full:
            limits.append(n)
            pouring.end()
            await until(lambda: not room.desk._takes["r1"]._writing)
            pouring = Pouring(listener, 45 * (n + 1))
    assert limits == [1, 3]
    assert await values(room, 3) == [[(1, 45), (2, 45)], [(3, 45), (4, 45)], [(5, 45)]]
    await room.desk.close()


@pytest.mark.parametrize("changes", [{"format": "mp3"}, {"channel_type": "unmixed"}])
async def test_only_into_a_plain_file_is_poured(room: Room, changes: dict[str, str]) -> None:
    assert (await start(room, **changes)).lend is None
