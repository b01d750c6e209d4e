"""Transfers that the trunk of the transferee is asked to carry out."""

from __future__ import annotations

import pytest

from hookflash.calls import effects, facts
from hookflash.calls.facts import Cause
from hookflash.wire.enums import CallConnectionState
from hookflash.wire.identifiers import PhoneNumberModel
from hookflash.wire.results import Refusal

from .conftest import context

THIRD = "+14255550777"


def answered(office):
    """A phone whose trunk transfers is in a call with an app."""
    leg = office.ring()
    connection = office.answer().call_connection_id
    office.tell(facts.LegUp(leg, refers=True))
    return leg, connection


def asked(office, **fields):
    leg, connection = answered(office)
    office.transfer(connection, office.OUTSIDE, operation_context="xfer", **fields)
    return leg, connection


def test_the_trunk_is_asked_and_takes_the_phone(office):
    leg, connection = asked(office, custom_calling_context=context(sip={"X-Case": "7"}))
    assert not office.lately(effects.DialLeg)
    (refer,) = office.lately(effects.ReferLeg)
    assert (refer.leg, refer.target.phone_number, refer.headers) == (leg, office.OUTSIDE, {"X-Case": "7"})
    assert refer.caller == office.RED_NUMBER
    assert office.get(connection).call_connection_state is CallConnectionState.TRANSFERRING
    office.tell(facts.LegReferred(leg))
    assert office.names(connection)[2:] == ["CallTransferAccepted", "CallDisconnected"]
    accepted = office.events(connection)[2]
    assert accepted.transfer_target.raw_id == "4:" + office.OUTSIDE
    assert accepted.transferee.raw_id == "4:" + office.CALLER
    assert accepted.operation_context == "xfer"
    assert office.result(connection, "CallDisconnected") == (200, 7000)
    assert [effect.leg for effect in office.all(effects.EndLeg)] == [leg]
    assert office.nothing_left()


def test_in_a_larger_call_only_the_transferee_goes(office):
    legs, connection = office.created(office.CALLER)
    office.add(connection, THIRD)
    third = office.lately(effects.DialLeg)[0].leg
    office.tell(facts.LegUp(third, refers=True))
    office.transfer(connection, office.OUTSIDE, THIRD)
    assert office.get(connection).call_connection_state is CallConnectionState.CONNECTED
    office.tell(facts.LegReferred(third))
    assert office.names(connection)[-2:] == ["CallTransferAccepted", "ParticipantsUpdated"]
    assert [effect.leg for effect in office.lately(effects.EndLeg)] == [third]
    assert len(office.people(connection)) == 2
    office.hang_up(connection)
    assert legs
    assert office.nothing_left()


def test_the_targets_refusal_is_told_as_if_we_had_dialled(office):
    leg, connection = asked(office)
    office.tell(facts.LegNotReferred(leg, Cause(486, "Busy Here")))
    assert office.names(connection)[-1] == "CallTransferFailed"
    assert office.result(connection, "CallTransferFailed") == (486, 560486)
    assert office.get(connection).call_connection_state is CallConnectionState.CONNECTED
    office.transfer(connection, office.OUTSIDE)
    office.tell(facts.LegReferred(leg))
    assert office.names(connection)[-1] == "CallDisconnected"
    assert office.nothing_left()


def test_a_trunk_that_does_not_do_it_leaves_it_to_us(office):
    leg, connection = asked(office)
    office.tell(facts.LegNotReferred(leg, Cause(405, "Method Not Allowed"), declined=True))
    (dial,) = office.lately(effects.DialLeg)
    assert (dial.target.phone_number, dial.caller) == (office.OUTSIDE, office.CALLER)
    assert office.get(connection).call_connection_state is CallConnectionState.TRANSFERRING
    assert office.names(connection)[2:] == []
    office.tell(facts.LegUp(dial.leg))
    office.tell(facts.LegMoved(leg))
    assert office.names(connection)[2:] == ["CallTransferAccepted", "CallDisconnected"]
    assert office.events(connection)[2].operation_context == "xfer"


def test_the_transferee_hangs_up_before_anything_is_known(office):
    leg, connection = asked(office)
    office.tell(facts.LegDown(leg, Cause(200, "OK")))
    assert office.names(connection)[-2:] == ["CallTransferFailed", "CallDisconnected"]
    assert office.result(connection, "CallTransferFailed") == (487, 560487)
    assert office.nothing_left()


def test_the_app_hangs_up_before_anything_is_known(office):
    leg, connection = asked(office)
    office.hang_up(connection)
    assert office.names(connection)[-2:] == ["CallTransferFailed", "CallDisconnected"]
    assert office.result(connection, "CallTransferFailed") == (487, 560487)
    assert [effect.leg for effect in office.lately(effects.EndLeg)] == [leg]
    office.tell(facts.LegReferred(leg))
    assert office.nothing_left()


def test_one_transfer_at_a_time(office):
    _, connection = asked(office)
    with pytest.raises(Refusal) as refusal:
        office.transfer(connection, THIRD)
    assert refusal.value.code == "8607"
    office.terminate(connection)
    assert office.nothing_left()


def test_who_is_being_transferred_is_not_moved(office):
    _, connection = asked(office)
    _, other = office.created(THIRD)
    with pytest.raises(Refusal):
        office.move(other, connection, office.CALLER)


@pytest.mark.parametrize("target", ["user", "owned"])
def test_who_is_reached_here_is_reached_here(office, target):
    _, connection = answered(office)
    office.transfer(connection, office.BOB if target == "user" else office.BLUE_NUMBER)
    assert not office.lately(effects.ReferLeg)
    assert office.lately(effects.RaiseIncomingCall)


def test_a_trunk_cannot_be_asked_for_a_caller_id(office):
    _, connection = answered(office)
    office.transfer(
        connection, office.OUTSIDE, source_caller_id_number=PhoneNumberModel(value=office.RED_NUMBER)
    )
    assert not office.lately(effects.ReferLeg)
    assert office.lately(effects.DialLeg)


def test_facts_that_come_too_late_lead_to_nothing(office):
    leg, connection = asked(office)
    office.tell(facts.LegNotReferred(leg, Cause(603, "Decline")))
    before = office.names(connection)
    assert office.tell(facts.LegReferred(leg)) == []
    assert office.tell(facts.LegNotReferred(leg, Cause(603, "Decline"))) == []
    assert office.names(connection) == before
