"""In-band DTMF detection (ITU-T Q.23, Q.24) by frequency from phase.

Most legs are silent or speak: a coarse filter over the plain frame lets only two-tone frames through, and
names the row and the column tone to look for.

A block is a Hann window of 176 samples (22 ms); blocks follow each other by 20 samples. The frequency of a
tone comes from how far its phase has moved since the block before, good to about 1 Hz, so that tolerance is
tight where a filter bank's is not. A block passes when both tones are loud enough, near enough to nominal, of
acceptable twist, and together make up most of the block's energy (in speech and music they do not), and the
column is not the second harmonic of the row. A key is on after 9 passing blocks, off after 12 failing ones.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hookflash.plane.columns import FRAME, HISTORY, PAST, RATE, Detect, Jitter, Receive, Setup
from hookflash.plane.kernels.compiling import allocating, kernel, part
from hookflash.plane.kernels.events import SAME_KEY

TONES = (697.0, 770.0, 852.0, 941.0, 1209.0, 1336.0, 1477.0, 1633.0)
WINDOW = HISTORY
HOP = 20
BLOCKS = FRAME // HOP
HALF = FRAME // 2
PASSES = 9
MISSES = 2
FAILS = 12
TOLERANCE = 0.0245
"""Largest relative frequency error of a tone."""
TWIST_LOW = 10.0 ** (-10.5 / 20)
TWIST_HIGH = 10.0 ** (6.5 / 20)
"""Column amplitude over row amplitude."""
SHARE = 0.86
"""Least part of a block's energy that the two tones must explain."""
STEADY = 1.18
"""How far the ratio of the tones may move while a key begins; that of two overtones of a voice drifts."""
WANDER = 9.0
"""Hz by which a tone may move while a key begins; a voice glides, and what makes keys does not."""
OCTAVE = 6.5
"""A column tone within so many Hz of twice the row tone is the second harmonic of one voice or string.

Keys 2, 6 and C have their columns 4.3 % below that, so that both tones must be off by more than 1.8 %."""
FLOOR = 32767.0 * 10.0 ** ((-31.0 - 3.14) / 20)
"""Least amplitude of a tone: -31 dBm0."""
COARSE_SHARE = 0.35
COARSE_ROW = 0.04
COARSE_COLUMN = 0.02
"""Least part of a frame's energy in the two tones, the row and the column for a closer look."""
COARSE_FLOOR = 0.25 * FRAME * FLOOR * FLOOR
MAX_OFFSET = 60
"""Largest frequency error the response table covers, Hz."""

_n = np.arange(WINDOW)
HANN = np.hanning(WINDOW + 2)[1:-1].astype(np.float32)
HANN_SQUARED = (HANN * HANN).astype(np.float32)
HANN_SUM = float(HANN.sum())
HANN_POWER = float(HANN_SQUARED.sum())
_angles = 2 * np.pi * np.outer(TONES, _n) / RATE
FINE_COS = np.ascontiguousarray((np.cos(_angles) * HANN).astype(np.float32))
FINE_SIN = np.ascontiguousarray((np.sin(_angles) * HANN).astype(np.float32))
COARSE_COS = np.ascontiguousarray(np.cos(_angles[:, :HALF]).astype(np.float32))
COARSE_SIN = np.ascontiguousarray(np.sin(_angles[:, :HALF]).astype(np.float32))
RESPONSE = np.array(
    [abs((HANN * np.exp(2j * np.pi * o * _n / RATE)).sum()) / HANN_SUM for o in range(MAX_OFFSET + 2)],
    np.float32,
)
"""Amplitude a tone keeps when it lies so many Hz beside the bin."""

_GRID = ("123A", "456B", "789C", "*0#D")
_CODES = "0123456789*#ABCD"
KEY_CODES = np.array([_CODES.index(key) for row in _GRID for key in row], np.int16)
"""RFC 4733 event code of row * 4 + column."""


@part
def strongest(
    first: NDArray[np.float32], second: NDArray[np.float32], tone: int, power: NDArray[np.float32]
) -> int:
    """Which of four tones from ``tone`` on is the strongest in two halves of a frame; its ``power`` [1]."""
    best = tone
    power[0] = -1
    for k in range(tone, tone + 4):
        a = np.float32(0)
        b = np.float32(0)
        c = np.float32(0)
        d = np.float32(0)
        for i in range(HALF):
            a += COARSE_COS[k, i] * first[i]
            b += COARSE_SIN[k, i] * first[i]
            c += COARSE_COS[k, i] * second[i]
            d += COARSE_SIN[k, i] * second[i]
        now = a * a + b * b + c * c + d * d
        if now > power[0]:
            power[0] = now
            best = k
    return best


@kernel
def coarse(x: NDArray[np.float32], power: NDArray[np.float32]) -> int:
    """The key (row * 4 + column) whose two tones hold most of the frame's energy, -1 when no two do.

    ``power`` [1] is memory. Much of speech has no row tone, so that its columns are not looked for.
    """
    energy = np.float32(0)
    for i in range(FRAME):
        energy += x[HISTORY + i] * x[HISTORY + i]
    if energy < COARSE_FLOOR:
        return -1
    first = x[HISTORY : HISTORY + HALF]
    second = x[HISTORY + HALF : HISTORY + FRAME]
    scale = np.float32(2.0 / HALF) / energy
    low = strongest(first, second, 0, power)
    row = power[0] * scale
    if row < COARSE_ROW:
        return -1
    high = strongest(first, second, 4, power)
    column = power[0] * scale
    if column > COARSE_COLUMN and row + column > COARSE_SHARE:
        return low * 4 + high - 4
    return -1


@part
def offset_hz(re: float, im: float, last_re: float, last_im: float, tone: float) -> float:
    """How far a tone lies from nominal in Hz, from its phase in two neighbouring blocks."""
    cross_re = re * last_re + im * last_im
    cross_im = im * last_re - re * last_im
    angle = math.atan2(cross_im, cross_re) - 2 * math.pi * tone * HOP / RATE
    angle -= 2 * math.pi * math.floor(angle / (2 * math.pi) + 0.5)
    return float(angle * RATE / (2 * math.pi * HOP))


@part
def amplitude(re: float, im: float, offset: float) -> float:
    """Amplitude of a tone, corrected for the window's response beside the bin."""
    o = min(abs(offset), float(MAX_OFFSET))
    i = int(o)
    response = RESPONSE[i] + (RESPONSE[i + 1] - RESPONSE[i]) * (o - i)
    return float(math.sqrt(re * re + im * im) * 2.0 / HANN_SUM / response)


@kernel
def measure(part: NDArray[np.float32], row: int, column: int, z: NDArray[np.float32]) -> float:
    """Windowed DFT of a block at two tones into ``z`` (re, im, re, im); its windowed energy without DC."""
    total = np.float32(0)
    weighted = np.float32(0)
    energy = np.float32(0)
    row_re = np.float32(0)
    row_im = np.float32(0)
    column_re = np.float32(0)
    column_im = np.float32(0)
    for i in range(WINDOW):
        s = part[i]
        w = HANN_SQUARED[i] * s
        total += s
        weighted += w
        energy += w * s
        row_re += FINE_COS[row, i] * s
        row_im -= FINE_SIN[row, i] * s
        column_re += FINE_COS[column, i] * s
        column_im -= FINE_SIN[column, i] * s
    z[0] = row_re
    z[1] = row_im
    z[2] = column_re
    z[3] = column_im
    mean = total / WINDOW
    return float(energy - 2.0 * mean * weighted + mean * mean * HANN_POWER)


@part
def passes(energy: float, row: int, column: int, z: NDArray[np.float32], last: NDArray[np.float32]) -> bool:
    """Whether a block holds the two tones and hardly anything else."""
    off_row = offset_hz(z[0], z[1], last[0], last[1], TONES[row])
    off_column = offset_hz(z[2], z[3], last[2], last[3], TONES[column])
    if abs(off_row) > TOLERANCE * TONES[row] or abs(off_column) > TOLERANCE * TONES[column]:
        return False
    if abs(TONES[column] + off_column - 2.0 * (TONES[row] + off_row)) < OCTAVE:
        return False
    low = amplitude(z[0], z[1], off_row)
    high = amplitude(z[2], z[3], off_column)
    if low < FLOOR or high < FLOOR or high < TWIST_LOW * low or high > TWIST_HIGH * low:
        return False
    return (low * low + high * high) / 2 * HANN_POWER >= SHARE * energy


@part
def steady(detect: Detect, row: int, key: int, z: NDArray[np.float32], last: NDArray[np.float32]) -> bool:
    """Whether the tones keep the ratio and the frequencies with which this key began.

    They are remembered where it begins.
    """
    if detect.held[row] >= 0:
        return True
    low = offset_hz(z[0], z[1], last[0], last[1], TONES[key // 4])
    high = offset_hz(z[2], z[3], last[2], last[3], TONES[4 + key % 4])
    ratio = math.sqrt((z[2] * z[2] + z[3] * z[3]) / (z[0] * z[0] + z[1] * z[1]))
    if detect.candidate[row] != key or detect.passes[row] == 0:
        detect.ratio[row] = ratio
        detect.low[row] = low
        detect.high[row] = high
        return True
    if abs(low - detect.low[row]) > WANDER or abs(high - detect.high[row]) > WANDER:
        return False
    return bool(ratio < STEADY * detect.ratio[row] and detect.ratio[row] < STEADY * ratio)


@part
def follow(detect: Detect, row: int, key: int) -> None:
    """One block's verdict into the key's state; a key that comes on is left in ``detect.key``."""
    if detect.held[row] >= 0:
        if key == detect.held[row]:
            detect.misses[row] = 0
        else:
            detect.misses[row] += 1
            if detect.misses[row] >= FAILS:
                detect.held[row] = -1
                detect.misses[row] = 0
        return
    if key >= 0:
        if key != detect.candidate[row]:
            detect.candidate[row] = key
            detect.passes[row] = 0
        detect.passes[row] += 1
        detect.misses[row] = 0
        if detect.passes[row] >= PASSES:
            detect.held[row] = key
            detect.key[row] = KEY_CODES[key]
            detect.candidate[row] = -1
    elif detect.candidate[row] >= 0:
        detect.misses[row] += 1
        if detect.misses[row] > MISSES:
            detect.candidate[row] = -1


@part
def detect_frame(detect: Detect, row: int, key: int, x: NDArray[np.float32], z: NDArray[np.float32]) -> None:
    """Look for ``key`` in the eight blocks of this frame (``x``: HISTORY + FRAME samples, ``z``: [2, 4])."""
    low = key // 4
    high = 4 + key % 4
    measure(x[:WINDOW], low, high, z[0])
    for block in range(1, BLOCKS + 1):
        now = block & 1
        energy = measure(x[block * HOP : block * HOP + WINDOW], low, high, z[now])
        heard = passes(energy, low, high, z[now], z[1 - now]) and steady(detect, row, key, z[now], z[1 - now])
        follow(detect, row, key if heard else -1)


@part
def look(detect: Detect, row: int, near: int, x: NDArray[np.float32], z: NDArray[np.float32]) -> None:
    """Look closely at a frame that may hold the key ``near`` (-1: none), or whose neighbour before may."""
    # The blocks of this frame reach back into the one before.
    key = near if near >= 0 else detect.near[row]
    open_key = detect.candidate[row]
    if near >= 0 and open_key >= 0 and near != open_key:
        # The few ms at the end of a key are often taken for its neighbour.
        detect_frame(detect, row, open_key, x, z)
        if detect.held[row] >= 0 or detect.candidate[row] >= 0:
            return
    detect_frame(detect, row, key, x, z)


class Heard(NamedTuple):
    """What detection reads: a call with all columns of their groups costs more than silent legs do."""

    open: NDArray[np.uint8]
    event_type: NDArray[np.int16]
    events_seen: NDArray[np.uint8]
    event_code: NDArray[np.int16]
    event_tick: NDArray[np.int64]
    silent: NDArray[np.int16]
    noisy: NDArray[np.uint8]
    samples: NDArray[np.int16]


@part
def told(heard: Heard, detect: Detect, row: int, tick: int) -> bool:
    """Whether the key that came on is the same press that events have told before."""
    return bool(detect.key[row] == heard.event_code[row] and tick - heard.event_tick[row] <= SAME_KEY)


@kernel
def search(
    heard: Heard, detect: Detect, used: int, tick: int, x: NDArray[np.float32], z: NDArray[np.float32]
) -> int:
    """:func:`detect_keys` with its memory: ``x`` [HISTORY + FRAME], ``z`` [3, 4]."""
    found = 0
    for row in range(used):
        detect.key[row] = -1
        if heard.open[row] == 0:
            continue
        last = detect.near[row]
        # Silence and comfort noise hold no key, but their first blocks reach back to where one may end.
        sound = heard.silent[row] == 0 and heard.noisy[row] == 0
        if not sound and last < 0 and detect.held[row] < 0 and detect.candidate[row] < 0:
            continue
        near = -1
        if heard.events_seen[row] == 0 or heard.event_type[row] < 0:
            samples = heard.samples[row]
            if sound:
                for i in range(FRAME):
                    x[HISTORY + i] = samples[PAST + i]
                near = coarse(x, z[2])
            if near >= 0 or last >= 0:
                for i in range(HISTORY + FRAME):
                    x[i] = samples[PAST - HISTORY + i]
                look(detect, row, near, x, z)
        if near < 0 and last < 0 and (detect.held[row] >= 0 or detect.candidate[row] >= 0):
            for _ in range(BLOCKS):
                follow(detect, row, -1)
        detect.near[row] = near
        if detect.key[row] >= 0:
            if told(heard, detect, row, tick):
                detect.key[row] = -1
                continue
            detect.last_key[row] = detect.key[row]
            detect.last_tick[row] = tick
            found += 1
    return found


@allocating
def search_all(heard: Heard, detect: Detect, used: int, tick: int) -> int:
    """:func:`search` with fresh memory: views of the columns are not counted in it."""
    return search(
        heard, detect, used, tick, np.empty(HISTORY + FRAME, np.float32), np.empty((3, 4), np.float32)
    )


def detect_keys(setup: Setup, rx: Receive, jitter: Jitter, detect: Detect, used: int, tick: int) -> int:
    """Look for keys in what every leg says; the number that came on, each left in ``detect.key``."""
    heard = Heard(
        setup.open,
        setup.receive_event_type,
        rx.events_seen,
        rx.event_code,
        rx.event_tick,
        jitter.silent,
        jitter.noisy,
        jitter.heard,
    )
    return int(search_all(heard, detect, used, tick))
