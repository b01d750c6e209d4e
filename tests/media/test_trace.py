"""Traces: bounded, in order, and there after the operation is over."""

from __future__ import annotations

from hookflash.media import scheduler
from hookflash.media.trace import KEPT_FIRST, KEPT_LAST, LONGEST, Entry, Trace


def test_the_beginning_and_the_end_are_kept():
    trace = Trace()
    for at in range(KEPT_FIRST + KEPT_LAST + 5):
        trace.add(float(at), "key", str(at))
    assert trace.left_out == 5
    assert [entry.at for entry in trace.first] == [float(at) for at in range(KEPT_FIRST)]
    assert [entry.at for entry in trace.last] == [float(KEPT_FIRST + 5 + at) for at in range(KEPT_LAST)]
    assert trace.entries == trace.first + trace.last


def test_a_detail_is_cut():
    trace = Trace()
    trace.add(1.0, "words", "x" * 1000)
    assert trace.entries == (Entry(1.0, "words", "x" * (LONGEST - 3) + "..."),)
    assert trace.left_out == 0


def test_a_play(stage):
    stage.play(loop=True)
    stage.play()
    stage.started(1)
    stage.held(stage.dave)
    stage.dave.on_hold = False
    stage.desk.joined(stage.turn(), 2)
    stage.cancel_all()
    assert stage.traced() == [
        ("queued", ""),
        ("begun", ""),
        ("first sample", ""),
        ("one less hears it", "leg 2"),
        ("one more hears it", "leg 2"),
        ("canceled", "cancelAllMediaOperations"),
        ("ended", "PlayCanceled 400/8508 Action failed, the operation was canceled."),
        ("queued", "behind #1 PlayToAll"),
        ("canceled", "cancelAllMediaOperations"),
        ("ended", "PlayCanceled 400/8508 Action failed, the operation was canceled."),
    ]


def test_what_was_never_heard_says_so(stage):
    stage.play()
    stage.failed(1, message="no WAV")
    assert ("never heard", "") in stage.traced()
    assert ("first sample", "") not in stage.traced()


def test_keys(stage):
    stage.recognize(max_tones=2)
    stage.press("1")
    stage.fire()
    assert stage.traced() == [
        ("queued", ""),
        ("begun", ""),
        ("timer armed", "initial silence, due in 5.000 s"),
        ("key", "one"),
        ("timer armed", "inter-tone, due in 2.000 s"),
        ("timer fired", "inter-tone"),
        ("ended", "RecognizeFailed 400/8532 Action failed, inter-digit silence timeout reached."),
    ]


def test_ignored_keys_say_why(stage):
    stage.recognize(stage.CAROL, "https://x.example/p.wav", interrupt_prompt=False)
    stage.press("1")
    assert ("key ignored", "one: the prompt must not be interrupted") in stage.traced()
    stage.cancel_all()
    stage.ask()
    stage.press("1")
    assert ("key ignored", "one: words are asked for, no keys") in stage.traced()


def test_tones_subscriptions_and_music_have_one_too(stage):
    stage.send("12")
    stage.pending.sendings.pop(1).tones_done(stage.turn())
    stage.listen()
    stage.press("5")
    stage.listen()
    stage.stop_listening()
    stage.music()
    stage.started(1)
    stage.desk.stop_music(stage.turn(), 1)
    assert stage.traced() == [
        ("queued", ""),
        ("begun", ""),
        ("ended", "SendDtmfTonesCompleted 200/0 Action completed successfully."),
        ("begun", ""),
        ("key", "five, sequenceId 1"),
        ("begun again", ""),
        ("ended", "ContinuousDtmfRecognitionStopped 200/0"),
        ("queued", ""),
        ("begun", ""),
        ("first sample", ""),
        ("canceled", "off hold"),
        ("ended", "PlayCanceled 400/8508 Action failed, the operation was canceled."),
    ]


def test_who_canceled_it(stage):
    stage.play(operation_context="one")
    stage.play(to=[stage.CAROL])
    stage.play(operation_context="two", interrupt_call_media_operation=True)
    stage.recognize(stage.DAVE)
    stage.left(stage.dave)
    stage.music()
    stage.music("https://x.example/other.wav")
    stage.desk.close(stage.turn())
    assert [detail for what, detail in stage.traced() if what == "canceled"] == [
        "#3 PlayToAll 'two' interrupts it",
        "#3 PlayToAll 'two' interrupts it",
        "the call ends",
        "leg 2 has left, nobody else is concerned",
        "other music takes its place",
        "the call ends",
    ]


def test_what_is_waited_for(stage):
    for context in ("a", "b", None, "d", "e"):
        stage.play(operation_context=context)
    assert [detail for what, detail in stage.traced() if what == "queued"] == [
        "",
        "behind #1 PlayToAll 'a'",
        "behind #1 PlayToAll 'a', #2 PlayToAll 'b'",
        "behind #1 PlayToAll 'a', #2 PlayToAll 'b', #3 PlayToAll",
        "behind #1 PlayToAll 'a', #2 PlayToAll 'b', #3 PlayToAll and 1 more",
    ]


def test_everything_that_ended_is_kept_within_bounds(stage):
    stage.listen()
    stage.left(stage.dave)
    stage.left(stage.carol)
    assert len(stage.desk.ended) == 1
    for _ in range(scheduler.ENDED_KEPT + 5):
        stage.play()
        stage.cancel_all()
    assert len(stage.desk.ended) == scheduler.ENDED_KEPT


def test_the_end_of_the_connection_ends_everything_in_the_trace(stage):
    stage.play()
    stage.listen()
    stage.music()
    stage.desk.close(stage.turn())
    assert len(stage.desk.ended) == 3
    assert [detail.split()[0] for what, detail in stage.traced() if what == "ended"] == [
        "PlayCanceled",
        "ContinuousDtmfRecognitionStopped",
        "PlayCanceled",
    ]
