"""A media worker, a process with real sockets, under a flood from others than the peers of its legs."""

from __future__ import annotations

import asyncio
import logging
import random
import socket
import struct
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from live_calls import Calls, Phone, options, tones
from streaming_bench import until

from hookflash.calls import facts
from hookflash.plane.process import WorkerProcess
from hookflash.ports.plane import ConnectLeg, SrtpKeys

pytestmark = pytest.mark.slow

PACKETS = 60_000
"""The most a flood sends."""
GROWTH = 24 << 20
"""Octets a worker may grow by."""


@pytest.fixture
async def calls() -> AsyncIterator[Calls]:
    calls = Calls(lambda clock: WorkerProcess("media worker", options(47_000).arguments()))
    await calls.start()
    yield calls
    await calls.stop()


def hostile(source: random.Random, ssrc: int, loud: bytes) -> Iterator[bytes]:
    """Packets without end: noise, broken RTP, other people's audio and keys, RTCP, SRTP cut short."""
    sequence = 0
    while True:
        sequence += 1
        now = 160 * sequence & 0xFFFFFFFF
        guess = ssrc if source.random() < 0.5 else source.getrandbits(32)
        rtp = struct.pack("!BBHII", 0x80, 0, sequence & 0xFFFF, now, guess)
        key = struct.pack("!BBHII", 0x80, 101 | 0x80, sequence & 0xFFFF, now, guess)
        kind = source.randrange(9)
        if kind == 0:
            yield source.randbytes(source.choice([0, 1, 4, 11, 12, 13, 160, 1472, 4000]))
        elif kind == 1:
            yield rtp + loud
        elif kind == 2:
            yield rtp + source.randbytes(source.randrange(200))
        elif kind == 3:
            head = bytes([source.randrange(256), source.randrange(256)])
            yield head + rtp[2:] + source.randbytes(source.randrange(172))
        elif kind == 4:
            yield key + source.randbytes(source.choice([0, 1, 3, 4, 8]))
        elif kind == 5:
            yield key + struct.pack("!BBH", source.randrange(16), 0x8A, source.randrange(65536))
        elif kind == 6:
            # SR, RR, SDES, BYE, APP with lengths of their own; a BYE of the peer's source among them.
            body = struct.pack("!I", guess) + source.randbytes(4 * source.randrange(12))
            yield struct.pack("!BBH", 0x80 | source.randrange(32), source.randrange(200, 205), 7) + body
        elif kind == 7:
            yield struct.pack("!BBHI", 0x81, 203, 1, guess)
        else:
            yield (rtp + source.randbytes(170))[: source.randrange(182)]


class Flood(threading.Thread):
    """Sends hostile packets to ports, RTP and RTCP, from sources that are nobody's peer."""

    def __init__(self, ports: list[int], ssrc: int, loud: bytes) -> None:
        super().__init__(daemon=True)
        self.sent = 0
        self._ports = [port + offset for port in ports for offset in (0, 0, 0, 1)]
        self._packets = hostile(random.Random(7), ssrc, loud)
        self._over = threading.Event()

    def run(self) -> None:
        sources = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(6)]
        for number, one in enumerate(sources):
            one.bind((f"127.0.0.{1 + number % 3}", 0))
        while not self._over.is_set() and self.sent < PACKETS:
            for _ in range(40):
                one = sources[self.sent % len(sources)]
                try:
                    one.sendto(next(self._packets), ("127.0.0.1", self._ports[self.sent % len(self._ports)]))
                except OSError:  # a port where nobody listens any more has told us so
                    continue
                finally:
                    self.sent += 1
            time.sleep(0.01)
        for one in sources:
            one.close()

    def stop(self) -> None:
        self._over.set()
        self.join(10)


def resident(pid: int) -> int:
    """Octets of memory a process holds."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


async def test_a_flood_from_others_changes_nothing_for_the_peer(
    calls: Calls, caplog: pytest.LogCaptureFixture
) -> None:
    (host,) = calls.hosts
    assert isinstance(host, WorkerProcess)
    pid = host.pid
    assert pid is not None
    caplog.set_level(logging.INFO)
    one, two, bad = Phone(440), Phone(1_000), Phone(2_000, 16_000)
    await one.join(calls.desk, 10, 5)
    await two.join(calls.desk, 11, 5)
    # A leg that waits for its peer, and one that takes SRTP only.
    waiting = await calls.desk.open_leg(12, 6)
    calls.desk.connect_leg(ConnectLeg(12, "", 0, 0, "PCMU", 101, True, True))
    keys = SrtpKeys("AES_CM_128_HMAC_SHA1_80", bytes(range(30)), bytes(range(30, 60)))
    secure = await calls.desk.open_leg(13, 7)
    calls.desk.connect_leg(ConnectLeg(13, "127.0.0.1", 9, 0, "PCMU", 101, True, True, srtp=keys))

    def clean() -> bool:
        return tones(two.heard(0.5), 8_000, {440: 8_000, 2_000: 0}) and tones(
            one.heard(0.5), 8_000, {1_000: 8_000, 2_000: 0}
        )

    await until(clean)
    before, lines = resident(pid), len(caplog.records)
    flood = Flood([one.port, two.port, waiting, secure], 10, bad._audio[:160])
    flood.start()
    try:
        for _ in range(8):
            sent = flood.sent
            await until(lambda sent=sent: flood.sent > sent + 400)
            await until(clean)
    finally:
        flood.stop()
    assert flood.sent > 3_000
    await asyncio.sleep(0.3)
    await until(clean)
    assert host.pid == pid
    assert resident(pid) - before < GROWTH
    assert len(caplog.records) - lines < 30, [record.getMessage() for record in caplog.records[lines:]]
    pressed = [fact for fact in calls.facts if isinstance(fact, facts.ToneHeard) and fact.leg in (10, 11, 13)]
    assert pressed == []
    # It takes new calls as before.
    three = Phone(600)
    await three.join(calls.desk, 14, 5)
    await until(lambda: tones(two.heard(0.5), 8_000, {440: 8_000, 600: 8_000, 2_000: 0}))
    for phone in (one, two, three, bad):
        phone.hang_up()
