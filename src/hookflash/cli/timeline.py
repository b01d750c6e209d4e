"""A call as a timeline: one line a happening, in the order of media time, with what and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from hookflash.cli.logs import printable

WIDE = 120
"""Columns of a terminal from which on every line names its operation in full."""
CONTEXT = 24
"""Characters of an operationContext in a line."""
_GAP = 2
_LEAST = 24
_STYLES = {
    "barge-in": "bold magenta",
    "canceled": "yellow",
    "ends": "bold",
    "first sample": "bold",
    "never heard": "yellow",
    "timer armed": "dim",
    "timer fired": "yellow",
    "told": "cyan",
    "key ignored": "yellow",
    "no choice": "yellow",
}
_ENDS = (("Failed", "red"), ("Canceled", "yellow"), ("Completed", "green"), ("Stopped", "green"))
_TOLD_LAST = 2


@dataclass(frozen=True, slots=True)
class Happening:
    """One line. ``at`` is in milliseconds from the call's start, ``number`` that of the operation (0: the
    call itself), ``place`` its place in the trace of that: both together never come twice."""

    at: int
    number: int
    place: int
    label: str
    what: str
    detail: str

    @property
    def style(self) -> str:
        if self.what == "ended":
            event = self.detail.partition(" ")[0]
            return next((style for end, style in _ENDS if end in event), "white")
        return _STYLES.get(self.what, "")

    @property
    def order(self) -> tuple[int, int, int, int]:
        """At one moment: what happened to the call, then what that led to, then what its app was told."""
        rank = 1 if self.number else _TOLD_LAST if self.what == "told" else 0
        return self.at, rank, self.number, self.place


def happenings(call: dict[str, Any]) -> list[Happening]:
    """Everything that is known, in order."""
    start = _ms(call["since"])
    found = list(_of_trace(call, call, start, 0, "call"))
    for operation in call["operations"]:
        found += _of_trace(operation, call, start, operation["number"], name_of(operation))
    return sorted(found, key=lambda one: one.order)


def name_of(operation: dict[str, Any], longest: int = CONTEXT) -> str:
    """``#7 Recognize(1:1) 'pin'``."""
    context = operation.get("operationContext")
    if context is not None and len(context) > longest:
        context = f"{context[: longest - 3]}..."
    shown = f" {context!r}" if context is not None else ""
    return f"#{operation['number']} {operation['operation']}{shown}"


def _of_trace(
    whole: dict[str, Any], call: dict[str, Any], start: int, number: int, label: str
) -> Iterator[Happening]:
    out, gap = whole.get("leftOut", 0), whole.get("leftOutAt", 0)
    begun: int | None = None
    for index, entry in enumerate(whole["trace"]):
        at, what, detail = _ms(entry["at"]) - start, entry["what"], entry.get("detail", "")
        place = index if not out or index < gap else index + out
        if out and index == gap:
            yield Happening(at, number, place - 1, label, "...", f"{out} not kept, they are in the journal")
        if what == "begun":
            begun = at
        if what == "audio ready" and begun is not None:
            detail = "; ".join(filter(None, (f"after {at - begun} ms", detail)))
        if number and index == 0:
            to = f"of {', '.join(whole['targets'])}" if whole["targets"] else ""
            detail = "; ".join(filter(None, (whole.get("asked", ""), to, detail)))
        yield Happening(at, number, place, label, what, detail)


def _ms(iso: str) -> int:
    return round(datetime.fromisoformat(iso).timestamp() * 1000)


def header(call: dict[str, Any]) -> list[Text]:
    """Who and what the call is."""
    people = call["participants"]
    ended = f", ended {call['ended']}" if "ended" in call else ""
    lines = [
        ("call", f"{call['callConnectionId']}, {call['origin']}, {call['state']}"),
        ("since", f"{call['since']}{ended}, {call.get('lasted', 0.0):.3f} s"),
        ("from", f"{call['caller']} to {', '.join(call['targets']) or 'nobody'}"),
        ("in it", "; ".join(map(_person, people)) or "nobody"),
        ("events", f"{call['callbackUri']}, api-version {call['apiVersion']}"),
        ("ids", f"correlation {call['correlationId']}, server call {call['serverCallId']}"),
    ]
    if call.get("moreParticipants"):
        lines.append(("", f"and {call['moreParticipants']} more"))
    if "operationContext" in call:
        lines.append(("context", repr(call["operationContext"])))
    if call.get("otherConnections"):
        lines.append(("also", f"other apps' {', '.join(call['otherConnections'])}"))
    return [Text.assemble((f"{name:<9}", "bold"), printable(value)) for name, value in lines]


def _person(person: dict[str, Any]) -> str:
    also = [text for name, text in (("muted", "muted"), ("onHold", "on hold")) if person.get(name)]
    known = [f"known as {', '.join(person['aliases'])}"] if person.get("aliases") else []
    inside = ", ".join([person["kind"], f"leg {person['leg']}", person["state"], *also, *known])
    return f"{person['rawId']} ({inside})"


class Timeline:
    """Prints happenings in columns that stay as wide as they were first.

    Lines are not broken where they do not go to a terminal: then they are for other programs.
    """

    def __init__(self, console: Console, call: dict[str, Any], *, broken: bool) -> None:
        self._console = console
        self._wide = not broken or console.width >= WIDE
        self._broken = broken
        first = happenings(call)
        hours = any(one.at >= 3_600_000 for one in first)
        self._widths = (
            12 if hours else 9,
            max([4, *(cell_len(self._label(one)) for one in first)]),
            max([13, *(cell_len(one.what) for one in first)]),
        )
        self._printed: set[tuple[int, int]] = set()

    def show(self, lines: Iterable[Happening]) -> None:
        """Print those that were not printed before."""
        for one in lines:
            if (one.number, one.place) not in self._printed:
                self._printed.add((one.number, one.place))
                self._print(one)

    def _print(self, one: Happening) -> None:
        columns = (clock(one.at), self._label(one), printable(one.what))
        styles = ("bold", "" if one.number else "dim", one.style)
        head = Text()
        for index, (text, width, style) in enumerate(zip(columns, self._widths, styles, strict=True)):
            space = " " * max(0, width - cell_len(text))
            head.append(space + text if index == 0 else text, style)
            head.append((space if index else "") + " " * _GAP)
        detail = Text(printable(one.detail), one.style if one.what == "ended" else "")
        indent = sum(self._widths) + _GAP * len(self._widths)
        room = self._console.width - indent
        if not self._broken:
            parts = [detail]
        elif room >= _LEAST:
            parts = list(detail.wrap(self._console, room))
        else:
            parts, indent = list(detail.wrap(self._console, max(_LEAST, self._console.width - 4))), 4
            self._line(head)
            head = Text(" " * indent)
        for index, part in enumerate(parts or [Text()]):
            self._line((head if index == 0 else Text(" " * indent)) + part)

    def _line(self, line: Text) -> None:
        line.rstrip()
        self._console.print(line, soft_wrap=True)

    def _label(self, one: Happening) -> str:
        text = one.label if self._wide or not one.number else f"#{one.number}"
        return printable(text)


def clock(ms: int) -> str:
    """``00:01.020``; with hours when there are any."""
    minutes, rest = divmod(max(0, ms), 60_000)
    seconds = f"{rest // 1000:02d}.{rest % 1000:03d}"
    return f"{minutes:02d}:{seconds}" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02d}:{seconds}"
