"""Answers kept for repeated requests."""

from __future__ import annotations

import asyncio

import pytest

from hookflash.api.exchange import Answer
from hookflash.api.repeatability import Key, Repeatability


def key(number: int) -> Key:
    return f"resource POST /path {number}"


class Counter:
    def __init__(self) -> None:
        self.runs = 0

    async def __call__(self) -> Answer:
        self.runs += 1
        return Answer(201, b"%d" % self.runs)


async def test_the_least_recently_used_answer_goes_first():
    kept = Repeatability(2, 60.0, lambda: 0.0)
    run = Counter()
    for number in (1, 2, 1, 3):
        await kept.once(key(number), run)
    assert len(kept) == 2
    assert run.runs == 3
    assert (await kept.once(key(1), run)).body == b"1"
    assert (await kept.once(key(2), run)).body == b"4"


async def test_an_answer_that_is_too_old_is_not_given():
    now = 0.0
    kept = Repeatability(10, 60.0, lambda: now)
    run = Counter()
    await kept.once(key(1), run)
    now = 60.0
    assert (await kept.once(key(1), run)).body == b"1"
    now = 60.1
    assert (await kept.once(key(1), run)).body == b"2"


async def test_when_the_first_fails_the_next_in_line_runs():
    kept = Repeatability(10, 60.0, lambda: 0.0)
    gate = asyncio.Event()
    runs = 0

    async def run() -> Answer:
        nonlocal runs
        runs += 1
        mine = runs
        await gate.wait()
        if mine == 1:
            raise RuntimeError("the first fails")
        return Answer(200, b"second")

    tasks = [asyncio.create_task(kept.once(key(1), run)) for _ in range(3)]
    await asyncio.sleep(0)
    gate.set()
    first, second, third = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(first, RuntimeError)
    assert second == third == Answer(200, b"second")
    assert runs == 2


async def test_when_the_first_is_cancelled_the_next_in_line_runs():
    kept = Repeatability(10, 60.0, lambda: 0.0)

    async def hang() -> Answer:
        await asyncio.Event().wait()
        return Answer(500)

    first = asyncio.create_task(kept.once(key(1), hang))
    await asyncio.sleep(0)
    run = Counter()
    second = asyncio.create_task(kept.once(key(1), run))
    third = asyncio.create_task(kept.once(key(1), run))
    await asyncio.sleep(0)
    third.cancel()
    first.cancel()
    assert (await second).body == b"1"
    with pytest.raises(asyncio.CancelledError):
        await first


@pytest.mark.parametrize("status", [408, 429, 500, 503])
async def test_answers_that_ask_for_a_retry_are_not_kept(status):
    kept = Repeatability(10, 60.0, lambda: 0.0)

    async def run() -> Answer:
        return Answer(status)

    await kept.once(key(1), run)
    assert len(kept) == 0
