"""Streaming with nothing pretended: phones, a media worker, a WebSocket server that hears and speaks."""

from __future__ import annotations

import asyncio
import base64
import os
import signal
from collections.abc import AsyncIterator

import numpy as np
import pytest
from live_calls import Calls, Phone, hosts, tones
from streaming_bench import App, Connection, FakeTokens, Room, until

from hookflash.calls import audio_effects, facts
from hookflash.events.targets import TargetPolicy
from hookflash.plane.process import WorkerProcess
from hookflash.streaming.desk import StreamDesk

HOSTS = hosts(45_000)


@pytest.fixture(params=list(HOSTS))
async def calls(request: pytest.FixtureRequest) -> AsyncIterator[Calls]:
    calls = Calls(HOSTS[request.param])
    await calls.start()
    yield calls
    await calls.stop()


@pytest.fixture
async def room(calls: Calls) -> AsyncIterator[Room]:
    """A streaming desk over these calls."""
    app = App()
    room = Room(await app.start(), app)
    targets = TargetPolicy(allow_private=True, allow_http=True, schemes=("wss", "ws"))
    desk = StreamDesk(
        calls.desk.audio, targets, FakeTokens(), calls.clock, room.facts.append, room.recogniser
    )
    room.desk = desk
    calls.desk.open_app_leg(9, 5)
    yield room
    await desk.close()
    await app.stop()


def tone(hz: float, seconds: float, rate: int) -> bytes:
    n = np.arange(int(seconds * rate))
    return np.round(6_000 * np.sin(2 * np.pi * hz * n / rate)).astype("<i2").tobytes()


def heard_by(connection: Connection, name: str | None = None) -> np.ndarray:
    """The last half second of audio of a participant (None: mixed)."""
    found = [one for one in connection.of("AudioData") if one.get("participantRawID") == name]
    return np.frombuffer(b"".join(base64.b64decode(one["data"]) for one in found[-25:]), "<i2")


async def say(connection: Connection, pcm: bytes, piece: int) -> None:
    """Audio as a JavaScript app sends it, in pieces of so many bytes."""
    for at in range(0, len(pcm), piece):
        data = base64.b64encode(pcm[at : at + piece]).decode()
        await connection.socket.send_str(
            f'{{"kind":"audioData","audioData":{{"data":"{data}","isSilent":false}},"stopAudio":{{}}}}'
        )


@pytest.mark.parametrize("rate", [16_000, 24_000])
async def test_the_app_hears_the_phones_and_they_hear_the_app(calls: Calls, room: Room, rate: int) -> None:
    one, two = Phone(440), Phone(1_000)
    await one.join(calls.desk, 10, 5)
    await two.join(calls.desk, 11, 5)
    connection = await room.stream(sample_rate=rate, bidirectional=True)
    await until(lambda: tones(heard_by(connection), rate, {440: 8_000, 1_000: 8_000, 700: 0}))
    await until(lambda: len(heard_by(connection)) == rate // 2)
    assert not connection.of("AudioData")[-1]["silent"]
    # Twenty seconds at once, in odd pieces: they are said in real time.
    await say(connection, tone(2_000, 20.0, rate), 1_999)
    await until(lambda: tones(one.heard(0.5), 8_000, {2_000: 6_000, 1_000: 8_000, 440: 0}))
    await until(lambda: tones(two.heard(0.5), 8_000, {2_000: 6_000, 440: 8_000, 1_000: 0}))
    # It does not hear itself.
    await until(lambda: tones(heard_by(connection), rate, {440: 8_000, 1_000: 8_000, 2_000: 0}))
    await connection.socket.send_str('{"Kind":"StopAudio","AudioData":null,"StopAudio":{}}')
    await until(lambda: tones(one.heard(0.5), 8_000, {2_000: 0, 1_000: 8_000}))
    one.hang_up()
    two.hang_up()


async def test_unmixed_each_is_heard_alone(calls: Calls, room: Room) -> None:
    one, two = Phone(440), Phone(1_000)
    await one.join(calls.desk, 10, 5)
    await two.join(calls.desk, 11, 5)
    connection = await room.stream(mixed=False)
    names = {"4:+14255550100": (440, 1_000), "4:+14255550101": (1_000, 440)}
    for name, (own, other) in names.items():
        await until(
            lambda name=name, own=own, other=other: tones(
                heard_by(connection, name), 16_000, {own: 8_000, other: 0}
            )
        )
    calls.desk.mute(10, True)
    await until(lambda: not heard_by(connection, "4:+14255550100").any())
    assert connection.of("AudioData")[-2]["silent"] or connection.of("AudioData")[-1]["silent"]
    one.hang_up()
    two.hang_up()


async def test_of_six_phones_the_four_loudest_are_heard_unmixed(calls: Calls, room: Room) -> None:
    roster = ((9, "app"), *((leg, f"p{leg}") for leg in range(10, 16)))
    phones = [Phone(300 + 100 * n, 8_000 / 2**n) for n in range(6)]
    for leg, phone in reversed(list(enumerate(phones, 10))):
        await phone.join(calls.desk, leg, 5)
    connection = await room.stream(mixed=False, roster=roster)

    def last() -> list[str]:
        return sorted(one["participantRawID"] for one in connection.of("AudioData")[-4:])

    await until(lambda: last() == ["p10", "p11", "p12", "p13"])
    calls.desk.mute(11, True)
    await until(lambda: last() == ["p10", "p12", "p13", "p14"])
    calls.desk.mute(11, False)
    await until(lambda: last() == ["p10", "p11", "p12", "p13"])
    for phone in phones:
        phone.hang_up()


async def test_a_reader_that_stops_reading_is_dropped_and_the_call_goes_on(
    calls: Calls, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hookflash.streaming.app_socket.MAX_WAITING", 40_000)
    monkeypatch.setattr("hookflash.streaming.dialling._SEND_BUFFER", 4_096)
    one, two = Phone(440), Phone(1_000)
    await one.join(calls.desk, 10, 5)
    await two.join(calls.desk, 11, 5)
    room.app.reading = False
    await room.stream(sample_rate=24_000)
    # What the systems between buffer is filled with keys, which are as good as audio for that.
    stream = room.desk._streams[1]
    filler = "x" * 20_000
    for _ in range(5_000):
        if room.of(facts.StreamFailed):
            break
        stream.socket.send(filler)
        await asyncio.sleep(0)
    failed = await room.failed()
    assert "does not read fast enough" in failed.message
    await until(lambda: tones(one.heard(0.5), 8_000, {1_000: 8_000}))
    await until(lambda: calls.desk.audio.open == 0)
    one.hang_up()
    two.hang_up()


@pytest.mark.parametrize("calls", ["worker"], indirect=True)
async def test_the_worker_dies(calls: Calls, room: Room) -> None:
    one = Phone(440)
    await one.join(calls.desk, 10, 5)
    connection = await room.stream(bidirectional=True)
    await until(lambda: len(connection.texts) > 5)
    host = calls.hosts[0]
    assert isinstance(host, WorkerProcess)
    os.kill(host.pid or 0, signal.SIGKILL)
    failed = await room.failed()
    assert (failed.details, failed.code, failed.sub_code) == ("serviceShutdown", 500, 8603)
    await until(lambda: connection.code == 1011)
    assert facts.MediaLost((5,)) in calls.facts
    assert calls.desk.audio.open == 0
    one.hang_up()


async def test_forty_streams_open_and_close_and_leave_nothing(calls: Calls, room: Room) -> None:
    for number in range(40):
        calls.desk.open_app_leg(1_000 + number, 5)
        room.desk.open_stream(room.effect(stream=100 + number, leg=1_000 + number, bidirectional=True))
    await until(lambda: len(room.of(facts.StreamOpened)) == 40)
    await until(lambda: all(len(one.texts) > 10 for one in room.app.connections))
    assert calls.desk.audio.open == 80
    for number in range(40):
        room.desk.close_stream(audio_effects.CloseStream(100 + number))
    await until(lambda: all(one.code == 1000 for one in room.app.connections))
    await until(lambda: calls.desk.audio.open == 0)
