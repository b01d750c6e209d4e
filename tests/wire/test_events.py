"""Every event of the contract, rebuilt from our structs and compared key for key."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hookflash.wire import events
from hookflash.wire.enums import MediaStreamingStatus, MediaStreamingStatusDetails, RecordingState
from hookflash.wire.events import EVENT_TYPES, EventData, cloud_event, is_known, since
from hookflash.wire.results import SUCCESS
from hookflash.wire.versions import KNOWN, STABLE

VECTORS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "vectors" / "events.json").read_text())

COMMON = {
    "version": "2026-03-12",
    "call_connection_id": "2c006980-8ef1-46c2-84fa-357fefac0893",
    "server_call_id": "aGk=",
    "correlation_id": "5683b58d-bb85-4073-ae9a-c03488d4291d",
}


@pytest.mark.parametrize("vector", VECTORS, ids=[f"{v['id'][:8]}-{v['type'][24:]}" for v in VECTORS])
def test_example_is_reproduced(vector: dict[str, Any]) -> None:
    event_type = EVENT_TYPES[vector["type"]]
    data = msgspec.convert(vector["data"], event_type)
    produced = json.loads(cloud_event(data, id=vector["id"], time=1781377807.1802851))
    assert len(produced) == 1
    # A float holds Unix time to about 0.2 us; compare the time to the microsecond.
    assert produced[0]["time"][:26] == vector["time"][:26]
    assert produced[0]["time"].endswith("+00:00")
    assert {**produced[0], "time": ""} == {**vector, "time": ""}


def test_every_type_has_an_example() -> None:
    assert {vector["type"] for vector in VECTORS} == set(EVENT_TYPES)


@pytest.mark.parametrize("name", sorted(EVENT_TYPES))
def test_type_name_follows_from_the_class(name: str) -> None:
    event_type = EVENT_TYPES[name]
    assert name == f"Microsoft.Communication.{event_type.__name__}"
    vector = next(v for v in VECTORS if v["type"] == name)
    assert msgspec.convert(vector["data"], event_type).public_event_type == name


def test_source_names_the_connection_without_a_leading_slash() -> None:
    event = events.CallConnected(**COMMON, result_information=SUCCESS)
    assert event.source == f"calling/callConnections/{COMMON['call_connection_id']}"


def test_recording_events_have_their_own_source() -> None:
    source = events.recording_source("aGk=", "rec")
    assert source == "calling/recordings/aGk=/rec/RecordingStateChanged"
    event = events.RecordingStateChanged(
        **COMMON, event_source=source, recording_id="rec", state=RecordingState.ACTIVE
    )
    body = json.loads(cloud_event(event, id="1", time=0.0))[0]
    assert body["source"] == body["subject"] == body["data"]["eventSource"] == source


def test_absent_context_is_not_written() -> None:
    body = json.loads(cloud_event(events.PlayStarted(**COMMON), id="1", time=0.0))[0]
    assert set(body["data"]) == {
        "version", "callConnectionId", "serverCallId", "correlationId", "publicEventType",
    }  # fmt: skip


def test_operation_context_is_echoed_unchanged() -> None:
    context = 'ctx "quoted" \\ ☎ <&>'
    event = events.PlayCompleted(**COMMON, operation_context=context)
    assert json.loads(cloud_event(event, id="1", time=0.0))[0]["data"]["operationContext"] == context


def test_streaming_content_type_has_its_capital() -> None:
    update = events.MediaStreamingUpdate(
        media_streaming_status=MediaStreamingStatus.STARTED,
        media_streaming_status_details=MediaStreamingStatusDetails.SUBSCRIPTION_STARTED,
    )
    event = events.MediaStreamingStarted(**COMMON, media_streaming_update=update)
    body = json.loads(cloud_event(event, id="1", time=0.0))[0]
    assert body["data"]["mediaStreamingUpdate"]["contentType"] == "Audio"


@pytest.mark.parametrize(
    ("event_type", "first"),
    [
        (events.PlayStarted, "2024-09-15"),
        (events.CreateCallFailed, "2024-09-15"),
        (events.AnswerFailed, "2024-09-15"),
        (events.ConnectFailed, "2024-09-15"),
        (events.HoldFailed, "2024-09-15"),
        (events.MediaStreamingStarted, "2024-09-15"),
        (events.TranscriptionUpdated, "2024-09-15"),
        (events.StartRecordingFailed, "2025-06-15"),
        (events.MoveParticipantSucceeded, "2026-03-12"),
        (events.MoveParticipantFailed, "2026-03-12"),
        (events.CallConnected, "2023-03-06"),
        (events.PlayFailed, "2023-03-06"),
    ],
)
def test_first_stable_version_that_knows_a_type(event_type: type[EventData], first: str) -> None:
    assert [v for v in STABLE if is_known(event_type, v)] == [v for v in STABLE if v >= first]


def test_previews_from_2024_06_15_know_play_started() -> None:
    assert is_known(events.PlayStarted, "2024-06-15-preview")
    assert not is_known(events.PlayStarted, "2024-01-22-preview")
    assert is_known(events.MoveParticipantFailed, "2025-08-15-preview")
    assert not is_known(events.MoveParticipantFailed, "2025-06-15")


def test_every_gate_is_a_known_version() -> None:
    assert {since(event_type) for event_type in EVENT_TYPES.values()} <= KNOWN


def test_events_parse_with_the_python_sdk() -> None:
    from azure.core.messaging import CloudEvent

    for vector in VECTORS:
        data = msgspec.convert(vector["data"], EVENT_TYPES[vector["type"]])
        body = json.loads(cloud_event(data, id=vector["id"], time=1781377807.18))
        event = CloudEvent.from_dict(body[0])
        assert event.type == vector["type"]
        assert event.source == vector["source"]
        assert event.data["callConnectionId"] == vector["data"]["callConnectionId"]
