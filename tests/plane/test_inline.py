"""The plane inside the control process: one tick for every 20 ms of whatever clock it is given."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hookflash.calls import effects, facts
from hookflash.calls.effects import AudioFile
from hookflash.calls.speech_effects import AudioReady
from hookflash.plane.control import MediaDesk
from hookflash.plane.inline import InlinePlane
from hookflash.plane.wav import Audio
from hookflash.ports.plane import (
    TICK,
    AudioTapped,
    CloseLeg,
    LegClosed,
    LegOpened,
    LoadClip,
    OpenLeg,
    PlaneCommand,
    PlaneEvent,
    PlayFinished,
    PlayStarted,
    Shutdown,
    StartPlay,
    WorkerReady,
)
from hookflash.testing.clock import VirtualClock


class TinyCore:
    """Plays clips for as long as they are; everything else it just confirms."""

    announce: Callable[[AudioTapped], None] | None = None

    def __init__(self) -> None:
        self.ticks: list[float] = []
        self.applied: list[PlaneCommand] = []
        self.closed = self.warm = False
        self._clips: dict[int, int] = {}
        self._ends: dict[int, int] = {}
        self._events: list[PlaneEvent] = []

    def warm_up(self) -> None:
        self.warm = True

    def apply(self, command: PlaneCommand) -> None:
        self.applied.append(command)
        match command:
            case OpenLeg():
                self._events.append(LegOpened(command.leg, 4000 if command.socket else 0))
            case CloseLeg():
                self._events.append(LegClosed(command.leg, 0, 0, 0, 0.0))
            case LoadClip():
                self._clips[command.clip] = len(command.pcm) // 320
            case StartPlay():
                self._events.append(PlayStarted(command.play, len(self.ticks)))
                self._ends[command.play] = len(self.ticks) + sum(self._clips[c] for c in command.clips)

    def skip(self, ticks: int) -> None: ...

    def tick(self, now: float, behind: int = 0) -> list[PlaneEvent]:
        self.ticks.append(now)
        events, self._events = self._events, []
        for play, end in list(self._ends.items()):
            if len(self.ticks) >= end:
                del self._ends[play]
                events.append(PlayFinished(play, end))
        return events

    def close(self) -> None:
        self.closed = True


class Inline:
    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.core = TinyCore()
        self.events: list[PlaneEvent] = []
        self.plane = InlinePlane(lambda: self.core, self.clock)

    async def start(self) -> None:
        await self.plane.start(self.events.extend, self._lost)

    def _lost(self, reason: str) -> None:
        raise AssertionError(reason)


async def test_it_is_ready_once_it_is_warm() -> None:
    inline = Inline()
    inline.plane.post(OpenLeg(1, 1, False))  # before the start: ignored
    await inline.start()
    assert inline.core.warm
    assert [type(event) for event in inline.events] == [WorkerReady]
    await inline.plane.writable()


async def test_every_20_ms_of_the_clock_are_a_tick() -> None:
    inline = Inline()
    await inline.start()
    inline.plane.post(OpenLeg(1, 1, False))
    assert inline.core.applied == []
    inline.clock.advance(1.0)
    assert inline.core.ticks == pytest.approx([TICK * n for n in range(1, 51)])
    assert inline.events[1:] == [LegOpened(1, 0)]


async def test_without_legs_time_passes_without_ticks() -> None:
    inline = Inline()
    await inline.start()
    inline.clock.advance(3600)
    assert inline.core.ticks == []
    inline.plane.post(OpenLeg(1, 1, False))
    inline.clock.advance(TICK)
    inline.plane.post(CloseLeg(1))
    inline.clock.advance(3600)
    assert len(inline.core.ticks) == 2
    assert inline.clock.next_at is None
    inline.plane.post(OpenLeg(2, 1, False))
    inline.clock.advance(TICK)
    assert len(inline.core.ticks) == 3


async def test_a_command_that_makes_no_sense_does_not_stop_the_ticks(
    caplog: pytest.LogCaptureFixture,
) -> None:
    inline = Inline()
    await inline.start()
    inline.plane.post(OpenLeg(1, 1, False))
    inline.clock.advance(TICK)
    apply = inline.core.apply

    def strict(command: PlaneCommand) -> None:
        if isinstance(command, LoadClip):
            raise ValueError("no room for it")
        apply(command)

    inline.core.apply = strict
    inline.plane.post(LoadClip(1, b""))
    inline.plane.post(CloseLeg(1))
    inline.clock.advance(1.0)
    assert "refused LoadClip: no room for it" in caplog.text
    assert [type(event) for event in inline.events] == [WorkerReady, LegOpened, LegClosed]


async def test_shutdown_closes_the_core_and_ends_the_ticks() -> None:
    inline = Inline()
    await inline.start()
    inline.plane.post(OpenLeg(1, 1, False))
    inline.clock.advance(0.1)
    inline.plane.post(Shutdown())
    assert inline.core.closed
    inline.clock.advance(1)
    assert len(inline.core.ticks) == 5
    inline.plane.post(OpenLeg(2, 1, False))
    await inline.plane.stop()


class OneFile:
    async def fetch(self, url: str, cache_id: str | None = None) -> Audio:
        return Audio(b"key", bytes(320 * 25))


async def test_a_desk_over_it_runs_in_virtual_time() -> None:
    """A leg opens, half a second is played, and the facts come when their time comes."""
    inline = Inline()
    heard: list[tuple[float, facts.Fact]] = []
    desk = MediaDesk(
        [lambda: inline.plane],
        OneFile(),
        inline.clock,
        lambda fact: heard.append((inline.clock.now(), fact)),
    )
    await desk.start()
    await desk.wait_ready()
    desk.open_app_leg(10, 1)
    await inline.clock.elapse(0.1)
    desk.play(effects.PlayAudio(1, 1, (10,), (AudioFile("http://a"),)))
    await inline.clock.elapse(1.0)
    assert [fact for _, fact in heard] == [AudioReady(1), facts.AudioStarted(1), facts.AudioFinished(1)]
    assert heard[2][0] - heard[1][0] == pytest.approx(0.5, abs=2 * TICK)
    await inline.clock.elapse(60)
    assert desk.ready, "silence is no reason to replace a plane without heartbeats"
    await desk.stop()
    assert inline.core.closed
