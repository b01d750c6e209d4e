"""Where a peer's RTP comes from, for as long as that is not known for good."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hookflash.plane.columns.sizes import ADDRESS

KNOWN, NOBODY, OPEN, SETTLING = range(4)
"""Of ``state``: nothing is learned; the first source is awaited; one was found, others may still take its
place; the socket is connected, and what others sent before is sorted out."""
NOTHING, TAKE, LOCK, PROVEN, CONTROL = range(5)
"""Of ``verdict``: it is passed over; the leg's source says it; its source, nobody else, is heard from it on;
its source is heard from it on, until another proves better; it is RTCP."""

SHAPES: dict[str, int] = dict.fromkeys(("source", "target", "locked", "candidate", "host", "other"), ADDRESS)
FIRST: dict[str, int] = {"candidate_ssrc": -1}


class Learning(NamedTuple):
    """Addresses are as the system has them, zeros where there is none. Only a learning leg's count."""

    state: NDArray[np.uint8]  # KNOWN, NOBODY, OPEN or SETTLING
    verdict: NDArray[np.uint8]  # on the datagram in ``receive.octets``: NOTHING to CONTROL
    held: NDArray[np.int32]  # octets in ``receive.octets`` that wait for the leg's lock, 0 none
    source: NDArray[np.uint8]  # [row, ADDRESS] where the datagram in ``receive.octets`` came from
    target: NDArray[np.uint8]  # [row, ADDRESS] where SDP says the peer is
    locked: NDArray[np.uint8]  # [row, ADDRESS] where it was found
    locked_at: NDArray[np.int64]  # tick of the last packet from there
    followed: NDArray[np.uint8]  # we send to ``locked`` although SDP named ``target``
    until: NDArray[np.int64]  # tick up to which others may take over
    watched: NDArray[np.uint8]  # the address was repeated: up to ``until`` silence makes the leg learn again
    few: NDArray[np.uint8]  # only ``host`` and ``other`` may take over, on any port, beside ``target``
    host: NDArray[np.uint8]  # [row, ADDRESS] see ``few``
    other: NDArray[np.uint8]  # [row, ADDRESS] see ``few``
    candidate: NDArray[np.uint8]  # [row, ADDRESS] a source that SDP did not name, on probation
    candidate_ssrc: NDArray[np.int64]  # its SSRC, -1 when nobody is on probation
    hits: NDArray[np.int16]  # ticks in which it has sent, in a row
    hit_sequence: NDArray[np.int32]  # sequence number of its last packet
    hit_tick: NDArray[np.int64]  # and when that came
