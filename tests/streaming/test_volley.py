"""The audio of many mixed streams of one tick: to each its own, whatever the others are at."""

from __future__ import annotations

import base64
import logging
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from streaming_bench import App, Room, until

from hookflash.calls import facts
from hookflash.ports.audio import Frames, Heard
from hookflash.streaming.volley import FEW, SILENCE

MANY = 3 * FEW + 4
"""Of those that are silent there are more than a few, too."""


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    app = App()
    room = Room(await app.start(), app)
    yield room
    await room.desk.close()
    await app.stop()


async def opened(room: Room, count: int, **changes: Any) -> dict[int, Any]:
    """So many streams; the app's end of each."""
    for number in range(1, count + 1):
        room.desk.open_stream(
            room.effect(stream=number, call=number, url=f"{room.base}/audio?id={number}", **changes)
        )
    await until(lambda: len(room.of(facts.StreamOpened)) == count)
    await until(lambda: len(room.app.connections) == count)
    return {int(one.path.partition("=")[2]): one for one in room.app.connections}


def fire(room: Room, tick: int, frames: np.ndarray) -> None:
    """A tick, as the plane hands it over."""
    together = [listener.together for listener in room.audio.listeners]
    (take,) = {one.take for one in together}
    who = [one.who for one in together]
    take(tick, who, frames, [int(np.abs(row.astype(int)).max()) for row in frames])


def numbers(room: Room) -> list[int]:
    """Which stream each row of audio is of."""
    return [listener.together.who.effect.stream for listener in room.audio.listeners]


def audio(connection: Any) -> list[tuple[np.ndarray, bool, str]]:
    return [
        (np.frombuffer(base64.b64decode(one["data"]), "<i2"), one["silent"], one["timestamp"])
        for one in connection.of("AudioData")
    ]


@pytest.mark.parametrize("count", [1, FEW, MANY])
@pytest.mark.parametrize("rate", [16_000, 24_000])
async def test_each_app_is_sent_its_own_audio(room: Room, count: int, rate: int) -> None:
    connections = await opened(room, count, sample_rate=rate)
    frames = np.random.default_rng(1).integers(-9_000, 9_000, (count, rate // 50)).astype(np.int16)
    frames[::3] = SILENCE
    fire(room, 7, frames)
    room.clock.advance(0.02)
    fire(room, 8, frames[::-1])
    await until(lambda: all(len(one.of("AudioData")) == 2 for one in connections.values()))
    for place, number in enumerate(numbers(room)):
        (first, silent, at), (second, still, later) = audio(connections[number])
        assert np.array_equal(first, frames[place])
        assert silent == (place % 3 == 0)
        assert np.array_equal(second, frames[::-1][place])
        assert still == ((count - 1 - place) % 3 == 0)
        assert datetime.fromisoformat(later) - datetime.fromisoformat(at) == timedelta(milliseconds=20)
    # All agree on when a tick was.
    assert len({audio(one)[0][2] for one in connections.values()}) == 1


async def test_who_can_not_be_sent_anything_costs_the_others_nothing(
    room: Room, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    connections = await opened(room, MANY)
    who = {one.together.who.effect.stream: one.together.who for one in room.audio.listeners}
    gone, full, broken = 1, 2, 3
    connections[gone].cut()
    await until(lambda: who[gone].socket.ready is None)
    who[full].socket.ready.pause_writing()

    def fail(frame: bytes) -> None:
        raise RuntimeError("no room")

    monkeypatch.setattr(who[broken].socket.ready, "send_frame", fail)
    frames = np.arange(MANY * 320).reshape(MANY, 320).astype(np.int16)
    with caplog.at_level(logging.ERROR):
        fire(room, 7, frames)
    assert [record.message for record in caplog.records] == ["audio could not be sent"]
    for place, number in enumerate(numbers(room)):
        if number not in (gone, full, broken):
            await until(lambda one=connections[number]: one.of("AudioData"))
            assert np.array_equal(audio(connections[number])[0][0], frames[place])
    # What could not be sent at once waits, and is sent in order.
    assert not connections[full].of("AudioData")
    fire(room, 8, frames[::-1])
    who[full].socket._ws.resume_writing()
    await until(lambda: len(connections[full].of("AudioData")) == 2)
    place = numbers(room).index(full)
    for (sent, _, _), given in zip(audio(connections[full]), (frames, frames[::-1]), strict=True):
        assert np.array_equal(sent, given[place])
    # What was said while it was away is not sent when it is back.
    room.clock.advance(1.0)
    await until(lambda: len(room.app.connections) == MANY + 1)
    fire(room, 9, frames)
    await until(lambda: room.app.connections[-1].of("AudioData"))
    (sent,) = audio(room.app.connections[-1])
    assert np.array_equal(sent[0], frames[numbers(room).index(gone)])
    assert not connections[gone].of("AudioData")
    assert not connections[broken].of("AudioData")


async def test_streams_that_count_their_time_from_other_ticks_are_told_of_their_own(room: Room) -> None:
    early = await opened(room, MANY)
    fire(room, 7, np.zeros((MANY, 320), np.int16))
    # A quarter of a second is not noticed as drift; who comes then counts from the clock.
    room.clock.advance(0.25)
    for number in range(MANY + 1, 2 * MANY + 1):
        room.desk.open_stream(room.effect(stream=number, call=number, url=f"{room.base}/audio?id={number}"))
    await until(lambda: len(room.of(facts.StreamOpened)) == 2 * MANY)
    fire(room, 8, np.zeros((2 * MANY, 320), np.int16))
    await until(lambda: all(one.of("AudioData") for one in room.app.connections))
    await until(lambda: all(len(one.of("AudioData")) == 2 for one in early.values()))
    times = {
        int(one.path.partition("=")[2]): datetime.fromisoformat(audio(one)[-1][2])
        for one in room.app.connections
    }
    assert len({times[number] for number in early}) == 1
    assert len({time for number, time in times.items() if number not in early}) == 1
    assert times[2 * MANY] - times[1] == timedelta(milliseconds=230)


async def test_only_mixed_streams_are_handed_over_with_others(room: Room) -> None:
    await room.stream()
    await room.stream(stream=2, mixed=False)
    assert [one.together is not None for one in room.audio.listeners] == [True, False]


async def test_what_comes_late_is_sent_as_well(room: Room) -> None:
    connection = await room.stream()
    (listener,) = room.audio.listeners
    given = Frames()
    given[Heard(9)] = np.full(320, 500, np.int16)
    given.peaks[Heard(9)] = 500
    listener.take(5, given)
    fire(room, 6, np.full((1, 320), 600, np.int16))
    await until(lambda: len(connection.of("AudioData")) == 2)
    assert [sent[0] for sent, _, _ in audio(connection)] == [500, 600]
