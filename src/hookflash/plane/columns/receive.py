"""The receive staging rows and the RFC 3550 state of the source."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hookflash.plane.columns.sizes import RX_SIZE

SHAPES: dict[str, int] = {"octets": RX_SIZE}
FIRST: dict[str, int] = {
    "ssrc": -1,
    "event_ssrc": -1,
    "event_time": -1,
    "event_tick": -1000,
    "former_ssrc": -1,
    "former_time": -1,
    "key": -1,
}


class Receive(NamedTuple):
    """The receive staging rows and the RFC 3550 state of the source."""

    octets: NDArray[np.uint8]  # [rows, RX_SIZE] one datagram
    length: NDArray[np.int32]  # octets of it, 0 none
    again: NDArray[np.uint8]  # more datagrams are probably queued
    owed: NDArray[np.int32]  # samples that should have come by now
    span: NDArray[np.int32]  # samples of the last audio packet
    ssrc: NDArray[np.int64]  # source, -1 none yet
    source_at: NDArray[np.int64]  # tick of its last packet
    source_from: NDArray[np.int64]  # tick of its first packet
    candidate: NDArray[np.int64]  # another source (SSRC) that asks to be heard instead, -1 none
    candidate_sequence: NDArray[np.int64]  # sequence number of its last packet, modulo 2**16
    resync: NDArray[np.int64]  # the next sequence number, if a jump was a restart (RFC 3550 A.1), -1 none
    control: NDArray[np.int32]  # octets of the RTCP packet in the row (RFC 5761), 0 none
    base: NDArray[np.int64]  # first extended sequence number
    highest: NDArray[np.int64]  # highest extended sequence number
    packets: NDArray[np.int64]  # packets of this source
    seen: NDArray[np.int64]  # which of the newest sequence numbers have come, the highest is bit 0
    prior_expected: NDArray[np.int64]  # as of the last report
    prior_packets: NDArray[np.int64]  # as of the last report
    transit: NDArray[np.int64]  # arrival minus RTP time of the last packet, RTP units
    jitter: NDArray[np.float64]  # interarrival jitter, RTP units
    total: NDArray[np.int64]  # packets of all sources of the leg
    lost: NDArray[np.int64]  # packets lost of former sources
    garbage: NDArray[np.int64]  # datagrams that were not our RTP
    heard_at: NDArray[np.int64]  # tick of the last valid packet (or of connecting)
    event_ssrc: NDArray[np.int64]  # source of the telephone-events, -1 none yet; some have one of their own
    event_time: NDArray[np.int64]  # RTP time of the key being pressed (or its last segment), -1 none yet
    event_sequence: NDArray[np.int32]  # sequence number of its newest packet
    event_tick: NDArray[np.int64]  # tick of its last packet
    event_code: NDArray[np.int16]  # its event code
    event_span: NDArray[np.int32]  # longest duration reported for it, RTP units
    event_ended: NDArray[np.uint8]  # an end packet was seen
    former_ssrc: NDArray[np.int64]  # source of telephone-events before this one, -1 none
    former_time: NDArray[np.int64]  # its ``event_time``
    former_sequence: NDArray[np.int32]  # and so on: its late packets must not tell its keys again
    former_code: NDArray[np.int16]  # as event_code, of that source
    former_span: NDArray[np.int32]  # as event_span
    former_ended: NDArray[np.uint8]  # as event_ended
    events_seen: NDArray[np.uint8]  # RFC 4733 is alive: in-band detection is off
    packet: NDArray[np.uint8]  # this datagram is to be decoded elsewhere: 1, 2 with a marker; 0 none
    packet_start: NDArray[np.int32]  # where its payload begins in ``octets``
    packet_end: NDArray[np.int32]  # and ends
    packet_time: NDArray[np.int64]  # its time, 1/8000 s, unwrapped
    packet_step: NDArray[np.int32]  # how far its sequence number is beyond the highest before it
    key: NDArray[np.int16]  # key that started in this datagram, -1 none
