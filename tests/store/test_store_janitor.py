from __future__ import annotations

import asyncio

import pytest

from hookflash.ports.journal import Entry
from hookflash.store import Janitor, JournalError, Retention, SqliteJournal
from hookflash.testing.clock import START_WALL, VirtualClock

DAY = 86_400.0


async def names(journal: SqliteJournal) -> list[str]:
    return [stored.entry.name for stored in await journal.entries()]


async def test_it_prunes_at_the_start_and_every_hour(journal: SqliteJournal) -> None:
    clock = VirtualClock()
    await journal.write([Entry("event", "old", START_WALL - 2 * DAY), Entry("event", "new", START_WALL)], [])
    janitor = Janitor(journal, clock, Retention(days=1, rows=None), every=3600.0)
    janitor.start()
    assert janitor._rounds.running is not None
    await janitor._rounds.running
    assert await names(journal) == ["new"]
    clock.advance(3600.0 * 24)
    await janitor._rounds.running
    clock.advance(3600.0)
    await janitor.close()
    assert await names(journal) == []
    assert clock.pending == []
    await janitor.close()


async def test_rounds_do_not_overlap(journal: SqliteJournal, monkeypatch: pytest.MonkeyPatch) -> None:
    started = 0
    release = asyncio.Event()

    async def slow(retention: Retention, now: float) -> int:
        nonlocal started
        started += 1
        await release.wait()
        return 0

    monkeypatch.setattr(journal, "prune", slow)
    clock = VirtualClock()
    janitor = Janitor(journal, clock, Retention(), every=1.0)
    janitor.start()
    await clock.elapse(5.0)
    assert started == 1
    release.set()
    await janitor.close()


async def test_a_journal_that_cannot_be_pruned_is_said_and_tried_again(
    journal: SqliteJournal, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tried = 0

    async def fail(retention: Retention, now: float) -> int:
        nonlocal tried
        tried += 1
        raise JournalError("disk on fire")

    monkeypatch.setattr(journal, "prune", fail)
    clock = VirtualClock()
    janitor = Janitor(journal, clock, Retention(), every=1.0)
    janitor.start()
    await clock.elapse(1.0)
    await janitor.close()
    assert tried == 2
    assert "not pruned: disk on fire" in caplog.text
    await Janitor(journal, clock, Retention()).close()
