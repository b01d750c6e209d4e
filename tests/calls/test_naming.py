"""Apps reached under a number are named by it: each side knows the other by what it called, or shows."""

from __future__ import annotations

import pytest
from calls.media_room import refusal

from hookflash.calls import effects
from hookflash.wire.identifiers import PhoneNumberModel


def identity(office, connection, resource):
    """The user an app is in the list of its call."""
    own = office.get(connection, resource)
    return own.answered_by.id if own.answered_by else own.source.raw_id


@pytest.fixture
def both(office):
    """An app of RED called BLUE's number, and an app of BLUE answered: both connections."""
    calling = office.create(office.BLUE_NUMBER).call_connection_id
    return calling, office.answer(resource=office.BLUE).call_connection_id


def test_the_caller_names_whom_it_called(office, both):
    calling, called = both
    office.play(calling, to=[office.BLUE_NUMBER])
    assert len(office.lately(effects.PlayAudio)) == 1
    office.recognize(calling, office.BLUE_NUMBER, interrupt_call_media_operation=True)
    person = office.person(calling, "4:" + office.BLUE_NUMBER)
    assert person.identifier.raw_id == identity(office, called, office.BLUE)
    office.remove(calling, office.BLUE_NUMBER, operation_context="out")
    assert office.result(called, "CallDisconnected") == (200, 5300)
    removed = next(e for e in office.events(calling) if type(e).__name__ == "RemoveParticipantSucceeded")
    assert removed.participant.raw_id == "4:" + office.BLUE_NUMBER


def test_the_callee_names_who_is_in_its_incoming_call(office, both):
    _, called = both
    shown = office.all(effects.RaiseIncomingCall)[-1].data.from_.raw_id
    assert shown == "4:" + office.RED_NUMBER
    office.play(called, to=[office.RED_NUMBER], resource=office.BLUE)
    assert len(office.lately(effects.PlayAudio)) == 1


def test_an_app_is_itself_under_its_number(office, both):
    calling, _ = both
    assert refusal(lambda: office.play(calling, to=[office.RED_NUMBER]))[:2] == (400, "8523")
    assert refusal(lambda: office.remove(calling, office.RED_NUMBER))[:2] == (400, "8523")


def test_an_added_number_is_told_and_removed_under_that_number(office):
    _, connection = office.answered()
    office.add(connection, office.BLUE_NUMBER)
    shown = office.lately(effects.RaiseIncomingCall)[0].data.from_.raw_id
    added = office.answer(resource=office.BLUE).call_connection_id
    told = office.events(connection)[-1]
    assert (type(told).__name__, told.participant.raw_id) == (
        "AddParticipantSucceeded",
        "4:" + office.BLUE_NUMBER,
    )
    # The added app in turn knows who added it by the number shown.
    office.play(added, to=[shown.removeprefix("4:")], resource=office.BLUE)
    office.remove(connection, office.BLUE_NUMBER)
    assert office.result(added, "CallDisconnected") == (200, 5300)


def test_a_redirected_app_goes_by_both_names(office):
    calling = office.create(office.BLUE_NUMBER).call_connection_id
    office.redirect(office.BOB, resource=office.BLUE)
    office.answer(resource=office.BLUE)
    for name in (office.BOB, "4:" + office.BLUE_NUMBER):
        assert office.person(calling, name).identifier.raw_id == office.BOB


def test_whoever_has_the_very_identity_comes_first(office):
    """The app calls in the name of somebody who is in the call as well."""
    shown = PhoneNumberModel(value=office.CALLER)
    _, connection = office.created(office.OUTSIDE, source_caller_id_number=shown)
    own = identity(office, connection, office.RED)
    assert office.person(connection, "4:" + office.CALLER).identifier.raw_id == own
    office.added(connection, office.CALLER)
    assert office.person(connection, "4:" + office.CALLER).identifier.raw_id == "4:" + office.CALLER
    office.play(connection, to=[office.CALLER])
    assert len(office.lately(effects.PlayAudio)) == 1


def test_only_so_many_names_are_kept(office):
    _, connection = office.answered()
    numbers = [f"+1800555{n:04}" for n in range(9)]
    for number in numbers:
        invitation = office.add(
            connection, office.BLUE_NUMBER, source_caller_id_number=PhoneNumberModel(value=number)
        ).invitation_id
        office.cancel_add(connection, invitation)
    own = identity(office, connection, office.RED)
    for number in numbers[1:]:
        assert office.person(connection, f"4:{number}").identifier.raw_id == own
    assert refusal(lambda: office.person(connection, f"4:{numbers[0]}"))[:2] == (404, "8522")
