"""Event Grid subscriptions from the configuration file and from the own surface."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from hookflash.composition.subscribing import (
    MAX_SUBSCRIPTIONS,
    SubscriptionDesk,
    dead_letters,
    subscriptions,
)
from hookflash.config import ConfigError, Settings, parse
from hookflash.events.subscriptions import Schema, State, Subscription, SubscriptionStatus
from hookflash.wire.grid_filters import AdvancedFilter, Filters
from hookflash.wire.results import Refusal

ID = "6d889502-3d7a-41a8-befa-d21fd80e8767"
HEAD = f"""
[[resource]]
name = "contoso"
id = "{ID}"
access_keys = ["b3duIGtleSBvZiB0aGlydHktdHdvIGJ5dGVzIG9yIG1vcmUsIHNlY3JldA=="]

[[subscription]]
name = "app"
resource = "Contoso"
endpoint = "https://app.example/events"
"""


def test_a_subscription_with_everything() -> None:
    text = (
        HEAD
        + """
event_types = ["CallStarted", "Microsoft.Communication.CallEnded"]
schema = "CloudEventSchemaV1_0"
subject_begins_with = "call/"
subject_ends_with = "x"
subject_case_sensitive = true
filters = {"data.to.phoneNumber.value" = "+18005550100"}
advanced_filters = [
    {operatorType = "NumberInRange", key = "data.callDurationInSeconds", values = [[0, 5]]},
    {operatorType = "BoolEquals", key = "data.isTwoParty", value = true},
]
filter_arrays = true
max_attempts = 3
ttl_minutes = 10
dead_letter = "lost"
"""
    )
    assert subscriptions(parse(text)) == [
        Subscription(
            name="app",
            resource=ID,
            endpoint="https://app.example/events",
            event_types=("CallStarted", "Microsoft.Communication.CallEnded"),
            schema=Schema.CLOUD_EVENTS,
            filters=Filters(
                subject_begins_with="call/",
                subject_ends_with="x",
                is_subject_case_sensitive=True,
                enable_advanced_filtering_on_arrays=True,
                advanced_filters=(
                    AdvancedFilter(
                        operator_type="StringIn", key="data.to.phoneNumber.value", values=("+18005550100",)
                    ),
                    AdvancedFilter(
                        operator_type="NumberInRange", key="data.callDurationInSeconds", values=((0, 5),)
                    ),
                    AdvancedFilter(operator_type="BoolEquals", key="data.isTwoParty", value=True),
                ),
            ),
            max_delivery_attempts=3,
            event_time_to_live_in_minutes=10,
            dead_letter="lost",
        )
    ]


def test_filters_as_tables_of_their_own() -> None:
    text = (
        HEAD
        + """
[[subscription.advanced_filters]]
operatorType = "StringBeginsWith"
key = "data.to.PhoneNumber.Value"
values = ["+1800", "+1888"]
"""
    )
    (made,) = subscriptions(parse(text))
    (condition,) = made.filters.advanced_filters
    assert condition.wanted == ("+1800", "+1888")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            'event_types = ["CallEnd"]',
            "hookflash.toml:11: subscription.0.event_types: subscription 'app' names event type 'CallEnd', "
            "which there is not",
        ),
        (
            'advanced_filters = [{operatorType = "NumberIn", key = "data.n", values = ["1"]}]',
            "hookflash.toml:11: subscription.0.advanced_filters: subscription 'app': advanced filter 1, "
            "NumberIn on 'data.n', has the value '1'",
        ),
        (
            'advanced_filters = [{operator = "NumberIn", key = "data.n", values = [1]}]',
            "advanced filter 1 has 'operator', which no filter has",
        ),
        ('filters = {"nowhere.n" = "x"}', "subscription.0.filters: subscription 'app': advanced filter 1"),
        ('advanced_filters = ["x"]', "subscription.0.advanced_filters"),
        ("max_attempts = 31", "a whole number of attempts from 1 to 30"),
        ("ttl_minutes = 0", "a whole number of minutes from 1 to 1440"),
    ],
)
def test_mistakes_are_told_with_their_place(lines: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(HEAD + lines + "\n")
    assert message in str(caught.value)


def test_dead_letters_go_where_the_settings_say(tmp_path: Path) -> None:
    plain = dead_letters(parse(f'[server]\ndata_dir = "{tmp_path}"\n'))
    assert plain.place("app", "") is None
    assert plain.place("app", "lost") == tmp_path / "dead-letters" / "lost"
    everyone = dead_letters(parse(f'[events]\ndead_letter_folder = "{tmp_path}/all"\n'))
    assert everyone.place("app", "") == tmp_path / "all" / "app"


class Grid:
    """Keeps what is added."""

    def __init__(self) -> None:
        self.added: list[Subscription] = []

    def subscriptions(self) -> Sequence[SubscriptionStatus]:
        return [SubscriptionStatus(subscription=one, state=State.PENDING) for one in self.added]

    def get(self, name: str) -> SubscriptionStatus | None:
        return next((one for one in self.subscriptions() if one.subscription.name == name), None)

    async def add(self, subscription: Subscription) -> SubscriptionStatus:
        self.added.append(subscription)
        return SubscriptionStatus(subscription=subscription, state=State.PENDING)

    async def remove(self, name: str) -> bool:
        left = [one for one in self.added if one.name != name]
        found, self.added = len(left) < len(self.added), left
        return found

    def confirm(self, code: str) -> str | None:
        return None


def desk(settings: Settings) -> tuple[SubscriptionDesk, Grid]:
    grid = Grid()
    return SubscriptionDesk(grid, settings), grid  # type: ignore[arg-type]


async def test_the_own_surface_takes_the_same() -> None:
    made, grid = desk(parse(HEAD))
    document = {
        "name": "mine",
        "resource": "CONTOSO",
        "endpoint": "https://mine.example/",
        "eventTypes": ["All"],
        "filters": {
            "advancedFilters": [
                {"operatorType": "StringIn", "key": "data.to.PhoneNumber.Value", "values": ["+1"]}
            ]
        },
        "maxDeliveryAttempts": 7,
        "deadLetter": "mine",
    }
    await made.put(json.dumps(document).encode())
    (added,) = grid.added
    assert (added.resource, added.event_types, added.max_delivery_attempts) == (ID, ("All",), 7)
    assert added.filters.advanced_filters[0].wanted == ("+1",)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([1], "not a JSON object"),
        ({"name": "a", "endpoint": "https://a/", "resource": "nobody"}, "'nobody' is not configured"),
        ({"name": "a", "endpoint": "https://a/", "deadLetter": "/etc"}, "plain name of a folder"),
        ({"name": "a", "endpoint": "https://a/", "ttl": 5}, "has no member 'ttl'"),
        (
            {"name": "a", "endpoint": "https://a/", "filters": {"advancedFilters": [{"key": "x"}]}},
            "advanced filter 1 has no operatorType",
        ),
    ],
)
async def test_mistakes_over_the_own_surface_are_refusals(document: Any, message: str) -> None:
    made, grid = desk(parse(HEAD))
    with pytest.raises(Refusal) as caught:
        await made.put(json.dumps(document).encode())
    assert caught.value.status == 400
    assert message in caught.value.message
    assert grid.added == []


OTHER = "11111111-3d7a-41a8-befa-d21fd80e8767"
BESIDE = f"""
[[resource]]
name = "fabrikam"
id = "{OTHER}"
access_keys = ["YW5vdGhlciBrZXkgb2YgdGhpcnR5LXR3byBieXRlcyBvciBtb3JlLCBzZWNyZXQ="]
"""


def names(found: Sequence[Any]) -> list[str]:
    return [one.subscription.name for one in found]


async def test_a_resource_sees_and_changes_its_own_subscriptions_only() -> None:
    made, grid = desk(parse(HEAD + BESIDE))
    document = {"name": "mine", "endpoint": "https://mine.example/"}
    await made.put(json.dumps(document).encode(), OTHER)
    assert grid.added[0].resource == OTHER  # not the first of the configuration
    assert (names(made.listed(OTHER)), names(made.listed(ID)), names(made.listed())) == (
        ["mine"],
        [],
        ["mine"],
    )
    attempts = [
        made.put(json.dumps({**document, "name": "spy", "resource": "fabrikam"}).encode(), ID),
        made.put(json.dumps({**document, "resource": "contoso"}).encode(), ID),
        made.remove("mine", ID),
    ]
    for attempt in attempts:
        with pytest.raises(Refusal) as caught:
            await attempt
        assert (caught.value.status, caught.value.code) == (403, "7507")
    assert grid.added == [grid.added[0]]
    assert not await made.remove("nobody's", ID)
    assert await made.remove("mine", OTHER)


async def test_a_resource_has_a_bounded_number_of_subscriptions() -> None:
    made, grid = desk(parse(HEAD))
    document = {"name": "one", "endpoint": "https://mine.example/"}
    await made.put(json.dumps(document).encode())
    (first,) = grid.added
    grid.added = [replace(first, name=f"n{number}") for number in range(MAX_SUBSCRIPTIONS)]
    with pytest.raises(Refusal, match="at most 500"):
        await made.put(json.dumps(document).encode())
    await made.put(json.dumps({**document, "name": "n3"}).encode())  # replaces


@pytest.mark.parametrize("name", ["a b", "a/b", "../up", "..", ".", "x" * 65])
def test_a_name_becomes_part_of_paths_and_headers(name: str) -> None:
    with pytest.raises(ConfigError, match="use 1 to 64 of A-Z a-z 0-9"):
        parse(HEAD.replace('name = "app"', f'name = "{name}"'))
