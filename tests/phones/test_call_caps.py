"""Nobody takes the calls, and so the ports, of everybody else: what one source may have coming in."""

from __future__ import annotations

import logging

import pytest
from phones.exchange import THEM, US, Bench, sdp
from phones.registering import DESK, HERS, SOFT, Handset, office
from phones.test_admission import dial_in, incoming

from hookflash.calls.effects import AnswerLeg, RefuseLeg
from hookflash.phones.call_caps import CallCaps
from hookflash.phones.config import PhonesConfig, TrunkConfig
from hookflash.sip.events import Failed, Reanswered
from hookflash.sip.flow import Flow
from hookflash.sip.message import Response
from hookflash.testing.clock import VirtualClock

OPEN = PhonesConfig((TrunkConfig("carrier", (THEM,)),), accept_unknown=True, calls_per_source=3)


def refusals(bench: Bench) -> list[Response]:
    return [one for one in bench.seen if isinstance(one, Response) and one.status == 503]


@pytest.mark.parametrize(
    "hosts",
    [["203.0.113.9"] * 10, [f"2001:db8:0:1::{n}" for n in range(1, 11)]],
    ids=["one address", "one /64"],
)
async def test_calls_without_end_from_one_source_are_cut_short(hosts: list[str]) -> None:
    bench = Bench(OPEN)
    for port, host in enumerate(hosts, 5060):
        dial_in(bench.at((host, port)))
        await bench.settle()
    assert len(incoming(bench)) == bench.phones.legs == 3
    assert len(refusals(bench)) == 7
    assert {one.headers.get("Retry-After") for one in refusals(bench)} == {"5"}
    # What is refused costs no memory.
    assert bench.phones.agent.sessions == 3
    assert bench.phones.agent.transactions == 3
    # A user agent of these tests draws its names by its port.
    for far in (bench.at(("203.0.113.10", 6060)), bench.at((THEM[0], 6061))):
        dial_in(far)
        await bench.settle()
    assert len(incoming(bench)) == 5


async def test_a_call_that_is_over_makes_room() -> None:
    bench = Bench(OPEN)
    far = bench.at(("203.0.113.9", 5060))
    for _ in range(3):
        dial_in(far)
        await bench.settle()
    bench.phones.refuse(RefuseLeg(incoming(bench)[0].leg, 486, "Busy"))
    await bench.settle()
    dial_in(far)
    dial_in(far)
    await bench.settle()
    assert len(incoming(bench)) == 4
    assert bench.phones.legs == 3
    for fact in incoming(bench)[1:]:
        bench.phones.refuse(RefuseLeg(fact.leg, 486, "Busy"))
    await bench.settle()
    assert bench.phones.legs == 0
    assert not bench.phones._legs._sources


async def test_the_calls_there_are_go_on_whatever_is_refused() -> None:
    bench = Bench(PhonesConfig(accept_unknown=True, calls_per_source=1))
    far = bench.at(("203.0.113.9", 5060))
    far.answer_calls(sdp(), ring=False)
    dial_in(far)
    await bench.settle()
    bench.phones.answer(AnswerLeg(bench.leg(), 3))
    await bench.settle()
    dial_in(far)
    await bench.settle()
    assert isinstance(far.events[-1], Failed)
    assert far.events[-1].status == 503
    # A new offer in the call is no new call.
    session = next(iter(far.agent._core.sessions))
    far.take(far.agent.reoffer(bench.clock.now(), session, sdp(port=4002))[1])
    await bench.settle()
    assert isinstance(far.events[-1], Reanswered)
    far.take(far.agent.end(bench.clock.now(), session))
    await bench.settle()
    await bench.over()


async def test_a_trunk_and_this_machine_are_not_strangers() -> None:
    bench = Bench(OPEN)
    for address in (THEM, ("127.0.0.1", 5070)):
        far = bench.at(address)
        for _ in range(8):
            dial_in(far)
            await bench.settle()
    assert len(incoming(bench)) == 16


async def test_a_phone_is_one_source_wherever_it_calls_from() -> None:
    bench = Bench(office(calls_per_source=2))
    hers, elsewhere = Handset(bench, HERS, "alice"), Handset(bench, SOFT, "alice")
    other = Handset(bench, DESK, "bob")
    elsewhere.password = hers.password
    for phone in (hers, elsewhere, other):
        phone.register()
    for phone in (hers, elsewhere, hers, elsewhere, other):
        phone.dial("+14255550100", sdp())
        await bench.settle()
    assert len(incoming(bench)) == 3
    assert len(refusals(bench)) == 2
    assert bench.phones.agent.sessions == 3


async def test_a_dialog_that_is_not_there_is_no_call() -> None:
    """It is told so, however many calls there are."""
    bench = Bench(PhonesConfig(accept_unknown=True, calls_per_source=1))
    far = bench.at(("203.0.113.9", 5060))
    dial_in(far)
    await bench.settle()
    lines = [
        "INVITE sip:+14255550100@192.0.2.2 SIP/2.0",
        "Via: SIP/2.0/UDP 203.0.113.9:5060;branch=z9hG4bKx",
        "From: <sip:a@b>;tag=1",
        "To: <sip:c@d>;tag=gone",
        "Call-ID: x",
        "CSeq: 2 INVITE",
        "Content-Length: 0\r\n\r\n",
    ]
    bench.phones.ingress.receive("\r\n".join(lines).encode(), Flow("UDP", US, ("203.0.113.9", 5060)))
    assert isinstance(bench.seen[-1], Response)
    assert bench.seen[-1].status == 481


def test_it_is_logged_once_in_a_while(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "hookflash.sip")
    clock = VirtualClock()
    caps = CallCaps(1, lambda source: 1, clock)
    for _ in range(50):
        assert caps.refuses("2001:db8::/64") is not None
    assert len(caplog.records) == 5
    caps.refuses("phone alice")
    assert len(caplog.records) == 6
    clock.advance(10.0)
    caps.refuses("2001:db8::/64")
    assert caplog.records[-1].left_out == 45  # type: ignore[attr-defined]
    assert caps.refused == 52
    assert caps.refuses("") is None
