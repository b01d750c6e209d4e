"""One participant who is transcribed: where utterances begin and end, in which order they are told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import numpy as np
import pytest
from speech.sounds import frames, samples, vowel, white

from hookflash.media.speech import Listening
from hookflash.ports.speech import HeardWord, Recognised, SpeechError
from hookflash.speech.hearing import Hearer, HearingDesk
from hookflash.speech.speaker import BACKLOG, LONG, LONGER, LONGEST, Speaker

NOISE = np.random.default_rng(1)


def quiet(seconds: float) -> Any:
    return white(NOISE, seconds, -70.0)


def word(seconds: float = 0.5) -> Any:
    return vowel("ah", 120, seconds)


class Counting:
    """Tells how many seconds it heard, and in how many stretches; fails where it is told to."""

    name = "counting"

    def __init__(self) -> None:
        self.wishes: list[Listening] = []
        self.fails: Exception | None = None
        self.may = asyncio.Event()
        self.may.set()

    async def recognise(self, audio: AsyncIterator[Any], wish: Listening) -> AsyncGenerator[Recognised, None]:
        self.wishes.append(wish)
        size, pauses = 0, 0
        async for pcm in audio:
            size += len(pcm)
            pauses += not len(pcm)
            if wish.partial and size > 8_000:
                yield Recognised("more", False)
        await self.may.wait()
        if self.fails is not None:
            raise self.fails
        seconds = size / 16_000
        yield Recognised(f"{seconds:.1f}/{pauses}", True, words=(HeardWord("w", 0.25, 0.5),))


class Room:
    """A speaker and what is told of it."""

    def __init__(self, wish: Listening | None = None) -> None:
        self.recogniser = Counting()
        self.told: list[Recognised] = []
        self.failed: list[SpeechError] = []
        self.rests = 0
        self.tick = 0
        self.speaker = Speaker(
            HearingDesk([Hearer(self.recogniser)]),
            lambda: wish or Listening(("en-US",)),
            self.told.append,
            self.failed.append,
            self.rested,
        )

    def rested(self) -> None:
        assert self.speaker.resting
        self.rests += 1

    async def hear(self, *waves: Any) -> None:
        for frame in frames(samples(np.empty(0), *waves)):
            self.speaker.hear(self.tick, frame)
            self.tick += 1
            if self.tick % 10 == 0:
                await asyncio.sleep(0)
        for _ in range(50):
            await asyncio.sleep(0)

    @property
    def texts(self) -> list[str]:
        return [one.text for one in self.told]


async def test_utterances_are_told_with_the_time_at_which_they_were_said() -> None:
    room = Room()
    await room.hear(quiet(1), word(), quiet(1), word(), quiet(1))
    assert room.texts == ["1.1/2", "1.1/2"]
    assert [one.start for one in room.told] == pytest.approx([0.72, 2.22], abs=0.05)
    assert [one.words[0].start - one.start for one in room.told] == [0.25, 0.25]
    assert room.rests == 2


async def test_a_short_pause_is_within_an_utterance_and_none_of_it_is_lost() -> None:
    room = Room()
    await room.hear(quiet(1), word(), quiet(0.5), word(), quiet(1))
    assert room.texts == ["2.1/3"], "the recogniser knows of the pause"
    await room.hear(word(), quiet(0.7), word(), quiet(1))
    assert len(room.texts) == 3


async def test_a_long_utterance_ends_with_a_shorter_pause() -> None:
    room = Room()
    await room.hear(*[word(0.9), quiet(0.1)] * (LONG // 50), word(0.5), quiet(0.4), word(), quiet(1))
    assert len(room.texts) == 2
    assert float(room.texts[0].split("/")[0]) == pytest.approx(LONG / 50 + 0.8, abs=0.1)


async def test_one_that_goes_on_and_on_ends_where_it_is_quietest() -> None:
    room = Room()
    await room.hear(*[vowel("ah", 120, 1.0, glide=0.0), quiet(0.06)] * (LONGER // 50 + 2), quiet(1))
    first = float(room.texts[0].split("/")[0])
    assert LONGER / 50 <= first <= LONGER / 50 + 1.1
    assert len(room.texts) == 2


async def test_one_without_any_quiet_ends_in_the_end() -> None:
    room = Room()
    await room.hear(vowel("ah", 120, LONGEST / 50 + 4, glide=0.0), quiet(1))
    lengths = [float(text.split("/")[0]) for text in room.texts]
    assert lengths[0] == LONGEST / 50
    assert sum(lengths) == pytest.approx(LONGEST / 50 + 4.3, abs=0.1), "and nothing of it is lost"


async def test_audio_that_was_lost_counts_as_quiet() -> None:
    room = Room()
    await room.hear(quiet(1), word())
    room.tick += 1_000
    await room.hear(quiet(0.1), word(), quiet(1))
    assert len(room.texts) == 2
    assert room.told[1].start == pytest.approx(21.55, abs=0.1)
    room.tick -= 10
    await room.hear(quiet(0.1))


async def test_who_is_gone_is_understood_to_the_last_word() -> None:
    room = Room()
    await room.hear(quiet(1), word())
    assert room.texts == []
    room.speaker.end()
    await room.hear()
    assert room.texts == ["0.8/1"]


async def test_sentences_are_told_in_the_order_in_which_they_were_said() -> None:
    room = Room()
    room.recogniser.may.clear()
    await room.hear(quiet(1), word(), quiet(1), word(1.0), quiet(1))
    assert room.texts == []
    assert len(room.recogniser.wishes) == 1, "one at a time"
    room.recogniser.may.set()
    await room.hear()
    assert room.texts == ["1.1/2", "1.6/2"]


async def test_partial_results_are_passed_on() -> None:
    room = Room(Listening(("en-US",), partial=True))
    await room.hear(quiet(1), word(), quiet(1))
    assert set(room.texts) == {"more", "1.1/2"}
    assert [one.final for one in room.told][-1:] == [True]


async def test_a_recogniser_that_is_far_behind_is_a_failure() -> None:
    room = Room()
    room.recogniser.may.clear()
    await room.hear(quiet(1), *[word(), quiet(1)] * BACKLOG)
    assert room.failed == []
    await room.hear(word(), quiet(1), word())
    (error,) = room.failed
    assert (error.code, error.sub_code) == (429, 8565)
    assert "behind by 8" in str(error)
    assert room.speaker.resting


@pytest.mark.parametrize("broken", [SpeechError("no credit", code=403), RuntimeError("a fault")])
async def test_what_cannot_be_understood_is_a_failure(broken: Exception) -> None:
    room = Room()
    room.recogniser.fails = broken
    await room.hear(quiet(1), word(), quiet(1), word(), quiet(1))
    error = room.failed[0]
    assert error.code == (403 if isinstance(broken, SpeechError) else 500)
    assert room.told == []


async def test_closing_stops_everything() -> None:
    room = Room()
    room.recogniser.may.clear()
    await room.hear(quiet(1), word(), quiet(1))
    room.speaker.close()
    room.speaker.close()
    room.recogniser.may.set()
    await room.hear()
    assert room.told == room.failed == []
    assert room.rests == 0
