"""The order of targets, and the limits of trunks, with time and chance as arguments."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookflash.phones.trunks.choosing import ordered
from hookflash.phones.trunks.config import Share, TrunkCare
from hookflash.phones.trunks.limits import Bucket, TrunkLimits

SHARES = st.lists(st.builds(Share, st.integers(0, 3), st.integers(0, 5)), min_size=1, max_size=8)


def test_without_shares_targets_are_tried_as_they_are_given() -> None:
    assert ordered("cab", (), random.random) == ["c", "a", "b"]


@given(SHARES, st.integers(0, 2**32))
def test_each_target_comes_once_lower_priorities_first_and_weightless_ones_last(
    shares: list[Share], seed: int
) -> None:
    order = ordered(range(len(shares)), shares, random.Random(seed).random)
    assert sorted(order) == list(range(len(shares)))
    ranks = [(shares[one].priority, shares[one].weight == 0) for one in order]
    assert ranks == sorted(ranks)


def test_equal_priorities_share_in_proportion_to_their_weights() -> None:
    draw = random.Random(7).random
    shares = [Share(1, 60), Share(1, 30), Share(1, 10), Share(0, 1)]
    orders = [ordered("abcd", shares, draw) for _ in range(4000)]
    assert {order[0] for order in orders} == {"d"}
    second = Counter(order[1] for order in orders)
    assert second["a"] / 4000 == pytest.approx(0.6, abs=0.03)
    assert second["b"] / 4000 == pytest.approx(0.3, abs=0.03)
    assert second["c"] / 4000 == pytest.approx(0.1, abs=0.03)


@given(
    st.floats(0.1, 100.0),
    st.lists(st.floats(0.0, 3.0), max_size=60),
)
def test_a_bucket_gives_never_more_than_its_rate_and_all_of_it(rate: float, gaps: list[float]) -> None:
    bucket, now, taken = Bucket(rate, 100.0), 100.0, 0
    for gap in gaps:
        now += gap
        while bucket.take(now):
            taken += 1
        assert taken <= max(1.0, rate) + rate * (now - 100.0) + 1e-6
        assert 0 < bucket.wait(now) <= 1 / rate + 1e-9
        assert bucket.take(now + bucket.wait(now))
        taken += 1
        now += 1 / rate


def test_a_full_trunk_says_which_limit_it_is_and_when_to_come_again() -> None:
    limits = TrunkLimits("carrier", TrunkCare(calls=2, calls_per_second=2.0), 0.0)
    assert limits.admit(0.0, 0) is None
    refusal = limits.admit(0.0, 2)
    assert refusal is not None
    assert (refusal.limit, refusal.retry_after, refusal.told) == ("calls", 5, True)
    assert "trunk carrier" in refusal.reason
    assert "limits.calls" in refusal.reason
    assert limits.admit(0.0, 1) is None
    refusal = limits.admit(0.0, 1)
    assert refusal is not None
    assert (refusal.limit, refusal.retry_after, refusal.told) == ("calls_per_second", 1, True)
    assert "2 calls a second" in refusal.reason
    assert limits.admit(0.5, 1) is None
    assert limits.refused == {"calls": 1, "calls_per_second": 1}


def test_the_log_hears_of_a_limit_now_and_then_only() -> None:
    limits = TrunkLimits("carrier", TrunkCare(calls=1), 0.0)
    told = [refusal.told for second in range(25) if (refusal := limits.admit(float(second), 1))]
    assert told.count(True) == 3
    assert limits.refused["calls"] == 25


def test_a_call_over_the_cap_takes_nothing_from_the_rate() -> None:
    limits = TrunkLimits("carrier", TrunkCare(calls=1, calls_per_second=0.1), 0.0)
    for _ in range(5):
        assert limits.admit(0.0, 1) is not None
    assert limits.admit(0.0, 0) is None


def test_without_limits_everything_passes() -> None:
    limits = TrunkLimits("carrier", TrunkCare(), 0.0)
    assert all(limits.admit(0.0, 10_000) is None for _ in range(1000))
