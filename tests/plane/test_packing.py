"""Packets of 10, 30, 40 and 60 ms against a plain reference, and through a plane."""

from __future__ import annotations

import itertools
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plane_bench import FRAME, Bench, sine, split, ulaw

from hookflash.plane.columns import clear_row, make_columns
from hookflash.plane.kernels.packing import pack
from hookflash.ports.plane import CloseLeg, SendTones, TonesSent

HEADER = 12
EVENT = 101


class Packer:
    """The same in plain Python: audio in, packets out."""

    def __init__(self, ptime: int, sequence: int) -> None:
        self.ptime = ptime
        self.sequence = sequence
        self.held = b""
        self.time = self.mark = self.kind = 0

    def _packet(self, kind: int, mark: int, time: int, payload: bytes) -> bytes:
        head = struct.pack("!BBHI", 0x80, mark << 7 | kind, self.sequence, time % 2**32) + b"SSRC"
        self.sequence = (self.sequence + 1) % 2**16
        return head + payload

    def take(self, what: str, kind: int, mark: int, time: int, payload: bytes, clock: int) -> list[bytes]:
        if what == "nothing":
            self.held = b""
            return []
        if what == "event":
            sent = [self._packet(self.kind, self.mark, self.time, self.held)] if self.held else []
            self.held = b""
            return [*sent, self._packet(kind, mark, time, payload)]
        if self.held and self.kind != kind:
            self.held = b""
        if not self.held:
            self.time, self.mark, self.kind = time, mark, kind
        self.held += payload
        size = len(payload) * self.ptime // 20
        sent = []
        while len(self.held) >= size:
            sent.append(self._packet(self.kind, self.mark, self.time, self.held[:size]))
            self.held = self.held[size:]
            self.time += clock * self.ptime // 20
            self.mark = 0
        return sent


KINDS = ("audio", "audio", "audio", "audio", "other audio", "event", "nothing")


@settings(max_examples=200, deadline=None)
@given(
    ptime=st.sampled_from((10, 30, 40, 60)),
    octets=st.sampled_from((160, 320)),
    sequence=st.integers(0, 2**16 - 1),
    time=st.integers(0, 2**32 - 1),
    script=st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 1)), min_size=1, max_size=40),
)
def test_packets_are_those_of_the_reference(ptime, octets, sequence, time, script):
    columns = make_columns(48)
    row = 5
    clear_row(columns, row)
    setup, tx, packing = columns.setup, columns.transmit, columns.packing
    setup.clock[row], setup.ptime[row], setup.event_type[row] = 160, ptime, EVENT
    tx.sequence[row] = sequence
    reference = Packer(ptime, sequence)
    rows = np.array([row], np.int64)
    octet = 0
    count = payload_octets = 0
    for what, mark in script:
        payload = bytes((octet + i) % 251 for i in range(4 if what == "event" else octets))
        octet += len(payload)
        kind = {"event": EVENT, "other audio": 8}.get(what, 0)
        tx.length[row] = 0
        if what != "nothing":
            packet = struct.pack("!BBHI", 0x80, mark << 7 | kind, tx.sequence[row], time) + b"SSRC" + payload
            tx.octets[row, : len(packet)] = list(packet)
            tx.length[row] = len(packet)
            tx.sequence[row] = (tx.sequence[row] + 1) & 0xFFFF
            tx.packets[row] += 1
            tx.payload[row] += len(payload)
        seconds = pack(setup, tx, packing, rows, 1)
        staged = [
            bytes(packing.first[row, : packing.first_length[row]]),
            bytes(packing.second[row, : packing.second_length[row]]),
        ]
        assert seconds == (packing.second_length[row] > 0)
        sent = [data for data in staged if data]
        assert sent == reference.take(what.split()[-1], kind, mark, time, payload, 160)
        assert tx.length[row] == 0
        count += len(sent)
        payload_octets += sum(len(data) - HEADER for data in sent)
        assert (tx.packets[row], tx.payload[row]) == (count, payload_octets)
        assert tx.sequence[row] == reference.sequence
        time = (time + 160) % 2**32


def follow(packets) -> None:
    """Sequence numbers one by one; each audio packet begins where the one before ended."""
    for a, b in itertools.pairwise(packets):
        assert (b.sequence - a.sequence) % 2**16 == 1
        if a.kind == b.kind == 0:
            assert (b.time - a.time) % 2**32 == len(a.payload)


@pytest.mark.parametrize("ptime", [10, 30, 40, 60])
def test_a_clip_arrives_bit_exact_in_packets_of_the_agreed_size(ptime):
    bench = Bench()
    bench.leg(1, ptime=ptime)
    samples = sine(300, 20 * FRAME)
    bench.play(1, samples, (1,))
    bench.tick(24)
    packets = bench.sent(1)
    follow(packets)
    assert {len(p.payload) for p in packets} == {8 * ptime}
    assert [p.marker for p in packets] == [True] + [False] * (len(packets) - 1)
    assert abs(len(packets) * ptime - 24 * 20) < ptime
    heard = b"".join(p.payload for p in packets)
    assert ulaw(samples) in heard
    tx = bench.plane.columns.transmit
    assert tx.packets[0] == len(packets)
    assert tx.payload[0] == len(heard)


def test_packets_of_ten_ms_leave_two_a_tick():
    bench = Bench()
    bench.leg(1, ptime=10)
    for tick in range(5):
        assert len(bench.sent(1)) == 2 * tick
        bench.tick()


@pytest.mark.parametrize("ptime", [10, 30, 40, 60])
def test_keys_leave_at_once_behind_the_audio_that_was_waiting(ptime):
    bench = Bench()
    bench.leg(1, ptime=ptime)
    samples = sine(300, 60 * FRAME)
    bench.play(1, samples, (1,))
    bench.tick(4)
    bench.do(SendTones(1, 1, "5#", 100, 100))
    bench.tick(40)
    assert len(bench.of(TonesSent)) == 1
    packets = bench.sent(1)
    follow(packets)
    first = next(i for i, p in enumerate(packets) if p.kind == EVENT)
    audio = packets[:first]
    assert b"".join(p.payload for p in audio) == ulaw(samples[: 4 * FRAME])
    assert packets[first].time == (audio[0].time + 4 * FRAME) % 2**32
    events = [p for p in packets if p.kind == EVENT]
    assert [int.from_bytes(p.payload[2:], "big") for p in events] == [160, 320, 480, 640, 800, 800, 800] * 2
    ends = [i for i, p in enumerate(packets) if p.kind == EVENT and packets[i + 1].kind == 0]
    for end in ends:
        behind = packets[end + 1]
        assert behind.marker
        assert (behind.time - packets[end].time) % 2**32 == 7 * FRAME


def test_on_hold_what_waits_is_given_up_and_time_goes_on():
    bench = Bench()
    bench.leg(1, ptime=60)
    bench.tick(5)
    bench.connect(1, "198.51.100.1", 4000, sending=False, ptime=60)
    bench.tick(4)
    bench.connect(1, "198.51.100.1", 4000, ptime=60)
    bench.tick(3)
    first, second = bench.sent(1)
    assert (second.sequence - first.sequence) % 2**16 == 1
    assert (second.time - first.time) % 2**32 == 9 * FRAME
    assert second.marker


def test_a_re_offer_changes_the_size():
    bench = Bench()
    phone = bench.leg(1, ptime=60)
    bench.tick(5)
    for ptime in (10, 20, 40):
        bench.connect(1, *phone.address, ptime=ptime)
        before = len(bench.sent(1))
        bench.tick(4)
        sizes = [len(p.payload) for p in bench.sent(1)[before:]]
        assert sizes == [8 * ptime] * (80 // ptime)
    assert len(bench.plane.legs.packed) == 1
    bench.do(CloseLeg(1))
    bench.tick()
    assert len(bench.plane.legs.packed) == 0


def test_a_packed_leg_and_a_plain_one_send_the_same():
    bench = Bench()
    bench.leg(1, ptime=30)
    bench.leg(2)
    bench.play(1, sine(440, 30 * FRAME), (1, 2))
    bench.tick(30)
    packed, plain = (b"".join(split(d).payload for _, d in bench.endpoint(n).sent) for n in (1, 2))
    assert len(packed) > 25 * FRAME
    assert plain.startswith(packed[FRAME:])


@pytest.mark.parametrize(("ptime", "clock"), [(0, 8000), (25, 8000), (80, 8000), (40, 48000), (10, 16000)])
def test_packets_that_can_not_be_are_refused(ptime, clock):
    bench = Bench()
    codec = {8000: "PCMU", 16000: "L16", 48000: "OPUS"}[clock]
    with pytest.raises(ValueError, match=f"packets of {ptime} ms"):
        bench.leg(1, ptime=ptime, clock=clock, codec=codec)
