"""A call as people ask for it, while it lasts and for a while after."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from hookflash.calls import effects, facts
from hookflash.calls.exchange import SHORTEST
from hookflash.calls.speech_effects import AudioReady, VoiceBegan
from hookflash.calls.views import MAX_PEOPLE
from hookflash.media.speech import Abilities
from hookflash.media.trace import KEPT_FIRST, KEPT_LAST
from hookflash.wire.enums import RecognizeInputType
from hookflash.wire.parts import CallIntelligenceOptions

WALL = 1_781_377_000.0
SPEECH = {
    "call_intelligence_options": CallIntelligenceOptions(cognitive_services_endpoint="https://s.example")
}


def view(office: Any, connection: str, resource: str | None = None) -> Any:
    """As the wire has it."""
    found = office.exchange.view(office.now, WALL + office.now, connection, resource)
    return None if found is None else msgspec.to_builtins(found)


def trace(operation: Any) -> list[tuple[float, str, str]]:
    return [(entry["after"], entry["what"], entry.get("detail", "")) for entry in operation["trace"]]


def test_a_call_with_what_runs_in_it(office):
    leg, connection = office.answered(
        operation_context="the call", callback_uri="https://u:p@app.example/cb?key=1"
    )
    office.play(connection, "https://f.example/hello.wav?sig=secret", operation_context="hi", loop=True)
    play = office.plays()[-1].play
    office.later(0.25)
    office.tell(AudioReady(play, ("from the cache",)))
    office.tell(facts.AudioStarted(play))
    office.later(1)
    office.recognize(connection, operation_context="pin", interrupt_call_media_operation=False)
    office.listen(connection)
    office.tell(facts.ToneHeard(leg, "7"))
    seen = view(office, connection)
    assert seen["callConnectionId"] == connection
    assert (seen["state"], seen["origin"], seen["apiVersion"]) == ("connected", "answered", "2026-03-12")
    assert seen["operationContext"] == "the call"
    assert seen["callbackUri"] == "https://app.example/cb"
    assert seen["caller"] == f"4:{office.CALLER}"
    assert seen["targets"] == [f"4:{office.RED_NUMBER}"]
    assert seen["correlationId"] == office.get(connection).correlation_id
    assert seen["serverCallId"] == office.get(connection).server_call_id
    phone, app = seen["participants"]
    assert phone == {"rawId": f"4:{office.CALLER}", "kind": "phone", "leg": leg, "state": "up"}
    assert (app["kind"], app["state"], app["aliases"]) == ("app", "up", [f"4:{office.RED_NUMBER}"])
    playing, asking, keys = seen["operations"]
    assert (playing["operation"], playing["leg"], playing["state"]) == ("PlayToAll", "main", "playing")
    assert playing["asked"] == "file https://f.example/hello.wav, again and again"
    assert playing["operationContext"] == "hi"
    assert playing["targets"] == []
    assert playing["accepted"] == "2026-06-13T18:58:20.000Z"
    assert playing["trace"][2] == {
        "at": "2026-06-13T18:58:20.250Z",
        "after": 0.25,
        "what": "audio ready",
        "detail": "from the cache",
    }
    assert [what for _, what, _ in trace(playing)] == ["queued", "begun", "audio ready", "first sample"]
    assert (asking["operation"], asking["state"]) == ("Recognize(1:1)", "queued")
    assert asking["asked"] == (
        "dtmf, up to 3 keys, initial silence 5 s, inter-tone 2 s, the prompt may be interrupted"
    )
    assert trace(asking) == [(0.0, "queued", "behind #1 PlayToAll 'hi'")]
    assert (keys["operation"], keys["leg"], keys["state"]) == ("StartContinuousDtmf", "sub", "listening")
    assert keys["targets"] == [f"4:{office.CALLER}"]
    assert "secret" not in str(seen)


def test_a_call_that_has_ended_is_remembered_with_all_that_happened(office):
    leg, connection = office.answered()
    office.later(1)
    office.play(connection)
    office.send(connection, "12#")
    office.later(2)
    office.tell(facts.LegDown(leg, facts.Cause(200, "OK")))
    office.later(60)
    seen = view(office, connection)
    assert seen["state"] == "disconnected"
    assert seen["lasted"] == 3.0
    assert [one["offset"] for one in seen["operations"]] == [1.0, 1.0]
    assert [one["state"] for one in seen["operations"]] == ["canceled", "canceled"]
    assert seen["operations"][1]["asked"] == "3 tones, 12#"
    assert trace(seen["operations"][0])[-1] == (
        2.0,
        "ended",
        "PlayCanceled 400/8508 Action failed, the operation was canceled.",
    )
    assert [one["kind"] for one in seen["participants"]] == ["app"]


def test_who_was_in_it_when_an_app_left(office):
    legs, connection = office.created(office.CALLER, office.OUTSIDE)
    office.hang_up(connection)
    kinds = [one["kind"] for one in view(office, connection)["participants"]]
    assert kinds.count("phone") == 2
    assert legs


def test_only_the_newest_ended_calls_are_remembered(make_office):
    office = make_office(memory=2)
    ended = []
    for _ in range(3):
        _, connection = office.answered()
        ended.append(connection)
        office.terminate(connection)
    assert [view(office, one) is not None for one in ended] == [False, True, True]


@pytest.mark.parametrize("whose", ["nobody's", "another's"])
def test_what_is_not_known_is_none(office, whose):
    _, connection = office.answered()
    if whose == "nobody's":
        assert view(office, "00000000-0000-4000-8000-000000000000") is None
    else:
        assert view(office, connection, office.BLUE) is None
        assert view(office, connection.upper(), office.RED) is not None


def test_words_and_choices_are_told_too(make_office):
    office = make_office(abilities=Abilities(speaks=True, understands=True))
    _, connection = office.answered(**SPEECH)
    office.recognize(connection, kind=RecognizeInputType.SPEECH_OR_DTMF, max_tones=None, stop_tones=["pound"])
    office.tell(VoiceBegan(1, office.now))
    (asked,) = view(office, connection)["operations"]
    assert asked["asked"] == (
        "speechOrDtmf, until pound, initial silence 5 s, inter-tone 2 s, end silence 0.5 s, "
        "the prompt may be interrupted"
    )
    assert asked["state"] == "hearing"
    assert [what for _, what, _ in trace(asked)][-1] == "voice began"


def test_a_long_story_says_what_was_left_out(office):
    leg, connection = office.answered()
    office.listen(connection)
    for _ in range(KEPT_FIRST + KEPT_LAST + 9):
        office.tell(facts.ToneHeard(leg, "1"))
    (keys,) = view(office, connection)["operations"]
    assert keys["leftOut"] == 10
    assert keys["leftOutAt"] == KEPT_FIRST
    assert len(keys["trace"]) == KEPT_FIRST + KEPT_LAST


def test_of_a_crowd_some_are_shown(office):
    phones = [f"+1425555{number:04d}" for number in range(MAX_PEOPLE + 3)]
    _, connection = office.created(*phones)
    seen = view(office, connection)
    assert len(seen["participants"]) == MAX_PEOPLE
    assert seen["moreParticipants"] == 4


def test_many_sources_and_choices_are_cut_short(office):
    _, connection = office.answered()
    office.play(connection, *[f"https://f.example/{at}.wav" for at in range(9)])
    asked = view(office, connection)["operations"][0]["asked"]
    assert asked.endswith("file https://f.example/3.wav; ...")


def story(seen: Any) -> list[tuple[str, str]]:
    return [(entry["what"], entry.get("detail", "")) for entry in seen["trace"]]


def test_what_happened_beside_the_operations(office):
    leg, connection = office.answered(operation_context="the call")
    app = office.get(connection).answered_by.id
    office.later(1)
    office.hold(connection)
    office.unhold(connection)
    office.later(1)
    office.tell(facts.LegDown(leg, facts.Cause(200, "OK")))
    seen = view(office, connection)
    app_leg = seen["participants"][0]["leg"]
    phone = f"4:{office.CALLER}, leg {leg}"
    assert story(seen) == [
        ("answered", ""),
        ("told", "CallConnected 200/0 (operationContext 'the call')"),
        ("joined", phone),
        ("joined", f"{app}, leg {app_leg}"),
        ("told", "ParticipantsUpdated sequenceNumber 1, 2 in the call"),
        ("on hold", phone),
        ("told", "ParticipantsUpdated sequenceNumber 2, 2 in the call"),
        ("off hold", phone),
        ("told", "ParticipantsUpdated sequenceNumber 3, 2 in the call"),
        ("left", phone),
        ("ends", "200 OK"),
        story(seen)[-1],
    ]
    assert story(seen)[-1][1].startswith("CallDisconnected 200/")
    assert [entry["after"] for entry in seen["trace"]] == [0.0] * 5 + [1.0] * 4 + [2.0] * 3


def test_who_was_muted_and_let_speak_again(office):
    _, connection = office.answered()
    other = office.connect(server_call_id=office.get(connection).server_call_id).call_connection_id
    user = next(one for one in office.people(other) if one.identifier.communication_user is not None)
    who = user.identifier.raw_id
    office.mute(other, who)
    office.unmute(other, who)
    happened = [(what, detail.partition(",")[0]) for what, detail in story(view(office, connection))]
    assert ("muted", who) in happened
    assert ("unmuted", who) in happened


def test_a_phone_that_is_dialled_rings(office):
    connection = office.create(office.CALLER).call_connection_id
    legs = [dial.leg for dial in office.lately(effects.DialLeg)]
    office.tell(facts.LegRinging(legs[0]))
    office.terminate(connection)
    assert story(view(office, connection))[:3] == [
        ("created", ""),
        ("ringing", f"4:{office.CALLER}, leg {legs[0]}"),
        ("ends", "the app asked for it"),
    ]


def listed(office: Any, after: int | None = None, top: int = 10, resource: str | None = None) -> Any:
    return office.exchange.views(office.now, WALL + office.now, after, top, resource)


def test_calls_are_listed_the_newest_first_page_by_page(office):
    made = []
    for _ in range(5):
        office.later(1)
        made.append(office.answered()[1])
    office.terminate(made[1])
    office.terminate(made[3])
    office.later(1)
    page = listed(office, top=2)
    assert [one.call_connection_id for one in page.value] == [made[4], made[3]]
    page = listed(office, page.next, top=2)
    assert [one.call_connection_id for one in page.value] == [made[2], made[1]]
    page = listed(office, page.next, top=2)
    assert [one.call_connection_id for one in page.value] == made[:1]
    assert page.next is None
    (row,) = page.value
    assert (row.state, row.origin, row.ended) == ("connected", "answered", None)
    assert row.lasted == 5.0
    assert row.participants[0] == f"4:{office.CALLER}"
    over = listed(office, top=2).value[1]
    assert (over.state, over.lasted) == ("disconnected", 1.0)
    assert over.ended is not None
    assert over.since < over.ended


def test_a_list_is_of_the_calls_of_one_resource(office):
    office.answered()
    assert listed(office, resource=office.BLUE).value == []
    assert len(listed(office, resource=office.RED.upper()).value) == 1


def test_of_a_crowd_a_list_shows_some(office):
    _, connection = office.created(*[f"+1425555{number:04d}" for number in range(20)])
    (row,) = listed(office).value
    assert row.call_connection_id == connection
    assert (len(row.participants), row.more_participants) == (10, 11)


def test_a_call_is_found_by_any_of_its_ids(office):
    _, first = office.answered()
    _, second = office.answered()
    seen = office.get(first)
    for text in (first, first.upper(), seen.correlation_id, seen.server_call_id, seen.correlation_id[:-2]):
        assert office.exchange.named(text) == ([first], True), text
    assert office.exchange.named(second[:-1]) == ([second], True)
    office.terminate(first)
    for text in (first, seen.correlation_id, seen.server_call_id.rstrip("=")):
        assert office.exchange.named(text) == ([first], True), text


def test_two_apps_of_one_call_share_some_of_its_ids(office):
    _, first = office.answered()
    server = office.get(first).server_call_id
    second = office.connect(server_call_id=server).call_connection_id
    assert office.exchange.named(server) == ([second, first], True)
    assert office.exchange.named(first) == ([first], True)


def test_what_names_nothing_or_too_much(office, monkeypatch):
    made = [office.answered()[1] for _ in range(3)]
    assert office.exchange.named("") == ([], True)
    assert office.exchange.named(made[0][: SHORTEST - 1]) == ([], True)
    assert office.exchange.named(made[0][:SHORTEST]) == (made[:1], True)
    assert office.exchange.named("nobody's") == ([], True)
    assert office.exchange.named(made[0], office.BLUE) == ([], True)
    monkeypatch.setattr("hookflash.calls.exchange.SHORTEST", 0)
    assert office.exchange.named("", most=2) == ([made[2], made[1]], False)
