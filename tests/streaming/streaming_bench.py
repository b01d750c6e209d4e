"""What the streaming tests share: an app that takes WebSockets, pretended call audio, a desk between them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import aiohttp
import numpy as np
from aiohttp import web
from aiohttp.test_utils import TestServer

from hookflash.calls import audio_effects, facts
from hookflash.events.targets import TargetPolicy
from hookflash.ports import audio
from hookflash.ports.audio import AudioUnavailable
from hookflash.streaming.desk import StreamDesk
from hookflash.streaming.recogniser import RecognitionFailed, Utterance, Wanted
from hookflash.testing.clock import VirtualClock
from hookflash.wire.streaming_frames import Word

PATIENCE = 20.0
"""Seconds anything may take that happens by itself."""
RESOURCE = "1bdaa2b9-9507-4542-bb64-a7b22c00a8d4"


async def until(condition: Callable[[], Any]) -> None:
    """Wait for a condition."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - what is waited for is on the other end of a socket
            await asyncio.sleep(0.005)


class App:
    """An app's server: keeps what it is told on every connection."""

    def __init__(self) -> None:
        self.connections: list[Connection] = []
        self.status = 0
        self.reading = True
        self.redirect = ""
        self._over = asyncio.Event()
        application = web.Application()
        application.router.add_get("/{tail:.*}", self._serve)
        self._server = TestServer(application)

    async def start(self) -> str:
        """Its ws:// base URL."""
        await self._server.start_server()
        return f"ws://127.0.0.1:{self._server.port}"

    async def stop(self) -> None:
        self._over.set()
        for connection in self.connections:
            connection.cut()
        await self._server.close()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        if self.redirect:
            return web.Response(status=302, headers={"Location": self.redirect})
        if self.status:
            return web.Response(status=self.status)
        socket = web.WebSocketResponse(max_msg_size=1 << 24)
        await socket.prepare(request)
        connection = Connection(request, socket)
        self.connections.append(connection)
        if not self.reading:
            await self._over.wait()
            return socket
        while not socket.closed:
            message = await socket.receive()
            if message.type is aiohttp.WSMsgType.TEXT:
                connection.texts.append(message.data)
            elif message.type is aiohttp.WSMsgType.CLOSE:
                connection.reason = message.extra or ""
        connection.code = socket.close_code
        return socket


class Connection:
    """One socket as the app sees it."""

    def __init__(self, request: web.Request, socket: web.WebSocketResponse) -> None:
        self._request = request
        self.headers = request.headers
        self.path = request.path_qs
        self.socket = socket
        self.texts: list[str] = []
        self.code: int | None = None
        self.reason = ""

    @property
    def frames(self) -> list[dict[str, Any]]:
        return [json.loads(text) for text in self.texts]

    def of(self, kind: str) -> list[dict[str, Any]]:
        name = kind[0].lower() + kind[1:]
        return [frame[name] for frame in self.frames if frame["kind"] == kind]

    def cut(self) -> None:
        """The connection breaks without a word."""
        if self._request.transport is not None:
            self._request.transport.abort()


class FakeListener:
    def __init__(self, take: Any, lost: audio.Lost, rate: int) -> None:
        self.take, self.lost, self.rate = take, lost, rate
        self.sources: set[audio.Source] = set()
        self.ranks: dict[audio.Source, int] = {}
        self.closed = False
        self.tick = 100
        self.together: audio.Together[Any] | None = None

    def add(self, source: audio.Source) -> None:
        self.sources.add(source)

    def remove(self, source: audio.Source) -> None:
        self.sources.discard(source)

    def close(self) -> None:
        self.closed = True

    def give(
        self,
        amplitudes: dict[audio.Source, int] | None = None,
        ticks: int = 1,
        ranks: dict[audio.Source, int] | None = None,
    ) -> None:
        """A tick of a constant level for each source (0 for those not named)."""
        self.ranks = ranks or {}
        for _ in range(ticks):
            self.tick += 1
            frames = {
                source: np.full(self.rate // 50, (amplitudes or {}).get(source, 0), np.int16)
                for source in self.sources
            }
            self.hand_over(frames)

    def hand_over(self, frames: dict[audio.Source, np.ndarray]) -> None:
        given = audio.Frames()
        given.update(frames)
        given.ranks.update(self.ranks)
        given.peaks.update(
            (source, max(int(frame.max()), -int(frame.min()))) for source, frame in frames.items()
        )
        self.take(self.tick, given)


class FakeBlockListener(FakeListener):
    """One who is handed blocks: all that is given in one; ``lend`` is of those into whose file is poured."""

    lend: audio.Lend | None = None

    def give(
        self,
        amplitudes: dict[audio.Source, int] | None = None,
        ticks: int = 1,
        ranks: dict[audio.Source, int] | None = None,
    ) -> None:
        size = ticks * self.rate // 50
        self.take(
            self.tick + 1,
            ticks,
            {source: np.full(size, (amplitudes or {}).get(source, 0), np.int16) for source in self.sources},
        )
        self.tick += ticks

    def flush(self) -> None:
        """Nothing waits."""


class FakeVoice:
    def __init__(self) -> None:
        self.said: list[bytes] = []
        self.hushed = 0
        self.closed = False
        self.room = 1 << 30
        self.marks: list[audio.Played] = []
        self.watchers: list[audio.Speaking] = []

    def mark(self, played: audio.Played) -> None:
        self.marks.append(played)

    def watch(self, speaking: audio.Speaking) -> None:
        self.watchers.append(speaking)

    def say(self, pcm: bytes) -> int:
        taken = min(len(pcm), self.room)
        self.room -= taken
        self.said.append(pcm[:taken])
        return len(pcm) - taken

    def hush(self) -> None:
        self.hushed += 1
        self.said.clear()

    def close(self) -> None:
        self.closed = True


class FakeAudio:
    """Calls whose audio the test makes."""

    def __init__(self) -> None:
        self.listeners: list[FakeListener] = []
        self.voices: list[FakeVoice] = []
        self.apps: set[int] = {9}
        self.gone = False

    def listen(
        self,
        call: int,
        rate: int,
        take: audio.Take,
        lost: audio.Lost,
        together: audio.Together[Any] | None = None,
    ) -> FakeListener:
        if self.gone:
            raise AudioUnavailable("the call has no audio")
        self.listeners.append(FakeListener(take, lost, rate))
        self.listeners[-1].together = together
        return self.listeners[-1]

    def listen_in_blocks(
        self, call: int, rate: int, take: audio.TakeBlock, lost: audio.Lost, lend: audio.Lend | None = None
    ) -> FakeBlockListener:
        if self.gone:
            raise AudioUnavailable("the call has no audio")
        listener = FakeBlockListener(take, lost, rate)
        listener.lend = lend
        self.listeners.append(listener)
        return listener

    def speak(self, leg: int, rate: int) -> FakeVoice:
        self.voices.append(FakeVoice())
        return self.voices[-1]

    def is_app_leg(self, leg: int) -> bool:
        return leg in self.apps


class FakeTokens:
    def __init__(self) -> None:
        self.minted: list[tuple[str, int]] = []

    def mint(self, audience: str, lifetime: int) -> str:
        self.minted.append((audience, lifetime))
        return f"token-{len(self.minted)}"


NO_ROOM = RecognitionFailed("no room", "tooManyRequests", 429, 8565)


class FakeRecogniser:
    """Says what it is told to; a recogniser and its one recognition."""

    def __init__(self) -> None:
        self.heard: list[tuple[int, int]] = []
        self.wanted: list[Wanted] = []
        self.people: set[int] = set()
        self.room = 10
        self.refuses: RecognitionFailed | None = None
        self.closed = 0
        self.done: Callable[[], None] | None = None

    def start(self, wanted: Wanted, said: Any, failed: Any) -> FakeRecogniser:
        if self.refuses is not None:
            raise self.refuses
        self.wanted.append(wanted)
        self.said, self.failed = said, failed
        return self

    def join(self, leg: int) -> None:
        if len(self.people) == self.room:
            raise NO_ROOM
        self.people.add(leg)

    def leave(self, leg: int) -> None:
        self.people.discard(leg)

    def hear(self, leg: int, tick: int, frame: Any) -> None:
        self.heard.append((leg, tick))

    def update(self, wanted: Wanted) -> None:
        self.wanted.append(wanted)

    def finish(self, done: Callable[[], None]) -> None:
        self.done = done

    def close(self) -> None:
        self.closed += 1

    def says(self, text: str, *, leg: int = 10, final: bool = True) -> None:
        self.said(Utterance(leg, text, 0.9, 1, 2, (Word("hello", 1, 2),), final))


class Room:
    """An app, a desk, virtual time for the desk's pauses."""

    def __init__(self, base: str, app: App, **policy: bool) -> None:
        self.base = base
        self.app = app
        self.clock = VirtualClock()
        self.audio = FakeAudio()
        self.tokens = FakeTokens()
        self.facts: list[facts.Fact] = []
        allowed = {"allow_private": True, "allow_http": True, **policy}
        targets = TargetPolicy(schemes=("wss", "ws"), **allowed)
        self.recogniser = FakeRecogniser()
        self.marking: set[str] = set()
        self.desk = StreamDesk(
            self.audio,
            targets,
            self.tokens,
            self.clock,
            self.facts.append,
            self.recogniser,
            lambda resource: resource in self.marking,
        )

    def effect(self, **changes: Any) -> audio_effects.OpenStream:
        given: dict[str, Any] = {
            "stream": 1,
            "call": 5,
            "leg": 9,
            "resource": RESOURCE,
            "connection_id": "2c006980-8ef1-46c2-84fa-357fefac0893",
            "correlation_id": "5683b58d-bb85-4073-ae9a-c03488d4291d",
            "subscription_id": "89e8cb59-b991-48b0-b154-1db84f16a077",
            "url": f"{self.base}/audio?id=7&sig=a%2Fb%3D",
            "sample_rate": 16_000,
            "mixed": True,
            "bidirectional": False,
            "dtmf_tones": False,
            "loopback": False,
            "roster": ((9, "8:acs:app"), (10, "4:+14255550100"), (11, "4:+14255550101")),
        }
        return audio_effects.OpenStream(**{**given, **changes})

    def transcript(self, **changes: Any) -> audio_effects.OpenTranscript:
        given: dict[str, Any] = {
            "stream": 2,
            "call": 5,
            "leg": 9,
            "resource": RESOURCE,
            "connection_id": "2c006980-8ef1-46c2-84fa-357fefac0893",
            "correlation_id": "5683b58d-bb85-4073-ae9a-c03488d4291d",
            "subscription_id": "835be116-f750-48a4-a5a4-ab85e070e5b0",
            "url": f"{self.base}/text",
            "locale": "en-US",
            "speech_model": None,
            "intermediate": True,
            "roster": ((9, "8:acs:app"), (10, "4:+14255550100")),
        }
        return audio_effects.OpenTranscript(**{**given, **changes})

    async def stream(self, **changes: Any) -> Connection:
        """Open a stream, wait for it; the app's end."""
        count = len(self.app.connections)
        self.desk.open_stream(self.effect(**changes))
        await until(lambda: len(self.app.connections) > count and self.of(facts.StreamOpened))
        return self.app.connections[-1]

    def of(self, kind: type[facts.Fact]) -> list[Any]:
        return [fact for fact in self.facts if isinstance(fact, kind)]

    async def failed(self) -> facts.StreamFailed:
        await until(lambda: self.of(facts.StreamFailed))
        (fact,) = self.of(facts.StreamFailed)
        return fact
