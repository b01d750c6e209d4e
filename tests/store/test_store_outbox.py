from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

from settled import StoredDelivery, deliveries_of_lane

from hookflash.ports.journal import UNTRIED, Delivery, Progress
from hookflash.ports.outbox import Settlement
from hookflash.store import SqliteJournal
from hookflash.store.journal import FILE_NAME
from hookflash.store.schema import MIGRATIONS, migrate

TRIED = Progress(2, 503, "Busy", "the endpoint answered 503", 100.0, 130.0)


def delivery(id: str, lane: str = "lane", progress: Progress = UNTRIED) -> Delivery:
    return Delivery(id=id, lane=lane, url="https://app.example/", body=b"[{}]", progress=progress)


async def test_what_was_tried_is_kept(journal: SqliteJournal) -> None:
    await journal.write([], [delivery("1"), delivery("2")])
    await journal.postpone("1", TRIED, parked=False)
    assert await journal.pending_deliveries() == [delivery("1", progress=TRIED), delivery("2")]
    assert await deliveries_of_lane(journal, "lane") == [
        StoredDelivery(delivery("1", progress=TRIED), None),
        StoredDelivery(delivery("2"), None),
    ]


async def test_parked_deliveries_are_read_when_they_are_due(journal: SqliteJournal) -> None:
    await journal.write([], [delivery(str(n), f"l{n}") for n in range(4)])
    assert await journal.next_due() is None
    for n, due in ((0, 50.0), (1, 20.0), (2, 90.0)):
        await journal.postpone(str(n), Progress(1, next_at=due), parked=True)
    assert [d.id for d in await journal.pending_deliveries()] == ["3"]
    assert await journal.next_due() == 20.0
    assert await journal.due_deliveries(19.9, 10) == []
    assert [d.id for d in await journal.due_deliveries(50.0, 10)] == ["1", "0"]
    assert [d.id for d in await journal.due_deliveries(50.0, 1)] == ["1"]
    assert (await journal.due_deliveries(50.0, 1))[0].progress == Progress(1, next_at=20.0)


async def test_a_parked_delivery_can_be_settled_and_unparked(journal: SqliteJournal) -> None:
    await journal.write([], [delivery("1"), delivery("2")])
    await journal.postpone("1", TRIED, parked=True)
    await journal.postpone("2", TRIED, parked=True)
    await journal.settle(Settlement("1", False, 503, 3, 140.0, "gave up"))
    await journal.postpone("2", TRIED, parked=False)
    assert await journal.next_due() is None
    assert [d.id for d in await journal.pending_deliveries()] == ["2"]
    (first, _) = await deliveries_of_lane(journal, "lane")
    assert first.settlement == Settlement("1", False, 503, 3, 140.0, "gave up")


async def test_what_is_settled_cannot_be_postponed(journal: SqliteJournal) -> None:
    await journal.write([], [delivery("1")])
    await journal.settle(Settlement("1", True, 200, 1, 1.0))
    await journal.postpone("1", TRIED, parked=True)
    await journal.postpone("unknown", TRIED, parked=True)
    assert await journal.pending_deliveries() == []
    assert await journal.next_due() is None
    (only,) = await deliveries_of_lane(journal, "lane")
    assert only.settlement == Settlement("1", True, 200, 1, 1.0)


async def test_a_file_from_before_attempts_were_kept_is_brought_up_to_date(tmp_path: Path) -> None:
    older = sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)
    migrate(older, 1.0, MIGRATIONS[:2])
    insert = (
        "INSERT INTO outbox (id, lane, url, body, audience, headers, attempts, name, outcome, status, tries,"
        " settled_at, note)"
        " VALUES (?, 'lane', 'https://app.example/', x'5b7b7d5d', '', '{}', 5, '', ?, ?, ?, ?, ?)"
    )
    older.execute(insert, ("old", None, None, None, None, None))
    older.execute(insert, ("done", "delivered", 200, 1, 5.0, ""))
    older.close()
    journal = SqliteJournal.open(tmp_path)
    try:
        assert await journal.pending_deliveries() == [delivery("old")]
        await journal.postpone("old", TRIED, parked=True)
        assert await journal.due_deliveries(1000.0, 9) == [delivery("old", progress=TRIED)]
        (_, done) = await deliveries_of_lane(journal, "lane")
        assert done.settlement == Settlement("done", True, 200, 1, 5.0, "")
    finally:
        await journal.close()


VICTIM = """
import asyncio, sys
from hookflash.ports.journal import Delivery, Progress
from hookflash.store import DataDirectory, SqliteJournal

async def main():
    journal = SqliteJournal.open(DataDirectory.acquire(sys.argv[1]).path)
    await journal.write([], [Delivery(id="1", lane="l", url="http://app.example/", body=b"[]")])
    n = 0
    while True:
        n += 1
        progress = Progress(n, 500, "Busy", "said", 1.0, 1000.0 + n)
        await journal.postpone("1", progress, parked=n % 2 == 0)
        print(n, flush=True)

asyncio.run(main())
"""


def run_and_kill(data_dir: Path, attempts: int) -> int:
    """How many attempts a process had seen recorded when it was killed."""
    recorded = 0
    with subprocess.Popen(
        [sys.executable, "-c", VICTIM, str(data_dir)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        text=True,
    ) as victim:
        assert victim.stdout is not None
        for line in victim.stdout:
            if line.endswith("\n"):
                recorded = int(line)
            if recorded == attempts:
                victim.kill()
    return recorded


async def test_attempts_that_were_recorded_survive_kill_9(tmp_path: Path) -> None:
    recorded = await asyncio.to_thread(run_and_kill, tmp_path, 200)
    assert recorded >= 200
    journal = SqliteJournal.open(tmp_path)
    try:
        (only,) = await journal.pending_deliveries() + await journal.due_deliveries(1e9, 10)
        # One more may have been on disk before it was said.
        assert only.progress.tries in (recorded, recorded + 1)
        assert only.progress.next_at == 1000.0 + only.progress.tries
    finally:
        await journal.close()
