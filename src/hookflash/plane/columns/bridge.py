"""How loud a leg is in the mix of its call."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SHAPES: dict[str, int] = {}
FIRST: dict[str, int] = {"gain": 1, "level": 1, "limit": 1}


class Bridge(NamedTuple):
    """How loud a leg is in the mix of its call."""

    gain: NDArray[np.float32]  # how loud the others are to hear it: 1 as it is, 0 not at all
    level: NDArray[np.float32]  # the gain at the end of the last tick, on its way to ``gain``
    limit: NDArray[np.float32]  # of what it hears, below 1 while the sum would not fit into 16 bits
    energy: NDArray[np.float32]  # smoothed mean square of what it says, samples squared
    rank: NDArray[np.uint8]  # place among the loudest of its mix in this tick: 1 to 4, 0 none
