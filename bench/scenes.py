"""What the benchmarks of one kind of leg have in common: rounds of a scene and of the C floor."""

from __future__ import annotations

import sys

from bench.figures import figure, refuse
from bench.media import FAILURES, Scene, build, middle, rounds, run_floor, run_plane

ROUNDS = 3
SECONDS = 2.5
LIMIT = 75.0
REFERENCE = 2.5
"""Microseconds the C program took for a leg and tick on the machine for which the targets were set."""


def bench_scene(name: str, scene: Scene, legs: int, target: float) -> int:
    """Print what a leg of ``scene`` costs in microseconds, and over the C program's plain leg; the exit code.

    The C program does what :mod:`bench.legs` says, whatever the scene does: it is the unit in which machines
    can be compared. ``target`` is in microseconds of a machine on which that program takes ``REFERENCE``; the
    ratio's target is the same one in that unit, and says on any machine whether it is met.
    """
    try:
        build()
        runs = rounds(
            name,
            {"C": lambda: run_floor(legs, SECONDS), name: lambda: run_plane(legs, SECONDS, scene)},
            ROUNDS,
            LIMIT,
        )
    except FAILURES as error:
        return refuse(name, error, "us/leg/tick", target)
    whole = all(run.whole for server in runs.values() for run in server)
    cost, noise = middle([run.cost for run in runs[name]])
    figure(name, cost, "us/leg/tick", target, noise=noise, whole=whole)
    pairs = zip(runs["C"], runs[name], strict=True)
    ratio, noise = middle([run.cost / floor.cost for floor, run in pairs])
    figure(f"{name}.ratio", ratio, "x C floor", target / REFERENCE, noise=noise, whole=whole)
    return 0


def run(name: str, scene: Scene, legs: int, target: float) -> None:
    """:func:`bench_scene` as a program."""
    sys.exit(bench_scene(name, scene, legs, target))
