"""Which providers fail: for the log a line when one begins to, and a line when it does again what it is for;
for monitoring how often."""

from __future__ import annotations

import logging
from collections import Counter

from hookflash.ports.speech import SpeechError
from hookflash.speech.figures import Failures, kind_of

_log = logging.getLogger("hookflash.speech")


class Standing:
    """Told of every success and failure; says only what is new, whatever the number of calls.

    ``does`` is what the providers are for: "speak".

    Attributes:
        failing: who failed when last asked, and why.
    """

    def __init__(self, does: str) -> None:
        self._does = does
        self.failing: dict[str, str] = {}
        self._counts: Counter[tuple[str, str]] = Counter()

    @property
    def failures(self) -> list[Failures]:
        """How often each of them failed since the start."""
        return [
            Failures(name, self._does, kind, count) for (name, kind), count in sorted(self._counts.items())
        ]

    def failed(self, name: str, error: SpeechError) -> None:
        """``name`` could not do it; ``error`` holds no secrets."""
        self._counts[name, kind_of(error.code)] += 1
        known = name in self.failing
        self.failing[name] = str(error)
        if not known:
            _log.warning("%s fails to %s, the next provider is asked, if any: %s", name, self._does, error)

    def worked(self, name: str) -> None:
        """``name`` did it."""
        if self.failing.pop(name, None) is not None:
            _log.info("%s can %s again", name, self._does)
