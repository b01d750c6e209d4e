"""Speech services out of settings: a process for each of them, and who speaks and recognises through it."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Mapping, Sequence
from functools import partial

from hookflash.composition.media import beside_media
from hookflash.config import Settings, SpeechProviderSettings
from hookflash.config.speech import SERVICES
from hookflash.media.speech import Speech
from hookflash.ports.clock import Clock
from hookflash.ports.speech import SpeechError, Spoken
from hookflash.speech.listening import ListeningLimits
from hookflash.speech.pooled import runner, spoken
from hookflash.speech.remote.listener import RemoteListener
from hookflash.speech.remote.pool import service_pool
from hookflash.speech.remote.service import ServiceSettings
from hookflash.speech.remote.settings import service_settings
from hookflash.speech.remote.voices import AzureVoice, deepgram_voice, openai_voice
from hookflash.speech.scripted import Fetch, ScriptedVoice
from hookflash.speech.workers import WorkerPool


class Unable:
    """Stands in for a voice that cannot be had, so that the next provider speaks and the trace says why."""

    version = "0"

    def __init__(self, name: str, problem: SpeechError) -> None:
        self.name = name
        self._problem = problem

    async def synthesise(self, speech: Speech) -> AsyncGenerator[Spoken, None]:
        """Raises what is wrong."""
        raise SpeechError(str(self._problem), code=self._problem.code)
        yield


class SpeechServices:
    """The processes of all configured services. One that lacks its key, say, has none.

    Args:
        environ: where the keys are.
    """

    def __init__(self, settings: Settings, clock: Clock, environ: Mapping[str, str] = os.environ) -> None:
        self._pools: dict[str, WorkerPool] = {}
        self._problems: dict[str, SpeechError] = {}
        asked = [one for one in settings.speech_provider if one.kind in SERVICES]
        cpus = beside_media(settings) if asked else ()
        for one in asked:
            try:
                self._pools[one.label] = _pool(settings, service_settings(one, environ), clock, cpus)
            except SpeechError as error:
                self._problems[one.label] = error

    @property
    def pools(self) -> Mapping[str, WorkerPool]:
        """The processes by the name of their provider."""
        return self._pools

    def start(self) -> None:
        """Start what is to be ready."""
        for pool in self._pools.values():
            pool.start()

    async def close(self) -> None:
        """End the processes."""
        for pool in self._pools.values():
            await pool.close()

    def voice(self, one: SpeechProviderSettings, fetch: Fetch) -> ScriptedVoice | AzureVoice | Unable:
        """Who speaks for a provider; ``fetch`` gets what audio elements name."""
        pool = self._pools.get(one.label)
        if pool is None:
            return Unable(one.label, self._problems[one.label])
        voice = one.voice or ""
        if one.kind == "azure":
            return AzureVoice(one.label, partial(spoken, pool), voice=voice, mapping=one.voices)
        if one.kind == "openai":
            return openai_voice(
                one.label,
                runner(pool),
                voice=voice,
                mapping=one.voices,
                standard=not one.endpoint,
                fetch=fetch,
            )
        voice = voice or one.model or ""
        return deepgram_voice(one.label, runner(pool), voice=voice, mapping=one.voices, fetch=fetch)

    def listener(self, one: SpeechProviderSettings) -> RemoteListener | None:
        """Who recognises for a provider, None where something is missing for it."""
        pool = self._pools.get(one.label)
        return None if pool is None else RemoteListener(one.label, pool)


def _pool(settings: Settings, service: ServiceSettings, clock: Clock, cpus: Sequence[int]) -> WorkerPool:
    speech = settings.speech
    # Everybody who may be listened to at a time, and the texts that may be spoken: more never come.
    jobs = ListeningLimits().listenings + speech.transcribed + service.concurrency
    ready = speech.start == "startup"
    return service_pool(service, clock, jobs=jobs, ready=ready, cpus=cpus)
