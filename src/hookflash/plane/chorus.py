"""Listeners whose frames are handed over together: a tick costs a few steps over arrays instead of many for
each of them.
"""

from __future__ import annotations

from itertools import compress
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hookflash.plane.glance import Glance, peaks
from hookflash.plane.resampling import Resampler
from hookflash.ports.audio import TakeTogether

if TYPE_CHECKING:
    from hookflash.plane.listeners import Shelf, TapListener


class Chorus:
    """All listeners of a shelf that have one ``take`` in common, and a rate.

    Who has a single source, and nothing of it but the frame of this tick, is handed over with the others; for
    who has not, it is as if there were no others.
    """

    def __init__(self, shelf: Shelf, take: TakeTogether[Any], rate: int) -> None:
        self.key = take, rate
        self._shelf = shelf
        self._take = take
        self._members: list[TapListener] = []
        self._changed = False
        self._singles: list[TapListener] = []
        self._others: list[TapListener] = []
        self._who: list[object] = []
        self._resamplers: list[Resampler] = []
        self._taps: NDArray[np.intp] = np.zeros(0, np.intp)
        self._lost: NDArray[np.int64] = np.zeros(0, np.int64)

    def join(self, listener: TapListener) -> None:
        """One more."""
        self._members.append(listener)
        self._changed = True

    def leave(self, listener: TapListener) -> bool:
        """One less; whether it was the last."""
        self._members.remove(listener)
        self._changed = True
        return not self._members

    def change(self) -> None:
        """The sources of a listener have changed."""
        self._changed = True

    def prepare(self) -> None:
        """Find who is to be handed over together, if that has changed.

        This comes before the rings are looked at, as no tap of theirs may be newer than that look.
        """
        if not self._changed:
            return
        self._changed = False
        self._singles = [one for one in self._members if len(one.taps) == 1]
        self._others = [one for one in self._members if len(one.taps) != 1]
        self._who = [one.who for one in self._singles]
        only = [next(iter(one.taps.values())) for one in self._singles]
        self._taps = np.array([tap for tap, _ in only], np.intp)
        self._resamplers = [resampler for _, resampler in only]
        self._lost = np.array([one.missed for one in self._singles], np.int64)

    def take(self, glance: Glance) -> None:
        """Hand over what there is by ``glance``."""
        fresh = glance.are_fresh[self._taps]
        alone = self._others if fresh.all() else [*self._others, *compress(self._singles, ~fresh)]
        for listener in alone:
            self._shelf.give(listener, glance)
        if self._changed:
            # By somebody who was handed this tick already: there may be others who hear nothing any more.
            for listener in compress(self._singles, fresh):
                self._shelf.give(listener, glance)
        elif fresh.any():
            self._hand_over(glance, fresh)

    def _hand_over(self, glance: Glance, fresh: NDArray[np.bool_]) -> None:
        singles, who, resamplers = self._singles, self._who, self._resamplers
        taps, lost = self._taps, self._lost
        if not fresh.all():
            singles, who = list(compress(singles, fresh)), list(compress(who, fresh))
            resamplers = list(compress(resamplers, fresh))
            taps, lost = taps[fresh], lost[fresh]
        rings = self._shelf.rings
        # A copy: the worker writes there again.
        frames = glance.frames[taps, : singles[0].size]
        rings.read[taps] += 1
        if not np.array_equal(rings.lost[taps], lost):
            self._changed = True
            for listener in singles:
                listener.note_missed()
        self._take(glance.tick, who, Resampler.feed_all(resamplers, frames), peaks(frames))
