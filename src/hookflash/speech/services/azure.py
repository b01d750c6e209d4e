"""Azure AI Speech: text to speech over its REST interface, speech to text over its WebSocket protocol.

Sources: the service's REST reference, and the protocol of its open-source SDKs.
"""

from __future__ import annotations

import datetime
import json
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import aclosing

import msgspec
import numpy as np
from numpy.typing import NDArray

from hookflash.media.speech import Listening
from hookflash.ports.clock import Clock
from hookflash.ports.speech import RATE, HeardWord, Recognised, SpeechError, Spoken
from hookflash.speech.remote.service import CONCURRENCY
from hookflash.speech.services.listening import Message, listen
from hookflash.speech.services.parts import spoken
from hookflash.speech.services.pcm import wav_header
from hookflash.speech.services.service import Service, ServiceLimits
from hookflash.speech.speaking_jobs import Document

VERSION = "1"
MAX_LOCALES = 4
"""Languages among which the service finds out at the beginning of the audio."""
_FORMAT = "raw-16khz-16bit-mono-pcm"
_TICKS = 1e7
"""The service's unit of time, 100 ns, in a second."""


class AzureSpeaker:
    """Speaks SSML documents. ``service`` is at ``https://REGION.tts.speech.microsoft.com``."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def speak(self, request: Document) -> AsyncGenerator[Spoken, None]:
        """The audio of a document, as it comes. Raises SpeechError."""
        params = {"deploymentId": request.endpoint} if request.endpoint else None
        headers = {"Content-Type": "application/ssml+xml", "X-Microsoft-OutputFormat": _FORMAT}
        async with (
            self._service.post(
                "/cognitiveservices/v1", data=request.ssml.encode(), headers=headers, params=params
            ) as response,
            aclosing(spoken(self._service, response, RATE)) as pieces,
        ):
            async for piece in pieces:
                yield piece


class AzureListener:
    """Recognises (:class:`hookflash.ports.speech.Recogniser`).

    ``service`` is at ``https://REGION.stt.speech.microsoft.com``.
    """

    def __init__(self, service: Service) -> None:
        self.name = service.name
        self._service = service

    async def recognise(
        self, audio: AsyncIterator[NDArray[np.int16]], wish: Listening
    ) -> AsyncGenerator[Recognised, None]:
        """See :class:`hookflash.ports.speech.Recogniser`."""
        several = len(wish.locales) > 1
        path = "/speech/universal/v2" if several else "/speech/recognition/conversation/cognitiveservices/v1"
        params = {"language": wish.locales[0], "format": "detailed", "wordLevelTimestamps": "true"}
        if wish.model:
            params["cid"] = wish.model
        async with aclosing(
            listen(
                self._service,
                AzureTalk(self._service, wish),
                audio,
                wish.locales[0],
                path=path,
                params=params,
                headers={"X-ConnectionId": uuid.uuid4().hex.upper()},
            )
        ) as results:
            async for result in results:
                yield result


class _Language(msgspec.Struct, rename="pascal"):
    language: str = ""


class _Word(msgspec.Struct, rename="pascal"):
    word: str = ""
    offset: float = 0
    duration: float = 0


class _Best(msgspec.Struct, rename="pascal"):
    confidence: float = 0.0
    display: str = ""
    words: list[_Word] = []


class _Heard(msgspec.Struct, rename="pascal"):
    """speech.hypothesis and speech.phrase."""

    text: str = ""
    recognition_status: str | int = ""
    display_text: str = ""
    offset: float = 0
    duration: float = 0
    primary_language: _Language = msgspec.field(default_factory=_Language)
    n_best: list[_Best] = msgspec.field(name="NBest", default_factory=list)


_REFUSALS = {"TooManyRequests": 429, "Forbidden": 403, "BadRequest": 400, "Error": 400}
_STATUS = ("Success", "NoMatch", "InitialSilenceTimeout", "BabbleTimeout", "Error", "EndOfDictation")


class AzureTalk:
    """The protocol of one recognition: a request id for each turn, messages with headers of their own."""

    def __init__(self, service: Service, wish: Listening) -> None:
        self.done = False
        self._service = service
        self._wish = wish
        self._request = uuid.uuid4().hex
        self._ended = False
        self._samples = 0
        self._base = 0.0
        """Seconds of audio before this turn, whose offsets begin at 0."""

    def opening(self) -> Iterable[Message]:
        config = {
            "context": {
                "system": {"name": "hookflash", "version": VERSION, "build": "Python", "lang": "Python"}
            }
        }
        yield self._text("speech.config", config)
        yield from self._turn()

    def _turn(self) -> Iterable[Message]:
        context: dict[str, object] = {}
        if self._wish.phrases:
            items = [{"Text": phrase} for phrase in self._wish.phrases]
            context["dgi"] = {"Groups": [{"Type": "Generic", "Items": items}]}
        if len(self._wish.locales) > 1:
            context["languageId"] = {
                "languages": list(self._wish.locales[:MAX_LOCALES]),
                "mode": "DetectAtAudioStart",
                "onSuccess": {"action": "Recognize"},
                "onUnknown": {"action": "None"},
            }
            context["phraseDetection"] = {"mode": "Conversation"}
            context["phraseOutput"] = {
                "format": "Detailed",
                "interimResults": {"resultType": "Auto"},
                "phraseResults": {"resultType": "Always"},
            }
        yield self._text("speech.context", context)
        yield self._binary(wav_header(0), "audio/x-wav")

    def audio(self, pcm: bytes) -> Iterable[Message]:
        self._samples += len(pcm) // 2
        yield self._binary(pcm)

    def ending(self) -> Iterable[Message]:
        self._ended = True
        yield self._binary(b"")

    def still_there(self) -> Iterable[Message]:
        return ()

    def received(self, message: Message) -> tuple[Iterable[Recognised], Iterable[Message]]:
        if isinstance(message, bytes):
            return (), ()
        head, _, body = message.partition("\r\n\r\n")
        headers = dict(_header(line) for line in head.split("\r\n"))
        if headers.get("x-requestid", "").lower() != self._request:
            return (), ()
        path = headers.get("path", "").lower()
        if path in ("speech.hypothesis", "speech.fragment"):
            return self._hypothesis(self._read(body)), ()
        if path == "speech.phrase":
            return self._phrase(self._read(body)), ()
        if path == "turn.end":
            if self._ended:
                self.done = True
                return (), ()
            # The service has had enough of this turn, but people go on speaking: another one.
            self._request = uuid.uuid4().hex
            self._base = self._samples / RATE
            return (), self._turn()
        return (), ()

    def closed(self, code: int | None, reason: str) -> str | None:
        return f"it closed the connection ({code or 'no code'}{': ' + reason if reason else ''})"

    def _read(self, body: str) -> _Heard:
        try:
            return msgspec.json.decode(body, type=_Heard)
        except msgspec.DecodeError as error:
            raise self._service.error(f"it sent a message that makes no sense: {error}") from None

    def _hypothesis(self, heard: _Heard) -> list[Recognised]:
        return [self._result(heard, heard.text, final=False)] if heard.text else []

    def _phrase(self, heard: _Heard) -> list[Recognised]:
        status = heard.recognition_status
        if isinstance(status, int):
            status = _STATUS[status] if 0 <= status < len(_STATUS) else "Error"
        if status in _REFUSALS:
            raise self._service.error(f"it could not recognise: {status}", _REFUSALS[status])
        if status != "Success":
            return []
        best = max(heard.n_best, key=lambda one: one.confidence, default=_Best(display=heard.display_text))
        text = best.display or heard.display_text
        words = tuple(
            HeardWord(one.word, self._base + one.offset / _TICKS, one.duration / _TICKS) for one in best.words
        )
        return (
            [self._result(heard, text, final=True, confidence=best.confidence, words=words)] if text else []
        )

    def _result(
        self,
        heard: _Heard,
        text: str,
        *,
        final: bool,
        confidence: float = 0.0,
        words: tuple[HeardWord, ...] = (),
    ) -> Recognised:
        return Recognised(
            text,
            final,
            min(max(confidence, 0.0), 1.0),
            heard.primary_language.language or self._wish.locales[0],
            self._base + heard.offset / _TICKS,
            heard.duration / _TICKS,
            words,
        )

    def _head(self, path: str, kind: str) -> str:
        now = datetime.datetime.fromtimestamp(self._service.clock.wall(), datetime.UTC)
        stamp = now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        head = f"Path: {path}\r\nX-RequestId: {self._request}\r\nX-Timestamp: {stamp}\r\n"
        return head + (f"Content-Type: {kind}\r\n" if kind else "")

    def _text(self, path: str, body: object) -> str:
        return f"{self._head(path, 'application/json')}\r\n{json.dumps(body)}"

    def _binary(self, body: bytes, kind: str = "") -> bytes:
        head = self._head("audio", kind).encode()
        return len(head).to_bytes(2, "big") + head + body


def _header(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name.strip().lower(), value.strip()


def azure_service(
    kind: str,
    *,
    name: str,
    key: str,
    clock: Clock,
    region: str = "",
    endpoint: str = "",
    limits: ServiceLimits | None = None,
    concurrency: int = CONCURRENCY,
) -> Service:
    """The service that speaks ("tts") or recognises ("stt"): of a region, or at an endpoint of its own."""
    if not region and not endpoint:
        raise SpeechError(f"{name}: give the region of the speech resource, or its endpoint")
    url = endpoint.rstrip("/") or f"https://{region}.{kind}.speech.microsoft.com"
    if url.endswith(".cognitiveservices.azure.com"):
        # A resource's own domain serves both, by path.
        url += f"/{kind}"
    headers = {"Ocp-Apim-Subscription-Key": key}
    return Service(name, url, key, headers, clock, limits=limits, concurrency=concurrency)
