"""Frames that go from the rings into files: what a file gets of them, late, recalled, on a full disk."""

from __future__ import annotations

import errno
import os
from collections import deque
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ring_worker import Worker

from hookflash.plane import pouring
from hookflash.plane.block_listener import BlockListener
from hookflash.plane.listeners import BLOCK, RECALL
from hookflash.plane.rings import LOOK, TAP_FRAMES
from hookflash.ports.audio import Done, Job, Outlet, Said, Whole

PLAIN = Whole(1)
HEAD = 44


class Disk:
    """Jobs that wait to be done: they are written, and told of, when a test says so."""

    def __init__(self) -> None:
        self.jobs: deque[tuple[Job, Done]] = deque()
        self.results: deque[tuple[Done, bool | Exception]] = deque()

    def do(self, job: Job, done: Done) -> None:
        self.jobs.append((job, done))

    def write(self) -> None:
        if self.jobs:
            job, done = self.jobs.popleft()
            self.results.append((done, job()))

    def tell(self) -> None:
        if self.results:
            done, result = self.results.popleft()
            done(result)

    def finish(self) -> None:
        while self.jobs or self.results:
            self.write()
            self.tell()


class Recorder:
    """Writes a file as a recording does: what is handed over waits for what is being poured."""

    def __init__(self, shelf, disk: Disk, rate: int = 16_000, most: int = 1 << 40) -> None:
        self.file = os.memfd_create("poured")
        self.disk = disk
        self.size = HEAD
        self.most = most
        self.willing = True
        self.pouring = False
        self.waiting: list[np.ndarray] = []
        self.last: int | None = None
        self.recalls = 0
        self.errors: list[Exception | None] = []
        self.lost: list[str] = []
        self.listener = BlockListener(shelf, rate, self.take, self.lost.append, self.lend)

    def lend(self, tick: int) -> Outlet | None:
        if not self.willing or self.pouring:
            return None
        assert self.last is None or tick == self.last + 1
        self.pouring = True
        return Outlet(self.file, self.size, self.size + self.most, self.disk.do, self.ends, self.done)

    def take(self, tick: int, count: int, frames) -> None:
        assert self.last is None or tick == self.last + 1
        self.last = tick + count - 1
        self.waiting.append(frames[PLAIN].copy())
        if not self.pouring:
            self._append()

    def ends(self, last: int, size: int, recalled: np.ndarray | None) -> None:
        assert self.pouring
        self.last, self.size = last, size
        if recalled is not None:
            self.recalls += 1
            self.waiting.append(recalled)

    def done(self, error: Exception | None) -> None:
        self.pouring = False
        self.errors.append(error)
        self._append()

    def _append(self) -> None:
        for samples in self.waiting:
            self.size += os.pwrite(self.file, samples, self.size)
        self.waiting.clear()

    def heard(self) -> bytes:
        return os.pread(self.file, self.size, HEAD)[: self.size - HEAD]


class Room(Worker):
    """A worker, and recorders of its rings."""

    def __init__(self, rate: int = 16_000, recorders: int = 1, most: int = 1 << 40) -> None:
        super().__init__(rate)
        self.listener.close()
        self.rings.tick[0] = self.tick
        self.disk = Disk()
        self.recorders = [Recorder(self.shelf, self.disk, rate, most) for _ in range(recorders)]
        for recorder in self.recorders:
            recorder.listener.add(PLAIN)
        if recorders:
            self.recorder = self.recorders[0]

    def run(self, ticks: int) -> None:
        for _ in range(ticks):
            self.tick += 1
            for recorder in self.recorders:
                for tap, _ in list(recorder.listener.taps.values()):
                    self.write(tap, self.tick)
            self.rings.tick[0] = self.tick

    def look(self) -> None:
        """A whole round of turns."""
        for place in range(len(self.shelf.waiting)):
            self.shelf.look(place)

    def tap_of(self, recorder: Recorder) -> int:
        return recorder.listener.taps[PLAIN][0]

    def expected(self, tap: int, ticks: range) -> bytes:
        return b"".join(self.frame(tick, tap).tobytes() for tick in ticks)


STEPS = ["run", "long", "look", "look", "write", "write", "tell", "tell", "flush", "unwilling", "early"]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 2)), max_size=60),
    st.sampled_from([16_000, 8_000]),
    st.sampled_from([1 << 40, 60_000]),
)
def test_every_frame_is_in_the_file_once_and_in_order_whatever_happens(steps, rate, most) -> None:
    """As long as somebody looks in time: before a ring is full."""
    room = Room(rate, 3, most)
    taps = [room.tap_of(recorder) for recorder in room.recorders]
    for step, which in steps:
        recorder = room.recorders[which]
        match step:
            case "run" | "long":
                room.run(17 if step == "run" else BLOCK + 5)
                if (room.rings.written - room.rings.read).max() > RECALL:
                    room.look()
            case "look":
                room.look()
            case "early":
                # The worker is in the middle of the next tick.
                room.tick += 1
                room.write(taps[0], room.tick)
                half = room.rings.frames[room.tick % TAP_FRAMES, taps[0]]
                half[:] = -1
                room.look()
                while room.disk.jobs:
                    room.disk.write()
                half[: room.size] = room.frame(room.tick, taps[0])
                for tap in taps[1:]:
                    room.write(tap, room.tick)
                room.rings.tick[0] = room.tick
            case "write":
                room.disk.write()
            case "tell":
                room.disk.tell()
            case "flush":
                recorder.listener.flush()
            case _:
                recorder.willing = not recorder.willing
    for recorder in room.recorders:
        recorder.listener.close()
    room.disk.finish()
    assert not room.rings.lost.any()
    for tap, recorder in zip(taps, room.recorders, strict=True):
        assert recorder.heard() == room.expected(tap, range(room.tick + 1))
        assert not recorder.pouring
        assert not any(recorder.errors)


def test_all_are_written_by_one_job_a_round_and_their_listeners_are_left_alone(monkeypatch) -> None:
    room = Room(recorders=18)
    room.run(BLOCK)
    room.look()
    room.disk.finish()

    def never(self) -> None:
        raise AssertionError("nobody has to look")

    monkeypatch.setattr(BlockListener, "look", never)
    monkeypatch.setattr(BlockListener, "flush", never)
    for _ in range(5):
        room.run(BLOCK)
        room.look()
        assert len(room.disk.jobs) == 1
        room.disk.finish()
    monkeypatch.undo()
    for recorder in room.recorders:
        tap = room.tap_of(recorder)
        recorder.listener.close()
        assert recorder.heard() == room.expected(tap, range(6 * BLOCK))
        assert recorder.recalls == 0


def test_what_is_not_written_in_time_is_recalled_before_its_place_is_written_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    room = Room()
    tap = room.tap_of(room.recorder)
    for turns in range(1, 9):
        room.run(BLOCK)
        room.look()
        assert (room.recorder.recalls == 1) == (turns * BLOCK >= RECALL)
    assert not room.rings.lost.any()
    assert 8 * BLOCK > TAP_FRAMES
    assert "waited for the disk for 2.7 s" in caplog.text
    assert len(room.disk.jobs) == 1
    room.disk.finish()
    assert room.recorder.heard() == room.expected(tap, range(8 * BLOCK))
    # From then on as ever.
    room.run(BLOCK)
    room.look()
    room.disk.finish()
    assert room.recorder.recalls == 1
    room.recorder.listener.close()
    assert room.recorder.heard() == room.expected(tap, range(9 * BLOCK))


def test_what_is_recalled_while_it_is_written_is_not_taken_for_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    room = Room()
    tap = room.tap_of(room.recorder)
    room.run(BLOCK)
    room.look()
    real = pouring.write_all

    def slow(fd: int, data, offset: int) -> None:
        room.recorder.listener.flush()
        room.rings.frames[:, tap] = -1
        real(fd, memoryview(bytes(data.nbytes)), offset)

    monkeypatch.setattr(pouring, "write_all", slow)
    room.disk.finish()
    assert room.recorder.recalls == 1
    assert room.recorder.heard() == room.expected(tap, range(BLOCK))


def test_frames_with_gaps_between_and_of_several_sources_are_handed_over() -> None:
    room = Room()
    recorder, taken = room.recorder, []
    recorder.listener._take = lambda tick, count, frames: taken.append((tick, count, len(frames)))
    room.run(10)
    room.tick += 3
    room.run(10)
    room.look()
    assert (taken, recorder.pouring) == ([(0, 10, 1), (13, 10, 1)], False)
    taken.clear()
    recorder.last = None
    room.run(5)
    room.look()
    assert recorder.pouring
    room.disk.finish()
    room.tick += 2
    room.run(5)
    room.look()
    assert (taken, recorder.last, recorder.pouring) == ([(30, 5, 1)], 27, False)
    recorder.last = None
    room.run(5)
    room.look()
    assert recorder.pouring
    # Another source: the listener has to hand over the ticks of both together.
    recorder.listener.add(Said(7))
    assert recorder.recalls == 1
    room.disk.finish()
    room.run(5)
    room.look()
    assert (taken[1:], recorder.pouring) == ([(40, 5, 2)], False)


def test_no_frame_waits_for_a_second_not_even_of_those_who_have_just_begun() -> None:
    """Tick by tick, whoever begins when."""
    room = Room(recorders=0)
    begun: dict[int, int] = {}
    for tick in range(4 * BLOCK):
        if tick < 2 * BLOCK and tick % 3 == 0:
            recorder = Recorder(room.shelf, room.disk)
            recorder.listener.add(PLAIN)
            room.recorders.append(recorder)
            begun[room.tap_of(recorder)] = tick
        room.run(1)
        if tick % LOOK == 0:
            room.shelf.tapped(tick)
            room.disk.finish()
            for tap, first in begun.items():
                assert room.tick - max(first, room.rings.read[tap] + first) <= BLOCK
    assert all(recorder.pouring for recorder in room.recorders)


def test_a_gap_in_the_middle_of_what_would_be_poured_is_handed_over_as_one() -> None:
    room = Room()
    recorder, taken = room.recorder, []
    recorder.listener._take = lambda tick, count, frames: taken.append((tick, count))
    room.run(5)
    room.look()
    room.disk.finish()
    room.run(5)
    room.tick += 2
    room.run(5)
    room.look()
    assert (taken, recorder.last, recorder.pouring) == ([(5, 5), (12, 5)], 4, False)


def test_a_file_that_is_full_gets_no_more() -> None:
    room = Room(most=2 * BLOCK * 640)
    tap, lent = room.tap_of(room.recorder), []
    lend = room.recorder.listener._lend
    room.recorder.listener._lend = lambda tick: lent.append(tick) or lend(tick)
    for _ in range(5):
        room.run(BLOCK)
        room.look()
        room.disk.finish()
    assert lent == [0, 2 * BLOCK, 4 * BLOCK]
    room.recorder.listener.close()
    assert room.recorder.heard() == room.expected(tap, range(5 * BLOCK))


def test_audio_at_another_rate_than_that_of_the_rings_is_not_poured() -> None:
    room = Room()
    lent: list[int] = []
    blocks: list[int] = []
    listener = BlockListener(
        room.shelf, 24_000, lambda tick, count, frames: blocks.append(count), lambda reason: None, lent.append
    )
    room.recorder.listener = listener
    listener.add(PLAIN)
    room.run(20)
    listener.look()
    assert (lent, blocks) == ([], [20])


def test_the_ring_of_one_who_has_closed_is_not_touched_any_more() -> None:
    """It may be somebody else's by then, who pours too."""
    room = Room()
    old, tap = room.recorder, room.tap_of(room.recorder)
    room.run(BLOCK)
    room.look()
    old.listener.close()
    room.shelf.by_tap.pop(tap)
    room.shelf.free_taps.append(tap)
    new = room.recorder = Recorder(room.shelf, room.disk)
    room.recorders = [new]
    new.listener.add(PLAIN)
    assert room.tap_of(new) == tap
    room.run(BLOCK)
    room.look()
    room.disk.finish()
    assert old.heard() == room.expected(tap, range(BLOCK))
    new.listener.close()
    assert new.heard() == room.expected(tap, range(BLOCK, 2 * BLOCK))


def test_a_file_that_can_not_be_written_costs_nobody_else_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    room = Room(recorders=2)
    good, bad = room.recorders
    for listener in (good.listener, bad.listener):
        listener._turn = 0
    room.shelf.waiting[:2] = [[good.listener, bad.listener], []]
    room.shelf.looking[:2] = [[good.listener, bad.listener], []]
    real = os.pwrite

    def full(fd: int, data, offset: int) -> int:
        if fd == bad.file:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(fd, data, offset)

    room.run(BLOCK)
    room.look()
    room.disk.finish()
    monkeypatch.setattr(os, "pwrite", full)
    room.run(BLOCK)
    room.look()
    assert len(room.disk.jobs) == 1
    room.disk.finish()
    monkeypatch.undo()
    assert [str(error) for error in bad.errors] == ["[Errno 28] No space left on device"]
    assert (bad.size, bad.last) == (HEAD + BLOCK * 640, BLOCK - 1)
    assert (good.errors, good.pouring) == ([], True)
    # The threads are stopped.
    bad.willing = False
    room.run(BLOCK)
    room.look()
    ((_, done),) = room.disk.jobs
    room.disk.jobs.clear()
    done(RuntimeError("stopped"))
    assert [str(error) for error in good.errors] == ["stopped"]


def test_a_write_that_is_cut_short_is_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, sizes = os.pwrite, []

    def short(fd: int, data, offset: int) -> int:
        sizes.append(memoryview(data).nbytes)
        return real(fd, memoryview(data).cast("B")[:1000], offset)

    monkeypatch.setattr(os, "pwrite", short)
    samples = np.arange(BLOCK * 320, dtype=np.int16).reshape(BLOCK, 320)
    with (tmp_path / "a").open("w+b") as file:
        pouring.write_all(file.fileno(), samples.data, HEAD)
        file.seek(HEAD)
        assert file.read() == samples.tobytes()
    assert sizes == list(range(640 * BLOCK, 0, -1000))
