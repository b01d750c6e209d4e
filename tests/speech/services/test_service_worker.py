"""A process that asks a service, with an adapter that only pretends: many jobs, each beside the others."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from hookflash.ports.speech import SpeechError
from hookflash.speech.messages import WINDOW, Result, Sound
from hookflash.speech.remote.service import ServiceSettings
from hookflash.speech.running import RunningJob, WorkerLost
from hookflash.speech.workers import EngineUnusable, PoolLimits, WorkerPool, WorkersBusy
from hookflash.testing.clock import VirtualClock

FAKE = (sys.executable, str(Path(__file__).with_name("fake_adapter.py")))
KEY = "sk-secret-0123456789"

Make = Callable[..., WorkerPool]


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
async def make(clock: VirtualClock) -> AsyncIterator[Make]:
    pools: list[WorkerPool] = []

    def one(kind: str = "fake", **limits: Any) -> WorkerPool:
        limits = {"jobs": 40, "waiting": 40, **limits}
        settings = msgspec.to_builtins(ServiceSettings(kind, "mine", KEY, ("speak",)))
        pool = WorkerPool("mine", clock, PoolLimits(**limits), settings=settings, command=FAKE)
        pools.append(pool)
        return pool

    yield one
    for pool in pools:
        await pool.close()


async def everything(pool: WorkerPool, do: str, **more: Any) -> list[Sound | Result]:
    async with pool.job({"do": do, **more}) as job:
        await job.finish()
        return [output async for output in job]


async def alive(pool: WorkerPool) -> bool:
    """Whether it does jobs."""
    async with asyncio.timeout(20):
        return len(await everything(pool, "say", seconds=1)) == 1


async def until(true: Callable[[], bool]) -> None:
    """Wait for what a process is about to do."""
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110 - what it waits for is another process
            await asyncio.sleep(0.005)


async def fed(job: RunningJob) -> int:
    """How many frames it is given before it takes no more for half a second."""
    count = 0
    with contextlib.suppress(TimeoutError):
        while True:
            async with asyncio.timeout(0.5):
                await job.feed(np.ones(320, np.int16))
            count += 1
    return count


async def test_many_jobs_at_once_in_one_process(make: Make) -> None:
    pool = make()

    async def one(number: int) -> bytes:
        async with pool.job({"do": "echo"}) as job:
            talking = asyncio.create_task(talk(job, number))
            came = b"".join([output.pcm async for output in job if isinstance(output, Sound)])
            await talking
            return came

    async def talk(job: RunningJob, number: int) -> None:
        for _ in range(100):
            await job.feed(np.full(320, number, np.int16))
        await job.finish()

    came = await asyncio.gather(*(one(number) for number in range(32)))
    assert came == [np.full(32_000, 2 * number, "<i2").tobytes() for number in range(32)]
    assert (pool.starts, pool.figures().running, pool.figures().processes) == (1, 0, 1)


async def test_who_takes_nothing_holds_up_nobody_and_gets_all_of_it_in_the_end(make: Make) -> None:
    pool = make()
    async with pool.job({"do": "say", "seconds": 5 * WINDOW}) as slow:
        first = await anext(slow)
        for _ in range(3):
            assert await alive(pool)
        assert len(slow._outputs) < WINDOW
        rest = [output async for output in slow]
        sounds = [one for one in (first, *rest) if isinstance(one, Sound)]
        seconds = [int(np.frombuffer(one.pcm, "<i2")[0]) for one in sounds]
        assert seconds == list(range(5 * WINDOW))
        assert [one.notes for one in sounds if one.notes] == [("hello",)]


async def test_who_is_not_listened_to_has_to_wait_and_holds_up_nobody(make: Make) -> None:
    pool = make()
    async with pool.job({"do": "deaf"}) as deaf:
        await anext(deaf)
        assert await fed(deaf) == WINDOW
        async with pool.job({"do": "count"}) as job:
            for _ in range(10 * WINDOW):
                await job.feed(np.ones(320, np.int16))
            await job.finish()
            assert [one.value async for one in job if isinstance(one, Result)] == [320 * 10 * WINDOW]


async def test_one_that_is_cancelled_leaves_the_others_alone(make: Make) -> None:
    pool = make()
    async with AsyncExitStack() as others:
        jobs = [await others.enter_async_context(pool.job({"do": "echo"})) for _ in range(5)]
        async with pool.job({"do": "wait"}) as job:
            await anext(job)
            assert pool.figures().running == 6
        await until(lambda: pool.figures().running == 5)
        for job in jobs:
            await job.feed(np.ones(10, np.int16))
            assert isinstance(await anext(job), Sound)
    await until(lambda: pool.figures().running == 0)
    assert (pool.starts, pool.lost) == (1, 0)


async def test_one_that_is_cancelled_at_once_never_begins(make: Make) -> None:
    pool = make()
    for _ in range(20):
        async with pool.job({"do": "wait"}):
            pass
    await until(lambda: pool.figures().running == 0)
    assert await alive(pool)


async def test_one_that_goes_on_when_it_is_cancelled_is_given_up(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    pool = make()
    async with pool.job({"do": "hold"}) as job:
        await anext(job)
    await until(lambda: pool.figures().running == 0)
    await until(lambda: "was cancelled and goes on" in caplog.text)
    assert await alive(pool)
    assert pool.lost == 0


async def test_a_process_that_is_stuck_is_killed_and_all_of_its_jobs_fail(
    make: Make, clock: VirtualClock
) -> None:
    pool = make(alive=4.0)
    async with AsyncExitStack() as others:
        jobs = [await others.enter_async_context(pool.job({"do": "echo"})) for _ in range(3)]
        await others.enter_async_context(pool.job({"do": "stop"}))
        stat = Path(f"/proc/{pool.pids[0]}/stat")
        await until(lambda: stat.read_text().rpartition(")")[2].split()[0] == "T")
        await asyncio.sleep(0.05)  # what it said before is read
        for _ in range(3):
            await clock.elapse(2.0)
        for job in jobs:
            with pytest.raises(WorkerLost, match="said nothing for more than 4 s") as lost:
                await anext(job)
            assert lost.value.outage
    again = asyncio.create_task(alive(pool))
    await clock.elapse(1.0)
    assert await again
    assert (pool.starts, pool.lost) == (2, 1)


async def test_many_who_wait_for_a_process_that_is_stuck_are_let_go_with_it(
    make: Make, clock: VirtualClock
) -> None:
    pool = make(alive=4.0)
    assert await alive(pool)
    (pid,) = pool.pids
    os.kill(pid, signal.SIGSTOP)

    async def one() -> None:
        async with pool.job({"do": "count"}) as job:
            for _ in range(WINDOW):
                await job.feed(np.ones(32_000, np.int16))  # far more than a pipe takes
            await job.finish()
            async for _ in job:
                pass

    many = [asyncio.create_task(one()) for _ in range(20)]
    await until(lambda: pool.figures().running == 20)
    for _ in range(3):
        await clock.elapse(2.0)
    async with asyncio.timeout(20):
        outcomes = await asyncio.gather(*many, return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {WorkerLost}


async def test_a_process_that_has_nothing_to_say_is_alive(make: Make, clock: VirtualClock) -> None:
    pool = make(alive=4.0)
    async with pool.job({"do": "wait"}) as job:
        await anext(job)
        (worker,) = pool._workers
        assert worker._watch is not None
        for _ in range(3):
            worker._watch._heard = False
            await until(lambda: worker._watch is not None and worker._watch._heard)  # an Alive
            await clock.elapse(2.0)
    await until(lambda: pool.figures().running == 0)
    await clock.elapse(10.0)
    assert (pool.starts, pool.lost) == (1, 0)
    assert await alive(pool)


async def test_a_crash_fails_all_jobs_and_a_new_process_does_the_next(
    make: Make, clock: VirtualClock
) -> None:
    pool = make()
    async with pool.job({"do": "wait"}) as job:
        await anext(job)
        with pytest.raises(WorkerLost, match="SIGSEGV"):
            await everything(pool, "crash")
        with pytest.raises(WorkerLost, match="SIGSEGV"):
            await anext(job)
    again = asyncio.create_task(alive(pool))
    await clock.elapse(1.0)
    assert await again


async def test_no_more_jobs_than_allowed_and_the_next_take_their_turns(make: Make) -> None:
    pool = make(jobs=2, waiting=1)
    async with pool.job({"do": "wait"}) as first:
        await anext(first)
        async with pool.job({"do": "wait"}) as second:
            await anext(second)
            third = asyncio.create_task(everything(pool, "say", seconds=1))
            await asyncio.sleep(0)
            with pytest.raises(WorkersBusy):
                await everything(pool, "say", seconds=1)
            figures = pool.figures()
            assert (figures.running, figures.waiting, figures.refused) == (2, 1, 1)
        assert len(await third) == 1
    assert pool.starts == 1


async def test_a_mistake_of_the_adapter_fails_its_job_and_tells_no_key(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    pool = make()
    with pytest.raises(SpeechError, match=r"RuntimeError: what has \*\*\* to do with it"):
        await everything(pool, "break")
    with pytest.raises(SpeechError) as refused:
        await everything(pool, "refuse")
    error = refused.value
    assert (error.code, error.final, error.outage) == (403, True, True)
    assert "sk-" not in str(error)
    await everything(pool, "log")
    assert pool.starts == 1
    await until(lambda: "Traceback" in caplog.text and "Authorization" in caplog.text)
    assert "Token ***" in caplog.text
    assert KEY not in caplog.text


async def test_a_service_that_cannot_be_asked_is_told_without_its_key(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(EngineUnusable, match="a process of mine could not be started"):
        await everything(make("fails"), "say", seconds=1)
    assert r"the key *** fits nowhere" in caplog.text
    assert KEY not in caplog.text


async def test_the_key_is_nowhere_but_in_the_pipe(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_SPEECH_KEY", KEY)
    monkeypatch.setenv("SSL_CERT_DIR", "/somewhere")
    pool = make()
    (result,) = await everything(pool, "environment")
    assert isinstance(result, Result)
    assert KEY not in str(result.value)
    assert result.value["SSL_CERT_DIR"] == "/somewhere"
    process = Path("/proc", str(pool.pids[0]))
    for name in ("environ", "cmdline"):
        assert KEY.encode() not in (process / name).read_bytes()
    assert KEY not in f"{pool!r} {pool._workers!r} {pool.health()!r} {pool.figures()!r}"


async def test_it_ends_with_its_input(make: Make) -> None:
    pool = make()
    async with pool.job({"do": "wait"}) as job:
        await anext(job)
        (pid,) = pool.pids
        await pool.close()
        with pytest.raises(WorkerLost):
            await anext(job)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_it_does_not_outlive_a_server_that_is_killed(tmp_path: Path) -> None:
    server = tmp_path / "server.py"
    server.write_text(
        f"RUN = {FAKE!r}\n"
        "import asyncio\n"
        "from hookflash.clock import LoopClock\n"
        "from hookflash.speech.workers import PoolLimits, WorkerPool\n"
        "async def main():\n"
        "    settings = {'kind': 'fake', 'name': 'mine', 'key': '', 'does': ['speak']}\n"
        "    pool = WorkerPool('mine', LoopClock(), PoolLimits(jobs=9), settings=settings, command=RUN)\n"
        "    async with pool.job({'do': 'wait'}) as job:\n"
        "        await anext(job)\n"
        "        print(pool.pids[0], flush=True)\n"
        "        await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(server), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    pid = int(await process.stdout.readline())
    os.kill(pid, signal.SIGCONT)
    process.kill()
    await process.wait()

    def gone() -> bool:
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
        except FileNotFoundError:
            return True

    await until(gone)


async def test_a_process_that_breaks_the_rules_is_ended(make: Make, clock: VirtualClock) -> None:
    pool = make()
    async with pool.job({"do": "wait"}) as job:
        await anext(job)
        (worker,) = pool._workers
        worker._send(b"\xff\xff\xff\xff")  # longer than any message
        with pytest.raises(WorkerLost, match="status 2"):
            await anext(job)
