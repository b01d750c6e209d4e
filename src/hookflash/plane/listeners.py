"""Control's side of the rings out of a worker: who listens, and how frames get to them.

A listener that has to hear at once (streaming, speech) is handed the frames of each tick as they come. One
that may wait (recording) takes many at a time: a copy of a piece of the ring instead of work for every frame.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hookflash.plane.resampling import Resampler, ring_rate
from hookflash.plane.rings import TAP_FRAMES, TAPS, VOICES, Rings
from hookflash.plane.supervisor import Seat
from hookflash.ports import audio, plane
from hookflash.ports.audio import (
    AudioUnavailable,
    Frames,
    Heard,
    Lost,
    Prompts,
    Said,
    Source,
    Take,
    TakeBlock,
)

if TYPE_CHECKING:
    from hookflash.plane.ring_voice import RingVoice

_log = logging.getLogger(__name__)

BLOCK = 20
"""Ticks between two looks of a listener that may wait (400 ms); its ring holds three times as much."""

Samples = NDArray[np.int16]


class Shelf:
    """The rings of one worker, as control hands them out."""

    def __init__(self, seat: Seat) -> None:
        self.seat = seat
        self.lost = 0
        self.tick = -1
        self.rings: Rings = seat.rings
        self.listeners: list[TapListener] = []
        # Those who may wait look in turn, so that each tick has its share of them.
        self.waiting: list[list[BlockListener]] = [[] for _ in range(BLOCK)]
        self.voices: dict[int, RingVoice] = {}
        self.by_tap: dict[int, tuple[_Listener, Source]] = {}
        self.free_taps = list(range(TAPS - 1, -1, -1))
        self.free_voices = list(range(VOICES - 1, -1, -1))

    def take_tap(self) -> int:
        """A free ring, emptied. Raises AudioUnavailable."""
        if not self.free_taps:
            raise AudioUnavailable(f"all {TAPS} taps of media worker {self.seat.number} are in use")
        tap = self.free_taps.pop()
        self.rings.written[tap] = self.rings.read[tap] = self.rings.lost[tap] = 0
        return tap

    def take_voice(self) -> int:
        """A free ring, emptied. Raises AudioUnavailable."""
        if not self.free_voices:
            raise AudioUnavailable(f"all {VOICES} voices of media worker {self.seat.number} are in use")
        voice = self.free_voices.pop()
        self.rings.said[voice] = self.rings.spoken[voice] = self.rings.void[voice] = 0
        return voice

    def tapped(self, tick: int) -> None:
        """A tick has been written: hand on what there is."""
        self.tick = tick
        self._pump(self.listeners)
        self._pump(self.waiting[tick % BLOCK])

    def everybody(self) -> list[_Listener]:
        """All listeners."""
        return [*self.listeners, *(one for waiting in self.waiting for one in waiting)]

    @staticmethod
    def _pump(listeners: Iterable[_Listener]) -> None:
        for listener in list(listeners):
            try:
                listener.flush()
            except Exception:
                # One listener's fault must not cost the others their audio.
                _log.exception("audio could not be handed over")


class _Listener:
    """What all listeners have: the taps of their sources."""

    def __init__(self, shelf: Shelf, rate: int, lost: Lost) -> None:
        self.lost = lost
        self.shelf = shelf
        self.rate = rate
        self.ring_rate = ring_rate(rate)
        self.taps: dict[Source, tuple[int, Resampler]] = {}
        self.closed = False
        self._missed = 0

    def add(self, source: Source) -> None:
        if self.closed or source in self.taps:
            return
        tap = self.shelf.take_tap()
        self.taps[source] = tap, Resampler(self.ring_rate, self.rate)
        self.shelf.by_tap[tap] = self, source
        self.shelf.seat.post(_command(tap, source, self.ring_rate))

    def remove(self, source: Source) -> None:
        if source in self.taps:
            self.flush()
        # Who is handed frames may have removed it meanwhile.
        found = self.taps.pop(source, None)
        if found is not None:
            self.shelf.seat.post(plane.CloseTap(found[0]))

    def forget(self, source: Source, tap: int) -> None:
        """The worker has closed the tap of a source by itself."""
        found = self.taps.get(source)
        if found is not None and found[0] == tap:
            self.flush()
            self.taps.pop(source, None)

    def close(self) -> None:
        if not self.closed:
            self.flush()
        if not self.closed:
            self.closed = True
            for tap, _ in self.taps.values():
                self.shelf.seat.post(plane.CloseTap(tap))
            self.taps.clear()
            self.end()

    def end(self) -> None:
        """The worker is gone, or nobody listens any more."""
        self.closed = True

    def flush(self) -> None:
        """Hand over what the rings hold up to the last tick that was told."""
        raise NotImplementedError

    def note_missed(self) -> None:
        """Count what the rings had no room for."""
        missed = sum(int(self.shelf.rings.lost[tap]) for tap, _ in self.taps.values())
        if missed > self._missed:
            _log.warning(
                "%d frames of a call were lost on the way to who listens: this process was too busy",
                missed - self._missed,
            )
            self.shelf.lost += missed - self._missed
        self._missed = missed


class TapListener(_Listener):
    """Implements :class:`hookflash.ports.audio.Listener`: hears every tick as it comes."""

    def __init__(self, shelf: Shelf, rate: int, take: Take, lost: Lost) -> None:
        super().__init__(shelf, rate, lost)
        self._take = take
        shelf.listeners.append(self)

    def close(self) -> None:
        if not self.closed:
            for source in list(self.taps):
                found = self.taps.pop(source)
                self.shelf.seat.post(plane.CloseTap(found[0]))
            self.end()

    def remove(self, source: Source) -> None:
        found = self.taps.pop(source, None)
        if found is not None:
            self.shelf.seat.post(plane.CloseTap(found[0]))

    def end(self) -> None:
        super().end()
        if self in self.shelf.listeners:
            self.shelf.listeners.remove(self)

    def flush(self) -> None:
        rings = self.shelf.rings
        frames: dict[int, Frames] = {}
        size = self.ring_rate // audio.FRAMES_PER_SECOND
        for source, (tap, resampler) in self.taps.items():
            at, written = int(rings.read[tap]), int(rings.written[tap])
            while at < written:
                place = at % TAP_FRAMES
                when = int(rings.ticks[tap, place])
                if when > self.shelf.tick:
                    break  # of the next tick, which the worker is in the middle of
                of_tick = frames.setdefault(when, Frames())
                # A copy: the worker writes there again.
                of_tick[source] = resampler.feed(rings.frames[tap, place, :size].copy())
                rank = int(rings.rank[tap, place])
                if rank:
                    of_tick.ranks[source] = rank
                at += 1
            rings.read[tap] = at
        self.note_missed()
        for when in sorted(frames):
            if not self.closed:
                self._take(when, frames[when])


class BlockListener(_Listener):
    """Implements :class:`hookflash.ports.audio.BlockListener`: hears many ticks at a time."""

    def __init__(self, shelf: Shelf, rate: int, take: TakeBlock, lost: Lost) -> None:
        super().__init__(shelf, rate, lost)
        self._take = take
        self._turn = min(shelf.waiting, key=len)
        self._turn.append(self)

    def end(self) -> None:
        super().end()
        if self in self._turn:
            self._turn.remove(self)

    def flush(self) -> None:
        blocks = {}
        for source, (tap, resampler) in self.taps.items():
            ticks, frames = self._drain(tap)
            if len(ticks):
                blocks[source] = ticks, resampler.feed(frames.reshape(-1))
        self.note_missed()
        if not blocks:
            return
        size = self.rate // audio.FRAMES_PER_SECOND
        times = [ticks for ticks, _ in blocks.values()]
        first = times[0]
        together = all(len(ticks) == len(first) and ticks[0] == first[0] for ticks in times[1:])
        if together and first[-1] - first[0] == len(first) - 1:
            self._take(int(first[0]), len(first), {source: block for source, (_, block) in blocks.items()})
            return
        # Sources have come or gone, or frames were lost: whole stretches, silence where a source has nothing.
        every = np.unique(np.concatenate(times))
        for stretch in np.split(every, np.flatnonzero(np.diff(every) != 1) + 1):
            if self.closed:
                return
            parts: dict[Source, Samples] = {}
            for source, (ticks, block) in blocks.items():
                within = (ticks >= stretch[0]) & (ticks <= stretch[-1])
                if within.any():
                    part = np.zeros((len(stretch), size), np.int16)
                    part[ticks[within] - stretch[0]] = block.reshape(-1, size)[within]
                    parts[source] = part.reshape(-1)
            self._take(int(stretch[0]), len(stretch), parts)

    def _drain(self, tap: int) -> tuple[NDArray[np.int64], NDArray[np.int16]]:
        """Ticks and frames that are there, copied, and no longer in the ring."""
        rings = self.shelf.rings
        at, written = int(rings.read[tap]), int(rings.written[tap])
        begin, count = at % TAP_FRAMES, written - at
        size = self.ring_rate // audio.FRAMES_PER_SECOND
        ticks: NDArray[np.int64]
        frames: NDArray[np.int16]
        if begin + count <= TAP_FRAMES:
            ticks = rings.ticks[tap, begin : begin + count].copy()
            frames = rings.frames[tap, begin : begin + count, :size].copy()
        else:
            over = begin + count - TAP_FRAMES
            ticks = np.concatenate([rings.ticks[tap, begin:], rings.ticks[tap, :over]])
            frames = np.concatenate([rings.frames[tap, begin:, :size], rings.frames[tap, :over, :size]])
        if count and ticks[-1] > self.shelf.tick:
            # Of the next tick, which the worker is in the middle of.
            count = int(np.searchsorted(ticks, self.shelf.tick, "right"))
        rings.read[tap] = at + count
        return ticks[:count], frames[:count]


def _command(tap: int, source: Source, rate: int) -> plane.OpenTap:
    match source:
        case Heard(leg, itself):
            return plane.OpenTap(tap, "heard", leg, itself, rate)
        case Said(leg):
            return plane.OpenTap(tap, "said", leg, rate=rate)
        case Prompts(call):
            return plane.OpenTap(tap, "prompts", call, rate=rate)
        case audio.Whole(call):
            return plane.OpenTap(tap, "whole", call, rate=rate)
