"""Answers to repeatable requests: kept with what they answer, bounded in number and age."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from hookflash.ports.journal import Entry, KeptAnswer, NotDurable
from hookflash.store import Retention, SqliteJournal
from hookflash.store import journal as journal_module
from hookflash.store.schema import MIGRATIONS, migrate


def answer(number: int, at: float = 0.0, body: bytes = b'{"a":1}') -> KeptAnswer:
    return KeptAnswer(f"resource POST /path {number}", "digest", at, 201, body, "correlation")


def entry(name: str, connection: str = "", kind: str = "command") -> Entry:
    return Entry(kind, name, 0.0, "", connection)


async def test_an_answer_comes_back_whole_in_order_and_not_older_than_asked(journal: SqliteJournal) -> None:
    kept = [answer(1, 10.0), answer(2, 20.0), answer(3, 30.0)]
    await journal.write([entry("CreateCall")], [], kept[:2])
    await journal.write([], [], kept[2:])
    assert await journal.kept_answers(0.0) == kept
    assert await journal.kept_answers(20.0) == kept[1:]


async def test_the_answer_outlives_the_process(tmp_path: Path) -> None:
    journal = SqliteJournal.open(tmp_path)
    await journal.write([entry("CreateCall")], [], [answer(1, 10.0)])
    await journal.close()
    again = SqliteJournal.open(tmp_path)
    assert await again.kept_answers(0.0) == [answer(1, 10.0)]
    assert [stored.entry.name for stored in await again.entries()] == ["CreateCall"]
    await again.close()


async def test_command_and_answer_are_written_both_or_neither(journal: SqliteJournal) -> None:
    bad = KeptAnswer("key", "digest", 0.0, 1 << 80, b"")
    with pytest.raises(NotDurable):
        await journal.write([entry("CreateCall")], [], [bad])
    assert await journal.entries() == []
    assert await journal.kept_answers(0.0) == []


async def test_a_key_has_one_answer_the_last(journal: SqliteJournal) -> None:
    await journal.write([], [], [answer(1, 1.0)])
    await journal.write([], [], [answer(1, 2.0, b"new")])
    assert await journal.kept_answers(0.0) == [answer(1, 2.0, b"new")]


async def test_the_oldest_go_when_there_are_too_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "TRIM_EVERY", 4)
    journal = SqliteJournal.open(tmp_path, answers=5)
    for number in range(12):
        await journal.write([], [], [answer(number, float(number))])
    assert [one.at for one in await journal.kept_answers(0.0)] == [7.0, 8.0, 9.0, 10.0, 11.0]
    await journal.close()


async def test_pruning_takes_those_that_are_too_old(journal: SqliteJournal) -> None:
    await journal.write([], [], [answer(number, 1000.0 * number) for number in range(10)])
    removed = await journal.prune(Retention(answers=4000.0), 9000.0)
    assert removed == 5
    assert [one.at for one in await journal.kept_answers(0.0)] == [5000.0, 6000.0, 7000.0, 8000.0, 9000.0]


async def test_the_newest_connections_come_oldest_first(journal: SqliteJournal) -> None:
    for number in range(5):
        await journal.write([entry("opened", f"c{number}", "connection")], [])
    await journal.write([entry("closed", "c3", "connection"), entry("CreateCall", "c9")], [])
    assert [one.connection for one in await journal.recent_connections(3)] == ["c2", "c3", "c4"]


async def test_a_file_of_the_version_before_gets_the_table(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "journal.db", isolation_level=None)
    assert migrate(connection, 0.0, MIGRATIONS[:1]) == 1
    connection.close()
    again = SqliteJournal.open(tmp_path)
    await again.write([], [], [answer(1)])
    assert len(await again.kept_answers(0.0)) == 1
    await again.close()
