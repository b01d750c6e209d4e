"""A stand-in for a voice: a short tone for each word, for about as long as speaking it would take.

It keeps everything that hangs on speech working where no voice is installed, and nobody takes it for one.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from hookflash.ports.speech import RATE, Spoken
from hookflash.speech.scripted import Fetch, ScriptedVoice, louder, no_audio
from hookflash.speech.sentences import pieces
from hookflash.speech.speaking_jobs import Pause, Say
from hookflash.speech.voices import Voice, VoiceTable

VERSION = "1"

LOW = Voice("low", "", "male")
HIGH = Voice("high", "", "female")
_PITCH_HZ = {LOW.name: 330.0, HIGH.name: 520.0}

LEVEL = 0.1
"""Amplitude of a tone, of full scale (-20 dB)."""

WORD = 0.1
LETTER = 0.05
GAP = 0.06
"""Seconds of a word, of each of its letters beside that, and between words: some 150 words a minute."""

MAX_WORD = 1.0
"""Seconds of the longest word."""

_EDGE = RATE // 200
NOTES: tuple[str, ...] = (
    "this is the beep voice, a tone for each word; hookflash[speech] brings a real one",
)


def beep_voice(
    name: str = "beep", *, mapping: Mapping[str, str] | None = None, fetch: Fetch = no_audio
) -> ScriptedVoice:
    """A voice of tones; see :class:`~hookflash.speech.scripted.ScriptedVoice`."""

    async def run(parts: Sequence[Say | Pause], owner: str) -> AsyncGenerator[Spoken, None]:
        notes = NOTES
        for part in parts:
            if isinstance(part, Pause):
                yield Spoken(_silence(part.seconds))
                continue
            for piece in pieces(part.text):
                yield Spoken(louder(tones(piece.text, part), part.gain_db), notes)
                notes = ()
                yield Spoken(_silence(piece.pause / part.rate))

    return ScriptedVoice(name, VERSION, VoiceTable(name, (HIGH, LOW), mapping), run, fetch)


def tones(text: str, say: Say) -> NDArray[np.int16]:
    """The words of ``text`` as tones, int16 at 16,000 Hz."""
    pitch = _PITCH_HZ.get(say.voice, _PITCH_HZ[HIGH.name]) * 2.0 ** (say.pitch / 12.0)
    gap = _silence(GAP / say.rate)
    found: list[NDArray[np.int16]] = []
    for word in text.split():
        seconds = min(WORD + LETTER * sum(map(str.isalnum, word)), MAX_WORD) / say.rate
        found += [_tone(pitch, seconds), gap]
    return np.concatenate(found)


def _tone(hertz: float, seconds: float) -> NDArray[np.int16]:
    at = np.arange(round(seconds * RATE))
    wave = LEVEL * 32767.0 * np.sin(2.0 * np.pi * hertz / RATE * at)
    # A tone that begins or ends at once clicks.
    edge = np.minimum(np.minimum(at, at[::-1]) / _EDGE, 1.0)
    tone: NDArray[np.int16] = np.rint(wave * edge).astype(np.int16)
    return tone


def _silence(seconds: float) -> NDArray[np.int16]:
    return np.zeros(round(seconds * RATE), np.int16)
