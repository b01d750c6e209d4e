"""The mix of each call: the sum of what its legs say, how loud each of them is, who is loudest.

Everybody hears the sum without their own part in it, so a mix costs two additions a leg however many there
are. All of it is whole numbers: what one leg adds and another takes out again leaves nothing behind, and a
leg that is as loud as it speaks passes bit for bit. Gains are in 1/4096.

Legs at 8,000 Hz are summed as they are. Where a phone of a call is wideband, what is said is summed at
16,000 Hz beside that: the narrowband legs of the call go on hearing the one sum, the wideband ones hear the
other.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hookflash.plane.columns import FRAME, PAST, WIDE_FRAME, Bridge, Jitter, Setup, Wide
from hookflash.plane.columns.sizes import G722
from hookflash.plane.kernels.bands import widen
from hookflash.plane.kernels.compiling import kernel, part
from hookflash.plane.kernels.limiting import HIGHEST, LOWEST

UNITY = np.int32(4096)
HALF = np.int32(2048)
SHIFT = np.int32(12)
FADE = FRAME // 4
"""Samples over which a leg is muted, or heard again (5 ms)."""
WIDE = np.uint8(1)
LEFT = np.uint8(2)
"""Of a mix: it is still summed at 16,000 Hz once more, so that taps can fade."""
TAIL = 1
"""Silent ticks of a leg in which the filter to 16,000 Hz still gives sound."""


class Mixes(NamedTuple):
    """One row a call that has legs joined or on hold, and what all of them share."""

    total: NDArray[np.int32]  # [mixes, FRAME] sum of all joined legs
    wide_total: NDArray[np.int32]  # [mixes, WIDE_FRAME] the same at 16,000 Hz, where ``wide`` or ``whole``
    speakers: NDArray[np.int32]  # legs that said something in this tick
    wide_speakers: NDArray[np.int32]  # legs in ``wide_total``
    wide: NDArray[np.uint8]  # WIDE: a joined phone is wideband; LEFT: the last of them has gone in this tick
    whole: NDArray[np.uint8]  # the same, also counting phones on hold, where ``wanted``
    wanted: NDArray[np.uint8]  # some tap wants the whole call, or its prompts
    low: NDArray[np.int32]  # lowest row that is joined
    high: NDArray[np.int32]  # highest
    best: NDArray[np.int32]  # [mixes, RANKS] rows of the loudest, the loudest first
    score: NDArray[np.float32]  # [mixes, RANKS] how loud they are
    was: NDArray[np.int32]  # [matrices, rows] how loud one hears each, 1/4096, after the last tick
    now: NDArray[np.int32]  # [matrices, rows] and after this one
    voice: NDArray[np.int32]  # [WIDE_FRAME] scratch: one leg
    room: NDArray[np.float32]  # [WIDE_FRAME] scratch of the limiter, and of the filters


@part
def level_before(bridge: Bridge, row: int) -> np.int32:
    """How loud the leg was at the end of the last tick."""
    return np.int32(bridge.level[row] * 4096.0 + 0.5)


@part
def level_after(setup: Setup, bridge: Bridge, row: int) -> np.int32:
    """How loud it is at the end of this one."""
    return np.int32(0) if setup.muted[row] != 0 else np.int32(bridge.gain[row] * 4096.0 + 0.5)


@part
def scale(
    voice: NDArray[np.signedinteger[Any]],
    samples: int,
    before: np.int32,
    after: np.int32,
    out: NDArray[np.int32],
) -> None:
    """A leg's voice as loud as others hear it: a step of the gain is a slope."""
    if before == after:
        for i in range(samples):
            out[i] = np.int32(np.int32(voice[i]) * after + HALF) >> SHIFT
        return
    slope = np.int32(samples // 4 if before == 0 or after == 0 else samples)
    for i in range(samples):
        # Both products stay below 2**31: a gain is 10 at most, a frame 320 samples.
        at = min(np.int32(i + 1), slope)
        gain = np.int32(before * (slope - at) + after * at) // slope
        out[i] = np.int32(np.int32(voice[i]) * gain + HALF) >> SHIFT


@part
def speaks(setup: Setup, jitter: Jitter, bridge: Bridge, row: int, silent: int) -> bool:
    """Whether others hear anything of ``row``, which is in their mix; ``silent`` ticks do not count yet."""
    if jitter.silent[row] > silent:
        return False
    return bool(setup.muted[row] == 0 or bridge.level[row] > 0.0)


@part
def voice_of(setup: Setup, jitter: Jitter, bridge: Bridge, row: int, out: NDArray[np.int32]) -> None:
    """What others hear of a leg that speaks, [FRAME]."""
    heard = jitter.heard[row, PAST:]
    before, after = level_before(bridge, row), level_after(setup, bridge, row)
    if before == UNITY and after == UNITY:
        for i in range(FRAME):
            out[i] = heard[i]
    else:
        scale(heard, FRAME, before, after, out)


@part
def wide_voice_of(
    setup: Setup, jitter: Jitter, wide: Wide, bridge: Bridge, mixes: Mixes, row: int, out: NDArray[np.int32]
) -> None:
    """The same at 16,000 Hz, [WIDE_FRAME]; ``mixes.room`` is scratch."""
    slot = setup.wide[row]
    if slot >= 0:
        heard = wide.heard[slot, 2 * PAST :]
        for i in range(WIDE_FRAME):
            out[i] = heard[i]
    else:
        widen(jitter.heard[row], mixes.room, out)
    before, after = level_before(bridge, row), level_after(setup, bridge, row)
    if before != UNITY or after != UNITY:
        if slot < 0:
            # The filter overshoots: more than twice full scale would not fit into 32 bits at +20 dB.
            for i in range(WIDE_FRAME):
                out[i] = min(max(out[i], LOWEST), HIGHEST)
        scale(out, WIDE_FRAME, before, after, out)


@part
def add(voice: NDArray[np.int32], samples: int, first: bool, total: NDArray[np.int32]) -> None:
    """Add to a sum, or begin it."""
    if first:
        for i in range(samples):
            total[i] = voice[i]
    else:
        for i in range(samples):
            total[i] += voice[i]


@kernel
def mix(
    setup: Setup, jitter: Jitter, wide: Wide, bridge: Bridge, mixes: Mixes, used: int, used_mixes: int
) -> int:
    """Sum what the joined legs of each call say; how many wideband slots are to be walked."""
    slots = 0
    for m in range(used_mixes):
        mixes.speakers[m] = 0
        mixes.wide_speakers[m] = 0
        mixes.wide[m] = LEFT if mixes.wide[m] == WIDE else np.uint8(0)
        mixes.whole[m] = LEFT if mixes.whole[m] == WIDE else np.uint8(0)
        mixes.low[m] = used
        mixes.high[m] = -1
    for row in range(used):
        if setup.open[row] == 0:
            continue
        m = setup.mix[row]
        slots = max(slots, setup.wide[row] + 1)
        if m >= 0:
            mixes.low[m] = min(mixes.low[m], np.int32(row))
            mixes.high[m] = row
        if setup.wide[row] >= 0 and setup.codec[row] >= G722:
            belongs = setup.belongs[row]
            if m >= 0:
                mixes.wide[m] = WIDE
            if belongs >= 0 and mixes.wanted[belongs] != 0:
                mixes.whole[belongs] = WIDE
    for m in range(used_mixes):
        if mixes.wide[m] != 0 or mixes.whole[m] != 0:
            slots = max(slots, 1)
    for row in range(used):
        m = setup.mix[row]
        if setup.open[row] == 0 or m < 0:
            continue
        if speaks(setup, jitter, bridge, row, 0):
            first = mixes.speakers[m] == 0
            total = mixes.total[m]
            if setup.muted[row] == 0 and bridge.level[row] == 1.0 and bridge.gain[row] == 1.0:
                # Straight from its row: this is what most legs are.
                heard = jitter.heard[row, PAST:]
                if first:
                    for i in range(FRAME):
                        total[i] = heard[i]
                else:
                    for i in range(FRAME):
                        total[i] += heard[i]
            else:
                voice_of(setup, jitter, bridge, row, mixes.voice)
                add(mixes.voice, FRAME, first, total)
            mixes.speakers[m] += 1
        if (mixes.wide[m] != 0 or mixes.whole[m] != 0) and speaks(setup, jitter, bridge, row, TAIL):
            wide_voice_of(setup, jitter, wide, bridge, mixes, row, mixes.voice)
            add(mixes.voice, WIDE_FRAME, mixes.wide_speakers[m] == 0, mixes.wide_total[m])
            mixes.wide_speakers[m] += 1
    return slots


@kernel
def settle(setup: Setup, bridge: Bridge, used: int) -> None:
    """The end of the tick: everybody is as loud as they were to become, and hears whom they were to hear."""
    for row in range(used):
        bridge.level[row] = np.float32(0.0) if setup.muted[row] != 0 else bridge.gain[row]
    for row in range(used):
        for k in range(bridge.rules[row]):
            bridge.rule_was[row, k] = bridge.rule_now[row, k]
