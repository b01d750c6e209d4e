"""``python -m bench.streaming [STREAMS] [--rate HZ]``: what streaming costs, and adds to the audio's way.

This process is control, and has a core of its own: the media desk, the streaming desk and their sockets are
the real ones, on the event loop of the server. On the other core are a real media worker, the callers (a C
program) and the app (:mod:`bench.echo_app`), which sends back every frame it gets. Streams are bidirectional,
mixed, at 16,000 Hz (or 24,000, by ``--rate``); each has a caller of its own.

``streaming.capacity`` is streams over the CPU that control takes for them, as a share of a core: how many one
core beside that of the plane carries, if it carries them at this price. ``streaming.streams`` is how many did
run, on two cores with the app and the callers, when nothing was lost: every frame of each stream came to the
app, every beep came back to the caller, and the app did not fall behind: it looks for what has come between
any two frames it works on, and 99 of 100 of these must wait for no longer than a frame lasts.
The published figures of other programs that carry the audio of calls over WebSockets are 150 to 190 streams a
core at the best, and 19 ms (p95) to the first audio.

**Delays** are of beeps. Callers hum so softly that it counts as silence, but is none that could be left out,
and beep for one packet a second.

* ``streaming.microphone``: from the packet that is a beep, as its caller sends it, to the WebSocket message
  with its first sample at the app, less what the jitter buffer is told to hold packets for, 60 ms, which
  does not adapt here. What is left is all the rest: the wait for the next tick of the plane (0 to 20 ms, as
  a packet may come at any time), the tick, the way to control and through it, and to the app.
* ``streaming.speaker``: from the app's message with the first sample of the beep to the RTP packet with it at
  the caller. Nothing is taken off, what waits before it in its stream is in it.
* ``streaming.first``: the same of what is said into silence, at any time: from the first message of a word of
  200 ms, which the app sends in one go, to the first packet of it at the caller. Streams of their own say
  these words, on top of the others, which go on.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import uvloop

from bench.figures import figure, refuse
from bench.media import FAILURES, HOST, BenchError, Callers, build, cpu_seconds, pin, prefer
from hookflash.calls import facts
from hookflash.calls.audio_effects import OpenStream
from hookflash.clock import LoopClock
from hookflash.events.targets import TargetPolicy
from hookflash.plane.control import MediaDesk
from hookflash.plane.options import PlaneOptions
from hookflash.plane.process import WorkerProcess
from hookflash.plane.prompts import PromptLimits, Prompts
from hookflash.ports.plane import ConnectLeg
from hookflash.streaming.desk import StreamDesk

STREAMS = 300
TALKERS = 20
CAPACITY = 300
"""Streams a core, the target."""
DELAY, FIRST = 25.0, 20.0
"""Milliseconds."""
PEERS = "other programs' best, as published: 150 to 190 streams a core, first audio p95 19 ms"
FRAME = 20.0
"""Milliseconds."""
JITTER = 60
RATES = 16_000, 24_000
WARM = 4.0
SECONDS = 12.0
AFTERWARDS = 0.6
"""Seconds after which a beep that has not come back is lost."""
CONTROL, OTHERS = 1, 0
"""Cores."""


class Tokens:
    """Mints nothing of worth."""

    def mint(self, audience: str, lifetime: int) -> str:
        return "token"


class App:
    """The app's process."""

    def __init__(self, rate: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.echo_app", f"{rate}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        if (os.cpu_count() or 1) > 1:
            os.sched_setaffinity(self._process.pid, {OTHERS})
        prefer(self._process.pid, 1)
        self.pid = self._process.pid
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def tell(self) -> dict[str, Any]:
        """End it; what it knows of its ``connections``, and its ``waits``."""
        out, _ = self._process.communicate(timeout=60)
        told: dict[str, Any] = json.loads(out)
        return told

    def end(self) -> None:
        self._process.kill()
        self._process.wait()


class Control:
    """A server's part in all this, and what it took."""

    def __init__(self, streams: int, talkers: int, rate: int) -> None:
        self.streams, self.talkers, self.rate = streams, talkers, rate
        self.utilisation = 0.0
        self.lost = 0
        self.note = ""
        self.window = (0, 0)

    async def run(self, app: App, callers: Callers) -> None:
        """Open the streams, let the callers talk, measure for a while."""
        count = self.streams + self.talkers
        options = PlaneOptions(
            host=HOST,
            first_port=10_000,
            last_port=19_999,
            legs=2 * count + 10,
            jitter_ms=JITTER,
            jitter_least_ms=JITTER,
            jitter_most_ms=JITTER,
        )
        clock = LoopClock()
        happened: list[facts.Fact] = []
        prompts = Prompts(PromptLimits())
        host = WorkerProcess("media worker", [*options.arguments(), *pin(OTHERS)])
        desk = MediaDesk([lambda: host], prompts, clock, happened.append)
        targets = TargetPolicy(allow_private=True, allow_http=True, schemes=("wss", "ws"))
        nobody: Any = None
        streaming = StreamDesk(desk.audio, targets, Tokens(), clock, happened.append, nobody)
        try:
            await desk.start()
            await asyncio.wait_for(desk.wait_ready(), 300)
            # As a server does when it is ready.
            gc.collect()
            gc.freeze()
            # The app has the core of the worker, whose ticks come first, and of the callers: they stand for
            # a network.
            prefer(host.pid or 0, 3)
            prefer(callers.pid, 2)
            prefer(0, 1)
            ports = []
            for number in range(1, count + 1):
                ports.append(await desk.open_leg(number, number))
                desk.connect_leg(ConnectLeg(number, HOST, callers.port, 0, "PCMU", 101, True, True))
                desk.join_mix(number)
                desk.open_app_leg(10_000 + number, number)
                kind = "talk" if talks(number, self.streams, self.talkers) else "echo"
                url = f"ws://{HOST}:{app.port}/{kind}/{number - 1}"
                streaming.open_stream(opened(number, url, self.rate))
            async with asyncio.timeout(30):
                while sum(isinstance(fact, facts.StreamOpened) for fact in happened) < count:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
            callers.call([ports[number] for number in order(count)])
            await asyncio.sleep(WARM)
            others = {"the worker": host.pid or 0, "the app": app.pid, "the callers": callers.pid}
            spent = {name: cpu_seconds(pid) for name, pid in others.items()}
            before, cpu = time.monotonic_ns(), time.process_time()
            await asyncio.sleep(SECONDS)
            cpu, after = time.process_time() - cpu, time.monotonic_ns()
            self.window = before, after
            self.utilisation = cpu / (after - before) * 1e9
            shares = {name: (cpu_seconds(pid) - spent[name]) / SECONDS for name, pid in others.items()}
            self.note = "of the other core took " + ", ".join(
                f"{name} {one:.0%}" for name, one in shares.items()
            )
            await asyncio.sleep(AFTERWARDS)
            self.lost = desk.audio.lost
            failed = [fact for fact in happened if isinstance(fact, facts.StreamFailed)]
            if failed:
                raise BenchError(f"{len(failed)} streams have failed: {failed[0].message}")
        finally:
            await streaming.close()
            await desk.stop()
            await prompts.close()


def talks(number: int, streams: int, talkers: int) -> bool:
    """Whether a stream, counted from 1, is a talker's: they lie evenly among the others, as who comes last in
    a tick hears its audio later than who comes first."""
    count = streams + talkers
    return number * talkers // count > (number - 1) * talkers // count


def order(count: int) -> list[int]:
    """Which stream each caller belongs to, from 0: when in a tick a caller sends must not follow from when in
    it a stream has its turn.
    """
    streams = list(range(count))
    random.Random(1).shuffle(streams)
    return streams


def opened(number: int, url: str, rate: int) -> OpenStream:
    leg = 10_000 + number
    return OpenStream(
        number, number, leg, "", f"{number}", "", "", url, rate, True, True, False, False, ((leg, "app"),)
    )


def beeps(file: Path) -> tuple[dict[int, list[int]], dict[int, list[int]]]:
    """When callers have sent beeps, and heard any, by their number."""
    sent: dict[int, list[int]] = defaultdict(list)
    heard: dict[int, list[int]] = defaultdict(list)
    for line in file.read_text().splitlines():
        what, caller, at = line.split()
        (sent if what == "s" else heard)[int(caller)].append(int(at))
    return sent, heard


def delays(begins: Sequence[int], ends: Sequence[int], window: tuple[int, int]) -> tuple[list[float], int]:
    """Milliseconds from each beginning within the window to the next end, and how many have none in time."""
    found, lost = [], 0
    for begin in begins:
        if not window[0] <= begin < window[1]:
            continue
        place = bisect_left(ends, begin)
        if place == len(ends) or ends[place] - begin > AFTERWARDS * 1e9:
            lost += 1
        else:
            found.append((ends[place] - begin) / 1e6)
    return found, lost


def holes(one: dict[str, Any]) -> int:
    """Frames a stream did not get, by the time stamps in the first and the last."""
    if not one["frames"]:
        return 1
    first, last = (datetime.fromisoformat(one[name]).timestamp() for name in ("first", "last"))
    return round((last - first) * 50) + 1 - int(one["frames"])


def tell(name: str, times: Sequence[float], share: int, target: float, whole: bool) -> None:
    if not times:
        raise BenchError(f"there is nothing of which to tell streaming.{name}")
    row = ", ".join(f"p{one} {np.percentile(times, one):.1f}" for one in (0, 50, 90, 95, 99, 100))
    print(f"streaming.{name}: {row} ms of {len(times)}", file=sys.stderr)
    figure(f"streaming.{name}.p50", float(np.percentile(times, 50)), "ms", None)
    figure(f"streaming.{name}.p{share}", float(np.percentile(times, share)), "ms", target, whole=whole)


def behind(waits: Sequence[tuple[int, int]], window: tuple[int, int]) -> list[float]:
    """Milliseconds for which what came within the window waited for the app."""
    return [wait / 1e6 for came, wait in waits if window[0] <= came < window[1]]


def measure(streams: int, rate: int, folder: Path) -> None:
    """One run; print its figures."""
    build()
    file = folder / "beeps"
    app = App(rate)
    callers = Callers(WARM + SECONDS + AFTERWARDS + 1, beeps=file, cpu=OTHERS)
    control = Control(streams, TALKERS, rate)
    try:
        uvloop.run(control.run(app, callers))
        callers.result()
        answer = app.tell()
    finally:
        callers.end()
        app.end()
    told = {one["number"]: one for one in answer["connections"]}
    waits = behind(answer["waits"], control.window)
    late, latest = float(np.percentile(waits, 99)), max(waits)
    sent, heard = beeps(file)
    microphone: list[float] = []
    speaker: list[float] = []
    first: list[float] = []
    lost = control.lost + sum(holes(one) for one in told.values())
    caller_of = {stream: caller for caller, stream in enumerate(order(streams + TALKERS))}
    for number, one in told.items():
        caller = caller_of[number]
        found, missing = delays(one["said"], heard[caller], control.window)
        (speaker if one["kind"] == "echo" else first).extend(found)
        lost += missing
        found, missing = delays(sent[caller], one["heard"], control.window)
        microphone += [time - JITTER for time in found]
        lost += missing
    whole = not lost and late <= FRAME
    print(
        f"{streams} streams and {TALKERS} talkers at {rate} Hz: control took "
        f"{100 * control.utilisation:.1f} % of a core, "
        f"{1e6 * control.utilisation / streams / 50:.1f} us a stream and frame both ways; "
        f"{control.note}; {lost} frames or beeps were lost; the app was behind by {late:.1f} ms (p99; "
        f"at most {latest:.1f}){'' if late <= FRAME else ', which is too much'}\n{PEERS}",
        file=sys.stderr,
    )
    capacity = streams / control.utilisation
    figure("streaming.capacity", capacity, "streams a core", CAPACITY, at_least=True, whole=whole)
    figure("streaming.streams", streams, "streams", CAPACITY, at_least=True, whole=whole)
    tell("microphone", microphone, 99, DELAY, whole)
    tell("speaker", speaker, 99, DELAY, whole)
    tell("first", first, 95, FIRST, whole)


def main() -> int:
    """Measure and print the figures."""
    parser = argparse.ArgumentParser(prog="python -m bench.streaming", description=__doc__.split("\n\n")[0])
    parser.add_argument("streams", nargs="?", type=int, default=STREAMS, help="how many (%(default)s)")
    parser.add_argument("--rate", type=int, choices=RATES, default=RATES[0], help="in Hz (%(default)s)")
    args = parser.parse_args()
    if (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, {CONTROL})
    try:
        with tempfile.TemporaryDirectory(prefix="hookflash-bench-") as folder:
            measure(args.streams, args.rate, Path(folder))
    except (*FAILURES, TimeoutError) as error:
        return refuse("streaming.capacity", error, "streams a core", CAPACITY)
    return 0


if __name__ == "__main__":
    sys.exit(main())
