"""``python -m bench.keys``: 10,000 keys pressed on a media worker that is busy, each heard once and in order?

While calls come and go on a worker as in :mod:`bench.soak`, until they take 60 % of its core, a hundred more
legs hear a prompt and press keys (:mod:`bench.presses` says how): half of them as telephone-events through a
network that loses, doubles and delays packets, half in band. What the worker tells of each leg is compared
with what was pressed there, in order.

``keys`` is how many were lost, doubled, made up, wrong or out of order; ``keys.load`` the CPU that the worker
took meanwhile. The figure counts as taken only if that was 60 % of a core, as it was to be.
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import os
import socket
import statistics
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection

from bench.figures import figure, refuse
from bench.media import (
    CLIP,
    FAILURES,
    HOST,
    READY,
    BenchError,
    Callers,
    Worker,
    build,
    cpu_seconds,
    prefer,
    tone,
)
from bench.presses import EVENTS, Phone, faults, make_phones
from bench.soak import STEP, Soak
from hookflash.plane.rings import make_file, map_rings
from hookflash.ports.plane import (
    ConnectLeg,
    Heartbeat,
    LegOpened,
    LegRefused,
    LoadClip,
    OpenLeg,
    PlaneEvent,
    StartPlay,
    ToneHeard,
)

TARGET = 0.0
LOAD = 0.6
AIM = 0.64
"""What the worker is driven to by its own measure, which swings."""
PHONES = 100
DIGITS = 10_000
FIRST = 10_000_000
"""Numbers of our legs, calls and plays begin here."""
AT_ONCE = 1000
"""Legs the load begins with, of a whole core."""
REACH = 90.0
"""Seconds it may take to reach the load."""
HOLD = 3.0
"""Seconds at that load before the first key."""
LAST = 2.0
"""Seconds after the last packet, for what is still on its way."""


@dataclass(frozen=True)
class Told:
    """What the process that presses says before it begins: of each phone what it is, but not its packets."""

    phones: Sequence[Phone]
    seconds: float
    port: int


def press(pipe: Connection, seed: int, phones: int, digits: int) -> None:
    """The process that presses keys: makes all packets, says so, sends them when it has ports and a word."""
    made = make_phones(seed, phones, digits)
    queue = [
        (at + 0.02 * number / phones, number, octets)
        for number, phone in enumerate(made)
        for at, octets in phone.packets
    ]
    queue.sort(key=lambda one: one[0])
    names = [Phone(phone.keys, phone.codec, phone.events, phone.pressed, ()) for phone in made]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.bind((HOST, 0))
        pipe.send(Told(names, queue[-1][0], line.getsockname()[1]))
        addresses = [(HOST, port) for port in pipe.recv()]
        gc.collect()
        gc.freeze()
        with suppress(OSError):
            os.sched_setaffinity(0, {1})
        prefer(os.getpid())
        pipe.send(send(line, addresses, queue))


def send(
    line: socket.socket, addresses: Sequence[tuple[str, int]], queue: Sequence[tuple[float, int, bytes]]
) -> float:
    """Send every datagram at its time; the worst lateness in ms. What comes back is left to be dropped."""
    began, worst = time.monotonic() + 0.1, 0.0
    for at, number, octets in queue:
        wait = began + at - time.monotonic()
        if wait > 0.0002:
            time.sleep(wait)
        worst = max(worst, -wait)
        with suppress(BlockingIOError, ConnectionRefusedError):
            line.sendto(octets, addresses[number])
    return 1e3 * worst


class SharedWorker(Worker):
    """A worker whose legs from :data:`FIRST` on are ours: their events are put aside, and heartbeats too."""

    def __init__(self, legs: int, *, rings: int = -1) -> None:
        self.ports: dict[int, int] = {}
        self.keys: dict[int, list[ToneHeard]] = {}
        self.beats: list[Heartbeat] = []
        super().__init__(legs, rings=rings)

    def take(self) -> list[PlaneEvent]:
        others = []
        for event in super().take():
            if isinstance(event, Heartbeat):
                self.beats.append(event)
            if getattr(event, "leg", 0) < FIRST:
                others.append(event)
            elif isinstance(event, LegOpened):
                self.ports[event.leg] = event.port
            elif isinstance(event, LegRefused):
                raise BenchError(f"leg {event.leg} was refused: {event.reason}")
            elif isinstance(event, ToneHeard):
                self.keys.setdefault(event.leg, []).append(event)
        return others


@dataclass(frozen=True)
class Found:
    """What came of it: faults by kind, how many keys, and under what load.

    ``cpu`` is the share of a core the worker took, ``load`` that by its own measure, ``legs`` how many it
    had, ``late_ms`` its worst lateness, ``sender_ms`` that of the phones, ``skipped`` the ticks it left out.
    """

    faults: Counter[str]
    digits: int
    seconds: float
    cpu: float
    load: float
    legs: float
    late_ms: float
    sender_ms: float
    skipped: int
    sources: Counter[str]

    def __str__(self) -> str:
        wrong = ", ".join(f"{count} {kind}" for kind, count in sorted(self.faults.items())) or "none wrong"
        sources = ", ".join(f"{count} {source}" for source, count in sorted(self.sources.items()))
        return (
            f"{self.digits} keys in {self.seconds:.0f} s ({sources}), {wrong}; {self.legs:.0f} legs, "
            f"{100 * self.cpu:.0f} % of a core ({100 * self.load:.0f} % by the worker's own measure), "
            f"worst lateness {self.late_ms:.1f} ms, {self.skipped} ticks skipped, "
            f"phones at most {self.sender_ms:.1f} ms late"
        )


class Run:
    """One worker, the calls that load it, and the phones."""

    def __init__(self, worker: SharedWorker, soak: Soak, pipe: Connection, told: Told, load: float) -> None:
        self._load = load
        self._worker = worker
        self._soak = soak
        self._pipe = pipe
        self._told = told
        self._due = time.monotonic()

    def step(self) -> None:
        """What the other calls do in a step of time."""
        self._soak.step()
        self._due = max(self._due + STEP, time.monotonic() - STEP)
        time.sleep(max(0.0, self._due - time.monotonic()))

    def wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.step()

    def connect(self) -> list[int]:
        """Open a leg for each phone, which hears a prompt; their ports."""
        phones = self._told.phones
        legs = [FIRST + number for number in range(len(phones))]
        self._worker.post(*(OpenLeg(leg, leg, True) for leg in legs))
        until = time.monotonic() + 10
        while len(self._worker.ports) < len(legs):
            if time.monotonic() > until:
                raise BenchError(f"{len(self._worker.ports)} of {len(legs)} legs were opened within 10 s")
            self.step()
        for leg, phone in zip(legs, phones, strict=True):
            events = EVENTS if phone.events else -1
            self._worker.post(
                ConnectLeg(leg, HOST, self._told.port, phone.payload_type, phone.codec, events, True, True),
                StartPlay(leg, (leg,), (CLIP,), True, False),
            )
        return [self._worker.ports[leg] for leg in legs]

    def reach(self) -> None:
        """Open calls until the worker is as busy as it is to be."""
        self._soak.target = max(AT_ONCE * self._load, self._soak.target)
        until = time.monotonic() + REACH
        while not self._soak.reached:
            if time.monotonic() > until:
                raise BenchError(f"the worker was not {100 * self._load:.0f} % busy within {REACH:.0f} s")
            self.step()
        self.wait(HOLD)

    def press(self) -> Found:
        """Have all keys pressed, and compare."""
        ports = self.connect()
        self.reach()
        beats, self._worker.beats = self._worker.beats, []
        before = beats[-1].skipped if beats else 0
        print(f"keys: {self._soak.legs} other legs, pressing begins", file=sys.stderr, flush=True)
        self._pipe.send(ports)
        cpu, began = cpu_seconds(self._worker.pid), time.monotonic()
        until = began + self._told.seconds + 30
        while not self._pipe.poll():
            if time.monotonic() > until:
                raise BenchError("the phones were not done pressing in time")
            self.step()
        seconds = time.monotonic() - began
        share = (cpu_seconds(self._worker.pid) - cpu) / seconds
        sender = float(self._pipe.recv())
        during = self._worker.beats
        if not during:
            raise BenchError("the worker has shown no sign of life while keys were pressed")
        self.wait(LAST)
        self._soak.flush()
        return Found(
            *self._compare(),
            seconds,
            share,
            statistics.fmean(beat.load for beat in during),
            statistics.fmean(beat.legs for beat in during),
            max(beat.late_ms for beat in during),
            sender,
            self._worker.beats[-1].skipped - before,
            Counter(key.source for heard in self._worker.keys.values() for key in heard),
        )

    def _compare(self) -> tuple[Counter[str], int]:
        wrong: Counter[str] = Counter()
        for number, phone in enumerate(self._told.phones):
            heard = "".join(key.digit for key in self._worker.keys.get(FIRST + number, ()))
            found = faults(phone.keys, heard)
            if found:
                print(
                    f"keys: phone {number} ({phone.pressed}, {phone.codec}): {dict(found)}\n"
                    f"  pressed {phone.keys}\n  heard   {heard}",
                    file=sys.stderr,
                )
            wrong += found
        return wrong, sum(len(phone.keys) for phone in self._told.phones)


def run(digits: int, phones: int, *, load: float, seed: int, rows: int) -> Found:
    """Press ``digits`` keys on ``phones`` phones beside so much load; what was found."""
    build()
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    presser = context.Process(target=press, args=(theirs, seed, phones, digits), daemon=True)
    presser.start()
    memory = make_file()
    worker: SharedWorker | None = None
    callers: Callers | None = None
    try:
        worker = SharedWorker(rows, rings=memory)
        worker.ready()
        if not ours.poll(READY):
            raise BenchError("the phones were not ready in time")
        told: Told = ours.recv()
        print(f"keys: the phones are ready to press for {told.seconds:.0f} s", file=sys.stderr, flush=True)
        callers = Callers(told.seconds + REACH + 120, answer=True)
        callers.call([])
        worker.post(LoadClip(CLIP, tone(440, 1.5)))
        soak = Soak(worker, map_rings(memory), callers.port, load=load, seed=seed, rows=rows)
        return Run(worker, soak, ours, told, load).press()
    finally:
        presser.kill()
        if worker is not None:
            worker.close()
        if callers is not None:
            callers.end()
        os.close(memory)


def main(argv: Sequence[str] | None = None) -> int:
    """Press, and print the figures; the exit code."""
    parser = argparse.ArgumentParser(prog="bench.keys")
    parser.add_argument("--digits", type=int, default=DIGITS)
    parser.add_argument("--phones", type=int, default=PHONES)
    parser.add_argument("--load", type=float, default=LOAD, help="share of a core the worker is to take")
    parser.add_argument("--seed", type=int, default=1, help="of keys, faults and other calls")
    parser.add_argument("--rows", type=int, default=4800, help="rows of the worker")
    given = parser.parse_args(argv)
    unit = f"lost or doubled of {given.digits} digits"
    try:
        found = run(
            given.digits, given.phones, load=given.load * AIM / LOAD, seed=given.seed, rows=given.rows
        )
    except (*FAILURES, EOFError) as error:
        return refuse("keys", error, unit, TARGET)
    print(f"keys: {found}", file=sys.stderr)
    figure("keys", found.faults.total(), unit, TARGET, whole=found.cpu >= given.load)
    figure("keys.load", 100 * found.cpu, "% of a core", 100 * given.load, at_least=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
