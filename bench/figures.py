"""What a benchmark prints: one JSON line a figure on standard output."""

from __future__ import annotations

import json


def figure(bench: str, value: float, unit: str, target: float, *, at_least: bool = False) -> None:
    """Print a figure; it is ok at or below its target, or ``at_least`` at or above it."""
    line = {
        "bench": bench,
        "value": round(value, 2),
        "unit": unit,
        "target": target,
        "ok": value >= target if at_least else value <= target,
    }
    print(json.dumps(line), flush=True)
