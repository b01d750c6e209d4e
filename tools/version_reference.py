"""Write docs/reference/api-versions.md from the tables in ``hookflash/wire``; ``--check`` compares."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import msgspec

from hookflash.wire.events import EVENT_TYPES, since
from hookflash.wire.gates import EVENT_FIELDS, RESPONSE_FIELDS
from hookflash.wire.operations import OPERATIONS, PREVIEW_OPERATIONS
from hookflash.wire.request_gates import REQUEST_FIELDS, REQUEST_VALUES, Span
from hookflash.wire.versions import NEWEST, PREVIEW, STABLE

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "api-versions.md"
OLDEST = PREVIEW[0]

HEAD = f"""\
# API versions

<!-- Made by tools/version_reference.py from src/hookflash/wire; do not edit. -->

Every request names its `api-version`. Hookflash serves {", ".join(f"`{one}`" for one in STABLE)}, and the
previews {", ".join(f"`{one}`" for one in PREVIEW)}. A well-formed version it does not know counts as
`{NEWEST}`; a missing or malformed one is refused with 400 and `UnsupportedApiVersion`.

An app gets what its version has, and nothing that its SDK would not know:

- An operation that the version does not have is refused with 405/8520, and the message says which versions
  have it.
- A field of a request that the version does not have is ignored, as every unknown name is. A value of an
  enumeration that came later is refused with 400/8523.
- Fields of answers and events that came later are left out; events that came later are not sent. The version
  of an event is that of the request that caused it.
- Enumerations are read in any letter case and written in one, whatever the version:
  `azureCommunicationServices`, also where SDKs of the time spelled it `AzureCommunicationServices`.

The shapes that 2022-04-07-preview and 2023-01-15-preview had for themselves (`source` as an object around an
identifier, `mediaSubscriptionId`) are not made; these versions get the shapes of 2023-03-06.
"""


def versions_of(span: Span) -> str:
    """Which versions know a field or value, in words."""
    if span.preview:
        return f"{span.since} and later previews"
    return f"{span.since} until before {span.before}" if span.before else span.since


def wire_name(type_: type[msgspec.Struct], name: str) -> str:
    return next(field.encode_name for field in msgspec.structs.fields(type_) if field.name == name)


def operations() -> list[str]:
    lines = ["## Operations", "", "| operation | since | previews before that |", "| --- | --- | --- |"]
    lines += [f"| `{row.name}` | {row.since} | {', '.join(row.previews) or '-'} |" for row in OPERATIONS]
    lines += ["", "Operations that only previews had:", "", "| operation | versions |", "| --- | --- |"]
    lines += [f"| `{row.name}` | {', '.join(row.versions())} |" for row in PREVIEW_OPERATIONS]
    return [*lines, ""]


def request_fields() -> list[str]:
    lines = ["## Fields of requests", "", "| object | field | known to |", "| --- | --- | --- |"]
    for type_, spans in REQUEST_FIELDS.items():
        for name, span in spans.items():
            lines.append(f"| {type_.__name__} | `{wire_name(type_, name)}` | {versions_of(span)} |")
    lines += ["", "| object | value | known to |", "| --- | --- | --- |"]
    for (type_, name), values in REQUEST_VALUES.items():
        for value, span in values.items():
            where = wire_name(type_, name)
            lines.append(f"| {type_.__name__} | `{where}` `{value.value}` | {versions_of(span)} |")
    return [*lines, ""]


def answer_fields() -> list[str]:
    lines = ["## Fields of answers and events", "", "| object | field | since |", "| --- | --- | --- |"]
    both = {**EVENT_FIELDS, **RESPONSE_FIELDS}
    for type_ in sorted(both, key=lambda one: one.__name__):
        for name, first in both[type_].items():
            lines.append(f"| {type_.__name__} | `{wire_name(type_, name)}` | {first} |")
    return [*lines, ""]


def events() -> list[str]:
    early = [event.__name__ for event in EVENT_TYPES.values() if since(event) == OLDEST]
    later = [event for event in EVENT_TYPES.values() if since(event) != OLDEST]
    return [
        "## Events",
        "",
        f"Every version gets {', '.join(early)}. The others came later:",
        "",
        "| event | since |",
        "| --- | --- |",
        *(f"| {event.__name__} | {since(event)} |" for event in later),
        "",
    ]


def page() -> str:
    """The whole page."""
    lines = [*operations(), *request_fields(), *answer_fields(), *events()]
    return "\n".join([HEAD, *lines]).rstrip() + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare, and write nothing")
    check = parser.parse_args().check
    wanted = page()
    if not check:
        PAGE.write_text(wanted)
        return 0
    if PAGE.exists() and PAGE.read_text() == wanted:
        return 0
    print(f"error: {PAGE.name} is out of date; run: python tools/version_reference.py", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
