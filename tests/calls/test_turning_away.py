"""New calls while there is no room for them."""

from __future__ import annotations

import pytest

from hookflash.calls import effects
from hookflash.calls.facts import Pressure, Taking
from hookflash.wire.results import Refusal

FULL = Pressure("load", Taking.ONGOING, "media worker 0: its ticks take 81% of its core", 5)
PACKED = Pressure("load", Taking.NOTHING, "media worker 0: all its legs are in use", 5)
ABSENT = Pressure("media", Taking.NOTHING, "the media worker is ready", 3)
ROOM = Pressure("media", Taking.ALL)
DRAINED = Pressure("server", Taking.ONGOING, "the server is being drained", 10)


def refusal_of(act) -> Refusal:
    with pytest.raises(Refusal) as refused:
        act()
    return refused.value


@pytest.mark.parametrize(
    ("pressure", "code"), [(FULL, "8530"), (PACKED, "8530"), (ABSENT, "9001"), (DRAINED, "Stopping")]
)
def test_no_call_is_created_and_nothing_has_changed(office, pressure, code):
    assert office.tell(pressure) == []
    refusal = refusal_of(lambda: office.create(office.OUTSIDE))
    assert (refusal.status, refusal.code) == (503, code)
    assert pressure.reason in refusal.message
    assert pressure.retry_after <= refusal.retry_after <= pressure.retry_after * 2
    assert f"in {refusal.retry_after} s" in refusal.message
    assert office.effects == []
    assert (office.exchange.live_calls, office.live_connections) == (0, 0)
    office.tell(Pressure(pressure.source, Taking.ALL))
    office.create(office.OUTSIDE)
    assert office.exchange.live_calls == 1
    assert office.exchange.refused_calls == 1


def test_what_is_wrong_with_a_request_is_told_first(office):
    office.tell(FULL)
    refusal = refusal_of(lambda: office.create(office.OUTSIDE, source_caller_id_number=None))
    assert (refusal.status, refusal.code) == (400, "8523")
    assert office.exchange.refused_calls == 0


def test_those_who_are_refused_do_not_all_come_back_at_once(office):
    office.tell(DRAINED)
    waits = [refusal_of(lambda: office.create(office.OUTSIDE)).retry_after for _ in range(12)]
    assert min(waits) == 10
    assert len(set(waits)) == 6


@pytest.mark.parametrize("pressure", [FULL, PACKED, ABSENT, DRAINED])
def test_a_phone_that_calls_is_refused_before_it_rings(office, pressure):
    office.tell(pressure)
    leg = office.ring()
    (refused,) = office.last
    assert isinstance(refused, effects.RefuseLeg)
    assert (refused.leg, refused.status) == (leg, 503)
    assert pressure.retry_after <= refused.retry_after <= pressure.retry_after * 2
    assert office.exchange.live_calls == 0
    office.ring("+19990000000")
    assert office.lately(effects.RefuseLeg)[0].status == 404, "coming again would not help that one"


def test_a_call_that_rings_can_not_be_answered_without_a_place_and_rings_on(office):
    leg = office.ring()
    context = office.context()
    office.tell(FULL)
    refusal = refusal_of(lambda: office.answer(incoming_call_context=context))
    assert (refusal.status, refusal.code) == (503, "8530")
    assert not office.lately(effects.AnswerLeg)
    office.tell(ROOM)
    office.answer(incoming_call_context=context)
    assert [one.leg for one in office.lately(effects.AnswerLeg)] == [leg]


def test_a_server_that_is_drained_still_answers_what_rang_before(office):
    leg = office.ring()
    office.tell(DRAINED)
    office.answer()
    assert [one.leg for one in office.lately(effects.AnswerLeg)] == [leg]


def test_a_call_between_apps_has_its_place_already(office):
    office.create(office.ALICE)
    office.tell(FULL)
    office.answer()
    assert office.live_connections == 2
    assert refusal_of(lambda: office.create(office.ALICE)).status == 503


def test_a_call_between_apps_is_not_answered_where_nothing_more_fits(office):
    office.create(office.ALICE)
    context = office.context()
    office.tell(PACKED)
    assert refusal_of(lambda: office.answer(incoming_call_context=context)).code == "8530"


@pytest.mark.parametrize("pressure", [FULL, DRAINED])
def test_calls_that_are_up_go_on_growing(office, pressure):
    _, connection = office.answered()
    office.tell(pressure)
    office.added(connection, office.OUTSIDE)
    assert "AddParticipantSucceeded" in office.names(connection)
    office.connect(server_call_id=office.get(connection).server_call_id)
    assert office.live_connections == 2


@pytest.mark.parametrize(("pressure", "code"), [(PACKED, "8530"), (ABSENT, "9001")])
def test_nobody_is_added_where_nothing_more_fits(office, pressure, code):
    _, connection = office.answered()
    office.tell(pressure)
    assert refusal_of(lambda: office.add(connection, office.OUTSIDE)).code == code
    assert not office.lately(effects.DialLeg)
    server_call = office.get(connection).server_call_id
    assert refusal_of(lambda: office.connect(server_call_id=server_call)).code == code
    assert office.exchange.refused_calls == 2


@pytest.mark.parametrize("pressure", [FULL, DRAINED])
def test_a_group_call_is_not_opened_and_an_open_one_can_be_joined(office, pressure):
    office.connect(group_call_id="11111111-1111-4111-8111-aaaaaaaaaaaa")
    office.tell(pressure)
    office.connect(group_call_id="11111111-1111-4111-8111-aaaaaaaaaaaa")
    refusal = refusal_of(lambda: office.connect(group_call_id="11111111-1111-4111-8111-bbbbbbbbbbbb"))
    assert refusal.status == 503
    assert office.exchange.live_calls == 1


def test_both_reasons_have_to_go(office):
    office.tell(FULL)
    office.tell(DRAINED)
    office.tell(ROOM)
    assert refusal_of(lambda: office.create(office.OUTSIDE)).code == "Stopping"
    office.tell(FULL)
    office.tell(Pressure("server", Taking.ALL))
    assert refusal_of(lambda: office.create(office.OUTSIDE)).code == "8530"


def test_a_leg_is_known_by_its_call_and_connections(office):
    leg, connection = office.answered()
    correlation, connections = office.exchange.call_of(leg)
    assert correlation == office.get(connection).correlation_id
    assert connections == [(connection, office.RED)]
    assert office.exchange.call_of(999) is None


@pytest.mark.parametrize(("pressure", "code"), [(FULL, "8530"), (PACKED, "8530"), (ABSENT, "9001")])
def test_nobody_is_transferred_where_no_new_call_fits(office, pressure, code):
    _, connection = office.answered()
    office.tell(pressure)
    refusal = refusal_of(lambda: office.transfer(connection, office.OUTSIDE))
    assert (refusal.status, refusal.code) == (503, code)
    assert refusal.message.startswith("Nobody can be transferred now: ")
    assert refusal.retry_after >= pressure.retry_after
    assert not office.lately(effects.DialLeg)
    assert (office.exchange.live_calls, office.exchange.refused_calls) == (1, 1)
    office.tell(ROOM if pressure.source == "media" else Pressure("load", Taking.ALL))
    office.transfer(connection, office.OUTSIDE)
    assert office.lately(effects.DialLeg)


def test_a_server_that_is_drained_still_transfers(office):
    _, connection = office.answered()
    office.tell(DRAINED)
    office.transfer(connection, office.OUTSIDE)
    assert office.lately(effects.DialLeg)
