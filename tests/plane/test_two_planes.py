"""Two planes as each other's peers: packet times, SRTP, keys in every codec, new offers, bad networks."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from plane_bench import Bench, sine, split, through_alaw, through_ulaw
from slow_g722 import Coder
from test_codecs import CODECS, WIDE, Peer, voice

from hookflash.plane.columns import PAST
from hookflash.plane.memory import Faults
from hookflash.plane.srtp import SUITES
from hookflash.ports.plane import ConnectLeg, JoinMix, OpenLeg, SendTones, SrtpKeys

HOST = "198.51.100.1"
NARROW = ("PCMU", "PCMA", "L16", "G722")
"""Codecs with an RTP clock of 8,000 Hz: those with packets of other lengths than 20 ms."""


def key_pair(suite: str, seed: int = 1) -> tuple[SrtpKeys, SrtpKeys]:
    """Keys for both ends."""
    size = SUITES[suite][1]
    one, other = bytes(range(seed, seed + size)), bytes(range(seed + 7, seed + 7 + size))
    return SrtpKeys(suite, one, other), SrtpKeys(suite, other, one)


class Line:
    """Leg 1 of two planes, connected to each other."""

    def __init__(self, name: str, *, faults: Faults | None = None, **terms) -> None:
        self.planes = [Bench(seed=1, faults=faults), Bench(seed=2, faults=faults)]
        for bench in self.planes:
            bench.do(OpenLeg(1, 1, True))
            bench.tick()
        self.wire: list[tuple[int, bytes]] = []
        self.said: list[list[np.ndarray]] = [[], []]
        self.wide: list[list[np.ndarray]] = [[], []]
        self.connect(name, **terms)

    def connect(self, name: str, *, event=101, ptime=20, keys=(None, None)) -> None:
        """Both sides have agreed on this."""
        codec, clock, kind = CODECS[name]
        for bench, other, srtp in zip(self.planes, self.planes[::-1], keys, strict=True):
            terms = {"clock": clock, "ptime": ptime, "srtp": srtp}
            bench.do(ConnectLeg(1, HOST, other.ports[1], kind, codec, event, True, True, **terms))

    def carry(self, side: int) -> None:
        """What a plane has sent, to the other one."""
        bench, other = self.planes[side], self.planes[1 - side]
        queue = bench.endpoint(1).sent
        for _, data in queue:
            self.wire.append((side, data))
            other.net.deliver(other.ports[1], data, (HOST, bench.ports[1]))
        queue.clear()

    def tick(self, count: int = 1) -> None:
        for _ in range(count):
            for side, bench in enumerate(self.planes):
                bench.tick()
                self.carry(side)
                columns = bench.plane.columns
                self.said[side].append(columns.jitter.heard[0, PAST:].copy())
                slot = int(columns.setup.wide[0])
                if slot >= 0:
                    self.wide[side].append(columns.wide.heard[slot, 2 * PAST :].copy())

    def heard(self, side: int, since: int = 0) -> np.ndarray:
        """What the peer of a plane says as the plane hears it, at 8,000 Hz."""
        return np.concatenate(self.said[side][since:])

    def payloads(self, side: int, kind: int) -> bytes:
        packets = [split(data) for sender, data in self.wire if sender == side]
        return b"".join(p.payload for p in packets if p.kind == kind)


def contains(line: np.ndarray, part: np.ndarray) -> bool:
    """Whether ``part`` is in ``line``, sample by sample."""
    return line.astype("<i2").tobytes().find(part.astype("<i2").tobytes()) % 2 == 0


def pieces(sent: np.ndarray, heard: np.ndarray, rate: int = 8000, slack: float = 0.2) -> np.ndarray:
    """How like each quarter second of ``sent`` is to what was ``heard`` about then, 0 to 1."""
    size, room = rate // 4, int(slack * rate)
    found = []
    for begin in range(0, len(sent) - size - room, size):
        part, near = (
            sent[begin : begin + size].astype(float),
            heard[begin : begin + size + room].astype(float),
        )
        if len(near) < size:
            break
        squares = np.concatenate([[0.0], np.cumsum(near**2)])
        norms = np.sqrt(np.maximum(squares[size:] - squares[:-size], 1.0) * max(part @ part, 1.0))
        found.append(float((np.correlate(near, part, "valid") / norms).max()))
    return np.array(found)


def best_pieces(fine: np.ndarray, heard: np.ndarray) -> np.ndarray:
    """:func:`pieces` of a line at 16,000 Hz: filters between the rates delay by half a sample, perhaps."""
    return np.maximum(pieces(fine[::2], heard), pieces(fine[1::2], heard))


TAGS = {"": 0, "AES_CM_128_HMAC_SHA1_80": 10, "AES_CM_128_HMAC_SHA1_32": 4, "AEAD_AES_128_GCM": 16}
"""Octets that protection adds to a packet."""


@pytest.mark.parametrize("suite", TAGS)
@pytest.mark.parametrize("ptime", [10, 30, 40, 60])
@pytest.mark.parametrize("name", NARROW)
def test_packets_of_any_length_are_understood_to_the_bit(name, ptime, suite):
    line = Line(name, ptime=ptime, keys=key_pair(suite) if suite else (None, None))
    fine = voice(16000, 1.5)
    prompt = fine[::2].copy()
    line.planes[0].play(1, prompt, (1,))
    line.tick(60)
    kind = CODECS[name][2]
    audio = [data for side, data in line.wire if side == 0 and data[1] & 0x7F == kind]
    overhead = 12 + TAGS[suite]
    assert {len(data) for data in audio} == {overhead + ptime * (16 if name == "L16" else 8)}
    # A second: then the jitter buffer has learned that it can be shorter, and leaves something out.
    if name == "G722":
        if not suite:
            whole = Coder().decode(line.payloads(0, kind))
            assert contains(np.concatenate(line.wide[1]), np.array(whole[320:14_000], np.int16))
        assert best_pieces(fine, line.heard(1))[:3].min() > 0.99
        return
    through = {"PCMU": through_ulaw, "PCMA": through_alaw, "L16": lambda samples: samples}[name]
    assert contains(line.heard(1), through(prompt[:7000]))


@pytest.mark.parametrize("suite", ["", "AES_CM_128_HMAC_SHA1_80"])
@pytest.mark.parametrize("event", [101, -1])
@pytest.mark.parametrize("ptime", [10, 30, 40, 60])
@pytest.mark.parametrize("name", NARROW)
def test_keys_between_packets_of_any_length(name, ptime, event, suite):
    line = Line(name, ptime=ptime, event=event, keys=key_pair(suite) if suite else (None, None))
    line.planes[0].do(SendTones(1, 1, "15#", 100, 100))
    line.planes[1].do(SendTones(1, 1, "99", 80, 80))
    line.tick(60)
    assert line.planes[1].keys(1) == line.planes[1].keys(1, "inband" if event < 0 else "rfc4733") == "15#"
    assert line.planes[0].keys(1) == "99"


@pytest.mark.parametrize("suite", ["", "AEAD_AES_128_GCM"])
@pytest.mark.parametrize("event", [101, -1])
@pytest.mark.parametrize("name", CODECS)
def test_keys_in_every_codec(name, event, suite):
    line = Line(name, event=event, keys=key_pair(suite) if suite else (None, None))
    # The prompt goes on under the keys where they are events, and is broken by them where they are not.
    line.planes[0].play(1, sine(1000, 8000, 3000), (1,), loop=True)
    line.planes[0].do(SendTones(1, 1, "1590*#AD22", 100, 100))
    line.tick(130)
    assert line.planes[1].keys(1) == "1590*#AD22"
    assert line.planes[1].keys(1, "inband" if event < 0 else "rfc4733") == "1590*#AD22"
    assert not line.planes[0].keys(1)
    if event < 0 or suite:
        return
    durations = [
        int.from_bytes(split(data).payload[2:4], "big")
        for side, data in line.wire
        if side == 0 and split(data).kind == event
    ]
    assert max(durations) == CODECS[name][1] // 10, "100 ms in units of the codec's RTP clock"


@pytest.mark.parametrize("drift", [-100e-6, 100e-6])
@pytest.mark.parametrize("name", [*WIDE, "PCMU"])
def test_a_bad_network_and_a_clock_of_its_own(name, drift):
    """Of 20 s with 2 % lost, reordered and repeated, nearly every quarter second is as it was said."""
    faults = Faults(loss=0.02, reorder=0.02, duplicate=0.02, jitter=0.01)
    bench = Bench(faults=faults, seed=5)
    peer = Peer(bench, 1, name)
    if peer.opus:
        peer.opus[0].expect_loss(10)
    rate, seconds = peer.rate, 20
    fine = np.tile(voice(16000, 5), seconds // 5)
    line = fine[:: 16000 // rate]
    said, sent, size = [], 0, rate // 50
    for tick in range(50 * seconds):
        # A millisecond before and behind the beats of our ticks, so that the drift crosses them.
        while sent < 50 * seconds and sent * 0.02 * (1 + drift) + 0.001 < (tick + 1) * 0.02:
            peer.say(line[sent * size : (sent + 1) * size])
            sent += 1
        bench.tick()
        said.append(bench.plane.columns.jitter.heard[0, PAST:].copy())
    alike = best_pieces(fine, np.concatenate(said))[4:]
    assert np.median(alike) > 0.98
    assert np.quantile(alike, 0.1) > 0.8
    assert alike.min() > 0.4
    columns = bench.plane.columns
    assert columns.receive.garbage[0] == 0
    assert columns.jitter.target[0] <= 800


@pytest.mark.parametrize("suite", ["", *SUITES])
def test_numbers_wrap_in_a_long_call(suite):
    """Three times around, in seconds: thousands of packets are lost on the way."""
    line = Line("PCMU", keys=key_pair(suite) if suite else (None, None))
    sender = line.planes[0]
    sender.play(1, sine(440, 8000, 8000), (1,), loop=True)
    line.tick(10)
    wraps, before = 0, 0
    loud = []
    for _ in range(90):
        tx = sender.plane.columns.transmit
        tx.sequence[0] = (tx.sequence[0] + 2500) & 0xFFFF
        line.tick(8)
        wraps += int(tx.sequence[0]) < before
        before = int(tx.sequence[0])
        loud.append(np.abs(line.heard(1, -4).astype(int)).max())
    assert wraps >= 3
    assert min(loud[1:]) > 7000
    receive = line.planes[1].plane.columns.receive
    assert receive.garbage[0] == 0
    sender.do(SendTones(1, 1, "7#", 100, 100))
    line.tick(40)
    assert line.planes[1].keys(1) == "7#"


def test_new_offers_change_protection_and_codec_in_mid_call():
    line = Line("PCMU")
    suites = list(SUITES)
    offers = [
        ("PCMU", suites[0]),
        ("G722", suites[0]),
        ("OPUS", suites[2]),
        ("L16-16k", ""),
        ("PCMA", suites[1]),
        ("G722", ""),
        ("OPUS", suites[0]),
        ("PCMU", ""),
    ]
    keys = ""
    for number, (name, suite) in enumerate(offers, 1):
        line.connect(name, keys=key_pair(suite, number) if suite else (None, None))
        line.tick(5)
        since = len(line.said[1])
        fine = voice(16000, 2, 480 + 20 * number)
        line.planes[0].play(number, fine[::2], (1,))
        line.tick(110)
        found = best_pieces(fine, line.heard(1, since))
        assert np.median(found) > 0.98, (number, name, suite)
        line.planes[1].do(SendTones(number, 1, str(number), 100, 100))
        line.planes[0].do(SendTones(number, 1, str(number), 100, 100))
        line.tick(30)
        keys += str(number)
        assert line.planes[0].keys(1) == line.planes[1].keys(1) == keys, (number, name, suite)
        assert bool(suite) is bool(line.planes[0].plane.legs.secured)


def test_what_is_on_the_wire_of_a_protected_line_is_not_the_audio():
    plain, secured = Line("G722"), Line("G722", keys=key_pair("AEAD_AES_128_GCM"))
    for line in (plain, secured):
        line.planes[0].play(1, voice(8000, 1), (1,))
        line.tick(40)
    assert np.array_equal(plain.heard(1), secured.heard(1))
    ours = [data[12:] for side, data in plain.wire if side == 0]
    theirs = [data[12:172] for side, data in secured.wire if side == 0]
    assert len(ours) == len(theirs)
    assert all(one != other for one, other in zip(ours, theirs, strict=True))


def test_three_in_three_codecs_hear_each_other():
    bench = Bench()
    names = ("PCMU", "G722", "OPUS")
    peers = [Peer(bench, number, name) for number, name in enumerate(names, 1)]
    bench.do(*(JoinMix(number) for number in (1, 2, 3)))
    tones = (500, 900, 1400)
    for tick in range(150):
        for peer, tone in zip(peers, tones, strict=True):
            size = peer.rate // 50
            t = np.arange(tick * size, (tick + 1) * size) / peer.rate
            peer.say(
                (5000 * np.sin(2 * np.pi * tone * t) * (1 + 0.3 * np.sin(2 * np.pi * 3 * t))).astype("<i2")
            )
        bench.tick()
    for peer, own in zip(peers, tones, strict=True):
        heard = peer.heard()[-peer.rate :].astype(float)
        spectrum = np.abs(np.fft.rfft(heard * np.hanning(len(heard)))) * 4 / len(heard)
        levels = {tone: spectrum[tone - 5 : tone + 6].max() for tone in tones}
        others = [levels[tone] for tone in tones if tone != own]
        assert min(others) > 3000, (peer.name, levels)
        assert levels[own] < 100, (peer.name, levels)


@pytest.mark.parametrize("pair", list(itertools.combinations(WIDE, 2)))
def test_what_is_above_4_khz_stays_between_wideband_legs(pair):
    bench = Bench()
    peers = [Peer(bench, number, name) for number, name in enumerate((*pair, "PCMU"), 1)]
    bench.do(*(JoinMix(number) for number in (1, 2, 3)))
    t = np.arange(32000) / 16000
    high = (4000 * np.sin(2 * np.pi * 5500 * t) + 2000 * np.sin(2 * np.pi * 700 * t)).astype(np.int16)
    for tick in range(100):
        peers[0].say(high[tick * 320 : (tick + 1) * 320])
        peers[1].say(np.zeros(320, np.int16))
        peers[2].say(np.zeros(160, np.int16))
        bench.tick()
    wide, narrow = (peer.heard()[-peer.rate // 2 :].astype(float) for peer in peers[1:])
    spectrum = np.abs(np.fft.rfft(wide)) * 2 / len(wide)
    assert spectrum[2750 - 3 : 2750 + 4].max() > 1500
    # 5,500 Hz must not fold to 2,500.
    spectrum = np.abs(np.fft.rfft(narrow)) * 2 / len(narrow)
    assert spectrum[350 - 3 : 350 + 4].max() > 1500
    assert spectrum[1250 - 3 : 1250 + 4].max() < 50
