"""Which number a trunk is shown, and how numbers are written towards it and from it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from phones.exchange import BYE, THEM, Bench, dialled, incoming

from hookflash.calls.effects import EndLeg
from hookflash.calls.facts import IncomingLeg, LegFailed
from hookflash.phones.callers import WITHHELD, nobody, shown_to
from hookflash.phones.config import PhonesConfig, RouteConfig, TrunkConfig
from hookflash.phones.rewriting import Rewrite
from hookflash.wire.identifiers import Identifier

OWN = "+4930123456"
OTHERS = "+4930999999"
STRANGE = "+14255550199"
OWNERS = {OWN: "aaaa", OTHERS: "bbbb"}
TRUNK = TrunkConfig("carrier", (THEM,), caller="+4930000000", callers=("owned",))


def shown(trunk: TrunkConfig, caller: str | None, resource: str = "AAAA") -> str | None:
    return shown_to(trunk, caller, resource, OWNERS.get)


@pytest.mark.parametrize(
    ("caller", "resource", "number"),
    [
        (OWN, "AAAA", OWN),
        (OTHERS, "AAAA", "+4930000000"),
        (OTHERS, "", OTHERS),
        (STRANGE, "AAAA", "+4930000000"),
        (STRANGE, "", "+4930000000"),
        (None, "AAAA", "+4930000000"),
        ("", "AAAA", "+4930000000"),
        (WITHHELD, "AAAA", WITHHELD),
    ],
)
def test_only_owned_numbers_are_shown(caller: str | None, resource: str, number: str) -> None:
    assert shown(TRUNK, caller, resource) == number


@pytest.mark.parametrize(
    ("otherwise", "own", "number"),
    [
        ("replace", "+4930000000", "+4930000000"),
        ("replace", "", WITHHELD),
        ("withhold", "+4930000000", WITHHELD),
        ("refuse", "+4930000000", None),
    ],
)
def test_what_becomes_of_other_numbers(otherwise: str, own: str, number: str | None) -> None:
    assert shown(replace(TRUNK, otherwise=otherwise, caller=own), STRANGE) == number


def test_patterns_and_owned_numbers_go_together() -> None:
    trunk = replace(TRUNK, callers=("owned", "+1425*"))
    assert shown(trunk, STRANGE) == STRANGE
    assert shown(trunk, OWN) == OWN
    assert shown(replace(trunk, callers=("+1425*",)), OWN) == "+4930000000"


def test_without_rules_every_number_is_shown() -> None:
    assert shown(replace(TRUNK, callers=()), STRANGE) == STRANGE
    assert shown_to(replace(TRUNK, caller=""), None, "", nobody) == WITHHELD


def test_callers_are_written_as_the_trunk_wants_them_and_its_own_number_as_it_is() -> None:
    trunk = replace(TRUNK, caller_rewrite=(Rewrite("+49", r"0\1"), Rewrite("+", r"00\1")))
    assert shown(trunk, OWN) == "030123456"
    assert shown(trunk, STRANGE) == "+4930000000"


# --- on the wire ------------------------------------------------------------------------------------------


def bench(**changes: object) -> Bench:
    trunk = replace(TRUNK, **changes)  # type: ignore[arg-type]
    return Bench(PhonesConfig((trunk,), (RouteConfig("*", "carrier"),)))


async def test_caller_and_callee_go_out_rewritten_from_our_domain() -> None:
    made = bench(
        callers=(),
        domain="pbx.example.org",
        identity="asserted",
        caller_rewrite=(Rewrite("+1", r"001\1"),),
        dial_rewrite=(Rewrite("+1425", r"9425\1"),),
    )
    made.far.refuse_calls(486)
    made.phones.dial(dialled(display_name="Ada"))
    await made.settle()
    (invite,) = made.sent("INVITE")
    assert invite.uri == f"sip:94255550100@{THEM[0]}"
    assert str(invite.to.uri) == invite.uri
    assert str(invite.from_.uri) == "sip:0012065550100@pbx.example.org"
    assert invite.headers.get("P-Asserted-Identity") == "Ada <sip:0012065550100@pbx.example.org>"


async def test_a_route_that_rewrites_goes_before_its_trunk() -> None:
    trunk = replace(TRUNK, callers=(), dial_rewrite=(Rewrite("*", r"9\1"),))
    made = Bench(PhonesConfig((trunk,), (RouteConfig("+1", "carrier", rewrite=r"8\1"),)))
    made.far.refuse_calls(486)
    made.phones.dial(dialled())
    await made.settle()
    assert made.sent("INVITE")[0].uri == f"sip:84255550100@{THEM[0]}"


async def test_a_withheld_number_stands_nowhere() -> None:
    made = bench(callers=("owned",), otherwise="withhold", identity="asserted", domain="x.example")
    made.far.refuse_calls(486)
    made.phones.dial(dialled(display_name="Ada"))
    await made.settle()
    (invite,) = made.sent("INVITE")
    assert str(invite.from_).startswith("Anonymous <sip:anonymous@anonymous.invalid>")
    assert invite.headers.get("Privacy") == "id"
    assert b"+12065550100" not in invite.to_bytes()


async def test_a_trunk_that_refuses_a_caller_is_passed_over_and_the_last_says_why() -> None:
    spare = ("192.0.2.77", 5060)
    strict = replace(TRUNK, otherwise="refuse")
    other = TrunkConfig("other", (spare,))
    routes = (RouteConfig("+1", "carrier"), RouteConfig("+1", "other", 5))
    made = Bench(PhonesConfig((strict, other), routes))
    made.at(spare).refuse_calls(486)
    made.phones.dial(dialled())
    await made.settle()
    assert [invite.uri for invite in made.sent("INVITE")] == [f"sip:+14255550100@{spare[0]}"]
    alone = Bench(PhonesConfig((strict,), routes[:1]))
    alone.phones.dial(dialled(8))
    await alone.settle()
    (failed,) = alone.facts
    assert isinstance(failed, LegFailed)
    assert (failed.cause.status, failed.cause.sub_code) == (403, 510403)
    assert "+12065550100 may not be shown to trunk carrier" in failed.cause.reason
    assert alone.sent("INVITE") == []
    await alone.over()


async def test_numbers_of_a_trunk_become_e164() -> None:
    rules = (Rewrite("00*", r"+\1"), Rewrite("0*", r"+49\1"))
    made = bench(inbound_rewrite=rules, inbound_caller_rewrite=(Rewrite("0*", r"+43\1"),))
    made.far.call("sip:030-123456@192.0.2.2", P_Asserted_Identity="<sip:0662123456@192.0.2.1>")
    await made.settle()
    (fact,) = made.facts
    assert isinstance(fact, IncomingLeg)
    assert (fact.callee, fact.caller) == (Identifier.phone(OWN), Identifier.phone("+43662123456"))
    made.phones.end(EndLeg(fact.leg, BYE))
    await made.over()


async def test_strangers_are_taken_at_their_word() -> None:
    rules = (Rewrite("*", "+1"),)
    trunk = replace(TRUNK, targets=(("203.0.113.1", None),), inbound_rewrite=rules)
    made = Bench(PhonesConfig((trunk,), (), accept_unknown=True))
    await incoming(made)
    assert isinstance(made.facts[0], IncomingLeg)
    assert made.facts[0].callee == Identifier.phone("+14255550100")
