"""Write docs/design/states.md: every state table of the core as prose and a diagram.

``--check`` writes nothing and fails when the page is out of date.
"""

from __future__ import annotations

import inspect
import sys
from pathlib import Path
from types import ModuleType

from hookflash.calls import tables as calls
from hookflash.media import tables as media
from hookflash.media.compatibility import Kind, allowed
from hookflash.phones.virtual import tables as virtual_phones

PAGE = Path(__file__).resolve().parent.parent / "docs" / "design" / "states.md"

HEADER = """\
# States

Everything a call goes through is a table in the code: states, events, and where each event leads. This page
is drawn from those tables by `tools/diagrams.py`; do not edit it by hand.
"""


def section(title: str, module: ModuleType) -> str:
    """A room's tables: the module's own prose, then a diagram for each."""
    prose = inspect.getdoc(module) or ""
    _, _, explanation = prose.partition("\n\n")
    tables = [
        f"### {table.name}\n\n{table.rules}\n\n```mermaid\n{table.mermaid()}\n```" for table in module.TABLES
    ]
    return "\n\n".join([f"## {title}", explanation, *tables])


def compatibility() -> str:
    """The media compatibility table as a grid."""
    head = "| Running or queued | " + " | ".join(kind.value for kind in Kind) + " |"
    rule = "| --- |" + " --- |" * len(Kind)
    rows = [
        f"| {running.value} | "
        + " | ".join("yes" if allowed(running, new) else "412/8583" for new in Kind)
        + " |"
        for running in Kind
    ]
    prose = (
        "Down: what runs or is queued. Across: what is asked for. Operations of the main leg (the first "
        "two) queue; the "
        "others concern one participant, and a refusal is for that participant only."
    )
    return "\n\n".join(["## What may start beside what", prose, "\n".join([head, rule, *rows])])


def page() -> str:
    """The whole page."""
    sections = [
        section("Calls", calls),
        section("Media", media),
        compatibility(),
        section("Virtual phones", virtual_phones),
    ]
    return "\n\n".join([HEADER.rstrip(), *sections]) + "\n"


def main(arguments: list[str]) -> int:
    """Write the page, or with ``--check`` compare it; returns the exit status."""
    unknown = [argument for argument in arguments if argument != "--check"]
    if unknown:
        print(f"error: unknown argument {unknown[0]!r}; the only one is --check", file=sys.stderr)
        return 2
    wanted = page()
    if "--check" not in arguments:
        PAGE.parent.mkdir(parents=True, exist_ok=True)
        PAGE.write_text(wanted)
        return 0
    if PAGE.exists() and PAGE.read_text() == wanted:
        return 0
    print(
        f"error: {PAGE.name} does not match the state tables; run: python tools/diagrams.py", file=sys.stderr
    )
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
