"""Plays: clips one after the other, sample-exactly joined, one frame a play and tick."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hookflash.plane.columns import FRAME
from hookflash.plane.kernels.compiling import kernel, part

MAX_CLIPS = 256
"""Clips waiting in one play; more are joined, which copies them."""
STOP_FADE = 40
"""Samples over which a stopped play fades (5 ms)."""
STARTED = 1
FINISHED = 2
STOPPED = 4


class Plays(NamedTuple):
    """One row a play."""

    active: NDArray[np.uint8]  # 1 runs
    loop: NDArray[np.uint8]  # start over at the end, once nothing more will come
    more: NDArray[np.uint8]  # wait at the end, more clips will come
    stopping: NDArray[np.uint8]  # fade out in this tick
    started: NDArray[np.uint8]  # the first sample has left
    event: NDArray[np.uint8]  # STARTED, FINISHED, STOPPED in this tick
    live: NDArray[np.uint8]  # ``frame`` holds sound in this tick
    clips: NDArray[np.int32]  # [plays, MAX_CLIPS] rows of the clips
    clip_count: NDArray[np.int32]  # how many
    clip_index: NDArray[np.int32]  # the one that plays
    offset: NDArray[np.int64]  # samples of it that have left
    frame: NDArray[np.int16]  # [plays, FRAME] this tick's samples


class Clips(NamedTuple):
    """One row a clip."""

    start: NDArray[np.int64]  # first sample in the pool
    length: NDArray[np.int64]  # samples


@part
def copy(source: NDArray[np.int16], out: NDArray[np.int16]) -> None:
    """Copy; a plain loop becomes SIMD code where a slice assignment does not."""
    for i in range(out.shape[0]):
        out[i] = source[i]


@part
def fill(plays: Plays, clips: Clips, pool: NDArray[np.int16], play: int) -> int:
    """Move one play on by a frame; the samples that were filled."""
    filled = 0
    passed = 0
    while filled < FRAME:
        if plays.clip_index[play] >= plays.clip_count[play]:
            # Only a whole list is repeated; one without a single sample would loop for ever.
            if plays.loop[play] == 0 or plays.more[play] != 0 or passed >= plays.clip_count[play]:
                break
            plays.clip_index[play] = 0
        clip = plays.clips[play, plays.clip_index[play]]
        offset = plays.offset[play]
        take = min(clips.length[clip] - offset, FRAME - filled)
        at = clips.start[clip] + offset
        copy(pool[at : at + take], plays.frame[play, filled : filled + take])
        filled += take
        passed = 0 if take else passed + 1
        if offset + take == clips.length[clip]:
            plays.clip_index[play] += 1
            plays.offset[play] = 0
        else:
            plays.offset[play] = offset + take
    plays.frame[play, filled:] = 0
    return filled


@kernel
def advance(plays: Plays, clips: Clips, pool: NDArray[np.int16], used: int) -> int:
    """Move every play on; the number of plays with something to tell in ``event``."""
    events = 0
    for play in range(used):
        plays.event[play] = 0
        plays.live[play] = 0
        if plays.active[play] == 0:
            continue
        filled = fill(plays, clips, pool, play)
        plays.live[play] = filled > 0
        if plays.stopping[play]:
            for i in range(STOP_FADE):
                plays.frame[play, i] = int(plays.frame[play, i]) * (STOP_FADE - i) // STOP_FADE
            plays.frame[play, STOP_FADE:] = 0
            plays.event[play] = STOPPED
            plays.active[play] = 0
            events += 1
            continue
        ended = (
            plays.clip_index[play] >= plays.clip_count[play]
            and plays.loop[play] == 0
            and plays.more[play] == 0
        )
        if plays.started[play] == 0 and (filled > 0 or ended):
            plays.started[play] = 1
            plays.event[play] = STARTED
        if ended:
            plays.event[play] |= FINISHED
            plays.active[play] = 0
        events += plays.event[play] != 0
    return events
