"""Who of those who send to a leg is heard while it learns its peer's address, see :mod:`~.latching`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hookflash.plane.columns import Learning, Receive, Setup
from hookflash.plane.columns.learning import CONTROL, LOCK, NOBODY, NOTHING, OPEN, PROVEN, SETTLING, TAKE
from hookflash.plane.columns.sizes import ADDRESS
from hookflash.plane.kernels.compiling import kernel, part
from hookflash.plane.kernels.ingest import number, payload_bounds

PROBATION = 4
"""Packets in a row, in as many ticks, from a source SDP did not name."""
MAX_GAP = 16
"""Sequence numbers a source on probation may leave out."""
_V4 = 2
"""AF_INET, wherever addresses are read by kernels."""


@part
def same_host(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> bool:
    """Whether two addresses are of one host; none is of the same host as nothing."""
    # The family is a number of 16 bits in the order of this machine, below 256.
    family = int(a[0]) + int(a[1])
    if family == 0 or a[0] != b[0] or a[1] != b[1]:
        return False
    begin, end = (4, 8) if family == _V4 else (8, ADDRESS)
    equal = True
    for i in range(begin, end):
        equal &= a[i] == b[i]
    return equal


@part
def same(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> bool:
    """Whether two addresses are one, the port included."""
    return a[2] == b[2] and a[3] == b[3] and same_host(a, b)


@kernel
def drop_strangers(rx: Receive, learning: Learning, rows: NDArray[np.int64], count: int) -> None:
    """Throw away what others sent to those of ``rows[:count]`` whose sockets have been connected since."""
    for k in range(count):
        row = rows[k]
        if learning.state[row] == SETTLING and not same(learning.source[row], learning.locked[row]):
            rx.length[row] = 0


@part
def proven(rx: Receive, learning: Learning, row: int, tick: int) -> bool:
    """Whether the source of the packet in a row, which SDP did not name, has sent enough with it."""
    source = learning.source[row]
    if learning.few[row] != 0 and not (
        same_host(source, learning.host[row]) or same_host(source, learning.other[row])
    ):
        return False
    sequence, ssrc = number(rx.octets[row], 2, 2), number(rx.octets[row], 8, 4)
    step = (sequence - learning.hit_sequence[row]) & 0xFFFF
    known = learning.candidate_ssrc[row] == ssrc and same(source, learning.candidate[row])
    if not known or step == 0 or step > MAX_GAP:
        learning.candidate_ssrc[row] = ssrc
        for i in range(ADDRESS):
            learning.candidate[row, i] = source[i]
        learning.hits[row] = 1
    elif tick != learning.hit_tick[row]:
        learning.hits[row] += 1
    learning.hit_sequence[row] = sequence
    learning.hit_tick[row] = tick
    return bool(learning.hits[row] >= PROBATION)


@part
def judge_one(setup: Setup, rx: Receive, learning: Learning, row: int, length: int, tick: int) -> int:
    """What becomes of the datagram of ``length`` octets in a row."""
    data = rx.octets[row]
    if setup.control_mux[row] != 0 and length >= 2 and data[1] >= 192 and data[1] <= 223:
        return CONTROL
    start, _ = payload_bounds(data, length)
    kind = number(data, 1, 1) & 0x7F
    if start < 0 or not (
        kind == setup.receive_type[row]
        or kind == setup.receive_event_type[row]
        or kind == setup.noise_type[row]
    ):
        rx.garbage[row] += 1
        return NOTHING
    state, source = learning.state[row], learning.source[row]
    if state == SETTLING or (state == OPEN and same(source, learning.locked[row])):
        learning.locked_at[row] = tick
        learning.candidate_ssrc[row] = -1
        learning.hits[row] = 0
        return TAKE
    unnamed = learning.target[row, 0] == 0 and learning.target[row, 1] == 0
    named = state == NOBODY if unnamed else same(source, learning.target[row])
    if named:
        return LOCK
    if not proven(rx, learning, row, tick):
        return NOTHING
    return LOCK if unnamed else PROVEN


@kernel
def judge(
    setup: Setup, rx: Receive, learning: Learning, rows: NDArray[np.int64], count: int, tick: int
) -> tuple[int, int, int]:
    """The verdict on the datagram of each of ``rows[:count]``; how many TAKE, LOCK or PROVEN, and CONTROL.

    The datagrams of protected legs are authentic already, and :func:`drop_strangers` has been called.
    The length of what is passed over is set to 0.
    """
    takes = 0
    locks = 0
    controls = 0
    for k in range(count):
        row = rows[k]
        length = int(rx.length[row])
        verdict = NOTHING
        if length > 0:
            verdict = judge_one(setup, rx, learning, row, length, tick)
        if verdict == NOTHING:
            rx.length[row] = 0
        learning.verdict[row] = verdict
        takes += verdict == TAKE
        locks += verdict in (LOCK, PROVEN)
        controls += verdict == CONTROL
    return takes, locks, controls
