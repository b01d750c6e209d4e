"""When ticks were: 20 ms apart by the first, the same for all who share it; anew if the clock has gone."""

from __future__ import annotations

import pytest

from hookflash.streaming.timeline import DRIFT, KEPT, NEAR, Timeline
from hookflash.testing.clock import VirtualClock

TICK = 0.02


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


def test_a_tick_is_told_of_when_it_is_over(clock: VirtualClock) -> None:
    assert Timeline(clock).anchor(7).time(7) == clock.wall() - TICK


def test_times_are_20_ms_apart_whenever_ticks_are_told_of(clock: VirtualClock) -> None:
    anchor = Timeline(clock).anchor(7)
    first = anchor.time(7)
    assert first is not None
    for tick in (8, 9, 10, 15):
        clock.advance(0.03)
        assert anchor.time(tick) == pytest.approx(first + (tick - 7) * TICK)


def test_streams_of_one_worker_share_an_anchor(clock: VirtualClock) -> None:
    timeline = Timeline(clock)
    anchor = timeline.anchor(7)
    clock.advance(50 * TICK + 0.9 * NEAR)
    assert timeline.anchor(57) is anchor
    clock.advance(0.2 * NEAR)
    assert timeline.anchor(57) is not anchor


def test_workers_do_not(clock: VirtualClock) -> None:
    """Each counts its own ticks."""
    timeline = Timeline(clock)
    one, other = timeline.anchor(7), timeline.anchor(1_000)
    assert one.time(7) == other.time(1_000)
    clock.advance(TICK)
    assert one.time(8) == other.time(1_001) == pytest.approx(clock.wall() - TICK)
    assert timeline.anchor(8) is one
    assert timeline.anchor(1_001) is other


def test_an_anchor_is_of_no_use_any_more_when_the_clock_has_gone(clock: VirtualClock) -> None:
    timeline = Timeline(clock)
    anchor = timeline.anchor(7)
    clock.advance(0.9 * DRIFT)
    assert anchor.time(8) is not None
    clock.advance(0.2 * DRIFT)
    assert anchor.time(9) is None
    assert timeline.anchor(9).time(9) == clock.wall() - TICK


def test_few_anchors_are_kept(clock: VirtualClock) -> None:
    timeline = Timeline(clock)
    first = timeline.anchor(0)
    for n in range(1, KEPT):
        timeline.anchor(1_000 * n)
    assert timeline.anchor(0) is first
    timeline.anchor(1_000 * KEPT)
    assert timeline.anchor(0) is not first
