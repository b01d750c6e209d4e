"""Removing and muting participants."""

from __future__ import annotations

import pytest

from hookflash.calls import effects, facts
from hookflash.calls.facts import Cause
from hookflash.wire.results import Refusal


def test_removing_a_phone_ends_it_and_tells_of_the_roster_first(office):
    legs, connection = office.created(office.OUTSIDE, office.CALLER)
    response = office.remove(connection, office.OUTSIDE, operation_context="out")
    assert response.operation_context == "out"
    assert [(e.leg, e.cause.sub_code) for e in office.lately(effects.EndLeg)] == [(legs[0], 5300)]
    assert office.names(connection)[-2:] == ["ParticipantsUpdated", "RemoveParticipantSucceeded"]
    updated, succeeded = office.events(connection)[-2:]
    assert "4:" + office.OUTSIDE not in [p.identifier.raw_id for p in updated.participants]
    assert (succeeded.participant.raw_id, succeeded.operation_context) == ("4:" + office.OUTSIDE, "out")
    office.tell(facts.LegDown(legs[0], Cause(200, "OK")))
    assert office.last == []


def test_removing_the_last_other_one_ends_the_call(office):
    leg, connection = office.answered()
    office.remove(connection, office.CALLER, operation_callback_uri="https://app.example/removed")
    assert office.names(connection)[-2:] == ["RemoveParticipantSucceeded", "CallDisconnected"]
    assert office.notes(connection)[-2].callback_uri == "https://app.example/removed"
    assert office.result(connection, "CallDisconnected") == (200, 7000)
    assert [e.leg for e in office.lately(effects.EndLeg)] == [leg]
    assert office.nothing_left()


def test_a_removed_app_is_told_that_somebody_removed_it(office):
    _, connection = office.answered()
    office.add(connection, office.BOB)
    other = office.answer(resource=office.BLUE).call_connection_id
    office.remove(connection, office.BOB)
    assert office.names(other)[-1] == "CallDisconnected"
    assert office.result(other, "CallDisconnected") == (200, 5300)
    assert office.names(connection)[-2:] == ["ParticipantsUpdated", "RemoveParticipantSucceeded"]
    assert office.live_connections == 1


def test_an_app_does_not_remove_itself(office):
    _, connection = office.answered()
    own = office.get(connection).answered_by.id
    with pytest.raises(Refusal, match="hang up") as refused:
        office.remove(connection, own)
    assert (refused.value.status, refused.value.code, refused.value.target) == (
        400,
        "8523",
        "participantToRemove",
    )


def test_somebody_who_has_left_meanwhile_fails_by_an_event(office):
    legs, connection = office.created(office.OUTSIDE, office.CALLER)
    office.tell(facts.LegDown(legs[0], Cause(200, "OK")))
    office.remove(connection, office.OUTSIDE, operation_context="out")
    assert office.names(connection)[-1] == "RemoveParticipantFailed"
    failed = office.events(connection)[-1]
    assert (failed.participant.raw_id, failed.operation_context) == ("4:" + office.OUTSIDE, "out")
    assert office.result(connection, "RemoveParticipantFailed") == (404, 8522)


def test_somebody_who_never_was_there_is_not_found(office):
    _, connection = office.answered()
    office.add(connection, office.OUTSIDE)
    for who in (office.OUTSIDE, office.BOB):
        with pytest.raises(Refusal, match="cancelAddParticipant") as refused:
            office.remove(connection, who)
        assert (refused.value.status, refused.value.code) == (404, "8522")


def test_who_left_a_call_is_remembered_within_bounds(office, monkeypatch):
    monkeypatch.setattr("hookflash.calls.server_call._LEFT_MEMORY", 1)
    legs, connection = office.created(office.OUTSIDE, office.CALLER, "+14255550777")
    for leg in legs[:2]:
        office.tell(facts.LegDown(leg, Cause(200, "OK")))
    with pytest.raises(Refusal):
        office.remove(connection, office.OUTSIDE)
    office.remove(connection, office.CALLER)
    assert office.names(connection)[-1] == "RemoveParticipantFailed"


def with_a_user(office):
    """A phone, an app and a user's device in one call; returns the device's leg and the connection."""
    office.devices(office.BOB)
    _, connection = office.answered()
    return office.added(connection, office.BOB), connection


def test_muting_a_user_silences_the_leg_and_shows_in_the_roster(office):
    leg, connection = with_a_user(office)
    assert office.mute(connection, office.BOB, operation_context="hush").operation_context == "hush"
    assert office.lately(effects.MuteLeg) == [effects.MuteLeg(leg, True)]
    assert office.names(connection)[-1] == "ParticipantsUpdated"
    muted = {p.identifier.raw_id: p.is_muted for p in office.events(connection)[-1].participants}
    assert [who for who, is_muted in muted.items() if is_muted] == [office.BOB]
    assert office.person(connection, office.BOB).is_muted is True
    office.mute(connection, office.BOB)
    assert office.last == []
    office.unmute(connection, office.BOB)
    assert office.lately(effects.MuteLeg) == [effects.MuteLeg(leg, False)]
    assert office.person(connection, office.BOB).is_muted is False


def test_another_app_can_be_muted(office):
    _, connection = office.answered()
    office.add(connection, office.BOB)
    office.answer(resource=office.BLUE)
    office.mute(connection, office.BOB)
    assert office.person(connection, office.BOB).is_muted is True


@pytest.mark.parametrize(
    ("targets", "status", "code", "field"),
    [
        ([], 400, "8523", "targetParticipants"),
        (["8:acs:a_b", "8:acs:a_c"], 400, "8523", "targetParticipants"),
        (["+14255550123"], 400, "8523", "targetParticipants[0]"),
        (["8:orgid:abc"], 400, "8523", "targetParticipants[0]"),
        (["8:acs:11111111-1111-4111-8111-111111111111_9"], 404, "8522", "targetParticipants[0]"),
    ],
)
def test_only_one_user_who_is_there_can_be_muted(office, targets, status, code, field):
    _, connection = with_a_user(office)
    for act in (office.mute, office.unmute):
        with pytest.raises(Refusal) as refused:
            act(connection, *targets)
        assert (refused.value.status, refused.value.code, refused.value.target) == (status, code, field)


def test_nobody_stays_muted_when_the_last_app_leaves(office):
    leg, connection = with_a_user(office)
    office.mute(connection, office.BOB)
    office.hang_up(connection)
    assert office.lately(effects.MuteLeg) == [effects.MuteLeg(leg, False)]
