"""Legs that speak and hear at 16,000 Hz, one slot each."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hookflash.plane.columns.sizes import MISSING, PAST, RING, RING_PAD, TAKE, WIDE_FRAME

CODES, PCM, PACKETS, VOICE = 1, 2, 3, 4
"""Kinds of slots: G.722, L16 at 16,000 Hz, Opus, the voice of an app."""

CODER = 62
"""Numbers of the state of a G.722 encoder or decoder."""

SHAPES: dict[str, int] = {
    "codes": TAKE,
    "raw": 2 * TAKE,
    "ring": 2 * RING + RING_PAD,
    "heard": 2 * PAST + WIDE_FRAME,
    "out": WIDE_FRAME,
    "decoder": CODER,
    "encoder": CODER,
}
FIRST: dict[str, int] = {"row": -1, "ring": MISSING}


class Wide(NamedTuple):
    """Legs that speak and hear at 16,000 Hz. Times are in 1/8000 s here too: two samples a unit."""

    row: NDArray[np.int32]  # row of the leg, -1 the slot is free
    kind: NDArray[np.uint8]  # CODES, PCM, PACKETS or VOICE
    ring: NDArray[np.int16]  # [slots, 2 * RING + RING_PAD] of PCM and PACKETS: samples at index 2 * time
    taken: NDArray[np.int32]  # units taken out of the jitter ring in this tick, at most TAKE
    codes: NDArray[np.int16]  # [slots, TAKE] of CODES: the octets taken, or MISSING
    raw: NDArray[np.int16]  # [slots, 2 * TAKE] decoded samples of what was taken, or MISSING
    heard: NDArray[np.int16]  # [slots, 2 * PAST + WIDE_FRAME] what it says; at the end this tick
    out: NDArray[np.int16]  # [slots, WIDE_FRAME] what the leg hears in this tick, before it is encoded
    still: NDArray[np.uint8]  # ``out`` is silence in this tick
    decoder: NDArray[np.int32]  # [slots, CODER] state of G.722, see ``kernels.g722``
    encoder: NDArray[np.int32]  # [slots, CODER] the same the other way
