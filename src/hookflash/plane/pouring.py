"""Audio that goes from the rings straight into files: all recordings by one job a round.

Such a recording is a row of columns while nothing happens to it. Once a round numpy finds for all of them
what is in their rings, one job in a thread writes it, and one step in the event loop notes how far each has
come; their objects, which have gone cold in the 0.9 s since, are not touched. Several jobs a round cost more,
as most of what one costs is the same for any number of recordings, and hold up nothing less: the thread gives
way at every write.

The frames stay in the ring until they are written. Handing them over first takes a copy in the event loop,
and an array that lives until the thread has come round to it. Giving the kernel the addresses of all frames
(``pwritev``) was measured too: it takes twice what a copy into one piece and a plain write do.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hookflash.plane.rings import TAP_FRAMES, TAPS, Rings
from hookflash.ports.audio import FRAMES_PER_SECOND, Do, Outlet
from hookflash.reserving import reserve

if TYPE_CHECKING:
    from hookflash.plane.block_listener import BlockListener

Samples = NDArray[np.int16]
Rows = NDArray[np.int64]

_log = logging.getLogger(__name__)


def copy_frames(frames: Samples, tap: int, place: int, count: int, out: Samples) -> None:
    """``count`` frames of the ring ``tap`` from ``place`` on into ``out`` [count, samples of a frame].

    Args:
        frames: [TAP_FRAMES, TAPS, WIDE_FRAME], of all rings.
    """
    ring = frames[:, tap, : out.shape[1]]
    ahead = TAP_FRAMES - place
    if count <= ahead:
        out[:] = ring[place : place + count]
    else:
        out[:ahead] = ring[place:]
        out[ahead:] = ring[: count - ahead]


def write_all(fd: int, octets: memoryview, offset: int) -> None:
    """All of ``octets`` into a file from ``offset`` on. Raises OSError."""
    done = os.pwrite(fd, octets, offset)
    while done < octets.nbytes:  # a disk that is nearly full
        done += os.pwrite(fd, octets.cast("B")[done:], offset + done)


class Batch(NamedTuple):
    """What one job writes: of each of ``taps`` so many frames from a place of its ring on.

    Attributes:
        frames: [TAP_FRAMES, TAPS, WIDE_FRAME], of all rings.
        size: samples of a frame.
        serials: which outlets these are.
        errors: by the place in ``taps``: what was not written, and why.
    """

    frames: Samples
    size: int
    taps: Rows
    serials: Rows
    places: Rows
    counts: Rows
    files: Rows
    offsets: Rows
    errors: dict[int, Exception]

    def write(self) -> bool:
        """In a thread."""
        size = self.size
        room = np.empty(int(self.counts.max()) * size, np.int16)
        columns = (self.taps, self.places, self.counts, self.files, self.offsets)
        rows = zip(*(column.tolist() for column in columns), strict=True)
        for n, (tap, place, count, fd, offset) in enumerate(rows):
            samples = room[: count * size].reshape(count, size)
            copy_frames(self.frames, tap, place, count, samples)
            reserve(fd, offset, 2 * samples.size)
            try:
                write_all(fd, samples.data, offset)
            except OSError as error:
                # It is the file of one recording; the others go on.
                self.errors[n] = error
        return False


class Pours:
    """The outlets of one worker's rings at one rate whose jobs go to the same threads.

    Args:
        rings: where the audio is.
        size: samples of a frame.
        do: hands jobs to the threads.
        late: frames in a ring at which those that are still being written are taken back.
    """

    def __init__(self, rings: Rings, size: int, do: Do, late: int) -> None:
        self._rings = rings
        self._size = size
        self._do = do
        self._late = late
        self._outlets: dict[int, tuple[BlockListener, Outlet]] = {}
        self._recalled: dict[int, Outlet] = {}
        self._number = 0
        self._fresh: list[int] = []
        # By tap; -1 in ``serial`` where nothing is poured.
        self._serial = np.full(TAPS, -1, np.int64)
        self._file = np.full(TAPS, -1, np.int64)
        self._offset = np.zeros(TAPS, np.int64)
        self._limit = np.zeros(TAPS, np.int64)
        self._next = np.zeros(TAPS, np.int64)  # tick of the next frame
        self._going = np.zeros(TAPS, np.int64)  # frames that are being written

    def begin(self, listener: BlockListener, outlet: Outlet, tap: int, tick: int) -> None:
        """Write what comes out of a ring from ``tick`` on into ``outlet``: now, then once a round."""
        self._number += 1
        self._outlets[tap] = listener, outlet
        self._serial[tap] = self._number
        self._fresh.append(tap)
        self._file[tap], self._offset[tap], self._limit[tap] = outlet.fd, outlet.offset, outlet.limit
        self._next[tap], self._going[tap] = tick, 0

    def end(self, tap: int, error: Exception | None = None) -> None:
        """Write nothing more of a ring. What is being written is taken back: its place may be wanted."""
        listener, outlet = self._outlets.pop(tap)
        listener.poured()
        serial, count, last = int(self._serial[tap]), int(self._going[tap]), int(self._next[tap]) - 1
        self._serial[tap] = -1
        if not count:
            outlet.ends(last, int(self._offset[tap]), None)
            outlet.done(error)
            return
        # Recalled first and written over then: whoever writes it may find anything there from now on.
        samples = np.empty((count, self._size), np.int16)
        rings = self._rings
        place = int(rings.read[tap] + rings.shift[tap]) % TAP_FRAMES
        copy_frames(rings.frames, tap, place, count, samples)
        rings.read[tap] += count
        self._recalled[serial] = outlet
        outlet.ends(last, int(self._offset[tap]), samples.reshape(-1))

    def turn(self, last: bool) -> None:
        """Have all written in the last turn of a round; where something is odd, the listener has to look
        itself."""
        fresh, self._fresh = self._fresh, []
        if last:
            taps = np.flatnonzero(self._serial >= 0)
        else:
            # What waited in their rings until now must not wait any longer.
            taps = np.array([tap for tap in fresh if self._serial[tap] >= 0], np.int64)
        if not len(taps):
            return
        rings = self._rings
        # Before the counts: what is counted behind it is not looked at.
        tick = rings.tick[0]
        read = rings.read[taps]
        there = rings.written[taps] - read
        going = self._going[taps] > 0
        late = taps[going & (there >= self._late)].tolist()
        for _ in late:
            _log.warning("audio of a call has waited for the disk for %.1f s", self._late / FRAMES_PER_SECOND)
        idle = ~going & (there > 0)
        taps, read, there = taps[idle], read[idle], there[idle]
        place = (read + rings.shift[taps]) % TAP_FRAMES
        first = rings.ticks[place, taps]
        last = rings.ticks[(place + there - 1) % TAP_FRAMES, taps]
        whole = (first == self._next[taps]) & (last - first == there - 1)
        # The worker may be in the middle of the next tick.
        count = np.minimum(last, tick) + 1 - first
        plain = whole & (count > 0)
        if plain.any():
            self._write(taps[plain], place[plain], count[plain])
        for tap in (*late, *taps[~whole].tolist()):
            _try(self._outlets[tap][0].look)

    def _write(self, taps: Rows, places: Rows, counts: Rows) -> None:
        batch = Batch(
            self._rings.frames,
            self._size,
            taps,
            self._serial[taps],
            places,
            counts,
            self._file[taps],
            self._offset[taps],
            {},
        )
        self._going[taps] = counts
        self._next[taps] += counts
        self._do(batch.write, partial(self._written, batch))

    def _written(self, batch: Batch, result: bool | Exception) -> None:
        """In the event loop again."""
        if isinstance(result, Exception):
            batch.errors.update(dict.fromkeys(range(len(batch.taps)), result))
        good = self._serial[batch.taps] == batch.serials
        recalled = np.flatnonzero(~good).tolist()
        failed = [n for n in batch.errors if good[n]]
        good[failed] = False
        taps, counts = batch.taps[good], batch.counts[good]
        self._rings.read[taps] += counts
        self._offset[taps] += 2 * self._size * counts
        self._going[taps] = 0
        for tap in taps[self._offset[taps] >= self._limit[taps]].tolist():
            _try(partial(self.end, tap))
        for n in failed:
            tap = int(batch.taps[n])
            # Its frames stay where they are; nobody will have them.
            self._going[tap], self._next[tap] = 0, self._next[tap] - batch.counts[n]
            _try(partial(self.end, tap, batch.errors[n]))
        for n in recalled:
            outlet = self._recalled.pop(int(batch.serials[n]))
            _try(partial(outlet.done, batch.errors.get(n)))


def _try(work: Callable[[], None]) -> None:
    try:
        work()
    except Exception:
        # What goes wrong with one recording is not the others' loss.
        _log.exception("audio could not be written as it lies in memory")
