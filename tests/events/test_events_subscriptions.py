from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
import pytest

from hookflash.events import (
    AdvancedFilter,
    FilterError,
    Filters,
    Schema,
    State,
    Subscription,
    SubscriptionError,
)
from hookflash.events.subscriptions import Kept, from_document, to_document

GOOD = Subscription(name="app", resource="guid", endpoint="https://app.example/events")


def test_the_defaults_are_the_ones_for_incoming_calls() -> None:
    GOOD.check()
    assert GOOD.event_types == ("Microsoft.Communication.IncomingCall",)
    assert (GOOD.attempts, GOOD.ttl) == (2, 60)
    assert GOOD.wants("microsoft.communication.incomingcall")
    assert not GOOD.wants("Microsoft.Communication.CallEnded")


@pytest.mark.parametrize(
    ("text", "schema"),
    [
        ("eventgrid", Schema.EVENT_GRID),
        ("EventGridSchema", Schema.EVENT_GRID),
        ("CloudEvents", Schema.CLOUD_EVENTS),
        ("cloudeventschemav1_0", Schema.CLOUD_EVENTS),
    ],
)
def test_schemas_by_azures_name_or_short(text: str, schema: Schema) -> None:
    assert Schema.parse(text) is schema


def test_an_unknown_schema_is_named() -> None:
    with pytest.raises(SubscriptionError, match="'Custom' is not known; use EventGridSchema or"):
        Schema.parse("Custom")


@dataclass
class Bad:
    fields: dict[str, Any]
    message: str


@pytest.mark.parametrize(
    "bad",
    [
        Bad({"name": ""}, "subscription name ''"),
        Bad({"name": "a" * 65}, "use 1 to 64"),
        Bad({"name": "a/b"}, "'a/b'"),
        Bad({"name": "a\r\nX: y"}, "use 1 to 64"),
        Bad({"name": "gr\u00fcn"}, "use 1 to 64"),
        Bad({"endpoint": "ftp://x/"}, "endpoint 'ftp://x/' is not an http"),
        Bad({"event_types": ()}, "no event types"),
        Bad({"attempts": 0}, "attempts is 0; use 1 to 30"),
        Bad({"ttl": 0}, "ttl is 0 s"),
    ],
    ids=lambda bad: bad.message,
)
def test_unusable_subscriptions_say_what_to_change(bad: Bad) -> None:
    with pytest.raises(SubscriptionError, match=bad.message):
        msgspec.structs.replace(GOOD, **bad.fields).check()


def test_filters_are_checked_too() -> None:
    bad = Filters(advanced_filters=(AdvancedFilter(operator_type="Nope", key="a", values=("b",)),))
    with pytest.raises(FilterError):
        msgspec.structs.replace(GOOD, filters=bad).check()
    with pytest.raises(SubscriptionError):
        from_document(
            to_document(
                Kept(subscription=msgspec.structs.replace(GOOD, filters=bad), state=State.PENDING, code="c")
            )
        )


def test_documents_hold_everything_in_azures_words() -> None:
    filters = Filters(
        subject_begins_with="/caller",
        advanced_filters=(
            AdvancedFilter(operator_type="StringIn", key="data.to.PhoneNumber.Value", values=("+1",)),
        ),
    )
    kept = Kept(
        subscription=msgspec.structs.replace(GOOD, filters=filters, schema=Schema.CLOUD_EVENTS),
        state=State.VALIDATED,
        code="c",
    )
    document = to_document(kept)
    assert from_document(document) == kept
    plain = msgspec.json.decode(document)
    assert plain["subscription"]["filters"]["advancedFilters"][0]["operatorType"] == "StringIn"
    assert plain["subscription"]["schema"] == "CloudEventSchemaV1_0"


@pytest.mark.parametrize(
    "document", [b"", b"{}", b"[]", b"\xff", b'{"subscription":{},"state":"x","code":1}']
)
def test_other_documents_are_not_subscriptions(document: bytes) -> None:
    with pytest.raises(SubscriptionError, match="cannot be read"):
        from_document(document)
