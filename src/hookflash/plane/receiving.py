"""Receiving: what has arrived for every leg, into the columns; keys by RFC 4733, addresses learned."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from hookflash.plane.columns import Columns
from hookflash.plane.kernels.ingest import ingest
from hookflash.plane.legs import Leg, Legs
from hookflash.plane.sendings import CODES
from hookflash.ports.plane import PlaneEvent, ToneHeard

MAX_READS = 4
"""Further reads of a row that is behind, in one tick."""


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

    def run(self, tick: int) -> None:
        """Read every socket, some more than once."""
        self._tick = tick
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
        behind = self._ingest(rows, first=True)
        for _ in range(MAX_READS):
            if not behind:
                break
            rows = rows[self._columns.receive.again[rows] != 0]
            reads.run(rows)
            if secured:
                secured.unprotect(tick, rows)
            behind = self._ingest(rows, first=False)

    def _take(self, leg: Leg, length: int) -> None:
        self._columns.receive.length[leg.row] = length
        self._ingest(np.array([leg.row], np.int64), first=False)

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
