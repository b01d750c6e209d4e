"""Sending tones, and listening for them all the time."""

from __future__ import annotations

import pytest

from hookflash.calls import effects
from hookflash.wire.enums import Tone
from hookflash.wire.results import Refusal


def test_tones_are_sent_to_the_leg_and_reported_when_they_have_left(stage):
    stage.send("12#*", operation_context="ivr")
    assert stage.all(effects.SendTones) == [effects.SendTones(1, 7, 1, "12#*")]
    stage.pending.sendings.pop(1).tones_done(stage.turn())
    assert stage.results() == [("SendDtmfTonesCompleted", 200, 0)]
    assert stage.notes[0].request.context == "ivr"
    assert stage.at_rest()


def test_tones_that_cannot_be_sent_fail_with_the_reason(stage):
    stage.send()
    stage.pending.sendings.pop(1).tones_failed(stage.turn(), "the leg has no socket")
    assert stage.results() == [("SendDtmfTonesFailed", 500, 9999)]
    assert "the leg has no socket" in stage.notes[0].message
    assert stage.at_rest()


def test_eighteen_tones_and_no_more(stage):
    stage.send("1" * 18)
    for digits in ("1" * 19, ""):
        with pytest.raises(Refusal) as refused:
            stage.send(digits, stage.DAVE)
        assert (refused.value.status, refused.value.code, refused.value.target) == (400, "8523", "tones")


def test_apps_have_no_keypad(stage):
    with pytest.raises(Refusal) as refused:
        stage.send("1", stage.APP)
    assert (refused.value.code, refused.value.target) == ("8523", "targetParticipant")
    assert stage.APP in refused.value.message


def test_a_target_who_leaves_fails_the_sending(stage):
    stage.send()
    stage.left(stage.carol)
    assert stage.results() == [("SendDtmfTonesFailed", 400, 8508)]
    assert stage.all(effects.StopTones) == [effects.StopTones(1)]
    assert stage.at_rest()


def test_every_key_is_reported_and_counted_without_gaps(stage):
    stage.listen(operation_context="c")
    stage.press("15#")
    assert [note.fields["sequence_id"] for note in stage.notes] == [1, 2, 3]
    assert [note.fields["tone"] for note in stage.notes] == [Tone.ONE, Tone.FIVE, Tone.POUND]
    assert {note.name for note in stage.notes} == {"ContinuousDtmfRecognitionToneReceived"}
    stage.stop_listening()
    assert stage.names()[-1] == "ContinuousDtmfRecognitionStopped"
    assert stage.notes[-1].request.context == "c"
    stage.press("1")
    assert len(stage.notes) == 4
    assert stage.at_rest()


def test_subscriptions_count_for_themselves(stage):
    stage.listen()
    stage.listen(stage.DAVE)
    stage.press("1")
    stage.press("2", leg=2)
    assert [note.fields["sequence_id"] for note in stage.notes] == [1, 1]


def test_starting_again_goes_on_counting_with_the_newer_context(stage):
    stage.listen(operation_context="a")
    stage.press("1")
    stage.listen(operation_context="b")
    stage.press("2")
    assert [note.fields["sequence_id"] for note in stage.notes] == [1, 2]
    assert [note.request.context for note in stage.notes] == ["a", "b"]


def test_a_new_subscription_counts_from_one(stage):
    for _ in range(2):
        stage.listen()
        stage.press("1")
        stage.stop_listening()
    heard = [note for note in stage.notes if note.fields]
    assert [note.fields["sequence_id"] for note in heard] == [1, 1]


def test_the_stop_request_may_direct_the_last_event(stage):
    stage.listen(operation_context="a", operation_callback_uri="https://a/")
    stage.stop_listening(operation_context="b", operation_callback_uri="https://b/")
    assert (stage.notes[0].request.context, stage.notes[0].request.callback) == ("b", "https://b/")


def test_stopping_what_was_not_started_says_nothing(stage):
    stage.stop_listening()
    assert stage.notes == []


def test_only_participants_can_be_listened_to(stage):
    for act in (stage.listen, stage.stop_listening):
        with pytest.raises(Refusal) as refused:
            act("+19990000000")
        assert (refused.value.status, refused.value.code) == (404, "8522")


def test_a_participant_who_leaves_ends_the_subscription(stage):
    stage.listen()
    stage.left(stage.carol)
    assert stage.names() == ["ContinuousDtmfRecognitionStopped"]
    assert stage.at_rest()


def test_recognition_and_subscription_both_hear_a_key(stage):
    stage.listen()
    stage.recognize(max_tones=1)
    stage.press("7")
    assert stage.names() == ["ContinuousDtmfRecognitionToneReceived", "RecognizeCompleted"]
