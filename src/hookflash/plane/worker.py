"""The media worker: a process of its own that sweeps all its legs every 20 ms.

Started by control as ``python -m hookflash.plane.worker --fd N`` with one end of a socket pair (a fresh
process, not a fork of one with threads and an event loop in it). It compiles its kernels, says
:class:`~hookflash.ports.plane.WorkerReady`, and then, tick by tick: takes the commands that have arrived,
does the tick, sends the events. It ends when control tells it to or goes away, so that none is ever left
behind.

Ticks have absolute deadlines. A late tick is caught up, at most :data:`CATCH_UP` of them in a row; what is
missed beyond that is skipped, because a burst of old audio helps nobody.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import math
import os
import resource
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from hookflash.plane.link import LinkError, WorkerLink
from hookflash.plane.options import PlaneOptions, parse
from hookflash.plane.rings import Rings
from hookflash.ports.plane import (
    TICK,
    AudioTapped,
    Heartbeat,
    LegClosed,
    LegOpened,
    PlaneCommand,
    PlaneEvent,
    Shutdown,
    WorkerReady,
)

CATCH_UP = 5
"""Ticks done back to back after a stall; older ones are skipped."""

HEARTBEAT = 1.0
"""Seconds between heartbeats."""

LOOK = 0.5
"""Seconds between looks at a link while the kernels are made ready."""

_COLLECT_EVERY = 50
_COLLECT_ALL_EVERY = 30_000
_COLLECT_SPARE = 0.008


ON_TIME = 0.001
"""Seconds a tick may be late without it mattering to when packets seem to have come."""


NICENESS = -10
"""Of the thread that ticks."""


def behind(late: float) -> int:
    """Ticks, begun ones included, that should be done by now, of a tick that is ``late`` seconds late."""
    return max(math.ceil((late - ON_TIME) / TICK), 0)


class Core(Protocol):
    """What a worker drives: the media plane, or a stand-in for it in tests."""

    announce: Callable[[AudioTapped], None] | None
    """What cannot wait for the end of a tick is told here."""

    @property
    def rings(self) -> Rings:
        """Where audio leaves and comes in."""
        ...

    def warm_up(self) -> None:
        """Compile everything a tick needs."""
        ...

    def apply(self, command: PlaneCommand) -> None: ...

    def tick(self, now: float, behind: int = 0) -> list[PlaneEvent]:
        """One 20 ms step at ``now`` (monotonic seconds), ``behind`` ticks too late; what happened in it."""
        ...

    def skip(self, ticks: int) -> None:
        """Leave out ``ticks`` ticks."""
        ...

    def close(self) -> None:
        """Close all sockets."""
        ...


class Worker:
    """The loop, apart from the process around it. ``now`` and ``sleep`` are the operating system's."""

    def __init__(
        self,
        core: Core,
        link: WorkerLink,
        *,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._core = core
        self._link = link
        core.announce = lambda tapped: link.send([tapped])
        self._now = now
        self._sleep = sleep
        self._legs = 0
        self._ticks = 0
        self._late = 0.0
        self._busy = 0.0
        self._spent = 0.0
        self.skipped = 0

    def run(self) -> None:
        """Tick until told to stop. Raises :class:`LinkError` when control goes away."""
        measured_from = self._now()
        due = measured_from + TICK
        beat_at = due + HEARTBEAT
        while True:
            wait = due - self._now()
            if wait > 0:
                self._sleep(wait)
            begun = self._now()
            self._late = max(self._late, begun - due)
            for command in self._link.receive():
                if isinstance(command, Shutdown):
                    return
                self._apply(command)
            events = self._core.tick(begun, behind(begun - due))
            self._ticks += 1
            self._count_legs(events)
            ended = self._now()
            self._busy = max(self._busy, ended - begun)
            if ended >= beat_at:
                events.append(self._heartbeat(begun - measured_from))
                measured_from, beat_at = begun, ended + HEARTBEAT
            self._link.send(events)
            self._spent += self._now() - begun
            due = self._next(due)
            if self._ticks % _COLLECT_EVERY == 0 and due - self._now() > _COLLECT_SPARE:
                # Garbage is collected only where the tick leaves room for it; what start-up made is frozen.
                gc.collect(2 if self._ticks % _COLLECT_ALL_EVERY == 0 else 1)

    def _heartbeat(self, elapsed: float) -> Heartbeat:
        """What was measured over the last ``elapsed`` seconds; the tick that says so counts for the next."""
        load = self._spent / elapsed if elapsed > 0 else 0.0
        beat = Heartbeat(
            self._ticks, self._legs, self._late * 1e3, self._busy * 1e3, min(load, 1.0), self.skipped
        )
        self._late = self._busy = self._spent = 0.0
        return beat

    def _apply(self, command: PlaneCommand) -> None:
        try:
            self._core.apply(command)
        except ValueError as error:
            # One command that makes no sense must not take the audio of all other calls with it.
            print(f"refused {type(command).__name__}: {error}", file=sys.stderr, flush=True)

    def _next(self, due: float) -> float:
        """The next deadline; skips ticks once more than :data:`CATCH_UP` of them are missed."""
        due += TICK
        behind = int((self._now() - due) / TICK)
        if behind > CATCH_UP:
            skip = behind - CATCH_UP
            self.skipped += skip
            self._core.skip(skip)
            due += skip * TICK
        return due

    def _count_legs(self, events: Sequence[PlaneEvent]) -> None:
        for event in events:
            if isinstance(event, LegOpened):
                self._legs += 1
            elif isinstance(event, LegClosed):
                self._legs -= 1


@contextlib.contextmanager
def ending_with(link: WorkerLink) -> Iterator[None]:
    """End the process as soon as control goes away in here: nothing else interrupts a compiler."""
    over = threading.Event()

    def watch() -> None:
        while not over.is_set():
            if link.hung_up(LOOK) and not over.is_set():
                os._exit(2)

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        over.set()


def serve(
    link: WorkerLink,
    core: Core,
    *,
    starting: Callable[[WorkerLink], AbstractContextManager[None]] = lambda link: contextlib.nullcontext(),
) -> int:
    """Warm up, say so, tick until the end; the exit status. What goes wrong is written to standard error.

    ``starting`` is around the warming up, which can take a minute.
    """
    try:
        with starting(link):
            core.warm_up()
        gc.collect()
        gc.freeze()
        gc.disable()
        link.send([WorkerReady(os.getpid())])
        Worker(core, link).run()
    except LinkError as error:
        print(f"media worker {os.getpid()} ends: {error}", file=sys.stderr)
        return 2
    finally:
        core.close()
        link.close()
    return 0


@contextlib.contextmanager
def getting_ready(link: WorkerLink) -> Iterator[None]:
    """Around the warming up of a worker process: it ends with control, and ticks come first afterwards."""
    with ending_with(link):
        yield
    come_first()


def come_first() -> bool:
    """Have this thread run before others that want the CPU, where the system lets us; whether it does.

    Ticks are short and due to the millisecond: whatever else the machine does can wait for them. It takes
    CAP_SYS_NICE or a high enough RLIMIT_NICE (``LimitNICE=`` of a systemd unit); without, all is as usual.
    """
    try:
        os.setpriority(os.PRIO_PROCESS, 0, NICENESS)
    except OSError:
        return False
    with contextlib.suppress(OSError):
        # Linux may share the CPU out by sessions first ("autogroup"), and among the processes of each only
        # then: a session of its own, with the same priority.
        os.setsid()
        Path("/proc/self/autogroup").write_text(str(NICENESS))
    return True


def prepare_process(cpu: int | None) -> None:
    """Raise the limit of open files to its maximum, pin to ``cpu``, leave signals to the control process."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    # Ctrl-C and "stop" reach the whole group: control ends its calls properly first, then closes the link.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if cpu is not None:
        try:
            os.sched_setaffinity(0, {cpu})
        except OSError as error:
            print(f"media worker {os.getpid()} is not pinned to CPU {cpu}: {error}", file=sys.stderr)


def main(
    argv: Sequence[str] | None = None, *, make: Callable[[PlaneOptions], Core] = PlaneOptions.make
) -> int:
    """Run a worker; the exit status. ``make`` builds its plane."""
    # Control reads the level off each line.
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s: %(message)s")
    process, options = parse(argv)
    prepare_process(process.cpu)
    link = WorkerLink(socket.socket(fileno=process.fd))
    try:
        core = make(options)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return serve(link, core, starting=getting_ready)


if __name__ == "__main__":
    sys.exit(main())
