"""The list of conformance scenarios: well formed, and without a gap the table would not show."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from hookflash.wire import operations

ROOT = Path(__file__).parents[2]


def load(path: Path) -> ModuleType:
    """A module by its file, under a name of its own."""
    name = f"conformance_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.parent))
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(path.parent))
    return module


scenarios = load(ROOT / "conformance" / "scenarios.py")
LISTED: list[dict[str, Any]] = scenarios.load(ROOT / "conformance" / "scenarios", [])
STEPS = [step for scenario in LISTED for step in scenario["steps"]]


@pytest.mark.parametrize(
    "operation", [one.name for one in operations.OPERATIONS + operations.IDENTITY_OPERATIONS]
)
def test_every_operation_is_tried_and_refused(operation: str) -> None:
    tried = [step for step in STEPS if step.get("do") == operation]
    assert [step for step in tried if "refused" not in step], "it never succeeds"
    if operation not in ("createIdentity",):
        assert [step for step in tried if "refused" in step], "it is never refused"


def test_every_event_is_expected() -> None:
    known = set(json.loads((ROOT / "conformance" / "parity.json").read_text())["event types known"])
    assert known - {step.get("event") for step in STEPS} == set()


def test_a_scenario_with_faults_is_not_taken() -> None:
    broken = {
        "id": "x",
        "title": "x",
        "tilte": "x",
        "people": {"alice": {"kind": "ghost"}},
        "steps": [{"what": 1}, {"do": "play", "expect": {}, "refused": {}}, {"event": "X", "with": {}}],
    }
    wrong = " ".join(scenarios.problems(broken))
    for part in ("tilte", "ghost", "step 1", "both an answer and a refusal", "'with'"):
        assert part in wrong


def test_only_what_is_named_is_run() -> None:
    assert [one["id"] for one in scenarios.load(ROOT / "conformance" / "scenarios", ["identity"])] == [
        "identity"
    ]
    with pytest.raises(SystemExit, match="no-such"):
        scenarios.load(ROOT / "conformance" / "scenarios", ["no-such"])


def test_an_old_sdk_is_excused_from_what_is_new() -> None:
    newer = {"id": "x", "since": "2024-09-15", "steps": []}
    assert "2024-09-15" in scenarios.excuse(newer, "java")
    assert scenarios.excuse(newer, "python-aio") is None
    assert scenarios.excuse({"id": "x", "not": {"python": "why"}}, "python-aio") == "why"


def test_what_is_left_out_unasked_has_failed() -> None:
    run = load(ROOT / "conformance" / "run.py")
    listed = [{"id": name, "steps": []} for name in ("a", "b", "c")] + [{"id": "d", "not": {"java": "why"}}]
    results = [
        {"scenario": "a", "status": "passed"},
        {"scenario": "b", "status": "skipped"},
        {"scenario": "d", "status": "skipped"},
    ]
    judged = run.judge("java", listed, results)
    assert {name: one["status"] for name, one in judged.items()} == {
        "a": "passed",
        "b": "failed",
        "c": "failed",
        "d": "skipped",
    }
    shown = run.table(listed, {"java": judged})
    assert shown.count("FAILED") == 2
