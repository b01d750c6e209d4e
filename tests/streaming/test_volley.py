"""The audio of many mixed streams of one tick: to each its own, whatever the others are at."""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest
from streaming_bench import App, Room, until

from hookflash.calls import audio_effects, facts
from hookflash.ports.audio import Frames, Heard
from hookflash.streaming.volley import FEW, SILENCE

MANY = FEW + 4


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
        assert (at[-5:], later[-5:]) == ("980Z", ".000Z"[-5:]) or at < later
    # All agree on when a tick was.
    assert len({audio(one)[0][2] for one in connections.values()}) == 1


async def test_who_can_not_be_sent_anything_costs_the_others_nothing(
    room: Room, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    connections = await opened(room, MANY)
    who = {one.together.who.effect.stream: one.together.who for one in room.audio.listeners}
    gone, full, broken = 1, 2, 3
    room.desk.close_stream(audio_effects.CloseStream(gone))
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
    await asyncio.sleep(0)
    assert not connections[broken].of("AudioData")


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
