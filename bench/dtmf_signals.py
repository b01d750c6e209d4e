"""What the DTMF bench listens to: keys with every fault ITU-T Q.24 names, and sound that holds no key."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

RATE = 8000
KEYS = "123A456B789C*0#D"
ROWS = (697.0, 770.0, 852.0, 941.0)
COLUMNS = (1209.0, 1336.0, 1477.0, 1633.0)

Signal = NDArray[np.float64]
Rng = np.random.Generator


def level(dbm0: float) -> float:
    """Amplitude of a tone at a level; +3.14 dBm0 is the largest one (ITU-T G.711)."""
    return float(32767 * 10 ** ((dbm0 - 3.14) / 20))


def silence(ms: float) -> Signal:
    """So much silence."""
    return np.zeros(round(8 * ms))


def sines(rng: Rng, tones: Sequence[float], dbm0: float, ms: float) -> Signal:
    """Steady tones of one level, at any phase."""
    n = np.arange(round(8 * ms))
    parts = [np.sin(2 * math.pi * hz * n / RATE + rng.uniform(0, 2 * math.pi)) for hz in tones]
    mixed: Signal = level(dbm0) * np.sum(parts, axis=0)
    return mixed


def digit(
    rng: Rng,
    key: str,
    ms: float = 50,
    *,
    low: float = -10,
    high: float = -10,
    off_low: float = 0,
    off_high: float = 0,
) -> Signal:
    """A key; levels in dBm0, frequency errors as a share."""
    at = KEYS.index(key)
    first = sines(rng, [ROWS[at // 4] * (1 + off_low)], low, ms)
    return first + sines(rng, [COLUMNS[at % 4] * (1 + off_high)], high, ms)


def line_noise(rng: Rng, count: int, dbm0: float) -> Signal:
    """White noise between 300 and 3,400 Hz of the power of a tone at ``dbm0``."""
    spectrum = np.fft.rfft(rng.normal(0, 1, count))
    band = np.fft.rfftfreq(count, 1 / RATE)
    spectrum[(band < 300) | (band > 3400)] = 0
    noise: Signal = np.fft.irfft(spectrum, count)
    return noise * (level(dbm0) / math.sqrt(2) / math.sqrt(np.mean(noise**2)))


def impulses(rng: Rng, count: int, dbm0: float, every_ms: float) -> Signal:
    """Clicks of a random sign and a few samples at a fixed distance."""
    out = np.zeros(count)
    for at in range(int(rng.integers(0, 8 * every_ms)), count - 4, round(8 * every_ms)):
        out[at : at + int(rng.integers(1, 4))] = level(dbm0) * rng.choice((-1, 1))
    return out


VOWELS = np.array(
    [
        (270, 2290, 3010, 3500),
        (390, 1990, 2550, 3500),
        (530, 1840, 2480, 3500),
        (660, 1720, 2410, 3500),
        (730, 1090, 2440, 3400),
        (570, 840, 2410, 3400),
        (440, 1020, 2240, 3300),
        (300, 870, 2240, 3300),
        (640, 1190, 2390, 3400),
        (490, 1350, 1690, 3300),
    ],
    np.float64,
)
"""Formants of English vowels, Hz."""
WIDTHS = np.array([60.0, 90.0, 120.0, 175.0])


def _glide(rng: Rng, samples: int, choices: Any, each: int) -> Any:
    """A path through random ``choices``, a new one every ``each`` samples: half of the time on the way."""
    points = np.asarray(choices)[rng.integers(0, len(choices), samples // each + 2)]
    at = np.arange(samples) / each
    left = at.astype(int)
    share = np.clip(2 * (at - left) - 0.5, 0, 1).reshape(-1, *([1] * (points.ndim - 1)))
    return points[left] * (1 - share) + points[left + 1] * share


@numba.njit
def _resonate(pulses: Any, turn: Any, square: Any) -> Any:
    """Pulses through four resonances one after the other, each with its own path."""
    out = np.zeros(len(pulses))
    last = np.zeros(4)
    before = np.zeros(4)
    glottis = 0.0
    for t in range(len(pulses)):
        glottis = 0.9 * glottis + pulses[t]
        value = glottis
        for k in range(4):
            value = (1 - turn[t, k] + square[k]) * value + turn[t, k] * last[k] - square[k] * before[k]
            before[k] = last[k]
            last[k] = value
        out[t] = value
    return out


def speech(rng: Rng, seconds: float, dbm0: float = -15) -> Signal:
    """A voice: pulses of gliding pitch through gliding formants, hiss, pauses. Mean power as a tone's."""
    samples = int(seconds * RATE)
    n = np.arange(samples)
    shake = 1 + 0.01 * np.sin(2 * math.pi * rng.uniform(4, 7) * n / RATE)
    pitch = rng.uniform(75, 320) * _glide(rng, samples, np.linspace(0.75, 1.4, 12), 2400) * shake
    pulses = np.diff(np.floor(np.cumsum(pitch / RATE)), prepend=0)
    # Unvoiced sounds are noise instead of pulses.
    voiced = _glide(rng, samples, [1.0, 1.0, 1.0, 0.0], 1600)
    source = pulses * voiced + rng.normal(0, 0.02 + 0.06 * (1 - voiced))
    radius = np.exp(-math.pi * WIDTHS / RATE)
    formants = _glide(rng, samples, VOWELS * rng.uniform(0.9, 1.15), 1600)
    turn = 2 * radius * np.cos(2 * math.pi * formants / RATE)
    voice: Signal = _resonate(source, turn, radius**2) * _glide(rng, samples, [0.0, 0.3, 0.7, 1.0, 1.0], 1200)
    return voice * (level(dbm0) / math.sqrt(2) / math.sqrt(np.mean(voice**2)))


def music(rng: Rng, seconds: float, dbm0: float = -15) -> Signal:
    """Plucked and blown notes in chords and runs; each has overtones, as all instruments have."""
    samples = int(seconds * RATE)
    out = np.zeros(samples)
    at = 0
    while at < samples:
        length = int(rng.choice((600, 1200, 2400, 4800)))
        root = int(rng.integers(40, 84))
        chord = ((0,), (0, 4, 7), (0, 3, 7), (0, 7), (0, 4, 7, 10), (0, 12))[int(rng.integers(0, 6))]
        n = np.arange(min(length * 2, samples - at))
        plucked = np.exp(-n / (RATE * rng.uniform(0.08, 0.6)))
        blown = np.minimum(1, n / 200) * np.clip((length * 1.2 - n) / 400, 0, 1)
        shape = plucked if rng.random() < 0.6 else blown
        slope = rng.uniform(0.8, 1.6)
        for step in chord:
            hz = 440 * 2 ** ((root + step - 69) / 12)
            for overtone in range(1, 9):
                if hz * overtone < 3700:
                    phase = rng.uniform(0, 2 * math.pi)
                    out[at : at + len(n)] += (
                        shape * np.sin(2 * math.pi * hz * overtone * n / RATE + phase) / overtone**slope
                    )
        at += length
    return out * (level(dbm0) / math.sqrt(2) / math.sqrt(np.mean(out**2)))
