"""An Event Grid subscription as data, and how it is kept."""

from __future__ import annotations

import re
from enum import Enum

import msgspec

from hookflash.events.filters import FilterError, Filters
from hookflash.wire.eventgrid import INCOMING_CALL

SPACE = "subscription"
"""The document space subscriptions are kept in, by name."""

_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
ATTEMPTS = 2
TTL_SECONDS = 60
"""Retry policy recommended for IncomingCall (contract section 5.6): after that nobody waits for an answer."""


class SubscriptionError(ValueError):
    """A subscription that cannot be used; the message says what to change."""


class Schema(Enum):
    """What the events look like; the values are Azure's names for them."""

    EVENT_GRID = "EventGridSchema"
    CLOUD_EVENTS = "CloudEventSchemaV1_0"

    @classmethod
    def parse(cls, text: str) -> Schema:
        """By Azure's name, or short as "eventgrid" or "cloudevents"; any case. Raises SubscriptionError."""
        folded = text.casefold()
        for schema, short in ((cls.EVENT_GRID, "eventgrid"), (cls.CLOUD_EVENTS, "cloudevents")):
            if folded in (short, schema.value.casefold()):
                return schema
        raise SubscriptionError(
            f"schema {text!r} is not known; use {cls.EVENT_GRID.value} or {cls.CLOUD_EVENTS.value}"
        )


class State(Enum):
    """Where the validation handshake stands."""

    PENDING = "pending"
    VALIDATED = "validated"
    FAILED = "failed"


class Subscription(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Where events of a resource are sent.

    ``resource`` is its GUID. ``attempts`` and ``ttl`` (seconds) bound the delivery of one event.
    """

    name: str
    resource: str
    endpoint: str
    event_types: tuple[str, ...] = (INCOMING_CALL,)
    schema: Schema = Schema.EVENT_GRID
    filters: Filters = Filters()
    attempts: int = ATTEMPTS
    ttl: int = TTL_SECONDS

    def check(self) -> None:
        """Raises :class:`SubscriptionError` or ``FilterError`` if it cannot work."""
        if not _NAME.fullmatch(self.name):
            raise SubscriptionError(
                f"subscription name {self.name[:100]!r}: use 1 to 64 of A-Z a-z 0-9 and . _ - only"
            )
        if not self.endpoint.lower().startswith(("https://", "http://")):
            raise SubscriptionError(
                f"subscription {self.name}: endpoint {self.endpoint!r} is not an http(s) URL"
            )
        if not self.event_types:
            raise SubscriptionError(f"subscription {self.name} has no event types; name at least one")
        if not 1 <= self.attempts <= 30:
            raise SubscriptionError(f"subscription {self.name}: attempts is {self.attempts}; use 1 to 30")
        if not 1 <= self.ttl <= 86_400:
            raise SubscriptionError(f"subscription {self.name}: ttl is {self.ttl} s; use 1 to 86400")
        self.filters.check()

    def wants(self, event_type: str) -> bool:
        folded = event_type.casefold()
        return any(wanted.casefold() == folded for wanted in self.event_types)


class SubscriptionStatus(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A subscription and where its handshake stands; ``detail`` says why it is not validated."""

    subscription: Subscription
    state: State
    detail: str = ""


class Kept(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A subscription as a document. ``code`` is its validation code."""

    subscription: Subscription
    state: State
    code: str


_DECODER = msgspec.json.Decoder(Kept)


def to_document(kept: Kept) -> bytes:
    return msgspec.json.encode(kept)


def from_document(body: bytes) -> Kept:
    """Raises SubscriptionError if the document is not one of ours."""
    try:
        kept = _DECODER.decode(body)
        kept.subscription.check()
        return kept
    except (msgspec.MsgspecError, FilterError) as error:
        raise SubscriptionError(f"stored subscription cannot be read: {error}") from error
