"""The legs of the media desk: opened on the worker of their call, moved to that of another, closed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from msgspec import structs

from hookflash.plane.hearing_matrix import HearingMatrix
from hookflash.plane.placement import Placement
from hookflash.plane.quality_desk import QualityDesk
from hookflash.plane.supervisor import Seat
from hookflash.ports import plane
from hookflash.ports.clock import Clock
from hookflash.ports.plane import LegUnavailable

_log = logging.getLogger(__name__)

RETRY = 3
"""Seconds after which a leg that a worker could not open may be tried again."""


@dataclass(slots=True)
class _Open:
    """A leg as control knows it."""

    app: bool
    socket: bool
    port: int = 0
    muted: bool = False
    gain_db: float = 0.0
    connected: plane.ConnectLeg | None = None
    remote: tuple[str, int] = ("", 0)
    """Where its audio really comes from; as long as that is not known, where it is said to."""
    source: plane.SrtpSource | None = None
    """How far the peer's SRTP stream has come, by the last report."""


@dataclass(frozen=True, slots=True)
class LegView:
    """A leg as seen now. ``kind`` is "phone" (it has a port), "virtual" or "app"; ``codec`` and ``remote``
    (``host:port``) are empty until they are known, ``port`` is ours, ``encrypted`` says that it is SRTP.
    """

    leg: int
    call: int
    worker: int
    kind: str
    codec: str
    port: int
    remote: str
    encrypted: bool


class LegDesk:
    """Implements :class:`~hookflash.ports.plane.LegMedia` and the part of ``Media`` that is about legs.

    Args:
        placement: which worker has which call.
        quality: told which legs come to which worker.
        clock, timeout: seconds a leg may take to open.
        left: told of a leg and the call it has left, closed or moved; the call may have no legs any more.
    """

    def __init__(
        self,
        placement: Placement,
        quality: QualityDesk,
        clock: Clock,
        timeout: float,
        left: Callable[[int, int], None],
    ) -> None:
        self._placement = placement
        self._quality = quality
        self._clock = clock
        self._timeout = timeout
        self._left = left
        self._legs: dict[int, _Open] = {}
        self._opening: dict[int, tuple[Seat, asyncio.Future[int]]] = {}

    def is_app_leg(self, leg: int) -> bool:
        """Whether the leg is the place of an app."""
        return leg in self._legs and self._legs[leg].app

    def opening_on(self, seat: Seat) -> bool:
        """Whether a leg is about to come to a worker."""
        return any(where is seat for where, _ in self._opening.values())

    def all(self) -> list[int]:
        """Every leg that is open, in the order in which they were."""
        return list(self._legs)

    def view(self, leg: int) -> LegView | None:
        """What is known of a leg."""
        entry = self._legs.get(leg)
        call, seat = self._placement.call_of(leg), self._placement.seat_of_leg(leg)
        if entry is None or call is None or seat is None:
            return None
        said = entry.connected
        host, port = entry.remote
        if said is not None and not host:
            host, port = said.host, said.port
        return LegView(
            leg,
            call,
            seat.number,
            "app" if entry.app else "phone" if entry.socket else "virtual",
            said.codec if said is not None else "",
            entry.port,
            f"[{host}]:{port}" if ":" in host else f"{host}:{port}" if host else "",
            said is not None and said.srtp is not None,
        )

    def is_wideband(self, leg: int) -> bool:
        """Whether the leg hears at 16,000 Hz."""
        entry = self._legs.get(leg)
        connected = None if entry is None else entry.connected
        return connected is not None and (connected.codec in ("G722", "OPUS") or connected.clock > 8000)

    async def open_leg(self, leg: int, call: int, *, socket: bool = True) -> int:
        """Open a leg on the call's worker; its local RTP port. Raises LegUnavailable."""
        future = self._open(leg, call, socket=socket, app=False)
        entry = self._legs[leg]
        try:
            entry.port = await self._in_time(leg, future)
            # Between the answer and this moment it may have been closed, or its worker lost.
            if self._legs.get(leg) is not entry:
                raise LegUnavailable(f"media leg {leg} is gone again", retry_after=RETRY)
        except BaseException:
            self._opening.pop(leg, None)
            if self._legs.get(leg) is entry:
                self.close_leg(leg)
            raise
        return entry.port

    async def move_leg(self, leg: int, call: int) -> int:
        """Bring a leg into another call; its local RTP port from now on. Raises LegUnavailable.

        It is out of its mix either way.
        """
        here = self._placement.seat_of_leg(leg)
        if here is None or leg in self._opening or leg not in self._legs:
            raise LegUnavailable(f"media leg {leg} can not be moved: it is not open")
        self.leave_mix(leg)
        there = self._placement.seat_of_call(call) or here
        if there is here:
            here.post(plane.MoveLeg(leg, call))
            self._quality.opened(here.number, leg, call)
        else:
            await self._open_again(leg, call, here, there)
        before = self._placement.move(leg, call, there)
        self._left(leg, before)
        return self._legs[leg].port

    async def _open_again(self, leg: int, call: int, here: Seat, there: Seat) -> None:
        """Give a leg a row on another worker, and then take it off the one where it was."""
        entry = self._legs[leg]
        self._placement.require_room(there, f"media leg {leg} can not be moved to call {call}")
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._opening[leg] = there, future
        worker = there.starts
        there.post(plane.OpenLeg(leg, call, entry.socket))
        self._quality.opened(there.number, leg, call)
        try:
            port = await self._in_time(leg, future)
            if there.starts != worker or not there.ready:
                raise LegUnavailable(f"media leg {leg} can not be moved: the call was lost meanwhile")
            if self._placement.seat_of_leg(leg) is not here:
                raise LegUnavailable(f"media leg {leg} can not be moved: its audio was lost meanwhile")
            if self._placement.seat_of_call(call) not in (None, there):
                raise LegUnavailable(f"media leg {leg} can not be moved: the call was lost meanwhile")
        except BaseException:
            self._opening.pop(leg, None)
            there.post(plane.CloseLeg(leg))
            self._quality.left(there.number, leg)
            raise
        here.post(plane.CloseLeg(leg))
        self._quality.left(here.number, leg)
        # Where the former worker heard it says nothing of whom this one will hear.
        entry.port, entry.remote = port, ("", 0)
        if entry.muted:
            there.post(plane.MuteLeg(leg, True))
        if entry.gain_db:
            there.post(plane.SetGain(leg, entry.gain_db))
        if entry.connected is not None:
            there.post(_resumed(entry.connected, entry.source))

    async def _in_time(self, leg: int, future: asyncio.Future[int]) -> int:
        timer = self._clock.call_at(
            self._clock.now() + self._timeout,
            lambda: self.refuse(leg, f"the media worker did not open it within {self._timeout:g} s"),
        )
        try:
            return await future
        finally:
            timer.cancel()

    def connect_leg(self, command: plane.ConnectLeg) -> None:
        entry = self._legs.get(command.leg)
        if entry is not None:
            entry.connected, entry.remote = command, ("", 0)
        self._post(command.leg, command)

    def close_leg(self, leg: int) -> None:
        """Close a leg; unknown legs are ignored."""
        self.refuse(leg, "it was closed while it was being opened")
        self._post(leg, plane.CloseLeg(leg))
        self._legs.pop(leg, None)
        call = self._placement.remove(leg)
        if call is not None:
            self._left(leg, call)

    def open_app_leg(self, leg: int, call: int) -> None:
        """Open a leg without a socket, in the mix of its call; it is no tragedy when that fails."""
        try:
            future = self._open(leg, call, socket=False, app=True)
        except LegUnavailable as error:
            _log.warning("%s", error)
            return
        self._post(leg, plane.JoinMix(leg))
        future.add_done_callback(lambda done: self._app_leg_opened(leg, done))

    def join_mix(self, leg: int) -> None:
        self._post(leg, plane.JoinMix(leg))

    def leave_mix(self, leg: int) -> None:
        self._post(leg, plane.LeaveMix(leg))

    def mute(self, leg: int, muted: bool) -> None:
        entry = self._legs.get(leg)
        if entry is not None:
            entry.muted = muted
        self._post(leg, plane.MuteLeg(leg, muted))

    def set_gain(self, leg: int, db: float) -> None:
        """Make a leg louder or quieter for the others, -60 to +20 dB; raises ValueError beyond that."""
        if not -60.0 <= db <= 20.0:
            raise ValueError(f"leg {leg} can not be made {db} dB louder: give -60 to +20 dB")
        entry = self._legs.get(leg)
        if entry is not None:
            entry.gain_db = db
        self._post(leg, plane.SetGain(leg, db))

    def set_hearing(self, call: int, rules: Sequence[plane.HearingRule]) -> None:
        """Say who hears whom in a call, instead of what was said before; raises ValueError for bad gains.

        The rules stay with the call for as long as it has legs.
        """
        HearingMatrix((rule.listener, rule.speaker, rule.gain) for rule in rules)
        seat = self._placement.seat_of_call(call)
        if seat is not None:
            seat.post(plane.SetHearing(call, tuple(rules)))

    def stop(self) -> None:
        """Nothing more will be opened."""
        for _, future in self._opening.values():
            if not future.done():
                future.set_exception(LegUnavailable("the media plane is being stopped"))

    # --- from the seats -----------------------------------------------------------------------------------

    def latched(self, seat: Seat, event: plane.LegLatched) -> None:
        """A worker has locked a leg to where its audio comes from."""
        entry = self._legs.get(event.leg)
        if entry is not None and self._placement.seat_of_leg(event.leg) is seat:
            entry.remote = event.host, event.port

    def reported(self, seat: Seat, event: plane.LegReport) -> None:
        """A worker tells of a leg."""
        if event.source is not None and self._placement.seat_of_leg(event.leg) is seat:
            self._legs[event.leg].source = event.source

    def opened(self, seat: Seat, event: plane.LegOpened) -> None:
        """A worker has opened a leg."""
        waiting = self._opening.get(event.leg)
        if waiting is not None and waiting[0] is seat:
            del self._opening[event.leg]
            if not waiting[1].done():
                waiting[1].set_result(event.port)

    def refused(self, seat: Seat, event: plane.LegRefused) -> None:
        """A worker can not open a leg."""
        waiting = self._opening.get(event.leg)
        if waiting is not None and waiting[0] is seat:
            self.refuse(event.leg, event.reason)

    def refuse(self, leg: int, reason: str) -> None:
        """A leg is not opened after all."""
        _, future = self._opening.pop(leg, (None, None))
        if future is not None and not future.done():
            future.set_exception(
                LegUnavailable(f"media leg {leg} can not be opened: {reason}", retry_after=RETRY)
            )

    def seat_lost(self, seat: Seat, legs: set[int], reason: str) -> None:
        """A worker is gone with these legs, and with those that were about to come."""
        for leg in legs:
            self._legs.pop(leg, None)
        for leg in legs | {leg for leg, (where, _) in self._opening.items() if where is seat}:
            self.refuse(leg, f"the media worker is gone: {reason}")

    # --- inside -------------------------------------------------------------------------------------------

    def _open(self, leg: int, call: int, *, socket: bool, app: bool) -> asyncio.Future[int]:
        seat = self._placement.put(leg, call, socket=socket)
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._opening[leg] = seat, future
        self._legs[leg] = _Open(app, socket)
        seat.post(plane.OpenLeg(leg, call, socket))
        self._quality.opened(seat.number, leg, call)
        return future

    def _app_leg_opened(self, leg: int, future: asyncio.Future[int]) -> None:
        """An app leg that could not be opened has no audio, but its connection lives on.

        One that was closed meanwhile, because the call failed at once, is missed by nobody.
        """
        if not future.cancelled() and (error := future.exception()) is not None:
            _log.log(logging.WARNING if leg in self._legs else logging.DEBUG, "%s", error)
            self.close_leg(leg)

    def _post(self, leg: int, command: plane.PlaneCommand) -> None:
        seat = self._placement.seat_of_leg(leg)
        if seat is not None:
            seat.post(command)


def _resumed(connected: plane.ConnectLeg, source: plane.SrtpSource | None) -> plane.ConnectLeg:
    """What another worker has to know: the peer's rollover counter goes on (RFC 3711 section 3.3.1).

    Ours does not: there we send another stream, with an SSRC of its own, whose counter begins at 0.
    """
    if connected.srtp is None:
        return connected
    return structs.replace(connected, source=source or plane.SrtpSource(-1, 0))
