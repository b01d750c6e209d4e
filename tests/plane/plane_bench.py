"""What the plane's tests share: a plane in memory, phones that send to it, a decoder for what it sends."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from hookflash.plane.core import Plane
from hookflash.plane.kernels.codec import decode_alaw, decode_ulaw, encode_alaw, encode_ulaw
from hookflash.plane.memory import Faults, MemoryEndpoint, MemoryNetwork
from hookflash.ports.plane import (
    ConnectLeg,
    LegOpened,
    LoadClip,
    OpenLeg,
    PlaneCommand,
    PlaneEvent,
    StartPlay,
    ToneHeard,
)

FRAME = 160
CODES = "0123456789*#ABCD"


def ulaw(samples) -> bytes:
    out = np.zeros(len(samples), np.uint8)
    encode_ulaw(np.asarray(samples, np.int16), out)
    return out.tobytes()


def alaw(samples) -> bytes:
    out = np.zeros(len(samples), np.uint8)
    encode_alaw(np.asarray(samples, np.int16), out)
    return out.tobytes()


def linear(payload: bytes, decode=decode_ulaw):
    out = np.zeros(len(payload), np.int16)
    decode(np.frombuffer(payload, np.uint8), out)
    return out


def a_to_linear(payload: bytes):
    return linear(payload, decode_alaw)


@dataclass
class Packet:
    """One RTP packet, taken apart."""

    marker: bool
    kind: int
    sequence: int
    time: int
    ssrc: int
    payload: bytes


def split(data: bytes) -> Packet:
    head, second, sequence, time, ssrc = struct.unpack_from("!BBHII", data)
    assert head == 0x80
    return Packet(second > 127, second & 127, sequence, time, ssrc, data[12:])


class Phone:
    """A peer of one leg: packets with right sequence numbers and times."""

    def __init__(
        self, bench: Bench, port: int, address=("198.51.100.7", 4000), ssrc=0x1234, sequence=100, time=5000
    ):
        self.bench = bench
        self.port = port
        self.address = address
        self.ssrc = ssrc
        self.sequence = sequence
        self.time = time
        self.kind = 0

    def packet(self, payload: bytes, *, kind=None, marker=False, time=None) -> bytes:
        data = struct.pack(
            "!BBHII",
            0x80,
            (self.kind if kind is None else kind) | marker << 7,
            self.sequence & 0xFFFF,
            (self.time if time is None else time) & 0xFFFFFFFF,
            self.ssrc,
        )
        self.sequence += 1
        return data + payload

    def raw(self, data: bytes) -> None:
        self.bench.net.deliver(self.port, data, self.address)

    def say(self, samples=None) -> None:
        """One audio packet; silence when nothing is given."""
        payload = b"\xff" * FRAME if samples is None else ulaw(samples)
        self.raw(self.packet(payload))
        self.time += len(payload)

    def skip(self, samples=FRAME) -> None:
        """A packet is lost on the way."""
        self.sequence += 1
        self.time += samples

    def event(self, key: str, duration: int, *, start: int, marker=False, end=False) -> bytes:
        payload = struct.pack("!BBH", CODES.index(key), 10 | end << 7, duration)
        return self.packet(payload, kind=101, marker=marker, time=start)

    def press(self, key: str, ticks: int = 5) -> Iterator[list[bytes]]:
        """The packets of one key, tick by tick; three end packets in the last one."""
        start = self.time
        for i in range(ticks):
            self.time += FRAME
            duration = (i + 1) * FRAME
            if i < ticks - 1:
                yield [self.event(key, duration, start=start, marker=i == 0)]
            else:
                yield [self.event(key, duration, start=start, end=True) for _ in range(3)]


class Bench:
    """A plane under virtual time."""

    def __init__(self, *, faults: Faults | None = None, seed: int = 0, rows: int = 96, **options) -> None:
        self.net = MemoryNetwork(pairs=200, faults=faults, seed=seed)
        source = random.Random(seed)
        self.plane = Plane(self.net, rows=rows, entropy=source.randbytes, **options)
        self.events: list[PlaneEvent] = []
        self.ports: dict[int, int] = {}

    def do(self, *commands: PlaneCommand) -> None:
        for command in commands:
            self.plane.apply(command)

    def tick(self, count: int = 1) -> list[PlaneEvent]:
        new: list[PlaneEvent] = []
        for _ in range(count):
            now = self.plane.ticks * 0.02
            self.net.advance(now)
            new += self.plane.tick(now)
        self.ports.update({e.leg: e.port for e in new if isinstance(e, LegOpened)})
        self.events += new
        return new

    def late_tick(self, behind: int) -> None:
        """A tick that comes ``behind`` ticks too late."""
        now = self.plane.ticks * 0.02
        self.net.advance(now)
        self.events += self.plane.tick(now, behind)

    def leg(
        self, number: int, call: int = 1, *, event=101, codec="PCMU", kind=0, target=None, **directions
    ) -> Phone:
        """Open and connect a leg; its phone sits where SDP said."""
        self.do(OpenLeg(number, call, True))
        self.tick()
        address = (f"198.51.100.{number}", 4000)
        host, port = address if target is None else target
        self.connect(number, host, port, event=event, codec=codec, kind=kind, **directions)
        return Phone(self, self.ports[number], address, ssrc=number)

    def connect(
        self, number, host, port, *, event=101, codec="PCMU", kind=0, sending=True, receiving=True, **more
    ) -> None:
        self.do(ConnectLeg(number, host, port, kind, codec, event, sending, receiving, **more))

    def endpoint(self, number: int) -> MemoryEndpoint:
        return self.net.endpoints[self.ports[number]]

    def sent(self, number: int) -> list[Packet]:
        return [split(data) for _, data in self.endpoint(number).sent]

    def heard_by_peer(self, number: int, decode=decode_ulaw):
        """All audio the leg has sent, joined."""
        return np.concatenate(
            [linear(p.payload, decode) for p in self.sent(number) if len(p.payload) == FRAME]
        )

    def play(self, play: int, samples, legs, *, loop=False, more=False) -> None:
        self.do(
            LoadClip(play, np.asarray(samples, "<i2").tobytes()), StartPlay(play, legs, (play,), loop, more)
        )

    def keys(self, leg: int, source: str | None = None) -> str:
        found = [e for e in self.events if isinstance(e, ToneHeard) and e.leg == leg]
        return "".join(e.digit for e in found if source in (None, e.source))

    def of(self, kind) -> list:
        return [e for e in self.events if isinstance(e, kind)]


def sine(hz: float, samples: int, amplitude: float = 8000.0, start: int = 0):
    return np.round(amplitude * np.sin(2 * np.pi * hz * np.arange(start, start + samples) / 8000)).astype(
        np.int16
    )


def through_ulaw(samples):
    return linear(ulaw(samples))


def through_alaw(samples):
    return a_to_linear(alaw(samples))
