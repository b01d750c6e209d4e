"""How well each leg is heard: told once a second, and at its end."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hookflash.plane.columns import Columns
from hookflash.plane.kernels.grading import COUNTS, FIGURES, assess
from hookflash.plane.legs import Legs
from hookflash.ports.plane import LegQuality, LegReport

PERIOD = 50
"""Ticks between the reports of a leg; each tick tells of every 50th row."""


class Assessor:
    """Makes the reports of legs out of the columns."""

    def __init__(self, columns: Columns, legs: Legs) -> None:
        self._columns = columns
        self._legs = legs

    def reports(self, tick: int, used: int) -> list[LegReport]:
        """Of the connected legs whose turn it is."""
        begin = tick % PERIOD
        connected = self._columns.setup.connected[begin:used:PERIOD]
        rows = np.flatnonzero(connected) * PERIOD + begin
        if not len(rows):
            return []
        by_row, position = self._legs.by_row, self._legs.secured.position
        return [
            LegReport(by_row[row].leg, quality, position(row))
            for row, quality in zip(rows.tolist(), self._assess(rows), strict=True)
            if by_row[row].endpoint is not None
        ]

    def of(self, row: int) -> LegQuality:
        """Of one leg, now."""
        return self._assess(np.array([row], np.int64))[0]

    def _assess(self, rows: NDArray[np.int64]) -> list[LegQuality]:
        c = self._columns
        counts = np.empty((len(rows), COUNTS), np.int64)
        figures = np.empty((len(rows), FIGURES), np.float64)
        assess(c.setup, c.receive, c.jitter, c.transmit, c.quality, rows, counts, figures)
        return [
            LegQuality(*whole, *numbers)
            for whole, numbers in zip(counts.tolist(), figures.tolist(), strict=True)
        ]
