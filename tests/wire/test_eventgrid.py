from __future__ import annotations

import json

import pytest

from hookflash.wire import eventgrid
from hookflash.wire.eventgrid import CustomContext, IncomingCallData
from hookflash.wire.identifiers import Identifier

TOPIC = (
    "/subscriptions/00000000-0000-0000-0000-000000000000/resourcegroups/hookflash"
    "/providers/microsoft.communication/communicationservices/myacs"
)


def incoming(**more: object) -> IncomingCallData:
    return IncomingCallData(
        to=Identifier.phone("+18005550100").to_model(),
        from_=Identifier.phone("+14255550123").to_model(),
        server_call_id="aGk=",
        incoming_call_context="eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJjYyI6Ii4uLiJ9.",
        correlation_id="5683b58d-bb85-4073-ae9a-c03488d4291d",
        **more,  # type: ignore[arg-type]
    )


def test_incoming_call_as_in_the_contract() -> None:
    context = CustomContext({"User-To-User": "abc", "X-MS-Custom-dept": "billing"})
    body = eventgrid.incoming_call(
        incoming(custom_context=context),
        id="d5546be8-227a-4db8-b2c3-4f06fd675fd6",
        topic=eventgrid.topic_of("myacs"),
        time=1781377801.25,
    )
    assert json.loads(body) == [
        {
            "id": "d5546be8-227a-4db8-b2c3-4f06fd675fd6",
            "topic": TOPIC,
            "subject": "/caller/4:+14255550123/recipient/4:+18005550100",
            "data": {
                "to": {
                    "kind": "phoneNumber",
                    "rawId": "4:+18005550100",
                    "phoneNumber": {"value": "+18005550100"},
                },
                "from": {
                    "kind": "phoneNumber",
                    "rawId": "4:+14255550123",
                    "phoneNumber": {"value": "+14255550123"},
                },
                "serverCallId": "aGk=",
                "callerDisplayName": "",
                "customContext": {
                    "sipHeaders": {"User-To-User": "abc", "X-MS-Custom-dept": "billing"},
                    "voipHeaders": {},
                },
                "incomingCallContext": "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJjYyI6Ii4uLiJ9.",
                "correlationId": "5683b58d-bb85-4073-ae9a-c03488d4291d",
            },
            "eventType": "Microsoft.Communication.IncomingCall",
            "dataVersion": "1.0",
            "metadataVersion": "1",
            "eventTime": "2026-06-13T19:10:01.2500000Z",
        }
    ]


def test_a_plain_call_has_no_custom_context() -> None:
    data = json.loads(eventgrid.incoming_call(incoming(), id="1", topic=TOPIC, time=0))[0]["data"]
    assert "customContext" not in data
    assert data["callerDisplayName"] == ""


def test_sip_headers_are_found_in_any_case() -> None:
    context = CustomContext({"User-To-User": "abc"})
    assert context.sip_header("user-to-User") == "abc"
    assert context.sip_header("X-none") is None


def test_cloud_events_schema() -> None:
    data = incoming()
    body = json.loads(
        eventgrid.grid_cloud_event(
            data, id="1", topic=TOPIC, subject=data.subject, event_type=eventgrid.INCOMING_CALL, time=0
        )
    )
    assert body["type"] == "Microsoft.Communication.IncomingCall"
    assert body["source"] == TOPIC
    assert body["specversion"] == "1.0"
    assert body["time"] == "1970-01-01T00:00:00.0000000+00:00"
    assert body["data"]["correlationId"] == data.correlation_id


def test_handshake() -> None:
    body = eventgrid.subscription_validation(
        "code-1", id="1", topic=TOPIC, time=0, validation_url="https://h/v"
    )
    event = json.loads(body)[0]
    assert event["eventType"] == "Microsoft.EventGrid.SubscriptionValidationEvent"
    assert event["data"] == {"validationCode": "code-1", "validationUrl": "https://h/v"}
    assert eventgrid.validated(b'{"validationResponse":"code-1"}', "code-1")
    assert eventgrid.VALIDATION_HEADERS["aeg-event-type"] == "SubscriptionValidation"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b'{"validationResponse":7}',
        b'{"validationResponse":"\xff"}',
        b'{"validationResponse":"x"}',
    ],
)
def test_handshake_answers_that_do_not_hold(body: bytes) -> None:
    assert not eventgrid.validated(body, "code-1")
