"""Which providers fail, for the log: a line when one begins to, a line when it does again what it is for."""

from __future__ import annotations

import logging

_log = logging.getLogger("hookflash.speech")


class Standing:
    """Told of every success and failure; says only what is new, whatever the number of calls.

    ``does`` is what the providers are for: "speak".
    """

    def __init__(self, does: str) -> None:
        self._does = does
        self._failing: set[str] = set()

    def failed(self, name: str, error: Exception) -> None:
        """``name`` could not do it; ``error`` holds no secrets."""
        if name not in self._failing:
            self._failing.add(name)
            _log.warning("%s fails to %s, the next provider is asked, if any: %s", name, self._does, error)

    def worked(self, name: str) -> None:
        """``name`` did it."""
        if name in self._failing:
            self._failing.discard(name)
            _log.info("%s can %s again", name, self._does)
