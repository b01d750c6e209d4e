"""The adapters of a service, by its settings."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Any, TypedDict

from hookflash.ports.clock import Clock
from hookflash.ports.speech import Spoken
from hookflash.speech.remote.service import ServiceSettings
from hookflash.speech.scripted import Run
from hookflash.speech.services.azure import AzureListener, AzureSpeaker, azure_service
from hookflash.speech.services.deepgram import DeepgramListener, deepgram_service, deepgram_speaker
from hookflash.speech.services.openai import OpenAiListener, openai_service, openai_speaker
from hookflash.speech.services.service import Service, ServiceLimits
from hookflash.speech.speaking_jobs import Document, Speak

Speaks = Callable[[Any], AsyncGenerator[Spoken, None]]
"""Speaks a :class:`Speak` or a :class:`Document`, whichever its service takes. Raises SpeechError."""


@dataclass(frozen=True, slots=True)
class Made:
    """The two sides of a service, None for one it is not asked for, and the connections of each.

    ``takes`` is what ``speaks`` is given. Each side has a bound of its own on requests at a time.
    """

    speaks: Speaks | None
    takes: type[Speak | Document]
    listener: AzureListener | OpenAiListener | DeepgramListener | None
    services: tuple[Service, Service]


class _Common(TypedDict):
    """What all services are made with."""

    name: str
    key: str
    clock: Clock
    endpoint: str
    limits: ServiceLimits
    concurrency: int


def make(settings: ServiceSettings, clock: Clock) -> Made:
    """The service of an entry."""
    common: _Common = {
        "name": settings.name,
        "key": settings.key,
        "clock": clock,
        "endpoint": _http(settings.endpoint),
        "limits": _limits(settings.timeout),
        "concurrency": settings.concurrency,
    }
    speaks, listens = "speak" in settings.does, "recognise" in settings.does
    if settings.kind == "azure":
        tts, stt = (azure_service(kind, region=settings.region, **common) for kind in ("tts", "stt"))
        return Made(
            AzureSpeaker(tts).speak if speaks else None,
            Document,
            AzureListener(stt) if listens else None,
            (tts, stt),
        )
    if settings.kind == "openai":
        tts, stt = openai_service(**common), openai_service(**common)
        return Made(
            _spoken(openai_speaker(tts, model=settings.model)) if speaks else None,
            Speak,
            OpenAiListener(stt, model=settings.recognition_model) if listens else None,
            (tts, stt),
        )
    tts, stt = deepgram_service(**common), deepgram_service(**common)
    return Made(
        _spoken(deepgram_speaker(tts)) if speaks else None,
        Speak,
        DeepgramListener(stt, model=settings.recognition_model) if listens else None,
        (tts, stt),
    )


def _spoken(run: Run) -> Speaks:
    # Who asks is of no concern here: the owners took turns before.
    return lambda request: run(request.parts, "")


def _limits(timeout: float | None) -> ServiceLimits:
    if timeout is None:
        return ServiceLimits()
    return ServiceLimits(answer=timeout, piece=timeout, final=timeout)


def _http(url: str) -> str:
    """A WebSocket URL's HTTP form; the handshake is the same."""
    return "http" + url.removeprefix("ws") if url.startswith(("ws:", "wss:")) else url
