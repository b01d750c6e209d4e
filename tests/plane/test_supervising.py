"""Workers that are full, drained and replaced, or that die at an awkward moment, with pretended ones."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from desk_room import PATIENCE, Room, phone

from hookflash.calls import facts
from hookflash.calls.facts import Pressure, Taking
from hookflash.plane.admission import Limits
from hookflash.plane.control import DeskSettings, MediaDesk
from hookflash.ports import plane
from hookflash.ports.plane import Heartbeat, LegUnavailable, WorkerReady


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    room = Room()
    await room.start()
    yield room
    await room.desk.stop()


def beat(load: float = 0.1, legs: int = 0) -> Heartbeat:
    return Heartbeat(50, legs, 1.0, 2.0, load, 0)


# --- full ------------------------------------------------------------------------------------------------


async def test_pressure_is_told_from_the_start_and_when_it_changes() -> None:
    room = Room()
    told: list[Pressure] = []
    room.desk.watch_pressure(told.append)
    await room.desk.start()
    assert told == [Pressure("media", Taking.NOTHING, "none of the 2 media workers is ready", 3)]
    await room.clock.settle()
    room.hosts[0].say(WorkerReady(1))
    room.hosts[1].say(WorkerReady(2))
    assert told[1:] == [Pressure("media", Taking.ALL)]
    for _ in range(20):
        room.hosts[0].say(beat(0.85))
    assert len(told) == 2, "the other one takes calls"
    for _ in range(20):
        room.hosts[1].say(beat(0.99))
    assert [(one.source, one.taking) for one in told[2:]] == [("load", Taking.ONGOING)]
    assert [(one.state, round(one.load, 2)) for one in room.desk.health()] == [("full", 0.85), ("full", 0.99)]
    assert "media.load_limit" in room.desk.health()[0].reason
    with pytest.raises(LegUnavailable, match="85% of its core"):
        await room.desk.open_leg(10, 1)
    room.hosts[1].lose("it was killed")
    assert len(told) == 3, "the other one still takes what belongs to its calls"
    room.hosts[0].lose("it was killed")
    assert told[-1].taking is Taking.NOTHING
    await room.clock.elapse(1.1)
    room.hosts[2].say(WorkerReady(3))
    assert told[-1] == Pressure("media", Taking.ALL)
    await room.desk.stop()
    assert told[-1] == Pressure("media", Taking.ALL), "nothing is told of a stop"


# --- drained -----------------------------------------------------------------------------------------------


async def test_a_drained_worker_keeps_its_calls_and_is_replaced_after_the_last(room: Room) -> None:
    first = await phone(room, 10, 1, 4000)
    second = room.hosts[1]
    assert room.desk.drain_worker(0)
    assert room.desk.drain_worker(0), "once more is no harm"
    assert [one.state for one in room.desk.health()] == ["draining", "ready"]
    assert await phone(room, 20, 2, 5000) is second
    assert await phone(room, 30, 3, 5002) is second
    assert await phone(room, 11, 1, 4002) is first, "its call goes on growing"
    room.desk.close_leg(10)
    first.say(beat(legs=1))
    await room.clock.elapse(2)
    second.say(beat())
    assert not first.stopped
    room.desk.close_leg(11)
    first.say(beat(legs=1))
    await room.clock.elapse(1.1)
    assert not first.stopped, "it has not told yet how its last leg was"
    first.say(plane.LegClosed(11, 5, 6, 0, 0.0), beat(legs=0))
    await room.clock.elapse(1.1)
    assert first.stopped
    assert not first.killed
    assert len(room.hosts) == 3
    assert not room.desk.health()[0].ready
    room.hosts[2].say(WorkerReady(77))
    health = room.desk.health()[0]
    assert (health.state, health.pid, health.starts) == ("ready", 77, 2)
    assert await phone(room, 40, 4, 4000) is room.hosts[2]
    assert (room.desk.totals.workers_replaced, room.desk.totals.workers_lost) == (1, 0)
    assert room.facts == []


async def test_an_idle_worker_is_replaced_at_once_and_without_a_backoff(room: Room) -> None:
    for turn in range(5):
        host = room.hosts[-1] if turn else room.hosts[0]
        host.say(beat())
        assert room.desk.drain_worker(0)
        await room.clock.elapse(1.1)
        assert host.stopped
        assert len(room.hosts) == 3 + turn
        room.hosts[-1].say(WorkerReady(turn))
        room.hosts[1].say(beat())


async def test_all_workers_drained_take_no_new_calls(room: Room) -> None:
    told: list[Pressure] = []
    room.desk.watch_pressure(told.append)
    await phone(room, 10, 1, 4000)
    await phone(room, 20, 2, 5000)
    room.desk.drain_worker(0)
    assert told == []
    room.desk.drain_worker(1)
    assert [one.taking for one in told] == [Taking.ONGOING]
    with pytest.raises(LegUnavailable, match="it is being drained"):
        await room.desk.open_leg(30, 3)


async def test_a_worker_is_not_replaced_while_a_leg_is_about_to_come(room: Room) -> None:
    here, there = await phone(room, 10, 1, 4000), await phone(room, 20, 2, 5000)
    moving = asyncio.create_task(room.desk.move_leg(10, 2))
    await room.clock.settle()
    room.desk.close_leg(20)
    room.desk.drain_worker(1)
    there.say(beat(legs=0))
    await room.clock.elapse(1.1)
    assert not there.stopped
    here.say(beat())
    there.say(plane.LegOpened(10, 5002))
    assert await moving == 5002
    await room.clock.elapse(1.1)
    assert not there.stopped, "a leg is there now"


async def test_a_worker_that_dies_while_it_is_drained_takes_its_calls_and_comes_back(room: Room) -> None:
    first = await phone(room, 10, 1, 4000)
    room.desk.drain_worker(0)
    first.lose("it was ended by signal SIGSEGV")
    assert room.facts == [facts.MediaLost((1,))]
    assert not room.desk.drain_worker(0), "there is none to drain"
    await room.clock.elapse(1.1)
    room.hosts[2].say(WorkerReady(5))
    assert [one.state for one in room.desk.health()] == ["ready", "ready"]
    assert not first.stopped


async def test_a_stop_while_a_worker_is_replaced_starts_no_other(room: Room) -> None:
    gate = asyncio.Event()
    first = room.hosts[0]

    async def slowly() -> None:
        await gate.wait()
        first.stopped = True

    first.stop = slowly  # type: ignore[method-assign]
    first.say(beat())
    room.desk.drain_worker(0)
    await room.clock.elapse(1.1)
    stopping = asyncio.create_task(room.desk.stop())
    await room.clock.settle()
    assert not stopping.done(), "the old worker is still ending"
    gate.set()
    await stopping
    assert first.stopped
    assert len(room.hosts) == 2


async def test_a_worker_that_does_not_exist_can_not_be_drained(room: Room) -> None:
    with pytest.raises(IndexError):
        room.desk.drain_worker(2)


# --- death at an awkward moment ---------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["lost", "closed"])
async def test_a_leg_that_opens_and_is_gone_in_the_same_moment_is_unavailable(room: Room, how: str) -> None:
    opening = asyncio.create_task(room.desk.open_leg(10, 1))
    await room.clock.settle()
    room.hosts[0].say(plane.LegOpened(10, 4000))
    if how == "lost":
        room.hosts[0].lose("it was killed")
    else:
        room.desk.close_leg(10)
    with pytest.raises(LegUnavailable, match="gone again"):
        await opening
    assert room.desk.legs == 0
    assert room.facts == ([facts.MediaLost((1,))] if how == "lost" else [])


async def test_a_leg_does_not_move_to_a_worker_that_died_as_it_answered(room: Room) -> None:
    here, there = await phone(room, 10, 1, 4000), await phone(room, 20, 2, 5000)
    moving = asyncio.create_task(room.desk.move_leg(10, 2))
    await room.clock.settle()
    there.say(plane.LegOpened(10, 5002))
    there.lose("it was killed")
    with pytest.raises(LegUnavailable, match="lost meanwhile"):
        await moving
    assert here.got(plane.CloseLeg) == []
    room.desk.join_mix(10)
    assert here.posted[-1] == plane.JoinMix(10)
    assert [one.legs for one in room.desk.health()] == [1, 0]


async def test_both_workers_of_a_move_die(room: Room) -> None:
    here, there = await phone(room, 10, 1, 4000), await phone(room, 20, 2, 5000)
    moving = asyncio.create_task(room.desk.move_leg(10, 2))
    await room.clock.settle()
    here.lose("it was killed")
    there.lose("it was killed")
    with pytest.raises(LegUnavailable):
        await moving
    assert room.facts == [facts.MediaLost((1,)), facts.MediaLost((2,))]
    assert room.desk.legs == 0


async def test_repeated_deaths_back_off_and_a_life_without_fault_forgives_them() -> None:
    room = Room(1)
    await room.start()
    born: list[float] = []
    for _ in range(4):
        room.hosts[-1].lose("it was ended by signal SIGSEGV")
        died = room.clock.now()
        count = len(room.hosts)
        while len(room.hosts) == count:
            await room.clock.elapse(0.25)
        born.append(room.clock.now() - died)
        room.hosts[-1].say(WorkerReady(1))
    assert born == [1.0, 2.0, 4.0, 8.0]
    for _ in range(int(PATIENCE.settled) + 1):
        await room.clock.elapse(1)
        room.hosts[-1].say(beat())
    room.hosts[-1].lose("it was ended by signal SIGSEGV")
    count = len(room.hosts)
    await room.clock.elapse(1.1)
    assert len(room.hosts) == count + 1
    assert room.desk.totals.workers_lost == 5
    await room.desk.stop()


async def test_calls_lost_with_a_worker_are_counted(room: Room) -> None:
    first = await phone(room, 10, 1, 4000)
    await phone(room, 11, 1, 4002)
    await phone(room, 20, 2, 5000)
    first.lose("it was killed")
    totals = room.desk.totals
    assert (totals.calls_lost, totals.workers_lost) == (1, 1)


async def test_limits_are_those_of_each_worker() -> None:
    room = Room()
    settings = DeskSettings(patience=PATIENCE, limits=(Limits(legs=3), Limits(legs=30)), cpus=(1, None))
    room.desk = MediaDesk([room._host] * 2, room.prompts, room.clock, room.report, settings)
    await room.start()
    for leg in range(1, 8):
        room.desk.open_app_leg(leg, leg)
    assert [one.legs for one in room.desk.health()] == [1, 6]
    assert [one.cpu for one in room.desk.health()] == [1, None]
    await room.clock.settle()
    await room.desk.stop()
