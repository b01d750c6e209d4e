"""What each leg hears, as an RTP packet: mix-minus plus its plays, saturated, encoded, with a header."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hookflash.plane.columns import FRAME, PAST, Jitter, Setup, Transmit
from hookflash.plane.kernels.codec import PCMU, encode
from hookflash.plane.kernels.compiling import allocating, kernel, part
from hookflash.plane.kernels.playing import Plays

HEADER = 12
LOWEST, HIGHEST = np.int32(-32768), np.int32(32767)
SILENCE_ULAW = 0xFF
SILENCE_ALAW = 0xD5


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
            if tx.tone[row] == 0:
                payload = tx.octets[row, HEADER : HEADER + FRAME]
                if gather(setup, jitter, plays, mixes, row, False, wide, pcm):
                    encode(setup.codec[row], pcm, payload)
                else:
                    payload[:] = SILENCE_ULAW if setup.codec[row] == PCMU else SILENCE_ALAW
                write_header(tx, row, setup.payload_type[row], tx.mark[row], tx.time[row])
                tx.mark[row] = 0
                tx.length[row] = HEADER + FRAME
            tx.packets[row] += 1
            tx.payload[row] += tx.length[row] - HEADER
        tx.time[row] = (tx.time[row] + setup.clock[row]) & 0xFFFFFFFF
