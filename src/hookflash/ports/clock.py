"""Time as a port: real in production, virtual in tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Timer(Protocol):
    """A pending call; ``cancel`` is idempotent and safe after the timer has fired."""

    def cancel(self) -> None: ...


class Clock(Protocol):
    """The only source of time the core ever sees."""

    def now(self) -> float:
        """Monotonic seconds; only differences mean anything."""
        ...

    def wall(self) -> float:
        """Unix time in seconds (UTC), for timestamps that leave the process."""
        ...

    def call_at(self, when: float, fn: Callable[[], None]) -> Timer:
        """Run ``fn`` once when ``now()`` reaches ``when``; a past ``when`` runs as soon as possible."""
        ...
