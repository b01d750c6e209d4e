"""What a phone does on one call and when: the script it was given, and the keys that are pressed by hand.

Pure: the time comes in, what is due comes out. Keys are never closer together than a finger could press
them, whoever asked for them; the order of each source's keys is kept.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

from hookflash.ports.virtual_phones import OnCall, Press, Script

KEY_TIME = 0.2
"""Seconds from one key to the next: 120 ms of tone and 80 ms of pause."""
MAX_WAITING = 1_000
"""Keys that may wait to be pressed on one call."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Pick up."""


@dataclass(frozen=True, slots=True)
class Reject:
    """Refuse, as the script says."""


@dataclass(frozen=True, slots=True)
class Key:
    """Press one key."""

    digit: str


@dataclass(frozen=True, slots=True)
class HangUp:
    """Put down."""


Action = Answer | Reject | Key | HangUp


class Performance:
    """A script as it is played on one call; all times are those of one clock, in seconds."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._waiting: list[tuple[float, int, Action]] = []
        self._order = 0
        self._keys = 0
        self._free_at = float("-inf")

    @property
    def next_at(self) -> float | None:
        """When something is due; None when nothing is planned."""
        return self._waiting[0][0] if self._waiting else None

    @property
    def rejects_at_once(self) -> bool:
        """Whether the phone refuses a call without ringing."""
        return self._script.on_call is OnCall.REJECT and not self._script.after_ms

    def rings(self, now: float) -> None:
        """Somebody calls the phone."""
        if self._script.on_call is not OnCall.RING:
            action: Action = Answer() if self._script.on_call is OnCall.ANSWER else Reject()
            self._plan(now + self._script.after_ms / 1000, action)

    def up(self, now: float) -> None:
        """The call is up."""
        at = now
        for press in self._script.press:
            at = self._plan_keys(at + press.after_ms / 1000, press)
        if self._script.hang_up_after_ms is not None:
            self._plan(now + self._script.hang_up_after_ms / 1000, HangUp())

    def press(self, now: float, digits: str) -> bool:
        """Press keys from now on; False when too many wait already, and then none of them is pressed."""
        if self._keys + len(digits) > MAX_WAITING:
            return False
        self._plan_keys(now, Press(digits))
        return True

    def over(self) -> None:
        """The call has ended: nothing is planned any more."""
        self._waiting.clear()
        self._keys = 0

    def take(self, now: float) -> Action | None:
        """The next thing to do that is due; None when nothing is."""
        while self._waiting and self._waiting[0][0] <= now:
            _, order, action = heapq.heappop(self._waiting)
            if isinstance(action, Key):
                if now < self._free_at:
                    heapq.heappush(self._waiting, (self._free_at, order, action))
                    continue
                self._keys -= 1
                self._free_at = now + KEY_TIME
            return action
        return None

    def _plan_keys(self, at: float, press: Press) -> float:
        """Plan keys from ``at`` on; when the last of them is pressed, if nothing comes between."""
        for number, digit in enumerate(press.digits):
            self._plan(at + number * KEY_TIME, Key(digit))
        self._keys += len(press.digits)
        return at + (len(press.digits) - 1) * KEY_TIME

    def _plan(self, at: float, action: Action) -> None:
        self._order += 1
        heapq.heappush(self._waiting, (at, self._order, action))
