"""Preview options of transcription that this server does not carry out, as far as that must be told."""

from __future__ import annotations

from typing import Any

import pytest
from calls.media_room import MediaRoom, refusal, speech, transcription

from hookflash.calls import audio_effects, commands
from hookflash.wire.parts import CallLocator, PiiRedactionOptions, SummarizationOptions
from hookflash.wire.requests import ConnectRequest
from hookflash.wire.results import Refusal

MASKED = PiiRedactionOptions(enable=True)
CLEAR = PiiRedactionOptions(enable=False)
AT_SETUP = (405, "8520", "transcriptionOptions.piiRedactionOptions.enable")
LATER = (405, "8520", "piiRedactionOptions.enable")


@pytest.fixture
def room(office: Any) -> MediaRoom:
    return MediaRoom(office)


def options(**fields: Any) -> dict[str, Any]:
    return {"transcription_options": transcription(**fields), **speech()}


@pytest.mark.parametrize("begins", [True, False])
def test_a_call_whose_transcript_is_to_be_redacted_is_refused(office, begins):
    masked = options(pii_redaction_options=MASKED, start_transcription=begins)
    assert refusal(lambda: office.create(office.OUTSIDE, **masked)) == AT_SETUP
    office.ring()
    with pytest.raises(Refusal, match="redact the text in the app") as refused:
        office.answer(**masked)
    assert (refused.value.status, refused.value.code, refused.value.target) == AT_SETUP
    assert office.answer().call_connection_id  # nothing was changed by the refusal


def test_joining_a_call_with_a_redacted_transcript_is_refused(office):
    office.answered()
    call = next(iter(office.exchange._registry.calls.values()))
    body = ConnectRequest(
        call_locator=CallLocator(server_call_id=call.id),
        callback_uri="https://app.example/cb",
        **options(pii_redaction_options=MASKED),
    )
    assert refusal(lambda: office.run(commands.Connect(office.RED, "2025-08-15-preview", body))) == AT_SETUP


def test_start_and_update_refuse_redaction_too(office, room):
    _, connection = office.answered(**options())
    assert refusal(lambda: room.transcribe(connection, pii_redaction_options=MASKED)) == LATER
    assert office.all(audio_effects.OpenTranscript) == []
    room.transcribe(connection)
    room.opened()
    assert refusal(lambda: room.update(connection, locale="en-GB", pii_redaction_options=MASKED)) == LATER
    assert office.all(audio_effects.UpdateTranscript) == []
    assert office.get(connection).transcription_subscription.locale == "en-US"


def test_who_does_not_want_it_redacted_is_served(office, room):
    _, connection = office.answered(
        **options(
            pii_redaction_options=CLEAR,
            enable_sentiment_analysis=True,
            summarization_options=SummarizationOptions(enable_end_call_summary=True),
            start_transcription=True,
        )
    )
    assert isinstance(room.stream(), audio_effects.OpenTranscript)
    room.opened()
    room.update(connection, locale="en-GB", pii_redaction_options=PiiRedactionOptions())
    assert office.all(audio_effects.UpdateTranscript)
