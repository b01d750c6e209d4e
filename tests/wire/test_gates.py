"""What an old client gets: no types and no fields its version does not know."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from hookflash.wire import events, responses
from hookflash.wire.enums import RecognitionType, RecordingKind, RecordingState, SubscriptionState, Tone
from hookflash.wire.gates import EVENT_FIELDS, RESPONSE_FIELDS, gated, gated_response
from hookflash.wire.identifiers import Identifier
from hookflash.wire.leg_results import leg_result
from hookflash.wire.results import SUCCESS
from hookflash.wire.versions import KNOWN

WHO = Identifier.phone("+14255550123").to_model()


def common(version: str) -> dict[str, Any]:
    return {
        "version": version,
        "call_connection_id": "c",
        "server_call_id": "s",
        "correlation_id": "x",
        "result_information": SUCCESS,
    }


def test_the_newest_version_gets_the_very_object() -> None:
    event = events.ParticipantsUpdated(
        **common("2026-03-12"), participants=[responses.CallParticipant(WHO, False, False)], sequence_number=1
    )
    assert gated(event) is event


def test_unknown_types_are_not_sent() -> None:
    assert gated(events.PlayStarted(**common("2024-04-15"))) is None
    assert gated(events.PlayStarted(**common("2024-09-15"))) is not None


def test_hold_state_inside_a_list() -> None:
    participants = [responses.CallParticipant(WHO, True, False)]
    event = events.ParticipantsUpdated(**common("2023-03-06"), participants=participants, sequence_number=1)
    cut = gated(event)
    assert isinstance(cut, events.ParticipantsUpdated)
    assert cut.participants == [responses.CallParticipant(WHO, True, None)]
    assert event.participants[0].is_on_hold is False


def test_sip_details() -> None:
    result = leg_result(486, "Busy Here", True, q850=17)
    failed = events.CreateCallFailed(**{**common("2025-06-15"), "result_information": result})
    cut = gated(failed)
    assert cut is not None
    assert cut.result_information == msgspec.structs.replace(result, sip_details=None, q850_details=None)


def test_confidence() -> None:
    spoken = events.SpeechResult("hi", 0.9)
    event = events.RecognizeCompleted(
        **common("2024-09-15"), recognition_type=RecognitionType.SPEECH, speech_result=spoken
    )
    cut = gated(event)
    assert isinstance(cut, events.RecognizeCompleted)
    assert cut.speech_result == events.SpeechResult("hi")


def test_transfer_and_recording_fields() -> None:
    transfer = gated(events.CallTransferAccepted(**common("2023-03-06"), transfer_target=WHO, transferee=WHO))
    assert isinstance(transfer, events.CallTransferAccepted)
    assert transfer.transfer_target is None
    state = events.RecordingStateChanged(
        **common("2023-10-15"),
        event_source="s",
        recording_id="r",
        state=RecordingState.ACTIVE,
        recording_kind=RecordingKind.TEAMS,
    )
    cut = gated(state)
    assert isinstance(cut, events.RecordingStateChanged)
    assert cut.recording_kind is None


def test_a_tone_is_nested_in_one_preview() -> None:
    received = events.ContinuousDtmfRecognitionToneReceived
    nested = gated(received(**common("2023-06-15-preview"), sequence_id=2, tone=Tone.FIVE))
    assert isinstance(nested, received)
    assert (nested.sequence_id, nested.tone) == (None, None)
    assert nested.tone_info == events.ToneInfo(sequence_id=2, tone=Tone.FIVE)
    empty = gated(received(**common("2023-06-15-preview")))
    assert isinstance(empty, received)
    assert (empty.tone_info, empty.event_source) == (None, "calling/callConnections/c")


def test_responses() -> None:
    full = responses.CallConnectionProperties(
        "c",
        responses.CallConnectionState.CONNECTED,
        "https://x/",
        answered_for=responses.PhoneNumberModel("+1"),
        transcription_subscription=responses.TranscriptionSubscription(
            "t", SubscriptionState.ACTIVE, [], "en-US"
        ),
    )
    assert gated_response(full, "2026-03-12") is full
    middle = gated_response(full, "2024-09-15")
    assert middle.answered_for is not None
    assert middle.transcription_subscription is not None
    assert middle.transcription_subscription.locale is None
    old = gated_response(full, "2023-03-06")
    assert old.answered_for is None
    assert old.transcription_subscription is None
    added = responses.AddParticipantResponse(responses.CallParticipant(WHO, False, False), "i")
    assert gated_response(added, "2023-03-06").invitation_id is None


@pytest.mark.parametrize("table", [EVENT_FIELDS, RESPONSE_FIELDS])
def test_tables_name_real_optional_fields_and_versions(
    table: dict[type[msgspec.Struct], dict[str, str]],
) -> None:
    for type_, fields in table.items():
        defaults = {field.name: field.default for field in msgspec.structs.fields(type_)}
        for name, version in fields.items():
            assert defaults[name] is None
            assert version in KNOWN
