"""Sending an incoming call elsewhere."""

from __future__ import annotations

import pytest

from hookflash.calls import effects, facts
from hookflash.calls.facts import Cause
from hookflash.wire.results import Refusal


def test_redirecting_to_a_user_offers_the_call_again(office):
    office.ring()
    first = office.all(effects.RaiseIncomingCall)[0]
    office.redirect(office.BOB)
    second = office.lately(effects.RaiseIncomingCall)[0]
    assert second.resource == office.BLUE
    assert second.data.to.raw_id == office.BOB
    assert second.data.from_ == first.data.from_
    assert second.data.server_call_id == first.data.server_call_id
    assert second.data.correlation_id == first.data.correlation_id
    assert second.data.incoming_call_context != first.data.incoming_call_context
    with pytest.raises(Refusal, match="redirected"):
        office.answer(incoming_call_context=first.data.incoming_call_context)
    properties = office.answer(resource=office.BLUE)
    assert [t.raw_id for t in properties.targets] == [office.BOB]
    assert properties.answered_for.value == office.RED_NUMBER  # what was dialled


def test_a_call_to_a_user_is_answered_for_no_number_wherever_it_was_sent(office):
    office.ring(office.ALICE)
    office.redirect(office.BOB)
    assert office.answer(resource=office.BLUE).answered_for is None


def test_redirecting_to_a_phone_bridges_the_two_without_any_app(office):
    leg = office.ring()
    office.redirect(office.OUTSIDE)
    dial = office.lately(effects.DialLeg)[0]
    assert (dial.target.phone_number, dial.caller) == (office.OUTSIDE, office.CALLER)
    office.tell(facts.LegUp(dial.leg))
    assert office.lately(effects.AnswerLeg) == [effects.AnswerLeg(leg, dial.call)]
    office.tell(facts.LegUp(leg))
    assert {e.leg for e in office.all(effects.JoinMix)} == {leg, dial.leg}
    assert not office.all(effects.Notify)
    office.tell(facts.LegDown(dial.leg, Cause(200, "OK")))
    assert [e.leg for e in office.lately(effects.EndLeg)] == [leg]
    assert office.nothing_left()


def test_the_caller_gets_the_failure_of_the_redirect_target(office):
    leg = office.ring()
    office.redirect(office.OUTSIDE)
    office.tell(facts.LegFailed(office.lately(effects.DialLeg)[0].leg, Cause(486, "Busy Here")))
    assert office.lately(effects.RefuseLeg) == [effects.RefuseLeg(leg, 486, "Busy Here")]
    assert office.nothing_left()


def test_a_failure_without_a_final_status_reads_unavailable(office):
    leg = office.ring()
    office.redirect(office.OUTSIDE)
    office.tell(facts.LegFailed(office.lately(effects.DialLeg)[0].leg, Cause(0, "")))
    assert office.lately(effects.RefuseLeg) == [effects.RefuseLeg(leg, 480, "Temporarily Unavailable")]


def test_a_caller_who_goes_while_the_target_rings_ends_the_target(office):
    leg = office.ring()
    office.redirect(office.OUTSIDE)
    dialled = office.lately(effects.DialLeg)[0].leg
    office.tell(facts.LegFailed(leg, Cause(487, "Request Terminated")))
    assert [e.leg for e in office.lately(effects.EndLeg)] == [dialled]
    assert office.nothing_left()


def test_a_caller_who_goes_while_being_answered_ends_the_target(office):
    leg = office.ring()
    office.redirect(office.OUTSIDE)
    dialled = office.lately(effects.DialLeg)[0].leg
    office.tell(facts.LegUp(dialled))
    office.tell(facts.LegFailed(leg, Cause(487, "Request Terminated")))
    assert [e.leg for e in office.lately(effects.EndLeg)] == [dialled]
    assert office.nothing_left()


def test_an_app_callee_may_redirect_an_app_caller_to_a_phone(office):
    connection = office.create(office.BOB).call_connection_id
    office.redirect(office.OUTSIDE, resource=office.BLUE)
    dial = office.lately(effects.DialLeg)[0]
    assert dial.caller == office.RED_NUMBER
    office.tell(facts.LegUp(dial.leg))
    assert office.names(connection) == ["CallConnected", "ParticipantsUpdated"]
    assert office.get(connection).targets[0].raw_id == "4:" + office.OUTSIDE


def test_a_withheld_number_is_not_shown(office):
    office.ring(caller="anonymous")
    office.redirect(office.OUTSIDE)
    assert office.lately(effects.DialLeg)[0].caller is None


def test_redirecting_round_in_circles_stops(office):
    office.ring()
    for _ in range(10):
        office.redirect(office.ALICE)
    with pytest.raises(Refusal) as refused:
        office.redirect(office.ALICE)
    assert (refused.value.status, refused.value.code) == (400, "8521")
    office.answer()


@pytest.mark.parametrize(
    ("target", "status", "code"),
    [
        ("8:orgid:abc", 405, "8520"),
        ("8:acs:99999999-9999-4999-8999-999999999999_1", 404, "8522"),
        ("4:anonymous", 400, "8523"),
    ],
)
def test_impossible_redirects_leave_the_call_ringing(office, target, status, code):
    office.ring()
    with pytest.raises(Refusal) as refused:
        office.redirect(target)
    assert (refused.value.status, refused.value.code) == (status, code)
    office.answer()
