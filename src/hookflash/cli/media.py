"""``hookflash media`` and ``hookflash drain``: a running server as whoever is called at night needs it."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from rich.console import Console, JustifyMethod
from rich.markup import escape
from rich.table import Table

from hookflash.cli.logs import printable
from hookflash.cli.settings import errors, read_settings
from hookflash.wire.words import count_of

TIMEOUT = 10.0
"""Seconds a server may take to answer."""
WIDE = 130
"""Columns of a terminal from which on far addresses and connections fit beside their legs."""
STYLES = {"ready": "green", "full": "yellow", "draining": "yellow", "starting": "red"}


class Unanswered(Exception):
    """The server cannot be asked, or refuses; the message says why and what to do."""


class Caller:
    """Asks one server's own surface."""

    def __init__(self, config: Path | None, url: str | None, key: str | None) -> None:
        settings = read_settings(config, {})
        host, port = settings.server.bind.host, settings.server.bind.port
        near = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
        self._url = (url or f"http://{near}:{port}").rstrip("/")
        self._key = key or (settings.resource[0].access_keys[0] if settings.resource else "")

    def ask(self, path: str, method: str = "GET", body: dict[str, Any] | None = None) -> Any:
        """The answer, None for an empty one. Raises Unanswered."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self._url}/hookflash/{path}", data, method=method)
        request.add_header("Authorization", f"Bearer {self._key}")
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            raise Unanswered(f"{self._url} refuses: {_message(error.read())}") from None
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", error)
            raise Unanswered(
                f"{self._url} does not answer: {reason}; is the server running, and is --url right?"
            ) from None
        return json.loads(text) if text else None


def _message(body: bytes) -> str:
    """Why a server refuses, in its words: whoever answers there may write anything, so nothing in them can
    steer the terminal."""
    try:
        words = str(json.loads(body)["error"]["message"])
    except (ValueError, KeyError, TypeError, RecursionError):
        words = body[:200].decode(errors="replace")
    return printable(words) or "without a word"


def run_media(
    config: Path | None, url: str | None, key: str | None, legs: int, console: Console | None = None
) -> int:
    """Print workers and the worst legs. Exit code 1 when the server cannot be asked."""
    try:
        caller = Caller(config, url, key)
        media = caller.ask("media")
        worst = caller.ask(f"media/legs?order=mos&top={legs}")["value"] if legs else []
    except Unanswered as error:
        errors.print(f"[red]error:[/red] {escape(str(error))}")
        return 1
    show(console or Console(highlight=False), media, worst)
    return 0


def run_drain(
    config: Path | None,
    url: str | None,
    key: str | None,
    *,
    worker: int | None,
    seconds: float | None,
    cancel: bool,
) -> int:
    """Drain the server or one worker, or call that off. Exit code 1 when it cannot be done."""
    try:
        caller = Caller(config, url, key)
        if cancel:
            caller.ask("drain", "DELETE")
            errors.print("new calls are taken again")
        elif worker is not None:
            view = caller.ask(f"media/workers/{worker}:drain", "POST")
            errors.print(f"worker {worker} is replaced once its {view['legs']} legs are gone")
        else:
            view = caller.ask("drain", "POST", {} if seconds is None else {"seconds": seconds})
            errors.print(
                f"no new calls are taken; {view['calls']} go on for up to {view['secondsLeft']:g} s, "
                "then the server ends"
            )
    except Unanswered as error:
        errors.print(f"[red]error:[/red] {escape(str(error))}")
        return 1
    return 0


def show(console: Console, media: dict[str, Any], legs: list[dict[str, Any]]) -> None:
    """The tables."""
    draining = media.get("draining")
    if draining:
        left = count_of(draining["calls"], "call goes", "calls go")
        console.print(
            f"[yellow]draining, {escape(draining['reason'])}: {left} on for up to "
            f"{draining['secondsLeft']:g} s[/yellow]"
        )
    console.print(_workers(media["workers"]))
    for one in media["workers"]:
        if one["reason"]:
            console.print(
                f"worker {one['worker']} takes no new calls: {escape(one['reason'])}", soft_wrap=True
            )
    totals = media["totals"]
    mean = f", mean MOS {totals['meanMos']:.2f}" if "meanMos" in totals else ""
    console.print(
        f"since the start: {count_of(totals['legsClosed'], 'leg')}{mean}; "
        f"{count_of(totals['callsRefused'], 'call')} refused, "
        f"{totals['callsLost']} lost with {count_of(totals['workersLost'], 'dead worker')}",
        soft_wrap=True,
    )
    if legs:
        wide = console.width >= WIDE
        console.print(_legs(legs, wide=wide))
        for one in legs:
            if not wide:
                parts = [one["remote"], " ".join(one["callConnectionIds"])]
                console.print(
                    f"leg {one['leg']}: {escape(', '.join(filter(None, parts)) or '-')}", soft_wrap=True
                )


def _table(title: str, columns: dict[str, JustifyMethod]) -> Table:
    """Without lines, so that 80 columns are enough; what is too long goes on below, nothing is cut off."""
    table = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        header_style="bold",
        box=None,
        padding=(0, 2, 0, 0),
        pad_edge=False,
    )
    for name, justify in columns.items():
        table.add_column(name, justify=justify, overflow="fold")
    return table


def _workers(workers: list[dict[str, Any]]) -> Table:
    pinned = any("cpu" in one for one in workers)
    columns: dict[str, JustifyMethod] = {"#": "right", "state": "left", "pid": "right"}
    if pinned:
        columns["cpu"] = "right"
    for name in ("legs", "load", "late ms", "busy ms", "skips", "starts", "up"):
        columns[name] = "right"
    table = _table("media workers", columns)
    for one in workers:
        state = one["state"]
        table.add_row(
            str(one["worker"]),
            f"[{STYLES.get(state, 'white')}]{escape(state)}[/]",
            str(one["pid"] or "-"),
            *([str(one.get("cpu", "-"))] if pinned else []),
            str(one["legs"]),
            f"{one['load']:.0%}",
            f"{one['lateMs']:.1f}",
            f"{one['busyMs']:.1f}",
            str(one["skippedTicks"]),
            str(one["starts"]),
            _span(one["uptimeSeconds"]),
        )
    return table


def _legs(legs: list[dict[str, Any]], *, wide: bool) -> Table:
    columns: dict[str, JustifyMethod] = dict.fromkeys(
        ("leg", "MOS", "lost", "late", "jitter", "rtt"), "right"
    )
    names = "codec", "SRTP", "worker", *(("remote", "connection") if wide else ())
    columns |= dict.fromkeys(names, "left")
    table = _table("legs, the worst heard first", columns)
    for one in legs:
        quality = one.get("quality") or {}
        beside = (one["remote"], " ".join(one["callConnectionIds"])) if wide else ()
        mos = quality.get("mos")
        style = "white" if mos is None else "red" if mos < 3.1 else "yellow" if mos < 3.8 else "green"
        table.add_row(
            str(one["leg"]),
            "-" if mos is None else f"[{style}]{mos:.2f}[/]",
            _share(quality, "lost"),
            _share(quality, "discarded"),
            f"{quality['jitterMs']:.1f} ms" if "jitterMs" in quality else "-",
            f"{quality['roundTripMs']:.0f} ms" if "roundTripMs" in quality else "-",
            escape(one["codec"] or one["kind"]),
            "yes" if one["encrypted"] else "no",
            str(one["worker"]),
            *(escape(text or "-") for text in beside),
        )
    return table


def _share(quality: dict[str, Any], name: str) -> str:
    """A part of the packets that were to come, in per cent."""
    expected = quality.get("received", 0) + quality.get("lost", 0)
    return f"{100 * quality.get(name, 0) / expected:.1f} %" if expected else "-"


def _span(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 172_800 else f"{seconds / 86400:.0f} d"
