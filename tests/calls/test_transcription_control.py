"""Transcription: what is asked, what is refused, what the app is told."""

from __future__ import annotations

from typing import Any

import pytest
from calls.media_room import (
    ENDPOINT,
    WSS,
    MediaRoom,
    details,
    refusal,
    speech,
    streaming,
    transcription,
)

from hookflash.calls import audio_effects, commands, facts
from hookflash.media.speech import Abilities
from hookflash.wire.parts import CallLocator
from hookflash.wire.requests import ConnectRequest
from hookflash.wire.results import Refusal


@pytest.fixture
def room(office: Any) -> MediaRoom:
    return MediaRoom(office)


def test_a_transcript_that_starts_with_the_call(office, room):
    leg, connection = office.answered(
        transcription_options=transcription(
            start_transcription=True, enable_intermediate_results=True, speech_model_endpoint_id="model"
        ),
        operation_context="ctx",
        **speech(),
    )
    properties = office.get(connection)
    shown = properties.transcription_subscription
    assert (shown.state, shown.subscribed_result_types, shown.locale) == (
        "inactive",
        ["final", "intermediate"],
        "en-US",
    )
    opened = room.stream()
    assert isinstance(opened, audio_effects.OpenTranscript)
    assert (opened.url, opened.locale, opened.speech_model, opened.intermediate) == (
        WSS,
        "en-US",
        "model",
        True,
    )
    assert opened.subscription_id == shown.id
    assert opened.roster[0] == (leg, "4:+14255550123")
    room.opened()
    room.opened(again=True)
    assert office.get(connection).transcription_subscription.state == "active"
    assert details(office, connection) == [
        ("TranscriptionStarted", "subscriptionStarted", "ctx"),
        ("TranscriptionStarted", "streamConnectionReestablished", "ctx"),
    ]


def test_start_update_and_stop_by_request(office, room):
    _, connection = office.answered(transcription_options=transcription(), **speech())
    room.transcribe(connection, locale="fr-FR", operation_context="start")
    assert room.stream().locale == "fr-FR"
    room.opened()
    room.update(connection, locale="de-DE", operation_context="update")
    assert office.lately(audio_effects.UpdateTranscript) == [audio_effects.UpdateTranscript(1, "de-DE", None)]
    assert office.get(connection).transcription_subscription.locale == "de-DE"
    room.update(connection, speech_recognition_model_endpoint_id="m")
    assert office.lately(audio_effects.UpdateTranscript) == [audio_effects.UpdateTranscript(1, "de-DE", "m")]
    room.stop_transcribing(connection, operation_context="stop")
    assert office.lately(audio_effects.CloseTranscript) == [audio_effects.CloseTranscript(1)]
    assert details(office, connection) == [
        ("TranscriptionStarted", "subscriptionStarted", "start"),
        ("TranscriptionUpdated", "transcriptionLocaleUpdated", "update"),
        ("TranscriptionUpdated", "transcriptionLocaleUpdated", None),
        ("TranscriptionStopped", "subscriptionStopped", "stop"),
    ]


def test_a_start_without_locale_takes_that_of_the_setup(office, room):
    _, connection = office.answered(transcription_options=transcription(locale="it-IT"), **speech())
    room.transcribe(connection)
    assert room.stream().locale == "it-IT"
    room.transcribe(connection, locale="de-DE")
    assert office.last == []
    assert office.get(connection).transcription_subscription.locale == "it-IT"


def test_languages_to_tell_apart_begin_with_the_first(office, room):
    options = transcription(locale=None, locales=["es-ES", "en-US"])
    _, connection = office.answered(transcription_options=options, **speech())
    room.transcribe(connection)
    assert room.stream().locale == "es-ES"
    room.stop_transcribing(connection)
    room.transcribe(connection, locales=["pt-PT"])
    assert room.stream().locale == "pt-PT"


def test_a_locale_has_to_come_from_somewhere(office, room):
    _, connection = office.answered(transcription_options=transcription(locale=None), **speech())
    assert refusal(lambda: room.transcribe(connection)) == (400, "8523", "locale")
    room.transcribe(connection, locale="en-GB")
    assert room.stream().locale == "en-GB"


def test_transcription_needs_the_cognitive_services(office, room):
    _, connection = office.answered(transcription_options=transcription())
    assert refusal(lambda: room.transcribe(connection)) == (405, "8522", None)


def test_transcription_needs_a_url(office, room):
    _, connection = office.answered(transcription_options=transcription(transport_url=None), **speech())
    assert refusal(lambda: room.transcribe(connection)) == (405, "8522", None)


@pytest.mark.parametrize(
    ("options", "intelligence"),
    [
        (transcription(start_transcription=True), {}),
        (transcription(start_transcription=True), speech(None)),
        (transcription(start_transcription=True, transport_url=None), speech()),
    ],
)
def test_a_transcript_that_could_not_start_is_refused_at_setup(office, options, intelligence):
    office.ring()
    got = refusal(lambda: office.answer(transcription_options=options, **intelligence))
    assert got == (405, "8522", None)
    assert office.answer().call_connection_id  # nothing was changed by the refusal


def test_the_endpoint_may_stand_at_the_top_level(office, room):
    _, connection = office.answered(
        transcription_options=transcription(), cognitive_services_endpoint=ENDPOINT
    )
    room.transcribe(connection)
    assert isinstance(room.stream(), audio_effects.OpenTranscript)


def test_an_update_needs_something_new_and_a_running_transcript(office, room):
    _, connection = office.answered(transcription_options=transcription(), **speech())
    assert refusal(lambda: room.update(connection)) == (400, "8523", "locale")
    assert refusal(lambda: room.update(connection, locale="de-DE")) == (400, "8585", None)
    room.transcribe(connection)
    assert refusal(lambda: room.update(connection, locale="de-DE")) == (400, "8585", None)
    assert office.get(connection).transcription_subscription.locale == "en-US"


def test_an_update_to_a_language_nobody_understands_changes_nothing(make_office):
    office = make_office(abilities=Abilities(understands=True, knows=lambda locale: locale[:2] == "en"))
    room = MediaRoom(office)
    _, connection = office.answered(transcription_options=transcription(), **speech())
    room.transcribe(connection)
    assert refusal(lambda: room.update(connection, locale="de-DE")) == (400, "8585", None)
    room.opened()
    with pytest.raises(Refusal, match="nobody here understands de-DE; the transcription goes on in en-US"):
        room.update(connection, locale="de-DE")
    assert refusal(lambda: room.update(connection, locale="de-DE")) == (400, "8523", "locale")
    assert office.all(audio_effects.UpdateTranscript) == []
    assert [name for name, _, _ in details(office, connection)] == ["TranscriptionStarted"]
    assert office.get(connection).transcription_subscription.locale == "en-US"
    room.update(connection, locale="en-GB")
    assert office.all(audio_effects.UpdateTranscript) == [audio_effects.UpdateTranscript(1, "en-GB", None)]
    room.update(connection, speech_model_endpoint_id="m")
    assert len(office.all(audio_effects.UpdateTranscript)) == 2


@pytest.fixture
def english(make_office: Any) -> Any:
    """An office where nobody is asked to understand anything but English."""
    return make_office(abilities=Abilities(understands=True, knows=lambda locale: locale[:2] == "en"))


def test_a_start_in_a_language_nobody_understands_leaves_nothing_behind(english):
    room = MediaRoom(english)
    _, connection = english.answered(transcription_options=transcription(), **speech())
    room.transcribe(connection, locale="de-DE", speech_model_endpoint_id="m", operation_context="no")
    assert room.stream().locale == "de-DE"
    room.failed("badRequest", 400, 8565)
    shown = english.get(connection).transcription_subscription
    assert (shown.state, shown.locale) == ("inactive", "en-US")
    room.transcribe(connection, operation_context="yes")
    assert (room.stream().locale, room.stream().speech_model) == ("en-US", None)
    room.opened()
    # A second start changes nothing, whatever it says.
    room.transcribe(connection, locale="de-DE", operation_context="again")
    assert english.get(connection).transcription_subscription.locale == "en-US"
    assert details(english, connection) == [
        ("TranscriptionFailed", "badRequest", "no"),
        ("TranscriptionStarted", "subscriptionStarted", "yes"),
    ]


def test_a_call_is_taken_whose_transcript_nobody_understands(english):
    room = MediaRoom(english)
    options = transcription(locale="de-DE", start_transcription=True)
    _, connection = english.answered(transcription_options=options, **speech())
    assert room.stream().locale == "de-DE"
    room.failed("badRequest", 400, 8565)
    assert english.result(connection, "TranscriptionFailed") == (400, 8565)


@pytest.mark.parametrize("end", ["stop", "stop while it opens", "fail", "fail while it opens"])
def test_what_a_start_or_update_says_of_the_language_lasts_as_long_as_it_runs(office, room, end):
    options = transcription(speech_model_endpoint_id="usual")
    _, connection = office.answered(transcription_options=options, **speech())
    room.transcribe(connection, locale="fr-FR", speech_model_endpoint_id="french")
    assert (room.stream().locale, room.stream().speech_model) == ("fr-FR", "french")
    if "opens" not in end:
        room.opened()
        room.update(connection, locale="de-DE", speech_model_endpoint_id="german")
        assert office.get(connection).transcription_subscription.locale == "de-DE"
    if "stop" in end:
        room.stop_transcribing(connection)
    else:
        room.failed("badRequest", 400, 8565)
    assert office.get(connection).transcription_subscription.locale == "en-US"
    room.transcribe(connection)
    assert (room.stream().locale, room.stream().speech_model) == ("en-US", "usual")


def test_a_language_given_with_a_start_is_wanted_again_where_the_options_have_none(office, room):
    _, connection = office.answered(transcription_options=transcription(locale=None), **speech())
    room.transcribe(connection, locale="en-GB")
    room.stop_transcribing(connection)
    assert refusal(lambda: room.transcribe(connection)) == (400, "8523", "locale")


def test_an_update_is_not_for_calls_joined_with_connect(office, room):
    office.answered()
    call = next(iter(office.exchange._registry.calls.values()))
    body = ConnectRequest(
        call_locator=CallLocator(server_call_id=call.id),
        callback_uri="https://app.example/cb",
        transcription_options=transcription(start_transcription=True),
        **speech(),
    )
    connection = office.run(commands.Connect(office.RED, "2026-03-12", body)).call_connection_id
    room.opened()
    assert refusal(lambda: room.update(connection, locale="de-DE")) == (405, "8520", None)
    room.stop_transcribing(connection)
    assert details(office, connection)[-1][0] == "TranscriptionStopped"


def test_stopping_a_transcript_that_opens_cancels_its_start(office, room):
    _, connection = office.answered(transcription_options=transcription(), **speech())
    room.transcribe(connection, operation_context="start")
    room.stop_transcribing(connection, operation_context="stop")
    assert details(office, connection) == [
        ("TranscriptionFailed", "subscriptionStopped", "start"),
        ("TranscriptionStopped", "subscriptionStopped", "stop"),
    ]
    assert office.result(connection, "TranscriptionFailed") == (500, 8579)


def test_both_end_with_the_call(office, room):
    _, connection = office.answered(
        media_streaming_options=streaming(start_media_streaming=True),
        transcription_options=transcription(start_transcription=True),
        **speech(),
    )
    for opened in office.all(audio_effects.OpenStream) + office.all(audio_effects.OpenTranscript):
        office.tell(facts.StreamOpened(opened.stream))
    office.terminate(connection)
    assert office.names(connection)[-3:] == [
        "MediaStreamingStopped",
        "TranscriptionStopped",
        "CallDisconnected",
    ]
