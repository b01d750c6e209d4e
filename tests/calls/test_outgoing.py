"""An app calls: phones, users, several at once, and every way it can fail."""

from __future__ import annotations

import pytest

from hookflash.calls import effects, facts
from hookflash.calls.facts import Cause
from hookflash.wire.enums import CallConnectionState, CallRejectReason
from hookflash.wire.identifiers import CommunicationUserModel, MicrosoftTeamsAppModel, PhoneNumberModel
from hookflash.wire.requests import CustomCallingContext
from hookflash.wire.results import Refusal


def test_calling_a_phone_dials_outward_and_connects_when_it_answers(office):
    properties = office.create(office.OUTSIDE, source_display_name="Desk", operation_context="out")
    dial = office.lately(effects.DialLeg)[0]
    assert (dial.target.phone_number, dial.caller) == (office.OUTSIDE, office.RED_NUMBER)
    assert dial.display_name == "Desk"
    assert properties.call_connection_state is CallConnectionState.CONNECTING
    assert properties.server_call_id is None
    assert properties.correlation_id
    assert properties.source.communication_user.id.startswith(f"8:acs:{office.RED}_")
    assert properties.source_caller_id_number.value == office.RED_NUMBER
    assert properties.answered_by is None
    office.tell(facts.LegRinging(dial.leg))
    office.tell(facts.LegRinging(dial.leg))
    assert office.last == []
    office.tell(facts.LegUp(dial.leg))
    connection = properties.call_connection_id
    assert office.names(connection) == ["CallConnected", "ParticipantsUpdated"]
    assert office.lately(effects.StopTimer)
    got = office.get(connection)
    assert got.server_call_id
    assert got.call_connection_state is CallConnectionState.CONNECTED


def test_a_busy_phone_fails_the_call_with_its_sip_status(office):
    connection = office.create(office.OUTSIDE, operation_context="out").call_connection_id
    leg = office.lately(effects.DialLeg)[0].leg
    office.tell(facts.LegFailed(leg, Cause(486, "Busy Here", q850=17, q850_text="user busy")))
    assert office.names(connection) == ["CreateCallFailed", "CallDisconnected"]
    for name in ("CreateCallFailed", "CallDisconnected"):
        assert office.result(connection, name) == (486, 560486)
    failed = office.events(connection)[0]
    assert failed.result_information.sip_details.code == 486
    assert failed.result_information.q850_details.code == 17
    assert failed.operation_context == "out"
    assert not office.lately(effects.EndLeg)
    assert office.nothing_left()


def test_a_failure_the_platform_decided_keeps_its_sub_code(office):
    connection = office.create(office.OUTSIDE).call_connection_id
    leg = office.lately(effects.DialLeg)[0].leg
    office.tell(facts.LegFailed(leg, Cause(403, "no trunk", sub_code=511532)))
    assert office.result(connection, "CreateCallFailed") == (403, 511532)


def test_old_clients_are_not_sent_create_call_failed(office):
    connection = office.create(office.OUTSIDE, version="2024-04-15").call_connection_id
    office.tell(facts.LegFailed(office.lately(effects.DialLeg)[0].leg, Cause(404, "Not Found")))
    assert office.names(connection) == ["CallDisconnected"]


def test_a_phone_that_rings_too_long_is_given_up(office):
    connection = office.create(office.OUTSIDE).call_connection_id
    leg = office.lately(effects.DialLeg)[0].leg
    office.later(60)
    assert [e.leg for e in office.all(effects.EndLeg)] == [leg]
    assert office.names(connection) == ["CreateCallFailed", "CallDisconnected"]
    assert office.result(connection, "CreateCallFailed") == (487, 10004)
    assert office.nothing_left()


def test_the_remote_phone_hanging_up_gives_the_outward_code(office):
    legs, connection = office.created(office.OUTSIDE)
    office.tell(facts.LegDown(legs[0], Cause(200, "OK")))
    assert office.result(connection, "CallDisconnected") == (200, 560000)
    assert office.nothing_left()


def test_hanging_up_while_it_rings_cancels(office):
    connection = office.create(office.OUTSIDE).call_connection_id
    leg = office.lately(effects.DialLeg)[0].leg
    office.hang_up(connection)
    assert office.names(connection) == ["CallDisconnected"]
    assert [e.leg for e in office.lately(effects.EndLeg)] == [leg]
    assert office.nothing_left()


def test_a_group_call_rings_all_and_connects_with_the_first(office):
    connection = office.create(office.OUTSIDE, office.CALLER).call_connection_id
    first, second = (dial.leg for dial in office.lately(effects.DialLeg))
    office.tell(facts.LegUp(first))
    assert office.names(connection) == ["CallConnected", "ParticipantsUpdated"]
    office.tell(facts.LegUp(second))
    rosters = office.events(connection)[1:]
    assert [len(event.participants) for event in rosters] == [2, 3]
    assert [event.sequence_number for event in rosters] == [1, 2]
    assert not office.lately(effects.EndLeg)


def test_a_group_call_fails_only_when_everybody_has_failed(office):
    connection = office.create(office.OUTSIDE, office.CALLER).call_connection_id
    first, second = (dial.leg for dial in office.lately(effects.DialLeg))
    office.tell(facts.LegFailed(first, Cause(486, "Busy Here")))
    assert office.names(connection) == []
    office.tell(facts.LegFailed(second, Cause(603, "Decline")))
    assert office.names(connection) == ["CreateCallFailed", "CallDisconnected"]
    assert office.result(connection, "CreateCallFailed") == (603, 560603)


def test_hanging_up_a_group_call_leaves_the_others_talking(office):
    legs, connection = office.created(office.OUTSIDE, office.CALLER)
    office.hang_up(connection)
    assert office.names(connection)[-1] == "CallDisconnected"
    assert not office.lately(effects.EndLeg)
    assert office.exchange.live_calls == 1
    office.tell(facts.LegDown(legs[0], Cause(200, "OK")))
    assert [e.leg for e in office.lately(effects.EndLeg)] == [legs[1]]
    assert office.nothing_left()


def test_nobody_is_left_on_hold_when_the_last_app_leaves(office):
    legs, connection = office.created(office.OUTSIDE, office.CALLER)
    office.hold(connection, office.CALLER)
    office.hang_up(connection)
    assert [e.leg for e in office.lately(effects.JoinMix)] == [legs[1]]
    assert office.exchange.live_calls == 1


def test_terminating_a_group_call_ends_everybody(office):
    legs, connection = office.created(office.OUTSIDE, office.CALLER)
    office.terminate(connection)
    assert [e.leg for e in office.lately(effects.EndLeg)] == legs
    assert office.result(connection, "CallDisconnected") == (200, 7000)
    assert office.nothing_left()


def test_one_leaving_a_group_call_is_told_and_the_call_goes_on(office):
    legs, connection = office.created(office.OUTSIDE, office.CALLER)
    office.tell(facts.LegDown(legs[0], Cause(200, "OK")))
    assert office.names(connection)[-1] == "ParticipantsUpdated"
    assert len(office.events(connection)[-1].participants) == 2
    office.tell(facts.LegDown(legs[1], Cause(200, "OK")))
    assert office.names(connection)[-1] == "CallDisconnected"
    assert office.nothing_left()


def test_a_call_that_only_rings_elsewhere_ends_when_the_last_one_in_it_leaves(office):
    connection = office.create(office.OUTSIDE, office.CALLER, "+14255550777").call_connection_id
    first, second, third = (dial.leg for dial in office.lately(effects.DialLeg))
    office.tell(facts.LegUp(first))
    office.hang_up(connection)
    assert office.exchange.live_calls == 1
    office.tell(facts.LegDown(first, Cause(200, "OK")))
    assert {e.leg for e in office.lately(effects.EndLeg)} == {second, third}
    assert office.nothing_left()


def test_calling_a_user_offers_the_call_to_its_apps(office):
    properties = office.create(office.BOB, resource=office.RED)
    raised = office.lately(effects.RaiseIncomingCall)[0]
    assert raised.resource == office.BLUE
    assert raised.data.from_.raw_id == properties.source.raw_id
    answer = office.answer(resource=office.BLUE, operation_context="callee")
    caller, callee = properties.call_connection_id, answer.call_connection_id
    assert caller != callee
    assert office.names(caller) == office.names(callee) == ["CallConnected", "ParticipantsUpdated"]
    ends = [office.get(caller), office.get(callee, resource=office.BLUE)]
    assert len({end.server_call_id for end in ends}) == 1
    assert len({end.correlation_id for end in ends}) == 1
    assert [end.source.raw_id for end in ends] == [properties.source.raw_id] * 2
    assert [end.targets[0].raw_id for end in ends] == [office.BOB] * 2
    assert len(office.events(callee)[1].participants) == 2


def test_either_app_hanging_up_ends_an_app_to_app_call(office):
    caller = office.create(office.BOB).call_connection_id
    callee = office.answer(resource=office.BLUE).call_connection_id
    office.hang_up(callee, resource=office.BLUE)
    assert office.names(caller)[-1] == office.names(callee)[-1] == "CallDisconnected"
    assert len(office.lately(effects.CloseAppLeg)) == 2
    assert office.nothing_left()


def test_calling_an_owned_number_shows_the_caller_id(office):
    office.create(office.BLUE_NUMBER)
    data = office.lately(effects.RaiseIncomingCall)[0].data
    assert data.from_.raw_id == "4:" + office.RED_NUMBER
    assert data.to.raw_id == "4:" + office.BLUE_NUMBER


def test_a_rejected_app_call_tells_the_caller_5002(office):
    connection = office.create(office.BOB).call_connection_id
    office.reject(CallRejectReason.BUSY, resource=office.BLUE)
    assert office.names(connection) == ["CreateCallFailed", "CallDisconnected"]
    for event in office.events(connection):
        information = event.result_information
        assert (information.code, information.sub_code) == (200, 5002)
        assert information.message == "The conversation has ended. DiagCode: 0#5002.@"
    assert office.nothing_left()


def test_a_user_who_does_not_answer_times_out(office):
    connection = office.create(office.BOB).call_connection_id
    office.later(30)
    assert office.result(connection, "CreateCallFailed") == (487, 10004)
    assert office.nothing_left()


def test_a_user_nobody_listens_for_fails_at_once(office):
    connection = office.create(office.BOB).call_connection_id
    office.tell(facts.NobodyListens(office.context()))
    assert office.result(connection, "CreateCallFailed") == (480, 10037)


def test_hanging_up_while_a_user_rings_cancels_the_invitation(office):
    connection = office.create(office.BOB).call_connection_id
    office.hang_up(connection)
    with pytest.raises(Refusal, match="the caller is gone"):
        office.answer(resource=office.BLUE)
    assert office.nothing_left()


def test_an_app_may_join_a_group_call_whose_caller_has_left(office):
    connection = office.create(office.OUTSIDE, office.BOB).call_connection_id
    leg = office.lately(effects.DialLeg)[0].leg
    office.tell(facts.LegUp(leg))
    office.hang_up(connection)
    assert office.exchange.live_calls == 1
    answer = office.answer(resource=office.BLUE).call_connection_id
    assert office.names(answer) == ["CallConnected", "ParticipantsUpdated"]
    office.tell(facts.LegDown(leg, Cause(200, "OK")))
    assert office.names(answer)[-1] == "CallDisconnected"
    assert office.nothing_left()


def test_the_same_target_twice_is_called_once(office):
    office.create(office.OUTSIDE, office.OUTSIDE)
    assert len(office.lately(effects.DialLeg)) == 1


def test_custom_headers_travel_with_the_call(office):
    context = CustomCallingContext(sip_headers={"X-Dept": "billing"})
    office.create(office.OUTSIDE, office.BOB, custom_calling_context=context)
    assert office.lately(effects.DialLeg)[0].headers == {"X-Dept": "billing"}
    raised = office.lately(effects.RaiseIncomingCall)[0]
    assert raised.data.custom_context.sip_headers == {"X-Dept": "billing"}


def test_the_app_may_name_its_own_identity(office):
    properties = office.create(office.OUTSIDE, source=CommunicationUserModel(id=office.ALICE))
    assert properties.source.raw_id == office.ALICE


@pytest.mark.parametrize(
    ("targets", "fields", "status", "code", "field"),
    [
        ([], {}, 400, "8523", "targets"),
        (["+14255550999"], {"source_caller_id_number": None}, 400, "8523", "sourceCallerIdNumber"),
        (
            ["+14255550999"],
            {"source_caller_id_number": PhoneNumberModel(value="")},
            400,
            "8523",
            "sourceCallerIdNumber",
        ),
        (["8:orgid:abc"], {}, 405, "8520", "targets[0]"),
        (["4:anonymous"], {}, 400, "8523", "targets[0]"),
        (["8:acs:99999999-9999-4999-8999-999999999999_1"], {}, 404, "8522", "targets[0]"),
        (["+14255550999"], {"callback_uri": "nonsense"}, 400, "8523", "callbackUri"),
        (["+14255550999"], {"source": CommunicationUserModel(id="4:+1")}, 400, "8523", "source.id"),
        (
            ["+14255550999"],
            {"teams_app_source": MicrosoftTeamsAppModel(app_id="x")},
            405,
            "8520",
            "teamsAppSource",
        ),
    ],
)
def test_impossible_calls_are_refused_and_change_nothing(office, targets, fields, status, code, field):
    with pytest.raises(Refusal) as refused:
        office.create(*targets, **fields)
    assert (refused.value.status, refused.value.code, refused.value.target) == (status, code, field)
    assert office.effects == []
    assert office.nothing_left()


def test_in_development_users_of_unknown_resources_ring_the_default_one(make_office):
    office = make_office(default_resource=make_office.BLUE)
    office.create("8:acs:99999999-9999-4999-8999-999999999999_1")
    assert office.lately(effects.RaiseIncomingCall)[0].resource == office.BLUE


def test_an_app_still_waiting_is_not_told_about_the_roster(office):
    connection = office.create(office.OUTSIDE, office.BOB).call_connection_id
    leg = office.lately(effects.DialLeg)[0].leg
    office.tell(facts.LegFailed(leg, Cause(486, "Busy Here")))
    assert office.names(connection) == []
    office.answer(resource=office.BLUE)
    assert office.names(connection) == ["CallConnected", "ParticipantsUpdated"]


def test_nobody_calls_in_the_name_of_another_resource(office):
    _, connection = office.created(office.OUTSIDE)
    theirs, before = PhoneNumberModel(value=office.BLUE_NUMBER), len(office.effects)
    attempts = [
        lambda: office.create(office.OUTSIDE, source_caller_id_number=theirs),
        lambda: office.add(connection, office.CALLER, source_caller_id_number=theirs),
        lambda: office.transfer(connection, office.CALLER, source_caller_id_number=theirs),
        lambda: office.create(office.CALLER, source=CommunicationUserModel(id=office.BOB)),
    ]
    for attempt in attempts:
        with pytest.raises(Refusal, match="of another resource") as refused:
            attempt()
        assert (refused.value.status, refused.value.code) == (403, "7507")
    assert len(office.effects) == before
    office.create(office.CALLER, source=CommunicationUserModel(id=office.ALICE))
    office.create(office.CALLER, source=CommunicationUserModel(id="8:acs:elsewhere_0000000c"))


def test_a_call_is_not_answered_as_a_user_of_another_resource(office):
    office.ring()
    with pytest.raises(Refusal, match="of another resource"):
        office.answer(answered_by=CommunicationUserModel(id=office.BOB))
    office.answer(answered_by=CommunicationUserModel(id=office.ALICE))
