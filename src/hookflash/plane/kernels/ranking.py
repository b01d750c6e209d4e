"""Who is loudest in each mix: the smoothed energy of what each leg says, and a place among the first."""

from __future__ import annotations

import numpy as np

from hookflash.plane.columns import FRAME, PAST, Bridge, Jitter, Setup
from hookflash.plane.kernels.compiling import kernel, part
from hookflash.plane.kernels.mixing import Mixes, speaks

RANKS = 4
"""Legs of a mix that have a place."""
MEMORY = np.float32(0.9)
"""What is left of the energy after a tick: the last fifth of a second counts."""
LEAST = np.float32(6400.0)
"""Energy below which nobody speaks: 80 is 52 dB below full scale."""
LEAD = np.float32(1.5)
"""How much louder (in energy) somebody has to be to take the place of another, for each place: 1.8 dB."""


@part
def score_of(bridge: Bridge, row: int) -> np.float32:
    """Energy, the more so the better the place was in the last tick: places do not go to and fro."""
    score = np.float32(bridge.energy[row])
    rank = bridge.rank[row]
    if rank > 0:
        for _ in range(RANKS + 1 - rank):
            score *= LEAD
    return score


@kernel
def rank_speakers(
    setup: Setup, jitter: Jitter, bridge: Bridge, mixes: Mixes, used: int, used_mixes: int
) -> None:
    """Measure everybody in a mix; the four loudest of each that speak get their places."""
    for m in range(used_mixes):
        for k in range(RANKS):
            mixes.best[m, k] = -1
    for row in range(used):
        m = setup.mix[row]
        if setup.open[row] == 0 or m < 0:
            bridge.energy[row] = np.float32(0.0)
            bridge.rank[row] = 0
            continue
        energy = MEMORY * bridge.energy[row]
        if setup.muted[row] == 0 and speaks(setup, jitter, bridge, row, 0):
            heard = jitter.heard[row, PAST:]
            power = np.float32(0.0)
            for i in range(FRAME):
                sample = np.float32(heard[i])
                power += sample * sample
            gain = bridge.gain[row]
            energy += (np.float32(1.0) - MEMORY) * power * gain * gain / np.float32(FRAME)
        bridge.energy[row] = energy
        score = score_of(bridge, row)
        bridge.rank[row] = 0
        if energy < LEAST or setup.muted[row] != 0:
            continue
        at = RANKS
        while at > 0 and (mixes.best[m, at - 1] < 0 or mixes.score[m, at - 1] < score):
            at -= 1
        if at == RANKS:
            continue
        for j in range(RANKS - 1 - at):
            k = RANKS - 1 - j
            mixes.best[m, k] = mixes.best[m, k - 1]
            mixes.score[m, k] = mixes.score[m, k - 1]
        mixes.best[m, at] = row
        mixes.score[m, at] = score
    for m in range(used_mixes):
        for k in range(RANKS):
            if mixes.best[m, k] >= 0:
                bridge.rank[mixes.best[m, k]] = k + 1
