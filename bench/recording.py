"""``python -m bench.recording``: what recording adds to a playing leg, in CPU of the worker and of control.

Every leg talks and plays to a caller as in :mod:`bench.legs`, in a call of its own. Half of the calls are
with one worker, half with another; both share a core. The calls of one are recorded for some seconds, then
those of the other, and so on: machines drift by more than what recording costs, so that only the same seconds
can be compared, and two workers differ by as much, so that each is now the one and now the other.

They are recorded as calls are: by one tap at 16,000 Hz of all that is said and played in each, opened by the
listeners of control, taken out of shared memory by them and written to files by the recording desk. This
process is control: what the threads of both spend is counted beside what the worker spends, and so is what
the kernel does for its files.

``recording`` is the median of such pairs of windows. Its noise is how far the middle half of them lie apart.

A virtual machine that gives free memory back to its host (free page reporting) takes it again at many times
the price of a write, which is charged to whoever writes a file: the benchmark says so, and how to do without.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import partial
from operator import add
from pathlib import Path
from typing import Any, Self

import uvloop

from bench.figures import figure, refuse
from bench.media import (
    CLIP,
    FAILURES,
    HOST,
    BenchError,
    Callers,
    Scene,
    Worker,
    answered,
    build,
    calling,
    heard,
    prefer,
    ticked,
)
from hookflash.calls.audio_effects import StartRecording, StopRecording
from hookflash.clock import LoopClock
from hookflash.plane.audio_desk import AudioDesk
from hookflash.plane.listeners import BLOCK
from hookflash.plane.rings import LOOK, TAP_FRAMES, Rings, make_file, map_rings
from hookflash.ports.plane import (
    TICK,
    AudioTapped,
    ConnectLeg,
    JoinMix,
    PlaneCommand,
    PlaneEvent,
    StartPlay,
    TapClosed,
)
from hookflash.recording.desk import RecordingDesk
from hookflash.recording.library import Library

TARGET = 1.15
LEGS = 400
"""Of each worker."""
PORTS = (10_000, 19_999), (20_000, 29_999)
PAIRS = 12
"""Pairs of windows: in each of them the calls of one worker are recorded, and of the other."""
WINDOW = 3 * BLOCK * TICK
"""Seconds: every recording is written three times."""
SETTLE = 2 * BLOCK * TICK
"""Seconds from when recordings begin to the window: all of them have come to their turn, twice."""
FIRST = TAP_FRAMES * TICK + SETTLE
"""The same the first time: rings have gone round once, and both sides have touched all of their memory."""
CORE = 1
"""Of control, beside the callers."""
PATIENCE = 10.0
"""Longest wait, seconds, for all recordings to have begun or ended."""
REPORTING = Path("/sys/module/page_reporting/parameters/page_reporting_order")
NO_ORDER = 11
"""No piece of free memory is of this order (4 MiB pages)."""


def plays(leg: int, port: int) -> Sequence[PlaneCommand]:
    return (
        ConnectLeg(leg, HOST, port, 0, "PCMU", 101, True, True),
        JoinMix(leg),
        StartPlay(leg, (leg,), (CLIP,), True, False),
    )


class Seat:
    """A worker as the audio desk sees it."""

    def __init__(self, number: int, rings: Rings, worker: Worker) -> None:
        self.number = number
        self.rings = rings
        self.worker = worker
        self.tick = 0

    def post(self, *commands: PlaneCommand) -> None:
        self.worker.post(*commands)


class NoDocuments:
    """A store that keeps nothing."""

    def put_document(self, space: str, key: str, body: bytes) -> asyncio.Future[None]:
        done = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done


class Control:
    """Control's part in the recording of calls: desk, listeners, files, in threads.

    Attributes:
        lost: frames that found no room in their rings.
        seconds: of audio in the shortest of the files so far.
        events: what the workers said but for the ends of taps.
    """

    def __init__(self, folder: Path, seats: Sequence[Seat], legs: int) -> None:
        self.lost = 0
        self.seconds = math.inf
        self.events: list[list[PlaneEvent]] = [[] for _ in seats]
        self._folder = folder
        self._seats: Sequence[Any] = seats
        self._legs = legs
        self._others = set(threading.enumerate())
        self._loop = uvloop.new_event_loop()  # as the server's
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._do(self._begin())
        return self

    def __exit__(self, *error: object) -> None:
        try:
            self._do(self._close())
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def start(self, side: int) -> None:
        """Record every call of a worker. Raises BenchError when they do not begin."""
        self._do(self._start(side))

    def stop(self, side: int) -> None:
        """End these recordings and throw their files away. Raises BenchError when they do not end."""
        self._do(self._stop(side))

    def spent(self) -> float:
        """Seconds of CPU its threads have taken."""
        own = [thread.native_id for thread in threading.enumerate() if thread not in self._others]
        return sum(seconds(Path(f"/proc/self/task/{thread}/schedstat")) for thread in own)

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def _run(self) -> None:
        # This thread and those that it starts, as the workers are, but never on their core.
        prefer(0)
        if (os.cpu_count() or 1) > 1:
            os.sched_setaffinity(0, {CORE})
        self._loop.run_forever()

    async def _begin(self) -> None:
        self._audio = AudioDesk(self._seat_of, lambda leg: None, lambda leg: False)
        documents: Any = NoDocuments()
        library = Library(self._folder, documents)
        self._desk = RecordingDesk(self._audio, library, LoopClock(), lambda fact: None)
        self._looking = asyncio.create_task(self._look())

    def _seat_of(self, call: int) -> Any:
        return self._seats[(call - 1) // self._legs]

    async def _close(self) -> None:
        self._looking.cancel()
        await self._desk.close()

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK * TICK)
            for seat, events in zip(self._seats, self.events, strict=True):
                for event in seat.worker.take():
                    if isinstance(event, TapClosed):
                        self._audio.tap_closed(seat, event)
                    else:
                        events.append(event)
                tick = int(seat.rings.tick[0]) // LOOK * LOOK
                if tick > seat.tick:
                    seat.tick = tick
                    self._audio.tapped(seat, AudioTapped(tick))

    async def _start(self, side: int) -> None:
        for leg in range(1, self._legs + 1):
            call = side * self._legs + leg
            self._desk.start(
                StartRecording(
                    f"{call}", call, "", "", "", "", "audio", "mixed", "wav", (), False, None, ((leg, ""),)
                )
            )
            if leg % 20 == 0:
                # As in life they do not all begin at once.
                await asyncio.sleep(0.01)
        await self._wait(lambda: self._audio.open == self._legs, "begun")

    async def _stop(self, side: int) -> None:
        for leg in range(1, self._legs + 1):
            self._desk.stop(StopRecording(f"{side * self._legs + leg}", ""))
        await self._wait(lambda: not self._desk.open and not self._audio.open, "ended")
        files = list(self._folder.glob("*/audio.wav"))
        shortest = min((file.stat().st_size for file in files), default=0) / 2 / 16_000
        self.seconds = min(self.seconds, shortest if len(files) == self._legs else 0.0)
        for file in files:
            file.unlink()
        self.lost = self._audio.lost

    async def _wait(self, over: Callable[[], bool], what: str) -> None:
        until = time.monotonic() + PATIENCE
        while not over():
            if time.monotonic() > until:
                raise BenchError(f"not all recordings have {what}")
            await asyncio.sleep(0.01)


def seconds(file: Path) -> float:
    """Of CPU, by a ``schedstat``: those of ``stat`` are too coarse for what is compared."""
    return int(file.read_text().split()[0]) / 1e9


def spent(pid: int) -> float:
    """Seconds of CPU a process has taken."""
    return sum(map(seconds, Path(f"/proc/{pid}/task").glob("*/schedstat")))


@dataclass(frozen=True)
class Window:
    """What some seconds cost, microseconds a leg and tick: the worker without recordings, the one with them,
    and control."""

    plain: float
    recorded: float
    control: float

    @property
    def ratio(self) -> float:
        return (self.recorded + self.control) / self.plain


def window(control: Control, plain: Worker, recorded: Worker, legs: int) -> Window:
    def all_spent() -> tuple[float, float, float]:
        return spent(plain.pid), spent(recorded.pid), control.spent()

    before, began = all_spent(), time.monotonic()
    time.sleep(WINDOW)
    unit = 1e6 / legs / ((time.monotonic() - began) / TICK)
    return Window(*((now - then) * unit for now, then in zip(all_spent(), before, strict=True)))


def run(legs: int = LEGS, count: int = PAIRS) -> tuple[list[tuple[Window, Window]], bool]:
    """Pairs of windows, and whether the work was done whole: no packet lost, and no audio."""
    fds = [make_file(), make_file()]
    lasts = FIRST + 2 * count * (SETTLE + WINDOW + 2.5) + 5.0
    scenes = [
        Scene(
            plays,
            partial(add, side * legs),
            rings=partial(os.dup, fd),
            ports=ports,
            warm=1.0,
        )
        for side, (fd, ports) in enumerate(zip(fds, PORTS, strict=True))
    ]
    pairs: list[tuple[Window, Window]] = []
    with contextlib.ExitStack() as stack:
        for fd in fds:
            stack.callback(os.close, fd)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hookflash-bench-")))
        sides: list[tuple[Worker, Callers]] = [
            stack.enter_context(calling(legs, lasts, scene)) for scene in scenes
        ]
        seats = [
            Seat(side, map_rings(fd), worker)
            for side, (fd, (worker, _)) in enumerate(zip(fds, sides, strict=True))
        ]
        control = stack.enter_context(Control(folder, seats, legs))
        workers = [worker for worker, _ in sides]
        for number in range(count + 1):
            found = []
            for side in (0, 1):
                control.start(side)
                time.sleep(SETTLE if number else FIRST)
                found.append(window(control, workers[1 - side], workers[side], legs))
                control.stop(side)
            if number:  # the first time is not counted
                pairs.append((found[0], found[1]))
        counted = [heard(callers) for _, callers in sides]
    share = min(map(answered, counted))
    late, busy, skipped = zip(*map(ticked, control.events), strict=True)
    ratios = ", ".join(f"{together(pair):.2f}" for pair in pairs)
    print(
        f"recording: {ratios} x; {100 * share:.1f} % answered, worst lateness {max(late):.1f} ms, busiest "
        f"tick {max(busy):.1f} ms, {sum(skipped)} skipped; {control.seconds:.1f} s in the shortest file, "
        f"{control.lost} lost",
        file=sys.stderr,
        flush=True,
    )
    return pairs, share > 0.97 and control.seconds > WINDOW and not control.lost


def together(pair: tuple[Window, Window]) -> float:
    """What recording costs by two windows in which the workers have changed places."""
    return math.sqrt(pair[0].ratio * pair[1].ratio)


def middle_half(values: Sequence[float]) -> tuple[float, float]:
    """The median, and how far the middle half of the values lie apart, in per cent of it."""
    low, median, high = statistics.quantiles(values, n=4)
    return median, (high - low) / median * 100


def warn() -> None:
    """Say so where writing costs many times what it does elsewhere."""
    with contextlib.suppress(OSError, ValueError):
        if int(REPORTING.read_text()) < NO_ORDER:
            print(
                "recording: this virtual machine gives free memory back to its host, and files are charged "
                f"for taking it again; to do without: echo {NO_ORDER} > {REPORTING}",
                file=sys.stderr,
            )


def main() -> int:
    """Measure and print the figures."""
    try:
        build()
        warn()
        pairs, whole = run()
    except FAILURES as error:
        return refuse("recording", error, "x a playing leg", TARGET)
    median, noise = middle_half([together(pair) for pair in pairs])
    figure("recording", median, "x a playing leg", TARGET, noise=noise, whole=whole)
    for name in ("plain", "recorded", "control"):
        median, noise = middle_half([getattr(window, name) for pair in pairs for window in pair])
        figure(f"recording.{name}", median, "us/leg/tick", None, noise=noise)
    return 0


if __name__ == "__main__":
    sys.exit(main())
