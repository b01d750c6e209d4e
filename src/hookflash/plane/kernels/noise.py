"""Comfort noise (RFC 3389): what a peer that pauses says its silence sounds like.

Noise comes out of a lattice filter with the reflection coefficients the peer sent, in the sign convention of
linear prediction (the first one of a low rumble is negative). It is as loud as the peer said, but never loud.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hookflash.plane.columns import Jitter, Wide
from hookflash.plane.columns.jitter import ORDER
from hookflash.plane.kernels.compiling import kernel, part
from hookflash.plane.kernels.jitter import start_playout

OVERLOAD = 32124.0
"""Root mean square of 0 dBov: a square wave of the largest mu-law sample."""
LOUDEST = 30
"""Least attenuation in dB: comfort noise is background, whatever a packet says."""
STEEPEST = 0.97
"""Greatest reflection coefficient: a filter that rings is no noise."""
LASTING = 3000
"""Ticks noise goes on without news of it, one minute."""


@kernel
def take_noise(
    jitter: Jitter, wide: Wide, row: int, slot: int, payload: NDArray[np.uint8], time: int, tick: int
) -> None:
    """One comfort noise packet (RFC 3389 section 3): from ``time`` on, what is missing is this noise."""
    count = payload.shape[0]
    if count == 0 or (jitter.noise_left[row] > 0 and time < jitter.noise_time[row]):
        return
    if jitter.playing[row] == 0:
        start_playout(jitter, wide, row, slot, time, tick)
    level = max(int(np.int64(payload[0]) & 127), LOUDEST)
    order = min(count - 1, ORDER)
    power = 1.0
    for i in range(order):
        k = 258.0 * (int(np.int64(payload[1 + i])) - 127) / 32768.0
        k = min(max(k, -STEEPEST), STEEPEST)
        jitter.reflection[row, i] = k
        power *= 1.0 - k * k
    for i in range(order, ORDER + 1):
        jitter.lattice[row, i] = 0.0
    jitter.order[row] = order
    # Of even distribution, and before the filter, which makes it louder.
    jitter.noise[row] = OVERLOAD * 10.0 ** (-level / 20.0) * math.sqrt(3.0 * power)
    jitter.noise_left[row] = LASTING
    jitter.noise_time[row] = time


@part
def make_noise(jitter: Jitter, row: int) -> float:
    """The next sample of a leg's comfort noise."""
    seed = (jitter.seed[row] * 1103515245 + 12345) & 0x7FFFFFFF
    jitter.seed[row] = seed
    # The high bits are the random ones.
    value = (seed / 1073741824.0 - 1.0) * jitter.noise[row]
    order = int(jitter.order[row])
    for i in range(order - 1, -1, -1):
        k = jitter.reflection[row, i]
        value -= k * jitter.lattice[row, i]
        jitter.lattice[row, i + 1] = jitter.lattice[row, i] + k * value
    jitter.lattice[row, 0] = value
    return float(value)
