"""Speech out of settings: who speaks, in which order, within which bounds."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

from hookflash.composition.media import beside_media
from hookflash.composition.speech_services import SpeechServices
from hookflash.config import Settings, SpeechProviderSettings
from hookflash.config.speech import SERVICES
from hookflash.plane.prompts import PromptError, Prompts
from hookflash.plane.wav import RATE, WIDE_RATE
from hookflash.ports.clock import Clock
from hookflash.ports.speech import SpeechError
from hookflash.speech.beep import beep_voice
from hookflash.speech.builtin import builtin_voice, missing
from hookflash.speech.cache import DiskCache, MemoryCache
from hookflash.speech.engines import EXTRA
from hookflash.speech.remote.settings import problem
from hookflash.speech.scripted import Fetch
from hookflash.speech.speaking import Provider, Speaker, SpeakingDesk, SpeakingLimits
from hookflash.speech.speaking_jobs import VoiceFile
from hookflash.speech.workers import PoolLimits, WorkerPool
from hookflash.waiting import Deadline
from hookflash.wire.urls import without_secrets

log = logging.getLogger("hookflash.speech")

ELEMENT = 0.5
"""What an audio element has of the time to the next audio: its stand-in has to come too."""


class Speaking:
    """Everything that speaks for a server.

    Attributes:
        desk: gives every text to its provider.
        pools: the worker processes with built-in voices.
    """

    def __init__(self, settings: Settings, prompts: Prompts, clock: Clock, services: SpeechServices) -> None:
        self.pools: list[WorkerPool] = []
        self._services = services
        self._settings = settings
        self._clock = clock
        speech = settings.speech
        self._fetch = audio_elements(prompts, clock, speech.first_audio * ELEMENT)
        speakers = [
            Speaker(self._provider(one), one.locales) for one in providers_of(settings) if "speak" in one.does
        ]
        disk = None
        if speech.cache_disk:
            folder = speech.cache_folder or Path(settings.server.data_dir, "prompts")
            disk = DiskCache(Path(folder), speech.cache_disk)
        self.desk = SpeakingDesk(
            speakers,
            clock,
            SpeakingLimits(first_audio=speech.first_audio, seconds=speech.prompt_seconds),
            memory=MemoryCache(speech.cache_memory),
            disk=disk,
        )

    def start(self) -> None:
        """Load the engines that are to be ready."""
        for line in stand_ins(self._settings):
            log.warning("%s", line)
        for pool in self.pools:
            pool.start()

    async def close(self) -> None:
        """Stop what is being spoken, and end the processes."""
        await self.desk.close()
        for pool in self.pools:
            await pool.close()

    def _provider(self, one: SpeechProviderSettings) -> Provider:
        return _MAKERS[one.kind](self, one)

    def _beep(self, one: SpeechProviderSettings) -> Provider:
        return beep_voice(one.label, mapping=one.voices, fetch=self._fetch)

    def _service(self, one: SpeechProviderSettings) -> Provider:
        return self._services.voice(one, self._fetch)

    def _builtin(self, one: SpeechProviderSettings) -> Provider:
        speech = self._settings.speech
        ready = speech.speaking_workers if speech.start == "startup" and not missing() else 0
        files = [VoiceFile(Path(path).stem, str(Path(path).resolve())) for path in one.voice_files]
        pool = WorkerPool(
            "piper",
            self._clock,
            PoolLimits(size=speech.speaking_workers, ready=min(ready, 1), waiting=speech.waiting),
            settings={"voices": files},
            cpus=beside_media(self._settings),
        )
        self.pools.append(pool)
        return builtin_voice(
            one.label,
            pool,
            files=one.voice_files,
            mapping=one.voices,
            voice=one.voice or "",
            fetch=self._fetch,
        )


_MAKERS: Mapping[str, Callable[[Speaking, SpeechProviderSettings], Provider]] = {
    "builtin": Speaking._builtin,
    "beep": Speaking._beep,
    **dict.fromkeys(SERVICES, Speaking._service),
}
"""How the provider of each kind is made."""


def providers_of(settings: Settings) -> Sequence[SpeechProviderSettings]:
    """The configured providers; without any, the built-in one where it is installed, else beeps."""
    if settings.speech_provider:
        return settings.speech_provider
    return (SpeechProviderSettings(kind="beep" if missing() else "builtin"),)


def stand_ins(settings: Settings) -> list[str]:
    """What a person should know of voices that are not there, a line each."""
    found = [
        f"speech: {why}"
        for one in providers_of(settings)
        if one.kind in SERVICES and (why := problem(one, os.environ))
    ]
    lacking = missing()
    if not lacking:
        return found
    found += [
        f"speech: {one.label} cannot speak, because {', '.join(lacking)} is not installed; {EXTRA}"
        for one in providers_of(settings)
        if one.kind == "builtin"
    ]
    if not settings.speech_provider:
        found.append(f"speech: texts are played as beeps, because no voice is installed; {EXTRA}")
    return found


def audio_elements(prompts: Prompts, clock: Clock, patience: float) -> Fetch:
    """Gets what the audio elements of SSML name, as play sources are got, within ``patience`` seconds."""

    async def fetch(url: str) -> NDArray[np.int16]:
        try:
            async with Deadline(clock, patience):
                audio = await prompts.fetch(url)
        except PromptError as error:
            raise SpeechError(str(error), sub_code=error.sub_code) from error
        except TimeoutError as error:
            where = without_secrets(url)
            raise SpeechError(f"{where} was not there within {patience:g} s", code=408) from error
        if audio.wide:
            return np.frombuffer(audio.wide, "<i2")
        narrow = np.frombuffer(audio.pcm, "<i2")
        # Beside the event loop: it may be an hour.
        pcm: NDArray[np.int16] = await asyncio.to_thread(soxr.resample, narrow, RATE, WIDE_RATE)
        return pcm

    return fetch
