"""What is known of how well legs are heard."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest
from desk_room import FakeHost, Room, phone

from hookflash.plane.quality_desk import MOS_STEPS, QualityDesk
from hookflash.ports import plane
from hookflash.ports.plane import ConnectLeg, LegClosed, LegQuality, LegReport, SrtpKeys


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    room = Room()
    await room.start()
    yield room
    await room.desk.stop()


async def moved(room: Room) -> tuple[FakeHost, FakeHost]:
    """The worker that leg 10 has been moved away from, and the one it is on since."""
    here, there = await phone(room, 10, 1, 4000), await phone(room, 20, 2, 5000)
    moving = asyncio.create_task(room.desk.move_leg(10, 2))
    await room.clock.settle()
    there.say(plane.LegOpened(10, 5002))
    await moving
    return here, there


GOOD = LegQuality(received=500, sent=510, lost=2, discarded=1, jitter_ms=3.0, concealed_ms=40.0, mos=4.3)


async def test_the_last_report_of_an_open_leg_can_be_read(room: Room) -> None:
    host = await phone(room, 10, 1, 4000)
    assert room.desk.quality(10) is None
    host.say(LegReport(10, LegQuality(received=50)), LegReport(10, GOOD), LegReport(99, GOOD))
    assert room.desk.quality(10) == GOOD
    assert room.desk.quality(99) is None
    room.hosts[1].say(LegReport(10, LegQuality(received=1)))
    assert room.desk.quality(10) == GOOD, "another worker knows nothing of it"
    room.desk.close_leg(10)
    assert room.desk.quality(10) is None


async def test_a_closed_leg_is_told_of_in_one_line(room: Room, caplog: pytest.LogCaptureFixture) -> None:
    host = await phone(room, 10, 7, 4000)
    room.desk.close_leg(10)
    with caplog.at_level(logging.INFO):
        host.say(LegClosed(10, 500, 510, 2, 3.04, GOOD))
    (line,) = [record for record in caplog.records if record.message == "leg closed"]
    told = {name: vars(line)[name] for name in ("leg", "call", "worker", "received", "lost", "mos")}
    assert told == {"leg": 10, "call": 7, "worker": 0, "received": 500, "lost": 2, "mos": 4.3}
    assert line.jitter_ms == 3.0  # type: ignore[attr-defined]
    assert line.round_trip_ms is None  # type: ignore[attr-defined]


async def test_a_leg_that_moves_is_told_of_by_both_workers(
    room: Room, caplog: pytest.LogCaptureFixture
) -> None:
    here, there = await moved(room)
    there.say(LegReport(10, GOOD))
    with caplog.at_level(logging.INFO):
        here.say(LegClosed(10, 9, 9, 0, 0.0, GOOD))
        assert room.desk.quality(10) == GOOD
        room.desk.close_leg(10)
        there.say(LegClosed(10, 8, 8, 0, 0.0, GOOD))
    lines = [record for record in caplog.records if record.message == "leg closed"]
    assert [(line.call, line.worker) for line in lines] == [(1, 0), (2, 1)]  # type: ignore[attr-defined]
    await phone(room, 30, 3, 4004)
    assert await room.desk.move_leg(30, 9) == 4004
    room.desk.close_leg(30)
    with caplog.at_level(logging.INFO):
        here.say(LegClosed(30, 1, 1, 0, 0.0))
    assert caplog.records[-1].call == 9  # type: ignore[attr-defined]


async def test_what_is_known_of_a_leg_can_be_seen(room: Room) -> None:
    host = await phone(room, 10, 1, 4000)
    await room.leg(11, 1)
    view = room.desk.leg(10)
    assert view is not None
    assert (view.call, view.worker, view.kind, view.port, view.codec, view.remote) == (
        1,
        0,
        "phone",
        4000,
        "",
        "",
    )
    keys = SrtpKeys("AES_CM_128_HMAC_SHA1_80", b"k" * 30, b"r" * 30)
    said = ConnectLeg(10, "192.0.2.1", 7000, 9, "G722", 101, True, True, srtp=keys)
    room.desk.connect_leg(said)
    view = room.desk.leg(10)
    assert view is not None
    assert (view.codec, view.remote, view.encrypted) == ("G722", "192.0.2.1:7000", True)
    room.hosts[1].say(plane.LegLatched(10, "203.0.113.9", 1))
    host.say(plane.LegLatched(10, "2001:db8::1", 9000), plane.LegLatched(99, "192.0.2.9", 1))
    view = room.desk.leg(10)
    assert view is not None
    assert view.remote == "[2001:db8::1]:9000"
    app = room.desk.leg(11)
    assert app is not None
    assert (app.kind, app.encrypted) == ("app", False)
    assert room.desk.leg_numbers() == [10, 11]
    room.desk.close_leg(10)
    assert room.desk.leg(10) is None


async def test_nothing_is_kept_of_legs_that_are_gone(room: Room) -> None:
    first = await phone(room, 10, 1, 4000)
    second = await phone(room, 20, 2, 5000)
    first.say(LegReport(10, GOOD))
    refused = asyncio.create_task(room.desk.open_leg(11, 1))
    await room.clock.settle()
    first.say(plane.LegRefused(11, "no ports"))
    with pytest.raises(plane.LegUnavailable):
        await refused
    room.desk.close_leg(20)
    second.say(LegClosed(20, 0, 0, 0, 0.0))
    first.lose("it was killed")
    assert len(room.desk._quality) == 0
    assert room.desk.totals.legs_refused == 1


def test_scores_add_up_in_steps() -> None:
    desk = QualityDesk()
    for mos in (1.0, 1.5, 1.51, 4.4, 4.41, 0.0):
        desk.closed(0, LegClosed(1, 1, 1, 0, 0.0, LegQuality(mos=mos, discarded=2, concealed_ms=20.0)))
    totals = desk.totals
    assert len(totals.scores) == len(MOS_STEPS) + 1
    assert totals.scores == [2, 1, 0, 0, 0, 0, 0, 0, 1, 1]
    assert totals.score_sum == pytest.approx(12.82)
    assert (totals.legs, totals.discarded, totals.concealed_ms) == (6, 12, 120.0)


def test_legs_without_packets_make_no_lines(caplog: pytest.LogCaptureFixture) -> None:
    desk = QualityDesk()
    with caplog.at_level(logging.INFO):
        desk.closed(0, LegClosed(1, 0, 0, 0, 0.0))
    assert caplog.records == []
    assert desk.totals.legs == 1


async def test_a_leg_that_moves_counts_once(room: Room) -> None:
    here, there = await moved(room)
    here.say(LegClosed(10, 300, 300, 1, 0.0, LegQuality(mos=4.0)))
    totals = room.desk.totals
    assert (totals.legs, sum(totals.scores), totals.received) == (0, 0, 300)
    room.desk.close_leg(10)
    there.say(LegClosed(10, 100, 100, 2, 0.0, LegQuality(mos=2.0)))
    assert (totals.legs, sum(totals.scores), totals.received, totals.lost) == (1, 1, 400, 3)
    assert totals.score_sum == pytest.approx(3.5)


async def test_the_workers_of_a_moved_leg_may_tell_of_it_in_any_order(room: Room) -> None:
    here, there = await moved(room)
    room.desk.close_leg(10)
    there.say(LegClosed(10, 100, 100, 2, 0.0, LegQuality(mos=2.0)))
    here.say(LegClosed(10, 300, 300, 1, 0.0, LegQuality(mos=4.0)))
    totals = room.desk.totals
    assert (totals.legs, sum(totals.scores), totals.received) == (1, 1, 400)


async def test_a_leg_that_could_not_move_is_no_leg_that_is_over(room: Room) -> None:
    here, there = await phone(room, 10, 1, 4000), await phone(room, 20, 2, 5000)
    moving = asyncio.create_task(room.desk.move_leg(10, 2))
    await room.clock.settle()
    await room.clock.elapse(2.1)
    with pytest.raises(plane.LegUnavailable):
        await moving
    there.say(plane.LegOpened(10, 5002), LegClosed(10, 0, 0, 0, 0.0))
    assert room.desk.totals.legs == 0
    room.desk.close_leg(10)
    here.say(LegClosed(10, 1, 1, 0, 0.0))
    assert room.desk.totals.legs == 1


async def test_nothing_is_kept_of_moved_legs_whose_workers_are_gone(room: Room) -> None:
    here, there = await moved(room)
    here.say(LegClosed(10, 300, 300, 1, 0.0, LegQuality(mos=4.0)))
    there.lose("it was killed")
    desk = room.desk._quality
    assert (len(desk), len(desk._left), len(desk._parts)) == (0, 0, 0)
