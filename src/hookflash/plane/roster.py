"""The workers as an engineer sees them."""

from __future__ import annotations

from dataclasses import dataclass

from hookflash.plane.placement import Placement
from hookflash.plane.supervisor import Seat


@dataclass(frozen=True, slots=True)
class WorkerHealth:
    """One worker as seen now.

    ``state`` is "starting" (also while waiting to be started again), "ready", "full" (it takes no new calls,
    ``reason`` says why) or "draining". ``pid`` is 0 while no worker runs, and ``cpu`` None when it is pinned
    to none. ``load`` is the expected share of its core (0..1), ``measured`` the one it told last. ``late_ms``
    and ``busy_ms`` are the worst of its last second: how late a tick began and how long one took. ``skipped``
    ticks were left out since its start, ``uptime`` and ``silence`` are seconds: since its start, and since it
    was last heard of. ``starts`` counts the workers that have had its place.
    """

    number: int
    ready: bool
    state: str
    reason: str
    pid: int
    cpu: int | None
    starts: int
    legs: int
    load: float
    measured: float
    late_ms: float
    busy_ms: float
    skipped: int
    uptime: float
    silence: float


def health_of(seat: Seat, placement: Placement) -> WorkerHealth:
    """How the worker on a seat is."""
    beat, reason = seat.beat, placement.refusal(seat)
    state = "starting" if not seat.ready else "draining" if seat.draining else "full" if reason else "ready"
    return WorkerHealth(
        seat.number,
        seat.ready,
        state,
        reason if state == "full" else "",
        seat.pid,
        seat.cpu,
        seat.starts,
        placement.legs(seat),
        placement.load(seat),
        beat.load if beat else 0.0,
        beat.late_ms if beat else 0.0,
        beat.busy_ms if beat else 0.0,
        beat.skipped if beat else 0,
        seat.uptime,
        seat.silence,
    )
