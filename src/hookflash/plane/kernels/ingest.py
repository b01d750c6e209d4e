"""Receive: RTP parsing (RFC 3550 section 5.1), source statistics (appendix A), audio into the jitter ring.

RTP times wrap modulo 2**32; the jitter columns keep them unwrapped, and the ring index is ``time % RING``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hookflash.plane.columns import (
    FRAME,
    RING,
    RX_SIZE,
    Detect,
    Jitter,
    Quality,
    Receive,
    Setup,
    Wide,
)
from hookflash.plane.columns.sizes import L16_WIDE, OPUS
from hookflash.plane.kernels.codec import decode, unit_octets
from hookflash.plane.kernels.compiling import kernel, part
from hookflash.plane.kernels.events import take_event
from hookflash.plane.kernels.jitter import admit, forget, unwrap
from hookflash.plane.kernels.noise import take_noise
from hookflash.plane.kernels.sources import HOLD, admit_source, follow_sequence, measure_jitter, start_source

MAX_OWED = 8 * FRAME
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
def units_in(codec: int, octets: int) -> int:
    """Whole units (1/8000 s) in so many octets. Dividing would be slow."""
    size = unit_octets(codec)
    return octets if size == 1 else octets >> (1 if size == 2 else 2)


@part
def insert_audio(
    setup: Setup,
    jitter: Jitter,
    wide: Wide,
    quality: Quality,
    row: int,
    payload: NDArray[np.uint8],
    time: int,
    step: int,
    marker: int,
    tick: int,
    delay: int,
) -> None:
    """Decode a payload into the ring where its time says; what comes too late is dropped."""
    codec, slot = int(setup.codec[row]), int(setup.wide[row])
    octets = unit_octets(codec)
    count = units_in(codec, payload.shape[0])
    if count == 0 or (codec == L16_WIDE and slot < 0):
        return
    skip = admit(jitter, quality, wide, row, slot, time, count, step, marker, tick, delay)
    if skip >= count:
        return
    if codec == L16_WIDE:
        index = (2 * (time + skip)) & (2 * RING - 1)
        left = 2 * (count - skip)
        ahead = min(left, 2 * RING - index)
        decode(codec, payload[4 * skip :], wide.ring[slot, index : index + ahead])
        if ahead < left:
            decode(codec, payload[4 * skip + 2 * ahead :], wide.ring[slot, : left - ahead])
        return
    index = (time + skip) & (RING - 1)
    left = count - skip
    ahead = min(left, RING - index)
    decode(codec, payload[octets * skip :], jitter.ring[row, index : index + ahead])
    if ahead < left:
        decode(codec, payload[octets * (skip + ahead) :], jitter.ring[row, : left - ahead])


@part
def ingest_packet(
    setup: Setup,
    rx: Receive,
    jitter: Jitter,
    wide: Wide,
    detect: Detect,
    quality: Quality,
    row: int,
    length: int,
    tick: int,
    delay: int,
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
    if rx.ssrc[row] != ssrc and (not is_event or rx.ssrc[row] < 0):
        rx.source_from[row] = tick if rx.ssrc[row] >= 0 else tick - HOLD
        rx.source_at[row] = tick
        start_source(rx, row, ssrc, sequence)
        jitter.playing[row] = 0
        jitter.rtp[row] = -1
        forget(jitter, row, delay)
        if not is_event:
            # Whether this one sends events is open: in-band detection is on until it does.
            rx.events_seen[row] = 0
    step, repeated = 0, False
    if rx.ssrc[row] == ssrc:
        step, repeated = follow_sequence(rx, row, sequence)
        quality.duplicates[row] += repeated
    rx.total[row] += not repeated
    if is_event:
        clock, code = setup.clock[row], number(data, start, 1)
        ended = number(data, start + 1, 1) >> 7
        duration = number(data, start + 2, 2)
        take_event(rx, detect, row, tick, clock, ssrc, sequence, time, marker, code, ended, duration)
        # End packets often come three at a time.
        return 2
    clock = int(setup.clock[row])
    units = unwrap(jitter, row, time, clock)
    if repeated and units < jitter.newest[row]:
        # What is owed is still to come.
        return 2
    if not is_audio:
        take_noise(jitter, wide, row, int(setup.wide[row]), data[start:end], units, tick)
        return 1
    before, behind = int(jitter.left_out[row]) * clock, int(jitter.behind[row]) * clock
    measure_jitter(rx, row, tick * clock, before, behind, time)
    if setup.codec[row] == OPUS:
        rx.span[row] = FRAME
        rx.packet[row] = 1 + marker
        rx.packet_start[row] = start
        rx.packet_end[row] = end
        rx.packet_time[row] = units
        rx.packet_step[row] = step
        return 1
    rx.span[row] = min(max(units_in(int(setup.codec[row]), end - start), 1), MAX_OWED)
    insert_audio(setup, jitter, wide, quality, row, data[start:end], units, step, marker, tick, delay)
    return 1


@kernel
def ingest(
    setup: Setup,
    rx: Receive,
    jitter: Jitter,
    wide: Wide,
    detect: Detect,
    quality: Quality,
    rows: NDArray[np.int64],
    count: int,
    tick: int,
    delay: int,
    first: bool,
) -> tuple[int, int, int, int]:
    """Take the datagram of each of ``rows[:count]``; how many to read again, keys, RTCP, and packets.

    Packets are those in ``rx.packet``, which are decoded elsewhere. ``delay`` is the first target of a leg's
    jitter buffer, in 1/8000 s. ``first`` marks the tick's first sweep. ``again`` tells the rows that are
    behind: a packet came and more are owed, or it is the row's turn for a second look.
    """
    behind = 0
    keys = 0
    controls = 0
    packets = 0
    for k in range(count):
        row = rows[k]
        length = rx.length[row]
        rx.length[row] = 0
        rx.again[row] = 0
        rx.key[row] = -1
        rx.control[row] = 0
        rx.packet[row] = 0
        if first and rx.ssrc[row] >= 0:
            rx.owed[row] = min(rx.owed[row] + FRAME, MAX_OWED)
        jitter.queued[row] = not first
        if length <= 0:
            if not first:
                rx.owed[row] = 0
            continue
        verdict = ingest_packet(setup, rx, jitter, wide, detect, quality, row, length, tick, delay)
        if verdict == 1:
            span = max(rx.span[row], 1)
            rx.owed[row] = max(rx.owed[row] - span, 0)
            more = rx.owed[row] >= span or (row + tick) % SECOND_LOOK == 0
            # Before there is a hole: what it lacks may be waiting.
            more |= jitter.playing[row] != 0 and jitter.newest[row] - jitter.time[row] < FRAME
            if not first:
                # There was a backlog; until a read comes back empty, the next tick looks twice as well.
                rx.owed[row] = max(rx.owed[row], span)
        else:
            rx.garbage[row] += verdict == 0
            more = True
        keys += rx.key[row] >= 0
        controls += rx.control[row] > 0
        packets += rx.packet[row] != 0
        if more or not first:
            rx.again[row] = 1
            behind += 1
    return behind, keys, controls, packets
