"""When a delivery is tried again: one policy for callbacks, one for Event Grid.

Callbacks (contract section 5.1) hold up the events of their call, so they are tried a few times within
seconds. Event Grid deliveries hold up nothing and keep Event Grid's own schedule, which reaches into the next
day.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from math import inf
from typing import Protocol

EVENT_GRID_TYPE = "aeg-event-type"
"""The header that tells a delivery of Event Grid from a callback."""

GRID_SCHEDULE = (10.0, 30.0, 60.0, 300.0, 600.0, 1800.0, 3600.0, 10_800.0, 21_600.0, 43_200.0)
"""Seconds to wait after the first, second ... failed attempt; the last one from then on."""
GRID_JITTER = 0.1
"""Each wait is longer by a random share of itself, up to this."""
GRID_TIMEOUT = 30.0
"""Seconds an Event Grid endpoint has to answer."""
PARK_UNSENT = 10.0
"""Seconds until an Event Grid delivery is looked at again for which there was no room in memory."""
GRID_LEAST = {408: 120.0, 503: 30.0}
"""Least wait after these statuses, in seconds."""
GRID_FINAL = {
    400: "UndeliverableDueToHttpBadRequest",
    401: "UndeliverableDueToHttpUnauthorized",
    403: "UndeliverableDueToHttpForbidden",
    413: "UndeliverableDueToHttpRequestEntityTooLarge",
}
"""Statuses after which Event Grid does not try a webhook again, and the reason its dead letter gives."""
GRID_DELIVERED = range(200, 205)

_OUTCOMES = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    408: "TimedOut",
    410: "NotFound",
    413: "PayloadTooLarge",
    429: "Busy",
    503: "Busy",
}


@dataclass(frozen=True, slots=True)
class CourierSettings:
    """Times in seconds.

    ``timeout`` bounds one attempt of a callback, ``patience`` all attempts for one event: that long a dead
    endpoint may hold up its lane. Waits between attempts double from ``first_backoff`` to ``max_backoff``; a
    Retry-After of the endpoint lengthens them up to ``max_retry_after``. A callback that has waited
    ``max_age`` for a turn, because its endpoint is slow or dead, is dropped. ``max_waiting`` deliveries are
    kept in memory, ``max_grid`` of them for Event Grid; more wait in the outbox. An outbox that fails is
    tried again every ``store_retry`` seconds.
    """

    timeout: float = 10.0
    patience: float = 30.0
    first_backoff: float = 1.0
    max_backoff: float = 16.0
    max_retry_after: float = 20.0
    max_age: float = 300.0
    max_waiting: int = 100_000
    max_grid: int = 10_000
    store_retry: float = 5.0


class Verdict(Enum):
    """What an attempt means for the delivery."""

    DELIVERED = "delivered"
    RETRY = "retry"
    REFUSED = "refused"


class Policy(Protocol):
    """How one kind of delivery is tried.

    ``timeout`` bounds an attempt, ``patience`` all of them, ``max_age`` the wait for the first (seconds).
    ``parks``: a delivery that waits long leaves memory.
    """

    @property
    def timeout(self) -> float: ...

    @property
    def patience(self) -> float: ...

    @property
    def max_age(self) -> float: ...

    @property
    def parks(self) -> bool: ...

    def judge(self, status: int) -> Verdict:
        """What an answer means."""
        ...

    def wait(self, tries: int, status: int, retry_after: float) -> float:
        """Seconds until the next attempt, after ``tries`` failed ones.

        ``status`` is the last answer's (0: none came), ``retry_after`` the wait it asked for.
        """
        ...


class CallbackPolicy:
    """Callbacks: 2xx is delivered; 408, 429, 5xx and no answer are tried again; the rest is final."""

    parks = False

    def __init__(self, settings: CourierSettings) -> None:
        self._settings = settings
        self.timeout = settings.timeout
        self.patience = settings.patience
        self.max_age = settings.max_age

    def judge(self, status: int) -> Verdict:
        if 200 <= status < 300:
            return Verdict.DELIVERED
        if status in (408, 429) or 500 <= status < 600:
            return Verdict.RETRY
        return Verdict.REFUSED

    def wait(self, tries: int, status: int, retry_after: float) -> float:
        return max(backoff(self._settings, tries - 1), min(retry_after, self._settings.max_retry_after))


class GridPolicy:
    """Event Grid: 200 to 204 is delivered, :data:`GRID_FINAL` is final, everything else is tried again.

    ``draw`` gives random numbers from 0 to 1.
    """

    timeout = GRID_TIMEOUT
    patience = inf
    max_age = inf
    parks = True

    def __init__(self, draw: Callable[[], float] = random.random) -> None:
        self._draw = draw

    def judge(self, status: int) -> Verdict:
        if status in GRID_DELIVERED:
            return Verdict.DELIVERED
        return Verdict.REFUSED if status in GRID_FINAL else Verdict.RETRY

    def wait(self, tries: int, status: int, retry_after: float) -> float:
        step = GRID_SCHEDULE[min(tries, len(GRID_SCHEDULE)) - 1]
        least = max(step, GRID_LEAST.get(status, 0.0), min(retry_after, GRID_SCHEDULE[-1]))
        return least * (1.0 + GRID_JITTER * self._draw())


def backoff(settings: CourierSettings, failures: int) -> float:
    """Seconds to wait after ``failures`` + 1 failed attempts in a row: 1, 2, 4 ... up to the maximum."""
    return min(settings.max_backoff, settings.first_backoff * 2.0 ** min(failures, 30))


def outcome_of(status: int) -> str:
    """An answer in one word, as ``lastDeliveryOutcome`` of a dead letter has it."""
    if status in GRID_DELIVERED:
        return "Delivered"
    return _OUTCOMES.get(status, "GenericError")
