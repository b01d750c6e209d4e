"""The speaking desk: order, fallback, time-outs, the cache, shared synthesis."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hookflash.media.speech import Speech
from hookflash.ports.speech import SpeechError, Spoken
from hookflash.speech.beep import beep_voice
from hookflash.speech.cache import DiskCache, MemoryCache
from hookflash.speech.speaking import Speaker, SpeakingDesk, SpeakingLimits
from hookflash.testing.clock import VirtualClock

HELLO = Speech(text="Hello there.", locale="en-US")


class Actor:
    """A provider that does what it is told.

    ``lines``: samples of each piece, or an error to raise, or "wait" to go on only when ``go`` is set.
    """

    def __init__(self, name: str, *lines: int | Exception | str) -> None:
        self.name = name
        self.version = "1"
        self.lines = lines
        self.asked: list[Speech] = []
        self.go = asyncio.Event()
        self.left = 0

    async def synthesise(self, speech: Speech) -> AsyncGenerator[Spoken, None]:
        self.asked.append(speech)
        try:
            for number, line in enumerate(self.lines):
                if isinstance(line, Exception):
                    raise line
                if isinstance(line, str):
                    await self.go.wait()
                    continue
                yield Spoken(
                    np.full(line, number + 1, np.int16), (f"{self.name} notes",) if not number else ()
                )
        finally:
            self.left += 1


class Stage:
    def __init__(self, *actors: Actor, **more: object) -> None:
        self.clock = VirtualClock()
        self.actors = actors
        self.desk = self.make([Speaker(actor) for actor in actors], **more)

    def make(self, speakers: Sequence[Speaker], **more: object) -> SpeakingDesk:
        more.setdefault("memory", MemoryCache(1 << 24))
        return SpeakingDesk(speakers, self.clock, SpeakingLimits(first_audio=3.0, seconds=10.0), **more)  # type: ignore[arg-type]

    async def said(self, speech: Speech = HELLO) -> tuple[list[int], tuple[str, ...]]:
        pieces = [piece async for piece in self.desk.speak(speech)]
        assert all(not piece.notes for piece in pieces[1:])
        return np.concatenate([piece.pcm for piece in pieces]).tolist(), pieces[0].notes


async def test_the_first_provider_speaks_and_says_so() -> None:
    stage = Stage(Actor("one", 3, 2), Actor("two", 9))
    assert await stage.said() == ([1, 1, 1, 2, 2], ("one speaks", "one notes"))
    assert not stage.actors[1].asked


async def test_one_that_fails_is_replaced_and_that_is_noted() -> None:
    stage = Stage(Actor("one", SpeechError("no credit", code=403)), Actor("two", 2))
    assert await stage.said() == ([1, 1], ("one failed: no credit", "two speaks", "two notes"))


async def test_one_that_hangs_is_replaced_in_time() -> None:
    stage = Stage(Actor("one", "wait"), Actor("two", 2))
    said = asyncio.create_task(stage.said())
    await stage.clock.elapse(2.9)
    assert not stage.actors[1].asked
    await stage.clock.elapse(0.2)
    assert (await said)[1] == ("one failed: no audio came from one within 3 s", "two speaks", "two notes")
    assert stage.actors[0].left == 1


async def test_one_that_breaks_is_replaced(caplog: pytest.LogCaptureFixture) -> None:
    stage = Stage(Actor("one", RuntimeError("oh")), Actor("two", 1))
    assert (await stage.said())[1][0] == "one failed: one broke off: RuntimeError: oh"
    assert "RuntimeError: oh" in caplog.text


async def test_one_that_says_nothing_is_replaced() -> None:
    stage = Stage(Actor("one"), Actor("two", 1))
    assert (await stage.said())[1][0] == "one had nothing to say"


async def test_nobody_is_asked_again_for_what_nobody_can_say() -> None:
    stage = Stage(Actor("one", SpeechError("bad", sub_code=8582, final=True)), Actor("two", 1))
    with pytest.raises(SpeechError, match="bad") as refused:
        await stage.said()
    assert refused.value.sub_code == 8582
    assert not stage.actors[1].asked


async def test_the_last_failure_is_what_is_told_when_all_fail() -> None:
    stage = Stage(Actor("one", SpeechError("a")), Actor("two", SpeechError("b", code=429)))
    with pytest.raises(SpeechError, match="b") as failed:
        await stage.said()
    assert (failed.value.code, failed.value.sub_code) == (429, 8565)


async def test_what_was_begun_is_not_begun_again_by_another() -> None:
    stage = Stage(Actor("one", 4, SpeechError("gone")), Actor("two", 1))
    speaking = stage.desk.speak(HELLO)
    assert len((await anext(speaking)).pcm) == 4
    with pytest.raises(SpeechError, match="gone"):
        await anext(speaking)
    assert not stage.actors[1].asked


async def test_one_that_hangs_in_the_middle_is_given_up() -> None:
    stage = Stage(Actor("one", 4, "wait"))
    said = asyncio.create_task(stage.said())
    await stage.clock.elapse(3.1)
    with pytest.raises(SpeechError, match="within 3 s") as late:
        await said
    assert late.value.code == 408


async def test_a_prompt_without_end_is_cut_off() -> None:
    stage = Stage(Actor("one", *[16_000] * 1000))
    with pytest.raises(SpeechError, match="longer than 10 s"):
        await stage.said()
    assert stage.actors[0].left == 1


@pytest.mark.parametrize(
    ("locale", "who"),
    [("en-US", "english"), ("en-GB", "english"), ("de-AT", "german"), ("", "english"), ("DE-de", "german")],
)
async def test_the_locale_decides_who_speaks(locale: str, who: str) -> None:
    stage = Stage()
    desk = stage.make(
        [Speaker(Actor("english", 1), ("en",)), Speaker(Actor("german", 1), ("de-DE", "de-AT"))]
    )
    pieces = [piece async for piece in desk.speak(Speech(text="Hi", locale=locale))]
    assert f"{who} speaks" in pieces[0].notes


async def test_a_locale_nobody_has_is_spoken_all_the_same_and_noted() -> None:
    stage = Stage()
    desk = stage.make([Speaker(Actor("english", 1), ("en",))])
    pieces = [piece async for piece in desk.speak(Speech(text="Salut", locale="fr-FR"))]
    assert pieces[0].notes[0] == 'no provider is there for "fr-FR"; all are asked'


async def test_the_voice_tells_the_locale() -> None:
    stage = Stage()
    desk = stage.make([Speaker(Actor("english", 1), ("en",)), Speaker(Actor("german", 1), ("de",))])
    for speech in (
        Speech(text="Hallo", voice="de-DE-KatjaNeural"),
        Speech(ssml="<speak version='1.0' xml:lang='de-DE'>Hallo</speak>"),
    ):
        pieces = [piece async for piece in desk.speak(speech)]
        assert "german speaks" in pieces[0].notes


async def test_bad_ssml_fails_before_anybody_is_asked() -> None:
    stage = Stage(Actor("one", 1))
    with pytest.raises(SpeechError, match="line 1, column") as bad:
        await stage.said(Speech(ssml="<speak><p>oops</speak>"))
    assert (bad.value.code, bad.value.sub_code, bad.value.final) == (400, 8582, True)
    assert not stage.actors[0].asked


async def test_nobody_at_all() -> None:
    with pytest.raises(SpeechError, match="nobody is here to speak"):
        await Stage().said()
    assert not Stage().desk.speaks


# --- kept -------------------------------------------------------------------------------------------------


async def test_the_same_again_comes_from_memory() -> None:
    stage = Stage(Actor("one", 9000, 2))
    first, _ = await stage.said()
    again, notes = await stage.said()
    assert again == first
    assert notes == ("one spoke, from the cache", "one notes")
    assert len(stage.actors[0].asked) == 1


@pytest.mark.parametrize(
    "other",
    [
        Speech(text="Hello there!", locale="en-US"),
        Speech(text="Hello there.", locale="en-GB"),
        Speech(text="Hello there.", locale="en-US", voice="en-US-GuyNeural"),
        Speech(text="Hello there.", locale="en-US", gender="male"),
        Speech(text="Hello there.", locale="en-US", endpoint="mine"),
    ],
)
async def test_what_sounds_otherwise_is_spoken_anew(other: Speech) -> None:
    stage = Stage(Actor("one", 2))
    await stage.said()
    await stage.said(other)
    assert len(stage.actors[0].asked) == 2


async def test_who_asks_changes_nothing_of_what_is_heard() -> None:
    stage = Stage(Actor("one", 3))
    await stage.said(replace(HELLO, owner="red"))
    assert (await stage.said(replace(HELLO, owner="blue")))[1][0] == "one spoke, from the cache"
    assert [speech.owner for speech in stage.actors[0].asked] == ["red"]


async def test_one_app_cannot_make_the_cache_ids_of_another_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("hookflash.speech.speaking.MAX_IDS", 4)
    stage = Stage(Actor("one", 3))
    await stage.said(replace(HELLO, owner="red", cache_id="red/1"))
    for number in range(20):
        await stage.said(replace(HELLO, text=f"{number}", owner="blue", cache_id=f"blue/{number}"))
    assert (await stage.said(replace(HELLO, text="other", owner="red", cache_id="red/1")))[1][0] == (
        "from the cache, by its id"
    )


async def test_another_version_of_a_voice_speaks_anew() -> None:
    stage = Stage(Actor("one", 2))
    await stage.said()
    stage.actors[0].version = "2"
    await stage.said()
    assert len(stage.actors[0].asked) == 2


async def test_disk_serves_after_a_restart(tmp_path: Path) -> None:
    first = Stage(Actor("one", 9, 9), disk=DiskCache(tmp_path, 1 << 20))
    said, _ = await first.said()
    await first.desk.close()
    second = Stage(Actor("one", 1), disk=DiskCache(tmp_path, 1 << 20))
    assert await second.said() == (said, ("one spoke, from the cache", "one notes"))
    assert not second.actors[0].asked


async def test_half_a_prompt_is_not_kept() -> None:
    stage = Stage(Actor("one", 4, SpeechError("gone")))
    for _ in range(2):
        with pytest.raises(SpeechError):
            await stage.said()
    assert len(stage.actors[0].asked) == 2


async def test_ssml_with_audio_from_elsewhere_is_not_kept() -> None:
    stage = Stage(Actor("one", 4))
    speech = Speech(
        ssml="<speak version='1.0' xml:lang='en-US'>Hear <audio src='https://a.example/a.wav'/></speak>"
    )
    await stage.said(speech)
    await stage.said(speech)
    assert len(stage.actors[0].asked) == 2


async def test_a_cache_id_means_the_same_audio_for_an_hour() -> None:
    stage = Stage(Actor("one", 2))
    await stage.said(Speech(text="Hello", cache_id="r/greeting"))
    stage.clock.advance(3599)
    _, notes = await stage.said(Speech(text="Good evening", cache_id="r/greeting"))
    assert notes[0] == "from the cache, by its id"
    _, notes = await stage.said(Speech(text="Good evening", cache_id="r/other"))
    assert "one speaks" in notes
    stage.clock.advance(2)
    await stage.said(Speech(text="Good morning", cache_id="r/greeting"))
    assert [one.text for one in stage.actors[0].asked] == ["Hello", "Good evening", "Good morning"]


# --- shared -----------------------------------------------------------------------------------------------


async def test_those_who_want_the_same_at_once_share_it() -> None:
    stage = Stage(Actor("one", 2, "wait", 3))
    many = [asyncio.create_task(stage.said()) for _ in range(5)]
    await stage.clock.settle()
    late = asyncio.create_task(stage.said())
    await stage.clock.settle()
    stage.actors[0].go.set()
    assert {tuple(said) for said, _ in [*await asyncio.gather(*many), await late]} == {(1, 1, 3, 3, 3)}
    assert len(stage.actors[0].asked) == 1


async def test_the_first_piece_is_there_before_the_last() -> None:
    stage = Stage(Actor("one", 2, "wait", 3))
    speaking = stage.desk.speak(HELLO)
    assert len((await anext(speaking)).pcm) == 2
    await speaking.aclose()


async def test_one_who_leaves_does_not_disturb_the_others() -> None:
    stage = Stage(Actor("one", 2, "wait", 3))
    leaving = stage.desk.speak(HELLO)
    await anext(leaving)
    staying = asyncio.create_task(stage.said())
    await stage.clock.settle()
    await leaving.aclose()
    stage.actors[0].go.set()
    assert len((await staying)[0]) == 5


async def test_the_last_one_who_leaves_ends_it() -> None:
    stage = Stage(Actor("one", 2, "wait", 3))
    leaving = stage.desk.speak(HELLO)
    await anext(leaving)
    await leaving.aclose()
    await stage.clock.settle()
    assert stage.actors[0].left == 1
    stage.actors[0].go.set()
    assert len((await stage.said())[0]) == 5, "and it can be had again"


async def test_closing_fails_what_is_being_spoken() -> None:
    stage = Stage(Actor("one", 2, "wait"))
    said = asyncio.create_task(stage.said())
    await stage.clock.settle()
    await stage.desk.close()
    with pytest.raises(SpeechError, match="the server stops"):
        await said


# --- voices -----------------------------------------------------------------------------------------------


async def test_an_unknown_voice_is_replaced_and_noted_or_refused() -> None:
    clock = VirtualClock()
    desk = SpeakingDesk([Speaker(beep_voice())], clock)
    pieces = [piece async for piece in desk.speak(Speech(text="Hi", voice="en-US-JennyNeural"))]
    assert any("en-US-JennyNeural" in note for note in pieces[0].notes)
    with pytest.raises(SpeechError) as refused:
        [piece async for piece in desk.speak(Speech(text="Hi", voice="en-US-JennyNeural", strict=True))]
    assert (refused.value.code, refused.value.sub_code) == (400, 8565)


# --- hostile ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "ssml",
    [
        "<speak>" + "a" * 1_000_000 + "</speak>",
        "<speak version='1.0' xml:lang='en-US'>" + "<p>" * 5000 + "x" + "</p>" * 5000 + "</speak>",
        "<!DOCTYPE speak [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;'>]><speak>&b;</speak>",
        "<speak version='1.0' xml:lang='en-US'>" + "<break time='20s'/>" * 1500 + "x</speak>",
        "<speak",
        "\x00",
    ],
)
async def test_documents_made_to_hurt_are_refused_before_anybody_is_asked(ssml: str) -> None:
    stage = Stage(Actor("one", 1))
    with pytest.raises(SpeechError) as refused:
        await stage.said(Speech(ssml=ssml))
    assert (refused.value.code, refused.value.sub_code) == (400, 8582)
    assert not stage.actors[0].asked
