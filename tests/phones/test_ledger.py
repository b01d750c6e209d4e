"""What calls cost, in virtual time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookflash.phones.ledger import HOUR, SETTLE, Ledger
from hookflash.testing.clock import VirtualClock

DAY = 24 * HOUR


class Kept:
    """What is on disk."""

    def __init__(self) -> None:
        self.documents: dict[str, bytes] = {}
        self.writes = 0

    def save(self, name: str, body: bytes | None) -> None:
        self.writes += 1
        if body is None:
            self.documents.pop(name, None)
        else:
            self.documents[name] = body


def test_running_calls_cost_by_the_second_and_ended_ones_no_more() -> None:
    clock = VirtualClock()
    ledger = Ledger(clock)
    ledger.up("a", 1, 0.5)
    clock.advance(10)
    ledger.up("a", 2, 1.0)
    clock.advance(10)
    assert ledger.spent("a") == pytest.approx(20.0)
    assert ledger.running("a") == [1, 2]
    ledger.over("a", 1)
    clock.advance(10)
    ledger.over("a", 2)
    clock.advance(100)
    assert ledger.spent("a") == pytest.approx(30.0)
    assert (ledger.rate("a"), ledger.running("a")) == (0.0, [])
    ledger.over("a", 2)
    ledger.over("nobody", 1)
    assert ledger.spent("nobody") == ledger.rate("nobody") == ledger.lately("nobody") == 0
    assert ledger.running("nobody") == []


def test_what_was_spent_counts_for_a_day_and_never_for_less() -> None:
    clock = VirtualClock()
    ledger = Ledger(clock)
    ledger.up("a", 1, 1.0)
    clock.advance(60)
    ledger.over("a", 1)
    clock.advance(DAY - 1)
    assert ledger.spent("a") == pytest.approx(60.0)
    clock.advance(2 * HOUR)
    assert ledger.spent("a") == 0.0
    ledger.settle()
    assert ledger.names == []


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4000)), max_size=40))
def test_it_is_what_a_plain_sum_says(steps: list[tuple[int, int]]) -> None:
    """Against every second of every call, one by one."""
    clock = VirtualClock()
    ledger = Ledger(clock)
    up: set[int] = set()
    seconds: list[int] = []
    for leg, passing in steps:
        if leg in up:
            ledger.over("a", leg)
            up.discard(leg)
        else:
            ledger.up("a", leg, 2.0)
            up.add(leg)
        clock.advance(passing)
        ledger.spent("a")
        end = int(clock.now())
        seconds += [second for second in range(end - passing, end) for _ in up]
    now = clock.wall() // HOUR
    base = clock.wall() - clock.now()
    # A stretch counts for the hour in which it was looked at: no sum by the second is ever above it.
    exact = 2.0 * sum((base + second) // HOUR >= now - 24 for second in seconds)
    assert ledger.spent("a") >= exact - 1e-6
    assert ledger.spent("a") <= 2.0 * len(seconds) + 1e-6


def test_calls_of_a_minute_are_counted_exactly_to_the_second() -> None:
    clock = VirtualClock()
    ledger = Ledger(clock)
    for _ in range(500):
        ledger.began("a")
    clock.advance(30)
    ledger.began("a")
    assert ledger.lately("a") == 501
    clock.advance(29.9)
    assert ledger.lately("a") == 501
    clock.advance(0.1)
    assert ledger.lately("a") == 1
    clock.advance(30)
    assert ledger.lately("a") == 0


def test_the_memory_for_calls_of_a_minute_is_bounded() -> None:
    clock = VirtualClock()
    ledger = Ledger(clock)
    for _ in range(1000):
        clock.advance(0.1)
        ledger.began("a")
        ledger.lately("a")
    assert len(ledger._accounts["a"].minute) <= 62


def test_what_was_spent_outlives_the_process() -> None:
    clock, kept = VirtualClock(), Kept()
    ledger = Ledger(clock, kept.save)
    ledger.up("a", 1, 1.0)
    clock.advance(SETTLE + 1)
    assert kept.writes == 1
    # Killed here: a minute at most is lost.
    again = Ledger(VirtualClock(wall=clock.wall()), Kept().save)
    again.load(kept.documents)
    assert again.spent("a") == pytest.approx(SETTLE)
    ledger.close()
    assert clock.next_at is None
    whole = Ledger(VirtualClock(wall=clock.wall()))
    whole.load(kept.documents)
    assert whole.spent("a") == pytest.approx(SETTLE + 1)


def test_nothing_is_written_while_nothing_is_spent() -> None:
    clock, kept = VirtualClock(), Kept()
    ledger = Ledger(clock, kept.save)
    ledger.began("a")
    ledger.up("a", 1, 0.0)
    clock.advance(10 * SETTLE)
    ledger.over("a", 1)
    ledger.settle()
    assert kept.writes == 0
    assert clock.next_at is not None
    clock.advance(SETTLE)
    assert clock.next_at is None


def test_documents_that_are_old_or_broken_are_forgotten() -> None:
    clock, kept = VirtualClock(), Kept()
    hour = int(clock.wall() // HOUR)
    kept.documents = {
        "old": f'{{"hours":{{"{hour - 25}":5}}}}'.encode(),
        "future": f'{{"hours":{{"{hour + 2}":5}}}}'.encode(),
        "broken": b"{",
        "strange": b'{"hours":[1]}',
        "good": f'{{"hours":{{"{hour - 24}":5,"{hour}":1.5}}}}'.encode(),
    }
    ledger = Ledger(clock, kept.save)
    ledger.load(dict(kept.documents))
    assert ledger.names == ["good"]
    assert ledger.spent("good") == 6.5
    assert set(kept.documents) == {"good"}
