"""SIP timer values as data, and the one heap every timer of a user agent lives in.

Nothing here knows the time: ``now`` is an argument, in seconds on any monotonic scale.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TypeVarTuple, Unpack

Args = TypeVarTuple("Args")


class TimerName(Enum):
    """The timers of RFC 3261 section 17 (table 4) and RFC 6026 (L and M). Timer C belongs to proxies."""

    # That of Enum is written in Python, and timers are looked up with every message.
    __hash__ = object.__hash__

    A = "A"  # INVITE client: retransmit the request
    B = "B"  # INVITE client: give up
    D = "D"  # INVITE client: absorb repeated final responses
    E = "E"  # non-INVITE client: retransmit the request
    F = "F"  # non-INVITE client: give up
    G = "G"  # INVITE server: retransmit the final response
    H = "H"  # INVITE server: give up waiting for ACK
    I = "I"  # noqa: E741 - INVITE server: absorb repeated ACKs
    J = "J"  # non-INVITE server: answer repeated requests
    K = "K"  # non-INVITE client: absorb repeated responses
    L = "L"  # INVITE server: absorb repeated INVITEs after a 2xx
    M = "M"  # INVITE client: take further 2xx (forks, retransmissions)


RETRANSMIT = frozenset({TimerName.A, TimerName.E, TimerName.G})
"""Timers that repeat with a growing interval, and only on unreliable transports."""

LINGER = frozenset({TimerName.D, TimerName.I, TimerName.J, TimerName.K})
"""Timers that only wait for stray duplicates: zero on reliable transports."""


@dataclass(frozen=True, slots=True)
class Timing:
    """T1 (round-trip estimate), T2 (longest retransmission interval), T4 (longest life of a message in the
    network), D; all in seconds. Defaults are those of RFC 3261 table 4."""

    t1: float = 0.5
    t2: float = 4.0
    t4: float = 5.0
    d: float = 32.0

    @property
    def give_up(self) -> float:
        """64*T1: how long anything is waited for."""
        return 64 * self.t1

    def first(self, name: TimerName, reliable: bool) -> float | None:
        """The first interval of a timer; None when the transport makes it pointless."""
        if name in RETRANSMIT:
            return None if reliable else self.t1
        if name in LINGER:
            if reliable:
                return 0.0
            if name is TimerName.D:
                return self.d
            return self.give_up if name is TimerName.J else self.t4
        return self.give_up

    def following(self, name: TimerName, interval: float, settled: bool) -> float:
        """The interval after ``interval`` of a retransmission timer.

        A doubles without bound; E and G double up to T2. ``settled`` (a provisional response has arrived)
        makes E run at T2.
        """
        if settled:
            return self.t2
        doubled = 2 * interval
        return doubled if name is TimerName.A else min(doubled, self.t2)


class Timer:
    """A pending call. Cancelling leaves a tombstone in the heap.

    ``args`` are what ``fire`` is called with, before the time. There are so many timers that a closure for
    each would be felt in the collection of garbage.
    """

    __slots__ = ("_heap", "args", "fire")

    def __init__(self, heap: TimerHeap, fire: Callable[..., None], args: tuple[object, ...]) -> None:
        self._heap = heap
        self.fire: Callable[..., None] | None = fire
        self.args = args

    def cancel(self) -> None:
        """Idempotent; harmless after the timer has fired."""
        if self.fire is not None:
            self.fire = None
            self.args = ()
            self._heap.bury()


class TimerHeap:
    """All timers of one user agent, earliest first; equal times fire in the order they were set."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Timer]] = []
        self._count = 0
        self._dead = 0

    def __len__(self) -> int:
        """Timers that will still fire."""
        return len(self._heap) - self._dead

    def set(self, when: float, fire: Callable[[Unpack[Args], float], None], *args: *Args) -> Timer:
        """Call ``fire(*args, now)`` from the first :meth:`run` at or after ``when``."""
        timer = Timer(self, fire, args)
        self._count += 1
        heapq.heappush(self._heap, (when, self._count, timer))
        return timer

    def next(self) -> float | None:
        """When :meth:`run` has something to do; None when never."""
        while self._heap and self._heap[0][2].fire is None:
            heapq.heappop(self._heap)
            self._dead -= 1
        return self._heap[0][0] if self._heap else None

    def run(self, now: float) -> None:
        """Fire everything due, in order of time, also what a firing timer sets for a time not after
        ``now``.
        """
        while (when := self.next()) is not None and when <= now:
            timer = heapq.heappop(self._heap)[2]
            fire, args = timer.fire, timer.args
            timer.fire, timer.args = None, ()
            if fire is not None:
                fire(*args, now)

    def bury(self) -> None:
        """Count a tombstone; sweep them out once they outnumber the living."""
        self._dead += 1
        if self._dead > 64 and self._dead * 2 > len(self._heap):
            self._heap = [item for item in self._heap if item[2].fire is not None]
            heapq.heapify(self._heap)
            self._dead = 0
