"""When what an app sent was heard, on a whole server: a phone hears it, the app is told."""

from __future__ import annotations

import json

import numpy as np
from azure.communication.callautomation import (
    AudioFormat,
    MediaStreamingAudioChannelType,
    MediaStreamingContentType,
    MediaStreamingOptions,
    StreamingTransportType,
)
from system.listener import Listener, until
from system.room import ALICE, Room, ended

RATE = 16_000


def tone(seconds: float) -> bytes:
    n = np.arange(round(seconds * RATE))
    return np.round(6_000 * np.sin(2 * np.pi * 1_500 * n / RATE)).astype("<i2").tobytes()


def mark(name: str) -> str:
    return json.dumps({"kind": "MarkData", "markData": {"id": name}})


def told(listener: Listener) -> list[str]:
    """What the app was told of what it sent: states, and marks with their status."""
    found = []
    for frame in list(listener.frames):
        if frame["kind"] == "PlaybackState":
            found.append(frame["playbackState"]["state"])
        elif frame["kind"] == "MarkData":
            found.append(f"{frame['markData']['id']} {frame['markData']['status']}")
    return found


def test_an_app_is_told_when_a_phone_has_heard_it(room: Room, listener: Listener) -> None:
    phone = room.phone(ALICE)
    call = room.call(
        ALICE,
        streaming=MediaStreamingOptions(
            transport_url=f"ws://127.0.0.1:{listener.port}/audio?hookflash-marks=1",
            transport_type=StreamingTransportType.WEBSOCKET,
            content_type=MediaStreamingContentType.AUDIO,
            audio_channel_type=MediaStreamingAudioChannelType.MIXED,
            audio_format=AudioFormat.PCM16_K_MONO,
            start_media_streaming=True,
            enable_bidirectional=True,
        ),
    )
    room.webhook.wait("MediaStreamingStarted", callConnectionId=call.id)
    until(lambda: listener.frames)
    listener.say(tone(0.4))
    listener.send([mark("first")])
    until(lambda: "finished" in told(listener))
    assert told(listener) == ["playing", "first Completed", "finished"]
    # 20 packets of 20 ms, of PCMU: the last may still be on its way.
    until(lambda: np.count_nonzero(np.abs(phone.heard().astype(int)) > 1_000) > 0.4 * 8_000 * 0.85)

    listener.say(tone(30))
    listener.send([mark("second")])
    until(lambda: told(listener)[-1] == "playing")
    listener.send(['{"kind":"StopAudio","stopAudio":{}}'])
    until(lambda: told(listener)[-1] == "finished")
    assert told(listener)[3:] == ["playing", "second Cancelled", "finished"]
    ended(room, call)
