"""New settings for a server that runs: what takes effect at once, and what asks for a restart."""

from __future__ import annotations

from dataclasses import fields, replace

from hookflash.config import Settings

RELOADED = ("auth", "resource", "issuer", "number", "subscription")
"""Sections that take effect at once."""


def reloaded(running: Settings, new: Settings) -> tuple[Settings, list[str]]:
    """The settings to go on with, and the sections that differ but wait for a restart."""
    waiting = [
        one.name
        for one in fields(Settings)
        if one.name not in RELOADED and getattr(running, one.name) != getattr(new, one.name)
    ]
    return replace(running, **{name: getattr(new, name) for name in RELOADED}), waiting
