"""``python -m bench.recordings``: what many recordings at a time cost control, and what MP3 does.

``recordings.control`` is how many cores control takes while so many calls are recorded, which a media worker
plays to and hears as in :mod:`bench.recording`; nothing may be lost.
``recordings.mp3`` is how much faster than real time one core encodes, by the CPU of the thread that does.
``recordings.late`` is by how much the event loop of control, which also decides calls, comes too late in one
of a thousand looks while it records so many calls as MP3; ``recordings.late_idle`` when it has nothing to do.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import uvloop
from numpy.typing import NDArray

from bench.figures import figure, refuse
from bench.media import FAILURES, build, middle
from bench.recording import NoDocuments, run
from hookflash.calls.audio_effects import StartRecording
from hookflash.clock import LoopClock
from hookflash.plane.audio_desk import AudioDesk
from hookflash.plane.rings import LOOK, TAP_FRAMES, private_rings
from hookflash.ports.plane import AudioTapped, PlaneCommand
from hookflash.recording.desk import RecordingDesk
from hookflash.recording.files import RATE, Mp3Writer
from hookflash.recording.library import Library

MANY = 500
"""Calls that are recorded at a time, as WAV."""
CORES = 1.0
FASTER = 50.0
"""Than real time, MP3 is to be encoded."""
CALLS = 50
"""That are recorded as MP3."""
SECONDS = 10.0
ROUNDS = 3
TICK = 0.02
SIZE = RATE // 50


def speech(seconds: float) -> NDArray[np.int16]:
    """Noise with the band and the rise and fall of speech: what an encoder has to work for."""
    count = int(seconds * RATE)
    spectrum = np.fft.rfft(np.random.default_rng(1).standard_normal(count))
    hertz = np.fft.rfftfreq(count, 1 / RATE)
    spectrum[(hertz < 200) | (hertz > 3_400)] = 0
    noise = np.fft.irfft(spectrum, count) * (0.6 + 0.4 * np.sin(6 * np.pi * np.arange(count) / RATE))
    return np.asarray(16_000 * noise / np.abs(noise).max(), np.int16)


def encoded(samples: NDArray[np.int16], folder: Path) -> float:
    """Seconds of audio in a second of the CPU, a second at a time as recordings have it."""
    writer = Mp3Writer(folder / f"{time.monotonic_ns()}.mp3")
    began = time.thread_time()
    for at in range(0, len(samples), RATE):
        writer.write(samples[at : at + RATE].reshape(-1, 1))
    writer.close(1)
    return len(samples) / RATE / (time.thread_time() - began)


class Seat:
    """A media worker whose rings are filled by hand, and all of whose taps are open."""

    number = 0

    def __init__(self, rings: Any) -> None:
        self.rings = rings

    def post(self, *commands: PlaneCommand) -> None:
        """There is nothing to open."""


class Worker(threading.Thread):
    """Fills the rings of the calls as a media worker does, in real time."""

    def __init__(self, rings: Any, calls: int) -> None:
        super().__init__(daemon=True)
        self._rings = rings
        self._calls = calls
        self._frames = speech(TAP_FRAMES * TICK).reshape(TAP_FRAMES, SIZE)
        self._over = threading.Event()

    def run(self) -> None:
        rings, calls, began = self._rings, self._calls, time.monotonic()
        tick = 0
        while not self._over.wait(max(0.0, began + tick * TICK - time.monotonic())):
            place = tick % TAP_FRAMES
            rings.frames[place, :calls] = self._frames[place]
            rings.ticks[place, :calls] = tick
            rings.written[:calls] += 1
            rings.tick[0] = tick
            tick += 1

    def stop(self) -> None:
        self._over.set()
        self.join()


async def _record(folder: Path, calls: int, seconds: float) -> tuple[list[float], int]:
    """How late the loop was, in seconds, look by look; and the frames that were lost."""
    rings = private_rings()
    seat: Any = Seat(rings)
    audio = AudioDesk(lambda call: seat, lambda leg: seat, lambda leg: False)
    documents: Any = NoDocuments()
    desk = RecordingDesk(audio, Library(folder, documents), LoopClock(), lambda fact: None)
    for call in range(calls):
        desk.start(
            StartRecording(
                str(call), call, "", "", "", "", "audio", "mixed", "mp3", (), False, None, ((call, ""),)
            )
        )
        # One after the other: the rings are given out in order.
        while audio.open <= call:  # noqa: ASYNC110 - as in life, threads open files
            await asyncio.sleep(0.001)
    worker = Worker(rings, calls)
    worker.start()
    late: list[float] = []
    looked = 0
    until = time.monotonic() + seconds
    while (now := time.monotonic()) < until:
        await asyncio.sleep(0.001)
        late.append(max(0.0, time.monotonic() - now - 0.001))
        tick = int(rings.tick[0]) // LOOK * LOOK
        if tick > looked:
            looked = tick
            audio.tapped(seat, AudioTapped(tick))
    worker.stop()
    await desk.close()
    return late, audio.lost


def lateness(calls: int) -> tuple[float, bool]:
    """By how many milliseconds one look of a thousand is late; whether nothing was lost."""
    with tempfile.TemporaryDirectory(prefix="hookflash-bench-") as folder:
        late, lost = uvloop.run(_record(Path(folder), calls, SECONDS))
        told = f"median {1e3 * statistics.median(late):.2f} ms, worst {1e3 * max(late):.1f} ms, {lost} lost"
        print(f"recordings: {calls} as MP3: loop late by {told}", file=sys.stderr, flush=True)
        return 1e3 * float(np.percentile(late, 99.9)), lost == 0


def cores() -> int:
    """Measure what many recordings take of control; the exit code."""
    try:
        build()
        pairs, whole = run(MANY, ROUNDS)
    except FAILURES as error:
        return refuse("recordings.control", error, "cores", CORES)
    # Microseconds a leg and tick.
    value, noise = middle([window.control * MANY / TICK / 1e6 for pair in pairs for window in pair])
    figure("recordings.control", value, "cores", CORES, noise=noise, whole=whole)
    return 0


def spread(measure: Callable[[], float]) -> tuple[float, float]:
    """The middle of some rounds, and how far they lie apart, in per cent."""
    values = [measure() for _ in range(ROUNDS)]
    middle = statistics.median(values)
    return middle, (max(values) - min(values)) / middle * 100


def main() -> int:
    """Measure and print the figures."""
    with tempfile.TemporaryDirectory(prefix="hookflash-bench-") as folder:
        samples = speech(60.0)
        ratio, noise = spread(lambda: encoded(samples, Path(folder)))
    figure("recordings.mp3", ratio, "x real time", FASTER, at_least=True, noise=noise)
    for name, calls in (("late_idle", 0), ("late", CALLS)):
        late, whole = lateness(calls)
        figure(f"recordings.{name}", late, "ms", None, whole=whole)
    return cores()


if __name__ == "__main__":
    sys.exit(main())
