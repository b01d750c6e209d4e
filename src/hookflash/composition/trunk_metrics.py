"""Figures of trunks for monitoring."""

from __future__ import annotations

from collections.abc import Sequence

from hookflash.ports.operating import TrunkView

Family = tuple[str, str, list[tuple[str, float]]]
"""Kind and meaning of a figure, and its samples: labels as they are written, and the value."""


def trunk_families(trunks: Sequence[TrunkView]) -> dict[str, Family]:
    """The figures by their name; none without trunks."""
    if not trunks:
        return {}
    registered = [one for one in trunks if one.registration is not None]
    return {
        "trunk_calls": (
            "gauge",
            "Calls that a trunk carries.",
            [(_labels(trunk=one.name), one.calls) for one in trunks],
        ),
        "trunk_target_up": (
            "gauge",
            "1 while a target of a trunk is up, as far as is known.",
            [
                (_labels(trunk=one.name, target=target.target), target.up)
                for one in trunks
                for target in one.targets
            ],
        ),
        "trunk_registered": (
            "gauge",
            "1 while we are registered with a trunk that we shall be registered with.",
            [
                (_labels(trunk=one.name), one.registration is not None and one.registration.registrar != "")
                for one in registered
            ],
        ),
        "trunk_calls_refused_total": (
            "counter",
            "Calls that a trunk did not carry because of a limit of its own, by limit.",
            [
                (_labels(trunk=one.name, limit=limit), one.refused.get(limit, 0))
                for one in trunks
                for limit in one.limits
            ],
        ),
    }


def _labels(**labels: str) -> str:
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items()) + "}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
