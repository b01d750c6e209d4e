"""What a request may hold by its api-version: later fields are ignored, later values refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookflash.wire import parts, requests
from hookflash.wire.decoding import decode
from hookflash.wire.operations import OPERATIONS
from hookflash.wire.request_gates import REQUEST_FIELDS, REQUEST_VALUES, Span, gated_request
from hookflash.wire.results import Refusal
from hookflash.wire.versions import KNOWN, NEWEST, PREVIEW

PHONE = {"phoneNumber": {"value": "+14255550123"}}
USER = {"communicationUser": {"id": "8:acs:a_b"}}
URI = "https://app.example.org/cb"
FILE = {"kind": "file", "file": {"uri": "https://x.example.org/a.wav"}}
STREAM = {"transportType": "websocket", "audioChannelType": "mixed", "transportUrl": "wss://x/y"}
SCRIPT = {"transportType": "websocket", "transportUrl": "wss://x/y", "locale": "en-US"}


def read(type_: Any, body: dict[str, Any], version: str) -> Any:
    return decode(type_, json.dumps(body).encode(), version)


@pytest.mark.parametrize("version", sorted(KNOWN))
def test_every_field_is_there_from_its_version_on(version: str) -> None:
    body = {
        "targets": [PHONE],
        "callbackUri": URI,
        "sourceCallerIdNumber": {"value": "+18005550100"},
        "callIntelligenceOptions": {"cognitiveServicesEndpoint": "https://c.example.org/"},
        "cognitiveServicesEndpoint": "https://t.example.org/",
        "mediaStreamingOptions": {
            **STREAM,
            "enableDtmfTones": True,
            "enableBidirectional": True,
            "audioFormat": "Pcm24KMono",
        },
        "transcriptionOptions": SCRIPT,
        "teamsAppSource": {"appId": "a", "cloud": "PUBLIC"},
        "enableLoopbackAudio": True,
    }
    model = read(requests.CreateCallRequest, body, version)
    assert (model.call_intelligence_options is not None) == (version >= "2023-10-15")
    assert (model.cognitive_services_endpoint is not None) == (
        version in ("2023-06-15-preview", "2023-10-03-preview")
    )
    streams = version >= "2024-06-15-preview"
    assert (model.transcription_options is not None) == streams
    assert (model.media_streaming_options is not None) == streams
    if streams:
        options = model.media_streaming_options
        assert (options.enable_bidirectional is not None) == (version >= "2024-11-15-preview")
        assert (options.audio_format is not None) == (version >= "2024-11-15-preview")
        assert (options.enable_dtmf_tones is not None) == (version >= "2025-05-15")
    assert (model.teams_app_source is not None) == (version >= "2025-06-15")
    assert (model.enable_loopback_audio is not None) == (version == "2025-08-15-preview")


@pytest.mark.parametrize(
    ("type_", "body", "path", "since"),
    [
        (
            requests.PlayRequest,
            {"playSources": [FILE], "interruptCallMediaOperation": True},
            "interrupt_call_media_operation",
            "2024-06-15-preview",
        ),
        (
            requests.PlayRequest,
            {"playSources": [FILE], "operationCallbackUri": URI},
            "operation_callback_uri",
            "2023-10-15",
        ),
        (
            requests.RecognizeRequest,
            {
                "recognizeInputType": "dtmf",
                "recognizeOptions": {"targetParticipant": PHONE, "dtmfOptions": {"maxTonesToCollect": 1}},
                "playPrompts": [FILE],
            },
            "play_prompts",
            "2024-06-15-preview",
        ),
        (
            requests.UnholdRequest,
            {"targetParticipant": PHONE, "operationCallbackUri": URI},
            "operation_callback_uri",
            "2025-05-15",
        ),
        (
            requests.TransferToParticipantRequest,
            {"targetParticipant": PHONE, "transferee": USER},
            "transferee",
            "2023-10-15",
        ),
        (
            requests.TransferToParticipantRequest,
            {"targetParticipant": PHONE, "sourceCallerIdNumber": {"value": "+18005550100"}},
            "source_caller_id_number",
            "2024-06-15-preview",
        ),
        (
            requests.AddParticipantRequest,
            {"participantToAdd": USER, "customCallingContext": {"voipHeaders": {"a": "b"}}},
            "custom_calling_context",
            "2023-10-15",
        ),
        (
            requests.StartCallRecordingRequest,
            {"callLocator": {"serverCallId": "a"}, "pauseOnStart": True},
            "pause_on_start",
            "2024-04-15",
        ),
        (
            requests.StartCallRecordingRequest,
            {
                "callLocator": {"serverCallId": "a"},
                "externalStorage": {"recordingStorageKind": "AzureCommunicationServices"},
            },
            "external_storage",
            "2024-04-15",
        ),
        (
            requests.StartTranscriptionRequest,
            {"locale": "en-US", "enableSentimentAnalysis": True},
            "enable_sentiment_analysis",
            "2025-08-15-preview",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else getattr(value, "__name__", ""),
)
def test_a_field_that_came_later_is_ignored_before(
    type_: Any, body: dict[str, Any], path: str, since: str
) -> None:
    for version in KNOWN:
        span = REQUEST_FIELDS[type_][path]
        present = getattr(read(type_, body, version), path) is not None
        assert present == (version >= since and (not span.preview or version in PREVIEW)), version


@pytest.mark.parametrize("version", sorted(KNOWN))
def test_recording_by_connection(version: str) -> None:
    body = {"callConnectionId": "c"}
    if version >= "2025-06-15":
        assert read(requests.StartCallRecordingRequest, body, version).call_connection_id == "c"
    else:
        with pytest.raises(Refusal) as refused:
            read(requests.StartCallRecordingRequest, body, version)
        assert refused.value.target == "callLocator"


def test_what_is_inside_a_list_or_a_part_is_gated_too() -> None:
    caller = {"caller": USER, "name": "n", "phoneNumber": "+1"}
    context = {"sipHeaders": {}, "teamsPhoneCallDetails": {"teamsPhoneCallerDetails": caller}}
    body = {"participantToAdd": USER, "customCallingContext": context}
    old = read(requests.AddParticipantRequest, body, "2025-06-15")
    assert old.custom_calling_context.teams_phone_call_details is None
    new = read(requests.AddParticipantRequest, body, NEWEST)
    assert new.custom_calling_context.teams_phone_call_details is not None


def test_a_room_is_no_place_for_an_old_version() -> None:
    body = {"callLocator": {"roomId": "r"}}
    with pytest.raises(Refusal) as refused:
        read(requests.StartCallRecordingRequest, body, "2023-10-15")
    assert refused.value.target == "callLocator"


@pytest.mark.parametrize(
    ("type_", "body", "target"),
    [
        (
            requests.PlayRequest,
            {"playSources": [FILE, {"kind": "text", "text": {"text": "x"}}]},
            "playSources[1].kind",
        ),
        (
            requests.RecognizeRequest,
            {"recognizeInputType": "speech", "recognizeOptions": {"targetParticipant": PHONE}},
            "recognizeInputType",
        ),
        (
            requests.RecognizeRequest,
            {
                "recognizeInputType": "dtmf",
                "recognizeOptions": {"targetParticipant": PHONE, "dtmfOptions": {"maxTonesToCollect": 1}},
                "playPrompt": {"kind": "ssml", "ssml": {"ssmlText": "<speak/>"}},
            },
            "playPrompt.kind",
        ),
    ],
)
def test_a_value_that_came_later_is_refused_before(type_: Any, body: dict[str, Any], target: str) -> None:
    with pytest.raises(Refusal, match="api-version 2023-03-06") as refused:
        read(type_, body, "2023-03-06")
    assert (refused.value.code, refused.value.target) == ("8523", target)
    read(type_, body, "2023-06-15-preview")
    read(type_, body, NEWEST)


@given(version=st.sampled_from(sorted(KNOWN)))
def test_a_model_with_nothing_later_in_it_is_the_very_object(version: str) -> None:
    model = requests.PlayRequest(
        play_sources=[
            requests.PlaySource(kind=requests.PlaySourceKind.FILE, file=requests.FileSource(uri=URI))
        ]
    )
    assert gated_request(model, version) is model


def test_a_list_of_parts_keeps_the_others() -> None:
    locator = parts.CallLocator(server_call_id="a", room_id="r")
    model = requests.StartCallRecordingRequest(call_locator=locator)
    cut = gated_request(model, "2023-03-06")
    assert cut.call_locator == parts.CallLocator(server_call_id="a")
    assert model.call_locator is locator


def test_every_gated_name_is_a_field_that_may_be_missing() -> None:
    for type_, spans in REQUEST_FIELDS.items():
        for name in spans:
            assert getattr(type_, name) is not None  # a field
            assert name in type_.__struct_fields__
            position = type_.__struct_fields__.index(name) - len(type_.__struct_fields__)
            assert type_.__struct_defaults__[position] is None
    for type_, name in REQUEST_VALUES:
        assert name in type_.__struct_fields__


def test_no_field_is_older_than_every_operation_that_has_it() -> None:
    """A gate that every version of its operation passes would be dead."""
    for operation in OPERATIONS:
        for name, span in REQUEST_FIELDS.get(operation.request, {}).items():
            known = [span.has(version) for version in KNOWN if operation.known_to(version)]
            assert any(known), (operation.name, name)
            assert not all(known), (operation.name, name)


def test_spans() -> None:
    assert Span("2023-10-15").has("2023-10-15")
    assert not Span("2023-10-15").has("2023-10-03-preview")
    assert not Span("2023-06-15-preview", before="2023-10-15").has("2023-10-15")
    assert not Span("2025-08-15-preview", preview=True).has(NEWEST)
