"""Whether a process that has something to do still lives."""

from __future__ import annotations

from collections.abc import Callable

from hookflash.ports.clock import Clock, Timer

LOOKS = 2
"""Times that nothing was heard of a process, one after the other, until it counts as stuck. Once is not
enough: whoever looks may have been stuck itself, and what came since waits to be read."""


class Watch:
    """Calls ``stuck`` once nothing was heard for ``seconds``, or half as long again.

    Use within one event loop; it looks between :meth:`start` and :meth:`stop` only.
    """

    def __init__(self, clock: Clock, seconds: float, stuck: Callable[[], None]) -> None:
        self._clock = clock
        self._every = seconds / LOOKS
        self._stuck = stuck
        self._heard = False
        self._missed = 0
        self._timer: Timer | None = None

    def heard(self) -> None:
        """It said something."""
        self._heard = True

    def start(self) -> None:
        """It has something to do from now on; idempotent."""
        if self._timer is None:
            self._missed = 0
            self._again()

    def stop(self) -> None:
        """It has nothing to do any more; idempotent."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _again(self) -> None:
        self._heard = False
        self._timer = self._clock.call_at(self._clock.now() + self._every, self._look)

    def _look(self) -> None:
        self._timer = None
        self._missed = 0 if self._heard else self._missed + 1
        if self._missed >= LOOKS:
            self._stuck()
        else:
            self._again()
