"""Recognising words: speech, choices, and whichever comes first of keys and words."""

from __future__ import annotations

import pytest

from hookflash.calls import effects
from hookflash.calls.speech_effects import FinishListening, StartListening, StopListening
from hookflash.media.speech import Listening
from hookflash.wire.enums import RecognitionType, RecognizeInputType
from hookflash.wire.results import Refusal

PROMPT = "https://x.example/p.wav"
SPEECH, CHOICES = RecognizeInputType.SPEECH, RecognizeInputType.CHOICES
EITHER = RecognizeInputType.SPEECH_OR_DTMF
MENU = [
    {"label": "Confirm", "phrases": ["yes", "confirm"], "tone": "one"},
    {"label": "Cancel", "phrases": ["no", "cancel"], "tone": "two"},
    {"label": "Agent", "phrases": ["operator"]},
]


def fields(stage):
    return stage.notes[-1].fields


def menu(stage, *prompts, **options):
    stage.ask(*prompts, kind=CHOICES, choices=MENU, **options)


def tones(stage):
    return [tone.value for tone in fields(stage)["dtmf_result"].tones]


# --- speech ---------------------------------------------------------------------------------------------


def test_what_is_said_after_the_prompt_is_the_result(stage):
    stage.ask(PROMPT, interrupt_prompt=False, operation_context="why")
    assert not stage.all(StartListening)
    stage.started(1)
    assert not stage.all(StartListening)
    stage.now = 60.0
    stage.finished(1)
    assert stage.all(StartListening) == [StartListening(1, 7, 1, Listening(("en-US",), owner="red"))]
    assert stage.armed() == {"_due": 65.0}
    stage.now = 62.0
    stage.speaks()
    assert stage.armed() == {"_said_enough": 122.0}
    stage.partly("I need")
    stage.now = 64.0
    stage.is_quiet(63.8)
    assert stage.armed()["_due"] == pytest.approx(64.3)
    stage.due("end silence")
    assert stage.all(FinishListening) == [FinishListening(1)]
    stage.understood(" I need help with my bill. ", 0.87)
    assert stage.results() == [("PlayStarted", 200, 0), ("RecognizeCompleted", 200, 8569)]
    assert fields(stage)["recognition_type"] is RecognitionType.SPEECH
    assert fields(stage)["speech_result"].speech == "I need help with my bill."
    assert fields(stage)["speech_result"].confidence == 0.87
    assert stage.notes[-1].request.context == "why"
    assert not stage.all(StopListening)
    assert stage.at_rest()


def test_the_pause_is_counted_from_the_last_voice_and_a_voice_again_undoes_it(stage):
    stage.ask(end_silence=2000)
    stage.speaks()
    stage.now = 51.0
    stage.is_quiet(50.9)
    assert stage.armed()["_due"] == pytest.approx(52.9)
    stage.now = 52.0
    stage.speaks()
    assert stage.armed() == {"_said_enough": 110.0}
    stage.now = 54.0
    stage.is_quiet()
    assert stage.armed()["_due"] == 56.0


def test_a_pause_that_is_over_already_ends_it_at_once(stage):
    stage.ask(end_silence=0)
    stage.speaks()
    stage.now = 53.0
    stage.is_quiet(52.0)
    assert stage.armed()["_due"] == 53.0


def test_nothing_said_at_all(stage):
    stage.ask(silence=7)
    assert stage.armed() == {"_due": 57.0}
    stage.due("initial silence")
    assert stage.results() == [("RecognizeFailed", 400, 8510)]
    assert stage.all(StopListening) == [StopListening(1)]
    assert stage.at_rest()


def test_a_voice_interrupts_the_prompt(stage):
    stage.ask(PROMPT, interrupt_prompt=True)
    assert not stage.all(StartListening)
    stage.started(1)
    stage.now = 51.0
    stage.speaks(50.95)
    assert stage.all(effects.StopAudio) == [effects.StopAudio(1)]
    assert ("barge-in", "by voice, the prompt stops") in stage.traced()
    stage.is_quiet()
    stage.due("end silence")
    stage.understood("hello")
    assert stage.names() == ["PlayStarted", "RecognizeCompleted"]
    assert stage.at_rest()


def test_by_default_the_prompt_can_be_interrupted(stage):
    stage.ask(PROMPT)
    stage.started(1)
    assert stage.listening == 1


def test_a_prompt_that_is_not_interrupted_is_listened_to_once(stage):
    stage.ask(PROMPT)
    stage.started(1)
    stage.finished(1)
    assert len(stage.all(StartListening)) == 1
    assert stage.armed() == {"_due": 55.0}


def test_keys_are_no_words(stage):
    stage.ask(PROMPT)
    stage.started(1)
    stage.press("5")
    assert stage.all(effects.StopAudio) == []
    stage.says("hello")
    assert fields(stage)["speech_result"].speech == "hello"


@pytest.mark.parametrize("text", ["", "  ", "..."])
def test_a_voice_without_words_is_not_recognised(stage, text):
    stage.ask()
    stage.says(text)
    assert stage.results() == [("RecognizeFailed", 400, 8563)]
    assert stage.at_rest()


def test_nobody_is_listened_to_for_ever(stage):
    stage.ask()
    stage.speaks()
    stage.due()
    assert stage.now == 110.0
    assert stage.all(FinishListening) == [FinishListening(1)]
    stage.understood("a very long story")
    assert stage.results() == [("RecognizeCompleted", 200, 8569)]


def test_a_recogniser_that_never_says_what_it_heard_fails_it(stage):
    stage.ask()
    stage.speaks()
    stage.is_quiet()
    stage.due("end silence")
    stage.due("understanding")
    assert stage.results() == [("RecognizeFailed", 408, 8565)]
    assert stage.all(StopListening) == [StopListening(1)]
    assert stage.at_rest()


def test_a_voice_while_the_words_are_awaited_changes_nothing(stage):
    stage.ask()
    stage.speaks()
    stage.is_quiet()
    stage.due("end silence")
    stage.speaks()
    stage.is_quiet()
    assert set(stage.armed()) == {"_due"}
    stage.understood("hello")
    assert stage.at_rest()


def test_words_may_come_without_any_voice_before(stage):
    stage.ask(PROMPT)
    stage.started(1)
    stage.understood("hello")
    assert stage.all(effects.StopAudio) == [effects.StopAudio(1)]
    assert stage.results() == [("PlayStarted", 200, 0), ("RecognizeCompleted", 200, 8569)]
    assert stage.at_rest()


def test_silence_of_somebody_who_never_spoke_is_nothing_new(stage):
    stage.ask()
    stage.is_quiet()
    assert stage.armed() == {"_due": 55.0}


@pytest.mark.parametrize(
    ("code", "sub_code", "expected"),
    [(400, 8564, (400, 8564)), (429, 8565, (429, 8565)), (0, 8570, (400, 8570)), (500, 1, (500, 9999))],
)
def test_a_recogniser_that_fails(stage, code, sub_code, expected):
    stage.ask(PROMPT)
    stage.started(1)
    stage.deaf(code, sub_code, "No line to it.")
    assert stage.results() == [("PlayStarted", 200, 0), ("RecognizeFailed", *expected)]
    assert stage.notes[-1].message.endswith("No line to it.")
    assert stage.all(effects.StopAudio) == [effects.StopAudio(1)]
    assert stage.at_rest()


def test_cancelling_closes_the_ears_at_every_stage(stage):
    for at in range(5):
        stage.ask(PROMPT)
        play = max(stage.pending.plays)
        if at > 0:
            stage.started(play)
        if at > 1:
            stage.finished(play)
        if at > 2:
            stage.speaks()
        if at > 3:
            stage.is_quiet()
            stage.due("end silence")
        stage.cancel_all()
        assert stage.names()[-1] == "RecognizeCanceled"
        assert stage.at_rest()


def test_a_confidence_out_of_range_is_cut(stage):
    stage.ask()
    stage.says("hello", 7.0)
    assert fields(stage)["speech_result"].confidence == 1.0


# --- what is listened for -------------------------------------------------------------------------------


def test_languages_phrases_and_model_are_passed_on(stage):
    menu(stage, language="de-DE", languages=["fr-FR", "de-DE"], model="m")
    assert stage.all(StartListening)[0].wish == Listening(
        ("de-DE", "fr-FR"), ("yes", "confirm", "no", "cancel", "operator"), "m", owner="red"
    )


@pytest.mark.parametrize(("kind", "most"), [(SPEECH, 10), (EITHER, 10), (CHOICES, 4)])
def test_languages_are_bounded(stage, kind, most):
    languages = [f"a{letter}-US" for letter in "bcdefghijklm"]
    options = {"choices": MENU} if kind is CHOICES else {}
    stage.ask(kind=kind, languages=languages[:most], **options)
    stage.cancel_all()
    with pytest.raises(Refusal, match="languages") as refused:
        stage.ask(kind=kind, languages=languages[:most], language="en-US", **options)
    assert (refused.value.status, refused.value.code) == (400, "8523")


def test_choices_have_to_be_there(stage):
    with pytest.raises(Refusal, match="at least one"):
        stage.ask(kind=CHOICES)


def test_a_spoken_prompt_is_asked_for_like_a_file(stage):
    stage.ask("text:How can I help?")
    assert stage.all(effects.PlayAudio)[0].sources[0].text == "How can I help?"


# --- choices --------------------------------------------------------------------------------------------


def test_a_phrase_chooses(stage):
    menu(stage)
    stage.says("Yes, please.", 0.93)
    assert stage.results() == [("RecognizeCompleted", 200, 8545)]
    assert fields(stage)["recognition_type"] is RecognitionType.CHOICES
    chosen = fields(stage)["choice_result"]
    assert (chosen.label, chosen.recognized_phrase, chosen.confidence) == ("Confirm", "yes", 0.93)
    assert stage.at_rest()


def test_a_likeness_is_less_certain(stage):
    menu(stage)
    stage.says("operater", 0.9)
    assert fields(stage)["choice_result"].confidence == pytest.approx(0.9 * 0.95)


def test_a_key_chooses_and_names_no_phrase(stage):
    menu(stage, PROMPT)
    stage.started(1)
    stage.press("2")
    assert stage.results() == [("PlayStarted", 200, 0), ("RecognizeCompleted", 200, 8533)]
    chosen = fields(stage)["choice_result"]
    assert (chosen.label, chosen.recognized_phrase, chosen.confidence) == ("Cancel", None, None)
    assert ("barge-in", "by key, the prompt stops") in stage.traced()
    assert stage.at_rest()


@pytest.mark.parametrize(
    ("kind", "asked", "waited"),
    [(CHOICES, 30, 20), (SPEECH, 300, 20), (CHOICES, 20, 20), (SPEECH, 4, 4), (EITHER, 30, 30)],
)
def test_words_are_waited_for_20_seconds_at_most(stage, kind, asked, waited):
    stage.ask(kind=kind, choices=MENU if kind is CHOICES else None, silence=asked)
    assert stage.armed() == {"_due": stage.now + waited}
    stage.now += waited
    stage.due("initial silence")
    assert stage.results() == [("RecognizeFailed", 400, 8510)]
    assert stage.at_rest()


def test_a_key_of_no_choice_is_wrong(stage):
    menu(stage)
    stage.press("9")
    assert stage.results() == [("RecognizeFailed", 500, 8534)]
    assert stage.at_rest()


def test_a_key_chooses_also_while_somebody_speaks(stage):
    for finished in (False, True):
        menu(stage)
        stage.speaks()
        if finished:
            stage.is_quiet()
            stage.due("end silence")
        stage.press("1")
        assert stage.results()[-1] == ("RecognizeCompleted", 200, 8533)
        assert stage.at_rest()


def test_keys_and_words_during_a_prompt_that_must_not_be_interrupted_do_not_count(stage):
    menu(stage, PROMPT, interrupt_prompt=False)
    stage.started(1)
    stage.press("1")
    assert not stage.pending.listenings
    stage.finished(1)
    stage.says("no")
    assert fields(stage)["choice_result"].label == "Cancel"


def test_other_words_are_no_choice(stage):
    menu(stage)
    stage.says("what a lovely day")
    assert stage.results() == [("RecognizeFailed", 400, 8547)]
    assert stage.at_rest()


def test_what_a_grammar_heard_in_other_words_is_not_believed(stage):
    menu(stage)
    stage.says("what a lovely day", choice="operator")
    assert stage.results() == [("RecognizeFailed", 400, 8547)]
    menu(stage)
    stage.says("opera", choice="operator")
    assert fields(stage)["choice_result"].label == "Agent"


def test_a_noise_is_no_wrong_choice(stage):
    menu(stage)
    stage.says("")
    assert stage.results() == [("RecognizeFailed", 400, 8563)]


# --- keys or words --------------------------------------------------------------------------------------


def test_keys_first_are_collected_and_nobody_listens_any_more(stage):
    stage.ask(kind=EITHER, max_tones=2)
    stage.press("1")
    assert stage.all(StopListening) == [StopListening(1)]
    assert stage.armed() == {"_due": 52.0}
    stage.press("2")
    assert stage.results() == [("RecognizeCompleted", 200, 8531)]
    assert fields(stage)["recognition_type"] is RecognitionType.DTMF
    assert tones(stage) == ["one", "two"]
    assert stage.at_rest()


def test_a_voice_first_makes_it_words_whatever_is_pressed(stage):
    stage.ask(kind=EITHER, max_tones=2)
    stage.speaks()
    stage.press("12")
    stage.is_quiet()
    stage.due("end silence")
    stage.press("3")
    stage.understood("my bill")
    assert fields(stage)["recognition_type"] is RecognitionType.SPEECH
    assert fields(stage)["speech_result"].speech == "my bill"
    assert stage.at_rest()


def test_keys_after_a_cough_are_taken(stage):
    stage.ask(kind=EITHER, max_tones=3)
    stage.speaks()
    stage.press("12")
    stage.is_quiet()
    stage.due("end silence")
    stage.understood("")
    assert stage.notes == []
    assert stage.armed() == {"_due": stage.now + 2}
    stage.press("3")
    assert tones(stage) == ["one", "two", "three"]
    assert stage.at_rest()


def test_more_keys_after_a_cough_than_are_wanted(stage):
    stage.ask(kind=EITHER, max_tones=1)
    stage.speaks()
    stage.press("1" * 150)
    stage.is_quiet()
    stage.due("end silence")
    stage.understood("")
    assert stage.results() == [("RecognizeCompleted", 200, 8531)]
    assert tones(stage) == ["one"]


def test_where_any_number_of_keys_will_do_a_pause_is_their_end(stage):
    stage.ask(kind=EITHER)
    stage.press("123")
    stage.due("inter-tone")
    assert stage.results() == [("RecognizeCompleted", 400, 8532)]
    assert tones(stage) == ["one", "two", "three"]
    assert stage.at_rest()


def test_a_stop_tone_ends_keys(stage):
    stage.ask(kind=EITHER, stop_tones=["pound"])
    stage.press("1#")
    assert stage.results() == [("RecognizeCompleted", 200, 8514)]


# --- on which leg ---------------------------------------------------------------------------------------


def test_in_a_call_of_two_it_queues_and_in_a_larger_one_it_does_not(stage):
    stage.line.one_to_one = True
    stage.play()
    stage.ask(interrupt_call_media_operation=False)
    assert not stage.pending.listenings
    stage.finished(1)
    assert stage.listening == 1
    stage.says("hello")
    stage.line.one_to_one = False
    stage.play()
    stage.ask(interrupt_call_media_operation=False)
    assert stage.listening == 2


def test_somebody_who_leaves_or_is_put_on_hold_is_not_listened_to(stage):
    stage.ask()
    stage.held(stage.carol)
    assert stage.names() == ["RecognizeCanceled"]
    assert stage.at_rest()
    stage.carol.on_hold = False
    stage.ask()
    stage.left(stage.carol)
    assert stage.names() == ["RecognizeCanceled"] * 2
    assert stage.at_rest()


# --- why ------------------------------------------------------------------------------------------------


def test_the_trace_tells_the_whole_story(stage):
    menu(stage, PROMPT, interrupt_prompt=True)
    stage.now = 50.2
    stage.pending.plays[1].audio_ready(stage.turn(), ["voice Ann stands in for Bea", "from the cache"])
    stage.started(1)
    stage.now = 51.0
    stage.speaks(50.9)
    stage.partly("ye")
    stage.now = 51.5
    stage.is_quiet(51.4)
    stage.due("end silence")
    stage.understood("Yes!", 0.9, locale="en-US")
    assert stage.traced() == [
        ("queued", ""),
        ("begun", ""),
        ("audio ready", "voice Ann stands in for Bea; from the cache"),
        ("first sample", ""),
        ("listening", "for en-US"),
        ("voice began", "0.100 s ago"),
        ("barge-in", "by voice, the prompt stops"),
        ("words", "'ye'"),
        ("voice ended", "0.100 s ago"),
        ("timer armed", "end silence, due in 0.400 s"),
        ("timer fired", "end silence"),
        ("timer armed", "understanding, due in 20.000 s"),
        ("last words", "'Yes!' (confidence 0.90, en-US)"),
        ("choice", "'Confirm', by phrase, likeness 1.00"),
        ("ended", "RecognizeCompleted 200/8545 Action completed, speech option matched."),
    ]


@pytest.mark.parametrize(("kind", "armed"), [(SPEECH, False), (EITHER, True), (CHOICES, True)])
def test_the_plane_stops_a_prompt_at_a_key_where_keys_are_taken(stage, kind, armed):
    stage.ask(PROMPT, kind=kind, choices=MENU if kind is CHOICES else None)
    (play,) = stage.all(effects.PlayAudio)
    assert play.until_key == (play.legs[0] if armed else None)
