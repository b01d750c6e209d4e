"""What each leg hears: the mix of its call without itself, as its hearing rules have it, and its plays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hookflash.plane.columns import FRAME, PAST, WIDE_FRAME, Bridge, Jitter, Setup, Wide
from hookflash.plane.kernels.compiling import kernel, part
from hookflash.plane.kernels.limiting import fit
from hookflash.plane.kernels.mixing import (
    FADE,
    SHIFT,
    TAIL,
    UNITY,
    Mixes,
    speaks,
    voice_of,
    wide_voice_of,
)
from hookflash.plane.kernels.playing import Plays

ROUND = 2048


@part
def add_weighted(
    voice: NDArray[np.int32], samples: int, before: int, after: int, fade: int, total: NDArray[np.int32]
) -> None:
    """Add a leg as loud as a rule says, 1/4096; a step is a slope over ``fade`` samples.

    A loud leg heard loud exceeds 32 bits, so this is done in 64.
    """
    if before == after:
        for i in range(samples):
            total[i] += (np.int64(voice[i]) * after + ROUND) >> SHIFT
    else:
        for i in range(samples):
            at = min(i + 1, fade)
            weight = (before * (fade - at) + after * at) // fade
            total[i] += (np.int64(voice[i]) * weight + ROUND) >> SHIFT


@part
def clear(samples: int, total: NDArray[np.int32]) -> None:
    """Begin a sum with nothing in it."""
    for i in range(samples):
        total[i] = 0


@kernel
def hear_by_rules(
    setup: Setup,
    jitter: Jitter,
    wide: Wide,
    bridge: Bridge,
    mixes: Mixes,
    row: int,
    itself: bool,
    high: bool,
    total: NDArray[np.int32],
) -> None:
    """Add to what ``row`` hears, or take away, what its rules say of single legs; ``high``: at 16,000 Hz."""
    m = setup.mix[row]
    for k in range(bridge.rules[row]):
        speaker = bridge.rule_row[row, k]
        before, after = bridge.rule_was[row, k], bridge.rule_now[row, k]
        if (before == 0 and after == 0) or setup.mix[speaker] != m or (itself and speaker == row):
            continue
        if high:
            if speaks(setup, jitter, bridge, speaker, TAIL):
                wide_voice_of(setup, jitter, wide, bridge, mixes, speaker, mixes.voice)
                add_weighted(mixes.voice, WIDE_FRAME, before, after, 2 * FADE, total)
        elif speaks(setup, jitter, bridge, speaker, 0):
            voice_of(setup, jitter, bridge, speaker, mixes.voice)
            add_weighted(mixes.voice, FRAME, before, after, FADE, total)


@kernel
def hear_by_matrix(
    setup: Setup,
    jitter: Jitter,
    wide: Wide,
    bridge: Bridge,
    mixes: Mixes,
    row: int,
    itself: bool,
    high: bool,
    total: NDArray[np.int32],
) -> None:
    """The slow way, for rules that do not fit into the columns: everybody ``row`` hears, one by one."""
    m = setup.mix[row]
    matrix = bridge.matrix[row]
    clear(WIDE_FRAME if high else FRAME, total)
    for speaker in range(mixes.low[m], mixes.high[m] + 1):
        before, after = mixes.was[matrix, speaker], mixes.now[matrix, speaker]
        if itself and speaker == row:
            before = after = UNITY
        if (before == 0 and after == 0) or setup.mix[speaker] != m:
            continue
        if high:
            if speaks(setup, jitter, bridge, speaker, TAIL):
                wide_voice_of(setup, jitter, wide, bridge, mixes, speaker, mixes.voice)
                add_weighted(mixes.voice, WIDE_FRAME, before, after, 2 * FADE, total)
        elif speaks(setup, jitter, bridge, speaker, 0):
            voice_of(setup, jitter, bridge, speaker, mixes.voice)
            add_weighted(mixes.voice, FRAME, before, after, FADE, total)


@part
def add_plays(
    setup: Setup,
    plays: Plays,
    frames: NDArray[np.int16],
    row: int,
    samples: int,
    sounds: bool,
    total: NDArray[np.int32],
) -> bool:
    """Add to ``total``, which holds nothing unless it ``sounds``, the plays that ``row`` hears, at one rate.

    ``frames`` is ``frame`` or ``wide_frame`` of the plays; whether there is any sound now.
    """
    for k in range(setup.hears[row]):
        play = setup.plays[row, k]
        if plays.live[play] == 0:
            continue
        frame = frames[play]
        if sounds:
            for i in range(samples):
                total[i] += frame[i]
        else:
            for i in range(samples):
                total[i] = frame[i]
        sounds = True
    return sounds


@part
def gather(
    setup: Setup,
    jitter: Jitter,
    wide: Wide,
    bridge: Bridge,
    plays: Plays,
    mixes: Mixes,
    row: int,
    itself: bool,
    total: NDArray[np.int32],
) -> bool:
    """Sum what ``row`` hears in this tick into ``total`` [FRAME]; False when it is silence.

    With ``itself`` it hears its own voice among the others.
    """
    sounds = False
    m = setup.mix[row]
    if m >= 0:
        if bridge.matrix[row] >= 0:
            hear_by_matrix(setup, jitter, wide, bridge, mixes, row, itself, False, total)
            sounds = True
        else:
            own = 1 if not itself and speaks(setup, jitter, bridge, row, 0) else 0
            if mixes.speakers[m] > own:
                everybody = mixes.total[m]
                if own == 0:
                    for i in range(FRAME):
                        total[i] = everybody[i]
                elif setup.muted[row] == 0 and bridge.level[row] == 1.0 and bridge.gain[row] == 1.0:
                    heard = jitter.heard[row, PAST:]
                    for i in range(FRAME):
                        total[i] = everybody[i] - heard[i]
                else:
                    voice_of(setup, jitter, bridge, row, mixes.voice)
                    for i in range(FRAME):
                        total[i] = everybody[i] - mixes.voice[i]
                sounds = True
            if bridge.rules[row] > 0:
                if not sounds:
                    clear(FRAME, total)
                hear_by_rules(setup, jitter, wide, bridge, mixes, row, itself, False, total)
                sounds = True
    return add_plays(setup, plays, plays.frame, row, FRAME, sounds, total)


@part
def gather_wide(
    setup: Setup,
    jitter: Jitter,
    wide: Wide,
    bridge: Bridge,
    plays: Plays,
    mixes: Mixes,
    row: int,
    itself: bool,
    total: NDArray[np.int32],
) -> bool:
    """The same at 16,000 Hz, [WIDE_FRAME], for a leg whose mix (if it is in one) is wideband."""
    sounds = False
    m = setup.mix[row]
    if m >= 0:
        if bridge.matrix[row] >= 0:
            hear_by_matrix(setup, jitter, wide, bridge, mixes, row, itself, True, total)
            sounds = True
        else:
            own = 1 if not itself and speaks(setup, jitter, bridge, row, TAIL) else 0
            if mixes.wide_speakers[m] > own:
                everybody = mixes.wide_total[m]
                if own == 0:
                    for i in range(WIDE_FRAME):
                        total[i] = everybody[i]
                else:
                    wide_voice_of(setup, jitter, wide, bridge, mixes, row, mixes.voice)
                    for i in range(WIDE_FRAME):
                        total[i] = everybody[i] - mixes.voice[i]
                sounds = True
            if bridge.rules[row] > 0:
                if not sounds:
                    clear(WIDE_FRAME, total)
                hear_by_rules(setup, jitter, wide, bridge, mixes, row, itself, True, total)
                sounds = True
    return add_plays(setup, plays, plays.wide_frame, row, WIDE_FRAME, sounds, total)


@part
def hear(
    setup: Setup,
    jitter: Jitter,
    wide: Wide,
    bridge: Bridge,
    plays: Plays,
    mixes: Mixes,
    row: int,
    total: NDArray[np.int32],
    out: NDArray[np.int16],
) -> bool:
    """What ``row`` hears in this tick into ``out`` [FRAME], ready to be encoded; False for silence."""
    if not gather(setup, jitter, wide, bridge, plays, mixes, row, False, total):
        bridge.limit[row] = np.float32(1.0)
        return False
    bridge.limit[row] = fit(total, FRAME, bridge.limit[row], mixes.room, out)
    return True


@kernel
def hear_wide(
    setup: Setup,
    jitter: Jitter,
    wide: Wide,
    bridge: Bridge,
    plays: Plays,
    mixes: Mixes,
    total: NDArray[np.int32],
    used: int,
) -> None:
    """What each wideband phone hears into ``wide.out``, silence marked in ``still``; ``total`` is scratch."""
    for slot in range(used):
        row = wide.row[slot]
        if row < 0 or setup.connected[row] == 0:
            continue
        if gather_wide(setup, jitter, wide, bridge, plays, mixes, row, False, total):
            wide.still[slot] = 0
            bridge.limit[row] = fit(total, WIDE_FRAME, bridge.limit[row], mixes.room, wide.out[slot])
        else:
            bridge.limit[row] = np.float32(1.0)
            wide.still[slot] = 1
            for i in range(WIDE_FRAME):
                wide.out[slot, i] = 0
