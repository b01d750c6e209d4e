"""Which worker carries which call."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from hookflash.plane.hosts import Host
from hookflash.plane.placement import Placement
from hookflash.plane.supervisor import Patience, Seat
from hookflash.ports.plane import LegUnavailable, PlaneEvent
from hookflash.testing.clock import VirtualClock


class Nobody:
    """Owns seats that are never started."""

    def seat_events(self, seat: Seat, events: Sequence[PlaneEvent]) -> None:
        raise AssertionError("no worker speaks")

    def seat_lost(self, seat: Seat, reason: str) -> None:
        raise AssertionError("no worker is there to be lost")


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
    assert (placement.load(first), placement.load(second), len(placement)) == (2, 2, 4)
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
