"""The official JavaScript SDK reads the frames of real calls, and the frames it makes are said."""

from __future__ import annotations

import base64
import io
import json
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
import soundfile
from azure.communication.callautomation import (
    AudioFormat,
    CommunicationUserIdentifier,
    MediaStreamingAudioChannelType,
    MediaStreamingContentType,
    MediaStreamingOptions,
    PhoneNumberIdentifier,
    StreamingTransportType,
)
from javascript_app import needs_the_sdk, outbound, parsed
from system.audio import wav
from system.handset import Handset
from system.harness import NUMBER, RESOURCE_ID
from system.listener import Listener, until
from system.room import ALICE, Call, Room, ended

pytestmark = pytest.mark.interop
RATE = 16_000
CALLERS, APPS = 440.0, 1_500.0
"""Tones, in Hz."""
PIECE = 1_998
"""Octets that the app sends at a time, which are no whole number of frames."""


@pytest.fixture
def agent() -> Iterator[Listener]:
    """The other app's end of WebSockets."""
    agent = Listener()
    yield agent
    agent.close()


def options(listener: Listener, **fields: Any) -> MediaStreamingOptions:
    return MediaStreamingOptions(
        **{
            "transport_url": f"ws://127.0.0.1:{listener.port}/audio",
            "transport_type": StreamingTransportType.WEBSOCKET,
            "content_type": MediaStreamingContentType.AUDIO,
            "audio_channel_type": MediaStreamingAudioChannelType.MIXED,
            "audio_format": AudioFormat.PCM16_K_MONO,
            "start_media_streaming": True,
            **fields,
        }
    )


def audio(listener: Listener, participant: str | None = None) -> list[dict[str, Any]]:
    """The frames of audio of somebody (None: of the mixture), as they came."""
    found = [one["audioData"] for one in list(listener.frames) if one["kind"] == "AudioData"]
    return [one for one in found if one.get("participantRawID") == participant]


def level(frames: list[dict[str, Any]], hz: float, rate: int = RATE) -> float:
    """Amplitude of a tone in the last quarter of a second of frames; ``data`` is the same in both forms."""
    octets = b"".join(base64.b64decode(one["data"]) for one in frames[-12:])
    samples = np.frombuffer(octets, "<i2")
    if not len(samples):
        return 0.0
    window = np.hanning(len(samples))
    wave = np.exp(-2j * np.pi * hz * np.arange(len(samples)) / rate)
    return float(2 * abs((samples * window * wave).sum()) / window.sum())


def talk(phone: Handset) -> None:
    """Let a phone say its tone for two seconds."""
    speech, _ = soundfile.read(io.BytesIO(wav(2.0, 8_000, CALLERS)), dtype="int16")
    phone._loop.call_soon_threadsafe(phone.phone.audio.say, speech)


def at(frame: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(frame["timestamp"])


@pytest.mark.parametrize(
    ("audio_format", "rate", "length"),
    [(AudioFormat.PCM16_K_MONO, 16_000, 640), (AudioFormat.PCM24_K_MONO, 24_000, 960)],
)
def test_mixed_audio_and_keys(
    room: Room, listener: Listener, audio_format: AudioFormat, rate: int, length: int
) -> None:
    needs_the_sdk()
    streaming = options(listener, audio_format=audio_format, enable_dtmf_tones=True)
    call = room.call(ALICE, streaming=streaming)
    room.webhook.wait("MediaStreamingStarted", callConnectionId=call.id)
    shown = call.sdk.get_call_properties().media_streaming_subscription
    assert shown is not None
    until(lambda: len(audio(listener)) > 5)
    talk(room.phone(ALICE))
    until(lambda: level(audio(listener), CALLERS, rate) > 6_000)
    room.phone(ALICE).play("press 7*#")
    until(lambda: sum(one["kind"] == "DtmfData" for one in list(listener.frames)) == 3)
    call.sdk.stop_media_streaming()
    until(lambda: listener.code == 1000)

    texts = [text for _, text in listener.texts]
    first, *rest = parsed(texts)
    assert first == {
        "kind": "AudioMetadata",
        "data": {"subscriptionId": shown.id, "encoding": "PCM", "sampleRate": rate, "channels": 1},
    }
    assert [one["data"] for one in rest if one["kind"] == "DtmfData"] == [
        {"data": "7"},
        {"data": "*"},
        {"data": "#"},
    ]
    heard = [one["data"] for one in rest if one["kind"] == "AudioData"]
    assert len(heard) == len(rest) - 3
    assert all(set(one) == {"data", "timestamp", "isSilent"} for one in heard), "nobody is named"
    assert {len(base64.b64decode(one["data"])) for one in heard} == {length}
    times = [at(one) for one in heard]
    assert times == sorted(set(times))
    assert times[1] - times[0] == timedelta(milliseconds=20)
    assert {one["isSilent"] for one in heard[:5]} == {True}
    quiet = [one["isSilent"] for one in heard]
    loud = [bool(np.frombuffer(base64.b64decode(one["data"]), "<i2").max() > 1_000) for one in heard]
    assert loud.count(True) > 10
    assert not any(silent and audible for silent, audible in zip(quiet, loud, strict=True))
    ended(room, call)


def test_unmixed_audio_of_a_phone_and_of_an_app_that_speaks_by_the_sdk(
    room: Room, listener: Listener, agent: Listener
) -> None:
    needs_the_sdk()
    user = f"8:acs:{RESOURCE_ID}_{uuid.uuid4()}"
    answer = room.phone(ALICE).start("answer")
    client = room.client()
    made = client.create_call(
        [PhoneNumberIdentifier(ALICE), CommunicationUserIdentifier(user)],
        room.callback,
        source_caller_id_number=PhoneNumberIdentifier(NUMBER),
        media_streaming=options(listener, audio_channel_type=MediaStreamingAudioChannelType.UNMIXED),
    )
    call = Call(str(made.call_connection_id), client.get_call_connection(str(made.call_connection_id)))
    incoming = room.webhook.incoming.get(timeout=10)
    answered = client.answer_call(
        incoming["incomingCallContext"],
        room.callback,
        media_streaming=options(agent, enable_bidirectional=True),
    )
    answer.result(15)
    for connection in (call.id, str(answered.call_connection_id)):
        room.webhook.wait("MediaStreamingStarted", callConnectionId=connection)

    phone, caller = room.phone(ALICE), f"4:{ALICE}"
    talk(phone)
    until(lambda: level(audio(listener, caller), CALLERS) > 6_000)
    speech = np.round(8_000 * np.sin(2 * np.pi * APPS * np.arange(40 * RATE) / RATE)).astype("<i2").tobytes()
    pieces, stop = outbound([speech[at : at + PIECE] for at in range(0, len(speech), PIECE)])
    assert all("stopAudio" in json.loads(one) for one in pieces), "as this SDK has it"
    agent.send(pieces)
    until(lambda: level(audio(listener, user), APPS) > 6_000)
    before = len(audio(listener, user))
    agent.send([stop])
    until(lambda: all(one["silent"] for one in audio(listener, user)[-10:]))
    assert len(audio(listener, user)) - before < 20 * 50, "most of it was taken back"
    assert level(audio(agent), APPS) < 100, "who speaks does not hear it"
    call.sdk.stop_media_streaming()
    until(lambda: listener.code == 1000)

    _, *rest = parsed([text for _, text in listener.texts])
    assert {one["kind"] for one in rest} == {"AudioData"}, "keys were not asked for"
    named: dict[str, list[dict[str, Any]]] = {"phoneNumber": [], "communicationUser": []}
    for one in rest:
        named[one["data"]["participant"]["kind"]].append(one["data"])
    assert {one["participant"]["phoneNumber"] for one in named["phoneNumber"]} == {ALICE}
    assert {one["participant"]["communicationUserId"] for one in named["communicationUser"]} == {user}
    for kind, raw in (("phoneNumber", caller), ("communicationUser", user)):
        came = [(one["data"], one["timestamp"], one["silent"]) for one in audio(listener, raw)]
        assert [(one["data"], one["timestamp"], one["isSilent"]) for one in named[kind]] == came
        assert {True, False} == {one["isSilent"] for one in named[kind]}
    ended(room, call)
