"""RTCP (RFC 3550 section 6): sender and receiver reports with SDES, BYE, and a bounded parser. Pure."""

from __future__ import annotations

import struct
from dataclasses import dataclass

SENDER_REPORT = 200
RECEIVER_REPORT = 201
SOURCE_DESCRIPTION = 202
BYE = 203
NTP_EPOCH = 2_208_988_800
"""Seconds from 1900 to 1970."""
MAX_LOST = 0x7FFFFF
LONGEST_TRIP = 10.0
"""Seconds; a longer round trip is a mistake, or a lie."""
CLOCK_SLACK = 0.1
"""Seconds by which a round trip may come out below 0."""


@dataclass(frozen=True, slots=True)
class Reception:
    """One report block (section 6.4.1). ``fraction`` in 1/256, ``jitter`` in samples, delays in 1/65536 s."""

    ssrc: int
    fraction: int
    lost: int
    highest: int
    jitter: int
    last_report: int = 0
    delay: int = 0


@dataclass(frozen=True, slots=True)
class Sending:
    """The sender's part of a sender report; ``wall`` in Unix seconds."""

    wall: float
    time: int
    packets: int
    octets: int


@dataclass(frozen=True, slots=True)
class Report:
    """What a peer's compound packet said.

    ``ntp_middle`` is the middle of the NTP time of its sender report (section 4), 0 when it was none;
    ``bye`` tells that a BYE was in it, ``gone`` which sources it named.
    """

    ssrc: int
    ntp_middle: int
    receptions: tuple[Reception, ...]
    bye: bool
    gone: tuple[int, ...] = ()


def ntp(wall: float) -> tuple[int, int]:
    """Unix seconds as NTP seconds and fraction."""
    seconds = int(wall)
    return (seconds + NTP_EPOCH) & 0xFFFFFFFF, int((wall - seconds) * 0x100000000) & 0xFFFFFFFF


def middle(wall: float) -> int:
    """Unix seconds as the middle 32 bits of an NTP time: units of 1/65536 s, modulo 2**32."""
    seconds, fraction = ntp(wall)
    return (seconds & 0xFFFF) << 16 | fraction >> 16


def round_trip(wall: float, reception: Reception) -> float | None:
    """Seconds from our report to the peer and back, as of now (section 6.4.1, figure 2).

    None when the peer has had no report of ours yet, or its answer to it makes no sense.
    """
    if not reception.last_report:
        return None
    units = (middle(wall) - reception.last_report - reception.delay) & 0xFFFFFFFF
    if units >= 0x80000000:
        units -= 0x100000000
    # The peer's clock and ours are read a moment apart from the network.
    return max(units, 0) / 65536 if -CLOCK_SLACK <= units / 65536 <= LONGEST_TRIP else None


def build(
    ssrc: int, cname: str, sending: Sending | None, reception: Reception | None, *, bye: bool = False
) -> bytes:
    """A compound packet: SR or RR, SDES with CNAME, and BYE if the leg ends (section 6.1)."""
    blocks = b"" if reception is None else _block(reception)
    head = 0x80 | (reception is not None)
    if sending is not None:
        seconds, fraction = ntp(sending.wall)
        body = struct.pack(
            "!IIIIII",
            ssrc,
            seconds,
            fraction,
            sending.time & 0xFFFFFFFF,
            sending.packets & 0xFFFFFFFF,
            sending.octets & 0xFFFFFFFF,
        )
        kind = SENDER_REPORT
    else:
        body = struct.pack("!I", ssrc)
        kind = RECEIVER_REPORT
    packet = _packet(head, kind, body + blocks)
    name = cname.encode()[:255]
    chunk = struct.pack("!IBB", ssrc, 1, len(name)) + name
    packet += _packet(0x81, SOURCE_DESCRIPTION, chunk + bytes(4 - len(chunk) % 4))
    if bye:
        packet += _packet(0x81, BYE, struct.pack("!I", ssrc))
    return packet


def parse(data: bytes) -> Report | None:
    """Read a compound packet; None when it is not one (section A.2). Unknown parts are passed over."""
    ssrc = stamp = -1
    receptions: list[Reception] = []
    gone: list[int] = []
    bye = False
    at = 0
    while at < len(data):
        if len(data) - at < 8 and not (len(data) - at >= 4 and at > 0):
            return None
        head, kind, words = struct.unpack_from("!BBH", data, at)
        end = at + 4 + 4 * words
        if head >> 6 != 2 or end > len(data) or (at == 0 and kind not in (SENDER_REPORT, RECEIVER_REPORT)):
            return None
        if kind in (SENDER_REPORT, RECEIVER_REPORT):
            start = at + (28 if kind == SENDER_REPORT else 8)
            if start + 24 * (head & 31) > end:
                return None
            if ssrc < 0:
                (ssrc,) = struct.unpack_from("!I", data, at + 4)
            if kind == SENDER_REPORT:
                (stamp,) = struct.unpack_from("!I", data, at + 10)
            receptions += [_read_block(data, start + 24 * i) for i in range(head & 31)]
        if kind == BYE:
            bye = True
            if at + 4 + 4 * (head & 31) > end:
                return None
            gone += struct.unpack_from(f"!{head & 31}I", data, at + 4)
        at = end
    return Report(ssrc, max(stamp, 0), tuple(receptions), bye, tuple(gone)) if ssrc >= 0 else None


def reception(
    ssrc: int,
    base: int,
    highest: int,
    packets: int,
    prior_expected: int,
    prior_packets: int,
    jitter: float,
    last_report: int = 0,
    delay: int = 0,
) -> Reception:
    """A report block from the receive columns (sections A.3 and 6.4.1)."""
    expected = highest - base + 1
    interval = expected - prior_expected
    missed = interval - (packets - prior_packets)
    fraction = (missed << 8) // interval if interval > 0 and missed > 0 else 0
    lost = min(max(expected - packets, -MAX_LOST - 1), MAX_LOST)
    return Reception(ssrc, min(fraction, 255), lost, highest & 0xFFFFFFFF, int(jitter), last_report, delay)


def _packet(head: int, kind: int, body: bytes) -> bytes:
    return struct.pack("!BBH", head, kind, len(body) // 4) + body


def _block(r: Reception) -> bytes:
    return struct.pack(
        "!IIIIII",
        r.ssrc,
        r.fraction << 24 | (r.lost & 0xFFFFFF),
        r.highest,
        r.jitter & 0xFFFFFFFF,
        r.last_report,
        r.delay,
    )


def _read_block(data: bytes, at: int) -> Reception:
    ssrc, loss, highest, jitter, last, delay = struct.unpack_from("!IIIIII", data, at)
    lost = loss & 0xFFFFFF
    return Reception(
        ssrc, loss >> 24, lost - 0x1000000 if lost & 0x800000 else lost, highest, jitter, last, delay
    )
