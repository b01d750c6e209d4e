"""Transcription in the words of the streaming room: ticks, legs, words, and what failures are called."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import numpy as np
import pytest

from hookflash.composition.transcribing import TranscriptRecogniser, failure, utterance
from hookflash.media.speech import Listening
from hookflash.ports.speech import HeardWord, Recognised, SpeechError
from hookflash.speech.hearing import Hearer, HearingDesk
from hookflash.speech.transcribing import TranscribingDesk, TranscribingLimits
from hookflash.streaming.recogniser import Recogniser, RecognitionFailed, Utterance, Wanted
from hookflash.testing.clock import VirtualClock
from hookflash.wire.streaming_frames import Word


class Echo:
    name = "echo"

    def __init__(self) -> None:
        self.wishes: list[Listening] = []

    async def recognise(self, audio: AsyncIterator[Any], wish: Listening) -> AsyncGenerator[Recognised, None]:
        self.wishes.append(wish)
        async for _ in audio:
            pass
        words = (HeardWord("Hello,", 0.5, 0.25), HeardWord("Bob.", 0.75, 0.5))
        yield Recognised("Hello, Bob.", True, 0.5, "en-US", 0.0, 2.0, words)


async def test_what_is_said_comes_with_its_ticks() -> None:
    told: list[Utterance] = []
    failed: list[RecognitionFailed] = []
    echo = Echo()
    desk = TranscribingDesk(HearingDesk([Hearer(echo, ("en",))]), VirtualClock(), TranscribingLimits(1))
    recogniser: Recogniser = TranscriptRecogniser(desk)
    recognition = recogniser.start(Wanted("en-US", None, True, "us"), told.append, failed.append)
    recognition.join(5)
    with pytest.raises(RecognitionFailed, match="try again later") as full:
        recognition.join(6)
    assert (full.value.details, full.value.code, full.value.sub_code) == ("tooManyRequests", 429, 8565)
    t = np.arange(16_000) / 16_000
    voice = sum(np.sin(2 * np.pi * 120 * n * t) / n for n in range(1, 12))
    pcm = np.concatenate([np.zeros(16_000), 6000 * np.asarray(voice), np.zeros(16_000)]).astype(np.int16)
    for tick, frame in enumerate(pcm.reshape(-1, 320), 1_000):
        recognition.hear(5, tick, frame)
    for _ in range(50):
        await asyncio.sleep(0)
    (one,) = told
    assert (one.leg, one.text, one.confidence, one.final) == (5, "Hello, Bob.", 0.5, True)
    assert abs(one.offset - 12_000_000) <= 400_000
    assert one.duration == 7_500_000
    assert one.words == (
        Word("hello", one.offset, 2_500_000),
        Word("bob", one.offset + 2_500_000, 5_000_000),
    )
    assert echo.wishes == [Listening(("en-US",), owner="us", words=True, partial=True)]
    recognition.update(Wanted("de-DE", "model", True, "us"))
    assert [(one.details, one.code, one.sub_code) for one in failed] == [("badRequest", 400, 8565)]
    with pytest.raises(RecognitionFailed, match="de-DE"):
        recogniser.start(Wanted("de-DE", None, True, "us"), told.append, failed.append)


def test_without_words_the_recogniser_says_when_it_was() -> None:
    found = utterance(
        3, Recognised("Hi.", True, 1.4, start=2.0, duration=0.5, words=(HeardWord("...", 0, 1),))
    )
    assert found == Utterance(3, "Hi.", 1.0, 20_000_000, 5_000_000, (), True)


def test_words_lose_their_punctuation_and_nothing_else() -> None:
    texts = ("¿Qué", "don't", "नमस्ते।", "$5.99,", "half-past")
    words = tuple(HeardWord(text, -0.1, 0.1) for text in texts)
    found = utterance(3, Recognised("-", False, words=words))
    assert [word.text for word in found.words] == ["qué", "don't", "नमस्ते", "$5.99", "half-past"]
    assert found.offset == 0


@pytest.mark.parametrize(
    ("error", "details"),
    [
        (SpeechError("that is no language"), "badRequest"),
        (SpeechError("wrong key", code=401), "authenticationFailure"),
        (SpeechError("no credit", code=403), "forbidden"),
        (SpeechError("too late", code=408), "serviceTimeout"),
        (SpeechError("not now", code=429), "tooManyRequests"),
        (SpeechError("not reached", code=408, outage=True), "speechServicesConnectionError"),
        (SpeechError("a fault of ours", code=500, sub_code=9999), "unspecifiedError"),
    ],
)
def test_failures_are_told_as_what_they_are(error: SpeechError, details: str) -> None:
    told = failure(error)
    assert (told.details, told.code, told.sub_code) == (details, error.code, error.sub_code)
    assert str(told) == str(error)
