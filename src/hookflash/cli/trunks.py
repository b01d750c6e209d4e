"""``hookflash trunks``: how the trunks of a running server do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from hookflash.cli.logs import printable
from hookflash.cli.media import Caller, Unanswered
from hookflash.cli.settings import errors


def run_trunks(
    config: Path | None, url: str | None, key: str | None, *, console: Console | None = None
) -> int:
    """Print the trunks. Exit code 1 when the server cannot be asked."""
    console = console or Console(highlight=False)
    try:
        show(console, Caller(config, url, key).ask("trunks")["value"])
    except Unanswered as error:
        errors.print(f"[red]error:[/red] {escape(str(error))}")
        return 1
    return 0


def show(console: Console, trunks: list[dict[str, Any]]) -> None:
    """A line for each trunk, and one for each of its targets."""
    if not trunks:
        console.print("no trunk is configured")
        return
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for name in ("trunk", "target", "state", "since", "calls", "problem"):
        table.add_column(name, overflow="fold")
    for one in trunks:
        limits, refused = one["limits"], sum(one["refused"].values())
        calls = f"{one['calls']} of {limits['calls']:.0f}" if "calls" in limits else str(one["calls"])
        state, since, problem = _registration(one.get("registration"))
        name = escape(printable(str(one["name"])))
        table.add_row(name, "", state, since, calls, f"{refused} refused {problem}" if refused else problem)
        for target in one["targets"]:
            watched = "up" if target["watched"] else "not asked"
            table.add_row(
                "",
                escape(printable(str(target["target"]))),
                watched if target["up"] else "[red]down[/red]",
                target.get("since", ""),
                "",
                escape(printable(str(target.get("problem", "")))),
            )
    console.print(table)


def _registration(given: dict[str, Any] | None) -> tuple[str, str, str]:
    """State, since when, and what is wrong with it."""
    if given is None:
        return "", "", ""
    state = escape(printable(str(given["state"])))
    shown = state if given["state"] == "registered" else f"[red]{state}[/red]"
    return shown, str(given["since"]), escape(printable(str(given.get("problem", ""))))
