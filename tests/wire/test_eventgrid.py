from __future__ import annotations

import json
from typing import Any

import pytest

from hookflash.wire import eventgrid
from hookflash.wire.eventgrid import (
    CallEndedBy,
    CallEndedByType,
    CallEndedData,
    CallEndReason,
    CallParticipantEventData,
    CallParticipantRole,
    CallStartedData,
    CustomContext,
    GridId,
    GridParticipant,
    IncomingCallData,
    RecordingChunk,
)
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


def encoded(data: object, event_type: str, subject: str) -> Any:
    body = eventgrid.grid_event(
        data,  # type: ignore[arg-type]
        id="1",
        topic=TOPIC,
        subject=subject,
        event_type=event_type,
        time=0,
    )
    (event,) = json.loads(body)
    assert event["eventType"] == event_type
    assert event["subject"] == subject
    return event["data"]


USER = "8:acs:6d889502-3d7a-41a8-befa-d21fd80e8767_00000028-0a94-794e-ac46-04bd456051a4"
USER_JSON = {"rawId": USER, "kind": "communicationUser", "communicationUser": {"id": USER}}
PHONE_JSON = {"rawId": "4:+14255550123", "kind": "phoneNumber", "phoneNumber": {"value": "+14255550123"}}
CORRELATION = "5683b58d-bb85-4073-ae9a-c03488d4291d"


def participant(role: CallParticipantRole | None = None) -> GridParticipant:
    model = Identifier.parse(USER).to_model()
    return GridParticipant(model, role) if role else GridParticipant(model)


COMMON = {
    "startedBy": {"communicationIdentifier": USER_JSON, "role": "Attendee"},
    "serverCallId": "aGk=",
    "isTwoParty": True,
    "correlationId": CORRELATION,
    "isRoomsCall": False,
}


def test_call_started() -> None:
    data = CallStartedData(
        started_by=participant(), server_call_id="aGk=", correlation_id=CORRELATION, is_two_party=True
    )
    assert data.subject == f"call/aGk=/startedBy/{USER}"
    assert encoded(data, eventgrid.CALL_STARTED, data.subject) == COMMON


def test_call_started_in_a_room_and_in_a_group() -> None:
    data = CallStartedData(
        started_by=participant(CallParticipantRole.PRESENTER),
        server_call_id="aGk=",
        correlation_id=CORRELATION,
        is_two_party=False,
        is_rooms_call=True,
        room=GridId("99411001"),
        group=GridId("00000000-0000-0000-0000-000000000000"),
    )
    assert encoded(data, eventgrid.CALL_STARTED, data.subject) == {
        **COMMON,
        "startedBy": {"communicationIdentifier": USER_JSON, "role": "Presenter"},
        "isTwoParty": False,
        "isRoomsCall": True,
        "room": {"id": "99411001"},
        "group": {"id": "00000000-0000-0000-0000-000000000000"},
    }


def test_call_ended_says_its_duration_under_both_names() -> None:
    data = CallEndedData(
        started_by=participant(),
        server_call_id="aGk=",
        correlation_id=CORRELATION,
        is_two_party=True,
        call_duration_in_seconds=49.5,
        ended_by=CallEndedBy(Identifier.phone("+14255550123").to_model(), CallEndedByType.PARTICIPANT, "Ann"),
        reason=CallEndReason(0, 0, "Call ended successfully by the remote participant."),
    )
    assert data.subject == "call/aGk="
    assert encoded(data, eventgrid.CALL_ENDED, data.subject) == {
        **COMMON,
        "durationOfCall": 49.5,
        "callDurationInSeconds": 49.5,
        "endedBy": {"communicationIdentifier": PHONE_JSON, "type": "Participant", "name": "Ann"},
        "reason": {
            "code": 0,
            "subCode": 0,
            "phrase": "Call ended successfully by the remote participant.",
        },
    }


def test_a_call_that_nobody_ended_in_no_time() -> None:
    data = CallEndedData(
        started_by=participant(),
        server_call_id="aGk=",
        correlation_id=CORRELATION,
        is_two_party=True,
        call_duration_in_seconds=0.0,
    )
    assert encoded(data, eventgrid.CALL_ENDED, data.subject) == {
        **COMMON,
        "durationOfCall": 0.0,
        "callDurationInSeconds": 0.0,
    }


@pytest.mark.parametrize("event_type", [eventgrid.CALL_PARTICIPANT_ADDED, eventgrid.CALL_PARTICIPANT_REMOVED])
def test_participants_come_and_go(event_type: str) -> None:
    data = CallParticipantEventData(
        started_by=participant(),
        server_call_id="aGk=",
        correlation_id=CORRELATION,
        is_two_party=True,
        user=participant(CallParticipantRole.CONSUMER),
        participant_id="041e3b8a-1cce-4ebf-b587-131312c39410",
        user_agent="softphone/1.0",
    )
    assert data.subject == f"call/aGk=/participant/{USER}"
    assert encoded(data, event_type, data.subject) == {
        **COMMON,
        "user": {"communicationIdentifier": USER_JSON, "role": "Consumer"},
        "displayName": "",
        "participantId": "041e3b8a-1cce-4ebf-b587-131312c39410",
        "endpointType": "softphone/1.0",
        "userAgent": "softphone/1.0",
    }


def test_recording_file_status_updated() -> None:
    chunk = RecordingChunk(
        document_id="0-eus-d12-801b3f3fc462fe8a01e6810cbff729b8",
        index=0,
        end_reason="SessionEnded",
        content_location="https://h/content",
        metadata_location="https://h/metadata",
        delete_location="https://h/delete",
    )
    data = eventgrid.recording_file_status_updated(
        [chunk],
        started=1781377801.25,
        duration_ms=6620,
        content_type="audio",
        channel_type="unmixed",
        format="wav",
        session_end_reason="CallEnded",
    )
    subject = eventgrid.recording_subject(CORRELATION, "aGk=", "cmVj")
    assert subject == f"/recording/call/{CORRELATION}/serverCallId/aGk=/recordingId/cmVj"
    assert encoded(data, eventgrid.RECORDING_FILE_STATUS_UPDATED, subject) == {
        "recordingStorageInfo": {
            "recordingChunks": [
                {
                    "documentId": "0-eus-d12-801b3f3fc462fe8a01e6810cbff729b8",
                    "index": 0,
                    "endReason": "SessionEnded",
                    "contentLocation": "https://h/content",
                    "metadataLocation": "https://h/metadata",
                    "deleteLocation": "https://h/delete",
                }
            ]
        },
        "recordingStartTime": "2026-06-13T19:10:01.2500000Z",
        "recordingDurationMs": 6620,
        "recordingContentType": "Audio",
        "recordingChannelType": "Unmixed",
        "recordingFormatType": "Wav",
        "sessionEndReason": "CallEnded",
    }


def test_a_recording_of_a_type_nobody_knows() -> None:
    with pytest.raises(ValueError, match="ogg"):
        eventgrid.recording_file_status_updated(
            [],
            started=0,
            duration_ms=0,
            content_type="audio",
            channel_type="mixed",
            format="ogg",
            session_end_reason="CallEnded",
        )


def test_an_added_callee_gets_both_maps_even_when_empty() -> None:
    plain = incoming(custom_context=CustomContext())
    data = json.loads(eventgrid.incoming_call(plain, id="1", topic=TOPIC, time=0))[0]["data"]
    assert data["customContext"] == {"sipHeaders": {}, "voipHeaders": {}}
    full = incoming(
        custom_context=CustomContext(voip_headers={"dept": "billing"}),
        on_behalf_of_callee=Identifier.parse(USER).to_model(),
    )
    data = json.loads(eventgrid.incoming_call(full, id="1", topic=TOPIC, time=0))[0]["data"]
    assert data["customContext"] == {"sipHeaders": {}, "voipHeaders": {"dept": "billing"}}
    assert data["onBehalfOfCallee"] == USER_JSON


def test_every_type_has_its_namespace() -> None:
    assert len(set(eventgrid.EVENT_TYPES)) == 6
    assert all(name.startswith("Microsoft.Communication.") for name in eventgrid.EVENT_TYPES)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("IncomingCall", eventgrid.INCOMING_CALL),
        ("incomingcall", eventgrid.INCOMING_CALL),
        ("microsoft.communication.CALLENDED", eventgrid.CALL_ENDED),
        ("RecordingFileStatusUpdated", eventgrid.RECORDING_FILE_STATUS_UPDATED),
        ("All", None),
        ("CallEnd", None),
        ("", None),
    ],
)
def test_event_types_by_full_or_short_name(text: str, name: str | None) -> None:
    assert eventgrid.event_type_named(text) == name


def test_every_delivery_says_which_versions_it_has() -> None:
    for headers in (eventgrid.NOTIFICATION_HEADERS, eventgrid.VALIDATION_HEADERS):
        assert (headers["aeg-data-version"], headers["aeg-metadata-version"]) == ("1.0", "1")
    (event,) = json.loads(eventgrid.incoming_call(incoming(), id="1", topic=TOPIC, time=0))
    assert (event["dataVersion"], event["metadataVersion"]) == ("1.0", "1")
