"""Prompt files for tests."""

from __future__ import annotations

import io

import numpy as np
import soundfile


def wav(seconds: float, rate: int = 16000, frequency: float = 440.0) -> bytes:
    """A WAV file with a tone, 16-bit mono."""
    out = io.BytesIO()
    t = np.arange(int(seconds * rate)) / rate
    samples = (8000 * np.sin(2 * np.pi * frequency * t)).astype(np.int16)
    soundfile.write(out, samples, rate, format="WAV", subtype="PCM_16")
    return out.getvalue()
