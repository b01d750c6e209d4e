"""Keeps the journal from growing for ever."""

from __future__ import annotations

import logging

from hookflash.ports.clock import Clock
from hookflash.store.journal import Retention, SqliteJournal
from hookflash.store.writer import JournalError
from hookflash.waiting import Rounds

log = logging.getLogger("hookflash.store")

HOUR = 3600.0


class Janitor:
    """Prunes a journal at the start and then every so often.

    Args:
        journal: the journal.
        clock: says when.
        retention: what to keep.
        every: seconds between two rounds.
    """

    def __init__(
        self, journal: SqliteJournal, clock: Clock, retention: Retention, every: float = HOUR
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._retention = retention
        self._rounds = Rounds(clock, every, self._prune)

    def start(self) -> None:
        """Begin; returns at once."""
        self._rounds.start()

    async def close(self) -> None:
        """Stop and wait for a round under way; to be called before the journal is closed."""
        await self._rounds.close()

    async def _prune(self) -> None:
        try:
            removed = await self._journal.prune(self._retention, self._clock.wall())
        except JournalError as error:
            log.error("the journal was not pruned: %s", error)
            return
        if removed:
            log.info("pruned %d rows from the journal", removed)
