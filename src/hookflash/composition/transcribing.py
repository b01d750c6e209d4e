"""Real-time transcription by the recognisers of calls, in the words of the streaming room."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from hookflash.media.speech import Listening
from hookflash.ports.speech import HeardWord, Recognised, SpeechError
from hookflash.speech.transcribing import Transcribing, TranscribingDesk
from hookflash.streaming.recogniser import RecognitionFailed, Utterance, Wanted
from hookflash.wire.enums import TranscriptionStatusDetails as Details
from hookflash.wire.streaming_frames import Word

TICKS = 10_000_000
"""Of a second: a tick is 100 ns."""

_DETAILS = {
    400: Details.BAD_REQUEST,
    401: Details.AUTHENTICATION_FAILURE,
    403: Details.FORBIDDEN,
    408: Details.SERVICE_TIMEOUT,
    429: Details.TOO_MANY_REQUESTS,
}
"""What the app is told for the code of an error of a provider that is there."""


class TranscriptRecogniser:
    """Implements :class:`hookflash.streaming.recogniser.Recogniser`."""

    def __init__(self, desk: TranscribingDesk) -> None:
        self._desk = desk

    def start(
        self,
        wanted: Wanted,
        said: Callable[[Utterance], None],
        failed: Callable[[RecognitionFailed], None],
    ) -> TranscriptRecognition:
        try:
            transcribing = self._desk.start(
                _wish(wanted),
                lambda leg, found: said(utterance(leg, found)),
                lambda error: failed(failure(error)),
            )
        except SpeechError as error:
            raise failure(error) from error
        return TranscriptRecognition(transcribing)


class TranscriptRecognition:
    """Implements :class:`hookflash.streaming.recogniser.Recognition`."""

    def __init__(self, transcribing: Transcribing) -> None:
        self._transcribing = transcribing
        self.leave = transcribing.leave
        self.finish = transcribing.finish
        self.close = transcribing.close

    def join(self, leg: int) -> None:
        try:
            self._transcribing.join(leg)
        except SpeechError as error:
            raise failure(error) from error

    def hear(self, leg: int, tick: int, frame: NDArray[np.int16]) -> None:
        self._transcribing.hear(leg, tick, frame)

    def update(self, wanted: Wanted) -> None:
        self._transcribing.update(_wish(wanted))


def failure(error: SpeechError) -> RecognitionFailed:
    """What an app is told when a provider of speech fails (contract sections 4.4 and 5.3)."""
    details = Details.SPEECH_SERVICES_CONNECTION_ERROR
    if not error.outage:
        details = _DETAILS.get(error.code, Details.UNSPECIFIED_ERROR)
    return RecognitionFailed(str(error), details.value, error.code, error.sub_code)


def utterance(leg: int, found: Recognised) -> Utterance:
    """What was understood, in ticks; where words are known, from the first of them to the last."""
    words = tuple(word for one in found.words if (word := _word(one)).text)
    begin, end = _ticks(found.start), _ticks(found.start + found.duration)
    if words:
        begin, end = words[0].offset, max(word.offset + word.duration for word in words)
    return Utterance(
        leg, found.text, min(1.0, max(0.0, found.confidence)), begin, max(0, end - begin), words, found.final
    )


def _word(word: HeardWord) -> Word:
    """As the contract has words: without the punctuation of the text, in lower case."""
    text = word.text
    while text and _outside(text[0]):
        text = text[1:]
    while text and _outside(text[-1]):
        text = text[:-1]
    return Word(text.lower(), _ticks(word.start), max(0, _ticks(word.duration)))


def _outside(char: str) -> bool:
    """Punctuation or white space. (Vowel signs of Indic scripts, for one, are neither letters nor that.)"""
    return unicodedata.category(char)[0] in "PZC"


def _wish(wanted: Wanted) -> Listening:
    return Listening(
        (wanted.locale,),
        model=wanted.speech_model or "",
        owner=wanted.owner,
        words=True,
        partial=wanted.intermediate,
    )


def _ticks(seconds: float) -> int:
    return max(0, round(seconds * TICKS))
