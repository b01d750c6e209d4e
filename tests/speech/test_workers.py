"""The pool of speech workers, with real processes that run a pretended engine."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hookflash.ports.speech import SpeechError
from hookflash.speech.messages import Result, Sound
from hookflash.speech.running import WorkerLost, WorkerTimedOut
from hookflash.speech.workers import EngineUnusable, PoolLimits, WorkerPool, WorkersBusy
from hookflash.testing.clock import VirtualClock

FAKE = (sys.executable, str(Path(__file__).with_name("fake_engine.py")))

Make = Callable[..., WorkerPool]


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
async def make(clock: VirtualClock) -> AsyncIterator[Make]:
    pools: list[WorkerPool] = []

    def one(limits: PoolLimits | None = None, **more: Any) -> WorkerPool:
        pool = WorkerPool("fake", clock, limits, command=FAKE, **more)
        pools.append(pool)
        return pool

    yield one
    for pool in pools:
        await pool.close()


async def everything(pool: WorkerPool, request: dict[str, Any]) -> list[Sound | Result]:
    async with pool.job(request) as job:
        await job.finish()
        return [output async for output in job]


async def until(true: Callable[[], bool]) -> None:
    """Wait for what a process is about to do."""
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110 - what it waits for is another process
            await asyncio.sleep(0.005)


async def test_audio_comes_in_pieces_with_its_notes_in_the_first(make: Make) -> None:
    heard = await everything(make(), {"do": "say", "seconds": 3})
    sounds = [one for one in heard if isinstance(one, Sound)]
    assert b"".join(one.pcm for one in sounds) == b"".join(
        np.full(16_000, second, "<i2").tobytes() for second in range(3)
    )
    assert [one.notes for one in sounds if one.notes] == [("hello",)]
    assert sounds[0].notes == ("hello",)


async def test_audio_goes_both_ways_while_a_job_runs(make: Make) -> None:
    async with make().job({"do": "echo"}) as job:
        came = bytearray()
        for value in (1, 2, 3):
            await job.feed(np.full(50_000, value, np.int16))
            wanted = len(came) + 100_000
            while len(came) < wanted:
                output = await anext(job)
                assert isinstance(output, Sound)
                came += output.pcm
        assert bytes(came) == b"".join(np.full(50_000, 2 * value, "<i2").tobytes() for value in (1, 2, 3))
        await job.finish()
        assert [one.value for one in [one async for one in job] if isinstance(one, Result)] == [
            {"text": "the end", "final": True}
        ]


async def test_a_process_does_one_job_after_the_other(make: Make) -> None:
    pool = make(settings={"model": "of paper"})
    for _ in range(3):
        await everything(pool, {"do": "say", "seconds": 1})
    assert pool.starts == 1
    assert pool.health().details["model"] == "of paper"
    assert pool.health().ready


async def test_no_more_processes_than_allowed_and_each_takes_its_turn(make: Make) -> None:
    pool = make(PoolLimits(size=2))
    outcomes = await asyncio.gather(*(everything(pool, {"do": "say", "seconds": 1}) for _ in range(6)))
    assert all(len(outcome) == 1 for outcome in outcomes)
    assert pool.starts == 2


async def test_too_many_who_wait_are_refused_at_once(make: Make) -> None:
    pool = make(PoolLimits(waiting=1))
    async with pool.job({"do": "for ever"}) as job:
        await anext(job)
        second = asyncio.create_task(everything(pool, {"do": "say", "seconds": 1}))
        await asyncio.sleep(0)
        with pytest.raises(WorkersBusy) as refused:
            await everything(pool, {"do": "say", "seconds": 1})
        assert refused.value.code == 429
    assert len(await second) == 1


async def test_who_has_most_waiting_gives_way_and_owners_take_turns(make: Make) -> None:
    pool = make(PoolLimits(size=1, waiting=3))
    order: list[str] = []

    async def one(name: str) -> str:
        try:
            async with pool.job({"do": "echo"}, name[0]) as job:
                order.append(name)
                await job.finish()
                async for _ in job:
                    pass
        except WorkersBusy as error:
            return f"{error.code} {error}"
        return ""

    async with pool.job({"do": "echo"}) as running:
        greedy = [asyncio.create_task(one(f"a{number}")) for number in range(4)]
        await asyncio.sleep(0)
        refused = await greedy[3]
        assert refused.startswith("429 3 others already wait for fake, 3 of them of the same app")
        other = asyncio.create_task(one("b0"))
        assert "most of them were of the same app" in await greedy[2]
        assert (pool.figures().waiting, pool.figures().refused, pool.figures().running) == (3, 2, 1)
        await running.finish()
        async for _ in running:
            pass
    assert await asyncio.gather(*greedy[:2], other) == ["", "", ""]
    assert order == ["a0", "b0", "a1"]
    assert pool.figures().waiting == 0


async def test_nobody_waits_for_ever(make: Make, clock: VirtualClock) -> None:
    pool = make(PoolLimits(wait=3.0))
    async with pool.job({"do": "for ever"}) as job:
        await anext(job)
        second = asyncio.create_task(everything(pool, {"do": "say", "seconds": 1}))
        await clock.elapse(3.0)
        with pytest.raises(WorkersBusy, match="within 3 s"):
            await second


async def test_leaving_a_job_cancels_it_and_frees_its_process(make: Make) -> None:
    pool = make()
    async with pool.job({"do": "for ever"}) as job:
        await anext(job)
    assert len(await everything(pool, {"do": "say", "seconds": 1})) == 1
    assert pool.starts == 1


async def test_who_reads_nothing_does_not_hold_up_the_next(make: Make) -> None:
    pool = make()
    async with pool.job({"do": "say", "seconds": 1000}) as job:
        await anext(job)
    assert len(await everything(pool, {"do": "say", "seconds": 1})) == 1
    assert pool.starts == 1


async def test_a_job_that_does_not_let_go_is_killed(make: Make, clock: VirtualClock) -> None:
    pool = make(PoolLimits(cancel=5.0))
    async with pool.job({"do": "hang"}) as job:
        await anext(job)
    first = pool.pids[0]
    await clock.elapse(5.0)
    await until(lambda: not pool.pids)
    second = asyncio.create_task(everything(pool, {"do": "say", "seconds": 1}))
    await clock.elapse(1.0)
    assert len(await second) == 1
    assert pool.pids != [first]


async def test_one_that_was_silent_for_long_has_less_time_to_let_go(make: Make, clock: VirtualClock) -> None:
    pool = make(PoolLimits(cancel=5.0))
    async with pool.job({"do": "hang"}) as job:
        await anext(job)
        clock.advance(8.0)
    await clock.elapse(1.0)
    await until(lambda: not pool.pids)


async def test_a_job_that_goes_on_too_long_fails_and_its_process_is_replaced(
    make: Make, clock: VirtualClock
) -> None:
    pool = make()
    async with pool.job({"do": "hang"}) as job:
        await anext(job)
        job.allow(2.5)
        await clock.elapse(2.5)
        with pytest.raises(WorkerTimedOut, match=r"within 2\.5 s") as late:
            await anext(job)
        assert (late.value.code, late.value.sub_code) == (408, 8565)
    await until(lambda: not pool.pids)
    again = asyncio.create_task(everything(pool, {"do": "say", "seconds": 1}))
    await clock.elapse(1.0)
    assert len(await again) == 1


async def test_what_comes_in_time_lifts_the_limit(make: Make, clock: VirtualClock) -> None:
    async with make().job({"do": "echo"}) as job:
        job.allow(1.0)
        await job.feed(np.ones(10, np.int16))
        await anext(job)
        await clock.elapse(10.0)
        await job.feed(np.ones(10, np.int16))
        await anext(job)


async def test_a_crash_fails_the_job_and_a_new_process_does_the_next(
    make: Make, clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    pool = make(PoolLimits(backoff=0.5))
    with pytest.raises(WorkerLost, match="SIGSEGV") as lost:
        await everything(pool, {"do": "crash"})
    assert lost.value.sub_code == 8565
    assert "SIGSEGV" in caplog.text
    again = asyncio.create_task(everything(pool, {"do": "say", "seconds": 1}))
    await clock.elapse(0.4)
    assert pool.starts == 1, "not before the pause is over"
    await clock.elapse(0.2)
    assert len(await again) == 1
    assert pool.starts == 2


async def test_a_worker_kept_ready_is_replaced_when_it_dies_idle(make: Make, clock: VirtualClock) -> None:
    pool = make(PoolLimits(ready=1))
    pool.start()
    await until(lambda: pool.health().details.get("model") is not None)
    os.kill(pool.pids[0], signal.SIGKILL)
    await until(lambda: not pool.pids)
    await clock.elapse(0.3)
    await until(lambda: bool(pool.pids))
    assert len(await everything(pool, {"do": "say", "seconds": 1})) == 1


async def test_the_pause_grows_while_engines_die_and_shrinks_with_a_job(
    make: Make, clock: VirtualClock
) -> None:
    pool = make(PoolLimits(backoff=1.0, backoff_max=4.0))
    with pytest.raises(WorkerLost):
        await everything(pool, {"do": "crash"})
    for pause in (1.0, 2.0, 4.0, 4.0):
        starts = pool.starts
        job = asyncio.create_task(everything(pool, {"do": "crash"}))
        await clock.elapse(pause - 0.01)
        assert pool.starts == starts
        await clock.elapse(0.01)
        assert pool.starts == starts + 1
        with pytest.raises(WorkerLost):
            await job
    job = asyncio.create_task(everything(pool, {"do": "say", "seconds": 1}))
    await clock.elapse(4.0)
    await job
    with pytest.raises(WorkerLost):
        await everything(pool, {"do": "crash"})
    starts = pool.starts
    job = asyncio.create_task(everything(pool, {"do": "say", "seconds": 1}))
    await clock.elapse(1.0)
    assert pool.starts == starts + 1
    await job


async def test_an_engine_that_can_not_be_loaded_is_told_at_once_until_the_pause_is_over(
    make: Make, clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    pool = make(PoolLimits(backoff=2.0), settings={"load": "fails"})
    with pytest.raises(EngineUnusable, match="could not be started"):
        await everything(pool, {"do": "say", "seconds": 1})
    assert "the model is not there" in caplog.text
    with pytest.raises(EngineUnusable):
        await everything(pool, {"do": "say", "seconds": 1})
    assert pool.starts == 1
    assert not pool.health().ready
    await clock.elapse(2.0)
    with pytest.raises(EngineUnusable):
        await everything(pool, {"do": "say", "seconds": 1})
    assert pool.starts == 2


async def test_an_engine_that_never_loads_is_given_up(make: Make, clock: VirtualClock) -> None:
    pool = make(PoolLimits(load=30.0, wait=60.0), settings={"load": "hangs"})
    job = asyncio.create_task(everything(pool, {"do": "say", "seconds": 1}))
    await until(lambda: bool(pool.pids))
    await clock.elapse(30.0)
    with pytest.raises(EngineUnusable, match="did not load within 30 s"):
        await job


async def test_a_program_that_is_not_there_is_told(clock: VirtualClock) -> None:
    pool = WorkerPool("fake", clock, command=("/nowhere/python",))
    with pytest.raises(EngineUnusable, match="No such file"):
        await everything(pool, {"do": "say", "seconds": 1})
    await pool.close()


async def test_a_program_that_speaks_something_else_is_ended(clock: VirtualClock) -> None:
    pool = WorkerPool("fake", clock, command=(sys.executable, "-c", "print('hello ' * 10); input()"))
    with pytest.raises(EngineUnusable, match="announced"):
        await everything(pool, {"do": "say", "seconds": 1})
    await pool.close()


async def test_nobody_waits_for_a_process_that_is_not_listened_to_any_more(
    make: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(body: bytes) -> None:
        raise LookupError("a mistake of ours")

    monkeypatch.setattr("hookflash.speech.process.from_worker", broken)
    with pytest.raises(EngineUnusable, match="LookupError: a mistake of ours"):
        await everything(make(), {"do": "say", "seconds": 1})
    assert "Traceback" in caplog.text


async def test_a_process_that_cannot_be_watched_is_ended(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(pid: int) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr("os.pidfd_open", none_left)
    with pytest.raises(EngineUnusable, match="Too many open files"):
        await everything(make(), {"do": "say", "seconds": 1})


async def test_a_mistake_of_the_engine_fails_the_job_and_not_the_process(make: Make) -> None:
    pool = make()
    with pytest.raises(SpeechError, match="RuntimeError: something in it is wrong"):
        await everything(pool, {"do": "break"})
    with pytest.raises(SpeechError, match="no such voice") as refused:
        await everything(pool, {"do": "refuse"})
    assert (refused.value.code, refused.value.final) == (403, True)
    with pytest.raises(SpeechError, match=r"RuntimeError: half a pair: \?"):
        await everything(pool, {"do": "mumble"})
    assert len(await everything(pool, {"do": "say", "seconds": 1})) == 1
    assert pool.starts == 1


async def test_what_a_library_prints_goes_to_the_log(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    pool = make()
    (result,) = await everything(pool, {"do": "noise"})
    assert isinstance(result, Result)
    assert result.value == "still here"
    await until(lambda: "this is for a terminal" in caplog.text)


async def test_the_log_is_not_flooded(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    pool = make()
    await everything(pool, {"do": "flood"})
    await pool.close()
    lines = [record.getMessage() for record in caplog.records if " line " in f" {record.getMessage()}"]
    assert 0 < len(lines) <= 201
    assert max(map(len, lines)) < 600


async def test_a_worker_knows_no_secrets(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_SPEECH_KEY", "geheim")
    monkeypatch.setenv("HOOKFLASH_RESOURCE__0__ACCESS_KEYS", "geheim")
    (result,) = await everything(make(), {"do": "environment"})
    assert isinstance(result, Result)
    assert "geheim" not in str(result.value)


async def test_a_worker_gives_way_and_keeps_to_its_cpus(make: Make) -> None:
    cpu = min(os.sched_getaffinity(0))
    (result,) = await everything(make(nice=3, cpus=(cpu,)), {"do": "nice"})
    assert isinstance(result, Result)
    assert result.value == [min(os.nice(0) + 3, 19), [cpu]]


async def test_closing_ends_processes_and_jobs(make: Make) -> None:
    pool = make()
    async with pool.job({"do": "for ever"}) as job:
        await anext(job)
        pids = pool.pids
        waiting = asyncio.create_task(everything(pool, {"do": "say", "seconds": 1}))
        await asyncio.sleep(0)
        await pool.close()
        with pytest.raises(SpeechError):
            await anext(job)
    with pytest.raises(SpeechError):
        await waiting
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    with pytest.raises(EngineUnusable):
        await everything(pool, {"do": "say", "seconds": 1})


async def test_workers_die_with_their_server(tmp_path: Path) -> None:
    server = tmp_path / "server.py"
    server.write_text(
        "import asyncio, sys\n"
        "from hookflash.clock import LoopClock\n"
        "from hookflash.speech.workers import WorkerPool\n"
        "async def main():\n"
        f"    pool = WorkerPool('fake', LoopClock(), command={FAKE!r})\n"
        "    async with pool.job({'do': 'hang'}) as job:\n"
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
    process.kill()
    await process.wait()
    await until(lambda: gone(pid))


def gone(pid: int) -> bool:
    """Whether a process has ended, reaped by whoever inherits it or not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


async def test_a_request_that_is_too_large_is_refused_and_costs_no_worker(make: Make) -> None:
    pool = make()
    await everything(pool, {"do": "say", "seconds": 1})
    (pid,) = pool.pids
    for _ in range(3):
        with pytest.raises(SpeechError, match="more was asked") as refused:
            await everything(pool, {"do": "say", "seconds": 1, "phrases": ["x" * 1000] * 2000})
        assert refused.value.final
    assert len(await everything(pool, {"do": "say", "seconds": 1})) == 1
    assert pool.pids == [pid]
    assert pool.health().details["busy"] == "0"


async def test_a_request_that_cannot_be_written_is_refused_and_costs_no_worker(make: Make) -> None:
    pool = make()
    await everything(pool, {"do": "say", "seconds": 1})
    with pytest.raises(SpeechError, match="cannot be written") as refused:
        await everything(pool, {"do": "say", "text": "half a pair: \ud800"})
    assert refused.value.final
    assert len(await everything(pool, {"do": "say", "seconds": 1})) == 1
    assert pool.starts == 1


async def test_a_worker_that_goes_at_the_moment_it_is_given_is_lost_in_good_order(make: Make) -> None:
    pool = make()
    await everything(pool, {"do": "say", "seconds": 1})
    (worker,) = pool._given
    worker.ready = False  # as it is between its end and the news of it
    with pytest.raises(WorkerLost):
        await everything(pool, {"do": "say", "seconds": 1})
    worker.ready = True
