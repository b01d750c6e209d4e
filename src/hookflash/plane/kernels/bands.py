"""Between 8,000 and 16,000 Hz: half-band filters over frames that carry their own past."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hookflash.plane.columns import FRAME, PAST
from hookflash.plane.kernels.compiling import kernel

SIDE = 12
"""Samples (at 8,000 Hz) either side that make the one between; the delay of both filters."""
LINE = FRAME + 2 * SIDE - 1
"""Samples that a frame is made of."""


def _half_band() -> NDArray[np.float32]:
    """The odd half of a half-band low pass at 16,000 Hz: 2 * SIDE coefficients, the sum is 1."""
    n = np.arange(2 * SIDE) - SIDE + 0.5
    h = np.sinc(n) * np.kaiser(4 * SIDE + 1, 5.65)[1::2]
    taps: NDArray[np.float32] = (h / h.sum()).astype(np.float32)
    return taps


TAPS = _half_band()


@kernel
def widen(heard: NDArray[np.int16], flat: NDArray[np.float32], out: NDArray[np.int32]) -> None:
    """A frame at 8,000 Hz, at the end of ``heard`` [PAST + FRAME], at 16,000 Hz into ``out`` [2 * FRAME].

    ``flat`` [LINE] is scratch.
    """
    # Each sample is converted once: it is in as many products as there are coefficients.
    past = heard[PAST - 2 * SIDE + 1 :]
    for i in range(LINE):
        flat[i] = np.float32(past[i])
    now = heard[PAST - SIDE :]
    for i in range(FRAME):
        total = np.float32(0.0)
        for k in range(2 * SIDE):
            total += TAPS[k] * flat[i + k]
        out[2 * i] = now[i]
        out[2 * i + 1] = np.int32(np.floor(total + np.float32(0.5)))


@kernel
def narrow(heard: NDArray[np.int16], flat: NDArray[np.float32], out: NDArray[np.int16]) -> None:
    """A frame at 16,000 Hz, at the end of ``heard`` [2 * PAST + 2 * FRAME], at 8,000 Hz into [FRAME].

    ``flat`` [LINE] is scratch.
    """
    # Every other sample, in a row: filtering them where they are would take twice as long.
    past = heard[2 * PAST - 4 * SIDE + 2 :]
    for i in range(LINE):
        flat[i] = np.float32(past[2 * i])
    now = heard[2 * PAST - 2 * SIDE + 1 :]
    for i in range(FRAME):
        total = np.float32(now[2 * i])
        for k in range(2 * SIDE):
            total += TAPS[k] * flat[i + k]
        out[i] = np.int16(min(max(np.floor(total * np.float32(0.5) + np.float32(0.5)), -32767.0), 32767.0))
