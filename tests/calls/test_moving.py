"""moveHere: participants come over from another call."""

from __future__ import annotations

import pytest

from hookflash.calls import effects, facts
from hookflash.calls.facts import Cause
from hookflash.wire.results import Refusal


def two_calls(office):
    """A call with two phones and one with another: legs and connection of each."""
    legs, here = office.created("+14255550701", "+14255550702")
    leg, there = office.answered()
    return legs, here, leg, there


def test_a_participant_comes_over_and_both_calls_are_told(office):
    legs, here, _, there = two_calls(office)
    response = office.move(there, here, "+14255550701", operation_context="come")
    assert response.from_call == here
    assert [p.identifier.raw_id for p in response.participants] == ["4:+14255550701"]
    assert response.operation_context == "come"
    number = office.lately(effects.MoveLeg)[0].call
    assert office.lately(effects.MoveLeg) == [effects.MoveLeg(legs[0], number)]
    assert office.names(there)[2:] == []
    office.tell(facts.LegMoved(legs[0]))
    assert [e.leg for e in office.lately(effects.JoinMix)] == [legs[0]]
    assert office.names(there)[2:] == ["ParticipantsUpdated", "MoveParticipantSucceeded"]
    assert office.names(here)[-1] == "ParticipantsUpdated"
    moved = office.events(there)[-1]
    assert (moved.participant.raw_id, moved.from_call, moved.operation_context) == (
        "4:+14255550701",
        here,
        "come",
    )
    assert len(office.people(there)) == 3
    assert len(office.people(here)) == 2
    office.play(there, to=["+14255550701"])
    assert office.plays()[-1].call == number


def test_an_emptied_call_ends_properly(office):
    (leg,), here = office.created(office.OUTSIDE)
    _, there = office.answered()
    office.move(there, here, office.OUTSIDE)
    office.tell(facts.LegMoved(leg))
    assert office.names(here)[-1] == "CallDisconnected"
    assert office.result(here, "CallDisconnected") == (200, 7000)
    assert not office.all(effects.EndLeg)
    assert office.exchange.live_calls == 1


def test_several_move_each_with_an_event_of_its_own(office):
    legs, here, _, there = two_calls(office)
    office.move(
        there,
        here,
        "+14255550701",
        "+14255550701",
        "+14255550702",
        "+19990000000",
        operation_callback_uri="https://app.example/moved",
    )
    assert office.names(there)[2:] == ["MoveParticipantFailed"]
    assert office.result(there, "MoveParticipantFailed") == (404, 8522)
    assert [e.leg for e in office.lately(effects.MoveLeg)] == legs
    for leg in legs:
        office.tell(facts.LegMoved(leg))
    assert office.names(there)[2:].count("MoveParticipantSucceeded") == 2
    uris = {n.callback_uri for n in office.notes(there) if type(n.data).__name__.startswith("Move")}
    assert uris == {"https://app.example/moved"}
    assert office.names(here)[-1] == "CallDisconnected"


def test_a_leg_that_does_not_come_stays_where_it_was(office):
    legs, here, _, there = two_calls(office)
    office.move(there, here, "+14255550701")
    office.tell(facts.LegNotMoved(legs[0], "The other worker has no port left."))
    assert [e.leg for e in office.lately(effects.JoinMix)] == [legs[0]]
    assert office.names(there)[2:] == ["MoveParticipantFailed"]
    assert office.result(there, "MoveParticipantFailed") == (500, 9999)
    assert "no port left" in office.events(there)[-1].result_information.message
    assert len(office.people(here)) == 3
    assert len(office.people(there)) == 2


def test_what_concerned_the_participant_ends_when_it_goes(office):
    legs, here, _, there = two_calls(office)
    office.play(here, operation_context="all")
    office.listen(here, "+14255550701")
    office.play(here, to=["+14255550701"], operation_context="one")
    office.move(there, here, "+14255550701")
    assert office.names(here)[-3:] == [
        "PlayStarted",
        "PlayCanceled",
        "ContinuousDtmfRecognitionStopped",
    ]
    to_all = office.plays()[0].play
    assert office.lately(effects.RemoveListener) == [effects.RemoveListener(to_all, legs[0])]
    assert office.tell(facts.ToneHeard(legs[0], "1")) == []
    with pytest.raises(Refusal):
        office.play(here, to=["+14255550701"])
    office.tell(facts.LegNotMoved(legs[0], "no"))
    assert office.lately(effects.AddListener) == [effects.AddListener(to_all, legs[0])]


def test_a_muted_user_stays_muted(office):
    office.devices(office.BOB)
    (leg,), here = office.created(office.BOB)
    office.mute(here, office.BOB)
    _, there = office.answered()
    office.move(there, here, office.BOB)
    office.tell(facts.LegMoved(leg))
    assert office.lately(effects.MuteLeg) == [effects.MuteLeg(leg, True)]
    assert office.person(there, office.BOB).is_muted is True


def test_somebody_who_hangs_up_on_the_way(office):
    legs, here, _, there = two_calls(office)
    office.move(there, here, "+14255550701")
    office.tell(facts.LegDown(legs[0], Cause(200, "OK")))
    assert office.names(there)[2:] == ["MoveParticipantFailed"]
    assert office.result(there, "MoveParticipantFailed") == (404, 8522)
    assert office.names(here)[-1] == "ParticipantsUpdated"
    assert office.tell(facts.LegMoved(legs[0])) == []


def test_the_call_they_were_to_come_to_ends(office):
    legs, here, leg, there = two_calls(office)
    office.move(there, here, "+14255550701")
    office.terminate(there)
    assert office.names(there)[2:] == ["MoveParticipantFailed", "CallDisconnected"]
    assert {e.leg for e in office.lately(effects.EndLeg)} == {leg, legs[0]}
    assert len(office.people(here)) == 2


def test_the_call_they_left_ends_meanwhile(office):
    legs, here, _, there = two_calls(office)
    office.move(there, here, "+14255550701")
    office.terminate(here)
    assert [e.leg for e in office.lately(effects.EndLeg)] == [legs[1]]
    office.tell(facts.LegMoved(legs[0]))
    assert office.names(there)[-1] == "MoveParticipantSucceeded"
    assert len(office.people(there)) == 3


def test_the_call_they_left_waits_for_them_to_arrive_before_it_ends(office):
    (leg,), here = office.created(office.OUTSIDE)
    _, there = office.answered()
    office.move(there, here, office.OUTSIDE)
    assert office.names(here)[-1] == "ParticipantsUpdated"
    office.tell(facts.LegNotMoved(leg, "no"))
    assert len(office.people(here)) == 2


def test_the_app_that_asked_leaves_and_they_come_all_the_same(office):
    legs, here = office.created("+14255550701", "+14255550702")
    others, there = office.created("+14255550703", "+14255550704")
    office.move(there, here, "+14255550701")
    office.hang_up(there)
    assert office.names(there)[-2:] == ["MoveParticipantFailed", "CallDisconnected"]
    assert office.result(there, "MoveParticipantFailed") == (400, 8508)
    office.tell(facts.LegMoved(legs[0]))
    assert [e.leg for e in office.lately(effects.JoinMix)] == [legs[0]]
    for leg in [*others, legs[0]][:2]:
        office.tell(facts.LegDown(leg, Cause(200, "OK")))
    assert [e.leg for e in office.all(effects.EndLeg)] == [legs[0]]


def test_apps_and_people_on_their_way_cannot_be_moved(office):
    _, here, _, there = two_calls(office)
    own = office.get(here).source.raw_id
    with pytest.raises(Refusal, match="end of an app") as refused:
        office.move(there, here, own)
    assert (refused.value.status, refused.value.target) == (400, "targetParticipants[0]")
    office.transfer(here, office.OUTSIDE, "+14255550701")
    with pytest.raises(Refusal, match="being transferred") as refused:
        office.move(there, here, "+14255550702", "+14255550701")
    assert (refused.value.status, refused.value.code) == (409, "8519")
    assert not office.all(effects.MoveLeg)


def test_impossible_moves_are_refused(office):
    _, here, _, there = two_calls(office)
    ringing = office.create(office.OUTSIDE).call_connection_id
    for connection, source, status, code in [
        (there, there, 400, "8523"),
        (there, "8d0c7a2e-0000-4000-8000-000000000000", 404, "8522"),
        (there, ringing, 400, "8501"),
        (ringing, here, 400, "8501"),
    ]:
        with pytest.raises(Refusal) as refused:
            office.move(connection, source, office.CALLER)
        assert (refused.value.status, refused.value.code) == (status, code)
    with pytest.raises(Refusal, match="Nobody named") as refused:
        office.move(there, here, "+19990000000")
    assert (refused.value.status, refused.value.code) == (404, "8522")
    with pytest.raises(Refusal):
        office.move(there, here, "+14255550701", operation_callback_uri="http://x.example")


def test_a_call_of_another_resource_cannot_be_emptied(office):
    _, there = office.answered()
    other = office.create(office.OUTSIDE, resource=office.BLUE).call_connection_id
    office.tell(facts.LegUp(office.lately(effects.DialLeg)[0].leg))
    with pytest.raises(Refusal) as refused:
        office.move(there, other, office.OUTSIDE)
    assert (refused.value.status, refused.value.code) == (403, "7507")
