"""Virtual time: a clock that moves only when it is told to."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from itertools import count

START_WALL = 1_767_225_600.0
"""Unix time of a new :class:`VirtualClock` unless told otherwise: 2026-01-01T00:00:00Z."""


class VirtualTimer:
    """A pending call of a :class:`VirtualClock`."""

    __slots__ = ("_fn", "when")

    def __init__(self, when: float, fn: Callable[[], None]) -> None:
        self.when = when
        self._fn: Callable[[], None] | None = fn

    @property
    def pending(self) -> bool:
        """True until the timer has fired or was cancelled."""
        return self._fn is not None

    def cancel(self) -> None:
        self._fn = None

    def fire(self) -> None:
        fn, self._fn = self._fn, None
        if fn is not None:
            fn()


class VirtualClock:
    """Implements :class:`hookflash.ports.clock.Clock` without real time.

    Args:
        start: the first value of :meth:`now`, seconds.
        wall: the Unix time that belongs to ``start``.

    Timers fire inside :meth:`advance`, in order of their time; equal times fire in the order they were set.
    Timers set for the past fire at the next :meth:`advance`, even ``advance(0)``.
    """

    def __init__(self, start: float = 0.0, wall: float = START_WALL) -> None:
        self._now = start
        self._offset = wall - start
        self._heap: list[tuple[float, int, VirtualTimer]] = []
        self._order = count()

    def now(self) -> float:
        return self._now

    def wall(self) -> float:
        return self._now + self._offset

    def call_at(self, when: float, fn: Callable[[], None]) -> VirtualTimer:
        timer = VirtualTimer(when, fn)
        heapq.heappush(self._heap, (when, next(self._order), timer))
        return timer

    @property
    def next_at(self) -> float | None:
        """When the next pending timer is due, None when there is none."""
        while self._heap and not self._heap[0][2].pending:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    @property
    def pending(self) -> list[float]:
        """The times of all pending timers, earliest first."""
        return sorted(when for when, _, timer in self._heap if timer.pending)

    def advance(self, seconds: float) -> None:
        """Move ``seconds`` forward, firing what becomes due; each timer sees ``now()`` at its own time.

        Raises:
            ValueError: if ``seconds`` is negative.
        """
        if seconds < 0:
            raise ValueError(f"time only moves forward, not by {seconds} s")
        self.advance_to(self._now + seconds)

    def advance_to(self, when: float) -> None:
        """Move forward until ``now()`` is ``when``; a past ``when`` only fires what is overdue."""
        when = max(when, self._now)
        while self._fire_next(when):
            pass
        self._now = when

    async def elapse(self, seconds: float, turns: int = 10) -> None:
        """As :meth:`advance`, but gives the event loop ``turns`` turns before, between and after the timers.

        So tasks that a timer wakes can run, and set new timers within the same stretch of time.
        """
        end = self._now + seconds
        await self.settle(turns)
        while self._fire_next(end):
            await self.settle(turns)
        self._now = max(self._now, end)
        await self.settle(turns)

    @staticmethod
    async def settle(turns: int = 10) -> None:
        """Give the event loop ``turns`` turns without moving time."""
        for _ in range(turns):
            await asyncio.sleep(0)

    def _fire_next(self, limit: float) -> bool:
        when = self.next_at
        if when is None or when > limit:
            return False
        timer = heapq.heappop(self._heap)[2]
        self._now = max(self._now, when)
        timer.fire()
        return True
