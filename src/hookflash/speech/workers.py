"""A pool of worker processes that run one engine, or ask one service: bounded in number, restarted when they
die."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

from hookflash.ports.clock import Clock, Timer
from hookflash.ports.speech import ProviderHealth, SpeechError
from hookflash.speech.process import WORKER_COMMAND, WorkerProcess
from hookflash.speech.running import RunningJob
from hookflash.speech.shares import TurnQueue

NICE = 5
"""Added to the nice value of a worker: calls go first."""

LEAST_GRACE = 1.0
"""Seconds that every worker has to let go of a job that was cancelled."""

_log = logging.getLogger(__name__)


class WorkersBusy(SpeechError):
    """Too many want the same engine."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code=429)


class EngineUnusable(SpeechError):
    """No worker could be started."""

    def __init__(self, message: str) -> None:
        super().__init__(message, outage=True)


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """What a pool may take.

    Attributes:
        size: processes at most.
        jobs: that each of them does at a time.
        ready: processes that are kept running even when nobody needs them; others start on demand and stay.
        waiting: jobs that may wait for a process; more are refused, of whoever has most waiting.
        wait: seconds each of them waits, loading included.
        load: seconds an engine has to load.
        cancel: seconds a worker that does one job has from its last sign of life to let go of it when it was
            cancelled, before it is killed.
        alive: seconds a worker that does several may say nothing at all while it has any, before it is
            killed; a single one of them that was cancelled is its own affair.
        backoff, backoff_max: seconds before a worker that died is replaced; doubled with each one that died
            before it had done a job.
    """

    size: int = 1
    jobs: int = 1
    ready: int = 0
    waiting: int = 64
    wait: float = 15.0
    load: float = 60.0
    cancel: float = 5.0
    alive: float = 5.0
    backoff: float = 0.25
    backoff_max: float = 30.0


class PoolFigures(NamedTuple):
    """How a pool does: its processes, jobs they do, and jobs that wait; then, since the start, processes
    started and lost, and jobs refused because too many waited or none was free in time."""

    engine: str
    processes: int
    running: int
    waiting: int
    starts: int
    lost: int
    refused: int


class WorkerPool:
    """The workers of one engine or service.

    Args:
        engine: a name of :data:`hookflash.speech.engines.ENGINES`, or what figures and logs call what
            ``command`` runs.
        clock: for every time-out and delay.
        settings: for the engine's ``load``, plain data.
        cpus: CPUs the workers keep to; all when empty.
        nice: added to their nice value.
        command: what to run, when it is no engine; options are appended.
    """

    def __init__(
        self,
        engine: str,
        clock: Clock,
        limits: PoolLimits | None = None,
        *,
        settings: Mapping[str, Any] | None = None,
        cpus: Sequence[int] = (),
        nice: int = NICE,
        command: Sequence[str] = (),
    ) -> None:
        self.engine = engine
        self.starts = 0
        self.lost = 0
        self.refused = 0
        self._clock = clock
        self._limits = limits or PoolLimits()
        self._settings = dict(settings or {})
        self._arguments = (f"--nice={nice}", f"--cpus={','.join(map(str, cpus))}")
        self._command = tuple(command) or (*WORKER_COMMAND, engine)
        self._workers: list[WorkerProcess] = []
        self._given: dict[WorkerProcess, int] = {}
        """Those that are loaded, and how many places in each are taken, by a job or for one to come."""
        self._waiting = TurnQueue[asyncio.Future[WorkerProcess]](self._limits.waiting)
        self._timers: dict[WorkerProcess, Timer] = {}
        self._delay = self._limits.backoff
        self._resume_at = 0.0
        self._resume: Timer | None = None
        self._problem = ""
        self._details: dict[str, str] = {}
        self._closed = False

    # --- life ---------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start as many workers as are kept ready."""
        self._grow()

    async def close(self) -> None:
        """End every worker; jobs fail."""
        self._closed = True
        if self._resume is not None:
            self._resume.cancel()
        for timer in self._timers.values():
            timer.cancel()
        while self._waiting:
            self._refuse(self._waiting.pop(), SpeechError("the server stops"))
        workers, self._workers = self._workers, []
        self._given.clear()
        await asyncio.gather(*(worker.stop() for worker in workers))

    def health(self) -> ProviderHealth:
        """How it does; ready when a worker is, or could be started."""
        figures = self.figures()
        details = {
            **self._details,
            "processes": str(figures.processes),
            "busy": str(figures.running),
            "waiting": str(figures.waiting),
            "starts": str(figures.starts),
        }
        return ProviderHealth(self.engine, not self._problem and not self._closed, self._problem, details)

    def figures(self) -> PoolFigures:
        """How much it does, for monitoring."""
        running = sum(len(worker.jobs) for worker in self._workers)
        return PoolFigures(
            self.engine,
            len(self._workers),
            running,
            len(self._waiting),
            self.starts,
            self.lost,
            self.refused,
        )

    @property
    def pids(self) -> list[int]:
        """The processes there are."""
        return [worker.pid for worker in self._workers if worker.pid is not None]

    @property
    def spare(self) -> bool:
        """Whether a worker is ready for a job, and would leave another place for what is urgent.

        Of a pool with one place, that one.
        """
        places = self._limits.size * self._limits.jobs
        return self._free() is not None and places - sum(self._given.values()) >= min(2, places)

    # --- jobs ---------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def job(self, request: Any, owner: str = "") -> AsyncIterator[RunningJob]:
        """A worker's time for one job; leaving the block cancels what is left of it.

        ``request`` is what the engine understands, anything MessagePack can carry. Where several wait, the
        owners take turns.

        Raises:
            WorkersBusy: none was free in time, or ``owner`` has the most of too many that wait.
            EngineUnusable: none can be started; the message says why.
            SpeechError: the request is larger than a worker takes.
        """
        worker = await self._acquire(owner)
        try:
            job = worker.begin(request)
        except SpeechError:
            self._give_back(worker)
            raise
        try:
            yield job
        finally:
            if not job.over:
                if self._limits.jobs == 1:
                    # One that has said nothing for long need not be given all of that time once more.
                    grace = max(self._limits.cancel - job.silence, LEAST_GRACE)
                    self._timers[worker] = self._clock.call_at(
                        self._clock.now() + grace,
                        lambda: worker.kill("it did not let go of a job that was cancelled"),
                    )
                worker.cancel(job)

    async def _acquire(self, owner: str) -> WorkerProcess:
        if self._closed:
            raise EngineUnusable("the server stops")
        if (worker := self._free()) is not None:
            self._given[worker] += 1
            return worker
        if self._problem and not self._workers and self._clock.now() < self._resume_at:
            raise EngineUnusable(self._problem)
        turn: asyncio.Future[WorkerProcess] = asyncio.get_running_loop().create_future()
        gone = self._waiting.put(turn, owner)
        if gone is turn:
            self.refused += 1
            raise WorkersBusy(
                f"{len(self._waiting)} others already wait for {self.engine}, "
                f"{self._waiting.of(owner)} of them of the same app"
            )
        if gone is not None:
            why = f"too many wait for {self.engine}, and most of them were of the same app"
            self._turn_away(gone, why)
        self._grow()
        wait = self._limits.wait
        timer = self._clock.call_at(
            self._clock.now() + wait,
            lambda: self._turn_away(turn, f"no worker of {self.engine} was free within {wait:g} s"),
        )
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self._give_back(turn.result())
            raise
        finally:
            timer.cancel()
            self._waiting.remove(turn)

    def _turn_away(self, turn: asyncio.Future[WorkerProcess], why: str) -> None:
        self.refused += not turn.done()
        self._refuse(turn, WorkersBusy(why))

    @staticmethod
    def _refuse(turn: asyncio.Future[WorkerProcess], error: SpeechError) -> None:
        if not turn.done():
            turn.set_exception(error)

    # --- processes ----------------------------------------------------------------------------------------

    def _free(self) -> WorkerProcess | None:
        """The one with the least to do, None where none has a place."""
        least = min(self._given, key=self._given.__getitem__, default=None)
        return None if least is None or self._given[least] >= self._limits.jobs else least

    def _grow(self) -> None:
        """Start what is missing, if that is allowed by now."""
        if self._closed:
            return
        if self._clock.now() < self._resume_at:
            if self._resume is None:
                self._resume = self._clock.call_at(self._resume_at, self._go_on)
            return
        while len(self._workers) < self._limits.size and (
            len(self._workers) < self._limits.ready
            or len(self._waiting) > self._limits.jobs * sum(not worker.ready for worker in self._workers)
        ):
            self._launch()

    def _go_on(self) -> None:
        self._resume = None
        self._grow()

    def _launch(self) -> None:
        self.starts += 1
        worker = WorkerProcess(
            f"speech worker {self.engine} {self.starts}",
            self._arguments,
            self._settings,
            self._clock,
            on_ready=self._loaded,
            on_free=self._freed,
            on_lost=self._lost,
            command=self._command,
            places=self._limits.jobs,
            alive=self._limits.alive,
        )
        self._workers.append(worker)
        load = self._limits.load
        self._timers[worker] = self._clock.call_at(
            self._clock.now() + load, lambda: worker.kill(f"it did not load within {load:g} s")
        )
        worker.start()

    def _loaded(self, worker: WorkerProcess) -> None:
        self._disarm(worker)
        self._problem = ""
        self._details = worker.details
        _log.info("%s is ready (process %s)", worker.name, worker.pid)
        if not self._closed:
            self._given[worker] = 0
            self._offer(worker)

    def _freed(self, worker: WorkerProcess) -> None:
        self._disarm(worker)
        self._delay = self._limits.backoff
        self._give_back(worker)

    def _give_back(self, worker: WorkerProcess) -> None:
        """A place in it is free again."""
        if worker in self._given:
            self._given[worker] -= 1
            self._offer(worker)

    def _offer(self, worker: WorkerProcess) -> None:
        """Give its places to those who wait."""
        while self._waiting and self._given[worker] < self._limits.jobs:
            turn = self._waiting.pop()
            if not turn.done():
                self._given[worker] += 1
                turn.set_result(worker)

    def _lost(self, worker: WorkerProcess, reason: str) -> None:
        self._disarm(worker)
        self.lost += 1
        self._workers.remove(worker)
        self._given.pop(worker, None)
        delay, self._delay = self._delay, min(self._delay * 2, self._limits.backoff_max)
        self._resume_at = self._clock.now() + delay
        _log.error("%s is gone: %s; another one may start in %.2f s", worker.name, reason, delay)
        if not worker.details:
            self._problem = f"a process of {self.engine} could not be started: {reason}"
            if not self._workers:
                while self._waiting:
                    self._refuse(self._waiting.pop(), EngineUnusable(self._problem))
        self._grow()

    def _disarm(self, worker: WorkerProcess) -> None:
        timer = self._timers.pop(worker, None)
        if timer is not None:
            timer.cancel()
