"""Streaming and recording on a whole server: a SIP phone talks, an app hears it, answers and records it."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import jwt
import numpy as np
import pytest
import soundfile
from aiohttp import WSMsgType, web
from azure.communication.callautomation import (
    AudioFormat,
    MediaStreamingAudioChannelType,
    MediaStreamingContentType,
    MediaStreamingOptions,
    PhoneNumberIdentifier,
    RecordingChannel,
    RecordingContent,
    RecordingFormat,
    StreamingTransportType,
)
from system.audio import wav
from system.harness import NUMBER, RESOURCE_ID
from system.room import ALICE, Room, ended
from system.room import Call as Connection

RATE = 16_000


class Listener:
    """An app's WebSocket server in a thread; it keeps what it hears."""

    def __init__(self) -> None:
        self.headers: dict[str, str] = {}
        self.frames: list[dict[str, Any]] = []
        self.code: int | None = None
        self._socket: web.WebSocketResponse | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.port = asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)

    async def _start(self) -> int:
        app = web.Application()
        app.router.add_get("/audio", self._serve)
        self._runner = web.AppRunner(app, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port: int = self._runner.addresses[0][1]
        return port

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        self.headers = dict(request.headers)
        self._socket = socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                self.frames.append(json.loads(message.data))
        self.code = socket.close_code
        return socket

    def say(self, pcm: bytes) -> None:
        """Send audio as the .NET SDK does."""
        frame = {
            "Kind": "AudioData",
            "AudioData": {"Data": base64.b64encode(pcm).decode()},
            "StopAudio": None,
        }
        assert self._socket is not None
        asyncio.run_coroutine_threadsafe(self._socket.send_str(json.dumps(frame)), self._loop).result(10)

    def heard(self) -> np.ndarray:
        """The last half second."""
        data = [one["audioData"]["data"] for one in list(self.frames) if one["kind"] == "AudioData"][-25:]
        return np.frombuffer(b"".join(map(base64.b64decode, data)), "<i2")

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)


@pytest.fixture
def listener() -> Iterator[Listener]:
    listener = Listener()
    yield listener
    listener.close()


def until(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it did not happen within 20 s"
        time.sleep(0.02)


def level(samples: np.ndarray, hz: float, rate: int) -> float:
    """Amplitude of a tone, full scale being 1."""
    if not len(samples):
        return 0.0
    window = np.hanning(len(samples))
    wave = np.exp(-2j * np.pi * hz * np.arange(len(samples)) / rate)
    return float(2 * abs((samples / 32_768 * window * wave).sum()) / window.sum())


def test_an_app_hears_a_phone_answers_it_and_has_it_recorded(room: Room, listener: Listener) -> None:
    answer = room.phone(ALICE).start("answer")
    made = room.client().create_call(
        PhoneNumberIdentifier(ALICE),
        room.callback,
        source_caller_id_number=PhoneNumberIdentifier(NUMBER),
        media_streaming=MediaStreamingOptions(
            transport_url=f"ws://127.0.0.1:{listener.port}/audio",
            transport_type=StreamingTransportType.WEBSOCKET,
            content_type=MediaStreamingContentType.AUDIO,
            audio_channel_type=MediaStreamingAudioChannelType.MIXED,
            audio_format=AudioFormat.PCM16_K_MONO,
            start_media_streaming=True,
            enable_bidirectional=True,
            enable_dtmf_tones=True,
        ),
    )
    answer.result(15)
    call = Connection(
        str(made.call_connection_id), room.client().get_call_connection(str(made.call_connection_id))
    )
    started = room.webhook.wait("MediaStreamingStarted")
    assert started["mediaStreamingUpdate"]["mediaStreamingStatusDetails"] == "subscriptionStarted"
    until(lambda: listener.frames)
    assert listener.frames[0]["kind"] == "AudioMetadata"
    shown = call.sdk.get_call_properties()
    assert shown.media_streaming_subscription is not None
    assert shown.media_streaming_subscription.state == "active"
    assert shown.media_streaming_subscription.id == listener.frames[0]["audioMetadata"]["subscriptionId"]
    assert listener.headers["x-ms-call-connection-id"] == call.id
    assert listener.headers["x-ms-call-correlation-id"] == shown.correlation_id
    token = listener.headers["Authorization"].removeprefix("Bearer ")
    keys = jwt.PyJWKClient(f"{room.server.url}/calling/keys").get_signing_key_from_jwt(token)
    claims = jwt.decode(token, keys.key, algorithms=["RS256"], audience=RESOURCE_ID)
    assert claims["iss"] == "https://acscallautomation.communication.azure.com"
    assert claims["exp"] - claims["iat"] == 24 * 3600

    recordings = room.server.folder / "state" / "recordings"
    before = set(recordings.iterdir()) if recordings.exists() else set()
    recording = room.client().start_recording(
        call_connection_id=call.id,
        recording_content_type=RecordingContent.AUDIO,
        recording_channel_type=RecordingChannel.MIXED,
        recording_format_type=RecordingFormat.WAV,
        recording_state_callback_url=f"{room.webhook.url}/recording",
    )
    room.webhook.wait("RecordingStateChanged", state="active")
    phone = room.phone(ALICE)
    speech, _ = soundfile.read(io.BytesIO(wav(4.0, 8_000, 440.0)), dtype="int16")
    phone._loop.call_soon_threadsafe(phone.phone.audio.say, speech)
    until(lambda: level(listener.heard(), 440, RATE) > 0.05)
    n = np.arange(4 * RATE)
    listener.say(np.round(6_000 * np.sin(2 * np.pi * 1_500 * n / RATE)).astype("<i2").tobytes())
    until(lambda: level(phone.phone.audio.heard[-4_000:], 1_500, 8_000) > 0.15)
    phone.play("press 7")
    until(lambda: {"kind": "DtmfData", "dtmfData": {"data": "7"}} in listener.frames)

    room.client().stop_recording(str(recording.recording_id))
    call.sdk.stop_media_streaming()
    room.webhook.wait("MediaStreamingStopped")
    until(lambda: listener.code == 1000)
    (folder,) = set(recordings.iterdir()) - before
    until((folder / "metadata.json").exists)
    samples, rate = soundfile.read(folder / "audio.wav", dtype="int16")
    assert rate == RATE
    pieces = [samples[at : at + RATE // 2] for at in range(0, len(samples) - RATE // 2, RATE // 4)]
    assert max(level(piece, 440, RATE) for piece in pieces) > 0.05
    assert max(level(piece, 1_500, RATE) for piece in pieces) == pytest.approx(6_000 / 32_768, rel=0.1)
    ended(room, call)
