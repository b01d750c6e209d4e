"""Event Grid subscriptions out of settings, and as the own surface sees them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from hookflash.config import Settings
from hookflash.events.dead_letters import DeadLetters
from hookflash.events.eventgrid import EventGrid
from hookflash.events.subscriptions import Schema, Subscription, SubscriptionError, from_request
from hookflash.wire.grid_filters import FilterError, Filters, equal_to, read_filters
from hookflash.wire.results import invalid_argument, wrong_resource


def subscriptions(settings: Settings) -> list[Subscription]:
    """The configured Event Grid subscriptions."""
    ids = {one.name.casefold(): one.id for one in settings.resource}
    return [
        Subscription(
            name=one.name,
            resource=ids[one.resource.casefold()],
            endpoint=one.endpoint,
            event_types=one.event_types,
            schema=Schema.parse(one.schema),
            filters=Filters(
                subject_begins_with=one.subject_begins_with,
                subject_ends_with=one.subject_ends_with,
                is_subject_case_sensitive=one.subject_case_sensitive,
                enable_advanced_filtering_on_arrays=one.filter_arrays,
                advanced_filters=(*equal_to(one.filters), *read_filters(one.advanced_filters)),
            ),
            max_delivery_attempts=one.max_attempts,
            event_time_to_live_in_minutes=one.ttl_minutes,
            dead_letter=one.dead_letter or "",
        )
        for one in settings.subscription
    ]


def dead_letters(settings: Settings) -> DeadLetters:
    """Where events are kept that could not be delivered."""
    events = settings.events
    given = events.dead_letter_folder
    return DeadLetters(
        Path(given) if given else Path(settings.server.data_dir) / "dead-letters",
        always=given is not None,
        max_files=events.dead_letter_files,
        max_bytes=events.dead_letter_bytes,
    )


MAX_SUBSCRIPTIONS = 500
"""Subscriptions of one resource, as many as Event Grid allows for one topic."""


class SubscriptionDesk:
    """The own surface's view of :class:`EventGrid`: resources by name or GUID, mistakes as refusals."""

    def __init__(self, grid: EventGrid, settings: Settings) -> None:
        self._grid = grid
        self.know(settings)

    def know(self, settings: Settings) -> None:
        """The resources from now on."""
        self._ids = {one.name.casefold(): one.id for one in settings.resource}
        self._default = settings.resource[0].id if settings.resource else ""

    def listed(self, asker: str | None = None) -> Sequence[msgspec.Struct]:
        return [one for one in self._grid.subscriptions() if asker in (None, one.subscription.resource)]

    async def put(self, document: bytes, asker: str | None = None) -> msgspec.Struct:
        try:
            given = msgspec.json.decode(document)
            if isinstance(given, dict):
                wanted = str(given.get("resource") or asker or self._default)
                given["resource"] = self._ids.get(wanted.casefold(), wanted)
            subscription = from_request(given)
            if subscription.resource not in self._ids.values():
                raise invalid_argument(
                    "resource", f"{subscription.resource!r} is not configured; {self._known()}"
                )
            if asker not in (None, subscription.resource):
                raise wrong_resource(
                    "The subscription is for another resource than that of the key; use the key of that one.",
                    target="resource",
                )
            self._check_owner(subscription.name, asker)
            self._check_room(subscription)
            return await self._grid.add(subscription)
        except (msgspec.MsgspecError, SubscriptionError, FilterError) as error:
            raise invalid_argument("subscription", f"{error}") from error

    async def remove(self, name: str, asker: str | None = None) -> bool:
        self._check_owner(name, asker)
        return await self._grid.remove(name)

    def _check_room(self, new: Subscription) -> None:
        others = [one.subscription for one in self._grid.subscriptions() if one.subscription.name != new.name]
        if sum(one.resource == new.resource for one in others) >= MAX_SUBSCRIPTIONS:
            raise invalid_argument(
                "subscription", f"a resource has at most {MAX_SUBSCRIPTIONS}; remove one that is not needed."
            )

    def _check_owner(self, name: str, asker: str | None) -> None:
        """Refuses when there is a subscription of that name, and it is another resource's."""
        former = self._grid.get(name)
        if former is not None and asker not in (None, former.subscription.resource):
            raise wrong_resource(
                f"Subscription {name[:100]!r} belongs to another resource; use the key of that one, or "
                "another name.",
                target="name",
            )

    def confirm(self, code: str) -> str | None:
        return self._grid.confirm(code)

    def _known(self) -> str:
        return f"resources are: {', '.join(self._ids) or 'none'}"
