"""Streaming and recording on a whole server: a SIP phone talks, an app hears it, answers and records it."""

from __future__ import annotations

import io

import jwt
import numpy as np
import pytest
import soundfile
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
from system.listener import Listener, until
from system.room import ALICE, Room, ended
from system.room import Call as Connection

RATE = 16_000


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
    until(lambda: level(phone.heard()[-4_000:], 1_500, 8_000) > 0.15)
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
