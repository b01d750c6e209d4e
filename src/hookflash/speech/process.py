"""One speech worker as the server sees it: a process, and the job it does."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hookflash.ports.clock import Clock, Timer
from hookflash.ports.speech import SpeechError
from hookflash.speech.messages import (
    HEAD,
    MAX_AUDIO,
    Begin,
    Cancel,
    Done,
    Failed,
    Feed,
    Finish,
    Load,
    ProtocolError,
    Ready,
    Result,
    Sound,
    ToWorker,
    frame,
    from_worker,
    length,
)

WORKER_COMMAND = (sys.executable, "-P", "-m", "hookflash.speech.worker")
"""How a worker is started; -P keeps the current directory out of its import path."""

LAST_WORDS = 1.0
"""Seconds a worker whose output has ended has to end itself."""

STOP_TIMEOUT = 2.0
"""Seconds a worker has to end when it is told to, before it is killed."""

MAX_OUTPUTS = 64
"""Messages of a job that wait for its asker; a worker that is ahead by more waits."""

MAX_LINES = 200
"""Lines that a worker may write to the log; what it writes beyond is dropped."""

MAX_LINE = 500
"""Characters of one such line."""

_log = logging.getLogger(__name__)
_SOURCE = str(Path(__file__).resolve().parents[2])
_INHERITED = ("PATH", "HOME", "LANG", "TMPDIR", "TZ", "LD_LIBRARY_PATH", "SSL_CERT_FILE")
_INHERITED_BEGINNINGS = ("LC_", "PYTHON", "OMP_", "XDG_")


class WorkerLost(SpeechError):
    """The process that did the job is gone."""


class WorkerTimedOut(SpeechError):
    """The job did not get on within its time; its process has been killed."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code=408)


class RunningJob:
    """A job at a worker. Iterate over it for its :class:`Sound` and :class:`Result` messages.

    Iterating ends when the job is done; SpeechError says why it failed.
    """

    def __init__(self, worker: WorkerProcess, number: int, clock: Clock) -> None:
        self._worker = worker
        self._number = number
        self._clock = clock
        self._outputs: deque[Sound | Result] = deque()
        self._news = asyncio.Event()
        self._space = asyncio.Event()
        self._over = False
        self._failure: SpeechError | None = None
        self._timer: Timer | None = None
        self._dropped = False
        self._active_at = clock.now()

    @property
    def silence(self) -> float:
        """Seconds since it was begun, fed, or last said anything."""
        return self._clock.now() - self._active_at

    async def feed(self, pcm: NDArray[np.int16]) -> None:
        """Give it audio, int16 at 16,000 Hz; waits while the worker takes none."""
        self._active_at = self._clock.now()
        data = pcm.astype("<i2", copy=False).tobytes()
        for at in range(0, len(data), MAX_AUDIO):
            await self._worker.send(Feed(self._number, data[at : at + MAX_AUDIO]))

    async def finish(self) -> None:
        """Say that no more audio comes."""
        await self._worker.send(Finish(self._number))

    def allow(self, seconds: float | None) -> None:
        """Kill the worker unless something comes of the job within so many seconds from now; None: never.

        Each call replaces the former one, and whatever comes of the job lifts it.
        """
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if seconds is not None and not self._over and not self._outputs:
            self._timer = self._clock.call_at(self._clock.now() + seconds, lambda: self._late(seconds))

    def __aiter__(self) -> AsyncIterator[Sound | Result]:
        return self

    async def __anext__(self) -> Sound | Result:
        while not self._outputs:
            if self._failure is not None:
                raise self._failure
            if self._over:
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        self._space.set()
        return self._outputs.popleft()

    # --- for the process ----------------------------------------------------------------------------------

    @property
    def number(self) -> int:
        return self._number

    @property
    def over(self) -> bool:
        """Whether the worker has ended it."""
        return self._over

    async def put(self, output: Sound | Result) -> None:
        """Something has come of it; waits while too much does already."""
        self._active_at = self._clock.now()
        self.allow(None)
        while len(self._outputs) >= MAX_OUTPUTS and not self._dropped:
            self._space.clear()
            await self._space.wait()
        if not self._dropped:
            self._outputs.append(output)
            self._news.set()

    def end(self, failure: SpeechError | None) -> None:
        """It is over; the first end counts."""
        if self._over:
            return
        self.allow(None)
        self._over = True
        self._failure = failure
        self._news.set()

    def drop(self) -> None:
        """Nobody waits for it any more."""
        self.allow(None)
        self._dropped = True
        self._outputs.clear()
        self._space.set()

    def _late(self, seconds: float) -> None:
        self._timer = None
        why = f"nothing came of a job within {seconds:g} s"
        self.end(WorkerTimedOut(f"{self._worker.name} was killed, because {why}"))
        self._worker.kill(why)


Lost = Callable[["WorkerProcess", str], None]
"""Called once with a process that is gone, and why."""


class WorkerProcess:
    """A worker process, from its start to its end.

    Args:
        name: for the log.
        arguments: appended to ``command``.
        settings: for the engine.
        clock: for time-outs of jobs.
        on_ready, on_free: called when the engine is loaded, and when a job is over.
        on_lost: called when the process is gone without having been told to end.

    Attributes:
        ready: whether the engine is loaded.
        details: what the engine says it is.
        job: what it does at the moment.
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
    ) -> None:
        self.name = name
        self.ready = False
        self.details: dict[str, str] = {}
        self.job: RunningJob | None = None
        self.done = 0
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

    @property
    def pid(self) -> int | None:
        """The process id, None before the start."""
        return self._process.pid if self._process is not None else None

    def start(self) -> None:
        """Start it; ``on_ready`` or ``on_lost`` follows."""
        self._task = asyncio.create_task(self._live())

    def begin(self, request: Any) -> RunningJob:
        """Give it a job; it must have none.

        Raises :class:`WorkerLost` when it has gone this moment, and SpeechError for a request that does not
        fit into a message; it stays free then.
        """
        assert self.job is None
        if not self.ready:
            raise WorkerLost(f"{self.name} is gone")
        try:
            begin = frame(Begin(self._numbers + 1, request))
        except ProtocolError as error:
            raise SpeechError(f"more was asked of {self.name} than it takes: {error}", final=True) from None
        self._numbers += 1
        self.job = RunningJob(self, self._numbers, self._clock)
        self._send(begin)
        return self.job

    def cancel(self) -> None:
        """Nobody wants its job any more; ``on_free`` follows when it has let go of it."""
        if self.job is not None and not self.job.over:
            self.job.drop()
            self._write(Cancel(self.job.number))

    async def send(self, message: ToWorker) -> None:
        """Write a message and wait until there is room for another."""
        self._write(message)
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(OSError):  # its end is noticed where its output is read
                await self._process.stdin.drain()

    def kill(self, why: str) -> None:
        """Kill it; ``why`` goes to ``on_lost``."""
        self._why = self._why or why
        # Not through asyncio, whose kill() may reap the child before its watcher, which then knows no status.
        if self._pidfd >= 0:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    async def stop(self) -> None:
        """End it; ``on_lost`` does not follow."""
        self._stopping = True
        if self.job is not None:
            self.job.drop()
            self.job.end(WorkerLost(f"{self.name} has been stopped"))
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

    def _write(self, message: ToWorker) -> None:
        self._send(frame(message))

    def _send(self, data: bytes) -> None:
        if self._process is not None and self._process.stdin is not None and not self._stopping:
            self._process.stdin.write(data)

    async def _live(self) -> None:
        try:
            await self._run()
            reason = ""
        except OSError as error:
            reason = str(error)
        finally:
            status = await self._reap()
        reason = self._why or reason or status
        if self.job is not None:
            self.job.end(WorkerLost(f"{self.name} is gone: {reason}"))
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
            env=environment(os.environ),
        )
        self._pidfd = os.pidfd_open(process.pid)
        errors = asyncio.create_task(self._relay_errors(process))
        self._write(Load(self._settings))
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
        return f"it {describe(status)}"

    async def _read(self, stream: asyncio.StreamReader) -> None:
        try:
            while True:
                size = length(await stream.readexactly(HEAD.size))
                await self._take(from_worker(await stream.readexactly(size)))
        except asyncio.IncompleteReadError:
            pass
        except ProtocolError as error:
            self.kill(str(error))

    async def _take(self, message: Any) -> None:
        if isinstance(message, Ready):
            self.ready, self.details = True, message.details
            self._on_ready(self)
            return
        job = self.job
        if job is None or message.job != job.number:
            raise ProtocolError(f"{self.name} speaks of a job it was not given")
        match message:
            case Done():
                self.done += 1
                job.end(None)
            case Failed(message=text, code=code, sub_code=sub_code, final=final):
                self.done += 1
                job.end(SpeechError(text, code=code, sub_code=sub_code, final=final))
            case _:
                await job.put(message)
                return
        self.job = None
        self._on_free(self)

    async def _relay_errors(self, process: Process) -> None:
        """What a worker writes to standard error goes to the log, a line an entry, within bounds."""
        assert process.stderr is not None
        lines = 0
        while True:
            try:
                line = await process.stderr.readline()
            except ValueError:
                continue  # a line over the reader's limit; it has been dropped
            if not line:
                return
            text = line.decode(errors="replace").rstrip()
            lines += bool(text)
            if not text or lines > MAX_LINES:
                continue
            level, text = _level(text)
            _log.log(level, "%s (process %d): %s", self.name, process.pid, text[:MAX_LINE])
            if lines == MAX_LINES:
                _log.warning("%s (process %d): what it writes is left out from here", self.name, process.pid)


def environment(inherited: Mapping[str, str]) -> dict[str, str]:
    """A worker's environment: what a program needs, no secrets, and the place of this very package."""
    kept = {
        name: value
        for name, value in inherited.items()
        if name in _INHERITED or name.startswith(_INHERITED_BEGINNINGS)
    }
    path = kept.get("PYTHONPATH", "")
    kept["PYTHONPATH"] = f"{_SOURCE}{os.pathsep}{path}" if path else _SOURCE
    return kept


def describe(status: int) -> str:
    """How a process ended, by its exit status."""
    if status >= 0:
        return f"ended with status {status}"
    try:
        return f"was ended by signal {signal.Signals(-status).name}"
    except ValueError:
        return f"was ended by signal {-status}"


def _level(text: str) -> tuple[int, str]:
    """The level a worker logged a line at, and the line; what it did not log is a warning."""
    head, _, rest = text.partition(": ")
    level = logging.getLevelNamesMapping().get(head)
    return (level, rest) if level is not None else (logging.WARNING, text)
