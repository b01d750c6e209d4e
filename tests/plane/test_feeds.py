"""Sources as streams of parts: words that come while they are spoken."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import numpy as np
from desk_room import FakeHost, FakePrompts
from hypothesis import given
from hypothesis import strategies as st

from hookflash.calls import effects
from hookflash.calls.effects import AudioFile
from hookflash.media.speech import Speech
from hookflash.plane.feeds import Narrower
from hookflash.plane.playback import ClipShelf, Playback
from hookflash.plane.wav import Audio
from hookflash.ports import plane
from hookflash.ports.speech import SpeechError, Spoken
from hookflash.testing.clock import VirtualClock

HELLO = Speech(text="Hello")


class FakeVoice:
    """Speaks what it is given, piece by piece."""

    def __init__(self) -> None:
        self.pieces: asyncio.Queue[Spoken | SpeechError | None] = asyncio.Queue()
        self.asked: list[Speech] = []
        self.closed = 0

    def say(self, seconds: float, *notes: str) -> None:
        at = np.arange(round(seconds * 16_000))
        self.pieces.put_nowait(Spoken((8000 * np.sin(at / 5)).astype(np.int16), notes))

    async def speak(self, speech: Speech) -> AsyncGenerator[Spoken, None]:
        self.asked.append(speech)
        try:
            while (piece := await self.pieces.get()) is not None:
                if isinstance(piece, SpeechError):
                    raise piece
                yield piece
        finally:
            self.closed += 1


class Scene:
    def __init__(self, *sources: AudioFile | Speech, loop: bool = False, wide: bool = True) -> None:
        self.clock = VirtualClock()
        self.host = FakeHost()
        self.voice = FakeVoice()
        self.prompts = FakePrompts()
        self.ready: list[tuple[str, ...]] = []
        numbers = iter(range(1, 1000))
        self.playback = Playback(
            effects.PlayAudio(1, 1, (10,), sources, loop),
            self.host,
            ClipShelf(self.host, lambda: next(numbers)),
            self.prompts,
            self.voice,
            wide=lambda leg: wide,
            ready=self.ready.append,
            now=self.clock.now,
        )
        self.task = asyncio.create_task(self.playback.run())
        self.playback.task = self.task

    async def settle(self) -> None:
        await self.clock.settle()

    @property
    def samples(self) -> int:
        """Samples at 8,000 Hz that the worker has been given."""
        return sum(len(load.pcm) // 2 for load in self.host.got(plane.LoadClip) if load.rate == 8000)


async def test_the_first_piece_plays_while_the_rest_is_spoken() -> None:
    scene = Scene(HELLO)
    scene.voice.say(0.5, "joe speaks")
    await scene.settle()
    (start,) = scene.host.got(plane.StartPlay)
    assert start.more
    assert scene.ready == [("joe speaks",)]
    assert 0.46 * 8000 < scene.samples <= 4000
    scene.voice.say(0.5)
    await scene.settle()
    assert len(scene.host.got(plane.ExtendPlay)) == 1
    scene.voice.pieces.put_nowait(None)
    assert await scene.task is None
    assert not scene.host.got(plane.ExtendPlay)[-1].more
    assert scene.samples == 8000
    assert scene.voice.closed == 1


async def test_both_rates_are_sent_to_wideband_legs_only() -> None:
    for wide, rates in ((True, {8000, 16000}), (False, {8000})):
        scene = Scene(HELLO, wide=wide)
        scene.voice.say(0.5)
        scene.voice.pieces.put_nowait(None)
        await scene.task
        assert {load.rate for load in scene.host.got(plane.LoadClip)} == rates


async def test_words_and_files_play_in_their_order() -> None:
    scene = Scene(HELLO, AudioFile("a"), HELLO)
    audio = scene.prompts.have("a", 320)
    await scene.settle()
    assert not scene.host.got(plane.StartPlay), "the file is there, but it is not its turn"
    scene.voice.say(0.1, "first")
    scene.voice.pieces.put_nowait(None)
    scene.voice.say(0.2, "third")
    scene.voice.pieces.put_nowait(None)
    assert await scene.task is None
    assert scene.samples == 800 + len(audio.pcm) // 2 + 1600
    assert scene.ready[0] == ("first",)
    assert not scene.host.got(plane.ExtendPlay)[-1].more


async def test_a_loop_waits_for_all_of_it() -> None:
    scene = Scene(HELLO, loop=True)
    scene.voice.say(0.5)
    await scene.settle()
    assert not scene.host.got(plane.StartPlay)
    scene.voice.say(0.5)
    scene.voice.pieces.put_nowait(None)
    await scene.task
    (start,) = scene.host.got(plane.StartPlay)
    assert start.loop
    assert not scene.host.got(plane.ExtendPlay)[-1].more


async def test_stopping_stops_the_voice() -> None:
    scene = Scene(HELLO)
    scene.voice.say(0.5)
    await scene.settle()
    scene.playback.stop()
    await scene.settle()
    assert scene.voice.closed == 1
    assert scene.host.got(plane.StopPlay)


async def test_a_voice_that_fails_at_once_fails_the_play_with_its_code() -> None:
    scene = Scene(AudioFile("a"), HELLO)
    scene.prompts.have("a")
    scene.voice.pieces.put_nowait(SpeechError("no credit", code=403))
    await scene.settle()
    assert scene.task.done()
    failure = scene.playback.failure
    assert failure is not None
    assert (failure.source, failure.code, failure.sub_code, failure.message) == (1, 403, 8565, "no credit")
    assert not scene.host.got(plane.ExtendPlay)[-1].more, "what was before it is played to its end"


async def test_a_voice_that_breaks_off_leaves_what_it_said() -> None:
    scene = Scene(HELLO, AudioFile("a"))
    scene.prompts.have("a")
    scene.voice.say(0.5)
    scene.voice.pieces.put_nowait(SpeechError("gone"))
    assert await scene.task is None
    assert scene.playback.failure is not None
    assert scene.playback.failure.source == 0
    assert 0.46 * 8000 < scene.samples <= 4000, "and the file behind it is not played"
    assert scene.host.got(plane.ExtendPlay)[-1] == plane.ExtendPlay(1, (), False)


async def test_a_loop_that_breaks_off_plays_whole_sources_only() -> None:
    scene = Scene(AudioFile("a"), HELLO, loop=True)
    audio = scene.prompts.have("a")
    scene.voice.say(0.5)
    scene.voice.pieces.put_nowait(SpeechError("gone"))
    await scene.task
    assert scene.samples == len(audio.pcm) // 2
    assert not scene.host.got(plane.StartPlay)[0].loop


async def test_without_a_voice_words_fail_and_say_why() -> None:
    host = FakeHost()
    playback = Playback(
        effects.PlayAudio(1, 1, (10,), (HELLO,), False), host, ClipShelf(host, lambda: 1), FakePrompts()
    )
    failure = await playback.run()
    assert failure is not None
    assert failure.sub_code == 8565
    assert "hookflash[speech]" in failure.message


async def test_a_gap_in_the_words_is_noted() -> None:
    scene = Scene(HELLO)
    scene.voice.say(1.0, "joe speaks")
    await scene.settle()
    scene.clock.advance(0.9)
    scene.voice.say(1.0)
    await scene.settle()
    assert scene.ready == [("joe speaks",)], "in time"
    scene.clock.advance(1.5)
    scene.voice.say(1.0)
    await scene.settle()
    assert len(scene.ready) == 2
    assert "source 0 came 0.4" in scene.ready[1][0]
    scene.playback.stop()


@given(st.lists(st.integers(0, 3000), max_size=12))
def test_both_rates_stay_together_and_nothing_is_lost(sizes: list[int]) -> None:
    pcm = (np.random.default_rng(1).integers(-9000, 9000, sum(sizes) or 1)[: sum(sizes)]).astype(np.int16)
    narrower = Narrower()
    found: list[Audio | None] = []
    at = 0
    for size in sizes:
        found.append(narrower.feed(pcm[at : at + size]))
        at += size
    found.append(narrower.feed(np.empty(0, np.int16), last=True))
    parts = [one for one in found if one is not None]
    assert all(len(part.wide) == 2 * len(part.pcm) for part in parts)
    wide = np.frombuffer(b"".join(part.wide for part in parts), "<i2")
    assert wide[: len(pcm)].tolist() == pcm.tolist()
    assert 0 <= len(wide) - len(pcm) <= 1


def test_a_tone_survives_being_narrowed_in_pieces() -> None:
    at = np.arange(16_000)
    tone = (10_000 * np.sin(2 * np.pi * 1000 / 16_000 * at)).astype(np.int16)
    narrower = Narrower()
    parts = [narrower.feed(tone[start : start + 1600]) for start in range(0, 16_000, 1600)]
    parts.append(narrower.feed(np.empty(0, np.int16), last=True))
    narrow = np.frombuffer(b"".join(part.pcm for part in parts if part is not None), "<i2").astype(float)
    wanted = 10_000 * np.sin(2 * np.pi * 1000 / 8_000 * np.arange(8000))
    assert np.abs(narrow - wanted)[200:-200].max() < 100


async def test_a_voice_with_nothing_to_say_ends_the_play() -> None:
    scene = Scene(AudioFile("a"), HELLO)
    scene.prompts.have("a")
    scene.voice.pieces.put_nowait(None)
    assert await scene.task is None
    assert scene.host.got(plane.ExtendPlay)[-1] == plane.ExtendPlay(1, (), False)
