"""Control's side of the rings out of a worker: who listens, and how frames get to them.

A listener that has to hear at once (streaming, speech) is handed the frames of each tick as they come. One
that may wait (recording) takes many at a time: a copy of a piece of the ring instead of work for every frame,
or not even that, where it writes them to a file as they are.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hookflash.plane.buffers import Buffers
from hookflash.plane.chorus import Chorus
from hookflash.plane.columns import WIDE_FRAME
from hookflash.plane.glance import Counts, Glance
from hookflash.plane.pouring import Pours
from hookflash.plane.resampling import Resampler, ring_rate
from hookflash.plane.rings import LOOK, TAP_FRAMES, TAPS, VOICES, Rings
from hookflash.plane.supervisor import Seat
from hookflash.ports import audio, plane
from hookflash.ports.audio import (
    AudioUnavailable,
    Do,
    Frames,
    Heard,
    Lost,
    Prompts,
    Said,
    Source,
    Take,
    TakeTogether,
    Together,
)

if TYPE_CHECKING:
    from hookflash.plane.block_listener import BlockListener
    from hookflash.plane.ring_voice import RingVoice

_log = logging.getLogger(__name__)

BLOCK = 45
"""Ticks between two looks of a listener that may wait: 0.9 s, a crash costs less than a second of it."""

RECALL = 3 * BLOCK
"""Frames in a ring at which those that are written out of it are taken back; there is room for 2 s more."""

Samples = NDArray[np.int16]


class Shelf:
    """The rings of one worker, as control hands them out."""

    def __init__(self, seat: Seat) -> None:
        self.seat = seat
        self.lost = 0
        self.rings: Rings = seat.rings
        self.counts = Counts(seat.rings)
        self.listeners: list[TapListener] = []
        # Those of them whose frames are handed over together.
        self.choruses: dict[tuple[TakeTogether[Any], int], Chorus] = {}
        # Those who may wait look in turn, so that no tick has all of them.
        self._turn: int | None = None
        # The last tick that was handed on to those who hear every one.
        self._handed: int | None = None
        self.buffers = Buffers(BLOCK * WIDE_FRAME)
        self.waiting: list[list[BlockListener]] = [[] for _ in range(BLOCK // LOOK)]
        # Those of them that have to be asked; the others' audio is poured.
        self.looking: list[list[BlockListener]] = [[] for _ in range(BLOCK // LOOK)]
        self._pours: dict[tuple[int, Do], Pours] = {}
        self.voices: dict[int, RingVoice] = {}
        self.by_tap: dict[int, tuple[RingListener, Source]] = {}
        self.free_taps = list(range(TAPS - 1, -1, -1))
        self.used_taps = 0
        self.free_voices = list(range(VOICES - 1, -1, -1))

    def take_tap(self) -> int:
        """A free ring, emptied. Raises AudioUnavailable."""
        if not self.free_taps:
            raise AudioUnavailable(f"all {TAPS} taps of media worker {self.seat.number} are in use")
        tap = self.free_taps.pop()
        self.used_taps = max(self.used_taps, tap + 1)
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
        self._hand_on()
        turn = tick // LOOK
        if self._turn is None:
            self._turn = turn - 1
        # Whoever missed its turn would have to wait for a whole round, which its ring may not hold.
        for missed in range(max(self._turn + 1, turn - len(self.waiting) + 1), turn + 1):
            self.look(missed % len(self.waiting))
        self._turn = turn

    def look(self, place: int) -> None:
        """It is the turn of those who wait at a place of ``waiting``."""
        # Before the others: whose audio begins to be poured has its first job now.
        for patient in list(self.looking[place]):
            self._have(patient.look)
        for pours in self._pours.values():
            self._have(partial(pours.turn, place == len(self.waiting) - 1))

    def chorus(self, take: TakeTogether[Any], rate: int) -> Chorus:
        """Who are handed over by ``take``."""
        found = self.choruses.get((take, rate))
        if found is None:
            found = self.choruses[take, rate] = Chorus(self, take, rate)
        return found

    def pours(self, size: int, do: Do) -> Pours:
        """Who pours frames of ``size`` samples by jobs for ``do``."""
        found = self._pours.get((size, do))
        if found is None:
            found = self._pours[size, do] = Pours(self.rings, size, do, RECALL)
        return found

    def flush_waiting(self) -> None:
        """Hand on what there is to those who would have waited for it."""
        for turn in self.waiting:
            for listener in list(turn):
                self._have(listener.flush)

    def everybody(self) -> list[RingListener]:
        """All listeners."""
        return [*self.listeners, *(one for waiting in self.waiting for one in waiting)]

    def _hand_on(self) -> None:
        """The same for those who hear every tick."""
        if not self.listeners:
            self._handed = None
            return
        now = self.counts.tick[0]
        # When control is late, ticks are handed on one by one: what they cost must not rise just then.
        first = now if self._handed is None else max(self._handed + 1, now - TAP_FRAMES + 1)
        self._handed = now
        for tick in range(first, now + 1):
            choruses = list(self.choruses.values())
            for chorus in choruses:
                chorus.prepare()
            glance = Glance(self.rings, self.used_taps, tick)
            for chorus in choruses:
                self._have(partial(chorus.take, glance))
            for listener in list(self.listeners):
                if listener.chorus is None:
                    self.give(listener, glance)

    def give(self, listener: TapListener, glance: Glance) -> None:
        """Hand on to one of them what there is."""
        try:
            listener.take(glance)
        except Exception:
            _not_handed_over()

    @staticmethod
    def _have(look: Callable[[], None]) -> None:
        try:
            look()
        except Exception:
            _not_handed_over()


def _not_handed_over() -> None:
    # One listener's fault must not cost the others their audio.
    _log.exception("audio could not be handed over")


class RingListener:
    """What all listeners have: the taps of their sources.

    Attributes:
        missed: frames of its taps that found no room, as far as that was noted.
    """

    patient = False
    """It may wait."""

    def __init__(self, shelf: Shelf, rate: int, lost: Lost) -> None:
        self.lost = lost
        self.shelf = shelf
        self.rate = rate
        self.ring_rate = ring_rate(rate)
        self.size = self.ring_rate // audio.FRAMES_PER_SECOND
        self.taps: dict[Source, tuple[int, Resampler]] = {}
        self.closed = False
        self.missed = 0

    def add(self, source: Source) -> None:
        if self.closed or source in self.taps:
            return
        tap = self.shelf.take_tap()
        self.taps[source] = tap, Resampler(self.ring_rate, self.rate)
        self.shelf.by_tap[tap] = self, source
        self.shelf.seat.post(_command(tap, source, self.ring_rate, self.patient))

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
        """Hand over what the rings hold up to the last tick that is written in full."""
        raise NotImplementedError

    def note_missed(self) -> None:
        """Count what the rings had no room for."""
        lost = self.shelf.counts.lost
        missed = 0
        for tap, _ in self.taps.values():
            missed += lost[tap]
        if missed > self.missed:
            _log.warning(
                "%d frames of a call were lost on the way to who listens: this process was too busy",
                missed - self.missed,
            )
            self.shelf.lost += missed - self.missed
        self.missed = missed


class TapListener(RingListener):
    """Implements :class:`hookflash.ports.audio.Listener`: hears every tick as it comes."""

    def __init__(
        self, shelf: Shelf, rate: int, take: Take, lost: Lost, together: Together[Any] | None = None
    ) -> None:
        super().__init__(shelf, rate, lost)
        self._take = take
        shelf.listeners.append(self)
        self.chorus: Chorus | None = None
        self.who: object = None
        if together is not None:
            self.chorus, self.who = shelf.chorus(together.take, rate), together.who
            self.chorus.join(self)

    def add(self, source: Source) -> None:
        super().add(source)
        self._changed()

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
            self._changed()

    def forget(self, source: Source, tap: int) -> None:
        super().forget(source, tap)
        self._changed()

    def end(self) -> None:
        super().end()
        if self in self.shelf.listeners:
            self.shelf.listeners.remove(self)
            if self.chorus is not None and self.chorus.leave(self):
                self.shelf.choruses.pop(self.chorus.key)

    def _changed(self) -> None:
        if self.chorus is not None:
            self.chorus.change()

    def flush(self) -> None:
        self.take(Glance(self.shelf.rings, self.shelf.used_taps, self.shelf.counts.tick[0]))

    def take(self, glance: Glance) -> None:
        """Hand over what there is by ``glance``: nearly always one frame of each source, of one tick."""
        fresh = glance.fresh
        for tap, _ in self.taps.values():
            if tap >= len(fresh) or not fresh[tap]:
                self._catch_up(glance.tick)
                return
        frames = Frames()
        read = self.shelf.counts.read
        wide = self.size == WIDE_FRAME
        missed = 0
        for source, (tap, resampler) in self.taps.items():
            # A copy: the worker writes there again.
            frame = glance.frames[tap].copy() if wide else glance.frames[tap, : self.size].copy()
            frames[source] = resampler.feed(frame)
            frames.peaks[source] = glance.peak(tap) if wide else _peak(frame)
            read[tap] = glance.read[tap] + 1
            if glance.ranks[tap]:
                frames.ranks[source] = glance.ranks[tap]
            missed += glance.lost[tap]
        if missed != self.missed:
            self.note_missed()
        if frames:
            self._take(glance.tick, frames)

    def _catch_up(self, tick: int) -> None:
        """Hand over all there is up to ``tick``, which may be much or nothing."""
        rings = self.shelf.rings
        frames: dict[int, Frames] = {}
        for source, (tap, resampler) in self.taps.items():
            at, written = int(rings.read[tap]), int(rings.written[tap])
            shift = int(rings.shift[tap])
            while at < written:
                place = (at + shift) % TAP_FRAMES
                when = int(rings.ticks[place, tap])
                if when > tick:
                    break  # of the next tick, which the worker is in the middle of
                of_tick = frames.setdefault(when, Frames())
                # A copy: the worker writes there again.
                frame = rings.frames[place, tap, : self.size].copy()
                of_tick[source] = resampler.feed(frame)
                of_tick.peaks[source] = _peak(frame)
                rank = int(rings.rank[place, tap])
                if rank:
                    of_tick.ranks[source] = rank
                at += 1
            rings.read[tap] = at
        self.note_missed()
        for when in sorted(frames):
            if not self.closed:
                self._take(when, frames[when])


def _peak(frame: Samples) -> int:
    return max(int(frame.max()), -int(frame.min()))


def _command(tap: int, source: Source, rate: int, patient: bool) -> plane.OpenTap:
    match source:
        case Heard(leg, itself):
            return plane.OpenTap(tap, "heard", leg, itself, rate, patient)
        case Said(leg):
            return plane.OpenTap(tap, "said", leg, rate=rate, patient=patient)
        case Prompts(call):
            return plane.OpenTap(tap, "prompts", call, rate=rate, patient=patient)
        case audio.Whole(call):
            return plane.OpenTap(tap, "whole", call, rate=rate, patient=patient)
