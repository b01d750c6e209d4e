"""interruptAudioAndAnnounce: in place of all else one participant would hear, also on hold."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookflash.calls import effects
from hookflash.wire.results import Refusal


def hears(stage, leg: int) -> set[int]:
    """Which plays a leg hears, from the effects so far."""
    heard: set[int] = set()
    for effect in stage.effects:
        match effect:
            case effects.PlayAudio() if leg in effect.legs:
                heard.add(effect.play)
            case effects.AddListener() if effect.leg == leg:
                heard.add(effect.play)
            case effects.RemoveListener() if effect.leg == leg:
                heard.discard(effect.play)
            case effects.StopAudio():
                heard.discard(effect.play)
    return heard & set(stage.pending.plays)


def test_it_is_a_play_to_one(stage):
    stage.announce(operation_context="a")
    assert stage.all(effects.PlayAudio)[0].legs == (1,)
    stage.finished(1)
    assert stage.results() == [("PlayStarted", 200, 0), ("PlayCompleted", 200, 0)]
    assert {note.request.context for note in stage.notes} == {"a"}
    assert stage.at_rest()


def test_a_play_to_all_goes_on_unheard_by_them(stage):
    stage.play()
    stage.announce()
    assert hears(stage, 1) == {2}
    assert hears(stage, 2) == {1}
    stage.finished(2)
    assert hears(stage, 1) == {1}


def test_hold_music_goes_on_afterwards(stage):
    stage.held(stage.carol)
    stage.music()
    stage.started(1)
    stage.announce()
    assert hears(stage, 1) == {2}
    stage.finished(2)
    assert hears(stage, 1) == {1}
    assert stage.names() == ["PlayStarted", "PlayStarted", "PlayCompleted"]


def test_being_put_on_hold_does_not_end_it(stage):
    stage.play()
    stage.announce()
    stage.held(stage.carol)
    assert hears(stage, 1) == {2}
    stage.finished(2)
    assert hears(stage, 1) == set()


def test_it_cancels_what_concerns_them(stage):
    stage.play(to=[stage.CAROL], operation_context="old")
    stage.recognize(stage.DAVE, operation_context="other")
    stage.announce(operation_context="new")
    canceled = [note.request.context for note in stage.notes if note.name.endswith("Canceled")]
    assert canceled == ["old"]


def test_in_a_call_of_two_it_cancels_the_recognition(stage):
    stage.line.one_to_one = True
    stage.recognize(stage.CAROL)
    stage.announce()
    assert stage.names() == ["RecognizeCanceled"]


def test_tones_being_sent_stand_in_its_way(stage):
    stage.send()
    with pytest.raises(Refusal) as refused:
        stage.announce()
    assert (refused.value.status, refused.value.code) == (412, "8583")


def test_a_second_one_takes_the_place_of_the_first(stage):
    stage.play()
    stage.announce()
    stage.announce()
    assert hears(stage, 1) == {3}
    assert stage.names() == ["PlayStarted", "PlayCanceled"]
    stage.finished(3)
    assert hears(stage, 1) == {1}


def test_cancel_all_ends_it(stage):
    stage.announce()
    stage.cancel_all()
    assert stage.names() == ["PlayStarted", "PlayCanceled"]
    assert stage.at_rest()


def test_it_ends_when_they_leave(stage):
    stage.play()
    stage.announce()
    stage.left(stage.carol)
    assert stage.names() == ["PlayStarted", "PlayCanceled"]
    assert effects.AddListener(1, 1) not in stage.effects


def test_whoever_is_not_there_cannot_be_told_anything(stage):
    with pytest.raises(Refusal) as refused:
        stage.announce(to="+14255550009")
    assert refused.value.code == "8522"


STEPS = st.lists(st.sampled_from(["play", "music", "announce", "hold", "back", "end", "cancel"]), max_size=12)


@given(steps=STEPS)
def test_whatever_happens_an_announcement_is_heard_alone_and_never_lost(stage_type, steps):
    """At its start nothing else is heard by its participant; every accepted play ends once."""
    stage = stage_type()
    announced: list[int] = []
    plays = 0
    for step in steps:
        plays += act(stage, step, announced)
    stage.desk.close(stage.turn())
    terminal = [name for name in stage.names() if name in ("PlayCompleted", "PlayCanceled", "HoldFailed")]
    assert len(terminal) == plays
    assert stage.at_rest()


def act(stage: Any, step: str, announced: list[int]) -> int:
    """One step; how many plays it began."""
    before = set(stage.pending.plays)
    if step == "play" and len(stage.desk.main) < 3:
        stage.play()
        return 1
    if step == "announce":
        stage.announce()
        (new,) = set(stage.pending.plays) - before
        announced.append(new)
        assert hears(stage, 1) == {new}
        return 1
    if step == "music" and stage.carol.on_hold and 1 not in stage.desk.music:
        stage.music()
        return 1
    if step == "hold" and not stage.carol.on_hold:
        stage.held(stage.carol)
    elif step == "back" and stage.carol.on_hold:
        stage.carol.on_hold = False
        stage.desk.stop_music(stage.turn(), 1)
        stage.desk.joined(stage.turn(), 1)
    elif step == "cancel":
        stage.cancel_all()
    elif step == "end" and announced and announced[-1] in stage.pending.plays:
        stage.finished(announced[-1])
        assert announced[-1] not in hears(stage, 1)
    return 0
