"""An Event Grid subscription as data, and how it is kept."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any

import msgspec

from hookflash.wire.eventgrid import ALL_TYPES, EVENT_TYPES, INCOMING_CALL, event_type_named
from hookflash.wire.grid_filters import FilterError, Filters, read_filters

SPACE = "subscription"
"""The document space subscriptions are kept in, by name."""

_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}")
"""Of a subscription and of a folder: a subscription's name may become that of its folder."""
MAX_ENDPOINT = 2048
MOST_ATTEMPTS = 30
MOST_MINUTES = 1440
ATTEMPTS = {INCOMING_CALL: 2}
MINUTES = {INCOMING_CALL: 1}
"""What is recommended for IncomingCall (contract section 5.6): after a minute nobody waits for an answer.
Everything else has Event Grid's own defaults, the most there is.
"""


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

    ``resource`` is its GUID. ``event_types`` are full or short names, or "All". The two bounds on the
    delivery of one event are those of :data:`ATTEMPTS` and :data:`MINUTES` when they are not given.
    ``dead_letter`` names the folder for what cannot be delivered; "" for the server's, if it has one.
    """

    name: str
    resource: str
    endpoint: str
    event_types: tuple[str, ...] = (INCOMING_CALL,)
    schema: Schema = Schema.EVENT_GRID
    filters: Filters = Filters()
    max_delivery_attempts: int | None = None
    event_time_to_live_in_minutes: int | None = None
    dead_letter: str = ""

    def attempts(self, event_type: str) -> int:
        """How often an event of this type (full name) is tried."""
        return self.max_delivery_attempts or ATTEMPTS.get(event_type, MOST_ATTEMPTS)

    def lifetime(self, event_type: str) -> float:
        """Seconds during which an event of this type (full name) is tried."""
        return 60.0 * (self.event_time_to_live_in_minutes or MINUTES.get(event_type, MOST_MINUTES))

    def check(self) -> None:
        """Raises :class:`SubscriptionError` or ``FilterError`` if it cannot work."""
        if not _NAME.fullmatch(self.name):
            raise SubscriptionError(
                f"subscription name {self.name[:100]!r}: use 1 to 64 of A-Z a-z 0-9 and . _ - only, "
                "and no . at the beginning"
            )
        here = f"subscription {self.name}"
        if not self.endpoint.lower().startswith(("https://", "http://")):
            raise SubscriptionError(f"{here}: endpoint {self.endpoint[:100]!r} is not an http(s) URL")
        if len(self.endpoint) > MAX_ENDPOINT:
            raise SubscriptionError(
                f"{here}: the endpoint has {len(self.endpoint)} characters; at most {MAX_ENDPOINT} are taken"
            )
        if not self.event_types:
            raise SubscriptionError(f"{here} has no event types; name at least one, or {ALL_TYPES}")
        for name in self.event_types:
            if event_type_named(name) is None and name.casefold() != ALL_TYPES.casefold():
                raise SubscriptionError(f"{here}: {unknown_type(name)}")
        for what, value, most in (
            ("maxDeliveryAttempts", self.max_delivery_attempts, MOST_ATTEMPTS),
            ("eventTimeToLiveInMinutes", self.event_time_to_live_in_minutes, MOST_MINUTES),
        ):
            if value is not None and not 1 <= value <= most:
                raise SubscriptionError(f"{here}: {what} is {value}; use 1 to {most}")
        try:
            self.filters.check()
        except FilterError as error:
            raise FilterError(f"{here}: {error}") from error

    def wants(self, event_type: str) -> bool:
        """Whether events of this type (full name) are wanted."""
        folded = event_type.casefold()
        return any(
            (event_type_named(wanted) or wanted).casefold() in (folded, ALL_TYPES.casefold())
            for wanted in self.event_types
        )


def unknown_type(name: str) -> str:
    """What to tell about an event type nobody knows."""
    short = [one.rpartition(".")[2] for one in EVENT_TYPES]
    near = difflib.get_close_matches(name.rpartition(".")[2], short, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    return f"event type {name[:100]!r} is not known; {hint}use {', '.join(short)} or {ALL_TYPES}"


class SubscriptionStatus(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A subscription and where its handshake stands; ``detail`` says why it is not validated.

    ``allowed_rate`` is the WebHook-Allowed-Rate a CloudEvents endpoint answered with, in requests a minute,
    "" if none. It is shown, not enforced.
    """

    subscription: Subscription
    state: State
    detail: str = ""
    allowed_rate: str = ""


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


def from_request(given: object) -> Subscription:
    """A subscription out of a request's JSON; its dead-letter folder must be a plain name.

    Raises:
        SubscriptionError, FilterError: it cannot be used; nothing that was given is overlooked.
    """
    if not isinstance(given, Mapping):
        raise SubscriptionError("the body is not a JSON object; give name, endpoint, eventTypes and so on")
    members = dict(given)
    _known(members, Subscription, "the subscription")
    filters = members.pop("filters", None) or {}
    if not isinstance(filters, Mapping):
        raise SubscriptionError("filters is not an object; give advancedFilters, subjectBeginsWith and so on")
    filters = dict(filters)
    _known(filters, Filters, "filters")
    advanced = filters.pop("advancedFilters", None) or ()
    if not isinstance(advanced, list | tuple):
        raise SubscriptionError("filters.advancedFilters is not a list; give a list of objects")
    if isinstance(members.get("schema"), str):
        members["schema"] = Schema.parse(members["schema"]).value
    try:
        made = msgspec.convert(members, Subscription)
        subject = msgspec.convert(filters, Filters)
    except msgspec.ValidationError as error:
        raise SubscriptionError(f"the subscription does not fit: {error}") from error
    conditions = msgspec.structs.replace(subject, advanced_filters=read_filters(advanced))
    made = msgspec.structs.replace(made, filters=conditions)
    if made.dead_letter and not _NAME.fullmatch(made.dead_letter):
        raise SubscriptionError(
            f"deadLetter is {made.dead_letter[:100]!r}; "
            "give the plain name of a folder, of A-Z a-z 0-9 and . _ -"
        )
    made.check()
    return made


def _known(given: Mapping[str, Any], model: type[msgspec.Struct], where: str) -> None:
    names: Iterable[str] = model.__struct_encode_fields__
    for name in given:
        if name not in names:
            near = difflib.get_close_matches(str(name), list(names), n=1, cutoff=0.0)[0]
            raise SubscriptionError(f"{where} has no member {name[:100]!r}; did you mean {near!r}?")
