"""What the benchmarks of the media plane share: callers, the C floor, a worker process, rounds in turn.

The server has CPU 0, the callers CPU 1. CPU is user + system time of the server process from /proc/PID/stat,
over the measured seconds only. Servers and callers run at real-time priority where that is allowed, so that a
busy machine matters less. Loopback charges the sender for the receiver's part of the network stack, ours and
the C program alike. Rounds are interleaved, as machines drift; the spread over them is printed as noise.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hookflash.plane.link import BatchReader, event_reader, pack
from hookflash.plane.options import PlaneOptions
from hookflash.plane.process import WORKER_COMMAND
from hookflash.ports.plane import (
    TICK,
    CloseLeg,
    ConnectLeg,
    Heartbeat,
    LegClosed,
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
WARM = 1.0
"""Seconds of traffic before measuring: jitter buffers fill, addresses are latched."""
READY = 300.0
"""Longest wait for the worker, which may have kernels to compile."""
HOST = "127.0.0.1"
PORTS = 10_000, 31_999
"""Of a worker's legs, the first and the last."""
CLIP = 1
"""The clip every scene may play: a second of a tone."""

_FLAGS = ("-O3", "-march=native", "-mprefer-vector-width=512", "-ffast-math")
_INSTALL = "install gcc and the C library's headers (Debian: apt-get install gcc libc6-dev)"
_HZ = os.sysconf("SC_CLK_TCK")


class BenchError(Exception):
    """No figure can be had; the message says why."""


class Overloaded(BenchError):
    """The server did not do its work: it has more legs than it carries, or something is wrong with it."""


FAILURES = (BenchError, OSError, subprocess.SubprocessError)
"""What a benchmark that can not run raises."""


@dataclass(frozen=True)
class Run:
    """One run of a server.

    ``cost`` is microseconds of CPU per leg and tick, ``answered`` the share of packets that came back,
    ``digits`` the keys heard, ``late_ms`` the worst lateness of a tick, ``skipped`` the ticks that were late
    by more than 5 ms (the C program) or left out (the plane). ``callers`` is what the callers counted.
    """

    cost: float
    answered: float
    digits: int
    late_ms: float
    skipped: int
    callers: dict[str, float]
    note: str = ""

    @property
    def whole(self) -> bool:
        """Whether the work was really done: on a machine that is busy otherwise, ticks are skipped."""
        return self.answered > 0.97


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


def prefer(pid: int, priority: int = 1) -> None:
    """Before other programs, where that is allowed: they would otherwise be part of the measurement."""
    with contextlib.suppress(PermissionError):
        os.sched_setscheduler(pid, os.SCHED_RR, os.sched_param(priority))


def pin(cpu: int) -> list[str]:
    """Options to run a program on ``cpu``, where there are at least two."""
    return ["--cpu", str(cpu)] if (os.cpu_count() or 1) > 1 else []


def tone(hz: float, seconds: float = 1.0, rate: int = 8000) -> bytes:
    """A tone as 16-bit samples."""
    count = round(seconds * rate)
    return array("h", (round(8000 * math.sin(2 * math.pi * hz * n / rate)) for n in range(count))).tobytes()


class Callers:
    """The load generator, started first, because the server must know its port.

    ``packets`` are datagrams of one size, sent by every caller one after the other instead of mu-law audio.
    ``pacing`` takes the time between packets. ``answer``: nobody calls, what comes is answered. ``beeps``: a
    file for when loud packets are sent and heard (``callers.c`` says more); ``cpu``: where they run.
    """

    def __init__(
        self,
        seconds: float,
        *,
        packets: Sequence[bytes] = (),
        pacing: bool = False,
        answer: bool = False,
        beeps: Path | None = None,
        cpu: int = 1,
    ) -> None:
        arguments = ["--secs", str(math.ceil(seconds)), *pin(cpu)]
        arguments += ["--beeps", str(beeps)] if beeps is not None else []
        arguments += ["--pacing"] if pacing else []
        arguments += ["--answer"] if answer else []
        self._file = tempfile.NamedTemporaryFile(prefix="hookflash-bench-") if packets else None  # noqa: SIM115
        if self._file is not None:
            self._file.write(b"".join(packets))
            self._file.flush()
            arguments += ["--packets", self._file.name, "--size", str(len(packets[0]))]
        self._process = subprocess.Popen(
            [str(BUILD / "callers"), *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.pid = self._process.pid
        prefer(self.pid)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def call(self, ports: Sequence[int]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("".join(f"{port}\n" for port in ports))
        self._process.stdin.close()

    def result(self) -> dict[str, float]:
        """Wait for the end of the calls; what was counted."""
        assert self._process.stdout is not None
        found: dict[str, float] = json.loads(self._process.stdout.readline())
        self._process.wait(10)
        return found

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._file):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


def measure(pid: int, callers: Callers, legs: int, seconds: float) -> tuple[float, dict[str, float]]:
    """What a server costs whose callers have been calling for a while; what they counted."""
    cpu, began = cpu_seconds(pid), time.monotonic()
    time.sleep(seconds)
    spent, took = cpu_seconds(pid) - cpu, time.monotonic() - began
    return spent * 1e6 / legs / (took / TICK), heard(callers)


def heard(callers: Callers) -> dict[str, float]:
    """What the callers counted, at the end of their calls."""
    result = callers.result()
    if result["voiced"] < 0.9 * result["received"]:
        raise Overloaded(f"the callers heard silence: {result}")
    return result


def answered(counted: dict[str, float]) -> float:
    """Servers stop or start a little before or after the callers: what counts is nothing lost on the way."""
    return counted["received"] / max(1, counted["sent"])


def run_floor(legs: int, seconds: float, *, pacing: bool = False) -> Run:
    """One run of the C program: receive, decode, look for keys, encode, send, for each leg."""
    callers = Callers(seconds + WARM + 1, pacing=pacing)
    secs = math.ceil(seconds + WARM + 2)
    arguments = ["--legs", str(legs), "--peer", str(callers.port), "--secs", str(secs), *pin(0)]
    server = subprocess.Popen([str(BUILD / "legs"), *arguments], stdout=subprocess.PIPE, text=True)
    try:
        prefer(server.pid)
        assert server.stdout is not None
        ports = [int(line) for line in iter(server.stdout.readline, "\n")]
        callers.call(ports)
        time.sleep(WARM)
        cost, counted = measure(server.pid, callers, legs, seconds)
        found = json.loads(server.stdout.readline())
        note = f"{found['late']} ticks over 5 ms late"
        return Run(cost, answered(counted), found["digits"], found["worst_ms"], found["late"], counted, note)
    finally:
        server.kill()
        server.wait()
        if server.stdout is not None:
            server.stdout.close()
        callers.end()


class Worker:
    """A media worker process, driven by hand. A thread takes down what it says."""

    def __init__(self, legs: int, *, rings: int = -1, ports: tuple[int, int] = PORTS) -> None:
        ours, theirs = socket.socketpair()
        options = PlaneOptions(host=HOST, first_port=ports[0], last_port=ports[1], legs=legs)
        fds = [theirs.fileno(), *([rings] if rings >= 0 else [])]
        shared = ["--rings-fd", str(rings)] if rings >= 0 else []
        self._said = tempfile.TemporaryFile(prefix="hookflash-bench-")  # noqa: SIM115
        with theirs:
            self.process = subprocess.Popen(
                [*WORKER_COMMAND, "--fd", str(fds[0]), *shared, *options.arguments(), *pin(0)],
                pass_fds=fds,
                stderr=self._said,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            )
        self.pid = self.process.pid
        self._socket = ours
        self._news = threading.Condition()
        self._events: list[PlaneEvent] = []
        self._gone = False
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def ready(self) -> None:
        """Wait until it ticks, and put it before other programs."""
        for event in self.wait(READY):
            if isinstance(event, WorkerReady):
                break
        prefer(self.pid)

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
                    raise BenchError(f"the media worker has ended: {self.complaint()}")
            yield from self.take()

    def open(self, calls: dict[int, int]) -> dict[int, int]:
        """Open legs with sockets in these calls; their ports."""
        self.post(*(OpenLeg(leg, call, True) for leg, call in calls.items()))
        ports: dict[int, int] = {}
        for event in self.wait(10):
            if isinstance(event, LegRefused):
                raise BenchError(f"leg {event.leg} was refused: {event.reason}")
            if isinstance(event, LegOpened):
                ports[event.leg] = event.port
                if len(ports) == len(calls):
                    break
        return ports

    def complaint(self) -> str | None:
        """The first line on standard error that is no news of its start, if there is any."""
        self._said.seek(0)
        lines = self._said.read().decode(errors="replace").splitlines()
        return next((line for line in lines if "kernel" not in line), None)

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
        self._said.close()

    def _listen(self) -> None:
        reader: BatchReader[PlaneEvent] = event_reader()
        with contextlib.suppress(OSError):  # it was killed
            while data := self._socket.recv(1 << 16):
                events = reader.feed(data)
                with self._news:
                    self._events += events
                    self._news.notify_all()
        with self._news:
            self._gone = True
            self._news.notify_all()


def playing(leg: int, port: int) -> list[PlaneCommand]:
    """A leg of G.711 that plays a tone, with telephone-events."""
    return [
        ConnectLeg(leg, HOST, port, 0, "PCMU", 101, True, True),
        StartPlay(leg, (leg,), (CLIP,), True, False),
    ]


@dataclass(frozen=True)
class Scene:
    """What the legs of a run do: the commands of each for its number and the callers' port, its call, what
    the callers send, the rate of what is played, how large the packets have to be that come back, between
    which ports they are, how many seconds pass before anything is measured."""

    commands: Callable[[int, int], Sequence[PlaneCommand]] = playing
    call: Callable[[int], int] = lambda leg: leg
    packets: Sequence[bytes] = ()
    rate: int = 8000
    size: int = 172
    rings: Callable[[], int] = field(default=lambda: -1)
    ports: tuple[int, int] = PORTS
    warm: float = WARM


def check(worker: Worker, scene: Scene, counted: dict[str, float]) -> None:
    """Whether the work was what it was meant to be; raises BenchError when it was not, and Overloaded when it
    was not done."""
    if (complaint := worker.complaint()) is not None:
        raise BenchError(f"the media worker says: {complaint}")
    size = counted["octets"] / max(1, counted["received"])
    if abs(size - scene.size) > 1:
        raise BenchError(f"the packets that came back hold {size:.1f} octets, not {scene.size}")
    worker.post(CloseLeg(1))
    for event in worker.wait(5):
        if isinstance(event, LegClosed):
            if event.received < 0.9 * event.sent:
                raise Overloaded(f"leg 1 has taken {event.received} packets and sent {event.sent}")
            return


@contextlib.contextmanager
def calling(
    legs: int, seconds: float, scene: Scene, *, pacing: bool = False
) -> Iterator[tuple[Worker, Callers]]:
    """A worker whose legs have been called for as long as the scene says, for so many seconds more."""
    rings = scene.rings()
    worker = Worker(legs, rings=rings, ports=scene.ports)
    callers: Callers | None = None
    try:
        worker.ready()
        # A second for the legs to be opened.
        callers = Callers(seconds + scene.warm + 1, packets=scene.packets, pacing=pacing)
        ports = worker.open({leg: scene.call(leg) for leg in range(1, legs + 1)})
        worker.post(LoadClip(CLIP, tone(440, rate=scene.rate), scene.rate))
        for leg in ports:
            worker.post(*scene.commands(leg, callers.port))
        callers.call([ports[leg] for leg in sorted(ports)])
        time.sleep(scene.warm)
        yield worker, callers
    finally:
        worker.close()
        if callers is not None:
            callers.end()
        if rings >= 0:
            os.close(rings)


def ticked(events: Sequence[PlaneEvent]) -> tuple[float, float, int]:
    """By the heartbeats among ``events`` the worst lateness of a tick and its longest, ms, and how many were
    left out."""
    # The first heartbeat still tells of the tick in which all legs were opened.
    beats = [event for event in events if isinstance(event, Heartbeat)][1:]
    late = max((beat.late_ms for beat in beats), default=0.0)
    busy = max((beat.busy_ms for beat in beats), default=0.0)
    return late, busy, beats[-1].skipped - beats[0].skipped if beats else 0


def run_plane(legs: int, seconds: float, scene: Scene | None = None, *, pacing: bool = False) -> Run:
    """One run of the media plane."""
    scene = scene or Scene()
    with calling(legs, seconds, scene, pacing=pacing) as (worker, callers):
        worker.take()
        cost, counted = measure(worker.pid, callers, legs, seconds)
        events = worker.take()
        late, busy, skipped = ticked(events)
        check(worker, scene, counted)
        digits = sum(isinstance(event, ToneHeard) for event in events)
        note = f"worst lateness {late:.1f} ms, busiest tick {busy:.1f} ms, {skipped} skipped"
        return Run(cost, answered(counted), digits, late, skipped, counted, note)


def rounds(
    name: str, servers: dict[str, Callable[[], Run]], count: int, limit: float
) -> dict[str, list[Run]]:
    """Runs of all servers in turn, ``count`` times or until ``limit`` seconds are over.

    Rounds in which the work was not done whole are repeated while time lasts; they count only if there is no
    other.
    """
    began, longest = time.monotonic(), 0.0
    clean: list[dict[str, Run]] = []
    disturbed: list[dict[str, Run]] = []
    while len(clean) < count and (not longest or time.monotonic() - began + longest < limit):
        start = time.monotonic()
        runs = {server: run() for server, run in servers.items()}
        longest = max(longest, time.monotonic() - start)
        (clean if all(run.whole for run in runs.values()) else disturbed).append(runs)
        for server, run in runs.items():
            print(
                f"{name}: {server}: {run.cost:.2f} us/leg/tick, {100 * run.answered:.1f} % answered, "
                f"{run.digits} digits, {run.note}{'' if run.whole else '; disturbed'}",
                file=sys.stderr,
                flush=True,
            )
    chosen = clean or disturbed
    return {server: [runs[server] for runs in chosen] for server in servers}


def middle(values: Sequence[float]) -> tuple[float, float]:
    """The median, and the noise: how far the values lie apart, in per cent of it."""
    median = statistics.median(values)
    return median, (max(values) - min(values)) / median * 100 if median else 0.0
