"""The adapters of services, by their settings."""

from __future__ import annotations

from speech.services.fakes import KEY, Vendor, give, spoken, tone

from hookflash.config.speech import SERVICES
from hookflash.media.speech import Speech
from hookflash.speech.remote.service import ServiceSettings
from hookflash.speech.remote.voices import openai_voice
from hookflash.speech.services.making import make
from hookflash.speech.speaking_jobs import Document, Speak
from hookflash.testing.clock import VirtualClock

BOTH = ("speak", "recognise")


def test_every_kind_of_service_can_be_made(clock: VirtualClock) -> None:
    for kind in SERVICES:
        made = make(ServiceSettings(kind, "mine", KEY, BOTH, region="westeurope"), clock)
        assert made.speaks is not None
        assert made.listener is not None
        assert made.takes is (Document if kind == "azure" else Speak)
        assert {one.name for one in (made.listener, *made.services)} == {"mine"}
        assert KEY not in repr(made)


def test_only_what_it_is_asked_for(clock: VirtualClock) -> None:
    for kind in SERVICES:
        for does in BOTH:
            made = make(ServiceSettings(kind, "mine", KEY, (does,), region="westeurope"), clock)
            assert (made.speaks is None, made.listener is None) == (does != "speak", does == "speak")


async def test_a_local_server_without_keys(vendor: Vendor, clock: VirtualClock) -> None:
    vendor.answers = [give(tone(1.0, 440.0, 24_000).tobytes())]
    endpoint = f"ws{vendor.url.removeprefix('http')}/v1"
    made = make(ServiceSettings("openai", "local", "", BOTH, endpoint, model="kokoro"), clock)
    speaks = made.speaks
    assert speaks is not None
    voice = openai_voice(
        "local",
        lambda parts, owner: speaks(Speak(tuple(parts))),
        voice="af_heart",
        mapping={"en-US-GuyNeural": "am_adam"},
        standard=False,
    )
    await spoken(voice.synthesise(Speech("Hi")))
    await spoken(voice.synthesise(Speech("Hi", voice="en-US-GuyNeural")))
    await spoken(voice.synthesise(Speech("Hi", voice="de-DE-ConradNeural")))
    assert [(one.json["model"], one.json["voice"]) for one in vendor.asked] == [
        ("kokoro", "af_heart"),
        ("kokoro", "am_adam"),
        ("kokoro", "af_heart"),
    ]
    assert "authorization" not in vendor.asked[0].headers
    for service in made.services:
        await service.close()
