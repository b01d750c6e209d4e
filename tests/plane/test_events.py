"""Keys by RFC 4733 through a hostile network, at every clock, against a plain statement of what is told."""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from plane_bench import FRAME, Bench
from test_plane_dtmf import tone

from hookflash.plane.columns import clear_row, make_columns
from hookflash.plane.kernels.compiling import kernel
from hookflash.plane.kernels.events import LONGEST, OUT_OF_DATE, take_event
from hookflash.ports.plane import ToneHeard

CLOCKS = (160, 320, 960)


@dataclass(frozen=True)
class Sent:
    """One telephone-event packet on the wire, and the press it belongs to."""

    press: int
    ssrc: int
    sequence: int
    time: int
    marker: int
    code: int
    ended: int
    duration: int


@kernel
def take(rx, detect, tick, clock, ssrc, sequence, time, marker, code, ended, duration):
    take_event(rx, detect, 0, tick, clock, ssrc, sequence, time, marker, code, ended, duration)


class Leg:
    """The kernel over one row."""

    def __init__(self, clock: int) -> None:
        self.columns = make_columns(48)
        clear_row(self.columns, 0)
        self.clock = clock
        self.told: list[int] = []

    def take(self, packet: Sent, tick: int) -> None:
        rx = self.columns.receive
        rx.key[0] = -1
        take(
            rx,
            self.columns.detect,
            tick,
            self.clock,
            packet.ssrc,
            packet.sequence & 0xFFFF,
            packet.time & 0xFFFFFFFF,
            packet.marker,
            packet.code,
            packet.ended,
            packet.duration,
        )
        if rx.key[0] >= 0:
            self.told.append(int(rx.key[0]))


class Sender:
    """What a phone sends for a press: an update a tick, three end packets, segments where it is long."""

    def __init__(self, clock: int, time: int, sequence: int) -> None:
        self.clock = clock
        self.time = time
        self.sequence = sequence
        self.ssrc = 1
        self.presses = 0

    def press(self, code: int, length: int, *, ended: bool = True) -> list[Sent]:
        packets: list[Sent] = []
        start, left, marker = self.time, length, 1
        while left > LONGEST:
            packets += self._updates(code, start, LONGEST, marker)
            packets.append(self._packet(code, start, LONGEST, 0, 0))
            start, left, marker = start + LONGEST, left - LONGEST, 0
        packets += self._updates(code, start, left, marker)
        packets += [self._packet(code, start, left, 0, 1) for _ in range(3 if ended else 0)]
        self.time += length
        self.presses += 1
        return packets

    def _updates(self, code: int, start: int, length: int, marker: int) -> list[Sent]:
        durations = range(self.clock, length, self.clock)
        return [self._packet(code, start, d, marker * (d == self.clock), 0) for d in durations]

    def _packet(self, code: int, start: int, duration: int, marker: int, ended: int) -> Sent:
        self.sequence += 1
        return Sent(self.presses, self.ssrc, self.sequence, start, marker, code, ended, duration)


class HostileNetwork(RuleBasedStateMachine):
    """Packets are lost, repeated and overtaken.

    What is told: a press of which a packet arrives before any packet of a later press of that source, once
    and with the first such packet. Nothing else. A press that goes on in segments is one as long as a packet
    of the last half second of each segment arrives.
    """

    @initialize(
        clock=st.sampled_from(CLOCKS),
        time=st.integers(0, 2**32 - 1),
        sequence=st.integers(0, 2**16 - 1),
        seed=st.integers(0, 2**32),
        loss=st.sampled_from((0.0, 0.1, 0.5, 0.9)),
    )
    def begin(self, clock, time, sequence, seed, loss):
        self.chance = random.Random(seed)
        self.loss = loss
        self.leg = Leg(clock)
        self.sender = Sender(clock, time, sequence)
        self.late: list[tuple[int, Sent]] = []
        self.tick = 1000
        self.newest: dict[int, int] = {}
        self.expected: list[int] = []

    def arrive(self, packet: Sent) -> None:
        if packet.press > self.newest.get(packet.ssrc, -1):
            self.newest[packet.ssrc] = packet.press
            self.expected.append(packet.code)
        self.leg.take(packet, self.tick)

    def carry(self, packets: list[Sent], safe: set[int] = frozenset()) -> None:
        for packet in packets:
            self.tick += 1
            if packet.sequence in safe:
                self.arrive(packet)
                continue
            for _ in range(self.chance.choice((1, 1, 1, 2, 3))):
                fate = self.chance.random()
                if fate < self.loss:
                    continue
                if fate > 0.9:
                    self.late.append((self.tick + self.chance.randint(1, 12), packet))
                else:
                    self.arrive(packet)
            due = [p for at, p in self.late if at <= self.tick]
            self.late = [(at, p) for at, p in self.late if at > self.tick]
            for other in due:
                self.arrive(other)

    def flush(self) -> None:
        for _, packet in self.late:
            self.arrive(packet)
        self.late = []

    @rule(
        code=st.integers(0, 15),
        ticks=st.floats(2, 30),
        gap=st.sampled_from((0, 0, 1, 7, 900)),
        ended=st.booleans(),
        lose=st.sampled_from(("", "first", "ends", "all but one end")),
        times=st.integers(1, 4),
    )
    def press(self, code, ticks, gap, ended, lose, times):
        for _ in range(times):
            packets = self.sender.press(code, int(ticks * self.sender.clock), ended=ended)
            if lose == "first":
                packets = packets[1:]
            elif lose == "ends":
                packets = [p for p in packets if not p.ended]
            elif lose and ended:
                packets = packets[-1:]
            self.carry(packets)
            self.sender.time += gap

    @rule(code=st.integers(0, 15), segments=st.integers(1, 2), rest=st.floats(2, 30), ended=st.booleans())
    def long_press(self, code, segments, rest, ended):
        length = segments * LONGEST + int(rest * self.sender.clock)
        packets = self.sender.press(code, length, ended=ended)
        self.carry(packets, {p.sequence for p in packets if p.duration == LONGEST})

    @rule(ticks=st.integers(1, 500))
    def silence(self, ticks):
        self.tick += ticks
        self.sender.time += ticks * self.sender.clock
        self.flush()

    @rule(sequence=st.integers(0, 2**16 - 1), time=st.integers(0, 2**32 - 1), clean=st.booleans())
    def new_source(self, sequence, time, clean):
        # Packets of the source before may still be on their way, of those before that none are.
        self.late = [] if clean else [(at, p) for at, p in self.late if p.ssrc == self.sender.ssrc]
        self.sender.ssrc += 1
        self.sender.sequence, self.sender.time = sequence, time

    @rule(seconds=st.integers(60, 3600), back=st.booleans())
    def clock_jumps(self, seconds, back):
        self.flush()
        self.sender.time += seconds * 50 * self.sender.clock * (-1 if back else 1)

    @rule(code=st.integers(16, 255))
    def other_event(self, code):
        packet = self.sender._packet(code, self.sender.time, 160, 1, 0)
        self.leg.take(packet, self.tick)

    @invariant()
    def each_is_told_once(self):
        if hasattr(self, "leg"):
            assert self.leg.told == self.expected


TestHostileNetwork = HostileNetwork.TestCase
TestHostileNetwork.settings = settings(max_examples=60, stateful_step_count=20, deadline=None)


@pytest.mark.parametrize("clock", CLOCKS)
def test_equal_keys_without_end_marker_or_gap_are_as_many(clock):
    leg, sender = Leg(clock), Sender(clock, 2**32 - 5 * clock, 65530)
    for tick in range(6):
        for packet in sender.press(5, 5 * clock, ended=False)[1:]:
            leg.take(packet, tick)
    assert leg.told == [5] * 6


@pytest.mark.parametrize("clock", CLOCKS)
def test_a_very_long_press_is_one_key_at_each_clock(clock):
    leg, sender = Leg(clock), Sender(clock, 77, 0)
    for tick, packet in enumerate(sender.press(9, 4 * LONGEST + 5 * clock)):
        leg.take(packet, tick)
    assert leg.told == [9]


@pytest.mark.parametrize("clock", CLOCKS)
def test_a_press_just_after_a_long_one_is_another(clock):
    """With its marker, or behind an end packet, a press is never taken for a segment."""
    for ended in (False, True):
        leg, sender = Leg(clock), Sender(clock, 77, 0)
        packets = sender.press(9, LONGEST, ended=ended) + sender.press(9, 4 * clock)[ended:]
        for tick, packet in enumerate(packets):
            leg.take(packet, tick)
        assert leg.told == [9, 9]


@pytest.mark.parametrize("clock", CLOCKS)
def test_a_sender_that_moves_the_time_within_a_press_has_pressed_once(clock):
    leg, sender = Leg(clock), Sender(clock, 0, 0)
    for i in range(10):
        leg.take(Sent(0, 1, i, 160 + i * clock, int(i == 0), 3, int(i > 7), (i + 1) * clock), i)
    sender.time, sender.sequence = 160 + 14 * clock, 20
    for packet in sender.press(3, 4 * clock):
        leg.take(packet, 20)
    assert leg.told == [3, 3]


def test_late_ends_of_a_long_press_tell_nothing():
    """They are far back by their time, but not by their end."""
    leg, sender = Leg(160), Sender(160, 0, 0)
    first = sender.press(4, 300 * 160)
    second = sender.press(6, 5 * 160)
    for packet in first[:-3] + second:
        leg.take(packet, 1)
    again = [Sent(0, 1, 5000 + i, p.time, 0, p.code, 1, p.duration) for i, p in enumerate(first[-3:])]
    assert second[0].time - first[0].time > OUT_OF_DATE * 160
    for packet in again:
        leg.take(packet, 1)
    assert leg.told == [4, 6]


# --- in band and as events: one press is one key ---


def gateway(lead: int, keys: str, *, audio_until: int = 10**9, drop=(), ticks: int = 8):
    """A gateway that sends the tones in the audio and events that begin ``lead`` ticks after them."""
    bench = Bench()
    phone = bench.leg(1)
    phone.say()
    bench.tick()
    for number, key in enumerate(keys):
        samples = tone(key, 20 * ticks)
        start = phone.time + lead * FRAME
        for t in range(ticks + lead + 4):
            frame = samples[t * FRAME : (t + 1) * FRAME] if t < min(ticks, audio_until) else []
            at = t - lead
            if 0 <= at < ticks and number not in drop:
                done = at == ticks - 1
                for _ in range(3 if done else 1):
                    phone.raw(phone.event(key, (at + 1) * FRAME, start=start, marker=at == 0, end=done))
            phone.say(np.round(frame).astype(np.int16) if len(frame) else None)
            bench.tick()
    bench.tick(20)
    return bench


@pytest.mark.parametrize("lead", [0, 1, 2, 3, 5, 7])
@pytest.mark.parametrize("keys", ["5", "55", "1590", "5551"])
def test_a_gateway_that_sends_both_is_told_once_a_press(lead, keys):
    assert gateway(lead, keys).keys(1) == keys


@pytest.mark.parametrize("leak", [1, 2, 3, 5])
@pytest.mark.parametrize("lead", [0, 1, 3])
def test_tones_that_leak_before_the_events_are_not_told(leak, lead):
    assert gateway(lead, "147", audio_until=leak).keys(1) == "147"


def test_a_first_press_whose_events_were_all_lost_is_told_in_band():
    bench = gateway(0, "12", drop=(0,))
    assert [(e.digit, e.source) for e in bench.of(ToneHeard)] == [("1", "inband"), ("2", "rfc4733")]


def test_events_from_a_source_of_their_own_leave_the_audio_alone():
    bench = Bench()
    phone = bench.leg(1)
    for key in "15":
        for t in range(6):
            phone.say()
            audio, phone.ssrc = phone.ssrc, 0xE7E7
            sequence, phone.sequence = phone.sequence, 9 + t
            phone.raw(phone.event(key, (t + 1) * FRAME, start=phone.time - t * FRAME, marker=t == 0))
            phone.ssrc, phone.sequence = audio, sequence
            bench.tick()
    assert bench.keys(1) == "15"
    rx = bench.plane.columns.receive
    assert rx.ssrc[0] == phone.ssrc
    assert rx.packets[0] == 12
    assert rx.lost[0] == 0


def test_a_new_source_may_send_in_band_again():
    bench = Bench()
    phone = bench.leg(1)
    for tick in phone.press("1"):
        for packet in tick:
            phone.raw(packet)
        phone.say()
        bench.tick()
    bench.tick(40)
    phone.ssrc, phone.time = 77, 123456
    samples = np.round(tone("2", 100)).astype(np.int16)
    for t in range(12):
        phone.say(samples[t * FRAME : (t + 1) * FRAME] if t < 5 else None)
        bench.tick()
    assert [(e.digit, e.source) for e in bench.of(ToneHeard)] == [("1", "rfc4733"), ("2", "inband")]
