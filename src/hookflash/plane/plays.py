"""Clips and plays: the pool of audio, which clips a play goes through, who hears it."""

from __future__ import annotations

import contextlib
import mmap
from bisect import insort
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hookflash.plane.columns import FRAME, MAX_PLAYS, RATE, WIDE_FRAME, Setup
from hookflash.plane.kernels.playing import FINISHED, MAX_CLIPS, REACH, STARTED, Clips, Plays
from hookflash.ports.plane import PlaneEvent, PlayFinished, PlayStarted

RESERVE = 1 << 28
"""Samples a pool has room for (512 MiB, nine hours of audio)."""
LEAST = 1 << 20
"""Samples below which a system that has no room for a pool is not asked for a smaller one."""
PAGE = mmap.PAGESIZE // 2
"""Samples of a page."""


class PoolFull(ValueError):
    """No room for a clip; the message says how much there is."""


class Pool:
    """Samples of all clips in one array; first fit, neighbours joined when freed.

    The array is reserved once and never moves, so that no tick ever copies it: pages are zero and cost
    nothing until a clip is put there, and go back to the system when it is freed.
    """

    def __init__(self, samples: int = RESERVE) -> None:
        self._memory, self.size = _reserve(samples)
        self.samples = np.frombuffer(self._memory, np.int16)
        self._free: list[tuple[int, int]] = [(0, self.size)]

    def take(self, count: int) -> int:
        """Where ``count`` samples may be put. Raises :class:`PoolFull`."""
        for place, (start, length) in enumerate(self._free):
            if length >= count:
                if length == count:
                    del self._free[place]
                else:
                    self._free[place] = (start + count, length - count)
                return start
        left = sum(length for _, length in self._free)
        raise PoolFull(
            f"no room for a clip of {count} samples: {left} of {self.size} are free, none so many in a row"
        )

    def give(self, start: int, count: int) -> None:
        """Free what :meth:`take` gave."""
        if count == 0:
            return
        first, last = -(-start // PAGE), (start + count) // PAGE
        if last > first:
            self._memory.madvise(mmap.MADV_DONTNEED, 2 * PAGE * first, 2 * PAGE * (last - first))
        insort(self._free, (start, count))
        joined = self._free[:1]
        for at, length in self._free[1:]:
            before, size = joined[-1]
            if before + size == at:
                joined[-1] = (before, size + length)
            else:
                joined.append((at, length))
        self._free = joined


def _reserve(samples: int) -> tuple[mmap.mmap, int]:
    """Zero pages for so many samples, or for fewer where the system does not promise memory it lacks."""
    while True:
        try:
            return mmap.mmap(-1, 2 * samples, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS), samples
        except OSError:
            if samples // 2 < LEAST:
                raise
            samples //= 2


def halve(samples: Any) -> Any:
    """Audio at 16,000 Hz, an even number of int16 samples, at 8,000 Hz."""
    import soxr  # rarely needed: control sends both rates

    half = soxr.resample(samples, 2 * RATE, RATE, quality="HQ")[: len(samples) // 2]
    return np.append(half, np.zeros(len(samples) // 2 - len(half), np.int16))


@dataclass(slots=True)
class _Play:
    row: int
    clips: list[int]
    legs: set[int] = field(default_factory=set)
    until_key: int | None = None


class PlayTable:
    """The control side of ``kernels.playing``; ids are control's, rows are ours."""

    def __init__(self, setup: Setup) -> None:
        self.pool = Pool()
        self.plays = _make_plays(16)
        self.clips = Clips(np.zeros(16, np.int64), np.zeros(16, np.int64), np.full(16, -1, np.int64))
        self.used = 0
        self._setup = setup
        self._clip_rows: dict[int, int] = {}
        self._references: dict[int, int] = {}
        self._free_clips: list[int] = []
        self._play_ids: dict[int, _Play] = {}
        self._by_row: dict[int, int] = {}
        self._free_plays: list[int] = []
        self._until_key: dict[int, set[int]] = {}
        self._unheard: list[tuple[int, int]] = []
        self._top_clip = 0

    # --- clips ---

    def load(self, clip: int, pcm: bytes, rate: int = RATE) -> None:
        """Keep int16 LE audio under an id; an odd last octet is dropped.

        At 16,000 Hz and twice as long as the clip that has the id, it is what wideband legs hear of that
        clip from now on; where there is no room for that they go on hearing the clip at 8,000 Hz. Any other
        audio at 16,000 Hz is a clip of its own, which narrowband legs hear narrowed. What else had the id is
        replaced. Raises :class:`PoolFull`; the id is free then.
        """
        samples = np.frombuffer(pcm, "<i2", len(pcm) // 2)
        if rate == RATE:
            self.drop(clip)
            self._clip_rows[clip] = self._store(samples)
            return
        row = self._clip_rows.get(clip)
        if row is None or 2 * int(self.clips.length[row]) != len(samples):
            self.drop(clip)
            samples = np.append(samples, np.zeros(len(samples) % 2, np.int16))
            row = self._clip_rows[clip] = self._store(halve(samples))
        with contextlib.suppress(PoolFull):
            self._add_wide(row, samples)

    def _add_wide(self, row: int, samples: Any) -> None:
        if self.clips.wide[row] < 0:
            self.clips.wide[row] = self.pool.take(len(samples))
        start = int(self.clips.wide[row])
        self.pool.samples[start : start + len(samples)] = samples

    def drop(self, clip: int) -> None:
        """Forget an id; plays that use it keep the audio. Unknown ids are ignored."""
        row = self._clip_rows.pop(clip, None)
        if row is not None:
            self._release(row)

    def _store(self, samples: Any) -> int:
        start = self.pool.take(len(samples))
        if self._free_clips:
            row = self._free_clips.pop()
        else:
            row = self._top_clip
            self._top_clip += 1
            if row >= len(self.clips.start):
                self.clips = Clips(*(np.concatenate([a, np.zeros_like(a)]) for a in self.clips))
        self.clips.wide[row] = -1
        self.pool.samples[start : start + len(samples)] = samples
        self.clips.start[row] = start
        self.clips.length[row] = len(samples)
        self._references[row] = 1
        return row

    def _release(self, row: int) -> None:
        self._references[row] -= 1
        if not self._references[row]:
            del self._references[row]
            length, wide = int(self.clips.length[row]), int(self.clips.wide[row])
            self.pool.give(int(self.clips.start[row]), length)
            if wide >= 0:
                self.pool.give(wide, 2 * length)
                self.clips.wide[row] = -1
            self._free_clips.append(row)

    def _resolve(self, clips: Sequence[int], room: int) -> list[int]:
        """Rows of clips, each referenced once more; what exceeds ``room`` is joined into one."""
        rows = [self._clip_rows[clip] for clip in clips if clip in self._clip_rows]
        kept, tail = (rows, []) if len(rows) <= room else (rows[: room - 1], rows[room - 1 :])
        joined = [self._join(tail)] if tail else []
        for row in kept:
            self._references[row] += 1
        return [*kept, *joined]

    def _join(self, rows: Sequence[int]) -> int:
        """A new clip with the audio of several, at 16,000 Hz too where all of them have that."""
        joined = self._store(np.concatenate([self._audio(row) for row in rows]))
        if all(self.clips.wide[row] >= 0 for row in rows):
            with contextlib.suppress(PoolFull):
                self._add_wide(joined, np.concatenate([self._wide_audio(row) for row in rows]))
        return joined

    def _wide_audio(self, row: int) -> Any:
        start = int(self.clips.wide[row])
        return self.pool.samples[start : start + 2 * int(self.clips.length[row])]

    def _audio(self, row: int) -> Any:
        start = int(self.clips.start[row])
        return self.pool.samples[start : start + int(self.clips.length[row])]

    # --- plays ---

    def start(
        self,
        play: int,
        legs: Sequence[int],
        clips: Sequence[int],
        *,
        loop: bool,
        more: bool,
        until_key: int | None = None,
    ) -> None:
        """Begin a play towards rows ``legs``; an id that already plays is ignored.

        :meth:`key` of the leg ``until_key`` (its number, not its row) stops it.

        Raises :class:`PoolFull` when clips had to be joined and could not; the play runs without them.
        """
        if play in self._play_ids:
            return
        row = self._take_row()
        entry = _Play(row, [], until_key=until_key)
        if until_key is not None:
            self._until_key.setdefault(until_key, set()).add(play)
        self._play_ids[play] = entry
        self._by_row[row] = play
        for column in self.plays:
            column[row] = 0
        self.plays.active[row] = 1
        self.plays.loop[row] = loop
        self.plays.more[row] = more
        for leg in legs:
            self.add_leg(play, leg)
        entry.clips = self._resolve(clips, MAX_CLIPS)
        self._set_clips(entry)

    def extend(self, play: int, clips: Sequence[int], *, more: bool) -> None:
        """Append clips to a running play. Raises :class:`PoolFull` like :meth:`start`."""
        entry = self._play_ids.get(play)
        if entry is None:
            return
        self.plays.more[entry.row] = more
        done = 0 if self.plays.loop[entry.row] else int(self.plays.clip_index[entry.row])
        for row in entry.clips[:done]:
            self._release(row)
        entry.clips = entry.clips[done:]
        self.plays.clip_index[entry.row] -= done
        self._set_clips(entry)
        if len(entry.clips) == MAX_CLIPS:
            self._compact(entry)
        entry.clips += self._resolve(clips, MAX_CLIPS - len(entry.clips))
        self._set_clips(entry)

    def _compact(self, entry: _Play) -> None:
        """Join all clips of a play but its first."""
        joined = self._join(entry.clips[1:])
        index = int(self.plays.clip_index[entry.row])
        if index > 0:
            self.plays.offset[entry.row] += sum(int(self.clips.length[row]) for row in entry.clips[1:index])
            self.plays.clip_index[entry.row] = 1
        for row in entry.clips[1:]:
            self._release(row)
        entry.clips = [entry.clips[0], joined]
        self._set_clips(entry)

    def stop(self, play: int) -> None:
        """Fade the play out in the next frame."""
        entry = self._play_ids.get(play)
        if entry is not None:
            self.plays.stopping[entry.row] = 1

    def key(self, leg: int) -> None:
        """A key of leg number ``leg`` was heard: what plays until then fades out in the next frame."""
        for play in self._until_key.get(leg, ()):
            self.stop(play)

    def add_leg(self, play: int, leg: int) -> None:
        """Let row ``leg`` hear the play, if it still runs and the leg does not hear too many already."""
        entry = self._play_ids.get(play)
        count = int(self._setup.hears[leg])
        if entry is None or leg in entry.legs:
            return
        if count >= MAX_PLAYS:
            self._unheard.append((play, leg))
            return
        self._setup.plays[leg, count] = entry.row
        self._setup.hears[leg] = count + 1
        entry.legs.add(leg)

    def drop_leg(self, play: int, leg: int) -> None:
        """Row ``leg`` does not hear the play any more."""
        entry = self._play_ids.get(play)
        if entry is not None and leg in entry.legs:
            entry.legs.discard(leg)
            self._unhear(leg, entry.row)

    def played(self, play: int) -> int:
        """How much of a running play has left, in samples (1/8000 s); -1 when it does not run."""
        entry = self._play_ids.get(play)
        return -1 if entry is None else int(self.plays.played[entry.row])

    def take_unheard(self) -> list[tuple[int, int]]:
        """Plays that rows could not be given, as pairs of play and row, since the last call."""
        unheard, self._unheard = self._unheard, []
        return unheard

    def remove_leg(self, leg: int) -> None:
        """The row ``leg`` is about to be freed; its plays go on for the others, or for nobody."""
        for place in range(int(self._setup.hears[leg])):
            play = self._by_row[int(self._setup.plays[leg, place])]
            self._play_ids[play].legs.discard(leg)
        self._setup.hears[leg] = 0

    def take_events(self, tick: int) -> list[PlaneEvent]:
        """What the last ``advance`` left in ``event``, in order of play rows; finished plays are freed."""
        events: list[PlaneEvent] = []
        for row in np.flatnonzero(self.plays.event[: self.used]).tolist():
            play = self._by_row[row]
            what = int(self.plays.event[row])
            self.plays.event[row] = 0
            if what & STARTED:
                events.append(PlayStarted(play, tick))
            if what & FINISHED:
                last = tick - int(self.plays.idle[row])
                events.append(PlayFinished(play, last, int(self.plays.played[row])))
            if not self.plays.active[row]:
                self._free(play)
        return events

    def _free(self, play: int) -> None:
        entry = self._play_ids.pop(play)
        del self._by_row[entry.row]
        if entry.until_key is not None:
            waiting = self._until_key[entry.until_key]
            waiting.discard(play)
            if not waiting:
                del self._until_key[entry.until_key]
        for leg in entry.legs:
            self._unhear(leg, entry.row)
        for row in entry.clips:
            self._release(row)
        self._free_plays.append(entry.row)

    def _unhear(self, leg: int, play: int) -> None:
        """Take row ``play`` out of what row ``leg`` hears."""
        count = int(self._setup.hears[leg])
        heard = self._setup.plays[leg]
        heard[heard[:count].tolist().index(play)] = heard[count - 1]
        self._setup.hears[leg] = count - 1

    def _take_row(self) -> int:
        if self._free_plays:
            return self._free_plays.pop()
        row = self.used
        if row >= len(self.plays.active):
            self.plays = Plays(*(np.concatenate([a, np.zeros_like(a)]) for a in self.plays))
        self.used += 1
        return row

    def _set_clips(self, entry: _Play) -> None:
        self.plays.clips[entry.row, : len(entry.clips)] = entry.clips
        self.plays.clip_count[entry.row] = len(entry.clips)


def _make_plays(rows: int) -> Plays:
    def flag() -> Any:
        return np.zeros(rows, np.uint8)

    return Plays(
        flag(),
        flag(),
        flag(),
        flag(),
        flag(),
        flag(),
        flag(),
        np.zeros((rows, MAX_CLIPS), np.int32),
        np.zeros(rows, np.int32),
        np.zeros(rows, np.int32),
        np.zeros(rows, np.int64),
        np.zeros(rows, np.int64),
        np.zeros(rows, np.int32),
        np.zeros((rows, FRAME), np.int16),
        np.zeros((rows, REACH), np.int16),
        flag(),
        np.zeros((rows, WIDE_FRAME), np.int16),
        flag(),
    )
