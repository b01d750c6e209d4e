"""All leg state, one row a leg: numpy arrays in groups, each a named tuple a kernel takes as one argument.

The arrays are as long as the plane may ever grow, but zero pages cost nothing until they are touched, so
memory follows the rows in use. Kernels walk ``range(used)``; ``used`` grows in blocks of :data:`BLOCK` rows.
Since the arrays never move, sockets receive straight into their row.

Units: *sample* is 1/8000 s, *tick* 20 ms (160 samples). RTP times and sequence numbers are kept in wider
signed integers, reduced modulo 2**32 and 2**16 unless a column says otherwise.
"""

from __future__ import annotations

import heapq
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

BLOCK = 48
"""Rows are used in blocks of this many (the lane count kernels work in)."""
FRAME = 160
"""Samples of a tick."""
RATE = 8000
RX_SIZE = 704
"""Octets of a receive row: RTP header, 15 CSRC, a short extension and 60 ms of G.711 fit."""
TX_SIZE = 192
"""Octets of a transmit row; 172 are used."""
RING = 4096
"""Samples of a leg's jitter ring (512 ms); a power of two, so that RTP time is the index."""
RING_PAD = 32
"""Unused samples behind each ring, so that the rows do not all fall on the same cache sets."""
MISSING = -32768
"""The ring's mark for a sample that has not arrived; G.711 never decodes to it."""
HISTORY = 176
"""Samples of the past kept before the current frame in ``heard``: one detector window."""
MAX_PLAYS = 8
"""Plays one leg can hear at the same time."""
MAX_DIGITS = 64
"""Digits of one sending."""


class Setup(NamedTuple):
    """What control decided about a leg."""

    open: NDArray[np.uint8]  # row in use
    connected: NDArray[np.uint8]  # ConnectLeg was seen
    sending: NDArray[np.uint8]  # we may send (SDP direction) and know where to
    receiving: NDArray[np.uint8]  # we listen (SDP direction)
    codec: NDArray[np.uint8]  # 0 PCMU, 1 PCMA
    payload_type: NDArray[np.int16]  # RTP payload type of audio
    event_type: NDArray[np.int16]  # RTP payload type of telephone-event, -1 none
    muted: NDArray[np.uint8]  # nobody hears it
    mix: NDArray[np.int32]  # row of the call's mix this leg is joined to, -1 none
    plays: NDArray[np.int32]  # [rows, MAX_PLAYS] rows of the plays this leg hears
    hears: NDArray[np.int16]  # how many of them


class Receive(NamedTuple):
    """The receive staging rows and the RFC 3550 state of the source."""

    octets: NDArray[np.uint8]  # [rows, RX_SIZE] one datagram
    length: NDArray[np.int32]  # octets of it, 0 none
    again: NDArray[np.uint8]  # more datagrams are probably queued
    owed: NDArray[np.int32]  # samples that should have come by now
    span: NDArray[np.int32]  # samples of the last audio packet
    ssrc: NDArray[np.int64]  # source, -1 none yet
    base: NDArray[np.int64]  # first extended sequence number
    highest: NDArray[np.int64]  # highest extended sequence number
    packets: NDArray[np.int64]  # packets of this source
    prior_expected: NDArray[np.int64]  # as of the last report
    prior_packets: NDArray[np.int64]  # as of the last report
    transit: NDArray[np.int64]  # arrival minus RTP time of the last packet, samples
    jitter: NDArray[np.float64]  # interarrival jitter, samples
    total: NDArray[np.int64]  # packets of all sources of the leg
    lost: NDArray[np.int64]  # packets lost of former sources
    garbage: NDArray[np.int64]  # datagrams that were not our RTP
    heard_at: NDArray[np.int64]  # tick of the last valid packet (or of connecting)
    event_time: NDArray[np.int64]  # RTP time of the key being pressed, -1 none yet
    event_code: NDArray[np.int16]  # its event code
    event_span: NDArray[np.int32]  # longest duration reported for it, samples
    event_ended: NDArray[np.uint8]  # an end packet was seen
    events_seen: NDArray[np.uint8]  # RFC 4733 is alive: in-band detection is off
    key: NDArray[np.int16]  # key that started in this datagram, -1 none


class Jitter(NamedTuple):
    """The jitter ring and its playout."""

    ring: NDArray[np.int16]  # [rows, RING + RING_PAD] samples at index RTP time mod RING
    playing: NDArray[np.uint8]  # 0 idle, 1 playing
    time: NDArray[np.int64]  # RTP time of the next sample to play
    newest: NDArray[np.int64]  # RTP time just after the newest sample
    late: NDArray[np.int16]  # packets in a row that came too late
    low: NDArray[np.int32]  # least depth seen in this drift window, samples
    window: NDArray[np.int32]  # packets of this drift window
    gain: NDArray[np.float32]  # of concealment, 1 fresh, 0 faded out
    heard: NDArray[np.int16]  # [rows, HISTORY + FRAME] what the leg said, the last FRAME are this tick's
    silent: NDArray[np.int16]  # ticks in a row in which ``heard`` got plain zeros


class Detect(NamedTuple):
    """In-band DTMF detection."""

    near: NDArray[np.int16]  # key the last frame may hold, by the coarse filter, -1 none
    candidate: NDArray[np.int16]  # key of the passing blocks, -1 none
    passes: NDArray[np.int16]  # passing blocks of the candidate
    misses: NDArray[np.int16]  # failing blocks since (before: of the candidate, after: of the key)
    held: NDArray[np.int16]  # key that is on, -1 none
    key: NDArray[np.int16]  # key that started in this tick, -1 none
    last_key: NDArray[np.int16]  # last key reported in band
    last_tick: NDArray[np.int64]  # when


class Transmit(NamedTuple):
    """The transmit staging rows, RTP sending state, and the tones being sent."""

    octets: NDArray[np.uint8]  # [rows, TX_SIZE] the packet of this tick
    length: NDArray[np.int32]  # octets to send, 0 none
    ssrc: NDArray[np.int64]
    sequence: NDArray[np.int64]
    time: NDArray[np.int64]  # RTP time of this tick's first sample
    mark: NDArray[np.uint8]  # the next audio packet starts a talk spurt
    packets: NDArray[np.int64]  # sent, for RTCP
    payload: NDArray[np.int64]  # payload octets sent, for RTCP
    tone: NDArray[np.uint8]  # 0 no tones, 1 RFC 4733, 2 in band
    digits: NDArray[np.uint8]  # [rows, MAX_DIGITS] event codes to send
    digit_count: NDArray[np.int16]  # how many
    digit_index: NDArray[np.int16]  # which one is sent
    position: NDArray[np.int32]  # samples since this digit began
    span: NDArray[np.int32]  # samples of a tone
    gap: NDArray[np.int32]  # samples between tones
    event_time: NDArray[np.int64]  # RTP time of the event
    ends: NDArray[np.int16]  # end packets sent for this digit
    done: NDArray[np.uint8]  # 1 the last digit has left, 2 its gap too


class Columns(NamedTuple):
    """Every group of one plane."""

    setup: Setup
    receive: Receive
    jitter: Jitter
    detect: Detect
    transmit: Transmit


_FIRST: dict[str, int] = {
    "mix": -1,
    "event_type": -1,
    "near": -1,
    "candidate": -1,
    "held": -1,
    "key": -1,
    "last_key": -1,
}


def _group(kind: Any, rows: int, wide: dict[str, int] | None = None) -> Any:
    """A named tuple of zeroed arrays; the dtypes are the ones its annotations name."""
    wide = wide or {}
    arrays = []
    for name, annotation in kind.__annotations__.items():
        dtype = np.dtype(_text(annotation).split("np.", 1)[1].rstrip("]"))
        arrays.append(np.zeros((rows, wide[name]) if name in wide else rows, dtype))
    return kind(*arrays)


def _text(annotation: Any) -> str:
    """An annotation as written; named tuples wrap it in a forward reference."""
    return str(getattr(annotation, "__forward_arg__", annotation))


def make_columns(rows: int) -> Columns:
    """Columns for at most ``rows`` legs, all rows free."""
    return Columns(
        _group(Setup, rows, {"plays": MAX_PLAYS}),
        _group(Receive, rows, {"octets": RX_SIZE}),
        _group(Jitter, rows, {"ring": RING + RING_PAD, "heard": HISTORY + FRAME}),
        _group(Detect, rows),
        _group(Transmit, rows, {"octets": TX_SIZE, "digits": MAX_DIGITS}),
    )


class RowsExhausted(Exception):
    """Every row is taken."""


class Rows:
    """Which rows are free; the lowest goes first, so that the rows in use stay together."""

    def __init__(self, limit: int) -> None:
        if limit < 1:
            raise ValueError(f"a plane needs at least one row, not {limit}")
        self.limit = -(-limit // BLOCK) * BLOCK
        self._free: list[int] = []
        self._touched = 0
        self.taken = 0

    @property
    def used(self) -> int:
        """Rows kernels have to walk: whole blocks, from row 0."""
        return -(-self._touched // BLOCK) * BLOCK

    def take(self) -> int:
        """The lowest free row; raises :class:`RowsExhausted`."""
        if self._free:
            row = heapq.heappop(self._free)
        elif self._touched < self.limit:
            row = self._touched
            self._touched += 1
        else:
            raise RowsExhausted(f"all {self.limit} media rows are taken; raise the row limit or add a worker")
        self.taken += 1
        return row

    def give(self, row: int) -> None:
        """Free a row that was taken."""
        heapq.heappush(self._free, row)
        self.taken -= 1
        if not self.taken:
            self._free.clear()
            self._touched = 0


def clear_row(columns: Columns, row: int) -> None:
    """Reset every column of a row to what a fresh leg has."""
    groups: tuple[Any, ...] = columns
    for group in groups:
        for name, array in zip(group._fields, group, strict=True):
            array[row] = _FIRST.get(name, 0)
    columns.receive.ssrc[row] = -1
    columns.receive.event_time[row] = -1
    columns.jitter.ring[row] = MISSING
    columns.jitter.silent[row] = 1
