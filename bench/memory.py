"""``python -m bench.memory``: memory of an idle leg, everything in.

The resident memory of the worker with idle legs over that without any, once every leg has had audio and a
play in its time, and what the kernel keeps for their sockets (sockets, inodes, directory entries, files: two
of each a leg), by the growth of its slabs, where that may be read.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from bench.figures import figure, refuse
from bench.media import CLIP, FAILURES, BenchError, Callers, Worker, build, playing, tone
from hookflash.ports.plane import LoadClip, StopPlay

TARGET = 40.0
LEGS = 1200
BUSY = 3.0
"""Seconds of calls before they are idle."""


def resident(pid: int) -> int:
    """Bytes of RAM a process holds, without what it shares with others' files."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Private_Dirty:"):
            return int(line.split()[1]) * 1024
    raise BenchError("the system does not say how much memory a process has of its own")


def slabs() -> int:
    """Bytes of the kernel's own objects."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("Slab:"):
            return int(line.split()[1]) * 1024
    return 0


def measure() -> tuple[float, float]:
    """Kilobytes a leg of the worker, and of the kernel."""
    callers = Callers(BUSY + 2)
    worker = Worker(LEGS)
    try:
        worker.ready()
        worker.post(LoadClip(CLIP, tone(440)))
        time.sleep(1)
        before, kernel = resident(worker.pid), slabs()
        ports = worker.open({leg: leg for leg in range(1, LEGS + 1)})
        for leg in ports:
            worker.post(*playing(leg, callers.port))
        callers.call([ports[leg] for leg in sorted(ports)])
        time.sleep(BUSY)
        worker.post(*(StopPlay(leg) for leg in ports))
        counted = callers.result()
        if counted["received"] < 0.9 * LEGS * 50 * (BUSY - 1):
            raise BenchError(f"the callers heard too little: {counted}")
        time.sleep(1)
        return (resident(worker.pid) - before) / LEGS / 1000, max(0, slabs() - kernel) / LEGS / 1000
    finally:
        worker.close()
        callers.end()


def main() -> int:
    """Measure and print the figures."""
    try:
        build()
        ours, kernel = measure()
    except FAILURES as error:
        return refuse("memory", error, "kB/leg", TARGET)
    figure("memory", ours + kernel, "kB/leg", TARGET)
    figure("memory.worker", ours, "kB/leg", None)
    figure("memory.kernel", kernel, "kB/leg", None)
    return 0


if __name__ == "__main__":
    sys.exit(main())
