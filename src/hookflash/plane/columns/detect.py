"""In-band DTMF detection."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SHAPES: dict[str, int] = {}
FIRST: dict[str, int] = {"near": -1, "candidate": -1, "held": -1, "key": -1, "last_key": -1}


class Detect(NamedTuple):
    """In-band DTMF detection."""

    near: NDArray[np.int16]  # key the last frame may hold, by the coarse filter, -1 none
    candidate: NDArray[np.int16]  # key of the passing blocks, -1 none
    passes: NDArray[np.int16]  # passing blocks of the candidate
    ratio: NDArray[np.float32]  # of the candidate's column tone to its row tone, as it began
    low: NDArray[np.float32]  # by how many Hz its row tone lay off, as it began
    high: NDArray[np.float32]  # the same of its column tone
    misses: NDArray[np.int16]  # failing blocks since (before: of the candidate, after: of the key)
    held: NDArray[np.int16]  # key that is on, -1 none
    key: NDArray[np.int16]  # key that started in this tick, -1 none
    last_key: NDArray[np.int16]  # last key reported in band
    last_tick: NDArray[np.int64]  # when
