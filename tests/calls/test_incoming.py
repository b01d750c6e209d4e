"""A phone calls: answering, refusing, giving up, and every way it can go wrong."""

from __future__ import annotations

import pytest

from hookflash.calls import commands, effects, facts
from hookflash.calls.facts import Cause
from hookflash.wire.constraints import CallbackRules
from hookflash.wire.enums import CallConnectionState, CallRejectReason
from hookflash.wire.identifiers import CommunicationUserModel, Identifier
from hookflash.wire.requests import AnswerCallRequest
from hookflash.wire.results import Refusal


def test_an_incoming_call_rings_and_is_offered_to_the_owner_of_the_number(office):
    leg = office.ring(headers={"User-To-User": "abc"})
    ring, timer, raised = office.last
    assert ring == effects.RingLeg(leg)
    assert timer == effects.StartTimer(timer.timer, office.now + 30)
    assert raised.resource == office.RED
    data = raised.data
    assert data.to.raw_id == "4:" + office.RED_NUMBER
    assert data.from_.raw_id == "4:" + office.CALLER
    assert data.caller_display_name == "Carol"
    assert data.custom_context.sip_headers == {"User-To-User": "abc"}


def test_a_plain_call_has_no_custom_context(office):
    office.ring()
    assert office.all(effects.RaiseIncomingCall)[0].data.custom_context is None


def test_what_tells_callers_of_one_number_apart_is_kept(office):
    office.ring(caller=office.CALLER + "_123456")
    (raised,) = office.all(effects.RaiseIncomingCall)
    assert raised.data.from_.raw_id == f"4:{office.CALLER}_123456"
    assert raised.data.from_.phone_number.asserted_id == "123456"


@pytest.mark.parametrize(
    ("caller", "field", "value"),
    [("anonymous", "is_anonymous", True), ("+14255550121_123456", "asserted_id", "123456")],
)
@pytest.mark.parametrize("version", ["2025-05-15", "2025-06-15"])
def test_what_is_special_about_a_caller_is_told_since_2025_06_15(office, caller, field, value, version):
    leg = office.ring(caller=caller)
    (raised,) = office.all(effects.RaiseIncomingCall)
    assert getattr(raised.data.from_.phone_number, field) == value
    properties = office.answer(version=version)
    office.tell(facts.LegUp(leg))
    _, roster = office.events(properties.call_connection_id)
    (listed,) = [one.identifier for one in roster.participants if one.identifier.raw_id == "4:" + caller]
    shown = value if version == "2025-06-15" else None
    assert properties.source.raw_id == "4:" + caller
    assert getattr(properties.source.phone_number, field) == shown
    assert getattr(listed.phone_number, field) == shown


def test_a_number_nobody_owns_is_refused(office):
    leg = office.ring("+19995550000")
    assert office.last == [effects.RefuseLeg(leg, 404, "Not Found")]
    assert office.nothing_left()


def test_in_development_a_number_nobody_owns_rings_the_default_resource(make_office):
    office = make_office(default_resource=make_office.BLUE)
    office.ring("+19995550000")
    assert office.all(effects.RaiseIncomingCall)[0].resource == office.BLUE


def test_answering_says_connecting_then_connects_when_the_phone_acknowledges(office):
    leg = office.ring()
    properties = office.answer(operation_context="ctx")
    assert properties.call_connection_state is CallConnectionState.CONNECTING
    assert properties.answered_for.value == office.RED_NUMBER
    assert properties.source.raw_id == "4:" + office.CALLER
    assert [t.raw_id for t in properties.targets] == ["4:" + office.RED_NUMBER]
    assert properties.server_call_id
    app = office.lately(effects.OpenAppLeg)[0]
    assert office.lately(effects.AnswerLeg) == [effects.AnswerLeg(leg, app.call)]
    assert office.lately(effects.StopTimer)
    assert office.lately(effects.ConnectionOpened)[0].operation_context == "ctx"
    assert not office.all(effects.Notify)

    office.tell(facts.LegUp(leg))
    connection = properties.call_connection_id
    assert office.names(connection) == ["CallConnected", "ParticipantsUpdated"]
    connected, roster = office.events(connection)
    assert connected.operation_context == "ctx"
    assert connected.server_call_id == properties.server_call_id
    assert connected.correlation_id == properties.correlation_id
    assert roster.operation_context is None
    assert roster.sequence_number == 1
    people = {p.identifier.raw_id for p in roster.participants}
    assert "4:" + office.CALLER in people
    assert any(raw.startswith(f"8:acs:{office.RED}_") for raw in people)
    assert {e.leg for e in office.all(effects.JoinMix)} == {leg, app.leg}
    assert office.get(connection).call_connection_state is CallConnectionState.CONNECTED


def test_an_app_can_say_who_answers(office):
    office.ring()
    properties = office.answer(answered_by=CommunicationUserModel(id=office.ALICE))
    assert properties.answered_by.id == office.ALICE


def test_a_user_who_is_called_is_who_answers(office):
    office.ring(office.ALICE)
    properties = office.answer()
    assert properties.answered_by.id == office.ALICE
    assert properties.answered_for is None


@pytest.mark.parametrize("who", ["4:+14255550123", "", "8:orgid:abc"])
def test_only_a_communication_user_can_answer(office, who):
    office.ring()
    with pytest.raises(Refusal) as refused:
        office.answer(answered_by=CommunicationUserModel(id=who))
    assert (refused.value.status, refused.value.code, refused.value.target) == (400, "8523", "answeredBy.id")


def test_a_context_is_good_once(office):
    leg = office.ring()
    office.answer()
    with pytest.raises(Refusal, match="answered") as refused:
        office.answer()
    assert (refused.value.status, refused.value.code) == (404, "8522")
    office.tell(facts.LegUp(leg))
    assert office.live_connections == 1


def test_a_context_of_another_resource_is_refused(office):
    office.ring()
    with pytest.raises(Refusal) as refused:
        office.answer(resource=office.BLUE)
    assert (refused.value.status, refused.value.code) == (403, "7507")
    office.answer()
    with pytest.raises(Refusal) as refused:
        office.answer(resource=office.BLUE)
    assert (refused.value.status, refused.value.code) == (403, "7507")


def test_an_unknown_context_is_not_found(office):
    with pytest.raises(Refusal) as refused:
        office.answer(incoming_call_context="what?")
    assert (refused.value.status, refused.value.code) == (404, "8522")


def test_an_invitation_expires_after_thirty_seconds(office):
    leg = office.ring()
    office.later(29.9)
    assert not office.all(effects.RefuseLeg)
    office.later(0.1)
    assert office.all(effects.RefuseLeg) == [effects.RefuseLeg(leg, 480, "Temporarily Unavailable")]
    with pytest.raises(Refusal, match="not answered in time"):
        office.answer()
    assert office.nothing_left()


def test_a_caller_who_gives_up_cancels_the_invitation(office):
    leg = office.ring()
    office.tell(facts.LegFailed(leg, Cause(487, "Request Terminated")))
    assert [type(e) for e in office.last] == [effects.StopTimer]
    with pytest.raises(Refusal, match="the caller is gone"):
        office.answer()
    assert office.nothing_left()


def test_a_caller_who_goes_between_answer_and_acknowledgement_fails_the_answer(office):
    leg = office.ring()
    connection = office.answer().call_connection_id
    office.tell(facts.LegFailed(leg, Cause(487, "Request Terminated")))
    assert office.names(connection) == ["AnswerFailed"]
    assert office.result(connection, "AnswerFailed") == (487, 540487)
    assert office.lately(effects.CloseAppLeg)
    assert office.lately(effects.ConnectionClosed) == [effects.ConnectionClosed(connection)]
    assert office.nothing_left()


def test_a_caller_who_never_acknowledges_fails_the_answer(office):
    leg = office.ring()
    connection = office.answer().call_connection_id
    office.tell(facts.LegFailed(leg, Cause(408, "Request Timeout")))
    assert office.names(connection) == ["AnswerFailed"]
    assert office.result(connection, "AnswerFailed") == (400, 8586)


def test_a_phone_edge_that_gives_up_on_the_caller_was_not_answered_in_time(office):
    leg = office.ring()
    connection = office.answer().call_connection_id
    office.tell(facts.LegFailed(leg, Cause(487, "not answered", sub_code=10004)))
    assert office.result(connection, "AnswerFailed") == (400, 8587)


def test_losing_the_media_worker_while_answering_fails_the_answer(office):
    leg = office.ring()
    connection = office.answer().call_connection_id
    office.tell(facts.MediaLost(tuple(office.exchange._registry.calls)))
    assert office.names(connection) == ["AnswerFailed"]
    assert office.result(connection, "AnswerFailed") == (500, 9999)
    assert [e.leg for e in office.lately(effects.EndLeg)] == [leg]


def test_an_old_client_hears_of_a_failed_answer_by_call_disconnected(office):
    leg = office.ring()
    connection = office.answer(version="2023-10-15").call_connection_id
    office.tell(facts.LegFailed(leg, Cause(487, "Request Terminated")))
    assert office.names(connection) == ["CallDisconnected"]


def test_nobody_subscribed_refuses_the_caller_at_once(office):
    leg = office.ring()
    office.tell(facts.NobodyListens(office.context()))
    assert office.lately(effects.RefuseLeg) == [effects.RefuseLeg(leg, 480, "Temporarily Unavailable")]
    assert office.nothing_left()
    assert office.tell(facts.NobodyListens("gone already")) == []


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        (None, 603),
        (CallRejectReason.NONE, 603),
        (CallRejectReason.BUSY, 486),
        (CallRejectReason.FORBIDDEN, 403),
    ],
)
def test_rejecting_refuses_the_phone_with_the_status_of_the_reason(office, reason, status):
    leg = office.ring()
    office.reject(reason)
    assert [(e.leg, e.status) for e in office.lately(effects.RefuseLeg)] == [(leg, status)]
    assert not office.all(effects.Notify)
    assert office.nothing_left()


def test_the_far_end_hanging_up_ends_the_call_with_the_inward_code(office):
    leg, connection = office.answered()
    office.tell(facts.LegDown(leg, Cause(200, "OK")))
    assert office.names(connection)[-1] == "CallDisconnected"
    assert office.result(connection, "CallDisconnected") == (200, 540000)
    assert not office.lately(effects.EndLeg)
    assert office.nothing_left()


def test_hanging_up_one_to_one_ends_the_phone_too(office):
    leg, connection = office.answered(operation_context="bye")
    office.hang_up(connection)
    assert [e.leg for e in office.lately(effects.EndLeg)] == [leg]
    assert office.names(connection) == ["CallConnected", "ParticipantsUpdated", "CallDisconnected"]
    last = office.events(connection)[-1]
    assert last.operation_context == "bye"
    assert office.result(connection, "CallDisconnected") == (200, 7000)
    assert office.nothing_left()


def test_hanging_up_before_the_phone_acknowledged_ends_it_without_failure(office):
    leg = office.ring()
    connection = office.answer().call_connection_id
    office.hang_up(connection)
    assert office.names(connection) == ["CallDisconnected"]
    assert [e.leg for e in office.lately(effects.EndLeg)] == [leg]
    assert office.nothing_left()


def test_an_ended_call_is_not_found_by_get_and_terminated_for_everything_else(office):
    _, connection = office.answered()
    office.terminate(connection)
    with pytest.raises(Refusal) as refused:
        office.get(connection)
    assert (refused.value.status, refused.value.code) == (404, "8522")
    for act in (office.hang_up, office.terminate, office.play, office.cancel_all):
        with pytest.raises(Refusal) as refused:
            act(connection)
        assert (refused.value.status, refused.value.code) == (400, "8528")


def test_the_memory_of_ended_calls_is_bounded(make_office):
    office = make_office(memory=2)
    ended = []
    for _ in range(3):
        _, connection = office.answered()
        office.hang_up(connection)
        ended.append(connection)
    with pytest.raises(Refusal) as refused:
        office.hang_up(ended[0])
    assert refused.value.status == 404
    with pytest.raises(Refusal) as refused:
        office.hang_up(ended[2])
    assert refused.value.status == 400
    assert len(office.exchange._registry.book._decided) == 2


def test_another_resources_call_is_refused(office):
    _, connection = office.answered()
    with pytest.raises(Refusal) as refused:
        office.get(connection, resource=office.BLUE)
    assert (refused.value.status, refused.value.code) == (403, "7507")


def test_facts_that_come_too_late_lead_to_nothing(office):
    leg, connection = office.answered()
    office.tell(facts.LegUp(leg))
    assert office.last == []
    office.hang_up(connection)
    late = [
        facts.LegUp(leg),
        facts.LegRinging(leg),
        facts.LegDown(leg, Cause(200, "OK")),
        facts.LegFailed(leg, Cause(487, "")),
        facts.ToneHeard(leg, "1"),
        facts.AudioStarted(99),
        facts.AudioFinished(99),
        facts.AudioFailed(99, 0, 8535, ""),
        facts.TonesDone(99),
        facts.TonesFailed(99, ""),
        facts.TimerFired(99),
        facts.MediaLost((1, 2)),
    ]
    assert [office.tell(fact) for fact in late] == [[]] * len(late)


def test_losing_the_media_worker_ends_its_calls(office):
    leg, connection = office.answered()
    waiting = office.ring()
    office.play(connection)
    calls = tuple(office.exchange._registry.calls)
    office.tell(facts.MediaLost(calls))
    assert office.names(connection)[-2:] == ["PlayFailed", "CallDisconnected"]
    assert office.result(connection, "PlayFailed") == (500, 8572)
    assert office.result(connection, "CallDisconnected") == (500, 9999)
    assert [e.leg for e in office.lately(effects.EndLeg)] == [leg]
    assert [(e.leg, e.status) for e in office.lately(effects.RefuseLeg)] == [(waiting, 503)]
    assert office.nothing_left()


@pytest.mark.parametrize(
    "uri",
    [
        "http://app.example/cb",
        "ftp://app.example",
        "app.example",
        "https://",
        "https://a:b:c/",
        "",
        "https://a b/",
    ],
)
def test_the_callback_has_to_be_https(office, uri):
    office.ring()
    with pytest.raises(Refusal) as refused:
        office.answer(callback_uri=uri)
    assert (refused.value.status, refused.value.code, refused.value.target) == (400, "8523", "callbackUri")


def test_in_development_the_callback_may_be_http(make_office):
    office = make_office(callbacks=CallbackRules(http=True))
    office.ring()
    assert office.answer(callback_uri="http://127.0.0.1:9/cb?k=v").callback_uri == "http://127.0.0.1:9/cb?k=v"


def test_participants_are_listed_and_found_by_raw_id(office):
    _, connection = office.answered()
    people = office.people(connection)
    assert [p.is_muted for p in people] == [False, False]
    assert [p.is_on_hold for p in people] == [False, False]
    assert office.person(connection, "4:+14255550123").identifier.phone_number.value == office.CALLER
    assert office.person(connection, "4%3A%2B14255550123").identifier.raw_id == "4:+14255550123"
    with pytest.raises(Refusal) as refused:
        office.person(connection, "4:+1999")
    assert (refused.value.status, refused.value.code) == (404, "8522")
    assert "4:+14255550123" in refused.value.message


def test_old_versions_see_no_hold_flag(office):
    _, connection = office.answered()
    assert [p.is_on_hold for p in office.people(connection, version="2023-03-06")] == [None, None]


def test_commands_before_the_call_is_up_are_refused(office):
    office.ring()
    connection = office.answer().call_connection_id
    with pytest.raises(Refusal) as refused:
        office.play(connection)
    assert (refused.value.status, refused.value.code) == (400, "8501")
    assert office.people(connection) == []


def test_calls_do_not_share_identifiers(office):
    first = office.answered()
    second = office.answered()
    assert first[1] != second[1]
    a, b = (office.get(c) for c in (first[1], second[1]))
    assert a.server_call_id != b.server_call_id
    assert a.correlation_id != b.correlation_id


def test_answering_without_any_state_is_harmless(office):
    request = AnswerCallRequest(incoming_call_context="x", callback_uri="https://a.example/")
    with pytest.raises(Refusal):
        office.exchange.execute(0.0, commands.AnswerCall(office.RED, "2026-03-12", request))
    assert office.nothing_left()
    assert Identifier.phone(office.CALLER).phone_number == office.CALLER


def test_stopping_the_server_ends_every_call_and_tells_its_apps(office):
    leg, connection = office.answered()
    waiting = office.ring()
    office.tell(facts.Stopping())
    assert office.names(connection)[-1] == "CallDisconnected"
    assert [e.leg for e in office.lately(effects.EndLeg)] == [leg]
    assert [e.leg for e in office.lately(effects.RefuseLeg)] == [waiting]
    assert office.nothing_left()
