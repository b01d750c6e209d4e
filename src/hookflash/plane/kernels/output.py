"""What each leg hears, as an RTP packet: mix-minus plus its plays, saturated, encoded, with a header."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hookflash.plane.columns import FRAME, G722, PAST, Jitter, Setup, Transmit, Wide
from hookflash.plane.kernels.bands import widen
from hookflash.plane.kernels.codec import encode, silent_octet, unit_octets
from hookflash.plane.kernels.compiling import allocating, kernel, part
from hookflash.plane.kernels.playing import Plays

HEADER = 12
LOWEST, HIGHEST = np.int32(-32768), np.int32(32767)


class Mixes(NamedTuple):
    """One row a call that has joined legs."""

    total: NDArray[np.int32]  # [mixes, FRAME] sum of all joined legs
    speakers: NDArray[np.int32]  # legs that said something in this tick


@kernel
def mix(setup: Setup, jitter: Jitter, mixes: Mixes, used: int, used_mixes: int) -> None:
    """Sum what the joined legs of each call say; muted ones say nothing."""
    mixes.speakers[:used_mixes] = 0
    for row in range(used):
        m = setup.mix[row]
        if setup.open[row] == 0 or m < 0 or jitter.silent[row] != 0 or setup.muted[row] != 0:
            continue
        total = mixes.total[m]
        heard = jitter.heard[row, PAST:]
        if mixes.speakers[m] == 0:
            for i in range(FRAME):
                total[i] = heard[i]
        else:
            for i in range(FRAME):
                total[i] += heard[i]
        mixes.speakers[m] += 1


@part
def gather(
    setup: Setup,
    jitter: Jitter,
    plays: Plays,
    mixes: Mixes,
    row: int,
    itself: bool,
    wide: NDArray[np.int32],
    out: NDArray[np.int16],
) -> bool:
    """What ``row`` hears in this tick into ``out``; False when it is silence.

    With ``itself`` it hears its own voice among the others.
    """
    sources = 0
    m = setup.mix[row]
    if m >= 0:
        speaks = jitter.silent[row] == 0 and setup.muted[row] == 0 and not itself
        if mixes.speakers[m] > speaks:
            total = mixes.total[m]
            heard = jitter.heard[row, PAST:]
            own = 1 if speaks else 0
            for i in range(FRAME):
                wide[i] = total[i] - own * heard[i]
            sources = 1
    for k in range(setup.hears[row]):
        play = setup.plays[row, k]
        if plays.live[play] == 0:
            continue
        frame = plays.frame[play]
        if sources == 0:
            for i in range(FRAME):
                wide[i] = frame[i]
        else:
            for i in range(FRAME):
                wide[i] += frame[i]
        sources += 1
    if sources > 0:
        for i in range(FRAME):
            out[i] = min(max(wide[i], LOWEST), HIGHEST)
    return sources > 0


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
def output(setup: Setup, jitter: Jitter, tx: Transmit, plays: Plays, mixes: Mixes, used: int) -> None:
    """Write the packet of every sending leg, unless tones have written it; move every leg's RTP time on."""
    wide = np.empty(FRAME, np.int32)
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
                if gather(setup, jitter, plays, mixes, row, False, wide, pcm):
                    encode(setup.codec[row], pcm, payload)
                else:
                    payload[:] = silent_octet(setup.codec[row])
                write_header(tx, row, setup.payload_type[row], tx.mark[row], tx.time[row])
                tx.mark[row] = 0
                tx.length[row] = HEADER + size
            tx.packets[row] += 1
            tx.payload[row] += tx.length[row] - HEADER
        tx.time[row] = (tx.time[row] + setup.clock[row]) & 0xFFFFFFFF


@allocating
def hear_wide(
    setup: Setup, jitter: Jitter, plays: Plays, mixes: Mixes, wide: Wide, line: NDArray[np.int16], used: int
) -> None:
    """What each wideband phone hears into ``wide.out``; ``line`` [slots, PAST + FRAME] is its past."""
    total = np.empty(FRAME, np.int32)
    broad = np.empty(2 * FRAME, np.int32)
    for slot in range(used):
        row = wide.row[slot]
        if row < 0 or setup.connected[row] == 0:
            continue
        past = line[slot]
        for i in range(PAST):
            past[i] = past[FRAME + i]
        frame = past[PAST:]
        if not gather(setup, jitter, plays, mixes, row, False, total, frame):
            for i in range(FRAME):
                frame[i] = 0
        widen(past, broad)
        for i in range(2 * FRAME):
            wide.out[slot, i] = min(max(broad[i], LOWEST), HIGHEST)
