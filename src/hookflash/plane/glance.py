"""What lies in the rings out of a worker, as control looks at it: all rings at once instead of one by one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hookflash.plane.rings import TAP_FRAMES, Rings


class Counts:
    """The counts of all rings as plain integers: an array takes three times as long to give one away."""

    def __init__(self, rings: Rings) -> None:
        self.tick = rings.tick.data
        self.written = rings.written.data
        self.read = rings.read.data
        self.shift = rings.shift.data
        self.lost = rings.lost.data
        self.ticks = rings.ticks.reshape(-1).data  # of a frame: place * TAPS + tap


class Glance:
    """What there is of a tick in the first ``count`` rings, looked at once for all who hear every tick.

    Attributes:
        tick: one of which all taps have their frames.
        place: where its frames lie, if nothing was lost.
        read, lost, ranks: of each tap, as in the rings, the last at that place.
        fresh: whether what is to be read next of a tap is the frame of this tick.
        are_fresh: [count] the same as an array of bool.
        frames: [TAPS, WIDE_FRAME] what lies there.
    """

    def __init__(self, rings: Rings, count: int, tick: int) -> None:
        self.tick = tick
        self.place = tick % TAP_FRAMES
        read = rings.read[:count]
        fresh = (rings.written[:count] > read) & (rings.ticks[self.place, :count] == tick)
        fresh &= (read + rings.shift[:count]) % TAP_FRAMES == self.place
        self.are_fresh = fresh
        self.fresh = fresh.tolist()
        self.read = read.tolist()
        self.lost = rings.lost[:count].tolist()
        self.ranks = rings.rank[self.place, :count].tolist()
        self.frames = rings.frames[self.place]
        self._peaks: list[int] | None = None

    def peak(self, tap: int) -> int:
        """The largest amplitude in the frame of a tap at 16,000 Hz."""
        if self._peaks is None:
            self._peaks = peaks(self.frames[: len(self.read)])
        return self._peaks[tap]


def peaks(frames: NDArray[np.int16]) -> list[int]:
    """The largest amplitude in each row of [n, samples]."""
    highest = np.maximum.reduce(frames, axis=1).astype(np.int32)
    lowest = np.minimum.reduce(frames, axis=1).astype(np.int32)
    found: list[int] = np.maximum(highest, -lowest).tolist()
    return found
