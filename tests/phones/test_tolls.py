"""Which calls may go out, and at whose expense."""

from __future__ import annotations

import pytest
from phones.exchange import BYE, THEM, Bench, configured, dialled, incoming, sdp

from hookflash.calls.effects import AnswerLeg, EndLeg
from hookflash.calls.facts import LegDown, LegFailed, LegUp
from hookflash.phones.config import PhonesConfig
from hookflash.phones.tolls import NumberRules, TollGate, TollRules
from hookflash.phones.trunk import TrunkPhones
from hookflash.testing.clock import VirtualClock
from hookflash.wire.identifiers import Identifier

OWN, OTHER = "+12065550100", "+12065550101"
OWNERS = {OWN: "aaaa", OTHER: "aaaa"}
CALLEE = "+14255550100"


def gate(**rules: object) -> tuple[TollGate, VirtualClock]:
    clock = VirtualClock()
    return TollGate(clock, TollRules(**rules), OWNERS.get), clock  # type: ignore[arg-type]


def refused(made: TollGate, number: str = CALLEE, caller: str | None = OWN, leg: int = 1) -> str:
    cause = made.admit(leg, number, caller, "AAAA")
    if cause is None:
        return ""
    assert (cause.status, cause.sub_code) == (403, 510403)
    return cause.reason


# --- where to ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("allowed", "denied", "number", "goes"),
    [
        ((), (), "anything", True),
        (("+49*", "+1"), (), "+4930123456", True),
        (("+49*", "+1"), (), "+442071234567", False),
        (("+49*",), ("+49900*",), "+49900123456", False),
        ((), ("+882*", r"\+1900\d+"), "+19005550100", False),
        ((), ("+882*", r"\+1900\d+"), "+19015550100", True),
        ((), ("+882*",), "00882123", False),
        ((), ("+882*",), "+0882123", False),
        ((), ("+882*",), "+88 2-12(3)", False),
        ((), ("+882*",), "+1425;phone-context=+882", False),
        ((), ("+882*",), "+1" + "0" * 200, False),
        (("+49*", "112"), (), "112", True),
        (("+49*",), (), "112", False),
        (("+49*",), (), "+49 30/123456", True),
    ],
)
def test_prefixes_are_allowed_and_denied(
    allowed: tuple[str, ...], denied: tuple[str, ...], number: str, goes: bool
) -> None:
    made, _ = gate(allowed=allowed, denied=denied)
    assert (refused(made, number) == "") is goes
    assert made.refused["prefix"] == (not goes)


def test_a_number_may_have_prefixes_of_its_own() -> None:
    made, _ = gate(allowed=("+1*",), denied=("+1900*",), numbers={OTHER: NumberRules(allowed=("+49*",))})
    assert refused(made, "+4930123456", OTHER) == ""
    assert "+14255550100" in refused(made, CALLEE, OTHER)
    assert "tolls.allowed" in refused(made, "+4930123456", OWN)
    assert "tolls.denied" in refused(made, "+19001234567", OWN)


# --- how many a minute ------------------------------------------------------------------------------------


def test_calls_a_minute_count_by_caller() -> None:
    made, clock = gate(calls_per_minute=2)
    assert [refused(made) for _ in range(2)] == ["", ""]
    assert "2 calls a minute" in refused(made)
    assert refused(made, caller=OTHER) == ""
    clock.advance(60)
    assert refused(made) == ""
    assert made.refused["rate"] == 1


def test_a_refused_call_does_not_count() -> None:
    made, clock = gate(calls_per_minute=1)
    refused(made)
    clock.advance(59)
    assert refused(made) != ""
    clock.advance(1)
    assert refused(made) == ""


def test_calls_a_minute_count_by_resource_whoever_they_say_they_are() -> None:
    made, _ = gate(resource_calls_per_minute=3)
    for caller in (OWN, OTHER, "+19995550100"):
        assert refused(made, caller=caller) == ""
    assert "the resource may make 3 calls" in refused(made, caller="+19995550101")
    assert made.admit(9, CALLEE, OWN, "bbbb") is None


def test_callers_nobody_owns_share_an_account() -> None:
    """Or else whoever calls could name another one each time."""
    made, _ = gate(calls_per_minute=2)
    assert refused(made, caller="+19995550100") == refused(made, caller=None) == ""
    assert "callers without a number of their own" in refused(made, caller="+19995550102")
    assert len(made.ledger.names) == 2


# --- at what expense --------------------------------------------------------------------------------------


def test_minutes_of_a_day_are_spent() -> None:
    made, clock = gate(units_per_day=10)
    assert refused(made, leg=1) == ""
    made.up(1)
    clock.advance(9 * 60)
    assert refused(made, leg=2) == ""
    clock.advance(60)
    assert "may spend 10 units a day on calls, and has spent 10.0" in refused(made, leg=3)
    made.gone(1)
    made.gone(2)
    assert refused(made, caller=OTHER) == ""
    clock.advance(25 * 3600)
    assert refused(made, leg=4) == ""


def test_prices_go_by_the_longest_prefix() -> None:
    rules = TollRules(price=1.0, prices={"+4": 0.5, "+49*": 0.1, "+491": 2.0, "+1800": 0.0})
    prices = [rules.price_of(number) for number in ("+331", "+431", "+4930", "+49151", "+18005550100")]
    assert prices == [1.0, 0.5, 0.1, 2.0, 0.0]


def test_dear_calls_spend_faster_and_free_ones_nothing() -> None:
    made, clock = gate(units_per_day=10, prices={"+1900": 10.0, "+1800": 0.0})
    refused(made, "+19005550100", leg=1)
    made.up(1)
    clock.advance(60)
    assert "spent" in refused(made, leg=2)
    # What costs nothing can still be called.
    assert refused(made, "+18005550100", leg=3) == ""


def test_a_resource_has_a_day_of_its_own_and_numbers_may_have_more_or_less() -> None:
    numbers = {OWN: NumberRules(units_per_day=5, calls_per_minute=0)}
    made, clock = gate(units_per_day=2, resource_units_per_day=8, calls_per_minute=1, numbers=numbers)
    for leg in (1, 2):
        assert refused(made, leg=leg) == ""
        made.up(leg)
    clock.advance(2.5 * 60)
    assert "+12065550100 may spend 5" in refused(made)
    assert refused(made, caller=OTHER, leg=3) == ""
    clock.advance(1.5 * 60)
    assert "the resource may spend 8" in refused(made, caller="+19995550100", leg=4)


def test_calls_that_are_up_are_ended_when_that_is_asked_for() -> None:
    made, clock = gate(units_per_day=10, end_calls=True, prices={"+1800": 0.0})
    ended: list[tuple[float, int, int]] = []

    def end(leg: int, cause: object) -> None:
        ended.append((round(clock.now()), leg, getattr(cause, "status", 0)))
        made.gone(leg)

    made.end = end
    for leg, number in ((1, CALLEE), (2, CALLEE), (3, "+18005550100")):
        refused(made, number, leg=leg)
    made.up(1)
    clock.advance(300)
    made.up(2)
    made.up(3)
    clock.advance(1000)
    assert ended == [(450, 1, 403), (450, 2, 403)]
    assert made.ended == 2
    made.gone(3)
    assert clock.next_at is None


def test_without_being_asked_for_they_go_on() -> None:
    made, clock = gate(units_per_day=1)
    refused(made, leg=1)
    made.up(1)
    assert clock.next_at is None


def test_other_rules_take_effect_at_once() -> None:
    made, clock = gate()
    refused(made, leg=1)
    made.up(1)
    ended: list[int] = []
    made.end = lambda leg, cause: (ended.append(leg), made.gone(leg))[0]
    clock.advance(600)
    made.become(TollRules(units_per_day=11, end_calls=True, denied=("+882",)))
    assert "denied" in refused(made, "+8821234")
    clock.advance(61)
    assert ended == [1]


def test_accounts_are_shown_with_their_bounds() -> None:
    made, clock = gate(units_per_day=10, resource_calls_per_minute=7)
    refused(made, leg=1)
    made.up(1)
    clock.advance(30)
    resource, number = made.view()
    assert (resource.kind, resource.resource, resource.calls_per_minute, resource.units_per_day) == (
        "resource",
        "aaaa",
        7,
        0.0,
    )
    assert (number.kind, number.number, number.resource, number.calls_last_minute) == (
        "number",
        OWN,
        "aaaa",
        1,
    )
    assert (number.running, number.spent, number.units_per_day) == (1, pytest.approx(0.5), 10)
    made.close()


# --- on trunk phones --------------------------------------------------------------------------------------


def guarded(**rules: object) -> Bench:
    made = Bench()
    trunks = TrunkPhones(
        configured(),
        made.plane,
        made._fact,
        made.new_leg,
        made.clock,
        entropy=lambda count: bytes(count),
        tolls=TollGate(made.clock, TollRules(**rules)),  # type: ignore[arg-type]
    )
    trunks.attach(made)
    made.phones = trunks
    return made


async def test_a_call_that_may_not_go_out_fails_and_sends_nothing() -> None:
    made = guarded(denied=("+1425*",))
    made.phones.dial(dialled())
    await made.settle()
    (failed,) = made.facts
    assert isinstance(failed, LegFailed)
    assert (failed.cause.status, failed.cause.sub_code) == (403, 510403)
    assert made.sent("INVITE") == []
    await made.over()


async def test_a_spent_day_ends_the_call_on_the_phone_as_well() -> None:
    made = guarded(units_per_day=1, end_calls=True)
    made.far.answer_calls(sdp())
    made.phones.dial(dialled())
    await made.settle()
    assert made.facts[-1] == LegUp(7)
    await made.settle(61.0)
    down = made.facts[-1]
    assert isinstance(down, LegDown)
    assert (down.cause.status, down.cause.sub_code) == (403, 510403)
    assert made.far.kinds()[-1] == "Ended"
    await made.over()


async def test_only_the_time_a_call_is_up_costs_and_calls_that_come_in_cost_nothing() -> None:
    made = guarded()
    made.far.react = lambda event: made.far.take(made.far.agent.ring(made.clock.now(), 1))
    made.phones.dial(dialled())
    await made.settle(30.0)
    made.phones.end(EndLeg(7, BYE))
    await made.settle()
    leg = await incoming(made)
    made.phones.answer(AnswerLeg(leg, 3))
    await made.settle(30.0)
    assert [toll.spent for toll in made.phones.tolls.view()] == [0.0, 0.0]
    made.phones.end(EndLeg(leg, BYE))
    await made.over()


async def test_a_redirect_does_not_lead_past_what_is_denied() -> None:
    made = guarded(denied=("+1900*",))
    made.far.refuse_calls(302, Contact=f"<sip:+19005550100@{THEM[0]}>, <sip:009005550100@{THEM[0]}>")
    made.phones.dial(dialled())
    await made.settle()
    (failed,) = made.facts
    assert isinstance(failed, LegFailed)
    assert failed.cause.status == 302
    assert len(made.sent("INVITE")) == 1


async def test_a_number_without_a_route_is_gated_first() -> None:
    made = guarded(allowed=("+1*",))
    made.phones.dial(dialled(target=Identifier.phone("+442071234567")))
    await made.settle()
    (failed,) = made.facts
    assert isinstance(failed, LegFailed)
    assert failed.cause.sub_code == 510403


def test_a_config_without_rules_lets_everything_out() -> None:
    assert PhonesConfig() == PhonesConfig()
    made, _ = gate()
    assert all(refused(made, leg=leg) == "" for leg in range(1000))
