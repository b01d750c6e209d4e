"""When a worker counts as full."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookflash.plane.admission import LEG_COST, Gauge, Limits
from hookflash.ports.plane import Heartbeat


def beat(load: float, *, late: float = 0.0, skipped: int = 0) -> Heartbeat:
    return Heartbeat(50, 0, late, 0.0, load, skipped)


def settled(load: float, legs: int, limits: Limits | None = None) -> Gauge:
    """A gauge that has been told the same for long."""
    gauge = Gauge(limits or Limits())
    for _ in range(60):
        gauge.measured(beat(load), legs)
        gauge.look(legs, legs)
    return gauge


def test_the_measured_load_is_believed_soon_when_it_is_worse_and_slowly_when_it_is_better() -> None:
    gauge = settled(0.4, 100)
    gauge.measured(beat(0.8), 100)
    assert gauge.load(100) == pytest.approx(0.6)
    gauge = settled(0.4, 100)
    gauge.measured(beat(0.0), 100)
    assert gauge.load(100) == pytest.approx(0.32)


def test_legs_count_between_heartbeats_by_what_legs_have_cost() -> None:
    gauge = Gauge(Limits())
    assert gauge.load(400) == pytest.approx(400 * LEG_COST)
    gauge = settled(0.5, 1000)
    assert gauge.load(1000) == pytest.approx(0.5)
    assert gauge.load(1200) == pytest.approx(0.6, abs=0.005)
    assert gauge.load(0) == pytest.approx(0.0, abs=0.005)


def test_a_few_legs_teach_nothing_about_the_cost_of_one() -> None:
    gauge = settled(0.3, 2)
    assert gauge.load(3) == pytest.approx(0.3 + LEG_COST)


def test_a_burst_is_stopped_before_the_next_heartbeat() -> None:
    gauge = settled(0.5, 1000)
    legs = 1000
    while not gauge.refuses_calls:
        legs += 1
        gauge.look(legs, 0)
    assert 1590 <= legs <= 1610
    assert "80% of its core" in gauge.refuses_calls
    assert not gauge.refuses_legs


def test_a_worker_that_was_full_takes_calls_again_only_well_below_its_limit() -> None:
    gauge = settled(0.85, 1000)
    assert gauge.refuses_calls
    for _ in range(60):
        gauge.measured(beat(0.75), 1000)
        gauge.look(1000, 0)
    assert gauge.refuses_calls, "below the limit, but not by much"
    for _ in range(60):
        gauge.measured(beat(0.70), 1000)
        gauge.look(1000, 0)
    assert not gauge.refuses_calls
    for _ in range(60):
        gauge.measured(beat(0.75), 1000)
        gauge.look(1000, 0)
    assert not gauge.refuses_calls, "what would not have opened it does not shut it"


def test_ongoing_calls_get_legs_up_to_a_higher_load() -> None:
    assert settled(0.85, 1000).refuses_legs == ""
    gauge = settled(0.92, 1000)
    assert "92% of its core" in gauge.refuses_legs
    gauge.look(980, 0)
    assert gauge.refuses_legs, "it needs to fall by a tenth"
    gauge.look(800, 0)
    assert not gauge.refuses_legs


@pytest.mark.parametrize("trouble", [beat(0.1, late=41.0), beat(0.1, skipped=1)])
def test_late_ticks_shut_a_worker_until_it_was_in_time_for_a_while(trouble: Heartbeat) -> None:
    gauge = Gauge(Limits())
    skipped = 0
    for number in range(3):
        assert not gauge.refuses_calls, f"{number} bad seconds may happen"
        skipped += trouble.skipped
        gauge.measured(beat(0.1, late=trouble.late_ms, skipped=skipped), 10)
        gauge.look(10, 0)
    assert "late or left out in 3 of the last 3 seconds" in gauge.refuses_calls
    assert not gauge.refuses_legs
    for _ in range(4):
        gauge.measured(beat(0.1, skipped=skipped), 10)
        gauge.look(10, 0)
        assert gauge.refuses_calls
    gauge.measured(beat(0.1, skipped=skipped), 10)
    gauge.look(10, 0)
    assert not gauge.refuses_calls


@pytest.mark.parametrize(
    ("limits", "what"), [(Limits(legs=100), "legs"), (Limits(legs=1000, ports=100), "port pairs")]
)
def test_the_last_rows_and_ports_are_for_ongoing_calls(limits: Limits, what: str) -> None:
    gauge = Gauge(limits)
    gauge.look(94, 94)
    assert not gauge.refuses_calls
    gauge.look(95, 95)
    assert f"95 of its 100 {what} are in use" in gauge.refuses_calls
    assert not gauge.refuses_legs
    gauge.look(100, 100)
    assert f"all its 100 {what} are in use" in gauge.refuses_legs
    gauge.look(86, 86)
    assert gauge.refuses_calls
    assert not gauge.refuses_legs
    gauge.look(85, 85)
    assert not gauge.refuses_calls


@pytest.mark.parametrize("legs", [1, 2, 3, 4])
def test_the_smallest_worker_takes_a_call(legs: int) -> None:
    gauge = Gauge(Limits(legs=legs))
    gauge.look(0, 0)
    assert not gauge.refuses_calls
    gauge.look(legs, legs)
    assert gauge.refuses_calls
    assert gauge.refuses_legs


def test_another_worker_begins_anew() -> None:
    gauge = settled(0.95, 4800)
    gauge.reset()
    assert (gauge.refuses_calls, gauge.refuses_legs, gauge.load(0)) == ("", "", 0.0)
    gauge.measured(beat(0.0, skipped=0), 0)
    gauge.look(0, 0)
    assert not gauge.refuses_calls


_STEP = st.tuples(
    st.floats(0, 1), st.floats(0, 100), st.integers(0, 3), st.integers(0, 120), st.integers(0, 120)
)


@given(st.lists(_STEP, max_size=60))
def test_whatever_is_measured_a_full_worker_is_full_for_new_calls_too(
    steps: list[tuple[float, float, int, int, int]],
) -> None:
    gauge, skipped = Gauge(Limits(legs=100, ports=90)), 0
    for load, late, more, legs, sockets in steps:
        skipped += more
        gauge.measured(beat(load, late=late, skipped=skipped), legs)
        gauge.look(legs, sockets)
        assert gauge.load(legs) >= 0.0
        if gauge.refuses_legs:
            assert gauge.refuses_calls
        if legs >= 100 or sockets >= 90:
            assert gauge.refuses_legs
