"""How loud a leg is in the mix of its call, whom it hears otherwise than plainly, and who is loudest."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hookflash.plane.columns.sizes import MAX_RULES

SHAPES: dict[str, int] = {"rule_row": MAX_RULES, "rule_was": MAX_RULES, "rule_now": MAX_RULES}
FIRST: dict[str, int] = {"gain": 1, "level": 1, "limit": 1, "matrix": -1}


class Bridge(NamedTuple):
    """How loud a leg is in the mix of its call, whom it hears otherwise than plainly, and who is loudest."""

    gain: NDArray[np.float32]  # how loud the others are to hear it: 1 as it is, 0 not at all
    level: NDArray[np.float32]  # the gain at the end of the last tick, on its way to ``gain``
    limit: NDArray[np.float32]  # of what it hears, below 1 while the sum would not fit into 16 bits
    energy: NDArray[np.float32]  # smoothed mean square of what others hear of it, samples squared
    rank: NDArray[np.uint8]  # place among the loudest of its mix in this tick: 1 to 4, 0 none
    rules: NDArray[np.int16]  # legs it hears otherwise than plainly
    rule_row: NDArray[np.int32]  # [rows, MAX_RULES] rows of these legs
    rule_was: NDArray[np.int32]  # [rows, MAX_RULES] added of each, 1/4096, at the end of the last tick
    rule_now: NDArray[np.int32]  # [rows, MAX_RULES] and at the end of this one; -4096 takes it out of the sum
    matrix: NDArray[np.int32]  # row of ``Mixes.was`` where they are more than MAX_RULES, -1 none
