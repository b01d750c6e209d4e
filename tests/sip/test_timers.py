"""Timer values (RFC 3261 table 4) and the heap they live in."""

from __future__ import annotations

import pytest

from hookflash.sip.timers import TimerHeap, TimerName, Timing

T = TimerName


@pytest.mark.parametrize(
    ("name", "udp", "tcp"),
    [
        (T.A, 0.5, None),
        (T.B, 32.0, 32.0),
        (T.D, 32.0, 0.0),
        (T.E, 0.5, None),
        (T.F, 32.0, 32.0),
        (T.G, 0.5, None),
        (T.H, 32.0, 32.0),
        (T.I, 5.0, 0.0),
        (T.J, 32.0, 0.0),
        (T.K, 5.0, 0.0),
        (T.L, 32.0, 32.0),
        (T.M, 32.0, 32.0),
    ],
)
def test_first_intervals_are_those_of_the_rfc(name: TimerName, udp: float, tcp: float | None) -> None:
    assert Timing().first(name, reliable=False) == udp
    assert Timing().first(name, reliable=True) == tcp


def test_t1_t2_t4_are_parameters() -> None:
    timing = Timing(t1=0.1, t2=0.3, t4=1.0, d=7.0)
    assert timing.give_up == pytest.approx(6.4)
    assert timing.first(T.I, False) == 1.0
    assert timing.first(T.D, False) == 7.0
    assert timing.following(T.G, 0.2, False) == 0.3


def test_invite_retransmissions_double_without_bound_others_up_to_t2() -> None:
    timing = Timing()
    assert timing.following(T.A, 16.0, False) == 32.0
    assert timing.following(T.E, 2.0, False) == 4.0
    assert timing.following(T.E, 4.0, False) == 4.0
    assert timing.following(T.E, 0.5, True) == 4.0


def test_timers_fire_in_order_and_only_when_due() -> None:
    heap, fired = TimerHeap(), []
    heap.set(2.0, lambda now: fired.append(("b", now)))
    heap.set(1.0, lambda now: fired.append(("a", now)))
    heap.set(2.0, lambda now: fired.append(("c", now)))
    heap.set(9.0, lambda now: fired.append(("d", now)))
    assert heap.next() == 1.0
    heap.run(0.5)
    assert fired == []
    heap.run(2.5)
    assert fired == [("a", 2.5), ("b", 2.5), ("c", 2.5)]
    assert heap.next() == 9.0
    assert len(heap) == 1


def test_a_timer_set_while_firing_fires_in_the_same_run_when_due() -> None:
    heap, fired = TimerHeap(), []
    heap.set(1.0, lambda now: heap.set(1.5, lambda again: fired.append(again)) and None)
    heap.run(2.0)
    assert fired == [2.0]


def test_cancelled_timers_never_fire_and_do_not_count() -> None:
    heap, fired = TimerHeap(), []
    timer = heap.set(1.0, lambda now: fired.append(now))
    other = heap.set(3.0, lambda now: fired.append(now))
    timer.cancel()
    timer.cancel()
    assert len(heap) == 1
    assert heap.next() == 3.0
    heap.run(5.0)
    other.cancel()
    assert fired == [5.0]
    assert len(heap) == 0
    assert heap.next() is None


def test_tombstones_are_swept_out_of_the_heap() -> None:
    heap = TimerHeap()
    timers = [heap.set(float(n), lambda now: None) for n in range(1000)]
    for timer in timers[:-1]:
        timer.cancel()
    assert len(heap) == 1
    assert len(heap._heap) < 200
    assert heap.next() == 999.0
