"""How much of our memory each source may take: the transactions that its requests open."""

from __future__ import annotations

from collections import Counter

LIMITS = ("transactions", "transactions_per_source", "dialogs")


class Holdings:
    """How many each source holds of something, ``most`` at most; 0 is no bound, and nothing is counted."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held: Counter[str] = Counter()

    def __len__(self) -> int:
        """Sources that hold any."""
        return len(self._held)

    def full(self, source: str) -> bool:
        """Whether a source may have no more."""
        return bool(self._most and source) and self._held[source] >= self._most

    def take(self, source: str) -> str:
        """Count one; returns whom to :meth:`release` it for."""
        if not self._most or not source:
            return ""
        self._held[source] += 1
        return source

    def release(self, source: str) -> None:
        """Count one less of what :meth:`take` has counted."""
        if source:
            self._held[source] -= 1
            if not self._held[source]:
                del self._held[source]


class Room:
    """What sources hold of a user agent, and what they were refused.

    Attributes:
        source: whom it counts for what is opened now.
        refused: requests that were refused for want of room, by the limit that said so (:data:`LIMITS`).
    """

    def __init__(self, transactions: int) -> None:
        self.transactions = Holdings(transactions)
        self.source = ""
        self.refused: Counter[str] = Counter(dict.fromkeys(LIMITS, 0))
