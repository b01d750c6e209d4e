"""Recording with nothing pretended: two phones and a prompt, a media worker, files that hold all three."""

from __future__ import annotations

import io
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from aiohttp import web
from aiohttp.test_utils import TestServer
from live_calls import Calls, Phone, hosts, tones
from streaming_bench import until
from test_recording_desk import FakeDocuments, Room

from hookflash.calls import effects, facts
from hookflash.calls.effects import AudioFile
from hookflash.plane.process import WorkerProcess
from hookflash.recording.desk import RecordingDesk
from hookflash.recording.files import HEADER_SIZE
from hookflash.recording.library import Library
from hookflash.recording.take import Take

HOSTS = hosts(45_500)
RATE = 16_000
PROMPT = 0.15 * 32_768
"""Amplitude of the prompt."""


@pytest.fixture(params=list(HOSTS))
async def calls(request: pytest.FixtureRequest) -> AsyncIterator[Calls]:
    calls = Calls(HOSTS[request.param])
    await calls.start()
    yield calls
    await calls.stop()


@pytest.fixture
async def room(calls: Calls, tmp_path: Path) -> AsyncIterator[Room]:
    """A recording desk over these calls, and an app in call 5."""
    room = Room(tmp_path, FakeDocuments())
    room.library = Library(tmp_path, room.documents)
    desk = RecordingDesk(calls.desk.audio, room.library, calls.clock, room.facts.append)
    room.desk = desk
    calls.desk.open_app_leg(9, 5)
    yield room
    await desk.close()


@pytest.fixture
async def prompt() -> AsyncIterator[str]:
    """A tone of 1,700 Hz behind HTTP."""

    async def serve(request: web.Request) -> web.StreamResponse:
        out = io.BytesIO()
        samples = 0.15 * np.sin(2 * np.pi * 1_700 * np.arange(RATE) / RATE)
        soundfile.write(out, samples, RATE, format="WAV", subtype="PCM_16")
        return web.Response(body=out.getvalue())

    app = web.Application()
    app.router.add_get("/prompt.wav", serve)
    server = TestServer(app)
    await server.start_server()
    yield str(server.make_url("/prompt.wav"))
    await server.close()


def recorded(room: Room, take: Take) -> int:
    """Frames in the file so far."""
    disk = take._disk
    if disk.lends:
        # It is poured: only the file itself knows.
        return ((room.folder / disk.files[-1].path).stat().st_size - HEADER_SIZE) // 2
    return disk._writer.frames if disk._writer is not None else 0


async def record(calls: Calls, room: Room, prompt: str, **changes: str) -> tuple[np.ndarray, dict]:
    """Two phones talk and hear a prompt that loops; three seconds of it, and the metadata."""
    one, two = Phone(440), Phone(1_000)
    await one.join(calls.desk, 10, 5)
    await two.join(calls.desk, 11, 5)
    calls.desk.play(effects.PlayAudio(1, 5, (10, 11), (AudioFile(prompt),), True))
    await until(lambda: tones(one.heard(0.5), 8_000, {1_700: PROMPT}))
    room.desk.start(room.effect(**changes))
    await until(lambda: room.of(facts.RecordingStarted))
    (take,) = room.desk._takes.values()
    await until(lambda: recorded(room, take) >= 3 * RATE)
    stored = await room.stop()
    one.hang_up()
    two.hang_up()
    await until(lambda: calls.desk.audio.open == 0)
    (chunk,) = stored.chunks
    samples = room.read(chunk)
    assert stored.duration_ms >= 3_000
    return samples, room.metadata(chunk)


def somewhere(samples: np.ndarray, wanted: dict[float, float]) -> bool:
    """Whether half a second has these tones: on a busy machine not every one has."""
    half = RATE // 2
    return any(tones(samples[at : at + half], RATE, wanted) for at in range(0, len(samples) - half, 1_000))


@pytest.mark.parametrize("format", ["wav", "mp3"])
async def test_a_mixed_recording_holds_both_phones_and_the_prompt(
    calls: Calls, room: Room, prompt: str, format: str
) -> None:
    samples, _ = await record(calls, room, prompt, format=format)
    # The prompt is there once, however many hear it.
    assert somewhere(samples[:, 0], {440: 8_000, 1_000: 8_000, 1_700: PROMPT, 2_500: 0})


async def test_an_unmixed_recording_holds_each_alone(calls: Calls, room: Room, prompt: str) -> None:
    samples, metadata = await record(calls, room, prompt, channel_type="unmixed")
    channels = {one["participantId"]: one["channel"] for one in metadata["participants"]}
    assert sorted(channels.values()) == [0, 1, 2]
    alone = {"4:+14255550100": (440, 8_000), "4:+14255550101": (1_000, 8_000), "8:acs:app": (1_700, PROMPT)}
    for name, (hz, amplitude) in alone.items():
        others = {other: 0.0 for other in (440, 1_000, 1_700) if other != hz}
        assert somewhere(samples[:, channels[name]], {hz: amplitude, **others})
    assert samples.shape[1] == 3


@pytest.mark.parametrize("calls", ["worker"], indirect=True)
async def test_the_worker_dies_and_what_was_recorded_is_kept(calls: Calls, room: Room) -> None:
    phone = Phone(440)
    await phone.join(calls.desk, 10, 5)
    room.desk.start(room.effect())
    await until(lambda: room.of(facts.RecordingStarted))
    (take,) = room.desk._takes.values()
    await until(lambda: recorded(room, take) >= RATE)
    host = calls.hosts[0]
    assert isinstance(host, WorkerProcess)
    os.kill(host.pid or 0, signal.SIGKILL)
    stored = await room.stored()
    (failed,) = room.of(facts.RecordingFailed)
    assert "SIGKILL" in failed.message
    assert somewhere(room.read(stored.chunks[0])[:, 0], {440: 8_000})
    phone.hang_up()
