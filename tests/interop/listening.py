"""Whether one recording is in another: speech-like noise that resembles nothing else, and correlation."""

from __future__ import annotations

import io

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

RATE = 8000
Samples = NDArray[np.float64]


def babble(seed: int, seconds: float, rate: int = RATE, highest: float = 3000) -> Samples:
    """Noise that rises and falls as syllables do, from 300 Hz to the highest of telephony; without keys."""
    random = np.random.default_rng(seed)
    count = int(seconds * rate)
    spectrum = np.fft.rfft(random.standard_normal(count))
    frequencies = np.fft.rfftfreq(count, 1 / rate)
    spectrum[(frequencies < 300) | (frequencies > highest)] = 0
    noise = np.fft.irfft(spectrum, count)
    t = np.arange(count) / rate
    envelope = 0.6 + 0.4 * np.sin(2 * np.pi * 3 * t + random.uniform(0, 2 * np.pi))
    samples = noise * envelope
    return np.asarray(0.5 * samples / np.abs(samples).max())


def wav(samples: Samples, rate: int = RATE) -> bytes:
    """As a 16-bit WAV file."""
    out = io.BytesIO()
    soundfile.write(out, samples, rate, format="WAV", subtype="PCM_16")
    return out.getvalue()


def narrow(samples: Samples, rate: int) -> Samples:
    """At 8,000 Hz."""
    return np.asarray(soxr.resample(samples, rate, RATE), np.float64)


PIECE = 0.1
"""Seconds that are compared at a time."""
SLACK = 0.15
"""Seconds by which a piece may lie elsewhere than the others."""


def likeness(wanted: Samples, heard: Samples, rate: int = RATE) -> float:
    """How much of ``wanted`` is in ``heard``, 0 to 1: the mean over its pieces of their correlation.

    The pieces are aligned one by one, around where the whole is found: a jitter buffer that adapts lets
    audio come a little earlier or later from time to time, and each time the rest of it is somewhere else.
    """
    if len(heard) < len(wanted):
        return 0.0
    start = int(np.argmax(_correlation(wanted, heard)))
    size, slack = int(PIECE * rate), int(SLACK * rate)
    found = []
    for at in range(0, len(wanted) - size + 1, size):
        near = heard[max(0, start + at - slack) : start + at + size + slack]
        found.append(float(np.max(_correlation(wanted[at : at + size], near))))
    return float(np.mean(found))


def _correlation(wanted: Samples, heard: Samples) -> Samples:
    """The normalised cross-correlation of ``wanted`` with every part of ``heard`` as long, 0 to 1."""
    size = 1 << (len(heard) + len(wanted)).bit_length()
    product = np.fft.rfft(heard, size) * np.conj(np.fft.rfft(wanted, size))
    places = len(heard) - len(wanted) + 1
    correlation = np.fft.irfft(product, size)[:places]
    sums = np.concatenate([[0.0], np.cumsum(heard**2)])
    energy = sums[len(wanted) :][:places] - sums[:places]
    # What is all but silent is like nothing.
    loud = energy > 1e-4 * np.sum(wanted**2)
    scale = np.sqrt(np.where(loud, energy, 1.0) * np.sum(wanted**2))
    return np.asarray(np.where(loud, np.abs(correlation) / scale, 0.0))
