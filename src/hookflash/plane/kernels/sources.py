"""The RTP source (SSRC) a leg listens to: when another may take its place, and its statistics (RFC 3550).

Whoever can send with the peer's address could stop all audio if each new SSRC were believed at once, since
with it the jitter buffer begins anew. So a source is left only when it has fallen silent, for one that is in
sequence, and not again at once.
"""

from __future__ import annotations

from hookflash.plane.columns import FRAME, Receive
from hookflash.plane.kernels.compiling import part
from hookflash.plane.kernels.events import difference

GONE = 10
"""Ticks without a packet after which a source is gone: the next one is taken at once."""
HOLD = 25
"""Ticks a source is kept at least, unless it is gone."""
MAX_GAP = 16
"""Sequence numbers a new source may leave out between the two packets by which it asks to be heard."""
MAX_JUMP = 3000
"""Sequence numbers; a longer jump is a restart if the next packet confirms it (RFC 3550 A.1)."""

SEEN = 62
"""Sequence numbers back to which a packet is known to have come before."""


@part
def admit_source(rx: Receive, row: int, ssrc: int, sequence: int, tick: int) -> bool:
    """Whether the leg listens to ``ssrc`` from this packet on (or does already)."""
    if rx.ssrc[row] == ssrc or rx.ssrc[row] < 0:
        rx.source_at[row] = tick
        return True
    silent = tick - rx.source_at[row]
    step = (sequence - rx.candidate_sequence[row]) & 0xFFFF
    follows = rx.candidate[row] == ssrc and step > 0 and step <= MAX_GAP
    rx.candidate[row] = ssrc
    rx.candidate_sequence[row] = sequence
    # Packets of 60 ms come every third tick.
    usual = 1 + (rx.span[row] - 1) // FRAME
    if silent < GONE and not (follows and silent > usual and tick - rx.source_from[row] >= HOLD):
        return False
    rx.source_at[row] = tick
    return True


@part
def start_source(rx: Receive, row: int, ssrc: int, sequence: int) -> None:
    """Begin statistics anew for a source, keeping what the former one lost."""
    if rx.ssrc[row] >= 0:
        rx.lost[row] += max(0, rx.highest[row] - rx.base[row] + 1 - rx.packets[row])
    rx.ssrc[row] = ssrc
    rx.candidate[row] = -1
    rx.resync[row] = -1
    rx.base[row] = sequence
    rx.highest[row] = sequence - 1
    rx.packets[row] = 0
    rx.seen[row] = 0
    rx.prior_expected[row] = 0
    rx.prior_packets[row] = 0
    rx.jitter[row] = 0.0
    rx.transit[row] = -1


@part
def follow_sequence(rx: Receive, row: int, sequence: int) -> tuple[int, bool]:
    """Extend the sequence number and count the packet; a restart is believed at its second packet.

    Returns how far it is beyond the highest before (0 for a restart that is not believed yet), and whether
    it came before: then it is not counted again.
    """
    step = (sequence - rx.highest[row]) & 0xFFFF
    if step >= 0x8000:
        step -= 0x10000
    if step > MAX_JUMP or step < -MAX_JUMP:
        if sequence != rx.resync[row]:
            rx.resync[row] = (sequence + 1) & 0xFFFF
            return 0, False
        start_source(rx, row, rx.ssrc[row], sequence)
        step = 1
    rx.resync[row] = -1
    if step > 0:
        rx.highest[row] += step
        rx.seen[row] = (rx.seen[row] << step & (1 << SEEN) - 1 if step < SEEN else 0) | 1
    elif step > -SEEN:
        if rx.seen[row] >> -step & 1:
            return step, True
        rx.seen[row] |= 1 << -step
    rx.packets[row] += 1
    return step, False


@part
def measure_jitter(rx: Receive, row: int, arrival: int, before: int, behind: int, time: int) -> None:
    """Interarrival jitter (RFC 3550 A.8); times and jitter in units of the RTP clock.

    The packet came between ``before`` earlier than ``arrival`` and ``behind`` later: when it was due, if that
    is possible.
    """
    transit = (arrival - time) & 0xFFFFFFFF
    if rx.transit[row] >= 0:
        change = difference(transit, rx.transit[row])
        waited = min(-change, behind) if change < 0 else -min(change, before)
        change += waited
        transit = (transit + waited) & 0xFFFFFFFF
        rx.jitter[row] += (abs(change) - rx.jitter[row]) / 16.0
    rx.transit[row] = transit
