"""The socket calls of a tick as kernels: the C library's ``recv`` and ``send``, one a row.

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

NAMES = ("recv", "send", "__errno_location")
"""What the kernels call. Only Linux's C libraries keep ``errno`` behind that name."""
NATIVE = all(hasattr(ctypes.CDLL(None), name) for name in NAMES)
"""Whether :func:`receive` and :func:`send` may be called; where not, compiling them would end the process."""

# It has no types of its own.
types: Any = numba_types
_RECV: Any = ExternalFunction("recv", types.intp(types.int32, types.voidptr, types.uintp, types.int32))
_SEND: Any = ExternalFunction("send", types.intp(types.int32, types.voidptr, types.uintp, types.int32))
_ERRNO: Any = ExternalFunction("__errno_location", types.CPointer(types.int32)())
_NO_WAIT = int(getattr(socket, "MSG_DONTWAIT", 0))
_NOT_NOW = errno.EAGAIN


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
def send(
    fds: NDArray[np.int32],
    octets: NDArray[np.uint8],
    length: NDArray[np.int32],
    rows: NDArray[np.int64],
    count: int,
) -> int:
    """The first ``length[row]`` octets of ``octets[row]`` as a datagram for each of ``rows[:count]``.

    The result is how many left. ``fds`` as in :func:`receive`. A length of 0 or less sends nothing, one
    beyond the row is cut to it. What the system does not take at the second try is lost, like any packet.
    """
    sent = 0
    for k in range(count):
        row = rows[k]
        fd = fds[row]
        size = min(length[row], octets.shape[1])
        if fd < 0 or size <= 0:
            continue
        begin = octets[row].ctypes.data
        done = _SEND(fd, begin, size, _NO_WAIT)
        if done < 0 and not not_now():
            done = _SEND(fd, begin, size, _NO_WAIT)
        sent += done >= 0
    return sent
