"""Which worker carries which call: all legs of a call are on one, because they are mixed there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from hookflash.calls.facts import Pressure, Taking
from hookflash.plane.admission import Gauge, Limits
from hookflash.plane.supervisor import Seat
from hookflash.ports.plane import Heartbeat, LegUnavailable

LOAD_STEP = 0.02
"""Loads that differ by less count as equal, and the number of legs decides."""
RETRY_LOAD = 5
"""Seconds after which a caller may try again when all workers are full: calls have to end first."""
RETRY_START = 3
"""Seconds after which a caller may try again while workers start."""


@dataclass(slots=True)
class _Place:
    """A call on a worker; ``legs`` tells of each whether it has a port of its own."""

    seat: Seat
    legs: dict[int, bool] = field(default_factory=dict)


@dataclass(slots=True)
class _Account:
    """What is on a seat."""

    gauge: Gauge
    legs: int = 0
    sockets: int = 0


class Placement:
    """Places calls on the seats of workers, least loaded first; a place lasts while the call has legs.

    Args:
        seats: where calls can be placed.
        limits: what each worker takes, by its seat's number.
        changed: called when workers have begun or ceased to take calls.
    """

    def __init__(
        self,
        seats: Sequence[Seat],
        limits: Sequence[Limits] = (),
        changed: Callable[[Pressure], None] = lambda pressure: None,
    ) -> None:
        self._seats = seats
        self._accounts = {
            seat: _Account(Gauge(limits[seat.number] if limits else Limits())) for seat in seats
        }
        self._places: dict[int, _Place] = {}
        self._call_of: dict[int, int] = {}
        self._changed = changed
        self._told = "media", Taking.ALL

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

    def call_of(self, leg: int) -> int | None:
        """The call of a leg."""
        return self._call_of.get(leg)

    def legs(self, seat: Seat) -> int:
        """Legs on a seat."""
        return self._accounts[seat].legs

    def load(self, seat: Seat) -> float:
        """The share of its core that a seat's worker is expected to use (0..1)."""
        account = self._accounts[seat]
        return account.gauge.load(account.legs)

    def refusal(self, seat: Seat) -> str:
        """Why a seat takes no new calls; "" when it does."""
        if not seat.ready:
            return "its worker is not ready"
        if seat.draining:
            return "it is being drained"
        return self._accounts[seat].gauge.refuses_calls

    # --- what is where ------------------------------------------------------------------------------------

    def put(self, leg: int, call: int, *, socket: bool = False) -> Seat:
        """Put a leg beside the others of its call.

        Raises:
            LegUnavailable: it has a place already, its call's worker is full, or all are.
        """
        if leg in self._call_of:
            raise LegUnavailable(f"media leg {leg} is already open")
        place = self._places.get(call)
        if place is None:
            seats = [seat for seat in self._seats if not self.refusal(seat)]
            if not seats:
                pressure = self.pressure()
                raise LegUnavailable(
                    f"no media leg for call {call}: {pressure.reason}",
                    retry_after=pressure.retry_after,
                    full=pressure.source == "load",
                )
            place = self._places[call] = _Place(min(seats, key=self._order))
        else:
            self.require_room(place.seat, f"no media leg for call {call}")
        self._enter(leg, call, place, socket)
        return place.seat

    def require_room(self, seat: Seat, what: str) -> None:
        """Before one more leg comes into a call that is on ``seat``; ``what`` begins the message.

        Raises LegUnavailable when its worker is full.
        """
        full = self._accounts[seat].gauge.refuses_legs
        if full:
            raise LegUnavailable(
                f"{what}: media worker {seat.number} is full, {full}",
                retry_after=RETRY_LOAD,
                full=True,
            )

    def remove(self, leg: int) -> int | None:
        """Take a leg away; its call, None for an unknown leg. The call's place goes with its last leg."""
        call = self._call_of.pop(leg, None)
        if call is not None:
            place = self._places[call]
            account = self._accounts[place.seat]
            account.legs -= 1
            account.sockets -= place.legs.pop(leg)
            if not place.legs:
                del self._places[call]
            self._look(place.seat)
        return call

    def move(self, leg: int, call: int, seat: Seat) -> int:
        """Put a leg into another call, which is on ``seat`` or nowhere yet; the call it was in.

        Raises KeyError for an unknown leg, LegUnavailable when the call is on another seat by now.
        """
        place = self._places.get(call)
        if place is not None and place.seat is not seat:
            raise LegUnavailable(f"media leg {leg} can not be moved: call {call} is on another worker by now")
        before = self._call_of[leg]
        socket = self._places[before].legs[leg]
        self.remove(leg)
        self._enter(leg, call, self._places.setdefault(call, _Place(seat)), socket)
        return before

    def clear(self, seat: Seat) -> dict[int, set[int]]:
        """Take everything off a seat whose worker is gone; the calls that were there, with their legs."""
        lost = {call: set(place.legs) for call, place in self._places.items() if place.seat is seat}
        for call, legs in lost.items():
            del self._places[call]
            for leg in legs:
                del self._call_of[leg]
        account = self._accounts[seat]
        account.legs = account.sockets = 0
        account.gauge.reset()
        self._look(seat)
        return lost

    # --- how full it is -----------------------------------------------------------------------------------

    def beat(self, seat: Seat, beat: Heartbeat) -> None:
        """A worker has told how it fares."""
        account = self._accounts[seat]
        account.gauge.measured(beat, account.legs)
        self._look(seat)

    def look(self) -> None:
        """Tell when it has changed what can be taken: a worker has become ready, or is being drained."""
        pressure = self.pressure()
        told = pressure.source, pressure.taking
        if told != self._told:
            self._told = told
            self._changed(pressure)

    def pressure(self) -> Pressure:
        """What all workers together take now."""
        ready = [seat for seat in self._seats if seat.ready]
        if not ready:
            count = len(self._seats)
            what = "the media worker is" if count == 1 else f"none of the {count} media workers is"
            return Pressure("media", Taking.NOTHING, f"{what} ready", RETRY_START)
        if any(not self.refusal(seat) for seat in ready):
            return Pressure("media", Taking.ALL)
        why = "; ".join(f"media worker {seat.number}: {self.refusal(seat)}" for seat in ready[:3])
        full = all(self._accounts[seat].gauge.refuses_legs for seat in ready)
        return Pressure("load", Taking.NOTHING if full else Taking.ONGOING, why, RETRY_LOAD)

    # --- inside -------------------------------------------------------------------------------------------

    def _order(self, seat: Seat) -> tuple[int, int]:
        return int(self.load(seat) / LOAD_STEP), self._accounts[seat].legs

    def _enter(self, leg: int, call: int, place: _Place, socket: bool) -> None:
        place.legs[leg] = socket
        self._call_of[leg] = call
        account = self._accounts[place.seat]
        account.legs += 1
        account.sockets += socket
        self._look(place.seat)

    def _look(self, seat: Seat) -> None:
        account = self._accounts[seat]
        account.gauge.look(account.legs, account.sockets)
        self.look()
