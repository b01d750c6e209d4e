"""Who speaks for a server, by its settings."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import numpy as np
import pytest

from hookflash.composition import speaking
from hookflash.composition.media import beside_media
from hookflash.composition.speaking import (
    Speaking,
    audio_elements,
    providers_of,
    stand_ins,
)
from hookflash.composition.speech_services import SpeechServices
from hookflash.config import Settings, parse
from hookflash.media.speech import Speech
from hookflash.plane.prompts import PromptError, Prompts
from hookflash.plane.wav import Audio
from hookflash.ports.speech import SpeechError
from hookflash.speech.beep import beep_voice
from hookflash.speech.speaking import Speaker, SpeakingDesk, SpeakingLimits
from hookflash.testing.clock import VirtualClock


@pytest.fixture
def without_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speaking, "missing", lambda: ("piper",))


@pytest.fixture
def with_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speaking, "missing", lambda: ())


def test_the_built_in_voice_speaks_where_it_is_installed(with_extra: None) -> None:
    assert [one.kind for one in providers_of(Settings())] == ["builtin"]
    assert not stand_ins(Settings())


def test_without_the_extra_there_are_beeps_and_that_is_said(without_extra: None) -> None:
    assert [one.kind for one in providers_of(Settings())] == ["beep"]
    (line,) = stand_ins(Settings())
    assert "beeps" in line
    assert "pip install 'hookflash[speech]'" in line


def test_a_configured_voice_that_is_not_there_is_told(without_extra: None) -> None:
    settings = parse('[[speech_provider]]\nkind = "builtin"\n[[speech_provider]]\nkind = "beep"\n')
    (line,) = stand_ins(settings)
    assert "builtin cannot speak, because piper is not installed" in line


async def test_beeps_are_spoken_and_kept(without_extra: None, tmp_path: Path) -> None:
    settings = parse(f'[server]\ndata_dir = "{tmp_path}"\n[speech]\ncache_memory = 0\n')
    for note in ("beep speaks", "beep spoke, from the cache"):
        said = Speaking(settings, Prompts(), VirtualClock(), SpeechServices(settings, VirtualClock()))
        said.start()
        pieces = [piece async for piece in said.desk.speak(Speech(text="Hello there"))]
        await said.close()
        assert note in pieces[0].notes
    assert list((tmp_path / "prompts").rglob("*.prompt"))


def test_a_provider_that_only_recognises_does_not_speak(with_extra: None) -> None:
    settings = parse('[[speech_provider]]\nkind = "builtin"\ndoes = ["recognise"]\n')
    services = SpeechServices(settings, VirtualClock())
    assert not Speaking(settings, Prompts(), VirtualClock(), services).desk.speaks


@pytest.mark.parametrize(
    ("cpus", "wanted"), [("[1, 2]", (0, 3)), ("[0, 1, 2, 3]", ()), ('"none"', ()), ('"auto"', (0, 1))]
)
def test_engines_keep_off_the_cpus_of_the_media(
    monkeypatch: pytest.MonkeyPatch, cpus: str, wanted: tuple[int, ...]
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1, 2, 3})
    workers = 4 if cpus.count(",") == 3 else 2
    settings = parse(f"[media]\nworkers = {workers}\ncpus = {cpus}\n")
    assert beside_media(settings) == wanted


async def test_audio_elements_are_got_as_prompts_are() -> None:
    class Files:
        async def fetch(self, url: str, cache_id: str | None = None) -> Audio:
            if url.endswith("gone"):
                raise PromptError(8536, "it is gone")
            pcm = np.full(800, 1000, "<i2").tobytes()
            return Audio(b"k", pcm, np.full(1600, 1000, "<i2").tobytes() if "wide" in url else b"")

    fetch = audio_elements(Files(), VirtualClock(), 3.0)  # type: ignore[arg-type]
    for url in ("https://a.example/wide", "https://a.example/narrow"):
        pcm = await fetch(url)
        assert len(pcm) == 1600
        assert np.abs(pcm[400:-400].astype(int) - 1000).max() < 20
    with pytest.raises(SpeechError, match="it is gone") as gone:
        await fetch("https://a.example/gone")
    assert gone.value.sub_code == 8536


async def test_what_stands_in_for_an_audio_element_is_heard_when_its_server_trickles() -> None:
    class Slow:
        async def fetch(self, url: str, cache_id: str | None = None) -> Audio:
            await asyncio.Event().wait()
            raise AssertionError

    clock = VirtualClock()
    voice = beep_voice(fetch=audio_elements(Slow(), clock, 3.0))  # type: ignore[arg-type]
    desk = SpeakingDesk([Speaker(voice)], clock, SpeakingLimits(first_audio=6.0))
    ssml = "<speak><audio src='https://a.example/x.wav?sig=SECRET'>Instead of it</audio></speak>"
    spoken = desk.speak(Speech(ssml=ssml))
    first = asyncio.create_task(anext(spoken))
    await clock.settle()
    await clock.elapse(3.1)
    piece = await first
    notes = " ".join(piece.notes)
    assert "https://a.example/x.wav was not there within 3 s" in notes
    assert "SECRET" not in notes
    assert len(piece.pcm) > 1600
    await spoken.aclose()
    await desk.close()
