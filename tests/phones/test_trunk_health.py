"""Trunks that are asked whether they are there, and calls that go where somebody is; calls over a limit."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookflash.calls.facts import IncomingLeg, LegFailed, LegUp
from hookflash.phones.causes import THROTTLED, WORKER_FULL
from hookflash.phones.config import PhonesConfig, RouteConfig, TrunkConfig
from hookflash.phones.trunks.config import Share, TrunkCare
from hookflash.phones.trunks.health import TargetState, alive
from hookflash.sip.events import Replied
from hookflash.sip.fields import Headers
from hookflash.sip.flow import Address
from tests.phones.asked import Asked, granting
from tests.phones.exchange import THEM, Bench, dialled, incoming, sdp

SPARE: Address = ("192.0.2.3", 5060)
WATCHED = TrunkCare(health_interval=30.0, health_failures=2)


def two(first: TrunkCare, second: TrunkCare | None = None) -> PhonesConfig:
    """Two trunks for the same numbers, at one target each."""
    trunks = (
        TrunkConfig("one", (THEM,), care=first),
        TrunkConfig("two", (SPARE,), care=second or TrunkCare()),
    )
    return PhonesConfig(trunks=trunks, routes=(RouteConfig("+1", "one"), RouteConfig("+1", "two", 1)))


def up(bench: Bench, name: str = "one") -> bool:
    return bench.phones.desk.carriers[name].up


async def called(bench: Bench, leg: int = 7) -> list[str]:
    """Dial; who was called."""
    before = len(bench.sent("INVITE"))
    bench.phones.dial(dialled(leg=leg))
    await bench.settle(1.0)
    return [request.uri.partition("@")[2] for request in bench.sent("INVITE")[before:]]


@pytest.mark.parametrize(
    ("status", "there"),
    [
        *((status, True) for status in (200, 401, 404, 405, 481, 486, 500, 603)),
        *((status, False) for status in (408, 503, 504)),
    ],
)
def test_an_answer_shows_that_somebody_is_there_unless_it_says_otherwise(status: int, there: bool) -> None:
    assert alive(Replied(1, status, "", "response", Headers())) is there
    assert not alive(Replied(1, status, "", "timeout", Headers()))


@given(st.lists(st.booleans(), max_size=40), st.integers(1, 4))
def test_a_target_is_down_after_failures_in_a_row_and_up_at_once(rounds: list[bool], limit: int) -> None:
    state, row, news = TargetState(THEM), 0, 0
    for wall, good in enumerate(rounds, start=1):
        before = state.up
        changed = state.answered(wall) if good else state.failed(wall, "no", limit)
        row = 0 if good else row + 1
        expected = True if good else (before and row < limit)
        assert state.up is expected
        if state.up is not before:
            assert changed
            assert state.since == wall
        news += changed
    assert bool(state.problem) is bool(rounds and not rounds[-1])


async def test_a_target_that_does_not_answer_is_down_and_one_answer_brings_it_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "hookflash.sip")
    bench = Bench(two(WATCHED))
    far = Asked(bench, THEM, granting)
    await bench.phones.resolve_trunks()
    await bench.settle(100.0)
    assert up(bench)
    times = far.times("OPTIONS")
    assert 4 <= len(times) <= 5
    request = far.requests[0][1]
    assert (request.uri, request.headers.get("Accept")) == ("sip:192.0.2.1", "application/sdp")
    far.answer = lambda request: None
    await bench.settle(35.0)
    assert up(bench)
    await bench.settle(45.0)
    assert not up(bench)
    assert bench.phones.desk.carriers["one"].targets[THEM].problem == "192.0.2.1: 408 No response in time"
    far.answer = lambda request: (405, {})
    await bench.settle(45.0)
    assert up(bench)
    said = [record.getMessage() for record in caplog.records if "target" in record.getMessage()]
    assert said == ["target up", "target down", "target up again"]
    await bench.phones.close()
    await bench.settle(40.0)
    assert bench.clock.next_at is None


async def test_a_trunk_that_is_down_is_passed_by_but_tried_when_there_is_no_other() -> None:
    bench = Bench(two(WATCHED, WATCHED))
    first, second = Asked(bench, THEM, lambda request: (503, {})), Asked(bench, SPARE, granting)
    for far in (first, second):
        far.answer_calls(sdp())
    await bench.phones.resolve_trunks()
    await bench.settle(35.0)
    assert (up(bench), up(bench, "two")) == (False, True)
    assert await called(bench) == ["192.0.2.3"]
    second.answer = lambda request: (503, {})
    await bench.settle(65.0)
    assert (up(bench), up(bench, "two")) == (False, False)
    assert await called(bench, 8) == ["192.0.2.1"]
    assert LegUp(8) in bench.facts
    await bench.phones.close()


async def test_a_target_that_is_down_is_tried_after_the_others_of_its_trunk() -> None:
    trunk = TrunkConfig("one", (THEM, SPARE), care=WATCHED)
    bench = Bench(PhonesConfig(trunks=(trunk,), routes=(RouteConfig("+1", "one"),)))
    Asked(bench, THEM, lambda request: (503, {}))
    Asked(bench, SPARE, granting).answer_calls(sdp())
    await bench.phones.resolve_trunks()
    await bench.settle(40.0)
    assert bench.phones.desk.order(trunk) == [SPARE, THEM]
    assert await called(bench) == ["192.0.2.3"]
    await bench.phones.close()


async def test_targets_share_calls_by_weight() -> None:
    care = TrunkCare(shares=(Share(0, 3), Share(0, 1)))
    trunk = TrunkConfig("one", (THEM, SPARE), care=care)
    bench = Bench(PhonesConfig(trunks=(trunk,), routes=(RouteConfig("+1", "one"),)))
    first = [bench.phones.desk.order(trunk)[0] for _ in range(1000)]
    assert 700 < first.count(THEM) < 800


# --- limits -------------------------------------------------------------------------------------------------


async def test_calls_over_the_cap_go_out_by_the_next_route_and_end_frees_it() -> None:
    bench = Bench(two(TrunkCare(calls=1)))
    bench.far.answer_calls(sdp())
    bench.at(SPARE).answer_calls(sdp())
    assert await called(bench, 7) == ["192.0.2.1"]
    assert await called(bench, 8) == ["192.0.2.3"]
    desk = bench.phones.desk
    assert (desk.active("one"), desk.active("two")) == (1, 1)
    from hookflash.calls.effects import EndLeg
    from tests.phones.exchange import BYE

    bench.phones.end(EndLeg(7, BYE))
    await bench.settle(1.0)
    assert desk.active("one") == 0
    assert await called(bench, 9) == ["192.0.2.1"]
    await bench.phones.close()
    assert (desk.active("one"), desk.active("two")) == (0, 0)


@pytest.mark.parametrize(
    ("care", "code", "word"),
    [
        (TrunkCare(calls=1), WORKER_FULL, "limits.calls allows"),
        (TrunkCare(calls_per_second=1.0), THROTTLED, "limits.calls_per_second"),
    ],
)
async def test_without_another_route_a_call_over_a_limit_fails_and_says_which(
    care: TrunkCare, code: int, word: str
) -> None:
    bench = Bench(replace(two(care), routes=(RouteConfig("+1", "one"),)))
    bench.far.answer_calls(sdp())
    bench.phones.dial(dialled(leg=7))
    bench.phones.dial(dialled(leg=8))
    await bench.settle(0.5)
    (failed,) = [fact for fact in bench.facts if isinstance(fact, LegFailed)]
    assert (failed.leg, failed.cause.status, failed.cause.sub_code) == (8, 503, code)
    assert "trunk one" in failed.cause.reason
    assert word in failed.cause.reason
    assert bench.plane.legs == {7}
    await bench.phones.close()


async def test_trying_a_second_target_of_the_trunk_counts_once() -> None:
    trunk = TrunkConfig("one", (THEM, SPARE), care=TrunkCare(calls=1, calls_per_second=1.0))
    bench = Bench(PhonesConfig(trunks=(trunk,), routes=(RouteConfig("+1", "one"),)))
    bench.far.refuse_calls(503)
    bench.at(SPARE).answer_calls(sdp())
    assert await called(bench) == ["192.0.2.1", "192.0.2.3"]
    assert LegUp(7) in bench.facts
    await bench.phones.close()


async def test_calls_that_come_in_over_a_limit_get_503_and_a_time_to_come_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bench = Bench(two(TrunkCare(calls=2)))
    await incoming(bench, sdp())
    await incoming(bench, sdp())
    for _ in range(5):
        bench.far.call(body=sdp())
        await bench.settle(0.5)
    assert len([fact for fact in bench.facts if isinstance(fact, IncomingLeg)]) == 2
    refused = [event for event in bench.far.events if type(event).__name__ == "Failed"]
    assert {(event.status, event.headers.get("Retry-After")) for event in refused} == {(503, "5")}  # type: ignore[union-attr]
    assert len(refused) == 5
    assert [record.getMessage() for record in caplog.records].count("call refused") == 1
    assert bench.phones.desk.carriers["one"].limits.refused == {"calls": 5}
    await bench.phones.close()
