"""Loss concealment: what is missing is made up from what was heard before it, and fades.

A voice goes on with its pitch: the last period is repeated. What has no pitch goes on as noise, in grains
taken from changing distances, so that nothing begins to buzz. After 10 ms it begins to fade, after 60 ms
nothing is left; comfort noise, if the peer has told of some, rises in its place. Real audio is faded in
over what is made up.

It works on a *line*: the past, and behind it what was taken out of the ring, at 8,000 (scale 1) or
16,000 Hz (scale 2). The samples made up earlier are in the line already faded; repeating one takes the ratio
of two gains.

A stall of the network makes a hole in every leg at once, and what that costs must not make the tick late, or
the next one has holes as well. So searches are counted, and only so many are done in a tick (*budget*).
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
    # Slices, counted from 0: an index that may be negative keeps loops from being vectorised.
    now = flat[end - window : end]
    energy = np.float32(0)
    for i in range(window):
        energy += now[i] * now[i]
    if energy < 1.0:
        return least, 0.0
    then = flat[end - window - least :]
    other = np.float32(0)
    for i in range(window):
        other += then[i] * then[i]
    best = np.float32(-2)
    found = least
    for lag in range(least, most + 1):
        then = flat[end - window - lag :]
        product = np.float32(0)
        for i in range(window):
            product += now[i] * then[i]
        likeness = product / np.float32(math.sqrt(energy * max(other, np.float32(1))))
        # Of two that are as good the shorter one: less of the past is heard again.
        if likeness > best + np.float32(0.005):
            best = likeness
            found = lag
        before, after = flat[max(end - window - lag - 1, 0)], flat[end - lag - 1]
        other = max(other + before * before - after * after, np.float32(0))
    return found, float(best)


@kernel
def choose_period(
    line: NDArray[np.int16], flat: NDArray[np.float32], at: int, scale: int
) -> tuple[int, float]:
    """The pitch period of a line before ``at`` in its own samples, and the correlation there."""
    past = line[at - PAST * scale : at]
    if scale == 1:
        for i in range(PAST):
            flat[i] = past[i]
    else:
        for i in range(PAST):
            flat[i] = (np.float32(past[2 * i]) + np.float32(past[2 * i + 1])) * np.float32(0.5)
    period, likeness = find_period(flat, PAST, SHORTEST, LONGEST, FRAME)
    if scale == 1:
        return period, likeness
    # Between two samples at 8,000 Hz there is one more at 16,000.
    best = -1.0e30
    found = 2 * period
    now = line[at - FRAME : at]
    for lag in range(2 * period - 1, 2 * period + 2):
        then = line[at - FRAME - lag : at - lag]
        product = np.float32(0)
        other = np.float32(1)
        for i in range(FRAME):
            product += np.float32(now[i]) * np.float32(then[i])
            other += np.float32(then[i]) * np.float32(then[i])
        likely = float(product / math.sqrt(other))
        if likely > best:
            best = likely
            found = lag
    return found, likeness


@part
def place(grain: int) -> int:
    """Where a grain of noise comes from: so many units back."""
    return NEAREST + (grain * 7919 + 104729) % 65521 * 40503 % PLACES


@part
def repeat(
    line: NDArray[np.int16],
    made: NDArray[np.float32],
    at: int,
    distance: int,
    hidden: int,
    count: int,
    scale: int,
) -> None:
    """The samples ``distance`` before ``at``, as faded as those ``hidden`` samples into a hole are.

    ``count`` is at most ``distance``.
    """
    then = line[at - distance : at - distance + count]
    left = np.float32(GONE * scale - hidden)
    far = np.float32(distance)
    slope = np.float32(1.0 / ((GONE - HOLD) * scale))
    for i in range(count):
        here = left - np.float32(i)
        now = min(max(here * slope, np.float32(0)), np.float32(1))
        made[i] = np.float32(then[i]) * (now / min((here + far) * slope, np.float32(1)))


@part
def make_up(
    jitter: Jitter,
    row: int,
    line: NDArray[np.int16],
    flat: NDArray[np.float32],
    at: int,
    most: int,
    scale: int,
    noise: bool,
) -> int:
    """The next samples from ``at`` on into ``flat``: how many, at most ``most``.

    The leg's concealment is ``hidden`` samples long there.
    """
    hidden = int(jitter.hidden[row])
    period = int(jitter.period[row])
    half = flat.shape[0] // 2
    made, other = flat[:half], flat[half:]
    count = int(min(most, half))
    if hidden >= GONE * scale:
        for i in range(count):
            made[i] = 0
    elif period > 0:
        count = min(count, period, GONE * scale - hidden)
        repeat(line, made, at, period, hidden, count, scale)
    else:
        size = GRAIN * scale
        grain = hidden // size
        into = hidden - grain * size
        if grain > 0 and into < size // 2:
            count = min(count, size // 2 - into)
            repeat(line, made, at, place(grain) * scale, hidden, count, scale)
            repeat(line, other, at, place(grain - 1) * scale, hidden, count, scale)
            # Noise: it is powers that add up.
            step = np.float32(2.0 / size)
            for i in range(count):
                share = (np.float32(into + i) + np.float32(0.5)) * step
                made[i] = made[i] * math.sqrt(share) + other[i] * math.sqrt(np.float32(1) - share)
        else:
            count = min(count, size - into)
            repeat(line, made, at, place(grain) * scale, hidden, count, scale)
    for i in range(min(count, BRIDGE * scale - hidden)):
        made[i] += jitter.step[row] * (1.0 - (hidden + i) / (BRIDGE * scale))
    if noise:
        for i in range(count):
            left = (GONE * scale - hidden - i) / ((GONE - HOLD) * scale)
            made[i] += make_noise(jitter, row) * (1.0 - min(max(left, 0.0), 1.0))
    return count


@part
def limited(value: float) -> int:
    """As a sample; what is MISSING can not come of it."""
    return int(min(max(value, -32767.0), 32767.0))


@part
def begin_hole(
    jitter: Jitter,
    row: int,
    line: NDArray[np.int16],
    flat: NDArray[np.float32],
    i: int,
    scale: int,
    budget: NDArray[np.int64],
) -> None:
    """Decide how to go on from what was heard before ``i``."""
    jitter.hidden[row] = 0
    if budget[0] > 0:
        budget[0] -= 1
        period, likeness = choose_period(line, flat, i, scale)
    else:
        period, likeness = LONGEST * scale, 1.0
    first = period if likeness >= VOICED else place(0) * scale
    jitter.period[row] = period if likeness >= VOICED else -1
    jitter.step[row] = np.float32(line[i - 1]) - np.float32(line[i - 1 - first])


@part
def fill(
    jitter: Jitter,
    quality: Quality,
    row: int,
    line: NDArray[np.int16],
    flat: NDArray[np.float32],
    begin: int,
    end: int,
    scale: int,
    noise: bool,
) -> None:
    """Make up what is from ``begin`` to ``end``."""
    jitter.back[row] = 0
    gone = GONE * scale
    quality.concealed[row] += (min(end - begin, gone - int(jitter.hidden[row])) + scale - 1) // scale
    at = begin
    while at < end:
        count = make_up(jitter, row, line, flat, at, end - at, scale, noise)
        out = line[at : at + count]
        for i in range(count):
            out[i] = limited(flat[i])
        jitter.hidden[row] = min(jitter.hidden[row] + count, gone)
        at += count


@part
def fade_in(
    jitter: Jitter,
    row: int,
    line: NDArray[np.int16],
    flat: NDArray[np.float32],
    begin: int,
    end: int,
    scale: int,
    noise: bool,
) -> None:
    """Fade what is real from ``begin`` to ``end`` in over what would have been made up."""
    whole = RETURN * scale
    end = min(end, begin + whole - int(jitter.back[row]))
    at = begin
    while at < end:
        count = make_up(jitter, row, line, flat, at, end - at, scale, noise)
        out = line[at : at + count]
        back = int(jitter.back[row])
        for i in range(count):
            share = np.float32(back + 1 + i) * np.float32(1.0 / (whole + 1))
            out[i] = limited(np.float32(out[i]) * share + flat[i] * (np.float32(1) - share))
        jitter.hidden[row] = min(jitter.hidden[row] + count, GONE * scale)
        jitter.back[row] += count
        at += count
    if jitter.back[row] >= whole:
        jitter.hidden[row] = 0
        jitter.back[row] = 0


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
    budget: NDArray[np.int64],
) -> int:
    """Make up what is MISSING of a line from its past's end to ``end``; how many samples of it are real.

    The state in the columns goes on from the frame before. ``noise``: what is missing is comfort noise.
    ``budget[0]`` is how many searches are left in this tick: without one the last 20 ms are repeated.
    """
    real = 0
    at = PAST * scale
    while at < end:
        begin = at
        gap = line[at] == MISSING
        while at < end and (line[at] == MISSING) == gap:
            at += 1
        hidden = jitter.hidden[row]
        if not gap:
            real += at - begin
            if hidden <= 0:
                jitter.hidden[row] = 0
                continue
            if jitter.period[row] == 0:
                begin_hole(jitter, row, line, flat, begin, scale, budget)
            fade_in(jitter, row, line, flat, begin, at, scale, noise)
            continue
        if hidden < 0 and not noise:
            # Nothing has been said yet.
            for i in range(begin, at):
                line[i] = 0
            continue
        if hidden == 0 or jitter.back[row] > 0 or jitter.period[row] == 0:
            begin_hole(jitter, row, line, flat, begin, scale, budget)
        elif hidden < 0:
            jitter.hidden[row] = GONE * scale
            jitter.period[row] = -1
        fill(jitter, quality, row, line, flat, begin, at, scale, noise)
    return real
