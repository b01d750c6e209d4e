"""What happened to an operation, and when: for people who ask why an event was sent.

Pure and bounded: what comes first and what comes last is kept, and how much lies between is counted.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

KEPT_FIRST = 40
KEPT_LAST = 40
"""Entries kept of the beginning and of the end."""
LONGEST = 300
"""Characters of a detail."""


@dataclass(frozen=True, slots=True)
class Entry:
    """``what`` happened at ``at`` (seconds of the turn's clock), with the particulars."""

    at: float
    what: str
    detail: str = ""


class Trace:
    """The entries of one operation, in order."""

    __slots__ = ("_first", "_last", "left_out")

    def __init__(self) -> None:
        self.left_out = 0
        self._first: list[Entry] = []
        self._last: deque[Entry] = deque(maxlen=KEPT_LAST)

    def add(self, at: float, what: str, detail: str = "") -> None:
        if len(detail) > LONGEST:
            detail = f"{detail[: LONGEST - 3]}..."
        entry = Entry(at, what, detail)
        if len(self._first) < KEPT_FIRST:
            self._first.append(entry)
            return
        self.left_out += len(self._last) == KEPT_LAST
        self._last.append(entry)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All that is kept."""
        return (*self._first, *self._last)

    @property
    def first(self) -> tuple[Entry, ...]:
        """The first entries, all of them while there are few."""
        return tuple(self._first)

    @property
    def last(self) -> tuple[Entry, ...]:
        """The latest entries that are not among the first; ``left_out`` came between."""
        return tuple(self._last)
