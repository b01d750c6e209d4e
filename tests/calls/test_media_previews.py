"""Previews in whole calls: hold music by its old name, and announcements."""

from __future__ import annotations

from typing import Any

import pytest

from hookflash.calls import commands, effects, facts
from hookflash.wire import requests
from hookflash.wire.identifiers import Identifier
from hookflash.wire.results import Refusal

PREVIEW = "2024-09-01-preview"
OLD = "2023-10-03-preview"


def who(target: str) -> Any:
    return Identifier.parse(f"4:{target}").to_model()


def source(url: str = "https://x.example/m.wav") -> requests.PlaySource:
    return requests.PlaySource(kind=requests.PlaySourceKind.FILE, file=requests.FileSource(uri=url))


def start_music(office: Any, connection: str, version: str = PREVIEW, **fields: Any) -> None:
    body = requests.StartHoldMusicRequest(
        target_participant=who(office.CALLER), play_source_info=source(), **fields
    )
    office.run(commands.StartHoldMusic(office.RED, version, connection, body))


def stop_music(office: Any, connection: str) -> None:
    body = requests.StopHoldMusicRequest(target_participant=who(office.CALLER))
    office.run(commands.StopHoldMusic(office.RED, PREVIEW, connection, body))


def announce(office: Any, connection: str, target: str, **fields: Any) -> None:
    body = requests.InterruptAudioAndAnnounceRequest(
        play_sources=[source("https://x.example/n.wav")], play_to=who(target), **fields
    )
    office.run(commands.InterruptAudioAndAnnounce(office.RED, PREVIEW, connection, body))


def test_hold_music_holds_and_plays(office):
    leg, connection = office.answered()
    start_music(office, connection, operation_context="m")
    assert office.lately(effects.LeaveMix) == [effects.LeaveMix(leg)]
    play = office.plays()[-1]
    assert (play.legs, play.loop) == ((leg,), True)
    assert office.person(connection, "4:" + office.CALLER).is_on_hold
    office.tell(facts.AudioStarted(play.play))
    stop_music(office, connection)
    assert office.lately(effects.JoinMix) == [effects.JoinMix(leg)]
    assert office.names(connection)[-3:] == ["PlayStarted", "PlayCanceled", "ParticipantsUpdated"]
    stop_music(office, connection)
    assert office.last == []


def test_hold_music_may_play_once(office):
    _, connection = office.answered()
    start_music(office, connection, loop=False)
    assert not office.plays()[-1].loop


def test_hold_music_that_fails_is_told_as_the_version_knows_it(office):
    _, connection = office.answered()
    start_music(office, connection)
    office.tell(facts.AudioFailed(office.plays()[-1].play, 0, 8536, "gone."))
    assert office.result(connection, "HoldFailed") == (400, 8536)
    start_music(office, connection, OLD)
    office.tell(facts.AudioFailed(office.plays()[-1].play, 0, 8536, "gone."))
    assert office.names(connection)[-1] == "PlayFailed"


@pytest.mark.parametrize("start", [True, False])
def test_music_for_somebody_who_is_not_there(office, start):
    _, connection = office.created(office.OUTSIDE)
    with pytest.raises(Refusal) as refused:
        (start_music if start else stop_music)(office, connection)
    assert (refused.value.status, refused.value.code) == (404, "8522")
    assert office.plays() == []


def test_an_announcement_to_somebody_on_hold(office):
    leg, connection = office.answered()
    office.hold(connection, music="https://x.example/m.wav")
    music = office.plays()[-1].play
    office.tell(facts.AudioStarted(music))
    announce(office, connection, office.CALLER, operation_context="a")
    announcement = office.plays()[-1]
    assert announcement.legs == (leg,)
    assert office.lately(effects.RemoveListener) == [effects.RemoveListener(music, leg)]
    office.heard_to_the_end(announcement.play)
    assert office.lately(effects.AddListener) == [effects.AddListener(music, leg)]
    told = [type(data).__name__ for data in office.events(connection) if data.operation_context == "a"]
    assert told == ["PlayStarted", "PlayCompleted"]
    assert office.person(connection, "4:" + office.CALLER).is_on_hold


def test_an_announcement_before_the_call_is_up(office):
    connection = office.create(office.OUTSIDE).call_connection_id
    with pytest.raises(Refusal) as refused:
        announce(office, connection, office.OUTSIDE)
    assert (refused.value.status, refused.value.code) == (400, "8501")


def test_announcing_to_the_app_itself(office):
    _, connection = office.answered()
    own = next(p.identifier for p in office.people(connection) if p.identifier.raw_id.startswith("8:"))
    body = requests.InterruptAudioAndAnnounceRequest(play_sources=[source()], play_to=own)
    with pytest.raises(Refusal) as refused:
        office.run(commands.InterruptAudioAndAnnounce(office.RED, PREVIEW, connection, body))
    assert (refused.value.status, refused.value.code) == (400, "8523")
