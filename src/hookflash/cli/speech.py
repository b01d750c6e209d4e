"""``hookflash speech``: whether a running server can speak and recognise, and if not, why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from hookflash.cli.logs import printable
from hookflash.cli.media import Caller, Unanswered
from hookflash.cli.settings import errors
from hookflash.composition.speech_abilities import DEAF, MUTE
from hookflash.wire.words import count_of


def run_speech(config: Path | None, url: str | None, key: str | None, console: Console | None = None) -> int:
    """Print who speaks and recognises, and the processes behind it. Exit code 1 when the server cannot be
    asked, or when it cannot do one of both."""
    try:
        speech = Caller(config, url, key).ask("speech")
    except Unanswered as error:
        errors.print(f"[red]error:[/red] {escape(str(error))}")
        return 1
    return show(console or Console(highlight=False, soft_wrap=True), speech)


def show(console: Console, speech: dict[str, Any]) -> int:
    """The lines; 1 when nobody works who speaks, or nobody who recognises."""
    code = 0
    for does, nobody in (("speak", MUTE), ("recognise", DEAF)):
        asked = [one for one in speech["providers"] if one["does"] == does]
        for one in asked:
            where = ", ".join(one["locales"]) or "every locale"
            line = Text.assemble(f"{does:<10}", ("works", "green") if one["works"] else ("fails", "red"))
            line.append(printable(f"  {one['provider']} ({one['kind']}, {where})"))
            if not one["works"]:
                line.append(printable(f": {one['problem']}"))
            console.print(line)
        if not any(one["works"] for one in asked):
            console.print(Text(f"{does:<10}{nobody}", "red"))
            code = 1
    for one in speech["engines"]:
        text = (
            f"{one['engine']:<9} {count_of(one['processes'], 'process', 'processes')}, "
            f"{count_of(one['running'], 'job', 'jobs')} under way, {one['waiting']} waiting; "
            f"since the start {one['starts']} started, "
            f"{one['lost']} died, {count_of(one['refused'], 'job', 'jobs')} refused"
        )
        console.print(Text(printable(text)))
    return code
