"""Transcription in the words of the streaming room: ticks, legs, words."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import numpy as np

from hookflash.composition.transcribing import TranscriptRecogniser
from hookflash.media.speech import Listening
from hookflash.ports.speech import HeardWord, Recognised
from hookflash.speech.hearing import Hearer, HearingDesk
from hookflash.streaming.recogniser import Recogniser, Utterance
from hookflash.wire.streaming_frames import Word


class Echo:
    name = "echo"

    async def recognise(self, audio: AsyncIterator[Any], wish: Listening) -> AsyncGenerator[Recognised, None]:
        async for _ in audio:
            pass
        words = (HeardWord("hello", 0.5, 0.25),)
        yield Recognised("hello", True, 0.5, "en-US", 0.0, 1.0, words)


async def test_an_utterance_comes_with_its_ticks() -> None:
    told: list[Utterance] = []
    recogniser: Recogniser = TranscriptRecogniser(HearingDesk([Hearer(Echo())]))
    recognition = recogniser.start("en-US", None, told.append)
    t = np.arange(16_000) / 16_000
    voice = sum(np.sin(2 * np.pi * 120 * n * t) / n for n in range(1, 12))
    pcm = np.concatenate([np.zeros(16_000), 6000 * np.asarray(voice), np.zeros(16_000)]).astype(np.int16)
    for frame in pcm.reshape(-1, 320):
        recognition.hear(5, frame)
    for _ in range(20):
        await asyncio.sleep(0)
    (one,) = told
    assert (one.leg, one.text, one.confidence, one.final) == (5, "hello", 0.5, True)
    assert abs(one.offset - 7_000_000) <= 400_000
    assert one.duration == 10_000_000
    assert one.words == (Word("hello", one.offset + 5_000_000, 2_500_000),)
    recognition.update("de-DE", "model")
    recognition.close()
