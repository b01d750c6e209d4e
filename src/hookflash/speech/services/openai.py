"""Servers with OpenAI's interface for speech and transcription, OpenAI's own and the many local ones.

Transcription takes a whole recording. So that results come while people go on speaking, the audio is parted
at pauses, and each stretch of speech is asked about by itself. Source: OpenAI's API reference (audio).
"""

from __future__ import annotations

import json
import math
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager

import aiohttp
import msgspec
import numpy as np
from numpy.typing import NDArray

from hookflash.media.speech import Listening
from hookflash.ports.clock import Clock
from hookflash.ports.speech import RATE, HeardWord, Recognised
from hookflash.speech.remote.service import CONCURRENCY
from hookflash.speech.scripted import Run
from hookflash.speech.services.parts import runner
from hookflash.speech.services.pcm import wav
from hookflash.speech.services.service import Service, ServiceLimits
from hookflash.speech.services.stretches import Stretch, Stretches
from hookflash.speech.speaking_jobs import Say

URL = "https://api.openai.com/v1"
MODEL = "gpt-4o-mini-tts"
RECOGNITION_MODEL = "whisper-1"
PCM_RATE = 24_000
"""Hz of what the interface calls "pcm"."""
MAX_TEXT = 4000
"""Characters in one request; the service takes 4,096."""
MAX_HINT = 800
"""Characters of expected phrases that are sent along."""


def openai_service(
    *,
    name: str,
    key: str,
    clock: Clock,
    endpoint: str = "",
    limits: ServiceLimits | None = None,
    concurrency: int = CONCURRENCY,
) -> Service:
    """OpenAI's own, or another server at ``endpoint``, which includes ``/v1``; many need no key."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return Service(name, endpoint or URL, key, headers, clock, limits=limits, concurrency=concurrency)


def openai_speaker(service: Service, *, model: str = "") -> Run:
    """Speaks text and silence in the voices of the server."""

    def ask(say: Say, text: str) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        body = {
            "model": model or MODEL,
            "voice": say.voice,
            "input": text,
            "response_format": "pcm",
            "speed": round(say.rate, 3),
        }
        headers = {"Content-Type": "application/json"}
        return service.post("/audio/speech", data=json.dumps(body).encode(), headers=headers)

    def cannot(say: Say) -> str:
        return f"{service.name} cannot change the pitch" if say.pitch else ""

    return runner(service, ask, PCM_RATE, MAX_TEXT, cannot)


class _Word(msgspec.Struct):
    word: str = ""
    start: float = 0.0
    end: float = 0.0


class _Segment(msgspec.Struct):
    avg_logprob: float = 0.0
    no_speech_prob: float = 0.0


class _Transcript(msgspec.Struct):
    text: str = ""
    language: str | None = None
    words: list[_Word] | None = None
    segments: list[_Segment] | None = None


class OpenAiListener:
    """Recognises (:class:`hookflash.ports.speech.Recogniser`); there are no partial results."""

    def __init__(self, service: Service, *, model: str = "") -> None:
        self.name = service.name
        self._service = service
        self._model = model or RECOGNITION_MODEL

    async def recognise(
        self, audio: AsyncIterator[NDArray[np.int16]], wish: Listening
    ) -> AsyncGenerator[Recognised, None]:
        """See :class:`hookflash.ports.speech.Recogniser`."""
        stretches = Stretches()
        any_final = False
        async for samples in audio:
            for stretch in stretches.push(samples):
                async for result in self._ask(stretch, wish):
                    any_final = True
                    yield result
        for stretch in stretches.end():
            async for result in self._ask(stretch, wish):
                any_final = True
                yield result
        if not any_final:
            yield Recognised("", True, locale=wish.locales[0])

    async def _ask(self, stretch: Stretch, wish: Listening) -> AsyncGenerator[Recognised, None]:
        form = aiohttp.FormData()
        form.add_field(
            "file", wav(stretch.pcm.astype("<i2").tobytes()), filename="a.wav", content_type="audio/wav"
        )
        form.add_field("model", wish.model or self._model)
        # Newer models know the short form of answers only.
        verbose = "whisper" in self._model
        form.add_field("response_format", "verbose_json" if verbose else "json")
        if verbose:
            form.add_field("timestamp_granularities[]", "word")
            form.add_field("timestamp_granularities[]", "segment")
        if len(wish.locales) == 1:
            form.add_field("language", wish.locales[0].partition("-")[0].lower())
        if wish.phrases:
            form.add_field("prompt", ", ".join(wish.phrases)[:MAX_HINT])
        async with self._service.post("/audio/transcriptions", data=form) as response:
            body = await self._service.body(response)
        try:
            heard = msgspec.json.decode(body, type=_Transcript)
        except msgspec.DecodeError as error:
            raise self._service.error(f"its answer makes no sense: {error}") from None
        result = _result(heard, stretch, wish)
        if result is not None:
            yield result


def _result(heard: _Transcript, stretch: Stretch, wish: Listening) -> Recognised | None:
    text = " ".join(heard.text.split())
    segments = heard.segments or []
    mean = sum(one.avg_logprob for one in segments) / len(segments) if segments else 0.0
    # Whisper writes something for noise as well; this is how it tells.
    if not text or (segments and mean < -1.0 and all(one.no_speech_prob > 0.6 for one in segments)):
        return None
    start = stretch.start / RATE
    words = tuple(
        HeardWord(one.word.strip(), start + one.start, max(one.end - one.start, 0.0))
        for one in heard.words or []
    )
    confidence = math.exp(min(mean, 0.0)) if segments else 0.0
    locale = _locale(heard.language or "", wish)
    return Recognised(text, True, confidence, locale, start, len(stretch.pcm) / RATE, words)


_LANGUAGES = {
    "english": "en",
    "german": "de",
    "french": "fr",
    "spanish": "es",
    "italian": "it",
    "portuguese": "pt",
    "dutch": "nl",
    "japanese": "ja",
    "chinese": "zh",
    "korean": "ko",
    "russian": "ru",
    "polish": "pl",
    "swedish": "sv",
    "danish": "da",
    "norwegian": "nb",
    "finnish": "fi",
    "turkish": "tr",
    "arabic": "ar",
    "hindi": "hi",
}


def _locale(language: str, wish: Listening) -> str:
    """The one among the expected locales that it was; the service tells a language by its English name."""
    code = _LANGUAGES.get(language.lower(), language.lower())
    for locale in wish.locales:
        if code and locale.lower().partition("-")[0] == code:
            return locale
    return wish.locales[0]
