"""Row by row what each api-version added to answers and events (contract sections 1.1 and 5.3)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from hookflash.wire import events, responses
from hookflash.wire.enums import (
    CallConnectionState,
    RecognitionType,
    RecordingKind,
    RecordingState,
    SubscriptionState,
    Tone,
    TranscriptionResultType,
)
from hookflash.wire.enums import MediaStreamingStatus as AudioStatus
from hookflash.wire.enums import MediaStreamingStatusDetails as AudioDetails
from hookflash.wire.enums import TranscriptionStatus as TextStatus
from hookflash.wire.enums import TranscriptionStatusDetails as TextDetails
from hookflash.wire.gates import gated, gated_response
from hookflash.wire.identifiers import CommunicationIdentifierModel, IdentifierKind, PhoneNumberModel
from hookflash.wire.leg_results import leg_result
from hookflash.wire.operations import OPERATIONS
from hookflash.wire.results import SUCCESS
from hookflash.wire.versions import KNOWN, STABLE

ASSERTED = CommunicationIdentifierModel(
    raw_id="4:+14255550121_123456",
    kind=IdentifierKind.PHONE_NUMBER,
    phone_number=PhoneNumberModel("+14255550121", is_anonymous=False, asserted_id="123456"),
)
PERSON = responses.CallParticipant(ASSERTED, is_muted=False, is_on_hold=False)
BUSY = leg_result(486, "Busy Here", True, q850=17, q850_text="User busy")
AUDIO = events.MediaStreamingUpdate(AudioStatus.STARTED, AudioDetails.SUBSCRIPTION_STARTED)
TEXT = events.TranscriptionUpdate(TextStatus.STARTED, TextDetails.SUBSCRIPTION_STARTED)
TONE = {"sequence_id": 1, "tone": Tone.ONE}

EVENTS: dict[str, tuple[type[events.EventData], dict[str, Any], str]] = {
    "callConnected": (events.CallConnected, {}, ""),
    "callDisconnected": (events.CallDisconnected, {}, ""),
    "participantsUpdated": (events.ParticipantsUpdated, {"participants": [], "sequence_number": 1}, ""),
    "addParticipantSucceeded": (events.AddParticipantSucceeded, {"participant": ASSERTED}, ""),
    "removeParticipantFailed": (events.RemoveParticipantFailed, {"participant": ASSERTED}, ""),
    "callTransferAccepted": (events.CallTransferAccepted, {}, ""),
    "playCompleted": (events.PlayCompleted, {}, ""),
    "recognizeCanceled": (events.RecognizeCanceled, {}, ""),
    "toneReceived": (events.ContinuousDtmfRecognitionToneReceived, TONE, ""),
    "playStarted": (events.PlayStarted, {}, "2024-06-15-preview"),
    "holdFailed": (events.HoldFailed, {}, "2024-06-15-preview"),
    "createCallFailed": (events.CreateCallFailed, {}, "2024-06-15-preview"),
    "answerFailed": (events.AnswerFailed, {}, "2024-06-15-preview"),
    "connectFailed": (events.ConnectFailed, {}, "2024-06-15-preview"),
    "mediaStreamingStarted": (
        events.MediaStreamingStarted,
        {"media_streaming_update": AUDIO},
        "2024-06-15-preview",
    ),
    "transcriptionUpdated": (
        events.TranscriptionUpdated,
        {"transcription_update": TEXT},
        "2024-06-15-preview",
    ),
    "startRecordingFailed": (events.StartRecordingFailed, {"recording_id": "r"}, "2025-06-15"),
    "moveParticipantSucceeded": (
        events.MoveParticipantSucceeded,
        {"participant": ASSERTED, "from_call": "c"},
        "2025-08-15-preview",
    ),
}
"""Event: its class, its own fields, the first version that gets it."""


def event(kind: type[events.EventData], version: str, **fields: Any) -> Any:
    common = {"call_connection_id": "c", "server_call_id": "s", "correlation_id": "x"}
    fields.setdefault("result_information", SUCCESS)
    return gated(kind(version=version, **common, **fields))


@pytest.mark.parametrize("version", sorted(KNOWN))
@pytest.mark.parametrize("name", EVENTS)
def test_which_version_gets_which_event(name: str, version: str) -> None:
    kind, fields, since = EVENTS[name]
    assert (event(kind, version, **fields) is not None) == (version >= since)


def json(model: msgspec.Struct | None) -> Any:
    return msgspec.json.decode(msgspec.json.encode(model))


@pytest.mark.parametrize("version", sorted(KNOWN))
def test_fields_of_events(version: str) -> None:
    roster = json(event(events.ParticipantsUpdated, version, participants=[PERSON], sequence_number=1))
    (person,) = roster["participants"]
    assert ("isOnHold" in person) == (version >= "2024-06-15-preview")
    phone = person["identifier"]["phoneNumber"]
    assert ("assertedId" in phone) == ("isAnonymous" in phone) == (version >= "2025-06-15")

    ended = json(event(events.CallDisconnected, version, result_information=BUSY))["resultInformation"]
    assert ("sipDetails" in ended) == ("q850Details" in ended) == (version >= "2026-03-12")

    moved = json(event(events.CallTransferAccepted, version, transfer_target=ASSERTED, transferee=ASSERTED))
    assert ("transferTarget" in moved) == ("transferee" in moved) == (version >= "2023-10-15")

    failed = json(event(events.PlayFailed, version, failed_play_source_index=1))
    assert ("failedPlaySourceIndex" in failed) == (version >= "2024-06-15-preview")

    spoken = json(
        event(
            events.RecognizeCompleted,
            version,
            recognition_type=RecognitionType.CHOICES,
            choice_result=events.ChoiceResult("yes", "yes", 0.9),
        )
    )
    assert ("confidence" in spoken["choiceResult"]) == (version >= "2025-05-15")

    tone = json(event(events.ContinuousDtmfRecognitionToneReceived, version, **TONE))
    assert ("toneInfo" in tone) == (version == "2023-06-15-preview")
    assert ("tone" in tone) == ("sequenceId" in tone) == (version != "2023-06-15-preview")

    state = json(
        event(
            events.RecordingStateChanged,
            version,
            event_source="s",
            recording_id="r",
            state=RecordingState.ACTIVE,
            recording_kind=RecordingKind.AZURE_COMMUNICATION_SERVICES,
        )
    )
    everywhere = version.endswith("-preview") and version <= "2023-10-03-preview"
    assert roster.get("eventSource") == ("calling/callConnections/c" if everywhere else None)
    kind = state.get("recordingKind")
    assert kind == ("azureCommunicationServices" if version >= "2024-04-15" else None)
    assert state["eventSource"] == "s"
    assert roster["version"] == version


@pytest.mark.parametrize("version", sorted(KNOWN))
def test_fields_of_answers(version: str) -> None:
    full = responses.CallConnectionProperties(
        "c",
        CallConnectionState.CONNECTED,
        "https://x/",
        source=ASSERTED,
        answered_for=PhoneNumberModel("+1"),
        media_streaming_subscription=responses.MediaStreamingSubscription("m", SubscriptionState.ACTIVE),
        transcription_subscription=responses.TranscriptionSubscription(
            "t", SubscriptionState.ACTIVE, [TranscriptionResultType.FINAL], "en-US"
        ),
    )
    shown = json(gated_response(full, version))
    streams = version >= "2024-06-15-preview"
    assert ("mediaStreamingSubscription" in shown) == streams
    assert ("transcriptionSubscription" in shown) == streams
    assert ("answeredFor" in shown) == streams
    if streams:
        assert ("locale" in shown["transcriptionSubscription"]) == (version >= "2025-05-15")
        assert shown["mediaStreamingSubscription"]["subscribedContentTypes"] == ["audio"]
    assert ("assertedId" in shown["source"]["phoneNumber"]) == (version >= "2025-06-15")

    added = json(gated_response(responses.AddParticipantResponse(PERSON, "i"), version))
    assert ("invitationId" in added) == (version >= "2023-10-15")
    assert ("isOnHold" in added["participant"]) == streams


def test_the_number_of_operations_of_each_stable_version() -> None:
    counts = [sum(one.known_to(version) for one in OPERATIONS) for version in STABLE]
    assert counts == [20, 25, 25, 28, 33, 33, 34]
