"""What a benchmark prints: one JSON line a figure on standard output."""

from __future__ import annotations

import json
import sys


def figure(
    bench: str,
    value: float,
    unit: str,
    target: float | None,
    *,
    at_least: bool = False,
    noise: float | None = None,
    whole: bool = True,
) -> None:
    """Print a figure; it is ok at or below its target, or ``at_least`` at or above it.

    ``target`` None: it says more about the machine than about us, and is always ok. ``noise`` is how far the
    rounds lie apart, in per cent of the value. ``whole`` False: the work was not done, so nothing is ok.
    """
    met = target is None or (value >= target if at_least else value <= target)
    line = {
        "bench": bench,
        "value": round(value, 2),
        "unit": unit,
        "target": target,
        "ok": met and whole,
    }
    if noise is not None:
        line["noise_percent"] = round(noise, 1)
    print(json.dumps(line), flush=True)


def refuse(bench: str, error: BaseException, unit: str, target: float | None) -> int:
    """Say that a figure could not be had, and why; the exit code for it."""
    print(f"error: bench {bench}: {error}", file=sys.stderr)
    print(
        json.dumps({"bench": bench, "value": None, "unit": unit, "target": target, "ok": False}), flush=True
    )
    return 1
