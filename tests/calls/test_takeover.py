"""Transfers that phones ask for: blind and attended, and every way they fail."""

from __future__ import annotations

import pytest

from hookflash.calls import effects, facts
from hookflash.calls.effects import TellReferrer
from hookflash.calls.facts import Cause, LegRefers
from hookflash.wire.identifiers import Identifier
from hookflash.wire.results import Refusal

THIRD = "+14255550777"


def refers(office, leg, to=THIRD, refer=1, **more):
    office.tell(LegRefers(leg, refer, Identifier.phone(to), **more))


def told(office):
    return [(effect.refer, effect.status) for effect in office.all(TellReferrer)]


def names(office, connection):
    return sorted(one.identifier.raw_id for one in office.people(connection))


def test_the_call_goes_on_with_whom_the_phone_has_named(office):
    leg, connection = office.answered()
    refers(office, leg, by="<sip:pbx@192.0.2.1>")
    (dial,) = office.lately(effects.DialLeg)
    assert (dial.target.phone_number, dial.caller, dial.referrer) == (
        THIRD,
        office.RED_NUMBER,
        "<sip:pbx@192.0.2.1>",
    )
    assert dial.resource == office.RED
    assert told(office) == []
    office.tell(facts.LegRinging(dial.leg))
    assert told(office) == [(1, 180)]
    before = office.names(connection)
    office.tell(facts.LegUp(dial.leg))
    assert told(office) == [(1, 180), (1, 200)]
    assert [effect.leg for effect in office.lately(effects.EndLeg)] == [leg]
    assert office.names(connection) == [*before, "ParticipantsUpdated", "ParticipantsUpdated"]
    both, after = office.events(connection)[-2:]
    assert len(both.participants) == 3
    assert [one.identifier.raw_id for one in after.participants if one.identifier.phone_number] == [
        "4:" + THIRD
    ]
    office.hang_up(connection)
    assert office.nothing_left()


def test_nobody_answers_and_the_call_goes_on(office):
    leg, connection = office.answered()
    before = office.names(connection)
    refers(office, leg)
    (dial,) = office.lately(effects.DialLeg)
    office.tell(facts.LegFailed(dial.leg, Cause(486, "Busy Here")))
    assert told(office) == [(1, 486)]
    assert office.names(connection) == before
    refers(office, leg, refer=2)
    office.later(61)
    assert told(office)[-1] == (2, 487)
    assert office.get(connection).call_connection_state == "connected"
    office.hang_up(connection)
    assert office.nothing_left()


def test_a_phone_that_hangs_up_meanwhile_is_not_waited_for(office):
    leg, connection = office.answered()
    refers(office, leg)
    (dial,) = office.lately(effects.DialLeg)
    office.tell(facts.LegDown(leg, Cause(200, "OK")))
    assert office.get(connection).call_connection_state == "connected"
    office.tell(facts.LegUp(dial.leg))
    assert told(office) == [(1, 200)]
    assert not office.lately(effects.EndLeg)
    assert "4:" + THIRD in names(office, connection)
    office.hang_up(connection)
    assert office.nothing_left()


def test_who_hangs_up_and_refers_to_nobody_ends_the_call(office):
    leg, connection = office.answered()
    refers(office, leg)
    (dial,) = office.lately(effects.DialLeg)
    office.tell(facts.LegDown(leg, Cause(200, "OK")))
    office.tell(facts.LegFailed(dial.leg, Cause(404, "Not Found")))
    assert told(office) == [(1, 404)]
    assert office.result(connection, "CallDisconnected") == (200, 7000)
    assert office.nothing_left()


def test_the_call_ends_while_the_target_rings(office):
    leg, connection = office.answered()
    refers(office, leg)
    (dial,) = office.lately(effects.DialLeg)
    office.hang_up(connection)
    assert told(office) == [(1, 487)]
    assert sorted(effect.leg for effect in office.lately(effects.EndLeg)) == sorted([leg, dial.leg])
    assert office.nothing_left()


def test_an_owned_number_rings_its_apps_and_may_be_sent_on(office):
    leg, connection = office.answered()
    refers(office, leg, office.BLUE_NUMBER)
    assert not office.lately(effects.DialLeg)
    (raised,) = office.lately(effects.RaiseIncomingCall)
    assert raised.resource == office.BLUE
    office.redirect(THIRD, office.BLUE)
    assert told(office) == [], "a redirect is not the end of it"
    (dial,) = office.lately(effects.DialLeg)
    office.tell(facts.LegRinging(dial.leg))
    office.tell(facts.LegUp(dial.leg))
    assert told(office) == [(1, 180), (1, 200)]
    assert "4:" + THIRD in names(office, connection)
    office.hang_up(connection)
    assert office.nothing_left()


def test_an_app_that_rejects_is_told_as_such(office):
    leg, _ = office.answered()
    refers(office, leg, office.BLUE_NUMBER)
    office.reject(resource=office.BLUE)
    assert told(office) == [(1, 603)]


def test_two_phones_go_on_without_the_first(office):
    """In a call of two phones and an app the other phone talks to the new one."""
    legs, connection = office.created(office.OUTSIDE, office.CALLER)
    refers(office, legs[0])
    (dial,) = office.lately(effects.DialLeg)
    assert dial.caller == office.RED_NUMBER
    office.tell(facts.LegUp(dial.leg))
    assert [raw for raw in names(office, connection) if raw.startswith("4:")] == [
        "4:" + office.CALLER,
        "4:" + THIRD,
    ]


def test_what_cannot_be_is_told_at_once(office):
    leg, connection = office.answered()
    refers(office, 4711)
    assert told(office)[-1] == (1, 480)
    refers(office, leg, office.CALLER, 2)
    assert told(office)[-1] == (2, 403)
    office.tell(LegRefers(leg, 3, Identifier.user("8:acs:nobody_1")))
    assert told(office)[-1] == (3, 404)
    refers(office, leg, refer=4)
    (dial,) = office.lately(effects.DialLeg)
    refers(office, leg, refer=5)
    assert told(office)[-1] == (5, 491)
    with pytest.raises(Refusal) as refusal:
        office.transfer(connection, office.OUTSIDE)
    assert refusal.value.code == "8607"
    refers(office, dial.leg, refer=6)
    assert told(office)[-1] == (6, 480), "it rings yet"
    refers(office, leg, refer=7, joins=4711)
    assert told(office)[-1] == (7, 491)


def test_nobody_more_can_be_taken(office):
    leg, _ = office.answered()
    office.tell(facts.Pressure("load", facts.Taking.NOTHING, "full"))
    refers(office, leg)
    assert told(office) == [(1, 503)]


# --- attended -------------------------------------------------------------------------------------------


def two_calls(office, *more):
    """A PBX has called an app, and calls another one with ``more`` phones in it: its legs and connections."""
    first, one = office.answered()
    second = office.ring(caller="+14255550124")
    two = office.answer().call_connection_id
    office.tell(facts.LegUp(second))
    legs = [office.added(two, number) for number in more]
    return first, one, second, two, legs


def test_the_phones_of_the_other_call_come_to_this_one(office):
    first, one, second, two, (third,) = two_calls(office, THIRD)
    refers(office, first, joins=second)
    assert not office.lately(effects.DialLeg)
    assert [effect.leg for effect in office.lately(effects.MoveLeg)] == [third]
    assert told(office) == []
    office.tell(facts.LegMoved(third))
    assert told(office) == [(1, 200)]
    assert [effect.leg for effect in office.lately(effects.EndLeg)] == [first, second]
    assert [raw for raw in names(office, one) if raw.startswith("4:")] == ["4:" + THIRD]
    assert office.result(two, "CallDisconnected") == (200, 7000)
    office.hang_up(one)
    assert office.nothing_left()


def test_the_phones_of_this_call_go_to_the_app_of_the_other(office):
    first, one, second, two, (third,) = two_calls(office, THIRD)
    refers(office, second, joins=first)
    assert [effect.leg for effect in office.lately(effects.MoveLeg)] == [third]
    office.tell(facts.LegMoved(third))
    assert told(office) == [(1, 200)]
    assert [raw for raw in names(office, one) if raw.startswith("4:")] == ["4:" + THIRD]
    assert office.names(two)[-1] == "CallDisconnected"


def test_a_leg_that_cannot_be_brought_over_leaves_both_calls(office):
    first, one, second, two, (third,) = two_calls(office, THIRD)
    refers(office, first, joins=second)
    office.tell(facts.LegNotMoved(third, "no port"))
    assert told(office) == [(1, 500)]
    assert not office.lately(effects.EndLeg)
    assert len(names(office, one)) == 2
    assert len(names(office, two)) == 3
    refers(office, first, refer=2, joins=second)
    office.tell(facts.LegMoved(third))
    assert told(office)[-1] == (2, 200), "it can be tried again"


def test_who_comes_hangs_up_on_the_way(office):
    first, one, second, two, (third,) = two_calls(office, THIRD)
    refers(office, first, joins=second)
    office.tell(facts.LegDown(third, Cause(200, "OK")))
    assert told(office) == [(1, 500)]
    assert len(names(office, one)) == 2
    assert len(names(office, two)) == 2
    for connection in (one, two):
        office.hang_up(connection)
    assert office.nothing_left()


def test_the_call_to_come_to_ends_while_a_user_is_on_the_way(office):
    office.tell(facts.DevicesChanged(office.ALICE, 1))
    first, one, second, two, (third, alice) = two_calls(office, THIRD, office.ALICE)
    refers(office, first, joins=second)
    assert [effect.leg for effect in office.lately(effects.MoveLeg)] == [third, alice]
    office.tell(facts.LegMoved(third))
    office.terminate(one)
    assert told(office) == [(1, 200)], "somebody came"
    assert office.result(two, "CallDisconnected") == (200, 7000)
    told_of = [effect for effect in office.all(effects.PublishEvent) if "Participant" in effect.type]
    comings = sorted(e.data.participant_id for e in told_of if e.type.endswith("Added"))
    goings = sorted(e.data.participant_id for e in told_of if e.type.endswith("Removed"))
    assert comings == goings, "whoever came is said to have gone before the call ended"
    assert office.nothing_left()


def test_apps_alone_cannot_be_joined(office):
    first, one, second, two, _ = two_calls(office)
    refers(office, first, joins=second)
    assert told(office) == [(1, 603)]
    refers(office, first, refer=2, joins=4711)
    assert told(office)[-1] == (2, 481)
    refers(office, first, refer=3, joins=first)
    assert told(office)[-1] == (3, 481)
    assert len(names(office, one)) == len(names(office, two)) == 2


def test_calls_of_different_resources_are_not_joined(office):
    first, one = office.answered()
    second = office.ring(office.BLUE_NUMBER, "+14255550124")
    two = office.answer(office.BLUE).call_connection_id
    office.tell(facts.LegUp(second))
    office.added(one, THIRD)
    refers(office, first, joins=second)
    assert told(office) == [(1, 403)]
    assert len(office.people(two, office.BLUE)) == 2


def test_without_an_app_the_resource_of_the_user_pays(office):
    leg = office.exchange.new_leg()
    alice = Identifier.parse(office.ALICE)
    office.tell(facts.IncomingLeg(leg, alice, Identifier.phone(office.OUTSIDE), "Alice", outward=""))
    (dialled,) = office.all(effects.DialLeg)
    office.tell(facts.LegUp(dialled.leg))
    office.tell(facts.LegUp(leg))
    refers(office, dialled.leg)
    (dial,) = office.lately(effects.DialLeg)
    assert (dial.target.phone_number, dial.resource) == (THIRD, office.RED)


def test_a_dialog_of_another_server_is_dialled(office):
    leg, _ = office.answered()
    refers(office, leg, replaces="abc;to-tag=x;from-tag=y")
    assert office.lately(effects.DialLeg)[0].replaces == "abc;to-tag=x;from-tag=y"
