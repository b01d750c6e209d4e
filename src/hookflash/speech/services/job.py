"""A job as the adapter of a service sees it, inside the process that asks it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hookflash.speech.messages import MAX_AUDIO, FromWorker, Result, Sound, Taken
from hookflash.speech.windows import Incoming, Outgoing

Send = Callable[[FromWorker], Awaitable[None]]
"""Writes a message, and waits until there is room for another."""


class ServiceJob:
    """One piece of work, as :class:`hookflash.speech.jobs.Job`, for asyncio. Cancelling it cancels its task.

    Attributes:
        id: its number.
        request: what is asked, as plain data.
    """

    def __init__(self, number: int, request: Any, send: Send) -> None:
        self.id = number
        self.request = request
        self._send = send
        self._waiting: deque[bytes] = deque()
        self._incoming = Incoming()
        self._outgoing = Outgoing()
        self._news = asyncio.Event()
        self._space = asyncio.Event()
        self._ended = False
        self._closed = False

    # --- for adapters -------------------------------------------------------------------------------------

    async def audio(self) -> AsyncGenerator[NDArray[np.int16], None]:
        """The audio until it ends, int16 at 16,000 Hz, in arrays of any length."""
        while True:
            while self._waiting:
                pcm = self._waiting.popleft()
                taken = self._incoming.took()
                if taken and not self._closed:
                    await self._send(Taken(self.id, taken))
                yield np.frombuffer(pcm, "<i2", len(pcm) // 2)
            if self._ended:
                return
            self._news.clear()
            await self._news.wait()

    async def sound(self, pcm: NDArray[np.int16], notes: Sequence[str] = ()) -> None:
        """Give away audio, int16 at 16,000 Hz; ``notes`` go with its first sample. Waits while whoever asked
        takes none of it."""
        data = pcm.astype("<i2", copy=False).tobytes()
        for at in range(0, len(data), MAX_AUDIO):
            await self._give(Sound(self.id, data[at : at + MAX_AUDIO], tuple(notes) if at == 0 else ()))

    async def result(self, value: Any) -> None:
        """Give away what was found out; waits like :meth:`sound`."""
        await self._give(Result(self.id, value))

    async def _give(self, message: Sound | Result) -> None:
        while not self._outgoing.open:
            self._space.clear()
            await self._space.wait()
        if not self._closed:
            self._outgoing.sent()
            await self._send(message)

    # --- for the process around ---------------------------------------------------------------------------

    def feed(self, pcm: bytes) -> None:
        """Audio has come. Raises ProtocolError for more than may wait."""
        self._incoming.came()
        self._waiting.append(pcm)
        self._news.set()

    def finish(self) -> None:
        """No more audio comes."""
        self._ended = True
        self._news.set()

    def taken(self, messages: int) -> None:
        """Whoever asked has room for more."""
        self._outgoing.taken(messages)
        self._space.set()

    def close(self) -> None:
        """It counts as over: nothing is said of it any more."""
        self._closed = True
