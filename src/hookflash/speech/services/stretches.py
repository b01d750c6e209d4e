"""Parts audio at its pauses, for services that take whole recordings only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hookflash.ports.speech import RATE

FRAME = RATE // 50
"""Samples looked at at a time, 20 ms."""
PAUSE = 35
"""Frames of quiet that end a stretch, 700 ms."""
LEAD = 15
"""Frames kept before speech, and after it, 300 ms: recognisers lose a word that begins at once."""
LEAST = 5
"""Loud frames without which a stretch is no speech, 100 ms."""
LONGEST = 30 * RATE
"""Samples of the longest stretch."""
FLOOR = 60.0
"""Least level that is speech, RMS of int16 (-55 dBFS)."""
ABOVE = 4.0
"""How far above the noise speech is, as a factor (12 dB)."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """``pcm``: int16 at 16,000 Hz; ``start``: its first sample in the whole audio."""

    pcm: NDArray[np.int16]
    start: int


class Stretches:
    """Audio in, stretches of speech out, each as soon as it has ended."""

    def __init__(self) -> None:
        self._rest = np.empty(0, np.int16)
        self._frames: list[NDArray[np.int16]] = []
        self._at = 0
        self._noise = FLOOR / ABOVE
        self._loud = 0
        self._quiet = 0
        self._speaking = False

    def push(self, samples: NDArray[np.int16]) -> list[Stretch]:
        """The stretches that ended within ``samples``."""
        audio = np.concatenate((self._rest, samples))
        whole = len(audio) // FRAME * FRAME
        self._rest = audio[whole:]
        found: list[Stretch] = []
        for frame in audio[:whole].reshape(-1, FRAME):
            self._frames.append(frame)
            if self._ends(float(np.sqrt(np.mean(np.square(frame, dtype=np.float64))))):
                found += self._cut()
        return found

    def end(self) -> list[Stretch]:
        """What is left when the audio ends."""
        if len(self._rest):
            self._frames.append(self._rest)
            self._rest = np.empty(0, np.int16)
        return self._cut()

    def _ends(self, level: float) -> bool:
        """Whether a stretch ends with this frame."""
        if level > max(FLOOR, self._noise * ABOVE):
            self._speaking = True
            self._loud += 1
            self._quiet = 0
        else:
            # The noise is known from its quietest moments, and forgotten slowly.
            self._noise += (level - self._noise) * (0.2 if level < self._noise else 0.02)
            self._quiet += 1
        if not self._speaking:
            # Only as much as is kept before speech.
            while len(self._frames) > LEAD:
                self._at += len(self._frames.pop(0))
            return False
        return self._quiet >= PAUSE or len(self._frames) * FRAME >= LONGEST

    def _cut(self) -> list[Stretch]:
        keep = len(self._frames) - max(self._quiet - LEAD, 0)
        frames, later = self._frames[:keep], self._frames[keep:]
        speech = self._speaking and self._loud >= LEAST
        start = self._at
        self._at += sum(map(len, frames))
        self._frames = later
        self._speaking, self._loud, self._quiet = False, 0, 0
        return [Stretch(np.concatenate(frames), start)] if speech else []
