"""New settings for a server that runs: what takes effect at once, and what asks for a restart."""

from __future__ import annotations

from dataclasses import fields, replace

from hookflash.composition.subscribing import subscriptions
from hookflash.config import ConfigError, Settings
from hookflash.config.errors import Problem

RELOADED = ("auth", "resource", "issuer", "number", "subscription", "tolls", "phone")
"""Sections that take effect at once."""


def reloaded(running: Settings, new: Settings) -> tuple[Settings, list[str]]:
    """The settings to go on with, and the sections that differ but wait for a restart.

    Raises:
        ConfigError: the mode has changed. What the one mode takes, such as the published development key of a
            file that has become empty, must not get into a server that runs in the other.
        SubscriptionError, FilterError: a subscription cannot be used.
    """
    if new.server.mode != running.server.mode:
        what = f"is {new.server.mode!r} now, but the server runs in {running.server.mode} mode"
        remedy = "restart the server to change its mode, or put the old one back"
        raise ConfigError([Problem("the configuration", "server.mode", what, remedy)])
    for one in subscriptions(new):
        one.check()
    waiting = [
        one.name
        for one in fields(Settings)
        if one.name not in RELOADED and getattr(running, one.name) != getattr(new, one.name)
    ]
    return replace(running, **{name: getattr(new, name) for name in RELOADED}), waiting
