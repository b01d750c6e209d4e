"""``python -m bench.latency``: how long a webhook event takes, from the fact that causes it to its arrival.

500 events a second over 64 calls, whatever becomes of those before: decided, journalled durably, signed with
a token of its own and POSTed (:mod:`bench.events`); the time ends when the whole request has been read at the
other end of a loopback connection, in another process. Beside it runs the bare sender, which encodes, signs
and POSTs, at the same rate. Both take turns; the best round of each counts, because other work on the machine
only adds.

``events.latency.p50`` and ``.p99`` are ours in milliseconds, ``.bare.p99`` is the bare sender's,
``.p99.ratio`` is ours over the bare one's. No event leaves before it is on disk, so the disk bounds ours from
below: ``.fsync.p99`` is what it takes to make as much durable, with nothing around it, in the same run.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time

import uvloop

from bench.events import Child
from bench.figures import figure
from bench.receiver import Receiver

RATE = 500.0
ROUNDS = 5
SYNCS = 500
COMMIT = 12 * 1024
"""Bytes."""
TARGET_P99 = 15.0
"""Milliseconds."""


def share(times: list[float], part: float) -> float:
    """The value below which ``part`` of ``times`` lies."""
    return sorted(times)[min(len(times) - 1, int(len(times) * part))]


def syncs() -> list[float]:
    """The milliseconds of writing and syncing what a commit of one event writes, many times."""
    took: list[float] = []
    with tempfile.NamedTemporaryFile() as file:
        for n in range(SYNCS):
            os.pwrite(file.fileno(), b"x" * COMMIT, n * COMMIT)
            before = time.perf_counter()
            os.fdatasync(file.fileno())
            took.append((time.perf_counter() - before) * 1000)
            time.sleep(1 / RATE)
    return took


async def measure() -> dict[str, list[list[float]]]:
    """The milliseconds of each event of each round."""
    receiver = Receiver()
    await receiver.start()
    children = {which: Child(which, receiver) for which in ("ours", "bare")}
    rounds: dict[str, list[list[float]]] = {which: [] for which in children}
    try:
        for child in children.values():
            await child.ready()
        for number in range(ROUNDS + 1):
            for which, child in children.items():
                times = await child.paced(RATE)
                if number:
                    rounds[which].append(times)
                    print(
                        f"{which}: p50 {share(times, 0.5):.2f} ms, p99 {share(times, 0.99):.2f} ms",
                        file=sys.stderr,
                    )
    finally:
        for child in children.values():
            child.close()
        receiver.stop()
    return rounds


def main() -> None:
    """Measure and print the figures."""
    rounds = uvloop.run(measure())
    ours = min(rounds["ours"], key=lambda times: share(times, 0.99))
    bare = min(rounds["bare"], key=lambda times: share(times, 0.99))
    figure("events.latency.p50", share(ours, 0.5), "ms", None)
    figure("events.latency.p99", share(ours, 0.99), "ms", TARGET_P99)
    figure("events.latency.bare.p99", share(bare, 0.99), "ms", None)
    figure("events.latency.fsync.p99", share(syncs(), 0.99), "ms", None)
    figure("events.latency.p99.ratio", share(ours, 0.99) / share(bare, 0.99), "x", None)


if __name__ == "__main__":
    main()
