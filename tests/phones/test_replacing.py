"""Callers that take the place of a phone in a call (RFC 3891)."""

from __future__ import annotations

import pytest
from phones.exchange import BYE, THEM, Bench, answered, configured, dialled, incoming, sdp, up

from hookflash.calls.effects import EndLeg
from hookflash.calls.facts import LegDown
from hookflash.phones.config import TrunkConfig
from hookflash.sip.dialog_headers import Replaces
from hookflash.sip.errors import ParseError
from hookflash.sip.message import Request

OTHER = ("192.0.2.77", 5077)


def shared() -> Bench:
    """The trunk calls from another address as well."""
    trunk = TrunkConfig("carrier", (THEM,), allow=(OTHER[0],), caller="+12065550199")
    return Bench(configured(trunks=(trunk,)))


def dialog(bench: Bench) -> str:
    """The dialog of the call that is up, in the words of Replaces."""
    ((call_id, local, remote),) = bench.phones.agent._core.dialogs
    return f"{call_id};to-tag={local};from-tag={remote}"


@pytest.mark.parametrize("ours", [True, False], ids=["we called", "it called"])
async def test_the_leg_goes_on_with_another_at_its_end(ours: bool) -> None:
    bench = shared()
    leg = await (up if ours else answered)(bench)
    facts = list(bench.facts)
    other = bench.at(OTHER)
    body = sdp(port=4500, host=OTHER[0])
    other.call(body=body, Replaces=dialog(bench), Referred_By="<sip:b@192.0.2.1>")
    await bench.settle()
    assert other.kinds() == ["Answered"]
    assert len(bench.sent("BYE")) == 1
    assert bench.far.kinds()[-1] == "Ended"
    assert bench.facts == facts, "for the call it is the same leg"
    assert (bench.plane.connected[-1].host, bench.plane.connected[-1].port) == (OTHER[0], 4500)
    bench.phones.end(EndLeg(leg, BYE))
    await bench.settle()
    assert other.kinds()[-1] == "Ended"
    await bench.over()


async def test_who_asks_for_our_offer_and_never_answers_it_ends_the_leg() -> None:
    """The old phone is gone by then, and the new one cannot be heard."""
    bench = shared()
    leg = await up(bench)
    other = bench.at(OTHER)
    other.call(body=b"", Replaces=dialog(bench))
    await bench.settle()
    assert other.kinds() == ["Answered", "Ended"]
    (down,) = [fact for fact in bench.facts if isinstance(fact, LegDown)]
    assert (down.leg, down.cause.status) == (leg, 488)
    await bench.over()


async def test_it_ends_when_the_new_phone_hangs_up() -> None:
    bench = shared()
    leg = await up(bench)
    other = bench.at(OTHER)
    session = other.call(body=sdp(host=OTHER[0]), Replaces=dialog(bench))
    await bench.settle()
    other.take(other.agent.end(bench.clock.now(), session))
    await bench.settle()
    (down,) = [fact for fact in bench.facts if isinstance(fact, LegDown)]
    assert (down.leg, down.cause.status) == (leg, 200)
    await bench.over()


async def test_a_new_phone_that_never_acknowledges_ends_the_leg() -> None:
    bench = shared()
    leg = await up(bench)
    other = bench.at(OTHER)
    other.call(body=sdp(host=OTHER[0]), Replaces=dialog(bench))
    other.silent = True
    await bench.settle(40.0)
    (down,) = [fact for fact in bench.facts if isinstance(fact, LegDown)]
    assert (down.leg, down.cause.status) == (leg, 408)
    await bench.over()


async def refused(bench: Bench, replaces: str, body: bytes = b"", at: tuple[str, int] = OTHER) -> int:
    """The status a call with this Replaces gets."""
    other = bench.fars.get(at) or bench.at(at)
    other.call(body=body or sdp(host=at[0]), Replaces=replaces)
    await bench.settle()
    event = other.events[-1]
    status = event.status  # type: ignore[union-attr]
    assert isinstance(status, int)
    return status


async def test_what_cannot_be_replaced_is_refused_and_goes_on() -> None:
    bench = shared()
    await up(bench)
    known, connected = dialog(bench), list(bench.plane.connected)
    call_id, _, tags = known.partition(";")
    assert await refused(bench, f"nobody;{tags}") == 481
    assert await refused(bench, f"{call_id};to-tag=x;from-tag=y") == 481
    assert await refused(bench, f"{known};early-only") == 486
    assert await refused(bench, "rubbish") == 400
    assert await refused(bench, known, sdp("18")) == 488
    assert await refused(bench, known, b"rubbish") == 400
    assert bench.phones.legs == 1
    assert bench.plane.connected == connected
    assert bench.sent("BYE") == []
    # The negotiation is still the old one.
    bench.far.take(bench.far.agent.reoffer(bench.clock.now(), 1, sdp(direction="sendonly"))[1])
    await bench.settle()
    assert not bench.plane.connected[-1].sending


async def test_nobody_replaces_a_phone_of_another_trunk() -> None:
    carriers = (TrunkConfig("carrier", (THEM,)), TrunkConfig("another", (OTHER,)))
    bench = Bench(configured(trunks=carriers))
    await up(bench)
    assert await refused(bench, dialog(bench)) == 403
    strangers = Bench(configured(accept_unknown=True))
    await up(strangers)
    assert await refused(strangers, dialog(strangers)) == 403


async def test_calls_that_are_not_up_are_not_replaced() -> None:
    bench = shared()
    bench.phones.dial(dialled())
    bench.far.react = lambda event: bench.far.take(
        bench.far.agent.ring(bench.clock.now(), event.session)  # type: ignore[union-attr]
    )
    await bench.settle()
    assert await refused(bench, dialog(bench)) == 603
    other = shared()
    await incoming(other)
    assert await refused(other, dialog(other)) == 481


async def test_our_requests_say_that_we_take_it() -> None:
    bench = Bench()
    await up(bench)
    (invite,) = bench.sent("INVITE")
    assert isinstance(invite, Request)
    assert "replaces" in invite.headers.tokens("Supported")


@pytest.mark.parametrize(
    "text", ["", "a", "a;to-tag=b", "a;from-tag=b", ";to-tag=a;from-tag=b", "a;to-tag=b;;x"]
)
def test_what_is_no_dialog(text: str) -> None:
    with pytest.raises(ParseError):
        Replaces.parse(text)


def test_the_words_of_the_rfc() -> None:
    text = "98732@sip.example.com ;from-tag=r33th4x0r ;to-tag=ff87ff"
    assert Replaces.parse(text) == Replaces("98732@sip.example.com", "ff87ff", "r33th4x0r")
    assert Replaces.parse("a;to-tag=b;from-tag=0;early-only") == Replaces("a", "b", "", True)
