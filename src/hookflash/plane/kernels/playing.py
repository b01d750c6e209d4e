"""Plays: clips one after the other, sample-exactly joined, one frame a play and tick."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hookflash.plane.columns import FRAME, PAST, WIDE_FRAME
from hookflash.plane.kernels.bands import SIDE, widen
from hookflash.plane.kernels.compiling import kernel, part

MAX_CLIPS = 256
"""Clips waiting in one play; more are joined, which copies them."""
REACH = 2 * SIDE
"""Samples of the past that are needed to bring a frame to 16,000 Hz."""
STOP_FADE = 40
"""Samples over which a play fades (5 ms) that is stopped, or that runs out of clips while more will come."""
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
    played: NDArray[np.int64]  # samples that have left so far
    idle: NDArray[np.int32]  # ticks since the last of them did, 0 in that tick
    frame: NDArray[np.int16]  # [plays, FRAME] this tick's samples
    tail: NDArray[np.int16]  # [plays, REACH] the last samples of the tick before
    exact: NDArray[np.uint8]  # all clips of this tick have audio at 16,000 Hz: it is in ``wide_frame``
    wide_frame: NDArray[np.int16]  # [plays, WIDE_FRAME] the same at 16,000 Hz
    dry: NDArray[np.uint8]  # it ran out of clips and faded; the next sample fades in


class Clips(NamedTuple):
    """One row a clip."""

    start: NDArray[np.int64]  # first sample in the pool
    length: NDArray[np.int64]  # samples
    wide: NDArray[np.int64]  # first of its 2 * length samples at 16,000 Hz in the pool, -1 it has none


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
    exact = 1
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
        if take > 0:
            at = clips.wide[clip] + 2 * offset
            if clips.wide[clip] >= 0:
                copy(pool[at : at + 2 * take], plays.wide_frame[play, 2 * filled : 2 * (filled + take)])
            else:
                exact = 0
        filled += take
        passed = 0 if take else passed + 1
        if offset + take == clips.length[clip]:
            plays.clip_index[play] += 1
            plays.offset[play] = 0
        else:
            plays.offset[play] = offset + take
    plays.frame[play, filled:] = 0
    plays.exact[play] = exact
    if exact != 0:
        plays.wide_frame[play, 2 * filled :] = 0
    return filled


@part
def pass_empty(plays: Plays, clips: Clips, play: int) -> None:
    """Clips without a sample behind the last one do not make a play any longer."""
    while plays.clip_index[play] < plays.clip_count[play]:
        if clips.length[plays.clips[play, plays.clip_index[play]]] > 0:
            break
        plays.clip_index[play] += 1


@part
def fade(plays: Plays, play: int) -> None:
    """Make the end of a play out of its frame."""
    frame = plays.frame[play]
    for i in range(STOP_FADE):
        frame[i] = int(frame[i]) * (STOP_FADE - i) // STOP_FADE
    frame[STOP_FADE:] = 0
    wide = plays.wide_frame[play]
    for i in range(2 * STOP_FADE):
        wide[i] = int(wide[i]) * (2 * STOP_FADE - i) // (2 * STOP_FADE)
    wide[2 * STOP_FADE :] = 0


@part
def rise(samples: NDArray[np.int16], count: int, over: int) -> None:
    """Fade ``count`` samples in that follow a silence, over ``over`` of them."""
    for i in range(min(count, over)):
        samples[i] = int(samples[i]) * i // over


@part
def fall(samples: NDArray[np.int16], count: int, over: int) -> None:
    """Fade ``count`` samples out that a silence follows, over the last ``over`` of them."""
    length = min(count, over)
    for i in range(length):
        at = count - length + i
        samples[at] = int(samples[at]) * (length - 1 - i) // length


@kernel
def advance(plays: Plays, clips: Clips, pool: NDArray[np.int16], used: int) -> int:
    """Move every play on; the number of plays with something to tell in ``event``."""
    events = 0
    for play in range(used):
        plays.event[play] = 0
        sounded = plays.live[play] != 0
        plays.live[play] = 0
        if plays.active[play] == 0:
            continue
        if sounded:
            copy(plays.frame[play, FRAME - REACH :], plays.tail[play])
        else:
            plays.tail[play] = 0
        filled = fill(plays, clips, pool, play)
        plays.live[play] = filled > 0
        if filled > 0 and plays.dry[play]:
            plays.dry[play] = 0
            rise(plays.frame[play], filled, STOP_FADE)
            rise(plays.wide_frame[play], 2 * filled, 2 * STOP_FADE)
        if plays.stopping[play]:
            fade(plays, play)
            plays.played[play] += min(filled, STOP_FADE)
            plays.event[play] = STOPPED
            plays.active[play] = 0
            events += 1
            continue
        plays.played[play] += filled
        plays.idle[play] = 0 if filled > 0 or plays.started[play] == 0 else plays.idle[play] + 1
        if plays.loop[play] == 0:
            pass_empty(plays, clips, play)
        if filled > 0 and plays.more[play] and plays.clip_index[play] >= plays.clip_count[play]:
            # What comes next may come late, and speech that stops at once clicks.
            plays.dry[play] = 1
            fall(plays.frame[play], filled, STOP_FADE)
            fall(plays.wide_frame[play], 2 * filled, 2 * STOP_FADE)
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


@kernel
def widen_plays(
    plays: Plays,
    line: NDArray[np.int16],
    flat: NDArray[np.float32],
    scratch: NDArray[np.int32],
    used: int,
) -> None:
    """Make ``wide_frame`` of ``frame`` unless it is ``exact``.

    ``line`` [PAST + FRAME], ``flat`` and ``scratch`` are memory to work in.
    """
    for play in range(used):
        if plays.live[play] == 0 or plays.exact[play] != 0:
            continue
        copy(plays.tail[play], line[PAST - REACH : PAST])
        copy(plays.frame[play], line[PAST:])
        widen(line, flat, scratch)
        for i in range(WIDE_FRAME):
            plays.wide_frame[play, i] = min(max(scratch[i], -32768), 32767)
