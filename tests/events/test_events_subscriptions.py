from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
import pytest

from hookflash.events import (
    Schema,
    State,
    Subscription,
    SubscriptionError,
)
from hookflash.events.subscriptions import Kept, from_document, from_request, to_document
from hookflash.wire.eventgrid import CALL_ENDED, EVENT_TYPES, INCOMING_CALL
from hookflash.wire.grid_filters import AdvancedFilter, FilterError, Filters

GOOD = Subscription(name="app", resource="guid", endpoint="https://app.example/events")


def test_the_defaults_are_the_ones_for_incoming_calls() -> None:
    GOOD.check()
    assert GOOD.event_types == ("Microsoft.Communication.IncomingCall",)
    assert (GOOD.attempts(INCOMING_CALL), GOOD.lifetime(INCOMING_CALL)) == (2, 60.0)
    assert GOOD.wants("microsoft.communication.incomingcall")
    assert not GOOD.wants("Microsoft.Communication.CallEnded")


def test_other_events_have_a_day() -> None:
    assert (GOOD.attempts(CALL_ENDED), GOOD.lifetime(CALL_ENDED)) == (30, 86_400.0)
    bounded = msgspec.structs.replace(GOOD, max_delivery_attempts=5, event_time_to_live_in_minutes=10)
    bounded.check()
    for name in (INCOMING_CALL, CALL_ENDED):
        assert (bounded.attempts(name), bounded.lifetime(name)) == (5, 600.0)


def test_event_types_in_full_or_short_or_all() -> None:
    short = msgspec.structs.replace(GOOD, event_types=("callended", "RecordingFileStatusUpdated"))
    short.check()
    assert [name for name in EVENT_TYPES if short.wants(name)] == [
        "Microsoft.Communication.CallEnded",
        "Microsoft.Communication.RecordingFileStatusUpdated",
    ]
    everything = msgspec.structs.replace(GOOD, event_types=("all",))
    everything.check()
    assert all(everything.wants(name) for name in EVENT_TYPES)


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
        Bad({"event_types": ("CallEnd",)}, "event type 'CallEnd' is not known; did you mean CallEnded?"),
        Bad({"event_types": ("x.y",)}, "event type 'x.y' is not known; use IncomingCall, CallStarted"),
        Bad({"endpoint": "https://x/" + "a" * 2050}, "the endpoint has 2060 characters; at most 2048"),
        Bad({"max_delivery_attempts": 0}, "maxDeliveryAttempts is 0; use 1 to 30"),
        Bad({"max_delivery_attempts": 31}, "maxDeliveryAttempts is 31; use 1 to 30"),
        Bad({"event_time_to_live_in_minutes": 0}, "eventTimeToLiveInMinutes is 0; use 1 to 1440"),
        Bad({"event_time_to_live_in_minutes": 1441}, "eventTimeToLiveInMinutes is 1441; use 1 to 1440"),
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


REQUEST: dict[str, Any] = {
    "name": "app",
    "resource": "guid",
    "endpoint": "https://app.example/events",
    "eventTypes": ["IncomingCall", "CallEnded"],
    "schema": "cloudevents",
    "filters": {
        "subjectBeginsWith": "/caller",
        "isSubjectCaseSensitive": True,
        "enableAdvancedFilteringOnArrays": True,
        "advancedFilters": [
            {"operatorType": "NumberInRange", "key": "data.callDurationInSeconds", "values": [[0, 5.5]]}
        ],
    },
    "maxDeliveryAttempts": 4,
    "eventTimeToLiveInMinutes": 90,
    "deadLetter": "lost",
}


def test_a_request_is_read_whole_and_kept_whole() -> None:
    subscription = from_request(REQUEST)
    assert subscription == Subscription(
        name="app",
        resource="guid",
        endpoint="https://app.example/events",
        event_types=("IncomingCall", "CallEnded"),
        schema=Schema.CLOUD_EVENTS,
        filters=Filters(
            subject_begins_with="/caller",
            is_subject_case_sensitive=True,
            enable_advanced_filtering_on_arrays=True,
            advanced_filters=(
                AdvancedFilter(
                    operator_type="NumberInRange", key="data.callDurationInSeconds", values=((0, 5.5),)
                ),
            ),
        ),
        max_delivery_attempts=4,
        event_time_to_live_in_minutes=90,
        dead_letter="lost",
    )
    kept = Kept(subscription=subscription, state=State.VALIDATED, code="c")
    assert from_document(to_document(kept)) == kept


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "the body is not a JSON object"),
        ({**REQUEST, "filter": {}}, "the subscription has no member 'filter'; did you mean 'filters'?"),
        (
            {**REQUEST, "filters": {"advancedFilter": []}},
            "filters has no member 'advancedFilter'; did you mean 'advancedFilters'?",
        ),
        ({**REQUEST, "filters": ["a"]}, "filters is not an object"),
        ({**REQUEST, "filters": {"advancedFilters": {"key": "a"}}}, "advancedFilters is not a list"),
        (
            {**REQUEST, "filters": {"advancedFilters": [{"operatorType": "StringIn", "key": "subject"}]}},
            "advanced filter 1, StringIn on 'subject', has no values",
        ),
        ({**REQUEST, "schema": "mine"}, "schema 'mine' is not known"),
        ({**REQUEST, "schema": 7}, "does not fit: Expected `str`, got `int`.*schema"),
        ({**REQUEST, "eventTypes": "IncomingCall"}, "does not fit: Expected `array`, got `str`.*eventTypes"),
        ({**REQUEST, "eventTypes": ["Incoming"]}, "did you mean IncomingCall"),
        ({"name": "app"}, "missing required field `resource`"),
        ({**REQUEST, "deadLetter": "/etc"}, "deadLetter is '/etc'; give the plain name of a folder"),
        ({**REQUEST, "deadLetter": "../x"}, "deadLetter is '../x'"),
        ({**REQUEST, "deadLetter": ".."}, "deadLetter is '..'"),
    ],
)
def test_nothing_in_a_request_is_overlooked(given: Any, message: str) -> None:
    with pytest.raises((SubscriptionError, FilterError), match=message):
        from_request(given)


def test_documents_of_older_versions_are_read() -> None:
    older = (
        b'{"subscription":{"name":"app","resource":"guid","endpoint":"https://a/","eventTypes":'
        b'["Microsoft.Communication.IncomingCall"],"schema":"EventGridSchema","filters":{"subjectBeginsWith":"",'
        b'"subjectEndsWith":"","isSubjectCaseSensitive":false,"advancedFilters":[{"operatorType":"StringIn",'
        b'"key":"data.to.PhoneNumber.Value","values":["+1"],"value":null}]},"attempts":2,"ttl":60},'
        b'"state":"validated","code":"c"}'
    )
    kept = from_document(older)
    assert kept.state is State.VALIDATED
    assert kept.subscription.filters.advanced_filters[0].wanted == ("+1",)
    assert kept.subscription.lifetime(INCOMING_CALL) == 60.0
