"""An app hears what it says itself where it asked for that (a preview), and nowhere else; to the sample."""

from __future__ import annotations

import base64

import numpy as np
import pytest
from system.exact import FRAME, Samples, narrowed, near
from system.harness import NUMBER
from system.listener import Listener, until
from system.room import ALICE, Call, Room, ended

PREVIEW = "2025-08-15-preview"
RATE = 16_000


def streamed(room: Room, listener: Listener, channels: str, **fields: object) -> Call:
    """A call with Alice whose app hears it and may speak in it; no SDK has the field of that preview."""
    answer = room.phone(ALICE).start("answer")
    status, _, made = room.send(
        "POST",
        f"/calling/callConnections?api-version={PREVIEW}",
        {
            "targets": [{"kind": "phoneNumber", "phoneNumber": {"value": ALICE}}],
            "sourceCallerIdNumber": {"value": NUMBER},
            "callbackUri": room.callback,
            "mediaStreamingOptions": {
                "transportType": "websocket",
                "transportUrl": f"ws://127.0.0.1:{listener.port}/audio",
                "contentType": "audio",
                "audioChannelType": channels,
                "audioFormat": "pcm16KMono",
                "startMediaStreaming": True,
                "enableBidirectional": True,
            },
            **fields,
        },
    )
    assert status == 201
    answer.result(15)
    connection = made["callConnectionId"]
    room.webhook.wait("MediaStreamingStarted", callConnectionId=connection)
    return Call(connection, room.client().get_call_connection(connection))


def heard(listener: Listener) -> dict[str | None, Samples]:
    """All that the app has heard, by who was heard (None: everybody)."""
    found: dict[str | None, list[bytes]] = {}
    for one in list(listener.frames):
        if one["kind"] == "AudioData":
            name = one["audioData"].get("participantRawID")
            found.setdefault(name, []).append(base64.b64decode(one["audioData"]["data"]))
    return {who: np.frombuffer(b"".join(data), "<i2").astype(np.int64) for who, data in found.items()}


def speak(room: Room, listener: Listener) -> Samples:
    """Have the app say something that Alice hears, and that is over; what it was."""
    voice = np.random.default_rng(1).integers(-6_000, 6_001, RATE // 2)
    phone = room.phone(ALICE)
    until(lambda: len(listener.frames) > 10)
    before = len(phone.heard())
    listener.say(voice.astype("<i2").tobytes())
    until(lambda: np.count_nonzero(phone.heard()[before:]) > len(voice) // 2 - 2 * FRAME)
    said = len(listener.frames)
    until(lambda: len(listener.frames) > said + 20)
    return voice


def stretch(line: Samples, length: int) -> Samples:
    """So much of a line from the first sample on that is not 0; all the rest is silent."""
    start = int(np.flatnonzero(line)[0])
    assert not line[start + length :].any()
    return line[start : start + length]


@pytest.mark.parametrize("channels", ["mixed", "unmixed"])
@pytest.mark.parametrize("loopback", [None, False, True], ids=["absent", "off", "on"])
def test_an_app_hears_itself_only_where_it_asked_for_that(
    room: Room, listener: Listener, channels: str, loopback: bool | None
) -> None:
    fields = {} if loopback is None else {"enableLoopbackAudio": loopback}
    call = streamed(room, listener, channels, **fields)
    people = {one.identifier.raw_id for one in call.sdk.list_participants()}
    (own,) = people - {f"4:{ALICE}"}
    voice = speak(room, listener)
    call.sdk.stop_media_streaming()
    until(lambda: listener.code == 1000)
    lines = heard(listener)
    caller = None if channels == "mixed" else f"4:{ALICE}"
    assert set(lines) == ({caller, own} if loopback and channels == "unmixed" else {caller})
    if loopback and channels == "unmixed":
        assert np.array_equal(stretch(lines.pop(own), len(voice)), voice)
    elif loopback:
        # The mixture of a narrowband call is at 8,000 Hz, of which every other sample here is.
        line = lines.pop(None)[::2]
        wanted = narrowed(np.concatenate([voice, np.zeros(2 * FRAME, np.int64)]))
        at = near(np.rint(wanted).astype(np.int64), line)
        assert np.abs(line[at : at + len(wanted)] - wanted).max() <= 0.51
        line[at : at + len(wanted)] = 0
        assert not line.any()
    assert not any(line.any() for line in lines.values()), "nobody else has spoken"
    ended(room, call)
