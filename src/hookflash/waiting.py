"""Waiting by the clock port, so that tests wait in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from types import TracebackType

from hookflash.ports.clock import Clock, Timer


async def pause(clock: Clock, seconds: float) -> None:
    """Wait until ``seconds`` have passed on ``clock``."""
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def wake() -> None:
        if not done.done():
            done.set_result(None)

    timer = clock.call_at(clock.now() + seconds, wake)
    try:
        await done
    finally:
        timer.cancel()


class Rounds:
    """Does ``work`` at the start and then every ``every`` seconds, one round at a time.

    Attributes:
        running: the round that runs, or ran last.
    """

    def __init__(self, clock: Clock, every: float, work: Callable[[], Coroutine[None, None, None]]) -> None:
        self._clock = clock
        self._every = every
        self._work = work
        self._timer: Timer | None = None
        self.running: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; returns at once."""
        self._timer = self._clock.call_at(self._clock.now() + self._every, self.start)
        if self.running is None or self.running.done():
            self.running = asyncio.create_task(self._work())

    async def close(self) -> None:
        """Stop, and wait for a round under way."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.running is not None:
            await asyncio.wait((self.running,))


class Deadline:
    """``async with Deadline(clock, seconds)``: the body raises TimeoutError once the time is over.

    As ``asyncio.timeout``, but by ``clock``.
    """

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds
        self._task: asyncio.Task[object] | None = None
        self._timer: Timer | None = None
        self._expired = False
        self._cancelling = 0

    async def __aenter__(self) -> Deadline:
        task = asyncio.current_task()
        assert task is not None, "a Deadline needs a task"
        self._task = task
        self._cancelling = task.cancelling()
        self._timer = self._clock.call_at(self._clock.now() + self._seconds, self._expire)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._task is not None
        assert self._timer is not None
        self._timer.cancel()
        # Somebody else's cancellation at the same time wins: the count then stays above what it was.
        if self._expired and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError(f"no end within {self._seconds:g} s") from error

    def _expire(self) -> None:
        assert self._task is not None
        self._expired = True
        self._task.cancel()
