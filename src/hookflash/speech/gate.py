"""A voice-activity gate: when somebody begins to speak, and when they have fallen silent.

Every 20 ms it looks at how loud a frame is over the noise of the line, whether it has a pitch, and whether
it is a tone of a machine. A voice begins with its first voiced sound (a vowel, a nasal): that tells it from
breath, from the noise of a line and from comfort noise, which may be as loud. What came before it, an "s" for
example, is for whoever keeps the audio. Keys, dial tones and beeps have a pitch too, but only one or two
lines in their spectrum.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RATE = 16_000
"""Sample rate, Hz."""
FRAME = RATE // 50
"""Samples of a frame: 20 ms."""

QUIETEST = -52.0
"""What is not this loud is no voice, dB below full scale (of a sine at full scale: -3)."""
ABOVE_NOISE = 9.0
"""How far a voice is above the noise of the line, dB."""
NOISE_RISES = 0.12
"""How fast the noise may be found to have risen, dB a frame: 6 dB a second."""
RISES_IN_VOICE = 0.02
"""The same while somebody speaks."""
PITCHED = 0.58
"""From which periodicity on (0 to 1) a frame has a pitch."""
SURE = 0.88
"""From which periodicity on one frame is enough."""
LOWEST, HIGHEST = 70, 420
"""Pitch of voices, Hz."""
COMPARED = 16
"""How much of a frame is compared with what was before, ms."""
EMPHASIS = 0.8
LOWEST_TONE = 330
"""Frequency of tones, Hz."""
PURE = 0.91
"""Which part of its power in two lines makes a frame a tone."""
ATTACK = 2
"""Frames in a row that begin a voice."""
RELEASE = 15
"""Frames in a row without a voice that end it: 300 ms."""

Samples = NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Change:
    """The gate has opened or closed.

    Attributes:
        voice: somebody speaks, or does no longer.
        frame: number of the frame, counted from the first one the gate was given, in which the voice began,
            or the first one after the last with a voice.
    """

    voice: bool
    frame: int


class VoiceGate:
    """Follows one source of audio.

    Args:
        release: frames in a row without a voice that end it.
    """

    def __init__(self, *, release: int = RELEASE) -> None:
        self.open = False
        self._release = release
        self._frames = 0
        self._noise = -65.0
        self._run = 0
        self._quiet = 0
        self._past = np.zeros(2 * FRAME, np.int16)

    def feed(self, frame: Samples) -> Change | None:
        """Look at the next frame, int16 of shape (320,); what has changed by it."""
        number = self._frames
        self._frames += 1
        level = _level(frame)
        loud = level > max(QUIETEST, self._noise + ABOVE_NOISE)
        self._follow_noise(level)
        self._past = np.concatenate((self._past[FRAME:], frame))
        if self.open:
            return self._hold(number, loud)
        return self._wait(number, loud)

    def skip(self, frames: int) -> Change | None:
        """Frames that were lost count as silent ones."""
        change = None
        for _ in range(min(frames, self._release + 1)):
            change = self.feed(np.zeros(FRAME, np.int16)) or change
        self._frames += max(0, frames - self._release - 1)
        return change

    def _wait(self, number: int, loud: bool) -> Change | None:
        pitched = periodicity(self._past) if loud and not is_tone(self._past) else 0.0
        if pitched < PITCHED:
            self._run = 0
            return None
        self._run += 1
        # A key that has just begun looks like a voice over 40 ms, but not over its own part of them.
        if self._run < ATTACK and (pitched < SURE or is_tone(self._past[FRAME:])):
            return None
        self.open = True
        self._quiet = 0
        return Change(True, number + 1 - self._run)

    def _hold(self, number: int, loud: bool) -> Change | None:
        if loud and not is_tone(self._past):
            self._quiet = 0
            return None
        self._quiet += 1
        if self._quiet < self._release:
            return None
        self.open = False
        self._run = 0
        return Change(False, number + 1 - self._quiet)

    def _follow_noise(self, level: float) -> None:
        if level < self._noise:
            self._noise += 0.3 * (level - self._noise)
        else:
            self._noise += min(RISES_IN_VOICE if self.open else NOISE_RISES, level - self._noise)
        self._noise = max(self._noise, -80.0)


def _level(frame: Samples) -> float:
    """Power of a frame without its direct current, dB below full scale."""
    wide = frame.astype(np.float32)
    wide -= wide.mean()
    power = float(wide @ wide) / len(wide)
    return 10.0 * float(np.log10(power + 1e-3)) - 90.3


_STEP = 4
_PITCH_RATE = RATE // _STEP
_SHORTEST, _LONGEST = _PITCH_RATE // HIGHEST, _PITCH_RATE // LOWEST + 1
_COMPARED = _PITCH_RATE * COMPARED // 1000


def periodicity(samples: Samples) -> float:
    """How much the end of ``samples`` (40 ms) repeats what was before with the pitch of a voice: 0 to 1.

    The largest normalised autocorrelation over lags of :data:`HIGHEST` to :data:`LOWEST` Hz.
    """
    wide = samples[: len(samples) // _STEP * _STEP].reshape(-1, _STEP).mean(axis=1, dtype=np.float32)
    wide = wide[1:] + wide[:-1]  # high lines would not meet again at lags that are whole samples
    # Without what is slower than any pitch, a hum or what a click does to a mean would repeat itself too.
    wide = (wide[1:] - EMPHASIS * wide[:-1])[-(_LONGEST + _COMPARED) :]
    # windows[k] begins k samples into it: the last one is compared with those that are a lag earlier.
    windows = np.lib.stride_tricks.sliding_window_view(wide, _COMPARED)
    last = windows[_LONGEST]
    earlier = windows[: _LONGEST - _SHORTEST + 1]
    powers = np.einsum("ij,ij->i", earlier, earlier)
    own = float(last @ last)
    return float(((earlier @ last) / np.sqrt(powers * own + 1.0)).max())


_WINDOWS = {size: np.hanning(size).astype(np.float32) for size in (FRAME, 2 * FRAME)}


def is_tone(samples: Samples) -> bool:
    """Whether nearly all power of ``samples`` (20 or 40 ms) is in one or two lines, as of keys and beeps.

    Lines under :data:`LOWEST_TONE` are the pitch of a voice, which is nearly all there is of an "n" or "oo".
    """
    size = len(samples)
    spectrum = np.abs(np.fft.rfft(samples * _WINDOWS[size])) ** 2
    total = float(spectrum.sum())
    lines = spectrum[int(LOWEST_TONE * size / RATE) - 2 :]
    share = 0.0
    for _ in range(2):
        at = int(lines.argmax())
        lobe = lines[max(0, at - 2) : at + 3]
        share += float(lobe.sum())
        lobe[:] = 0.0
    return 0.0 < PURE * total <= share
