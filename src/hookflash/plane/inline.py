"""The plane inside the control process, ticked by a clock: for tests in virtual time and small set-ups.

Under a virtual clock every advance of 20 ms is one tick, with real sockets and everything else as in a
worker. A plane without legs does not tick, so that hours of virtual time cost nothing.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable

from hookflash.plane.hosts import Events, Lost
from hookflash.plane.rings import Rings
from hookflash.plane.worker import CATCH_UP, Core
from hookflash.ports.clock import Clock, Timer
from hookflash.ports.plane import (
    TICK,
    LegClosed,
    LegOpened,
    LegUnavailable,
    OpenLeg,
    PlaneCommand,
    Shutdown,
    WorkerReady,
)

_log = logging.getLogger(__name__)


class InlinePlane:
    """A :class:`~hookflash.plane.hosts.Host` without a process. ``core`` makes the plane when it starts."""

    watched = False

    def __init__(self, core: Callable[[], Core], clock: Clock) -> None:
        self._make = core
        self._clock = clock
        self._core: Core | None = None
        self._on_events: Events = lambda events: None
        self._posted: list[PlaneCommand] = []
        self._legs = 0
        self._timer: Timer | None = None
        self._began = 0.0
        self._ticks = 0

    @property
    def rings(self) -> Rings:
        if self._core is None:
            raise LegUnavailable("the media plane is not running")
        return self._core.rings

    async def start(self, on_events: Events, on_lost: Lost) -> None:
        """Make the plane and compile what it needs, which blocks the first time kernels are built."""
        self._on_events = on_events
        self._core = self._make()
        self._core.warm_up()
        on_events([WorkerReady(os.getpid())])

    def post(self, command: PlaneCommand) -> None:
        if self._core is None:
            return
        if isinstance(command, Shutdown):
            self.kill()
            return
        self._posted.append(command)
        if self._timer is None:
            self._began = self._clock.now()
            self._ticks = 0
            self._schedule()

    async def writable(self) -> None:
        """Nothing to wait for: there is no link."""

    def kill(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._posted.clear()
        core, self._core = self._core, None
        if core is not None:
            core.close()

    async def stop(self) -> None:
        self.kill()

    def _tick(self) -> None:
        core = self._core
        self._timer = None
        if core is None:
            return
        posted, self._posted = self._posted, []
        opening = 0
        for command in posted:
            opening += isinstance(command, OpenLeg)
            try:
                core.apply(command)
            except ValueError as error:
                # As in a worker: it must not stop the audio of everybody else.
                _log.warning("inline media plane: refused %s: %s", type(command).__name__, error)
        events = core.tick(self._clock.now())
        for event in events:
            if isinstance(event, LegOpened):
                self._legs += 1
            elif isinstance(event, LegClosed):
                self._legs -= 1
        # A core may answer an OpenLeg one tick later: go on while anything is, or may become, open.
        if self._legs > 0 or opening:
            self._schedule()
        if events:
            self._on_events(events)

    def _schedule(self) -> None:
        """The next tick, 20 ms after the last; a clock that has run away is caught up in part."""
        self._ticks += 1
        missed = int((self._clock.now() - self._began) / TICK) - self._ticks
        self._ticks += max(0, missed - CATCH_UP)
        self._timer = self._clock.call_at(self._began + self._ticks * TICK, self._tick)
