"""Services asked as a server asks them: the adapters in a real process, a local stand-in for the service."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from aiohttp import WSMsgType, web
from speech.services.connections import connected_to
from speech.services.fakes import KEY, Vendor, audio, give, heard, refuse, socket, spoken, tone

from hookflash.clock import LoopClock
from hookflash.media.speech import Listening, Speech
from hookflash.ports.speech import HeardWord, SpeechError
from hookflash.speech.beep import beep_voice
from hookflash.speech.pooled import runner
from hookflash.speech.pooled import spoken as recited
from hookflash.speech.remote.listener import RemoteListener
from hookflash.speech.remote.pool import service_pool
from hookflash.speech.remote.service import ServiceSettings
from hookflash.speech.remote.voices import AzureVoice, deepgram_voice, openai_voice
from hookflash.speech.running import WorkerLost
from hookflash.speech.scripted import ScriptedVoice
from hookflash.speech.speaking import Speaker, SpeakingDesk, SpeakingLimits
from hookflash.speech.workers import WorkerPool

Make = Callable[..., WorkerPool]

SECOND = tone(1.0).tobytes()


@pytest.fixture
async def make(vendor: Vendor) -> AsyncIterator[Make]:
    pools: list[WorkerPool] = []

    def one(kind: str, url: str = "", **more: object) -> WorkerPool:
        does = ("speak", "recognise")
        settings = ServiceSettings(kind, "mine", KEY, does, url or vendor.url, **more)  # type: ignore[arg-type]
        pool = service_pool(settings, LoopClock(), jobs=100, ready=False)
        pools.append(pool)
        return pool

    yield one
    vendor.release.set()
    for pool in pools:
        await pool.close()


def deepgram(pool: WorkerPool) -> ScriptedVoice:
    return deepgram_voice("mine", runner(pool))


async def until(true: Callable[[], bool]) -> None:
    """Wait for what a process is about to do."""
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110 - what it waits for is another process
            await asyncio.sleep(0.005)


async def test_each_kind_speaks(vendor: Vendor, make: Make) -> None:
    vendor.answers = [give(SECOND, kind="audio/pcm")]
    azure = AzureVoice("mine", partial(recited, make("azure", region="westeurope")), mapping={"a": "b"})
    pcm, _ = await spoken(azure.synthesise(Speech("Hello", voice="a", endpoint="custom")))
    np.testing.assert_array_equal(pcm, tone(1.0))
    pcm, notes = await spoken(
        deepgram(make("deepgram")).synthesise(
            Speech(ssml='<speak><prosody rate="+50%">Hello</prosody><break time="500ms"/></speak>')
        )
    )
    np.testing.assert_array_equal(pcm, np.concatenate([tone(1.0), np.zeros(8000, np.int16)]))
    assert notes == ("mine cannot change rate and pitch",)
    vendor.answers = [give(tone(1.0, 440.0, 24_000).tobytes())]
    openai = openai_voice("mine", runner(make("openai", model="tts-9")))
    pcm, _ = await spoken(openai.synthesise(Speech("Hello")))
    assert len(pcm) == pytest.approx(16_000, abs=50)
    first, second, third = vendor.asked
    assert b'<voice name="b">Hello</voice>' in first.body
    assert dict(first.query)["deploymentId"] == "custom"
    assert first.headers["ocp-apim-subscription-key"] == KEY
    assert second.json == {"text": "Hello"}
    assert second.headers["authorization"] == f"Token {KEY}"
    assert (third.json["model"], third.headers["authorization"]) == ("tts-9", f"Bearer {KEY}")


async def test_words_come_back_as_they_were_heard(vendor: Vendor, make: Make) -> None:
    sizes: list[int] = []

    async def talk(made: web.WebSocketResponse) -> None:
        async for message in made:
            if message.type == WSMsgType.BINARY:
                sizes.append(len(message.data))
            elif json.loads(message.data)["type"] == "CloseStream":
                word = {"word": "yes", "punctuated_word": "Yes.", "start": 0.5, "end": 0.75}
                best = {"transcript": "Yes.", "confidence": 0.875, "words": [word]}
                await made.send_json(
                    {
                        "type": "Results",
                        "start": 0.25,
                        "duration": 1.0,
                        "is_final": True,
                        "channel": {"alternatives": [best]},
                    }
                )
                await made.send_json({"type": "Metadata"})

    vendor.answers = [socket(talk)]
    listener = RemoteListener("mine", make("deepgram"))
    frames = [np.ones(320, np.int16)] * 200
    quiet = np.empty(0, np.int16)
    wish = Listening(("en-US",), ("yes", "no"), owner="app", model="nova-9")
    (found,) = await heard(listener.recognise(audio(*frames, quiet, *frames), wish))
    assert (found.text, found.final, found.confidence, found.locale) == ("Yes.", True, 0.875, "en-US")
    assert (found.start, found.duration, found.words) == (0.25, 1.0, (HeardWord("Yes.", 0.5, 0.25),))
    assert sum(sizes) == 400 * 640
    assert dict(vendor.asked[0].query)["model"] == "nova-9"
    assert "app" not in str(vendor.asked[0].query)


async def test_audio_that_breaks_off_is_told(vendor: Vendor, make: Make) -> None:
    async def broken() -> AsyncIterator[np.ndarray]:
        yield np.ones(320, np.int16)
        raise OSError("no more ears")

    async def silence(made: web.WebSocketResponse) -> None:
        async for _ in made:
            pass

    vendor.answers = [socket(silence)]
    pool = make("deepgram")
    with pytest.raises(SpeechError, match="the audio broke off: OSError: no more ears"):
        await heard(RemoteListener("mine", pool).recognise(broken(), Listening()))
    await until(lambda: pool.figures().running == 0)


async def test_thirty_two_at_once_and_no_more_requests_than_allowed(vendor: Vendor, make: Make) -> None:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        await vendor.release.wait()
        return await give(SECOND)(request)

    vendor.answers = [answer]
    pool = make("deepgram")
    voice = deepgram(pool)
    many = [asyncio.create_task(spoken(voice.synthesise(Speech(f"Text {n}")))) for n in range(32)]
    await until(lambda: len(vendor.asked) == 32)
    assert pool.figures().running == 32
    with pytest.raises(SpeechError, match="mine: 32 requests are under way") as refused:
        await spoken(voice.synthesise(Speech("One more")))
    assert refused.value.code == 429
    vendor.release.set()
    for pcm, _ in await asyncio.gather(*many):
        assert len(pcm) == 16_000
    assert (pool.starts, len(vendor.asked)) == (1, 32)


async def test_what_a_service_refuses_is_told_as_it_is_without_the_key(vendor: Vendor, make: Make) -> None:
    vendor.answers = [refuse(500, {"err_msg": f"the key {KEY} is a nice one"})]
    with pytest.raises(SpeechError) as refused:
        await spoken(deepgram(make("deepgram")).synthesise(Speech("Hello")))
    assert str(refused.value) == "mine: it answered 500: the key *** is a nice one"
    assert (refused.value.code, refused.value.outage) == (400, True)
    with pytest.raises(SpeechError, match="mine: it cannot be reached") as missed:
        await spoken(deepgram(make("deepgram", "http://127.0.0.1:1")).synthesise(Speech("Hello")))
    assert (missed.value.code, missed.value.outage) == (408, True)


async def test_one_that_hangs_fails_in_its_time_and_one_that_is_cancelled_hangs_up(
    vendor: Vendor, make: Make
) -> None:
    gone = asyncio.Event()

    async def hang(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(SECOND)
                await asyncio.sleep(0.01)
        finally:
            gone.set()

    vendor.answers = [hang, vendor.hang(), give(SECOND)]
    pool = make("deepgram", timeout=2.0)
    async with aclosing(deepgram(pool).synthesise(Speech("For ever"))) as pieces:
        await anext(pieces)
        with pytest.raises(SpeechError, match=r"mine: no answer came within 2 s") as late:
            await spoken(deepgram(pool).synthesise(Speech("Late")))
        assert late.value.code == 408
        assert len((await spoken(deepgram(pool).synthesise(Speech("Quick"))))[0]) == 16_000
        await anext(pieces)
    async with asyncio.timeout(20):
        await gone.wait()
    await until(lambda: pool.figures().running == 0)
    assert (pool.starts, pool.lost) == (1, 0)


async def test_the_next_provider_speaks_for_one_whose_process_is_killed(vendor: Vendor, make: Make) -> None:
    vendor.answers = [vendor.hang(), vendor.hang_after(SECOND), give(SECOND)]
    pool, limits = make("deepgram"), SpeakingLimits(first_audio=20.0)
    desk = SpeakingDesk([Speaker(deepgram(pool)), Speaker(beep_voice())], LoopClock(), limits)

    async def say(text: str) -> tuple[str, ...]:
        return (await spoken(desk.speak(Speech(text))))[1]

    saying = asyncio.create_task(say("Nothing was heard yet"))
    await until(lambda: len(vendor.asked) == 1)
    os.kill(pool.pids[0], signal.SIGKILL)
    notes = await saying
    why = "mine failed: speech worker mine 1 is gone: it was ended by signal SIGKILL"
    assert any(why in note for note in notes)
    assert "beep speaks" in notes

    async with aclosing(desk.speak(Speech("Something was heard"))) as pieces:
        assert "mine speaks" in (await anext(pieces)).notes
        os.kill(pool.pids[0], signal.SIGKILL)
        with pytest.raises(WorkerLost) as lost:
            async for _ in pieces:
                pass
        assert lost.value.outage

    assert "mine speaks" in await say("It is there again")
    assert (pool.starts, pool.lost) == (3, 2)
    await desk.close()


async def test_only_its_process_talks_to_a_service_and_nobody_sees_the_key(
    vendor: Vendor, make: Make
) -> None:
    seen: list[set[int]] = []
    port = int(vendor.url.rpartition(":")[2])

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        seen.append(connected_to(port))
        return await give(SECOND)(request)

    vendor.answers = [answer]
    pool = make("deepgram")
    await spoken(deepgram(pool).synthesise(Speech("Hello")))
    assert seen == [set(pool.pids)]
    assert not any(shows_key(pid) for pid in (os.getpid(), *pool.pids))


def shows_key(pid: int) -> bool:
    return any(KEY.encode() in Path(f"/proc/{pid}/{name}").read_bytes() for name in ("environ", "cmdline"))
