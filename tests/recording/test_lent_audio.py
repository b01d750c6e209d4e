"""Recordings of audio that is lent to them: what is in the file, what is refused, what is written over."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from streaming_bench import FakeBlockListener, until
from test_recording_desk import FRAME, Room

from hookflash.calls import audio_effects, facts
from hookflash.ports.audio import Whole


class Lent:
    """A loan of ``count`` frames from ``tick`` on, all ``value``.

    Attributes:
        go_on: set it to let the disk have what is written.
    """

    def __init__(self, value: int, tick: int, count: int = 45, *, held: bool = False) -> None:
        self.tick, self.count = tick, count
        self.samples = np.full(count * FRAME, value, np.int16)
        self.recalled: np.ndarray | None = None
        self.back = 0
        self.error: OSError | None = None
        self.go_on = threading.Event()
        if not held:
            self.go_on.set()

    def write(self, fd: int, offset: int) -> bool:
        self.go_on.wait(20)
        if self.error is not None:
            raise self.error
        os.pwrite(fd, self.samples if self.recalled is None else self.samples * 0 - 1, offset)
        return self.recalled is None

    def recall(self) -> None:
        self.recalled = self.samples

    def give_back(self) -> None:
        self.back += 1


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    room = Room(tmp_path / "recordings")
    yield room
    await room.desk.close()


async def start(room: Room, **changes: object) -> FakeBlockListener:
    listener = await room.start(**changes)
    assert isinstance(listener, FakeBlockListener)
    return listener


def offer(listener: FakeBlockListener, loan: Lent) -> bool:
    assert listener.lend is not None
    return listener.lend(loan)


async def values(room: Room, count: int = 1) -> list[list[tuple[int, int]]]:
    """Of each file: values with their frames, in order."""
    stored = await room.stop()
    found = []
    for chunk in stored.chunks:
        samples = room.read(chunk)[:, 0]
        starts = np.flatnonzero(np.diff(samples, prepend=-2))
        lengths = np.diff([*starts, len(samples)]) // FRAME
        found.append([(int(samples[at]), int(n)) for at, n in zip(starts, lengths, strict=True)])
    assert len(found) == count
    return found


async def test_what_is_lent_is_in_the_file_and_given_back(room: Room) -> None:
    listener = await start(room)
    for n in range(4):
        loan = Lent(n + 1, 45 * n)
        assert offer(listener, loan)
        await until(lambda loan=loan: loan.back == 1)
    assert await values(room) == [[(1, 45), (2, 45), (3, 45), (4, 45)]]


async def test_audio_that_comes_while_a_loan_is_written_waits_for_it(room: Room) -> None:
    listener = await start(room)
    loan = Lent(1, 0, held=True)
    assert offer(listener, loan)
    assert not offer(listener, Lent(2, 45))
    listener.take(45, 45, {Whole(5): np.full(45 * FRAME, 2, np.int16)})
    assert not offer(listener, Lent(3, 90))
    listener.take(90, 5, {Whole(5): np.full(5 * FRAME, 3, np.int16)})
    loan.go_on.set()
    assert await values(room) == [[(1, 45), (2, 45), (3, 5)]]
    assert loan.back == 1


async def test_what_is_recalled_is_written_over_before_what_came_later(room: Room) -> None:
    listener = await start(room)
    loan = Lent(1, 0, held=True)
    assert offer(listener, loan)
    loan.recall()
    listener.take(45, 60, {Whole(5): np.full(60 * FRAME, 2, np.int16)})
    loan.go_on.set()
    await until(lambda: loan.back == 1)
    (file,) = room.library.files()
    await until(lambda: (room.folder / file.path).stat().st_size == 44 + 2 * 105 * FRAME)
    assert offer(listener, Lent(3, 105))
    assert await values(room) == [[(1, 45), (2, 60), (3, 45)]]


async def test_what_is_recalled_when_the_recording_ends_is_not_lost(room: Room) -> None:
    listener = await start(room)
    loan = Lent(1, 0, held=True)
    assert offer(listener, loan)
    loan.recall()
    room.desk.stop(audio_effects.StopRecording("r1", "CallEnded"))
    loan.go_on.set()
    assert await values(room) == [[(1, 45)]]


async def test_nothing_is_borrowed_in_a_pause_or_behind_a_gap(room: Room) -> None:
    listener = await start(room)
    assert offer(listener, Lent(1, 0))
    await until(lambda: not room.desk._takes["r1"]._writing)
    assert not offer(listener, Lent(9, 50))  # 45 to 49 are missing: silence is to be put in
    listener.take(50, 45, {Whole(5): np.full(45 * FRAME, 2, np.int16)})
    await until(lambda: not room.desk._takes["r1"]._writing)
    room.desk.pause(audio_effects.PauseRecording("r1"))
    assert not offer(listener, Lent(9, 95))
    room.desk.resume(audio_effects.ResumeRecording("r1"))
    assert offer(listener, Lent(3, 300))
    assert await values(room) == [[(1, 45), (0, 5), (2, 45), (3, 45)]]


async def test_a_disk_that_is_full_ends_the_recording_and_the_loan(room: Room) -> None:
    listener = await start(room)
    assert offer(listener, Lent(1, 0))
    await until(lambda: not room.desk._takes["r1"]._writing)
    loan = Lent(2, 45)
    loan.error = OSError(errno.ENOSPC, "No space left on device")
    assert offer(listener, loan)
    stored = await room.stored()
    (failed,) = room.of(facts.RecordingFailed)
    assert "No space left on device" in failed.message
    assert (loan.back, stored.duration_ms) == (1, 900)
    assert not offer(listener, Lent(3, 90))


async def test_a_file_that_is_full_is_followed_by_another(tmp_path: Path) -> None:
    room = Room(tmp_path / "recordings", max_bytes=2 * 45 * 2 * FRAME)
    listener = await start(room)
    for n in range(5):
        assert offer(listener, Lent(n + 1, 45 * n))
        await until(lambda: not room.desk._takes["r1"]._writing)
    assert await values(room, 3) == [[(1, 45), (2, 45)], [(3, 45), (4, 45)], [(5, 45)]]
    await room.desk.close()


@pytest.mark.parametrize("changes", [{"format": "mp3"}, {"channel_type": "unmixed"}])
async def test_only_a_plain_file_borrows(room: Room, changes: dict[str, str]) -> None:
    assert (await start(room, **changes)).lend is None
