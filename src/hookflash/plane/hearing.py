"""Hearing: what each leg says in this tick, out of its jitter ring, and the keys that are in it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hookflash.plane.columns import Columns
from hookflash.plane.kernels.dtmf import detect_keys
from hookflash.plane.kernels.playout import fit_wide, make_budget, make_flat, make_line, take
from hookflash.plane.kernels.wide import decode_g722, narrow_slots
from hookflash.plane.legs import Legs
from hookflash.plane.receiving import tell_keys
from hookflash.ports.plane import PlaneEvent


class Hearing:
    """The systems between the jitter ring and the mix."""

    def __init__(self, columns: Columns, legs: Legs, tell: Callable[[PlaneEvent], None]) -> None:
        self._columns = columns
        self._legs = legs
        self._tell = tell
        self._line = make_line()
        self._flat = make_flat()
        self._budget = make_budget()

    def run(self, tick: int, used: int) -> None:
        """Move every leg a frame on."""
        c = self._columns
        self._legs.packets.settle()
        near = c.detect.near
        take(c.setup, c.jitter, c.wide, c.quality, near, self._line, self._flat, self._budget, used, tick)
        if self._legs.wide_used:
            decode_g722(c.wide, self._legs.coded)
            fit_wide(c.setup, c.jitter, c.wide, c.quality, self._line, self._flat, self._budget, used)
            narrow_slots(c.jitter, c.wide, self._flat, self._legs.wide_used)
        if detect_keys(c.setup, c.receive, c.jitter, c.detect, used, tick):
            tell_keys(self._legs, c.detect.key[:used], np.arange(used), "inband", tick, self._tell)
