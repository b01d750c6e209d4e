"""When ticks were: the times that all streams of a worker share, so that they agree and are made once."""

from __future__ import annotations

from collections import deque

from hookflash.ports.audio import FRAMES_PER_SECOND
from hookflash.ports.clock import Clock

DRIFT = 0.5
"""Seconds by which times may differ from the clock before they are counted anew."""
NEAR = 0.01
"""Seconds by which two streams may differ in when a tick was and still share its time."""
KEPT = 16
"""Anchors that are kept to be shared."""


class Anchor:
    """A tick that was told of at a time, from which the times of others are counted, 20 ms apart."""

    def __init__(self, clock: Clock, tick: int) -> None:
        self._clock = clock
        self._from = tick
        self._first = self._last = self._now()
        self._tick = tick
        self._astray = False

    def time(self, tick: int) -> float | None:
        """The Unix time at which the first sample of a tick was heard; None if that cannot be, by the clock.

        It has just been told of; who asks again is answered the same.
        """
        if tick != self._tick:
            self._tick = tick
            self._last = self._first + (tick - self._from) / FRAMES_PER_SECOND
            self._astray = abs(self._last - self._now()) >= DRIFT
        return None if self._astray else self._last

    def near(self, tick: int) -> bool:
        """Whether somebody new may have the time of a tick from here."""
        time = self.time(tick)
        return time is not None and abs(time - self._now()) < NEAR

    def _now(self) -> float:
        return self._clock.wall() - 1 / FRAMES_PER_SECOND


class Timeline:
    """The anchors of a desk. Workers count their ticks each for itself: there is at least one for each."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._anchors: deque[Anchor] = deque(maxlen=KEPT)

    def anchor(self, tick: int) -> Anchor:
        """What the times of this tick, just told of, and of those behind it are counted from."""
        for anchor in self._anchors:
            if anchor.near(tick):
                return anchor
        made = Anchor(self._clock, tick)
        self._anchors.append(made)
        return made
