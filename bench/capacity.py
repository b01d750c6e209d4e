"""``python -m bench.capacity``: how many legs one core carries, and how evenly it sends them.

The largest number of legs, each playing a recording to a caller who talks and presses keys (as in
:mod:`bench.legs`), at which no tick begins more than 5 ms late, none is left out and every packet is
answered: of the plane and of the C program, found by steps of an eighth and one half step in bounded time.
What fails is tried once more, because other work on the machine only adds. The target is for the ratio of
both, which machines and their noise hardly change: 0.59 is 4,000 legs where the C program carries 6,800.

For comparison, figures of another machine, a core of a 2-core virtual machine of 2025, on which this very C
program carried 6,800 legs: Asterisk 22 carried 400 calls with a prompt, FreeSWITCH 1.10 300.

``pacing`` is the 99.9th percentile of how far the time between two packets of a leg lies from 20 ms, at 80 %
load of the core, by the callers' receive timestamps.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from bench.figures import figure, refuse
from bench.media import FAILURES, Overloaded, Run, build, middle, rounds, run_floor, run_plane

TARGET = 0.59
TARGET_PACING = 3.0
SECONDS = 2.5
BUDGET = 36.0
"""Seconds for each of the two searches."""
LIMIT = 40.0
LATE = 5.0
LOAD = 0.8
STEP = 1.125
TICK_US = 20_000.0
GRAIN = 12
"""Legs come in multiples of this."""

Server = Callable[[int, float], Run]


def holds(run: Run) -> bool:
    """Whether nothing was late or lost."""
    return run.late_ms <= LATE and run.skipped == 0 and run.answered > 0.99


def grain(legs: float) -> int:
    return max(GRAIN, round(legs / GRAIN) * GRAIN)


def search(name: str, server: Server, start: float) -> int:
    """The largest number of legs found to hold; 0 when none did in time."""
    began, longest = time.monotonic(), 0.0
    best, least, legs, halved = 0, 0, grain(start), False
    while time.monotonic() - began + longest < BUDGET:
        for attempt in (1, 2):
            at = time.monotonic()
            try:
                run = server(legs, SECONDS)
                held, told = (
                    holds(run),
                    f"{run.cost:.2f} us/leg/tick, {100 * run.answered:.1f} % answered, {run.note}",
                )
            except Overloaded as error:
                # No less a failure than audio that is late: fewer legs may hold.
                held, told = False, str(error)
            longest = max(longest, time.monotonic() - at)
            print(
                f"capacity: {name}: {legs} legs {'hold' if held else 'fail'}: {told}",
                file=sys.stderr,
                flush=True,
            )
            if held or attempt == 2 or time.monotonic() - began + longest > BUDGET:
                break
        if held:
            best = max(best, legs)
        else:
            least = min(least or legs, legs)
        if best and least:
            if halved:
                break
            halved = True
            legs = grain((best + least) / 2)
        else:
            legs = grain(legs * STEP if held else legs / STEP)
    return best


def main() -> int:
    """Search, and print the figures."""
    try:
        build()
        first = {"C": run_floor(1200, SECONDS), "plane": run_plane(1200, SECONDS)}
        # A tick that is all work leaves no room for what a machine does besides.
        most = {name: 0.85 * TICK_US / run.cost for name, run in first.items()}
        floor = search("C", run_floor, most["C"])
        plane = search("plane", run_plane, most["plane"])
        legs = grain(LOAD * TICK_US / first["plane"].cost)
        paced = rounds(
            "pacing",
            {
                "C": lambda: run_floor(legs, SECONDS, pacing=True),
                "plane": lambda: run_plane(legs, SECONDS, pacing=True),
            },
            3,
            LIMIT,
        )
    except FAILURES as error:
        return refuse("capacity", error, "x C floor", TARGET)
    figure("capacity", plane / floor if floor else 0.0, "x C floor", TARGET, at_least=True)
    figure("capacity.plane", plane, "legs", None)
    figure("capacity.floor", floor, "legs", None)
    whole = all(run.whole for server in paced.values() for run in server)
    for name, server, target in (("pacing", "plane", TARGET_PACING), ("pacing.floor", "C", None)):
        # The best round: what other programs do to a core only adds.
        values = [run.callers["p999_ms"] for run in paced[server]]
        figure(name, min(values), "ms", target, noise=middle(values)[1], whole=whole)
    load, noise = middle([run.cost * legs / TICK_US * 100 for run in paced["plane"]])
    figure("pacing.load", load, "% of a core", None, noise=noise)
    return 0


if __name__ == "__main__":
    sys.exit(main())
