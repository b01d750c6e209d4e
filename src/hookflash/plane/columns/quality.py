"""How well a leg is heard, beside the statistics of RFC 3550 in ``Receive``."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SHAPES: dict[str, int] = {}
FIRST: dict[str, int] = {"round_trip": -1, "remote_loss": -1, "remote_jitter": -1}


class Quality(NamedTuple):
    """How well a leg is heard, beside the statistics of RFC 3550 in ``Receive``."""

    discarded: NDArray[np.int64]  # packets that came too late to be played
    duplicates: NDArray[np.int64]  # packets that had come before
    concealed: NDArray[np.int64]  # samples made up for missing ones
    stretched: NDArray[np.int64]  # samples put in or left out to follow the sender's clock
    round_trip: NDArray[np.float32]  # ms, by RTCP, -1 not known
    remote_loss: NDArray[np.float32]  # share of our packets the peer lost of late, 0..1, -1 not known
    remote_jitter: NDArray[np.float32]  # interarrival jitter the peer reports, ms, -1 not known
