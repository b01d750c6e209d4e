"""RTCP: reports as RFC 3550 counts them, a parser that survives anything, BYE at the end."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plane_bench import FRAME, Bench

from hookflash.plane import rtcp
from hookflash.ports.plane import CloseLeg

blocks = st.builds(
    rtcp.Reception,
    st.integers(0, 2**32 - 1),
    st.integers(0, 255),
    st.integers(-(2**23), 2**23 - 1),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**32 - 1),
)
senders = st.builds(
    rtcp.Sending, st.floats(0, 2e9), st.integers(0, 2**40), st.integers(0, 2**40), st.integers(0, 2**40)
)


@given(
    st.integers(0, 2**32 - 1),
    st.text(max_size=300),
    st.none() | senders,
    st.none() | blocks,
    st.booleans(),
)
def test_what_is_built_is_read_back(ssrc, cname, sending, block, bye):
    data = rtcp.build(ssrc, cname, sending, block, bye=bye)
    assert len(data) % 4 == 0
    report = rtcp.parse(data)
    assert report is not None
    assert (report.ssrc, report.bye) == (ssrc, bye)
    assert report.receptions == (() if block is None else (block,))
    if sending is not None:
        seconds, fraction = rtcp.ntp(sending.wall)
        assert report.ntp_middle == (seconds & 0xFFFF) << 16 | fraction >> 16


@settings(max_examples=300)
@given(st.binary(max_size=200), st.integers(0, 255), st.sampled_from([200, 201, 202, 203, 207]))
def test_anything_is_read_or_refused(data, head, kind):
    rtcp.parse(data)
    rtcp.parse(bytes([0x80 | head & 0x3F, kind]) + data)


@given(st.integers(0, 51))
def test_a_report_that_is_cut_off_is_refused(length):
    whole = rtcp.build(1, "x", rtcp.Sending(0.0, 1, 2, 3), rtcp.Reception(1, 2, 3, 4, 5))
    assert rtcp.parse(whole[:length]) is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        struct.pack("!BBHI", 0x81, 203, 1, 5),
        struct.pack("!BBHI", 0x40, 201, 1, 5),
        struct.pack("!BBHI", 0x80, 201, 1, 5) + b"\x80\xca\x00",
        struct.pack("!BBHI", 0x80, 201, 1, 5) + b"\x80\xca\x00\x09",
        struct.pack("!BBHI", 0x82, 201, 1, 5),
    ],
)
def test_broken_compounds_are_refused(data):
    assert rtcp.parse(data) is None


def test_loss_is_counted_as_in_appendix_a():
    first = rtcp.reception(7, 100, 199, 90, 0, 0, 12.7)
    assert (first.lost, first.fraction, first.highest, first.jitter) == (10, 25, 199, 12)
    assert rtcp.reception(7, 100, 199, 90, 100, 90, 0.0).fraction == 0
    assert rtcp.reception(7, 100, 199, 120, 0, 0, 0.0).lost == -20
    assert rtcp.reception(7, 0, 2**24, 0, 0, 0, 0.0).lost == rtcp.MAX_LOST


def reports(bench, number):
    return [rtcp.parse(data) for _, data in bench.endpoint(number).sent_control]


def test_every_leg_reports_every_five_seconds_and_says_goodbye():
    bench = Bench(wall_offset=1.6e9)
    phones = [bench.leg(1), bench.leg(2)]
    for i in range(520):
        for phone in phones:
            if i % 10 == 9:
                phone.skip()
            else:
                phone.say()
        bench.tick()
    endpoint = bench.endpoint(1)
    assert [address for address, _ in endpoint.sent_control] == [("198.51.100.1", 4001)] * len(
        endpoint.sent_control
    )
    found = reports(bench, 1)
    assert len(found) in (2, 3)
    last = found[-1]
    assert last.receptions[0].ssrc == 1
    assert 20 <= last.receptions[0].fraction <= 30
    assert last.receptions[0].jitter == 0
    data = endpoint.sent_control[-1][1]
    assert data[1] == rtcp.SENDER_REPORT
    packets, octets = struct.unpack_from("!II", data, 20)
    assert octets == packets * FRAME
    bench.do(CloseLeg(1))
    assert [r.bye for r in map(rtcp.parse, (d for _, d in endpoint.sent_control))][-1]


def test_the_times_between_reports_let_the_peer_measure_the_round_trip():
    bench = Bench()
    phone = bench.leg(1)
    for _ in range(20):
        phone.say()
        bench.tick()
    theirs = rtcp.build(1, "peer", rtcp.Sending(1000.5, 1, 1, 1), None)
    bench.net.deliver_control(phone.port, theirs, ("203.0.113.5", 9))
    bench.net.deliver_control(phone.port, b"junk", ("198.51.100.1", 4444))
    bench.net.deliver_control(7, theirs, ("198.51.100.1", 4444))
    bench.net.deliver_control(phone.port, theirs, ("198.51.100.1", 4444))
    while not bench.endpoint(1).sent_control:
        phone.say()
        bench.tick()
    address, data = bench.endpoint(1).sent_control[-1]
    block = rtcp.parse(data).receptions[0]
    assert address == ("198.51.100.1", 4444)
    seconds, fraction = rtcp.ntp(1000.5)
    assert block.last_report == (seconds & 0xFFFF) << 16 | fraction >> 16
    assert 0 < block.delay < 6 * 65536


def test_a_leg_that_only_listens_sends_receiver_reports():
    bench = Bench()
    phone = bench.leg(1, sending=False)
    for _ in range(260):
        phone.say()
        bench.tick()
    assert {data[1] for _, data in bench.endpoint(1).sent_control} == {rtcp.RECEIVER_REPORT}


def test_a_leg_that_knows_no_peer_stays_quiet():
    bench = Bench()
    bench.leg(1, target=("", 0))
    bench.tick(260)
    endpoint = bench.endpoint(1)
    bench.do(CloseLeg(1))
    assert endpoint.sent_control == []
