"""Phones of the house: whom they may dial, what they show, and their keys where no app takes them."""

from __future__ import annotations

import pytest

from hookflash.calls import effects, facts
from hookflash.wire.identifiers import Identifier


def dials(office, number: str, outward: str | None, caller: str | None = None) -> int:
    """A registered phone calls a number; returns its leg."""
    leg = office.exchange.new_leg()
    who = Identifier.parse(caller or office.ALICE)
    office.tell(facts.IncomingLeg(leg, who, Identifier.phone(number), "Alice", outward=outward))
    return leg


def phones_talk(office) -> tuple[int, int]:
    """Alice's phone has called Bob's, and no app is there; returns both legs."""
    office.devices(office.BOB)
    leg = office.exchange.new_leg()
    office.tell(facts.IncomingLeg(leg, Identifier.parse(office.ALICE), Identifier.parse(office.BOB), "Alice"))
    (dialled,) = office.all(effects.DialLeg)
    (raised,) = office.all(effects.RaiseIncomingCall)
    office.tell(facts.NobodyListens(raised.data.incoming_call_context))
    office.tell(facts.LegUp(dialled.leg))
    office.tell(facts.LegUp(leg))
    return leg, dialled.leg


def test_one_phone_calls_another_with_no_app_at_all(office):
    alice, bob = phones_talk(office)
    (dialled,) = office.all(effects.DialLeg)
    assert (dialled.target.raw_id, dialled.source.raw_id) == (office.BOB, office.ALICE)
    assert {one.leg for one in office.all(effects.JoinMix)} == {alice, bob}
    office.tell(facts.LegDown(bob, facts.Cause(200, "OK")))
    assert [one.leg for one in office.all(effects.EndLeg)] == [alice]


def test_a_key_goes_to_the_others_where_there_is_no_app(office):
    alice, bob = phones_talk(office)
    office.tell(facts.ToneHeard(alice, "5"))
    office.tell(facts.ToneHeard(bob, "#"))
    assert [(one.leg, one.digits) for one in office.all(effects.SendTones)] == [(bob, "5"), (alice, "#")]
    numbers = [one.sending for one in office.all(effects.SendTones)]
    for number in numbers:
        office.tell(facts.TonesDone(number))
    assert len(set(numbers)) == 2


def test_a_key_that_everybody_hears_is_not_pressed_again(office):
    alice, _ = phones_talk(office)
    office.tell(facts.ToneHeard(alice, "5", audible=True))
    assert not office.all(effects.SendTones)


def test_a_key_is_the_apps_where_there_is_one(office):
    leg, _ = office.answered()
    office.tell(facts.ToneHeard(leg, "5"))
    assert not office.all(effects.SendTones)


@pytest.mark.parametrize(("outward", "shown"), [("+12065550100", "+12065550100"), ("", None)])
def test_a_phone_that_may_dials_a_number_nobody_owns(office, outward, shown):
    dials(office, office.OUTSIDE, outward)
    (dialled,) = office.all(effects.DialLeg)
    assert (dialled.target.phone_number, dialled.caller) == (office.OUTSIDE, shown)
    assert dialled.resource == office.RED, "who pays for it"
    assert not office.all(effects.RaiseIncomingCall)


def test_a_phone_that_may_not_is_refused(office):
    leg = dials(office, office.OUTSIDE, None)
    (refused,) = office.all(effects.RefuseLeg)
    assert (refused.leg, refused.status) == (leg, 404)


def test_an_owned_number_rings_its_apps_whatever_a_phone_may_dial(office):
    dials(office, office.RED_NUMBER, "+12065550100")
    (raised,) = office.all(effects.RaiseIncomingCall)
    assert raised.data.from_.raw_id == office.ALICE
    assert not office.all(effects.DialLeg)


def test_devices_of_several_kinds_are_counted_apart(office):
    office.tell(facts.DevicesChanged(office.BOB, 1, "registered"))
    office.tell(facts.DevicesChanged(office.BOB, 1))
    office.tell(facts.DevicesChanged(office.BOB, 0))
    office.create(office.BOB)
    assert len(office.all(effects.DialLeg)) == 1
    office.tell(facts.DevicesChanged(office.BOB, 0, "registered"))
    office.create(office.BOB)
    assert len(office.all(effects.DialLeg)) == 1
