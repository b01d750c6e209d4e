"""Builds what tells apps of events: at their callbacks, and through Event Grid."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hookflash.composition.subscribing import dead_letters
from hookflash.config import Settings
from hookflash.events.courier import Courier, OnDelivered
from hookflash.events.eventgrid import EventGrid
from hookflash.events.sender import Sender
from hookflash.events.targets import TargetPolicy
from hookflash.events.tokens import TokenMinter
from hookflash.ports.clock import Clock
from hookflash.store.journal import SqliteJournal
from hookflash.store.keys import KeyStore

GRACE = 5.0
"""Seconds for deliveries that are under way when the server stops."""


class Eventing:
    """The events of one server; what goes into the journal's outbox is delivered.

    ``delivered`` is told of each delivery, with the status it was answered with and the milliseconds it took.

    Attributes:
        tokens: bearer tokens that apps can check.
        grid, courier: who delivers to subscriptions, and to callbacks.
        closers: what lets go of it all, to be called from the last to the first.
    """

    def __init__(
        self,
        settings: Settings,
        journal: SqliteJournal,
        keys: KeyStore,
        clock: Clock,
        resource_name: Callable[[str], str],
        delivered: OnDelivered | None,
    ) -> None:
        tokens = self.tokens = TokenMinter(keys, clock, settings.events.token_issuer)
        policy = TargetPolicy(
            allow_private=settings.server.private_targets, allow_http=settings.server.http_callbacks
        )
        sender = Sender(clock, policy)
        letters = dead_letters(settings)
        grid = self.grid = EventGrid(
            sender,
            clock,
            journal,
            public_url=settings.public_url,
            resource_name=resource_name,
            eager=settings.server.mode == "dev",
            letters=letters,
        )
        courier = self.courier = Courier(
            journal, clock, sender, tokens, gate=grid.gate, bury=grid.bury, on_delivered=delivered
        )
        journal.on_outbox = courier.accept
        self.closers: tuple[Callable[[], Any], ...] = (
            sender.close,
            letters.close,
            grid.close,
            lambda: courier.close(grace=GRACE),
        )
