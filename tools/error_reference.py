"""Write docs/reference/errors from the table in ``hookflash/wire/catalogue.py``; ``--check`` compares.

One page a code that is sent, and an index of them all.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from hookflash.wire import catalogue
from hookflash.wire.catalogue import Row
from hookflash.wire.catalogue_legs import SIP_STATUSES

FOLDER = Path(__file__).parent.parent / "docs" / "reference" / "errors"

MADE = "<!-- Made by tools/error_reference.py from src/hookflash/wire/catalogue*.py; do not edit. -->"
SOURCES = {
    "documented": "Microsoft documents this code for Call Automation; the text here is ours.",
    "seen": "Recorded traffic of the service has this code.",
    "inferred": "The service answers the like; the exact code is deduced, not documented.",
    "ours": "Only Hookflash has this code.",
}
HEAD = f"""\
# Codes

{MADE}

A refused request has an HTTP status of 400 or more and this body:

```json
{{"error": {{"code": "8523", "message": "...", "target": "callbackUri"}}}}
```

`code` is a number, written as text, where the refusal is about a call, and a word where it is about the
request as such. `target` names what is at fault: a field by its JSON path, a header, a query parameter or an
id of the path. Where several fields are, `details` has an entry for each, 20 at most. The header `Link` of
the answer leads to the page about the code on the server itself, and the log of the server names it.

An event tells in `resultInformation` how an operation went: `code` is like an HTTP status, `subCode` a number
of this table.

| code | name | requests | events |
| --- | --- | --- | --- |
"""


def page(row: Row) -> str:
    """The page about one code."""
    lines = [f"# {row.code}: {row.name}", "", MADE, "", row.meaning, "", "## What to do", "", row.remedy, ""]
    if row.answers:
        statuses = ", ".join(str(status) for status in row.answers)
        error = {"code": row.code, "message": row.message} | ({"target": row.target} if row.target else {})
        lines += ["## In answers", "", f"HTTP status {statuses}:", "", *_json({"error": error}), ""]
    if row.events:
        lines += ["## In events", ""]
        for code, types in row.events.items():
            shown = f"`code` {code}" if code else "`code` is the status"
            lines.append(f"- {shown}: {', '.join(types)}")
        lines += ["", *_json({"resultInformation": _result(row)}), ""]
    if row.code.endswith("xyz"):
        lines += ["| status | meaning |", "| --- | --- |"]
        lines += [f"| {status} | {meaning} |" for status, meaning in SIP_STATUSES.items()]
        lines.append("")
    lines += ["## Where it comes from", "", SOURCES[row.source], ""]
    return "\n".join(lines)


def _result(row: Row) -> dict[str, object]:
    code, sub_code = next(iter(row.events)), row.code
    if row.code.endswith("xyz"):
        code, sub_code = (486, "560486") if row.code[:2] == "56" else (200, "540000")
    return {"code": code, "subCode": int(sub_code), "message": row.message}


def _json(value: object) -> list[str]:
    return ["```json", json.dumps(value, indent=2), "```"]


def index() -> str:
    """The table of all codes that are sent, and the names of those that are not."""
    lines = [HEAD.rstrip("\n")]
    for row in catalogue.rows():
        if row.emitted:
            answers = ", ".join(str(status) for status in row.answers)
            events = "; ".join(", ".join(types) for types in row.events.values())
            shown = events if len(events) < 90 else f"{events[:86].rpartition(',')[0]}, ..."
            lines.append(f"| [{row.code}]({row.code}.md) | {row.name} | {answers} | {shown} |")
    lines += [
        "",
        "## Never sent",
        "",
        "The platform has these sub-codes too. Hookflash does not send them:",
        "",
    ]
    names = dict(catalogue.unused())
    names |= {int(row.code): row.name for row in catalogue.rows() if not row.emitted and row.code.isdecimal()}
    lines += [", ".join(f"{number} {name}" for number, name in sorted(names.items())) + ".", ""]
    return "\n".join(lines)


def pages() -> dict[str, str]:
    """All pages by file name."""
    found = {f"{row.code}.md": page(row) for row in catalogue.rows() if row.emitted}
    return found | {"index.md": index()}


def main() -> int:
    """Write the pages, or say which are stale."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a page is stale")
    arguments = parser.parse_args()
    wanted = pages()
    there = {path.name: path.read_text("utf-8") for path in FOLDER.glob("*.md")} if FOLDER.is_dir() else {}
    if not arguments.check:
        FOLDER.mkdir(parents=True, exist_ok=True)
        for name, text in wanted.items():
            if there.get(name) != text:
                (FOLDER / name).write_text(text, "utf-8")
        for name in there.keys() - wanted.keys():
            (FOLDER / name).unlink()
        return 0
    stale = sorted(name for name in wanted.keys() | there.keys() if wanted.get(name) != there.get(name))
    if stale:
        print(
            f"error: {FOLDER} does not say what the table in src/hookflash/wire says, look at "
            f"{', '.join(stale[:5])}; run python tools/error_reference.py",
            file=sys.stderr,
        )
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
