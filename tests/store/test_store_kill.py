"""What was acknowledged is there after kill -9."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

from hookflash.store import SqliteJournal

VICTIM = """
import asyncio, sys
from hookflash.ports.journal import Delivery, Entry
from hookflash.ports.outbox import Settlement
from hookflash.store import DataDirectory, SqliteJournal

async def call(journal, lane):
    n = 0
    while True:
        id = f"{lane}.{n}"
        await journal.write(
            [Entry("event", id, 0.0, connection=lane)],
            [Delivery(id=id, lane=lane, url="http://app.example/", body=b"[]")],
        )
        print("written", id, flush=True)
        if n % 3 == 0:
            await journal.settle(Settlement(id, True, 200, 1, 0.0))
            print("settled", id, flush=True)
        n += 1

async def main():
    journal = SqliteJournal.open(DataDirectory.acquire(sys.argv[1]).path)
    await asyncio.gather(*(call(journal, f"lane{k}") for k in range(20)))

asyncio.run(main())
"""


def run_and_kill(data_dir: Path, writes: int) -> tuple[set[str], set[str]]:
    """The ids a process had seen acknowledged, written and settled, when it was killed after ``writes``."""
    written: set[str] = set()
    done: set[str] = set()
    with subprocess.Popen(
        [sys.executable, "-c", VICTIM, str(data_dir)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        text=True,
    ) as victim:
        assert victim.stdout is not None
        lines = iter(victim.stdout)
        for line in lines:
            verb, id = line.split()
            (written if verb == "written" else done).add(id)
            if len(written) == writes:
                victim.kill()
                break
        # What it had said before it died counts too; its last line may be cut off.
        for line in lines:
            parts = line.split()
            if line.endswith("\n") and len(parts) == 2:
                (written if parts[0] == "written" else done).add(parts[1])
        victim.wait()
    assert victim.returncode == -9
    return written, done


async def test_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    written, done = await asyncio.to_thread(run_and_kill, tmp_path, 2000)
    journal = SqliteJournal.open(tmp_path)
    try:
        entries = [stored.entry for stored in await journal.entries(limit=1_000_000)]
        assert written <= {entry.name for entry in entries}
        pending = await journal.pending_deliveries()
        ids = [delivery.id for delivery in pending]
        assert len(set(ids)) == len(ids)
        assert {id for id in written if int(id.split(".")[1]) % 3 != 0} <= set(ids)
        assert not done & set(ids)
        for k in range(20):
            lane = f"lane{k}"
            numbers = [int(e.name.split(".")[1]) for e in entries if e.connection == lane]
            assert numbers == list(range(len(numbers)))
            owed = [int(d.id.split(".")[1]) for d in pending if d.lane == lane]
            assert owed == sorted(owed)
    finally:
        await journal.close()
