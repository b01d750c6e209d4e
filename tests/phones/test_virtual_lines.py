"""Virtual phones carry out effects and report facts, in virtual time."""

from __future__ import annotations

import pytest
from phones.virtual_room import APP, NUMBER, USER, Room, identity, presses

from hookflash.calls.effects import AnswerLeg, DialLeg, EndLeg, MoveLeg, RefuseLeg, RingLeg
from hookflash.calls.facts import (
    Cause,
    Fact,
    IncomingLeg,
    LegDown,
    LegFailed,
    LegMoved,
    LegNotMoved,
    LegRinging,
    LegUp,
    ToneHeard,
)
from hookflash.phones.virtual.line import best
from hookflash.phones.virtual.phone import MAX_CALLS
from hookflash.ports.virtual_phones import CallState, CauseView, OnCall
from hookflash.wire.identifiers import Identifier

CALLING = "8:acs:6d889502-3d7a-41a8-befa-d21fd80e8767_shop"

# --- being called ---------------------------------------------------------------------------------------


async def test_a_phone_rings_answers_and_is_up() -> None:
    room = Room()
    room.phone()
    room.dial()
    assert room.facts == [LegRinging(1)]
    assert room.shown().state is CallState.RINGING
    await room.clock.settle()
    assert room.facts == [LegRinging(1), LegUp(1)]
    assert room.rows.open == {1: 7}
    shown = room.shown()
    assert (shown.direction, shown.from_, shown.to) == ("in", "+12065550100", NUMBER)
    assert (shown.state, shown.muted, shown.held, shown.cause) == (CallState.UP, False, False, None)
    room.lines.end(EndLeg(1, Cause(200, "OK")))
    assert room.facts[-1] == LegUp(1)
    assert room.shown().cause == CauseView(200, "OK")
    room.over()


async def test_it_rings_as_long_as_its_script_says() -> None:
    room = Room()
    room.phone(after_ms=3000)
    await room.up()
    await room.clock.elapse(2.9)
    assert room.facts == [LegRinging(1)]
    await room.clock.elapse(0.2)
    assert room.facts[-1] == LegUp(1)


async def test_it_rings_until_somebody_answers() -> None:
    room = Room()
    room.phone(on_call=OnCall.RING)
    await room.up()
    await room.clock.elapse(100)
    assert room.facts == [LegRinging(1)]
    room.desk.answer("ada", None)
    await room.clock.settle()
    assert room.facts[-1] == LegUp(1)


@pytest.mark.parametrize("status", [404, 480, 486, 487, 500, 503, 600, 603])
async def test_it_refuses_with_the_cause_of_its_script(status: int) -> None:
    room = Room()
    room.phone(on_call=OnCall.REJECT, status=status, reason="Because", q850=17)
    room.dial()
    assert room.facts == [LegFailed(1, Cause(status, "Because", None, 17, "User busy"))]
    assert room.shown().cause == CauseView(status, "Because", 17)
    room.over()


async def test_a_refusal_may_ring_first_and_has_the_usual_reason() -> None:
    room = Room()
    room.phone(on_call=OnCall.REJECT, after_ms=1000)
    room.dial()
    await room.clock.elapse(1)
    assert room.facts == [LegRinging(1), LegFailed(1, Cause(486, "Busy Here"))]


async def test_headers_come_along_but_a_number_gets_none_of_voip() -> None:
    room = Room()
    room.phone("ada", NUMBER)
    room.phone("bob", USER)
    headers = {"headers": {"X-A": "1", "Via": "forged"}, "voip_headers": {"b": "2"}}
    room.dial(1, NUMBER, **headers)
    room.dial(2, USER, display_name="Shop", **headers)
    assert (room.shown("ada").sip_headers, room.shown("ada").voip_headers) == ({"X-A": "1"}, {})
    assert (room.shown("bob").sip_headers, room.shown("bob").voip_headers) == ({"X-A": "1"}, {"b": "2"})
    assert room.shown("bob").display_name == "Shop"


async def test_a_caller_without_a_number_is_anonymous() -> None:
    room = Room()
    room.phone()
    room.lines.dial(DialLeg(1, 7, identity(NUMBER), None))
    assert room.shown().from_ == "anonymous"


@pytest.mark.parametrize(
    ("target", "source", "shown"),
    [
        (USER, CALLING, CALLING),
        (USER, "4:anonymous", "anonymous"),
        (USER, "4:+12065550123", "+12065550123"),
        (NUMBER, CALLING, "anonymous"),
    ],
)
async def test_without_a_number_a_users_device_sees_which_user_calls(
    target: str, source: str, shown: str
) -> None:
    room = Room()
    room.phone("bob", target)
    room.lines.dial(DialLeg(1, 7, identity(target), None, source=Identifier.parse(source)))
    assert room.shown("bob").from_ == shown


async def test_no_media_fails_the_leg() -> None:
    room = Room()
    room.phone()
    room.rows.full = True
    await room.up()
    assert room.facts[-1] == LegFailed(1, Cause(503, "No media: no media worker is ready", 9001))
    assert room.shown().state is CallState.ENDED
    room.over()


async def test_a_leg_that_ends_while_its_row_opens_leaves_none() -> None:
    room = Room()
    room.phone()
    room.rows.opening = lambda leg: room.lines.end(EndLeg(leg, Cause(200, "OK")))
    await room.up()
    assert room.facts == [LegRinging(1)]
    room.over()


async def test_no_media_for_a_leg_that_has_ended_says_nothing() -> None:
    room = Room()
    room.phone()
    room.rows.full = True
    room.dial()
    room.lines.end(EndLeg(1, Cause(200, "OK")))
    await room.clock.settle()
    assert room.facts == [LegRinging(1)]
    assert room.shown().cause == CauseView(487, "Cancelled by the caller")
    room.over()


async def test_a_phone_taken_away_between_decision_and_dial_has_no_endpoint() -> None:
    room = Room()
    room.dial()
    (fact,) = room.facts
    assert isinstance(fact, LegFailed)
    assert (fact.cause.status, fact.cause.sub_code) == (480, 10037)


# --- several phones of one identity ---------------------------------------------------------------------


async def test_all_phones_ring_and_the_first_to_answer_has_the_call() -> None:
    room = Room()
    room.phone("one", USER, on_call=OnCall.RING)
    room.phone("two", USER, after_ms=1000)
    room.phone("three", USER, after_ms=1000)
    await room.up(target=USER)
    assert room.facts == [LegRinging(1)]
    assert room.lines.call_of(1) is None
    await room.clock.elapse(2)
    assert room.facts == [LegRinging(1), LegUp(1)]
    assert [room.shown(id).state.value for id in ("one", "two", "three")] == ["ended", "up", "ended"]
    assert room.shown("one").cause == CauseView(487, "Answered elsewhere")
    assert room.lines.call_of(1) is not None
    room.lines.end(EndLeg(1, Cause(200, "OK")))
    assert room.shown("one").cause == CauseView(487, "Answered elsewhere")
    room.over()


async def test_a_call_fails_when_every_phone_has_refused_it() -> None:
    room = Room()
    room.phone("one", USER, on_call=OnCall.REJECT, status=503)
    room.phone("two", USER, on_call=OnCall.REJECT, after_ms=1000, status=486)
    room.dial(target=USER)
    assert room.facts == [LegRinging(1)]
    await room.clock.elapse(1)
    assert room.facts == [LegRinging(1), LegFailed(1, Cause(486, "Busy Here"))]
    room.over()


async def test_a_decline_is_one_for_every_phone() -> None:
    room = Room()
    room.phone("one", USER, on_call=OnCall.RING)
    room.phone("two", USER, on_call=OnCall.REJECT, status=603)
    room.dial(target=USER)
    assert room.facts == [LegRinging(1), LegFailed(1, Cause(603, "Decline"))]
    assert room.shown("one").cause == CauseView(487, "Refused elsewhere")
    room.over()


def test_the_best_refusal_is_that_of_rfc_3261() -> None:
    causes = [Cause(503, "a"), Cause(486, "b"), Cause(480, "c")]
    assert best(causes).reason == "b"
    assert best([*causes, Cause(600, "d")]).reason == "d"


# --- calling --------------------------------------------------------------------------------------------


async def test_a_phone_calls_and_is_answered() -> None:
    room = Room()
    room.phone()
    leg = room.start(sip_headers={"X-A": "1"}, voip_headers={"b": "2"})
    assert room.facts == [IncomingLeg(leg, identity(NUMBER), identity(APP), "Ada", {"X-A": "1"}, {"b": "2"})]
    room.lines.ring(RingLeg(leg))
    assert room.shown().state is CallState.RINGING
    room.lines.answer(AnswerLeg(leg, 9))
    room.lines.answer(AnswerLeg(leg, 9))
    await room.clock.settle()
    assert room.facts[1:] == [LegUp(leg)]
    assert room.rows.open == {leg: 9}
    assert (room.shown().direction, room.shown().to) == ("out", APP)


async def test_facts_may_be_answered_from_within() -> None:
    room = Room()

    def on_fact(fact: Fact) -> None:
        if isinstance(fact, IncomingLeg):
            room.lines.answer(AnswerLeg(fact.leg, 9))
        if isinstance(fact, LegUp):
            room.lines.end(EndLeg(fact.leg, Cause(200, "OK")))

    room.phone(press=presses((0, "1")))
    room.on_fact = on_fact
    room.start()
    await room.clock.settle()
    assert room.kinds() == ["IncomingLeg", "LegUp"]
    room.over()


async def test_a_phone_is_refused() -> None:
    room = Room()
    room.phone()
    leg = room.start()
    room.lines.refuse(RefuseLeg(leg, 403, ""))
    assert room.kinds() == ["IncomingLeg"]
    assert room.shown().cause == CauseView(403, "Forbidden")
    room.over()


async def test_a_leg_that_is_up_cannot_be_refused() -> None:
    room = Room()
    room.phone()
    leg = await room.answered()
    room.lines.refuse(RefuseLeg(leg, 403, "No"))
    assert room.shown().state is CallState.UP


async def test_a_caller_gives_up() -> None:
    room = Room()
    room.phone()
    leg = room.start()
    room.desk.hang_up("ada", None)
    assert room.facts[1:] == [LegFailed(leg, Cause(487, "Cancelled by the caller"))]
    room.over()


async def test_a_call_that_was_dialled_cannot_be_answered_by_the_exchange() -> None:
    room = Room()
    room.phone(on_call=OnCall.RING)
    room.dial()
    room.lines.answer(AnswerLeg(1, 9))
    await room.clock.settle()
    assert room.facts == [LegRinging(1)]


async def test_what_is_unknown_is_ignored() -> None:
    room = Room()
    room.lines.answer(AnswerLeg(5, 1))
    room.lines.refuse(RefuseLeg(5, 486, ""))
    room.lines.end(EndLeg(5, Cause(200, "OK")))
    assert not room.lines.knows(5)
    assert room.lines.call_of(5) is None
    assert room.facts == []


# --- an answer that takes its time ----------------------------------------------------------------------


async def test_a_call_it_makes_is_up_when_its_script_says() -> None:
    room = Room()
    room.phone(connect_after_ms=2000, press=presses((0, "1")))
    leg = await room.answered()
    room.facts.clear()
    await room.clock.elapse(1.9)
    assert (room.facts, room.rows.open, room.shown().state) == ([], {}, CallState.RINGING)
    await room.clock.elapse(0.2)
    assert room.facts == [LegUp(leg), ToneHeard(leg, "1")]


async def test_a_call_it_gets_is_up_when_its_script_says() -> None:
    room = Room()
    room.phone(connect_after_ms=2000, after_ms=500)
    await room.up()
    await room.clock.elapse(2.4)
    assert room.facts == [LegRinging(1)]
    await room.clock.elapse(0.2)
    assert room.facts == [LegRinging(1), LegUp(1)]


@pytest.mark.parametrize("how", ["hang_up", "script", "remove"])
@pytest.mark.parametrize("calls", [True, False])
async def test_who_is_gone_before_it_is_up_fails_the_answer(how: str, calls: bool) -> None:
    room = Room()
    room.phone(connect_after_ms=2000, hang_up_after_ms=300 if how == "script" else None)
    if calls:
        leg = await room.answered()
        room.facts.clear()
    else:
        leg = 1
        await room.up()
        assert room.facts == [LegRinging(1)]
        room.facts.clear()
    shown = room.desk.show("ada").calls
    assert [call.state for call in shown] == [CallState.RINGING]
    await room.clock.elapse(1)
    if how == "hang_up":
        room.desk.hang_up("ada", None)
    elif how == "remove":
        room.desk.remove("ada")
    words = "Cancelled by the caller" if calls else "Put down before it was up"
    assert room.facts == [LegFailed(leg, Cause(487, words))]
    await room.clock.elapse(5)
    assert len(room.facts) == 1
    room.over()


async def test_an_answer_that_the_exchange_ends_never_comes_up() -> None:
    room = Room()
    room.phone(connect_after_ms=2000)
    leg = await room.answered()
    room.facts.clear()
    room.lines.end(EndLeg(leg, Cause(200, "OK")))
    await room.clock.elapse(5)
    assert room.facts == []
    room.over()


# --- during a call --------------------------------------------------------------------------------------


async def test_keys_are_pressed_at_the_pace_of_a_finger_then_it_hangs_up() -> None:
    room = Room()
    room.phone(press=presses((500, "12"), (1000, "#")), hang_up_after_ms=2500)
    leg = await room.answered()
    room.facts.clear()
    await room.clock.elapse(0.6)
    assert room.facts == [ToneHeard(leg, "1")]
    await room.clock.elapse(1.2)
    assert room.facts[1:] == [ToneHeard(leg, "2"), ToneHeard(leg, "#")]
    await room.clock.elapse(1)
    assert room.facts[3:] == [LegDown(leg, Cause(200, "OK"))]
    room.over()


async def test_keys_stop_when_the_call_ends() -> None:
    room = Room()
    room.phone(press=presses((0, "123")))
    await room.up()
    room.lines.end(EndLeg(1, Cause(200, "OK")))
    await room.clock.elapse(5)
    assert room.facts[2:] == [ToneHeard(1, "1")]
    room.over()


async def test_a_key_may_end_the_call_that_more_keys_wait_on() -> None:
    room = Room()
    room.phone()
    await room.up()
    room.on_fact = lambda fact: room.lines.end(EndLeg(1, Cause(200, "OK")))
    assert room.lines.press(room.lines.call_of(1), "12")  # type: ignore[arg-type]
    await room.clock.elapse(5)
    assert room.facts[2:] == [ToneHeard(1, "1")]
    room.over()


async def test_a_phone_moves_into_another_call() -> None:
    room = Room()
    room.phone()
    await room.up()
    room.lines.move(MoveLeg(1, 8))
    await room.clock.settle()
    assert room.facts[2:] == [LegMoved(1)]
    assert room.rows.open == {1: 8}


async def test_a_move_that_cannot_be_leaves_it_where_it_is() -> None:
    room = Room()
    room.phone()
    await room.up()
    room.rows.full = True
    room.lines.move(MoveLeg(1, 8))
    await room.clock.settle()
    assert room.facts[2:] == [LegNotMoved(1, "no media worker is ready")]
    assert room.rows.open == {1: 7}


async def test_only_a_leg_that_is_up_can_be_moved() -> None:
    room = Room()
    room.phone(on_call=OnCall.RING)
    room.dial()
    room.lines.move(MoveLeg(1, 8))
    await room.clock.settle()
    assert room.facts[1:] == [LegNotMoved(1, "the phone is not in a call")]


@pytest.mark.parametrize("full", [False, True])
async def test_a_leg_that_ends_while_it_moves_says_nothing_of_it(full: bool) -> None:
    room = Room()
    room.phone()
    await room.up()
    room.rows.opening = lambda leg: room.lines.end(EndLeg(leg, Cause(200, "OK")))
    room.lines.move(MoveLeg(1, 8))
    if full:
        room.rows.full = True
        room.lines.end(EndLeg(1, Cause(200, "OK")))
    await room.clock.settle()
    assert room.kinds()[2:] == (["LegNotMoved"] if full else [])
    room.over()


# --- going ----------------------------------------------------------------------------------------------


async def test_a_phone_taken_away_ends_its_calls() -> None:
    room = Room()
    room.phone(on_call=OnCall.RING)
    room.dial(1)
    out = await room.answered()
    room.dial(2)
    room.desk.answer("ada", 3)  # still opening its row
    room.facts.clear()
    room.desk.remove("ada")
    await room.clock.settle()
    assert room.facts == [
        LegFailed(1, Cause(480, "The phone was taken away")),
        LegDown(out, Cause(200, "OK")),
        LegFailed(2, Cause(487, "Put down before it was up")),
    ]
    room.over()


async def test_a_phone_with_too_many_calls_is_busy() -> None:
    room = Room()
    room.phone(on_call=OnCall.RING)
    for leg in range(MAX_CALLS):
        room.dial(leg)
    room.facts.clear()
    room.dial(1000)
    assert room.facts == [LegFailed(1000, Cause(486, "phone ada has too many calls at once"))]
    room.lines.end(EndLeg(50, Cause(200, "OK")))
    room.facts.clear()
    room.dial(1001)
    assert room.facts == [LegRinging(1001)]
    assert len(room.desk.show("ada").calls) == MAX_CALLS


async def test_closing_ends_everything_without_a_word() -> None:
    room = Room()
    room.phone()
    await room.up(1)
    room.dial(2)
    room.facts.clear()
    await room.lines.close()
    assert room.facts == []
    room.over()
