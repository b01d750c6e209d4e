"""A voice-activity gate: when somebody begins to speak, and when they have fallen silent.

Every 10 ms it looks at how loud a sound is over the noise of the line, whether it has a pitch, and whether it
is a tone of a machine. A voice begins with its first voiced sound (a vowel, a nasal): that tells it from
breath, from the noise of a line and from comfort noise, which may be as loud. What came before it, an "s" for
example, is for whoever keeps the audio. Keys, dial tones and beeps have a pitch too, but only one or two
lines in their spectrum.

The first periods of a voice are uneven, and each 10 ms of them alone may be noise. So evidence is added up:
how much more pitch there is than noise has by chance, more where it is loud. What sets in at once, as voices
do, and has its power where voices have it, has credit, so that fewer periods will do. Breath and wind swell,
the noise of a line is white, and clicks are over before there is enough.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

RATE = 16_000
"""Sample rate, Hz."""
FRAME = RATE // 50
"""Samples of a frame: 20 ms."""
STEP = FRAME // 2
"""Samples between two looks: 10 ms."""

QUIETEST = -52.0
"""What is not this loud is no voice, dB below full scale (of a sine at full scale: -3)."""
ABOVE_NOISE = 9.0
"""How far a voice is above the noise of the line, dB."""
NOISE_FALLS = 0.3
"""Which part of the way to a quieter frame the noise is found to have fallen."""
NOISE_RISES = 0.12
"""How fast the noise may be found to have risen, dB a frame: 6 dB a second."""
RISES_IN_VOICE = 0.02
"""The same while somebody speaks."""
PITCHED = 0.58
"""From which periodicity on (0 to 1) a frame has a pitch."""
HIGH_VOICE = 200
"""Voices whose pitch is higher may have nearly all of their power in two overtones, Hz."""
RATIOS = (*((1, other) for other in range(2, 10)), (2, 3), (2, 5), (2, 6), (2, 7), (3, 4), (3, 5))
"""Of such overtones: those of dial tones (4 to 5) and keys are none of them."""
IN_TUNE = 0.02
"""How far they may be off, a part of the pitch."""
OVERTONES = 0.003
"""Which part of its power such a voice has in its other overtones at least; two tones have none."""
ATTACK = 2
"""Pitched frames in a row that begin a voice, whatever else there is."""
BY_CHANCE = 0.545
"""Periodicity that is no evidence of a voice: noise has 0.3 to 0.5."""
LOUD, LOUD_SPAN, LOUD_EVIDENCE = 22.5, 16.0, 0.085
"""What loudness adds to it: nothing so many dB over the noise, all of it (or as much against) by so many dB
more (or less)."""
MOST, LEAST = 0.33, -0.04
"""Evidence of a single step."""
AT_ONCE = 13.0
"""How much louder a sound that sets in at once is than what was 30 ms before, dB."""
AT_ONCE_LEVEL = -43.0
"""How loud it is at least, dB below full scale."""
TILT = 8.5
"""How much more power it has under 1 kHz than over 2.5 kHz, dB."""
CREDIT = 0.325
"""Evidence it begins with."""
ENOUGH = 0.41
"""Evidence that begins a voice, if the last step has a periodicity of :data:`SOME`."""
SOME = 0.42
ANOTHER = 10.0
"""How much louder than the step before a step is that belongs to another sound, dB."""
NEARLY_ALL = 0.97
"""Which part of the power of 10 ms in two lines, which are wide then, may be a key."""
LOWEST, HIGHEST = 70, 420
"""Pitch of voices, Hz."""
COMPARED = 16
"""How much of a frame is compared with what was before, ms."""
EMPHASIS = 0.8
LOWEST_TONE = 330
"""Frequency of tones, Hz."""
PURE = 0.91
"""Which part of its power in two lines makes a frame a tone."""
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
        self._quiet = 0
        self._past = np.zeros(2 * FRAME + STEP, np.int16)
        self._onset = _Onset()

    def feed(self, frame: Samples) -> Change | None:
        """Look at the next frame, int16 of shape (320,); what has changed by it."""
        number = self._frames
        self._frames += 1
        return self._hold(number, frame) if self.open else self._wait(number, frame)

    def skip(self, frames: int) -> Change | None:
        """Frames that were lost count as silent ones."""
        change = None
        for _ in range(min(frames, self._release + 1)):
            change = self.feed(np.zeros(FRAME, np.int16)) or change
        self._frames += max(0, frames - self._release - 1)
        return change

    def _wait(self, number: int, frame: Samples) -> Change | None:
        onset = self._onset
        self._past = np.concatenate((self._past[FRAME:], frame))
        for level, past in zip(_levels(frame, 2), (self._past[:-STEP], self._past[STEP:]), strict=True):
            over = level - self._noise if self._is_loud(level) else None
            self._follow_noise(level, NOISE_FALLS / 2, NOISE_RISES / 2)
            onset.step(level, over, past)
        onset.frame()
        if not onset.certain:
            return None
        self.open = True
        self._quiet = 0
        began = number + 1 - onset.frames
        self._onset = _Onset()
        return Change(True, max(0, began))

    def _hold(self, number: int, frame: Samples) -> Change | None:
        (level,) = _levels(frame, 1)
        loud = self._is_loud(level)
        self._follow_noise(level, NOISE_FALLS, RISES_IN_VOICE)
        self._past = np.concatenate((self._past[FRAME:], frame))
        if loud and not is_tone(self._past[STEP:]):
            self._quiet = 0
            return None
        self._quiet += 1
        if self._quiet < self._release:
            return None
        self.open = False
        return Change(False, number + 1 - self._quiet)

    def _is_loud(self, level: float) -> bool:
        return level > max(QUIETEST, self._noise + ABOVE_NOISE)

    def _follow_noise(self, level: float, falls: float, rises: float) -> None:
        if level < self._noise:
            self._noise += falls * (level - self._noise)
        else:
            self._noise += min(rises, level - self._noise)
        self._noise = max(self._noise, -80.0)


class _Onset:
    """What speaks for the beginning of a voice, since there was nothing of the kind.

    Attributes:
        certain: it is one.
    """

    def __init__(self) -> None:
        self.certain = False
        self._levels = deque([QUIETEST - 10.0] * 3, maxlen=3)
        self._forget()

    def _forget(self) -> None:
        self._evidence = 0.0
        self._sounding = 0
        self._steps = 0
        self._credited = False
        self._pitch = 0.0
        self._run = 0

    @property
    def frames(self) -> int:
        """For how many frames it has lasted, the last one included."""
        return max((self._steps + 1) // 2, self._run)

    def step(self, level: float, over: float | None, past: Samples) -> None:
        """The next 10 ms, the last of ``past`` (40 ms); ``over`` the noise by so much, if they are loud."""
        before, last = max(self._levels[0], QUIETEST - 10.0), self._levels[-1]
        self._levels.append(level)
        if over is None or is_tone(past):
            self._forget()
            return
        self._sounding = self._sounding + 1 if level < last + ANOTHER else 1
        self._pitch = periodicity(past)
        spectrum = _spectrum(past[FRAME:])
        rises = level > AT_ONCE_LEVEL and level >= before + AT_ONCE
        if rises and not self._credited and _tilt(spectrum) > TILT:
            self._credited = True
            self._evidence = max(self._evidence, CREDIT)
        gain = self._pitch - BY_CHANCE + LOUD_EVIDENCE * min(1.0, max(-1.0, (over - LOUD) / LOUD_SPAN))
        self._evidence = max(0.0, self._evidence + min(MOST, max(LEAST, gain)))
        self._steps = self._steps + 1 if self._evidence > 0.0 else 0
        enough = self._evidence >= ENOUGH and self._pitch >= SOME
        self.certain = self.certain or (enough and not self._may_be_key(past, spectrum))

    def _may_be_key(self, past: Samples, spectrum: Spectrum) -> bool:
        """Whether the sound is too new for :func:`is_tone` over 40 ms, and nothing but lines since it began.

        ``spectrum``: of the last 20 ms. It began somewhere in its first step, so that only the others are
        whole.
        """
        if self._sounding == 2:
            return _two_lines(_spectrum(past[-STEP:]), 2)[0] >= NEARLY_ALL
        return self._sounding == 1 or (self._sounding == 3 and _is_lines(spectrum, FRAME))

    def frame(self) -> None:
        """A frame is over: has it a pitch, like those before it?"""
        self._run = self._run + 1 if self._pitch >= PITCHED else 0
        self.certain = self.certain or self._run >= ATTACK


def _levels(frame: Samples, parts: int) -> list[float]:
    """Power of equal parts of a frame without their direct current, dB below full scale."""
    wide = frame.reshape(parts, -1).astype(np.float32)
    wide -= wide.mean(axis=1, keepdims=True)
    powers = np.einsum("ij,ij->i", wide, wide).tolist()
    size = len(frame) // parts
    return [10.0 * math.log10(power / size + 1e-3) - 90.3 for power in powers]


_EVERY = 4
_PITCH_RATE = RATE // _EVERY
_SHORTEST, _LONGEST = _PITCH_RATE // HIGHEST, _PITCH_RATE // LOWEST + 1
_COMPARED = _PITCH_RATE * COMPARED // 1000


def periodicity(samples: Samples) -> float:
    """How much the end of ``samples`` (40 ms) repeats what was before with the pitch of a voice: 0 to 1.

    The largest normalised autocorrelation over lags of :data:`HIGHEST` to :data:`LOWEST` Hz.
    """
    wide = samples[: len(samples) // _EVERY * _EVERY].reshape(-1, _EVERY).mean(axis=1, dtype=np.float32)
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


_WINDOWS = {size: np.hanning(size).astype(np.float32) for size in (STEP, FRAME, 2 * FRAME)}
Spectrum = NDArray[np.floating[Any]]


def is_tone(samples: Samples) -> bool:
    """Whether nearly all power of ``samples`` (20 or 40 ms) is in one or two lines, as of keys and beeps.

    Lines under :data:`LOWEST_TONE` are the pitch of a voice, which is nearly all there is of an "n" or "oo".
    """
    return _is_lines(_spectrum(samples), len(samples))


def _spectrum(samples: Samples) -> Spectrum:
    """Power of the lines of 10, 20 or 40 ms."""
    power: Spectrum = np.abs(np.fft.rfft(samples * _WINDOWS[len(samples)])) ** 2
    return power


def _tilt(spectrum: Spectrum) -> float:
    """How much more power 20 ms have from 100 to 1,000 Hz than from 2,500 to 3,900 Hz, dB."""
    hz = RATE // FRAME
    low = float(spectrum[100 // hz : 1000 // hz].sum())
    high = float(spectrum[2500 // hz : 3900 // hz].sum())
    return 10.0 * float(np.log10((low + 1.0) / (high + 1.0)))


def _is_lines(spectrum: Spectrum, size: int) -> bool:
    """Whether nearly all power of ``size`` samples is in one or two lines, which are not those of a voice."""
    share, places, others = _two_lines(spectrum, int(LOWEST_TONE * size / RATE) - 2)
    if share < PURE:
        return False
    low, high = sorted(_exactly(spectrum, at) * RATE / size for at in places)
    pitch = _common_pitch(low, high)
    return pitch is None or _at_multiples(others, pitch * size / RATE) < OVERTONES * float(spectrum.sum())


def _two_lines(spectrum: Spectrum, lowest: int) -> tuple[float, list[int], Spectrum]:
    """The part of two lines from place ``lowest`` on in the power, where they are, and what else is there."""
    total = float(spectrum.sum())
    others = spectrum.copy()
    others[:lowest] = 0.0
    share = 0.0
    places = []
    for _ in range(2):
        at = int(others.argmax())
        lobe = others[max(0, at - 2) : at + 3]
        share += float(lobe.sum())
        lobe[:] = 0.0
        places.append(at)
    return (share / total if total > 0.0 else 0.0), places, others


def _exactly(spectrum: Spectrum, at: int) -> float:
    """Where the line lies of which a spectrum has its most at ``at``: the top of a parabola through it."""
    if not 0 < at < len(spectrum) - 1:
        return float(at)
    below, top, above = np.log(spectrum[at - 1 : at + 2] + 1.0)
    bend = below - 2.0 * top + above
    return at + float(0.5 * (below - above) / bend) if bend < 0.0 else float(at)


def _common_pitch(low: float, high: float) -> float | None:
    """The pitch of which two lines are early overtones, Hz; None when there is none, as with all keys."""
    for first, second in RATIOS:
        pitch = (low / first + high / second) / 2
        if HIGH_VOICE <= pitch <= HIGHEST and abs(low / first - high / second) <= IN_TUNE * pitch:
            return pitch
    return None


def _at_multiples(lines: Spectrum, pitch: float) -> float:
    """Power at the multiples of a ``pitch`` that is given in places of ``lines``."""
    count = int((len(lines) - 2) / pitch)
    places = np.round(np.arange(1, count + 1) * pitch).astype(int)
    return float(lines[places - 1].sum() + lines[places].sum() + lines[places + 1].sum())
