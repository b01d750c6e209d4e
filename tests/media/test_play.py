"""Playing: events, order, the queue, interruption, people coming and going."""

from __future__ import annotations

import pytest

from hookflash.calls import effects
from hookflash.machine import IllegalTransition
from hookflash.media import scheduler
from hookflash.media.line import Request, Source
from hookflash.media.play import Play
from hookflash.wire import requests
from hookflash.wire.results import Refusal


def test_several_sources_are_one_operation_with_one_pair_of_events(stage):
    stage.play(
        "https://x/a.wav", "https://x/b.wav", operation_context="c", operation_callback_uri="https://o/"
    )
    play = stage.all(effects.PlayAudio)[0]
    assert play.legs == (1, 2, 3)
    assert [s.url for s in play.sources] == ["https://x/a.wav", "https://x/b.wav"]
    stage.started(play.play)
    stage.started(play.play)
    stage.finished(play.play)
    assert stage.results() == [("PlayStarted", 200, 0), ("PlayCompleted", 200, 0)]
    assert {note.request for note in stage.notes} == {Request("2026-03-12", "c", "https://o/")}
    assert stage.at_rest()


def test_a_bad_second_source_fails_after_the_start_and_names_it(stage):
    stage.play("https://x/a.wav", "https://x/b.wav")
    stage.started(1)
    stage.failed(1, 1, 8535, "not a WAV")
    assert stage.results() == [("PlayStarted", 200, 0), ("PlayFailed", 400, 8535)]
    assert stage.notes[-1].fields == {"failed_play_source_index": 1}
    assert "not a WAV" in stage.notes[-1].message
    assert stage.at_rest()


def test_a_play_that_never_began_says_started_just_before_failed(stage):
    stage.play()
    stage.failed(1, 0, 8536)
    assert stage.results() == [("PlayStarted", 200, 0), ("PlayFailed", 400, 8536)]


def test_an_end_without_a_beginning_still_has_both_events(stage):
    stage.play()
    stage.finished(1)
    assert stage.names() == ["PlayStarted", "PlayCompleted"]


def test_plays_to_all_wait_for_each_other(stage):
    for context in "abc":
        stage.play(operation_context=context)
    assert len(stage.all(effects.PlayAudio)) == 1
    for play in (1, 2, 3):
        stage.started(play)
        stage.finished(play)
    assert [note.request.context for note in stage.notes] == ["a", "a", "b", "b", "c", "c"]
    assert stage.at_rest()


def test_a_failing_play_lets_the_next_one_begin(stage):
    stage.play()
    stage.play()
    stage.failed(1)
    assert [e.play for e in stage.all(effects.PlayAudio)] == [1, 2]


def test_interrupting_cancels_what_runs_and_waits_in_order(stage):
    for context in "ab":
        stage.play(operation_context=context)
    stage.started(1)
    stage.play(operation_context="c", interrupt_call_media_operation=True)
    assert [(note.name, note.request.context) for note in stage.notes] == [
        ("PlayStarted", "a"),
        ("PlayCanceled", "a"),
        ("PlayCanceled", "b"),
    ]
    assert (stage.notes[-1].code, stage.notes[-1].sub_code) == (400, 8508)
    assert [e.play for e in stage.all(effects.StopAudio)] == [1]
    assert len(stage.all(effects.PlayAudio)) == 2
    stage.started(2)
    stage.finished(2)
    assert stage.at_rest()


def test_an_interrupting_play_to_all_is_heard_alone(stage):
    stage.play(to=[stage.CAROL], operation_context="a")
    stage.listen(stage.DAVE)
    stage.send("1", stage.DAVE)
    stage.recognize(stage.APP, operation_context="b")
    stage.play(operation_context="c", interrupt_call_media_operation=True)
    assert [(note.name, note.request.context) for note in stage.notes] == [
        ("PlayStarted", "a"),
        ("PlayCanceled", "a"),
        ("RecognizeCanceled", "b"),
    ]
    assert len(stage.desk.subs) == len(stage.desk.subscriptions) == 1
    assert stage.desk.main[0].request.context == "c"


def test_without_interruption_a_play_to_all_starts_beside_what_plays_to_one(stage):
    stage.play(to=[stage.CAROL])
    stage.play()
    assert len(stage.all(effects.PlayAudio)) == 2
    assert stage.notes == []


def test_interrupting_a_sub_leg_replaces_its_play_but_not_its_tones(stage):
    stage.play(to=[stage.CAROL], operation_context="a")
    stage.play(to=[stage.CAROL], operation_context="b", interrupt_call_media_operation=True)
    assert [(note.name, note.request.context) for note in stage.notes] == [
        ("PlayStarted", "a"),
        ("PlayCanceled", "a"),
    ]
    stage.cancel_all()
    stage.send()
    with pytest.raises(Refusal, match="SendDTMF"):
        stage.play(to=[stage.CAROL], interrupt_call_media_operation=True)


def test_a_play_to_several_uses_all_their_legs(stage):
    stage.play(to=[stage.CAROL, stage.DAVE, stage.CAROL])
    assert stage.all(effects.PlayAudio)[0].legs == (1, 2)
    with pytest.raises(Refusal):
        stage.play(to=[stage.DAVE])


def test_an_empty_list_of_targets_means_everybody(stage):
    stage.play(to=[])
    assert stage.all(effects.PlayAudio)[0].legs == (1, 2, 3)


def test_loops_run_until_canceled(stage):
    stage.play(loop=True)
    assert stage.all(effects.PlayAudio)[0].loop
    stage.started(1)
    stage.cancel_all()
    assert stage.names() == ["PlayStarted", "PlayCanceled"]
    assert stage.at_rest()


def test_cancel_all_takes_every_leg_in_order_of_acceptance_and_spares_the_rest(stage):
    stage.play(operation_context="1")
    stage.play(to=[stage.DAVE], operation_context="2")
    stage.play(operation_context="3")
    stage.listen(operation_context="4")
    stage.send("1", operation_context="5")
    stage.music(context="6")
    stage.cancel_all()
    assert [(note.name, note.request.context) for note in stage.notes] == [
        ("PlayStarted", "1"),
        ("PlayCanceled", "1"),
        ("PlayStarted", "2"),
        ("PlayCanceled", "2"),
        ("PlayCanceled", "3"),
    ]
    assert len(stage.desk.subscriptions) == len(stage.desk.music) == len(stage.desk.subs) == 1
    stage.cancel_all()
    assert len(stage.notes) == 5


def test_somebody_who_joins_hears_what_plays_to_all(stage):
    stage.desk.joined(stage.turn(), 9)
    stage.play()
    stage.play()
    stage.desk.joined(stage.turn(), 9)
    assert stage.all(effects.AddListener) == [effects.AddListener(1, 9)]


def test_a_running_recognition_has_no_listeners_to_add(stage):
    stage.line.one_to_one = True
    stage.recognize()
    stage.desk.joined(stage.turn(), 9)
    assert not stage.all(effects.AddListener)


def test_a_target_who_leaves_ends_a_play_to_them_alone(stage):
    stage.play(to=[stage.CAROL], operation_context="a")
    stage.play(to=[stage.DAVE], operation_context="b")
    stage.left(stage.carol)
    assert [(note.name, note.request.context) for note in stage.notes] == [
        ("PlayStarted", "a"),
        ("PlayCanceled", "a"),
    ]


def test_a_play_to_two_goes_on_for_the_other(stage):
    stage.play(to=[stage.CAROL, stage.DAVE])
    stage.left(stage.carol)
    assert stage.notes == []
    stage.left(stage.dave)
    assert stage.names() == ["PlayStarted", "PlayCanceled"]


def test_a_play_to_all_ends_with_the_last_listener(stage):
    stage.play()
    stage.play()
    stage.left(stage.carol)
    stage.left(stage.dave)
    assert stage.notes == []
    stage.left(stage.other_app)
    assert stage.names() == ["PlayStarted", "PlayCanceled", "PlayCanceled"]
    assert stage.at_rest()


def test_nobody_listening_refuses_a_play_to_all(stage):
    for person in stage.line.people:
        person.on_hold = True
    with pytest.raises(Refusal) as refused:
        stage.play()
    assert (refused.value.status, refused.value.code) == (400, "8585")


def test_somebody_on_hold_is_not_played_to(stage):
    stage.carol.on_hold = True
    with pytest.raises(Refusal) as refused:
        stage.play(to=[stage.CAROL])
    assert (refused.value.status, refused.value.code) == (400, "8585")
    stage.play()
    assert stage.all(effects.PlayAudio)[0].legs == (2, 3)


def test_being_put_on_hold_ends_plays_to_them_but_not_their_tones(stage):
    stage.play(to=[stage.CAROL])
    stage.send("1", stage.DAVE)
    stage.held(stage.carol)
    stage.held(stage.dave)
    assert stage.names() == ["PlayStarted", "PlayCanceled"]


def test_being_put_on_hold_takes_one_listener_from_plays_that_go_on(stage):
    stage.play()
    stage.play()
    stage.play(to=[stage.CAROL, stage.DAVE])
    stage.held(stage.carol)
    running, both = (play.play for play in stage.all(effects.PlayAudio))
    assert stage.all(effects.RemoveListener) == [
        effects.RemoveListener(running, stage.carol.leg),
        effects.RemoveListener(both, stage.carol.leg),
    ]
    assert stage.names() == []


def test_there_has_to_be_something_to_play(stage):
    with pytest.raises(Refusal) as refused:
        stage.desk.play(stage.turn(), "2026-03-12", requests.PlayRequest(play_sources=[]))
    assert refused.value.target == "playSources"
    for sources in ([requests.PlaySource(kind=requests.PlaySourceKind.FILE)],):
        with pytest.raises(Refusal) as refused:
            stage.desk.play(stage.turn(), "2026-03-12", requests.PlayRequest(play_sources=sources))
        assert refused.value.target == "playSources[0].file.uri"


def test_an_unknown_target_is_not_found(stage):
    with pytest.raises(Refusal) as refused:
        stage.play(to=["+19990000000"])
    assert (refused.value.status, refused.value.code) == (404, "8522")


def test_the_queue_is_bounded(stage):
    for _ in range(scheduler.MAX_QUEUED):
        stage.play()
    with pytest.raises(Refusal) as refused:
        stage.play()
    assert (refused.value.status, refused.value.code) == (400, "8585")
    stage.play(interrupt_call_media_operation=True)
    assert len(stage.desk.main) == 1


def test_the_cache_id_travels_along_with_its_resource(stage):
    body = requests.PlayRequest(
        play_sources=[
            requests.PlaySource(
                kind=requests.PlaySourceKind.FILE,
                file=requests.FileSource(uri="https://x/a.wav"),
                play_source_cache_id="id",
            )
        ]
    )
    stage.desk.play(stage.turn(), "2026-03-12", body)
    assert stage.all(effects.PlayAudio)[0].sources == (effects.AudioFile("https://x/a.wav", "red/id"),)


def test_a_play_that_ends_before_it_is_heard_says_that_it_started(stage):
    stage.play(operation_context="running")
    stage.play(operation_context="queued")
    stage.desk.cancel_all(stage.turn())
    assert [(note.name, note.request.context) for note in stage.notes] == [
        ("PlayStarted", "running"),
        ("PlayCanceled", "running"),
        ("PlayCanceled", "queued"),
    ]


def test_a_play_that_the_plane_loses_before_it_is_heard_says_that_it_started(stage):
    stage.play()
    stage.desk.close(stage.turn(), fault=True)
    assert stage.results() == [("PlayStarted", 200, 0), ("PlayFailed", 500, 8572)]


def test_ending_twice_is_a_bug_that_raises(stage):
    stage.play()
    operation = stage.desk.main[0]
    operation.cancel(stage.turn())
    with pytest.raises(IllegalTransition, match="cancel"):
        operation.cancel(stage.turn())


def test_an_operation_without_a_desk_can_end(stage):
    play = Play(stage.line, Request("2026-03-12"), (), 0.0, (Source("https://x"),), False)
    play.begin(stage.turn())
    play.heard(stage.turn(), "1")
    stage.finished(1)
    assert play.over


# --- hold music -----------------------------------------------------------------------------------------


def test_hold_music_loops_and_is_canceled_by_unhold(stage):
    stage.music()
    assert stage.all(effects.PlayAudio)[0].loop
    stage.started(1)
    stage.desk.stop_music(stage.turn(), 1)
    assert stage.results() == [("PlayStarted", 200, 0), ("PlayCanceled", 400, 8508)]
    stage.desk.stop_music(stage.turn(), 1)
    assert stage.at_rest()


def test_the_same_music_again_goes_on_and_other_music_replaces_it(stage):
    stage.music("https://x/m.wav", "c")
    stage.music("https://x/m.wav", "c")
    assert len(stage.all(effects.PlayAudio)) == 1
    stage.music("https://x/n.wav", "c")
    assert stage.names() == ["PlayStarted", "PlayCanceled"]
    assert len(stage.all(effects.PlayAudio)) == 2


# --- the end --------------------------------------------------------------------------------------------


def test_closing_ends_everything_in_order(stage):
    stage.play(operation_context="1")
    stage.play(operation_context="2")
    stage.listen(operation_context="3")
    stage.send("1", operation_context="4")
    stage.music(context="5")
    stage.desk.close(stage.turn())
    assert [(note.name, note.request.context) for note in stage.notes] == [
        ("PlayStarted", "1"),
        ("PlayCanceled", "1"),
        ("PlayCanceled", "2"),
        ("SendDtmfTonesFailed", "4"),
        ("PlayStarted", "5"),
        ("PlayCanceled", "5"),
        ("ContinuousDtmfRecognitionStopped", "3"),
    ]
    assert stage.at_rest()


def test_closing_with_a_fault_fails_everything(stage):
    stage.line.one_to_one = True
    stage.play()
    stage.recognize(interrupt_call_media_operation=False)
    stage.send("1", stage.DAVE)
    stage.desk.close(stage.turn(), fault=True)
    assert stage.results() == [
        ("PlayStarted", 200, 0),
        ("PlayFailed", 500, 8572),
        ("RecognizeFailed", 500, 9999),
        ("SendDtmfTonesFailed", 500, 9999),
    ]
