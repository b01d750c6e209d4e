"""Keys as telephone-events (RFC 4733), both ways."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plane_bench import CODES, FRAME, Bench, split

from hookflash.plane.memory import Faults
from hookflash.ports.plane import CloseLeg, OpenLeg, SendTones, StopTones, ToneHeard, TonesRefused, TonesSent


def start(**options):
    bench = Bench(**options)
    phone = bench.leg(1)
    phone.say()
    bench.tick()
    return bench, phone


def send(bench, packets):
    for tick in packets:
        for packet in tick:
            bench.net.deliver(20000, packet, ("198.51.100.1", 4000))
        bench.tick()


def test_every_key_is_told_once_at_its_start():
    bench, phone = start()
    for key in CODES:
        at = bench.plane.ticks
        send(bench, phone.press(key))
        assert bench.of(ToneHeard)[-1] == ToneHeard(1, key, "rfc4733", at)
        phone.say()
        bench.tick()
    assert bench.keys(1) == CODES


def test_equal_keys_back_to_back_are_two():
    bench, phone = start()
    for _ in range(3):
        send(bench, phone.press("5"))
    assert bench.keys(1) == "555"


@pytest.mark.compiled
@settings(max_examples=60, deadline=None)
@given(st.text(CODES, min_size=1, max_size=6), st.integers(0, 2**16))
def test_loss_and_repetition_never_double_a_key(keys, seed):
    bench, phone = start()
    chance = random.Random(seed)
    for key in keys:
        packets = [packet for tick in phone.press(key, 6) for packet in tick]
        kept = [p for p in packets if chance.random() < 0.5] or [chance.choice(packets)]
        for packet in kept:
            send(bench, [[packet] * chance.choice((1, 1, 2))])
    assert bench.keys(1) == keys


def test_packets_out_of_order_tell_no_key_twice():
    bench, phone = start()
    first = [p for tick in phone.press("1") for p in tick]
    second = [p for tick in phone.press("2") for p in tick]
    mixed = [first[2], first[0], second[0], first[-1], second[2], first[1], second[1], *second[3:], first[-1]]
    send(bench, [[p] for p in mixed])
    assert bench.keys(1) == "12"


def test_a_key_that_never_ends_does_not_hide_the_next():
    bench, phone = start()
    send(bench, list(phone.press("7"))[:3])
    bench.tick(100)
    send(bench, phone.press("7"))
    assert bench.keys(1) == "77"


def test_a_press_longer_than_the_duration_field_is_one_key():
    bench, phone = start()
    begin = phone.time
    for duration in range(160, 65600, 1600):
        phone.raw(phone.event("9", min(duration, 65535), start=begin, marker=duration == 160))
        bench.tick()
    phone.raw(phone.event("9", 65535, start=begin))
    bench.tick()
    for duration in (160, 320):
        phone.raw(phone.event("9", duration, start=begin + 65535))
        bench.tick()
    phone.raw(phone.event("9", 480, start=begin + 65535, end=True))
    bench.tick()
    assert bench.keys(1) == "9"


def test_other_events_are_not_keys():
    bench, phone = start()
    phone.raw(phone.packet(bytes([16, 10, 0, 160]), kind=101, marker=True))
    bench.tick()
    assert bench.keys(1) == ""


def test_a_new_source_presses_anew():
    bench, phone = start()
    send(bench, phone.press("3"))
    phone.ssrc, phone.time = 99, 17
    send(bench, phone.press("3"))
    assert bench.keys(1) == "33"


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**16))
def test_a_bad_network_loses_few_keys_and_doubles_none(seed):
    bench = Bench(faults=Faults(loss=0.1, duplicate=0.1, jitter=0.02), seed=seed)
    phone = bench.leg(1)
    for key in "0123456789":
        for _ in range(4):
            phone.say()
            bench.tick()
        send(bench, phone.press(key))
    bench.tick(5)
    assert bench.keys(1) == "0123456789"


# --- sending ---


def events_of(bench):
    return [p for p in bench.sent(1) if p.kind == 101]


def test_a_key_is_sent_with_start_updates_and_three_ends():
    bench, _ = start()
    before = bench.sent(1)[-1]
    bench.do(SendTones(1, 1, "5", 100, 100))
    first = bench.plane.ticks
    bench.tick(7)
    assert bench.of(TonesSent) == [TonesSent(1, first + 6)]
    packets = bench.sent(1)[-7:]
    assert [p.kind for p in packets] == [101] * 7
    assert [p.marker for p in packets] == [True] + [False] * 6
    assert {p.time for p in packets} == {(before.time + FRAME) & 0xFFFFFFFF}
    assert [int.from_bytes(p.payload[2:], "big") for p in packets] == [160, 320, 480, 640, 800, 800, 800]
    assert [p.payload[1] >> 7 for p in packets] == [0, 0, 0, 0, 1, 1, 1]
    assert {p.payload[0] for p in packets} == {5}
    sequence = [p.sequence for p in bench.sent(1)]
    assert {(b - a) & 0xFFFF for a, b in itertools.pairwise(sequence)} == {1}


def test_audio_goes_on_where_time_went_on():
    bench, _ = start()
    bench.do(SendTones(1, 1, "5", 60, 60))
    bench.tick(10)
    packets = bench.sent(1)
    audio = [p for p in packets if p.kind == 0]
    assert (audio[-1].time - audio[0].time) & 0xFFFFFFFF == (len(packets) - 1) * FRAME


@pytest.mark.compiled
@settings(max_examples=25, deadline=None)
@given(st.text(CODES, min_size=1, max_size=18), st.integers(40, 300), st.integers(60, 200))
def test_what_is_sent_is_what_another_plane_hears(digits, tone, gap):
    bench, _ = start()
    other = Bench(seed=1)
    phone = other.leg(1)
    bench.do(SendTones(4, 1, digits, tone, gap))
    done = 0
    while not bench.of(TonesSent):
        bench.tick()
        done += 1
        assert done < 1000
    for _, data in bench.endpoint(1).sent:
        other.net.deliver(phone.port, data, phone.address)
        other.tick()
    assert other.keys(1) == digits
    events = events_of(bench)
    by_key = {}
    for p in events:
        by_key.setdefault(p.time, []).append(p)
    assert len(by_key) == len(digits)
    assert all(int.from_bytes(ps[-1].payload[2:], "big") == tone * 8 for ps in by_key.values())
    assert all(sum(p.payload[1] >> 7 for p in ps) == 3 for ps in by_key.values())
    times = list(by_key)
    for a, b in itertools.pairwise(times):
        assert (b - a) & 0xFFFFFFFF >= (tone + gap) * 8


def test_sendings_queue_up_and_a_stopped_one_ends_its_key():
    bench, _ = start()
    bench.do(SendTones(1, 1, "12", 100, 100), SendTones(2, 1, "3", 100, 100), SendTones(3, 1, "4", 100, 100))
    bench.do(StopTones(2), StopTones(99))
    bench.tick(3)
    bench.do(StopTones(1))
    bench.tick(60)
    assert [e.sending for e in bench.of(TonesSent)] == [3]
    codes = [p.payload[0] for p in events_of(bench)]
    assert sorted(set(codes)) == [1, 4]
    ones = [p for p in events_of(bench) if p.payload[0] == 1]
    assert [p.payload[1] >> 7 for p in ones[-3:]] == [1, 1, 1]


def test_a_leg_on_hold_waits_with_its_keys():
    bench, _ = start()
    bench.connect(1, "198.51.100.1", 4000, sending=False)
    bench.do(SendTones(1, 1, "1", 100, 100))
    bench.tick(20)
    assert bench.of(TonesSent) == []
    bench.connect(1, "198.51.100.1", 4000)
    bench.tick(20)
    assert len(bench.of(TonesSent)) == 1


def test_no_digits_are_done_at_once():
    bench, _ = start()
    bench.do(SendTones(3, 1, "", 100, 100), SendTones(2, 77, "1", 100, 100))
    bench.tick()
    assert [e.sending for e in bench.of(TonesSent)] == [3]


def test_a_leg_that_sends_nothing_takes_the_time_of_its_keys():
    bench = Bench()
    keys = (SendTones(1, 5, "12", 100, 100), SendTones(2, 5, "3", 100, 100), SendTones(3, 5, "4", 100, 100))
    bench.do(OpenLeg(5, 1, False), *keys)
    bench.tick(19)
    assert bench.of(TonesSent) == []
    bench.tick()
    assert [e.sending for e in bench.of(TonesSent)] == [1]
    bench.do(StopTones(2))
    bench.tick()
    assert [e.sending for e in bench.of(TonesSent)] == [1, 2]
    bench.do(CloseLeg(5))
    bench.tick(50)
    assert [e.sending for e in bench.of(TonesSent)] == [1, 2]


def test_sendings_to_a_leg_that_sends_nothing_are_bounded():
    bench = Bench()
    bench.do(OpenLeg(5, 1, False), *(SendTones(number, 5, "1", 100, 100) for number in range(70)))
    bench.tick()
    assert [e.sending for e in bench.of(TonesRefused)] == [64, 65, 66, 67, 68, 69]


def test_closing_a_leg_forgets_its_sending():
    bench, _ = start()
    bench.do(SendTones(1, 1, "123", 100, 100), CloseLeg(1))
    bench.tick(50)
    assert bench.of(TonesSent) == []


@pytest.mark.parametrize("digits", ["12x", "1" * 65, "1" * 100_000])
def test_what_can_not_be_sent_is_refused_by_name(digits):
    bench, _ = start()
    bench.do(SendTones(1, 1, digits, 100, 100), SendTones(2, 99, "1", 100, 100))
    bench.tick()
    first, second = bench.of(TonesRefused)
    assert (first.sending, second.sending) == (1, 2)
    assert digits[:65] in first.reason
    assert "at most 64 keys" in first.reason
    assert len(first.reason) < 200
    assert second.reason == "leg 99 is not open"
    assert bench.of(TonesSent) == []


def test_only_so_many_sendings_wait_on_a_leg():
    bench, _ = start()
    bench.do(*(SendTones(number, 1, "1", 40, 60) for number in range(70)))
    bench.tick(600)
    assert [e.sending for e in bench.of(TonesSent)] == list(range(65))
    assert [e.sending for e in bench.of(TonesRefused)] == list(range(65, 70))


def test_our_own_packets_have_a_sane_shape():
    bench, _ = start()
    bench.do(SendTones(1, 1, "#", 40, 60))
    bench.tick(4)
    assert {len(split(d).payload) for _, d in bench.endpoint(1).sent} == {4, FRAME}
