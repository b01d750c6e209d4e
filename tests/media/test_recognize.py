"""Recognising DTMF: prompts, barge-in, timers and every way it ends."""

from __future__ import annotations

import pytest

from hookflash.calls import effects
from hookflash.wire.enums import RecognitionType, RecognizeInputType, Tone
from hookflash.wire.requests import RecognizeOptions, RecognizeRequest
from hookflash.wire.results import Refusal

PROMPT = "https://x.example/p.wav"


def tones(stage):
    return [tone.value for tone in stage.notes[-1].fields["dtmf_result"].tones]


def test_prompt_then_keys_until_there_are_enough(stage):
    stage.recognize(stage.CAROL, PROMPT, PROMPT, operation_context="pin")
    play = stage.all(effects.PlayAudio)[0]
    assert (play.legs, len(play.sources), play.loop) == ((1,), 2, False)
    stage.started(1)
    stage.started(1)
    stage.now = 60.0
    stage.finished(1)
    assert stage.all(effects.StartTimer)[-1].at == 65.0
    stage.now = 62.0
    stage.press("1")
    assert stage.all(effects.StartTimer)[-1].at == 64.0
    stage.press("2#")
    assert stage.results() == [("PlayStarted", 200, 0), ("RecognizeCompleted", 200, 8531)]
    assert stage.notes[-1].fields["recognition_type"] is RecognitionType.DTMF
    assert tones(stage) == ["one", "two", "pound"]
    assert stage.notes[-1].request.context == "pin"
    assert stage.at_rest()


def test_a_stop_tone_ends_it_and_is_not_among_the_tones(stage):
    stage.recognize(stop_tones=["pound"], max_tones=10)
    stage.press("12#")
    assert stage.results() == [("RecognizeCompleted", 200, 8514)]
    assert tones(stage) == ["one", "two"]
    assert stage.at_rest()


def test_a_stop_tone_alone_completes_with_nothing(stage):
    stage.recognize(stop_tones=[Tone.POUND.value])
    stage.press("#")
    assert stage.results() == [("RecognizeCompleted", 200, 8514)]
    assert tones(stage) == []


def test_silence_without_a_prompt_is_counted_from_the_start(stage):
    stage.recognize(silence=7)
    assert stage.all(effects.StartTimer)[0].at == 57.0
    stage.fire()
    assert stage.results() == [("RecognizeFailed", 400, 8510)]
    assert stage.at_rest()


def test_no_patience_at_all_is_allowed(stage):
    stage.recognize(silence=0)
    assert stage.all(effects.StartTimer)[0].at == 50.0


def test_too_long_between_two_keys_fails(stage):
    stage.recognize(inter_tone=4)
    stage.press("1")
    assert stage.all(effects.StartTimer)[-1].at == 54.0
    stage.fire()
    assert stage.results() == [("RecognizeFailed", 400, 8532)]
    assert tones(stage) == ["one"]
    assert stage.at_rest()


def test_a_key_interrupts_the_prompt_and_is_the_first_collected(stage):
    stage.recognize(stage.CAROL, PROMPT, interrupt_prompt=True, max_tones=2)
    stage.started(1)
    stage.press("5")
    assert stage.all(effects.StopAudio) == [effects.StopAudio(1)]
    assert stage.all(effects.StartTimer)[-1].at == 52.0
    stage.press("6")
    assert stage.names() == ["PlayStarted", "RecognizeCompleted"]
    assert tones(stage) == ["five", "six"]


@pytest.mark.parametrize(("interrupt", "armed"), [(True, True), (None, True), (False, False)])
def test_the_plane_stops_a_prompt_at_a_key_if_every_key_would(stage, interrupt, armed):
    stage.recognize(stage.CAROL, PROMPT, interrupt_prompt=interrupt)
    (play,) = stage.all(effects.PlayAudio)
    assert play.until_key == (play.legs[0] if armed else None)


def test_a_key_interrupts_a_prompt_that_is_still_being_fetched(stage):
    stage.recognize(stage.CAROL, PROMPT, max_tones=1)
    stage.press("5")
    assert stage.names() == ["RecognizeCompleted"]
    assert stage.at_rest()


def test_without_barge_in_keys_during_the_prompt_are_not_collected(stage):
    stage.recognize(stage.CAROL, PROMPT, interrupt_prompt=False, max_tones=1)
    stage.press("4")
    stage.started(1)
    stage.press("5")
    assert not stage.all(effects.StopAudio)
    stage.finished(1)
    stage.press("6")
    assert tones(stage) == ["six"]


def test_a_prompt_that_cannot_be_played_fails_the_recognition(stage):
    stage.recognize(stage.CAROL, PROMPT, PROMPT)
    stage.started(1)
    stage.failed(1, 1, 8536, "404 from x.example")
    assert stage.results() == [("PlayStarted", 200, 0), ("RecognizeFailed", 500, 8511)]
    assert stage.notes[-1].fields == {"failed_play_source_index": 1}
    assert "404 from x.example" in stage.notes[-1].message
    assert stage.at_rest()


def test_a_prompt_that_ends_without_beginning_still_says_started(stage):
    stage.recognize(stage.CAROL, PROMPT)
    stage.finished(1)
    assert stage.names() == ["PlayStarted"]
    assert stage.pending.timers


def test_cancelling_stops_prompt_and_timers(stage):
    stage.recognize(stage.CAROL, PROMPT)
    stage.recognize(stage.DAVE)
    stage.press("1", leg=2)
    stage.cancel_all()
    assert stage.results() == [("RecognizeCanceled", 400, 8508)] * 2
    assert stage.all(effects.StopAudio)
    assert stage.at_rest()


def test_keys_of_others_are_not_collected(stage):
    stage.recognize()
    stage.press("1", leg=2)
    assert len(stage.all(effects.StartTimer)) == 1


def test_in_a_call_of_two_recognition_queues_on_the_main_leg(stage):
    stage.line.one_to_one = True
    stage.play()
    stage.recognize(interrupt_call_media_operation=False, max_tones=1)
    stage.press("1")
    assert stage.notes == []
    stage.started(1)
    stage.finished(1)
    stage.press("2")
    assert tones(stage) == ["two"]


def test_a_queued_recognition_ignores_keys(stage):
    stage.line.one_to_one = True
    stage.recognize()
    stage.recognize(interrupt_call_media_operation=False)
    queued = stage.desk.main[1]
    queued.heard(stage.turn(), "1")
    assert queued.tones == []


def test_recognition_in_a_call_of_two_interrupts_what_plays_to_its_target_alone(stage):
    stage.line.one_to_one = True
    stage.play(to=[stage.CAROL], operation_context="to carol")
    stage.play(to=[stage.DAVE], operation_context="to dave")
    stage.recognize(stage.CAROL, "https://x/prompt.wav")
    assert [(note.name, note.request.context) for note in stage.notes] == [
        ("PlayStarted", "to carol"),
        ("PlayCanceled", "to carol"),
    ]


def test_by_default_recognition_interrupts_what_plays(stage):
    stage.line.one_to_one = True
    stage.play()
    stage.recognize()
    assert stage.names() == ["PlayStarted", "PlayCanceled"]


def test_a_target_who_leaves_cancels_the_recognition(stage):
    stage.recognize()
    stage.left(stage.carol)
    assert stage.names() == ["RecognizeCanceled"]
    assert stage.at_rest()


def test_a_target_put_on_hold_cancels_the_recognition_and_the_queue_goes_on(stage):
    stage.line.one_to_one = True
    stage.recognize()
    stage.play()
    stage.held(stage.carol)
    assert stage.names() == ["RecognizeCanceled"]
    assert stage.all(effects.PlayAudio)[-1].legs == (2, 3)


def test_somebody_on_hold_cannot_be_asked(stage):
    stage.carol.on_hold = True
    with pytest.raises(Refusal) as refused:
        stage.recognize()
    assert (refused.value.status, refused.value.code) == (400, "8585")


def test_the_number_of_tones_has_to_be_given(stage):
    for count in (0, None):
        with pytest.raises(Refusal) as refused:
            stage.recognize(max_tones=count)
        assert refused.value.code == "8523"
    body = RecognizeRequest(
        recognize_input_type=RecognizeInputType.DTMF,
        recognize_options=RecognizeOptions(target_participant=stage.carol.identity.to_model()),
    )
    with pytest.raises(Refusal):
        stage.desk.recognize(stage.turn(), "2026-03-12", body)
