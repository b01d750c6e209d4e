"""Which worker carries which call: all legs of a call are on one, because they are mixed there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from hookflash.plane.supervisor import Seat
from hookflash.ports.plane import LegUnavailable


@dataclass(slots=True)
class _Place:
    """A call on a worker."""

    seat: Seat
    legs: set[int] = field(default_factory=set)


class Placement:
    """Places calls on the seats of workers, least loaded first; a place lasts while the call has legs."""

    def __init__(self, seats: Sequence[Seat]) -> None:
        self._seats = seats
        self._places: dict[int, _Place] = {}
        self._call_of: dict[int, int] = {}

    def __contains__(self, leg: int) -> bool:
        return leg in self._call_of

    def __len__(self) -> int:
        return len(self._call_of)

    def seat_of_leg(self, leg: int) -> Seat | None:
        """Where a leg is."""
        call = self._call_of.get(leg)
        return None if call is None else self._places[call].seat

    def seat_of_call(self, call: int) -> Seat | None:
        """Where a call is; None when it has no legs."""
        place = self._places.get(call)
        return None if place is None else place.seat

    def load(self, seat: Seat) -> int:
        """Legs on a seat."""
        return sum(len(place.legs) for place in self._places.values() if place.seat is seat)

    def put(self, leg: int, call: int) -> Seat:
        """Put a leg beside the others of its call. LegUnavailable when it has one or no worker is ready."""
        if leg in self._call_of:
            raise LegUnavailable(f"media leg {leg} is already open")
        place = self._places.get(call)
        if place is None:
            seats = [seat for seat in self._seats if seat.ready]
            if not seats:
                raise LegUnavailable(
                    f"no media leg for call {call}: none of the {len(self._seats)} media workers is ready"
                )
            place = self._places[call] = _Place(min(seats, key=self.load))
        place.legs.add(leg)
        self._call_of[leg] = call
        return place.seat

    def remove(self, leg: int) -> int | None:
        """Take a leg away; its call, None for an unknown leg. The call's place goes with its last leg."""
        call = self._call_of.pop(leg, None)
        if call is not None:
            place = self._places[call]
            place.legs.discard(leg)
            if not place.legs:
                del self._places[call]
        return call

    def move(self, leg: int, call: int, seat: Seat) -> int:
        """Put a leg into another call, which is on ``seat`` or nowhere yet; the call it was in.

        Raises KeyError for an unknown leg, LegUnavailable when the call is on another seat by now.
        """
        place = self._places.get(call)
        if place is not None and place.seat is not seat:
            raise LegUnavailable(f"media leg {leg} can not be moved: call {call} is on another worker by now")
        before = self._call_of[leg]
        self.remove(leg)
        place = self._places.setdefault(call, _Place(seat))
        place.legs.add(leg)
        self._call_of[leg] = call
        return before

    def clear(self, seat: Seat) -> dict[int, set[int]]:
        """Take everything off a seat; the calls that were there, with their legs."""
        lost = {call: place.legs for call, place in self._places.items() if place.seat is seat}
        for call, legs in lost.items():
            del self._places[call]
            for leg in legs:
                del self._call_of[leg]
        return lost
