"""Being registered with a trunk, against a registrar in virtual time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import pairwise

import pytest

from hookflash.calls.facts import IncomingLeg
from hookflash.phones.config import PhonesConfig, TrunkConfig
from hookflash.phones.trunks.config import TrunkCare
from hookflash.phones.trunks.enrolment import EnrolmentState
from hookflash.phones.trunks.registration import contact_user
from hookflash.sip.flow import Address, Flow
from hookflash.sip.message import Request
from tests.phones.asked import Answer, Asked, granting
from tests.phones.exchange import THEM, US, Bench, sdp

SPARE: Address = ("192.0.2.3", 5060)
USER = contact_user("carrier")


def trunk(name: str = "carrier", *targets: Address, **changes: object) -> TrunkConfig:
    care = TrunkCare(register=True, register_expires=600)
    one = TrunkConfig(name, targets or (THEM,), username="alice", password="pw", care=care)
    return replace(one, **changes)  # type: ignore[arg-type]


@asynccontextmanager
async def registering(*trunks: TrunkConfig) -> AsyncIterator[Bench]:
    bench = Bench(PhonesConfig(trunks=trunks or (trunk(),)))
    yield bench
    closing = asyncio.get_running_loop().create_task(bench.phones.close())
    await bench.settle(3.0)
    await asyncio.wait_for(closing, 5)


def state(bench: Bench, name: str = "carrier") -> EnrolmentState:
    enrolment = bench.phones.desk.carriers[name].enrolment
    assert enrolment is not None
    return enrolment.state


async def test_it_registers_proves_itself_refreshes_and_leaves() -> None:
    async with registering() as bench:
        far = Asked(bench, THEM, granting)
        far.password = "pw"
        await bench.phones.resolve_trunks()
        await bench.settle()
        assert state(bench) is EnrolmentState.REGISTERED
        (_, first) = far.requests[0]
        assert first.uri == "sip:192.0.2.1"
        assert str(first.to.uri) == "sip:alice@192.0.2.1"
        assert far.contacts() == [f"<sip:{USER}@192.0.2.2:5060>;expires=600"]
        await bench.settle(2000.0)
        times = far.times()
        assert all(450.0 <= later - earlier <= 541.0 for earlier, later in pairwise(times))
        assert len(times) in (4, 5)
        numbers = [request.cseq.number for _, request in far.requests]
        assert numbers == sorted(set(numbers))
        assert len({request.call_id for _, request in far.requests}) == 1
    assert far.contacts() == [f"<sip:{USER}@192.0.2.2:5060>;expires=0"]
    assert state(bench) is EnrolmentState.LEFT
    assert bench.clock.next_at is None


async def test_what_is_granted_counts_and_not_what_was_asked_for() -> None:
    def short(request: Request) -> Answer:
        contact = request.headers.all("Contact")[0].partition(";expires")[0]
        return 200, {"Contact": f"{contact};expires=60"}

    async with registering() as bench:
        far = Asked(bench, THEM, short)
        await bench.phones.resolve_trunks()
        await bench.settle(120.0)
        times = far.times()
        assert all(45.0 <= later - earlier <= 55.0 for earlier, later in pairwise(times))
        assert len(times) >= 3


async def test_it_asks_for_longer_when_the_trunk_wants_that() -> None:
    def brief(request: Request) -> Answer:
        asked = int(request.headers.get("Expires") or 0)
        return (423, {"Min-Expires": "1800"}) if 0 < asked < 1800 else granting(request)

    async with registering() as bench:
        far = Asked(bench, THEM, brief)
        await bench.phones.resolve_trunks()
        await bench.settle()
        assert [request.headers.get("Expires") for _, request in far.requests] == ["600", "1800"]
        assert state(bench) is EnrolmentState.REGISTERED


async def test_failures_are_followed_by_longer_and_longer_pauses(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "hookflash.sip")
    async with registering() as bench:
        far = Asked(bench, THEM, lambda request: (403, {}))
        await bench.phones.resolve_trunks()
        await bench.settle(1000.0)
        assert state(bench) is EnrolmentState.REFUSED
        times = far.times()
        gaps = [later - earlier for earlier, later in pairwise(times)]
        assert len(gaps) >= 3
        for count, gap in enumerate(gaps, start=1):
            assert 15 * 2**count <= gap <= 30 * 2**count + 1
        assert "403" in str(caplog.records[-1].__dict__["problem"])
        far.answer = granting
        await bench.settle(1900.0)
        assert state(bench) is EnrolmentState.REGISTERED


async def test_a_registrar_that_asks_for_rest_has_it() -> None:
    async with registering() as bench:
        far = Asked(bench, THEM, lambda request: (503, {"Retry-After": "700"}))
        await bench.phones.resolve_trunks()
        await bench.settle(690.0)
        assert len(far.times()) == 1
        await bench.settle(20.0)
        assert len(far.times()) == 2


async def test_wrong_credentials_are_not_hammered() -> None:
    async with registering() as bench:
        far = Asked(bench, THEM, granting)
        far.password = "another"
        await bench.phones.resolve_trunks()
        await bench.settle(29.0)
        assert state(bench) is EnrolmentState.REFUSED
        assert len(bench.sent("REGISTER")) == 2


@pytest.mark.parametrize("trouble", ["silent", "503", "unreachable"])
async def test_another_server_of_the_trunk_takes_over(trouble: str) -> None:
    async with registering(trunk("carrier", THEM, SPARE)) as bench:
        first = Asked(bench, THEM, lambda request: None if trouble == "silent" else (503, {}))
        spare = Asked(bench, SPARE, granting)
        if trouble == "unreachable":
            bench.unreachable.add(THEM[0])
        await bench.phones.resolve_trunks()
        await bench.settle(33.0)
        assert state(bench) is EnrolmentState.REGISTERED
        enrolment = bench.phones.desk.carriers["carrier"].enrolment
        assert enrolment is not None
        assert enrolment.registrar == "192.0.2.3:5060"
        # A refresh belongs to the server that has the registration.
        count = len(first.times())
        await bench.settle(600.0)
        assert len(spare.times()) == 2
        assert len(first.times()) == count


async def test_a_refresh_that_fails_leaves_the_registration_until_it_ends() -> None:
    async with registering() as bench:
        far = Asked(bench, THEM, granting)
        await bench.phones.resolve_trunks()
        await bench.settle()
        far.answer = lambda request: (500, {})
        await bench.settle(560.0)
        carrier = bench.phones.desk.carriers["carrier"].enrolment
        assert carrier is not None
        assert len(far.times()) >= 2
        assert carrier.registered
        await bench.settle(41.0)
        assert not carrier.registered


async def test_behind_a_nat_the_contact_is_what_the_registrar_sees() -> None:
    async with registering() as bench:
        far = Asked(bench, THEM, granting)
        far.seen = ("203.0.113.9", 61000)
        await bench.phones.resolve_trunks()
        await bench.settle()
        assert far.contacts() == [
            f"<sip:{USER}@203.0.113.9:61000>;expires=600",
            f"<sip:{USER}@192.0.2.2:5060>;expires=0",
        ]
        assert len(far.times()) == 2
        # Empty lines keep the NAT open until the next refresh, which is one request again.
        sent: list[bytes] = []
        bench.phones.attach(_Listening(bench, sent))
        await bench.settle(300.0)
        assert sent.count(b"\r\n\r\n") == 12
        await bench.settle(300.0)
        assert len(far.times()) == 3


class _Listening:
    """The network, with an ear on it."""

    def __init__(self, bench: Bench, sent: list[bytes]) -> None:
        self._bench, self._sent = bench, sent
        self.flows_to, self.avoid = bench.flows_to, bench.avoid

    def send(self, data: bytes, flow: Flow) -> None:
        self._sent.append(data)
        self._bench.send(data, flow)


async def test_a_broken_connection_is_registered_over_anew() -> None:
    async with registering(trunk(transport="TCP")) as bench:
        far = Asked(bench, THEM, granting)
        await bench.phones.resolve_trunks()
        await bench.settle()
        assert far.contacts() == [f"<sip:{USER}@192.0.2.2:5060;transport=tcp>;expires=600"]
        bench.phones.broken(Flow("TCP", US, ("192.0.2.77", 5060), 8))
        await bench.settle(5.0)
        assert len(far.times()) == 1
        bench.phones.broken(Flow("TCP", US, THEM, 9))
        await bench.settle(5.0)
        assert len(far.times()) == 2


async def test_a_registrar_that_does_not_answer_at_the_end_is_not_waited_for() -> None:
    async with registering() as bench:
        far = Asked(bench, THEM, granting)
        await bench.phones.resolve_trunks()
        await bench.settle()
        far.answer = lambda request: None
    assert far.contacts()[0].endswith("expires=0")
    assert bench.clock.next_at is None


async def test_a_contact_that_is_not_listed_is_not_registered() -> None:
    async with registering() as bench:
        Asked(bench, THEM, lambda request: (200, {"Contact": "<sip:other@192.0.2.9>;expires=90"}))
        await bench.phones.resolve_trunks()
        await bench.settle()
        assert state(bench) is EnrolmentState.REFUSED


async def test_calls_from_the_registrar_are_those_of_the_trunk_its_contact_names() -> None:
    one, two = trunk("one", caller="+4930111"), trunk("two")
    async with registering(one, two) as bench:
        far = Asked(bench, THEM, granting)
        await bench.phones.resolve_trunks()
        await bench.settle()
        user = contact_user("two")
        far.call(f"sip:{user}@192.0.2.2", sdp(), P_Called_Party_ID="<sip:+14255550123@192.0.2.1>")
        await bench.settle()
        (fact,) = [fact for fact in bench.facts if isinstance(fact, IncomingLeg)]
        assert fact.callee.phone_number == "+14255550123"
        assert bench.phones.desk.active("two") == 1
        # Without a number anywhere it is the trunk's own.
        far.call(f"sip:{contact_user('one')}@192.0.2.2", sdp())
        await bench.settle()
        assert bench.facts[-1].callee.phone_number == "+4930111"  # type: ignore[union-attr]
        assert bench.phones.desk.active("one") == 1


async def test_the_contact_of_a_registration_lets_nobody_else_in() -> None:
    async with registering() as bench:
        Asked(bench, THEM, granting)
        await bench.phones.resolve_trunks()
        await bench.settle()
        stranger = bench.at(("198.51.100.7", 5060))
        stranger.call(f"sip:{USER}@192.0.2.2", sdp(), P_Called_Party_ID="<sip:+14255550123@x>")
        await bench.settle()
        assert bench.facts == []
        assert "Failed" in stranger.kinds()
