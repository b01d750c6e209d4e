"""Jitter playout: one frame a leg and tick out of the ring, holes concealed by a fading repetition."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hookflash.plane.columns import FRAME, MISSING, PAST, RATE, RING, Jitter, Setup
from hookflash.plane.kernels.compiling import kernel, part

FADE_STEP = 1.0 / 3.0
"""What concealment loses in gain per frame: silence after 60 ms."""
SILENT_ENOUGH = 3
"""Frames of zeros after which the whole of ``heard`` is zero."""


@part
def conceal(jitter: Jitter, row: int) -> bool:
    """Fill the holes of the current frame from the frame before; False when nothing was left to repeat."""
    heard = jitter.heard[row]
    gain = jitter.gain[row]
    sounded = False
    for i in range(FRAME):
        if heard[PAST + i] == MISSING:
            g = gain - FADE_STEP * i / FRAME
            if g > 0.0:
                heard[PAST + i] = int(heard[PAST + i - FRAME] * g)
                sounded = True
            else:
                heard[PAST + i] = 0
        else:
            gain = 1.0 + FADE_STEP * i / FRAME
            sounded = True
    jitter.gain[row] = max(gain - FADE_STEP, 0.0)
    return sounded


@part
def take(ring: NDArray[np.int16], out: NDArray[np.int16]) -> int:
    """Move samples out of the ring, leaving it empty; the lowest of them (MISSING if there is a hole)."""
    lowest = np.int16(32767)
    for i in range(ring.shape[0]):
        sample = ring[i]
        ring[i] = MISSING
        out[i] = sample
        lowest = min(lowest, sample)
    return int(lowest)


@kernel
def playout(setup: Setup, jitter: Jitter, used: int) -> None:
    """Move every open leg one frame on: ``heard[PAST:]`` is what the leg says in this tick."""
    for row in range(used):
        if setup.open[row] == 0:
            continue
        heard = jitter.heard[row]
        if jitter.playing[row] == 0:
            if jitter.silent[row] < SILENT_ENOUGH:
                heard[:] = 0
                jitter.gain[row] = 0.0
                jitter.silent[row] = SILENT_ENOUGH
            continue
        # Plain loops: slice assignment would check for overlap and copy.
        for i in range(PAST):
            heard[i] = heard[FRAME + i]
        index = jitter.time[row] & (RING - 1)
        ahead = min(FRAME, RING - index)
        lowest = take(jitter.ring[row, index : index + ahead], heard[PAST : PAST + ahead])
        if ahead < FRAME:
            lowest = min(lowest, take(jitter.ring[row, : FRAME - ahead], heard[PAST + ahead :]))
        jitter.time[row] += FRAME
        if lowest != MISSING:
            jitter.gain[row] = 1.0
            jitter.silent[row] = 0
        elif conceal(jitter, row):
            jitter.silent[row] = 0
        else:
            jitter.silent[row] = min(jitter.silent[row] + 1, SILENT_ENOUGH)
        if jitter.time[row] - jitter.newest[row] > RATE:
            jitter.playing[row] = 0
