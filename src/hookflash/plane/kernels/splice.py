"""Shorter and longer frames without a click: a stretch of a line is left out or repeated.

The stretch is a whole number of pitch periods where there are any. Where in the frame the two ends fit
together best, one is faded into the other.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hookflash.plane.columns import FRAME, PAST
from hookflash.plane.kernels.compiling import kernel, part

OVERLAP = 40
"""Units over which the two ends are faded into each other, 5 ms."""
PLACES = 10
"""Units between two places that are tried."""


@part
def misfit(line: NDArray[np.int16], first: int, second: int, count: int) -> float:
    """How much two stretches of a line differ: mean square."""
    a, b = line[first : first + count], line[second : second + count]
    total = np.float32(0)
    for i in range(count):
        d = np.float32(a[i]) - np.float32(b[i])
        total += d * d
    return float(total / count)


@kernel
def best_place(line: NDArray[np.int16], begin: int, end: int, jump: int, scale: int) -> int:
    """Where between ``begin`` and ``end`` going on ``jump`` samples further is heard least."""
    best = 1.0e30
    found = begin
    for at in range(begin, end + 1, PLACES * scale):
        miss = misfit(line, at, at + jump, OVERLAP * scale)
        if miss < best:
            best = miss
            found = at
    return found


@kernel
def splice(line: NDArray[np.int16], units: int, scale: int) -> None:
    """Make one frame behind the past of ``line`` out of FRAME + ``units`` units that are there.

    ``units`` > 0 are left out, < 0 are repeated.
    """
    past, frame, overlap, jump = PAST * scale, FRAME * scale, OVERLAP * scale, units * scale
    if jump > 0:
        at = best_place(line, past, past + frame - overlap, jump, scale)
        for i in range(overlap):
            share = np.float32((i + 1) / (overlap + 1))
            a, b = np.float32(line[at + i]), np.float32(line[at + jump + i])
            line[at + i] = np.int16(a + (b - a) * share)
        for i in range(at + overlap, past + frame):
            line[i] = line[i + jump]
        return
    at = best_place(line, past, past + frame + jump - overlap, jump, scale)
    # From the end: what is moved lies behind where it came from.
    for i in range(past + frame - 1, at + overlap - 1, -1):
        line[i] = line[i + jump]
    for i in range(overlap - 1, -1, -1):
        share = np.float32((i + 1) / (overlap + 1))
        a, b = np.float32(line[at + i]), np.float32(line[at + jump + i])
        line[at + i] = np.int16(a + (b - a) * share)
