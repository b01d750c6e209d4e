"""Receiving: what has arrived for every leg, into the columns; keys by RFC 4733, addresses learned."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from hookflash.plane.columns import Columns
from hookflash.plane.kernels.ingest import MAX_OWED, ingest
from hookflash.plane.kernels.jitter import leap
from hookflash.plane.legs import Legs
from hookflash.plane.sendings import CODES
from hookflash.ports.plane import PlaneEvent, ToneHeard

MAX_READS = 4
"""Further reads of a row that is behind, in one tick."""
MAX_DRAIN = 64
"""The same in a tick that is late itself: all that has come meanwhile is read before anything is missed."""


class Receiver:
    """The first system of a tick. ``delay`` is the first target of jitter buffers, 1/8000 s."""

    def __init__(
        self, columns: Columns, legs: Legs, tell: Callable[[PlaneEvent], None], *, delay: int
    ) -> None:
        self._columns = columns
        self._legs = legs
        self._tell = tell
        self._delay = legs.packets.delay = delay
        self._tick = 0
        self._behind = 0
        self._left_out = False

    def leap(self, ticks: int, used: int) -> None:
        """``ticks`` ticks were left out: drop what was to be heard in them, and expect what came in them."""
        c = self._columns
        self._left_out = True
        leap(c.setup, c.receive, c.jitter, c.wide, used, ticks)
        c.receive.owed[:used] = np.where(c.receive.ssrc[:used] >= 0, MAX_OWED, 0)

    def run(self, tick: int, behind: int = 0) -> None:
        """Read every socket, some more than once. ``behind`` ticks more should have been done by now."""
        self._tick = tick
        if behind != self._behind:
            self._behind = behind
            self._columns.jitter.behind[:] = behind
        self._read(tick, behind)
        if self._left_out:
            self._left_out = False
            self._columns.jitter.left_out[:] = 0

    def _read(self, tick: int, behind: int) -> None:
        for latched in self._legs.run(tick, self._take):
            self._tell(latched)
        reads = self._legs.reads
        if not len(reads):
            return
        rows = reads.rows
        reads.run()
        secured = self._legs.secured
        if secured:
            secured.unprotect(tick)
        more = self._ingest(rows, first=True)
        for _ in range(MAX_DRAIN if behind else MAX_READS):
            if not more:
                break
            rows = rows[self._columns.receive.again[rows] != 0]
            reads.run(rows)
            if secured:
                secured.unprotect(tick, rows)
            more = self._ingest(rows, first=False)

    def _take(self, rows: NDArray[np.int64]) -> None:
        self._ingest(rows, first=False)

    def _ingest(self, rows: NDArray[np.int64], *, first: bool) -> int:
        c = self._columns
        behind, keys, controls, packets = ingest(
            c.setup,
            c.receive,
            c.jitter,
            c.wide,
            c.detect,
            c.quality,
            rows,
            len(rows),
            self._tick,
            self._delay,
            first,
        )
        if packets:
            self._legs.packets.receive(rows, self._tick)
        if keys:
            tell_keys(self._legs, c.receive.key[rows], rows, "rfc4733", self._tick, self._tell)
        if controls:
            for row in rows[c.receive.control[rows] > 0].tolist():
                leg = self._legs.by_row[row]
                if leg.locked is not None:
                    self._legs.take_control(leg, int(c.receive.control[row]), leg.locked)
        return behind


def tell_keys(
    legs: Legs,
    keys: NDArray[np.int16],
    rows: NDArray[np.int64],
    source: str,
    tick: int,
    tell: Callable[[PlaneEvent], None],
) -> None:
    """Tell of each key of ``rows`` that is not -1."""
    for place in np.flatnonzero(keys >= 0).tolist():
        leg = legs.by_row[int(rows[place])]
        tell(ToneHeard(leg.leg, CODES[int(keys[place])], source, tick))
