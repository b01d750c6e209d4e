"""Routes that apps have set, beside those of the configuration."""

from __future__ import annotations

from dataclasses import replace

from phones.exchange import BYE, THEM, US, Bench, configured, dialled, sdp

from hookflash.calls.effects import EndLeg
from hookflash.calls.facts import IncomingLeg, LegFailed, LegUp
from hookflash.phones.config import PhonesConfig, RouteConfig, TrunkConfig
from hookflash.phones.number_patterns import NumberPattern
from hookflash.phones.route_book import AppRoute, RouteBook
from hookflash.phones.routes import Routes
from hookflash.phones.trunk import TrunkPhones
from hookflash.sip.flow import Address

SBC: Address = ("192.0.2.60", 5070)
SPARE: Address = ("192.0.2.61", 5070)
CARRIER = TrunkConfig("carrier", (THEM,))
ONE = TrunkConfig("one@aaaa", (SBC,), resource="aaaa")
TWO = TrunkConfig("two@aaaa", (SPARE,), resource="aaaa")


def app_route(pattern: str, *trunks: TrunkConfig) -> AppRoute:
    return AppRoute(NumberPattern(pattern), trunks)


def book() -> RouteBook:
    made = RouteBook(Routes((CARRIER,), (RouteConfig("*", "carrier"),)))
    made.become(
        {"aaaa": (app_route(r"^\+1", ONE, TWO), app_route(r"^\+14", TWO, CARRIER), app_route(r"^\+4"))}
    )
    return made


def test_the_routes_of_a_resource_go_first_in_their_order_and_are_nobody_elses() -> None:
    def names(number: str, resource: str) -> list[str]:
        return [choice.trunk.name for choice in book().choices(number, resource)]

    assert names("+14255550100", "AAAA") == ["one@aaaa", "two@aaaa", "carrier"]
    assert names("+12065550100", "aaaa") == ["one@aaaa", "two@aaaa"]
    assert names("+4930", "aaaa") == names("+3312", "aaaa") == ["carrier"]
    assert names("+14255550100", "bbbb") == names("+14255550100", "") == ["carrier"]


async def test_what_an_app_sets_holds_for_the_next_call_and_fails_over_in_order() -> None:
    made = Bench()
    made.at(SBC).refuse_calls(503)
    made.at(SPARE).answer_calls(sdp(host=SPARE[0]))
    made.far.refuse_calls(486)
    made.phones.dial(dialled(resource="aaaa"))
    await made.settle()
    made.phones.route_for_apps({"aaaa": (app_route(r"^\+1", ONE, TWO),)}, (ONE, TWO))
    made.phones.dial(dialled(8, resource="AAAA"))
    await made.settle()
    made.phones.dial(dialled(9, resource="bbbb"))
    await made.settle()
    hosts = [invite.uri.partition("@")[2] for invite in made.sent("INVITE")]
    assert hosts == [THEM[0], f"{SBC[0]}:5070", f"{SPARE[0]}:5070", THEM[0]]
    assert LegUp(8) in made.facts
    made.phones.end(EndLeg(8, BYE))
    await made.settle()
    made.phones.route_for_apps({}, ())
    made.phones.dial(dialled(10, resource="aaaa"))
    await made.settle()
    assert made.sent("INVITE")[-1].uri.endswith(THEM[0])


def owning(owner: str) -> Bench:
    """Strangers may not call, and the number that is called here belongs to ``owner``."""
    made = Bench()
    made.phones = TrunkPhones(
        configured(),
        made.plane,
        made._fact,
        made.new_leg,
        made.clock,
        entropy=lambda count: bytes(range(count)),
        owner=lambda number: owner,
    )
    made.phones.attach(made)
    return made


async def test_a_trunk_of_an_app_calls_the_numbers_of_its_resource_only() -> None:
    for owner, taken in (("AAAA", True), ("bbbb", False)):
        made = owning(owner)
        sbc = made.at(SBC)
        sbc.call(body=sdp())
        await made.settle()
        assert made.facts == []
        made.phones.route_for_apps({}, (ONE,))
        await made.settle()
        sbc.call(body=sdp())
        await made.settle()
        assert [isinstance(fact, IncomingLeg) for fact in made.facts] == [True] * taken
        # A trunk that is taken away is a stranger again.
        made.phones.route_for_apps({}, ())
        sbc.call(body=sdp())
        await made.settle()
        assert len(made.facts) == taken


async def test_an_address_of_a_configured_trunk_stays_that_ones() -> None:
    made = owning("bbbb")
    made.phones.route_for_apps({}, (replace(ONE, targets=(THEM,)),))
    await made.settle()
    made.far.call(body=sdp())
    await made.settle()
    assert isinstance(made.facts[0], IncomingLeg)


async def test_a_trunk_of_an_app_leads_to_the_public_internet_only_where_that_is_wanted() -> None:
    inside = replace(ONE, targets=((US[0], 5070),), public_only=True)
    made = Bench(PhonesConfig())
    made.phones.route_for_apps({"aaaa": (app_route(".", inside),)}, (inside,))
    made.phones.dial(dialled(resource="aaaa"))
    await made.settle()
    (failed,) = made.facts
    assert isinstance(failed, LegFailed)
    assert "no address of the public internet" in failed.cause.reason
    assert made.sent("INVITE") == []
    await made.phones.close()
