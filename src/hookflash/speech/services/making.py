"""Providers out of the configuration."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, replace
from typing import NotRequired, TypedDict

from hookflash.config.speech import SpeechProviderSettings
from hookflash.media.speech import Speech
from hookflash.ports.clock import Clock
from hookflash.ports.speech import SpeechError, Spoken
from hookflash.speech.scripted import Fetch, ScriptedVoice, no_audio
from hookflash.speech.services.azure import AzureListener, AzureVoice, azure_service
from hookflash.speech.services.deepgram import DeepgramListener, deepgram_service, deepgram_voice
from hookflash.speech.services.openai import OpenAiListener, openai_service, openai_voice
from hookflash.speech.services.service import Service, ServiceLimits

KEYS = {"azure": "AZURE_SPEECH_KEY", "openai": "OPENAI_API_KEY", "deepgram": "DEEPGRAM_API_KEY"}
"""Where a key is looked for when `key_env` names no variable."""


@dataclass(frozen=True, slots=True)
class Made:
    """A provider's two sides, None for one it is not asked for, and what is to be closed at the end."""

    voice: ScriptedVoice | AzureVoice | None
    listener: AzureListener | OpenAiListener | DeepgramListener | None
    services: tuple[Service, ...]


class _Common(TypedDict):
    """What all services are made with."""

    clock: Clock
    limits: ServiceLimits
    concurrency: NotRequired[int]


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


def problem(settings: SpeechProviderSettings, environ: Mapping[str, str]) -> str:
    """What keeps the service of an entry from being asked, "" for nothing."""
    try:
        _key(settings, environ)
    except SpeechError as error:
        return str(error)
    return ""


def voice_of(
    settings: SpeechProviderSettings, environ: Mapping[str, str], clock: Clock, *, fetch: Fetch = no_audio
) -> tuple[ScriptedVoice | AzureVoice | Unable, tuple[Service, ...]]:
    """What speaks for an entry, and what is to be closed at the end."""
    try:
        made = make(replace(settings, does=("speak",)), environ, clock, fetch=fetch)
    except SpeechError as error:
        return Unable(settings.label, error), ()
    assert made.voice is not None
    return made.voice, made.services


def listener_of(
    settings: SpeechProviderSettings, environ: Mapping[str, str], clock: Clock
) -> tuple[AzureListener | OpenAiListener | DeepgramListener | None, tuple[Service, ...]]:
    """What recognises for an entry, None where something is missing for it, and what is to be closed."""
    try:
        made = make(replace(settings, does=("recognise",)), environ, clock)
    except SpeechError:
        return None, ()
    return made.listener, made.services


def make(
    settings: SpeechProviderSettings, environ: Mapping[str, str], clock: Clock, *, fetch: Fetch = no_audio
) -> Made:
    """The service of an entry. Raises :class:`SpeechError`, which says what is missing for it."""
    name = settings.label
    key = _key(settings, environ)
    speaks, listens = "speak" in settings.does, "recognise" in settings.does
    endpoint = _http(settings.endpoint or "")
    common: _Common = {"clock": clock, "limits": _limits(settings.timeout)}
    if settings.concurrency is not None:
        common["concurrency"] = settings.concurrency
    voice, model = settings.voice or "", settings.model or ""
    if settings.kind == "azure":
        region = settings.region or ""
        tts, stt = (
            azure_service(kind, name=name, key=key, region=region, endpoint=endpoint, **common)
            for kind in ("tts", "stt")
        )
        return Made(
            AzureVoice(tts, voice=voice, mapping=settings.voices) if speaks else None,
            AzureListener(stt) if listens else None,
            (tts, stt),
        )
    if settings.kind == "openai":
        service = openai_service(name=name, key=key, endpoint=endpoint, **common)
        return Made(
            openai_voice(
                service,
                model=model,
                voice=voice,
                mapping=settings.voices,
                standard=not endpoint,
                fetch=fetch,
            )
            if speaks
            else None,
            OpenAiListener(service, model=settings.recognition_model or "") if listens else None,
            (service,),
        )
    service = deepgram_service(name=name, key=key, endpoint=endpoint, **common)
    return Made(
        deepgram_voice(service, voice=voice or model, mapping=settings.voices, fetch=fetch)
        if speaks
        else None,
        DeepgramListener(service, model=settings.recognition_model or "") if listens else None,
        (service,),
    )


def _limits(timeout: float | None) -> ServiceLimits:
    if timeout is None:
        return ServiceLimits()
    return ServiceLimits(answer=timeout, piece=timeout, final=timeout)


def _key(settings: SpeechProviderSettings, environ: Mapping[str, str]) -> str:
    # A server of one's own often has no keys, and OpenAI's is not for it.
    local = settings.kind == "openai" and settings.endpoint is not None
    variable = settings.key_env or ("" if local else KEYS[settings.kind])
    key = environ.get(variable, "").strip()
    if not key and variable:
        problem = f"{settings.label}: the environment variable {variable} has no key"
        raise SpeechError(problem, code=401)
    if not all(" " <= one <= "~" for one in key):
        problem = f"{settings.label}: the key in {variable} has characters that no key has"
        raise SpeechError(problem, code=401)
    return key


def _http(url: str) -> str:
    """A WebSocket URL's HTTP form; the handshake is the same."""
    return "http" + url.removeprefix("ws") if url.startswith(("ws:", "wss:")) else url
