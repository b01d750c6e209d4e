"""Keeps one media worker alive: starts it, notices its death or silence, starts another."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from hookflash.plane.hosts import Host
from hookflash.plane.rings import Rings
from hookflash.ports.clock import Clock, Timer
from hookflash.ports.plane import Heartbeat, LegUnavailable, PlaneCommand, PlaneEvent, WorkerReady

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Patience:
    """Times, in seconds.

    ``start``: for a worker to become ready (the first start compiles kernels). ``silence``: without a
    heartbeat before a worker counts as frozen. ``backoff`` to ``backoff_max``: before a new start, doubled
    for every worker that did not live ``settled`` seconds. ``check``: between looks.
    """

    start: float = 600.0
    silence: float = 5.0
    backoff: float = 0.25
    backoff_max: float = 15.0
    settled: float = 30.0
    check: float = 1.0


class SeatOwner(Protocol):
    """Hears of what happens on a seat."""

    def seat_events(self, seat: Seat, events: Sequence[PlaneEvent]) -> None: ...

    def seat_lost(self, seat: Seat, reason: str) -> None:
        """The worker on ``seat`` is gone with everything it carried; a new one will be started."""
        ...

    def seat_idle(self, seat: Seat) -> bool:
        """Whether nothing is on ``seat`` and nothing is about to come; asked while it is being drained."""
        ...

    def seat_replaced(self, seat: Seat) -> None:
        """The worker on ``seat`` had nothing to do any more and ends; a new one is started in its place."""
        ...


class Seat:
    """One worker's place; at most one worker sits on it at a time. ``host`` makes the next one.

    Attributes:
        ready: whether a worker sits here and can be used.
        draining: whether it is to be given no new calls, and replaced once it has none.
        starts: workers started here so far.
        pid: the process of the worker; 0 while there is none.
        cpu: where it is pinned to, if it is.
        beat: its last heartbeat.
    """

    def __init__(
        self, number: int, host: Callable[[], Host], clock: Clock, owner: SeatOwner, patience: Patience
    ) -> None:
        self.number = number
        self.ready = False
        self.draining = False
        self.starts = 0
        self.pid = 0
        self.cpu: int | None = None
        self.beat: Heartbeat | None = None
        self._make = host
        self._clock = clock
        self._owner = owner
        self._patience = patience
        self._host: Host | None = None
        self._heard_at = clock.now()
        self._started_at = clock.now()
        self._check_at = clock.now()
        self._delay = patience.backoff
        self._timer: Timer | None = None
        self._starting: asyncio.Task[None] | None = None
        self._replacing: asyncio.Task[None] | None = None
        self._stopped = True

    @property
    def uptime(self) -> float:
        """Seconds since the worker that sits here was started; 0 without one."""
        return 0.0 if self._host is None else self._clock.now() - self._started_at

    @property
    def silence(self) -> float:
        """Seconds since the worker was last heard of."""
        return self._clock.now() - self._heard_at

    def start(self) -> None:
        """Start the first worker, and from then on another whenever one is lost."""
        self._stopped = False
        self._launch()

    async def stop(self) -> None:
        """End the worker in good order and start no more."""
        self._stopped = True
        self.ready = False
        self._cancel_timer()
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.gather(self._starting, return_exceptions=True)
            self._starting = None
        host, self._host = self._host, None
        if host is not None:
            await host.stop()
        if self._replacing is not None:
            await self._replacing

    def drain(self) -> None:
        """Have the worker replaced as soon as it has nothing to do; it gets no new calls until then."""
        if not self.draining:
            self.draining = True
            _log.info(
                "media worker %d takes no new calls and is replaced when its last one ends", self.number
            )

    @property
    def rings(self) -> Rings:
        """The rings of the worker that sits here now. Raises :class:`LegUnavailable` when none does."""
        if self._host is None:
            raise LegUnavailable(f"media worker {self.number} is not running")
        return self._host.rings

    def post(self, command: PlaneCommand) -> None:
        if self._host is not None:
            self._host.post(command)

    async def writable(self) -> None:
        if self._host is not None:
            await self._host.writable()

    def _launch(self) -> None:
        self._timer = None
        if self._stopped:
            return
        self.starts += 1
        self.beat = None
        self.draining = False
        self._started_at = self._heard_at = self._clock.now()
        host = self._host = self._make()
        self._starting = asyncio.create_task(self._start(host))
        self._check_later()

    async def _start(self, host: Host) -> None:
        if self.starts == 1:
            _log.info(
                "media worker %d is starting; the very first start compiles its kernels, "
                "which takes about a minute, and longer where the cores are busy",
                self.number,
            )
        try:
            await host.start(
                lambda events: self._events(host, events), lambda reason: self._lost(host, reason)
            )
        except (OSError, ValueError) as error:
            self._lost(host, f"it could not be started: {error}")

    def _events(self, host: Host, events: Sequence[PlaneEvent]) -> None:
        if host is not self._host:
            return
        self._heard_at = self._clock.now()
        for event in events:
            if isinstance(event, Heartbeat):
                self.beat = event
            elif isinstance(event, WorkerReady):
                self.ready = True
                self.pid = event.pid
                _log.info(
                    "media worker %d is ready after %.1f s (process %d)",
                    self.number,
                    self._clock.now() - self._started_at,
                    event.pid,
                )
        self._owner.seat_events(self, events)

    def _check(self) -> None:
        self._timer = None
        host = self._host
        if host is None:
            return
        # When this process itself stood still, the worker's heartbeats are waiting to be read.
        stalled = self._clock.now() - self._check_at
        self._heard_at += stalled
        self._started_at += stalled
        if self.ready and host.watched and self.silence > self._patience.silence:
            host.kill()
            self._lost(host, f"it has not been heard of for {self.silence:.1f} s and was killed")
            return
        if not self.ready and self._clock.now() - self._started_at > self._patience.start:
            host.kill()
            self._lost(host, f"it did not become ready within {self._patience.start:g} s and was killed")
            return
        if self.draining and self.ready and self._told_empty(host) and self._owner.seat_idle(self):
            self._replace(host)
            return
        self._check_later()

    def _told_empty(self, host: Host) -> bool:
        """Whether the worker itself says that its last leg is gone, with all there is to say of it."""
        return not host.watched or (self.beat is not None and self.beat.legs == 0)

    def _replace(self, host: Host) -> None:
        self._host = None
        self.ready, self.pid = False, 0
        _log.info("media worker %d has no calls any more; another one takes its place", self.number)
        self._owner.seat_replaced(self)
        self._replacing = asyncio.create_task(self._end_and_launch(host))

    async def _end_and_launch(self, host: Host) -> None:
        try:
            await host.stop()
        finally:
            self._replacing = None
            self._launch()

    def _check_later(self) -> None:
        self._check_at = self._clock.now() + self._patience.check
        self._timer = self._clock.call_at(self._check_at, self._check)

    def _lost(self, host: Host, reason: str) -> None:
        if host is not self._host or self._stopped:
            return
        self._host = None
        was_ready, self.ready = self.ready, False
        self.pid = 0
        self._cancel_timer()
        lived = self._clock.now() - self._started_at
        if was_ready and lived >= self._patience.settled:
            self._delay = self._patience.backoff
        delay, self._delay = self._delay, min(self._delay * 2, self._patience.backoff_max)
        _log.error(
            "media worker %d is gone: %s; another one is started in %.2f s", self.number, reason, delay
        )
        self._timer = self._clock.call_at(self._clock.now() + delay, self._launch)
        self._owner.seat_lost(self, reason)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
