"""``hookflash bans``: who a running server does not listen to, and how to lift that."""

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
from hookflash.wire.words import count_of


def run_bans(
    config: Path | None,
    url: str | None,
    key: str | None,
    *,
    lift: str | None,
    lift_all: bool,
    console: Console | None = None,
) -> int:
    """Print the bans, or lift one or all. Exit code 1 when the server cannot be asked, or refuses."""
    console = console or Console(highlight=False)
    try:
        caller = Caller(config, url, key)
        if lift is not None or lift_all:
            where = "" if lift_all or lift is None else f"?source={quote(lift, safe='')}"
            lifted = caller.ask(f"bans{where}", "DELETE")["lifted"]
            console.print(f"{count_of(lifted, 'ban is', 'bans are')} lifted")
        else:
            show(console, caller.ask("bans")["value"])
    except Unanswered as error:
        errors.print(f"[red]error:[/red] {escape(str(error))}")
        return 1
    return 0


def show(console: Console, bans: list[dict[str, Any]]) -> None:
    """The table, the ban that ends first in front."""
    if not bans:
        console.print("nobody is banned")
        return
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for name in ("source", "reason"):
        table.add_column(name, overflow="fold")
    for name in ("ends in", "times", "refused"):
        table.add_column(name, justify="right")
    for one in bans:
        table.add_row(
            escape(printable(str(one["source"]))),
            escape(printable(str(one["reason"]))),
            f"{one['secondsLeft']:.0f} s",
            str(one["times"]),
            str(one["refused"]),
        )
    console.print(table)
