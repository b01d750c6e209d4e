"""Audio out of the plane: what taps give away in a tick."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hookflash.plane.columns import FRAME, PAST, WIDE_FRAME, Bridge, Jitter, Setup, Wide
from hookflash.plane.kernels.bands import SIDE, widen
from hookflash.plane.kernels.compiling import kernel, part
from hookflash.plane.kernels.gathering import clear, gather, gather_wide
from hookflash.plane.kernels.limiting import fit
from hookflash.plane.kernels.mixing import (
    FADE,
    TAIL,
    WIDE,
    Mixes,
    add,
    speaks,
    voice_of,
    wide_voice_of,
)
from hookflash.plane.kernels.playing import Plays
from hookflash.plane.rings import TAP_FRAMES, Rings

HEARD = 0
"""What a leg hears."""
SAID = 1
"""What the others hear of a leg: nothing while it is muted or on hold."""
WHOLE = 2
"""All that is said in a call, and its prompts: all that is played to somebody in it, on hold or not."""
PROMPTS = 3
"""The prompts of a call alone."""
FRESH = 2
LEAD = 2 * SIDE
"""Samples of the past that are kept for the filter of a tap."""
NONE = np.int32(-1)


class Taps(NamedTuple):
    """One row a tap, the same as its ring."""

    kind: NDArray[np.uint8]  # HEARD, SAID, WHOLE, PROMPTS
    row: NDArray[np.int32]  # of the leg, or of the call's mix; -1 there is none now
    itself: NDArray[np.uint8]  # HEARD: with the leg's own voice
    high: NDArray[np.uint8]  # its frames are at 16,000 Hz
    limit: NDArray[np.float32]  # of its sum at 8,000 Hz, see ``kernels.limiting``
    wide_limit: NDArray[np.float32]  # and of that at 16,000 Hz
    wide: NDArray[np.uint8]  # its last frame was made at 16,000 Hz: 0 no, 1 yes, FRESH there was none
    still: NDArray[np.int16]  # silent ticks in a row
    lead: NDArray[np.int16]  # [taps, LEAD] the last samples at 8,000 Hz of the tick before, where ``high``
    line: NDArray[np.int16]  # [PAST + FRAME] the same, and this tick; scratch that all taps share


class Prompts(NamedTuple):
    """What is played in each call that wants to know, as a list: its first play, and the next of each."""

    first: NDArray[np.int32]  # [mixes] a play that a leg of the call hears, -1 none in this tick
    then: NDArray[np.int32]  # [plays] another one of the same mix, -1 none
    taken: NDArray[np.int64]  # [plays] the tick in which it was put into a list


@kernel
def list_prompts(
    setup: Setup, plays: Plays, mixes: Mixes, prompts: Prompts, used: int, used_mixes: int, tick: int
) -> None:
    """Find the plays of each call that are heard by somebody in it, on hold or not, each once.

    What somebody hears who has not been joined yet, since they were called but have not answered, is not
    among them.
    """
    for m in range(used_mixes):
        prompts.first[m] = NONE
    for row in range(used):
        m = setup.belongs[row]
        if setup.open[row] == 0 or m < 0 or mixes.wanted[m] == 0:
            continue
        for k in range(setup.hears[row]):
            play = setup.plays[row, k]
            if plays.live[play] == 0 or prompts.taken[play] == tick:
                continue
            prompts.taken[play] = tick
            prompts.then[play] = prompts.first[m]
            prompts.first[m] = play


@part
def whole(
    plays: Plays, mixes: Mixes, prompts: Prompts, m: int, voices: bool, total: NDArray[np.int32]
) -> bool:
    """The voices of a mix (if ``voices``) and its prompts; False when it is silence."""
    sounds = voices and mixes.speakers[m] != 0
    if sounds:
        add(mixes.total[m], FRAME, True, total)
    play = prompts.first[m]
    while play >= 0:
        add(plays.frame[play], FRAME, not sounds, total)
        sounds = True
        play = prompts.then[play]
    return bool(sounds)


@part
def whole_wide(
    plays: Plays, mixes: Mixes, prompts: Prompts, m: int, voices: bool, total: NDArray[np.int32]
) -> bool:
    """The same at 16,000 Hz."""
    sounds = voices and mixes.wide_speakers[m] != 0
    if sounds:
        add(mixes.wide_total[m], WIDE_FRAME, True, total)
    play = prompts.first[m]
    while play >= 0:
        add(plays.wide_frame[play], WIDE_FRAME, not sounds, total)
        sounds = True
        play = prompts.then[play]
    return bool(sounds)


@part
def tapped(
    setup: Setup,
    jitter: Jitter,
    wide: Wide,
    bridge: Bridge,
    plays: Plays,
    mixes: Mixes,
    prompts: Prompts,
    taps: Taps,
    tap: int,
    total: NDArray[np.int32],
) -> bool:
    """What a tap gives away at 8,000 Hz, as a sum; False when it is silence."""
    row = taps.row[tap]
    kind = taps.kind[tap]
    if row < 0:
        return False
    if kind == HEARD:
        return gather(setup, jitter, wide, bridge, plays, mixes, row, taps.itself[tap] != 0, total)
    if kind == SAID:
        if setup.mix[row] < 0 or not speaks(setup, jitter, bridge, row, 0):
            return False
        voice_of(setup, jitter, bridge, row, total)
        return True
    return whole(plays, mixes, prompts, row, kind == WHOLE, total)


@part
def width(setup: Setup, mixes: Mixes, taps: Taps, tap: int) -> np.uint8:
    """Whether there is more to give away at 16,000 Hz than at 8,000: WIDE, LEFT (for the last time) or 0."""
    row = taps.row[tap]
    if row < 0:
        return np.uint8(0)
    if taps.kind[tap] == SAID:
        return WIDE if setup.wide[row] >= 0 else np.uint8(0)
    heard = taps.kind[tap] == HEARD
    m = setup.mix[row] if heard else row
    rates = mixes.wide if heard else mixes.whole
    return rates[m] if m >= 0 else np.uint8(0)


@part
def blend(
    line: NDArray[np.int16],
    high: bool,
    flat: NDArray[np.float32],
    scratch: NDArray[np.int32],
    out: NDArray[np.int16],
) -> None:
    """Fade ``out`` [WIDE_FRAME] in (``high``), from ``line`` [PAST + FRAME] at 8,000 Hz, or out, into that.

    The two differ by the delay of a filter, and in what is above 4 kHz.
    """
    widen(line, flat, scratch)
    for i in range(WIDE_FRAME):
        at = min(np.int32(i + 1), np.int32(2 * FADE))
        part_of_out = at if high else np.int32(2 * FADE) - at
        other = min(max(scratch[i], np.int32(-32768)), np.int32(32767))
        out[i] = (out[i] * part_of_out + other * (np.int32(2 * FADE) - part_of_out)) // np.int32(2 * FADE)


@part
def tapped_wide(
    setup: Setup,
    jitter: Jitter,
    wide: Wide,
    bridge: Bridge,
    plays: Plays,
    mixes: Mixes,
    prompts: Prompts,
    taps: Taps,
    tap: int,
    total: NDArray[np.int32],
) -> bool:
    """What a tap of which :func:`width` tells gives away at 16,000 Hz; False when it is silence."""
    row = taps.row[tap]
    kind = taps.kind[tap]
    if kind == HEARD:
        return gather_wide(setup, jitter, wide, bridge, plays, mixes, row, taps.itself[tap] != 0, total)
    if kind == SAID:
        if setup.mix[row] < 0 or not speaks(setup, jitter, bridge, row, TAIL):
            return False
        wide_voice_of(setup, jitter, wide, bridge, mixes, row, total)
        return True
    return whole_wide(plays, mixes, prompts, row, kind == WHOLE, total)


@kernel
def write_taps(
    setup: Setup,
    jitter: Jitter,
    wide: Wide,
    bridge: Bridge,
    plays: Plays,
    mixes: Mixes,
    prompts: Prompts,
    taps: Taps,
    rings: Rings,
    active: NDArray[np.int64],
    total: NDArray[np.int32],
    tick: int,
) -> None:
    """One frame into the ring of each tap in ``active``; a full ring loses it. ``total`` is scratch.

    A tap at 16,000 Hz follows the sum at 8,000 Hz all the time, so that it goes on without a break when the
    first wideband phone joins the call or the last one leaves it: one sum is faded into the other.
    """
    line = taps.line
    now = line[PAST:]
    for k in range(active.shape[0]):
        tap = active[k]
        lead = taps.lead[tap]
        sounds = tapped(setup, jitter, wide, bridge, plays, mixes, prompts, taps, tap, total)
        if sounds:
            taps.limit[tap] = fit(total, FRAME, taps.limit[tap], mixes.room, now)
            taps.still[tap] = 0
        else:
            taps.limit[tap] = np.float32(1.0)
            taps.still[tap] = min(taps.still[tap] + 1, 2)
            for i in range(FRAME):
                now[i] = 0
        if taps.high[tap] != 0:
            for i in range(LEAD):
                line[PAST - LEAD + i] = lead[i]
                lead[i] = now[FRAME - LEAD + i]
        written = rings.written[tap]
        ahead = written - rings.read[tap]
        if ahead >= TAP_FRAMES:
            rings.lost[tap] += 1
            continue
        if ahead == 0:
            # Beside the frames of the other taps.
            rings.shift[tap] = tick - written
        place = (written + rings.shift[tap]) & (TAP_FRAMES - 1)
        out = rings.frames[place, tap]
        if taps.high[tap] == 0:
            for i in range(FRAME):
                out[i] = now[i]
        else:
            now_wide = width(setup, mixes, taps, tap)
            high = now_wide == WIDE
            turns = taps.wide[tap] == (0 if high else 1)
            if high or (turns and now_wide != 0):
                if not tapped_wide(setup, jitter, wide, bridge, plays, mixes, prompts, taps, tap, total):
                    clear(WIDE_FRAME, total)
                if turns and high:
                    taps.wide_limit[tap] = taps.limit[tap]
                taps.wide_limit[tap] = fit(total, WIDE_FRAME, taps.wide_limit[tap], mixes.room, out)
                if turns:
                    blend(line, high, mixes.room, total, out)
            elif taps.still[tap] > TAIL:
                for i in range(WIDE_FRAME):
                    out[i] = 0
            else:
                widen(line, mixes.room, total)
                for i in range(WIDE_FRAME):
                    out[i] = min(max(total[i], -32768), 32767)
            taps.wide[tap] = 1 if high else 0
        rings.rank[place, tap] = 0
        if taps.kind[tap] == SAID and taps.row[tap] >= 0:
            rings.rank[place, tap] = bridge.rank[taps.row[tap]]
        rings.ticks[place, tap] = tick
        rings.written[tap] = written + 1
