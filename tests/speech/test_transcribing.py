"""Transcriptions of calls: who is heard, for how many there is room, how they end."""

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
from hookflash.speech.transcribing import Transcribing, TranscribingDesk, TranscribingLimits
from hookflash.testing.clock import VirtualClock

ENGLISH = Listening(("en-US",), words=True)
SPOKEN = samples(vowel("ah", 120, 0.5), white(np.random.default_rng(1), 1.0, -70.0))


class Asked:
    """A recogniser that says in which language it was asked."""

    name = "asked"

    def __init__(self) -> None:
        self.may = asyncio.Event()
        self.may.set()
        self.fails: SpeechError | None = None

    async def recognise(self, audio: AsyncIterator[Any], wish: Listening) -> AsyncGenerator[Recognised, None]:
        async for _ in audio:
            pass
        await self.may.wait()
        if self.fails is not None:
            raise self.fails
        yield Recognised(wish.locales[0], True)


class Room:
    """A desk with room for three, and one transcription."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.recogniser = Asked()
        hearing = HearingDesk([Hearer(self.recogniser, ("en", "fr"))], "Install one.")
        self.desk = TranscribingDesk(hearing, self.clock, TranscribingLimits(participants=3))
        self.told: list[tuple[int, str, float]] = []
        self.failed: list[SpeechError] = []
        self.done = 0
        self.tick = 5_000
        self.one = self.start()

    def start(self) -> Transcribing:
        return self.desk.start(
            ENGLISH,
            lambda leg, found: self.told.append((leg, found.text, round(found.start, 1))),
            self.failed.append,
        )

    def finished(self) -> None:
        self.done += 1

    async def hear(self, *legs: int, pcm: Any = SPOKEN) -> None:
        for frame in frames(pcm):
            for leg in legs:
                self.one.hear(leg, self.tick, frame)
            self.tick += 1
        await self.settled()

    async def settled(self) -> None:
        for _ in range(60):
            await asyncio.sleep(0)


async def test_everybody_who_joined_is_heard_on_one_scale_of_time() -> None:
    room = Room()
    room.one.join(3)
    room.one.join(3)
    room.one.join(4)
    await room.hear(3, 4, 77)
    await room.hear(4)
    assert sorted(room.told) == [(3, "en-US", 0.0), (4, "en-US", 0.0), (4, "en-US", 1.2)]
    room.one.join(5)
    await room.hear(5)
    assert room.told[-1] == (5, "en-US", 3.0)
    assert room.desk.participants == 3


async def test_another_language_from_the_next_utterance_on() -> None:
    room = Room()
    room.one.join(3)
    await room.hear(3)
    room.one.update(Listening(("fr-CA",)))
    await room.hear(3)
    assert [text for _, text, _ in room.told] == ["en-US", "fr-CA"]
    room.one.update(Listening(("de-DE",)))
    (error,) = room.failed
    assert "de-DE. Install one." in str(error)
    assert (error.code, error.sub_code, error.outage) == (400, 8565, False)
    await room.hear(3)
    assert len(room.told) == 2
    assert room.desk.participants == 0


async def test_a_language_that_nobody_understands_is_refused() -> None:
    room = Room()
    with pytest.raises(SpeechError, match="ja-JP"):
        room.desk.start(Listening(("ja-JP",)), lambda *_: None, room.failed.append)
    nobody = TranscribingDesk(HearingDesk([], "Install one."), room.clock)
    with pytest.raises(SpeechError, match="Install one") as refused:
        nobody.start(ENGLISH, lambda *_: None, room.failed.append)
    assert refused.value.outage


async def test_there_is_room_for_so_many_in_all_calls() -> None:
    room = Room()
    other = room.start()
    room.one.join(1)
    room.one.join(2)
    other.join(3)
    with pytest.raises(SpeechError, match="transcribes 3 participants already") as full:
        other.join(4)
    assert (full.value.code, full.value.sub_code) == (429, 8565)
    room.one.leave(2)
    other.join(4)
    room.one.close()
    other.close()
    other.close()
    other.join(9)
    assert room.desk.participants == 0


async def test_who_leaves_is_understood_to_the_last_word_and_may_come_back() -> None:
    room = Room()
    room.one.join(3)
    room.recogniser.may.clear()
    await room.hear(3, pcm=SPOKEN[:8_000])
    room.one.leave(3)
    room.one.leave(3)
    room.one.leave(77)
    await room.hear(3)
    assert room.desk.participants == 1, "the place is kept as long as something is to be understood"
    room.recogniser.may.set()
    await room.settled()
    assert [leg for leg, _, _ in room.told] == [3]
    assert room.desk.participants == 0
    room.one.join(3)
    await room.hear(3)
    assert len(room.told) == 2


async def test_one_who_comes_back_at_once_is_heard_on() -> None:
    room = Room()
    room.one.join(3)
    room.recogniser.may.clear()
    await room.hear(3, pcm=SPOKEN[:8_000])
    room.one.leave(3)
    room.one.join(3)
    room.recogniser.may.set()
    await room.settled()
    await room.hear(3)
    assert len(room.told) == 2
    assert room.desk.participants == 1


async def test_a_failure_is_told_once_and_ends_it() -> None:
    room = Room()
    room.one.join(3)
    room.one.join(4)
    room.recogniser.fails = SpeechError("not reached", code=408, outage=True)
    await room.hear(3, 4)
    (error,) = room.failed
    assert (error.code, error.outage) == (408, True)
    assert room.desk.participants == 0
    room.one.finish(room.finished)
    assert room.done == 1


async def test_finishing_waits_for_the_last_words() -> None:
    room = Room()
    room.one.join(3)
    room.recogniser.may.clear()
    await room.hear(3, pcm=SPOKEN[:8_000])
    room.one.finish(room.finished)
    await room.hear(3)
    assert room.done == 0
    room.recogniser.may.set()
    await room.settled()
    assert room.told == [(3, "en-US", 0.0)]
    assert room.done == 1
    assert room.clock.pending == []
    assert room.desk.participants == 0


async def test_finishing_does_not_wait_for_ever_and_not_for_nothing() -> None:
    room = Room()
    room.one.join(3)
    room.recogniser.may.clear()
    await room.hear(3)
    room.one.finish(room.finished)
    room.clock.advance(3.0)
    assert room.done == 1
    room.recogniser.may.set()
    await room.settled()
    assert room.told == []
    idle = room.start()
    idle.join(1)
    idle.finish(room.finished)
    assert room.done == 2


async def test_a_failure_while_it_finishes_is_its_end() -> None:
    room = Room()
    room.one.join(3)
    room.recogniser.may.clear()
    room.recogniser.fails = SpeechError("broke")
    await room.hear(3)
    room.one.finish(room.finished)
    room.recogniser.may.set()
    await room.settled()
    assert (room.done, room.failed) == (1, [])
