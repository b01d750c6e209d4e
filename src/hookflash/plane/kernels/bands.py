"""Between 8,000 and 16,000 Hz: half-band filters over frames that carry their own past."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hookflash.plane.columns import FRAME, PAST
from hookflash.plane.kernels.compiling import kernel

SIDE = 12
"""Samples (at 8,000 Hz) either side that make the one between; the delay of both filters."""


def _half_band() -> NDArray[np.float32]:
    """The odd half of a half-band low pass at 16,000 Hz: 2 * SIDE coefficients, the sum is 1."""
    n = np.arange(2 * SIDE) - SIDE + 0.5
    h = np.sinc(n) * np.kaiser(4 * SIDE + 1, 5.65)[1::2]
    taps: NDArray[np.float32] = (h / h.sum()).astype(np.float32)
    return taps


TAPS = _half_band()


@kernel
def widen(heard: NDArray[np.int16], out: NDArray[np.int32]) -> None:
    """A frame at 8,000 Hz, at the end of ``heard`` [PAST + FRAME], at 16,000 Hz into ``out`` [2 * FRAME]."""
    for i in range(FRAME):
        at = PAST + i - 2 * SIDE
        total = np.float32(0.0)
        for k in range(2 * SIDE):
            total += TAPS[k] * np.float32(heard[at + k + 1])
        out[2 * i] = heard[at + SIDE]
        out[2 * i + 1] = np.int32(np.floor(total + np.float32(0.5)))


@kernel
def narrow(heard: NDArray[np.int16], out: NDArray[np.int16]) -> None:
    """A frame at 16,000 Hz, at the end of ``heard`` [2 * PAST + 2 * FRAME], at 8,000 Hz into [FRAME]."""
    for i in range(FRAME):
        at = 2 * (PAST + i) - 4 * SIDE + 2
        total = np.float32(heard[at + 2 * SIDE - 1])
        for k in range(2 * SIDE):
            total += TAPS[k] * np.float32(heard[at + 2 * k])
        out[i] = np.int16(min(max(np.floor(total * np.float32(0.5) + np.float32(0.5)), -32767.0), 32767.0))
