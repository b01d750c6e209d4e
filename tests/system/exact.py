"""What a call must sound like to the sample: slow references of all that happens to it, and how it is found.

Phones send noise made of values that G.711 has, so that what they send is what is decoded. Nothing of it
resembles anything else of it: where a stretch is found whole, nothing was lost, repeated or made up in it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RATE = 8_000
FRAME = 160
"""Samples of a tick at 8,000 Hz."""
SIDE = 12
"""Samples at 8,000 Hz on either side of which the filter to 16,000 Hz makes one; its delay."""
CEILING = 32_767.0
ATTACK, RELEASE = 0.25, 0.0005
"""Gain the limiter takes away and gives back in a millisecond."""

Samples = NDArray[np.int64]


def decoded(octet: int) -> int:
    """The value of an octet of mu-law (ITU-T G.711)."""
    octet ^= 0xFF
    magnitude = ((((octet & 15) << 1) + 33) << ((octet >> 4) & 7)) - 33
    return 4 * (-magnitude if octet & 0x80 else magnitude)


def through(samples: Samples) -> Samples:
    """What is left of samples on their way through mu-law: those of 14 bits, in steps."""
    out = np.zeros(len(samples), np.int64)
    for i, sample in enumerate(samples):
        fourteen = int(sample) >> 2
        magnitude = min(abs(fourteen), 8_159) + 33
        segment = magnitude.bit_length() - 6
        kept = (((magnitude >> (segment + 1)) & 15) * 2 + 33 << segment) - 33
        out[i] = 4 * (-kept if fourteen < 0 else kept)
    return out


def noise(seed: int, seconds: float, loudest: int = 8_000) -> Samples:
    """Values that mu-law has, none of them 0, up to ``loudest``."""
    values = np.array([value for value in map(decoded, range(256)) if 0 < abs(value) <= loudest])
    return np.random.default_rng(seed).choice(values, round(seconds * RATE)).astype(np.int64)


def placed(length: int, *parts: tuple[int, Samples]) -> Samples:
    """The sum of stretches, each from its sample on, in so much silence."""
    line = np.zeros(length, np.int64)
    for at, samples in parts:
        line[at : at + len(samples)] += samples
    return line


def where(wanted: Samples, line: Samples) -> int:
    """The sample from which the whole of ``wanted`` is in ``line``, unchanged; -1: it is not."""
    needle, hay = (np.ascontiguousarray(one, "<i8").tobytes() for one in (wanted, line))
    at = hay.find(needle)
    while at >= 0 and at % 8:
        at = hay.find(needle, at + 1)
    return at // 8 if at >= 0 else -1


def near(wanted: Samples, line: Samples) -> int:
    """Where ``line`` resembles ``wanted`` most: for what is not alone there."""
    size = 1 << (len(line) + len(wanted)).bit_length()
    spectrum = np.fft.rfft(line, size) * np.conj(np.fft.rfft(wanted, size))
    return int(np.argmax(np.fft.irfft(spectrum, size)[: len(line)]))


def limited(total: Samples) -> NDArray[np.float64]:
    """The sums of a line as the limiter lets them through, a tick at a time.

    What fits stays. Ahead of a peak the gain falls by ``ATTACK``; it rises again by ``RELEASE``.
    """
    attack, release = ATTACK * 20 / FRAME, RELEASE * 20 / FRAME
    out, gain = np.zeros(len(total)), 1.0
    for at in range(0, len(total), FRAME):
        sums = total[at : at + FRAME].astype(np.float64)
        most, room = 1.0, np.zeros(len(sums))
        for i in reversed(range(len(sums))):
            most = min(most + attack, 1.0)
            if abs(sums[i]) * most > CEILING:
                most = CEILING / abs(sums[i])
            room[i] = most
        if sums.size and sums.min() >= -32_768 and sums.max() <= 32_767 and gain >= 1.0:
            room[:] = 1.0
        for i, sample in enumerate(sums):
            gain = min(gain + release, room[i])
            out[at + i] = sample * gain
        if not sums.any():
            gain = 1.0
    return out


def half_band() -> NDArray[np.float64]:
    """The low pass at 16,000 Hz between the samples of 8,000 Hz: a sinc under a Kaiser window."""
    n = np.arange(-2 * SIDE, 2 * SIDE + 1)
    h = np.sinc(n / 2) * np.kaiser(4 * SIDE + 1, 5.65)
    h[1::2] /= h[1::2].sum()
    return np.asarray(h, np.float64)


def widened(line: Samples) -> NDArray[np.float64]:
    """A line at 8,000 Hz as it is at 16,000 Hz, before it is rounded."""
    stuffed = np.zeros(2 * len(line))
    stuffed[::2] = line
    return np.asarray(np.convolve(stuffed, half_band())[: len(stuffed)], np.float64)


def narrowed(line: Samples) -> NDArray[np.float64]:
    """A line at 16,000 Hz as it is at 8,000 Hz, before it is rounded."""
    return np.asarray(np.convolve(line, half_band() / 2)[: len(line)][1::2], np.float64)
