"""The bridge: which legs of a call hear each other, how loud, and the sum of what they say."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from hookflash.plane.columns import FRAME, MAX_RULES, PAST, WIDE_FRAME, Columns
from hookflash.plane.hearing_matrix import HearingMatrix
from hookflash.plane.kernels.gathering import hear_wide
from hookflash.plane.kernels.mixing import UNITY, Mixes, mix, settle
from hookflash.plane.kernels.playing import Plays, widen_plays
from hookflash.plane.kernels.ranking import RANKS, rank_speakers
from hookflash.plane.legs import Leg

QUIETEST_DB, LOUDEST_DB = -60.0, 20.0
"""Bounds of a leg's gain."""
_FIRST = 16
_BY_MIX = (
    "total",
    "wide_total",
    "speakers",
    "wide_speakers",
    "wide",
    "whole",
    "wanted",
    "low",
    "high",
    "best",
    "score",
)


class MixTable:
    """The control side of ``kernels.mixing``: one row a call, from its first joined leg on.

    It is kept until the last leg that was joined is gone: what is played on hold is part of the call.

    Hearing rules are compiled into columns of the listener: what is to be added to the plain sum, or taken
    out of it, for at most MAX_RULES speakers. A listener with more gets a row of a full matrix instead.
    """

    def __init__(self, columns: Columns) -> None:
        limit = len(columns.setup.mix)
        self.mixes = Mixes(
            total=np.zeros((_FIRST, FRAME), np.int32),
            wide_total=np.zeros((_FIRST, WIDE_FRAME), np.int32),
            speakers=np.zeros(_FIRST, np.int32),
            wide_speakers=np.zeros(_FIRST, np.int32),
            wide=np.zeros(_FIRST, np.uint8),
            whole=np.zeros(_FIRST, np.uint8),
            wanted=np.zeros(_FIRST, np.uint8),
            low=np.zeros(_FIRST, np.int32),
            high=np.full(_FIRST, -1, np.int32),
            best=np.full((_FIRST, RANKS), -1, np.int32),
            score=np.zeros((_FIRST, RANKS), np.float32),
            was=np.zeros((0, limit), np.int32),
            now=np.zeros((0, limit), np.int32),
            voice=np.zeros(WIDE_FRAME, np.int32),
            room=np.zeros(WIDE_FRAME, np.float32),
        )
        self.rows: dict[int, int] = {}
        self.used = 0
        self._columns = columns
        self._joined: dict[int, dict[int, Leg]] = {}
        # How many legs of a call belong to its mix, those on hold included.
        self._belonging: dict[int, int] = {}
        self._free: list[int] = []
        self._scratch = np.zeros(WIDE_FRAME, np.int32)
        self._line = np.zeros(PAST + FRAME, np.int16)
        self._hearing: dict[int, HearingMatrix] = {}
        # Of each listener with rules: how loud it hears whom, in 1/4096, by row.
        self._heard: dict[int, dict[int, int]] = {}
        self._free_matrices: list[int] = []
        # Of each listener whose rules have changed since the last tick: how loud it heard whom in that.
        self._before: dict[int, dict[int, int]] = {}

    # --- commands ---

    def join(self, leg: Leg) -> bool:
        """Let a leg hear the others; whether its call has a mix only now."""
        columns = self._columns
        if columns.setup.mix[leg.row] >= 0:
            return False
        row = self.rows.get(leg.call)
        new = row is None
        if row is None:
            row = self._free.pop() if self._free else self.used
            self.used = max(self.used, row + 1)
            if row >= len(self.mixes.speakers):
                self._grow()
            self.mixes.speakers[row] = self.mixes.wide_speakers[row] = 0
            self.mixes.wide[row] = self.mixes.whole[row] = 0
            self.rows[leg.call] = row
            self._joined[leg.call] = {}
            self._belonging[leg.call] = 0
        self._joined[leg.call][leg.leg] = leg
        columns.setup.mix[leg.row] = row
        if columns.setup.belongs[leg.row] < 0:
            columns.setup.belongs[leg.row] = row
            self._belonging[leg.call] += 1
        # In the middle of a word it comes in by a slope.
        columns.bridge.level[leg.row] = 0.0
        self._level(leg.row)
        self._compile(leg.call, leg)
        return new

    def leave(self, leg: Leg) -> None:
        """Let a leg hear nobody: it is on hold."""
        if self._columns.setup.mix[leg.row] >= 0:
            self._columns.setup.mix[leg.row] = -1
            self._hear_plainly(leg.row)
            self._before.pop(leg.row, None)
            del self._joined[leg.call][leg.leg]

    def part(self, leg: Leg) -> bool:
        """A leg goes from its call; whether that has no mix any more."""
        self.leave(leg)
        if self._columns.setup.belongs[leg.row] < 0:
            return False
        self._columns.setup.belongs[leg.row] = -1
        self._belonging[leg.call] -= 1
        if self._belonging[leg.call]:
            return False
        del self._joined[leg.call], self._belonging[leg.call]
        self._free.append(self.rows.pop(leg.call))
        return True

    def mute(self, leg: Leg, muted: bool) -> None:
        """While ``muted``, nobody hears a leg."""
        self._columns.setup.muted[leg.row] = muted
        self._level(leg.row)

    def set_gain(self, leg: Leg, db: float) -> None:
        """Make a leg louder or quieter for the others. Raises ValueError beyond -60 to +20 dB."""
        if not (math.isfinite(db) and QUIETEST_DB <= db <= LOUDEST_DB):
            raise ValueError(
                f"leg {leg.leg} can not be made {db} dB louder: give {QUIETEST_DB:g} to {LOUDEST_DB:g} dB"
            )
        self._columns.bridge.gain[leg.row] = 10.0 ** (db / 20.0)
        self._level(leg.row)

    def set_hearing(self, call: int, rules: Iterable[tuple[int, int, float]]) -> None:
        """Say who hears whom in a call, instead of what was said before.

        Raises ValueError like :class:`HearingMatrix`; what was said before goes on then.
        """
        self._hearing[call] = HearingMatrix(rules)
        self._compile(call)
        if not self._hearing[call]:
            del self._hearing[call]

    def forget(self, call: int) -> None:
        """The call has no legs any more."""
        self._hearing.pop(call, None)

    def has_rules(self, call: int) -> bool:
        """Whether :meth:`set_hearing` said anything about a call."""
        return call in self._hearing

    # --- the tick ---

    def run(self, plays: Plays, used: int, used_plays: int) -> None:
        """Sum what is said in each call, see who is loudest, make what wideband legs hear."""
        c = self._columns
        slots = mix(c.setup, c.jitter, c.wide, c.bridge, self.mixes, used, self.used)
        rank_speakers(c.setup, c.jitter, c.bridge, self.mixes, used, self.used)
        if slots:
            widen_plays(plays, self._line, self.mixes.room, self._scratch, used_plays)
            hear_wide(c.setup, c.jitter, c.wide, c.bridge, plays, self.mixes, self._scratch, slots)

    def settle(self, used: int) -> None:
        """The end of the tick: what was to change has changed."""
        settle(self._columns.setup, self._columns.bridge, used)
        changed, self._before = self._before, {}
        for row in changed:
            after = self._heard.get(row, {})
            if len(after) <= MAX_RULES:
                # Without the rules that were only on their way to nothing.
                self._hear_plainly(row)
                self._set_rules(row, after, after)
            else:
                matrix = self._columns.bridge.matrix[row]
                self.mixes.was[matrix] = self.mixes.now[matrix]

    # --- inside ---

    def _level(self, row: int) -> None:
        """A leg that says nothing needs no slope."""
        c = self._columns
        if c.jitter.silent[row] != 0:
            c.bridge.level[row] = 0.0 if c.setup.muted[row] else c.bridge.gain[row]

    def _grow(self) -> None:
        old: Any = self.mixes
        self.mixes = old._replace(
            **{
                name: np.concatenate([getattr(old, name), np.zeros_like(getattr(old, name))])
                for name in _BY_MIX
            }
        )

    def _compile(self, call: int, new: Leg | None = None) -> None:
        """Bring the rules of a call into the columns of those who are joined.

        The next tick is a slope from what was heard in the last one, however many changes there were since;
        only between ``new``, who joins just now, and the others there is nothing to begin from.
        """
        matrix = self._hearing.get(call)
        if matrix is None:
            if not self._before:
                return
            # Rules that were taken back since the last tick are still a slope.
            matrix = HearingMatrix()
        joined = self._joined.get(call, {})
        for listener in joined.values():
            exceptions = matrix.exceptions(listener.leg, joined)
            after = {joined[speaker].row: round(gain * UNITY) for speaker, gain in exceptions.items()}
            before = self._before.get(listener.row, self._heard.get(listener.row, {}))
            if listener is new:
                before = after
            elif new is not None:
                before = {row: gain for row, gain in before.items() if row != new.row}
                if new.row in after:
                    before[new.row] = after[new.row]
            self._before[listener.row] = before
            self._hear_plainly(listener.row)
            if len(before.keys() | after.keys()) <= MAX_RULES:
                self._set_rules(listener.row, before, after)
            else:
                rows = [leg.row for leg in joined.values()]
                self._set_matrix(listener.row, rows, before, after)

    def _hear_plainly(self, row: int) -> None:
        bridge = self._columns.bridge
        self._heard.pop(row, None)
        bridge.rules[row] = 0
        if bridge.matrix[row] >= 0:
            self._free_matrices.append(int(bridge.matrix[row]))
            bridge.matrix[row] = -1

    def _set_rules(self, row: int, before: dict[int, int], after: dict[int, int]) -> None:
        bridge = self._columns.bridge
        self._keep(row, after)
        speakers = sorted(before.keys() | after.keys())
        bridge.rules[row] = len(speakers)
        for place, speaker in enumerate(speakers):
            plain = 0 if speaker == row else int(UNITY)
            bridge.rule_row[row, place] = speaker
            bridge.rule_was[row, place] = before.get(speaker, plain) - plain
            bridge.rule_now[row, place] = after.get(speaker, plain) - plain

    def _set_matrix(self, row: int, joined: list[int], before: dict[int, int], after: dict[int, int]) -> None:
        if not self._free_matrices:
            count = len(self.mixes.was)
            more = np.zeros((max(count, 4), self.mixes.was.shape[1]), np.int32)
            self._free_matrices += range(count, count + len(more))
            self.mixes = self.mixes._replace(
                was=np.concatenate([self.mixes.was, more]), now=np.concatenate([self.mixes.now, more])
            )
        matrix = self._columns.bridge.matrix[row] = self._free_matrices.pop()
        for table, gains in ((self.mixes.was, before), (self.mixes.now, after)):
            table[matrix, joined] = UNITY
            table[matrix, row] = 0
            for speaker, gain in gains.items():
                table[matrix, speaker] = gain
        self._keep(row, after)

    def _keep(self, row: int, after: dict[int, int]) -> None:
        if after:
            self._heard[row] = after
