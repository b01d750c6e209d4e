"""Legs of the media desk that are muted and moved, with pretended workers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from desk_room import FakeHost, Room, phone
from msgspec import structs

from hookflash.calls import effects, facts
from hookflash.plane.admission import Limits
from hookflash.ports import plane
from hookflash.ports.plane import ConnectLeg, LegUnavailable


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    room = Room()
    await room.start()
    yield room
    await room.desk.stop()


async def two_calls(room: Room) -> tuple[FakeHost, FakeHost]:
    """Leg 10 in call 1 and leg 20 in call 2, on different workers."""
    one, two = await phone(room, 10, 1, 4000), await phone(room, 20, 2, 5000)
    assert one is not two
    for host in (one, two):
        host.posted.clear()
    return one, two


async def test_muting_is_told_to_the_worker(room: Room) -> None:
    host = await phone(room, 10, 1, 4000)
    room.desk.mute(10, True)
    room.desk.mute(10, False)
    room.desk.mute(99, True)
    assert host.got(plane.MuteLeg) == [plane.MuteLeg(10, True), plane.MuteLeg(10, False)]


async def test_a_leg_moves_on_its_worker_by_a_change_of_its_row(room: Room) -> None:
    await phone(room, 10, 1, 4000)
    await phone(room, 20, 2, 5000)
    host = await phone(room, 30, 3, 4002)
    assert await room.desk.move_leg(30, 77) == 4002
    assert host.posted[-2:] == [plane.LeaveMix(30), plane.MoveLeg(30, 77)]
    assert room.desk.legs == 3
    # The new call is where its first leg is.
    await phone(room, 40, 77, 4004)
    assert host.got(plane.OpenLeg)[-1] == plane.OpenLeg(40, 77, True)


async def test_a_leg_moves_to_another_worker_with_all_that_was_set(room: Room) -> None:
    here, there = await two_calls(room)
    connected = ConnectLeg(10, "198.51.100.1", 7000, 0, "PCMU", 101, True, True)
    room.desk.connect_leg(connected)
    room.desk.mute(10, True)
    moving = asyncio.create_task(room.desk.move_leg(10, 2))
    await room.clock.settle()
    assert here.got(plane.LeaveMix) == [plane.LeaveMix(10)]
    assert here.got(plane.CloseLeg) == []
    assert there.posted == [plane.OpenLeg(10, 2, True)]
    here.say(plane.LegOpened(10, 1))  # not the worker that was asked
    there.say(plane.LegOpened(10, 5002))
    assert await moving == 5002
    assert here.got(plane.CloseLeg) == [plane.CloseLeg(10)]
    assert there.posted[1:] == [plane.MuteLeg(10, True), connected]
    here.say(plane.ToneHeard(10, "1", "inband", 3), plane.LegClosed(10, 1, 1, 0, 0.0))
    there.say(plane.ToneHeard(10, "2", "inband", 3))
    assert room.facts == [facts.ToneHeard(10, "2", audible=True)]
    room.desk.join_mix(10)
    assert there.posted[-1] == plane.JoinMix(10)


async def test_a_leg_without_a_socket_moves_without_one(room: Room) -> None:
    opening = asyncio.create_task(room.desk.open_leg(10, 1, socket=False))
    await room.clock.settle()
    room.hosts[0].say(plane.LegOpened(10, 0))
    await opening
    there = await phone(room, 20, 2, 5000)
    moving = asyncio.create_task(room.desk.move_leg(10, 2))
    await room.clock.settle()
    assert there.posted[-1] == plane.OpenLeg(10, 2, False)
    there.say(plane.LegOpened(10, 0))
    assert await moving == 0
    assert not room.desk.audio.is_app_leg(10)


async def test_plays_and_keys_of_the_former_call_end_for_a_moved_leg(room: Room) -> None:
    here = await phone(room, 10, 1, 4000)
    await phone(room, 20, 2, 5000)
    await phone(room, 11, 1, 4002)
    room.prompts.have("a")
    await room.play("a")
    room.desk.send_tones(effects.SendTones(7, 1, 10, "123"))
    assert await room.desk.move_leg(10, 9) == 4000
    await room.clock.settle()
    assert here.got(plane.StopTones) == [plane.StopTones(7)]
    assert here.got(plane.RemovePlayLeg) == [plane.RemovePlayLeg(1, 10)]
    assert room.facts == [facts.TonesFailed(7, "the participant has left")]


async def test_plays_of_a_call_that_was_left_empty_stop(room: Room) -> None:
    here = await phone(room, 10, 1, 4000)
    room.prompts.have("a")
    await room.play("a")
    await room.desk.move_leg(10, 2)
    assert here.got(plane.StopPlay) == [plane.StopPlay(1)]


@pytest.mark.parametrize("how", ["refused", "late", "lost", "closed", "stopped"])
async def test_a_leg_that_can_not_move_stays(room: Room, how: str) -> None:
    here, there = await two_calls(room)
    moving = asyncio.create_task(room.desk.move_leg(10, 2))
    await room.clock.settle()
    match how:
        case "refused":
            there.say(plane.LegRefused(10, "no ports"))
        case "late":
            await room.clock.elapse(2.1)
        case "lost":
            there.lose("it was killed")
        case "closed":
            room.desk.close_leg(10)
        case "stopped":
            await room.desk.stop()
    with pytest.raises(LegUnavailable, match=r"can not be opened|being stopped"):
        await moving
    if how in ("refused", "late"):
        assert there.posted[-1] == plane.CloseLeg(10)
    if how in ("refused", "late", "lost"):
        assert here.got(plane.CloseLeg) == []
        room.desk.join_mix(10)
        assert here.posted[-1] == plane.JoinMix(10)
    if how == "closed":
        assert here.got(plane.CloseLeg) == there.got(plane.CloseLeg) == [plane.CloseLeg(10)]


async def test_a_leg_whose_worker_dies_while_it_moves_is_lost(room: Room) -> None:
    here, there = await two_calls(room)
    moving = asyncio.create_task(room.desk.move_leg(10, 2))
    await room.clock.settle()
    here.lose("it was killed")
    with pytest.raises(LegUnavailable, match="killed"):
        await moving
    assert there.posted[-1] == plane.CloseLeg(10)
    assert room.facts == [facts.MediaLost((1,))]


async def test_a_call_that_goes_while_a_leg_moves_to_it(room: Room) -> None:
    here, there = await two_calls(room)
    moving = asyncio.create_task(room.desk.move_leg(10, 2))
    await room.clock.settle()
    room.desk.close_leg(20)
    there.say(plane.LegOpened(10, 5002))
    assert await moving == 5002, "the call is where it was about to be"
    assert here.got(plane.CloseLeg) == [plane.CloseLeg(10)]
    again = asyncio.create_task(room.desk.move_leg(10, 3))
    assert await again == 5002


async def test_a_call_that_comes_back_elsewhere_while_a_leg_moves_to_it(room: Room) -> None:
    here, there = await two_calls(room)
    moving = asyncio.create_task(room.desk.move_leg(10, 2))
    await room.clock.settle()
    room.desk.close_leg(20)
    await phone(room, 30, 3, 5010)  # to the worker that is empty now
    opening = asyncio.create_task(room.desk.open_leg(21, 2))
    await room.clock.settle()
    elsewhere = here if any(c.leg == 21 for c in here.got(plane.OpenLeg)) else there
    elsewhere.say(plane.LegOpened(21, 6000))
    await opening
    there.say(plane.LegOpened(10, 5002))
    if elsewhere is there:
        assert await moving == 5002
    else:
        with pytest.raises(LegUnavailable, match="lost meanwhile"):
            await moving
        assert there.posted[-1] == plane.CloseLeg(10)


@pytest.mark.parametrize("leg", [99, 10])
async def test_a_leg_that_is_not_open_yet_does_not_move(room: Room, leg: int) -> None:
    opening = asyncio.create_task(room.desk.open_leg(10, 1))
    await room.clock.settle()
    with pytest.raises(LegUnavailable, match=f"media leg {leg} can not be moved: it is not open"):
        await room.desk.move_leg(leg, 2)
    room.hosts[0].say(plane.LegOpened(10, 4000))
    assert await opening == 4000


async def test_an_app_leg_is_in_the_mix_and_known_as_such(room: Room) -> None:
    host = await room.leg(10, 1)
    assert host.posted == [plane.OpenLeg(10, 1, False), plane.JoinMix(10)]
    assert room.desk.audio.is_app_leg(10)
    await phone(room, 11, 1, 4000)
    assert not room.desk.audio.is_app_leg(11)
    room.desk.close_app_leg(10)
    assert not room.desk.audio.is_app_leg(10)


async def test_gains_and_hearing_rules_are_told_to_the_worker(room: Room) -> None:
    here, there = await two_calls(room)
    room.desk.set_gain(10, -12.0)
    rules = (plane.HearingRule(10, 11, 0.0), plane.HearingRule(11, 10, 0.5))
    room.desk.set_hearing(1, rules)
    room.desk.set_hearing(77, rules)
    assert here.posted == [plane.SetGain(10, -12.0), plane.SetHearing(1, rules)]
    assert there.posted == []
    with pytest.raises(ValueError, match="-60 to"):
        room.desk.set_gain(10, 20.1)
    with pytest.raises(ValueError):
        room.desk.set_hearing(1, [plane.HearingRule(10, 11, float("nan"))])
    assert len(here.posted) == 2


async def test_the_gain_of_a_leg_moves_with_it_and_the_rules_of_a_call_stay(room: Room) -> None:
    """Rules are about a call: those who come into it are under its rules, those who leave it are not."""
    here, there = await two_calls(room)
    room.desk.set_gain(10, 6.0)
    room.desk.set_hearing(2, (plane.HearingRule(20, 10, 0.0),))
    there.posted.clear()
    moving = asyncio.create_task(room.desk.move_leg(10, 2))
    await room.clock.settle()
    there.say(plane.LegOpened(10, 5002))
    await moving
    assert there.posted == [plane.OpenLeg(10, 2, True), plane.SetGain(10, 6.0)]
    assert here.got(plane.SetHearing) == []
    # One that was set back has nothing to be told.
    room.desk.set_gain(10, 0.0)
    here.posted.clear()
    moving = asyncio.create_task(room.desk.move_leg(10, 1))
    await room.clock.settle()
    if here.got(plane.OpenLeg):
        here.say(plane.LegOpened(10, 4004))
    await moving
    assert here.got(plane.SetGain) == []


async def test_a_moved_leg_is_not_shown_with_the_address_its_former_worker_found(room: Room) -> None:
    here, there = await two_calls(room)
    room.desk.connect_leg(ConnectLeg(10, "198.51.100.1", 7000, 0, "PCMU", 101, True, True))
    here.say(plane.LegLatched(10, "203.0.113.5", 9999))
    moving = asyncio.create_task(room.desk.move_leg(10, 2))
    await room.clock.settle()
    there.say(plane.LegOpened(10, 5002))
    await moving
    view = room.desk.leg(10)
    assert view is not None
    assert (view.worker, view.port, view.remote) == (1, 5002, "198.51.100.1:7000")
    there.say(plane.LegLatched(10, "203.0.113.5", 9998))
    view = room.desk.leg(10)
    assert view is not None
    assert view.remote == "203.0.113.5:9998"


async def test_no_leg_moves_to_a_worker_that_is_full() -> None:
    room = Room(limits=(Limits(legs=4), Limits(legs=2)))
    await room.start()
    here, there = await two_calls(room)
    await phone(room, 21, 2, 5002)
    there.posted.clear()
    with pytest.raises(
        LegUnavailable, match="leg 10 can not be moved to call 2: media worker 1 is full, all its 2"
    ) as error:
        await room.desk.move_leg(10, 2)
    assert error.value.retry_after > 0
    assert there.posted == []
    assert room.desk.legs == 3
    room.desk.join_mix(10)
    assert here.posted[-1] == plane.JoinMix(10)
    await room.desk.stop()


@pytest.mark.parametrize("told", [None, plane.SrtpSource(5, 3)])
async def test_a_protected_leg_moves_with_the_counter_of_its_peer(
    room: Room, told: plane.SrtpSource | None
) -> None:
    here, there = await two_calls(room)
    keys = plane.SrtpKeys("AES_CM_128_HMAC_SHA1_80", b"k" * 30, b"r" * 30)
    connected = ConnectLeg(10, "198.51.100.1", 7000, 0, "PCMU", 101, True, True, srtp=keys)
    room.desk.connect_leg(connected)
    there.say(plane.LegReport(10, plane.LegQuality(), plane.SrtpSource(9, 9)))
    here.say(plane.LegReport(10, plane.LegQuality(), told), plane.LegReport(10, plane.LegQuality()))
    moving = asyncio.create_task(room.desk.move_leg(10, 2))
    await room.clock.settle()
    there.say(plane.LegOpened(10, 5002))
    await moving
    (sent,) = there.got(ConnectLeg)
    assert sent == structs.replace(connected, source=told or plane.SrtpSource(-1, 0))
