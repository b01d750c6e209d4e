from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from hookflash.store.writer import MAX_GROUP, JournalError, JournalOverloaded, Work, Writer


@asynccontextmanager
async def writer(path: Path, limit: int = 100) -> AsyncIterator[tuple[Writer, list[str]]]:
    connection = sqlite3.connect(path / "w.db", isolation_level=None, check_same_thread=False)
    connection.execute("CREATE TABLE t (n INTEGER UNIQUE)")
    statements: list[str] = []
    connection.set_trace_callback(statements.append)
    made = Writer(connection, asyncio.get_running_loop(), limit, "w.db")
    try:
        yield made, statements
    finally:
        await made.close()


def insert(n: object) -> Work:
    return lambda connection: connection.execute("INSERT INTO t VALUES (?)", (n,))


class Gate:
    """A job that holds the writer's thread until it is opened."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.opened = threading.Event()

    def __call__(self, connection: sqlite3.Connection) -> None:
        self.reached.set()
        assert self.opened.wait(30)


async def test_what_waits_together_is_committed_together(tmp_path: Path) -> None:
    async with writer(tmp_path) as (made, statements):
        gate = Gate()
        first = made.submit(gate)
        await asyncio.to_thread(gate.reached.wait, 30)
        rest = [made.submit(insert(n)) for n in range(50)]
        gate.opened.set()
        await asyncio.gather(first, *rest)
        assert statements.count("COMMIT") == 2
        assert made.waiting == 0


async def test_groups_have_a_bound(tmp_path: Path) -> None:
    async with writer(tmp_path, limit=10 * MAX_GROUP) as (made, statements):
        gate = Gate()
        first = made.submit(gate)
        await asyncio.to_thread(gate.reached.wait, 30)
        rest = [made.submit(lambda connection: None) for _ in range(MAX_GROUP + 1)]
        gate.opened.set()
        await asyncio.gather(first, *rest)
        assert statements.count("COMMIT") == 3


async def test_futures_resolve_in_the_order_of_the_jobs(tmp_path: Path) -> None:
    async with writer(tmp_path) as (made, _):
        seen: list[int] = []
        futures = [made.submit(lambda connection: None, committed=partial(seen.append, n)) for n in range(30)]
        await asyncio.gather(*futures)
        assert seen == list(range(30))


async def test_one_bad_job_does_not_fail_its_neighbours(tmp_path: Path) -> None:
    async with writer(tmp_path) as (made, _):
        gate = Gate()
        first = made.submit(gate)
        await asyncio.to_thread(gate.reached.wait, 30)
        jobs = [made.submit(insert(n)) for n in (1, 1, object(), 2**70, "\ud800", 2)]
        gate.opened.set()
        await first
        results = await asyncio.gather(*jobs, return_exceptions=True)
        assert [isinstance(r, JournalError) for r in results] == [False, True, True, True, True, False]


async def test_the_backlog_is_bounded_and_room_is_announced(tmp_path: Path) -> None:
    async with writer(tmp_path, limit=10) as (made, _):
        await made.room()
        gate = Gate()
        first = made.submit(gate)
        await asyncio.to_thread(gate.reached.wait, 30)
        fits = made.submit(insert(1), weight=9)
        with pytest.raises(JournalOverloaded, match=r"10 rows wait for the disk under w.db \(limit 10\)"):
            await made.submit(insert(2))
        urgent = made.submit(insert(3), always=True)
        room = asyncio.ensure_future(made.room())
        await asyncio.sleep(0)
        assert not room.done()
        gate.opened.set()
        await asyncio.gather(first, fits, urgent, room)
        await made.submit(insert(2))


async def test_a_write_larger_than_the_limit_passes_when_nothing_waits(tmp_path: Path) -> None:
    async with writer(tmp_path, limit=10) as (made, _):
        await made.submit(insert(1), weight=50)


async def test_a_cancelled_caller_leaves_the_write_standing(tmp_path: Path) -> None:
    async with writer(tmp_path) as (made, _):
        gate = Gate()
        first = made.submit(gate)
        await asyncio.to_thread(gate.reached.wait, 30)
        abandoned = made.submit(insert(1))
        failing = made.submit(insert(1))
        abandoned.cancel()
        failing.cancel()
        gate.opened.set()
        await first
        rows: list[object] = []
        await made.submit(lambda c: rows.extend(c.execute("SELECT n FROM t")))
        assert rows == [(1,)]


async def test_closing_writes_what_is_queued_first(tmp_path: Path) -> None:
    async with writer(tmp_path) as (made, _):
        jobs = [made.submit(insert(n)) for n in range(20)]
        await made.close()
        assert all(job.done() and job.exception() is None for job in jobs)
        with pytest.raises(JournalError, match=r"w\.db is closed"):
            await made.submit(insert(99))


async def test_a_read_only_file_says_what_to_do(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "w.db").execute("CREATE TABLE t (n)").connection.close()
    connection = sqlite3.connect(
        f"file:{tmp_path}/w.db?mode=ro", uri=True, isolation_level=None, check_same_thread=False
    )
    made = Writer(connection, asyncio.get_running_loop(), 10, "w.db")
    with pytest.raises(JournalError, match="readonly database; make the file"):
        await made.submit(insert(1))
    await made.close()
