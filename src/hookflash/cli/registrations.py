"""``hookflash registrations``: which SIP phones a running server can ring, and which it has turned away."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from hookflash.cli.logs import printable
from hookflash.cli.media import Caller, Unanswered
from hookflash.cli.settings import errors


def run_registrations(
    config: Path | None, url: str | None, key: str | None, *, console: Console | None = None
) -> int:
    """Print who has registered, and who was refused. Exit code 1 when the server cannot be asked."""
    console = console or Console(highlight=False)
    try:
        caller = Caller(config, url, key)
        page = caller.ask("registrations?top=1000")
        held, refused = list(page["value"]), page.get("refused", [])
        while "next" in page:
            page = caller.ask(f"registrations?top=1000&after={quote(page['next'], safe='')}")
            held += page["value"]
    except Unanswered as error:
        errors.print(f"[red]error:[/red] {escape(str(error))}")
        return 1
    show(console, held, refused)
    return 0


def show(console: Console, held: list[dict[str, Any]], refused: list[dict[str, Any]]) -> None:
    """A line for each contact, then one for each phone that was turned away within the last hour."""
    if held:
        table = _table("phone", "user", "at", "over", "left", "agent")
        for one in held:
            left = f"{one['secondsLeft']:.0f} s"
            table.add_row(
                *(_cell(one[name]) for name in ("phone", "user", "address", "transport")),
                left,
                _cell(one["agent"]),
            )
        console.print(table)
    else:
        console.print("no phone is registered")
    if refused:
        console.print("\nnot registered within the last hour:")
        table = _table("phone", "from", "answer", "times", "ago", "why")
        for one in refused:
            ago = f"{one['since']:.0f} s"
            named = (_cell(one[name]) for name in ("phone", "address", "status", "times"))
            table.add_row(*named, ago, _cell(one["problem"]))
        console.print(table)


def _table(*names: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for name in names:
        table.add_column(name, overflow="fold")
    return table


def _cell(value: object) -> str:
    return escape(printable(str(value)))
