"""How long recordings are kept: files that have been stored for longer are deleted."""

from __future__ import annotations

import logging
from typing import Protocol

from hookflash.ports.clock import Clock
from hookflash.recording.metadata import StoredFile
from hookflash.waiting import Rounds

EVERY = 600.0
"""Seconds between two looks."""

_log = logging.getLogger(__name__)


class Kept(Protocol):
    """What may be deleted, and how: a library, or a shelf."""

    def files(self) -> list[StoredFile]: ...

    async def delete(self, document_id: str) -> bool:
        """Raises OSError."""
        ...


class Keeping:
    """Deletes what is too old, at the start and then every :data:`EVERY` seconds.

    Args:
        kept: the files.
        clock: says what time it is.
        hours: how long a file is kept after its end; 0: for ever.
    """

    def __init__(self, kept: Kept, clock: Clock, hours: float) -> None:
        self._kept = kept
        self._clock = clock
        self._hours = hours
        self._rounds = Rounds(clock, EVERY, self._clear)

    def start(self) -> None:
        """Begin; returns at once."""
        if self._hours:
            self._rounds.start()

    async def close(self) -> None:
        """Stop, and wait for a round under way."""
        await self._rounds.close()

    async def _clear(self) -> None:
        before = self._clock.wall() - 3600 * self._hours
        for file in self._kept.files():
            if file.state != "stored" or file.ended > before:
                continue
            try:
                await self._kept.delete(file.document_id)
            except OSError as error:
                _log.error("recording %s is too old and could not be deleted: %s", file.document_id, error)
            else:
                _log.info("recording %s was deleted, %g hours after its end", file.document_id, self._hours)
