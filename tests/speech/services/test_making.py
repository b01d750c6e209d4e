"""Providers out of the configuration."""

from __future__ import annotations

import pytest
from speech.services.fakes import KEY, Vendor, give, spoken, tone

from hookflash.config.speech import SERVICES, SpeechProviderSettings
from hookflash.media.speech import Speech
from hookflash.ports.speech import SpeechError
from hookflash.speech.services.making import KEYS, listener_of, make, problem, voice_of
from hookflash.testing.clock import VirtualClock


def test_every_kind_of_service_can_be_made(clock: VirtualClock) -> None:
    for kind in SERVICES:
        settings = SpeechProviderSettings(kind=kind, region="westeurope")
        made = make(settings, {KEYS[kind]: f" {KEY}\n"}, clock)
        assert made.voice is not None
        assert made.listener is not None
        assert made.voice.name == made.listener.name == kind
        assert KEY not in repr(made)


def test_only_what_it_is_asked_for(clock: VirtualClock) -> None:
    environ = {"MY_KEY": KEY}
    for kind in SERVICES:
        for does in ("speak", "recognise"):
            settings = SpeechProviderSettings(
                kind=kind, name="x", does=(does,), key_env="MY_KEY", region="westeurope"
            )
            made = make(settings, environ, clock)
            assert (made.voice is None, made.listener is None) == (does != "speak", does == "speak")


def test_what_is_missing_is_said(clock: VirtualClock) -> None:
    with pytest.raises(SpeechError, match=r"mine: .* MY_KEY has no key") as caught:
        make(SpeechProviderSettings(kind="deepgram", name="mine", key_env="MY_KEY"), {}, clock)
    assert caught.value.code == 401
    with pytest.raises(SpeechError, match="region"):
        make(SpeechProviderSettings(kind="azure"), {"AZURE_SPEECH_KEY": KEY}, clock)
    with pytest.raises(SpeechError, match="characters that no key has") as caught:
        make(SpeechProviderSettings(kind="deepgram"), {"DEEPGRAM_API_KEY": "a\r\nb"}, clock)
    assert "a\r\nb" not in str(caught.value)


async def test_a_voice_that_cannot_be_had_says_why(clock: VirtualClock) -> None:
    settings = SpeechProviderSettings(kind="deepgram", name="mine")
    voice, services = voice_of(settings, {}, clock)
    assert (voice.name, services) == ("mine", ())
    with pytest.raises(SpeechError, match="DEEPGRAM_API_KEY has no key") as caught:
        await spoken(voice.synthesise(Speech("x")))
    assert caught.value.code == 401
    assert problem(settings, {}) == str(caught.value)
    assert problem(settings, {"DEEPGRAM_API_KEY": KEY}) == ""
    assert len(voice_of(settings, {"DEEPGRAM_API_KEY": KEY}, clock)[1]) == 1
    assert listener_of(settings, {}, clock) == (None, ())
    listener, services = listener_of(settings, {"DEEPGRAM_API_KEY": KEY}, clock)
    assert listener is not None
    assert (listener.name, len(services)) == ("mine", 1)


async def test_a_local_server_without_keys(vendor: Vendor, clock: VirtualClock) -> None:
    vendor.answers = [give(tone(1.0, 440.0, 24_000).tobytes())]
    settings = SpeechProviderSettings(
        kind="openai",
        endpoint=f"ws{vendor.url.removeprefix('http')}/v1",
        model="kokoro",
        voice="af_heart",
        voices={"en-US-GuyNeural": "am_adam"},
    )
    made = make(settings, {}, clock)
    assert made.voice is not None
    await spoken(made.voice.synthesise(Speech("Hi")))
    await spoken(made.voice.synthesise(Speech("Hi", voice="en-US-GuyNeural")))
    await spoken(made.voice.synthesise(Speech("Hi", voice="de-DE-ConradNeural")))
    assert [(one.json["model"], one.json["voice"]) for one in vendor.asked] == [
        ("kokoro", "af_heart"),
        ("kokoro", "am_adam"),
        ("kokoro", "af_heart"),
    ]
    assert "authorization" not in vendor.asked[0].headers
    for service in made.services:
        await service.close()
