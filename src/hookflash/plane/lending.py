"""Frames that are lent out of the rings: written to a file in a thread, from where the plane has put them.

Handing them over first takes a copy in the event loop, and an array that lives until the thread has come
round to it. Giving the kernel the addresses of all frames (``pwritev``) was measured too: it takes twice what
a copy into one piece and a plain write do.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from hookflash.plane.rings import TAP_FRAMES

Samples = NDArray[np.int16]


def copy_frames(frames: Samples, tap: int, place: int, count: int, out: Samples) -> None:
    """``count`` frames of the ring ``tap`` from ``place`` on into ``out`` [count, samples of a frame].

    Args:
        frames: [TAP_FRAMES, TAPS, WIDE_FRAME], of all rings.
    """
    ring = frames[:, tap, : out.shape[1]]
    ahead = TAP_FRAMES - place
    if count <= ahead:
        out[:] = ring[place : place + count]
    else:
        out[:ahead] = ring[place:]
        out[ahead:] = ring[: count - ahead]


class RingLoan:
    """Implements :class:`hookflash.ports.audio.Loan`.

    Args:
        frames, tap, place: where the first frame is.
        tick: of the first frame.
        count: frames.
        size: samples of a frame.
        returned: called once, when it has been given back.
    """

    __slots__ = ("_frames", "_place", "_returned", "_size", "_tap", "count", "recalled", "tick")

    def __init__(
        self,
        frames: Samples,
        tap: int,
        place: int,
        tick: int,
        count: int,
        size: int,
        returned: Callable[[], None],
    ) -> None:
        self.tick = tick
        self.count = count
        self.recalled: Samples | None = None
        self._frames = frames
        self._tap = tap
        self._place = place
        self._size = size
        self._returned: Callable[[], None] | None = returned

    def write(self, fd: int, offset: int) -> bool:
        octets = self._copy().data
        done = os.pwrite(fd, octets, offset)
        while done < octets.nbytes:  # a disk that is nearly full
            done += os.pwrite(fd, octets.cast("B")[done:], offset + done)
        # Recalled first and written over then: whoever finds it as it was has copied what was there.
        return self.recalled is None

    def recall(self) -> None:
        """Take the frames back at once: who was writing them finds a copy in ``recalled``."""
        self.recalled = self._copy().reshape(-1)
        self._returned = None

    def give_back(self) -> None:
        returned, self._returned = self._returned, None
        if returned is not None:
            returned()

    def _copy(self) -> Samples:
        samples = np.empty((self.count, self._size), np.int16)
        copy_frames(self._frames, self._tap, self._place, self.count, samples)
        return samples
