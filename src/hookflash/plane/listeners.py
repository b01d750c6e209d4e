"""Control's side of the rings out of a worker: who listens, and how frames get to them.

A listener that has to hear at once (streaming, speech) is handed the frames of each tick as they come. One
that may wait (recording) takes many at a time: a copy of a piece of the ring instead of work for every frame.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hookflash.plane.columns import WIDE_FRAME
from hookflash.plane.resampling import Resampler, ring_rate
from hookflash.plane.rings import LOOK, TAP_FRAMES, TAPS, VOICES, Rings
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

BLOCK = 175
"""Ticks between two looks of a listener that may wait (3.5 s); its ring holds 1.6 s more."""

MAX_BUFFERS = 32
"""Arrays for blocks that are kept to be used again."""
_UNUSED = 2

Samples = NDArray[np.int16]


class Buffers:
    """Arrays for the blocks of one worker that are used again as soon as nobody refers to them any more.

    What is given away is the receiver's to keep. It seldom does so for long, and memory fresh from the system
    costs eight times what filling it does.

    Args:
        size: samples of an array; what is larger is made anew.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: list[Samples] = []

    @property
    def kept(self) -> int:
        """Arrays there are, given away or not."""
        return len(self._kept)

    def take(self, samples: int) -> Samples:
        """An array of so many samples, whatever is in it."""
        if samples > self._size:
            return np.empty(samples, np.int16)
        for place in range(len(self._kept)):
            # Nobody but the list and the call of getrefcount: a view of an array refers to it as well.
            if sys.getrefcount(self._kept[place]) == _UNUSED:
                return self._kept[place][:samples]
        kept = np.empty(self._size, np.int16)
        if len(self._kept) < MAX_BUFFERS:
            self._kept.append(kept)
        return kept[:samples]


class Shelf:
    """The rings of one worker, as control hands them out."""

    def __init__(self, seat: Seat) -> None:
        self.seat = seat
        self.lost = 0
        self.rings: Rings = seat.rings
        self.listeners: list[TapListener] = []
        # Those who may wait look in turn, so that no tick has all of them.
        self._turn: int | None = None
        self.buffers = Buffers(BLOCK * WIDE_FRAME)
        self.waiting: list[list[BlockListener]] = [[] for _ in range(BLOCK // LOOK)]
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
        self._pump(self.listeners)
        turn = tick // LOOK
        if self._turn is None:
            self._turn = turn - 1
        # Whoever missed its turn would have to wait for a whole round, which its ring may not hold.
        for missed in range(max(self._turn + 1, turn - len(self.waiting) + 1), turn + 1):
            self._pump(self.waiting[missed % len(self.waiting)])
        self._turn = turn

    def flush_waiting(self) -> None:
        """Hand on what there is to those who would have waited for it."""
        for turn in self.waiting:
            self._pump(turn)

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

    patient = False
    """It may wait."""

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
        lost = self.shelf.rings.lost
        missed = 0
        for tap, _ in self.taps.values():
            missed += int(lost[tap])
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
        tick = int(rings.tick[0])
        frames: dict[int, Frames] = {}
        size = self.ring_rate // audio.FRAMES_PER_SECOND
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
                of_tick[source] = resampler.feed(rings.frames[place, tap, :size].copy())
                rank = int(rings.rank[place, tap])
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

    patient = True

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
        tick = int(self.shelf.rings.tick[0])
        pieces: dict[Source, _Piece] = {}
        for source, (tap, resampler) in self.taps.items():
            piece = self._drain(tap, tick, resampler)
            if piece is not None:
                pieces[source] = piece
        self.note_missed()
        if not pieces:
            return
        first, last, holes, samples = next(iter(pieces.values()))
        if len(pieces) == 1 and holes is None:
            # Every mixed recording, nearly always.
            self._take(first, last + 1 - first, {next(iter(pieces)): samples})
        elif all(
            piece.ticks is None and piece.first == first and piece.last == last for piece in pieces.values()
        ):
            blocks = {source: piece.samples for source, piece in pieces.items()}
            self._take(first, last + 1 - first, blocks)
        else:
            self._piece_together(pieces)

    def _piece_together(self, pieces: Mapping[Source, _Piece]) -> None:
        """Sources have come or gone, or frames were lost: whole stretches, silence where one has nothing."""
        size = self.rate // audio.FRAMES_PER_SECOND
        times = {source: piece.times() for source, piece in pieces.items()}
        every = np.unique(np.concatenate(list(times.values())))
        for stretch in np.split(every, np.flatnonzero(np.diff(every) != 1) + 1):
            if self.closed:
                return
            parts: dict[Source, Samples] = {}
            for source, ticks in times.items():
                within = (ticks >= stretch[0]) & (ticks <= stretch[-1])
                if within.any():
                    part = np.zeros((len(stretch), size), np.int16)
                    part[ticks[within] - stretch[0]] = pieces[source].samples.reshape(-1, size)[within]
                    parts[source] = part.reshape(-1)
            self._take(int(stretch[0]), len(stretch), parts)

    def _drain(self, tap: int, tick: int, resampler: Resampler) -> _Piece | None:
        """What is there up to ``tick``, copied, and no longer in the ring."""
        rings = self.shelf.rings
        at = int(rings.read[tap])
        count = int(rings.written[tap]) - at
        begin = at + int(rings.shift[tap])
        ticks = rings.ticks[:, tap]
        # The worker may be in the middle of the next tick.
        while count > 0 and (last := int(ticks[(begin + count - 1) % TAP_FRAMES])) > tick:
            count -= 1
        if count <= 0:
            return None
        first = int(ticks[begin % TAP_FRAMES])
        size = self.ring_rate // audio.FRAMES_PER_SECOND
        samples = self.shelf.buffers.take(count * size)
        block = samples.reshape(count, size)
        frames = rings.frames[:, tap, :size]
        place = begin % TAP_FRAMES
        ahead = min(count, TAP_FRAMES - place)
        block[:ahead] = frames[place : place + ahead]
        if ahead < count:
            block[ahead:] = frames[: count - ahead]
        holes = last - first != count - 1
        times = ticks[np.arange(begin, begin + count) % TAP_FRAMES] if holes else None
        rings.read[tap] = at + count
        return _Piece(first, last, times, resampler.feed(samples))


class _Piece(NamedTuple):
    """What was in a ring. ``ticks`` of its frames are None when none is missing."""

    first: int
    last: int
    ticks: NDArray[np.int64] | None
    samples: Samples

    def times(self) -> NDArray[np.int64]:
        """The tick of every frame."""
        return np.arange(self.first, self.last + 1) if self.ticks is None else self.ticks


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
