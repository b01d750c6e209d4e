"""The socket calls of a tick as kernels: the C library's ``recv`` and ``send`` and their kin, one a row.

Not among the kernels proper, which do no input and output.

A kernel calls them by name in the running process. :data:`NATIVE` tells whether this system has all of the
names; where it has not, :mod:`hookflash.plane.sweep` makes the calls from Python.
"""

from __future__ import annotations

import ctypes
import errno
import socket
from typing import Any

import numpy as np
from numba.core import types as numba_types
from numba.core.types import ExternalFunction
from numpy.typing import NDArray

from hookflash.plane.kernels.compiling import kernel, part

NAMES = ("connect", "recv", "recvfrom", "send", "sendto", "__errno_location")
"""What the kernels call. Only Linux's C libraries keep ``errno`` behind that name."""
NATIVE = all(hasattr(ctypes.CDLL(None), name) for name in NAMES)
"""Whether these kernels may be called; where not, compiling them would end the process."""

# It has no types of its own.
types: Any = numba_types
_RECV: Any = ExternalFunction("recv", types.intp(types.int32, types.voidptr, types.uintp, types.int32))
_SEND: Any = ExternalFunction("send", types.intp(types.int32, types.voidptr, types.uintp, types.int32))
_WHERE = (types.int32, types.voidptr, types.uintp, types.int32, types.voidptr)
_RECVFROM: Any = ExternalFunction("recvfrom", types.intp(*_WHERE, types.voidptr))
_SENDTO: Any = ExternalFunction("sendto", types.intp(*_WHERE, types.uint32))
_CONNECT: Any = ExternalFunction("connect", types.int32(types.int32, types.voidptr, types.uint32))
_ERRNO: Any = ExternalFunction("__errno_location", types.CPointer(types.int32)())
_NO_WAIT = int(getattr(socket, "MSG_DONTWAIT", 0))
_NOT_NOW = errno.EAGAIN
_V4 = int(socket.AF_INET)
_V4_SIZE = 16
"""Octets of a ``sockaddr_in``."""


@part
def not_now() -> bool:
    """Whether the last call failed because it would have had to wait, and for no other reason."""
    return bool(_ERRNO()[0] == _NOT_NOW)


@kernel
def receive(
    fds: NDArray[np.int32],
    octets: NDArray[np.uint8],
    length: NDArray[np.int32],
    rows: NDArray[np.int64],
    count: int,
) -> int:
    """One datagram for each of ``rows[:count]`` into ``octets[row]``, its size into ``length[row]``.

    The result is how many came. ``fds[row]`` is a connected socket; rows where it is below 0 are passed over.
    The size is 0 where nothing is there, and all of the row when the datagram was cut off. An error other
    than "nothing there" is the network's complaint about a datagram sent earlier: what is there waits behind
    it, so the call is made once more.
    """
    found = 0
    for k in range(count):
        row = rows[k]
        fd = fds[row]
        if fd < 0:
            continue
        into = octets[row].ctypes.data
        size = _RECV(fd, into, octets.shape[1], _NO_WAIT)
        if size < 0 and not not_now():
            size = _RECV(fd, into, octets.shape[1], _NO_WAIT)
        length[row] = max(size, 0)
        found += size > 0
    return found


@kernel
def receive_from(
    fds: NDArray[np.int32],
    octets: NDArray[np.uint8],
    length: NDArray[np.int32],
    source: NDArray[np.uint8],
    room: NDArray[np.uint32],
    rows: NDArray[np.int64],
    count: int,
    most: int,
) -> int:
    """As :func:`receive`, from sockets anybody may send to; where a datagram came from into ``source[row]``.

    The size is -1 where nothing is there, so that nobody can hide what is behind an empty datagram, whose
    size is 0; so it is of a second complaint. No row is looked at any more when ``most`` of them had
    something; the result is how many of the rows were looked at. ``room`` has one place, for the system to
    say how long an address is; an address has the same length each time, or ``source[row]`` is zeros at
    first.
    """
    found = 0
    for k in range(count):
        if found >= most:
            return k
        row = rows[k]
        fd = fds[row]
        if fd < 0:
            continue
        into, address, told = octets[row].ctypes.data, source[row].ctypes.data, room.ctypes.data
        room[0] = source.shape[1]
        size = _RECVFROM(fd, into, octets.shape[1], _NO_WAIT, address, told)
        if size < 0 and not not_now():
            room[0] = source.shape[1]
            size = _RECVFROM(fd, into, octets.shape[1], _NO_WAIT, address, told)
        length[row] = size if size >= 0 else -1 if not_now() else 0
        found += length[row] >= 0
    return count


@part
def size_of(address: NDArray[np.uint8]) -> int:
    """Octets of an address the system wants to be told of."""
    return _V4_SIZE if int(address[0]) + int(address[1]) == _V4 else int(address.shape[0])


@kernel
def connect(
    fds: NDArray[np.int32],
    to: NDArray[np.uint8],
    rows: NDArray[np.int64],
    count: int,
    done: NDArray[np.uint8],
) -> None:
    """Connect the socket of each of ``rows[:count]`` to ``to[row]``; ``done[row]`` is 1, or 0 if not."""
    for k in range(count):
        row = rows[k]
        fd = fds[row]
        done[row] = fd >= 0 and _CONNECT(fd, to[row].ctypes.data, size_of(to[row])) == 0


@part
def send_one(fd: int, begin: int, size: int, to: NDArray[np.uint8]) -> int:
    """One datagram by a socket that is connected, or to an address; below 0 when the system refuses it."""
    if to[0] == 0 and to[1] == 0:
        return int(_SEND(fd, begin, size, _NO_WAIT))
    return int(_SENDTO(fd, begin, size, _NO_WAIT, to.ctypes.data, size_of(to)))


@kernel
def send(
    fds: NDArray[np.int32],
    to: NDArray[np.uint8],
    octets: NDArray[np.uint8],
    length: NDArray[np.int32],
    rows: NDArray[np.int64],
    count: int,
) -> int:
    """The first ``length[row]`` octets of ``octets[row]`` as a datagram for each of ``rows[:count]``.

    The result is how many left. Rows whose ``fds[row]`` is below 0 are passed over. A datagram goes to
    ``to[row]`` (:func:`~hookflash.plane.addresses.packed`) or, where that is zeros, to whom the socket is
    connected to. A length of 0 or less sends nothing, one beyond the row is cut to it. What the system does
    not take at the second try is lost, like any packet.
    """
    sent = 0
    for k in range(count):
        row = rows[k]
        fd = fds[row]
        size = min(length[row], octets.shape[1])
        if fd < 0 or size <= 0:
            continue
        begin = octets[row].ctypes.data
        done = send_one(fd, begin, size, to[row])
        if done < 0 and not not_now():
            done = send_one(fd, begin, size, to[row])
        sent += done >= 0
    return sent
