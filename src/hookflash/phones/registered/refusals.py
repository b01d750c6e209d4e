"""Which REGISTERs were not carried out lately, and why: for whoever wonders where a phone is."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

MAX_REFUSALS = 200
"""Refusals remembered; the one that was last repeated the longest ago goes first."""
LATELY = 3600.0
"""Seconds for which one is remembered."""
PATIENCE = 5.0
"""Seconds until it is a problem that somebody came without credentials: each phone does so once, to be
challenged.
"""


@dataclass(frozen=True, slots=True)
class Refusal:
    """``phone`` is the user name it gave, ``peer`` its IP address. ``at`` is when it came last, in seconds
    of the clock, ``times`` how often.
    """

    phone: str
    peer: str
    status: int
    problem: str
    at: float
    times: int


class Refusals:
    """Bounded, and without a clock: ``now`` is in seconds and never goes back."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str, int, str], tuple[float, int]] = OrderedDict()

    def add(self, now: float, phone: str, peer: str, status: int, problem: str) -> int:
        """Remember one; how often it has come within the last hour. What is given has to be printable."""
        key = (phone, peer, status, problem)
        at, times = self._kept.pop(key, (now, 0))
        times = times + 1 if now - at < LATELY else 1
        self._kept[key] = (now, times)
        if len(self._kept) > MAX_REFUSALS:
            self._kept.popitem(last=False)
        return times

    def settled(self, phone: str, peer: str) -> None:
        """A phone has registered after all."""
        for key in [key for key in self._kept if key[:2] == (phone, peer)]:
            del self._kept[key]

    def lately(self, now: float) -> list[Refusal]:
        """Those of the last hour, the latest first."""
        return [
            Refusal(*key, at, times) for key, (at, times) in reversed(self._kept.items()) if now - at < LATELY
        ]
