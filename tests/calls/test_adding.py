"""Adding participants: every way it ends, and every way it can be refused."""

from __future__ import annotations

import pytest

from hookflash.calls import effects, facts
from hookflash.calls.facts import Cause
from hookflash.wire.enums import CallRejectReason
from hookflash.wire.identifiers import PhoneNumberModel
from hookflash.wire.results import Refusal

from .conftest import context


def test_adding_a_phone_dials_it_and_tells_of_the_roster_before_the_success(office):
    _, connection = office.answered()
    response = office.add(
        connection,
        office.OUTSIDE,
        source_display_name="Desk",
        operation_context="add",
        custom_calling_context=context({"X-Dept": "billing"}, {"k": "v"}),
    )
    dial = office.lately(effects.DialLeg)[0]
    assert (dial.target.phone_number, dial.caller) == (office.OUTSIDE, office.RED_NUMBER)
    assert (dial.display_name, dial.headers, dial.voip_headers) == ("Desk", {"X-Dept": "billing"}, {"k": "v"})
    assert response.participant.identifier.raw_id == "4:" + office.OUTSIDE
    assert (response.participant.is_muted, response.participant.is_on_hold) == (False, False)
    assert response.operation_context == "add"
    assert response.invitation_id
    office.tell(facts.LegRinging(dial.leg))
    office.tell(facts.LegUp(dial.leg))
    assert office.names(connection)[2:] == ["ParticipantsUpdated", "AddParticipantSucceeded"]
    updated, succeeded = office.events(connection)[2:]
    assert [p.identifier.raw_id for p in updated.participants][-1] == "4:" + office.OUTSIDE
    assert updated.operation_context is None
    assert (succeeded.participant.raw_id, succeeded.operation_context) == ("4:" + office.OUTSIDE, "add")
    assert office.result(connection, "AddParticipantSucceeded") == (200, 0)


def test_an_added_phone_that_is_busy_fails_with_the_real_cause(office):
    _, connection = office.answered()
    office.add(connection, office.OUTSIDE, operation_context="add")
    leg = office.lately(effects.DialLeg)[0].leg
    office.tell(facts.LegFailed(leg, Cause(486, "Busy Here", q850=17, q850_text="user busy")))
    assert office.names(connection)[2:] == ["AddParticipantFailed"]
    failed = office.events(connection)[-1]
    assert failed.participant.raw_id == "4:" + office.OUTSIDE
    assert failed.operation_context == "add"
    assert (failed.result_information.code, failed.result_information.sub_code) == (486, 560486)
    assert failed.result_information.sip_details.code == 486
    assert failed.result_information.q850_details.code == 17
    assert office.exchange.live_calls == 1


@pytest.mark.parametrize(("asked", "seconds"), [(None, 60), (0, 60), (7, 7), (180, 180)])
def test_an_added_phone_that_is_not_answered_in_time(office, asked, seconds):
    _, connection = office.answered()
    office.add(connection, office.OUTSIDE, invitation_timeout_in_seconds=asked)
    leg = office.lately(effects.DialLeg)[0].leg
    office.later(seconds - 0.1)
    assert office.names(connection)[2:] == []
    office.later(0.1)
    assert office.names(connection)[2:] == ["AddParticipantFailed"]
    assert office.result(connection, "AddParticipantFailed") == (487, 10004)
    assert [e.leg for e in office.all(effects.EndLeg)] == [leg]


def test_adding_a_user_offers_the_call_with_an_empty_custom_context(office):
    _, connection = office.answered()
    office.add(connection, office.BOB, invitation_timeout_in_seconds=90)
    raised = office.lately(effects.RaiseIncomingCall)[0]
    assert raised.resource == office.BLUE
    assert (raised.data.custom_context.sip_headers, raised.data.custom_context.voip_headers) == ({}, {})
    assert raised.data.from_.raw_id == office.get(connection).answered_by.id
    assert raised.data.server_call_id == office.get(connection).server_call_id
    office.later(89)
    added = office.answer(resource=office.BLUE).call_connection_id
    assert office.names(added) == ["CallConnected", "ParticipantsUpdated"]
    assert office.names(connection)[2:] == ["ParticipantsUpdated", "AddParticipantSucceeded"]
    assert office.events(connection)[-1].participant.raw_id == office.BOB
    assert len(office.people(connection)) == 3


def test_adding_an_owned_number_shows_the_number_given(office):
    _, connection = office.answered()
    office.add(connection, office.BLUE_NUMBER)
    assert office.lately(effects.RaiseIncomingCall)[0].data.from_.raw_id == "4:" + office.RED_NUMBER
    assert office.answer(resource=office.BLUE).answered_for.value == office.BLUE_NUMBER


def test_an_app_that_declines_to_be_added(office):
    _, connection = office.answered()
    office.add(connection, office.BOB)
    office.reject(CallRejectReason.BUSY, resource=office.BLUE)
    assert office.result(connection, "AddParticipantFailed") == (200, 5002)


def test_nobody_listening_fails_the_add(office):
    _, connection = office.answered()
    office.add(connection, office.BOB)
    office.tell(facts.NobodyListens(office.context()))
    assert office.result(connection, "AddParticipantFailed") == (480, 10037)


def test_an_added_user_may_be_redirected_and_the_success_names_who_came(office):
    _, connection = office.answered()
    invitation = office.add(connection, office.BOB).invitation_id
    office.redirect(office.OUTSIDE, resource=office.BLUE)
    dial = office.lately(effects.DialLeg)[0]
    office.tell(facts.LegUp(dial.leg))
    assert office.events(connection)[-1].participant.raw_id == "4:" + office.OUTSIDE
    office.cancel_add(connection, invitation)
    assert office.names(connection)[-1] == "CancelAddParticipantFailed"


def test_cancelling_an_add_that_was_redirected_stops_what_rings_now(office):
    _, connection = office.answered()
    invitation = office.add(connection, office.BOB).invitation_id
    office.redirect(office.OUTSIDE, resource=office.BLUE)
    leg = office.lately(effects.DialLeg)[0].leg
    office.cancel_add(connection, invitation)
    assert [e.leg for e in office.lately(effects.EndLeg)] == [leg]
    assert office.names(connection)[2:] == ["CancelAddParticipantSucceeded"]


def test_events_of_an_add_go_to_its_own_callback(office):
    _, connection = office.answered()
    office.add(connection, office.OUTSIDE, operation_callback_uri="https://app.example/added")
    office.tell(facts.LegUp(office.lately(effects.DialLeg)[0].leg))
    uris = {type(note.data).__name__: note.callback_uri for note in office.notes(connection)}
    assert uris["AddParticipantSucceeded"] == "https://app.example/added"
    assert uris["ParticipantsUpdated"] == "https://app.example/cb"


def test_cancelling_an_add_says_so_and_nothing_else(office):
    _, connection = office.answered()
    invitation = office.add(connection, office.OUTSIDE, operation_context="add").invitation_id
    leg = office.lately(effects.DialLeg)[0].leg
    response = office.cancel_add(
        connection,
        invitation.upper(),
        operation_context="never mind",
        operation_callback_uri="https://app.example/canceled",
    )
    assert (response.invitation_id, response.operation_context) == (invitation, "never mind")
    assert [(e.leg, e.cause.status) for e in office.lately(effects.EndLeg)] == [(leg, 487)]
    assert office.names(connection)[2:] == ["CancelAddParticipantSucceeded"]
    note = office.notes(connection)[-1]
    assert note.callback_uri == "https://app.example/canceled"
    assert (note.data.invitation_id, note.data.operation_context) == (invitation, "never mind")
    office.tell(facts.LegFailed(leg, Cause(487, "Request Terminated")))
    assert office.last == []


@pytest.mark.parametrize(
    ("settle", "word"),
    [("answer", "answered"), ("fail", "failed"), ("cancel", "canceled")],
)
def test_a_cancel_that_lost_the_race_fails_by_an_event(office, settle, word):
    _, connection = office.answered()
    invitation = office.add(connection, office.OUTSIDE).invitation_id
    leg = office.lately(effects.DialLeg)[0].leg
    if settle == "answer":
        office.tell(facts.LegUp(leg))
    elif settle == "fail":
        office.tell(facts.LegFailed(leg, Cause(486, "Busy Here")))
    else:
        office.cancel_add(connection, invitation)
    response = office.cancel_add(connection, invitation, operation_context="late")
    assert response.invitation_id == invitation
    failed = office.events(connection)[-1]
    assert type(failed).__name__ == "CancelAddParticipantFailed"
    assert (failed.invitation_id, failed.operation_context) == (invitation, "late")
    assert (failed.result_information.code, failed.result_information.sub_code) == (404, 8522)
    assert word in failed.result_information.message


def test_an_invitation_of_another_call_cannot_be_canceled(office):
    _, connection = office.answered()
    invitation = office.add(connection, office.OUTSIDE).invitation_id
    _, other = office.answered()
    for unknown in (invitation, "8d0c7a2e-0000-4000-8000-000000000000"):
        with pytest.raises(Refusal) as refused:
            office.cancel_add(other, unknown)
        assert (refused.value.status, refused.value.code) == (404, "8522")
        assert other in refused.value.message


def test_what_is_remembered_of_settled_adds_is_bounded():
    from hookflash.calls.adding import AddBook

    book = AddBook(memory=2)

    class Fake:
        def __init__(self, number: int) -> None:
            self.invitation_id = str(number)
            self.connection = self
            self.id = "c"

    for number in range(3):
        book.open[str(number)] = Fake(number)  # type: ignore[assignment]
        book.settle(Fake(number), "has failed already")  # type: ignore[arg-type]
    assert list(book.settled) == ["1", "2"]


def test_the_call_ending_settles_its_adds_before_the_last_event(office):
    leg, connection = office.answered()
    office.add(connection, office.OUTSIDE)
    dialled = office.lately(effects.DialLeg)[0].leg
    office.terminate(connection)
    assert office.names(connection)[2:] == ["AddParticipantFailed", "CallDisconnected"]
    assert office.result(connection, "AddParticipantFailed") == (487, 560487)
    assert {e.leg for e in office.lately(effects.EndLeg)} == {leg, dialled}
    assert office.nothing_left()


def test_a_call_goes_on_for_somebody_who_is_being_added_and_ends_if_they_do_not_come(office):
    leg, connection = office.answered()
    office.add(connection, office.OUTSIDE)
    dialled = office.lately(effects.DialLeg)[0].leg
    office.tell(facts.LegDown(leg, Cause(200, "OK")))
    assert office.names(connection)[-1] == "ParticipantsUpdated"
    office.tell(facts.LegFailed(dialled, Cause(486, "Busy Here")))
    assert office.names(connection)[-2:] == ["AddParticipantFailed", "CallDisconnected"]
    assert office.nothing_left()


def test_cancelling_the_only_other_end_ends_the_call(office):
    leg, connection = office.answered()
    invitation = office.add(connection, office.OUTSIDE).invitation_id
    office.tell(facts.LegDown(leg, Cause(200, "OK")))
    office.cancel_add(connection, invitation)
    assert office.names(connection)[-2:] == ["CancelAddParticipantSucceeded", "CallDisconnected"]
    assert office.nothing_left()


def test_adding_the_same_one_twice_is_refused(office):
    _, connection = office.answered()
    with pytest.raises(Refusal) as refused:
        office.add(connection, office.CALLER)
    assert (refused.value.status, refused.value.code, refused.value.target) == (
        400,
        "8523",
        "participantToAdd",
    )
    office.add(connection, office.OUTSIDE)
    office.later(2)
    with pytest.raises(Refusal, match=r"ringing for 2\.0 s") as refused:
        office.add(connection, office.OUTSIDE)
    assert (refused.value.status, refused.value.code) == (409, "8519")


@pytest.mark.parametrize(
    ("target", "fields", "status", "code", "field"),
    [
        ("+14255550999", {"source_caller_id_number": None}, 400, "8523", "sourceCallerIdNumber"),
        ("+14255550999", {"source_caller_id_number": PhoneNumberModel(value="")}, 400, "8523", None),
        ("+14255550999", {"operation_callback_uri": "http://x.example"}, 400, "8523", "operationCallbackUri"),
        ("8:orgid:abc", {}, 405, "8520", "participantToAdd"),
        ("4:anonymous", {}, 400, "8523", "participantToAdd"),
        ("8:acs:99999999-9999-4999-8999-999999999999_1", {}, 404, "8522", "participantToAdd"),
    ],
)
def test_impossible_adds_are_refused_and_change_nothing(office, target, fields, status, code, field):
    _, connection = office.answered()
    before = len(office.effects)
    with pytest.raises(Refusal) as refused:
        office.add(connection, target, **fields)
    assert (refused.value.status, refused.value.code) == (status, code)
    assert field is None or refused.value.target == field
    assert len(office.effects) == before


def test_adding_needs_a_call_that_is_up(office):
    connection = office.create(office.OUTSIDE).call_connection_id
    with pytest.raises(Refusal) as refused:
        office.add(connection, office.CALLER)
    assert (refused.value.status, refused.value.code) == (400, "8501")


def test_a_call_has_only_so_many_ends(office, monkeypatch):
    monkeypatch.setattr("hookflash.calls.server_call.MAX_ENDS", 3)
    _, connection = office.answered()
    _, other = office.created(office.OUTSIDE)
    office.add(connection, "+14255550701")
    server_call_id = office.get(connection).server_call_id
    for act in (
        lambda: office.add(connection, "+14255550777"),
        lambda: office.connect(server_call_id=server_call_id),
        lambda: office.move(connection, other, office.OUTSIDE),
    ):
        with pytest.raises(Refusal, match="3 ends") as refused:
            act()
        assert (refused.value.status, refused.value.code) == (400, "8585")
