"""``python -m bench.recording``: what recording adds to a playing leg, in CPU of the worker and of control.

Every leg talks and plays to a caller as in :mod:`bench.legs`, in a call of its own that is recorded as calls
are: by one tap at 16,000 Hz of all that is said and played in it, taken out of shared memory by the listeners
of control and written to files by the recording desk. This process is control: what it spends more than
without recordings is counted beside what the worker spends, and so is what the kernel does for its files.
(What it does either way, reading what the worker says of the quality of legs, is no part of recording.)

``recording`` is both together over the worker alone without recordings: the same worker with the same calls,
some seconds before. Two workers differ by more than what recording costs, by where their memory lies.
"""

from __future__ import annotations

import asyncio
import dataclasses
import os
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import uvloop

from bench.figures import figure, refuse
from bench.media import CLIP, FAILURES, HOST, Run, Scene, build, middle, prefer, rounds, run_plane
from hookflash.calls.audio_effects import StartRecording
from hookflash.clock import LoopClock
from hookflash.plane.audio_desk import AudioDesk
from hookflash.plane.rings import LOOK, Rings, make_file, map_rings
from hookflash.ports.plane import AudioTapped, ConnectLeg, JoinMix, OpenTap, PlaneCommand, StartPlay
from hookflash.recording.desk import RecordingDesk
from hookflash.recording.library import Library

TARGET = 1.15
LEGS = 400
SECONDS = 4.0
ROUNDS = 4
WARM = 9.0
"""Seconds before anything is measured, without recordings and with: rings have gone round once, also for
those who read them, a block behind, so that both have touched all of their memory."""
LIMIT = 150.0
TICK = 0.02
RATE = 16_000


def plays(leg: int, port: int) -> Sequence[PlaneCommand]:
    return (
        ConnectLeg(leg, HOST, port, 0, "PCMU", 101, True, True),
        JoinMix(leg),
        StartPlay(leg, (leg,), (CLIP,), True, False),
    )


def taps() -> Sequence[PlaneCommand]:
    """What the listeners of control ask for."""
    return [OpenTap(leg - 1, "whole", leg, rate=RATE, patient=True) for leg in range(1, LEGS + 1)]


class Seat:
    """The worker as the audio desk sees it; its taps are opened by the scene."""

    number = 0

    def __init__(self, rings: Rings) -> None:
        self.rings = rings

    def post(self, *commands: PlaneCommand) -> None:
        """Taps are open when this is said."""


class NoDocuments:
    """A store that keeps nothing."""

    def put_document(self, space: str, key: str, body: bytes) -> asyncio.Future[None]:
        done = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done


class Control(threading.Thread):
    """Control's part in the recording of ``legs`` calls: desk, listeners, files."""

    def __init__(self, folder: Path, legs: int) -> None:
        super().__init__(daemon=True)
        self.fd = make_file()
        self.rings: Rings = map_rings(self.fd)
        self.lost = 0
        self.octets = 0
        self.error: BaseException | None = None
        self._folder = folder
        self._legs = legs
        self._over = threading.Event()
        self._open = threading.Event()

    def run(self) -> None:
        # This thread and those that it starts, as the worker is.
        prefer(0)
        try:
            # As the server does.
            uvloop.run(self._record())
        except BaseException as error:
            self.error = error
        finally:
            self._open.set()

    def begin(self) -> None:
        """Return when every call is being recorded."""
        self.start()
        self._open.wait()

    def stop(self) -> None:
        self._over.set()
        if self.ident is not None:
            self.join()

    async def _record(self) -> None:
        seat: Any = Seat(self.rings)
        audio = AudioDesk(lambda call: seat, lambda leg: seat, lambda leg: False)
        documents: Any = NoDocuments()
        desk = RecordingDesk(audio, Library(self._folder, documents), LoopClock(), lambda fact: None)
        for leg in range(1, self._legs + 1):
            desk.start(
                StartRecording(
                    str(leg), leg, "", "", "", "", "audio", "mixed", "wav", (), False, None, ((leg, ""),)
                )
            )
            # One after the other: the scene has given ring n to call n + 1.
            while audio.open < leg:  # noqa: ASYNC110 - as in life, threads open files
                await asyncio.sleep(0.001)
        self._open.set()
        ticks = int(self.rings.tick[0])
        while not self._over.is_set():
            await asyncio.sleep(LOOK * TICK / 2)
            tick = int(self.rings.tick[0]) // LOOK * LOOK
            if tick > ticks:
                ticks = tick
                audio.tapped(seat, AudioTapped(tick))
        self.lost = audio.lost
        await desk.close()
        self.octets = sum(file.stat().st_size for file in self._folder.glob("*/audio.wav"))


def run_recorded(legs: int = LEGS) -> Run:
    """One run that goes on with everything recorded; it is not whole when the audio has holes."""
    with tempfile.TemporaryDirectory(prefix="hookflash-bench-") as folder:
        control = Control(Path(folder), legs)

        def record() -> Sequence[PlaneCommand]:
            control.begin()
            return taps()

        try:
            # The worker's end is given away and closed there.
            scene = Scene(plays, rings=lambda: os.dup(control.fd), warm=WARM, later=record)
            run = run_plane(legs, SECONDS, scene)
        finally:
            control.stop()
            os.close(control.fd)
    if control.error is not None:
        raise control.error
    seconds = control.octets / 2 / RATE / legs
    cost, own = run.before
    by_control = f"control {run.own:.2f}, {own:.2f} before"
    in_files = f"{seconds:.1f} s in each file, {control.lost} lost"
    note = f"{cost:.2f} before; {by_control}; {run.note}; {in_files}"
    whole = run.answered if seconds > SECONDS and not control.lost else 0.0
    return dataclasses.replace(run, answered=whole, note=note)


def main() -> int:
    """Measure and print the figures."""
    try:
        build()
        runs = rounds("recording", {"recorded": run_recorded}, ROUNDS, LIMIT)["recorded"]
    except FAILURES as error:
        return refuse("recording", error, "x a playing leg", TARGET)
    whole = all(run.whole for run in runs)
    control = [run.own - run.before[1] for run in runs]
    ratios = [(run.cost + more) / run.before[0] for run, more in zip(runs, control, strict=True)]
    figure("recording", middle(ratios)[0], "x a playing leg", TARGET, noise=middle(ratios)[1], whole=whole)
    costs = {
        "plain": [run.before[0] for run in runs],
        "recorded": [run.cost for run in runs],
        "control": control,
    }
    for name, values in costs.items():
        figure(f"recording.{name}", middle(values)[0], "us/leg/tick", None, noise=middle(values)[1])
    return 0


if __name__ == "__main__":
    sys.exit(main())
