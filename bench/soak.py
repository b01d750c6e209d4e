"""``python -m bench.soak --secs 3600``: calls come and go on a media worker, in real time; then a verdict.

A worker carries as many legs as take ``--load`` of its core. Calls of one to three legs are opened, played
to, joined, muted, moved, tapped, sent keys and closed at random (``--seed``); their peers answer every
packet. At the end all is closed, and then nothing may be left:

* the worker has not grown, by the slope of its memory after the first quarter, once the load was reached;
* its file descriptors and UDP sockets are as many as before the first call, and it counts no leg;
* every leg that was opened was closed, and was heard; every sending of keys was answered;
* every row and as many port pairs can be had again;
* of the ticks no more than one in 10,000 was left out.

One JSON line on standard output says how much was done and what was found; the exit code is 0 only if all
of it is well.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bench.media import CLIP, FAILURES, HOST, BenchError, Callers, Worker, build, tone
from hookflash.plane.rings import TAPS, Rings, make_file, map_rings
from hookflash.ports.plane import (
    CloseLeg,
    CloseTap,
    ConnectLeg,
    Heartbeat,
    JoinMix,
    LeaveMix,
    LegClosed,
    LegOpened,
    LegRefused,
    LoadClip,
    MoveLeg,
    MuteLeg,
    OpenLeg,
    OpenTap,
    PlaneCommand,
    PlaneEvent,
    PlayFinished,
    SendTones,
    SetGain,
    StartPlay,
    StopPlay,
    StopTones,
    TapClosed,
    ToneHeard,
    TonesRefused,
    TonesSent,
)

STEP = 0.05
"""Seconds between looks at what is to be done."""
HOLD = 40.0
"""Seconds a call lasts in the mean."""
DOINGS = 6.0
"""Seconds between two things that are done to a call, in the mean."""
BEGIN = 10
"""Calls that begin in one step at most: a hundred legs opened in one tick would hold it up."""
SAMPLE = 5.0
GROWTH = 0.03
"""Share by which memory may seem to have grown, over what noise there is in it."""
SLACK = 4 << 20
"""Bytes of it in any case: a quarter of a minute says little."""
SKIPPED = 1e-4
MOST = 4000
"""Legs at most, whatever the load."""
SETTLE = 8.0
"""Seconds after the last call: ports rest five."""
KINDS = (("PCMU", 0, 6), ("PCMA", 8, 2), ("G722", 9, 2))
"""Codec, payload type, and how often it is taken."""


@dataclass
class Phone:
    """One leg, as its driver knows it."""

    call: int
    opened: bool = False
    joined: bool = False
    closing: bool = False


@dataclass
class Tally:
    """What has happened."""

    counts: Counter[str] = field(default_factory=Counter)
    late_ms: float = 0.0
    load: list[float] = field(default_factory=list)
    memory: list[tuple[float, int]] = field(default_factory=list)


def resident(pid: int) -> int:
    """Bytes of RAM the process has taken for itself.

    The rings are left out: they are bounded, and what of them was never used takes none until it is.
    """
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Anonymous:"):
            return int(line.split()[1]) * 1024
    return 0


def descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def growth(memory: list[tuple[float, int]]) -> tuple[float, float]:
    """Bytes per second by least squares, and bytes over the whole time it was watched."""
    if len(memory) < 3:
        return 0.0, 0.0
    slope = statistics.linear_regression([at for at, _ in memory], [float(size) for _, size in memory]).slope
    return slope, slope * (memory[-1][0] - memory[0][0])


class Soak:
    """Drives one worker. ``load`` is the share of its core that is to be taken."""

    def __init__(self, worker: Worker, rings: Rings, port: int, *, load: float, seed: int, rows: int) -> None:
        self.tally = Tally()
        self.target = 60.0
        self.reached = 0.0
        self._worker = worker
        self._rings = rings
        self._port = port
        self._load = load
        self._rows = rows
        self._random = random.Random(seed)
        self._phones: dict[int, Phone] = {}
        self._calls: dict[int, list[int]] = {}
        self._plays: dict[int, int] = {}
        self._sendings: dict[int, int] = {}
        self._taps: dict[int, bool] = {}
        self._number = 0
        self._out: list[PlaneCommand] = []
        self.beat: Heartbeat | None = None

    # --- what is done ---

    def step(self) -> None:
        """What happens within a step of time: calls begin and end, things are done to them."""
        chance = self._random.random
        for _ in range(BEGIN):
            if len(self._phones) < self.target:
                self._begin()
        for call in list(self._calls):
            if chance() < STEP / HOLD:
                self.end(call)
            elif chance() < STEP / DOINGS:
                self._do_something(call)
        self.flush()

    def flush(self) -> None:
        """Send what was decided, take what came back, empty the rings."""
        out, self._out = self._out, []
        if out:
            self.tally.counts["commands"] += len(out)
            self._worker.post(*out)
        for event in self._worker.take():
            self._heard(event)
        self._rings.read[:] = self._rings.written

    def _next(self) -> int:
        self._number += 1
        return self._number

    def _begin(self) -> None:
        call = self._next()
        legs = [self._next() for _ in range(self._random.choices((1, 2, 3), (6, 3, 2))[0])]
        self._calls[call] = legs
        for leg in legs:
            self._phones[leg] = Phone(call)
            self._out.append(OpenLeg(leg, call, True))
        self.tally.counts["calls"] += 1

    def end(self, call: int) -> None:
        """Hang up, and stop what was played, as control does: a loop would go on for nobody."""
        self._stop_plays(call)
        for leg in self._calls.pop(call):
            phone = self._phones[leg]
            phone.closing = True
            if phone.opened:
                self._out.append(CloseLeg(leg))

    def _stop_plays(self, call: int) -> None:
        for play in [play for play, of in self._plays.items() if of == call]:
            self._plays.pop(play)
            self._out.append(StopPlay(play))

    def end_all(self) -> None:
        for call in list(self._calls):
            self.end(call)

    def _connect(self, leg: int) -> None:
        codec, kind, _ = self._random.choices(KINDS, [often for _, _, often in KINDS])[0]
        events = self._random.choice((101, 101, -1))
        self._out.append(ConnectLeg(leg, HOST, self._port, kind, codec, events, True, True))
        phone = self._phones[leg]
        if len(self._calls.get(phone.call, ())) > 1:
            phone.joined = True
            self._out.append(JoinMix(leg))

    def _do_something(self, call: int) -> None:
        legs = [leg for leg in self._calls[call] if self._phones[leg].opened]
        if not legs:
            return
        leg = self._random.choice(legs)
        what = self._random.choice(("play", "play", "loop", "stop", "tones", "join", "mute", "gain"))
        what = self._random.choice((what, what, what, "tap", "untap", "move", "quiet"))
        self.tally.counts[what] += 1
        match what:
            case "play" | "loop":
                play = self._next()
                self._plays[play] = call
                self._out.append(StartPlay(play, tuple(legs), (CLIP, CLIP), what == "loop", False))
            case "stop":
                self._stop_plays(call)
            case "tones":
                sending = self._next()
                self._sendings[sending] = leg
                digits = "".join(self._random.choices("0123456789*#ABCD", k=self._random.randint(1, 6)))
                self._out.append(SendTones(sending, leg, digits, 100, 100))
            case "quiet" if self._sendings:
                sending = self._random.choice(list(self._sendings))
                del self._sendings[sending]  # no answer follows
                self._out.append(StopTones(sending))
            case "join":
                phone = self._phones[leg]
                phone.joined = not phone.joined
                self._out.append(JoinMix(leg) if phone.joined else LeaveMix(leg))
            case "mute":
                self._out.append(MuteLeg(leg, self._random.random() < 0.5))
            case "gain":
                self._out.append(SetGain(leg, self._random.uniform(-12, 6)))
            case "tap":
                tap = self._random.randrange(TAPS)
                if tap not in self._taps:
                    self._taps[tap] = True
                    for column in (self._rings.written, self._rings.read, self._rings.lost):
                        column[tap] = 0
                    kind = self._random.choice(("heard", "said", "whole", "prompts"))
                    subject = leg if kind in ("heard", "said") else call
                    self._out.append(OpenTap(tap, kind, subject))
            case "untap" if self._taps:
                tap = self._random.choice(sorted(self._taps))
                if self._taps[tap]:
                    self._taps[tap] = False
                    self._out.append(CloseTap(tap))
            case "move":
                to = self._random.choice(list(self._calls))
                if to != call and len(self._calls[call]) > 1:
                    self._calls[call].remove(leg)
                    self._calls[to].append(leg)
                    self._phones[leg].call = to
                    self._phones[leg].joined = True
                    self._out += (MoveLeg(leg, to), JoinMix(leg))

    # --- what is heard ---

    def _heard(self, event: PlaneEvent) -> None:
        counts = self.tally.counts
        match event:
            case LegOpened():
                phone = self._phones[event.leg]
                phone.opened = True
                counts["opened"] += 1
                if phone.closing:
                    self._out.append(CloseLeg(event.leg))
                else:
                    self._connect(event.leg)
            case LegClosed():
                self._phones.pop(event.leg)
                for sending in [sending for sending, leg in self._sendings.items() if leg == event.leg]:
                    del self._sendings[sending]
                counts["closed"] += 1
                counts["packets in"] += event.received
                counts["packets out"] += event.sent
                counts["lost"] += event.lost
            case LegRefused():
                counts["refused"] += 1
                print(f"soak: leg {event.leg} was refused: {event.reason}", file=sys.stderr)
                raise BenchError(f"leg {event.leg} was refused: {event.reason}")
            case PlayFinished():
                self._plays.pop(event.play, None)
            case TonesSent() | TonesRefused():
                self._sendings.pop(event.sending, None)
            case TapClosed():
                self._taps.pop(event.tap, None)
            case ToneHeard():
                counts["keys heard"] += 1
            case Heartbeat():
                self._beat(event)

    def _beat(self, beat: Heartbeat) -> None:
        self.beat = beat
        self.tally.late_ms = max(self.tally.late_ms, beat.late_ms)
        self.tally.load.append(beat.load)
        # Towards the load, a little at a time: openings are a load of their own.
        part = beat.load / self._load
        if part > 0.95 and not self.reached:
            self.reached = time.monotonic()
        if part < 0.95 and len(self._phones) < 0.95 * self.target:
            return  # they are still coming
        step = 1.25 if part < 0.5 else 1.03 if part < 0.95 else 0.98 if part > 1.02 else 1.0
        self.target = min(max(self.target * step, 12.0), MOST, 0.9 * self._rows)

    @property
    def legs(self) -> int:
        """Legs that have not been closed yet."""
        return len(self._phones)

    @property
    def unanswered(self) -> int:
        """Sendings of keys on legs that were not closed, and that were neither sent nor refused."""
        return len(self._sendings)

    def first(self) -> None:
        """One leg with a tap, so that all is there that is made once and kept."""
        leg = self._next()
        self._phones[leg] = Phone(leg)
        self._calls[leg] = [leg]
        self._taps[0] = True
        self._out += (OpenLeg(leg, leg, True), OpenTap(0, "said", leg))

    def open_rows(self, count: int) -> None:
        """Open as many legs as the worker takes, all at once; raises BenchError when one is refused."""
        self._out += [OpenLeg(self._next(), 1, True) for _ in range(count)]
        self._phones |= {command.leg: Phone(1, closing=True) for command in self._out}  # type: ignore[union-attr]


def run(seconds: float, *, load: float, seed: int, rows: int) -> dict[str, object]:
    """Soak a worker; what was found."""
    build()
    memory = make_file()
    rings = map_rings(memory)
    worker = Worker(rows, rings=memory)
    callers = Callers(seconds + 120, answer=True)
    try:
        worker.ready()
        callers.call([])
        soak = Soak(worker, rings, callers.port, load=load, seed=seed, rows=rows)
        worker.post(LoadClip(CLIP, tone(440, 1.5)))
        soak.first()
        for _ in range(20):
            soak.flush()
            time.sleep(STEP)
        empty(soak)
        before = descriptors(worker.pid)
        began = due = time.monotonic()
        sample = began + seconds / 4
        while due < began + seconds:
            soak.step()
            if due >= sample:
                sample += min(SAMPLE, seconds / 20)
                soak.tally.memory.append((due, resident(worker.pid)))
            due += STEP
            time.sleep(max(0.0, due - time.monotonic()))
        return judge(soak, worker, before, rows, seconds, seed)
    finally:
        worker.close()
        callers.end()
        os.close(memory)


def empty(soak: Soak) -> None:
    """Close every leg and wait until nothing is left of the calls."""
    soak.end_all()
    until = time.monotonic() + 30
    while soak.legs and time.monotonic() < until:
        soak.flush()
        time.sleep(STEP)
    soak.beat = None
    until = time.monotonic() + SETTLE
    while time.monotonic() < until or soak.beat is None:
        soak.flush()
        time.sleep(STEP)


def judge(soak: Soak, worker: Worker, before: int, rows: int, seconds: float, seed: int) -> dict[str, object]:
    """End all calls, and say what is left of them."""
    tally, beat = soak.tally, soak.beat
    ticks, skipped = (beat.tick, beat.skipped) if beat is not None else (0, -1)
    late = tally.late_ms
    empty(soak)
    after, left = descriptors(worker.pid), soak.legs
    legs = soak.beat.legs if soak.beat is not None else -1
    counts = Counter(tally.counts)
    unanswered = soak.unanswered
    soak.open_rows(rows)
    empty(soak)
    slope, grown = growth([(at, size) for at, size in tally.memory if at > soak.reached])
    held = statistics.fmean(size for _, size in tally.memory)
    faults = {
        f"{left} legs were opened and never closed": left,
        f"the worker counts {legs} legs after the last one": legs,
        f"it had {before} file descriptors before the calls and has {after} after them": after != before,
        f"it holds {soak.legs} legs of {rows} that were opened at once": soak.legs,
        f"{unanswered} sendings of keys were never answered": unanswered,
        f"its memory grew by {grown / 1e6:.1f} MB": grown > GROWTH * held + SLACK,
        f"{skipped} of {ticks} ticks were left out": skipped > SKIPPED * ticks,
        "the legs were not heard": counts["packets in"] < 0.9 * counts["packets out"],
        f"it complained: {worker.complaint()}": worker.complaint() is not None,
    }
    return {
        "bench": "soak",
        "ok": not any(faults.values()),
        "faults": [text for text, bad in faults.items() if bad],
        "seconds": round(seconds),
        "seed": seed,
        "legs": round(soak.target),
        "load": round(float(np.mean(tally.load[len(tally.load) // 4 :] or [0])), 3),
        "ticks": ticks,
        "skipped": skipped,
        "late_ms": round(late, 1),
        "memory_mb": round(held / 1e6, 1),
        "memory_slope_kb_a_minute": round(slope * 60 / 1e3, 2),
        "descriptors": [before, after],
        **counts,
    }


def main() -> int:
    """Soak, and print the verdict."""
    parser = argparse.ArgumentParser(prog="bench.soak")
    parser.add_argument("--secs", type=float, default=60.0, help="seconds of calls")
    parser.add_argument("--load", type=float, default=0.6, help="share of a core to take")
    parser.add_argument("--seed", type=int, default=1, help="of what happens")
    parser.add_argument("--rows", type=int, default=4800, help="rows of the worker")
    options = parser.parse_args()
    try:
        found = run(options.secs, load=options.load, seed=options.seed, rows=options.rows)
    except FAILURES as error:
        print(f"error: bench soak: {error}", file=sys.stderr)
        found = {"bench": "soak", "ok": False, "faults": [str(error)]}
    print(json.dumps(found), flush=True)
    return 0 if found["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
