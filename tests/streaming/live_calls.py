"""Calls with nothing pretended: desk, media worker, sockets, and phones that send a tone in real time."""

from __future__ import annotations

import asyncio
import math
import socket
import struct
from collections.abc import Callable

import numpy as np

from hookflash.calls import facts
from hookflash.clock import LoopClock
from hookflash.plane.control import DeskSettings, MediaDesk
from hookflash.plane.hosts import Host
from hookflash.plane.inline import InlinePlane
from hookflash.plane.options import PlaneOptions
from hookflash.plane.process import WorkerProcess
from hookflash.plane.prompts import PromptLimits, Prompts
from hookflash.plane.supervisor import Patience
from hookflash.ports.plane import ConnectLeg

SETTINGS = DeskSettings(open_timeout=10, patience=Patience(backoff=0.05, silence=5.0, check=0.2))


def options(first_port: int) -> PlaneOptions:
    return PlaneOptions(host="127.0.0.1", first_port=first_port, last_port=first_port + 399, legs=96)


def hosts(first_port: int) -> dict[str, Callable[[LoopClock], Host]]:
    """The kinds of hosts."""
    given = options(first_port)
    return {
        "worker": lambda clock: WorkerProcess("media worker", given.arguments()),
        "inline": lambda clock: InlinePlane(given.make, clock),
    }


def compress(samples: np.ndarray) -> bytes:
    """Linear to mu-law, from the definition in G.711."""
    out = bytearray()
    for sample in samples.tolist():
        size = min(abs(sample), 32_635) + 132
        exponent = size.bit_length() - 8
        code = exponent << 4 | (size >> (exponent + 3)) & 15
        out.append(~(code | (0x80 if sample < 0 else 0)) & 0xFF)
    return bytes(out)


def expand(payload: bytes) -> np.ndarray:
    """mu-law to linear, from the definition in G.711."""
    code = ~np.frombuffer(payload, np.uint8).astype(np.int32) & 0xFF
    size = (((code & 0x0F) << 3) + 0x84 << ((code & 0x70) >> 4)) - 0x84
    return np.where(code & 0x80, -size, size)


def level(samples: np.ndarray, hz: float, rate: int) -> float:
    """Amplitude of a tone."""
    window = np.hanning(len(samples))
    wave = np.exp(-2j * np.pi * hz * np.arange(len(samples)) / rate)
    return float(2 * abs((samples * window * wave).sum()) / window.sum())


def tones(samples: np.ndarray, rate: int, wanted: dict[float, float]) -> bool:
    """Whether the tones have these amplitudes, within 6 %; 0 is less than 200.

    To be waited for: on a busy machine a phone of these tests is late at times.
    """
    if not len(samples):
        return False
    found = {hz: level(samples, hz, rate) for hz in wanted}
    return all(abs(found[hz] - want) < max(200, 0.06 * want) for hz, want in wanted.items())


class Phone:
    """Sends a tone every 20 ms, and keeps what it hears."""

    def __init__(self, hz: float, amplitude: float = 8_000) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        n = np.arange(8_000)
        self._audio = compress(np.round(amplitude * np.sin(2 * math.pi * hz * n / 8_000)).astype(int))
        self.port = 0
        self._heard: list[bytes] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def join(self, desk: MediaDesk, leg: int, call: int) -> None:
        """Have a leg, be in the mix, and start talking."""
        port = self.port = await desk.open_leg(leg, call)
        own = self.socket.getsockname()[1]
        desk.connect_leg(ConnectLeg(leg, "127.0.0.1", own, 0, "PCMU", 101, True, True))
        desk.join_mix(leg)
        self._tasks = [asyncio.create_task(self._talk(port, leg)), asyncio.create_task(self._listen())]

    def hang_up(self) -> None:
        for task in self._tasks:
            task.cancel()
        self.socket.close()

    def heard(self, seconds: float) -> np.ndarray:
        """The last seconds it heard."""
        audio = b"".join(self._heard[-int(seconds * 50) :])
        return expand(audio)

    async def _talk(self, port: int, ssrc: int) -> None:
        loop = asyncio.get_running_loop()
        began, sent = loop.time(), 0
        while True:
            header = struct.pack("!BBHII", 0x80, 0, sent & 0xFFFF, 160 * sent, ssrc)
            at = 160 * sent % 8_000
            self.socket.sendto(header + self._audio[at : at + 160], ("127.0.0.1", port))
            sent += 1
            await asyncio.sleep(max(0.0, began + 0.02 * sent - loop.time()))

    async def _listen(self) -> None:
        while True:
            packet = await asyncio.get_running_loop().sock_recv(self.socket, 2048)
            if packet[1] & 0x7F == 0:
                self._heard.append(packet[12:])


class Calls:
    """A media desk over one host."""

    def __init__(self, host: Callable[[LoopClock], Host]) -> None:
        self.clock = LoopClock()
        self.hosts: list[Host] = []
        self.facts: list[facts.Fact] = []
        self.prompts = Prompts(PromptLimits(allow_private=True))

        def make() -> Host:
            self.hosts.append(host(self.clock))
            return self.hosts[-1]

        self.desk = MediaDesk([make], self.prompts, self.clock, self.facts.append, SETTINGS)

    async def start(self) -> None:
        await self.desk.start()
        async with asyncio.timeout(180):  # kernels may have to be compiled
            await self.desk.wait_ready()

    async def stop(self) -> None:
        await self.desk.stop()
        await self.prompts.close()
