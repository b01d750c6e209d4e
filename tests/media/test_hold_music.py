"""Music on hold that fails: HoldFailed when it was never heard, PlayFailed when it was."""

from __future__ import annotations

import pytest

from hookflash.calls import effects
from hookflash.wire import requests
from hookflash.wire.enums import PlaySourceKind
from hookflash.wire.results import Refusal

OLD = "2023-10-03-preview"


def test_music_that_cannot_be_played_fails_the_hold(stage):
    stage.music(context="h")
    stage.failed(1, sub_code=8536, message="404 Not Found.")
    assert stage.results() == [("HoldFailed", 400, 8536)]
    assert stage.notes[0].request.context == "h"
    assert "404 Not Found. The participant is on hold, in silence." in stage.notes[0].message
    assert stage.at_rest()


def test_music_that_was_heard_is_a_play_that_failed(stage):
    stage.music()
    stage.started(1)
    stage.failed(1)
    assert stage.results() == [("PlayStarted", 200, 0), ("PlayFailed", 400, 8535)]
    assert stage.at_rest()


def test_versions_without_hold_failed_are_told_of_the_play(stage):
    stage.music(version=OLD)
    stage.failed(1)
    assert stage.names() == ["PlayStarted", "PlayFailed"]
    assert stage.at_rest()


def test_whoever_leaves_before_the_music_is_there_could_not_be_held(stage):
    stage.music()
    stage.left(stage.carol)
    assert stage.results() == [("HoldFailed", 404, 8522)]
    assert stage.at_rest()


@pytest.mark.parametrize("version", [OLD, "2026-03-12"])
def test_music_ends_when_its_listener_leaves(stage, version):
    stage.music(version=version)
    stage.started(1)
    stage.left(stage.carol)
    assert stage.names() == ["PlayStarted", "PlayCanceled"]
    assert stage.at_rest()


def test_a_fault_before_the_music_is_there_fails_the_hold(stage):
    stage.music()
    stage.desk.close(stage.turn(), fault=True)
    assert stage.results() == [("HoldFailed", 500, 8572)]
    assert stage.at_rest()


def test_a_fault_while_it_plays_fails_the_music(stage):
    stage.music()
    stage.started(1)
    stage.desk.close(stage.turn(), fault=True)
    assert stage.results()[-1] == ("PlayFailed", 500, 8572)


def test_music_may_play_once(stage):
    stage.music(loop=False)
    stage.finished(1)
    assert stage.names() == ["PlayStarted", "PlayCompleted"]
    assert stage.at_rest()


def test_no_music_is_silence(stage):
    body = requests.HoldRequest(target_participant=stage.carol.identity.to_model())
    assert stage.desk.hold_music(body.play_source_info) is None


def test_a_fault_ends_listening_with_a_failure(stage):
    stage.listen(operation_context="l")
    stage.desk.close(stage.turn(), fault=True)
    assert stage.results() == [("ContinuousDtmfRecognitionToneFailed", 500, 9999)]
    assert stage.notes[0].request.context == "l"
    assert stage.at_rest()


# --- played to in spite of hold (interruptHoldAudio) ------------------------------------------------------


def through(stage, *to, loop=False):
    body = requests.PlayRequest(
        play_sources=[
            requests.PlaySource(kind=PlaySourceKind.FILE, file=requests.FileSource(uri="https://x/n.wav"))
        ],
        play_to=[person.identity.to_model() for person in to],
        play_options=requests.PlayOptions(loop=loop, interrupt_hold_audio=True),
    )
    stage.desk.play(stage.turn(), "2024-09-01-preview", body)


def heard_by(stage, leg):
    """The plays a leg hears by the effects so far."""
    plays = set()
    for effect in stage.effects:
        if (isinstance(effect, effects.PlayAudio) and leg in effect.legs) or (
            isinstance(effect, effects.AddListener) and effect.leg == leg
        ):
            plays.add(effect.play)
        elif (isinstance(effect, effects.RemoveListener) and effect.leg == leg) or isinstance(
            effect, effects.StopAudio
        ):
            plays.discard(effect.play)
    return plays & set(stage.pending.plays)


def test_somebody_on_hold_hears_it_in_place_of_the_music(stage):
    stage.held(stage.carol)
    stage.music()
    stage.started(1)
    through(stage, stage.carol, stage.dave)
    assert (heard_by(stage, 1), heard_by(stage, 2)) == ({2}, {2})
    stage.finished(2)
    assert heard_by(stage, 1) == {1}
    assert stage.names() == ["PlayStarted", "PlayStarted", "PlayCompleted"]


def test_it_goes_on_when_somebody_is_put_on_hold(stage):
    through(stage, stage.carol)
    stage.held(stage.carol)
    assert heard_by(stage, 1) == {1}


def test_off_hold_there_is_no_music_to_go_back_to(stage):
    stage.held(stage.carol)
    stage.music()
    through(stage, stage.carol, loop=True)
    stage.carol.on_hold = False
    stage.desk.stop_music(stage.turn(), 1)
    stage.cancel_all()
    assert heard_by(stage, 1) == set()
    assert stage.at_rest()


def test_the_end_of_the_call_brings_no_music_back(stage):
    stage.held(stage.carol)
    stage.music()
    through(stage, stage.carol)
    before = len(stage.all(effects.AddListener))
    stage.desk.close(stage.turn())
    assert len(stage.all(effects.AddListener)) == before
    assert stage.at_rest()


def test_without_it_hold_is_respected(stage):
    stage.held(stage.carol)
    with pytest.raises(Refusal, match="on hold"):
        stage.play(to=[stage.CAROL])
