"""``hookflash calls``: which calls there are, and what happened in one of them and why."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from hookflash.cli.logs import printable
from hookflash.cli.media import Caller, Unanswered
from hookflash.cli.settings import errors
from hookflash.cli.timeline import WIDE, Timeline, happenings, header, name_of

EVERY = 0.5
"""Seconds between two looks at a call that is followed."""
_STATES = {"connected": "green", "connecting": "yellow", "disconnected": "dim"}
_CONTEXT = 200


def run_list(
    config: Path | None,
    url: str | None,
    key: str | None,
    *,
    top: int,
    as_json: bool,
    console: Console | None = None,
) -> int:
    """Print the newest calls. Exit code 1 when the server cannot be asked."""
    console = console or Console(highlight=False)
    try:
        page = Caller(config, url, key).ask(f"calls?top={top}")
    except Unanswered as error:
        return _failed(error)
    if as_json:
        _raw(console, page)
        return 0
    show_list(console, page)
    return 0


def run_show(
    config: Path | None,
    url: str | None,
    key: str | None,
    *,
    call_id: str,
    as_json: bool,
    follow: bool,
    console: Console | None = None,
    pause: Callable[[float], None] = time.sleep,
) -> int:
    """Print what happened in a call; with ``follow`` go on until it ends. Exit code 1 when the server cannot
    be asked, or knows no such call."""
    console = console or Console(highlight=False)
    try:
        caller = Caller(config, url, key)
        call = caller.ask(f"calls/{quote(call_id, safe='')}")
        if as_json:
            _raw(console, call)
            return 0
        timeline = show_call(console, call, broken=console.is_terminal)
        while follow and "ended" not in call:
            pause(EVERY)
            call = caller.ask(f"calls/{call['callConnectionId']}")
            timeline.show(happenings(call))
    except Unanswered as error:
        return _failed(error)
    except KeyboardInterrupt:
        pass
    return 0


def show_call(console: Console, call: dict[str, Any], *, broken: bool) -> Timeline:
    """The call, its operations, and the timeline; ``broken`` says that lines fit the console's width."""
    lines = header(call)
    for operation in call["operations"]:
        to = f" of {', '.join(operation['targets'])}" if operation["targets"] else ""
        text = f"{name_of(operation, _CONTEXT)}{to}, {operation['leg']} leg: {operation['state']}"
        lines.append(Text(printable(text)))
    for line in lines:
        console.print(line, soft_wrap=not broken)
    console.print()
    timeline = Timeline(console, call, broken=broken)
    timeline.show(happenings(call))
    return timeline


def show_list(console: Console, page: dict[str, Any]) -> None:
    """A line a call; where the terminal is narrow, those in it are below."""
    wide = console.width >= WIDE or not console.is_terminal
    for one in page["value"]:
        more = one.get("moreParticipants", 0)
        people = ", ".join(one["participants"]) + (f" and {more} more" if more else "")
        state = one["state"]
        line = Text.assemble(
            one["callConnectionId"],
            "  ",
            (f"{state:<16}", _STATES.get(state, "")),
            f"{one.get('lasted', 0.0):>9.1f} s",
        )
        since = f"{one['since'][:19].replace('T', ' ')}Z"
        if wide:
            line.append(f"  {since}  {one['origin']:<9}  {printable(people) or '-'}")
        console.print(line, soft_wrap=True)
        if not wide:
            console.print(Text(f"    {since}, {one['origin']}: {printable(people) or '-'}"), soft_wrap=True)
    if not page["value"]:
        console.print("no calls are up, and none has ended lately")
    elif "next" in page:
        console.print("there are more; --top shows up to 1000")


def _raw(console: Console, answer: Any) -> None:
    console.print(Text(json.dumps(answer, indent=2)), soft_wrap=True)


def _failed(error: Unanswered) -> int:
    errors.print(f"[red]error:[/red] {escape(str(error))}")
    return 1
