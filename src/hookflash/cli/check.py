"""``hookflash check`` and ``hookflash connection-string``."""

from __future__ import annotations

import os
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from hookflash.cli.settings import configuration_file, errors, read_settings
from hookflash.composition import storing
from hookflash.composition.speech_abilities import described
from hookflash.config import Settings, connection_string
from hookflash.wire.urls import without_secrets

SHOWN = 20
"""Users whose phones are shown."""


def run(config: Path | None) -> int:
    """Print what a valid configuration amounts to; mistakes end the command with code 2."""
    settings = read_settings(config)
    out = Console(highlight=False, soft_wrap=True)
    source = configuration_file(config)
    out.print(f"[green]ok[/green]: {escape(str(source)) if source else 'no file, all defaults'}")
    for line in summary(settings):
        out.print("  " + escape(line))
    for name, meaning in settings.loosenesses():
        out.print(f"  [yellow]loose[/yellow] {name}: {escape(meaning)}")
    return 0


def summary(settings: Settings) -> list[str]:
    """What the server will do, a line each."""
    lines = [
        f"mode {settings.server.mode}, HTTP on {settings.server.bind}",
        f"SIP on {settings.sip.bind}, UDP and TCP",
        f"state in {settings.server.data_dir}",
    ]
    for resource in settings.resource:
        owned = [n.e164 for n in settings.number if n.resource.casefold() == resource.name.casefold()]
        lines.append(f"resource {resource.name}: {', '.join(owned) or 'no number'}")
    lines += [
        f"subscription {one.name}: {one.resource} -> {without_secrets(one.endpoint)}"
        for one in settings.subscription
    ]
    lines += [f"trunk {one.name}: {', '.join(one.targets)} over {one.transport}" for one in settings.trunk]
    lines += phones(settings)
    lines += described(settings)
    lines += storing.described(settings, os.environ)
    lines += [f"route {one.pattern} -> {one.trunk}" for one in settings.route]
    return lines


def phones(settings: Settings) -> list[str]:
    """The phones that may register, a line for each user."""
    names: dict[str, list[str]] = {}
    for one in settings.phone:
        names.setdefault(one.user, []).append(one.username)
    resources = {one.id.casefold() for one in settings.resource}
    lines: list[str] = []
    for user, held in names.items():
        # 8:acs:<resource>_<user>
        scope = user.rpartition(":")[2].partition("_")[0]
        stray = (
            "" if scope.casefold() in resources else "; no resource has that id, so no app hears of its calls"
        )
        lines.append(f"phone {', '.join(held)}: {user}{stray}")
    more = len(lines) - SHOWN
    return lines if more <= 0 else [*lines[:SHOWN], f"phones of {more} more users"]


def print_connection_string(config: Path | None, name: str | None) -> int:
    """Print one connection string; code 2 when there is no such resource."""
    settings = read_settings(config)
    resource = settings.resource_named(name) if name else next(iter(settings.resource), None)
    if resource is None:
        known = ", ".join(one.name for one in settings.resource) or "none"
        wanted = f'resource "{name}" is not configured' if name else "no resource is configured"
        errors.print(f"[red]error:[/red] {escape(wanted)}; resources are: {escape(known)}")
        return 2
    print(connection_string(resource, settings.public_url))
    return 0
