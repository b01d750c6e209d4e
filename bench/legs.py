"""``python -m bench.legs``: CPU per leg and 20 ms tick of the media plane, beside a C program doing the same.

On every leg, which has a UDP socket of its own, one packet a tick is received, decoded and searched for DTMF,
and one frame of a recording is encoded and sent. The plane is the real worker process, with its jitter
buffers, RTCP and all. How it is measured is said in :mod:`bench.media`.

``legs`` is ours over the C program's, ``legs.plane`` and ``legs.floor`` are microseconds.
"""

from __future__ import annotations

import argparse
import sys

from bench.figures import figure, refuse
from bench.media import FAILURES, build, middle, rounds, run_floor, run_plane

TARGET = 1.5
LIMIT = 57.0
"""No round is begun that would end later than this many seconds after the first."""


def main() -> int:
    """Run the programs and print the figures."""
    parser = argparse.ArgumentParser(prog="bench.legs")
    parser.add_argument("--legs", type=int, default=1200, help="legs, a multiple of 4")
    parser.add_argument("--pairs", type=int, default=3, help="undisturbed runs of each program")
    parser.add_argument("--secs", type=float, default=2.5, help="seconds measured in a run")
    options = parser.parse_args()
    try:
        build()
        runs = rounds(
            "legs",
            {
                "C": lambda: run_floor(options.legs, options.secs),
                "plane": lambda: run_plane(options.legs, options.secs),
            },
            options.pairs,
            LIMIT,
        )
    except FAILURES as error:
        return refuse("legs", error, "x C floor", TARGET)
    whole = all(run.whole and run.digits > 0 for server in runs.values() for run in server)
    pairs = zip(runs["C"], runs["plane"], strict=True)
    ratio, noise = middle([plane.cost / floor.cost for floor, plane in pairs])
    figure("legs", ratio, "x C floor", TARGET, noise=noise, whole=whole)
    for name, server in (("legs.plane", "plane"), ("legs.floor", "C")):
        cost, noise = middle([run.cost for run in runs[server]])
        figure(name, cost, "us/leg/tick", None, noise=noise, whole=whole)
    return 0


if __name__ == "__main__":
    sys.exit(main())
