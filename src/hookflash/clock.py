"""Real time: the clock of a running server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable


class LoopClock:
    """Implements :class:`hookflash.ports.clock.Clock` over an asyncio event loop.

    Args:
        loop: the loop the timers run on; the running one when omitted.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self._loop = loop or asyncio.get_running_loop()

    def now(self) -> float:
        return self._loop.time()

    def wall(self) -> float:
        return time.time()

    def call_at(self, when: float, fn: Callable[[], None]) -> asyncio.TimerHandle:
        return self._loop.call_at(when, fn)
