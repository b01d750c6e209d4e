"""connect: calls that are there, group calls and rooms."""

from __future__ import annotations

import pytest

from hookflash.calls import effects, facts
from hookflash.calls.facts import Cause
from hookflash.wire.enums import CallConnectionState, CallLocatorKind
from hookflash.wire.results import Refusal


def test_an_app_joins_a_call_by_its_server_call_id(office):
    leg, connection = office.answered()
    server_call_id = office.get(connection).server_call_id
    joined = office.connect(kind=CallLocatorKind.SERVER_CALL, server_call_id=server_call_id)
    assert joined.call_connection_state is CallConnectionState.CONNECTING
    assert joined.server_call_id == server_call_id
    assert joined.answered_by is None
    assert joined.callback_uri == "https://app.example/joined"
    other = joined.call_connection_id
    assert office.names(other) == ["CallConnected", "ParticipantsUpdated"]
    assert office.names(connection)[-1] == "ParticipantsUpdated"
    assert len(office.people(other)) == 3
    office.play(other, to=[office.CALLER])
    assert office.plays()[-1].legs == (leg,)
    office.hang_up(other)
    assert office.names(other)[-1] == "CallDisconnected"
    assert office.exchange.live_calls == 1


def test_the_padding_of_a_server_call_id_does_not_matter(office):
    _, connection = office.answered()
    office.connect(server_call_id=office.get(connection).server_call_id.rstrip("="))


def test_a_call_that_is_not_there_cannot_be_joined(office):
    _, connection = office.answered()
    server_call_id = office.get(connection).server_call_id
    office.hang_up(connection)
    with pytest.raises(Refusal, match="has ended") as refused:
        office.connect(server_call_id=server_call_id)
    assert (refused.value.status, refused.value.code) == (404, "8522")


def test_only_a_resource_that_has_part_in_a_call_can_join_it(office):
    _, connection = office.answered()
    server_call_id = office.get(connection).server_call_id
    with pytest.raises(Refusal) as refused:
        office.connect(office.BLUE, server_call_id=server_call_id)
    assert (refused.value.status, refused.value.code) == (403, "7507")
    office.add(connection, office.BOB)
    office.reject(resource=office.BLUE)
    joined = office.connect(office.BLUE, server_call_id=server_call_id)
    assert office.names(joined.call_connection_id) == ["CallConnected", "ParticipantsUpdated"]


def test_joining_a_call_that_rings_waits_for_it(office):
    leg = office.ring()
    server_call_id = office.all(effects.RaiseIncomingCall)[0].data.server_call_id
    joined = office.connect(server_call_id=server_call_id).call_connection_id
    assert office.names(joined) == []
    assert not office.lately(effects.AnswerLeg)
    answered = office.answer().call_connection_id
    office.tell(facts.LegUp(leg))
    assert office.names(joined) == office.names(answered) == ["CallConnected", "ParticipantsUpdated"]
    assert len(office.people(joined)) == 3


def test_joining_a_call_that_never_comes_up_fails(office):
    leg = office.ring()
    server_call_id = office.all(effects.RaiseIncomingCall)[0].data.server_call_id
    joined = office.connect(server_call_id=server_call_id).call_connection_id
    office.tell(facts.LegFailed(leg, Cause(487, "Request Terminated")))
    assert office.names(joined) == ["ConnectFailed"]
    assert office.result(joined, "ConnectFailed") == (404, 8522)
    assert "487/540487" in office.events(joined)[0].result_information.message
    assert office.nothing_left()


def test_older_versions_hear_of_a_failed_connect_by_call_disconnected(office):
    leg = office.ring()
    server_call_id = office.all(effects.RaiseIncomingCall)[0].data.server_call_id
    joined = office.connect(version="2023-10-15", server_call_id=server_call_id).call_connection_id
    office.tell(facts.LegFailed(leg, Cause(487, "Request Terminated")))
    assert office.names(joined) == ["CallDisconnected"]


def test_a_fault_while_waiting_to_join_is_told_as_such(office):
    office.ring()
    server_call_id = office.all(effects.RaiseIncomingCall)[0].data.server_call_id
    joined = office.connect(server_call_id=server_call_id).call_connection_id
    office.tell(facts.Stopping())
    assert office.result(joined, "ConnectFailed") == (500, 9999)
    assert office.nothing_left()


def test_the_other_phone_of_a_redirect_may_be_kept_company_when_the_caller_is_gone(office):
    leg = office.ring()
    server_call_id = office.all(effects.RaiseIncomingCall)[0].data.server_call_id
    joined = office.connect(server_call_id=server_call_id).call_connection_id
    office.redirect(office.OUTSIDE)
    dialled = office.lately(effects.DialLeg)[0].leg
    office.tell(facts.LegUp(dialled))
    office.tell(facts.LegFailed(leg, Cause(487, "Request Terminated")))
    assert office.names(joined) == ["CallConnected", "ParticipantsUpdated"]
    assert len(office.people(joined)) == 2
    office.hang_up(joined)
    assert office.nothing_left()


@pytest.mark.parametrize("locator", [{"group_call_id": "AB-1"}, {"room_id": "9911"}])
def test_the_first_to_connect_opens_a_named_call_and_others_come_to_it(office, locator):
    first = office.connect(**locator).call_connection_id
    assert office.names(first) == ["CallConnected", "ParticipantsUpdated"]
    assert len(office.people(first)) == 1
    second = office.connect(**locator).call_connection_id
    assert office.get(first).server_call_id == office.get(second).server_call_id
    assert len(office.people(first)) == 2
    leg = office.added(first, office.OUTSIDE)
    office.hang_up(first)
    office.hang_up(second)
    assert office.exchange.live_calls == 1
    assert not office.all(effects.EndLeg)
    third = office.connect(**locator).call_connection_id
    assert len(office.people(third)) == 2
    office.tell(facts.LegDown(leg, Cause(200, "OK")))
    assert office.names(third)[-1] == "ParticipantsUpdated"
    office.hang_up(third)
    assert office.nothing_left()
    assert office.get(office.connect(**locator).call_connection_id).server_call_id


def test_named_calls_belong_to_their_resource_and_kind(office):
    calls = {
        office.get(office.connect(office.RED, group_call_id="x").call_connection_id).server_call_id,
        office.get(office.connect(office.RED, room_id="x").call_connection_id).server_call_id,
        office.get(
            office.connect(office.BLUE, group_call_id="x").call_connection_id, office.BLUE
        ).server_call_id,
    }
    assert len(calls) == 3


def test_a_group_call_id_is_a_guid_and_has_no_case(office):
    first, second = (office.connect(group_call_id=name).call_connection_id for name in ("AB", "ab"))
    assert office.get(first).server_call_id == office.get(second).server_call_id


def test_terminating_a_named_call_ends_it_for_all(office):
    first = office.connect(room_id="1").call_connection_id
    second = office.connect(room_id="1").call_connection_id
    office.terminate(first)
    assert office.names(second)[-1] == "CallDisconnected"
    assert office.nothing_left()


@pytest.mark.parametrize(
    ("locator", "field"),
    [
        ({}, "callLocator"),
        ({"room_id": "1", "group_call_id": "1"}, "callLocator"),
        ({"kind": CallLocatorKind.ROOM_CALL, "group_call_id": "1"}, "callLocator.kind"),
        ({"room_id": "x" * 257}, "callLocator.roomId"),
        ({"group_call_id": "x" * 257}, "callLocator.groupCallId"),
    ],
)
def test_impossible_locators_are_refused(office, locator, field):
    with pytest.raises(Refusal) as refused:
        office.connect(**locator)
    assert (refused.value.status, refused.value.code, refused.value.target) == (400, "8523", field)
    assert office.nothing_left()
