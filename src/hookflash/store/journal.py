"""The journal, on SQLite: every command, fact and event in order, and the outbox of what apps are owed."""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from hookflash.ports.journal import Delivery, Entry, KeptAnswer, Progress
from hookflash.ports.outbox import Settlement
from hookflash.store import outbox
from hookflash.store.schema import migrate
from hookflash.store.writer import JournalError, Writer

log = logging.getLogger("hookflash.store")

__all__ = ["Retention", "SqliteJournal", "StoredEntry"]

T = TypeVar("T")

FILE_NAME = "journal.db"
BUSY_SECONDS = 5.0
"""How long to wait for somebody who reads or copies the file with a tool of their own."""
ANSWERS = 50_000
"""Answers to repeatable requests that are kept at most; the oldest go first."""
TRIM_EVERY = 256
"""After how many new answers the oldest are thrown away."""
PRUNE_ROWS = 5000
"""Rows deleted in one transaction at most, so that pruning never holds up the writes of calls."""

_INSERT_ENTRY = "INSERT INTO entries (at, kind, name, call, connection, data) VALUES (?, ?, ?, ?, ?, ?)"
_INSERT_ANSWER = (
    "INSERT OR REPLACE INTO answers (key, digest, at, status, body, chain) VALUES (?, ?, ?, ?, ?, ?)"
)
_TRIM_ANSWERS = "DELETE FROM answers WHERE seq <= (SELECT ifnull(max(seq), 0) FROM answers) - ?"
_ENTRY_COLUMNS = "seq, kind, name, at, call, connection, data"
# An opened connection that was never closed is needed to end its call after a crash, however old it is.
_STILL_OPEN = (
    "kind = 'connection' AND name = 'opened' AND NOT EXISTS (SELECT 1 FROM entries AS c WHERE"
    " c.connection = entries.connection AND c.name = 'closed' AND c.kind = 'connection')"
)

# In order, so that of one connection "opened" never outlasts "closed".
_MAY_GO = f"NOT ({_STILL_OPEN}) ORDER BY seq"


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """An entry with its place in the journal: ``seq`` increases, with gaps after pruning."""

    seq: int
    entry: Entry


@dataclass(frozen=True, slots=True)
class Retention:
    """Keep entries and settled deliveries younger than ``days``, and the newest ``rows``; None: no bound."""

    days: float | None = 30.0
    rows: int | None = 5_000_000
    answers: float = 86_400.0
    """Seconds an answer to a repeatable request is kept."""


class SqliteJournal:
    """Implements ``ports.journal.Journal``, ``ports.outbox.Outbox`` and ``ports.outbox.Documents``.

    Create with :meth:`open`, on the event loop that will use it; writing methods are called on that loop.

    Attributes:
        on_outbox: called on the loop with the deliveries of a write once they are durable.
    """

    def __init__(self, path: Path, writer: Writer, answers: int = ANSWERS) -> None:
        self.path = path
        self._most_answers = answers
        self._new_answers = 0
        self.on_outbox: Callable[[list[Delivery]], None] | None = None
        self._writer = writer
        self._readers = ThreadPoolExecutor(1, thread_name_prefix="hookflash-journal-read")
        self._reading: sqlite3.Connection | None = None

    @classmethod
    def open(cls, directory: Path | str, *, limit: int = 100_000, answers: int = ANSWERS) -> SqliteJournal:
        """Open or create ``journal.db`` (mode 0600) in an existing directory and bring it up to date.

        Args:
            directory: the data directory; lock it first (``DataDirectory.acquire``).
            limit: rows that may wait for the disk.
            answers: answers to repeatable requests that are kept.

        Raises:
            JournalError: the file cannot be opened, or is not a database.
            SchemaError: a newer Hookflash wrote it.
        """
        path = Path(directory) / FILE_NAME
        try:
            # SQLite gives the -wal and -shm files the mode of the main file.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            connection = _connect(path)
            connection.execute("PRAGMA journal_mode = WAL")
            # What apps gave in confidence for a recording's storage is in documents that are deleted.
            connection.execute("PRAGMA secure_delete = ON")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA wal_autocheckpoint = 4000")
            migrate(connection, time.time(), name=str(path))
        except (sqlite3.Error, OSError) as error:
            raise JournalError(
                f"could not open the journal {path}: {error}; "
                "check the file and its disk, or move the file away to start with a new one"
            ) from error
        return cls(path, Writer(connection, asyncio.get_running_loop(), limit, str(path)), answers)

    async def close(self) -> None:
        """Write everything queued, then close the file; idempotent."""
        await self._writer.close()
        if self._reading is not None:
            await self._read(lambda connection: connection.close())
            self._reading = None
        self._readers.shutdown()

    # --- writing --------------------------------------------------------------------------------------------

    def write(
        self, entries: list[Entry], deliveries: list[Delivery], answers: Sequence[KeptAnswer] = ()
    ) -> asyncio.Future[None]:
        """See ``ports.journal.Journal.write``. The future fails with :class:`JournalError`."""
        answer_rows = [(a.key, a.digest, a.at, a.status, a.body, a.chain) for a in answers]
        trim = self._time_to_trim(len(answer_rows))
        entry_rows = [(e.at, e.kind, e.name, e.call, e.connection, e.data) for e in entries]
        delivery_rows = [outbox.insert_row(d) for d in deliveries]

        def work(connection: sqlite3.Connection) -> None:
            if entry_rows:
                connection.executemany(_INSERT_ENTRY, entry_rows)
            if delivery_rows:
                connection.executemany(outbox.INSERT, delivery_rows)
            if answer_rows:
                connection.executemany(_INSERT_ANSWER, answer_rows)
                if trim:
                    connection.execute(_TRIM_ANSWERS, (self._most_answers,))

        def committed() -> None:
            if self.on_outbox is not None:
                self.on_outbox(deliveries)

        return self._writer.submit(
            work,
            weight=len(entry_rows) + len(delivery_rows) + len(answer_rows),
            committed=committed if deliveries else None,
        )

    def _time_to_trim(self, new: int) -> bool:
        self._new_answers += new
        if self._new_answers < TRIM_EVERY:
            return False
        self._new_answers = 0
        return True

    def settle(self, settlement: Settlement) -> asyncio.Future[None]:
        """Record that a delivery was delivered or dropped; unknown or settled ids are ignored."""
        row = outbox.settle_row(settlement)
        return self._writer.submit(lambda connection: _run(connection, outbox.SETTLE, row), always=True)

    def postpone(self, id: str, progress: Progress, *, parked: bool) -> asyncio.Future[None]:
        """See ``ports.outbox.Outbox.postpone``."""
        row = outbox.postpone_row(id, progress, parked)
        return self._writer.submit(lambda connection: _run(connection, outbox.POSTPONE, row), always=True)

    def put_document(self, space: str, key: str, body: bytes) -> asyncio.Future[None]:
        row = (space, key, body)
        return self._writer.submit(
            lambda connection: _run(connection, "INSERT OR REPLACE INTO documents VALUES (?, ?, ?)", row)
        )

    def delete_document(self, space: str, key: str) -> asyncio.Future[None]:
        row = (space, key)
        return self._writer.submit(
            lambda connection: _run(connection, "DELETE FROM documents WHERE space = ? AND key = ?", row)
        )

    @property
    def waiting(self) -> int:
        """Rows handed in but not on disk yet."""
        return self._writer.waiting

    async def room(self) -> None:
        """Wait until the backlog is below half of its limit."""
        await self._writer.room()

    # --- reading --------------------------------------------------------------------------------------------

    async def entries_of_call(self, call: str, after: int = 0, limit: int = 10_000) -> list[StoredEntry]:
        """The entries of a server call in order, from beyond ``after`` (a ``seq``)."""
        return await self._entries("call = ? AND call <> ''", (call,), after, limit)

    async def entries_of_connection(
        self, connection: str, after: int = 0, limit: int = 10_000
    ) -> list[StoredEntry]:
        """The entries of a callConnectionId in order, from beyond ``after`` (a ``seq``)."""
        return await self._entries("connection = ? AND connection <> ''", (connection,), after, limit)

    async def entries(self, after: int = 0, limit: int = 1000) -> list[StoredEntry]:
        """The whole journal in order, page by page."""
        return await self._entries("1", (), after, limit)

    async def unclosed_connections(self) -> list[Entry]:
        """The "opened" entries of connections without a "closed" one: what a crash has cut off."""
        # Read at every start: by the small index, not through the whole journal.
        table = "entries INDEXED BY connection_life"
        sql = f"SELECT {_ENTRY_COLUMNS} FROM {table} WHERE {_STILL_OPEN} ORDER BY seq"
        return [_stored_entry(row).entry for row in await self._rows(sql)]

    async def recent_connections(self, limit: int = 10_000) -> list[Entry]:
        """The newest ``limit`` "opened" entries, oldest first."""
        sql = (
            f"SELECT {_ENTRY_COLUMNS} FROM entries INDEXED BY connection_life"
            " WHERE kind = 'connection' AND name = 'opened' ORDER BY seq DESC LIMIT ?"
        )
        return [_stored_entry(row).entry for row in reversed(await self._rows(sql, (limit,)))]

    async def kept_answers(self, since: float) -> list[KeptAnswer]:
        """The answers to repeatable requests given at ``since`` (Unix time) or later, oldest first."""
        sql = "SELECT key, digest, at, status, body, chain FROM answers WHERE at >= ? ORDER BY seq"
        return [
            KeptAnswer(key, digest, at, status, bytes(body), chain)
            for key, digest, at, status, body, chain in await self._rows(sql, (since,))
        ]

    async def pending_deliveries(self, limit: int | None = None) -> list[Delivery]:
        """What is owed and not parked, in the order it was written; the first ``limit`` of it."""
        rows = await self._rows(outbox.READY, (-1 if limit is None else limit,))
        return [outbox.owed(row) for row in rows]

    async def due_deliveries(self, now: float, limit: int) -> list[Delivery]:
        """What is parked until ``now`` (Unix time) or earlier, the longest due first."""
        return [outbox.owed(row) for row in await self._rows(outbox.DUE, (now, limit))]

    async def next_due(self) -> float | None:
        """When the first parked delivery is due (Unix time); None when nothing is parked."""
        at = (await self._rows(outbox.NEXT_DUE))[0][0]
        return None if at is None else float(at)

    async def documents(self, space: str) -> dict[str, bytes]:
        rows = await self._rows("SELECT key, body FROM documents WHERE space = ? ORDER BY key", (space,))
        return {key: bytes(body) for key, body in rows}

    # --- retention ------------------------------------------------------------------------------------------

    async def prune(self, retention: Retention, now: float) -> int:
        """Delete what ``retention`` no longer keeps; returns the number of rows.

        Kept at any age: deliveries still owed, and the "opened" entry of a connection without "closed".
        ``now`` is Unix time.
        """
        removed = await self._prune("answers", "at < ? ORDER BY seq", now - retention.answers)
        if retention.days is not None:
            horizon = now - retention.days * 86_400
            oldest_kept = await self._first_entry_since(horizon)
            removed += await self._prune("entries", f"seq < ? AND {_MAY_GO}", oldest_kept)
            removed += await self._prune("outbox", "outcome IS NOT NULL AND settled_at < ?", horizon)
        if retention.rows is not None:
            for table, may_go in (
                ("entries", f"seq <= ? AND {_MAY_GO}"),
                ("outbox", "seq <= ? AND outcome IS NOT NULL"),
            ):
                beyond = f"SELECT seq FROM {table} ORDER BY seq DESC LIMIT 1 OFFSET ?"
                found = await self._rows(beyond, (retention.rows,))
                if found:
                    removed += await self._prune(table, may_go, found[0][0])
        return removed

    async def _first_entry_since(self, horizon: float) -> int:
        """The ``seq`` of the oldest entry not older than ``horizon``; beyond the last one if all are older.

        Entries are in order of time (but for steps of the clock, which do not matter here), so halving finds
        it without an index on the time, which every write would have to pay for.
        """
        low, high = (await self._rows("SELECT ifnull(min(seq), 0), ifnull(max(seq), 0) + 1 FROM entries"))[0]
        while low < high:
            middle = (low + high) // 2
            row = await self._rows("SELECT at FROM entries WHERE seq >= ? ORDER BY seq LIMIT 1", (middle,))
            if row and row[0][0] < horizon:
                low = middle + 1
            else:
                high = middle
        return int(low)

    async def _prune(self, table: str, may_go: str, bound: float) -> int:
        chosen = f"SELECT seq FROM {table} WHERE {may_go} LIMIT {PRUNE_ROWS}"
        sql = f"DELETE FROM {table} WHERE seq IN ({chosen})"
        counts: list[int] = []

        def work(connection: sqlite3.Connection) -> None:
            counts.append(_run(connection, sql, (bound,)))

        await self._writer.submit(work)
        while counts[-1] == PRUNE_ROWS:
            await self._writer.submit(work)
        return sum(counts)

    # --- helpers --------------------------------------------------------------------------------------------

    async def _entries(
        self, where: str, values: tuple[str, ...], after: int, limit: int
    ) -> list[StoredEntry]:
        sql = f"SELECT {_ENTRY_COLUMNS} FROM entries WHERE {where} AND seq > ? ORDER BY seq LIMIT ?"
        return [_stored_entry(row) for row in await self._rows(sql, (*values, after, limit))]

    async def _rows(self, sql: str, values: Iterable[object] = ()) -> list[Any]:
        return await self._read(lambda connection: connection.execute(sql, tuple(values)).fetchall())

    async def _read(self, fn: Callable[[sqlite3.Connection], T]) -> T:
        def run() -> T:
            if self._reading is None:
                self._reading = _connect(self.path)
                self._reading.execute("PRAGMA query_only = 1")
            return fn(self._reading)

        try:
            return await asyncio.get_running_loop().run_in_executor(self._readers, run)
        except sqlite3.Error as error:
            raise JournalError(
                f"could not read the journal {self.path}: {error}; look after the disk and the file"
            ) from error


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)


def _run(connection: sqlite3.Connection, sql: str, row: tuple[object, ...]) -> int:
    return connection.execute(sql, row).rowcount


def _stored_entry(row: Any) -> StoredEntry:
    seq, kind, name, at, call, connection, data = row
    return StoredEntry(seq, Entry(kind, name, at, call, connection, bytes(data)))
