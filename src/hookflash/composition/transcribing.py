"""Real-time transcription by the recognisers of calls, in the words of the streaming room."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from hookflash.ports.speech import Recognised
from hookflash.speech.hearing import HearingDesk
from hookflash.speech.transcribing import Transcribing
from hookflash.streaming.recogniser import Utterance
from hookflash.wire.streaming_frames import Word

TICKS = 10_000_000
"""Of a second: a tick is 100 ns."""


class TranscriptRecogniser:
    """Implements :class:`hookflash.streaming.recogniser.Recogniser`.

    Times of utterances count from the first frame that was heard of their leg.
    """

    def __init__(self, hearing: HearingDesk) -> None:
        self._hearing = hearing

    def start(
        self, locale: str, speech_model: str | None, said: Callable[[Utterance], None]
    ) -> TranscriptRecognition:
        return TranscriptRecognition(self._hearing, locale, speech_model, said)


class TranscriptRecognition:
    """Implements :class:`hookflash.streaming.recogniser.Recognition`."""

    def __init__(
        self,
        hearing: HearingDesk,
        locale: str,
        speech_model: str | None,
        said: Callable[[Utterance], None],
    ) -> None:
        self._said = said
        self._transcribing = Transcribing(hearing, locale, speech_model or "", self._tell)

    def hear(self, leg: int, frame: NDArray[np.int16]) -> None:
        self._transcribing.hear(leg, frame)

    def update(self, locale: str, speech_model: str | None) -> None:
        self._transcribing.update(locale, speech_model or "")

    def close(self) -> None:
        self._transcribing.close()

    def _tell(self, leg: int, began: float, found: Recognised) -> None:
        self._said(
            Utterance(
                leg,
                found.text,
                found.confidence,
                _ticks(began + found.start),
                _ticks(found.duration),
                tuple(
                    Word(word.text, _ticks(began + word.start), _ticks(word.duration)) for word in found.words
                ),
                found.final,
            )
        )


def _ticks(seconds: float) -> int:
    return round(seconds * TICKS)
