"""Listeners that are handed over together hear what they would hear alone."""

from __future__ import annotations

import logging
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ring_worker import Worker

from hookflash.plane.audio_desk import AudioDesk
from hookflash.plane.listeners import TapListener
from hookflash.plane.rings import TAP_FRAMES
from hookflash.ports.audio import Said, Together


class Hall(Worker):
    """A worker whose taps hold what their source says, and listeners of it in pairs: with others, and alone.

    ``heard`` is of each the samples by tick and source; ``sung`` the ticks in which it was handed over with
    others; ``narrow`` how many samples a frame of each source has; ``faults`` what was wrong with what was
    handed over: raised there it would only be logged.
    """

    def __init__(self) -> None:
        super().__init__()
        self.narrow: dict[int, int] = {}
        self.heard: dict[object, dict[tuple[int, Said], np.ndarray]] = defaultdict(dict)
        self.sung: dict[object, list[int]] = defaultdict(list)
        self.faults: list[str] = []
        self.pairs: dict[int, tuple[TapListener, TapListener]] = {}

    def frame(self, tick: int, tap: int) -> np.ndarray:
        source = self.shelf.by_tap[tap][1]
        return np.random.default_rng([tick, source.leg]).integers(-32768, 32768, self.size).astype(np.int16)

    def open(self, pair: int, rate: int) -> None:
        def take(who: object):
            def heard(tick: int, frames) -> None:
                for source, frame in frames.items():
                    self.hear(who, tick, source, frame, frames.peaks[source])

            return heard

        def lost(reason: str) -> None:
            self.faults.append(reason)

        single, alone = ("together", pair), ("alone", pair)
        self.pairs[pair] = (
            TapListener(self.shelf, rate, take(single), lost, Together(self.hand_over, single)),
            TapListener(self.shelf, rate, take(alone), lost),
        )

    def frame_of(self, tick: int, source: Said) -> np.ndarray:
        samples = np.random.default_rng([tick, source.leg]).integers(-32768, 32768, self.size)
        # At 8,000 Hz the second half of a frame is not there.
        return samples[: self.narrow[source.leg]]

    def hand_over(self, tick: int, who, frames: np.ndarray, peaks) -> None:
        for one, frame, peak in zip(who, frames, peaks, strict=True):
            alone = self.pairs[one[1]][1]
            (source,) = alone.taps
            self.hear(one, tick, source, frame, peak)
            self.sung[one].append(tick)

    def hear(self, who: object, tick: int, source: Said, frame: np.ndarray, peak: int) -> None:
        if (tick, source) in self.heard[who]:
            self.faults.append(f"{who} heard {source} twice in tick {tick}")
        if peak != np.abs(self.frame_of(tick, source)).max():
            self.faults.append(f"{peak} is no peak of {source} in tick {tick}")
        self.heard[who][tick, source] = frame

    def leave(self, source: Said) -> None:
        for tap, (listener, whose) in list(self.shelf.by_tap.items()):
            if whose == source:
                del self.shelf.by_tap[tap]
                listener.forget(source, tap)
                self.shelf.free_taps.append(tap)

    def go_on(self, ticks: int, told: bool) -> None:
        for _ in range(ticks):
            self.tick += 1
            for tap in self.shelf.by_tap:
                self.write(tap, self.tick)
            self.rings.tick[0] = self.tick
            if told:
                self.shelf.tapped(self.tick)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_together_they_hear_what_they_hear_alone(data: st.DataObject) -> None:
    hall = Hall()
    rates = data.draw(st.lists(st.sampled_from([8_000, 16_000, 24_000]), min_size=2, max_size=5))
    hall.narrow = {
        10 * pair + n: min(rate, 16_000) // 50 for pair, rate in enumerate(rates) for n in range(3)
    }
    for pair, rate in enumerate(rates):
        hall.open(pair, rate)
    for _ in range(data.draw(st.integers(3, 12))):
        pair = data.draw(st.sampled_from(list(hall.pairs)))
        match data.draw(
            st.sampled_from(["run", "run", "late", "lose", "add", "add", "remove", "close", "end"])
        ):
            case "run":
                hall.go_on(data.draw(st.integers(1, 5)), told=True)
            case "late":
                hall.go_on(data.draw(st.integers(1, 5)), told=False)
            case "lose":
                hall.go_on(TAP_FRAMES + 3, told=False)
            case "add":
                source = Said(10 * pair + data.draw(st.integers(0, 2)))
                for one in hall.pairs[pair]:
                    one.add(source)
            case "remove":
                source = Said(10 * pair + data.draw(st.integers(0, 2)))
                for one in hall.pairs[pair]:
                    one.remove(source)
            case "close":
                for one in hall.pairs[pair]:
                    one.close()
            case "end":
                # The worker closes all taps of a source, whose leg is gone, and gives them to others.
                source = Said(10 * pair + data.draw(st.integers(0, 2)))
                hall.leave(source)
    # By the first of these there may be much to catch up with.
    hall.go_on(3, told=True)
    assert not hall.faults
    for pair in hall.pairs:
        together, alone = hall.heard["together", pair], hall.heard["alone", pair]
        assert together.keys() == alone.keys()
        for key, frame in together.items():
            assert np.array_equal(frame, alone[key])
        own, other = hall.pairs[pair]
        if len(own.taps) == 1:
            assert hall.sung["together", pair][-2:] == [hall.tick - 1, hall.tick]
        assert own.missed == other.missed
    missed = sum(one.missed for pair in hall.pairs.values() for one in pair)
    assert hall.shelf.lost >= missed


def test_a_tick_is_one_call_for_all_of_a_rate() -> None:
    worker = Worker()
    calls: list[tuple[int, list[object], np.ndarray]] = []

    def take(tick: int, who, frames: np.ndarray, peaks) -> None:
        calls.append((tick, list(who), frames))

    listeners = [
        TapListener(worker.shelf, rate, lambda *given: None, lambda reason: None, Together(take, number))
        for number, rate in enumerate([16_000] * 20 + [24_000] * 3)
    ]
    for number, listener in enumerate(listeners):
        listener.add(Said(number))
    for tick in range(3):
        for tap in worker.shelf.by_tap:
            worker.write(tap, tick)
        worker.rings.tick[0] = tick
        worker.shelf.tapped(tick)
    assert [(tick, len(who)) for tick, who, _ in calls] == [(0, 20), (0, 3), (1, 20), (1, 3), (2, 20), (2, 3)]
    assert calls[0][2].shape == (20, 320)
    assert calls[1][2].shape == (3, 480)
    # What was handed over is a copy: the worker writes there again.
    assert not np.shares_memory(calls[0][2], worker.rings.frames)
    for listener in listeners:
        listener.close()
    assert not worker.shelf.choruses
    assert not worker.shelf.listeners


def test_a_fault_of_theirs_costs_nobody_else_anything(caplog: pytest.LogCaptureFixture) -> None:
    worker, heard = Worker(), []

    def fail(*given: object) -> None:
        raise RuntimeError("no")

    first = TapListener(worker.shelf, 16_000, fail, lambda reason: None, Together(fail, 1))
    other = TapListener(worker.shelf, 16_000, lambda tick, frames: heard.append(tick), lambda reason: None)
    for listener in (first, other):
        listener.add(Said(1))
    with caplog.at_level(logging.ERROR):
        for tick in range(2):
            for tap in worker.shelf.by_tap:
                worker.write(tap, tick)
            worker.rings.tick[0] = tick
            worker.shelf.tapped(tick)
    assert heard == [0, 1]
    assert [record.message for record in caplog.records] == ["audio could not be handed over"] * 2
    assert worker.rings.read[:2].tolist() == [2, 2]


def test_who_joins_while_others_are_handed_over_waits_for_the_next_tick() -> None:
    worker = Worker()
    desk = AudioDesk(lambda call: worker.seat, lambda leg: worker.seat, lambda leg: False)
    ticks: dict[object, list[int]] = defaultdict(list)
    late: list[object] = []

    def take(tick: int, who, frames: np.ndarray, peaks) -> None:
        for one in who:
            ticks[one].append(tick)
        if not late:
            late.append(listen("second"))
            late[0].add(Said(2))

    def listen(who: str):
        return desk.listen(1, 16_000, lambda *given: None, lambda reason: None, Together(take, who))

    listen("first").add(Said(1))
    shelf = next(iter(desk._shelves.values()))
    for tick in range(3):
        for tap in shelf.by_tap:
            worker.write(tap, tick)
        worker.rings.tick[0] = tick
        shelf.tapped(tick)
    assert ticks == {"first": [0, 1, 2], "second": [1, 2]}


def test_ticks_that_control_was_late_for_are_handed_over_together_too() -> None:
    hall = Hall()
    hall.narrow = {0: 320, 10: 320}
    for pair in range(2):
        hall.open(pair, 24_000)
        for one in hall.pairs[pair]:
            one.add(Said(10 * pair))
    hall.go_on(1, told=True)
    hall.go_on(7, told=False)
    hall.go_on(1, told=True)
    assert hall.sung == {("together", pair): list(range(9)) for pair in range(2)}
    assert not hall.faults


def test_what_finds_no_room_is_counted_once_though_what_comes_is_in_time() -> None:
    hall = Hall()
    hall.narrow = {0: 320, 10: 320}
    for pair in range(2):
        hall.open(pair, 16_000)
        hall.pairs[pair][0].add(Said(10 * pair))
        hall.pairs[pair][1].add(Said(10 * pair))
    hall.go_on(3, told=True)
    (tap, _) = hall.pairs[1][0].taps[Said(10)]
    hall.rings.lost[tap] += 4
    hall.go_on(3, told=True)
    assert [one.missed for pair in hall.pairs.values() for one in pair] == [0, 0, 4, 0]
    assert hall.shelf.lost == 4
    assert hall.sung["together", 1] == list(range(6))


def test_who_is_closed_while_others_are_handed_a_tick_hears_nothing_of_it() -> None:
    worker, heard = Worker(), []

    def close(tick: int, who, frames: np.ndarray, peaks) -> None:
        second.close()

    def take(tick: int, who, frames: np.ndarray, peaks) -> None:
        heard.extend((tick, one) for one in who)

    def alone(tick: int, frames) -> None:
        heard.append((tick, "alone"))

    def lost(reason: str) -> None: ...

    first = TapListener(worker.shelf, 16_000, alone, lost, Together(close, "first"))
    second = TapListener(worker.shelf, 24_000, alone, lost, Together(take, "second"))
    third = TapListener(worker.shelf, 24_000, alone, lost, Together(take, "third"))
    for leg, listener in enumerate((first, second, third)):
        listener.add(Said(leg))
    for tick in range(2):
        for tap in worker.shelf.by_tap:
            worker.write(tap, tick)
        worker.rings.tick[0] = tick
        worker.shelf.tapped(tick)
    assert heard == [(0, "alone"), (1, "third")]
