"""``hookflash serve``."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import resource
import signal
from collections.abc import Callable
from pathlib import Path

import uvloop
from rich.console import Console
from rich.markup import escape
from rich.rule import Rule
from rich.table import Table

from hookflash import __version__
from hookflash.api.server import CannotListen
from hookflash.app import App
from hookflash.cli.logs import LogFormat, configure
from hookflash.cli.settings import configuration_file, errors, read_settings
from hookflash.composition.storing import StorageUnusable
from hookflash.config import ConfigError, Settings, connection_string, load
from hookflash.events.subscriptions import SubscriptionError
from hookflash.sip.transports import TlsError
from hookflash.store.keys import KeyFileError
from hookflash.store.lock import DataDirectoryInUse
from hookflash.store.schema import SchemaError
from hookflash.store.writer import JournalError
from hookflash.wire.grid_filters import FilterError

log = logging.getLogger("hookflash")

CANNOT_START = (
    CannotListen,
    DataDirectoryInUse,
    FilterError,
    JournalError,
    KeyFileError,
    OSError,
    SchemaError,
    StorageUnusable,
    SubscriptionError,
)
"""What the outside can do to keep a server from starting; each says what is wrong."""


def run(config: Path | None, flags: dict[str, str], log_format: str, log_level: str) -> int:
    """Serve until SIGINT or SIGTERM. Exit code: 0 in the end, 1 when the start failed, 2 for mistakes."""
    formats: dict[str, LogFormat] = {"auto": "auto", "json": "json", "pretty": "pretty"}
    chosen = formats.get(log_format)
    if chosen is None:
        errors.print(f"[red]error:[/red] --log-format {escape(log_format)} is none of auto, json, pretty")
        return 2
    if log_level.lower() not in ("debug", "info", "warning", "error"):
        errors.print(
            f"[red]error:[/red] --log-level {escape(log_level)} is none of debug, info, warning, error"
        )
        return 2
    settings = read_settings(config, flags)
    configure(chosen, log_level)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_serve(settings, lambda: load(configuration_file(config), os.environ, flags)))


def _allow_open_files() -> None:
    """Every leg and every connection is an open file: take as many as the system gives."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


async def _serve(settings: Settings, read_again: Callable[[], Settings]) -> int:
    _allow_open_files()
    app = App(settings)
    stop = asyncio.Event()
    told: list[signal.Signals] = []
    loop = asyncio.get_running_loop()

    def end(number: signal.Signals) -> None:
        """The first signal drains the server, the second one ends it at once."""
        told.append(number)
        if len(told) > 1 or not drain(app, number):
            stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, end, number)
    hang_up = asyncio.Event()
    in_terminal = has_terminal()

    def hung_up() -> None:
        """Somebody wants a reload; or the terminal the server was started in is gone, and it goes too."""
        if in_terminal and not has_terminal():
            end(signal.SIGHUP)
        else:
            hang_up.set()

    loop.add_signal_handler(signal.SIGHUP, hung_up)
    try:
        await app.start()
    except CANNOT_START as error:
        errors.print(f"[red]error:[/red] {escape(str(error))}")
        return 1
    try:
        show(Console(highlight=False), settings, app)
    except OSError as error:
        log.warning("standard output cannot be written: %s; calls are taken all the same", error)
    waiting = asyncio.ensure_future(_say_when_ready(app))
    reloading = asyncio.ensure_future(_reload_when_told(app, hang_up, read_again))
    await _first_of(stop, *([app.draining.over] if app.draining is not None else []))
    log.info("stopping: ending calls, delivering what is owed")
    waiting.cancel()
    reloading.cancel()
    await app.stop()
    return 0


def drain(app: App, number: signal.Signals) -> bool:
    """Let the calls of a server go on for a while; False when it has not been started so far."""
    if app.draining is None:
        return False
    app.draining.begin(f"by {number.name}; once more ends it at once")
    return True


async def _first_of(*events: asyncio.Event) -> None:
    waiting = [asyncio.ensure_future(event.wait()) for event in events]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for one in waiting:
        one.cancel()


def has_terminal() -> bool:
    """Whether there is a controlling terminal on standard input."""
    try:
        os.tcgetpgrp(0)
    except OSError:
        return False
    return True


async def _reload_when_told(app: App, told: asyncio.Event, read_again: Callable[[], Settings]) -> None:
    """On SIGHUP: keys, tokens, issuers, numbers, subscriptions and phones from the configuration as it is
    then, and the certificates of SIP from their files."""
    while True:
        await told.wait()
        told.clear()
        try:
            waiting = await app.reload(await asyncio.to_thread(read_again))
        except ConfigError as error:
            for problem in error.problems:
                log.error("the configuration is not reloaded: %s", problem)
        except (SubscriptionError, FilterError, TlsError) as error:
            log.error("the configuration is not reloaded: %s", error)
        except OSError as error:
            log.error("the configuration is not reloaded wholly: %s", error)
        else:
            log.info("reloaded keys, tokens, issuers, numbers, subscriptions, phones and certificates of SIP")
            if waiting:
                log.warning("changed, but in effect only after a restart: %s", ", ".join(waiting))


async def _say_when_ready(app: App) -> None:
    await app.wait_ready()
    # What start-up has made stays. Looking for garbage among it, as every full collection would, takes some
    # hundred milliseconds, in which no call gets any audio.
    gc.collect()
    gc.freeze()
    log.info("ready for calls")


def show(console: Console, settings: Settings, app: App) -> None:
    """What a person needs to know to use the server.

    The connection string stands on a line of its own, never broken, so that it can be copied.
    """
    console.print(Rule(f"hookflash {__version__}", align="left", style="green"))
    first = settings.resource[0]
    console.print("[bold]connection string[/bold]")
    string = connection_string(first, settings.public_url)
    if settings.server.mode == "production":
        # What a service prints ends in a log, where a key has no business.
        string = string.replace(first.access_keys[0], "...  (hookflash connection-string shows it)")
    console.print(string, soft_wrap=True, markup=False, style="cyan")
    rows = Table.grid(padding=(0, 2))
    rows.add_column(style="bold", no_wrap=True)
    rows.add_column(overflow="fold")
    if settings.public_url.startswith("http://"):
        python = f'CallAutomationClient("{settings.public_url}", AzureKeyCredential(key))'
        rows.add_row("in a Python app", escape(python))
        rows.add_row(
            "in a JavaScript app", "new CallAutomationClient(string, { allowInsecureConnection: true })"
        )
    else:
        rows.add_row("in an app", "CallAutomationClient.from_connection_string(string), as always")
    number = settings.number[0].e164 if settings.number else "+18005550100"
    host, port = app.sip_address
    rows.add_row("dial", f"sip:{number}@{'127.0.0.1' if host in ('0.0.0.0', '::') else host}:{port}")
    if not settings.subscription:
        rows.add_row("receive calls", escape("add a [[subscription]] with the webhook of your app"))
    rows.add_row("state", escape(str(Path(settings.server.data_dir).resolve())))
    for name, meaning in settings.loosenesses():
        rows.add_row("loose", f"{name}: {escape(meaning)}")
    console.print(rows)
    console.print(Rule(style="green"))
