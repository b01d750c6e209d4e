"""Frames lent out of the rings: what a file gets of them, given back late, recalled, on a full disk."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ring_worker import Worker

from hookflash.plane.block_listener import RECALL, BlockListener
from hookflash.plane.lending import RingLoan
from hookflash.plane.listeners import BLOCK
from hookflash.plane.rings import TAP_FRAMES
from hookflash.ports.audio import Loan, Said, Whole

PLAIN = Whole(1)


class Borrower(Worker):
    """A worker whose listener lends; what is lent, or handed over, ends up in ``audio`` by its tick."""

    def __init__(self, rate: int = 16_000) -> None:
        super().__init__(rate)
        self.listener.close()
        self.audio: dict[int, np.ndarray] = {}
        self.loan: Loan | None = None
        self.willing = True
        self.file = os.memfd_create("lent")
        self.listener = BlockListener(self.shelf, rate, self.take, lambda reason: None, self.lend)

    def lend(self, loan: Loan) -> bool:
        if not self.willing or self.loan is not None:
            return False
        self.loan = loan
        return True

    def take(self, tick: int, count: int, frames) -> None:
        self.keep(tick, count, frames[PLAIN])

    def keep(self, tick: int, count: int, samples: np.ndarray) -> None:
        for n, frame in enumerate(samples.reshape(count, self.size)):
            assert tick + n not in self.audio
            self.audio[tick + n] = frame.copy()

    def give_back(self) -> bool:
        """What was lent is written and given back; whether that was in time."""
        loan, self.loan = self.loan, None
        if loan is None:
            return False
        there = loan.write(self.file, 44)
        octets = os.pread(self.file, 2 * self.size * loan.count, 44)
        samples = np.frombuffer(octets, np.int16) if there else loan.recalled
        loan.give_back()
        assert samples is not None
        self.keep(loan.tick, loan.count, samples)
        return there

    def turn(self) -> None:
        """It may look."""
        self.listener.look()


def expected(worker: Worker, tap: int, ticks: range) -> dict[int, bytes]:
    return {tick: worker.frame(tick, tap).tobytes() for tick in ticks}


def heard(worker: Borrower) -> dict[int, bytes]:
    return {tick: frame.tobytes() for tick, frame in worker.audio.items()}


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.sampled_from(["run", "long", "look", "look", "back", "back", "flush", "unwilling"]), max_size=40
    )
)
def test_every_frame_comes_once_whatever_becomes_of_loans(steps: list[str]) -> None:
    """As long as somebody looks in time: before the ring is full."""
    worker = Borrower()
    worker.listener.add(PLAIN)
    tap = worker.tap(PLAIN)
    for step in steps:
        match step:
            case "run" | "long":
                worker.run(17 if step == "run" else BLOCK + 5)
                if worker.rings.written[tap] - worker.rings.read[tap] > RECALL:
                    worker.turn()
            case "look":
                worker.turn()
            case "back":
                worker.give_back()
            case "flush":
                worker.listener.flush()
            case _:
                worker.willing = not worker.willing
    worker.listener.close()
    worker.give_back()
    assert not worker.rings.lost.any()
    assert heard(worker) == expected(worker, tap, range(worker.tick + 1))


def test_a_loan_that_is_not_given_back_is_recalled_before_its_place_is_written_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    worker = Borrower()
    worker.listener.add(PLAIN)
    tap = worker.tap(PLAIN)
    for turns in range(1, 9):
        worker.run(BLOCK)
        worker.turn()
        loan = worker.loan
        assert loan is not None
        assert (loan.tick, loan.count) == (0, BLOCK)
        assert (loan.recalled is not None) == (turns * BLOCK >= RECALL)
    assert not worker.rings.lost.any()
    assert 8 * BLOCK > TAP_FRAMES
    assert "waited for the disk for 2.7 s" in caplog.text
    assert worker.give_back() is False
    assert heard(worker) == expected(worker, tap, range(8 * BLOCK))
    # From then on as ever.
    worker.run(BLOCK)
    worker.turn()
    assert worker.give_back() is True
    assert heard(worker) == expected(worker, tap, range(9 * BLOCK))


def test_what_is_recalled_while_it_is_written_is_not_taken_for_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    worker = Borrower()
    worker.listener.add(PLAIN)
    tap = worker.tap(PLAIN)
    worker.run(BLOCK)
    worker.turn()
    loan, real = worker.loan, os.pwrite
    assert isinstance(loan, RingLoan)

    def slow(fd: int, data, offset: int) -> int:
        loan.recall()
        worker.rings.frames[:, tap] = -1
        return real(fd, data, offset)

    monkeypatch.setattr(os, "pwrite", slow)
    assert worker.give_back() is False
    assert heard(worker) == expected(worker, tap, range(BLOCK))


def test_frames_with_gaps_between_and_of_several_sources_are_handed_over() -> None:
    worker = Borrower()
    worker.listener.add(PLAIN)
    worker.run(10)
    worker.tick += 3
    worker.run(10)
    worker.turn()
    assert worker.loan is None
    assert sorted(worker.audio) == [*range(10), *range(13, 23)]
    worker.run(5)
    worker.turn()
    assert worker.loan is not None
    # Another source: the listener has to hand over the ticks of both together.
    worker.take = lambda tick, count, frames: None  # type: ignore[method-assign]
    worker.listener.add(Said(7))
    assert worker.loan.recalled is not None
    worker.give_back()
    worker.run(5)
    worker.turn()
    assert worker.loan is None


def test_audio_at_another_rate_than_that_of_the_rings_is_not_lent() -> None:
    worker = Worker(16_000)
    lent: list[Loan] = []

    def lend(loan: Loan) -> bool:
        lent.append(loan)
        return True

    blocks: list[int] = []
    listener = BlockListener(
        worker.shelf, 24_000, lambda tick, count, frames: blocks.append(count), lambda reason: None, lend
    )
    worker.listener = listener
    listener.add(PLAIN)
    worker.run(20)
    listener.look()
    assert (lent, blocks) == ([], [20])


def test_the_ring_of_one_who_has_closed_is_not_read_any_more() -> None:
    """It may be somebody else's by then."""
    worker = Borrower()
    worker.listener.add(PLAIN)
    tap = worker.tap(PLAIN)
    worker.run(BLOCK)
    worker.turn()
    worker.listener.close()
    worker.rings.frames[:, tap] = -1
    worker.rings.read[tap] = 7
    assert worker.give_back() is False
    assert heard(worker) == expected(worker, tap, range(BLOCK))
    assert worker.rings.read[tap] == 7


def test_a_write_that_is_cut_short_is_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = Borrower()
    worker.listener.add(PLAIN)
    worker.run(BLOCK)
    worker.turn()
    loan = worker.loan
    assert loan is not None
    real, sizes = os.pwrite, []

    def short(fd: int, data, offset: int) -> int:
        sizes.append(memoryview(data).nbytes)
        return real(fd, memoryview(data).cast("B")[:1000], offset)

    monkeypatch.setattr(os, "pwrite", short)
    with (tmp_path / "a").open("w+b") as file:
        assert loan.write(file.fileno(), 44) is True
        file.seek(44)
        assert file.read() == b"".join(expected(worker, worker.tap(PLAIN), range(BLOCK)).values())
    assert sizes == list(range(640 * BLOCK, 0, -1000))

    def full(*arguments: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(OSError, match="No space"):
        loan.write(worker.file, 0)
