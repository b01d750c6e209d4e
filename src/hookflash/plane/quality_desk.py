"""How well legs are heard: the last report of each, sums over those that are over, and a line at the end.

A worker tells about once a second of each connected leg (``LegReport``) and once more when it is closed. By
then control has forgotten the leg, so what is logged about it is kept here until the worker has said its last
word, or is gone.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from hookflash.ports.plane import LegClosed, LegQuality, LegReport

_log = logging.getLogger(__name__)

MOS_STEPS = (1.5, 2.0, 2.5, 3.0, 3.5, 3.8, 4.0, 4.2, 4.4)
"""Upper bounds of the histogram of opinion scores; above the last there is one more step."""
POOR = 3.1
"""An opinion score below which nearly all users are dissatisfied with a call (G.107, annex B, R below 60)."""


@dataclass(slots=True)
class MediaTotals:
    """Sums over the legs closed since the start, and what became of workers and calls.

    A leg that moved to another worker is one leg. ``scores`` counts the legs by opinion score: one entry for
    each of :data:`MOS_STEPS` and one above them, each leg in one of them; ``score_sum`` is the sum of their
    scores, for a leg that moved the mean over its packets. Legs of which nothing was received have none.
    ``workers_lost`` died, ``workers_replaced`` were drained.
    """

    legs: int = 0
    received: int = 0
    sent: int = 0
    lost: int = 0
    discarded: int = 0
    concealed_ms: float = 0.0
    workers_lost: int = 0
    workers_replaced: int = 0
    calls_lost: int = 0
    legs_refused: int = 0
    scores: list[int] = field(default_factory=lambda: [0] * (len(MOS_STEPS) + 1))
    score_sum: float = 0.0


@dataclass(slots=True)
class _Part:
    """What a leg was like on the workers it has left."""

    packets: int = 0
    sum: float = 0.0

    def add(self, event: LegClosed) -> None:
        weight = max(event.received, 1)
        self.packets += weight
        self.sum += weight * event.quality.mos

    @property
    def score(self) -> float:
        return self.sum / self.packets


class QualityDesk:
    """Keeps what workers tell about legs. A leg is known by the worker it is on and its number, because one
    that moves is on two for a moment.
    """

    def __init__(self) -> None:
        self.totals = MediaTotals()
        self._calls: dict[tuple[int, int], int] = {}
        self._last: dict[tuple[int, int], LegQuality] = {}
        self._left: set[tuple[int, int]] = set()
        self._parts: dict[int, _Part] = {}

    def __len__(self) -> int:
        return len(self._calls)

    def opened(self, worker: int, leg: int, call: int) -> None:
        """A leg is on a worker from now on, or has come into another call there."""
        self._calls[worker, leg] = call
        self._left.discard((worker, leg))

    def left(self, worker: int, leg: int) -> None:
        """A leg is closed on a worker, but goes on, or stays, on another one: it is not over."""
        if (worker, leg) in self._calls:
            self._left.add((worker, leg))

    def forget(self, worker: int, leg: int) -> None:
        """A leg never came to a worker."""
        self._calls.pop((worker, leg), None)
        self._last.pop((worker, leg), None)
        if (worker, leg) in self._left:
            self._left.discard((worker, leg))
        else:
            self._parts.pop(leg, None)

    def report(self, worker: int, event: LegReport) -> None:
        """A worker tells how a leg fares."""
        if (worker, event.leg) in self._calls:
            self._last[worker, event.leg] = event.quality

    def of(self, worker: int, leg: int) -> LegQuality | None:
        """The last report about a leg."""
        return self._last.get((worker, leg))

    def closed(self, worker: int, event: LegClosed) -> None:
        """A leg is over on a worker: add it up, and say in one line how it was."""
        totals, quality = self.totals, event.quality
        totals.received += event.received
        totals.sent += event.sent
        totals.lost += event.lost
        totals.discarded += quality.discarded
        totals.concealed_ms += quality.concealed_ms
        self._last.pop((worker, event.leg), None)
        call = self._calls.pop((worker, event.leg), None)
        if (worker, event.leg) in self._left:
            self._left.discard((worker, event.leg))
            if quality.mos > 0:
                self._parts.setdefault(event.leg, _Part()).add(event)
        else:
            totals.legs += 1
            self._score(event)
        if not event.received and not event.sent:
            return  # no network side, or never used: there is nothing to tell of it
        _log.info(
            "leg closed",
            extra={
                "leg": event.leg,
                "call": call,
                "worker": worker,
                "received": event.received,
                "sent": event.sent,
                "lost": event.lost,
                "discarded": quality.discarded,
                "jitter_ms": round(event.jitter_ms, 1),
                "concealed_ms": round(quality.concealed_ms),
                "round_trip_ms": round(quality.round_trip_ms, 1) if quality.round_trip_ms >= 0 else None,
                "mos": round(quality.mos, 2) if quality.mos > 0 else None,
            },
        )

    def _score(self, event: LegClosed) -> None:
        """Count the score of a leg that is over: of all its parts, where it has been on several workers."""
        part = self._parts.pop(event.leg, None)
        score = event.quality.mos
        if part is not None:
            if score > 0:
                part.add(event)
            score = part.score
        if score > 0:
            self.totals.scores[sum(score > step for step in MOS_STEPS)] += 1
            self.totals.score_sum += score

    def lost(self, worker: int) -> None:
        """A worker is gone: nothing more will be said of its legs."""
        for leg in [leg for where, leg in self._calls if where == worker]:
            self.forget(worker, leg)
