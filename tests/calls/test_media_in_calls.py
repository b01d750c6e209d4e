"""Media operations and hold in real calls: who hears what, what each app is told."""

from __future__ import annotations

import pytest

from hookflash.calls import commands, effects, facts
from hookflash.calls.facts import Cause
from hookflash.wire.requests import InterruptAudioAndAnnounceRequest
from hookflash.wire.results import Refusal

from .conftest import file_source, model

MUSIC = "https://x.example/hold.wav"


def test_a_play_to_all_reaches_the_phone_and_not_the_app_itself(office):
    leg, connection = office.answered()
    office.play(connection, operation_context="hi")
    play = office.plays()[0]
    assert play.legs == (leg,)
    office.heard_to_the_end(play.play)
    assert office.names(connection)[2:] == ["PlayStarted", "PlayCompleted"]
    assert office.events(connection)[-1].operation_context == "hi"
    assert office.notes(connection)[-1].callback_uri == "https://app.example/cb"


def test_in_an_app_to_app_call_a_play_reaches_the_other_app(office):
    caller = office.create(office.BOB).call_connection_id
    office.answer(resource=office.BLUE)
    office.play(caller)
    other = office.all(effects.OpenAppLeg)[1].leg
    assert office.plays()[0].legs == (other,)


def test_events_of_an_operation_go_to_its_own_callback(office):
    _, connection = office.answered()
    office.play(connection, operation_callback_uri="https://other.example/op?x=1")
    office.heard_to_the_end(1)
    uris = [note.callback_uri for note in office.notes(connection)]
    assert uris == ["https://app.example/cb"] * 2 + ["https://other.example/op?x=1"] * 2
    office.hang_up(connection)
    assert office.notes(connection)[-1].callback_uri == "https://app.example/cb"


def test_an_unusable_operation_callback_is_refused(office):
    _, connection = office.answered()
    for act in (office.play, office.listen, office.hold, office.unhold, office.recognize):
        with pytest.raises(Refusal) as refused:
            act(connection, operation_callback_uri="http://plain.example")
        assert refused.value.target == "operationCallbackUri"


def test_old_clients_are_not_sent_play_started(office):
    _, connection = office.answered()
    office.play(connection, version="2023-10-15")
    office.heard_to_the_end(1)
    assert office.names(connection)[2:] == ["PlayCompleted"]


def test_operations_of_a_call_end_before_its_last_event(office):
    leg, connection = office.answered()
    office.play(connection)
    office.listen(connection)
    office.send(connection, "1")
    office.tell(facts.LegDown(leg, Cause(200, "OK")))
    assert office.names(connection)[2:] == [
        "PlayStarted",
        "PlayCanceled",
        "SendDtmfTonesFailed",
        "ContinuousDtmfRecognitionStopped",
        "CallDisconnected",
    ]
    assert office.nothing_left()


def test_recognition_in_a_call_of_two_queues_and_in_a_group_does_not(office):
    leg, connection = office.answered()
    office.play(connection)
    office.recognize(connection, interrupt_call_media_operation=False, max_tones=1)
    office.press(leg, "1")
    assert "RecognizeCompleted" not in office.names(connection)
    _, group = office.created(office.OUTSIDE, office.CALLER)
    caller = office.all(effects.DialLeg)[-1].leg
    office.play(group)
    office.recognize(group, max_tones=1)
    office.press(caller, "1")
    assert office.names(group)[-1] == "RecognizeCompleted"


def test_recognition_times_out_by_the_clock(office):
    _, connection = office.answered()
    office.recognize(connection)
    office.later(4.9)
    assert office.names(connection)[2:] == []
    office.later(0.2)
    assert office.names(connection)[2:] == ["RecognizeFailed"]
    assert office.result(connection, "RecognizeFailed") == (400, 8510)


def test_digits_are_sent_to_the_phone_and_confirmed(office):
    leg, connection = office.answered()
    response = office.send(connection, "12#", operation_context="ctx")
    assert response.operation_context == "ctx"
    sending = office.lately(effects.SendTones)[0]
    assert (sending.leg, sending.digits) == (leg, "12#")
    office.tell(facts.TonesDone(sending.sending))
    assert office.names(connection)[-1] == "SendDtmfTonesCompleted"
    office.send(connection, "1")
    office.tell(facts.TonesFailed(office.lately(effects.SendTones)[0].sending, "gone"))
    assert office.names(connection)[-1] == "SendDtmfTonesFailed"


def test_a_failed_prompt_reaches_the_app(office):
    _, connection = office.answered()
    office.play(connection)
    office.tell(facts.AudioFailed(1, 0, 8535, "not a WAV"))
    assert office.names(connection)[2:] == ["PlayStarted", "PlayFailed"]


def test_holding_takes_the_phone_out_of_the_mix_and_tells(office):
    leg, connection = office.answered()
    office.hold(connection)
    assert office.lately(effects.LeaveMix) == [effects.LeaveMix(leg)]
    roster = office.events(connection)[-1]
    held = {p.identifier.raw_id: p.is_on_hold for p in roster.participants}
    assert held["4:" + office.CALLER] is True
    assert roster.sequence_number == 2
    office.unhold(connection)
    assert office.lately(effects.JoinMix) == [effects.JoinMix(leg)]
    assert office.events(connection)[-1].sequence_number == 3
    assert not any(p.is_on_hold for p in office.events(connection)[-1].participants)


def test_hold_with_music_plays_it_looped_until_unhold(office):
    leg, connection = office.answered()
    office.hold(connection, music=MUSIC, operation_context="wait")
    play = office.lately(effects.PlayAudio)[0]
    assert (play.legs, play.loop) == ((leg,), True)
    office.tell(facts.AudioStarted(play.play))
    office.unhold(connection)
    assert office.names(connection)[2:] == [
        "ParticipantsUpdated",
        "PlayStarted",
        "PlayCanceled",
        "ParticipantsUpdated",
    ]
    assert office.result(connection, "PlayCanceled") == (400, 8508)
    assert office.events(connection)[-2].operation_context == "wait"
    assert office.lately(effects.StopAudio)


def test_hold_and_unhold_may_come_twice(office):
    _, connection = office.answered()
    office.unhold(connection)
    assert office.last == []
    office.hold(connection, music=MUSIC)
    office.hold(connection, music=MUSIC)
    assert office.last == []
    office.unhold(connection)
    office.unhold(connection)
    assert office.last == []


def test_what_plays_to_all_ends_when_its_only_listener_is_held(office):
    _, connection = office.answered()
    office.play(connection)
    office.hold(connection)
    assert "PlayCanceled" in office.names(connection)
    with pytest.raises(Refusal, match="on hold"):
        office.play(connection)


def test_in_a_group_the_held_one_misses_what_starts_and_hears_it_after_unhold(office):
    legs, connection = office.created(office.OUTSIDE, office.CALLER)
    office.hold(connection)
    office.play(connection)
    assert office.plays()[-1].legs == (legs[0],)
    office.unhold(connection)
    assert office.lately(effects.AddListener) == [effects.AddListener(office.plays()[-1].play, legs[1])]
    office.hold(connection)
    assert office.lately(effects.RemoveListener) == [effects.RemoveListener(office.plays()[-1].play, legs[1])]


def test_somebody_who_joins_hears_what_plays_to_all(office):
    connection = office.create(office.OUTSIDE, office.CALLER).call_connection_id
    first, second = (dial.leg for dial in office.lately(effects.DialLeg))
    office.tell(facts.LegUp(first))
    office.play(connection)
    office.tell(facts.LegUp(second))
    assert office.lately(effects.AddListener) == [effects.AddListener(office.plays()[-1].play, second)]


def test_hold_ends_with_the_leg(office):
    legs, connection = office.created(office.OUTSIDE, office.CALLER)
    office.hold(connection, music=MUSIC)
    office.tell(facts.AudioStarted(office.plays()[-1].play))
    office.tell(facts.LegDown(legs[1], Cause(200, "OK")))
    assert office.names(connection)[-2:] == ["PlayCanceled", "ParticipantsUpdated"]


def test_who_leaves_before_the_hold_music_is_there_could_not_be_held(office):
    legs, connection = office.created(office.OUTSIDE, office.CALLER)
    office.hold(connection, music=MUSIC, operation_context="h")
    office.tell(facts.LegDown(legs[1], Cause(200, "OK")))
    failed = next(data for data in office.events(connection) if type(data).__name__ == "HoldFailed")
    assert failed.operation_context == "h"
    assert office.result(connection, "HoldFailed") == (404, 8522)


def test_an_app_is_no_target_of_its_own_media(office):
    _, connection = office.answered()
    own = next(p.identifier.raw_id for p in office.people(connection) if p.identifier.raw_id.startswith("8:"))
    for act in (office.hold, office.unhold, office.listen):
        with pytest.raises(Refusal) as refused:
            act(connection, own)
        assert (refused.value.code, refused.value.target) == ("8523", "targetParticipant")
    with pytest.raises(Refusal) as refused:
        office.play(connection, to=[own])
    assert (refused.value.code, refused.value.target) == ("8523", "playTo[0]")


def test_another_apps_music_gives_way(office):
    first = office.create(office.OUTSIDE, office.BOB).call_connection_id
    leg = office.lately(effects.DialLeg)[0].leg
    office.tell(facts.LegUp(leg))
    second = office.answer(resource=office.BLUE).call_connection_id
    office.hold(first, office.OUTSIDE, MUSIC)
    office.hold(second, office.OUTSIDE, MUSIC, resource=office.BLUE)
    assert office.names(first)[-1] == "PlayCanceled"
    assert len(office.plays()) == 2
    office.unhold(first, office.OUTSIDE)
    assert "PlayCanceled" in office.names(second)


def test_holding_somebody_who_is_not_there_is_not_found(office):
    _, connection = office.answered()
    for act in (office.hold, office.unhold):
        with pytest.raises(Refusal) as refused:
            act(connection, "+19990000000")
        assert (refused.value.status, refused.value.code) == (404, "8522")


def test_refused_music_does_not_hold(office):
    from hookflash.calls import commands
    from hookflash.wire.enums import PlaySourceKind
    from hookflash.wire.requests import HoldRequest, PlaySource, TextSource

    _, connection = office.answered()
    request = HoldRequest(
        target_participant=office.people(connection)[0].identifier,
        play_source_info=PlaySource(kind=PlaySourceKind.TEXT, text=TextSource(text="wait")),
    )
    with pytest.raises(Refusal):
        office.run(commands.Hold(office.RED, "2026-03-12", connection, request))
    assert not any(p.is_on_hold for p in office.people(connection))


def test_keys_are_reported_to_every_app_that_listens(office):
    first = office.create(office.OUTSIDE, office.BOB).call_connection_id
    leg = office.lately(effects.DialLeg)[0].leg
    office.tell(facts.LegUp(leg))
    office.answer(resource=office.BLUE)
    office.listen(first, office.OUTSIDE)
    office.press(leg, "5")
    assert office.names(first)[-1] == "ContinuousDtmfRecognitionToneReceived"
    office.stop_listening(first, office.OUTSIDE)
    assert office.names(first)[-1] == "ContinuousDtmfRecognitionStopped"


def test_cancelling_nothing_is_fine(office):
    _, connection = office.answered()
    office.cancel_all(connection)
    assert office.last == []


def test_a_connection_that_is_neither_up_nor_over_refuses_media(office):
    from hookflash.calls.tables import ConnectionEvent

    _, connection = office.answered()
    office.exchange._registry.connections[connection].machine.fire(ConnectionEvent.TRANSFER)
    with pytest.raises(Refusal) as refused:
        office.play(connection)
    assert (refused.value.status, refused.value.code) == (400, "8585")


def test_music_an_announcement_has_hushed_is_not_taken_up_again_for_somebody_who_has_gone(office):
    leg, connection = office.answered()
    office.hold(connection, music=MUSIC)
    request = InterruptAudioAndAnnounceRequest(
        play_sources=[file_source("https://x.example/a.wav")], play_to=model(office.CALLER)
    )
    office.run(commands.InterruptAudioAndAnnounce(office.RED, "2024-09-01-preview", connection, request))
    office.tell(facts.LegDown(leg, Cause(200, "OK")))
    assert not office.lately(effects.AddListener)
    assert office.nothing_left()
