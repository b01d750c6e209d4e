"""Audio out of the plane and into it: what taps give away in a tick, and the voices of app legs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hookflash.plane.columns import FRAME, PAST, Jitter, Setup
from hookflash.plane.kernels.compiling import kernel, part
from hookflash.plane.kernels.output import HIGHEST, LOWEST, Mixes, gather
from hookflash.plane.kernels.playing import Plays
from hookflash.plane.rings import TAP_FRAMES, VOICE_SAMPLES, Rings

HEARD = 0
"""What a leg hears."""
SAID = 1
"""What the others hear of a leg: nothing while it is muted or on hold."""
WHOLE = 2
"""All that is said in a call, and its prompts."""
PROMPTS = 3
"""The prompts of a call alone."""
CUSHION = 3 * FRAME
"""Samples a voice waits for before it begins to speak, so that a sender may be a little late."""
PATIENCE = 3
"""Ticks after which it begins with less."""


class Taps(NamedTuple):
    """One row a tap, the same as its ring."""

    kind: NDArray[np.uint8]  # HEARD, SAID, WHOLE, PROMPTS
    row: NDArray[np.int32]  # of the leg, or of the call's mix; -1 there is none now
    itself: NDArray[np.uint8]  # HEARD: with the leg's own voice


class Prompts(NamedTuple):
    """What is played in each call that wants to know; one row a mix."""

    wanted: NDArray[np.uint8]  # some tap wants it
    total: NDArray[np.int32]  # [mixes, FRAME] sum of the plays that a joined leg hears
    live: NDArray[np.int32]  # how many there are in this tick


class Voices(NamedTuple):
    """One row a voice, the same as its ring."""

    row: NDArray[np.int32]  # of the leg it speaks for
    speaking: NDArray[np.uint8]  # has begun
    waited: NDArray[np.int16]  # ticks since something is there to be said


@kernel
def take_voices(
    jitter: Jitter, voices: Voices, rings: Rings, active: NDArray[np.int64], seen: NDArray[np.int64]
) -> None:
    """Let the legs of the voices ``active`` say what is in their rings.

    ``seen`` is what had been written into each ring a while ago: the samples behind such a count are surely
    there, also on machines that reorder writes.
    """
    for k in range(active.shape[0]):
        voice = active[k]
        at = max(rings.spoken[voice], rings.void[voice])
        ready = seen[voice] - at
        if voices.speaking[voice] == 0 and ready > 0:
            voices.waited[voice] += 1
            if ready >= CUSHION or voices.waited[voice] > PATIENCE:
                voices.speaking[voice] = 1
        if voices.speaking[voice] != 0:
            count = max(min(ready, FRAME), 0)
            if count > 0:
                heard = jitter.heard[voices.row[voice]]
                for i in range(count):
                    heard[PAST + i] = rings.samples[voice, (at + i) & (VOICE_SAMPLES - 1)]
                for i in range(count, FRAME):
                    heard[PAST + i] = 0
                jitter.silent[voices.row[voice]] = 0
                at += count
            if count < FRAME:
                voices.speaking[voice] = 0
                voices.waited[voice] = 0
        rings.spoken[voice] = at


@kernel
def mix_prompts(
    setup: Setup,
    plays: Plays,
    prompts: Prompts,
    taken: NDArray[np.int64],
    used: int,
    used_mixes: int,
    tick: int,
) -> None:
    """Sum the plays of each call that are heard by somebody in its mix, each once (``taken``: in which tick).

    Music for somebody on hold is not among them.
    """
    prompts.live[:used_mixes] = 0
    for row in range(used):
        m = setup.mix[row]
        if setup.open[row] == 0 or m < 0 or prompts.wanted[m] == 0:
            continue
        for k in range(setup.hears[row]):
            play = setup.plays[row, k]
            if plays.live[play] == 0 or taken[play] == tick:
                continue
            taken[play] = tick
            total = prompts.total[m]
            frame = plays.frame[play]
            if prompts.live[m] == 0:
                for i in range(FRAME):
                    total[i] = frame[i]
            else:
                for i in range(FRAME):
                    total[i] += frame[i]
            prompts.live[m] += 1


@part
def said(setup: Setup, jitter: Jitter, row: int, out: NDArray[np.int16]) -> bool:
    """What others hear of ``row`` in this tick; False when it is silence."""
    if setup.mix[row] < 0 or setup.muted[row] != 0 or jitter.silent[row] != 0:
        return False
    heard = jitter.heard[row, PAST:]
    for i in range(FRAME):
        out[i] = heard[i]
    return True


@part
def whole(
    mixes: Mixes, prompts: Prompts, m: int, voices: int, wide: NDArray[np.int32], out: NDArray[np.int16]
) -> bool:
    """The voices of a mix (if ``voices``) and its prompts; False when it is silence."""
    speakers = mixes.speakers[m] if voices else 0
    if speakers == 0 and prompts.live[m] == 0:
        return False
    for i in range(FRAME):
        wide[i] = 0
    if speakers != 0:
        for i in range(FRAME):
            wide[i] = mixes.total[m, i]
    if prompts.live[m] != 0:
        for i in range(FRAME):
            wide[i] += prompts.total[m, i]
    for i in range(FRAME):
        out[i] = min(max(wide[i], LOWEST), HIGHEST)
    return True


@kernel
def write_taps(
    setup: Setup,
    jitter: Jitter,
    plays: Plays,
    mixes: Mixes,
    prompts: Prompts,
    taps: Taps,
    rings: Rings,
    active: NDArray[np.int64],
    wide: NDArray[np.int32],
    tick: int,
) -> None:
    """One frame into the ring of each tap in ``active``; a full ring loses it. ``wide`` is scratch."""
    for k in range(active.shape[0]):
        tap = active[k]
        written = rings.written[tap]
        if written - rings.read[tap] >= TAP_FRAMES:
            rings.lost[tap] += 1
            continue
        place = written & (TAP_FRAMES - 1)
        out = rings.frames[tap, place]
        row = taps.row[tap]
        kind = taps.kind[tap]
        sounds = False
        if row >= 0:
            if kind == HEARD:
                sounds = gather(setup, jitter, plays, mixes, row, taps.itself[tap] != 0, wide, out)
            elif kind == SAID:
                sounds = said(setup, jitter, row, out)
            else:
                sounds = whole(mixes, prompts, row, 1 if kind == WHOLE else 0, wide, out)
        if not sounds:
            for i in range(FRAME):
                out[i] = 0
        rings.ticks[tap, place] = tick
        rings.written[tap] = written + 1
