"""The built-in recogniser: attempts in pauses, the last words, workers that die; and who is asked instead."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hookflash.clock import LoopClock
from hookflash.media.speech import Listening
from hookflash.ports.speech import Recognised, SpeechError
from hookflash.speech.hearing import KEPT, Hearer, HearingDesk, Speech
from hookflash.speech.understanding import SETTLED, BuiltinRecogniser
from hookflash.speech.workers import PoolLimits, WorkerPool

PRETENDING = (sys.executable, str(Path(__file__).with_name("pretending_recogniser.py")))
SECOND = 16_000
PAUSE = np.empty(0, np.int16)

MakePool = Callable[..., WorkerPool]


@pytest.fixture
async def make() -> AsyncIterator[MakePool]:
    pools: list[WorkerPool] = []

    def one(limits: PoolLimits | None = None, **settings: Any) -> WorkerPool:
        pool = WorkerPool("pretending", LoopClock(), limits, settings=settings, command=PRETENDING)
        pools.append(pool)
        return pool

    yield one
    for pool in pools:
        await pool.close()


def audio(seconds: float, first: int = 0) -> np.ndarray[Any, Any]:
    pcm = np.full(int(seconds * SECOND), 100, np.int16)
    pcm[0] = first
    return pcm


async def recognised(
    recogniser: BuiltinRecogniser, *pieces: np.ndarray[Any, Any], **wish: Any
) -> list[Recognised]:
    async def stream() -> AsyncIterator[np.ndarray[Any, Any]]:
        for piece in pieces:
            yield piece

    return [found async for found in recogniser.recognise(stream(), Listening(**wish))]


async def test_the_whole_is_understood_at_the_end(make: MakePool) -> None:
    (found,) = await recognised(BuiltinRecogniser("us", make()), audio(1), audio(0.5))
    assert (found.text, found.final, found.confidence, found.locale) == ("1.5", True, 0.5, "en-US")
    assert found.duration == 1.5


async def test_an_attempt_in_a_pause_is_the_end_where_nothing_follows(make: MakePool) -> None:
    pool = make(PoolLimits(size=1, waiting=1))
    (found,) = await recognised(BuiltinRecogniser("us", pool), audio(1), PAUSE, PAUSE)
    assert (found.text, found.final) == ("1", True)
    assert len(pool.pids) == 1


async def test_an_attempt_is_void_when_more_is_said(make: MakePool) -> None:
    found = await recognised(BuiltinRecogniser("us", make()), audio(1), PAUSE, audio(1))
    assert (found[-1].text, found[-1].final) == ("2", True)


async def test_nothing_is_understood_of_nothing_and_nobody_is_asked(make: MakePool) -> None:
    pool = make()
    (found,) = await recognised(BuiltinRecogniser("us", pool))
    assert (found.text, found.final) == ("", True)
    assert pool.starts == 0


async def test_phrases_and_words_come_through(make: MakePool) -> None:
    recogniser = BuiltinRecogniser("us", make(), words=True)
    (found,) = await recognised(recogniser, audio(2), phrases=("yes", "no"), locales=("de-DE", "en-GB"))
    assert found.choice == "yes"
    assert found.locale == "en-GB"
    assert [(word.text, word.start, word.duration) for word in found.words] == [("seconds", 0.0, 2.0)]


async def test_a_long_stretch_is_settled_in_a_pause_and_not_understood_again(make: MakePool) -> None:
    async def stream() -> AsyncIterator[np.ndarray[Any, Any]]:
        yield audio(SETTLED / SECOND)
        yield PAUSE
        async with asyncio.timeout(20):
            while _attempts():  # noqa: ASYNC110 - what it waits for is another process
                await asyncio.sleep(0.005)
        yield audio(1)

    recogniser = BuiltinRecogniser("us", make(), words=True)
    found = [one async for one in recogniser.recognise(stream(), Listening())]
    assert [(one.text, one.final) for one in found] == [("12", False), ("12 1", True)]
    assert [word.start for word in found[-1].words] == [0.0, 12.0]


async def test_who_reads_along_is_told_while_somebody_speaks(make: MakePool) -> None:
    pool = make(PoolLimits(size=1, ready=1))
    pool.start()
    left_out: list[int] = []

    async def stream() -> AsyncIterator[np.ndarray[Any, Any]]:
        await _until(lambda: pool.spare)
        for _ in range(4):
            yield audio(0.75)
            if _attempts():
                yield audio(0.125)  # is said while the worker looks
            await _until(lambda: pool.spare and not _attempts())

    recogniser = BuiltinRecogniser("us", pool, left_out=lambda: left_out.append(1))
    wish = Listening(partial=True, words=True)
    found = [one async for one in recogniser.recognise(stream(), wish)]
    assert [(one.text, one.final) for one in found] == [("1.5", False), ("3.25", True)]
    assert [len(one.words) for one in found] == [1, 1]
    assert left_out == []


async def test_where_no_worker_has_time_last_words_come_first(make: MakePool) -> None:
    pool = make(PoolLimits(size=1))
    left_out: list[int] = []
    recogniser = BuiltinRecogniser("us", pool, left_out=lambda: left_out.append(1))
    found = await recognised(recogniser, *[audio(0.5)] * 5, partial=True)
    assert [(one.text, one.final) for one in found] == [("2.5", True)]
    assert len(left_out) == 2, "one for each second"


async def test_of_two_workers_one_is_left_for_last_words(make: MakePool) -> None:
    pool = make(PoolLimits(size=2, ready=2))
    pool.start()
    await _until(lambda: len(pool.pids) == 2 and pool.spare)
    async with pool.job({}):
        assert not pool.spare


async def _until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - what it waits for is another process
            await asyncio.sleep(0.005)


def _attempts() -> list[asyncio.Task[Any]]:
    """Attempts at understanding that are under way."""
    return [task for task in asyncio.all_tasks() if "_understand" in str(task.get_coro())]


async def test_a_worker_that_dies_costs_another_try(make: MakePool, tmp_path: Path) -> None:
    pool = make(marker=str(tmp_path / "died"))
    (found,) = await recognised(BuiltinRecogniser("us", pool), audio(1, first=1))
    assert (found.text, found.final) == ("1", True)
    assert pool.starts == 2


async def test_what_the_engine_refuses_is_told(make: MakePool) -> None:
    with pytest.raises(SpeechError, match="does not like") as failed:
        await recognised(BuiltinRecogniser("us", make()), audio(1, first=2), PAUSE)
    assert failed.value.code == 403
    assert not failed.value.outage


async def test_an_engine_that_is_not_there_is_an_outage() -> None:
    pool = WorkerPool("pretending", LoopClock(), command=(sys.executable, "-c", "pass"))
    desk = HearingDesk([Hearer(BuiltinRecogniser("us", pool))])
    with pytest.raises(SpeechError, match="could not be started") as failed:
        await understood(desk)
    assert failed.value.outage
    await pool.close()


async def test_a_worker_that_dies_again_is_an_outage(make: MakePool) -> None:
    with pytest.raises(SpeechError, match="is gone") as failed:
        await recognised(BuiltinRecogniser("us", make()), audio(1, first=3))
    assert failed.value.outage


# --- who is asked ---------------------------------------------------------------------------------------


class Told:
    """A recogniser that says what it is told to."""

    def __init__(self, name: str, *results: Recognised | SpeechError) -> None:
        self.name = name
        self._results = results
        self.heard = 0

    async def recognise(self, audio: AsyncIterator[Any], wish: Listening) -> AsyncIterator[Recognised]:
        async for pcm in audio:
            self.heard += len(pcm)
        for result in self._results:
            if isinstance(result, SpeechError):
                raise result
            yield result


async def understood(desk: HearingDesk, *locales: str, seconds: float = 1.0) -> list[Recognised]:
    speech = Speech()
    for _ in range(int(seconds)):
        speech.put(audio(1))
    speech.end()
    return [one async for one in desk.understand(speech, Listening(locales or ("en-US",)))]


async def test_the_first_for_the_locale_is_asked_and_the_next_where_it_fails() -> None:
    german = Told("german", Recognised("ja", True))
    broken = Told("broken", Recognised("n", False), SpeechError("busy", code=429))
    good = Told("good", Recognised("yes", True, 0.8))
    desk = HearingDesk([Hearer(german, ("de",)), Hearer(broken, ("en",)), Hearer(good)])
    found = await understood(desk)
    assert [(one.text, one.final) for one in found] == [("n", False), ("yes", True)]
    assert german.heard == 0
    assert broken.heard == good.heard == SECOND, "the next one hears it from its beginning"
    assert [one.text for one in await understood(desk, "de-AT")] == ["ja"]


async def test_final_results_one_behind_the_other_are_one() -> None:
    parts = (Recognised("one.", True, 0.8), Recognised("tw", False), Recognised("Two.", True, 0.6))
    found = await understood(HearingDesk([Hearer(Told("it", *parts))]))
    assert [(one.text, one.final) for one in found] == [("one. tw", False), ("one. Two.", True)]
    assert found[-1].confidence == pytest.approx(0.7)


async def test_an_error_that_others_would_repeat_is_told_at_once() -> None:
    other = Told("other", Recognised("yes", True))
    desk = HearingDesk([Hearer(Told("first", SpeechError("no such", final=True))), Hearer(other)])
    with pytest.raises(SpeechError, match="no such"):
        await understood(desk)
    assert other.heard == 0


async def test_where_nobody_understands_the_language_it_says_what_to_do() -> None:
    desk = HearingDesk([Hearer(Told("it"), ("en",))], "Install one.")
    with pytest.raises(SpeechError, match=r"fr-FR\. Install one\.") as failed:
        await understood(desk, "fr-FR")
    assert (failed.value.code, failed.value.sub_code) == (400, 8565)
    assert not HearingDesk([]).hears
    assert str(desk.refusal(Listening(("fr-FR", "de-DE")))).startswith(
        "Nobody here understands fr-FR, de-DE."
    )
    assert desk.refusal(Listening(("fr-FR", "en-GB"))) is None
    assert [desk.knows(locale) for locale in ("fr-FR", "en-GB")] == [False, True]
    assert not HearingDesk([]).knows("en-US")
    nobody = HearingDesk([]).refusal(Listening())
    assert nobody is not None
    assert nobody.outage


async def test_of_very_long_speech_only_so_much_is_kept() -> None:
    speech = Speech()
    first = Told("first", SpeechError("broke"))
    second = Told("second", Recognised("late", True))
    desk = HearingDesk([Hearer(first), Hearer(second)])
    for _ in range(KEPT // SECOND + 10):
        speech.put(audio(1))
    speech.end()
    with pytest.raises(SpeechError, match="broke"):
        [one async for one in desk.understand(speech, Listening())]
    assert first.heard == KEPT + 10 * SECOND
    assert second.heard == 0
