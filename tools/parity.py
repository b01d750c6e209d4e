"""The parity table: what the official SDKs can do, against what the conformance run really did.

    python tools/parity.py --record FOLDER           keep what a run did; write the page and README.md
    python tools/parity.py                           write the page and README.md from what is kept
    python tools/parity.py --check                   fail if one of them is stale
    python tools/parity.py --check --record FOLDER   fail also if the run did less than what is kept

FOLDER is what ``conformance/run.py --keep FOLDER`` left. What is kept is conformance/parity.json. What can be
done is read from the installed Python SDKs; the event types from the parser of the JavaScript SDK where it is
installed, from what is kept where it is not. In README.md it is the line that begins as :data:`SENTENCE`.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))

import parity_sdk as sdk  # noqa: E402
from parity_reach import CANNOT, reason, unheard_of  # noqa: E402

KEPT = ROOT / "conformance" / "parity.json"
README = ROOT / "README.md"
PAGE = ROOT / "docs" / "reference" / "parity.md"
PARSER = "node_modules/@azure/communication-call-automation/dist/esm/callAutomationEventParser.js"
FLAVOURS = {"python": "Python", "python-aio": "Python aio", "javascript": "JavaScript", "java": "Java"}
PREFIX = "Microsoft.Communication."
SENTENCE = "Exercised with the official SDKs:"
"""How the line in README.md begins that this writes."""
Record = dict[str, Any]


# --- what the SDKs have ----------------------------------------------------------------------------------


def event_types() -> list[str] | None:
    """The event types that the JavaScript SDK's parser knows; None when it is not installed."""
    for folder in ("conformance", "tests/interop"):
        parser = ROOT / folder / "javascript" / PARSER
        if parser.exists():
            return sorted(set(re.findall(r'case "Microsoft\.Communication\.(\w+)"', parser.read_text())))
    return None


def roots(events: list[str]) -> dict[str, dict[str, set[str]]]:
    """Per direction and SDK, the models that are sent whole."""
    found: dict[str, dict[str, set[str]]] = {"requests": {}, "responses": {}, "events": {}}
    for name in sdk.SDKS:
        listed = sdk.operations(name)
        found["requests"][name] = {one.request for one in listed if one.request}
        found["responses"][name] = {one.response for one in listed if one.response}
        if name == "Call Automation":
            found["responses"][name].add("CommunicationErrorResponse")
    module = sdk.models_of("Call Automation")
    found["events"]["Call Automation"] = {one for one in events if one in module}
    return found


def wanted(events: list[str]) -> dict[str, set[str]]:
    """Everything that can be done, by what is counted."""
    found: dict[str, set[str]] = defaultdict(set)
    enums: set[tuple[str, str]] = set()
    for name in sdk.SDKS:
        found[f"{name} operations"] = {one.name for one in sdk.operations(name)}
    for direction, by_sdk in roots(events).items():
        for name, models in by_sdk.items():
            for model in sdk.closure(name, models):
                for field, (_, _, enum_name) in sdk.fields(name, model).items():
                    found[f"{direction[:-1]} fields"].add(f"{model}.{field}")
                    if enum_name:
                        enums.add((name, enum_name))
    for name, enum_name in enums:
        found["enum values"] |= {f"{enum_name}.{value}" for value in sdk.enums_of(name)[enum_name]}
    found["client methods"] = set(sdk.methods())
    found["event types"] = set(events)
    return dict(found)


# --- what a run did --------------------------------------------------------------------------------------


def record_of(folder: Path, events: list[str]) -> Record:
    """What the run did whose files are in ``folder``."""
    done: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    listed = [one for name in sdk.SDKS for one in sdk.operations(name)]
    for flavour in FLAVOURS:
        path = folder / f"traffic-{flavour}.jsonl"
        for line in path.read_text().splitlines() if path.exists() else []:
            seen = json.loads(line)
            if "methods" in seen:
                for method in seen["methods"]:
                    done["client methods"][method].add(flavour)
                continue
            _exchange(seen, flavour, listed, done)
    for post in json.loads((folder / "events.json").read_text()):
        _events(post, done)
    return {
        "event types known": events,
        "done": {
            kind: {
                name: [one for one in FLAVOURS if one in flavours] for name, flavours in sorted(names.items())
            }
            for kind, names in sorted(done.items())
        },
    }


def _exchange(
    seen: Record, flavour: str, listed: list[sdk.Operation], done: dict[str, dict[str, set[str]]]
) -> None:
    path = urlsplit(seen["url"]).path
    for one in listed:
        if one.method != seen["method"] or not one.pattern.fullmatch(path):
            continue
        accepted = seen["status"] < 300
        done[f"{one.sdk} operations" if accepted else "refusals"][one.name].add(flavour)
        if one.request and seen["request"]:
            _fields(one.sdk, one.request, seen["request"], "request fields", flavour, done)
        answer = one.response if accepted else "CommunicationErrorResponse"
        if answer and seen["response"] and (accepted or one.sdk == "Call Automation"):
            _fields(one.sdk, answer, seen["response"], "response fields", flavour, done)
        return


def _fields(
    name: str, model: str, text: str, kind: str, flavour: str, done: dict[str, dict[str, set[str]]]
) -> None:
    try:
        value = json.loads(text)
    except ValueError:
        return
    for owner, field, enum_name, shown in sdk.walk(name, model, value):
        done[kind][f"{owner}.{field}"].add(flavour)
        if enum_name:
            known = {one.casefold(): one for one in sdk.enums_of(name)[enum_name]}
            if shown.casefold() in known:
                done["enum values"][f"{enum_name}.{known[shown.casefold()]}"].add(flavour)


def _events(post: Record, done: dict[str, dict[str, set[str]]]) -> None:
    flavours = [one for one in FLAVOURS if post["box"].startswith(f"{one}-")]
    if not flavours or post["box"].endswith("-socket"):
        return
    flavour = max(flavours, key=len)
    for event in json.loads(post["body"]):
        name = event["type"].removeprefix(PREFIX)
        done["event types"][name].add(flavour)
        if name in sdk.models_of("Call Automation"):
            _fields("Call Automation", name, json.dumps(event["data"]), "event fields", flavour, done)


# --- the page --------------------------------------------------------------------------------------------


def counts(kept: Record) -> dict[str, tuple[int, int]]:
    """How many of how many, by what is counted."""
    return {
        kind: (len(names & kept["done"].get(kind, {}).keys()), len(names))
        for kind, names in wanted(kept["event types known"]).items()
    }


def missing(kept: Record) -> dict[str, list[str]]:
    """What was not exercised, by what is counted."""
    return {
        kind: sorted(names - kept["done"].get(kind, {}).keys())
        for kind, names in wanted(kept["event types known"]).items()
    }


def groundless(kept: Record) -> list[str]:
    """What :data:`CANNOT` says cannot be and was exercised all the same, or is not there at all."""
    missed = missing(kept)
    every = wanted(kept["event types known"])
    found = [
        f"{kind}: {name} was exercised, but is said to be out of reach"
        for kind, names in every.items()
        for name in sorted(names - set(missed[kind]))
        if reason(kind, name) is not None
    ]
    return found + [f"no SDK has {pattern}" for pattern in unheard_of(every)]


def readme_with(text: str, kept: Record) -> str:
    """README.md with the sentence; ValueError when there is no line for it, or more than one."""
    lines = text.split("\n")
    places = [number for number, line in enumerate(lines) if line.startswith(SENTENCE)]
    if len(places) != 1:
        raise ValueError(f"README.md has {len(places)} lines that begin with {SENTENCE!r}, not one")
    lines[places[0]] = readme_line(kept)
    return "\n".join(lines)


def readme_problems(text: str, kept: Record) -> list[str]:
    """What is wrong with the sentence in README.md."""
    try:
        same = readme_with(text, kept) == text
    except ValueError as error:
        return [str(error)]
    return [] if same else ["README.md has another sentence about parity: run tools/parity.py"]


def readme_line(kept: Record) -> str:
    """One sentence for the README."""
    shown = counts(kept)
    order = ("Call Automation operations", "Identity operations", "event types", "request fields")
    parts = [f"{shown[kind][0]} of {shown[kind][1]} {kind}" for kind in order]
    return f"{SENTENCE} {', '.join(parts)} ([parity](docs/reference/parity.md))."


def page(kept: Record) -> str:
    """The page."""
    done = kept["done"]
    lines = [
        "# Parity with the official SDKs",
        "",
        "Generated by `tools/parity.py` from the installed SDKs "
        + "("
        + ", ".join(f"{name} {version}" for name, version in sdk.versions().items())
        + ") and from what the conformance suites (`conformance/`)"
        " really sent and received. Do not edit.",
        "",
        "| counted | exercised | cannot be here | left |",
        "| --- | --- | --- | --- |",
    ]
    missed = missing(kept)
    barred = {kind: sum(reason(kind, one) is not None for one in names) for kind, names in missed.items()}
    lines += [
        f"| {kind} | {some} of {all_} | {barred[kind]} | {all_ - some - barred[kind]} |"
        for kind, (some, all_) in counts(kept).items()
    ]
    for name in sdk.SDKS:
        lines += ["", f"## {name}: operations", "", _head("operation", "request"), _rule(2)]
        for one in sdk.operations(name):
            cells = _cells(done.get(f"{name} operations", {}).get(one.name, []))
            refused = "yes" if done.get("refusals", {}).get(one.name) else ""
            lines.append(f"| {_short(one)} | `{one.method} {one.path}` |{cells} {refused} |")
    lines += [
        "",
        "## Event types",
        "",
        _head("event").removesuffix(" refused |"),
        _rule(1).removesuffix(" --- |"),
    ]
    for event in kept["event types known"]:
        lines.append(f"| {event} |{_cells(done.get('event types', {}).get(event, []))}")
    lines += [
        "",
        "## Not exercised",
        "",
    ]
    left = {kind: [one for one in names if reason(kind, one) is None] for kind, names in missed.items()}
    if not any(left.values()):
        lines += ["Nothing that can be.", ""]
    for kind, names in left.items():
        if names:
            lines += [f"**{kind}** ({len(names)}): {_listed(names)}", ""]
    lines += ["## Cannot be here, because", "", "| why | what |", "| --- | --- |"]
    for kinds, _, why in CANNOT:
        names = [one for kind in kinds for one in missed[kind] if reason(kind, one) == why]
        lines.append(f"| {why} | {_listed(sorted(set(names)))} |")
    return "\n".join(lines).rstrip() + "\n"


def _listed(names: list[str]) -> str:
    return ", ".join(f"`{one}`" for one in names)


def _short(one: sdk.Operation) -> str:
    for group in ("azure_communication_call_automation_service_", "communication_identity_"):
        one_name = one.name.removeprefix(group)
        if one_name != one.name:
            return one_name
    return one.name


def _head(*columns: str) -> str:
    return "| " + " | ".join([*columns, *FLAVOURS.values(), "refused"]) + " |"


def _rule(columns: int) -> str:
    return "|" + " --- |" * (columns + len(FLAVOURS) + 1)


def _cells(flavours: list[str]) -> str:
    return "".join(f" {'yes' if one in flavours else ''} |" for one in FLAVOURS)


def lost(kept: Record, fresh: Record) -> list[str]:
    """What the kept record has and a fresh run did not do."""
    return [
        f"{kind}: {name}"
        for kind, names in kept["done"].items()
        for name in names
        if name not in fresh["done"].get(kind, {})
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--record", type=Path, metavar="FOLDER", help="what conformance/run.py --keep left")
    parser.add_argument(
        "--check", action="store_true", help="write nothing; fail if something is stale or lost"
    )
    options = parser.parse_args()
    kept: Record = json.loads(KEPT.read_text()) if KEPT.exists() else {"done": {}, "event types known": []}
    events = event_types() or kept["event types known"]
    fresh = record_of(options.record, events) if options.record else None
    problems = []
    if options.check:
        if fresh is not None:
            problems += [f"no longer exercised: {one}" for one in lost(kept, fresh)]
        if events != kept["event types known"]:
            problems.append("conformance/parity.json knows other event types than the JavaScript SDK")
        if not PAGE.exists() or PAGE.read_text() != page(kept):
            problems.append("docs/reference/parity.md is stale: run tools/parity.py")
        problems += readme_problems(README.read_text(), kept)
    else:
        kept = fresh or kept
        KEPT.write_text(json.dumps(kept, indent=1) + "\n")
        PAGE.write_text(page(kept))
        try:
            README.write_text(readme_with(README.read_text(), kept))
        except ValueError as error:
            problems.append(str(error))
    problems += groundless(kept)
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)
    for kind, (some, all_) in counts(kept).items():
        print(f"{kind}: {some} of {all_}")
    print(readme_line(kept))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
