"""The limiter: what a leg hears is made to fit into 16 bits without being clipped.

Summing ten talkers and cutting off what is too large distorts all of them. Instead the sum of each listener
is turned down: quickly, ahead of the peak within the frame, and up again slowly. While the sum fits and
nothing is turned down, every sample leaves as it is.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hookflash.plane.kernels.compiling import part

LOWEST, HIGHEST = np.int32(-32768), np.int32(32767)
CEILING = np.float32(32767.0)
ATTACK = 0.25
"""Gain lost per ms on the way down to a peak: a third within little more than a millisecond."""
RELEASE = 0.0005
"""Gain won back per ms: all of it in two seconds, so that it does not follow the single waves of a voice."""
ONE = np.float32(1.0)
ZERO = np.float32(0.0)


@part
def turn_down(
    total: NDArray[np.int32],
    samples: int,
    gain: np.float32,
    attack: np.float32,
    release: np.float32,
    room: NDArray[np.float32],
    out: NDArray[np.int16],
) -> np.float32:
    """The frame with a peak in it: from its end backwards how loud it may be (``room``), then that loud."""
    most = ONE
    for j in range(samples):
        i = samples - 1 - j
        size = abs(np.float32(total[i]))
        most = min(most + attack, ONE)
        if size * most > CEILING:
            most = CEILING / size
        room[i] = most
    for i in range(samples):
        gain = min(gain + release, room[i])
        out[i] = np.int16(max(min(np.float32(total[i]) * gain, CEILING), -CEILING))
    return gain


@part
def fit(
    total: NDArray[np.int32],
    samples: int,
    gain: np.float32,
    room: NDArray[np.float32],
    out: NDArray[np.int16],
) -> np.float32:
    """Put a frame of ``samples`` sums into 16 bits; the gain at its end, where the next frame goes on.

    ``gain`` is the one at the end of the frame before, 1 when nothing was turned down. ``room`` is scratch.
    """
    low, high = np.int32(0), np.int32(0)
    for i in range(samples):
        low = min(low, total[i])
        high = max(high, total[i])
    if gain >= ONE and low >= LOWEST and high <= HIGHEST:
        for i in range(samples):
            out[i] = total[i]
        return ONE
    # A tick is 20 ms at either rate.
    release = np.float32(RELEASE * 20.0) / np.float32(samples)
    peak = max(np.float32(high), -np.float32(low))
    if peak * min(gain + release * np.float32(samples), ONE) > CEILING:
        attack = np.float32(ATTACK * 20.0) / np.float32(samples)
        return turn_down(total, samples, gain, attack, release, room, out)
    for i in range(samples):
        level = min(gain + release * np.float32(i + 1), ONE)
        out[i] = np.int16(np.float32(total[i]) * level)
    return min(gain + release * np.float32(samples), ONE)
