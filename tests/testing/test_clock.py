from __future__ import annotations

import asyncio
import time

import pytest

from hookflash.clock import LoopClock
from hookflash.ports.clock import Clock
from hookflash.testing.clock import START_WALL, VirtualClock


def test_time_stands_still_until_advanced() -> None:
    clock: Clock = VirtualClock(start=5.0, wall=1000.0)
    assert clock.now() == 5.0
    assert clock.wall() == 1000.0
    assert VirtualClock().wall() == START_WALL


def test_advance_fires_in_order_of_time_then_of_setting() -> None:
    clock = VirtualClock()
    seen: list[tuple[str, float]] = []
    clock.call_at(2.0, lambda: seen.append(("late", clock.now())))
    clock.call_at(1.0, lambda: seen.append(("first", clock.now())))
    clock.call_at(1.0, lambda: seen.append(("second", clock.now())))
    clock.call_at(9.0, lambda: seen.append(("never", clock.now())))
    clock.advance(3.0)
    assert seen == [("first", 1.0), ("second", 1.0), ("late", 2.0)]
    assert clock.now() == 3.0
    assert clock.pending == [9.0]


def test_a_timer_set_by_a_timer_fires_within_the_same_advance() -> None:
    clock = VirtualClock()
    seen: list[float] = []

    def tick() -> None:
        seen.append(clock.now())
        clock.call_at(clock.now() + 1.0, tick)

    clock.call_at(1.0, tick)
    clock.advance(3.5)
    assert seen == [1.0, 2.0, 3.0]
    assert clock.next_at == 4.0


def test_cancel_is_idempotent_and_safe_after_firing() -> None:
    clock = VirtualClock()
    seen: list[str] = []
    gone = clock.call_at(1.0, lambda: seen.append("gone"))
    kept = clock.call_at(1.0, lambda: seen.append("kept"))
    gone.cancel()
    gone.cancel()
    clock.advance(1.0)
    kept.cancel()
    assert seen == ["kept"]
    assert clock.next_at is None


def test_a_past_timer_fires_at_the_next_advance_without_moving_time_back() -> None:
    clock = VirtualClock(start=10.0)
    seen: list[float] = []
    clock.call_at(3.0, lambda: seen.append(clock.now()))
    clock.advance(0)
    assert seen == [10.0]


def test_time_does_not_run_backwards() -> None:
    clock = VirtualClock()
    with pytest.raises(ValueError, match="forward"):
        clock.advance(-1)
    clock.advance(2)
    clock.advance_to(1)
    assert clock.now() == 2


async def test_elapse_lets_woken_tasks_set_new_timers() -> None:
    clock = VirtualClock()
    seen: list[float] = []

    async def sleeper() -> None:
        for _ in range(3):
            wake = asyncio.Event()
            clock.call_at(clock.now() + 1.0, wake.set)
            await wake.wait()
            seen.append(clock.now())

    task = asyncio.create_task(sleeper())
    await clock.elapse(2.5)
    assert seen == [1.0, 2.0]
    await clock.elapse(0.5)
    assert seen == [1.0, 2.0, 3.0]
    await task


async def test_the_loop_clock_follows_the_loop() -> None:
    clock: Clock = LoopClock()
    fired = asyncio.Event()
    before = clock.now()
    clock.call_at(before - 1.0, fired.set)
    await fired.wait()
    assert clock.now() >= before
    assert abs(clock.wall() - time.time()) < 60
    cancelled = clock.call_at(before, lambda: pytest.fail("cancelled timers do not fire"))
    cancelled.cancel()
    cancelled.cancel()
    await VirtualClock.settle()
