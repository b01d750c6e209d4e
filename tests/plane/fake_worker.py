"""A media worker whose plane only pretends: for the tests of what happens around a plane.

Run as a worker (``--fd N``). A leg with ``call`` FREEZE stops the loop, one with ``call`` CRASH raises.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable

from hookflash.plane.worker import main
from hookflash.ports.plane import (
    AudioTapped,
    CloseLeg,
    LegClosed,
    LegOpened,
    OpenLeg,
    PlaneCommand,
    PlaneEvent,
    PlayFinished,
    PlayStarted,
    StartPlay,
)

FREEZE = 666
CRASH = 667


class FakeCore:
    announce: Callable[[AudioTapped], None] | None = None

    def __init__(self) -> None:
        self._events: list[PlaneEvent] = []
        self._ticks = 0

    def warm_up(self) -> None:
        print("warming up", file=sys.stderr, flush=True)

    def apply(self, command: PlaneCommand) -> None:
        match command:
            case OpenLeg():
                if command.call == FREEZE:
                    os.kill(os.getpid(), signal.SIGSTOP)
                if command.call == CRASH:
                    raise RuntimeError("this plane breaks when asked to")
                self._events.append(LegOpened(command.leg, 20_000 + 2 * command.leg))
            case CloseLeg():
                self._events.append(LegClosed(command.leg, 1, 2, 0, 0.0))
            case StartPlay():
                self._events += [
                    PlayStarted(command.play, self._ticks),
                    PlayFinished(command.play, self._ticks),
                ]

    def skip(self, ticks: int) -> None: ...

    def tick(self, now: float, behind: int = 0) -> list[PlaneEvent]:
        self._ticks += 1
        events, self._events = self._events, []
        return events

    def close(self) -> None:
        pass


if __name__ == "__main__":
    sys.exit(main(make=lambda options: FakeCore()))
