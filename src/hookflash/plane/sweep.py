"""The socket calls of a tick: one read and one write a leg, from lists that change only when legs do.

``map`` over bound methods keeps the loop in C; an exception (nothing there, peer unreachable) leaves the
iterator where it was, so the loop goes on behind it.

On a connected socket the network's complaint about a datagram sent earlier (an ICMP error) comes as the
result of a later call, which then does nothing else; that call is made once more. Otherwise a peer that
sends but cannot be reached would never be heard: each datagram to it costs one read.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import call
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Sweep:
    """A set of rows with one bound socket call each."""

    def __init__(self) -> None:
        self._calls: list[Callable[[memoryview], Any]] = []
        self._views: list[memoryview] = []
        self._rows: list[int] = []
        self._place: dict[int, int] = {}
        self._array: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, row: object) -> bool:
        return row in self._place

    @property
    def rows(self) -> NDArray[np.int64]:
        """The rows, in the order of the calls."""
        if self._array is None:
            self._array = np.array(self._rows, np.int64)
        return self._array

    def add(self, row: int, function: Callable[[memoryview], Any], view: memoryview) -> None:
        """Add a row, or change its call."""
        place = self._place.get(row)
        if place is not None:
            self._calls[place] = function
            self._views[place] = view
            return
        self._place[row] = len(self._rows)
        self._rows.append(row)
        self._calls.append(function)
        self._views.append(view)
        self._array = None

    def set_view(self, row: int, view: memoryview) -> None:
        """Send another part of the row from now on."""
        place = self._place.get(row)
        if place is not None:
            self._views[place] = view

    def remove(self, row: int) -> None:
        """Remove a row; one that is not there is ignored."""
        place = self._place.pop(row, None)
        if place is None:
            return
        last = self._rows.pop()
        function, view = self._calls.pop(), self._views.pop()
        if last != row:
            self._rows[place] = last
            self._calls[place] = function
            self._views[place] = view
            self._place[last] = place
        self._array = None

    def run(self) -> list[int]:
        """Every call once; the results in the order of :attr:`rows`, 0 where the call raised OSError."""
        return _run(self._calls, self._views)

    def run_some(self, rows: list[int]) -> list[int]:
        """The calls of ``rows`` only."""
        places = [self._place[row] for row in rows]
        return _run([self._calls[p] for p in places], [self._views[p] for p in places])


def _run(calls: list[Callable[[memoryview], Any]], views: list[memoryview]) -> list[int]:
    results = map(call, calls, views)
    done: list[int] = []
    while True:
        try:
            # What was appended before an exception stays.
            done.extend(results)
            return done
        except BlockingIOError:
            done.append(0)
        except OSError:
            done.append(_again(calls[len(done)], views[len(done)]))


def _again(function: Callable[[memoryview], Any], view: memoryview) -> int:
    """The result of a call behind the complaint that kept it from happening."""
    try:
        done: int = function(view)
    except OSError:
        return 0
    return done
