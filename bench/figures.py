"""What a benchmark prints: one JSON line a figure on standard output."""

from __future__ import annotations

import json


def figure(bench: str, value: float, unit: str, target: float | None, *, at_least: bool = False) -> None:
    """Print a figure; it is ok at or below its target, or ``at_least`` at or above it.

    ``target`` None: it says more about the machine than about us, and is always ok.
    """
    met = target is None or (value >= target if at_least else value <= target)
    line = {
        "bench": bench,
        "value": round(value, 2),
        "unit": unit,
        "target": target,
        "ok": met,
    }
    print(json.dumps(line), flush=True)
