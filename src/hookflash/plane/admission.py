"""When a media worker is full: by what its ticks cost, by its legs and by its ports.

A worker that is late once is late for all its calls, so it takes no new call once its measured load comes
near what it can do. Legs of calls that it has already are taken up to a higher limit. Both limits have
hysteresis, so that a worker at its limit does not open and shut with each call.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from hookflash.ports.plane import Heartbeat

LEG_COST = 2.5e-4
"""Share of a core that a leg is taken to cost before any was measured (5 us a tick)."""
_LEAST_COST, _MOST_COST = 1e-5, 2e-2
_MEASURED_FROM = 32
"""Legs from which on a worker's load says what one costs."""
_RISE, _FALL = 0.5, 0.2
"""How much of the difference to what was expected is believed: more when it is worse."""
_REOPENS = 0.9
"""Share of the limit below which a worker takes calls again."""
_ONGOING = 0.5
"""Of what lies between the limit for new calls and the whole core, how much ongoing calls may use."""
_SPARE = 20
"""One in so many rows and port pairs is kept for ongoing calls."""
_WINDOW, _TROUBLED = 5, 3
"""Heartbeats looked at, and how many of them may tell of late ticks."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one worker takes.

    ``load`` is the share of its core (0..1) from which on it takes no new calls, ``legs`` its rows, ``ports``
    its port pairs (0: no bound), ``late_ms`` how late a tick may be before it counts as trouble.
    """

    load: float = 0.8
    legs: int = 4800
    ports: int = 0
    late_ms: float = 40.0


class Gauge:
    """What is known of one worker's load, and whether it takes more.

    Between heartbeats the load is what was measured last and what the legs that came and went since then cost
    by experience; each heartbeat corrects that. So a thousand calls in a second do not all go to the worker
    that was the least loaded when they began.

    Attributes:
        refuses_calls: why no new call is taken; "" when one is.
        refuses_legs: why not even a leg of a call that is there is taken; "" when one is.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.reset()

    def reset(self) -> None:
        """Another worker begins, about which nothing is known."""
        self.refuses_calls = self.refuses_legs = ""
        self._load = 0.0
        self._cost = LEG_COST
        self._legs = 0
        self._skipped = 0
        self._trouble: deque[bool] = deque(maxlen=_WINDOW)
        self._was_late = False

    def load(self, legs: int) -> float:
        """The load to be expected with so many legs."""
        return max(0.0, self._load + (legs - self._legs) * self._cost)

    def measured(self, beat: Heartbeat, legs: int) -> None:
        """Take a heartbeat; ``legs`` are those placed now. :meth:`look` follows."""
        expected = self.load(legs)
        off = beat.load - expected
        self._load = expected + off * (_RISE if off > 0 else _FALL)
        self._legs = legs
        if legs >= _MEASURED_FROM:
            cost = min(max(beat.load / legs, _LEAST_COST), _MOST_COST)
            self._cost += (cost - self._cost) * _FALL
        skipped, self._skipped = beat.skipped - self._skipped, beat.skipped
        self._trouble.append(skipped > 0 or beat.late_ms > self.limits.late_ms)

    def look(self, legs: int, sockets: int) -> None:
        """Decide anew, with so many legs and so many of them with a port of their own."""
        load = self.load(legs)
        shut = bool(self.refuses_calls)
        self.refuses_calls = self._of_load(load, shut) or self._of_room(legs, sockets, shut)
        shut = bool(self.refuses_legs)
        most = self.limits.load + (1 - self.limits.load) * _ONGOING
        if load >= (most * _REOPENS if shut else most):
            self.refuses_legs = f"its ticks take {load:.0%} of its core"
        elif legs >= self.limits.legs:
            self.refuses_legs = f"all its {self.limits.legs} legs are in use"
        elif self.limits.ports and sockets >= self.limits.ports:
            self.refuses_legs = f"all its {self.limits.ports} port pairs are in use"
        else:
            self.refuses_legs = ""

    def _of_load(self, load: float, shut: bool) -> str:
        limit = self.limits.load
        if load >= (limit * _REOPENS if shut else limit):
            return f"its ticks take {load:.0%} of its core, and media.load_limit is {limit:.0%}"
        troubled = sum(self._trouble)
        # Once shut for being late, a worker has to have been in time for the whole window.
        self._was_late = troubled >= (1 if self._was_late else _TROUBLED)
        if self._was_late:
            return f"its ticks were late or left out in {troubled} of the last {len(self._trouble)} seconds"
        return ""

    def _of_room(self, legs: int, sockets: int, shut: bool) -> str:
        limits = self.limits
        for used, there, what in ((legs, limits.legs, "legs"), (sockets, limits.ports, "port pairs")):
            if there:
                most = max(1, there - max(2, there // _SPARE))
                if used >= (most * _REOPENS if shut else most):
                    return f"{used} of its {there} {what} are in use, and the rest is kept for ongoing calls"
        return ""
