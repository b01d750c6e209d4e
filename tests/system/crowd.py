"""Many phones on one event loop in a thread, each of which says something of its own and on and on."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

import numpy as np
from system.exact import Samples, noise

from hookflash.clock import LoopClock
from hookflash.softphone.phone import Softphone

T = TypeVar("T")


class Crowd:
    """Phones that dial, and then talk; ``said`` is what each one says, in order."""

    def __init__(self, numbers: Sequence[str], seconds: float) -> None:
        self.numbers = tuple(numbers)
        self.said: list[Samples] = [noise(seed, seconds) for seed in range(len(self.numbers))]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.phones: list[Softphone] = self._run(self._open())

    def _run(self, work: Coroutine[Any, Any, T], timeout: float = 90) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout)

    async def _open(self) -> list[Softphone]:
        phones = [Softphone(LoopClock(), number=number) for number in self.numbers]
        for phone in phones:
            await phone.__aenter__()
        return phones

    def dial(self, uri: str) -> None:
        """All call ``uri``; returns when all have been answered."""

        async def dial() -> None:
            await asyncio.gather(*(phone.dial(uri) for phone in self.phones))

        self._run(dial())

    def talk(self) -> None:
        """All begin to say what they say."""

        async def talk() -> None:
            for phone, samples in zip(self.phones, self.said, strict=True):
                phone.audio.say(samples.astype(np.int16))

        self._run(talk())

    def far(self) -> list[int]:
        """How many samples of it each has said so far."""

        async def far() -> list[int]:
            return [
                len(samples) - sum(map(len, phone.audio._speech))
                for phone, samples in zip(self.phones, self.said, strict=True)
            ]

        return self._run(far())

    def wait(self, seconds: float) -> None:
        """Let time pass, by the phones' loop."""

        async def wait() -> None:
            await asyncio.sleep(seconds)

        self._run(wait(), seconds + 60)

    def close(self) -> None:
        async def close() -> None:
            for phone in self.phones:
                await phone.__aexit__(None, None, None)

        self._run(close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
