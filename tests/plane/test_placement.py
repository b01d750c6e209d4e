"""Which worker carries which call."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from hookflash.calls.facts import Pressure, Taking
from hookflash.plane.admission import Limits
from hookflash.plane.hosts import Host
from hookflash.plane.placement import Placement
from hookflash.plane.supervisor import Patience, Seat
from hookflash.ports.plane import Heartbeat, LegUnavailable, PlaneEvent
from hookflash.testing.clock import VirtualClock


class Nobody:
    """Owns seats that are never started."""

    def seat_events(self, seat: Seat, events: Sequence[PlaneEvent]) -> None:
        raise AssertionError("no worker speaks")

    def seat_lost(self, seat: Seat, reason: str) -> None:
        raise AssertionError("no worker is there to be lost")

    def seat_idle(self, seat: Seat) -> bool:
        raise AssertionError("no worker is drained")

    def seat_replaced(self, seat: Seat) -> None:
        raise AssertionError("no worker is replaced")


def _host() -> Host:
    raise AssertionError("no worker is started")


@pytest.fixture
def seats() -> list[Seat]:
    seats = [Seat(number, _host, VirtualClock(), Nobody(), Patience()) for number in range(2)]
    for seat in seats:
        seat.ready = True
    return seats


def test_legs_of_a_call_share_a_seat_and_calls_spread(seats: list[Seat]) -> None:
    placement = Placement(seats)
    first = placement.put(10, 1)
    assert placement.put(11, 1) is first
    second = placement.put(20, 2)
    assert second is not first
    assert placement.put(30, 3) is second  # one leg there, two on the other
    assert (placement.legs(first), placement.legs(second), len(placement)) == (2, 2, 4)
    assert placement.seat_of_leg(11) is placement.seat_of_call(1) is first


def test_a_place_lasts_until_the_last_leg_leaves(seats: list[Seat]) -> None:
    placement = Placement(seats)
    placement.put(10, 1)
    placement.put(11, 1)
    assert placement.remove(10) == 1
    assert 10 not in placement
    assert placement.seat_of_call(1) is not None
    assert placement.remove(11) == 1
    assert placement.seat_of_call(1) is None
    assert placement.seat_of_leg(11) is None
    assert placement.remove(11) is None


def test_only_ready_seats_are_used_and_a_leg_has_one_place(seats: list[Seat]) -> None:
    placement = Placement(seats)
    seats[0].ready = False
    assert placement.put(10, 1) is seats[1]
    with pytest.raises(LegUnavailable, match="already open"):
        placement.put(10, 2)
    seats[1].ready = False
    with pytest.raises(LegUnavailable, match="none of the 2 media workers is ready"):
        placement.put(20, 2)
    assert 20 not in placement


def test_clearing_a_seat_tells_what_was_there_and_leaves_the_rest(seats: list[Seat]) -> None:
    placement = Placement(seats)
    lost = placement.put(10, 1)
    placement.put(11, 1)
    placement.put(20, 2)
    assert placement.clear(lost) == {1: {10, 11}}
    assert (len(placement), 20 in placement) == (1, True)
    assert placement.seat_of_call(1) is None
    assert placement.clear(lost) == {}


def beat(load: float, legs: int = 0) -> Heartbeat:
    return Heartbeat(50, legs, 0.0, 0.0, load, 0)


def test_calls_go_where_there_is_less_to_do_not_where_there_are_fewer_legs(seats: list[Seat]) -> None:
    placement = Placement(seats)
    heavy = placement.put(10, 1)
    light = placement.put(20, 2)
    for leg in range(21, 60):
        placement.put(leg, 2)
    for _ in range(20):
        placement.beat(heavy, beat(0.5))
        placement.beat(light, beat(0.1))
    assert (placement.legs(heavy), placement.legs(light)) == (1, 40)
    assert placement.put(100, 3) is light
    assert placement.load(heavy) == pytest.approx(0.5, abs=0.01)
    # The legs of a call stay together, whatever that costs.
    assert placement.put(11, 1) is heavy


def test_a_burst_of_calls_is_spread_before_anything_was_measured(seats: list[Seat]) -> None:
    placement = Placement(seats)
    for call in range(200):
        placement.put(call, call)
    assert [placement.legs(seat) for seat in seats] == [100, 100]


def test_full_and_drained_workers_get_no_calls_and_a_new_one_takes_part(seats: list[Seat]) -> None:
    told: list[Pressure] = []
    placement = Placement(seats, [Limits(legs=10), Limits(legs=100)], told.append)
    first = placement.put(1, 1)
    assert first is seats[0]
    for _ in range(20):
        placement.beat(seats[1], beat(0.9))
    for leg in range(2, 9):
        assert placement.put(leg, leg) is first
    assert told == [Pressure("load", Taking.ONGOING, told[0].reason, 5)]
    assert "8 of its 10 legs" in told[0].reason
    assert "media worker 1: its ticks take 90%" in told[0].reason
    with pytest.raises(LegUnavailable, match="no media leg for call 9: media worker 0") as refused:
        placement.put(9, 9)
    assert refused.value.retry_after == 5
    for leg in (10, 11):
        assert placement.put(leg, 1) is first, "a call that is there goes on growing"
    with pytest.raises(LegUnavailable, match="worker 0 is full, all its 10 legs are in use"):
        placement.put(12, 1)
    placement.clear(seats[1])
    assert told[1:] == [Pressure("media", Taking.ALL)]
    assert placement.put(13, 13) is seats[1]
    seats[1].draining = True
    placement.look()
    assert placement.refusal(seats[1]) == "it is being drained"
    assert told[2].taking is Taking.ONGOING
    assert placement.put(14, 13) is seats[1]


def test_workers_that_are_all_full_or_gone_take_nothing(seats: list[Seat]) -> None:
    told: list[Pressure] = []
    placement = Placement(seats, [Limits(legs=2), Limits(legs=2)], told.append)
    placement.put(1, 1)
    placement.put(2, 2)
    placement.put(3, 1)
    placement.put(4, 2)
    assert [one.taking for one in told] == [Taking.ONGOING, Taking.NOTHING]
    for leg in (1, 2, 3, 4):
        placement.remove(leg)
    assert told[-1] == Pressure("media", Taking.ALL)
    for seat in seats:
        seat.ready = False
    placement.look()
    assert told[-1] == Pressure("media", Taking.NOTHING, "none of the 2 media workers is ready", 3)


def test_ports_count_for_legs_that_have_one(seats: list[Seat]) -> None:
    placement = Placement(seats[:1], [Limits(legs=100, ports=4)])
    for leg in range(20):
        placement.put(leg, leg)
    placement.put(30, 30, socket=True)
    placement.put(31, 31, socket=True)
    with pytest.raises(LegUnavailable, match="2 of its 4 port pairs"):
        placement.put(32, 32, socket=True)
    placement.put(33, 30, socket=True)
    placement.move(33, 31, seats[0])
    placement.put(34, 31, socket=True)
    with pytest.raises(LegUnavailable, match="all its 4 port pairs"):
        placement.put(35, 31)
    for leg in (33, 34, 30):
        placement.remove(leg)
    assert placement.put(36, 36, socket=True) is seats[0]
