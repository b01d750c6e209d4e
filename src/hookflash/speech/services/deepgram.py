"""Deepgram: text to speech over HTTP, speech to text over its WebSocket.

Source: the service's API reference (speak, listen, Finalize, CloseStream, KeepAlive).
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager, aclosing

import aiohttp
import msgspec
import numpy as np
from numpy.typing import NDArray

from hookflash.media.speech import Listening
from hookflash.ports.clock import Clock
from hookflash.ports.speech import RATE, HeardWord, Recognised
from hookflash.speech.remote.service import CONCURRENCY
from hookflash.speech.scripted import Run
from hookflash.speech.services.listening import Message, listen
from hookflash.speech.services.parts import runner
from hookflash.speech.services.service import Service, ServiceLimits
from hookflash.speech.speaking_jobs import Say

URL = "https://api.deepgram.com"
MODEL = "nova-3"
MAX_TEXT = 2000
"""Characters the service speaks in one request."""
MAX_PHRASES = 50
"""Expected phrases that are sent; the service takes 500 tokens of them."""


def deepgram_service(
    *,
    name: str,
    key: str,
    clock: Clock,
    endpoint: str = "",
    limits: ServiceLimits | None = None,
    concurrency: int = CONCURRENCY,
) -> Service:
    """The service, or one with the same interface at ``endpoint``."""
    headers = {"Authorization": f"Token {key}"}
    return Service(name, endpoint or URL, key, headers, clock, limits=limits, concurrency=concurrency)


def deepgram_speaker(service: Service) -> Run:
    """Speaks text and silence. The service's voices are its models."""

    def ask(say: Say, text: str) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        params = {"model": say.voice, "encoding": "linear16", "sample_rate": str(RATE), "container": "none"}
        body = json.dumps({"text": text}).encode()
        return service.post(
            "/v1/speak", data=body, params=params, headers={"Content-Type": "application/json"}
        )

    def cannot(say: Say) -> str:
        return f"{service.name} cannot change rate and pitch" if say.rate != 1 or say.pitch else ""

    return runner(service, ask, RATE, MAX_TEXT, cannot)


class DeepgramListener:
    """Recognises (:class:`hookflash.ports.speech.Recogniser`)."""

    def __init__(self, service: Service, *, model: str = "") -> None:
        self.name = service.name
        self._service = service
        self._model = model or MODEL

    async def recognise(
        self, audio: AsyncIterator[NDArray[np.int16]], wish: Listening
    ) -> AsyncGenerator[Recognised, None]:
        """See :class:`hookflash.ports.speech.Recogniser`."""
        params = [
            ("model", wish.model or self._model),
            ("language", wish.locales[0] if len(wish.locales) == 1 else "multi"),
            ("encoding", "linear16"),
            ("sample_rate", str(RATE)),
            ("channels", "1"),
            ("interim_results", "true"),
            ("punctuate", "true"),
            ("smart_format", "true"),
        ]
        hint = "keyterm" if self._model.startswith("nova-3") else "keywords"
        params += [(hint, phrase) for phrase in wish.phrases[:MAX_PHRASES]]
        talk = DeepgramTalk(self._service, wish)
        async with aclosing(
            listen(self._service, talk, audio, wish.locales[0], path="/v1/listen", params=params)
        ) as results:
            async for result in results:
                yield result


class _Word(msgspec.Struct):
    word: str = ""
    punctuated_word: str = ""
    start: float = 0.0
    end: float = 0.0


class _Alternative(msgspec.Struct):
    transcript: str = ""
    confidence: float = 0.0
    words: list[_Word] = []
    languages: list[str] = []


class _Channel(msgspec.Struct):
    alternatives: list[_Alternative] = []


class _Results(msgspec.Struct):
    type: str = ""
    start: float = 0.0
    duration: float = 0.0
    is_final: bool = False
    channel: _Channel | list[int] = msgspec.field(default_factory=_Channel)
    description: str = ""
    message: str = ""


class DeepgramTalk:
    """The protocol of one recognition: raw audio and control messages there, results back."""

    def __init__(self, service: Service, wish: Listening) -> None:
        self.done = False
        self._service = service
        self._wish = wish
        self._sent = False
        self._ended = False

    def opening(self) -> Iterable[Message]:
        return ()

    def audio(self, pcm: bytes) -> Iterable[Message]:
        self._sent = True
        return (pcm,)

    def ending(self) -> Iterable[Message]:
        self._ended = True
        return (_control("Finalize"), _control("CloseStream"))

    def still_there(self) -> Iterable[Message]:
        quiet = not self._sent and not self._ended
        self._sent = False
        return (_control("KeepAlive"),) if quiet else ()

    def received(self, message: Message) -> tuple[Iterable[Recognised], Iterable[Message]]:
        try:
            came = msgspec.json.decode(message, type=_Results)
        except msgspec.DecodeError as error:
            raise self._service.error(f"it sent a message that makes no sense: {error}") from None
        if came.type == "Error":
            raise self._service.error(f"it could not recognise: {came.description or came.message}")
        if came.type == "Metadata" and self._ended:
            self.done = True
        if came.type != "Results" or isinstance(came.channel, list) or not came.channel.alternatives:
            return (), ()
        best = came.channel.alternatives[0]
        if not best.transcript:
            return (), ()
        words = tuple(
            HeardWord(one.punctuated_word or one.word, one.start, one.end - one.start) for one in best.words
        )
        confidence = min(max(best.confidence, 0.0), 1.0)
        result = Recognised(
            best.transcript, came.is_final, confidence, self._locale(best), came.start, came.duration, words
        )
        return (result,), ()

    def closed(self, code: int | None, reason: str) -> str | None:
        if code == 1000 and self._ended:
            return None
        return f"it closed the connection ({code or 'no code'}{': ' + reason if reason else ''})"

    def _locale(self, heard: _Alternative) -> str:
        """The one among the expected languages that it was."""
        for language in heard.languages:
            for locale in self._wish.locales:
                if locale.lower().partition("-")[0] == language.lower().partition("-")[0]:
                    return locale
        return self._wish.locales[0]


def _control(kind: str) -> str:
    return json.dumps({"type": kind})
