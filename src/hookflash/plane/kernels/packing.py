"""Packets of 10, 30, 40 or 60 ms out of what a tick makes: an RTP packet of 20 ms (RFC 3551 section 4.2).

Payload octets of all codecs that are packed stand for equal times, so packets are cut anywhere between them.
What a tick has made is taken out of ``transmit``, and the packets that are full go into two staging rows: at
10 ms a tick fills two, at 30 ms and more one or none. A telephone-event leaves at once, behind a short packet
of the audio that was waiting for more.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hookflash.plane.columns import Setup, Transmit
from hookflash.plane.columns.packing import HELD_SIZE, Packing
from hookflash.plane.kernels.compiling import kernel, part
from hookflash.plane.kernels.output import HEADER

TICK_MS = 20


@part
def stage_header(tx: Transmit, row: int, out: NDArray[np.uint8], kind: int, marker: int, time: int) -> None:
    """The RTP header of a staged packet, with the next sequence number."""
    source = tx.octets[row]
    out[0] = source[0]
    out[1] = marker << 7 | kind
    out[2] = (tx.sequence[row] >> 8) & 0xFF
    out[3] = tx.sequence[row] & 0xFF
    out[4] = (time >> 24) & 0xFF
    out[5] = (time >> 16) & 0xFF
    out[6] = (time >> 8) & 0xFF
    out[7] = time & 0xFF
    for i in range(8, HEADER):
        out[i] = source[i]
    tx.sequence[row] = (tx.sequence[row] + 1) & 0xFFFF


@part
def stage_held(
    packing: Packing, tx: Transmit, row: int, out: NDArray[np.uint8], octets: int, units: int
) -> int:
    """The first ``octets`` that wait (``units`` of RTP time) as a packet; the length of the packet."""
    stage_header(tx, row, out, packing.kind[row], packing.mark[row], packing.time[row])
    held = packing.held[row]
    for i in range(octets):
        out[HEADER + i] = held[i]
    left = packing.waiting[row] - octets
    for i in range(left):
        held[i] = held[octets + i]
    packing.waiting[row] = left
    packing.time[row] = (packing.time[row] + units) & 0xFFFFFFFF
    packing.mark[row] = 0
    return HEADER + octets


@part
def stage_event(tx: Transmit, row: int, out: NDArray[np.uint8], length: int, time: int) -> int:
    """The telephone-event of this tick, as it is; the length of the packet."""
    source = tx.octets[row]
    stage_header(tx, row, out, source[1] & 0x7F, source[1] >> 7, time)
    for i in range(HEADER, length):
        out[i] = source[i]
    return length


@part
def hold(packing: Packing, tx: Transmit, row: int, payload: int, time: int) -> None:
    """Put this tick's audio behind what waits; what waits of another payload type is given up."""
    source = tx.octets[row]
    kind = source[1] & 0x7F
    if packing.waiting[row] > 0 and (packing.kind[row] != kind or packing.waiting[row] + payload > HELD_SIZE):
        packing.waiting[row] = 0
    count = packing.waiting[row]
    if count == 0:
        packing.time[row] = time
        packing.mark[row] = source[1] >> 7
        packing.kind[row] = kind
    held = packing.held[row]
    for i in range(payload):
        held[count + i] = source[HEADER + i]
    packing.waiting[row] = count + payload


@kernel
def pack(setup: Setup, tx: Transmit, packing: Packing, rows: NDArray[np.int64], count: int) -> int:
    """Turn this tick's packet of each of ``rows[:count]`` into packets of ``setup.ptime``.

    ``tx.length`` becomes 0: what is to be sent is in the staging rows. The result is how many rows have a
    second packet. ``tx.sequence``, ``tx.packets`` and ``tx.payload`` count what is really sent.
    """
    seconds = 0
    for k in range(count):
        row = rows[k]
        length = tx.length[row]
        tx.length[row] = 0
        packing.first_length[row] = 0
        packing.second_length[row] = 0
        if length <= HEADER:
            # On hold: what waits would come late and out of place.
            packing.waiting[row] = 0
            continue
        octets = tx.octets[row]
        time = 0
        for i in range(4, 8):
            time = time << 8 | int(np.int64(octets[i]))
        # The tick has counted its packet already.
        tx.sequence[row] = (tx.sequence[row] - 1) & 0xFFFF
        tx.packets[row] -= 1
        tx.payload[row] -= length - HEADER
        if octets[1] & 0x7F == setup.event_type[row]:
            left = packing.waiting[row]
            if left > 0:
                packing.first_length[row] = stage_held(packing, tx, row, packing.first[row], left, 0)
                packing.second_length[row] = stage_event(tx, row, packing.second[row], length, time)
            else:
                packing.first_length[row] = stage_event(tx, row, packing.first[row], length, time)
        else:
            payload = length - HEADER
            hold(packing, tx, row, payload, time)
            full = payload * setup.ptime[row] // TICK_MS
            units = setup.clock[row] * setup.ptime[row] // TICK_MS
            if packing.waiting[row] >= full:
                packing.first_length[row] = stage_held(packing, tx, row, packing.first[row], full, units)
                if packing.waiting[row] >= full:
                    packing.second_length[row] = stage_held(
                        packing, tx, row, packing.second[row], full, units
                    )
        for sent in (packing.first_length[row], packing.second_length[row]):
            if sent > 0:
                tx.packets[row] += 1
                tx.payload[row] += sent - HEADER
        seconds += packing.second_length[row] > 0
    return seconds
