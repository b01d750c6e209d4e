"""Deepgram, against a local server that speaks its protocol."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import numpy as np
import pytest
from aiohttp import web
from speech.services.fakes import (
    KEY,
    Vendor,
    audio,
    drop_after,
    give,
    heard,
    late,
    refuse,
    socket,
    spoken,
    tone,
    until,
)
from speech.services.voices import deepgram_voice

from hookflash.media.speech import Listening, Speech
from hookflash.ports.speech import HeardWord, Recognised, SpeechError
from hookflash.speech.services.deepgram import DeepgramListener, deepgram_service
from hookflash.speech.services.service import Service
from hookflash.testing.clock import VirtualClock

SECOND = tone(1.0).tobytes()
FINALIZE, CLOSE, KEEP = ('{"type": "Finalize"}', '{"type": "CloseStream"}', '{"type": "KeepAlive"}')


@pytest.fixture
async def service(vendor: Vendor, clock: VirtualClock) -> AsyncIterator[Service]:
    made = deepgram_service(name="dg", key=KEY, clock=clock, endpoint=vendor.url)
    yield made
    await made.close()


# --- Speaking ---------------------------------------------------------------------------------------------


async def test_speaking(vendor: Vendor, service: Service) -> None:
    vendor.answers = [give(SECOND[:333], SECOND[333:])]
    voice = deepgram_voice(service, mapping={"en-US-GuyNeural": "aura-2-zeus-en"})
    pcm, notes = await spoken(voice.synthesise(Speech("Hello.", voice="en-US-GuyNeural")))
    (asked,) = vendor.asked
    assert asked.path == "/v1/speak"
    assert dict(asked.query) == {
        "model": "aura-2-zeus-en",
        "encoding": "linear16",
        "sample_rate": "16000",
        "container": "none",
    }
    assert asked.headers["authorization"] == f"Token {KEY}"
    assert asked.json == {"text": "Hello."}
    np.testing.assert_array_equal(pcm, tone(1.0))
    assert notes == ()


async def test_voices_by_language_and_gender(vendor: Vendor, service: Service) -> None:
    vendor.answers = [give(SECOND)]
    _, notes = await spoken(deepgram_voice(service).synthesise(Speech("x", voice="en-GB-RyanNeural")))
    assert dict(vendor.asked[0].query)["model"] == "aura-2-draco-en"
    assert "aura-2-draco-en" in notes[0]
    with pytest.raises(SpeechError, match="en-GB-RyanNeural") as caught:
        await spoken(deepgram_voice(service).synthesise(Speech("x", voice="en-GB-RyanNeural", strict=True)))
    assert caught.value.sub_code == 8565


async def test_what_it_cannot_do_is_noted(vendor: Vendor, service: Service) -> None:
    vendor.answers = [give(SECOND)]
    document = '<speak><prosody rate="fast">a</prosody></speak>'
    _, notes = await spoken(deepgram_voice(service).synthesise(Speech(ssml=document)))
    assert notes == ("dg cannot change rate and pitch",)


@pytest.mark.parametrize(
    ("status", "body", "code", "words"),
    [
        (
            400,
            {"err_code": "INVALID_MODEL", "err_msg": "no such model", "request_id": "1"},
            400,
            "no such model",
        ),
        (401, {"err_code": "INVALID_AUTH", "err_msg": f"Invalid credentials {KEY}"}, 401, r"\*\*\*"),
        (402, {"err_code": "ASR_PAYMENT_REQUIRED", "err_msg": "out of funds"}, 403, "out of funds"),
        (429, {"err_code": "TOO_MANY_REQUESTS", "err_msg": "slow down"}, 429, "slow down"),
    ],
)
async def test_speaking_refused(
    vendor: Vendor, service: Service, status: int, body: object, code: int, words: str
) -> None:
    vendor.answers = [refuse(status, body)]
    with pytest.raises(SpeechError, match=words) as caught:
        await spoken(deepgram_voice(service).synthesise(Speech("x")))
    assert (caught.value.code, caught.value.sub_code) == (code, 8565)
    assert KEY not in str(caught.value)


async def test_speaking_breaks_off_or_hangs(vendor: Vendor, service: Service, clock: VirtualClock) -> None:
    vendor.answers = [drop_after(SECOND), vendor.hang()]
    with pytest.raises(SpeechError, match="broke off"):
        await spoken(deepgram_voice(service).synthesise(Speech("x")))
    work = spoken(deepgram_voice(service).synthesise(Speech("x")))
    assert (await late(vendor, clock, work, 10, asked=2)).code == 408


# --- Recognising ------------------------------------------------------------------------------------------


def results(transcript: str, *, final: bool, start: float = 0.0, **more: object) -> str:
    words = [
        {
            "word": word.lower().strip("."),
            "punctuated_word": word,
            "start": start + 0.5 * at,
            "end": start + 0.5 * at + 0.25,
            "confidence": 0.9,
        }
        for at, word in enumerate(transcript.split())
    ]
    alternative = {"transcript": transcript, "confidence": 0.97, "words": words} | more
    return json.dumps(
        {
            "type": "Results",
            "channel_index": [0, 1],
            "duration": 1.5,
            "start": start,
            "is_final": final,
            "speech_final": final,
            "channel": {"alternatives": [alternative]},
            "metadata": {"request_id": "1", "model_info": {"name": "nova-3"}, "model_uuid": "2"},
            "from_finalize": False,
        }
    )


METADATA = json.dumps({"type": "Metadata", "request_id": "1", "duration": 1.5, "channels": 1, "sha256": "x"})


async def test_recognition(vendor: Vendor, service: Service) -> None:
    told: list[str | bytes] = []

    async def play(made: web.WebSocketResponse) -> None:
        told.extend(await until(made, lambda message: isinstance(message, bytes)))
        await made.send_str(json.dumps({"type": "SpeechStarted", "channel": [0], "timestamp": 0.1}))
        await made.send_str(results("", final=False))
        await made.send_str(results("Yes", final=False))
        told.extend(await until(made, lambda message: message == FINALIZE))
        await made.send_str(results("Yes please.", final=True, start=0.25))
        told.extend(await until(made, lambda message: message == CLOSE))
        await made.send_str(results("", final=True))
        await made.send_str(METADATA)
        await made.close()

    vendor.answers = [socket(play)]
    wish = Listening(("en-US",), ("yes please", "no"))
    speech = tone(1.5)
    found = await heard(DeepgramListener(service).recognise(audio(speech[:100], speech[100:]), wish))
    word = HeardWord("Yes", 0.0, 0.25)
    assert found == [
        Recognised("Yes", False, 0.97, "en-US", 0.0, 1.5, (word,)),
        Recognised(
            "Yes please.",
            True,
            0.97,
            "en-US",
            0.25,
            1.5,
            (HeardWord("Yes", 0.25, 0.25), HeardWord("please.", 0.75, 0.25)),
        ),
    ]
    (asked,) = vendor.asked
    assert asked.path == "/v1/listen"
    assert asked.query == [
        ("model", "nova-3"),
        ("language", "en-US"),
        ("encoding", "linear16"),
        ("sample_rate", "16000"),
        ("channels", "1"),
        ("interim_results", "true"),
        ("punctuate", "true"),
        ("smart_format", "true"),
        ("keyterm", "yes please"),
        ("keyterm", "no"),
    ]
    assert asked.headers["authorization"] == f"Token {KEY}"
    assert b"".join(one for one in told if isinstance(one, bytes)) == speech.tobytes()
    assert [one for one in told if isinstance(one, str)] == [FINALIZE, CLOSE]


async def test_one_of_several_languages(vendor: Vendor, service: Service) -> None:
    async def play(made: web.WebSocketResponse) -> None:
        await until(made, lambda message: message == CLOSE)
        await made.send_str(results("Ja.", final=True, languages=["de"]))
        await made.send_str(METADATA)

    vendor.answers = [socket(play)]
    listener = DeepgramListener(service, model="nova-2")
    wish = Listening(("en-US", "de-AT"), ("ja",))
    (result,) = await heard(listener.recognise(audio(tone(0.1)), wish))
    assert result.locale == "de-AT"
    query = vendor.asked[0].query
    assert ("language", "multi") in query
    assert ("keywords", "ja") in query


async def test_silence_is_an_empty_result(vendor: Vendor, service: Service) -> None:
    async def play(made: web.WebSocketResponse) -> None:
        await until(made, lambda message: message == CLOSE)
        await made.close()

    vendor.answers = [socket(play)]
    found = await heard(DeepgramListener(service).recognise(audio(tone(0.1)), Listening()))
    assert found == [Recognised("", True, locale="en-US")]


async def test_a_quiet_line_is_kept_open(vendor: Vendor, service: Service, clock: VirtualClock) -> None:
    told: list[str | bytes] = []
    kept, go_on = asyncio.Event(), asyncio.Event()

    async def play(made: web.WebSocketResponse) -> None:
        told.extend(await until(made, lambda message: message == KEEP))
        kept.set()
        told.extend(await until(made, lambda message: message == CLOSE))
        await made.send_str(METADATA)

    async def speech() -> AsyncIterator[np.ndarray]:
        yield tone(0.1)
        await go_on.wait()

    vendor.answers = [socket(play)]
    task = asyncio.ensure_future(heard(DeepgramListener(service).recognise(speech(), Listening())))
    async with asyncio.timeout(20):
        while not kept.is_set():
            clock.advance(1.0)
            await asyncio.sleep(0.001)
    go_on.set()
    await task
    assert told.index(KEEP) > 0
    assert told[-2:] == [FINALIZE, CLOSE]


@pytest.mark.parametrize(
    ("status", "code"), [(400, 400), (401, 401), (402, 403), (403, 403), (429, 429), (503, 429)]
)
async def test_recognition_refused(vendor: Vendor, service: Service, status: int, code: int) -> None:
    vendor.answers = [refuse(status, {}, {"dg-error": f"why not {KEY}"})]
    with pytest.raises(SpeechError, match=rf"{status}: why not \*\*\*") as caught:
        await heard(DeepgramListener(service).recognise(audio(tone(0.1)), Listening()))
    assert caught.value.code == code


async def test_errors_in_between(vendor: Vendor, service: Service) -> None:
    def saying(text: str) -> object:
        async def play(made: web.WebSocketResponse) -> None:
            await until(made, lambda message: isinstance(message, bytes))
            await made.send_str(text)
            await until(made, lambda message: False)

        return socket(play)

    for text, words in (
        (json.dumps({"type": "Error", "description": "bad audio", "variant": "x"}), "bad audio"),
        ("{", "makes no sense"),
        ('{"type": "Results", "channel": "x"}', "makes no sense"),
    ):
        vendor.answers = [saying(text)]  # type: ignore[list-item]
        with pytest.raises(SpeechError, match=words):
            await heard(DeepgramListener(service).recognise(audio(tone(0.1)), Listening()))


async def test_a_connection_closed_by_the_service(vendor: Vendor, service: Service) -> None:
    go_on = asyncio.Event()

    async def play(made: web.WebSocketResponse) -> None:
        await until(made, lambda message: isinstance(message, bytes))
        await made.close(code=1011, message=b"NET-0001")

    async def speech() -> AsyncIterator[np.ndarray]:
        yield tone(0.1)
        await go_on.wait()

    vendor.answers = [socket(play)]
    with pytest.raises(SpeechError, match="1011: NET-0001"):
        await heard(DeepgramListener(service).recognise(speech(), Listening()))


async def test_audio_that_fails_is_not_hidden(vendor: Vendor, service: Service) -> None:
    async def play(made: web.WebSocketResponse) -> None:
        await until(made, lambda message: False)

    async def speech() -> AsyncIterator[np.ndarray]:
        yield tone(0.1)
        raise RuntimeError("no microphone")

    vendor.answers = [socket(play)]
    with pytest.raises(RuntimeError, match="no microphone"):
        await heard(DeepgramListener(service).recognise(speech(), Listening()))
