"""Taking a server out of service: no new calls, those it has go on until they end or their time is up."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from hookflash.calls.facts import Pressure, Taking
from hookflash.ports.clock import Clock, Timer
from hookflash.wire.words import count_of

log = logging.getLogger("hookflash")

LOOK = 0.2
"""Seconds between looks at how many calls are left."""
RETRY = 10
"""Seconds after which a caller may try again: by then another server, or the next process, may take it."""


class Draining:
    """Where a server stands on its way out.

    Args:
        calls: how many calls are up or ring.
        press: takes the word that no new calls are taken, or that they are again.
        seconds: how long calls may go on, unless told otherwise.

    Attributes:
        over: set once nothing is left to wait for: the server can be stopped.
    """

    def __init__(
        self, calls: Callable[[], int], press: Callable[[Pressure], None], clock: Clock, seconds: float
    ) -> None:
        self.over = asyncio.Event()
        self._calls = calls
        self._press = press
        self._clock = clock
        self._seconds = seconds
        self._until = 0.0
        self._reason = ""
        self._timer: Timer | None = None

    @property
    def reason(self) -> str:
        """Why the server is drained; "" while it is not."""
        return self._reason

    @property
    def calls(self) -> int:
        """How many calls go on."""
        return self._calls()

    @property
    def seconds_left(self) -> float:
        """Until the calls that are left are ended."""
        return max(0.0, self._until - self._clock.now())

    def begin(self, reason: str, seconds: float | None = None) -> None:
        """Take no new calls from now on. Once more: with another time, counted from now."""
        seconds = self._seconds if seconds is None else seconds
        first = not self._reason
        self._reason = self._reason or reason
        self._until = self._clock.now() + seconds
        if first:
            self._press(Pressure("server", Taking.ONGOING, f"the server is being drained, {reason}", RETRY))
        left = count_of(self._calls(), "call goes", "calls go")
        log.info("draining, %s: %s on for up to %g s", self._reason, left, seconds)
        self._look()

    def cancel(self) -> bool:
        """Take calls again; False when the server was not being drained, or is about to stop."""
        if not self._reason or self.over.is_set():
            return False
        self.stop()
        self._reason = ""
        self._press(Pressure("server", Taking.ALL))
        log.info("not draining any more: new calls are taken again")
        return True

    def stop(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self.stop()
        left = self._calls()
        if left and self.seconds_left > 0:
            self._timer = self._clock.call_at(min(self._clock.now() + LOOK, self._until), self._look)
            return
        if left:
            log.warning("the time is up: %s ended now", count_of(left, "call is", "calls are"))
        self.over.set()
