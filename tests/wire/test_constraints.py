"""Limits of single fields that are not part of one request's rules."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hookflash.wire import requests
from hookflash.wire.constraints import (
    MAX_NAME,
    MAX_SSML,
    CallbackRules,
    check_locale,
    require_callback,
    require_stream,
)
from hookflash.wire.decoding import decode
from hookflash.wire.results import Refusal

PHONE = {"phoneNumber": {"value": "+14255550123"}}


def refused(type_: Any, body: dict[str, Any], version: str = "2026-03-12") -> str | None:
    with pytest.raises(Refusal) as refusal:
        decode(type_, json.dumps(body).encode(), version)
    assert (refusal.value.status, refusal.value.code) == (400, "8523")
    return refusal.value.target


@pytest.mark.parametrize("url", ["https://x/", "ws://x/", "wss:///", "wss://x y/", "wss://" + "x" * 2050])
def test_streams_go_to_wss(url: str) -> None:
    require_stream("wss://x/?secret=1", "f", CallbackRules())
    with pytest.raises(Refusal) as refusal:
        require_stream(url, "f", CallbackRules())
    assert refusal.value.target == "f"


LABEL = "x" * 63


@pytest.mark.parametrize(
    ("host", "why"),
    [
        ("127.0.0.1:0", "port 0 is none"),
        ("app.example:0", "port 0 is none"),
        ("[::1]:0", "port 0 is none"),
        ("app.example:99999", "'.*:99999/'.$"),
        ("app.example:-1", "'.*:-1/'.$"),
        (f"{LABEL}x.example", "a part of 64 characters"),
        (f"{'é' * 60}.example", "IDNA"),
        (".".join([LABEL] * 4), "255 characters"),
        ("app..example", "nothing between two dots"),
        (".example", "nothing between two dots"),
        ("xn--a", "IDNA"),
        ("app.xn--.example", "IDNA"),
    ],
)
def test_hosts_and_ports_that_cannot_be_are_refused_at_once(host: str, why: str) -> None:
    with pytest.raises(Refusal, match=why) as stream:
        require_stream(f"ws://{host}/?secret=1", "f", CallbackRules(http=True))
    with pytest.raises(Refusal, match=why) as callback:
        require_callback(f"https://{host}/?secret=1", "f", CallbackRules())
    for refusal in (stream.value, callback.value):
        assert (refusal.status, refusal.code, refusal.target) == (400, "8523", "f")
        assert "secret" not in str(refusal)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:1",
        "[::1]:65535",
        "[fe80::1%25eth0]",
        "localhost",
        "app",
        "my_app.example",
        "a--b-.example.",
        f"{LABEL}.example",
        ".".join([LABEL] * 3 + ["x" * 61]),
        "bücher.example",
        "xn--bcher-kva.example",
        "XN--BCHER-KVA.example",
        "xn--fa-hia.de",
        "☃.example",
    ],
)
def test_hosts_that_may_be(host: str) -> None:
    require_stream(f"wss://{host}/x", "f", CallbackRules())
    require_callback(f"https://user:pass@{host}/x?y=%41", "f", CallbackRules())


@pytest.mark.parametrize("private", ["wss://127.0.0.1/", "ws://localhost:9/", "wss://[::1]/"])
def test_streams_go_to_private_addresses_where_that_is_allowed(private: str) -> None:
    require_stream(private, "f", CallbackRules(http=True))
    with pytest.raises(Refusal, match="public internet"):
        require_stream(private, "f", CallbackRules(http=True, private=False))


@pytest.mark.parametrize(
    "locale", ["en-US", "en-us", "zh-Hans-CN", "es-419", "ca-ES-valencia", "en-US-NancyNeural"]
)
def test_locales(locale: str) -> None:
    check_locale(locale, "locale")


@pytest.mark.parametrize(
    "locale", ["en", "english", "en_US", "-US", "en-U", "1-2", "en-US-" + "x" * 40, "a-b\n"]
)
def test_no_locales(locale: str) -> None:
    with pytest.raises(Refusal, match="region") as refusal:
        check_locale(locale, "locale")
    assert refusal.value.target == "locale"


def text(**fields: Any) -> dict[str, Any]:
    return {"playSources": [{"kind": "text", "text": {"text": "x", **fields}}]}


@pytest.mark.parametrize(
    ("body", "target"),
    [
        (text(text="x" * 4001), "playSources[0].text.text"),
        (text(sourceLocale="english"), "playSources[0].text.sourceLocale"),
        (text(voiceName="v" * (MAX_NAME + 1)), "playSources[0].text.voiceName"),
        (text(customVoiceEndpointId="v" * 300), "playSources[0].text.customVoiceEndpointId"),
        ({"playSources": [{"kind": "ssml"}]}, "playSources[0].ssml"),
        (
            {"playSources": [{"kind": "ssml", "ssml": {"ssmlText": "x" * (MAX_SSML + 1)}}]},
            "playSources[0].ssml.ssmlText",
        ),
        (
            {
                "playSources": [
                    {"kind": "ssml", "ssml": {"ssmlText": "x", "customVoiceEndpointId": "v" * 300}}
                ]
            },
            "playSources[0].ssml.customVoiceEndpointId",
        ),
        (
            {
                "playSources": [
                    {"kind": "file", "file": {"uri": "https://x/a.wav"}, "playSourceCacheId": "c" * 300}
                ]
            },
            "playSources[0].playSourceCacheId",
        ),
    ],
)
def test_play_sources(body: dict[str, Any], target: str) -> None:
    assert refused(requests.PlayRequest, body) == target


def recognize(kind: str, **options: Any) -> dict[str, Any]:
    return {"recognizeInputType": kind, "recognizeOptions": {"targetParticipant": PHONE, **options}}


@pytest.mark.parametrize(
    ("body", "target"),
    [
        (recognize("speech", speechLanguage="english"), "recognizeOptions.speechLanguage"),
        (
            recognize("speech", speechRecognitionModelEndpointId="m" * 300),
            "recognizeOptions.speechRecognitionModelEndpointId",
        ),
        (
            recognize("dtmf", dtmfOptions={"maxTonesToCollect": 1, "stopTones": ["pound"] * 17}),
            "recognizeOptions.dtmfOptions.stopTones",
        ),
        (
            recognize("choices", choices=[{"label": "l" * 300, "phrases": ["a"]}]),
            "recognizeOptions.choices[0].label",
        ),
        (
            recognize("choices", choices=[{"label": "a", "phrases": ["a", ""]}]),
            "recognizeOptions.choices[0].phrases[1]",
        ),
        (
            recognize(
                "choices",
                choices=[
                    {"label": "a", "phrases": ["a"], "tone": "one"},
                    {"label": "b", "phrases": ["b"], "tone": "one"},
                ],
            ),
            "recognizeOptions.choices[1].tone",
        ),
    ],
)
def test_recognition(body: dict[str, Any], target: str) -> None:
    assert refused(requests.RecognizeRequest, body) == target


def test_languages_of_the_preview() -> None:
    body = recognize("speech", speechLanguages=["en-US", "english"])
    target = refused(requests.RecognizeRequest, body, "2025-08-15-preview")
    assert target == "recognizeOptions.speechLanguages[1]"
    body = {"locales": ["en-US"] * 11}
    assert refused(requests.StartTranscriptionRequest, body, "2025-08-15-preview") == "locales"


@pytest.mark.parametrize("type_", [requests.StartTranscriptionRequest, requests.UpdateTranscriptionRequest])
def test_transcription(type_: Any) -> None:
    assert refused(type_, {"locale": "de"}) == "locale"
    assert refused(type_, {"speechModelEndpointId": "m" * 300}) == "speechModelEndpointId"
    older = {"speechRecognitionModelEndpointId": "m" * 300}
    assert refused(type_, older) == "speechRecognitionModelEndpointId"


def test_the_cognitive_endpoint_is_a_url() -> None:
    call = {"incomingCallContext": "x", "callbackUri": "https://app.example.org/"}
    body = {**call, "callIntelligenceOptions": {"cognitiveServicesEndpoint": "speech"}}
    where = "callIntelligenceOptions.cognitiveServicesEndpoint"
    assert refused(requests.AnswerCallRequest, body) == where
    body = {**call, "cognitiveServicesEndpoint": "speech"}
    assert refused(requests.AnswerCallRequest, body, "2023-06-15-preview") == "cognitiveServicesEndpoint"


def test_previews_of_hold_music_and_announcements() -> None:
    source = {"kind": "file", "file": {"uri": "x"}}
    music = {"targetParticipant": PHONE, "playSourceInfo": source}
    assert refused(requests.StartHoldMusicRequest, music) == "playSourceInfo.file.uri"
    assert refused(requests.StopHoldMusicRequest, {"targetParticipant": {}}) == "targetParticipant"
    announcement = {"playSources": [source], "playTo": PHONE}
    assert refused(requests.InterruptAudioAndAnnounceRequest, announcement) == "playSources[0].file.uri"
    announcement = {"playSources": [], "playTo": PHONE}
    assert refused(requests.InterruptAudioAndAnnounceRequest, announcement) == "playSources"
