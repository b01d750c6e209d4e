"""RTCP: reports as RFC 3550 counts them, a parser that survives anything, BYE at the end."""

from __future__ import annotations

import itertools
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plane_bench import FRAME, Bench, Phone

from hookflash.plane import rtcp
from hookflash.ports.plane import CloseLeg, ConnectLeg, LegClosed, OpenLeg

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


def test_every_leg_reports_every_few_seconds_and_says_goodbye():
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
    assert len(found) in (3, 4, 5, 6)
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


def test_a_round_trip_is_what_the_peer_had_and_the_way_took():
    block = rtcp.Reception(1, 0, 0, 0, 0, rtcp.middle(1.7e9), 3 * 65536)
    assert rtcp.round_trip(1.7e9 + 3.25, block) == pytest.approx(0.25, abs=1e-4)
    assert rtcp.round_trip(1.7e9 + 2.99, block) == 0
    assert rtcp.round_trip(1.7e9 + 2.5, block) is None
    assert rtcp.round_trip(1.7e9 + 30, block) is None
    assert rtcp.round_trip(1.7e9, rtcp.Reception(1, 0, 0, 0, 0)) is None
    # The middle of an NTP time wraps every 18 hours.
    wrap = next(t for t in range(1_700_000_000, 1_700_070_000) if rtcp.middle(t) < rtcp.middle(t - 1))
    late = rtcp.Reception(1, 0, 0, 0, 0, rtcp.middle(wrap - 1), 65536 // 2)
    assert rtcp.round_trip(wrap + 0.5, late) == pytest.approx(1.0, abs=1e-4)


def test_reports_begin_early_and_come_at_random_times():
    bench = Bench(rows=192, seed=3)
    bench.do(*(OpenLeg(n, 1, True) for n in range(100)))
    bench.tick()
    for n in range(100):
        bench.connect(n, "198.51.100.1", 4000)
    begun = bench.plane.ticks
    times: dict[int, list[int]] = {n: [] for n in range(100)}
    for _ in range(1500):
        bench.tick()
        for n in range(100):
            if len(bench.endpoint(n).sent_control) > len(times[n]):
                times[n].append(bench.plane.ticks)
    first = [times[n][0] - begun for n in range(100)]
    assert max(first) < 1.5 * 50
    gaps = [b - a for found in times.values() for a, b in itertools.pairwise(found)]
    # Half to one and a half of 5 s, over 1.21828 (RFC 3550 section 6.3.1).
    assert 102 <= min(gaps) < 115
    assert 295 < max(gaps) <= 309
    assert 195 < sum(gaps) / len(gaps) < 216
    assert len({t for found in times.values() for t in found}) > 300


@pytest.mark.parametrize(
    ("source", "taken"),
    [
        (("198.51.100.1", 4001), True),
        (("198.51.100.1", 4444), True),
        (("203.0.113.5", 4001), False),
    ],
)
def test_only_the_host_that_is_heard_may_report(source, taken):
    bench = Bench()
    phone = bench.leg(1)
    phone.say()
    bench.tick()
    bench.net.deliver_control(phone.port, rtcp.build(1, "peer", rtcp.Sending(9.5, 1, 1, 1), None), source)
    bench.tick()
    leg = bench.plane.legs.by_number[1]
    assert (leg.heard_report[0] != 0) is taken
    assert leg.control == (source if taken else ("198.51.100.1", 4001))


def test_a_port_reports_came_from_is_not_left_for_another():
    bench = Bench()
    phone = bench.leg(1)
    phone.say()
    bench.tick()
    report = rtcp.build(1, "peer", rtcp.Sending(9.5, 1, 1, 1), None)
    for port in (4001, 4002, 4003):
        bench.net.deliver_control(phone.port, report, ("198.51.100.1", port))
        bench.tick()
    assert bench.plane.legs.by_number[1].control == ("198.51.100.1", 4001)


def test_nobody_reports_before_anybody_is_heard():
    bench = Bench()
    phone = bench.leg(1)
    report = rtcp.build(1, "peer", rtcp.Sending(9.5, 1, 1, 1), None)
    bench.net.deliver_control(phone.port, report, ("198.51.100.1", 4001))
    bench.tick()
    assert bench.plane.legs.by_number[1].heard_report == (0, 0.0)


def test_the_signalled_address_of_rtcp_is_used():
    bench = Bench()
    bench.do(OpenLeg(1, 1, True))
    bench.tick()
    bench.do(
        ConnectLeg(
            1, "198.51.100.1", 4000, 0, "PCMU", -1, True, True, rtcp_host="198.51.100.2", rtcp_port=9001
        )
    )
    bench.tick(80)
    assert {address for address, _ in bench.endpoint(1).sent_control} == {("198.51.100.2", 9001)}


def test_goodbye_ends_the_source_and_not_the_leg():
    bench = Bench()
    phone = bench.leg(1)
    for i in range(20):
        if i % 5 == 4:
            phone.skip()
        else:
            phone.say()
        bench.tick()
    receive = bench.plane.columns.receive
    for ssrc in (99, 1):
        goodbye = rtcp.build(ssrc, "peer", None, None, bye=True)
        bench.net.deliver_control(phone.port, goodbye, ("198.51.100.1", 4001))
        bench.tick()
        assert int(receive.ssrc[0]) == (-1 if ssrc == 1 else 1)
    before = len(bench.endpoint(1).sent)
    phone.ssrc, phone.sequence = 5, 7
    for _ in range(5):
        phone.say()
        bench.tick()
    assert receive.ssrc[0] == 5
    assert len(bench.endpoint(1).sent) == before + 5
    bench.do(CloseLeg(1))
    bench.tick()
    closed = bench.of(LegClosed)[0]
    # The last one that was skipped was never missed.
    assert (closed.received, closed.lost) == (21, 3)


def muxed(**more) -> tuple[Bench, Phone]:
    bench = Bench(**more)
    bench.do(OpenLeg(1, 1, True))
    bench.tick()
    bench.do(ConnectLeg(1, "198.51.100.1", 4000, 0, "PCMU", -1, True, True, rtcp_mux=True))
    return bench, Phone(bench, bench.ports[1], ("198.51.100.1", 4000), ssrc=1)


def test_rtcp_on_the_rtp_port_is_told_apart_and_answered_there():
    bench, phone = muxed()
    report = rtcp.build(1, "peer", rtcp.Sending(9.5, 1, 1, 1), None)
    leg = bench.plane.legs.by_number[1]
    phone.raw(report)
    bench.tick()
    assert leg.heard_report == (0, 0.0)
    phone.say()
    bench.tick()
    # Once while the leg still sorts its queue, then on the fast path.
    for wall in (20.5, 30.5):
        phone.say()
        phone.raw(rtcp.build(1, "peer", rtcp.Sending(wall, 1, 1, 1), None))
        phone.say()
        bench.tick(2)
        assert leg.heard_report[0] == rtcp.middle(wall)
    receive = bench.plane.columns.receive
    assert (receive.total[0], receive.garbage[0]) == (5, 0)
    bench.tick(80)
    ours = [data for _, data in bench.endpoint(1).sent if data[1] >= 192]
    assert ours
    assert {rtcp.parse(data).ssrc for data in ours} == {int(bench.plane.columns.transmit.ssrc[0])}
    assert bench.endpoint(1).sent_control == []
    # What comes to the other port all the same is nobody's.
    bench.net.deliver_control(phone.port, report, ("198.51.100.1", 4001))
    bench.tick()
    assert leg.heard_report[0] == rtcp.middle(30.5)


def test_a_flood_of_rtcp_on_the_rtp_port_is_bounded():
    bench, phone = muxed()
    phone.say()
    bench.tick()
    report = rtcp.build(1, "peer", rtcp.Sending(9.5, 1, 1, 1), None)
    for _ in range(500):
        phone.raw(report)
    bench.tick()
    assert len(bench.endpoint(1).queue) >= 490
    phone.say()
    bench.tick(120)
    assert not bench.endpoint(1).queue
    assert bench.plane.columns.receive.total[0] == 2


def test_without_sharing_rtcp_on_the_rtp_port_is_garbage():
    bench = Bench()
    phone = bench.leg(1)
    phone.say()
    bench.tick()
    phone.raw(rtcp.build(1, "peer", rtcp.Sending(9.5, 1, 1, 1), None))
    bench.tick(2)
    assert bench.plane.columns.receive.garbage[0] == 1


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
