"""Sounds of a telephone line for the tests of the voice gate: vowels, noises, tones. int16 at 16,000 Hz."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RATE = 16_000
FRAME = RATE // 50

Samples = NDArray[np.int16]
Wave = NDArray[np.float64]

VOWELS = {
    "ah": (730.0, 1090.0, 2440.0),
    "ee": (270.0, 2290.0, 3010.0),
    "oo": (300.0, 870.0, 2240.0),
    "eh": (530.0, 1840.0, 2480.0),
    "aw": (570.0, 840.0, 2410.0),
}
"""Formants of English vowels, Hz (Peterson and Barney 1952, men)."""


def vowel(name: str, pitch: float, seconds: float, level: float = -20.0, glide: float = 0.1) -> Wave:
    """A vowel: harmonics of a pitch that falls by ``glide``, shaped by formants; ``level`` in dB of full
    scale."""
    t = np.arange(int(seconds * RATE)) / RATE
    phase = 2 * np.pi * pitch * np.cumsum(1.0 - glide * t / max(seconds, 1e-9)) / RATE
    wave = np.zeros_like(t)
    for number in range(1, int(3400 / pitch) + 1):
        hz = number * pitch
        gain = sum(
            1.0 / (1.0 + ((hz - formant) / width) ** 2)
            for formant, width in zip(VOWELS[name], (60.0, 80.0, 120.0), strict=True)
        )
        wave += (gain + 0.02) / number**0.5 * np.sin(number * phase)
    rise = np.minimum(1.0, np.arange(len(t)) / (0.01 * RATE))
    return at_level(wave, level) * rise * rise[::-1]


def white(rng: np.random.Generator, seconds: float, level: float) -> Wave:
    """Noise of a line, or comfort noise."""
    return at_level(rng.standard_normal(round(seconds * RATE)), level)


def breath(rng: np.random.Generator, seconds: float, level: float) -> Wave:
    """Breath: noise around a kilohertz that swells and fades."""
    size = int(seconds * RATE)
    lines = np.fft.rfftfreq(size, 1 / RATE)
    centre, width = rng.uniform(500, 1500), rng.uniform(500, 1500)
    shaped = np.fft.rfft(rng.standard_normal(size)) * np.exp(-(((lines - centre) / width) ** 2))
    return at_level(np.fft.irfft(shaped, size), level) * np.hanning(size)


def coloured(rng: np.random.Generator, seconds: float, level: float) -> Wave:
    """Noise that falls off towards high frequencies, as wind, traffic and knocks do."""
    size = int(seconds * RATE)
    lines = np.fft.rfftfreq(size, 1 / RATE)
    shape = (1 + lines / rng.uniform(100, 1500)) ** -rng.uniform(0.5, 2.0)
    shape[lines < rng.uniform(60, 300)] *= 0.1
    return at_level(np.fft.irfft(np.fft.rfft(rng.standard_normal(size)) * shape, size), level)


def knock(rng: np.random.Generator, level: float) -> Wave:
    """A door that bangs, or something that is put down: noise that sets in at once and rings out."""
    wave = coloured(rng, 0.6, 0.0) * np.exp(-np.arange(int(0.6 * RATE)) / (rng.uniform(0.01, 0.15) * RATE))
    return wave * (32768 * 10 ** (level / 20) / float(np.sqrt(np.mean(wave[:400] ** 2))))


def tones(frequencies: tuple[float, ...], seconds: float, level: float) -> Wave:
    """Sines together: keys, dial tones, beeps."""
    t = np.arange(int(seconds * RATE)) / RATE
    return at_level(np.sum([np.sin(2 * np.pi * hz * t) for hz in frequencies], axis=0), level)


def silence(seconds: float) -> Wave:
    return np.zeros(int(seconds * RATE))


def at_level(wave: Wave, level: float) -> Wave:
    """Scaled so that its power is ``level`` dB of full scale."""
    power = float(np.sqrt(np.mean(wave**2))) if len(wave) else 0.0
    return wave * (32768 * 10 ** (level / 20) / power) if power else wave


def samples(*waves: Wave) -> Samples:
    """One after the other, filled up to whole frames."""
    whole = np.concatenate(waves)
    whole = np.append(whole, np.zeros(-len(whole) % FRAME))
    return np.clip(whole, -32768, 32767).astype(np.int16)


def frames(pcm: Samples) -> NDArray[np.int16]:
    """Shape (frames, 320)."""
    return pcm[: len(pcm) // FRAME * FRAME].reshape(-1, FRAME)


def telephone(pcm: Samples) -> Samples:
    """As it comes out of a telephone: 8 kHz, mu-law."""
    import soxr

    narrow = np.clip(soxr.resample(pcm.astype(np.float64), RATE, 8000) / 32768, -1, 1)
    law = np.round(127 * np.sign(narrow) * np.log1p(255 * np.abs(narrow)) / np.log(256)) / 127
    back = np.sign(law) * np.expm1(np.abs(law) * np.log(256)) / 255
    return np.clip(soxr.resample(back, 8000, RATE) * 32768, -32768, 32767).astype(np.int16)
