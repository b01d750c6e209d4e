"""Sending DTMF: telephone-event packets (RFC 4733 section 2.5.1) or tones in the audio (ITU-T Q.23).

``position``, ``span`` and ``gap`` are in units of which ``unit`` make a tick: with events those of the leg's
RTP clock, in band samples of what the leg hears. A narrowband leg gets its packet, a wideband leg its audio
in ``wide.out``, to be encoded; ``made`` tells which.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hookflash.plane.columns import FRAME, WIDE_FRAME, Setup, Transmit, Wide
from hookflash.plane.columns.sizes import L16
from hookflash.plane.columns.transmit import AUDIO, EVENT
from hookflash.plane.kernels.codec import encode
from hookflash.plane.kernels.compiling import allocating, part
from hookflash.plane.kernels.output import HEADER, write_header

RFC4733 = 1
IN_BAND = 2
END_PACKETS = 3
LONGEST = 0xFFFF
"""What the duration field holds; a longer press goes on in a new segment (section 2.5.1.3)."""
SHORT_PAUSE, LONG_PAUSE = 16, 17
"""Codes of pauses among the digits: 25 and 50 ticks."""
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
    """One telephone-event packet: the key goes on, in a new segment perhaps, or one of its end packets."""
    unit = tx.unit[row]
    position = tx.position[row]
    if position == 0:
        tx.event_time[row] = tx.time[row]
        tx.segment[row] = 0
    most = LONGEST // unit * unit
    if position - tx.segment[row] >= most and tx.span[row] > position:
        tx.segment[row] += most
        tx.event_time[row] = (tx.event_time[row] + most) & 0xFFFFFFFF
    duration = min(position + unit, tx.span[row]) - tx.segment[row]
    ended = position + unit >= tx.span[row]
    payload = tx.octets[row, HEADER : HEADER + 4]
    payload[0] = tx.digits[row, tx.digit_index[row]]
    payload[1] = (0x80 if ended else 0) | VOLUME
    payload[2] = (duration >> 8) & 0xFF
    payload[3] = duration & 0xFF
    write_header(tx, row, setup.event_type[row], 1 if position == 0 else 0, tx.event_time[row])
    tx.length[row] = HEADER + 4
    tx.made[row] = EVENT
    # The audio behind the events is a new talk spurt.
    tx.mark[row] = 1
    if ended:
        tx.ends[row] += 1


@part
def send_audio(setup: Setup, tx: Transmit, wide: Wide, row: int, pcm: NDArray[np.int16], still: bool) -> None:
    """This tick's audio: ``pcm``, or silence. A narrowband leg's is encoded at once."""
    tx.made[row] = AUDIO
    slot = setup.wide[row]
    if slot >= 0:
        wide.still[slot] = still
        out = wide.out[slot]
        for i in range(WIDE_FRAME):
            out[i] = 0 if still else pcm[i]
        return
    if still:
        pcm[:FRAME] = 0
    size = 2 * FRAME if setup.codec[row] == L16 else FRAME
    encode(setup.codec[row], pcm[:FRAME], tx.octets[row, HEADER : HEADER + size])
    write_header(tx, row, setup.payload_type[row], tx.mark[row], tx.time[row])
    tx.mark[row] = 0
    tx.length[row] = HEADER + size


@part
def next_digit(tx: Transmit, row: int) -> None:
    """The key and its gap, or the pause, are over."""
    tx.digit_index[row] += 1
    tx.position[row] = 0
    tx.ends[row] = 0
    if tx.digit_index[row] >= tx.digit_count[row]:
        tx.done[row] = 2


@part
def pause_units(tx: Transmit, row: int) -> int:
    """How long the current digit is a pause, 0: it is a key."""
    code = tx.digits[row, tx.digit_index[row]]
    if code < SHORT_PAUSE:
        return 0
    return int(tx.unit[row] * (25 if code == SHORT_PAUSE else 50))


@part
def step_events(setup: Setup, tx: Transmit, wide: Wide, row: int, pcm: NDArray[np.int16]) -> None:
    """One tick of a sending by telephone-event. Keys begin on the tick grid; durations are exact."""
    pause = pause_units(tx, row)
    if pause == 0 and tx.ends[row] < END_PACKETS:
        send_event(setup, tx, row)
        if tx.ends[row] == END_PACKETS and tx.digit_index[row] + 1 >= tx.digit_count[row]:
            tx.done[row] = 1
    else:
        send_audio(setup, tx, wide, row, pcm, True)
    tx.position[row] += tx.unit[row]
    if pause > 0:
        if tx.position[row] >= pause:
            next_digit(tx, row)
    elif tx.ends[row] == END_PACKETS and tx.position[row] >= tx.span[row] + tx.gap[row]:
        next_digit(tx, row)


@part
def step_audio(setup: Setup, tx: Transmit, wide: Wide, row: int, pcm: NDArray[np.int16]) -> None:
    """One tick of a sending in band, exact to the sample."""
    unit = tx.unit[row]
    rate = 50.0 * unit
    still = True
    for i in range(unit):
        pcm[i] = 0
        if tx.digit_index[row] >= tx.digit_count[row]:
            continue
        position = tx.position[row]
        tx.position[row] = position + 1
        pause = pause_units(tx, row)
        if pause > 0:
            if position + 1 >= pause:
                next_digit(tx, row)
            continue
        if position < tx.span[row]:
            code = tx.digits[row, tx.digit_index[row]]
            angle = 2.0 * math.pi * position / rate
            low = LOW_AMPLITUDE * math.sin(ROWS[code] * angle)
            high = HIGH_AMPLITUDE * math.sin(COLUMNS[code] * angle)
            pcm[i] = int(low + high)
            still = False
        if position + 1 >= tx.span[row] and tx.digit_index[row] + 1 >= tx.digit_count[row]:
            tx.done[row] = 1
        if position + 1 >= tx.span[row] + tx.gap[row]:
            next_digit(tx, row)
    send_audio(setup, tx, wide, row, pcm, still)


@part
def follow_setup(setup: Setup, tx: Transmit, row: int) -> None:
    """Go on in the way and the clock that the leg has now; a key that is being sent is cut off."""
    events = setup.event_type[row] >= 0
    tone = RFC4733 if events else IN_BAND
    unit = setup.clock[row]
    if not events:
        unit = WIDE_FRAME if setup.wide[row] >= 0 else FRAME
    before = tx.unit[row]
    if tone == tx.tone[row] and unit == before:
        return
    tx.span[row] = tx.span[row] * unit // before
    tx.gap[row] = tx.gap[row] * unit // before
    tx.position[row] = tx.position[row] * unit // before
    if tx.position[row] > 0 and tx.digits[row, tx.digit_index[row]] < SHORT_PAUSE:
        tx.position[row] = max(tx.position[row], tx.span[row])
        tx.ends[row] = END_PACKETS
    tx.tone[row] = tone
    tx.unit[row] = unit


@allocating
def send_tones(setup: Setup, tx: Transmit, wide: Wide, rows: NDArray[np.int64], count: int) -> None:
    """What every leg in ``rows[:count]`` sends instead of what it hears; a leg that may not send waits."""
    pcm = np.empty(WIDE_FRAME, np.int16)
    for k in range(count):
        row = rows[k]
        if setup.sending[row] == 0 or tx.done[row] == 2:
            continue
        follow_setup(setup, tx, row)
        if tx.tone[row] == RFC4733:
            step_events(setup, tx, wide, row, pcm)
        else:
            step_audio(setup, tx, wide, row, pcm)
