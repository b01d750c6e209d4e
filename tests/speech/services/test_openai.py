"""OpenAI's interface for speech and transcription, against a local server that speaks it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest
from speech.services.fakes import (
    KEY,
    Vendor,
    audio,
    drop_after,
    give,
    heard,
    late,
    refuse,
    spoken,
    tone,
)
from speech.services.voices import openai_voice

from hookflash.media.speech import Listening, Speech
from hookflash.ports.speech import HeardWord, SpeechError
from hookflash.speech.services import openai
from hookflash.speech.services.openai import OpenAiListener, openai_service
from hookflash.speech.services.pcm import wav
from hookflash.speech.services.service import Service, ServiceLimits
from hookflash.testing.clock import VirtualClock

SECOND = tone(1.0, 440.0, 24_000).tobytes()
QUIET = np.zeros(16_000, np.int16)


@pytest.fixture
async def service(vendor: Vendor, clock: VirtualClock) -> AsyncIterator[Service]:
    made = openai_service(name="mine", key=KEY, clock=clock, endpoint=f"{vendor.url}/v1/", concurrency=2)
    yield made
    await made.close()


async def test_speech_is_asked_for_and_comes_at_our_rate(vendor: Vendor, service: Service) -> None:
    vendor.answers = [give(SECOND[:1001], SECOND[1001:])]
    voice = openai_voice(service, model="tts-1", mapping={"en-US-JennyNeural": "shimmer"})
    pcm, notes = await spoken(voice.synthesise(Speech("Hello there.", voice="en-US-JennyNeural")))
    (asked,) = vendor.asked
    assert asked.path == "/v1/audio/speech"
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    assert asked.json == {
        "model": "tts-1",
        "voice": "shimmer",
        "input": "Hello there.",
        "response_format": "pcm",
        "speed": 1.0,
    }
    assert abs(len(pcm) - 16_000) <= 16
    assert notes == ()


async def test_an_unknown_voice_is_replaced_and_noted(vendor: Vendor, service: Service) -> None:
    vendor.answers = [give(SECOND)]
    _, notes = await spoken(openai_voice(service).synthesise(Speech("Hi", voice="de-DE-ConradNeural")))
    assert vendor.asked[0].json["voice"] == "onyx"
    assert notes == ('mine has no voice "de-DE-ConradNeural"; "onyx" (male) speaks instead',)


async def test_ssml_is_spoken_piece_by_piece(vendor: Vendor, service: Service) -> None:
    vendor.answers = [give(SECOND)]
    document = (
        '<speak>One<break time="500ms"/><prosody rate="+50%" pitch="+2st" volume="-50%">two</prosody></speak>'
    )
    pcm, notes = await spoken(openai_voice(service).synthesise(Speech(ssml=document)))
    assert [(one.json["input"], one.json["speed"]) for one in vendor.asked] == [("One", 1.0), ("two", 1.5)]
    assert abs(len(pcm) - 40_000) <= 32
    assert not pcm[16_100:23_900].any()
    assert abs(int(pcm[2000:14_000].max()) - 2 * int(pcm[26_000:38_000].max())) < 200
    assert notes == ("mine cannot change the pitch",)


async def test_a_long_text_is_asked_for_in_pieces(vendor: Vendor, service: Service) -> None:
    vendor.answers = [give(SECOND)]
    text = "This is a sentence. " * 300
    await spoken(openai_voice(service).synthesise(Speech(text)))
    asked = [one.json["input"] for one in vendor.asked]
    assert " ".join(asked) == text.strip()
    assert all(len(one) <= openai.MAX_TEXT and one.endswith(".") for one in asked)


async def test_a_wav_is_as_good(vendor: Vendor, service: Service) -> None:
    vendor.answers = [give(wav(tone(1.0).tobytes()), kind="audio/wav")]
    pcm, _ = await spoken(openai_voice(service).synthesise(Speech("Hi")))
    np.testing.assert_array_equal(pcm, tone(1.0))


@pytest.mark.parametrize(
    ("status", "body", "code", "words"),
    [
        (400, {"error": {"message": "bad voice", "type": "invalid_request_error"}}, 400, "400: bad voice"),
        (401, {"error": {"message": f"Incorrect API key provided: {KEY}."}}, 401, r"provided: \*\*\*\."),
        (403, {"error": "not in your country"}, 403, "not in your country"),
        (402, {"detail": "no credit"}, 403, "no credit"),
        (429, {"error": {"message": "You exceeded your current quota"}}, 429, "quota"),
        (500, "<html>oops</html>", 400, "answered 500"),
        (503, "", 429, "answered 503"),
        (504, "x" * 100_000, 408, "x{200}"),
        (302, "", 400, "answered 302"),
        (200, {"error": "odd"}, 400, "text/plain instead of audio"),
    ],
)
async def test_refusals(
    vendor: Vendor, service: Service, status: int, body: object, code: int, words: str
) -> None:
    vendor.answers = [refuse(status, body, {"Location": "http://127.0.0.1:1/"} if status == 302 else None)]
    with pytest.raises(SpeechError, match=words) as caught:
        await spoken(openai_voice(service).synthesise(Speech("Hi")))
    assert (caught.value.code, caught.value.sub_code, caught.value.final) == (code, 8565, False)
    assert caught.value.outage == (status == 500), "the others say what is wrong with the request, or wait"
    assert KEY not in str(caught.value)
    assert len(str(caught.value)) < 400
    assert str(caught.value).startswith("mine: ")


@pytest.mark.parametrize("body", [b"", b"\1", b"ID3\4\0\0\0\0" + bytes(2000)])
async def test_no_audio_is_an_error(vendor: Vendor, service: Service, body: bytes) -> None:
    vendor.answers = [give(body)]
    with pytest.raises(SpeechError, match=r"no audio|MP3"):
        await spoken(openai_voice(service).synthesise(Speech("Hi")))


async def test_a_connection_that_breaks_off(vendor: Vendor, service: Service) -> None:
    vendor.answers = [drop_after(SECOND)]
    pieces = openai_voice(service).synthesise(Speech("Hi"))
    assert len((await anext(pieces)).pcm) > 15_000
    with pytest.raises(SpeechError, match="broke off") as caught:
        await spoken(pieces)
    assert caught.value.code == 408


async def test_nobody_there(clock: VirtualClock) -> None:
    service = openai_service(name="mine", key="", clock=clock, endpoint="http://127.0.0.1:1/v1")
    with pytest.raises(SpeechError, match="cannot be reached") as caught:
        await spoken(openai_voice(service).synthesise(Speech("Hi")))
    assert caught.value.code == 408
    assert caught.value.outage
    await service.close()


async def test_a_service_that_hangs(vendor: Vendor, service: Service, clock: VirtualClock) -> None:
    vendor.answers = [vendor.hang()]
    error = await late(vendor, clock, spoken(openai_voice(service).synthesise(Speech("Hi"))), 10)
    assert (error.code, str(error)) == (408, "mine: no answer came within 10 s")


async def test_a_service_that_hangs_in_the_middle(
    vendor: Vendor, service: Service, clock: VirtualClock
) -> None:
    vendor.answers = [vendor.hang_after(SECOND)]
    error = await late(vendor, clock, spoken(openai_voice(service).synthesise(Speech("Hi"))), 10)
    assert (error.code, str(error)) == (408, "mine: no more audio came within 10 s")


async def test_one_byte_now_and_then_is_no_audio(
    vendor: Vendor, service: Service, clock: VirtualClock
) -> None:
    vendor.answers = [vendor.hang_after(b"\1\2\3\4\5")]
    error = await late(vendor, clock, spoken(openai_voice(service).synthesise(Speech("Hi"))), 10)
    assert error.code == 408


async def test_too_much_audio(vendor: Vendor, clock: VirtualClock) -> None:
    vendor.answers = [give(*[SECOND] * 30)]
    limits = ServiceLimits(audio=500_000)
    service = Service("mine", f"{vendor.url}/v1", KEY, {}, clock, limits=limits)
    with pytest.raises(SpeechError, match="more than 500,000 bytes"):
        await spoken(openai_voice(service).synthesise(Speech("Hi")))
    await service.close()


async def test_only_so_many_at_a_time(vendor: Vendor, service: Service) -> None:
    vendor.answers = [vendor.hang()]
    voice = openai_voice(service)
    tasks = [asyncio.ensure_future(spoken(voice.synthesise(Speech("Hi")))) for _ in range(2)]
    async with asyncio.timeout(20):
        while len(vendor.asked) < 2:  # noqa: ASYNC110 - sockets
            await asyncio.sleep(0.001)
    with pytest.raises(SpeechError, match="2 requests are under way") as caught:
        await spoken(voice.synthesise(Speech("Hi")))
    assert caught.value.code == 429
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    vendor.answers = [give(SECOND)]
    await spoken(voice.synthesise(Speech("Hi")))


async def test_closing_the_iterator_gives_the_place_back(vendor: Vendor, service: Service) -> None:
    vendor.answers = [vendor.hang_after(SECOND)]
    voice = openai_voice(service)
    for _ in range(5):
        pieces = voice.synthesise(Speech("Hi"))
        assert len((await anext(pieces)).pcm)
        await pieces.aclose()


def test_the_key_is_not_shown(clock: VirtualClock) -> None:
    service = openai_service(name="mine", key=KEY, clock=clock)
    assert KEY not in repr(service)
    assert KEY not in repr(openai_voice(service))


VERBOSE = {
    "task": "transcribe",
    "language": "english",
    "duration": 1.6,
    "text": " Yes, please.",
    "words": [{"word": "Yes", "start": 0.3, "end": 0.6}, {"word": "please", "start": 0.7, "end": 1.2}],
    "segments": [
        {"id": 0, "text": " Yes, please.", "avg_logprob": -0.25, "no_speech_prob": 0.01, "tokens": [1, 2]}
    ],
}


async def test_transcription(vendor: Vendor, service: Service) -> None:
    vendor.answers = [refuse(200, VERBOSE)]
    listener = OpenAiListener(service)
    wish = Listening(("en-GB",), ("yes please", "no"))
    (result,) = await heard(listener.recognise(audio(QUIET, tone(1.0), QUIET), wish))
    assert (result.text, result.final, result.locale) == ("Yes, please.", True, "en-GB")
    assert result.confidence == pytest.approx(0.7788, abs=1e-3)
    assert result.start == pytest.approx(0.7, abs=0.05)
    assert result.words == (
        HeardWord("Yes", pytest.approx(result.start + 0.3), pytest.approx(0.3)),
        HeardWord("please", pytest.approx(result.start + 0.7), pytest.approx(0.5)),
    )
    (asked,) = vendor.asked
    assert asked.path == "/v1/audio/transcriptions"
    assert asked.headers["content-type"].startswith("multipart/form-data; boundary=")
    for field in ("whisper-1", "verbose_json", "timestamp_granularities[]", "word", "yes please, no", "RIFF"):
        assert field.encode() in asked.body
    assert b'name="language"\r\n\r\nen\r\n' in asked.body


async def test_each_stretch_of_speech_is_asked_about(vendor: Vendor, service: Service) -> None:
    vendor.answers = [refuse(200, {"text": "one"}), refuse(200, {"text": "two"})]
    listener = OpenAiListener(service, model="gpt-4o-transcribe")
    results = await heard(
        listener.recognise(audio(tone(1.0), QUIET, tone(0.5), QUIET), Listening(("en-US", "de-DE")))
    )
    assert [(one.text, one.final) for one in results] == [("one", True), ("two", True)]
    assert results[1].start > 1.5
    assert b"verbose_json" not in vendor.asked[0].body
    assert b'name="language"' not in vendor.asked[0].body


async def test_the_language_is_told(vendor: Vendor, service: Service) -> None:
    vendor.answers = [refuse(200, VERBOSE | {"language": "german"})]
    (result,) = await heard(
        OpenAiListener(service).recognise(audio(tone(1.0)), Listening(("en-US", "de-CH")))
    )
    assert result.locale == "de-CH"


@pytest.mark.parametrize(
    "answer",
    [{"text": ""}, VERBOSE | {"segments": [{"avg_logprob": -1.5, "no_speech_prob": 0.9}]}],
)
async def test_no_speech_is_an_empty_result(vendor: Vendor, service: Service, answer: object) -> None:
    vendor.answers = [refuse(200, answer)]
    (result,) = await heard(OpenAiListener(service).recognise(audio(tone(1.0)), Listening()))
    assert (result.text, result.final) == ("", True)


async def test_silence_is_not_asked_about(vendor: Vendor, service: Service) -> None:
    (result,) = await heard(OpenAiListener(service).recognise(audio(QUIET), Listening()))
    assert (result.text, result.final, vendor.asked) == ("", True, [])


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (401, {"error": {"message": "no"}}, 401),
        (429, "", 429),
        (200, "{", 400),
        (200, {"text": 5}, 400),
        (200, {"text": "x" * (2 << 20)}, 400),
    ],
)
async def test_transcription_refused_or_malformed(
    vendor: Vendor, service: Service, status: int, body: object, code: int
) -> None:
    vendor.answers = [refuse(status, body)]
    with pytest.raises(SpeechError) as caught:
        await heard(OpenAiListener(service).recognise(audio(tone(1.0)), Listening()))
    assert caught.value.code == code


async def test_transcription_that_hangs(vendor: Vendor, service: Service, clock: VirtualClock) -> None:
    vendor.answers = [vendor.hang()]
    work = heard(OpenAiListener(service).recognise(audio(tone(1.0)), Listening()))
    assert (await late(vendor, clock, work, 10)).code == 408
