"""The one thread that writes: group commit over SQLite.

Whatever is queued when the thread comes round goes to disk as one transaction, so that everybody who waits
shares the cost of one sync. There is no timer: an idle journal commits a single write at once, a busy
one commits large groups.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass

from hookflash.ports.journal import NotDurable

log = logging.getLogger("hookflash.store")

Work = Callable[[sqlite3.Connection], object]
"""Statements to run inside a transaction somebody else opens and commits."""

MAX_GROUP = 4096
"""Jobs in one transaction at most; bounds the latency of the first of them."""


class JournalError(NotDurable):
    """A write did not reach the disk; the message says why and what to do."""


class JournalOverloaded(JournalError):
    """More writes are waiting than the journal is ready to hold."""


@dataclass(slots=True)
class Job:
    """One write and who waits for it; ``weight`` is its number of rows."""

    work: Work
    future: asyncio.Future[None]
    weight: int
    committed: Callable[[], None] | None


class Writer:
    """Runs jobs in order on a thread of its own and resolves their futures on ``loop``.

    Args:
        connection: in autocommit mode; used by the writer's thread only, which closes it at the end.
        loop: the event loop of the callers.
        limit: rows that may wait at most; beyond it :meth:`submit` fails with :class:`JournalOverloaded`.
        path: the file's path, for messages.
    """

    def __init__(
        self, connection: sqlite3.Connection, loop: asyncio.AbstractEventLoop, limit: int, path: str
    ) -> None:
        self._connection = connection
        self._loop = loop
        self._limit = limit
        self._path = path
        self._queue: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._waiting = 0
        self._room: list[asyncio.Future[None]] = []
        self._closing = False
        self._closed: asyncio.Future[None] = loop.create_future()
        self._thread = threading.Thread(target=self._run, name="hookflash-journal", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Rows handed in but not on disk yet."""
        return self._waiting

    def submit(
        self,
        work: Work,
        *,
        weight: int = 1,
        committed: Callable[[], None] | None = None,
        always: bool = False,
    ) -> asyncio.Future[None]:
        """Queue a job; must be called on the event loop.

        Args:
            work: the statements.
            weight: how many rows they write.
            committed: called on the loop after the commit, in order of the jobs, before the future resolves.
            always: queue even when the limit is reached (for jobs that make the backlog smaller).
        """
        future: asyncio.Future[None] = self._loop.create_future()
        if self._closing:
            future.set_exception(JournalError(f"journal {self._path} is closed; nothing more can be written"))
        elif self._waiting + weight > self._limit and self._waiting and not always:
            future.set_exception(
                JournalOverloaded(
                    f"{self._waiting} rows wait for the disk under {self._path} (limit {self._limit}); "
                    "the disk is too slow for this load: slow down and try again"
                )
            )
        else:
            self._waiting += weight
            self._queue.put(Job(work, future, weight, committed))
        return future

    async def room(self) -> None:
        """Wait until less than half of the limit is waiting: backpressure for whoever can pause."""
        while self._waiting * 2 > self._limit and not self._closing:
            future: asyncio.Future[None] = self._loop.create_future()
            self._room.append(future)
            await future

    async def close(self) -> None:
        """Write what is queued, then stop; idempotent."""
        if not self._closing:
            self._closing = True
            self._queue.put(None)
        await asyncio.shield(self._closed)

    # --- the thread -----------------------------------------------------------------------------------------

    def _run(self) -> None:
        more = True
        while more:
            group, more = self._next_group()
            if group:
                self._report(self._commit(group))
        self._finish()

    def _next_group(self) -> tuple[list[Job], bool]:
        group: list[Job] = []
        job = self._queue.get()
        while job is not None:
            group.append(job)
            if len(group) == MAX_GROUP:
                return group, True
            try:
                job = self._queue.get_nowait()
            except queue.Empty:
                return group, True
        return group, False

    def _commit(self, group: list[Job]) -> list[tuple[Job, JournalError | None]]:
        try:
            self._transaction(group)
        except (sqlite3.Error, OverflowError, ValueError, TypeError) as error:
            if len(group) == 1 or isinstance(error, sqlite3.OperationalError):
                failure = self._explain(error)
                log.error("%s", failure)
                return [(job, failure) for job in group]
            # One job's data is at fault: the others must not suffer for it.
            return [outcome for job in group for outcome in self._commit([job])]
        return [(job, None) for job in group]

    def _transaction(self, group: list[Job]) -> None:
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            for job in group:
                job.work(connection)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def _explain(self, error: Exception) -> JournalError:
        text = str(error)
        if "full" in text:
            advice = "free some space on that disk"
        elif "locked" in text or "busy" in text:
            advice = "another program holds the database open for writing; close it"
        elif "readonly" in text or "read-only" in text:
            advice = "make the file and its directory writable"
        elif isinstance(error, sqlite3.OperationalError | sqlite3.DatabaseError):
            advice = "look after the disk and the file"
        else:
            advice = "the data is at fault, not the disk"
        return JournalError(f"could not write to the journal {self._path}: {text}; {advice}")

    def _report(self, outcomes: list[tuple[Job, JournalError | None]]) -> None:
        self._on_loop(lambda: self._resolve(outcomes))

    def _finish(self) -> None:
        try:
            # Leaves one tidy file behind; a crash leaves the same content in the -wal file instead.
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.Error as error:
            log.warning("journal %s was closed without a checkpoint: %s", self._path, error)
        finally:
            self._connection.close()
        self._on_loop(lambda: self._closed.set_result(None))

    def _on_loop(self, fn: Callable[[], object]) -> None:
        try:
            self._loop.call_soon_threadsafe(fn)
        except RuntimeError:
            log.debug("the event loop ended before the journal %s did; nobody waits any more", self._path)

    # --- the loop -------------------------------------------------------------------------------------------

    def _resolve(self, outcomes: list[tuple[Job, JournalError | None]]) -> None:
        for job, failure in outcomes:
            self._waiting -= job.weight
            if failure is None:
                if job.committed is not None:
                    job.committed()
                if not job.future.done():
                    job.future.set_result(None)
            elif not job.future.done():
                job.future.set_exception(failure)
        if self._waiting * 2 <= self._limit:
            room, self._room = self._room, []
            for future in room:
                if not future.done():
                    future.set_result(None)
