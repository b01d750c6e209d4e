"""What each leg hears, as an RTP packet: encoded, with a header."""

from __future__ import annotations

import numpy as np

from hookflash.plane.columns import FRAME, G722, Bridge, Jitter, Setup, Transmit, Wide
from hookflash.plane.kernels.codec import encode, silent_octet, unit_octets
from hookflash.plane.kernels.compiling import allocating, part
from hookflash.plane.kernels.gathering import hear
from hookflash.plane.kernels.mixing import Mixes
from hookflash.plane.kernels.playing import Plays

HEADER = 12


@part
def write_header(tx: Transmit, row: int, kind: int, marker: int, time: int) -> None:
    """Payload type, marker, sequence number and time of a packet; version and SSRC are in the row already."""
    octets = tx.octets[row]
    octets[1] = marker << 7 | kind
    octets[2] = (tx.sequence[row] >> 8) & 0xFF
    octets[3] = tx.sequence[row] & 0xFF
    octets[4] = (time >> 24) & 0xFF
    octets[5] = (time >> 16) & 0xFF
    octets[6] = (time >> 8) & 0xFF
    octets[7] = time & 0xFF
    tx.sequence[row] = (tx.sequence[row] + 1) & 0xFFFF


@allocating
def output(
    setup: Setup,
    jitter: Jitter,
    wide: Wide,
    bridge: Bridge,
    tx: Transmit,
    plays: Plays,
    mixes: Mixes,
    used: int,
) -> None:
    """Write the packet of every sending leg, unless tones have written it; move every leg's RTP time on."""
    total = np.empty(FRAME, np.int32)
    pcm = np.empty(FRAME, np.int16)
    for row in range(used):
        if setup.connected[row] == 0:
            continue
        if setup.sending[row] == 0:
            tx.length[row] = 0
            tx.mark[row] = 1
        else:
            # Wideband legs have theirs already.
            if tx.tone[row] == 0 and setup.codec[row] < G722:
                size = FRAME * unit_octets(setup.codec[row])
                payload = tx.octets[row, HEADER : HEADER + size]
                if hear(setup, jitter, wide, bridge, plays, mixes, row, total, pcm):
                    encode(setup.codec[row], pcm, payload)
                else:
                    payload[:] = silent_octet(setup.codec[row])
                write_header(tx, row, setup.payload_type[row], tx.mark[row], tx.time[row])
                tx.mark[row] = 0
                tx.length[row] = HEADER + size
            if tx.length[row] > 0:
                tx.packets[row] += 1
                tx.payload[row] += tx.length[row] - HEADER
        tx.time[row] = (tx.time[row] + setup.clock[row]) & 0xFFFFFFFF
