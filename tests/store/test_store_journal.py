from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from settled import deliveries_of_lane

from hookflash.ports.journal import Delivery, Entry, Journal
from hookflash.ports.outbox import Documents, Outbox, Settlement
from hookflash.store import JournalError, Retention, SqliteJournal
from hookflash.store import journal as journal_module

DAY = 86_400.0


def entry(name: str, at: float = 0.0, *, kind: str = "event", call: str = "", connection: str = "") -> Entry:
    return Entry(kind, name, at, call, connection, b'{"n":1}')


def delivery(id: str, lane: str = "lane") -> Delivery:
    return Delivery(id=id, lane=lane, url="https://app.example/cb?secret=1", body=b"[{}]")


def settled(id: str, *, delivered: bool = True, at: float = 0.0) -> Settlement:
    return Settlement(id, delivered, 200 if delivered else 404, 1, at, "" if delivered else "not found")


async def test_it_is_every_port_it_says(journal: SqliteJournal) -> None:
    as_journal: Journal = journal
    as_outbox: Outbox = journal
    as_documents: Documents = journal
    await as_journal.write([], [delivery("1")])
    assert await as_outbox.pending_deliveries() == [delivery("1")]
    assert await as_documents.documents("none") == {}


async def test_entries_of_a_call_and_of_a_connection_come_back_in_order(journal: SqliteJournal) -> None:
    first = [entry("a", 1.5, call="c1", connection="k1"), entry("b", 2.5, call="c1", connection="k2")]
    second = [entry("c", 3.5, call="c2", connection="k3"), entry("d", 4.5, call="c1", connection="k1")]
    await asyncio.gather(journal.write(first, []), journal.write(second, []))
    assert [s.entry for s in await journal.entries_of_call("c1")] == [first[0], first[1], second[1]]
    assert [s.entry.name for s in await journal.entries_of_connection("k1")] == ["a", "d"]
    assert [s.entry.name for s in await journal.entries()] == ["a", "b", "c", "d"]


async def test_reading_goes_on_after_a_place(journal: SqliteJournal) -> None:
    await journal.write([entry(str(n), call="c") for n in range(10)], [])
    page = await journal.entries_of_call("c", limit=4)
    rest = await journal.entries_of_call("c", after=page[-1].seq)
    assert [s.entry.name for s in page + rest] == [str(n) for n in range(10)]


async def test_deliveries_keep_every_field_and_their_order(journal: SqliteJournal) -> None:
    full = Delivery(
        id="1",
        lane="l",
        url="https://app.example/?q=ä",
        body="ü".encode(),
        audience="guid",
        headers={"aeg-event-type": "Notification"},
        attempts=2,
        expires_at=12.5,
        name="IncomingCall",
    )
    await journal.write([entry("e")], [full, delivery("2")])
    await journal.write([], [delivery("3")])
    assert await journal.pending_deliveries() == [full, delivery("2"), delivery("3")]
    assert await journal.pending_deliveries(limit=1) == [full]


async def test_settled_deliveries_are_no_longer_pending(journal: SqliteJournal) -> None:
    await journal.write([], [delivery("1"), delivery("2"), delivery("3")])
    dropped = settled("2", delivered=False, at=7.0)
    await asyncio.gather(
        journal.settle(settled("1")), journal.settle(dropped), journal.settle(settled("no such"))
    )
    assert [d.id for d in await journal.pending_deliveries()] == ["3"]
    stored = await deliveries_of_lane(journal, "lane")
    assert [s.settlement for s in stored] == [settled("1"), dropped, None]
    await journal.settle(settled("2", delivered=True))
    assert (await deliveries_of_lane(journal, "lane"))[1].settlement == dropped


async def test_deliveries_are_announced_once_they_are_durable(tmp_path: Path, journal: SqliteJournal) -> None:
    announced: list[str] = []

    def look(deliveries: list[Delivery]) -> None:
        # Another connection sees committed rows only.
        with sqlite3.connect(tmp_path / "journal.db") as other:
            rows = other.execute("SELECT id FROM outbox ORDER BY seq").fetchall()
        assert {d.id for d in deliveries} <= {row[0] for row in rows}
        announced.extend(d.id for d in deliveries)

    journal.on_outbox = look
    writes = [journal.write([entry("x")], [delivery(str(n))]) for n in range(20)]
    writes.append(journal.write([entry("nothing owed")], []))
    await asyncio.gather(*writes)
    assert announced == [str(n) for n in range(20)]


async def test_entries_and_deliveries_of_a_write_stand_or_fall_together(journal: SqliteJournal) -> None:
    await journal.write([entry("first")], [delivery("1")])
    announced: list[Delivery] = []
    journal.on_outbox = announced.extend
    good = journal.write([entry("good")], [delivery("2")])
    twice = journal.write([entry("never")], [delivery("3"), delivery("1")])
    also_good = journal.write([entry("also good")], [])
    results = await asyncio.gather(good, twice, also_good, return_exceptions=True)
    assert results[0] is None
    assert isinstance(results[1], JournalError)
    assert results[2] is None
    assert [s.entry.name for s in await journal.entries()] == ["first", "good", "also good"]
    assert [d.id for d in await journal.pending_deliveries()] == ["1", "2"]
    assert [d.id for d in announced] == ["2"]


async def test_unclosed_connections_are_those_a_crash_cut_off(journal: SqliteJournal) -> None:
    def life(name: str, connection: str) -> Entry:
        return entry(name, kind="connection", connection=connection)

    await journal.write([life("opened", "k1"), life("opened", "k2"), life("opened", "k3")], [])
    await journal.write([life("closed", "k2"), entry("closed", kind="event", connection="k1")], [])
    assert [e.connection for e in await journal.unclosed_connections()] == ["k1", "k3"]


async def test_everything_is_there_after_reopening(tmp_path: Path) -> None:
    first = SqliteJournal.open(tmp_path)
    write = first.write([entry("e", call="c")], [delivery("1")])
    put = first.put_document("s", "k", b"v")
    await first.close()
    assert write.done()
    assert put.done()
    second = SqliteJournal.open(tmp_path)
    try:
        assert [s.entry.name for s in await second.entries_of_call("c")] == ["e"]
        assert [d.id for d in await second.pending_deliveries()] == ["1"]
        assert await second.documents("s") == {"k": b"v"}
    finally:
        await second.close()


async def test_a_closed_journal_refuses_writes_and_closes_again(tmp_path: Path) -> None:
    journal = SqliteJournal.open(tmp_path)
    await journal.entries()
    await journal.close()
    await journal.close()
    with pytest.raises(JournalError, match="is closed"):
        await journal.write([entry("late")], [])


async def test_documents_are_replaced_and_deleted_by_key(journal: SqliteJournal) -> None:
    await journal.put_document("a", "2", b"two")
    await journal.put_document("a", "1", b"one")
    await journal.put_document("b", "1", b"other")
    await journal.put_document("a", "2", b"zwei")
    await journal.delete_document("a", "none")
    assert await journal.documents("a") == {"1": b"one", "2": b"zwei"}
    await journal.delete_document("a", "1")
    assert await journal.documents("a") == {"2": b"zwei"}
    assert await journal.documents("b") == {"1": b"other"}


async def test_the_files_are_private(tmp_path: Path, journal: SqliteJournal) -> None:
    umask = os.umask(0)
    try:
        await journal.write([entry("e")], [])
        await journal.entries()
        modes = {name: stat.S_IMODE((tmp_path / name).stat().st_mode) for name in os.listdir(tmp_path)}
        assert modes == dict.fromkeys(("journal.db", "journal.db-wal", "journal.db-shm"), 0o600)
    finally:
        os.umask(umask)


async def test_every_commit_is_synced(journal: SqliteJournal) -> None:
    modes: list[object] = []

    def ask(connection: sqlite3.Connection) -> None:
        modes.append(connection.execute("PRAGMA journal_mode").fetchone()[0])
        modes.append(connection.execute("PRAGMA synchronous").fetchone()[0])

    await journal._writer.submit(ask)
    assert modes == ["wal", 2]


async def test_pruning_by_age_keeps_what_is_still_needed(journal: SqliteJournal) -> None:
    opened = entry("opened", 0.0, kind="connection", connection="alive")
    ended = [
        entry("opened", 0.0, kind="connection", connection="gone"),
        entry("closed", 1.0, kind="connection", connection="gone"),
    ]
    await journal.write(
        [opened, *ended, entry("old", 5.0), entry("young", 9.5 * DAY)],
        [delivery("owed"), delivery("old"), delivery("young")],
    )
    await asyncio.gather(
        journal.settle(settled("old", at=0.0)), journal.settle(settled("young", at=9.5 * DAY))
    )
    removed = await journal.prune(Retention(days=1, rows=None), now=10 * DAY)
    assert removed == 4
    assert [s.entry.name for s in await journal.entries()] == ["opened", "young"]
    assert await journal.unclosed_connections() == [opened]
    assert [s.delivery.id for s in await deliveries_of_lane(journal, "lane")] == ["owed", "young"]


@pytest.mark.parametrize("old", [0, 1, 5, 9, 10])
async def test_pruning_by_age_finds_the_border(journal: SqliteJournal, old: int) -> None:
    await journal.write([entry(str(n), at=0.0 if n < old else 5 * DAY) for n in range(10)], [])
    assert await journal.prune(Retention(days=1, rows=None), now=5 * DAY) == old
    assert [s.entry.name for s in await journal.entries()] == [str(n) for n in range(old, 10)]
    assert await journal.prune(Retention(days=1, rows=None), now=5 * DAY) == 0


async def test_pruning_an_empty_journal(journal: SqliteJournal) -> None:
    assert await journal.prune(Retention(days=1, rows=1), now=DAY) == 0


async def test_frequent_reads_do_not_go_through_the_whole_journal(
    journal: SqliteJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    plans: list[str] = []
    rows = journal._rows

    async def explained(sql: str, values: Iterable[object] = ()) -> list[Any]:
        plans.extend(row[3] for row in await rows(f"EXPLAIN QUERY PLAN {sql}", values))
        return await rows(sql, values)

    monkeypatch.setattr(journal, "_rows", explained)
    await journal.entries_of_call("c")
    await journal.entries_of_connection("k")
    await journal.unclosed_connections()
    await journal.pending_deliveries()
    await journal.due_deliveries(0.0, 10)
    await journal.next_due()
    await deliveries_of_lane(journal, "l")
    assert [plan for plan in plans if "SCAN" in plan and "USING INDEX" not in plan] == []
    indexes = (
        "entries_of_call",
        "entries_of_connection",
        "connection_life",
        "outbox_ready",
        "outbox_parked",
        "outbox_of_lane",
    )
    assert all(any(index in plan for plan in plans) for index in indexes), plans


async def test_pruning_by_rows_keeps_the_newest(
    journal: SqliteJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "PRUNE_ROWS", 7)
    await journal.write([entry(str(n)) for n in range(30)], [delivery(str(n)) for n in range(5)])
    await asyncio.gather(*(journal.settle(settled(str(n))) for n in range(4)))
    assert await journal.prune(Retention(days=None, rows=3), now=0.0) == 27 + 2
    assert [s.entry.name for s in await journal.entries()] == ["27", "28", "29"]
    assert [s.delivery.id for s in await deliveries_of_lane(journal, "lane")] == ["2", "3", "4"]
    assert await journal.prune(Retention(days=None, rows=3), now=0.0) == 0


async def test_a_full_disk_fails_the_writes_and_a_freed_one_takes_them(journal: SqliteJournal) -> None:
    await journal.write([entry("before")], [])

    def pages(limit: int) -> asyncio.Future[None]:
        return journal._writer.submit(lambda c: c.execute(f"PRAGMA max_page_count = {limit}"))

    await pages(1)
    big = Entry("event", "big", 0.0, data=b"x" * 200_000)
    with pytest.raises(JournalError, match=r"journal\.db: database or disk is full; free some space"):
        await journal.write([big], [delivery("1")])
    await pages(1_000_000)
    await journal.write([entry("after")], [])
    assert [s.entry.name for s in await journal.entries()] == ["before", "after"]
    assert await journal.pending_deliveries() == []
    assert journal.waiting == 0


async def test_a_locked_file_fails_the_writes_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "BUSY_SECONDS", 0.01)
    journal = SqliteJournal.open(tmp_path)
    other = sqlite3.connect(tmp_path / "journal.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        with pytest.raises(JournalError, match="database is locked; another program holds"):
            await journal.write([entry("e")], [])
    finally:
        other.execute("ROLLBACK")
        other.close()
    await journal.write([entry("e")], [])
    await journal.close()


async def test_a_file_that_is_no_database_is_refused_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "journal.db").write_bytes(b"this is no database" * 100)
    with pytest.raises(
        JournalError, match=r"could not open the journal .*journal\.db: file is not a database"
    ):
        SqliteJournal.open(tmp_path)


async def test_a_missing_directory_is_refused_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="nowhere"):
        SqliteJournal.open(tmp_path / "nowhere")


async def test_a_read_that_fails_says_which_file(journal: SqliteJournal) -> None:
    with pytest.raises(JournalError, match=r"could not read the journal .*journal\.db"):
        await journal._rows("SELECT * FROM no_such_table")


async def test_what_is_deleted_is_not_in_the_file_any_more(tmp_path: Path) -> None:
    journal = SqliteJournal.open(tmp_path)
    for number in range(20):
        await journal.put_document("space", str(number), b"s3cr3t" * 50)
    for number in range(20):
        await journal.delete_document("space", str(number))
    await journal.close()
    assert b"s3cr3t" not in await asyncio.to_thread((tmp_path / "journal.db").read_bytes)
