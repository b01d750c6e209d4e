"""The spectrogram that Whisper's models listen to: 80 mel bands of 25 ms windows, every 10 ms."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

RATE = 16_000
"""Sample rate, Hz."""
HOP = 160
"""Samples from one column to the next."""
_WINDOW = 400
_BANDS = 80
_LINEAR_HZ = 200 / 3
"""Width of a mel in the linear part of Slaney's scale, which ends at 1 kHz."""
_LOG_STEP = np.log(6.4) / 27


def log_mel(pcm: NDArray[np.int16], columns: int) -> NDArray[np.float32]:
    """The spectrogram of ``pcm`` (int16, 16,000 Hz), float32 of shape (1, 80, columns).

    Audio is cut or followed by silence to fill exactly that many columns. As the models were trained: power
    in log10, at most 8 below the loudest, moved and scaled to about -1 to 1.
    """
    wide = np.zeros(columns * HOP + _WINDOW, np.float32)
    heard = pcm[: columns * HOP]
    # Windows are centred: half of the first one lies before the first sample, mirrored.
    half = _WINDOW // 2
    wide[half : half + len(heard)] = heard.astype(np.float32) / 32768.0
    wide[:half] = wide[half + 1 : 2 * half + 1][::-1]
    frames = np.lib.stride_tricks.sliding_window_view(wide, _WINDOW)[::HOP][:columns]
    power = np.abs(np.fft.rfft(frames * _hann(), axis=1).astype(np.complex64)) ** 2
    bands = np.log10(np.maximum(power @ _filters(), 1e-10))
    bands = (np.maximum(bands, bands.max() - 8.0) + 4.0) / 4.0
    return np.ascontiguousarray(bands.T[None], np.float32)


@functools.cache
def _hann() -> NDArray[np.float32]:
    return np.hanning(_WINDOW + 1)[:-1].astype(np.float32)


@functools.cache
def _filters() -> NDArray[np.float32]:
    """Triangles on Slaney's mel scale, each of area 1; shape (201, 80)."""
    edges = _hz(np.linspace(0.0, _mels(RATE / 2), _BANDS + 2))
    lines = np.fft.rfftfreq(_WINDOW, 1 / RATE)
    rising = (lines[:, None] - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - lines[:, None]) / (edges[2:] - edges[1:-1])
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    return np.asarray(triangles * (2.0 / (edges[2:] - edges[:-2])), np.float32)


def _mels(hz: float) -> float:
    return float(15.0 + np.log(hz / 1000.0) / _LOG_STEP) if hz >= 1000.0 else hz / _LINEAR_HZ


def _hz(mels: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(mels >= 15.0, 1000.0 * np.exp(_LOG_STEP * (mels - 15.0)), mels * _LINEAR_HZ)
