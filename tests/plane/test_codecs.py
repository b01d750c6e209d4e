"""Calls in every codec: prompts out, voices through, plane to plane, faults, and hostile peers."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from plane_bench import Bench, Phone, sine, split
from slow_g722 import Coder, encode_next

from hookflash.plane.columns import G722, L16, L16_WIDE, OPUS, PCMU
from hookflash.plane.kernels.codec import decode_alaw, decode_ulaw, encode_alaw, encode_ulaw
from hookflash.plane.memory import Faults
from hookflash.plane.opus import LARGEST, OpusDecoder, OpusEncoder
from hookflash.ports.plane import CloseLeg, ConnectLeg, JoinMix, OpenLeg, OpusTerms, SendTones

CODECS = {
    "PCMU": ("PCMU", 8000, 0),
    "PCMA": ("PCMA", 8000, 8),
    "L16": ("L16", 8000, 96),
    "L16-16k": ("L16", 16000, 97),
    "G722": ("G722", 8000, 9),
    "OPUS": ("OPUS", 48000, 111),
}
WIDE = ("L16-16k", "G722", "OPUS")


class Peer:
    """A phone with a codec of its own: an encoder, and a decoder for what its leg sends."""

    def __init__(self, bench: Bench, number: int, name: str, *, call: int = 1, **more) -> None:
        self.bench, self.number, self.name = bench, number, name
        bench.do(OpenLeg(number, call, True))
        bench.tick()
        address = (f"198.51.100.{number}", 4000)
        self.phone = Phone(bench, bench.ports[number], address, ssrc=number)
        self.connect(name, **more)

    def connect(self, name: str, **more) -> None:
        """By a new offer, perhaps."""
        self.name = name
        codec, self.clock, kind = CODECS[name]
        host, port = self.phone.address
        more.setdefault("event_payload_type", 101)
        event = more.pop("event_payload_type")
        self.bench.do(
            ConnectLeg(self.number, host, port, kind, codec, event, True, True, clock=self.clock, **more)
        )
        self.phone.kind = kind
        self.rate = 16000 if name in WIDE else 8000
        self.said = 0
        self.opus = (OpusEncoder(), OpusDecoder()) if name == "OPUS" else None
        self.before = len(self.bench.sent(self.number))

    def payload(self, frame) -> bytes:
        frame = np.ascontiguousarray(frame, np.int16)
        if self.name in ("PCMU", "PCMA"):
            out = np.zeros(len(frame), np.uint8)
            (encode_ulaw if self.name == "PCMU" else encode_alaw)(frame, out)
            return out.tobytes()
        if self.name == "G722":
            octets, self.said = encode_next(self.said, frame.tobytes())
            return octets
        if self.opus:
            out = np.zeros(LARGEST, np.uint8)
            size = self.opus[0].encode(frame.ctypes.data, out.ctypes.data)
            return out[:size].tobytes()
        return frame.astype(">i2").tobytes()

    def say(self, frame, *, lost=False) -> None:
        payload = self.payload(frame)
        if lost:
            self.phone.sequence += 1
        else:
            self.phone.raw(self.phone.packet(payload))
        self.phone.time += len(frame) * self.clock // self.rate

    def heard(self):
        """All audio its leg has sent since it was connected."""
        packets = [p for p in self.bench.sent(self.number)[self.before :] if p.kind == self.phone.kind]
        if self.opus:
            parts = []
            for packet in packets:
                size = self.opus[1].decode(packet.payload)
                parts.append(self.opus[1].pcm[:size].copy())
            return np.concatenate(parts)
        octets = b"".join(p.payload for p in packets)
        if self.name in ("PCMU", "PCMA"):
            out = np.zeros(len(octets), np.int16)
            (decode_ulaw if self.name == "PCMU" else decode_alaw)(np.frombuffer(octets, np.uint8), out)
            return out
        if self.name == "G722":
            return np.array(Coder().decode(octets))
        return np.frombuffer(octets, ">i2").astype(np.int16)


def either(sent, heard, step: int, **more) -> float:
    """The likeness at 8,000 Hz of what was ``heard`` at ``step`` times that, by the samples that fit best."""
    return max(likeness(sent, heard[phase::step], 8000, **more) for phase in range(step))


def likeness(sent, heard, rate, *, settle=0.2) -> float:
    """How like a second of ``sent`` what was ``heard`` is, whatever the delay: the median over its pieces.

    By pieces, because a jitter buffer that adapts moves what is between them.
    """
    line = heard.astype(float)
    squares = np.concatenate([[0.0], np.cumsum(line**2)])
    size = rate // 8
    found = []
    for begin in range(int(settle * rate), int((settle + 1) * rate), size):
        part = sent[begin : begin + size].astype(float)
        dots = np.correlate(line, part, "valid")
        norms = np.sqrt(np.maximum(squares[size:] - squares[:-size], 1.0) * (part @ part))
        found.append(float((dots / norms).max()))
    return float(np.median(found))


def voice(rate: int, seconds: float, pitch: float = 520.0):
    """A voice that glides, loud and less loud: not so deep that Opus takes it for hum and turns its phase."""
    t = np.arange(int(seconds * rate)) / rate
    phase = 2 * np.pi * pitch * (t + 0.05 * np.sin(2 * np.pi * 0.7 * t))
    line = sum(np.sin(k * phase + k * k) / k**3 for k in range(1, 4))
    return (6000 * line * (0.7 + 0.3 * np.sin(2 * np.pi * 2.3 * t))).astype(np.int16)


@pytest.mark.parametrize("name", CODECS)
def test_a_prompt_reaches_a_peer(name):
    bench = Bench()
    peer = Peer(bench, 1, name)
    prompt = voice(8000, 2)
    bench.play(1, prompt, (1,))
    bench.tick(110)
    assert either(prompt, peer.heard(), peer.rate // 8000) > 0.99


@pytest.mark.parametrize("name", CODECS)
def test_rtp_time_and_sizes_are_those_of_the_codec(name):
    bench = Bench()
    peer = Peer(bench, 1, name)
    bench.tick(20)
    packets = bench.sent(1)
    clock = CODECS[name][1]
    assert len(packets) == 20
    assert [p.marker for p in packets] == [True] + [False] * 19
    for one, other in itertools.pairwise(packets):
        assert (other.time - one.time) & 0xFFFFFFFF == clock // 50
        assert other.sequence == (one.sequence + 1) & 0xFFFF
    sizes = {"PCMU": 160, "PCMA": 160, "L16": 320, "L16-16k": 640, "G722": 160}
    assert {p.kind for p in packets} == {peer.phone.kind}
    if name in sizes:
        assert {len(p.payload) for p in packets} == {sizes[name]}
    else:
        assert all(0 < len(p.payload) <= LARGEST for p in packets)
    assert np.abs(peer.heard()).max() <= 8


@pytest.mark.compiled
@pytest.mark.parametrize("other", ["PCMU", "G722", "OPUS"])
@pytest.mark.parametrize("name", CODECS)
def test_two_phones_hear_each_other(name, other):
    bench = Bench()
    peers = [Peer(bench, 1, name), Peer(bench, 2, other)]
    bench.do(JoinMix(1), JoinMix(2))
    voices = [voice(peer.rate, 2.2, 480 + 90 * n) for n, peer in enumerate(peers)]
    for tick in range(105):
        for peer, line in zip(peers, voices, strict=True):
            size = peer.rate // 50
            peer.say(line[tick * size : (tick + 1) * size])
        bench.tick()
    for listener, speaker, line in ((0, 1, voices[1]), (1, 0, voices[0])):
        line = line[:: peers[speaker].rate // 8000]
        assert either(line, peers[listener].heard(), peers[listener].rate // 8000, settle=0.4) > 0.98


@pytest.mark.compiled
@pytest.mark.parametrize("name", CODECS)
def test_a_plane_talks_to_another_plane(name):
    codec, clock, kind = CODECS[name]
    planes = [Bench(seed=seed) for seed in (1, 2)]
    for bench in planes:
        bench.do(OpenLeg(1, 1, True))
        bench.tick()
    for bench, peer in (planes, planes[::-1]):
        bench.do(ConnectLeg(1, "198.51.100.1", peer.ports[1], kind, codec, 101, True, True, clock=clock))
    prompt = voice(8000, 2)
    planes[0].play(1, prompt, (1,))
    said = []
    for _ in range(110):
        for bench, peer in (planes, planes[::-1]):
            bench.tick()
            queue = bench.endpoint(1).sent
            for _, data in queue:
                peer.net.deliver(peer.ports[1], data, ("198.51.100.1", bench.ports[1]))
            queue.clear()
        said.append(planes[1].plane.columns.jitter.heard[0, 400:].copy())
    # The filters between the rates may delay by half a sample.
    fine = voice(16000, 2)
    heard = np.concatenate(said)
    assert max(likeness(fine[phase::2], heard, 8000) for phase in (0, 1)) > 0.99


@pytest.mark.compiled
@pytest.mark.parametrize("name", WIDE)
def test_loss_is_concealed(name):
    bench = Bench(faults=Faults(loss=0.05, reorder=0.05, duplicate=0.02), seed=3)
    peer = Peer(bench, 1, name)
    line = voice(16000, 3)
    said = []
    for tick in range(148):
        peer.say(line[tick * 320 : (tick + 1) * 320])
        bench.tick()
        said.append(bench.plane.columns.jitter.heard[0, 400:].copy())
    heard = np.concatenate(said)
    assert np.abs(heard).max() < 32768
    loud = [float(np.abs(frame.astype(int)).mean()) for frame in said[20:]]
    assert np.median(loud) > 500
    assert sum(level < 50 for level in loud) < 12


@pytest.mark.compiled
def test_one_lost_opus_packet_is_made_good_by_the_next():
    results = {}
    for lose in (False, True):
        bench = Bench(seed=3)
        peer = Peer(bench, 1, "OPUS")
        peer.opus[0].expect_loss(30)
        line = voice(16000, 3)
        said = []
        for tick in range(148):
            peer.say(line[tick * 320 : (tick + 1) * 320], lost=lose and tick > 20 and tick % 10 == 0)
            bench.tick()
            said.append(bench.plane.columns.jitter.heard[0, 400:].copy())
        results[lose] = np.concatenate(said)
        quality = bench.plane.columns.quality
        assert quality.concealed[0] == 0 or not lose
    assert likeness(results[False], results[True], 8000, settle=1.0) > 0.95


def test_opus_packets_out_of_order_are_played_in_order():
    results = {}
    for swap in (False, True):
        bench = Bench(seed=3)
        peer = Peer(bench, 1, "OPUS")
        line = voice(16000, 3)
        packets = []
        for tick in range(140):
            payload = peer.payload(line[tick * 320 : (tick + 1) * 320])
            packets.append(peer.phone.packet(payload))
            peer.phone.time += 960
        if swap:
            for i in range(30, 130, 10):
                packets[i], packets[i + 1] = packets[i + 1], packets[i]
        said = []
        for packet in packets:
            peer.phone.raw(packet)
            bench.tick()
            said.append(bench.plane.columns.jitter.heard[0, 400:].copy())
        results[swap] = np.concatenate(said)
    assert likeness(results[False], results[True], 8000, settle=1.0) > 0.999


@pytest.mark.compiled
@pytest.mark.parametrize("ms", [10, 40, 60])
def test_opus_packets_of_other_lengths(ms):
    bench = Bench(seed=3)
    peer = Peer(bench, 1, "OPUS")
    line = voice(16000, 3)
    encoder, out = peer.opus[0], np.zeros(1276, np.uint8)
    size = 16 * ms
    said, sent = [], 0
    for tick in range(140):
        while sent * ms < (tick + 1) * 20 and (sent + 1) * size <= len(line):
            frame = np.ascontiguousarray(line[sent * size : (sent + 1) * size])
            found = encoder._opus.opus_encode(
                encoder._state, frame.ctypes.data, size, out.ctypes.data, len(out)
            )
            peer.phone.raw(peer.phone.packet(out[:found].tobytes()))
            peer.phone.time += 48 * ms
            sent += 1
        bench.tick()
        said.append(bench.plane.columns.jitter.heard[0, 400:].copy())
    assert likeness(line[::2], np.concatenate(said), 8000, settle=0.8) > 0.98


@pytest.mark.compiled
def test_the_codec_changes_in_mid_call():
    bench = Bench()
    peer = Peer(bench, 1, "PCMU")
    other = Peer(bench, 2, "PCMU")
    bench.do(JoinMix(1), JoinMix(2))
    for name in ("G722", "OPUS", "L16-16k", "PCMA", "L16", "G722", "PCMU", "OPUS"):
        peer.connect(name)
        assert (bench.plane.columns.setup.wide[0] >= 0) == (name in WIDE)
        line, back = voice(peer.rate, 2), voice(8000, 2, 570)
        size = peer.rate // 50
        before = len(bench.sent(2))
        for tick in range(95):
            peer.say(line[tick * size : (tick + 1) * size])
            other.say(back[tick * 160 : (tick + 1) * 160])
            bench.tick()
        other.before = before
        heard = peer.heard()
        assert either(back, heard, peer.rate // 8000) > 0.98, name
        assert likeness(line[:: peer.rate // 8000], other.heard(), 8000, settle=0.4) > 0.97, name
    assert bench.plane.legs.slots._slots.taken == 1
    bench.do(CloseLeg(1), CloseLeg(2))
    bench.tick()
    assert bench.plane.legs.slots._slots.taken == 0
    assert len(bench.plane.legs.packets) == 0
    assert len(bench.plane.legs.coded) == 0


@pytest.mark.compiled
@pytest.mark.parametrize("name", CODECS)
def test_hostile_payloads_harm_nothing(name):
    rng = np.random.default_rng(1)
    bench = Bench()
    peer = Peer(bench, 1, name)
    sizes = [0, 1, 2, 3, 5, 159, 161, 319, 641, 1400, *rng.integers(0, 1400, 40).tolist()]
    for size in sizes:
        peer.phone.raw(peer.phone.packet(rng.integers(0, 256, size).astype(np.uint8).tobytes()))
        peer.phone.time += CODECS[name][1] // 50
        bench.tick()
    peer.phone.sequence += 2000
    line = voice(peer.rate, 2)
    size = peer.rate // 50
    said = []
    for tick in range(95):
        peer.say(line[tick * size : (tick + 1) * size])
        bench.tick()
        said.append(bench.plane.columns.jitter.heard[0, 400:].copy())
    assert likeness(line[:: peer.rate // 8000], np.concatenate(said), 8000, settle=0.8) > 0.97
    if name == "OPUS":
        assert bench.plane.columns.receive.garbage[0] > 0


@pytest.mark.parametrize("event", [-1, 101])
@pytest.mark.parametrize("name", WIDE)
def test_keys_go_out_and_the_audio_goes_on(name, event):
    bench = Bench()
    peer = Peer(bench, 1, name, event_payload_type=event)
    bench.play(1, sine(500, 8000), (1,), loop=True)
    bench.do(SendTones(1, 1, "5", 100, 100))
    bench.tick(60)
    kinds = {p.kind for p in bench.sent(1)}
    assert kinds == ({peer.phone.kind} if event < 0 else {peer.phone.kind, 101})
    heard = peer.heard()
    spectrum = np.abs(np.fft.rfft(heard[640:1280]))
    if event < 0:
        strongest = np.argsort(spectrum)[-2:] * 25
        assert min(abs(strongest - 770)) <= 25
        assert min(abs(strongest - 1336)) <= 25
    # After the keys the prompt is there again.
    later = np.abs(np.fft.rfft(heard[-6400:]))
    assert abs(int(np.argmax(later)) * 2.5 - 500) < 5


@pytest.mark.parametrize(
    ("codec", "clock"), [("G722", 16000), ("OPUS", 8000), ("L16", 48000), ("speex", 8000), ("PCMU", 16000)]
)
def test_a_codec_that_does_not_exist_is_refused(codec, clock):
    bench = Bench()
    bench.do(OpenLeg(1, 1, True))
    with pytest.raises(ValueError, match=r"leg 1: codec .* is none of PCMU/8000"):
        bench.do(ConnectLeg(1, "198.51.100.1", 4000, 0, codec, -1, True, True, clock=clock))
    assert not bench.plane.columns.setup.connected[0]


def test_the_columns_know_the_codec():
    found = []
    bench = Bench()
    for number, name in enumerate(CODECS, 1):
        Peer(bench, number, name)
        found.append(int(bench.plane.columns.setup.codec[number - 1]))
    assert found == [PCMU, 1, L16, L16_WIDE, G722, OPUS]


@pytest.mark.compiled
@pytest.mark.parametrize(("first", "then"), [("PCMU", "OPUS"), ("OPUS", "PCMU"), ("L16-16k", "G722")])
def test_another_clock_in_mid_call_is_no_jitter(first, then):
    bench = Bench()
    peer = Peer(bench, 1, first)
    peer.phone.time = 0x70000000
    for name in (first, then):
        if name != first:
            peer.connect(name)
        for _ in range(60):
            peer.say(np.zeros(320 if name in WIDE else 160, np.int16))
            bench.tick()
        assert bench.plane.columns.receive.jitter[0] == 0.0


def test_a_peer_that_wants_no_silence_gets_none_and_speech_is_marked():
    bench = Bench()
    bench.do(OpenLeg(1, 1, True))
    address, terms = ("198.51.100.1", 4000), OpusTerms(dtx=True)
    bench.do(ConnectLeg(1, *address, 96, "OPUS", 101, True, True, clock=48_000, opus=terms))
    bench.tick(100)
    sent = bench.endpoint(1).sent
    silent = len(sent)
    assert silent < 40
    tx = bench.plane.columns.transmit
    assert int(tx.packets[0]) == silent
    assert int(tx.payload[0]) == sum(len(data) - 12 for _, data in sent)
    bench.play(1, voice(16000, 0.5)[::2].copy(), (1,))
    bench.tick(25)
    packets = [split(data) for _, data in sent]
    assert len(packets) - silent >= 24
    # Numbers go on without a hole, time with the silence.
    assert [p.sequence for p in packets] == [(packets[0].sequence + i) & 0xFFFF for i in range(len(packets))]
    assert (packets[-1].time - packets[0].time) & 0xFFFFFFFF == 960 * 124
    first = next(p for p in packets[silent:] if p.marker)
    assert first.time - packets[silent].time in (0, 960)
