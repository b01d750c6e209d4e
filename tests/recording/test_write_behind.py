"""Work that waits for a disk: what is done when, what is told, and what happens when the disk fails."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hookflash.recording.write_behind import WriteBehind

PATIENCE = 20.0


class Pool(ThreadPoolExecutor):
    """Threads; counts how often something was handed over to them."""

    def __init__(self, threads: int = 1) -> None:
        super().__init__(threads)
        self.handed_over = 0

    def submit(self, *args, **kwargs):  # type: ignore[no-untyped-def]
        self.handed_over += 1
        return super().submit(*args, **kwargs)


@pytest.fixture
def pool() -> Iterator[Pool]:
    with Pool() as pool:
        yield pool


class Told:
    """What has been told, in order; ``whole`` is set once it is so much."""

    def __init__(self, count: int) -> None:
        self.results: list[tuple[int, bool | Exception]] = []
        self.threads: set[threading.Thread] = set()
        self._count = count
        self._whole = asyncio.Event()

    def __call__(self, number: int, result: bool | Exception) -> None:
        self.results.append((number, result))
        self.threads.add(threading.current_thread())
        if len(self.results) == self._count:
            self._whole.set()

    async def wait(self) -> list[tuple[int, bool | Exception]]:
        async with asyncio.timeout(PATIENCE):
            await self._whole.wait()
        return self.results


async def test_jobs_of_one_round_go_together_in_order(pool: Pool) -> None:
    behind, told, done = WriteBehind(pool), Told(100), []

    def job(number: int) -> bool:
        done.append((number, threading.current_thread()))
        return number % 3 == 0

    for number in range(100):
        behind.do(lambda n=number: job(n), lambda result, n=number: told(n, result))
    assert done == []
    assert await told.wait() == [(n, n % 3 == 0) for n in range(100)]
    assert [number for number, _ in done] == list(range(100))
    assert pool.handed_over == 1
    assert told.threads == {threading.current_thread()}
    assert threading.current_thread() not in {thread for _, thread in done}


async def test_a_job_that_fails_is_told_and_the_others_go_on(pool: Pool) -> None:
    behind, told = WriteBehind(pool), Told(4)
    full = OSError(28, "No space left on device")

    def fail() -> bool:
        raise full

    for number, job in enumerate((lambda: True, fail, fail, lambda: False)):
        behind.do(job, lambda result, n=number: told(n, result))
    assert await told.wait() == [(0, True), (1, full), (2, full), (3, False)]


async def test_what_is_given_while_the_disk_works_waits_for_nobody(pool: Pool) -> None:
    """The loop goes on, and what was given later may be done by another thread meanwhile."""
    with Pool(threads=2) as two:
        behind, first, second = WriteBehind(two), Told(1), Told(1)
        free = threading.Event()
        behind.do(lambda: free.wait(PATIENCE), lambda result: first(0, result))
        await asyncio.sleep(0)
        behind.do(lambda: True, lambda result: second(1, result))
        assert await second.wait() == [(1, True)]
        assert first.results == []
        free.set()
        assert await first.wait() == [(0, True)]
        assert two.handed_over == 2


async def test_a_job_may_be_given_by_one_that_is_told(pool: Pool) -> None:
    """So does a recording that has more to write by then."""
    behind, told = WriteBehind(pool), Told(5)

    def again(number: int, result: bool | Exception) -> None:
        told(number, result)
        if number < 4:
            behind.do(lambda: True, lambda result: again(number + 1, result))

    behind.do(lambda: True, lambda result: again(0, result))
    assert await told.wait() == [(n, True) for n in range(5)]


async def test_threads_that_have_been_stopped_are_told_as_a_failure() -> None:
    pool = Pool()
    behind, told = WriteBehind(pool), Told(3)
    pool.shutdown()
    for number in range(3):
        behind.do(lambda: True, lambda result, n=number: told(n, result))
    for _, result in await told.wait():
        assert isinstance(result, RuntimeError)


async def test_what_was_handed_over_before_the_threads_stop_is_done() -> None:
    pool = Pool()
    behind, told, free = WriteBehind(pool), Told(2), threading.Event()
    behind.do(lambda: free.wait(PATIENCE), lambda result: told(0, result))
    behind.do(lambda: True, lambda result: told(1, result))
    await asyncio.sleep(0)
    pool.shutdown(wait=False)
    free.set()
    assert await told.wait() == [(0, True), (1, True)]


async def test_one_who_is_told_and_breaks_takes_nothing_from_the_others(pool: Pool) -> None:
    behind, told = WriteBehind(pool), Told(2)
    broken: list[BaseException] = []
    asyncio.get_running_loop().set_exception_handler(
        lambda loop, context: broken.append(context["exception"])
    )

    def breaks(result: bool | Exception) -> None:
        raise KeyError("lost")

    behind.do(lambda: True, lambda result: told(0, result))
    behind.do(lambda: True, breaks)
    behind.do(lambda: True, lambda result: told(2, result))
    assert await told.wait() == [(0, True), (2, True)]
    assert [type(one) for one in broken] == [KeyError]


async def test_threads_that_drop_what_waits_tell_nothing_false() -> None:
    """Cancelled work was not done: nobody is told that it was."""
    pool = Pool()
    behind, first, second, free = WriteBehind(pool), Told(1), Told(1), threading.Event()
    behind.do(lambda: free.wait(PATIENCE), lambda result: first(0, result))
    await asyncio.sleep(0)
    behind.do(lambda: True, lambda result: second(1, result))
    await asyncio.sleep(0)
    pool.shutdown(wait=False, cancel_futures=True)
    free.set()
    assert await first.wait() == [(0, True)]
    ((_, result),) = await second.wait()
    assert isinstance(result, Exception)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(st.sampled_from([True, False, None]), max_size=6), max_size=12))
def test_every_job_is_done_once_and_told_once_in_order(rounds: list[list[bool | None]]) -> None:
    """By one thread: rounds of jobs, of which None fails, against the plain loop."""
    expected = [job for jobs in rounds for job in jobs]

    async def scene() -> tuple[list[int], list[tuple[int, bool | Exception]], int]:
        done: list[int] = []

        def job(number: int) -> bool:
            done.append(number)
            result = expected[number]
            if result is None:
                raise OSError(number)
            return result

        with Pool() as pool:
            behind, told, number = WriteBehind(pool), Told(len(expected)), 0
            for jobs in rounds:
                for _ in jobs:
                    behind.do(lambda n=number: job(n), lambda result, n=number: told(n, result))
                    number += 1
                await asyncio.sleep(0)
            results = await told.wait() if expected else []
            return done, results, pool.handed_over

    done, results, handed_over = asyncio.run(scene())
    assert done == [number for number, _ in results] == list(range(len(expected)))
    assert handed_over == sum(bool(jobs) for jobs in rounds)
    for (_, result), wanted in zip(results, expected, strict=True):
        assert isinstance(result, OSError) if wanted is None else result is wanted
