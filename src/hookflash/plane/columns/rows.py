"""Which rows are free."""

from __future__ import annotations

import heapq

from hookflash.plane.columns.sizes import BLOCK


class RowsExhausted(Exception):
    """Every row is taken."""


class Rows:
    """Which rows are free; the lowest goes first, so that the rows in use stay together."""

    def __init__(self, limit: int) -> None:
        if limit < 1:
            raise ValueError(f"a plane needs at least one row, not {limit}")
        self.limit = -(-limit // BLOCK) * BLOCK
        self._free: list[int] = []
        self._touched = 0
        self.taken = 0

    @property
    def used(self) -> int:
        """Rows kernels have to walk: whole blocks, from row 0."""
        return -(-self._touched // BLOCK) * BLOCK

    def take(self) -> int:
        """The lowest free row; raises :class:`RowsExhausted`."""
        if self._free:
            row = heapq.heappop(self._free)
        elif self._touched < self.limit:
            row = self._touched
            self._touched += 1
        else:
            raise RowsExhausted(f"all {self.limit} media rows are taken; raise the row limit or add a worker")
        self.taken += 1
        return row

    def give(self, row: int) -> None:
        """Free a row that was taken."""
        heapq.heappush(self._free, row)
        self.taken -= 1
        if not self.taken:
            self._free.clear()
            self._touched = 0
