"""How far one side of a worker's pipe may be ahead of the other with the messages of a job.

See :data:`hookflash.speech.messages.WINDOW`; nothing here waits or sends.
"""

from __future__ import annotations

from hookflash.speech.messages import WINDOW, ProtocolError


class Outgoing:
    """Messages of a job that may still be sent."""

    def __init__(self) -> None:
        self._room = WINDOW

    @property
    def open(self) -> bool:
        """Whether one may be sent now."""
        return self._room > 0

    def sent(self) -> None:
        """One was."""
        self._room -= 1

    def taken(self, messages: int) -> None:
        """The other side has room for more."""
        self._room = min(WINDOW, self._room + messages)


class Incoming:
    """Messages of a job that have come, and those the other side has not been told about."""

    def __init__(self) -> None:
        self._waiting = 0
        self._untold = 0

    def came(self) -> None:
        """One has come. Raises :class:`ProtocolError` for one that had to wait at the other side."""
        if self._waiting + self._untold >= WINDOW:
            raise ProtocolError(f"more than {WINDOW} messages of a job came ahead of whoever takes them")
        self._waiting += 1

    def took(self, messages: int = 1) -> int:
        """They are dealt with; how many the other side is to be told about now, often none."""
        self._waiting -= messages
        self._untold += messages
        if self._untold < WINDOW // 2:
            return 0
        told, self._untold = self._untold, 0
        return told
