"""The bridge: which legs of a call hear each other, and the sum of what they say."""

from __future__ import annotations

import numpy as np

from hookflash.plane.columns import FRAME, Columns
from hookflash.plane.kernels.output import Mixes, mix
from hookflash.plane.legs import Leg


class MixTable:
    """The control side of ``kernels.output.mix``: one row a call that has joined legs."""

    def __init__(self, columns: Columns) -> None:
        self.mixes = Mixes(np.zeros((16, FRAME), np.int32), np.zeros(16, np.int32))
        self.rows: dict[int, int] = {}
        self.used = 0
        self._columns = columns
        self._sizes: dict[int, int] = {}
        self._free: list[int] = []

    def join(self, leg: Leg) -> bool:
        """Let a leg hear the others; whether its call has a mix only now."""
        if self._columns.setup.mix[leg.row] >= 0:
            return False
        row = self.rows.get(leg.call)
        new = row is None
        if row is None:
            row = self._free.pop() if self._free else self.used
            self.used = max(self.used, row + 1)
            if row >= len(self.mixes.speakers):
                self.mixes = Mixes(*(np.concatenate([a, np.zeros_like(a)]) for a in self.mixes))
            self.mixes.speakers[row] = 0
            self.rows[leg.call] = row
            self._sizes[leg.call] = 0
        self._sizes[leg.call] += 1
        self._columns.setup.mix[leg.row] = row
        return new

    def leave(self, leg: Leg) -> bool:
        """Let a leg hear nobody; whether its call has no mix any more."""
        if self._columns.setup.mix[leg.row] < 0:
            return False
        self._columns.setup.mix[leg.row] = -1
        self._sizes[leg.call] -= 1
        if self._sizes[leg.call]:
            return False
        del self._sizes[leg.call]
        self._free.append(self.rows.pop(leg.call))
        return True

    def run(self, used: int) -> None:
        """Sum what is said in each call."""
        mix(self._columns.setup, self._columns.jitter, self.mixes, used, self.used)
