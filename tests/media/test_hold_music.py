"""Music on hold that fails: HoldFailed when it was never heard, PlayFailed when it was."""

from __future__ import annotations

import pytest

from hookflash.wire import requests

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
