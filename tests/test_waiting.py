from __future__ import annotations

import asyncio

import pytest

from hookflash.testing.clock import VirtualClock
from hookflash.waiting import Deadline, pause


async def test_a_pause_lasts_as_long_as_the_clock_says() -> None:
    clock = VirtualClock()
    task = asyncio.create_task(pause(clock, 3.0))
    await clock.elapse(2.9)
    assert not task.done()
    await clock.elapse(0.1)
    assert task.done()


async def test_a_cancelled_pause_leaves_no_timer() -> None:
    clock = VirtualClock()
    task = asyncio.create_task(pause(clock, 3.0))
    await clock.settle()
    task.cancel()
    await asyncio.wait((task,))
    assert clock.pending == []


async def test_a_deadline_ends_its_body() -> None:
    clock = VirtualClock()

    async def work() -> None:
        async with Deadline(clock, 2.0):
            await pause(clock, 5.0)

    task = asyncio.create_task(work())
    await clock.elapse(2.0)
    with pytest.raises(TimeoutError, match="no end within 2 s"):
        await task
    assert clock.pending == []


async def test_a_body_that_ends_in_time_is_left_alone() -> None:
    clock = VirtualClock()
    async with Deadline(clock, 2.0):
        await asyncio.sleep(0)
    await clock.elapse(5.0)
    with pytest.raises(KeyError):
        async with Deadline(clock, 2.0):
            raise KeyError("mine")


async def test_a_real_cancellation_is_not_taken_for_the_deadline() -> None:
    clock = VirtualClock()

    async def work() -> None:
        async with Deadline(clock, 2.0):
            await pause(clock, 5.0)

    task = asyncio.create_task(work())
    await clock.settle()
    clock.advance(2.0)
    task.cancel()
    await asyncio.wait((task,))
    assert task.cancelled()
