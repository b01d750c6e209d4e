"""The jitter ring and its playout."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hookflash.plane.columns.sizes import FRAME, MISSING, PAST, RING, RING_PAD

SHAPES: dict[str, int] = {"ring": RING + RING_PAD, "heard": PAST + FRAME}
FIRST: dict[str, int] = {"ring": MISSING, "silent": 1}


class Jitter(NamedTuple):
    """The jitter ring and its playout."""

    ring: NDArray[np.int16]  # [rows, RING + RING_PAD] samples (G.722: octets) at time mod RING
    playing: NDArray[np.uint8]  # 0 idle, 1 playing
    time: NDArray[np.int64]  # time of the next sample to play, 1/8000 s
    newest: NDArray[np.int64]  # time just after the newest sample, 1/8000 s
    late: NDArray[np.int16]  # packets in a row that came too late
    low: NDArray[np.int32]  # least depth seen in this drift window, samples
    window: NDArray[np.int32]  # packets of this drift window
    gain: NDArray[np.float32]  # of concealment, 1 fresh, 0 faded out
    heard: NDArray[np.int16]  # [rows, PAST + FRAME] what the leg said, the last FRAME are this tick's
    silent: NDArray[np.int16]  # ticks in a row in which ``heard`` got plain zeros
