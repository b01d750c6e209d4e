"""Sending DTMF: telephone-event packets (RFC 4733 section 2.5.1) or tones in the audio (ITU-T Q.23)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hookflash.plane.columns import FRAME, RATE, Setup, Transmit
from hookflash.plane.kernels.codec import PCMU, encode
from hookflash.plane.kernels.compiling import allocating, part
from hookflash.plane.kernels.output import HEADER, SILENCE_ALAW, SILENCE_ULAW, write_header

RFC4733 = 1
IN_BAND = 2
END_PACKETS = 3
VOLUME = 10
"""Power of the keys we send as events, -dBm0."""
LOW_AMPLITUDE = 32767.0 * 10.0 ** ((-8.0 - 3.14) / 20)
HIGH_AMPLITUDE = 32767.0 * 10.0 ** ((-6.0 - 3.14) / 20)
"""Row tone -8 dBm0, column tone -6 dBm0: lines lose more of the high tones."""
ROWS = (
    941.0,
    697.0,
    697.0,
    697.0,
    770.0,
    770.0,
    770.0,
    852.0,
    852.0,
    852.0,
    941.0,
    941.0,
    697.0,
    770.0,
    852.0,
    941.0,
)
COLUMNS = (1336.0, 1209.0, 1336.0, 1477.0, 1209.0, 1336.0, 1477.0, 1209.0, 1336.0, 1477.0, 1209.0, 1477.0) + (
    1633.0,
) * 4
"""Tones of each event code, Hz."""


@part
def send_event(setup: Setup, tx: Transmit, row: int) -> None:
    """One telephone-event packet: the key goes on, or one of its end packets."""
    if tx.position[row] == 0:
        tx.event_time[row] = tx.time[row]
    duration = min(tx.position[row] + FRAME, tx.span[row])
    ended = tx.position[row] + FRAME >= tx.span[row]
    payload = tx.octets[row, HEADER : HEADER + 4]
    payload[0] = tx.digits[row, tx.digit_index[row]]
    payload[1] = (0x80 if ended else 0) | VOLUME
    payload[2] = (duration >> 8) & 0xFF
    payload[3] = duration & 0xFF
    write_header(tx, row, setup.event_type[row], 1 if tx.position[row] == 0 else 0, tx.event_time[row])
    tx.length[row] = HEADER + 4
    # The audio behind the events is a new talk spurt.
    tx.mark[row] = 1
    if ended:
        tx.ends[row] += 1


@part
def send_silence(setup: Setup, tx: Transmit, row: int) -> None:
    """A packet of silence between keys."""
    tx.octets[row, HEADER : HEADER + FRAME] = SILENCE_ULAW if setup.codec[row] == PCMU else SILENCE_ALAW
    write_header(tx, row, setup.payload_type[row], tx.mark[row], tx.time[row])
    tx.mark[row] = 0
    tx.length[row] = HEADER + FRAME


@part
def step_events(setup: Setup, tx: Transmit, row: int) -> None:
    """One tick of a sending by telephone-event. Keys begin on the tick grid; durations are exact."""
    if tx.ends[row] < END_PACKETS:
        send_event(setup, tx, row)
        if tx.ends[row] == END_PACKETS and tx.digit_index[row] + 1 >= tx.digit_count[row]:
            tx.done[row] = 1
    else:
        send_silence(setup, tx, row)
    tx.position[row] += FRAME
    if tx.ends[row] == END_PACKETS and tx.position[row] >= tx.span[row] + tx.gap[row]:
        tx.digit_index[row] += 1
        tx.position[row] = 0
        tx.ends[row] = 0
        if tx.digit_index[row] >= tx.digit_count[row]:
            tx.done[row] = 2


@part
def step_audio(setup: Setup, tx: Transmit, row: int, pcm: NDArray[np.int16]) -> None:
    """One tick of a sending in band, exact to the sample."""
    for i in range(FRAME):
        pcm[i] = 0
        if tx.digit_index[row] >= tx.digit_count[row]:
            continue
        position = tx.position[row]
        if position < tx.span[row]:
            code = tx.digits[row, tx.digit_index[row]]
            angle = 2.0 * math.pi * position / RATE
            low = LOW_AMPLITUDE * math.sin(ROWS[code] * angle)
            high = HIGH_AMPLITUDE * math.sin(COLUMNS[code] * angle)
            pcm[i] = int(low + high)
        tx.position[row] = position + 1
        if position + 1 >= tx.span[row] and tx.digit_index[row] + 1 >= tx.digit_count[row]:
            tx.done[row] = 1
        if position + 1 >= tx.span[row] + tx.gap[row]:
            tx.position[row] = 0
            tx.digit_index[row] += 1
            if tx.digit_index[row] >= tx.digit_count[row]:
                tx.done[row] = 2
    encode(setup.codec[row], pcm, tx.octets[row, HEADER : HEADER + FRAME])
    write_header(tx, row, setup.payload_type[row], tx.mark[row], tx.time[row])
    tx.mark[row] = 0
    tx.length[row] = HEADER + FRAME


@allocating
def send_tones(setup: Setup, tx: Transmit, rows: NDArray[np.int64], count: int) -> None:
    """Write the packet of every leg in ``rows[:count]`` that sends keys; a leg that may not send waits."""
    pcm = np.empty(FRAME, np.int16)
    for k in range(count):
        row = rows[k]
        if setup.sending[row] == 0 or tx.done[row] == 2:
            continue
        if tx.tone[row] == RFC4733:
            step_events(setup, tx, row)
        else:
            step_audio(setup, tx, row, pcm)
