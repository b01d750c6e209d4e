"""CPU per leg and 20 ms tick of the media plane, beside a C program that does the same, in one run.

On every leg, which has a UDP socket of its own, one packet a tick is received, decoded and searched for DTMF,
and one frame of a recording is encoded and sent. The server has CPU 0, the callers CPU 1; the plane is the
real worker process, with its jitter buffers, RTCP and all. Rounds of both are interleaved, as machines drift.

CPU is user + system time of the server process from /proc/PID/stat, over the measured seconds only. Both
servers run at real-time priority where that is allowed, so that a busy machine matters less. Loopback charges
the sender for the receiver's part of the network stack, for both alike.

``python -m bench.legs [--legs N] [--pairs P] [--secs S]``
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import shutil
import socket
import statistics
import subprocess
import sys
import threading
import time
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hookflash.plane.link import BatchReader, event_reader, pack
from hookflash.plane.options import PlaneOptions
from hookflash.plane.process import WORKER_COMMAND
from hookflash.ports.plane import (
    TICK,
    ConnectLeg,
    Heartbeat,
    LegOpened,
    LegRefused,
    LoadClip,
    OpenLeg,
    PlaneCommand,
    PlaneEvent,
    Shutdown,
    StartPlay,
    ToneHeard,
    WorkerReady,
)

HERE = Path(__file__).parent
BUILD = HERE / "build"
TARGET = 2.0
WARM = 1.0
"""Seconds of traffic before measuring: jitter buffers fill, addresses are latched."""
LIMIT = 57.0
"""No pair of runs is begun that would end later than this many seconds after the first."""
READY = 120.0
"""Longest wait for the worker, which may have kernels to compile."""

_FLAGS = ("-O3", "-march=native", "-mprefer-vector-width=512", "-ffast-math")
_INSTALL = "install gcc and the C library's headers (Debian: apt-get install gcc libc6-dev)"
_HZ = os.sysconf("SC_CLK_TCK")


class BenchError(Exception):
    """No figure can be had; the message says why."""


@dataclass(frozen=True)
class Figure:
    """One run: microseconds of CPU per leg and tick, share of packets that came back, digits heard."""

    cost: float
    answered: float
    digits: int
    note: str

    @property
    def whole(self) -> bool:
        """Whether the work was really done: on a machine that is busy otherwise, ticks are skipped."""
        return self.answered > 0.97 and self.digits > 0


def build() -> None:
    """Compile the C programs when their source is newer."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        raise BenchError(f"there is no C compiler, and the callers and the floor are C programs: {_INSTALL}")
    BUILD.mkdir(exist_ok=True)
    newest = max(path.stat().st_mtime for path in (HERE / "floor").iterdir())
    for name in ("legs", "callers"):
        program = BUILD / name
        if program.exists() and program.stat().st_mtime > newest:
            continue
        source = str(HERE / "floor" / f"{name}.c")
        command = [compiler, *_FLAGS, "-o", str(program), source, "-lm"]
        if subprocess.run(command, check=False, stdout=sys.stderr).returncode != 0:
            raise BenchError(f"{source} could not be compiled; if a header is missing: {_INSTALL}")


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _HZ


class Callers:
    """The load generator. It is started first, because the server must know its port."""

    def __init__(self, seconds: float) -> None:
        secs = math.ceil(seconds + WARM + 1)
        self._process = subprocess.Popen(
            [str(BUILD / "callers"), "--secs", str(secs), *_pin(1)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        _prefer(self._process.pid)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def call(self, ports: list[int]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("".join(f"{port}\n" for port in ports))
        self._process.stdin.close()

    def result(self) -> dict[str, int]:
        assert self._process.stdout is not None
        found: dict[str, int] = json.loads(self._process.stdout.readline())
        self._process.wait(10)
        return found

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


def _prefer(pid: int) -> None:
    """Before other programs, where that is allowed: they would otherwise be part of the measurement."""
    with contextlib.suppress(PermissionError):
        os.sched_setscheduler(pid, os.SCHED_RR, os.sched_param(1))


def _pin(cpu: int) -> list[str]:
    return ["--cpu", str(cpu)] if (os.cpu_count() or 1) > 1 else []


def measure(pid: int, callers: Callers, legs: int, seconds: float) -> tuple[float, float]:
    """Cost and answered share of a server whose callers have been calling for a while."""
    cpu, began = cpu_seconds(pid), time.monotonic()
    time.sleep(seconds)
    spent, took = cpu_seconds(pid) - cpu, time.monotonic() - began
    result = callers.result()
    if result["voiced"] < 0.9 * result["received"]:
        raise BenchError(f"the callers heard silence: {result}")
    # The servers stop or start a little before or after the callers: what counts is nothing lost on the way.
    return spent / legs / (took / TICK) * 1e6, result["received"] / max(1, result["sent"])


def run_floor(legs: int, seconds: float) -> Figure:
    """One run of the C program."""
    callers = Callers(seconds)
    secs = math.ceil(seconds + WARM + 2)
    arguments = ["--legs", str(legs), "--peer", str(callers.port), "--secs", str(secs), *_pin(0)]
    server = subprocess.Popen([str(BUILD / "legs"), *arguments], stdout=subprocess.PIPE, text=True)
    try:
        _prefer(server.pid)
        assert server.stdout is not None
        ports = [int(line) for line in iter(server.stdout.readline, "\n")]
        callers.call(ports)
        time.sleep(WARM)
        cost, answered = measure(server.pid, callers, legs, seconds)
        found = json.loads(server.stdout.readline())
        return Figure(cost, answered, found["digits"], f"{found['late']} ticks over 5 ms late")
    finally:
        server.kill()
        server.wait()
        if server.stdout is not None:
            server.stdout.close()
        callers.end()


class Worker:
    """A media worker process, driven by hand. A thread takes down what it says."""

    def __init__(self, legs: int) -> None:
        ours, theirs = socket.socketpair()
        options = PlaneOptions(host="127.0.0.1", first_port=10_000, last_port=19_999, legs=legs)
        with theirs:
            fd = theirs.fileno()
            self.process = subprocess.Popen(
                [*WORKER_COMMAND, "--fd", str(fd), *options.arguments(), *_pin(0)],
                pass_fds=[fd],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            )
        self._socket = ours
        self._news = threading.Condition()
        self._events: list[PlaneEvent] = []
        self._gone = False
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def post(self, *commands: PlaneCommand) -> None:
        self._socket.sendall(pack(commands))

    def take(self) -> list[PlaneEvent]:
        """What it has said since the last call."""
        with self._news:
            events, self._events = self._events, []
        return events

    def wait(self, timeout: float) -> Iterator[PlaneEvent]:
        """Events as they come; raises BenchError when none does for ``timeout`` seconds."""
        while True:
            with self._news:
                if not self._news.wait_for(lambda: bool(self._events) or self._gone, timeout):
                    raise BenchError(f"the media worker has said nothing for {timeout:g} s")
                if self._gone:
                    raise BenchError("the media worker has ended")
            yield from self.take()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.post(Shutdown())
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._thread.join(5)
        self._socket.close()

    def _listen(self) -> None:
        reader: BatchReader[PlaneEvent] = event_reader()
        while data := self._socket.recv(1 << 16):
            events = reader.feed(data)
            with self._news:
                self._events += events
                self._news.notify_all()
        with self._news:
            self._gone = True
            self._news.notify_all()


def run_plane(legs: int, seconds: float) -> Figure:
    """One run of the media plane."""
    worker = Worker(legs)
    callers: Callers | None = None
    try:
        for event in worker.wait(READY):
            if isinstance(event, WorkerReady):
                break
        _prefer(worker.process.pid)
        callers = Callers(seconds)
        worker.post(*(OpenLeg(leg, leg, True) for leg in range(1, legs + 1)))
        ports: dict[int, int] = {}
        for event in worker.wait(10):
            if isinstance(event, LegRefused):
                raise BenchError(f"leg {event.leg} was refused: {event.reason}")
            if isinstance(event, LegOpened):
                ports[event.leg] = event.port
                if len(ports) == legs:
                    break
        tone = array(
            "h", (round(8000 * math.sin(2 * math.pi * 440 * n / 8000)) for n in range(8000))
        ).tobytes()
        worker.post(LoadClip(1, tone))
        for leg in ports:
            worker.post(
                ConnectLeg(leg, "127.0.0.1", callers.port, 0, "PCMU", 101, True, True),
                StartPlay(leg, (leg,), (1,), True, False),
            )
        callers.call([ports[leg] for leg in sorted(ports)])
        time.sleep(WARM)
        worker.take()
        cost, answered = measure(worker.process.pid, callers, legs, seconds)
        events = worker.take()
        # The first heartbeat still tells of the tick in which all legs were opened.
        beats = [event for event in events if isinstance(event, Heartbeat)][1:]
        worst = max((beat.late_ms for beat in beats), default=0.0)
        busy = max((beat.busy_ms for beat in beats), default=0.0)
        digits = sum(isinstance(event, ToneHeard) for event in events)
        return Figure(cost, answered, digits, f"worst lateness {worst:.1f} ms, busiest tick {busy:.1f} ms")
    finally:
        worker.close()
        if callers is not None:
            callers.end()


def say(name: str, value: float | None, unit: str, target: float | None, ok: bool) -> None:
    """One figure on standard output."""
    shown = None if value is None else round(value, 3)
    print(json.dumps({"bench": name, "value": shown, "unit": unit, "target": target, "ok": ok}), flush=True)


def run_pairs(legs: int, pairs: int, seconds: float) -> list[tuple[Figure, Figure]]:
    """Runs of the C program and the plane in turn; disturbed ones are repeated while time lasts."""
    began, longest = time.monotonic(), 0.0
    clean: list[tuple[Figure, Figure]] = []
    disturbed: list[tuple[Figure, Figure]] = []
    while len(clean) < pairs and time.monotonic() - began + longest < LIMIT:
        start = time.monotonic()
        pair = run_floor(legs, seconds), run_plane(legs, seconds)
        longest = max(longest, time.monotonic() - start)
        (clean if all(figure.whole for figure in pair) else disturbed).append(pair)
        for name, figure in zip(("C", "plane"), pair, strict=True):
            print(
                f"legs: {name}: {figure.cost:.2f} us/leg/tick, {100 * figure.answered:.1f} % answered, "
                f"{figure.digits} digits, {figure.note}{'' if figure.whole else '; disturbed'}",
                file=sys.stderr,
                flush=True,
            )
    return clean or disturbed


def main() -> int:
    """Run the programs and print the figures."""
    parser = argparse.ArgumentParser(prog="bench.legs")
    parser.add_argument("--legs", type=int, default=1200, help="legs, a multiple of 4")
    parser.add_argument("--pairs", type=int, default=3, help="undisturbed runs of each program")
    parser.add_argument("--secs", type=float, default=2.5, help="seconds measured in a run")
    options = parser.parse_args()
    try:
        build()
        pairs = run_pairs(options.legs, options.pairs, options.secs)
    except (BenchError, OSError, subprocess.SubprocessError) as error:
        print(f"error: bench legs: {error}", file=sys.stderr)
        say("legs", None, "x C floor", TARGET, False)
        return 1
    whole = all(figure.whole for pair in pairs for figure in pair)
    ratio = statistics.median(plane.cost / floor.cost for floor, plane in pairs)
    say("legs", ratio, "x C floor", TARGET, whole and ratio <= TARGET)
    say("legs.plane", statistics.median(plane.cost for _, plane in pairs), "us/leg/tick", None, whole)
    say("legs.floor", statistics.median(floor.cost for floor, _ in pairs), "us/leg/tick", None, whole)
    return 0


if __name__ == "__main__":
    sys.exit(main())
