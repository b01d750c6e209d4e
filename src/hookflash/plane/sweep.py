"""The socket calls of a tick: one read and one write a leg, from sets of rows that change only when legs do.

A row with a file descriptor is read and written by a kernel, see :mod:`hookflash.plane.system_calls`. Rows
without one are called from Python: networks in memory, and systems whose C library the kernels can not call.

On a connected socket the network's complaint about a datagram sent earlier (an ICMP error) comes as the
result of a later call, which then does nothing else; that call is made once more. Otherwise a peer that
sends but cannot be reached would never be heard: each datagram to it costs one read.

A number that the system has given to another file must never be read or written: a row is removed from every
sweep, which forgets the number, before its socket is closed, and both happen between two sweeps of the one
thread that runs the plane.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hookflash.plane import system_calls
from hookflash.plane.addresses import NONE, packed, unpacked
from hookflash.plane.columns.sizes import ADDRESS
from hookflash.plane.net import Address

Call = Callable[[memoryview], Any]


class Sweep:
    """A set of rows with one socket each.

    Args:
        octets: [rows, size] uint8: where datagrams come into, or go from.
        length: [rows] int32: octets of each, 0 none.
    """

    def __init__(self, octets: NDArray[np.uint8], length: NDArray[np.int32]) -> None:
        self.octets = octets
        self.length = length
        self.fds: NDArray[np.int32] = np.full(len(length), -1, np.int32)
        """By row: the socket that kernels may use, -1 none."""
        self._calls: dict[int, tuple[Call, memoryview]] = {}
        self._rows: list[int] = []
        self._place: dict[int, int] = {}
        self._array: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, row: object) -> bool:
        return row in self._place

    @property
    def rows(self) -> NDArray[np.int64]:
        """The rows."""
        if self._array is None:
            self._array = np.array(self._rows, np.int64)
        return self._array

    def add(self, row: int, function: Call, fd: int = -1) -> None:
        """Add a row, or change its call: by way of the socket ``fd`` if it has one that is >= 0."""
        if row not in self._place:
            self._place[row] = len(self._rows)
            self._rows.append(row)
            self._array = None
        if fd >= 0 and system_calls.NATIVE:
            self.fds[row] = fd
            self._calls.pop(row, None)
        else:
            self.fds[row] = -1
            self._calls[row] = function, memoryview(self.octets[row])

    def remove(self, row: int) -> None:
        """Remove a row and forget its socket; one that is not there is ignored."""
        place = self._place.pop(row, None)
        if place is None:
            return
        self.fds[row] = -1
        self._calls.pop(row, None)
        last = self._rows.pop()
        if last != row:
            self._rows[place] = last
            self._place[last] = place
        self._array = None


class Reads(Sweep):
    """The rows that are read."""

    def run(self, rows: NDArray[np.int64] | None = None) -> None:
        """One datagram for each of ``rows``, or of all; its size into ``length``, 0 where none is there."""
        some = self.rows if rows is None else rows
        calls = self._calls
        if len(calls) < len(self._rows):
            system_calls.receive(self.fds, self.octets, self.length, some, len(some))
        if calls:
            for row in calls if rows is None else [row for row in rows.tolist() if row in calls]:
                self.length[row] = _result(*calls[row])


class Openings(Sweep):
    """The rows that anybody may send to. Their calls are ``recvfrom_into``.

    Args:
        octets, length: see :class:`Sweep`.
        source: [rows, ADDRESS] uint8: where datagrams come from.
    """

    def __init__(
        self, octets: NDArray[np.uint8], length: NDArray[np.int32], source: NDArray[np.uint8]
    ) -> None:
        super().__init__(octets, length)
        self.source = source
        self._room: NDArray[np.uint32] = np.zeros(1, np.uint32)
        self._connected: NDArray[np.uint8] = np.zeros(len(length), np.uint8)
        self._connects: dict[int, Callable[[Address], None]] = {}

    def add(
        self, row: int, function: Call, fd: int = -1, connect: Callable[[Address], None] | None = None
    ) -> None:
        """As :meth:`Sweep.add`; where no kernel can, ``connect`` connects its socket."""
        super().add(row, function, fd)
        if self.fds[row] < 0 and connect is not None:
            self._connects[row] = connect

    def remove(self, row: int) -> None:
        super().remove(row)
        self._connects.pop(row, None)

    def connect(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Connect the sockets of ``rows`` to where their datagrams have come from; which of them could be."""
        if not self._connects:
            system_calls.connect(self.fds, self.source, rows, len(rows), self._connected)
            done: NDArray[np.bool_] = self._connected[rows] != 0
            return done
        return np.array([self._connect(row) for row in rows.tolist()], np.bool_)

    def _connect(self, row: int) -> bool:
        try:
            self._connects[row](unpacked(self.source[row].tobytes()))
        except OSError:
            return False
        return True

    def run(self, rows: NDArray[np.int64], most: int) -> int:
        """One datagram of each of ``rows``, with its source, until ``most`` have come; rows looked at.

        The length of a row that was looked at is -1 where nothing is there, 0 of an empty datagram and where
        the network complained twice.
        """
        if not self._calls:
            return int(
                system_calls.receive_from(
                    self.fds, self.octets, self.length, self.source, self._room, rows, len(rows), most
                )
            )
        found = 0
        for looked, row in enumerate(rows.tolist()):
            if found >= most:
                return looked
            if row in self._calls:
                self.length[row] = self._receive(row)
                found += self.length[row] >= 0
        return len(rows)

    def _receive(self, row: int) -> int:
        function, view = self._calls[row]
        for _ in range(2):
            try:
                length, address = function(view)
            except BlockingIOError:
                return -1
            except OSError:
                continue
            self.source[row] = np.frombuffer(packed((address[0], address[1])), np.uint8)
            return int(length)
        return 0


class Writes(Sweep):
    """The rows that are sent."""

    def __init__(self, octets: NDArray[np.uint8], length: NDArray[np.int32]) -> None:
        super().__init__(octets, length)
        self.to: NDArray[np.uint8] = np.zeros((len(length), ADDRESS), np.uint8)
        """By row: where a kernel sends to, zeros where the socket is connected."""

    def add(self, row: int, function: Call, fd: int = -1, to: bytes = NONE) -> None:
        """As :meth:`Sweep.add`; a socket that is not connected sends to the address ``to``."""
        super().add(row, function, fd)
        self.to[row] = np.frombuffer(to, np.uint8)

    def run(
        self,
        rows: NDArray[np.int64] | None = None,
        octets: NDArray[np.uint8] | None = None,
        length: NDArray[np.int32] | None = None,
    ) -> None:
        """The datagram of each of ``rows``, or of all; nothing where ``length`` is 0.

        ``octets`` and ``length`` may be others than the sweep's own, with the same rows. Rows that are not in
        the sweep are passed over.
        """
        some = self.rows if rows is None else rows
        octets = self.octets if octets is None else octets
        length = self.length if length is None else length
        calls = self._calls
        if len(calls) < len(self._rows):
            system_calls.send(self.fds, self.to, octets, length, some, len(some))
        if calls:
            for row in calls if rows is None else [row for row in rows.tolist() if row in calls]:
                function, view = calls[row]
                if length[row] > 0:
                    view = view if octets is self.octets else memoryview(octets[row])
                    _result(function, view[: length[row]])


def _result(function: Call, view: memoryview) -> int:
    """What a call returns, 0 when it fails; once more behind a complaint that kept it from happening."""
    for _ in range(2):
        try:
            done: int = function(view)
        except BlockingIOError:
            return 0
        except OSError:
            continue
        return done
    return 0
