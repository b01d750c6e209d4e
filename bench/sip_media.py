"""``python -m bench.sip_media``: calls a second of CPU with a leg of the media plane each.

The server (:mod:`bench.sip_media_server`) is what a whole server has for phones, with its media worker, all
on one core. Every call gets a leg with ports of its own, in a call of its own, as long as it lasts; its
caller is silent and hears silence. ``sip_media`` is calls a second of CPU of both processes; what they take
without any call is not counted. ``sip_media.offered`` is the rate at which calls really came, none of which
may fail. How it is measured is said in :mod:`bench.sip_load`.
"""

from __future__ import annotations

import argparse
import sys
import time

from bench.figures import figure, refuse
from bench.media import FAILURES, middle
from bench.sip_load import Load, Server

TARGET = 600.0
IDLE = 3.0
"""Seconds for which the server is watched without a call."""


def main() -> int:
    """Measure and print the figures."""
    parser = argparse.ArgumentParser(prog="bench.sip_media")
    parser.add_argument("--calls", type=int, default=3000, help="calls of a run")
    parser.add_argument("--rate", type=int, default=300, help="calls a second")
    parser.add_argument("--rounds", type=int, default=3, help="runs")
    options = parser.parse_args()
    loads: list[Load] = []
    try:
        with Server([sys.executable, "-m", "bench.sip_media_server"], children=True) as server:
            server.load(options.rate, options.rate)
            before = server.cpu()
            time.sleep(IDLE)
            idle = (server.cpu() - before) / IDLE
            for _ in range(options.rounds):
                load = server.load(options.calls, options.rate, idle=idle)
                loads.append(load)
                print(
                    f"sip_media: {load.rate:.0f} calls/s of CPU at {load.offered:.0f} calls/s, {load.failed} "
                    f"failed, {load.repeated} messages repeated; {100 * idle:.0f} % of a core without calls",
                    file=sys.stderr,
                    flush=True,
                )
    except FAILURES as error:
        return refuse("sip_media", error, "calls/s/core", TARGET)
    whole = all(load.whole for load in loads)
    rate, noise = middle([load.rate for load in loads])
    figure("sip_media", rate, "calls/s/core", TARGET, at_least=True, noise=noise, whole=whole)
    figure("sip_media.offered", middle([load.offered for load in loads])[0], "calls/s", None, whole=whole)
    return 0


if __name__ == "__main__":
    sys.exit(main())
