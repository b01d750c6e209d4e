"""SRTP against its standards in plain Python: suites, replay, rollover, new keys, forgery, SRTCP."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plane_bench import FRAME, Bench, Phone, linear, sine, split, through_ulaw, ulaw
from reference_srtp import Peer, aes, derive

from hookflash.plane import rtcp, srtp
from hookflash.plane.columns import PAST
from hookflash.plane.secured import KEEP_KEY, NOT_RTP
from hookflash.ports.plane import (
    CloseLeg,
    ConnectLeg,
    LegClosed,
    LegLatched,
    LegReport,
    OpenLeg,
    SendTones,
    SrtpKeys,
    SrtpSource,
)

SUITES = list(srtp.SUITES)
ADDRESS = ("198.51.100.1", 4000)
VOICE = sine(300, 60 * FRAME, 6000)


def keys_of(suite: str, send: int = 1, receive: int = 2) -> SrtpKeys:
    size = srtp.SUITES[suite][1]
    return SrtpKeys(suite, bytes(range(send, send + size)), bytes(range(receive, receive + size)))


class SecurePhone(Phone):
    """A phone that protects what it says."""

    def __init__(self, bench: Bench, port: int, keys: SrtpKeys, **more) -> None:
        super().__init__(bench, port, ADDRESS, **more)
        self.rekey(keys)

    def rekey(self, keys: SrtpKeys, rollover: int = 0) -> None:
        self.peer = Peer(keys.suite, keys.receive_key)
        self.began = self.sequence & ~0xFFFF
        self.rollover = rollover

    def raw(self, data: bytes) -> None:
        wraps = self.rollover + ((self.sequence - 1 - self.began) >> 16)
        super().raw(self.peer.protect(data, wraps))


def connect(
    bench: Bench, keys: SrtpKeys | None, *, host=ADDRESS[0], mux=False, event=101, begun=None
) -> None:
    terms = {"rtcp_mux": mux, "srtp": keys, "source": begun}
    bench.do(ConnectLeg(1, host, ADDRESS[1], 0, "PCMU", event, True, True, **terms))


def secure(
    suite: str, *, mux=False, event=101, host=ADDRESS[0], begun=None, **more
) -> tuple[Bench, SecurePhone]:
    bench = Bench()
    bench.do(OpenLeg(1, 1, True))
    bench.tick()
    keys = keys_of(suite)
    connect(bench, keys, mux=mux, event=event, host=host, begun=begun)
    return bench, SecurePhone(bench, bench.ports[1], keys, ssrc=1, **more)


def heard(bench: Bench):
    return bench.plane.columns.jitter.heard[0, PAST:].copy()


def talk(bench: Bench, phone: Phone, ticks: int):
    frames = []
    for i in range(ticks):
        phone.say(VOICE[i * FRAME : (i + 1) * FRAME])
        bench.tick()
        frames.append(heard(bench))
    return np.concatenate(frames)


def column(bench: Bench, name: str) -> int:
    return int(getattr(bench.plane.columns.receive, name)[0])


def test_the_reference_agrees_with_the_standards_examples():
    key, block = bytes(range(16)), bytes.fromhex("00112233445566778899aabbccddeeff")
    assert aes(key, block).hex() == "69c4e0d86a7b0430d8cdb78070b4c55a"
    master = bytes.fromhex("E1F97A0D3E018BE0D64FA32C06DE4139")
    salt = bytes.fromhex("0EC675AD498AFEEBB6960B3AABE6")
    assert derive(master, salt, 0, 16).hex().upper() == "C61E7A93744F39EE10734AFE3FF7A087"
    assert derive(master, salt, 2, 14).hex().upper() == "30CBBC08863D8C85D49DB34A9AE1"
    assert derive(master, salt, 1, 20).hex().upper() == "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4"


@pytest.mark.parametrize("suite", SUITES)
def test_protected_audio_is_heard(suite):
    bench, phone = secure(suite)
    frames = talk(bench, phone, 20)
    assert np.array_equal(frames[3 * FRAME :], through_ulaw(VOICE)[: 17 * FRAME])
    assert bench.of(LegLatched) == [LegLatched(1, *ADDRESS)]
    assert (column(bench, "total"), column(bench, "garbage")) == (20, 0)


@pytest.mark.parametrize("suite", SUITES)
def test_what_is_sent_is_what_the_standard_says(suite):
    bench, phone = secure(suite)
    bench.play(1, sine(440, 12 * FRAME, 9000), (1,))
    talk(bench, phone, 12)
    peer = Peer(suite, keys_of(suite).send_key)
    tx = bench.plane.columns.transmit
    sent = [data for _, data in bench.endpoint(1).sent]
    assert len(sent) == 12
    tag = {"AES_CM_128_HMAC_SHA1_80": 10, "AES_CM_128_HMAC_SHA1_32": 4, "AEAD_AES_128_GCM": 16}[suite]
    assert {len(data) for data in sent} == {172 + tag}
    ours = linear(split(sent[-1]).payload[:FRAME])
    assert not np.array_equal(ours, linear(tx.octets[0, 12:172].tobytes()))
    # Protecting the plain packet, which is still in its row, gives what was sent; so does the first one.
    assert peer.protect(tx.octets[0, :172].tobytes(), 0) == sent[-1]
    assert [split(data).sequence for data in sent] == [split(sent[0]).sequence + i for i in range(12)]
    assert split(sent[0]).sequence < 0x8000


def test_events_are_protected_too():
    bench, phone = secure("AES_CM_128_HMAC_SHA1_80")
    talk(bench, phone, 3)
    bench.do(SendTones(1, 1, "5", 100, 60))
    before = len(bench.endpoint(1).sent)
    bench.tick(3)
    lengths = [len(data) for _, data in bench.endpoint(1).sent[before:]]
    assert lengths == [12 + 4 + 10] * 3
    for packets in phone.press("7"):
        for packet in packets:
            phone.raw(packet)
        bench.tick()
    # The helper numbers the three end packets before any is protected: none wraps here.
    assert bench.keys(1, "rfc4733") == "7"


@pytest.mark.parametrize("suite", SUITES)
def test_the_counter_rolls_over_both_ways(suite):
    bench, phone = secure(suite, sequence=65530)
    tx = bench.plane.columns.transmit
    tx.sequence[0] = 32760
    bench.tick()
    for sequence in (60000, 65530):
        # A stream moves on by less than half of the numbers.
        tx.sequence[0] = sequence
        bench.tick()
    before = len(bench.endpoint(1).sent)
    frames = talk(bench, phone, 20)
    assert np.array_equal(frames[3 * FRAME :], through_ulaw(VOICE)[: 17 * FRAME])
    peer = Peer(suite, keys_of(suite).send_key)
    assert int(tx.sequence[0]) < 100
    assert peer.protect(tx.octets[0, :172].tobytes(), 1) == bench.endpoint(1).sent[-1][1]
    assert len(bench.endpoint(1).sent) == before + 20


@pytest.mark.parametrize("suite", SUITES)
def test_replayed_forged_and_plain_packets_are_dropped_and_counted(suite):
    bench, phone = secure(suite)
    talk(bench, phone, 5)
    plain = phone.packet(ulaw(VOICE[:FRAME]))
    good = phone.peer.protect(plain, 0)
    wrong = Peer(suite, bytes(srtp.SUITES[suite][1])).protect(plain, 0)
    flipped = good[:-1] + bytes([good[-1] ^ 1])
    for data in (good, good, plain, wrong, flipped, good[:20], good[:11], b"", b"\x80"):
        Phone.raw(phone, data)
        bench.tick()
    # An empty datagram is nothing at all.
    assert (column(bench, "total"), column(bench, "garbage")) == (6, 7)


def test_only_an_authentic_source_is_latched():
    bench, phone = secure("AES_CM_128_HMAC_SHA1_80", host="")
    stranger = Phone(bench, phone.port, ("203.0.113.66", 666), ssrc=1)
    for _ in range(10):
        stranger.say()
        bench.tick()
    assert bench.of(LegLatched) == []
    assert column(bench, "garbage") == 10
    phone.say()
    bench.tick()
    assert bench.of(LegLatched) == [LegLatched(1, *ADDRESS)]
    assert column(bench, "total") == 1


def test_replaying_a_peers_packets_from_elsewhere_latches_nobody():
    bench, phone = secure("AEAD_AES_128_GCM", host="10.0.0.9")
    protected = [phone.peer.protect(phone.packet(bytes(FRAME)), 0) for _ in range(6)]
    for data in protected:
        bench.net.deliver(phone.port, data, ADDRESS)
        bench.net.deliver(phone.port, data, ("203.0.113.66", 666))
        bench.tick()
    assert bench.of(LegLatched) == [LegLatched(1, *ADDRESS)]


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("goes_on", [False, True])
def test_new_keys_by_re_offer(suite, goes_on):
    """The peer keeps its SSRC; its counter, at 2, goes on or begins at 0."""
    bench, phone = secure(suite, sequence=65500)
    talk(bench, phone, 3)
    for sequence in (90000, 120000, 131072 + 5):
        phone.sequence = sequence
        # Not said in between: a peer's counter moves on while packets are lost.
        bench.plane.columns.receive.highest[0] = sequence - 1
        talk(bench, phone, 2)
    old = phone.peer
    first_ssrc = split(bench.endpoint(1).sent[-1][1]).ssrc
    keys = keys_of(suite, 50, 90)
    connect(bench, keys)
    # What the peer sent before it knew is still good.
    late = old.protect(phone.packet(bytes(FRAME)), 2)
    Phone.raw(phone, late)
    bench.tick()
    assert column(bench, "garbage") == 0
    phone.rekey(keys, 2 if goes_on else 0)
    talk(bench, phone, 10)
    assert column(bench, "garbage") == 0
    assert column(bench, "total") == 3 + 6 + 1 + 10
    sent = bench.endpoint(1).sent[-1][1]
    assert split(sent).ssrc != first_ssrc
    tx = bench.plane.columns.transmit
    assert Peer(suite, keys.send_key).protect(tx.octets[0, :172].tobytes(), 0) == sent
    bench.tick(KEEP_KEY)
    Phone.raw(phone, old.protect(phone.packet(bytes(FRAME)), 2))
    bench.tick(2)
    assert column(bench, "garbage") == 1


def test_a_repeated_offer_with_the_same_keys_changes_nothing():
    bench, phone = secure("AES_CM_128_HMAC_SHA1_80")
    talk(bench, phone, 5)
    replay = phone.peer.protect(phone.packet(bytes(FRAME)), 0)
    Phone.raw(phone, replay)
    bench.tick()
    connect(bench, keys_of("AES_CM_128_HMAC_SHA1_80"))
    Phone.raw(phone, replay)
    bench.tick()
    assert (column(bench, "total"), column(bench, "garbage")) == (6, 1)
    sequences = [split(data).sequence for _, data in bench.endpoint(1).sent]
    assert sequences == list(range(sequences[0], sequences[0] + len(sequences)))
    assert len({split(data).ssrc for _, data in bench.endpoint(1).sent}) == 1


def test_protection_can_begin_and_end_by_offer():
    bench, phone = secure("AES_CM_128_HMAC_SHA1_32")
    talk(bench, phone, 3)
    connect(bench, None)
    plain = Phone(bench, phone.port, ADDRESS, ssrc=1, sequence=phone.sequence, time=phone.time)
    talk(bench, plain, 3)
    assert len(bench.endpoint(1).sent[-1][1]) == 172
    connect(bench, keys_of("AES_CM_128_HMAC_SHA1_32"))
    plain.say()
    bench.tick()
    assert column(bench, "garbage") == 1
    assert len(bench.endpoint(1).sent[-1][1]) == 176
    bench.do(CloseLeg(1))
    bench.tick()
    assert len(bench.plane.legs.secured) == 0
    assert bench.of(LegClosed)[0].sent == 7


def test_a_peer_may_use_so_many_sources_and_no_more():
    bench, phone = secure("AES_CM_128_HMAC_SHA1_80")
    for ssrc in range(40):
        phone.ssrc = ssrc
        phone.say()
        bench.tick(12)
    assert column(bench, "total") == srtp.MAX_SOURCES
    assert column(bench, "garbage") == 40 - srtp.MAX_SOURCES


@pytest.mark.parametrize(
    ("suite", "send", "receive", "message"),
    [
        ("AES_256_CM", 30, 30, "AES_256_CM.*none of"),
        ("AES_CM_128_HMAC_SHA1_80", 29, 30, "the send key .* 29 octets"),
        ("AEAD_AES_128_GCM", 28, 30, "the receive key .* 30 octets.*28"),
    ],
)
def test_keys_that_make_no_sense_are_named_and_change_nothing(suite, send, receive, message):
    bench, phone = secure("AES_CM_128_HMAC_SHA1_80")
    talk(bench, phone, 3)
    bad = SrtpKeys(suite, b"S" * send, b"R" * receive)
    with pytest.raises(ValueError, match=message) as error:
        connect(bench, bad)
    assert "SSSS" not in str(error.value) + repr(bad)
    talk(bench, phone, 3)
    assert column(bench, "garbage") == 0


def test_keys_are_in_no_repr():
    bench, _ = secure("AES_CM_128_HMAC_SHA1_80")
    security = bench.plane.legs.secured.get(0)
    keys = keys_of("AES_CM_128_HMAC_SHA1_80")
    told = repr(security) + repr(bench.plane.legs.by_number[1]) + repr(vars(bench.plane.legs))
    for key in (keys.send_key, keys.receive_key):
        assert repr(key)[2:-1] not in told
        assert key.hex() not in told


@pytest.mark.parametrize("suite", SUITES)
def test_control_is_protected_both_ways(suite):
    bench, phone = secure(suite)
    talk(bench, phone, 3)
    report = rtcp.build(1, "peer", rtcp.Sending(1000.5, 1, 1, 1), None)
    port, control = phone.port, (ADDRESS[0], 4001)
    bench.net.deliver_control(port, report, control)
    bench.tick()
    assert bench.plane.legs.by_number[1].heard_report == (0, 0.0)
    protected = phone.peer.protect_control(report, 1)
    bench.net.deliver_control(port, protected[:-1] + bytes([protected[-1] ^ 1]), control)
    bench.tick()
    assert bench.plane.legs.by_number[1].heard_report == (0, 0.0)
    bench.net.deliver_control(port, protected, control)
    bench.tick()
    assert bench.plane.legs.by_number[1].heard_report[0] != 0
    for _ in range(300):
        phone.say()
        bench.tick()
    address, ours = bench.endpoint(1).sent_control[0]
    assert address == control
    tail = 4 if suite.startswith("AEAD") else 14
    number = struct.unpack("!I", ours[-tail:][:4])[0]
    assert number >> 31 == 1
    opened = srtp.Receiver(suite, keys_of(suite).send_key).control(ours)
    assert opened is not None
    assert Peer(suite, keys_of(suite).send_key).protect_control(opened, number & 0x7FFFFFFF) == ours
    assert rtcp.parse(opened) is not None


@settings(max_examples=40, deadline=None)
@given(st.lists(st.binary(max_size=1480), max_size=12), st.sampled_from(SUITES), st.booleans())
def test_any_octets_are_borne(junk, suite, mux):
    bench, phone = secure(suite, mux=mux)
    talk(bench, phone, 3)
    for data in junk:
        head = struct.pack("!BBHII", 0x80, 0, phone.sequence & 0xFFFF, phone.time, 1)
        for packet in (data, head + data, b"\xbf" + head[1:] + data, b"\x80\xc9" + data):
            Phone.raw(phone, packet)
        bench.net.deliver_control(phone.port, data, (ADDRESS[0], 4001))
        bench.net.deliver_control(phone.port, b"\x80\xc9\0\1" + data, (ADDRESS[0], 4001))
        bench.tick(2)
    assert column(bench, "total") == 3
    talk(bench, phone, 3)
    assert column(bench, "total") == 6


@pytest.mark.parametrize(("ptime", "sizes"), [(10, {80}), (30, {240}), (60, {480})])
def test_packets_of_other_lengths_are_protected(ptime, sizes):
    bench = Bench()
    bench.do(OpenLeg(1, 1, True))
    bench.tick()
    keys = keys_of("AES_CM_128_HMAC_SHA1_80")
    bench.do(ConnectLeg(1, *ADDRESS, 0, "PCMU", 101, True, True, ptime=ptime, srtp=keys))
    voice = sine(440, 24 * FRAME, 9000)
    bench.play(1, voice, (1,))
    bench.tick(24)
    sent = [data for _, data in bench.endpoint(1).sent]
    assert {len(data) - 22 for data in sent} == sizes
    receiver = Peer(keys.suite, keys.send_key)
    plain = b""
    for data in sent:
        # Counter mode undoes itself; protecting what comes out must give the packet again, tag and all.
        opened = data[:12] + receiver.protect(data[:-10], 0)[12:-10]
        assert receiver.protect(opened, 0) == data
        plain += opened[12:]
    assert np.array_equal(linear(plain), through_ulaw(voice)[: len(plain)])


@pytest.mark.parametrize("order", [[0, 1], [1, 0]])
def test_an_authentic_packet_of_one_leg_lets_in_no_forged_one_of_another(order):
    """Rows are verified in the order in which they are read, which is any."""
    bench = Bench()
    keys = keys_of("AES_CM_128_HMAC_SHA1_80")
    for leg in (1, 2):
        bench.do(OpenLeg(leg, leg, True), ConnectLeg(leg, *ADDRESS, 0, "PCMU", 101, True, True, srtp=keys))
    bench.tick()
    phone = SecurePhone(bench, bench.ports[2], keys, ssrc=2)
    plain = phone.packet(bytes(FRAME))
    rx = bench.plane.columns.receive
    for row, data in ((0, plain + bytes(10)), (1, phone.peer.protect(plain, 0))):
        rx.octets[row, : len(data)] = np.frombuffer(data, np.uint8)
        rx.length[row] = len(data)
    bench.plane.legs.secured.unprotect(1, np.array(order, np.int64))
    assert rx.length[:2].tolist() == [NOT_RTP, 172]


def test_former_keys_are_forgotten():
    bench, phone = secure("AES_CM_128_HMAC_SHA1_80")
    talk(bench, phone, 3)
    keys = keys_of("AES_CM_128_HMAC_SHA1_80", 50, 90)
    connect(bench, keys)
    phone.rekey(keys)
    talk(bench, phone, 3)
    assert bench.plane.legs.secured.get(0).former is not None
    for _ in range(KEEP_KEY):
        phone.say()
        bench.tick()
    assert bench.plane.legs.secured.get(0).former is None
    assert column(bench, "garbage") == 0


@pytest.mark.parametrize("ssrc", [1, -1])
@pytest.mark.parametrize("wraps", [0, 2, 3])
@pytest.mark.parametrize("suite", SUITES)
def test_a_leg_from_another_worker_goes_on_where_its_peer_is(suite, wraps, ssrc):
    """The peer keeps key and SSRC; 2 was noted last. It may have rolled over since, or begun again."""
    begun = SrtpSource(ssrc, 2)
    bench, phone = secure(suite, begun=begun, sequence=65530)
    phone.rollover = wraps
    bench.tick(KEEP_KEY + 10)
    bench.play(1, sine(440, 30 * FRAME, 9000), (1,))
    # Control packets may come first: they have indices of their own.
    report = rtcp.build(1, "peer", rtcp.Sending(1000.5, 1, 1, 1), None)
    bench.net.deliver_control(phone.port, phone.peer.protect_control(report, 9), (ADDRESS[0], 4001))
    stranger = Peer(suite, keys_of(suite, 50, 60).receive_key)
    plain = Phone(bench, phone.port, ADDRESS, ssrc=7)
    if ssrc == 1:
        for _ in range(2 * srtp.ROLLOVER_ATTEMPTS):
            Phone.raw(plain, stranger.protect(plain.packet(bytes(FRAME)), 0))
            bench.tick()
    refused = column(bench, "garbage")
    frames = talk(bench, phone, 20)
    assert np.array_equal(frames[3 * FRAME :], through_ulaw(VOICE)[: 17 * FRAME])
    assert column(bench, "garbage") == refused
    # The peer has rolled over meanwhile; the next worker has to know.
    assert bench.plane.legs.secured.position(0) == SrtpSource(1, wraps + 1)
    sent = bench.endpoint(1).sent[-1][1]
    tx = bench.plane.columns.transmit
    assert Peer(suite, keys_of(suite).send_key).protect(tx.octets[0, :172].tobytes(), 0) == sent


def test_workers_tell_how_far_a_protected_stream_has_come():
    bench, phone = secure("AES_CM_128_HMAC_SHA1_80", sequence=65500)
    talk(bench, phone, 10)
    bench.tick(50)
    told = [event.source for event in bench.of(LegReport)]
    assert told[-1] == SrtpSource(1, 0)
    for _ in range(60):
        phone.say()
        bench.tick()
    # Another source in between, which begins at 0, and the first again.
    phone.ssrc, phone.sequence, phone.began = 2, 131072 + 500, 131072
    for _ in range(55):
        phone.say()
        bench.tick()
    assert bench.of(LegReport)[-1].source == SrtpSource(2, 0)
    plain = Bench()
    other = plain.leg(1)
    other.say()
    plain.tick(60)
    assert [event.source for event in plain.of(LegReport)] == [None]


def test_keys_that_change_before_a_moved_peer_is_heard():
    begun = SrtpSource(1, 4)
    suite = "AES_CM_128_HMAC_SHA1_80"
    bench, phone = secure(suite, begun=begun)
    keys = keys_of(suite, 50, 90)
    connect(bench, keys)
    bench.tick()
    late = phone.peer.protect(phone.packet(bytes(FRAME)), 4)
    Phone.raw(phone, late)
    bench.tick()
    assert column(bench, "garbage") == 0
    phone.rekey(keys, 4)
    talk(bench, phone, 5)
    assert (column(bench, "total"), column(bench, "garbage")) == (6, 0)
    assert bench.plane.legs.secured.position(0) == SrtpSource(1, 4)


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(1, 3), st.integers(-60, 30_000)), max_size=12))
def test_the_index_is_the_one_the_standard_counts(steps):
    """Three sources in turn, with jumps below half the numbers and late packets, against 48-bit counting."""
    bench, phone = secure("AES_CM_128_HMAC_SHA1_80")
    said: dict[int, set[int]] = {1: {10_000}, 2: {10_000}, 3: {10_000}}
    last = None
    for ssrc, step in steps:
        index = max(said[ssrc]) + step
        if index in said[ssrc]:
            continue
        said[ssrc].add(index)
        phone.ssrc, phone.sequence = ssrc, index
        Phone.raw(phone, phone.peer.protect(phone.packet(bytes(FRAME)), index >> 16))
        bench.tick()
        last = ssrc
    if last is not None:
        assert bench.plane.legs.secured.position(0) == SrtpSource(last, max(said[last]) >> 16)
