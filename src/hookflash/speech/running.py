"""A job at a speech worker as its asker has it: fed, read, and given so much time."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hookflash.ports.clock import Clock, Timer
from hookflash.ports.speech import SpeechError
from hookflash.speech.messages import MAX_AUDIO, Feed, Finish, Result, Sound, Taken, ToWorker
from hookflash.speech.windows import Incoming, Outgoing


class Doer(Protocol):
    """The process that does a job."""

    name: str

    async def send(self, message: ToWorker) -> None:
        """Write a message and wait until there is room for another."""

    def tell(self, message: ToWorker) -> None:
        """Write a short message."""

    def kill(self, why: str) -> None:
        """Kill it."""


class WorkerLost(SpeechError):
    """The process that did the job is gone."""

    def __init__(self, message: str) -> None:
        super().__init__(message, outage=True)


class WorkerTimedOut(SpeechError):
    """The job did not get on within its time; its process has been killed."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code=408)


class RunningJob:
    """A job at a worker. Iterate over it for its :class:`Sound` and :class:`Result` messages.

    Iterating ends when the job is done; SpeechError says why it failed.
    """

    def __init__(self, worker: Doer, number: int, clock: Clock) -> None:
        self._worker = worker
        self._number = number
        self._clock = clock
        self._outputs: deque[Sound | Result] = deque()
        self._incoming = Incoming()
        self._outgoing = Outgoing()
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
        """Give it audio, int16 at 16,000 Hz; waits while the worker takes none. What comes late is lost."""
        self._active_at = self._clock.now()
        data = pcm.astype("<i2", copy=False).tobytes()
        for at in range(0, len(data), MAX_AUDIO):
            while not (self._outgoing.open or self._over or self._dropped):
                self._space.clear()
                await self._space.wait()
            if self._over or self._dropped:
                return
            self._outgoing.sent()
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
        taken = self._incoming.took()
        if taken and not self._over:
            self._worker.tell(Taken(self._number, taken))
        return self._outputs.popleft()

    # --- for the process ----------------------------------------------------------------------------------

    @property
    def number(self) -> int:
        return self._number

    @property
    def over(self) -> bool:
        """Whether the worker has ended it."""
        return self._over

    def put(self, output: Sound | Result) -> None:
        """Something has come of it. Raises ProtocolError for what comes ahead of its asker."""
        self._active_at = self._clock.now()
        self.allow(None)
        self._incoming.came()
        if not self._dropped:
            self._outputs.append(output)
            self._news.set()

    def break_off(self, failure: SpeechError) -> None:
        """Its asker cannot go on: iterating raises ``failure``."""
        self._failure = self._failure or failure
        self._news.set()

    def taken(self, messages: int) -> None:
        """The worker has room for more of its audio."""
        self._outgoing.taken(messages)
        self._space.set()

    def end(self, failure: SpeechError | None) -> None:
        """It is over; the first end counts."""
        if self._over:
            return
        self.allow(None)
        self._over = True
        self._failure = failure
        self._news.set()
        self._space.set()

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
