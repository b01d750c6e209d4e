"""What speech counts of itself, for monitoring."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from typing import NamedTuple

FIRST_AUDIO = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)
"""Upper bounds of the steps in which times to first audio are counted, seconds."""

_KINDS = {401: "key", 403: "forbidden", 408: "late", 429: "busy"}


def kind_of(code: int) -> str:
    """What kind of failure the code of a SpeechError is (contract section 4.4), in a word: "key" for one that
    is missing or wrong, "forbidden", "late", "busy", and "refused" for all else."""
    return _KINDS.get(code, "refused")


class Times:
    """Durations, counted in steps.

    Attributes:
        counts: how many in each step of ``bounds``, and beyond the last; of one length more than ``bounds``.
        total: their sum in seconds.
    """

    def __init__(self, bounds: tuple[float, ...] = FIRST_AUDIO) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, seconds: float) -> None:
        """One more, which belongs to the first step whose bound is not below it."""
        self.counts[bisect_left(self.bounds, seconds)] += 1
        self.total += seconds


class CacheUse:
    """How often a prompt was found, by where ("memory", "disk"), and how often one had to be made that could
    have been kept."""

    def __init__(self) -> None:
        self.hits: Counter[str] = Counter()
        self.misses = 0


class Failures(NamedTuple):
    """How often a provider failed to do what it ``does`` ("speak", "recognise"), by kind; see kind_of."""

    provider: str
    does: str
    kind: str
    times: int
