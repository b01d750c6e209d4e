"""Loss concealment: what is missing is made up from what was heard before it, and fades.

A voice goes on with its pitch: the last period is repeated. What has no pitch goes on as noise, in grains
taken from changing distances, so that nothing begins to buzz. After 10 ms it begins to fade, after 60 ms
nothing is left; comfort noise, if the peer has told of some, rises in its place. Real audio is faded in
over what is made up.

It works on a *line*: the past, and behind it what was taken out of the ring, at 8,000 (scale 1) or
16,000 Hz (scale 2). The samples made up earlier are in the line already faded; repeating one takes the ratio
of two gains.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hookflash.plane.columns import FRAME, MISSING, PAST, Jitter, Quality
from hookflash.plane.kernels.compiling import kernel, part
from hookflash.plane.kernels.noise import make_noise

HOLD = 80
"""Units made up at full level, 10 ms."""
GONE = 480
"""Units after which nothing of what was heard is left, 60 ms."""
RETURN = 32
"""Units over which real audio is faded in, 4 ms."""
BRIDGE = 16
"""Units over which the step at the beginning of a hole is evened out."""
SHORTEST, LONGEST = 40, 160
"""Pitch periods looked for, in units: 200 to 50 Hz (of a higher voice, several)."""
VOICED = 0.6
"""Least correlation of a voice with itself a period before."""
GRAIN = 40
"""Units of noise taken from one place."""
NEAREST, PLACES = 80, 200
"""How far back grains are taken from, in units: at least, and how much more at most."""


@kernel
def find_period(flat: NDArray[np.float32], end: int, least: int, most: int, window: int) -> tuple[int, float]:
    """The distance at which the last ``window`` samples before ``end`` resemble what was before them most.

    Returns it and the normalised correlation there, 0 for silence.
    """
    best = np.float32(-2)
    found = least
    start = end - window
    energy = np.float32(0)
    for i in range(window):
        energy += flat[start + i] * flat[start + i]
    if energy < 1.0:
        return least, 0.0
    other = np.float32(0)
    for i in range(window):
        other += flat[start - least + i] * flat[start - least + i]
    for lag in range(least, most + 1):
        product = np.float32(0)
        for i in range(window):
            product += flat[start + i] * flat[start - lag + i]
        likeness = product / np.float32(math.sqrt(energy * max(other, np.float32(1))))
        # Of two that are as good the shorter one: less of the past is heard again.
        if likeness > best + np.float32(0.005):
            best = likeness
            found = lag
        before, after = flat[start - lag - 1], flat[end - lag - 1]
        other = max(other + before * before - after * after, np.float32(0))
    return found, float(best)


@kernel
def choose_period(
    line: NDArray[np.int16], flat: NDArray[np.float32], at: int, scale: int
) -> tuple[int, float]:
    """The pitch period of a line before ``at`` in its own samples, and the correlation there."""
    for i in range(PAST):
        if scale == 1:
            flat[i] = line[at - PAST + i]
        else:
            j = at - 2 * PAST + 2 * i
            flat[i] = (np.float32(line[j]) + np.float32(line[j + 1])) * np.float32(0.5)
    period, likeness = find_period(flat, PAST, SHORTEST, LONGEST, FRAME)
    if scale == 1:
        return period, likeness
    # Between two samples at 8,000 Hz there is one more at 16,000.
    best = -1.0e30
    found = 2 * period
    for lag in range(2 * period - 1, 2 * period + 2):
        product = 0.0
        other = 1.0
        for i in range(at - FRAME, at):
            product += float(line[i]) * float(line[i - lag])
            other += float(line[i - lag]) * float(line[i - lag])
        if product / math.sqrt(other) > best:
            best = product / math.sqrt(other)
            found = lag
    return found, likeness


@part
def gain(at: int, scale: int) -> float:
    """Of the sample ``at`` samples into what is made up; 1 before it."""
    if at < HOLD * scale:
        return 1.0
    return max(GONE * scale - at, 0) / ((GONE - HOLD) * scale)


@part
def place(grain: int) -> int:
    """Where a grain of noise comes from: so many units back."""
    return NEAREST + (grain * 7919 + 104729) % 65521 * 40503 % PLACES


@part
def repeated(line: NDArray[np.int16], i: int, hidden: int, distance: int, scale: int) -> float:
    """The sample ``distance`` before ``i``, as faded as one ``hidden`` samples into a hole is."""
    now = gain(hidden, scale)
    if now <= 0.0:
        return 0.0
    return float(line[i - distance]) * now / gain(hidden - distance, scale)


@part
def make_up(jitter: Jitter, row: int, line: NDArray[np.int16], i: int, scale: int, noise: bool) -> float:
    """The sample of place ``i``, while the leg's concealment is ``hidden`` samples long."""
    hidden = int(jitter.hidden[row])
    period = int(jitter.period[row])
    value = 0.0
    if period > 0:
        value = repeated(line, i, hidden, period, scale)
    elif hidden < GONE * scale:
        grain = hidden // (GRAIN * scale)
        into = hidden - grain * GRAIN * scale
        value = repeated(line, i, hidden, place(grain) * scale, scale)
        half = GRAIN * scale // 2
        if grain > 0 and into < half:
            # Noise: it is powers that add up.
            share = (into + 0.5) / half
            before = repeated(line, i, hidden, place(grain - 1) * scale, scale)
            value = value * math.sqrt(share) + before * math.sqrt(1.0 - share)
    if hidden < BRIDGE * scale:
        value += jitter.step[row] * (1.0 - hidden / (BRIDGE * scale))
    if noise:
        value += make_noise(jitter, row) * (1.0 - gain(hidden, scale))
    return value


@part
def limited(value: float) -> int:
    """As a sample; what is MISSING can not come of it."""
    return int(min(max(value, -32767.0), 32767.0))


@part
def begin_hole(
    jitter: Jitter, row: int, line: NDArray[np.int16], flat: NDArray[np.float32], i: int, scale: int
) -> None:
    """Decide how to go on from what was heard before ``i``."""
    period, likeness = choose_period(line, flat, i, scale)
    first = period if likeness >= VOICED else place(0) * scale
    jitter.period[row] = period if likeness >= VOICED else -1
    jitter.hidden[row] = 0
    jitter.step[row] = np.float32(line[i - 1]) - np.float32(line[i - 1 - first])


@kernel
def conceal(
    jitter: Jitter,
    quality: Quality,
    row: int,
    line: NDArray[np.int16],
    flat: NDArray[np.float32],
    end: int,
    scale: int,
    noise: bool,
) -> int:
    """Make up what is MISSING of a line from its past's end to ``end``; how many samples of it are real.

    The state in the columns goes on from the frame before. ``noise``: what is missing is comfort noise.
    """
    real = 0
    other = False
    for i in range(PAST * scale, end):
        hidden = jitter.hidden[row]
        if line[i] == MISSING:
            if hidden < 0 and not noise:
                # Nothing has been said yet.
                line[i] = 0
                continue
            if hidden == 0 or jitter.back[row] > 0 or jitter.period[row] == 0:
                begin_hole(jitter, row, line, flat, i, scale)
            elif hidden < 0:
                jitter.hidden[row] = GONE * scale
                jitter.period[row] = -1
            jitter.back[row] = 0
            line[i] = limited(make_up(jitter, row, line, i, scale, noise))
            if jitter.hidden[row] < GONE * scale:
                jitter.hidden[row] += 1
                quality.concealed[row] += scale == 1 or other
                other = not other
            continue
        real += 1
        if hidden <= 0:
            jitter.hidden[row] = 0
            continue
        if jitter.period[row] == 0:
            begin_hole(jitter, row, line, flat, i, scale)
        jitter.back[row] += 1
        share = jitter.back[row] / (RETURN * scale + 1.0)
        made = make_up(jitter, row, line, i, scale, noise)
        line[i] = limited(line[i] * share + made * (1.0 - share))
        jitter.hidden[row] = min(jitter.hidden[row] + 1, GONE * scale)
        if jitter.back[row] >= RETURN * scale:
            jitter.hidden[row] = 0
            jitter.back[row] = 0
    return real
