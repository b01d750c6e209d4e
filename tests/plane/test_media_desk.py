"""The whole room with nothing pretended: desk, worker process, plane, sockets, a WAV behind HTTP."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import socket
import struct
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
import soundfile
import uvloop
from aiohttp import web
from aiohttp.test_utils import TestServer

from hookflash.calls import effects, facts
from hookflash.calls.effects import AudioFile
from hookflash.calls.speech_effects import AudioReady
from hookflash.clock import LoopClock
from hookflash.plane.admission import Limits
from hookflash.plane.control import DeskSettings, MediaDesk
from hookflash.plane.hosts import Host
from hookflash.plane.inline import InlinePlane
from hookflash.plane.options import PlaneOptions
from hookflash.plane.process import WorkerProcess
from hookflash.plane.prompts import PromptLimits, Prompts
from hookflash.plane.rings import Rings
from hookflash.plane.supervisor import Patience
from hookflash.ports.plane import (
    TICK,
    AudioTapped,
    CloseLeg,
    ConnectLeg,
    LegClosed,
    LegOpened,
    LegUnavailable,
    OpenLeg,
    PlaneCommand,
    PlaneEvent,
)

F = TypeVar("F", bound=facts.Fact)
SETTINGS = DeskSettings(open_timeout=10, patience=Patience(backoff=0.05, silence=2.0, check=0.2))


def tone_wav(hz: float, seconds: float, rate: int = 16_000) -> bytes:
    out = io.BytesIO()
    samples = 0.5 * np.sin(2 * np.pi * hz * np.arange(int(rate * seconds)) / rate)
    soundfile.write(out, samples, rate, format="WAV", subtype="PCM_16")
    return out.getvalue()


def expand(payload: bytes) -> np.ndarray:
    """mu-law to linear, from the definition in G.711."""
    code = ~np.frombuffer(payload, np.uint8).astype(np.int32) & 0xFF
    size = (((code & 0x0F) << 3) + 0x84 << ((code & 0x70) >> 4)) - 0x84
    return np.where(code & 0x80, -size, size)


class Phone:
    """A mu-law phone on a real socket."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.port: int = self.socket.getsockname()[1]
        self._sent = 0

    def send(self, port: int, payload: bytes, kind: int = 0) -> None:
        header = struct.pack("!BBHII", 0x80, kind, self._sent, 160 * self._sent, 7)
        self.socket.sendto(header + payload, ("127.0.0.1", port))
        self._sent += 1

    async def press(self, port: int, digit: int) -> None:
        """A key by RFC 4733, as three updates and three ends, all with the time stamp of its start."""
        for number, (ended, duration) in enumerate(
            [(0, 160), (0, 320), (0, 480), (1, 640), (1, 640), (1, 640)]
        ):
            kind = 101 | (0x80 if number == 0 else 0)
            header = struct.pack("!BBHII", 0x80, kind, self._sent, 99_000, 7)
            event = struct.pack("!BBH", digit, ended << 7 | 10, duration)
            self.socket.sendto(header + event, ("127.0.0.1", port))
            self._sent += 1
            await asyncio.sleep(0.02)

    async def listen(self, samples: int) -> np.ndarray:
        """So many samples of what is loud enough to be no silence."""
        heard: list[np.ndarray] = []
        async with asyncio.timeout(20):
            while sum(map(len, heard)) < samples:
                packet = await asyncio.get_running_loop().sock_recv(self.socket, 2048)
                audio = expand(packet[12:])
                if packet[1] & 0x7F == 0 and np.abs(audio).max() > 1000:
                    heard.append(audio)
        return np.concatenate(heard)


class Media:
    """A desk over ``host`` and the facts it reports."""

    def __init__(self, host: Callable[[LoopClock], Host]) -> None:
        clock = LoopClock()
        self.hosts: list[Host] = []
        self.facts: list[facts.Fact] = []
        self._news = asyncio.Event()
        self.prompts = Prompts(PromptLimits(allow_private=True))

        def make() -> Host:
            self.hosts.append(host(clock))
            return self.hosts[-1]

        self.desk = MediaDesk([make], self.prompts, clock, self._report, SETTINGS)

    async def fact(self, kind: type[F]) -> F:
        """The first fact of a kind, waited for."""
        async with asyncio.timeout(20):
            while True:
                for fact in self.facts:
                    if isinstance(fact, kind):
                        return fact
                self._news.clear()
                await self._news.wait()

    def _report(self, fact: facts.Fact) -> None:
        self.facts.append(fact)
        self._news.set()


OPTIONS = PlaneOptions(host="127.0.0.1", first_port=46_000, last_port=46_999, legs=96)
HOSTS: dict[str, Callable[[LoopClock], Host]] = {
    "worker": lambda clock: WorkerProcess("media worker", OPTIONS.arguments()),
    "inline": lambda clock: InlinePlane(OPTIONS.make, clock),
}


@pytest.fixture(params=list(HOSTS))
async def media(request: pytest.FixtureRequest) -> AsyncIterator[Media]:
    media = Media(HOSTS[request.param])
    await media.desk.start()
    async with asyncio.timeout(600):  # kernels may have to be compiled, on a machine that has more to do
        await media.desk.wait_ready()
    yield media
    await media.desk.stop()
    await media.prompts.close()


@pytest.fixture
async def prompt() -> AsyncIterator[str]:
    async def serve(request: web.Request) -> web.StreamResponse:
        return web.Response(body=tone_wav(440, 0.5))

    app = web.Application()
    app.router.add_get("/prompt.wav", serve)
    server = TestServer(app)
    await server.start_server()
    yield str(server.make_url("/prompt.wav"))
    await server.close()


async def test_a_phone_hears_a_prompt_and_its_keys_are_heard(media: Media, prompt: str) -> None:
    phone = Phone()
    port = await media.desk.open_leg(10, 1)
    assert port % 2 == 0
    media.desk.connect_leg(ConnectLeg(10, "127.0.0.1", phone.port, 0, "PCMU", 101, True, True))
    phone.send(port, b"\xff" * 160)
    media.desk.play(effects.PlayAudio(1, 1, (10,), (AudioFile(prompt),)))
    heard = await phone.listen(3_600)
    spectrum = np.abs(np.fft.rfft(heard[:3_600] * np.hanning(3_600)))
    assert np.argmax(spectrum) * 8_000 / 3_600 == pytest.approx(440, abs=5)
    await media.fact(facts.AudioFinished)
    assert [type(fact) for fact in media.facts] == [AudioReady, facts.AudioStarted, facts.AudioFinished]
    await phone.press(port, 11)
    assert (await media.fact(facts.ToneHeard)) == facts.ToneHeard(10, "#")
    media.desk.send_tones(effects.SendTones(3, 1, 10, "12"))
    assert (await media.fact(facts.TonesDone)).sending == 3
    media.desk.close_leg(10)
    phone.socket.close()


@pytest.mark.parametrize("media", ["worker"], indirect=True)
async def test_a_killed_worker_loses_its_calls_and_another_takes_the_next(media: Media, prompt: str) -> None:
    await media.desk.open_leg(10, 1)
    first = media.hosts[0]
    assert isinstance(first, WorkerProcess)
    os.kill(first.pid or 0, signal.SIGKILL)
    assert (await media.fact(facts.MediaLost)).calls == (1,)
    async with asyncio.timeout(60):
        await media.desk.wait_ready()
    assert len(media.hosts) == 2
    assert await media.desk.open_leg(20, 2) > 0


@pytest.mark.parametrize("media", ["worker"], indirect=True)
async def test_a_frozen_worker_is_replaced(media: Media) -> None:
    await media.desk.open_leg(10, 1)
    first = media.hosts[0]
    assert isinstance(first, WorkerProcess)
    os.kill(first.pid or 0, signal.SIGSTOP)
    assert (await media.fact(facts.MediaLost)).calls == (1,)
    async with asyncio.timeout(60):
        await media.desk.wait_ready()
    assert await media.desk.open_leg(20, 2) > 0


def test_it_all_runs_on_uvloop_too() -> None:
    async def run() -> None:
        media = Media(HOSTS["worker"])
        await media.desk.start()
        await media.desk.wait_ready()
        await media.desk.open_leg(10, 1)
        first = media.hosts[0]
        assert isinstance(first, WorkerProcess)
        os.kill(first.pid or 0, signal.SIGKILL)
        assert (await media.fact(facts.MediaLost)).calls == (1,)
        await media.desk.wait_ready()
        assert await media.desk.open_leg(20, 2) > 0
        await media.desk.stop()
        await media.prompts.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(asyncio.wait_for(run(), 180))


BUSY = """
import sys
sys.path.insert(0, sys.argv.pop(1))
from hookflash.plane.worker import main
from test_media_desk import Busy
sys.exit(main(sys.argv[1:], make=lambda options: Busy()))
"""


class Busy:
    """A plane whose ticks take a share of the core that the first leg's call number tells, in per cent."""

    announce: Callable[[AudioTapped], None] | None = None

    def __init__(self) -> None:
        self._share = 0.0
        self._events: list[PlaneEvent] = []

    @property
    def rings(self) -> Rings:
        raise LegUnavailable("nothing is tapped here")

    def warm_up(self) -> None: ...

    def apply(self, command: PlaneCommand) -> None:
        if isinstance(command, OpenLeg):
            self._share = command.call / 100
            self._events.append(LegOpened(command.leg, 4000))
        elif isinstance(command, CloseLeg):
            self._share = 0.0
            self._events.append(LegClosed(command.leg, 0, 0, 0, 0.0))

    def skip(self, ticks: int) -> None: ...

    def tick(self, now: float, behind: int = 0) -> list[PlaneEvent]:
        until = time.monotonic() + self._share * TICK
        while time.monotonic() < until:
            pass
        events, self._events = self._events, []
        return events

    def close(self) -> None: ...


async def test_a_worker_that_is_really_busy_takes_no_new_calls_and_later_does_again() -> None:
    told: list[facts.Pressure] = []
    news = asyncio.Event()

    def press(pressure: facts.Pressure) -> None:
        told.append(pressure)
        news.set()

    async def until(taking: facts.Taking) -> None:
        async with asyncio.timeout(30):
            while told[-1].taking is not taking:
                news.clear()
                await news.wait()

    command = [sys.executable, "-P", "-c", BUSY, str(Path(__file__).parent)]
    limits = (Limits(load=0.6, late_ms=1e6),)
    desk = MediaDesk(
        [lambda: WorkerProcess("busy", command=command)],
        Prompts(PromptLimits()),
        LoopClock(),
        settings=DeskSettings(limits=limits),
    )
    desk.watch_pressure(press)
    await desk.start()
    await until(facts.Taking.ALL)
    await desk.open_leg(1, 90)
    async with asyncio.timeout(30):
        while told[-1].taking is facts.Taking.ALL:
            news.clear()
            await news.wait()
    assert desk.health()[0].state == "full"
    with pytest.raises(LegUnavailable, match="of its core"):
        await desk.open_leg(2, 2)
    desk.close_leg(1)
    await until(facts.Taking.ALL)
    assert desk.health()[0].state == "ready"
    await desk.stop()
