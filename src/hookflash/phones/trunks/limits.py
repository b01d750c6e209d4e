"""How much a trunk may carry: calls at the same time, and new calls a second."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from math import ceil

from hookflash.phones.trunks.config import TrunkCare

FULL_FOR = 5
"""Seconds after which a caller that met a full trunk may try again (Retry-After)."""
NOTICE = 10.0
"""Seconds between two lines in the log about the same limit."""


class Bucket:
    """A token bucket: ``rate`` tokens a second, a second's worth (one at least) at once."""

    def __init__(self, rate: float, now: float) -> None:
        self._rate = rate
        self._most = max(1.0, rate)
        self._left = self._most
        self._seen = now

    def take(self, now: float) -> bool:
        """Take a token; False when there is none."""
        self._refill(now)
        # Sums of small pieces of time miss a whole token by a rounding error.
        if self._left < 1.0 - 1e-9:
            return False
        self._left -= 1.0
        return True

    def wait(self, now: float) -> float:
        """Seconds until there is a token; 0 when there is one."""
        self._refill(now)
        return max(0.0, (1.0 - self._left) / self._rate)

    def _refill(self, now: float) -> None:
        self._left = min(self._most, self._left + max(0.0, now - self._seen) * self._rate)
        self._seen = max(self._seen, now)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A call a trunk may not carry: the setting that says so, in words, and seconds to wait."""

    limit: str
    reason: str
    retry_after: int
    told: bool
    """Whether it is worth a line in the log: the first one of a while."""


class TrunkLimits:
    """The limits of one trunk. Refusals are counted by the name of the limit."""

    def __init__(self, name: str, care: TrunkCare, now: float) -> None:
        self._name = name
        self._calls = care.calls
        self._rate = care.calls_per_second
        self._bucket = None if care.calls_per_second is None else Bucket(care.calls_per_second, now)
        self._quiet_until: dict[str, float] = {}
        self.refused: Counter[str] = Counter()

    def admit(self, now: float, active: int) -> Refusal | None:
        """Let one more call pass beside ``active`` ones, and count it; a refusal when it may not."""
        if self._calls is not None and active >= self._calls:
            reason = f"trunk {self._name} carries {active} calls, as many as limits.calls allows"
            return self._refuse(now, "calls", reason, FULL_FOR)
        if self._bucket is not None and not self._bucket.take(now):
            reason = f"trunk {self._name} has had its {self._rate:g} calls a second (limits.calls_per_second)"
            return self._refuse(now, "calls_per_second", reason, max(1, ceil(self._bucket.wait(now))))
        return None

    def _refuse(self, now: float, limit: str, reason: str, retry_after: int) -> Refusal:
        self.refused[limit] += 1
        told = now >= self._quiet_until.get(limit, now)
        if told:
            self._quiet_until[limit] = now + NOTICE
        return Refusal(limit, reason, retry_after, told)
