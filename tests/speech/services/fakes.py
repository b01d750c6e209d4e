"""Stand-ins for speech services: a local server that speaks the vendor's protocol as it is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from aiohttp import WSMsgType, web
from kept_requests import Kept, keep
from numpy.typing import NDArray

from hookflash.ports.speech import Recognised, SpeechError, Spoken
from hookflash.testing.clock import VirtualClock

KEY = "sk-secret-0123456789"

Answer = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@dataclass
class Vendor:
    """Keeps what it is asked; answers with ``answers`` in turn, the last one for ever."""

    url: str = ""
    asked: list[Kept] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    release: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.asked.append(await keep(request))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return await answer(request)

    def hang(self) -> Answer:
        async def answer(request: web.BaseRequest) -> web.StreamResponse:
            await self.release.wait()
            return web.Response()

        return answer

    def hang_after(self, data: bytes) -> Answer:
        async def answer(request: web.BaseRequest) -> web.StreamResponse:
            response = web.StreamResponse()
            await response.prepare(request)
            await response.write(data)
            await self.release.wait()
            return response

        return answer


def refuse(status: int, body: object = "", headers: dict[str, str] | None = None) -> Answer:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        text = body if isinstance(body, str) else json.dumps(body)
        return web.Response(status=status, text=text, headers=headers)

    return answer


def give(*pieces: bytes, kind: str = "audio/pcm") -> Answer:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": kind})
        await response.prepare(request)
        for piece in pieces:
            await response.write(piece)
            await asyncio.sleep(0)
        return response

    return answer


def drop_after(*pieces: bytes) -> Answer:
    """Breaks the connection in the middle of its answer."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000000"})
        await response.prepare(request)
        for piece in pieces:
            await response.write(piece)
        assert request.transport is not None
        request.transport.close()
        return response

    return answer


Play = Callable[[web.WebSocketResponse], Awaitable[None]]


def socket(play: Play) -> Answer:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        made = web.WebSocketResponse(timeout=0.1)
        await made.prepare(request)
        await play(made)
        return made

    return answer


async def until(made: web.WebSocketResponse, wanted: Callable[[str | bytes], bool]) -> list[str | bytes]:
    """All that comes until something is ``wanted``, with it; until the end where nothing is."""
    found: list[str | bytes] = []
    async for message in made:
        if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
            found.append(message.data)
            if wanted(message.data):
                break
    return found


def tone(seconds: float, hertz: float = 440.0, rate: int = 16_000) -> NDArray[np.int16]:
    at = np.arange(round(seconds * rate))
    wave: NDArray[np.int16] = np.rint(8000 * np.sin(2 * np.pi * hertz / rate * at)).astype(np.int16)
    return wave


async def audio(*pieces: NDArray[np.int16]) -> AsyncIterator[NDArray[np.int16]]:
    for piece in pieces:
        yield piece


async def heard(results: AsyncGenerator[Recognised, None]) -> list[Recognised]:
    return [one async for one in results]


async def spoken(pieces: AsyncGenerator[Spoken, None]) -> tuple[NDArray[np.int16], tuple[str, ...]]:
    """All samples, and all notes."""
    found = [one async for one in pieces]
    assert all(len(one.pcm) for one in found)
    return np.concatenate([one.pcm for one in found]), sum((one.notes for one in found), ())


async def late(
    vendor: Vendor, clock: VirtualClock, work: Coroutine[Any, Any, object], seconds: float, asked: int = 1
) -> SpeechError:
    """The error ``work`` ends with once ``seconds`` have passed after it was asked."""
    task = asyncio.ensure_future(work)
    async with asyncio.timeout(20):
        while len(vendor.asked) < asked or not clock.pending:  # noqa: ASYNC110 - sockets
            await asyncio.sleep(0.001)
        for _ in range(50):
            await asyncio.sleep(0.001)
    clock.advance(seconds - 0.1)
    await asyncio.sleep(0)
    assert not task.done()
    clock.advance(0.2)
    with pytest.raises(SpeechError) as caught:
        await task
    return caught.value
