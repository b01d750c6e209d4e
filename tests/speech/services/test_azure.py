"""Azure AI Speech, against a local server that speaks its protocol."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable

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
from speech.services.voices import azure_voice

from hookflash.media.speech import Listening, Speech
from hookflash.ports.speech import HeardWord, Recognised, SpeechError
from hookflash.speech.services.azure import AzureListener, azure_service
from hookflash.speech.services.pcm import wav_header
from hookflash.speech.services.service import Service
from hookflash.testing.clock import VirtualClock

SECOND = tone(1.0).tobytes()


@pytest.fixture
async def service(vendor: Vendor, clock: VirtualClock) -> AsyncIterator[Service]:
    made = azure_service("tts", name="azure", key=KEY, clock=clock, endpoint=vendor.url)
    yield made
    await made.close()


# --- Speaking ---------------------------------------------------------------------------------------------


async def test_ssml_goes_as_it_is(vendor: Vendor, service: Service) -> None:
    vendor.answers = [give(SECOND[:1001], SECOND[1001:])]
    document = (
        '<speak version="1.0" xmlns="http://www.w3.org/2001/10/synthesis" xml:lang="en-US">'
        '<voice name="en-US-JennyNeural">Grüße</voice></speak>'
    )
    pcm, notes = await spoken(azure_voice(service).synthesise(Speech(ssml=document, endpoint="abc")))
    (asked,) = vendor.asked
    assert (asked.path, asked.query) == ("/cognitiveservices/v1", [("deploymentId", "abc")])
    assert asked.body.decode() == document
    assert asked.headers["ocp-apim-subscription-key"] == KEY
    assert asked.headers["content-type"] == "application/ssml+xml"
    assert asked.headers["x-microsoft-outputformat"] == "raw-16khz-16bit-mono-pcm"
    assert asked.headers["user-agent"] == "hookflash"
    np.testing.assert_array_equal(pcm, tone(1.0))
    assert notes == ()


@pytest.mark.parametrize(
    ("speech", "voice", "locale"),
    [
        (Speech("x", voice="en-GB-RyanNeural"), "en-GB-RyanNeural", "en-GB"),
        (Speech("x", voice="Brand"), "Contoso-Brand", "en-US"),
        (Speech("x", voice="en-US-GuyNeural", locale="fr-FR"), "en-US-GuyNeural", "fr-FR"),
        (Speech("x", locale="de-DE", gender="male"), "de-DE-ConradNeural", "de-DE"),
        (Speech("x"), "en-US-EmmaNeural", "en-US"),
        (Speech("x", locale="fr-FR"), "fr-CA-SylvieNeural", "fr-FR"),
    ],
)
async def test_plain_text_is_wrapped(
    vendor: Vendor, service: Service, speech: Speech, voice: str, locale: str
) -> None:
    vendor.answers = [give(SECOND)]
    mapping = {"brand": "Contoso-Brand", "fr-FR-DeniseNeural": "fr-CA-SylvieNeural"}
    await spoken(azure_voice(service, voice="en-US-EmmaNeural", mapping=mapping).synthesise(speech))
    assert vendor.asked[0].body.decode() == (
        f'<speak version="1.0" xmlns="http://www.w3.org/2001/10/synthesis" xml:lang="{locale}">'
        f'<voice name="{voice}">x</voice></speak>'
    )


async def test_text_is_escaped(vendor: Vendor, service: Service) -> None:
    vendor.answers = [give(SECOND)]
    voice = azure_voice(service)
    await spoken(voice.synthesise(Speech("fish & <chips>\x00\ud800", voice='"x"', locale='e"n')))
    body = vendor.asked[0].body.decode()
    assert "fish &amp; &lt;chips&gt;</voice>" in body
    assert "name='\"x\"'" in body


async def test_a_bad_document_is_not_sent(vendor: Vendor, service: Service) -> None:
    with pytest.raises(SpeechError, match="line 1, column 9") as caught:
        await spoken(azure_voice(service).synthesise(Speech(ssml="<speak>&</speak>")))
    assert (caught.value.sub_code, caught.value.final, vendor.asked) == (8582, True, [])
    with pytest.raises(SpeechError, match="no voice is known"):
        await spoken(azure_voice(service).synthesise(Speech("x", locale="xx-XX")))


@pytest.mark.parametrize(
    ("status", "code"), [(400, 400), (401, 401), (403, 403), (415, 400), (429, 429), (502, 400), (503, 429)]
)
async def test_speaking_refused(vendor: Vendor, service: Service, status: int, code: int) -> None:
    vendor.answers = [refuse(status)]
    with pytest.raises(SpeechError, match=f"azure: it answered {status}") as caught:
        await spoken(azure_voice(service).synthesise(Speech("x")))
    assert (caught.value.code, caught.value.sub_code) == (code, 8565)


async def test_speaking_breaks_off_or_hangs(vendor: Vendor, service: Service, clock: VirtualClock) -> None:
    vendor.answers = [drop_after(SECOND), vendor.hang()]
    with pytest.raises(SpeechError, match="broke off"):
        await spoken(azure_voice(service).synthesise(Speech("x")))
    work = spoken(azure_voice(service).synthesise(Speech("x")))
    assert (await late(vendor, clock, work, 10, asked=2)).code == 408


def test_where_the_service_is(clock: VirtualClock) -> None:
    def url(kind: str, region: str = "", endpoint: str = "") -> str:
        made = azure_service(kind, name="a", key=KEY, clock=clock, region=region, endpoint=endpoint)
        return str(made._target("/x"))

    assert url("tts", "westeurope") == "https://westeurope.tts.speech.microsoft.com/x"
    assert url("stt", endpoint="https://me.cognitiveservices.azure.com/") == (
        "https://me.cognitiveservices.azure.com/stt/x"
    )
    with pytest.raises(SpeechError, match="region"):
        url("tts")


# --- Recognising ------------------------------------------------------------------------------------------


class Turn:
    """What the service says in a turn, with the request id of what it was told last."""

    def __init__(self, made: web.WebSocketResponse) -> None:
        self.made = made
        self.request = ""
        self.told: list[tuple[dict[str, str], bytes]] = []

    async def read(self, wanted: Callable[[dict[str, str], bytes], bool]) -> None:
        def look(message: str | bytes) -> bool:
            if isinstance(message, bytes):
                size = int.from_bytes(message[:2], "big")
                head, body = message[2 : 2 + size].decode(), message[2 + size :]
            else:
                head, _, rest = message.partition("\r\n\r\n")
                body = rest.encode()
            headers = dict(line.split(": ", 1) for line in head.strip().split("\r\n"))
            self.request = headers["X-RequestId"]
            self.told.append((headers, body))
            return wanted(headers, body)

        await until(self.made, look)

    async def whole(self) -> None:
        """All audio, to its end."""
        await self.read(lambda headers, body: headers["Path"] == "audio" and not body)

    async def say(self, path: str, body: object, request: str = "") -> None:
        name = request or self.request.upper()
        head = f"X-RequestId:{name}\r\nContent-Type:application/json; charset=utf-8\r\nPath:{path}"
        text = body if isinstance(body, str) else json.dumps(body)
        await self.made.send_str(f"{head}\r\n\r\n{text}")


PHRASE = {
    "RecognitionStatus": "Success",
    "Offset": 2_100_000,
    "Duration": 11_500_000,
    "DisplayText": "Yes, please.",
    "Channel": 0,
    "NBest": [
        {
            "Confidence": 0.93,
            "Lexical": "yes please",
            "ITN": "yes please",
            "MaskedITN": "yes please",
            "Display": "Yes, please.",
            "Words": [
                {"Word": "yes", "Offset": 2_100_000, "Duration": 4_000_000},
                {"Word": "please", "Offset": 6_200_000, "Duration": 7_400_000},
            ],
        },
        {"Confidence": 0.5, "Lexical": "yes peas", "Display": "Yes, peas."},
    ],
}
HYPOTHESIS = {"Text": "yes", "Offset": 2_100_000, "Duration": 4_000_000, "Channel": 0}
FINAL = Recognised(
    "Yes, please.",
    True,
    0.93,
    "en-US",
    0.21,
    1.15,
    (HeardWord("yes", 0.21, 0.4), HeardWord("please", 0.62, 0.74)),
)


async def test_recognition(vendor: Vendor, service: Service) -> None:
    turns: list[Turn] = []

    async def play(made: web.WebSocketResponse) -> None:
        turns.append(turn := Turn(made))
        await turn.read(lambda headers, body: headers["Path"] == "audio")
        await turn.say("turn.start", {"context": {"serviceTag": "abc"}})
        await turn.say("speech.startDetected", {"Offset": 2_100_000})
        await turn.say("speech.hypothesis", HYPOTHESIS)
        await turn.whole()
        await turn.say("speech.endDetected", {"Offset": 14_000_000})
        await turn.say("speech.phrase", PHRASE)
        await turn.say("speech.phrase", {"RecognitionStatus": "EndOfDictation", "Offset": 0, "Duration": 0})
        await turn.say("turn.end", {})

    vendor.answers = [socket(play)]
    wish = Listening(("en-US",), ("yes please", "no"), model="mine")
    speech = tone(1.5)
    results = await heard(AzureListener(service).recognise(audio(speech[:100], speech[100:]), wish))
    assert results == [Recognised("yes", False, 0.0, "en-US", 0.21, 0.4), FINAL]

    (asked,) = vendor.asked
    assert asked.path == "/speech/recognition/conversation/cognitiveservices/v1"
    assert dict(asked.query) == {
        "language": "en-US",
        "format": "detailed",
        "wordLevelTimestamps": "true",
        "cid": "mine",
    }
    assert asked.headers["ocp-apim-subscription-key"] == KEY
    assert len(asked.headers["x-connectionid"]) == 32
    told = turns[0].told
    assert [headers["Path"] for headers, _ in told[:3]] == ["speech.config", "speech.context", "audio"]
    assert json.loads(told[0][1])["context"]["system"]["name"] == "hookflash"
    assert json.loads(told[1][1]) == {
        "dgi": {"Groups": [{"Type": "Generic", "Items": [{"Text": "yes please"}, {"Text": "no"}]}]}
    }
    assert told[0][0]["X-Timestamp"] == "2026-01-01T00:00:00.000Z"
    assert (told[2][0]["Content-Type"], told[2][1]) == ("audio/x-wav", wav_header(0))
    assert b"".join(body for headers, body in told[3:]) == speech.tobytes()
    assert len({headers["X-RequestId"] for headers, _ in told}) == 1


async def test_one_of_several_languages(vendor: Vendor, service: Service) -> None:
    turns: list[Turn] = []

    async def play(made: web.WebSocketResponse) -> None:
        turns.append(turn := Turn(made))
        await turn.whole()
        await turn.say(
            "speech.phrase", PHRASE | {"PrimaryLanguage": {"Language": "de-DE", "Confidence": "High"}}
        )
        await turn.say("turn.end", {})

    vendor.answers = [socket(play)]
    (result,) = await heard(AzureListener(service).recognise(audio(tone(0.1)), Listening(("en-US", "de-DE"))))
    assert result.locale == "de-DE"
    assert vendor.asked[0].path == "/speech/universal/v2"
    context = json.loads(turns[0].told[1][1])
    assert context["languageId"]["languages"] == ["en-US", "de-DE"]
    assert context["phraseDetection"] == {"mode": "Conversation"}


async def test_a_turn_that_ends_early_is_followed_by_another(vendor: Vendor, service: Service) -> None:
    more = asyncio.Event()

    async def play(made: web.WebSocketResponse) -> None:
        turn = Turn(made)
        await turn.read(lambda headers, body: len(body) == 32_000)
        first = turn.request
        await turn.say("speech.phrase", PHRASE)
        await turn.say("turn.end", {})
        await turn.read(lambda headers, body: headers["Path"] == "speech.context")
        assert turn.request != first
        more.set()
        await turn.whole()
        await turn.say("speech.phrase", PHRASE | {"DisplayText": "old"}, request=first)
        await turn.say("speech.phrase", PHRASE)
        await turn.say("turn.end", {})

    async def speech() -> AsyncIterator[np.ndarray]:
        yield tone(1.0)
        await more.wait()
        yield tone(0.5)

    vendor.answers = [socket(play)]
    results = await heard(AzureListener(service).recognise(speech(), Listening()))
    assert [one.start for one in results] == [0.21, pytest.approx(1.21)]
    assert results[1].words[0].start == pytest.approx(1.21)


@pytest.mark.parametrize("status", ["NoMatch", "InitialSilenceTimeout", "BabbleTimeout", 1, 2])
async def test_no_speech_is_an_empty_result(vendor: Vendor, service: Service, status: str | int) -> None:
    async def play(made: web.WebSocketResponse) -> None:
        turn = Turn(made)
        await turn.whole()
        await turn.say("speech.phrase", {"RecognitionStatus": status, "Offset": 0, "Duration": 0})
        await turn.say("turn.end", "")

    vendor.answers = [socket(play)]
    results = await heard(AzureListener(service).recognise(audio(tone(0.1)), Listening(("de-DE",))))
    assert results == [Recognised("", True, locale="de-DE")]


@pytest.mark.parametrize(
    ("status", "code"), [("TooManyRequests", 429), ("Forbidden", 403), ("BadRequest", 400), ("Error", 400)]
)
async def test_the_service_s_own_errors(vendor: Vendor, service: Service, status: str, code: int) -> None:
    async def play(made: web.WebSocketResponse) -> None:
        turn = Turn(made)
        await turn.whole()
        await turn.say("speech.phrase", {"RecognitionStatus": status, "Offset": 0, "Duration": 0})
        await turn.read(lambda headers, body: False)

    vendor.answers = [socket(play)]
    with pytest.raises(SpeechError, match=status) as caught:
        await heard(AzureListener(service).recognise(audio(tone(0.1)), Listening()))
    assert (caught.value.code, caught.value.sub_code) == (code, 8565)


@pytest.mark.parametrize(("status", "code"), [(401, 401), (403, 403), (404, 400), (429, 429), (302, 408)])
async def test_recognition_refused(vendor: Vendor, service: Service, status: int, code: int) -> None:
    vendor.answers = [refuse(status, "", {"Location": "http://127.0.0.1:1/"} if status == 302 else None)]
    with pytest.raises(SpeechError, match=str(status)) as caught:
        await heard(AzureListener(service).recognise(audio(tone(0.1)), Listening()))
    assert caught.value.code == code


@pytest.mark.parametrize("body", ["{", '{"NBest": 5}', "[]"])
async def test_messages_that_make_no_sense(vendor: Vendor, service: Service, body: str) -> None:
    async def play(made: web.WebSocketResponse) -> None:
        turn = Turn(made)
        await turn.whole()
        await turn.say("speech.phrase", body)
        await turn.read(lambda headers, body: False)

    vendor.answers = [socket(play)]
    with pytest.raises(SpeechError, match="makes no sense"):
        await heard(AzureListener(service).recognise(audio(tone(0.1)), Listening()))


async def test_messages_of_nobody_are_passed_over(vendor: Vendor, service: Service) -> None:
    async def play(made: web.WebSocketResponse) -> None:
        turn = Turn(made)
        await turn.whole()
        await made.send_str("nothing")
        await made.send_bytes(b"\0")
        await turn.say("speech.phrase", PHRASE | {"DisplayText": "x"}, request="0" * 32)
        await turn.say("audio.metadata", "{")
        await turn.say("speech.phrase", PHRASE)
        await turn.say("turn.end", {})

    vendor.answers = [socket(play)]
    assert await heard(AzureListener(service).recognise(audio(tone(0.1)), Listening())) == [FINAL]


async def test_a_connection_closed_or_dropped(vendor: Vendor, service: Service) -> None:
    async def close(made: web.WebSocketResponse) -> None:
        await made.close(code=1011, message=b"internal")

    async def drop(made: web.WebSocketResponse) -> None:
        assert made._req is not None
        assert made._req.transport is not None
        made._req.transport.abort()

    for play, words in ((close, "1011"), (drop, "closed|reset|abnormally|Cannot write")):
        vendor.answers = [socket(play)]
        with pytest.raises(SpeechError, match=words):
            await heard(AzureListener(service).recognise(audio(*[tone(0.1)] * 3), Listening()))


async def test_results_that_never_come(vendor: Vendor, service: Service, clock: VirtualClock) -> None:
    ended = asyncio.Event()

    async def play(made: web.WebSocketResponse) -> None:
        await Turn(made).whole()
        ended.set()
        await vendor.release.wait()

    vendor.answers = [socket(play)]
    task = asyncio.ensure_future(heard(AzureListener(service).recognise(audio(tone(0.1)), Listening())))
    await asyncio.wait_for(ended.wait(), 20)
    error = await late(vendor, clock, _same(task), 10)
    assert (error.code, str(error)) == (408, "azure: no result came within 10 s of the end of speech")


async def _same(task: asyncio.Task[list[Recognised]]) -> list[Recognised]:
    return await task


async def test_closing_the_iterator_closes_the_connection(vendor: Vendor, service: Service) -> None:
    closed = asyncio.Event()

    async def play(made: web.WebSocketResponse) -> None:
        turn = Turn(made)
        await turn.read(lambda headers, body: len(body) == 3200)
        await turn.say("speech.hypothesis", HYPOTHESIS)
        await turn.read(lambda headers, body: False)
        closed.set()

    async def endless() -> AsyncIterator[np.ndarray]:
        yield tone(0.1)
        await asyncio.Event().wait()

    vendor.answers = [socket(play)]
    results = AzureListener(service).recognise(endless(), Listening())
    assert (await anext(results)).text == "yes"
    await results.aclose()
    await asyncio.wait_for(closed.wait(), 20)
