"""Counting what had to be left out, and saying so, without a line in the log for each time."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from hookflash.ports.clock import Clock

EVERY = 60.0
"""Seconds from one line about the same thing to the next."""


class Tally:
    """Counts; the first time, and then once a minute at most, the log says how many there were.

    Args:
        clock: for the minute.
        log: where to say so, as a warning.
        text: with a ``%d`` for how many since the last line.
        extra: what each line has besides.
    """

    def __init__(
        self, clock: Clock, log: logging.Logger, text: str, extra: Mapping[str, object] | None = None
    ) -> None:
        self.count = 0
        self._clock = clock
        self._log = log
        self._text = text
        self._extra = extra
        self._told = 0
        self._again = float("-inf")

    def add(self) -> None:
        """One more."""
        self.count += 1
        now = self._clock.now()
        if now >= self._again:
            self._log.warning(self._text, self.count - self._told, extra=self._extra)
            self._told, self._again = self.count, now + EVERY
