"""The listening desk: from what a leg says to the facts that calls are told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from speech.sounds import FRAME, frames, samples, silence, vowel, white

from hookflash.calls.speech_effects import (
    FinishListening,
    ListeningFailed,
    StartListening,
    StopListening,
    VoiceBegan,
    VoiceEnded,
    WordsHeard,
)
from hookflash.media.speech import Listening
from hookflash.ports.audio import AudioUnavailable, Frames, Lost, Said, Source, Take
from hookflash.ports.speech import Recognised, SpeechError
from hookflash.speech.hearing import Hearer, HearingDesk
from hookflash.speech.listening import ListeningDesk, ListeningLimits
from hookflash.testing.clock import VirtualClock

TICK = 0.02
LEG = Said(3)


class Line:
    """The audio of one call, one listener at a time."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._take: Take | None = None
        self.lost: Lost | None = None
        self.sources: list[Source] = []
        self.refuses = False
        self.tick = 100

    def listen(self, call: int, rate: int, take: Take, lost: Lost) -> Line:
        assert rate == 16_000
        if self.refuses:
            raise AudioUnavailable("the call has no audio")
        self._take, self.lost = take, lost
        return self

    def add(self, source: Source) -> None:
        self.sources.append(source)

    def remove(self, source: Source) -> None:
        self.sources.remove(source)

    def close(self) -> None:
        self._take = None
        self.sources.clear()

    @property
    def heard(self) -> bool:
        """Whether anybody listens."""
        return self._take is not None

    async def say(self, pcm: NDArray[np.int16], *, late: float = 0.0) -> float:
        """Say it at the pace of a call; the time of its first sample."""
        began = self._clock.now()
        for frame in frames(pcm):
            self._clock.advance(TICK)
            if self._take is not None:
                of_tick = Frames()
                of_tick[LEG] = frame
                self._take(self.tick, of_tick)
            self.tick += 1
            await asyncio.sleep(0)
        return began


class Understander:
    """Understands what it is told to; notes how much it was given, and where the pauses were."""

    name = "pretended"

    def __init__(self, *results: Recognised | Exception) -> None:
        self.results = results
        self.given: list[int] = []
        self.wish: Listening | None = None
        self.go = asyncio.Event()
        self.go.set()
        self.left = False

    async def recognise(
        self, audio: AsyncIterator[NDArray[np.int16]], wish: Listening
    ) -> AsyncGenerator[Recognised, None]:
        self.wish = wish
        try:
            async for pcm in audio:
                self.given.append(len(pcm))
            await self.go.wait()
            for result in self.results:
                if isinstance(result, Exception):
                    raise result
                yield result
        finally:
            self.left = True


class Scene:
    def __init__(self, *results: Recognised | Exception, limits: ListeningLimits | None = None) -> None:
        self.clock = VirtualClock()
        self.line = Line(self.clock)
        self.understander = Understander(*results)
        self.facts: list[Any] = []
        self.desk = ListeningDesk(
            self.line,  # type: ignore[arg-type]
            HearingDesk([Hearer(self.understander)]),
            self.clock,
            self.facts.append,
            limits,
        )

    def listen(self, number: int = 1, **wish: Any) -> None:
        self.desk.listen(StartListening(number, 7, LEG.leg, Listening(**wish)))

    async def settle(self) -> None:
        for _ in range(20):
            await asyncio.sleep(0)


YES = Recognised("yes", True, 0.9, "en-US", choice="yes")


def quiet(seconds: float, seed: int = 0) -> NDArray[np.int16]:
    return samples(white(np.random.default_rng(seed), seconds, -70.0))


def word(seconds: float = 0.4) -> NDArray[np.int16]:
    return samples(vowel("ah", 120, seconds))


async def test_voice_and_words_are_told_with_the_times_of_the_audio():
    scene = Scene(YES)
    scene.listen(phrases=("yes", "no"))
    assert scene.line.sources == [LEG]
    await scene.line.say(quiet(0.6))
    began = await scene.line.say(word())
    told = scene.clock.now()
    await scene.line.say(quiet(0.5))
    voice, end = scene.facts
    assert isinstance(voice, VoiceBegan)
    assert voice.at == pytest.approx(began, abs=0.021)
    assert isinstance(end, VoiceEnded)
    assert end.at == pytest.approx(told, abs=0.041)
    scene.desk.finish(FinishListening(1))
    await scene.settle()
    assert scene.facts[2:] == [WordsHeard(1, "yes", True, 0.9, "en-US", "yes")]
    assert scene.understander.wish == Listening(phrases=("yes", "no"))
    assert not scene.line.heard
    assert scene.desk.open == 0


async def test_the_fact_of_a_voice_comes_within_60_ms_of_it():
    scene = Scene(YES)
    scene.listen()
    await scene.line.say(quiet(0.6))
    began = scene.clock.now()
    for frame in frames(word()):
        await scene.line.say(frame)
        if scene.facts:
            break
    assert scene.clock.now() - began <= 0.0601


async def test_the_recogniser_is_given_what_was_before_the_voice_and_told_of_pauses():
    scene = Scene(YES)
    scene.listen()
    await scene.line.say(quiet(2.0))
    assert scene.understander.wish is None, "nobody has spoken yet"
    await scene.line.say(word(0.4))
    await scene.line.say(quiet(3.0))
    await scene.line.say(word(0.4))
    await scene.line.say(quiet(1.0))
    scene.desk.finish(FinishListening(1))
    await scene.settle()
    given = scene.understander.given
    assert given.count(0) == 2, "two pauses"
    first = given.index(0)
    for part in (given[:first], given[first + 1 : -1]):
        assert 0.9 * 16_000 <= sum(part) <= 1.1 * 16_000, "300 ms before, the word, 300 ms behind"


async def test_without_a_voice_there_are_no_words_and_nobody_is_asked():
    scene = Scene(YES)
    scene.listen()
    await scene.line.say(quiet(1.0))
    scene.desk.finish(FinishListening(1))
    assert scene.facts == [WordsHeard(1, "", True)]
    assert scene.understander.wish is None


async def test_after_stop_nothing_is_told_and_the_work_ends():
    scene = Scene(YES)
    scene.understander.go.clear()
    scene.listen()
    await scene.line.say(quiet(0.5))
    await scene.line.say(word())
    scene.desk.finish(FinishListening(1))
    await scene.settle()
    before = list(scene.facts)
    scene.desk.stop(StopListening(1))
    scene.desk.stop(StopListening(1))
    scene.understander.go.set()
    await scene.settle()
    assert scene.facts == before
    assert scene.understander.left
    assert scene.desk.open == 0


@pytest.mark.parametrize(
    ("error", "code", "sub_code"),
    [
        (SpeechError("it is busy", code=429), 429, 8565),
        (SpeechError("the key is wrong", code=401), 401, 8565),
        (RuntimeError("a mistake"), 500, 9999),
    ],
)
async def test_a_recogniser_that_fails_is_told_of(error, code, sub_code):
    scene = Scene(error)
    scene.listen()
    await scene.line.say(quiet(0.5))
    await scene.line.say(word())
    scene.desk.finish(FinishListening(1))
    await scene.settle()
    failed = scene.facts[-1]
    assert isinstance(failed, ListeningFailed)
    assert (failed.code, failed.sub_code) == (code, sub_code)
    assert scene.desk.open == 0
    assert not scene.line.heard


async def test_a_recogniser_that_says_nothing_is_not_waited_for_for_ever():
    scene = Scene(YES, limits=ListeningLimits(last_words=5.0))
    scene.understander.go.clear()
    scene.listen()
    await scene.line.say(quiet(0.5))
    await scene.line.say(word())
    scene.desk.finish(FinishListening(1))
    scene.clock.advance(4.9)
    assert not isinstance(scene.facts[-1], ListeningFailed)
    scene.clock.advance(0.2)
    failed = scene.facts[-1]
    assert isinstance(failed, ListeningFailed)
    assert (failed.code, failed.sub_code) == (408, 8565)
    await scene.settle()
    assert scene.understander.left


async def test_more_listenings_than_there_may_be_fail_at_once():
    scene = Scene(YES, limits=ListeningLimits(listenings=1))
    scene.listen(1)
    scene.listen(2)
    (failed,) = scene.facts
    assert isinstance(failed, ListeningFailed)
    assert (failed.listening, failed.code, failed.sub_code) == (2, 429, 8565)
    assert scene.desk.open == 1


async def test_where_there_is_no_audio_it_fails():
    scene = Scene(YES)
    scene.line.refuses = True
    scene.listen()
    (failed,) = scene.facts
    assert (failed.code, failed.sub_code) == (500, 9999)
    scene.line.refuses = False
    scene.listen(2)
    assert scene.line.lost is not None
    scene.line.lost("the media worker died")
    assert scene.facts[-1].listening == 2
    assert scene.facts[-1].sub_code == 9999
    assert scene.desk.open == 0


async def test_a_voice_ends_when_its_audio_does():
    scene = Scene(YES)
    scene.listen()
    await scene.line.say(quiet(0.5))
    await scene.line.say(word(1.0))
    last = scene.clock.now()
    scene.clock.advance(3.0)
    ended = scene.facts[-1]
    assert isinstance(ended, VoiceEnded)
    assert ended.at == pytest.approx(last, abs=0.041)
    # It goes on, a while later by its ticks too: the times are right again.
    scene.line.tick += 150
    began = await scene.line.say(word(0.3))
    again = scene.facts[-1]
    assert isinstance(again, VoiceBegan)
    assert again.at == pytest.approx(began, abs=0.021)


async def test_who_speaks_without_end_counts_as_silent_in_the_end():
    scene = Scene(YES, limits=ListeningLimits(speech=2.0))
    scene.listen()
    await scene.line.say(quiet(0.5))
    await scene.line.say(word(4.0))
    assert [type(fact) for fact in scene.facts] == [VoiceBegan, VoiceEnded]
    await scene.settle()
    assert sum(scene.understander.given) <= 2.5 * 16_000


async def test_frames_that_come_late_do_not_move_the_times():
    scene = Scene(YES)
    scene.listen()
    await scene.line.say(quiet(0.6))
    # Control was held up: ten frames at once, whose times are their ticks all the same.
    began = scene.clock.now()
    scene.clock.advance(0.3)
    hurried = frames(word())[:15]
    take = scene.line._take
    assert take is not None
    for frame in hurried:
        of_tick = Frames()
        of_tick[LEG] = frame
        take(scene.line.tick, of_tick)
        scene.line.tick += 1
    assert scene.facts[0].at == pytest.approx(began, abs=0.021)


async def test_silence_costs_nothing_but_the_gate():
    scene = Scene(YES)
    scene.listen()
    await scene.line.say(samples(silence(1.0)))
    assert scene.facts == []
    await scene.desk.close()
    assert not scene.line.heard
    assert FRAME == 320
