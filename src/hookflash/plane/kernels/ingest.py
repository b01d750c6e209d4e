"""Receive: RTP parsing (RFC 3550 section 5.1), source statistics (appendix A), keys (RFC 4733), jitter ring.

RTP times wrap modulo 2**32; the jitter columns keep them unwrapped, and the ring index is ``time % RING``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hookflash.plane.columns import FRAME, MISSING, RATE, RING, RX_SIZE, Detect, Jitter, Receive, Setup
from hookflash.plane.kernels.codec import decode
from hookflash.plane.kernels.compiling import kernel, part
from hookflash.plane.kernels.events import difference, take_event
from hookflash.plane.kernels.sources import HOLD, admit_source, follow_sequence, measure_jitter, start_source

MAX_OWED = 8 * FRAME
LATE_RESYNC = 5
"""Packets in a row that come too late before playout follows the sender."""
DRIFT_WINDOW = 128
DRIFT_STEP = 80
SECOND_LOOK = 8
"""A row is read twice in one of this many ticks, so that no backlog stays in its socket."""


@part
def number(data: NDArray[np.uint8], at: int, octets: int) -> int:
    """Big-endian unsigned number."""
    value = 0
    for i in range(octets):
        # By way of a signed type: the kernel compiler turns mixed signedness into floats.
        value = value << 8 | int(np.int64(data[at + i]))
    return value


@part
def payload_bounds(data: NDArray[np.uint8], length: int) -> tuple[int, int]:
    """Start and end of the payload of an RTP packet, (-1, -1) when it is none (RFC 3550 section 5.1)."""
    # A datagram as long as the row was probably cut off.
    if length < 12 or length >= RX_SIZE or data[0] >> 6 != 2:
        return -1, -1
    start = 12 + 4 * (number(data, 0, 1) & 15)
    if data[0] & 0x10:
        if start + 4 > length:
            return -1, -1
        start += 4 + 4 * number(data, start + 2, 2)
    end = length
    if data[0] & 0x20:
        padding = number(data, length - 1, 1)
        if padding == 0:
            return -1, -1
        end -= padding
    if start > end:
        return -1, -1
    return start, end


@part
def start_playout(jitter: Jitter, row: int, time: int, delay: int) -> None:
    """Play the packet of ``time`` after ``delay`` samples."""
    jitter.ring[row, :] = MISSING
    jitter.playing[row] = 1
    jitter.time[row] = time - delay
    jitter.newest[row] = time
    jitter.late[row] = 0
    jitter.low[row] = RING
    jitter.window[row] = 0


@part
def follow_drift(jitter: Jitter, row: int, depth: int, delay: int) -> None:
    """Keep the depth of the ring sane, 10 ms at a time: clocks drift, paths change, backlogs are read."""
    jitter.low[row] = min(jitter.low[row], depth)
    jitter.window[row] += 1
    if jitter.window[row] < DRIFT_WINDOW:
        return
    low = int(jitter.low[row])
    if low > delay + 3 * DRIFT_STEP:
        step = (low - delay) // 2 // DRIFT_STEP * DRIFT_STEP
        for i in range(step):
            jitter.ring[row, (jitter.time[row] + i) & (RING - 1)] = MISSING
        jitter.time[row] += step
    elif low < DRIFT_STEP:
        jitter.time[row] -= max(1, -low // DRIFT_STEP) * DRIFT_STEP
    jitter.low[row] = RING
    jitter.window[row] = 0


@part
def insert_audio(
    jitter: Jitter, row: int, codec: int, payload: NDArray[np.uint8], time: int, marker: int, delay: int
) -> None:
    """Decode a payload into the ring where its time says; late parts are dropped, jumps followed."""
    count = payload.shape[0]
    if count == 0:
        return
    if jitter.playing[row] == 0:
        start_playout(jitter, row, time, delay)
    depth = difference(time, jitter.time[row])
    if depth + count <= 0:
        jitter.late[row] += 1
        if jitter.late[row] < LATE_RESYNC and marker == 0 and depth > -RATE:
            return
        start_playout(jitter, row, time, delay)
        depth = delay
    elif depth + count > RING - FRAME:
        start_playout(jitter, row, time, delay)
        depth = delay
    jitter.late[row] = 0
    skip = max(0, -depth)
    begin = jitter.time[row] + depth
    jitter.newest[row] = max(jitter.newest[row], begin + count)
    index = (begin + skip) & (RING - 1)
    count -= skip
    ahead = min(count, RING - index)
    decode(codec, payload[skip : skip + ahead], jitter.ring[row, index : index + ahead])
    if ahead < count:
        decode(codec, payload[skip + ahead :], jitter.ring[row, : count - ahead])
    follow_drift(jitter, row, depth, delay)


@part
def ingest_packet(
    setup: Setup, rx: Receive, jitter: Jitter, detect: Detect, row: int, length: int, tick: int, delay: int
) -> int:
    """One datagram of a row: 0 it was not our RTP, 1 it was, 2 more may be queued behind it."""
    data = rx.octets[row]
    if setup.control_mux[row] != 0 and length >= 8 and data[1] >= 192 and data[1] <= 223:
        # RTCP on the RTP port (RFC 5761 section 4) leaves here for :mod:`hookflash.plane.reports`.
        rx.control[row] = length
        return 2
    start, end = payload_bounds(data, length)
    if start < 0:
        return 0
    kind = number(data, 1, 1) & 0x7F
    is_event = kind == setup.receive_event_type[row]
    is_audio = kind == setup.receive_type[row]
    if not (is_event or is_audio or kind == setup.noise_type[row]):
        return 0
    if is_event and end - start < 4:
        return 0
    marker = number(data, 1, 1) >> 7
    sequence = number(data, 2, 2)
    time = number(data, 4, 4)
    ssrc = number(data, 8, 4)
    # Some gateways send events from a source of their own; only audio and noise change the leg's source.
    if not is_event and setup.receiving[row] != 0 and not admit_source(rx, row, ssrc, sequence, tick):
        return 0
    rx.heard_at[row] = tick
    if setup.receiving[row] == 0:
        return 1
    rx.total[row] += 1
    if rx.ssrc[row] != ssrc and (not is_event or rx.ssrc[row] < 0):
        rx.source_from[row] = tick if rx.ssrc[row] >= 0 else tick - HOLD
        rx.source_at[row] = tick
        start_source(rx, row, ssrc, sequence)
        jitter.playing[row] = 0
        if not is_event:
            # Whether this one sends events is open: in-band detection is on until it does.
            rx.events_seen[row] = 0
    if rx.ssrc[row] == ssrc:
        follow_sequence(rx, row, sequence)
    if is_event:
        clock, code = setup.clock[row], number(data, start, 1)
        ended = number(data, start + 1, 1) >> 7
        duration = number(data, start + 2, 2)
        take_event(rx, detect, row, tick, clock, ssrc, sequence, time, marker, code, ended, duration)
        # End packets often come three at a time.
        return 2
    if is_audio:
        measure_jitter(rx, row, tick * setup.clock[row], time)
        rx.span[row] = min(max(end - start, 1), MAX_OWED)
        insert_audio(jitter, row, setup.codec[row], data[start:end], time, marker, delay)
    return 1


@kernel
def ingest(
    setup: Setup,
    rx: Receive,
    jitter: Jitter,
    detect: Detect,
    rows: NDArray[np.int64],
    count: int,
    tick: int,
    delay: int,
    first: bool,
) -> tuple[int, int, int]:
    """Take the datagram of each of ``rows[:count]``; how many to read again, how many keys, how many RTCP.

    ``first`` marks the tick's first sweep. ``again`` tells the rows that are behind: a packet came and more
    are owed, or it is the row's turn for a second look.
    """
    behind = 0
    keys = 0
    controls = 0
    for k in range(count):
        row = rows[k]
        length = rx.length[row]
        rx.length[row] = 0
        rx.again[row] = 0
        rx.key[row] = -1
        rx.control[row] = 0
        if first and rx.ssrc[row] >= 0:
            rx.owed[row] = min(rx.owed[row] + FRAME, MAX_OWED)
        if length <= 0:
            if not first:
                rx.owed[row] = 0
            continue
        verdict = ingest_packet(setup, rx, jitter, detect, row, length, tick, delay)
        if verdict == 1:
            span = max(rx.span[row], 1)
            rx.owed[row] = max(rx.owed[row] - span, 0)
            more = rx.owed[row] >= span or (row + tick) % SECOND_LOOK == 0
            if not first:
                # There was a backlog; until a read comes back empty, the next tick looks twice as well.
                rx.owed[row] = max(rx.owed[row], span)
        else:
            rx.garbage[row] += verdict == 0
            more = True
        keys += rx.key[row] >= 0
        controls += rx.control[row] > 0
        if more or not first:
            rx.again[row] = 1
            behind += 1
    return behind, keys, controls
