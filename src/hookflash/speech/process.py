"""One speech worker as the server sees it: a process, from its start to its end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hookflash.children import describe_end, environment_of_child, kill, relay_errors
from hookflash.ports.clock import Clock
from hookflash.ports.speech import SpeechError
from hookflash.speech.messages import (
    HEAD,
    Alive,
    Begin,
    Cancel,
    Done,
    Failed,
    FromWorker,
    Load,
    ProtocolError,
    Ready,
    Taken,
    ToWorker,
    frame,
    from_worker,
    length,
)
from hookflash.speech.running import RunningJob, WorkerLost
from hookflash.speech.watching import Watch

WORKER_COMMAND = (sys.executable, "-P", "-m", "hookflash.speech.worker")
"""How a worker is started; -P keeps the current directory out of its import path."""

LAST_WORDS = 1.0
"""Seconds a worker whose output has ended has to end itself."""

STOP_TIMEOUT = 2.0
"""Seconds a worker has to end when it is told to, before it is killed."""

MAX_LINES = 200
"""Lines that a worker may write to the log; what it writes beyond is dropped."""

_log = logging.getLogger(__name__)

Lost = Callable[["WorkerProcess", str], None]
"""Called once with a process that is gone, and why."""


class WorkerProcess:
    """A worker process, from its start to its end.

    Args:
        name: for the log.
        arguments: appended to ``command``.
        settings: for the engine.
        clock: for time-outs.
        places: jobs that it does at a time.
        alive: seconds that one with several places may say nothing while it has jobs; then it is killed.
        on_ready, on_free: called when the engine is loaded, and when a job is over.
        on_lost: called when the process is gone without having been told to end.

    Attributes:
        ready: whether the engine is loaded.
        details: what the engine says it is.
        jobs: what it does at the moment, by number.
        done: jobs it has ended in good order.
    """

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        settings: Mapping[str, Any],
        clock: Clock,
        *,
        on_ready: Callable[[WorkerProcess], None],
        on_free: Callable[[WorkerProcess], None],
        on_lost: Lost,
        command: Sequence[str] = WORKER_COMMAND,
        places: int = 1,
        alive: float = 0.0,
    ) -> None:
        self.name = name
        self.ready = False
        self.details: dict[str, str] = {}
        self.jobs: dict[int, RunningJob] = {}
        self.done = 0
        self._places = places
        self._watch = Watch(clock, alive, lambda: self._stuck(alive)) if places > 1 else None
        self._command = (*command, *arguments)
        self._settings = dict(settings)
        self._clock = clock
        self._on_ready = on_ready
        self._on_free = on_free
        self._on_lost = on_lost
        self._process: Process | None = None
        self._pidfd = -1
        self._task: asyncio.Task[None] | None = None
        self._numbers = 0
        self._why = ""
        self._stopping = False
        self._room = asyncio.Lock()

    @property
    def pid(self) -> int | None:
        """The process id, None before the start."""
        return self._process.pid if self._process is not None else None

    def start(self) -> None:
        """Start it; ``on_ready`` or ``on_lost`` follows."""
        self._task = asyncio.create_task(self._live())

    def begin(self, request: Any) -> RunningJob:
        """Give it a job; it must have a place for it.

        Raises :class:`WorkerLost` when it has gone this moment, and SpeechError for a request that does not
        fit into a message; it stays free then.
        """
        assert len(self.jobs) < self._places
        if not self.ready:
            raise WorkerLost(f"{self.name} is gone")
        try:
            begin = frame(Begin(self._numbers + 1, request))
        except ProtocolError as error:
            raise SpeechError(f"more was asked of {self.name} than it takes: {error}", final=True) from None
        self._numbers += 1
        job = self.jobs[self._numbers] = RunningJob(self, self._numbers, self._clock)
        self._send(begin)
        if self._watch is not None:
            self._watch.start()
        return job

    def cancel(self, job: RunningJob) -> None:
        """Nobody wants a job of it any more; ``on_free`` follows when it has let go of it."""
        if not job.over:
            job.drop()
            self.tell(Cancel(job.number))

    def tell(self, message: ToWorker) -> None:
        """Write a short message."""
        self._send(frame(message))

    async def send(self, message: ToWorker) -> None:
        """Write a message and wait until there is room for another."""
        self.tell(message)
        if self._process is not None and self._process.stdin is not None:
            # One at a time: several jobs write here, and Python 3.11.0 lets a single task wait for room.
            async with self._room:
                with contextlib.suppress(OSError):  # its end is noticed where its output is read
                    await self._process.stdin.drain()

    def kill(self, why: str) -> None:
        """Kill it; ``why`` goes to ``on_lost``."""
        self._why = self._why or why
        kill(self._pidfd)

    async def stop(self) -> None:
        """End it; ``on_lost`` does not follow."""
        self._stopping = True
        if self._watch is not None:
            self._watch.stop()
        for job in self.jobs.values():
            job.drop()
            job.end(WorkerLost(f"{self.name} has been stopped"))
        process = self._process
        if process is not None and process.stdin is not None:
            process.stdin.close()
        if self._task is None:
            return
        if process is None:
            self._task.cancel()
        done, _ = await asyncio.wait([self._task], timeout=STOP_TIMEOUT)
        if not done:
            self.kill("it did not end when it was told to")
            await asyncio.wait([self._task])

    # --- inside -------------------------------------------------------------------------------------------

    def _send(self, data: bytes) -> None:
        if self._process is not None and self._process.stdin is not None and not self._stopping:
            self._process.stdin.write(data)

    async def _live(self) -> None:
        try:
            await self._run()
            reason = ""
        except OSError as error:
            reason = str(error)
        except Exception as error:
            # Whoever waits for the process must learn that nobody listens to it any more.
            _log.exception("what %s said could not be dealt with", self.name)
            reason = f"what it said could not be dealt with: {type(error).__name__}: {error}"
        finally:
            status = await self._reap()
        reason = self._why or reason or status
        if self._watch is not None:
            self._watch.stop()
        for job in self.jobs.values():
            job.end(WorkerLost(f"{self.name} is gone: {reason}"))
        self.ready = False
        if not self._stopping:
            self._on_lost(self, reason)

    async def _run(self) -> None:
        """Start the process and read what it says until that ends."""
        self._process = process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env=environment_of_child(os.environ),
        )
        try:
            self._pidfd = os.pidfd_open(process.pid)
        except OSError:
            process.kill()
            raise
        errors = asyncio.create_task(relay_errors(process, self.name, _log, MAX_LINES))
        self.tell(Load(self._settings))
        assert process.stdout is not None
        try:
            await self._read(process.stdout)
        finally:
            if process.returncode is None:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LAST_WORDS):
                        await process.wait()
            self.kill("")
            await process.wait()
            await asyncio.wait([errors], timeout=LAST_WORDS)
            errors.cancel()

    async def _reap(self) -> str:
        """Wait for the end of the process; how it ended."""
        if self._process is None:
            return "it could not be started"
        status = await self._process.wait()
        pidfd, self._pidfd = self._pidfd, -1
        if pidfd >= 0:
            os.close(pidfd)
        return f"it {describe_end(status)}"

    async def _read(self, stream: asyncio.StreamReader) -> None:
        try:
            while True:
                size = length(await stream.readexactly(HEAD.size))
                self._take(from_worker(await stream.readexactly(size)))
        except asyncio.IncompleteReadError:
            pass
        except ProtocolError as error:
            self.kill(str(error))

    def _take(self, message: FromWorker) -> None:
        if self._watch is not None:
            self._watch.heard()
        match message:
            case Ready(details=details):
                self.ready, self.details = True, details
                self._on_ready(self)
            case Alive():
                pass
            case Taken(messages=messages):
                self._job(message.job).taken(messages)
            case Done():
                self._over(message.job, None)
            case Failed(message=text, code=code, sub_code=sub_code, final=final, outage=outage):
                error = SpeechError(text, code=code, sub_code=sub_code, final=final, outage=outage)
                self._over(message.job, error)
            case _:
                self._job(message.job).put(message)

    def _job(self, number: int) -> RunningJob:
        job = self.jobs.get(number)
        if job is None:
            raise ProtocolError(f"{self.name} speaks of a job it was not given")
        return job

    def _over(self, number: int, failure: SpeechError | None) -> None:
        self._job(number).end(failure)
        self.done += 1
        del self.jobs[number]
        if not self.jobs and self._watch is not None:
            self._watch.stop()
        self._on_free(self)

    def _stuck(self, seconds: float) -> None:
        self.kill(f"it said nothing for more than {seconds:g} s while it had something to do")
