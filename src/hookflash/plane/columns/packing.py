"""Packets of other lengths than a tick: what waits to be sent, and the packets that leave in this tick."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

MAX_PAYLOAD = 960
"""Payload octets of a packet: 60 ms of L16 at 8,000 Hz."""
PACKET_SIZE = 1008
"""Octets of a staging row: RTP header, payload, and room for an SRTP tag."""
HELD_SIZE = MAX_PAYLOAD + 320
"""Octets that wait at most: less than a packet, and a tick."""

SHAPES: dict[str, int] = {"held": HELD_SIZE, "first": PACKET_SIZE, "second": PACKET_SIZE}
FIRST: dict[str, int] = {}


class Packing(NamedTuple):
    """Of legs whose ``setup.ptime`` is not 20; the others touch none of it."""

    held: NDArray[np.uint8]  # [rows, HELD_SIZE] payload that waits for its packet to be full
    waiting: NDArray[np.int32]  # octets of it
    time: NDArray[np.int64]  # RTP time of the first of them
    mark: NDArray[np.uint8]  # their packet starts a talk spurt
    kind: NDArray[np.uint8]  # their payload type
    first: NDArray[np.uint8]  # [rows, PACKET_SIZE] the packet of this tick
    first_length: NDArray[np.int32]  # octets of it, 0 none
    second: NDArray[np.uint8]  # [rows, PACKET_SIZE] the one to be sent behind it
    second_length: NDArray[np.int32]  # octets of it, 0 none
