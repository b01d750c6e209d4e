"""The commands, as typer sees them. Each imports what it needs when it runs, so that ``--help`` is quick."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from hookflash import __version__

cli = typer.Typer(
    name="hookflash",
    help="A self-hosted call automation server: Azure Call Automation's contract, real telephony behind it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Config = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="TOML file; ./hookflash.toml if it exists.", show_default=False),
]


def main() -> None:
    """Run the command line."""
    _open_standard_files()
    cli()


def _open_standard_files() -> None:
    """Whoever started us may have closed them; the next sockets would get their numbers, and output."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # takes the lowest free number: this one
            setattr(sys, name, open(number, mode, closefd=False))  # noqa: SIM115 (it stays open)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"hookflash {__version__}")
        raise typer.Exit


@cli.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """A self-hosted call automation server: Azure Call Automation's contract, real telephony behind it."""


@cli.command()
def serve(
    config: Config = None,
    bind: Annotated[str | None, typer.Option(help="HTTP address, host:port.", show_default=False)] = None,
    sip_bind: Annotated[str | None, typer.Option(help="SIP address, host:port.", show_default=False)] = None,
    data_dir: Annotated[str | None, typer.Option(help="Where state is kept.", show_default=False)] = None,
    log_format: Annotated[str, typer.Option(help="auto, json or pretty.")] = "auto",
    log_level: Annotated[str, typer.Option(help="debug, info, warning or error.")] = "info",
) -> None:
    """Start the server."""
    from hookflash.cli.serve import run

    given = {"server.bind": bind, "sip.bind": sip_bind, "server.data_dir": data_dir}
    flags = {name: value for name, value in given.items() if value is not None}
    raise typer.Exit(run(config, flags, log_format, log_level))


@cli.command()
def check(config: Config = None) -> None:
    """Check a configuration: what is wrong, where, and how to mend it."""
    from hookflash.cli.check import run

    raise typer.Exit(run(config))


@cli.command()
def unseal(
    sealed: Annotated[Path, typer.Argument(help="An encrypted file of a recording.")],
    plain: Annotated[Path, typer.Argument(help="Where it goes in clear; a new file.")],
    config: Config = None,
) -> None:
    """Decrypt a recording with the keys of a configuration."""
    from hookflash.cli.unseal import run

    raise typer.Exit(run(config, sealed, plain))


@cli.command("connection-string")
def connection_string(
    resource: Annotated[str | None, typer.Argument(help="Name of a resource; the first if omitted.")] = None,
    config: Config = None,
) -> None:
    """Print the connection string of a resource, and nothing else."""
    from hookflash.cli.check import print_connection_string

    raise typer.Exit(print_connection_string(config, resource))


Url = Annotated[
    str | None,
    typer.Option(help="The server; where the configuration says it listens if omitted.", show_default=False),
]
Key = Annotated[
    str | None,
    typer.Option(help="An access key; the first of the configuration if omitted.", show_default=False),
]


@cli.command()
def media(
    legs: Annotated[int, typer.Option(min=0, max=1000, help="How many of the worst legs to show.")] = 10,
    config: Config = None,
    url: Url = None,
    key: Key = None,
) -> None:
    """Show the media workers of a running server, and its worst legs."""
    from hookflash.cli.media import run_media

    raise typer.Exit(run_media(config, url, key, legs))


@cli.command()
def speech(config: Config = None, url: Url = None, key: Key = None) -> None:
    """Show whether a running server can speak and recognise, and if not, why."""
    from hookflash.cli.speech import run_speech

    raise typer.Exit(run_speech(config, url, key))


@cli.command()
def bans(
    lift: Annotated[
        str | None, typer.Option(help="Listen to this address again.", show_default=False)
    ] = None,
    lift_all: Annotated[bool, typer.Option("--lift-all", help="Listen to everybody again.")] = False,
    config: Config = None,
    url: Url = None,
    key: Key = None,
) -> None:
    """Show whom a running server does not listen to on SIP, or lift such bans."""
    from hookflash.cli.bans import run_bans

    raise typer.Exit(run_bans(config, url, key, lift=lift, lift_all=lift_all))


@cli.command()
def trunks(config: Config = None, url: Url = None, key: Key = None) -> None:
    """Show how the trunks of a running server do: what is up, registered, full."""
    from hookflash.cli.trunks import run_trunks

    raise typer.Exit(run_trunks(config, url, key))


@cli.command()
def registrations(config: Config = None, url: Url = None, key: Key = None) -> None:
    """Show which SIP phones have registered with a running server, and why others have not."""
    from hookflash.cli.registrations import run_registrations

    raise typer.Exit(run_registrations(config, url, key))


@cli.command()
def drain(
    worker: Annotated[
        int | None, typer.Option(help="Replace this media worker instead.", min=0, show_default=False)
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(help="How long calls may go on.", min=0, show_default=False)
    ] = None,
    cancel: Annotated[bool, typer.Option("--cancel", help="Take new calls again.")] = False,
    config: Config = None,
    url: Url = None,
    key: Key = None,
) -> None:
    """Let a running server take no new calls, and end once those it has are over."""
    from hookflash.cli.media import run_drain

    raise typer.Exit(run_drain(config, url, key, worker=worker, seconds=seconds, cancel=cancel))


calls = typer.Typer(
    help="Show the calls of a running server, and what happened in them.", no_args_is_help=True
)
cli.add_typer(calls, name="calls")
Json = Annotated[bool, typer.Option("--json", help="Print what the server answered.")]


@calls.command("list")
def list_calls(
    top: Annotated[int, typer.Option(min=1, max=1000, help="How many of the newest calls to show.")] = 20,
    as_json: Json = False,
    config: Config = None,
    url: Url = None,
    key: Key = None,
) -> None:
    """List the calls that are up and those lately ended, the newest first."""
    from hookflash.cli.calls import run_list

    raise typer.Exit(run_list(config, url, key, top=top, as_json=as_json))


@calls.command("show")
def show_call(
    call_id: Annotated[
        str,
        typer.Argument(
            metavar="ID",
            help="callConnectionId, correlationId or serverCallId; the first characters of one of the first "
            "two are enough when no other call begins like that.",
        ),
    ],
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with what happens until the call ends.")
    ] = False,
    as_json: Json = False,
    config: Config = None,
    url: Url = None,
    key: Key = None,
) -> None:
    """Show what happened in a call, and why, as a timeline."""
    from hookflash.cli.calls import run_show

    if follow and as_json:
        raise typer.BadParameter("a call is followed as a timeline only; leave out --json or --follow")
    raise typer.Exit(run_show(config, url, key, call_id=call_id, as_json=as_json, follow=follow))


@cli.command()
def demo(
    keep_logs: Annotated[bool, typer.Option("--logs", help="Show the server's log as well.")] = False,
) -> None:
    """Run a whole call end to end and show it as a timeline."""
    from hookflash.cli.demo import run

    raise typer.Exit(run(show_logs=keep_logs))


@cli.command()
def phone(
    uri: Annotated[
        str | None, typer.Argument(help="SIP URI to dial; wait for a call if omitted.", show_default=False)
    ] = None,
    script: Annotated[
        str | None,
        typer.Option("--script", "-s", help='Steps: "wait 2; press 123; hangup".', show_default=False),
    ] = None,
    caller: Annotated[str, typer.Option("--from", help="Own number or user part.")] = "+14255550123",
    bind: Annotated[str, typer.Option(help="Local SIP address; port 0 picks one.")] = "127.0.0.1:0",
    inband: Annotated[bool, typer.Option("--inband", help="Send keys as audible tones.")] = False,
    record: Annotated[
        Path | None, typer.Option(help="Write what was heard to this WAV file.", show_default=False)
    ] = None,
    timeout: Annotated[float, typer.Option(help="Give up after this many seconds.")] = 60.0,
    codec: Annotated[str, typer.Option(help="Codecs to speak, best first: PCMU, PCMA, L16.")] = "PCMU,PCMA",
    srtp: Annotated[str, typer.Option(help="Encrypt audio: off, optional, required.")] = "off",
) -> None:
    """A SIP phone in the terminal: dial, say, play, press, expect."""
    from hookflash.cli.phone import run

    raise typer.Exit(
        run(
            uri,
            script=script,
            caller=caller,
            bind=bind,
            inband=inband,
            record=record,
            timeout=timeout,
            codecs=codec,
            srtp=srtp,
        )
    )
