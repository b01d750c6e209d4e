"""Memory for blocks of audio that is used again."""

from __future__ import annotations

import sys

import numpy as np
from numpy.typing import NDArray

MAX_BUFFERS = 32
"""Arrays for blocks that are kept to be used again."""
_UNUSED = 2

Samples = NDArray[np.int16]


class Buffers:
    """Arrays for the blocks of one worker that are used again as soon as nobody refers to them any more.

    What is given away is the receiver's to keep. It seldom does so for long, and memory fresh from the system
    costs eight times what filling it does.

    Args:
        size: samples of an array; what is larger is made anew.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: list[Samples] = []

    @property
    def kept(self) -> int:
        """Arrays there are, given away or not."""
        return len(self._kept)

    def take(self, samples: int) -> Samples:
        """An array of so many samples, whatever is in it."""
        if samples > self._size:
            return np.empty(samples, np.int16)
        for place in range(len(self._kept)):
            # Nobody but the list and the call of getrefcount: a view of an array refers to it as well.
            if sys.getrefcount(self._kept[place]) == _UNUSED:
                return self._kept[place][:samples]
        kept = np.empty(self._size, np.int16)
        if len(self._kept) < MAX_BUFFERS:
            self._kept.append(kept)
        return kept[:samples]
