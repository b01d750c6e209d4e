"""The desk of Opus packets: whatever arrives in whatever order, its decoder sees packets in order."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hookflash.plane.columns import FRAME, MISSING, RING, make_columns
from hookflash.plane.columns.wide import PACKETS
from hookflash.plane.opus import LARGEST, OpusDecoder, OpusEncoder
from hookflash.plane.packets import MAX_HELD, RESTART, Packet, PacketDesk
from hookflash.plane.slots import Slots

ROW = 3
COUNT = 60


@cache
def stream() -> list[bytes]:
    """Packets of a voice, no two alike."""
    encoder, out = OpusEncoder(), np.zeros(LARGEST, np.uint8)
    made = []
    t = np.arange(320 * COUNT) / 16000
    line = (6000 * np.sin(2 * np.pi * (300 + 200 * t) * t)).astype(np.int16).reshape(COUNT, 320)
    for frame in line:
        size = encoder.encode(np.ascontiguousarray(frame).ctypes.data, out.ctypes.data)
        made.append(out[:size].tobytes())
    encoder.close()
    assert len(set(made)) == COUNT
    return made


class Listed(OpusDecoder):
    """Writes down what it is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.done: list[tuple[str, bytes]] = []
        self.pieces: dict[bytes, np.ndarray] = {}

    def decode(self, payload: bytes) -> int:
        samples = super().decode(payload)
        self.done.append(("decode", payload))
        self.pieces[payload] = self.pcm[: max(samples, 0)].copy()
        return samples

    def recover(self, following: bytes, samples: int) -> int:
        self.done.append(("recover", following))
        return super().recover(following, samples)

    def conceal(self, samples: int) -> int:
        self.done.append(("conceal", b""))
        return super().conceal(samples)

    def reset(self) -> None:
        super().reset()
        self.done.append(("reset", b""))


class Room:
    """A desk with one leg, and the playout it feeds."""

    def __init__(self) -> None:
        self.columns = make_columns(48)
        self.columns.jitter.ring[ROW] = MISSING
        self.columns.jitter.target[ROW] = 3 * FRAME
        self.desk = PacketDesk(self.columns)
        self.desk.delay = 3 * FRAME
        self.slot = Slots(self.columns).take(ROW, PACKETS)
        self.desk.open(self.slot, ROW)
        self.leg = self.desk._legs[self.slot]
        self.leg.decoder.close()
        self.leg.decoder = self.decoder = Listed()
        self.tick = 0

    def arrive(self, number: int, payload: bytes | None = None, shift: int = 0) -> None:
        payload = stream()[number % COUNT] if payload is None else payload
        packet = Packet(payload, 10_000 + FRAME * number, self.tick, 0)
        self.desk.feed(self.leg, 1000 + number + shift, packet)
        self.check()

    def pass_tick(self) -> None:
        """As a plane's tick: what is due is settled, and playout moves on."""
        self.desk.settle()
        self.check()
        jitter = self.columns.jitter
        if jitter.playing[ROW]:
            start = int(jitter.time[ROW])
            index = np.arange(2 * start, 2 * (start + FRAME)) & (2 * RING - 1)
            self.columns.wide.ring[self.slot, index] = MISSING
            jitter.time[ROW] += FRAME
        self.tick += 1

    def check(self) -> None:
        held = self.leg.held
        assert len(held) <= MAX_HELD
        assert not held or min(held) > self.leg.next, "what can be decoded does not wait"

    def decoded(self) -> list[list[int]]:
        """Numbers of the packets decoded, in order; a list for each time the decoder began anew."""
        numbers = {payload: number for number, payload in enumerate(stream())}
        lists: list[list[int]] = [[]]
        for what, payload in self.decoder.done:
            if what == "reset":
                lists.append([])
            elif what == "decode" and payload in numbers:
                lists[-1].append(numbers[payload])
        return lists

    def close(self) -> None:
        self.desk.close(self.slot)


arrivals = st.one_of(
    st.tuples(st.just("packet"), st.integers(0, COUNT - 1)),
    st.tuples(st.just("packet"), st.integers(0, COUNT - 1)),
    st.tuples(st.just("next"), st.integers(-3, 4)),
    st.tuples(st.just("next"), st.integers(0, 1)),
    st.tuples(st.just("garbage"), st.binary(max_size=60)),
    st.tuples(st.just("jump"), st.integers(-5 * RESTART, 5 * RESTART)),
    st.tuples(st.just("tick"), st.none()),
)


@pytest.mark.compiled
@settings(max_examples=300, deadline=None)
@given(st.lists(arrivals, max_size=120))
def test_any_arrivals_are_decoded_in_order_and_never_raise(steps):
    room = Room()
    newest = 0
    for what, value in steps:
        if what == "packet":
            room.arrive(value)
        elif what == "next":
            newest = max(0, min(COUNT - 1, newest + value))
            room.arrive(newest)
        elif what == "garbage":
            room.arrive(newest + 1, value)
        elif what == "jump":
            room.arrive(newest, shift=value)
        else:
            room.pass_tick()
    if not any(what == "jump" for what, _ in steps):
        for part in room.decoded():
            assert part == sorted(set(part)), "each once, and in order"
    for _ in range(100):
        room.pass_tick()
    assert not room.leg.held, "what waits is given up when it is due"
    room.close()
    assert len(room.desk) == 0


@settings(max_examples=200, deadline=None)
@given(
    st.permutations(range(6)).map(lambda order: [0, *(1 + n for n in order)]),
    st.sets(st.integers(1, 6), max_size=3),
    st.sets(st.integers(0, 6)),
)
def test_what_comes_in_time_is_played_where_it_belongs(order, lost, twice):
    """All of it before any is due: the ring holds what a decoder makes of the packets in order."""
    room = Room()
    coming = [number for number in order if number not in lost]
    for number in coming:
        room.arrive(number)
        if number in twice:
            room.arrive(number)
    # Nothing more comes, so that what waits becomes due.
    jitter = room.columns.jitter
    begin = int(jitter.time[ROW])
    while room.leg.held:
        room.desk._give_up(room.leg)
        room.check()
    assert int(jitter.time[ROW]) == begin
    assert room.decoded()[-1] == sorted(coming)
    for number in range(7):
        start = 10_000 + FRAME * number
        index = np.arange(2 * start, 2 * (start + FRAME)) & (2 * RING - 1)
        found = room.columns.wide.ring[room.slot, index]
        if number in coming:
            assert np.array_equal(found, np.maximum(room.decoder.pieces[stream()[number]], -32767))
        elif number < max(coming):
            assert (found != MISSING).all(), "made up, or recovered from the packet behind it"
    room.close()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.binary(max_size=200), min_size=1, max_size=30))
def test_garbage_is_counted_and_changes_nothing(payloads):
    room = Room()
    room.arrive(0)
    before = room.columns.wide.ring[room.slot].copy()
    judge = OpusDecoder()
    for payload in payloads:
        if judge.samples(payload) < 0:
            room.arrive(1, payload)
            assert room.leg.next == 1001
    judge.close()
    bad = sum(1 for payload in payloads if payload == b"")
    assert room.columns.receive.garbage[ROW] >= bad
    assert np.array_equal(before, room.columns.wide.ring[room.slot])
    room.arrive(1)
    assert room.decoded()[-1] == [0, 1]
    room.close()


def test_a_gap_is_recovered_from_the_packet_behind_it_and_the_rest_made_up():
    room = Room()
    for number in (0, 1, 4):
        room.arrive(number)
    assert room.decoder.done[-1] == ("decode", stream()[1])
    for _ in range(8):
        room.pass_tick()
    assert [what for what, _ in room.decoder.done[-3:]] == ["conceal", "recover", "decode"]


def test_a_long_gap_is_left_to_the_jitter_buffer():
    room = Room()
    for number in (0, 1, 9):
        room.arrive(number)
    for _ in range(8):
        room.pass_tick()
    assert {what for what, _ in room.decoder.done} == {"reset", "decode"}


def test_a_pause_of_the_sender_is_no_loss():
    """Discontinuous transmission: the numbers go on, the time has jumped."""
    room = Room()
    room.arrive(0)
    room.desk.feed(room.leg, 1001, Packet(stream()[1], 10_000 + 40 * FRAME, 40, 0))
    assert {what for what, _ in room.decoder.done} == {"reset", "decode"}


def test_a_sender_that_begins_anew_is_followed_at_once():
    room = Room()
    room.arrive(0)
    room.arrive(3)
    room.arrive(1, shift=40_000)
    assert room.leg.next == 41_002
    assert not room.leg.held
    assert room.decoder.done[-2] == ("reset", b"")
