"""The slow path of Opus legs: packets into a leg's ring in order of sequence, and what it hears out again.

A decoder must see packets in order, so one that comes early is held until those before it have come or their
audio is due. What is lost then is recovered from the packet behind it (in-band FEC, RFC 6716 section 2.1.7),
and what even that does not tell is left to the decoder's own concealment, for a short while.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hookflash.plane.columns import FRAME, Columns
from hookflash.plane.kernels.jitter import insert_pcm, patch_pcm
from hookflash.plane.kernels.output import HEADER, write_header
from hookflash.plane.opus import EXPECTED_LOSS, UNSENT, OpusDecoder, OpusEncoder
from hookflash.ports.plane import OpusTerms

MAX_HELD = 8
"""Packets held for one that has not come."""
RESTART = 1000
"""A step in sequence numbers by which a sender has begun anew."""
MOST_GUESSED = 480
"""Units (1/8000 s) of a gap that are made up, 60 ms at most; longer ones the jitter buffer conceals."""
REPORT_CHECK = 50
"""Packets sent between looks at the loss the peer reports."""


class Packet(NamedTuple):
    """A packet that waits. ``time`` in 1/8000 s, ``tick`` when it came."""

    payload: bytes
    time: int
    tick: int
    marker: int


@dataclass(slots=True)
class OpusLeg:
    """The coders of a slot and what waits in order."""

    row: int
    slot: int
    decoder: OpusDecoder
    encoder: OpusEncoder
    ssrc: int = -1
    next: int = -1
    """Sequence number expected, -1 none."""
    end: int = 0
    """Time behind what was decoded last."""
    span: int = FRAME
    """Units of the last packet."""
    sent: int = 0
    held: dict[int, Packet] = field(default_factory=dict)


class PacketDesk:
    """All legs that have packets."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self.delay = FRAME
        """The first target of jitter buffers, 1/8000 s."""
        self._legs: dict[int, OpusLeg] = {}
        self._out = columns.wide.out.ctypes.data
        self._octets = columns.transmit.octets.ctypes.data

    def open(self, slot: int, row: int) -> None:
        """Make coders for a slot. Raises RuntimeError when there is no library."""
        self._legs[slot] = OpusLeg(row, slot, OpusDecoder(), OpusEncoder())

    def close(self, slot: int) -> None:
        """Give the coders of a slot back; one without any is ignored."""
        leg = self._legs.pop(slot, None)
        if leg is not None:
            leg.decoder.close()
            leg.encoder.close()

    def agree(self, slot: int, terms: OpusTerms) -> None:
        """What the peer of a slot wishes of what we send."""
        self._legs[slot].encoder.follow(terms)

    def __len__(self) -> int:
        return len(self._legs)

    # --- in ---

    def receive(self, rows: NDArray[np.int64], tick: int) -> None:
        """Take the packets that ``ingest`` left in the receive rows of ``rows``."""
        rx, setup = self._columns.receive, self._columns.setup
        for row in rows[rx.packet[rows] != 0].tolist():
            leg = self._legs.get(int(setup.wide[row]))
            if leg is None:
                continue
            octets = rx.octets[row, rx.packet_start[row] : rx.packet_end[row]].tobytes()
            step = int(rx.packet_step[row])
            sequence = int(rx.highest[row]) + min(step, 0)
            packet = Packet(octets, int(rx.packet_time[row]), tick, int(rx.packet[row]) - 1)
            if leg.ssrc != rx.ssrc[row]:
                leg.ssrc = int(rx.ssrc[row])
                self._restart(leg)
            self.feed(leg, sequence, packet)

    def feed(self, leg: OpusLeg, sequence: int, packet: Packet) -> None:
        """One packet: decode it and what waited for it, or let it wait."""
        if leg.decoder.samples(packet.payload) < 0:
            self._columns.receive.garbage[leg.row] += 1
            return
        if leg.next < 0 or abs(sequence - leg.next) > RESTART:
            self._restart(leg)
            leg.next = sequence
        if sequence < leg.next:
            self._columns.quality.discarded[leg.row] += 1
            return
        leg.held[sequence] = packet
        self._drain(leg)
        while len(leg.held) > MAX_HELD:
            self._give_up(leg)

    def settle(self) -> None:
        """Before playout: wait no longer for audio that is due in this tick."""
        jitter = self._columns.jitter
        for leg in self._legs.values():
            while leg.held and (not jitter.playing[leg.row] or jitter.time[leg.row] + FRAME >= leg.end):
                self._give_up(leg)

    @staticmethod
    def _restart(leg: OpusLeg) -> None:
        leg.decoder.reset()
        leg.held.clear()
        leg.next = -1

    def _drain(self, leg: OpusLeg) -> None:
        while (packet := leg.held.pop(leg.next, None)) is not None:
            self._decode(leg, packet)
            leg.next += 1

    def _give_up(self, leg: OpusLeg) -> None:
        """What comes before the first held packet is lost."""
        first = min(leg.held)
        packet = leg.held.pop(first)
        lost = first - leg.next
        gap = packet.time - leg.end
        pieces: list[tuple[int, NDArray[np.int16]]] = []
        if 0 < gap <= MOST_GUESSED and lost * leg.span >= gap:
            at = leg.end
            while gap > 0:
                units = min(gap, leg.span)
                samples = 2 * units
                last = gap == units
                done = leg.decoder.recover(packet.payload, samples) if last else leg.decoder.conceal(samples)
                if done != samples:
                    break
                pieces.append((at, leg.decoder.pcm[:samples].copy()))
                at += units
                gap -= units
        self._decode(leg, packet)
        c = self._columns
        for at, pcm in pieces:
            patch_pcm(c.setup, c.jitter, c.wide, leg.row, pcm, at)
        leg.next = first + 1
        self._drain(leg)

    def _decode(self, leg: OpusLeg, packet: Packet) -> None:
        c = self._columns
        samples = leg.decoder.decode(packet.payload)
        if samples < 0:
            c.receive.garbage[leg.row] += 1
            return
        units = samples // 2
        leg.span = units
        leg.end = packet.time + units
        insert_pcm(
            c.setup,
            c.jitter,
            c.wide,
            c.quality,
            leg.row,
            leg.decoder.pcm[:samples],
            packet.time,
            packet.marker,
            packet.tick,
            self.delay,
        )

    # --- out ---

    def send(self, chosen: NDArray[np.int64]) -> None:
        """Make the packet of every slot in ``chosen`` from ``wide.out``."""
        c = self._columns
        tx, wide = c.transmit, c.wide
        for slot in chosen.tolist():
            leg = self._legs[slot]
            row = leg.row
            leg.sent += 1
            if leg.sent % REPORT_CHECK == 0:
                leg.encoder.expect_loss(_percent(float(c.quality.remote_loss[row])))
            pcm = self._out + slot * wide.out.strides[0]
            octets = leg.encoder.encode(pcm, self._octets + row * tx.octets.strides[0] + HEADER)
            if leg.encoder.pauses and 0 < octets <= UNSENT:
                # It wants no packets of silence; what is next begins a talk spurt (RFC 7587 section 4.1).
                tx.length[row] = 0
                tx.mark[row] = 1
                continue
            # An encoder fails only for want of memory; a packet without payload says nothing.
            tx.length[row] = HEADER + max(octets, 0)
            write_header(tx, row, int(c.setup.payload_type[row]), int(tx.mark[row]), int(tx.time[row]))
            tx.mark[row] = 0


def _percent(loss: float) -> int:
    """What the encoder is to expect: what the peer lost, and never nothing."""
    return max(EXPECTED_LOSS, round(100 * loss))
