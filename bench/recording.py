"""``python -m bench.recording``: what recording adds to a playing leg, in CPU of the core that carries it.

Every leg talks and plays to a caller as in :mod:`bench.legs`, in a call of its own that is recorded as calls
are: by one tap of all that is said and played in it. This process takes the audio out of shared memory and
writes it to disk, a second at a time; it has a core of its own, as control has.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence

import numpy as np

from bench.figures import figure, refuse
from bench.media import CLIP, FAILURES, HOST, Run, Scene, build, middle, rounds, run_plane
from hookflash.plane.rings import TAP_FRAMES, Rings, make_file, map_rings
from hookflash.ports.plane import ConnectLeg, JoinMix, OpenTap, PlaneCommand, StartPlay

TARGET = 15.0
LEGS = 1200
SECONDS = 2.5
ROUNDS = 4
LIMIT = 90.0
FRAME_BYTES = 320


def plays(leg: int, port: int) -> Sequence[PlaneCommand]:
    return (
        ConnectLeg(leg, HOST, port, 0, "PCMU", 101, True, True),
        JoinMix(leg),
        StartPlay(leg, (leg,), (CLIP,), True, False),
    )


def recorded(leg: int, port: int) -> Sequence[PlaneCommand]:
    return *plays(leg, port), OpenTap(leg - 1, "whole", leg)


class Recorder(threading.Thread):
    """Reads every ring and writes what is in it to a file."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.fd = make_file()
        self.rings: Rings = map_rings(self.fd)
        self.frames = 0
        self._over = threading.Event()

    def run(self) -> None:
        rings = self.rings
        with tempfile.TemporaryFile(prefix="hookflash-bench-") as file:
            while not self._over.wait(0.2):
                for tap in np.flatnonzero(rings.written[:LEGS] > rings.read[:LEGS]).tolist():
                    at, written = int(rings.read[tap]), int(rings.written[tap])
                    places = np.arange(at, written) % TAP_FRAMES
                    file.write(rings.frames[tap, places].tobytes())
                    rings.read[tap] = written
                    self.frames += written - at

    def stop(self) -> None:
        self._over.set()
        self.join()


def run_recorded() -> Run:
    """One run in which everything is recorded; it is not whole when the audio has holes."""
    recorder = Recorder()
    recorder.start()
    try:
        # The worker's end is given away and closed there.
        run = run_plane(LEGS, SECONDS, Scene(recorded, rings=lambda: os.dup(recorder.fd)))
    finally:
        recorder.stop()
        os.close(recorder.fd)
    lost = int(recorder.rings.lost.sum())
    note = f"{run.note}; {recorder.frames} frames recorded, {lost} lost"
    whole = run.answered if recorder.frames > 50 * SECONDS * LEGS and not lost else 0.0
    return Run(run.cost, whole, run.digits, run.late_ms, run.skipped, run.callers, note)


def main() -> int:
    """Measure and print the figures."""
    servers: dict[str, Callable[[], Run]] = {
        "plain": lambda: run_plane(LEGS, SECONDS, Scene(plays)),
        "recorded": run_recorded,
    }
    try:
        build()
        runs = rounds("recording", servers, ROUNDS, LIMIT)
    except FAILURES as error:
        return refuse("recording", error, "% on top", TARGET)
    whole = all(run.whole for server in runs.values() for run in server)
    costs = {name: [run.cost for run in server] for name, server in runs.items()}
    ratios = [with_ / without * 100 for with_, without in zip(costs["recorded"], costs["plain"], strict=True)]
    figure("recording", middle(ratios)[0] - 100, "% on top", TARGET, noise=middle(ratios)[1], whole=whole)
    for name, values in costs.items():
        figure(f"recording.{name}", middle(values)[0], "us/leg/tick", None, noise=middle(values)[1])
    return 0


if __name__ == "__main__":
    sys.exit(main())
