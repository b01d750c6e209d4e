"""Resampling between the 16,000 Hz of the plane's rings and 24,000 Hz, a piece at a time.

Three samples for two, or two for three: a short windowed sinc in polyphase form does it, without a library
call with state of its own in between. Every 20 ms in give exactly 20 ms out. The filter passes up to
6.7 kHz and is 60 dB down from 8.6 kHz. From 8,000 to 16,000 Hz and back the plane goes itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

RATES = (8_000, 16_000, 24_000)
"""Rates audio can have outside the plane, Hz."""
_COMMON = 48_000
_LENGTH = 96
"""Coefficients of the filter at the common multiple of both rates."""
_CUTOFF = 7_650.0
_BETA = 5.65
_BLOCK = 16
"""Windows of a multiplication: a piece of 20 ms is ten times as many."""

Samples = NDArray[np.int16]


def ring_rate(rate: int) -> int:
    """The rate a ring has for audio at ``rate``. Raises ValueError for a rate that is none of RATES."""
    if rate not in RATES:
        raise ValueError(f"a sample rate of {rate} Hz: give one of {', '.join(map(str, RATES))}")
    return min(rate, 16_000)


@cache
def _polyphase(up: int, down: int) -> NDArray[np.float32]:
    """[window, up]: what makes ``up`` samples out of a window that moves on by ``down``."""
    n = np.arange(_LENGTH) - (_LENGTH - 1) / 2
    h = np.sinc(2 * _CUTOFF / _COMMON * n) * np.kaiser(_LENGTH, _BETA)
    h *= up / h.sum()
    taps = _LENGTH // up
    table = np.zeros((taps + (up - 1) * down // up, up), np.float32)
    for j in range(up):
        at, phase = divmod(j * down, up)
        table[at : at + taps, j] = h[phase::up][::-1]
    return table


@cache
def _blocks(up: int, down: int) -> NDArray[np.float32]:
    """[span, BLOCK * up]: the same for so many windows at once, zeros and all: matrices that are not quite so
    small are multiplied in less time."""
    table = _polyphase(up, down)
    blocks = np.zeros((len(table) + (_BLOCK - 1) * down, _BLOCK * up), np.float32)
    for n in range(_BLOCK):
        blocks[n * down : n * down + len(table), n * up : (n + 1) * up] = table
    return blocks


class Resampler:
    """From ``source`` to ``target`` Hz, which are equal, or 16,000 and 24,000, or 24,000 and 16,000.

    Pieces may have any length; a rest waits for the next one.
    """

    def __init__(self, source: int, target: int) -> None:
        if source != target and {source, target} != {16_000, 24_000}:
            raise ValueError(f"no way from {source} to {target} Hz: give 16000 and 24000, or equal rates")
        self._plain = source == target
        if not self._plain:
            self._up, self._down = target // 8_000, source // 8_000
            self._window = len(_polyphase(self._up, self._down))
        self.reset()

    def reset(self) -> None:
        """Forget what was fed."""
        if not self._plain:
            # As if silence had been fed: the first sample out comes with the first group of samples in.
            self._line = np.zeros(self._window - self._down, np.float32)

    def feed(self, samples: Samples) -> Samples:
        """What can be made of the samples so far; at equal rates the array given."""
        if self._plain:
            return samples
        line = np.concatenate([self._line, samples], dtype=np.float32, casting="unsafe")
        count = self._windows(len(line))
        self._line = line[count * self._down :]
        made: Samples = self._make(line[np.newaxis], count)[0]
        return made

    def _windows(self, samples: int) -> int:
        """Windows that a line of so many samples has."""
        return max(0, (samples - self._window) // self._down + 1)

    def _make(self, lines: NDArray[np.float32], windows: int) -> Samples:
        """[n, samples]: what the first ``windows`` of each line give."""
        blocks = -(-windows // _BLOCK)
        if not blocks:
            return np.zeros((len(lines), 0), np.int16)
        table = _blocks(self._up, self._down)
        step = _BLOCK * self._down
        lacking = (blocks - 1) * step + len(table) - lines.shape[1]
        if lacking > 0:
            lines = np.pad(lines, ((0, 0), (0, lacking)))
        pieces = sliding_window_view(lines, len(table), 1)[:, ::step][:, :blocks]
        # A matrix a line: of one large enough the library would make work for all cores, which are not ours.
        made = np.ascontiguousarray(pieces) @ table
        np.rint(made, made)
        np.clip(made, -32768, 32767, made)
        out: Samples = made.astype(np.int16).reshape(len(lines), -1)[:, : windows * self._up]
        return out

    @staticmethod
    def feed_all(resamplers: Sequence[Resampler], frames: Samples) -> Samples:
        """[n, samples]: what each makes of its row of ``frames``.

        They are of the same rates, and have been fed whole frames of 20 ms only, of which these are.
        """
        first = resamplers[0]
        if first._plain:
            return frames
        lines = np.concatenate(
            [np.stack([one._line for one in resamplers]), frames], axis=1, dtype=np.float32, casting="unsafe"
        )
        count = first._windows(lines.shape[1])
        for one, rest in zip(resamplers, lines[:, count * first._down :].copy(), strict=True):
            one._line = rest
        return first._make(lines, count)
