"""Transcription: an utterance at a time for each leg, with the times it was said."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import numpy as np
import pytest
from speech.sounds import frames, samples, vowel, white

from hookflash.media.speech import Listening
from hookflash.ports.speech import Recognised, SpeechError
from hookflash.speech.hearing import Hearer, HearingDesk
from hookflash.speech.transcribing import LONGEST, Transcribing


class Counting:
    """Tells how many seconds it heard."""

    name = "counting"

    def __init__(self) -> None:
        self.wishes: list[Listening] = []

    async def recognise(self, audio: AsyncIterator[Any], wish: Listening) -> AsyncGenerator[Recognised, None]:
        self.wishes.append(wish)
        size = sum([len(pcm) async for pcm in audio])
        if wish.locales == ("xx",):
            raise SpeechError("nobody speaks that")
        yield Recognised(f"{size / 16_000:.1f}", True)


def quiet(seconds: float) -> Any:
    return white(np.random.default_rng(1), seconds, -70.0)


async def settled() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


async def test_each_utterance_of_each_leg_is_told_with_its_time() -> None:
    told: list[tuple[int, float, Recognised]] = []
    counting = Counting()
    transcribing = Transcribing(HearingDesk([Hearer(counting)]), "en-US", "", lambda *one: told.append(one))
    word = vowel("ah", 120, 0.5)
    for frame in frames(samples(quiet(1.0), word, quiet(1.0), word, quiet(1.0))):
        transcribing.hear(3, frame)
        transcribing.hear(4, np.zeros(320, np.int16))
    await settled()
    assert [(leg, found.text) for leg, _, found in told] == [(3, "1.1"), (3, "1.1")]
    assert [began for _, began, _ in told] == pytest.approx([0.72, 2.22], abs=0.05)
    transcribing.update("xx", "")
    for frame in frames(samples(word, quiet(1.0))):
        transcribing.hear(4, frame)
    await settled()
    assert len(told) == 2
    assert counting.wishes[-1].locales == ("xx",)


async def test_endless_speech_is_cut_and_closing_stops_everything() -> None:
    told: list[Any] = []
    transcribing = Transcribing(HearingDesk([Hearer(Counting())]), "en-US", "", lambda *one: told.append(one))
    for _ in range(LONGEST // 50 + 5):
        for frame in frames(samples(vowel("ah", 120, 1.0, glide=0.0))):
            transcribing.hear(1, frame)
    await settled()
    assert len(told) == 1
    transcribing.close()
    await settled()
    assert not transcribing._tasks
