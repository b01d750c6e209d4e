"""Resampling between the plane's 8,000 Hz and 16,000 or 24,000 Hz, a piece at a time.

The ratios are whole numbers, so a short windowed sinc in polyphase form does it: every 20 ms in give exactly
20 ms out, with a fixed delay of 2 ms up and 2 ms down, and no library call with state of its own in between.
The filter passes up to 3.4 kHz, which is all a telephone line carries, and is 60 dB down from 4.35 kHz.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

RATE = 8_000
RATES = (8_000, 16_000, 24_000)
"""Rates audio can have outside the plane, Hz."""
_TAPS = 32
"""Coefficients for each factor of the ratio."""
_CUTOFF = 3_875.0
_BETA = 5.65

Samples = NDArray[np.int16]


def _filter(factor: int) -> NDArray[np.float32]:
    """A low pass at ``factor`` * 8,000 Hz with gain 1."""
    count = _TAPS * factor
    n = np.arange(count) - (count - 1) / 2
    h = np.sinc(2 * _CUTOFF / (RATE * factor) * n) * np.kaiser(count, _BETA)
    low_pass: NDArray[np.float32] = (h / h.sum()).astype(np.float32)
    return low_pass


_FILTERS = {rate // RATE: _filter(rate // RATE) for rate in RATES[1:]}
# Column p makes the p-th of every ``factor`` output samples; the gain lost to the zeros between is restored.
_PHASES = {
    factor: np.ascontiguousarray(factor * h.reshape(_TAPS, factor)[::-1]) for factor, h in _FILTERS.items()
}


def factor_of(rate: int) -> int:
    """The ratio of ``rate`` to the plane's. Raises ValueError for a rate that is none of :data:`RATES`."""
    if rate not in RATES:
        raise ValueError(f"a sample rate of {rate} Hz: give one of {', '.join(map(str, RATES))}")
    return rate // RATE


def _round(samples: NDArray[np.float32]) -> Samples:
    out: Samples = np.clip(np.rint(samples), -32768, 32767).astype(np.int16)
    return out


class Upsampler:
    """From 8,000 Hz to ``rate``."""

    def __init__(self, rate: int) -> None:
        self.factor = factor_of(rate)
        self._tail = np.zeros(_TAPS - 1, np.float32)

    def feed(self, samples: Samples) -> Samples:
        """As many samples times the factor; never the array given."""
        if self.factor == 1:
            return samples.copy()
        line = np.concatenate([self._tail, samples], dtype=np.float32, casting="unsafe")
        self._tail = line[len(line) - (_TAPS - 1) :]
        return _round((sliding_window_view(line, _TAPS) @ _PHASES[self.factor]).reshape(-1))


class Downsampler:
    """From ``rate`` to 8,000 Hz, in pieces of any length."""

    def __init__(self, rate: int) -> None:
        self.factor = factor_of(rate)
        self.reset()

    def reset(self) -> None:
        """Forget what was fed."""
        self._line = np.zeros(_TAPS * self.factor - 1, np.float32)

    def feed(self, samples: Samples) -> Samples:
        """What can be made of the samples so far; a rest waits for the next piece."""
        if self.factor == 1:
            return samples
        line = np.concatenate([self._line, samples], dtype=np.float32, casting="unsafe")
        length = _TAPS * self.factor
        count = max(0, (len(line) - length) // self.factor + 1)
        self._line = line[count * self.factor :]
        if not count:
            return np.zeros(0, np.int16)
        windows = sliding_window_view(line, length)[:: self.factor][:count]
        return _round(windows @ _FILTERS[self.factor])
