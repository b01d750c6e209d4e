"""The list of scenarios: read, checked, and which flavour is excused from what.

The language is described in README.md.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

VERSIONS = {
    "python": "2026-03-12",
    "python-aio": "2026-03-12",
    "javascript": "2026-03-12",
    "java": "2023-03-06",
}
"""The api-version each SDK sends: the newest it knows."""

SCENARIO = {"id", "title", "since", "people", "steps", "not", "alone"}
STEPS = {
    "do": {"on", "with", "as", "expect", "refused", "client", "retry"},
    "event": {"of", "expect", "as", "box"},
    "incoming": {"as"},
    "frame": {"expect"},
    "phone": {"do", "with", "state", "expect", "as"},
    "order": {"of", "context"},
    "none": {"of"},
    "break": set(),
    "use": set(),
}
"""Each kind of step, by the key that names it, and the keys it may have besides ``since`` and ``not``."""
KINDS = {"phone", "user", "app", "nobody", "talker"}


def load(folder: Path, only: list[str]) -> list[dict[str, Any]]:
    """Every scenario, in the order of the files and within them, or those named.

    Raises:
        SystemExit: a file is wrong; the message says where.
    """
    found: list[dict[str, Any]] = []
    fragments = json.loads((folder / "fragments.json").read_text())
    for path in sorted(folder.glob("[0-9]*.json")):
        try:
            listed = json.loads(path.read_text())
        except ValueError as error:
            raise SystemExit(f"error: {path.name}: {error}") from None
        for scenario in listed:
            for problem in problems(scenario):
                raise SystemExit(f"error: {path.name}: {scenario.get('id', '?')}: {problem}")
            scenario["steps"] = [
                one
                for step in scenario["steps"]
                for one in (fragments[step["use"]] if "use" in step else [step])
            ]
            found.append(scenario)
    names = [one["id"] for one in found]
    for name in names:
        if names.count(name) > 1:
            raise SystemExit(f"error: there are two scenarios {name!r}")
    for name in only:
        if name not in names:
            raise SystemExit(f"error: there is no scenario {name!r}")
    return [one for one in found if not only or one["id"] in only]


def problems(scenario: dict[str, Any]) -> list[str]:
    """What is wrong with a scenario."""
    wrong = [f"unknown key {key!r}" for key in scenario.keys() - SCENARIO]
    wrong += [f"no {key!r}" for key in ("id", "title", "steps") if key not in scenario]
    for name, person in scenario.get("people", {}).items():
        if person.get("kind") not in KINDS:
            wrong.append(f"{name} is of kind {person.get('kind')!r}, not one of {sorted(KINDS)}")
    for number, step in enumerate(scenario.get("steps", []), 1):
        kind = next((key for key in ("phone", *STEPS) if key in step), None)
        if kind is None:
            wrong.append(f"step {number} is none of {sorted(STEPS)}")
            continue
        for key in step.keys() - STEPS[kind] - {kind, "since", "not"}:
            wrong.append(f"step {number} ({kind}) has {key!r}")
        if kind == "do" and "expect" in step and "refused" in step:
            wrong.append(f"step {number} expects both an answer and a refusal")
    return wrong


def excuse(scenario: dict[str, Any], flavour: str) -> str | None:
    """Why a flavour leaves a scenario out; None when it must run it."""
    since = scenario.get("since", "")
    if since > VERSIONS[flavour]:
        return f"its SDK sends {VERSIONS[flavour]}, this exists since {since}"
    reason: str | None = scenario.get("not", {}).get(flavour.removesuffix("-aio"))
    return reason
