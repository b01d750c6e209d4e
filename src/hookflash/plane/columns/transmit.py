"""The transmit staging rows, RTP sending state, and the tones being sent."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hookflash.plane.columns.sizes import MAX_DIGITS, TX_SIZE

AUDIO, EVENT = 1, 2
"""What tones made of a tick, see :attr:`Transmit.made`."""

SHAPES: dict[str, int] = {"octets": TX_SIZE, "digits": MAX_DIGITS}
FIRST: dict[str, int] = {}


class Transmit(NamedTuple):
    """The transmit staging rows, RTP sending state, and the tones being sent."""

    octets: NDArray[np.uint8]  # [rows, TX_SIZE] the packet of this tick
    length: NDArray[np.int32]  # octets to send, 0 none
    ssrc: NDArray[np.int64]  # ours
    sequence: NDArray[np.int64]  # of the next packet
    time: NDArray[np.int64]  # RTP time of this tick's first sample
    mark: NDArray[np.uint8]  # the next audio packet starts a talk spurt
    packets: NDArray[np.int64]  # sent, for RTCP
    payload: NDArray[np.int64]  # payload octets sent, for RTCP
    tone: NDArray[np.uint8]  # 0 no tones, 1 RFC 4733, 2 in band
    made: NDArray[np.uint8]  # by tones in this tick: 0 nothing, AUDIO (wideband: in ``wide.out``) or EVENT
    unit: NDArray[np.int32]  # of the times below in a tick: RTP units (RFC 4733) or samples (in band)
    digits: NDArray[np.uint8]  # [rows, MAX_DIGITS] event codes to send, 16 and 17 pauses
    digit_count: NDArray[np.int16]  # how many
    digit_index: NDArray[np.int16]  # which one is sent
    position: NDArray[np.int32]  # since this digit began
    span: NDArray[np.int32]  # of a tone
    gap: NDArray[np.int32]  # between tones
    segment: NDArray[np.int32]  # position at which the event's last segment began
    event_time: NDArray[np.int64]  # RTP time of the event, or of its last segment
    ends: NDArray[np.int16]  # end packets sent for this digit
    done: NDArray[np.uint8]  # 1 the last digit has left, 2 its gap too
