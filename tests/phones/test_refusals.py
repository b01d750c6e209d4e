"""The memory of refused REGISTERs: bounded in number and time."""

from __future__ import annotations

from hookflash.phones.registered.refusals import LATELY, MAX_REFUSALS, Refusals


def test_repetitions_are_counted_and_the_latest_comes_first() -> None:
    refusals = Refusals()
    refusals.add(0, "bob", "192.0.2.1", 401, "wrong")
    refusals.add(1, "eve", "192.0.2.1", 401, "wrong")
    assert refusals.add(2, "bob", "192.0.2.1", 401, "wrong") == 2
    assert [(one.phone, one.at, one.times) for one in refusals.lately(2)] == [("bob", 2, 2), ("eve", 1, 1)]
    refusals.settled("bob", "192.0.2.1")
    refusals.settled("eve", "192.0.2.2")
    assert [one.phone for one in refusals.lately(2)] == ["eve"]


def test_it_is_bounded_and_forgets() -> None:
    refusals = Refusals()
    for number in range(3 * MAX_REFUSALS):
        refusals.add(number, f"p{number}", "192.0.2.1", 401, "wrong")
    assert len(refusals.lately(0)) == MAX_REFUSALS
    late = 3 * MAX_REFUSALS - 1 + LATELY
    assert refusals.lately(late) == []
    assert refusals.add(late, f"p{3 * MAX_REFUSALS - 1}", "192.0.2.1", 401, "wrong") == 1
