"""What a phone does on one call and when: the script it was given, and the keys that are pressed by hand.

Pure: the time comes in, what is due comes out. Keys are never closer together than a finger could press
them, whoever asked for them; the order of each source's keys is kept.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from hookflash.ports.virtual_phones import OnCall, Script

KEY_TIME = 0.2
"""Seconds from one key to the next: 120 ms of tone and 80 ms of pause."""
MAX_WAITING = 1_000
"""Keys pressed by hand that may wait on one call."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Pick up."""


@dataclass(frozen=True, slots=True)
class Connect:
    """Come up: what an answer set off has taken its time."""


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


Action = Answer | Connect | Reject | Key | HangUp


class Performance:
    """A script as it is played on one call; all times are those of one clock, in seconds."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._moves: list[tuple[float, Action]] = []
        self._scripted: deque[tuple[float, str]] = deque()
        self._by_hand: deque[tuple[float, str]] = deque()
        self._free_at = float("-inf")

    @property
    def next_at(self) -> float | None:
        """When something is due; None when nothing is planned."""
        keys = self._next_keys()
        times = [at for at, _ in self._moves]
        if keys is not None:
            times.append(max(keys[0][0], self._free_at))
        return min(times, default=None)

    @property
    def rejects_at_once(self) -> bool:
        """Whether the phone refuses a call without ringing."""
        return self._script.on_call is OnCall.REJECT and not self._script.after_ms

    def rings(self, now: float) -> None:
        """Somebody calls the phone."""
        if self._script.on_call is not OnCall.RING:
            action: Action = Answer() if self._script.on_call is OnCall.ANSWER else Reject()
            self._moves.append((now + self._script.after_ms / 1000, action))

    def answered(self, now: float) -> None:
        """The side that is called has answered; the call is not up yet."""
        connect, hang_up = self._script.connect_after_ms, self._script.hang_up_after_ms
        if hang_up is not None and hang_up < connect:
            self._moves.append((now + hang_up / 1000, HangUp()))
        self._moves.append((now + connect / 1000, Connect()))

    def up(self, now: float) -> None:
        """The call is up."""
        at = now
        for press in self._script.press:
            at += press.after_ms / 1000
            self._scripted.extend((at + number * KEY_TIME, key) for number, key in enumerate(press.digits))
            at += (len(press.digits) - 1) * KEY_TIME
        connect, hang_up = self._script.connect_after_ms, self._script.hang_up_after_ms
        if hang_up is not None and hang_up >= connect:
            self._moves.append((now + (hang_up - connect) / 1000, HangUp()))

    def press(self, now: float, digits: str) -> bool:
        """Press keys from now on; False when too many wait already, and then none of them is pressed."""
        if len(self._by_hand) + len(digits) > MAX_WAITING:
            return False
        self._by_hand.extend((now, key) for key in digits)
        return True

    def over(self) -> None:
        """The call has ended: nothing is planned any more."""
        self._moves.clear()
        self._scripted.clear()
        self._by_hand.clear()

    def take(self, now: float) -> Action | None:
        """The next thing to do that is due; None when nothing is."""
        keys = self._next_keys()
        if keys is not None and now >= max(keys[0][0], self._free_at):
            self._free_at = now + KEY_TIME
            return Key(keys.popleft()[1])
        for move in self._moves:
            if now >= move[0]:
                self._moves.remove(move)
                return move[1]
        return None

    def _next_keys(self) -> deque[tuple[float, str]] | None:
        """The source of the next key: the one that has waited longer, the script's before those by hand."""
        return min(filter(None, (self._scripted, self._by_hand)), key=lambda keys: keys[0][0], default=None)
