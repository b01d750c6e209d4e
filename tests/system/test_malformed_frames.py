"""Frames of an app that make no sense, on a whole server: what is good among them is played bit for bit."""

from __future__ import annotations

import base64
import random

import numpy as np
from azure.communication.callautomation import (
    AudioFormat,
    MediaStreamingAudioChannelType,
    MediaStreamingContentType,
    MediaStreamingOptions,
    PhoneNumberIdentifier,
    StreamingTransportType,
)
from system.harness import NUMBER
from system.listener import Listener, until
from system.room import ALICE, Call, Room, ended

RATE = 16_000
FRAME = RATE // 50
FRAMES = 200
AHEAD = 50
"""Good frames before the first bad one: what is large to read must not let the voice run dry."""
PAUSE = 4_000
"""Samples of silence, at the phone, that part one piece from another."""
GOOD = '{"kind":"AudioData","audioData":{"data":"%s"}}'
BAD: list[str | bytes] = [
    "",
    "nonsense",
    "null",
    "[]",
    "7",
    '"AudioData"',
    GOOD[:-1] % "AAAA",
    GOOD % "AAA",
    GOOD % "A",
    GOOD % "AA=",
    GOOD % "!!!!",
    GOOD % "AA-_",
    GOOD % "AAAA\\u00e9",
    GOOD % "\\ud800",
    '{"kind":"AudioData"}',
    '{"kind":"AudioData","audioData":null}',
    '{"kind":"AudioData","audioData":[]}',
    '{"kind":"AudioData","audioData":{"data":7}}',
    '{"kind":"AudioData","audioData":{"data":["AAAA"]}}',
    '{"kind":7,"audioData":{"data":"AAAA"}}',
    '{"kind":"Video","audioData":{"data":"AAAA"}}',
    '{"kind":"MarkData","markData":{}}',
    "[" * 200_000,
    '{"a":' * 200_000,
    '{"kind":"AudioData","audioData":' * 50_000,
    GOOD % ("?" * (2 << 20)),
    " " * (2 << 20),
    "\x00\ufeff\u202e",
    (GOOD % "AAAA").encode("utf-16").decode("latin-1"),
    (GOOD % "AAAA").encode(),
    bytes(range(256)) * 4,
    b"",
]


def connected(room: Room, listener: Listener) -> Call:
    """A call with a phone, whose app speaks."""
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
        ),
    )
    answer.result(15)
    room.webhook.wait("MediaStreamingStarted")
    until(lambda: listener.frames)
    identifier = str(made.call_connection_id)
    return Call(identifier, room.client().get_call_connection(identifier))


def pieces(heard: np.ndarray) -> list[np.ndarray]:
    """What was heard, cut where there was silence; the last piece only once it is over."""
    sounding = np.flatnonzero(heard)
    if not len(sounding):
        return []
    cuts = np.flatnonzero(np.diff(sounding) > PAUSE)
    begins, ends = sounding[[0, *(cuts + 1)]], sounding[[*cuts, -1]]
    found = [heard[begin : end + 1] for begin, end in zip(begins, ends, strict=True)]
    return found if len(heard) - sounding[-1] > PAUSE else found[:-1]


def test_what_is_good_is_played_bit_for_bit(room: Room, listener: Listener) -> None:
    phone = room.phone(ALICE)
    before = room.server.log.read_text().count("can not be read")
    call = connected(room, listener)
    pcm = np.random.default_rng(1).integers(-6_000, 6_000, FRAMES * FRAME).astype("<i2").tobytes()
    good = [
        GOOD % base64.b64encode(pcm[at : at + 2 * FRAME]).decode() for at in range(0, len(pcm), 2 * FRAME)
    ]
    listener.send(good)
    until(lambda: len(pieces(phone.heard())) == 1, 30)

    source = random.Random(1)
    mixed: list[str | bytes] = list(good)
    for bad in BAD:
        mixed.insert(source.randrange(AHEAD, len(mixed)), bad)
    assert sum(isinstance(one, bytes) or one not in good for one in mixed) == len(BAD) > FRAMES // 100
    listener.send(mixed)
    until(lambda: len(pieces(phone.heard())) == 2, 30)

    alone, among = pieces(phone.heard())
    assert len(alone) > 0.95 * FRAMES * FRAME / 2
    assert np.array_equal(alone, among)
    # The stream and the call go on, and one line tells of all that was wrong.
    listener.send(BAD * 2)
    assert listener.code is None
    count = len(listener.frames)
    until(lambda: len(listener.frames) > count + 25)
    assert room.server.log.read_text().count("can not be read") == before + 1
    assert "MediaStreamingFailed" not in room.webhook.names(call.id)
    ended(room, call)
