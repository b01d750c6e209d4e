"""Audio streaming: what is asked, refused and told; and what both kinds of stream share."""

from __future__ import annotations

from typing import Any

import pytest
from calls.media_room import WSS, MediaRoom, details, refusal, speech, streaming, transcription

from hookflash.calls import audio_effects, effects, facts
from hookflash.calls.facts import Cause
from hookflash.wire.constraints import CallbackRules
from hookflash.wire.enums import AudioFormat, MediaStreamingAudioChannelType


@pytest.fixture
def room(office: Any) -> MediaRoom:
    return MediaRoom(office)


# --- audio ----------------------------------------------------------------------------------------------


def test_a_stream_that_starts_with_the_call(office, room):
    leg, connection = office.answered(
        media_streaming_options=streaming(
            start_media_streaming=True,
            enable_bidirectional=True,
            enable_dtmf_tones=True,
            audio_format=AudioFormat.PCM_24K_MONO,
            audio_channel_type=MediaStreamingAudioChannelType.UNMIXED,
        ),
        operation_context="ctx",
    )
    own = office.all(effects.OpenAppLeg)[0].leg
    properties = office.get(connection)
    opened = room.stream()
    assert opened == audio_effects.OpenStream(
        stream=1,
        call=1,
        leg=own,
        resource=office.RED,
        connection_id=connection,
        correlation_id=properties.correlation_id,
        subscription_id=properties.media_streaming_subscription.id,
        url=WSS,
        sample_rate=24_000,
        mixed=False,
        bidirectional=True,
        dtmf_tones=True,
        loopback=False,
        roster=((leg, "4:+14255550123"), (own, office.people(connection)[1].identifier.raw_id)),
    )
    assert properties.media_streaming_subscription.state == "inactive"
    room.opened()
    assert office.get(connection).media_streaming_subscription.state == "active"
    assert office.names(connection)[-1] == "MediaStreamingStarted"
    assert details(office, connection) == [("MediaStreamingStarted", "subscriptionStarted", "ctx")]


def test_an_app_that_joins_with_connect_streams_as_one_that_answers(office, room):
    leg, first = office.answered()
    joined = room.connect(
        office.get(first).server_call_id,
        media_streaming_options=streaming(
            start_media_streaming=True, enable_bidirectional=True, enable_dtmf_tones=True
        ),
        operation_context="joined",
    )
    own = office.all(effects.OpenAppLeg)[-1].leg
    properties = office.get(joined)
    opened = room.stream()
    assert (opened.leg, opened.connection_id, opened.url) == (own, joined, WSS)
    assert opened.subscription_id == properties.media_streaming_subscription.id
    assert (opened.mixed, opened.bidirectional, opened.dtmf_tones) == (True, True, True)
    assert opened.loopback is False, "connect has no option for it"
    assert [who for who, _ in opened.roster] == [leg, office.all(effects.OpenAppLeg)[0].leg, own]
    assert properties.media_streaming_subscription.state == "inactive"
    room.opened()
    assert office.get(joined).media_streaming_subscription.state == "active"
    office.press(leg, "5")
    assert office.all(audio_effects.StreamTone) == [audio_effects.StreamTone(opened.stream, leg, "5")]
    assert details(office, joined) == [("MediaStreamingStarted", "subscriptionStarted", "joined")]
    assert [note.callback_uri for note in office.notes(joined)][-1] == "https://app.example/joined"
    # The other app of the call asked for none.
    assert office.get(first).media_streaming_subscription is None
    assert refusal(lambda: room.start(first)) == (405, "8522", None)
    office.hang_up(joined)
    assert office.names(joined)[-2:] == ["MediaStreamingStopped", "CallDisconnected"]
    assert office.lately(audio_effects.CloseStream) == [audio_effects.CloseStream(opened.stream)]


def test_one_that_joined_starts_and_stops_by_request(office, room):
    _, first = office.answered()
    joined = room.connect(office.get(first).server_call_id, media_streaming_options=streaming())
    assert office.all(audio_effects.OpenStream) == []
    assert office.get(joined).media_streaming_subscription.state == "inactive"
    for number in (1, 2):
        room.start(joined, operation_context=f"start {number}")
        assert room.stream().stream == number
        room.opened()
        assert office.get(joined).media_streaming_subscription.state == "active"
        room.stop(joined, operation_context=f"stop {number}")
        assert office.lately(audio_effects.CloseStream) == [audio_effects.CloseStream(number)]
        assert office.get(joined).media_streaming_subscription.state == "inactive"
    assert details(office, joined) == [
        ("MediaStreamingStarted", "subscriptionStarted", "start 1"),
        ("MediaStreamingStopped", "subscriptionStopped", "stop 1"),
        ("MediaStreamingStarted", "subscriptionStarted", "start 2"),
        ("MediaStreamingStopped", "subscriptionStopped", "stop 2"),
    ]


def test_one_that_joins_a_call_that_rings_hears_it_when_it_is_up(office, room):
    leg = office.ring()
    server_call_id = office.all(effects.RaiseIncomingCall)[0].data.server_call_id
    options = streaming(start_media_streaming=True)
    joined = room.connect(server_call_id, media_streaming_options=options)
    assert office.all(audio_effects.OpenStream) == []
    assert refusal(lambda: room.start(joined)) == (400, "8501", None)
    office.answer()
    office.tell(facts.LegUp(leg))
    (opened,) = office.all(audio_effects.OpenStream)
    assert opened.connection_id == joined
    room.opened()
    assert office.names(joined)[-1] == "MediaStreamingStarted"


def test_where_the_stream_of_one_that_joins_may_go(office, room):
    _, first = office.answered()
    call = office.get(first).server_call_id
    options = streaming(transport_url="ws://app.example/")
    got = refusal(lambda: room.connect(call, media_streaming_options=options))
    assert got == (400, "8523", "mediaStreamingOptions.transportUrl")
    assert len(office.people(first)) == 2, "nothing was changed by the refusal"


def test_nothing_is_opened_before_the_call_is_up(office, room):
    office.ring()
    office.answer(media_streaming_options=streaming(start_media_streaming=True))
    assert office.all(audio_effects.OpenStream) == []


def test_start_and_stop_by_request(office, room):
    _, connection = office.answered(media_streaming_options=streaming(), operation_context="call")
    assert office.all(audio_effects.OpenStream) == []
    room.start(connection, operation_context="start", operation_callback_uri="https://app.example/op")
    room.opened()
    room.stop(connection, operation_context="stop")
    assert office.lately(audio_effects.CloseStream) == [audio_effects.CloseStream(1)]
    assert details(office, connection) == [
        ("MediaStreamingStarted", "subscriptionStarted", "start"),
        ("MediaStreamingStopped", "subscriptionStopped", "stop"),
    ]
    assert [note.callback_uri for note in office.notes(connection)][-2:] == [
        "https://app.example/op",
        "https://app.example/cb",
    ]
    assert office.get(connection).media_streaming_subscription.state == "inactive"
    room.start(connection)
    assert room.stream().stream == 2


def test_a_repeated_start_or_stop_changes_nothing(office, room):
    _, connection = office.answered(media_streaming_options=streaming())
    room.stop(connection)
    assert office.last == []
    room.start(connection, operation_context="one")
    room.start(connection, operation_context="two")
    assert office.last == []
    room.opened()
    room.start(connection, operation_context="three")
    assert office.last == []
    room.failed()
    assert details(office, connection) == [
        ("MediaStreamingStarted", "subscriptionStarted", "two"),
        ("MediaStreamingFailed", "streamConnectionInterrupted", "three"),
    ]


def test_a_stream_that_cannot_be_opened(office, room):
    _, connection = office.answered(media_streaming_options=streaming(start_media_streaming=True))
    room.failed("initialWebSocketConnectionFailed")
    assert details(office, connection) == [("MediaStreamingFailed", "initialWebSocketConnectionFailed", None)]
    assert office.result(connection, "MediaStreamingFailed") == (500, 8603)
    assert office.get(connection).media_streaming_subscription.state == "inactive"


def test_details_nobody_knows_are_unspecified(office, room):
    _, connection = office.answered(
        media_streaming_options=streaming(start_media_streaming=True),
        transcription_options=transcription(start_transcription=True),
        **speech(),
    )
    for opened in office.all(audio_effects.OpenStream) + office.all(audio_effects.OpenTranscript):
        office.tell(facts.StreamFailed(opened.stream, "sunspots", 500, 8603, "gone"))
    assert [what for _, what, _ in details(office, connection)] == ["unspecifiedError"] * 2


def test_an_interrupted_stream_that_comes_back(office, room):
    _, connection = office.answered(media_streaming_options=streaming(start_media_streaming=True))
    room.opened()
    room.opened(again=True)
    room.opened()
    assert details(office, connection) == [
        ("MediaStreamingStarted", "subscriptionStarted", None),
        ("MediaStreamingStarted", "streamConnectionReestablished", None),
    ]


def test_the_end_of_the_call_closes_the_stream_first(office, room):
    _, connection = office.answered(
        media_streaming_options=streaming(start_media_streaming=True), operation_context="c"
    )
    room.opened()
    office.hang_up(connection)
    assert office.names(connection)[-2:] == ["MediaStreamingStopped", "CallDisconnected"]
    assert office.lately(audio_effects.CloseStream) == [audio_effects.CloseStream(1)]
    assert office.nothing_left()


def test_the_end_of_the_call_cancels_a_stream_that_opens(office, room):
    _, connection = office.answered(media_streaming_options=streaming(start_media_streaming=True))
    stream = room.stream().stream
    office.hang_up(connection)
    assert office.names(connection)[-2:] == ["MediaStreamingFailed", "CallDisconnected"]
    assert office.result(connection, "MediaStreamingFailed") == (500, 8604)
    before = len(office.effects)
    for fact in (facts.StreamOpened(stream), facts.StreamFailed(stream, "badRequest", 400, 8603, "")):
        office.tell(fact)
    assert len(office.effects) == before


def test_stopping_a_stream_that_opens_cancels_its_start(office, room):
    _, connection = office.answered(media_streaming_options=streaming())
    room.start(connection, operation_context="start")
    room.stop(connection, operation_context="stop")
    assert details(office, connection) == [
        ("MediaStreamingFailed", "subscriptionStopped", "start"),
        ("MediaStreamingStopped", "subscriptionStopped", "stop"),
    ]


def test_a_fault_of_the_platform_is_a_failure(office, room):
    _, connection = office.answered(
        media_streaming_options=streaming(start_media_streaming=True),
        transcription_options=transcription(start_transcription=True),
        **speech(),
    )
    for opened in office.all(audio_effects.OpenStream) + office.all(audio_effects.OpenTranscript):
        office.tell(facts.StreamOpened(opened.stream))
    office.tell(facts.MediaLost((1,)))
    assert details(office, connection)[-2:] == [
        ("MediaStreamingFailed", "serviceShutdown", None),
        ("TranscriptionFailed", "serviceShutdown", None),
    ]
    assert office.result(connection, "TranscriptionFailed") == (500, 8580)
    assert office.lately(audio_effects.CloseStream)
    assert office.lately(audio_effects.CloseTranscript)


def test_keys_reach_a_stream_that_wants_them(office, room):
    leg, connection = office.answered(media_streaming_options=streaming(enable_dtmf_tones=True))
    office.press(leg, "1")
    room.start(connection)
    office.press(leg, "2")
    room.opened()
    office.press(leg, "3#")
    assert [(tone.leg, tone.digit) for tone in office.all(audio_effects.StreamTone)] == [
        (leg, "3"),
        (leg, "#"),
    ]


def test_keys_do_not_reach_a_stream_that_does_not_want_them(office, room):
    leg, _ = office.answered(media_streaming_options=streaming(start_media_streaming=True))
    room.opened()
    office.press(leg, "3")
    assert office.all(audio_effects.StreamTone) == []


def test_the_stream_learns_who_comes_and_goes(office, room):
    legs, connection = office.created(office.OUTSIDE, media_streaming_options=streaming())
    office.added(connection, "+14255550777")
    assert office.all(audio_effects.UpdateRoster) == []
    room.start(connection)
    third = office.added(connection, "+14255550888")
    (update,) = office.all(audio_effects.UpdateRoster)
    assert update.call == 1
    assert [raw_id for _, raw_id in update.roster][-1] == "4:+14255550888"
    office.hold(connection, "+14255550888")
    assert len(office.all(audio_effects.UpdateRoster)) == 1
    office.tell(facts.LegDown(third, Cause(200, "OK")))
    assert third not in [leg for leg, _ in office.all(audio_effects.UpdateRoster)[-1].roster]
    room.stop(connection)
    office.tell(facts.LegDown(legs[0], Cause(200, "OK")))
    assert len(office.all(audio_effects.UpdateRoster)) == 2
    room.start(connection)
    office.added(connection, "+14255550888")
    assert len(office.all(audio_effects.UpdateRoster)) == 3


def test_media_needs_options_given_at_setup(office, room):
    _, connection = office.answered()
    assert refusal(lambda: room.start(connection)) == (405, "8522", None)
    assert refusal(lambda: room.stop(connection)) == (405, "8522", None)
    assert refusal(lambda: room.transcribe(connection, locale="en-US")) == (405, "8522", None)
    assert refusal(lambda: room.stop_transcribing(connection)) == (405, "8522", None)
    assert refusal(lambda: room.update(connection, locale="de-DE")) == (405, "8522", None)
    assert office.get(connection).media_streaming_subscription is None
    assert office.get(connection).transcription_subscription is None


def test_nothing_can_be_started_before_the_call_is_up(office, room):
    connection = office.create(
        office.OUTSIDE,
        media_streaming_options=streaming(),
        transcription_options=transcription(),
        **speech(),
    ).call_connection_id
    for act in (
        lambda: room.start(connection),
        lambda: room.stop(connection),
        lambda: room.transcribe(connection),
        lambda: room.stop_transcribing(connection),
        lambda: room.update(connection, locale="de-DE"),
    ):
        assert refusal(act) == (400, "8501", None)


def test_an_ended_call_or_another_resources_is_refused(office, room):
    _, connection = office.answered(media_streaming_options=streaming())
    assert refusal(lambda: room.start(connection, resource=office.BLUE)) == (403, "7507", "callConnectionId")
    assert refusal(lambda: room.start("x")) == (404, "8522", "callConnectionId")
    office.hang_up(connection)
    assert refusal(lambda: room.start(connection)) == (400, "8528", "callConnectionId")


def test_the_callback_of_an_operation_is_checked(office, room):
    _, connection = office.answered(media_streaming_options=streaming())
    plain = "http://app.example/op"
    assert refusal(lambda: room.start(connection, operation_callback_uri=plain)) == (
        400,
        "8523",
        "operationCallbackUri",
    )


@pytest.mark.parametrize("field", ["media_streaming_options", "transcription_options"])
@pytest.mark.parametrize(
    ("url", "rules", "accepted"),
    [
        ("ws://app.example/", CallbackRules(), False),
        ("ws://app.example/", CallbackRules(http=True), True),
        ("wss://app.example/", CallbackRules(), True),
        ("wss://10.0.0.1/", CallbackRules(private=False), False),
        ("https://app.example/", CallbackRules(http=True), False),
    ],
)
def test_where_streams_may_go(make_office, field, url, rules, accepted):
    office = make_office(callbacks=rules)
    office.ring()
    make = streaming if field.startswith("media") else transcription
    name = "mediaStreamingOptions" if field.startswith("media") else "transcriptionOptions"
    if accepted:
        office.answer(**{field: make(transport_url=url)})
    else:
        got = refusal(lambda: office.answer(**{field: make(transport_url=url)}))
        assert got == (400, "8523", f"{name}.transportUrl")
        assert office.answer().call_connection_id  # nothing was changed by the refusal


def test_an_old_app_is_told_nothing_it_does_not_know(office, room):
    _, connection = office.answered(
        version="2024-04-15", media_streaming_options=streaming(start_media_streaming=True)
    )
    room.opened()
    assert details(office, connection) == []


def test_two_apps_stream_apart(office, room):
    first = office.create(office.BOB, media_streaming_options=streaming(start_media_streaming=True))
    second = office.answer(
        office.BLUE, media_streaming_options=streaming(transport_url="wss://blue.example/")
    )
    assert room.stream().url == WSS
    room.start(second.call_connection_id, resource=office.BLUE)
    assert room.stream().url == "wss://blue.example/"
    assert room.stream().resource == office.BLUE
    room.opened()
    assert details(office, first.call_connection_id) == []
    assert details(office, second.call_connection_id)[0][0] == "MediaStreamingStarted"
