"""The other end of the rings out of a worker, as tests of listeners want it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hookflash.plane.block_listener import BlockListener
from hookflash.plane.listeners import Shelf
from hookflash.plane.rings import TAP_FRAMES, Rings, private_rings


@dataclass(frozen=True, eq=False)
class Seat:
    """The worker as control sees it."""

    rings: Rings
    post: Callable[[object], None]
    number: int = 0


class Worker:
    """The other end of the rings: writes what says of itself which tick and source it is of."""

    def __init__(self, rate: int = 16_000) -> None:
        self.rings = private_rings()
        self.posted: list[object] = []
        self.seat = Seat(self.rings, self.posted.append)
        self.shelf = Shelf(self.seat)
        self.size = rate // 50
        self.tick = -1
        self.blocks: list[tuple[int, int, dict]] = []
        self.listener = BlockListener(self.shelf, rate, self.take, lambda reason: None)

    def take(self, tick: int, count: int, frames) -> None:
        self.blocks.append((tick, count, dict(frames)))

    def frame(self, tick: int, tap: int) -> np.ndarray:
        return ((np.arange(self.size) + 331 * tick + 7 * tap) % 30_011 + 1).astype(np.int16)

    def write(self, tap: int, tick: int) -> None:
        """As ``write_taps`` does it."""
        rings = self.rings
        written = int(rings.written[tap])
        if written - rings.read[tap] >= TAP_FRAMES:
            rings.lost[tap] += 1
            return
        if written == rings.read[tap]:
            rings.shift[tap] = tick - written
        place = (written + rings.shift[tap]) % TAP_FRAMES
        rings.frames[place, tap, : self.size] = self.frame(tick, tap)
        rings.ticks[place, tap] = tick
        rings.written[tap] = written + 1

    def run(self, ticks: int) -> None:
        for _ in range(ticks):
            self.tick += 1
            for tap, _ in list(self.listener.taps.values()):
                self.write(tap, self.tick)
            self.rings.tick[0] = self.tick

    def tap(self, source) -> int:
        return self.listener.taps[source][0]
