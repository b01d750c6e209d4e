"""Who hears many ticks at a time: recordings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hookflash.plane.listeners import RingListener, Shelf
from hookflash.plane.pouring import Pours, copy_frames
from hookflash.plane.resampling import Resampler
from hookflash.plane.rings import TAP_FRAMES, TAPS
from hookflash.ports import audio
from hookflash.ports.audio import Lend, Lost, Source, TakeBlock

Samples = NDArray[np.int16]


class BlockListener(RingListener):
    """Implements :class:`hookflash.ports.audio.BlockListener`: hears many ticks at a time.

    The frames of a single source at the rate of the rings are poured where ``lend`` says, if there is one.
    """

    patient = True

    def __init__(
        self, shelf: Shelf, rate: int, take: TakeBlock, lost: Lost, lend: Lend | None = None
    ) -> None:
        super().__init__(shelf, rate, lost)
        self._take = take
        self._lend = lend if rate == self.ring_rate else None
        self._pours: Pours | None = None
        self._turn = min(range(len(shelf.waiting)), key=lambda turn: len(shelf.waiting[turn]))
        shelf.waiting[self._turn].append(self)
        shelf.looking[self._turn].append(self)

    def end(self) -> None:
        super().end()
        for listeners in (self.shelf.waiting, self.shelf.looking):
            if self in listeners[self._turn]:
                listeners[self._turn].remove(self)

    def look(self) -> None:
        """Its turn: have what there is poured from now on, or hand it over."""
        if self._pours is None and self._lend is not None and len(self.taps) == 1:
            ((tap, _),) = self.taps.values()
            there = self._there(tap)
            if there is None:
                return
            if not there.holes and (outlet := self._lend(there.first)) is not None:
                self.note_missed()
                self._pours = self.shelf.pours(self.size, outlet.do)
                self.shelf.looking[self._turn].remove(self)
                self._pours.begin(self, outlet, tap, there.first)
                return
        self.flush()

    def poured(self) -> None:
        """Nothing is poured any more; from now on it looks itself."""
        self._pours = None
        if not self.closed:
            self.shelf.looking[self._turn].append(self)

    def _settle(self) -> None:
        """End what is poured."""
        if self._pours is not None:
            ((tap, _),) = self.taps.values()
            self._pours.end(tap)

    def add(self, source: Source) -> None:
        if source not in self.taps:
            self._settle()  # what is poured is of a single source
        super().add(source)

    def flush(self) -> None:
        self._settle()
        pieces: dict[Source, _Piece] = {}
        for source, (tap, resampler) in self.taps.items():
            piece = self._drain(tap, resampler)
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

    def _there(self, tap: int) -> _There | None:
        """What is in a ring, up to the last tick that is written in full."""
        counts = self.shelf.counts
        tick, ticks = counts.tick[0], counts.ticks
        at = counts.read[tap]
        count = counts.written[tap] - at
        begin = at + counts.shift[tap]
        # The worker may be in the middle of the next tick.
        while count > 0 and (last := ticks[(begin + count - 1) % TAP_FRAMES * TAPS + tap]) > tick:
            count -= 1
        if count <= 0:
            return None
        place = begin % TAP_FRAMES
        first = ticks[place * TAPS + tap]
        return _There(place, count, first, last, last - first != count - 1)

    def _drain(self, tap: int, resampler: Resampler) -> _Piece | None:
        """The same, copied, and no longer in the ring."""
        there = self._there(tap)
        if there is None:
            return None
        place, count, first, last, holes = there
        rings = self.shelf.rings
        samples = self.shelf.buffers.take(count * self.size)
        copy_frames(rings.frames, tap, place, count, samples.reshape(count, self.size))
        times = rings.ticks[np.arange(place, place + count) % TAP_FRAMES, tap] if holes else None
        rings.read[tap] += count
        return _Piece(first, last, times, resampler.feed(samples))


class _There(NamedTuple):
    """``frames`` of a ring from ``place`` on, of ``first`` to ``last`` tick, with ``holes`` among them."""

    place: int
    frames: int
    first: int
    last: int
    holes: bool


class _Piece(NamedTuple):
    """What was in a ring. ``ticks`` of its frames are None when none is missing."""

    first: int
    last: int
    ticks: NDArray[np.int64] | None
    samples: Samples

    def times(self) -> NDArray[np.int64]:
        """The tick of every frame."""
        return np.arange(self.first, self.last + 1) if self.ticks is None else self.ticks
