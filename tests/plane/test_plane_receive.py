"""Receiving: latching, injection, loss, reordering, wrap, jumps, odd packet sizes, garbage."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plane_bench import FRAME, Bench, sine, split, through_ulaw, ulaw

from hookflash.plane.columns import PAST, RX_SIZE
from hookflash.plane.kernels.compiling import kernel
from hookflash.plane.kernels.conceal import RETURN
from hookflash.plane.kernels.events import difference
from hookflash.plane.kernels.ingest import payload_bounds
from hookflash.plane.memory import Faults
from hookflash.ports.plane import CloseLeg, JoinMix, LegClosed, LegLatched, LegStarved, OpenLeg

VOICE = sine(300, 200 * FRAME, 6000)
DELAY = 3


def heard(bench: Bench, number: int):
    """What the plane heard from a leg in the last tick."""
    row = bench.plane.legs.by_number[number].row
    return bench.plane.columns.jitter.heard[row, PAST:].copy()


def talk(bench, phone, ticks, samples=VOICE, at=0, size=FRAME):
    """Say ``samples`` packet by packet; what the plane heard, tick by tick."""
    frames = []
    said = at
    for _ in range(ticks):
        while said * size < (len(frames) + 1) * FRAME + at * size and (said + 1) * size <= len(samples):
            phone.say(samples[said * size : (said + 1) * size])
            said += 1
        bench.tick()
        frames.append(heard(bench, int(phone.ssrc)))
    return np.concatenate(frames)


def stats(bench, number):
    receive, row = bench.plane.columns.receive, bench.plane.legs.by_number[number].row
    return {name: getattr(receive, name)[row] for name in receive._fields if name != "octets"}


def test_audio_is_heard_after_the_fixed_delay():
    bench = Bench()
    phone = bench.leg(1)
    frames = talk(bench, phone, 20)
    assert np.array_equal(frames[DELAY * FRAME :], through_ulaw(VOICE)[: 17 * FRAME])
    assert not frames[: DELAY * FRAME].any()


@pytest.mark.parametrize("size", [80, 240, 320, 480])
def test_packets_of_other_lengths_are_heard_the_same(size):
    bench = Bench()
    phone = bench.leg(1)
    frames = talk(bench, phone, 40, size=size)
    begin = int(np.flatnonzero(frames)[0]) - 1
    exact = through_ulaw(VOICE)
    assert np.array_equal(frames[begin:], exact[: len(frames) - begin])
    assert bench.plane.columns.receive.owed[0] < FRAME * 4


@pytest.mark.parametrize("codec", ["PCMU"])
@pytest.mark.parametrize(("sequence", "time"), [(65530, 2**32 - 500), (65535, 2**31 - 100), (0, 0)])
def test_numbers_wrap_unheard(codec, sequence, time):
    bench = Bench()
    phone = bench.leg(1, codec=codec)
    phone.sequence, phone.time = sequence, time
    frames = talk(bench, phone, 20)
    assert np.array_equal(frames[DELAY * FRAME :], through_ulaw(VOICE)[: 17 * FRAME])
    bench.do(CloseLeg(1))
    bench.tick()
    closed = bench.of(LegClosed)[0]
    assert (closed.received, closed.lost) == (20, 0)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**16), jitter=st.floats(0, 0.035), duplicate=st.floats(0, 0.3))
def test_delay_reordering_and_duplicates_within_the_buffer_change_nothing(seed, jitter, duplicate):
    bench = Bench(faults=Faults(jitter=jitter, duplicate=duplicate), seed=seed)
    phone = bench.leg(1)
    frames = talk(bench, phone, 60)
    begin = int(np.flatnonzero(frames)[0]) - 1
    exact = through_ulaw(VOICE)
    quality = bench.plane.columns.quality
    assert (quality.concealed[0], quality.discarded[0]) == (0, 0)
    steps = np.abs(np.diff(frames[begin + 1 :].astype(int)))
    assert steps.max() <= 1.1 * np.abs(np.diff(exact.astype(int))).max()
    # Only if the first packet was slow did the others wait too long, and were brought forward by splices.
    if not quality.stretched[0]:
        assert np.array_equal(frames[begin:], exact[: len(frames) - begin])


def test_lost_audio_fades_and_comes_back():
    bench = Bench()
    phone = bench.leg(1)
    talk(bench, phone, 10)
    phone.skip()
    at = 11
    bench.tick()
    frames = [heard(bench, 1)]
    for i in range(8):
        phone.say(VOICE[(at + i) * FRAME : (at + i + 1) * FRAME])
        bench.tick()
        frames.append(heard(bench, 1))
    exact = through_ulaw(VOICE)
    hole = frames[3]
    assert hole.any()
    assert not np.array_equal(hole, exact[10 * FRAME : 11 * FRAME])
    assert np.abs(hole.astype(int)).max() <= np.abs(exact).max()
    assert np.array_equal(frames[4][RETURN:], exact[11 * FRAME + RETURN : 12 * FRAME])
    bench.do(CloseLeg(1))
    bench.tick()
    assert bench.of(LegClosed)[0].lost == 1


def test_a_sender_that_stops_fades_to_silence_and_resumes_later():
    bench = Bench()
    phone = bench.leg(1)
    talk(bench, phone, 10)
    bench.tick(3)
    levels = []
    for _ in range(5):
        bench.tick()
        levels.append(int(np.abs(heard(bench, 1).astype(int)).max()))
    assert levels[0] > levels[1] > levels[2] > 0
    assert levels[3:] == [0, 0]
    bench.tick(92)
    phone.time += 100 * FRAME
    frames = talk(bench, phone, 10)
    assert np.array_equal(frames[DELAY * FRAME :], through_ulaw(VOICE)[: 7 * FRAME])


@pytest.mark.parametrize("jump", [5 * 8000, -5 * 8000, 2**31, 600, -3000])
def test_a_jump_in_time_is_followed(jump):
    bench = Bench()
    phone = bench.leg(1)
    talk(bench, phone, 10)
    phone.time = (phone.time + jump) % 2**32
    frames = talk(bench, phone, 40)
    begin = len(frames) - 10 * FRAME
    joined = through_ulaw(VOICE)
    # After a few packets the stream is heard whole again.
    tail = frames[begin:]
    windows = np.lib.stride_tricks.sliding_window_view(joined, len(tail))
    assert (windows == tail).all(1).any()


def test_a_new_source_takes_over():
    bench = Bench()
    phone = bench.leg(1)
    talk(bench, phone, 10)
    phone.ssrc, phone.sequence, phone.time = 1 + 2**31, 7, 123456
    frames = []
    for i in range(10):
        phone.say(VOICE[i * FRAME : (i + 1) * FRAME])
        bench.tick()
        frames.append(heard(bench, 1))
    # Its second packet in sequence, when the former source has been silent, is the first that is taken.
    # Faded in over 4 ms, since the former source was faded out.
    whole = np.concatenate(frames[DELAY + 1 :])
    assert np.array_equal(whole[RETURN:], through_ulaw(VOICE)[FRAME + RETURN : 7 * FRAME])
    bench.do(CloseLeg(1))
    bench.tick()
    assert (bench.of(LegClosed)[0].received, bench.of(LegClosed)[0].lost) == (19, 0)


def test_a_restarted_sequence_is_not_loss():
    bench = Bench()
    phone = bench.leg(1)
    talk(bench, phone, 10)
    phone.sequence += 20000
    talk(bench, phone, 10)
    bench.do(CloseLeg(1))
    bench.tick()
    assert bench.of(LegClosed)[0].lost == 0


@pytest.mark.compiled
def test_a_burst_after_a_stall_is_read_within_a_third_of_a_second():
    bench = Bench()
    phone = bench.leg(1)
    talk(bench, phone, 10)
    for i in range(30):
        phone.say(VOICE[i * FRAME : (i + 1) * FRAME])
    bench.tick(16)
    assert not bench.endpoint(1).queue
    assert bench.plane.columns.receive.total[0] == 40


def test_a_standing_backlog_is_drained():
    bench = Bench()
    phone = bench.leg(1)
    talk(bench, phone, 5)
    phone.say()
    for _ in range(12):
        phone.say()
        bench.tick()
    assert not bench.endpoint(1).queue


@pytest.mark.compiled
def test_slow_drift_is_followed_without_losing_the_stream():
    bench = Bench()
    phone = bench.leg(1)
    phone.say()
    bench.tick()
    # A fast sender: one packet more in every 100.
    for i in range(1500):
        phone.say(VOICE[:FRAME])
        if i % 100 == 0:
            phone.say(VOICE[:FRAME])
        bench.tick()
    jitter = bench.plane.columns.jitter
    assert 0 < jitter.newest[0] - jitter.time[0] < 1400
    # A slow one: one packet less in every 100.
    for i in range(3000):
        if i % 100:
            phone.say(VOICE[:FRAME])
        bench.tick()
    assert 0 <= jitter.newest[0] - jitter.time[0] < 1400
    assert heard(bench, 1).any()


# --- who is heard ---


def test_the_address_of_sdp_is_locked_at_once():
    bench = Bench()
    phone = bench.leg(1)
    phone.say()
    bench.tick()
    assert bench.of(LegLatched) == [LegLatched(1, "198.51.100.1", 4000)]
    assert bench.endpoint(1).peer == ("198.51.100.1", 4000)


def test_an_unknown_address_is_learned_from_the_first_packet():
    bench = Bench()
    phone = bench.leg(1, target=("", 0))
    bench.tick(2)
    assert bench.sent(1) == []
    phone.say()
    bench.tick(2)
    assert bench.of(LegLatched) == [LegLatched(1, "198.51.100.1", 4000)]
    assert [address for address, _ in bench.endpoint(1).sent] == [("198.51.100.1", 4000)] * 2


@pytest.mark.parametrize("host", ["phone.example.com", "0.0.0.0", "224.0.0.1"])
def test_an_address_that_cannot_be_sent_to_counts_as_unknown(host):
    bench = Bench()
    phone = bench.leg(1, target=(host, 4000))
    bench.tick()
    assert bench.sent(1) == []
    phone.say()
    bench.tick()
    assert len(bench.of(LegLatched)) == 1


def test_a_peer_behind_nat_is_locked_after_a_few_packets():
    bench = Bench()
    phone = bench.leg(1, target=("10.0.0.9", 5555))
    bench.tick()
    assert bench.endpoint(1).sent[0][0] == ("10.0.0.9", 5555)
    talk(bench, phone, 3)
    assert bench.of(LegLatched) == []
    talk(bench, phone, 2)
    assert bench.of(LegLatched) == [LegLatched(1, "198.51.100.1", 4000)]
    assert bench.endpoint(1).sent[-1][0] == ("198.51.100.1", 4000)


def test_sdp_wins_over_a_stranger_that_was_first():
    bench = Bench()
    phone = bench.leg(1)
    for _ in range(2):
        bench.net.deliver(phone.port, phone.packet(b"\x01" * FRAME), ("203.0.113.66", 666))
        bench.tick()
    phone.say()
    bench.tick()
    assert bench.of(LegLatched) == [LegLatched(1, "198.51.100.1", 4000)]


def test_strangers_are_not_heard_even_when_they_were_queued_before_the_lock():
    bench = Bench()
    phone = bench.leg(1)
    loud = ulaw(np.full(FRAME, 20000, np.int16))
    phone.say()
    bench.net.deliver(phone.port, phone.packet(loud, time=phone.time), ("203.0.113.66", 666))
    phone.say()
    for _ in range(10):
        bench.net.deliver(phone.port, phone.packet(loud, time=phone.time), ("203.0.113.66", 666))
        phone.say()
        bench.tick()
        assert not heard(bench, 1).any()


def test_a_new_offer_with_a_new_address_learns_again_and_the_old_one_is_deaf():
    bench = Bench()
    phone = bench.leg(1)
    talk(bench, phone, 5)
    bench.connect(1, "198.51.100.1", 4000)
    talk(bench, phone, 2)
    assert len(bench.of(LegLatched)) == 1
    bench.connect(1, "198.51.100.99", 7000)
    phone.address = ("198.51.100.99", 7000)
    talk(bench, phone, 2)
    assert bench.of(LegLatched)[-1] == LegLatched(1, "198.51.100.99", 7000)
    assert bench.endpoint(1).sent[-1][0] == ("198.51.100.99", 7000)


def test_a_leg_that_does_not_receive_hears_nothing_but_is_not_backlogged():
    bench = Bench()
    phone = bench.leg(1, receiving=False)
    talk(bench, phone, 12)
    assert not heard(bench, 1).any()
    assert not bench.endpoint(1).queue
    bench.connect(1, "198.51.100.1", 4000)
    assert talk(bench, phone, 6).any()


def test_an_unreachable_peer_is_borne():
    bench = Bench()
    phone = bench.leg(1)
    talk(bench, phone, 2)
    bench.endpoint(1).refuse = True
    bench.tick(3)
    assert heard(bench, 1).any()


# --- garbage ---


def plain_bounds(data: bytes):
    """RFC 3550 section 5.1, spelled out."""
    if len(data) < 12 or len(data) >= RX_SIZE or data[0] >> 6 != 2:
        return (-1, -1)
    start, end = 12 + 4 * (data[0] & 15), len(data)
    if data[0] & 0x10:
        if len(data) < start + 4:
            return (-1, -1)
        start += 4 + 4 * int.from_bytes(data[start + 2 : start + 4], "big")
    if data[0] & 0x20:
        if data[-1] == 0:
            return (-1, -1)
        end -= data[-1]
    return (start, end) if start <= end else (-1, -1)


@kernel
def compiled_bounds(data, length):
    return payload_bounds(data, length)


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=80),
        st.binary(max_size=60).map(lambda b: b"\xb1" + b),
        st.binary(min_size=690, max_size=704),
    )
)
def test_header_bounds_agree_with_the_definition(data):
    row = np.zeros(RX_SIZE, np.uint8)
    row[: len(data)] = list(data)
    assert tuple(compiled_bounds(row, len(data))) == plain_bounds(data)
    assert tuple(payload_bounds(row, len(data))) == plain_bounds(data)


@kernel
def compiled_difference(later, earlier):
    return difference(later, earlier)


@given(st.integers(0, 2**32 - 1), st.integers(-(2**31), 2**31 - 1))
def test_time_differences_wrap(time, step):
    assert compiled_difference((time + step) % 2**32, time) == step
    assert difference((time + step) % 2**32, time) == step


@settings(max_examples=30, deadline=None)
@given(st.lists(st.binary(max_size=720), max_size=20))
def test_garbage_changes_nothing_and_the_next_packet_is_heard(junk):
    bench = Bench()
    phone = bench.leg(1)
    talk(bench, phone, 5)
    for data in junk:
        if data[:1] and data[0] >> 6 == 2 and len(data) > 1 and data[1] & 127 in (0, 13, 101):
            continue
        phone.raw(data)
        bench.tick()
    before = stats(bench, 1)["total"]
    assert talk(bench, phone, 12).any()
    assert stats(bench, 1)["total"] > before


def test_headers_with_csrc_extension_and_padding_are_read():
    bench = Bench()
    phone = bench.leg(1)
    for i in range(8):
        data = phone.packet(b"")
        plain = split(data)
        head = struct.pack("!BBHII", 0xB2, 0, plain.sequence, phone.time, 1)
        extension = struct.pack("!IIHHI", 1, 2, 0xBEDE, 1, 0)
        phone.raw(head + extension + ulaw(VOICE[i * FRAME : (i + 1) * FRAME]) + b"\0\0\0\4")
        phone.time += FRAME
        bench.tick()
    assert np.array_equal(heard(bench, 1), through_ulaw(VOICE)[4 * FRAME : 5 * FRAME])


def test_other_payload_types_and_comfort_noise_are_not_audio():
    bench = Bench()
    phone = bench.leg(1)
    phone.say()
    bench.tick()
    for kind in (13, 96):
        phone.raw(phone.packet(b"\x20" * FRAME, kind=kind))
    phone.raw(phone.packet(b"\x01", kind=101))
    phone.raw(phone.packet(b""))
    bench.tick(4)
    found = stats(bench, 1)
    assert (found["total"], found["garbage"]) == (3, 2)
    assert not heard(bench, 1).any()


# --- starving ---


def test_a_leg_without_packets_is_told_again_and_again():
    bench = Bench(starve_after=2.0)
    phone = bench.leg(1)
    bench.leg(2, receiving=False)
    bench.do(OpenLeg(3, 1, False))
    talk(bench, phone, 10)
    bench.tick(90)
    assert bench.of(LegStarved) == []
    bench.tick(225)
    starved = bench.of(LegStarved)
    assert [e.leg for e in starved] == [1, 1, 1]
    assert [round(e.seconds) for e in starved] == [2, 4, 6]
    phone.say()
    bench.tick(50)
    assert len(bench.of(LegStarved)) == 3


def test_the_mix_of_a_leg_that_stopped_talking_is_silent():
    bench = Bench()
    phone = bench.leg(1)
    bench.leg(2)
    bench.do(JoinMix(1), JoinMix(2))
    talk(bench, phone, 10)
    bench.tick(20)
    assert not bench.heard_by_peer(2)[-5 * FRAME :].any()


def test_junk_does_not_lock_a_leg_and_an_unreachable_source_is_passed_over():
    bench = Bench()
    phone = bench.leg(1, target=("", 0))
    phone.raw(b"junk")
    phone.raw(phone.packet(b"\xff" * FRAME, kind=96))
    bench.tick()
    assert bench.of(LegLatched) == []
    endpoint = bench.endpoint(1)

    def unreachable(address):
        raise OSError(101, "Network is unreachable")

    works, endpoint.connect = endpoint.connect, unreachable
    phone.say()
    bench.tick()
    assert bench.of(LegLatched) == []
    endpoint.connect = works
    phone.say()
    bench.tick()
    assert len(bench.of(LegLatched)) == 1
    assert stats(bench, 1)["garbage"] == 2


def test_packets_that_came_before_the_leg_was_connected_are_thrown_away():
    bench = Bench()
    bench.do(OpenLeg(1, 1, True))
    bench.tick()
    for _ in range(5):
        bench.net.deliver(bench.ports[1], bytes(172), ("203.0.113.66", 666))
    bench.connect(1, "198.51.100.1", 4000)
    assert not bench.endpoint(1).queue
