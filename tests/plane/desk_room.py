"""The media desk with pretended workers, and what is around it."""

from __future__ import annotations

import asyncio
from typing import TypeVar

from hookflash.calls import effects, facts
from hookflash.calls.effects import AudioFile
from hookflash.calls.speech_effects import AudioReady
from hookflash.plane.admission import Limits
from hookflash.plane.control import DeskSettings, MediaDesk
from hookflash.plane.hosts import Events, Lost
from hookflash.plane.prompts import PromptError
from hookflash.plane.supervisor import Patience
from hookflash.plane.wav import Audio
from hookflash.ports import plane
from hookflash.ports.plane import PlaneCommand, WorkerReady
from hookflash.testing.clock import VirtualClock

C = TypeVar("C", bound=plane.PlaneMessage)
PATIENCE = Patience(start=60, silence=5, backoff=1, backoff_max=8, settled=30, check=1)


class StallingClock(VirtualClock):
    """Virtual time that can pass without any timer firing in time."""

    def stall(self, seconds: float) -> None:
        self._now += seconds


class FakeHost:
    """Takes down what it is told; the test says what it answers."""

    watched = True

    def __init__(self, fail: bool = False) -> None:
        self.posted: list[PlaneCommand] = []
        self.killed = self.stopped = False
        self.room = asyncio.Event()
        self.room.set()
        self._fail = fail

    async def start(self, on_events: Events, on_lost: Lost) -> None:
        if self._fail:
            raise FileNotFoundError("no such worker")
        self.say_all, self.lose = on_events, on_lost

    def say(self, *events: plane.PlaneEvent) -> None:
        self.say_all(events)

    def post(self, command: PlaneCommand) -> None:
        self.posted.append(command)

    async def writable(self) -> None:
        await self.room.wait()

    def kill(self) -> None:
        self.killed = True

    async def stop(self) -> None:
        self.stopped = True

    def got(self, kind: type[C]) -> list[C]:
        return [command for command in self.posted if isinstance(command, kind)]


class FakePrompts:
    """Audio by URL; a PromptError is raised, and what is not there yet is waited for."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str | None]] = []
        self._audio: dict[str, asyncio.Future[Audio]] = {}

    async def fetch(self, url: str, cache_id: str | None = None) -> Audio:
        self.asked.append((url, cache_id))
        return await asyncio.shield(self._future(url))

    def have(self, url: str, size: int = 3200) -> Audio:
        audio = Audio(url.encode(), bytes(size))
        self._future(url).set_result(audio)
        return audio

    def fail(self, url: str, sub_code: int = 8536, message: str = "it is not there") -> None:
        self._future(url).set_exception(PromptError(sub_code, message))

    def _future(self, url: str) -> asyncio.Future[Audio]:
        return self._audio.setdefault(url, asyncio.get_running_loop().create_future())


class Room:
    """A desk with everything around it."""

    def __init__(self, workers: int = 2, limits: tuple[Limits, ...] = ()) -> None:
        self.clock = StallingClock()
        self.prompts = FakePrompts()
        self.facts: list[facts.Fact] = []
        self.ready: list[AudioReady] = []
        self.hosts: list[FakeHost] = []
        self.failing = False
        self.desk = MediaDesk(
            [self._host] * workers,
            self.prompts,
            self.clock,
            self.report,
            DeskSettings(open_timeout=2.0, patience=PATIENCE, limits=limits),
        )

    def report(self, fact: facts.Fact) -> None:
        """Keep a fact; when audio is ready is apart, for those whom that concerns."""
        if isinstance(fact, AudioReady):
            self.ready.append(fact)
        else:
            self.facts.append(fact)

    def _host(self) -> FakeHost:
        self.hosts.append(FakeHost(self.failing))
        return self.hosts[-1]

    async def start(self) -> None:
        await self.desk.start()
        await self.clock.settle()
        for number, host in enumerate(self.hosts):
            host.say(WorkerReady(number))

    async def leg(self, leg: int, call: int) -> FakeHost:
        """Open an app leg; the host it went to."""
        self.desk.open_app_leg(leg, call)
        (host,) = [host for host in self.hosts if any(c.leg == leg for c in host.got(plane.OpenLeg))]
        host.say(plane.LegOpened(leg, 0))
        await self.clock.settle()
        return host

    async def play(self, *urls: str, play: int = 1, call: int = 1, loop: bool = False) -> None:
        files = tuple(AudioFile(url) for url in urls)
        self.desk.play(effects.PlayAudio(play, call, (10,), files, loop))
        await self.clock.settle()


async def phone(room: Room, leg: int, call: int, port: int) -> FakeHost:
    """Open a leg with a socket; the host it is on."""
    opening = asyncio.create_task(room.desk.open_leg(leg, call))
    await room.clock.settle()
    (host,) = [host for host in room.hosts if any(c.leg == leg for c in host.got(plane.OpenLeg))]
    host.say(plane.LegOpened(leg, port))
    assert await opening == port
    return host
