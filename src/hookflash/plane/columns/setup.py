"""What control decided about a leg."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hookflash.plane.columns.sizes import MAX_PLAYS

SHAPES: dict[str, int] = {"plays": MAX_PLAYS}
FIRST: dict[str, int] = {
    "mix": -1,
    "belongs": -1,
    "wide": -1,
    "event_type": -1,
    "receive_event_type": -1,
    "noise_type": -1,
}


class Setup(NamedTuple):
    """What control decided about a leg."""

    open: NDArray[np.uint8]  # row in use
    connected: NDArray[np.uint8]  # ConnectLeg was seen
    sending: NDArray[np.uint8]  # we may send (SDP direction) and know where to
    receiving: NDArray[np.uint8]  # we listen (SDP direction)
    codec: NDArray[np.uint8]  # PCMU, PCMA, L16, G722, L16_WIDE or OPUS (sizes)
    clock: NDArray[np.int32]  # RTP time units of a tick: 160, 320 (16 kHz clock) or 960 (48 kHz)
    ptime: NDArray[np.int16]  # ms of audio in each packet we send: 10, 20, 30, 40 or 60
    payload_type: NDArray[np.int16]  # RTP payload type of the audio we send
    event_type: NDArray[np.int16]  # RTP payload type of the telephone-events we send, -1 none
    receive_type: NDArray[np.int16]  # RTP payload type of the audio we expect
    receive_event_type: NDArray[np.int16]  # RTP payload type of the telephone-events we expect, -1 none
    noise_type: NDArray[np.int16]  # RTP payload type of comfort noise (RFC 3389), -1 none
    secure: NDArray[np.uint8]  # SRTP: its packets leave the fast path
    control_mux: NDArray[np.uint8]  # RTCP shares the RTP port (RFC 5761)
    wide: NDArray[np.int32]  # wideband slot of the leg, -1 none
    muted: NDArray[np.uint8]  # nobody hears it
    mix: NDArray[np.int32]  # row of the call's mix this leg is joined to, -1 none
    belongs: NDArray[np.int32]  # the same row while it is on hold too, -1 it was never joined
    plays: NDArray[np.int32]  # [rows, MAX_PLAYS] rows of the plays this leg hears
    hears: NDArray[np.int16]  # how many of them
