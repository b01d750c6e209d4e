"""Reaching users on their devices and through their apps at once."""

from __future__ import annotations

import pytest

from hookflash.calls import effects, facts
from hookflash.calls.facts import Cause
from hookflash.wire.results import Refusal


def both_ring(office):
    """An app calls a user who has devices; returns the caller's connection and the devices' leg."""
    office.devices(office.BOB, 2)
    connection = office.create(office.BOB).call_connection_id
    return connection, office.lately(effects.DialLeg)[0].leg


def test_a_user_with_devices_is_rung_on_them_and_through_the_apps(office):
    office.devices(office.BOB)
    properties = office.create(office.BOB, source_display_name="Desk")
    dial, timer, raised = (office.lately(kind)[0] for kind in (
        effects.DialLeg, effects.StartTimer, effects.RaiseIncomingCall
    ))  # fmt: skip
    assert (dial.target.raw_id, dial.display_name) == (office.BOB, "Desk")
    assert dial.source.raw_id == properties.source.raw_id
    assert raised.resource == office.BLUE
    assert timer.at == office.now + 60
    assert office.exchange.live_calls == 1


def test_a_device_that_answers_first_takes_the_call_from_the_apps(office):
    connection, leg = both_ring(office)
    context = office.context()
    office.tell(facts.LegUp(leg))
    assert office.names(connection) == ["CallConnected", "ParticipantsUpdated"]
    assert not office.lately(effects.EndLeg)
    with pytest.raises(Refusal, match="answered elsewhere") as refused:
        office.answer(resource=office.BLUE, incoming_call_context=context)
    assert (refused.value.status, refused.value.code) == (404, "8522")
    office.hang_up(connection)
    assert office.nothing_left()


def test_an_app_that_answers_first_silences_the_devices(office):
    connection, leg = both_ring(office)
    answered = office.answer(resource=office.BLUE).call_connection_id
    ended = office.lately(effects.EndLeg)
    assert [(e.leg, e.cause.status, e.cause.sub_code) for e in ended] == [(leg, 487, 10003)]
    assert office.names(connection) == office.names(answered) == ["CallConnected", "ParticipantsUpdated"]
    office.tell(facts.LegUp(leg))
    assert office.last == []
    office.hang_up(connection)
    assert office.nothing_left()


def test_devices_that_refuse_leave_the_apps_ringing(office):
    connection, leg = both_ring(office)
    office.tell(facts.LegFailed(leg, Cause(486, "Busy Here")))
    assert office.names(connection) == []
    office.answer(resource=office.BLUE)
    assert office.names(connection) == ["CallConnected", "ParticipantsUpdated"]


def test_no_subscription_leaves_the_devices_ringing(office):
    connection, leg = both_ring(office)
    office.tell(facts.NobodyListens(office.context()))
    assert office.names(connection) == []
    office.tell(facts.LegUp(leg))
    assert office.names(connection) == ["CallConnected", "ParticipantsUpdated"]


@pytest.mark.parametrize("devices_first", [True, False])
def test_when_no_way_is_left_the_devices_say_why(office, devices_first):
    connection, leg = both_ring(office)
    told = [facts.LegFailed(leg, Cause(486, "Busy Here")), facts.NobodyListens(office.context())]
    for fact in told if devices_first else reversed(told):
        office.tell(fact)
    assert office.result(connection, "CreateCallFailed") == (486, 560486)
    assert office.nothing_left()


def test_an_app_that_rejects_decides_for_the_devices_too(office):
    connection, leg = both_ring(office)
    office.reject(resource=office.BLUE)
    assert [e.leg for e in office.lately(effects.EndLeg)] == [leg]
    assert office.result(connection, "CreateCallFailed") == (200, 5002)
    assert office.nothing_left()


def test_an_app_that_redirects_silences_the_devices(office):
    _, leg = both_ring(office)
    office.redirect(office.OUTSIDE, resource=office.BLUE)
    assert [e.leg for e in office.lately(effects.EndLeg)] == [leg]
    assert office.lately(effects.DialLeg)[0].target.phone_number == office.OUTSIDE


def test_nobody_answering_in_time_ends_both(office):
    connection, leg = both_ring(office)
    office.later(60)
    assert [e.leg for e in office.all(effects.EndLeg)] == [leg]
    assert office.result(connection, "CreateCallFailed") == (487, 10004)
    assert office.nothing_left()


def test_users_without_devices_any_more_are_reached_through_apps_alone(office):
    office.devices(office.BOB)
    office.devices(office.BOB, 0)
    office.devices(office.BOB, 0)
    office.create(office.BOB)
    assert not office.lately(effects.DialLeg)


def test_a_user_of_nobody_can_be_reached_on_a_device(office):
    stranger = "8:acs:99999999-9999-4999-8999-999999999999_1"
    office.devices(stranger)
    connection = office.create(stranger).call_connection_id
    assert not office.all(effects.RaiseIncomingCall)
    office.tell(facts.LegUp(office.lately(effects.DialLeg)[0].leg))
    assert office.names(connection) == ["CallConnected", "ParticipantsUpdated"]


def test_a_phone_that_calls_a_user_rings_devices_and_apps(office):
    office.devices(office.ALICE)
    leg = office.ring(office.ALICE, headers={"User-To-User": "x"})
    dial = office.lately(effects.DialLeg)[0]
    assert (dial.caller, dial.headers) == (office.CALLER, {"User-To-User": "x"})
    office.tell(facts.LegUp(dial.leg))
    assert office.lately(effects.AnswerLeg) == [effects.AnswerLeg(leg, dial.call)]
    office.tell(facts.LegUp(leg))
    assert {e.leg for e in office.all(effects.JoinMix)} == {leg, dial.leg}
    assert not office.all(effects.Notify)


def test_a_redirected_call_says_on_whose_behalf(office):
    office.ring()
    office.redirect(office.BOB)
    first = office.lately(effects.RaiseIncomingCall)[0].data
    assert first.on_behalf_of_callee.raw_id == "4:" + office.RED_NUMBER
    office.redirect(office.ALICE, resource=office.BLUE)
    second = office.lately(effects.RaiseIncomingCall)[0].data
    assert second.on_behalf_of_callee.raw_id == "4:" + office.RED_NUMBER


def test_number_not_owned_is_not_dialled_for_a_phone_from_outside(office):
    leg = office.ring("+19990000000")
    assert office.last == [effects.RefuseLeg(leg, 404, "Not Found")]
