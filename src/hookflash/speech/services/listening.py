"""Recognition over a WebSocket: audio goes one way, results come the other.

What a service's messages mean is in a :class:`Talk`, which does no I/O; here is what all have in common.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping
from functools import partial
from typing import Any, Protocol

import aiohttp
import numpy as np
from numpy.typing import NDArray

from hookflash.ports.speech import Recognised
from hookflash.speech.services.service import Params, Service
from hookflash.waiting import pause

MAX_CHUNK = 32_000
"""Bytes of audio in one message, a second."""
KEEP_ALIVE = 4.0
"""Seconds without audio after which a service that wants it is told that we are there."""

Message = str | bytes


class Talk(Protocol):
    """One conversation with a service. The methods return what is to be sent."""

    done: bool
    """Nothing more comes."""

    def opening(self) -> Iterable[Message]: ...

    def audio(self, pcm: bytes) -> Iterable[Message]: ...

    def ending(self) -> Iterable[Message]:
        """No more audio comes."""
        ...

    def still_there(self) -> Iterable[Message]:
        """Nothing was sent for a while."""
        ...

    def received(self, message: Message) -> tuple[Iterable[Recognised], Iterable[Message]]:
        """The results in a message, and what to answer. Raises SpeechError."""
        ...

    def closed(self, code: int | None, reason: str) -> str | None:
        """What is wrong with a close of the service's, None where all is said."""
        ...


async def listen(
    service: Service,
    talk: Talk,
    audio: AsyncIterator[NDArray[np.int16]],
    locale: str,
    *,
    path: str,
    params: Params,
    headers: Mapping[str, str] | None = None,
) -> AsyncGenerator[Recognised, None]:
    """Have ``audio`` understood. There is always a final result, with no text where there was no speech."""
    any_final = False
    async with service.socket(path, params=params, headers=headers) as socket:
        line = _Line(service, socket)
        await line.say(talk.opening)
        pump = asyncio.ensure_future(_pump(line, talk, audio))
        keeper = asyncio.ensure_future(_keep(service, line, talk))
        inbox = _Inbox(service, socket, pump)
        try:
            while not talk.done:
                came = await inbox.next()
                if came.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                    wrong = talk.closed(socket.close_code, str(came.extra or ""))
                    if wrong is not None:
                        raise service.error(wrong)
                    break
                for result in await line.answer(talk, came.data):
                    any_final = any_final or result.final
                    yield result
        finally:
            for task in (pump, keeper):
                task.cancel()
            await asyncio.gather(pump, keeper, return_exceptions=True)
    if not any_final:
        yield Recognised("", True, locale=locale)


class _Line:
    """What is said to the service. Messages that belong together go without others between them."""

    def __init__(self, service: Service, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._service = service
        self._socket = socket
        self._turn = asyncio.Lock()

    async def say(self, messages: Callable[[], Iterable[Message]]) -> None:
        """Send what ``messages`` returns when it is our turn. Raises SpeechError."""
        async with self._turn:
            await self._send(messages())

    async def answer(self, talk: Talk, message: Message) -> Iterable[Recognised]:
        """Send what ``message`` asks for, no audio in front of it; the results in it. Raises SpeechError."""
        async with self._turn:
            results, answers = talk.received(message)
            await self._send(answers)
        return results

    async def _send(self, messages: Iterable[Message]) -> None:
        for message in messages:
            await self._service.send(self._socket, message)


class _Inbox:
    """The messages that come; the pump's end sets a limit to them, its failure is ours."""

    def __init__(
        self, service: Service, socket: aiohttp.ClientWebSocketResponse, pump: asyncio.Future[None]
    ) -> None:
        self._service = service
        self._socket = socket
        self._pump = pump
        self._until: float | None = None

    async def next(self) -> aiohttp.WSMessage:
        """The next message. Raises SpeechError."""
        receive = asyncio.ensure_future(self._socket.receive())
        tasks: list[asyncio.Future[Any]] = [receive]
        try:
            if not self._pump.done():
                either: set[asyncio.Future[Any]] = {receive, self._pump}
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if receive.done():
                return receive.result()
            # Raises what went wrong with sending.
            self._pump.result()
            clock, limit = self._service.clock, self._service.limits.final
            if self._until is None:
                self._until = clock.now() + limit
            late = asyncio.ensure_future(pause(clock, self._until - clock.now()))
            tasks.append(late)
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if not receive.done():
                raise self._service.error(f"no result came within {limit:g} s of the end of speech", 408)
            return receive.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _pump(line: _Line, talk: Talk, audio: AsyncIterator[NDArray[np.int16]]) -> None:
    async for samples in audio:
        pcm = samples.astype("<i2").tobytes()
        for at in range(0, len(pcm), MAX_CHUNK):
            await line.say(partial(talk.audio, pcm[at : at + MAX_CHUNK]))
    await line.say(talk.ending)


async def _keep(service: Service, line: _Line, talk: Talk) -> None:
    while True:
        await pause(service.clock, KEEP_ALIVE)
        await line.say(talk.still_there)
