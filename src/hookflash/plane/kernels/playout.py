"""Playout in two steps: ``take`` moves units out of the rings, ``fit`` makes exactly one frame of them.

How many units are taken decides how long audio waits: one frame a tick keeps the lag as it is, more shorten
it, fewer lengthen it. When nothing is there playout waits for it, up to a bound, while concealment goes on;
so what is late is heard late, and the lag is shortened again in quiet frames or at a pitch period.

A narrowband frame that is whole goes straight into ``heard``. G.722 is decoded between the two steps.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hookflash.plane.columns import FRAME, MISSING, PAST, RATE, RING, TAKE, Jitter, Quality, Setup, Wide
from hookflash.plane.columns.wide import CODES
from hookflash.plane.kernels.compiling import kernel, part
from hookflash.plane.kernels.conceal import GONE, conceal, find_period
from hookflash.plane.kernels.splice import splice

SILENT_ENOUGH = 4
"""Frames of zeros after which the whole of ``heard`` is zero."""
ABOVE = 160
"""Lag above the target from which it is shortened."""
BELOW = 80
"""Lag below the target from which it is lengthened."""
NEAR = 40
"""From the target at which that ends."""
LEAST_STRETCH, MOST_STRETCH = 20, 80
"""Units left out or repeated at a time."""
ALIKE = 0.85
"""Correlation of two stretches that can be exchanged unheard."""
QUIET = 50.0 * 50.0
"""Mean square below which nobody hears a splice."""
PATIENCE = 8
"""Ticks to wait for such a place."""
URGENT = 640
"""Lag too much or too little that is not waited with."""
SEARCHES = 192
"""Searches for a pitch period in one tick, of all legs; each takes about a microsecond."""


@part
def shift(heard: NDArray[np.int16], past: int, frame: int) -> None:
    """Move what was heard one frame into the past."""
    # Plain loops: slice assignment would check for overlap and copy.
    for i in range(past):
        heard[i] = heard[frame + i]


@part
def move(ring: NDArray[np.int16], out: NDArray[np.int16], count: int) -> int:
    """Move units out of the ring, leaving it empty; the lowest of them (MISSING if there is a hole)."""
    lowest = np.int16(32767)
    for i in range(count):
        sample = ring[i]
        ring[i] = MISSING
        out[i] = sample
        lowest = min(lowest, sample)
    return int(lowest)


@part
def move_from(ring: NDArray[np.int16], size: int, at: int, out: NDArray[np.int16], count: int) -> int:
    """The same from ``at`` on, across the end of a ring of ``size``."""
    index = at & (size - 1)
    ahead = min(count, size - index)
    lowest = move(ring[index:], out, ahead)
    if ahead < count:
        lowest = min(lowest, move(ring, out[ahead:], count - ahead))
    return lowest


@part
def is_missing(jitter: Jitter, wide: Wide, row: int, slot: int, time: int) -> bool:
    """Whether the unit of ``time`` is not in the ring."""
    if slot >= 0 and wide.kind[slot] != CODES:
        return bool(wide.ring[slot, (2 * time) & (2 * RING - 1)] == MISSING)
    return bool(jitter.ring[row, time & (RING - 1)] == MISSING)


@part
def skip_hole(jitter: Jitter, wide: Wide, row: int, slot: int, error: int) -> int:
    """Leave out at most ``error`` units at the front that never came; how many they were."""
    time = jitter.time[row]
    most = min(error, jitter.newest[row] - time)
    count = 0
    while count < most and is_missing(jitter, wide, row, slot, time + count):
        count += 1
    if count > 0:
        jitter.time[row] += count
        if jitter.hidden[row] == 0:
            # What follows does not join what was heard last: it is faded in.
            jitter.hidden[row] = 1
            jitter.period[row] = 0
    return count


@part
def stretch(jitter: Jitter, row: int, flat: NDArray[np.float32], error: int) -> int:
    """By how many units this frame can bring the lag nearer to the target unheard, 0 by none."""
    if jitter.silent[row] > 0:
        return min(abs(error), MOST_STRETCH)
    heard = jitter.heard[row]
    energy = np.float32(0)
    for i in range(PAST):
        flat[i] = heard[FRAME + i]
    for i in range(PAST - FRAME, PAST):
        energy += flat[i] * flat[i]
    most = max(min(abs(error) + LEAST_STRETCH, MOST_STRETCH), LEAST_STRETCH + 1)
    period, likeness = find_period(flat, PAST, LEAST_STRETCH, most, FRAME)
    jitter.waited[row] += 1
    if likeness >= ALIKE or energy < QUIET * FRAME or jitter.waited[row] > PATIENCE or abs(error) >= URGENT:
        jitter.waited[row] = 0
        return period
    return 0


@kernel
def plan(
    jitter: Jitter,
    quality: Quality,
    wide: Wide,
    row: int,
    slot: int,
    flat: NDArray[np.float32],
    lag: int,
    key: bool,
    budget: NDArray[np.int64],
) -> int:
    """How many units to take for this frame; ``jitter.splice`` says how many it is to leave out or repeat.

    A splice takes one of the searches that are left in ``budget[0]``, and waits when there is none. With
    ``key`` the frame before may hold a key in band, of which a splice makes two that are too short: it waits
    until the key is up.
    """
    jitter.splice[row] = 0
    error = lag - jitter.target[row]
    if error > 0:
        skipped = skip_hole(jitter, wide, row, slot, error)
        error -= skipped
        lag -= skipped
    there = jitter.newest[row] - jitter.time[row]
    if there < FRAME:
        # What is not there may be late: playout waits, as long as that makes nobody wait too long.
        return int(max(there, 0)) if lag + FRAME <= jitter.most[row] else FRAME
    moving = int(jitter.moving[row])
    if moving == 0:
        moving = 1 if error >= ABOVE else -1 if error <= -BELOW else 0
        jitter.waited[row] = 0
    if moving * error < NEAR:
        moving = 0
    jitter.moving[row] = moving
    if moving == 0 or jitter.hidden[row] != 0 or budget[0] <= 0 or (key and abs(error) < URGENT):
        return FRAME
    budget[0] -= 1
    units = stretch(jitter, row, flat, error)
    if units == 0 or (moving > 0 and there < FRAME + units):
        return FRAME
    jitter.splice[row] = moving * units
    quality.stretched[row] += units
    return FRAME + moving * units


@part
def is_noise(jitter: Jitter, row: int) -> bool:
    """Whether what is missing now is comfort noise."""
    return bool(jitter.noise_left[row] > 0 and jitter.time[row] >= jitter.noise_time[row])


@kernel
def fit(
    jitter: Jitter,
    quality: Quality,
    row: int,
    line: NDArray[np.int16],
    flat: NDArray[np.float32],
    taken: int,
    heard: NDArray[np.int16],
    scale: int,
    budget: NDArray[np.int64],
) -> None:
    """Make ``heard`` of a line: behind the past it has ``taken`` units, some of which may be MISSING."""
    past, frame = PAST * scale, FRAME * scale
    units = int(jitter.splice[row])
    end = past + (FRAME + units) * scale
    for i in range(past + taken * scale, end):
        line[i] = MISSING
    noise = is_noise(jitter, row)
    real = conceal(jitter, quality, row, line, flat, end, scale, noise, budget)
    if units != 0:
        splice(line, units, scale)
        jitter.splice[row] = 0
    for i in range(past + frame):
        heard[i] = line[i]
    loudest = 0
    for i in range(past, past + frame):
        loudest = max(loudest, abs(int(line[i])))
    jitter.noisy[row] = noise and real == 0 and jitter.hidden[row] >= GONE * scale
    if noise:
        # Noise ends with the next audio.
        jitter.noise_left[row] = jitter.noise_left[row] - 1 if jitter.hidden[row] > 0 else 0
    jitter.silent[row] = 0 if loudest > 0 else min(jitter.silent[row] + 1, SILENT_ENOUGH)


@part
def rest(jitter: Jitter, wide: Wide, row: int, slot: int) -> None:
    """A frame of a leg that plays nothing: zeros, until all of its past is."""
    heard = jitter.heard[row]
    shift(heard, PAST, FRAME)
    for i in range(PAST, PAST + FRAME):
        heard[i] = 0
    if slot >= 0:
        shift(wide.heard[slot], 2 * PAST, 2 * FRAME)
        for i in range(2 * PAST, 2 * (PAST + FRAME)):
            wide.heard[slot, i] = 0
    jitter.hidden[row] = 0
    jitter.back[row] = 0
    jitter.noisy[row] = 0
    jitter.silent[row] += 1


@kernel
def take(
    setup: Setup,
    jitter: Jitter,
    wide: Wide,
    quality: Quality,
    near: NDArray[np.int16],
    line: NDArray[np.int16],
    flat: NDArray[np.float32],
    budget: NDArray[np.int64],
    used: int,
    tick: int,
) -> None:
    """Move every open leg on: what its frame is made of leaves the ring.

    ``near`` [rows] says of each leg which key its last frame may hold, -1 none.

    Of narrowband legs ``heard[PAST:]`` is then what they say in this tick. Of wideband ones ``wide.codes`` or
    ``wide.raw`` has ``wide.taken`` units, from which ``fit_wide`` makes it. ``line`` and ``flat`` are memory
    to work in (:func:`make_line`, :func:`make_flat`, :func:`make_budget`).
    """
    budget[0] = SEARCHES
    # Every tick begins with other legs, so that each gets its share of the searches.
    first = tick * SEARCHES % max(used, 1)
    for k in range(used):
        row = first + k
        if row >= used:
            row -= used
        if setup.open[row] == 0:
            continue
        slot = setup.wide[row]
        if jitter.playing[row] == 0:
            if slot >= 0:
                wide.taken[slot] = 0
            if jitter.silent[row] < SILENT_ENOUGH:
                rest(jitter, wide, row, slot)
            continue
        there = jitter.newest[row] - jitter.time[row]
        if there < -RATE and jitter.noise_left[row] == 0:
            jitter.playing[row] = 0
        lag = tick * FRAME - jitter.base[row] - jitter.time[row]
        error = lag - jitter.target[row]
        count = FRAME
        if error >= ABOVE or error <= -BELOW or there < FRAME or jitter.moving[row] != 0:
            count = plan(jitter, quality, wide, row, slot, flat, lag, near[row] >= 0, budget)
        time = jitter.time[row]
        jitter.time[row] = time + count
        if slot >= 0:
            wide.taken[slot] = count
            if wide.kind[slot] == CODES:
                move_from(jitter.ring[row], RING, time, wide.codes[slot], count)
            else:
                move_from(wide.ring[slot], 2 * RING, 2 * time, wide.raw[slot], 2 * count)
            continue
        heard = jitter.heard[row]
        if count == FRAME and jitter.hidden[row] == 0:
            shift(heard, PAST, FRAME)
            lowest = move_from(jitter.ring[row], RING, time, heard[PAST:], FRAME)
            if lowest != MISSING:
                jitter.silent[row] = 0
                continue
            for i in range(PAST + FRAME):
                line[i] = heard[i]
        else:
            if there <= 0 and jitter.silent[row] >= SILENT_ENOUGH and jitter.noise_left[row] == 0:
                # In a pause; by now it is known that it is none of a word.
                continue
            for i in range(PAST):
                line[i] = heard[FRAME + i]
            move_from(jitter.ring[row], RING, time, line[PAST:], count)
        fit(jitter, quality, row, line, flat, count, heard, 1, budget)


@kernel
def fit_wide(
    setup: Setup,
    jitter: Jitter,
    wide: Wide,
    quality: Quality,
    line: NDArray[np.int16],
    flat: NDArray[np.float32],
    budget: NDArray[np.int64],
    used: int,
) -> None:
    """Make ``wide.heard`` of every wideband leg that plays, out of what is in ``wide.raw``."""
    for row in range(used):
        slot = setup.wide[row]
        if setup.open[row] == 0 or slot < 0 or jitter.playing[row] == 0:
            continue
        raw, heard, count = wide.raw[slot], wide.heard[slot], int(wide.taken[slot])
        if count == FRAME and jitter.hidden[row] == 0:
            shift(heard, 2 * PAST, 2 * FRAME)
            lowest = np.int16(32767)
            for i in range(2 * FRAME):
                heard[2 * PAST + i] = raw[i]
                lowest = min(lowest, raw[i])
            if lowest != MISSING:
                jitter.silent[row] = 0
                continue
            for i in range(2 * (PAST + FRAME)):
                line[i] = heard[i]
        else:
            for i in range(2 * PAST):
                line[i] = heard[2 * FRAME + i]
            for i in range(2 * count):
                line[2 * PAST + i] = raw[i]
        fit(jitter, quality, row, line, flat, count, heard, 2, budget)


def make_line() -> NDArray[np.int16]:
    """Memory for the past of a leg and what was taken, at 16,000 Hz."""
    return np.zeros(2 * (PAST + TAKE), np.int16)


def make_flat() -> NDArray[np.float32]:
    """Memory for the past of a leg as fractions."""
    return np.zeros(PAST, np.float32)


def make_budget() -> NDArray[np.int64]:
    """Memory for how many searches are left in a tick."""
    return np.zeros(1, np.int64)
