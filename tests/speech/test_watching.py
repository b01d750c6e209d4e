"""Whether a process that has something to do still lives."""

from __future__ import annotations

from hookflash.speech.watching import Watch
from hookflash.testing.clock import VirtualClock


def watch() -> tuple[VirtualClock, Watch, list[float]]:
    clock, stuck = VirtualClock(), list[float]()
    return clock, Watch(clock, 4.0, lambda: stuck.append(clock.now())), stuck


def test_one_that_says_nothing_is_stuck() -> None:
    clock, one, stuck = watch()
    began = clock.now()
    one.start()
    one.start()
    clock.advance(3.9)
    assert not stuck
    clock.advance(0.2)
    assert [at - began for at in stuck] == [4.0]
    clock.advance(100.0)
    assert len(stuck) == 1


def test_whatever_it_says_is_a_sign_of_life() -> None:
    clock, one, stuck = watch()
    one.start()
    for _ in range(20):
        clock.advance(3.0)
        one.heard()
    assert not stuck


def test_nothing_is_expected_of_one_that_has_nothing_to_do() -> None:
    clock, one, stuck = watch()
    one.start()
    clock.advance(3.0)
    one.stop()
    one.stop()
    clock.advance(100.0)
    assert not stuck
    one.start()
    clock.advance(3.9)
    assert not stuck
    assert len(clock.pending) == 1


def test_a_watcher_that_was_stuck_itself_looks_twice() -> None:
    clock, one, stuck = watch()
    one.start()
    clock.advance(1.0)
    one.heard()
    clock.advance(2.5)  # what came meanwhile is not read yet
    one.heard()
    clock.advance(2.0)
    assert not stuck
