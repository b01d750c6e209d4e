"""Keys on the way out, at every clock and in band at both rates, against a plain timetable."""

from __future__ import annotations

import math
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plane_bench import FRAME, Bench
from test_events import Leg, Sent

from hookflash.plane.columns import clear_row, make_columns
from hookflash.plane.columns.sizes import G722, OPUS
from hookflash.plane.columns.transmit import AUDIO, EVENT
from hookflash.plane.kernels.tones import (
    COLUMNS,
    END_PACKETS,
    HIGH_AMPLITUDE,
    IN_BAND,
    LONGEST,
    LOW_AMPLITUDE,
    RFC4733,
    ROWS,
    send_tones,
)
from hookflash.plane.sendings import CODES, SENDABLE
from hookflash.ports.plane import OpenLeg, SendTones, StopTones, TonesRefused, TonesSent

DIGITS = st.text(SENDABLE, min_size=1, max_size=8)


class Row:
    """The kernel over one row that sends ``digits``."""

    def __init__(self, digits: str, tone_ms: int, gap_ms: int, *, clock=160, events=True, wide=False) -> None:
        self.columns = make_columns(48)
        clear_row(self.columns, 0)
        setup, self.tx = self.columns.setup, self.columns.transmit
        setup.sending[0] = 1
        setup.clock[0] = clock
        setup.event_type[0] = 101 if events else -1
        setup.wide[0] = 3 if wide else -1
        setup.codec[0] = (OPUS if clock == 960 else G722) if wide else 0
        unit = clock if events else (320 if wide else 160)
        tx = self.tx
        tx.tone[0] = RFC4733 if events else IN_BAND
        tx.unit[0] = unit
        tx.digits[0, : len(digits)] = [SENDABLE.index(digit) for digit in digits]
        tx.digit_count[0] = len(digits)
        tx.span[0] = tone_ms * unit // 20
        tx.gap[0] = gap_ms * unit // 20
        tx.time[0] = 2**32 - 7 * clock
        tx.ssrc[0] = 1
        self.heard: list[np.ndarray] = []
        self.events: list[tuple[int, Sent]] = []
        self.finished = -1

    def tick(self, number: int) -> None:
        tx, columns = self.tx, self.columns
        send_tones(columns.setup, tx, columns.wide, np.zeros(1, np.int64), 1)
        if tx.made[0] == EVENT:
            data = bytes(tx.octets[0, : tx.length[0]])
            _, kind, sequence, time, _ = struct.unpack_from("!BBHII", data)
            code, flags, duration = struct.unpack_from("!BBH", data, 12)
            assert len(data) == 16
            assert kind & 0x7F == 101
            sent = Sent(0, 1, sequence, time, kind >> 7, code, flags >> 7, duration)
            self.events.append((number, sent))
        else:
            assert tx.made[0] == AUDIO
            if columns.setup.wide[0] >= 0:
                assert not columns.wide.still[3] or not columns.wide.out[3].any()
                self.heard.append(columns.wide.out[3].copy())
        tx.time[0] = (tx.time[0] + columns.setup.clock[0]) % 2**32
        if tx.done[0] and self.finished < 0:
            self.finished = number

    def run(self) -> int:
        """Tick until the last digit and its gap are over; how many ticks that took."""
        number = 0
        while self.tx.done[0] != 2:
            self.tick(number)
            number += 1
            assert number < 10_000
        return number


def pause_ticks(digit: str) -> int:
    return {"w": 25, "W": 50}.get(digit, 0)


@settings(max_examples=60, deadline=None)
@given(DIGITS, st.integers(20, 3000), st.integers(60, 300), st.sampled_from((160, 320, 960)), st.booleans())
def test_events_keep_the_timetable(digits, tone, gap, clock, wide):
    row = Row(digits, tone, gap, clock=clock, wide=wide)
    took = row.run()
    span, start = tone * clock // 20, 0
    expected: list[tuple[int, Sent]] = []
    ends = -1
    most = LONGEST // clock * clock
    for digit in digits:
        if pause_ticks(digit):
            start += pause_ticks(digit)
            ends = start - 1
            continue
        begun = row.tx.time[0] - (took - start) * clock
        updates = -(-span // clock)
        for i in range(updates + END_PACKETS - 1):
            so_far = min((i + 1) * clock, span)
            segment = (so_far - 1) // most
            code = CODES.index(digit)
            at = (begun + segment * most) % 2**32
            last = int(i >= updates - 1)
            number = len(expected) if wide else start + i
            sent = Sent(0, 1, number, int(at), int(i == 0), code, last, so_far - int(segment * most))
            expected.append((start + i, sent))
            ends = start + i
        start += -(-(span + gap * clock // 20) // clock)
    assert row.events == expected
    assert took == start
    assert row.finished == (ends if digits[-1] in CODES else took - 1)


@settings(max_examples=30, deadline=None)
@given(DIGITS, st.integers(40, 8000), st.integers(60, 300), st.sampled_from((160, 320, 960)))
def test_what_is_sent_is_told(digits, tone, gap, clock):
    row, leg = Row(digits, tone, gap, clock=clock), Leg(clock)
    row.run()
    for number, packet in row.events:
        leg.take(packet, number)
    assert "".join(CODES[code] for code in leg.told) == digits.replace("w", "").replace("W", "")


@settings(max_examples=40, deadline=None)
@given(DIGITS, st.integers(20, 200), st.integers(20, 200))
def test_wideband_tones_are_exact_to_the_sample(digits, tone, gap):
    row = Row(digits, tone, gap, events=False, wide=True)
    took = row.run()
    parts: list[np.ndarray] = []
    for digit in digits:
        if pause_ticks(digit):
            parts.append(np.zeros(320 * pause_ticks(digit)))
            continue
        code, n = CODES.index(digit), np.arange(16 * tone)
        low = LOW_AMPLITUDE * np.sin(2 * math.pi * ROWS[code] * n / 16000)
        high = HIGH_AMPLITUDE * np.sin(2 * math.pi * COLUMNS[code] * n / 16000)
        parts += [np.trunc(low + high), np.zeros(16 * gap)]
    expected = np.concatenate(parts)
    heard = np.concatenate(row.heard)
    assert took == -(-len(expected) // 320)
    assert np.abs(heard[: len(expected)] - expected).max() <= 1
    assert not heard[len(expected) :].any()


def test_pauses_stand_between_keys():
    bench = Bench()
    bench.leg(1)
    bench.do(SendTones(1, 1, "1w2W3", 100, 100))
    bench.tick(150)
    packets = bench.sent(1)
    starts = [i for i, p in enumerate(packets) if p.kind == 101 and p.marker]
    assert np.diff(starts).tolist() == [10 + 25, 10 + 50]
    assert len(bench.of(TonesSent)) == 1
    assert bench.of(TonesSent)[0].tick == starts[-1] + 1 + 6


def test_pauses_alone_take_their_time():
    for event in (101, -1):
        bench = Bench()
        bench.leg(1, event=event)
        bench.do(SendTones(1, 1, "wW", 100, 100))
        bench.tick(74)
        assert bench.of(TonesSent) == []
        bench.tick(1)
        assert len(bench.of(TonesSent)) == 1
        assert {p.kind for p in bench.sent(1)} == {0}


def test_a_leg_without_a_network_takes_the_time_of_pauses_too():
    bench = Bench()
    bench.do(OpenLeg(5, 1, False), SendTones(1, 5, "1w", 100, 100))
    bench.tick(34)
    assert bench.of(TonesSent) == []
    bench.tick(1)
    assert len(bench.of(TonesSent)) == 1


@pytest.mark.parametrize("event", [101, -1])
def test_a_sending_stopped_in_a_pause_is_over_at_once(event):
    bench = Bench()
    bench.leg(1, event=event)
    bench.play(1, np.full(40 * FRAME, 3000, np.int16), (1,))
    bench.do(SendTones(1, 1, "W5", 100, 100), SendTones(2, 1, "w", 100, 100))
    bench.tick(5)
    before = len(bench.sent(1))
    bench.do(StopTones(1))
    bench.tick(30)
    assert [e.sending for e in bench.of(TonesSent)] == [2]
    packets = bench.sent(1)
    assert {p.kind for p in packets} == {0}
    assert len({p.sequence for p in packets}) == len(packets)
    assert [p.payload == b"\xff" * FRAME for p in packets[before:]] == [True] * 25 + [False] * 5


def test_a_sending_stopped_before_it_began_leaves_nothing():
    bench = Bench()
    bench.leg(1)
    bench.do(SendTones(1, 1, "5", 100, 100), StopTones(1))
    bench.tick(20)
    assert {p.kind for p in bench.sent(1)} == {0}
    assert bench.of(TonesSent) == []


def test_a_leg_that_loses_its_events_goes_on_in_band():
    """The key that is being sent is cut off; the next one is whole."""
    bench, other = Bench(), Bench(seed=1)
    phone = bench.leg(1)
    bench.do(SendTones(1, 1, "159", 200, 100))
    bench.tick(4)
    bench.connect(1, *phone.address, event=-1)
    bench.tick(60)
    assert len(bench.of(TonesSent)) == 1
    listener = other.leg(1, event=-1)
    for _, data in bench.endpoint(1).sent:
        other.net.deliver(listener.port, data, listener.address)
        other.tick()
    assert other.keys(1) == "59"
    assert {p.payload[0] for p in bench.sent(1) if p.kind == 101} == {1}


def test_a_leg_that_gets_events_goes_on_with_them():
    bench = Bench()
    phone = bench.leg(1, event=-1)
    bench.do(SendTones(1, 1, "159", 200, 100))
    bench.tick(4)
    bench.connect(1, *phone.address)
    bench.tick(60)
    assert len(bench.of(TonesSent)) == 1
    starts = [p.payload[0] for p in bench.sent(1) if p.kind == 101 and p.marker]
    assert starts == [5, 9]


def test_pauses_count_as_digits():
    bench = Bench()
    bench.leg(1)
    bench.do(SendTones(1, 1, "w" * 65, 100, 100))
    bench.tick()
    assert len(bench.of(TonesRefused)) == 1
