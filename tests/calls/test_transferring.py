"""Transfers: blind to phones and users, in calls of two and in larger ones, and every way they fail."""

from __future__ import annotations

import pytest

from hookflash.calls import effects, facts
from hookflash.calls.facts import Cause
from hookflash.wire.enums import CallConnectionState, CallRejectReason
from hookflash.wire.identifiers import PhoneNumberModel
from hookflash.wire.results import Refusal

from .conftest import context

THIRD = "+14255550777"


def transferring(office, **fields):
    """A phone in a call of two is being transferred outside: its leg, the connection, the target's leg."""
    leg, connection = office.answered()
    office.transfer(connection, office.OUTSIDE, operation_context="xfer", **fields)
    return leg, connection, office.lately(effects.DialLeg)[0].leg


def test_a_call_of_two_is_handed_over_to_a_phone(office):
    leg, connection = office.answered()
    response = office.transfer(connection, office.OUTSIDE, operation_context="xfer")
    assert response.operation_context == "xfer"
    dial = office.lately(effects.DialLeg)[0]
    assert (dial.target.phone_number, dial.caller) == (office.OUTSIDE, office.CALLER)
    assert dial.display_name == "Carol"
    assert office.get(connection).call_connection_state is CallConnectionState.TRANSFERRING
    office.tell(facts.LegUp(dial.leg))
    assert office.lately(effects.LeaveMix) == [effects.LeaveMix(leg)]
    assert office.lately(effects.MoveLeg) == [effects.MoveLeg(leg, dial.call)]
    assert office.names(connection)[2:] == []
    office.tell(facts.LegMoved(leg))
    assert [e.leg for e in office.lately(effects.JoinMix)] == [leg]
    assert office.names(connection)[2:] == ["CallTransferAccepted", "CallDisconnected"]
    accepted = office.events(connection)[2]
    assert accepted.transfer_target.raw_id == "4:" + office.OUTSIDE
    assert accepted.transferee.raw_id == "4:" + office.CALLER
    assert accepted.operation_context == "xfer"
    assert office.result(connection, "CallDisconnected") == (200, 7000)
    assert not office.all(effects.EndLeg)
    assert (office.exchange.live_calls, office.live_connections) == (1, 0)
    office.tell(facts.LegDown(leg, Cause(200, "OK")))
    assert [e.leg for e in office.lately(effects.EndLeg)] == [dial.leg]
    assert office.nothing_left()


def test_another_caller_id_may_be_shown(office):
    _, connection = office.answered()
    office.transfer(
        connection, office.OUTSIDE, source_caller_id_number=PhoneNumberModel(value="+18005550199")
    )
    assert office.lately(effects.DialLeg)[0].caller == "+18005550199"


def test_a_withheld_number_stays_withheld(office):
    leg = office.ring(caller="anonymous")
    connection = office.answer().call_connection_id
    office.tell(facts.LegUp(leg))
    office.transfer(connection, office.OUTSIDE)
    assert office.lately(effects.DialLeg)[0].caller is None


def test_a_users_device_is_transferred_with_the_number_of_the_call(office):
    office.devices(office.BOB)
    (_,), connection = office.created(office.BOB)
    office.transfer(connection, office.OUTSIDE)
    dial = office.lately(effects.DialLeg)[0]
    assert (dial.caller, dial.source.raw_id) == (office.RED_NUMBER, office.BOB)


def test_transferring_to_a_user_offers_them_the_call_of_the_transferee(office):
    leg, connection = office.answered()
    office.transfer(
        connection,
        office.BOB,
        custom_calling_context=context(voip={"why": "billing"}),
        operation_callback_uri="https://app.example/transferred",
    )
    raised = office.lately(effects.RaiseIncomingCall)[0]
    assert raised.resource == office.BLUE
    assert raised.data.from_.raw_id == "4:" + office.CALLER
    assert raised.data.custom_context.voip_headers == {"why": "billing"}
    properties = office.answer(resource=office.BLUE)
    assert properties.source.raw_id == "4:" + office.CALLER
    assert [t.raw_id for t in properties.targets] == [office.BOB]
    office.tell(facts.LegMoved(leg))
    assert office.names(connection)[-2:] == ["CallTransferAccepted", "CallDisconnected"]
    uris = [note.callback_uri for note in office.notes(connection)[-2:]]
    assert uris == ["https://app.example/transferred", "https://app.example/cb"]
    assert office.names(properties.call_connection_id) == [
        "CallConnected",
        "ParticipantsUpdated",
    ]
    assert len(office.people(properties.call_connection_id, resource=office.BLUE)) == 2
    office.hang_up(properties.call_connection_id, resource=office.BLUE)
    assert office.nothing_left()


def test_an_app_that_takes_a_transfer_is_up_when_the_transferee_is(office):
    """At CallConnected it may turn to whoever its IncomingCall was from."""
    leg, connection = office.answered()
    office.transfer(connection, office.BOB)
    taken = office.answer(resource=office.BLUE).call_connection_id
    assert office.names(taken) == []
    assert office.get(taken, office.BLUE).call_connection_state == "connecting"
    office.tell(facts.LegMoved(leg))
    assert office.names(taken) == ["CallConnected", "ParticipantsUpdated"]
    assert len(office.events(taken)[-1].participants) == 2


def test_an_app_that_took_a_transfer_in_vain(office):
    """The transferee cannot be brought over: the answer has come to nothing."""
    leg, connection = office.answered()
    office.transfer(connection, office.BOB)
    taken = office.answer(resource=office.BLUE).call_connection_id
    office.tell(facts.LegNotMoved(leg, "The media worker is too busy."))
    assert office.names(taken) == ["AnswerFailed"]
    assert office.result(taken, "AnswerFailed") == (487, 540487)
    assert office.names(connection)[-1] == "CallTransferFailed"
    assert office.get(connection).call_connection_state == "connected"
    assert len(office.people(connection)) == 2


def test_a_transfer_to_a_user_without_context_shows_none(office):
    _, connection = office.answered()
    office.transfer(connection, office.BOB)
    assert office.lately(effects.RaiseIncomingCall)[0].data.custom_context is None


def test_in_a_larger_call_only_the_transferee_goes(office):
    legs, connection = office.created(office.OUTSIDE, office.CALLER)
    office.transfer(connection, THIRD, office.CALLER)
    dial = office.lately(effects.DialLeg)[0]
    assert office.get(connection).call_connection_state is CallConnectionState.CONNECTED
    office.tell(facts.LegUp(dial.leg))
    office.tell(facts.LegMoved(legs[1]))
    assert office.names(connection)[-2:] == ["CallTransferAccepted", "ParticipantsUpdated"]
    left = [p.identifier.raw_id for p in office.people(connection)]
    assert "4:" + office.CALLER not in left
    assert len(left) == 2
    assert office.exchange.live_calls == 2
    office.play(connection)
    assert office.plays()[-1].legs == (legs[0],)


@pytest.mark.parametrize(
    ("cause", "code"),
    [(Cause(603, "Decline"), (603, 560603)), (Cause(403, "no trunk", sub_code=511532), (403, 511532))],
)
def test_a_failed_transfer_leaves_the_call_usable(office, cause, code):
    leg, connection, target = transferring(office)
    office.tell(facts.LegFailed(target, cause))
    assert office.names(connection)[2:] == ["CallTransferFailed"]
    assert office.result(connection, "CallTransferFailed") == code
    assert office.events(connection)[-1].operation_context == "xfer"
    assert office.get(connection).call_connection_state is CallConnectionState.CONNECTED
    assert office.exchange.live_calls == 1
    assert not office.all(effects.MoveLeg)
    office.play(connection)
    assert office.plays()[-1].legs == (leg,)
    office.transfer(connection, office.OUTSIDE)


def test_a_prompt_goes_on_while_the_target_rings(office):
    leg, connection = office.answered()
    office.play(connection, operation_context="hold the line")
    play = office.plays()[-1].play
    office.transfer(connection, office.OUTSIDE)
    target = office.lately(effects.DialLeg)[0].leg
    office.tell(facts.AudioStarted(play))
    with pytest.raises(Refusal) as refused:
        office.play(connection)
    assert (refused.value.status, refused.value.code) == (400, "8585")
    office.tell(facts.LegUp(target))
    office.tell(facts.LegMoved(leg))
    assert office.names(connection)[2:] == [
        "PlayStarted",
        "PlayCanceled",
        "CallTransferAccepted",
        "CallDisconnected",
    ]


def test_a_target_that_rings_too_long(office):
    _, connection, target = transferring(office)
    office.later(60)
    assert office.result(connection, "CallTransferFailed") == (487, 10004)
    assert [e.leg for e in office.all(effects.EndLeg)] == [target]


def test_a_user_who_declines_a_transfer(office):
    _, connection = office.answered()
    office.transfer(connection, office.BOB)
    office.reject(CallRejectReason.BUSY, resource=office.BLUE)
    assert office.names(connection)[-1] == "CallTransferFailed"
    assert office.exchange.live_calls == 1


def test_a_redirected_transfer_accepts_whoever_answers(office):
    leg, connection = office.answered()
    office.transfer(connection, office.BOB)
    office.redirect(office.OUTSIDE, resource=office.BLUE)
    office.tell(facts.LegUp(office.lately(effects.DialLeg)[0].leg))
    office.tell(facts.LegMoved(leg))
    assert office.events(connection)[2].transfer_target.raw_id == "4:" + office.OUTSIDE


def test_a_transferee_who_hangs_up_fails_the_transfer(office):
    leg, connection, target = transferring(office)
    office.tell(facts.LegDown(leg, Cause(200, "OK")))
    assert office.names(connection)[2:] == ["CallTransferFailed", "CallDisconnected"]
    assert office.result(connection, "CallTransferFailed") == (487, 560487)
    assert [e.leg for e in office.lately(effects.EndLeg)] == [target]
    assert office.nothing_left()


def test_a_transferee_who_is_removed_meanwhile(office):
    legs, connection = office.created(office.OUTSIDE, office.CALLER)
    office.transfer(connection, THIRD, office.CALLER)
    target = office.lately(effects.DialLeg)[0].leg
    office.remove(connection, office.CALLER)
    assert office.names(connection)[-3:] == [
        "CallTransferFailed",
        "ParticipantsUpdated",
        "RemoveParticipantSucceeded",
    ]
    assert {e.leg for e in office.lately(effects.EndLeg)} == {legs[1], target}
    assert office.exchange.live_calls == 1


@pytest.mark.parametrize("how", ["hang_up", "terminate"])
def test_an_app_that_ends_the_call_calls_the_transfer_off(office, how):
    leg, connection, target = transferring(office)
    getattr(office, how)(connection)
    assert office.names(connection)[2:] == ["CallTransferFailed", "CallDisconnected"]
    assert {e.leg for e in office.lately(effects.EndLeg)} == {leg, target}
    assert office.nothing_left()


def test_an_app_that_leaves_when_the_target_has_answered_has_transferred(office):
    leg, connection, target = transferring(office)
    office.tell(facts.LegUp(target))
    office.hang_up(connection)
    assert office.names(connection)[2:] == ["CallTransferAccepted", "CallDisconnected"]
    assert not office.all(effects.EndLeg)
    office.tell(facts.LegMoved(leg))
    assert [e.leg for e in office.lately(effects.JoinMix)] == [leg]
    office.tell(facts.LegDown(target, Cause(200, "OK")))
    assert office.nothing_left()


def test_a_leg_that_cannot_be_moved_comes_back_and_the_target_is_let_go(office):
    leg, connection, target = transferring(office)
    office.tell(facts.LegUp(target))
    office.tell(facts.LegNotMoved(leg, "No port was free in the other worker."))
    assert [e.leg for e in office.lately(effects.JoinMix)] == [leg]
    assert [e.leg for e in office.lately(effects.EndLeg)] == [target]
    assert office.names(connection)[-1] == "CallTransferFailed"
    assert office.result(connection, "CallTransferFailed") == (500, 9999)
    assert "No port" in office.events(connection)[-1].result_information.message
    assert office.get(connection).call_connection_state is CallConnectionState.CONNECTED
    assert len(office.people(connection)) == 2


def test_a_leg_that_cannot_be_moved_and_has_nothing_to_come_back_to(office):
    leg, connection, target = transferring(office)
    office.tell(facts.LegUp(target))
    office.hang_up(connection)
    office.tell(facts.LegNotMoved(leg, "No port."))
    assert {e.leg for e in office.lately(effects.EndLeg)} == {leg, target}
    assert office.nothing_left()


def test_a_target_that_hangs_up_before_the_transferee_came(office):
    leg, connection, target = transferring(office)
    office.tell(facts.LegUp(target))
    office.tell(facts.LegDown(target, Cause(200, "OK")))
    assert [e.leg for e in office.lately(effects.EndLeg)] == [leg]
    assert office.names(connection)[2:] == ["CallTransferFailed", "CallDisconnected"]
    assert office.nothing_left()


def test_a_transferee_lost_on_the_way(office):
    leg, connection, target = transferring(office)
    office.tell(facts.LegUp(target))
    office.tell(facts.LegDown(leg, Cause(200, "OK")))
    assert [e.leg for e in office.lately(effects.EndLeg)] == [target]
    assert office.names(connection)[2:] == ["CallTransferFailed", "CallDisconnected"]
    assert office.nothing_left()
    assert office.tell(facts.LegMoved(leg)) == []
    assert office.tell(facts.LegNotMoved(leg, "late")) == []


def test_somebody_on_hold_is_transferred_off_hold(office):
    leg, connection = office.answered()
    office.hold(connection, music="https://x.example/m.wav")
    office.transfer(connection, office.OUTSIDE)
    target = office.lately(effects.DialLeg)[0].leg
    office.tell(facts.LegUp(target))
    assert office.lately(effects.StopAudio)
    assert not office.lately(effects.LeaveMix)
    office.tell(facts.LegMoved(leg))
    assert [e.leg for e in office.lately(effects.JoinMix)] == [leg]


def test_somebody_on_hold_who_comes_back_is_still_on_hold(office):
    leg, connection = office.answered()
    office.hold(connection)
    office.transfer(connection, office.OUTSIDE)
    office.tell(facts.LegUp(office.lately(effects.DialLeg)[0].leg))
    office.tell(facts.LegNotMoved(leg, "no"))
    assert not office.lately(effects.JoinMix)
    assert office.person(connection, "4:" + office.CALLER).is_on_hold is True
    office.unhold(connection)
    assert [e.leg for e in office.lately(effects.JoinMix)] == [leg]


def test_the_worker_of_the_new_call_dying_fails_the_transfer(office):
    _, connection, target = transferring(office)
    number = office.all(effects.DialLeg)[-1].call
    office.tell(facts.MediaLost((number,)))
    assert office.result(connection, "CallTransferFailed") == (500, 9999)
    assert [e.leg for e in office.lately(effects.EndLeg)] == [target]
    assert office.get(connection).call_connection_state is CallConnectionState.CONNECTED


def test_stopping_the_server_while_somebody_is_on_the_way(office):
    leg, connection, target = transferring(office)
    office.tell(facts.LegUp(target))
    office.tell(facts.Stopping())
    assert {e.leg for e in office.lately(effects.EndLeg)} == {leg, target}
    assert office.names(connection)[-1] == "CallDisconnected"
    assert office.nothing_left()


def test_a_second_transfer_conflicts(office):
    _, connection, _ = transferring(office)
    with pytest.raises(Refusal, match="CallTransferAccepted or CallTransferFailed") as refused:
        office.transfer(connection, THIRD)
    assert (refused.value.status, refused.value.code) == (409, "8607")


def test_two_apps_cannot_transfer_the_same_one(office):
    _, connection = office.answered()
    office.add(connection, office.BOB)
    other = office.answer(resource=office.BLUE).call_connection_id
    office.transfer(connection, office.OUTSIDE, office.CALLER)
    with pytest.raises(Refusal) as refused:
        office.transfer(other, THIRD, office.CALLER, resource=office.BLUE)
    assert (refused.value.status, refused.value.code) == (409, "8607")


def test_in_a_larger_call_the_transferee_has_to_be_named(office):
    _, connection = office.created(office.OUTSIDE, office.CALLER)
    with pytest.raises(Refusal, match="required") as refused:
        office.transfer(connection, THIRD)
    assert (refused.value.status, refused.value.code, refused.value.target) == (400, "8523", "transferee")


def test_apps_cannot_be_transferred(office):
    connection = office.create(office.BOB).call_connection_id
    office.answer(resource=office.BLUE)
    with pytest.raises(Refusal, match="end of an app") as refused:
        office.transfer(connection, office.OUTSIDE)
    assert (refused.value.status, refused.value.code, refused.value.target) == (400, "8523", "transferee")
    own = office.get(connection).source.raw_id
    with pytest.raises(Refusal, match="the app itself"):
        office.transfer(connection, office.OUTSIDE, own)


def test_nobody_can_be_transferred_out_of_an_empty_room(office):
    connection = office.connect(room_id="42").call_connection_id
    with pytest.raises(Refusal, match="nobody else"):
        office.transfer(connection, office.OUTSIDE)


@pytest.mark.parametrize(
    ("target", "fields", "status", "code", "field"),
    [
        ("+14255550123", {}, 400, "8523", "targetParticipant"),
        ("8:orgid:abc", {}, 405, "8520", "targetParticipant"),
        ("8:acs:99999999-9999-4999-8999-999999999999_1", {}, 404, "8522", "targetParticipant"),
        ("+14255550777", {"transferee": "+19990000000"}, 404, "8522", "transferee"),
        ("+14255550777", {"operation_callback_uri": "http://x.example"}, 400, "8523", "operationCallbackUri"),
    ],
)
def test_impossible_transfers_are_refused_and_change_nothing(office, target, fields, status, code, field):
    _, connection = office.answered()
    before = len(office.effects)
    with pytest.raises(Refusal) as refused:
        office.transfer(connection, target, **fields)
    assert (refused.value.status, refused.value.code, refused.value.target) == (status, code, field)
    assert len(office.effects) == before
    assert office.get(connection).call_connection_state is CallConnectionState.CONNECTED


def test_a_transfer_needs_a_call_that_is_up(office):
    connection = office.create(office.OUTSIDE).call_connection_id
    with pytest.raises(Refusal) as refused:
        office.transfer(connection, THIRD)
    assert (refused.value.status, refused.value.code) == (400, "8501")


def test_another_app_that_joined_meanwhile_stays(office):
    leg, connection, target = transferring(office)
    joined = office.connect(server_call_id=office.get(connection).server_call_id).call_connection_id
    office.tell(facts.LegUp(target))
    office.tell(facts.LegMoved(leg))
    assert office.names(connection)[-2:] == ["CallTransferAccepted", "CallDisconnected"]
    assert office.names(joined)[-1] == "CallDisconnected"
    assert office.exchange.live_calls == 1
