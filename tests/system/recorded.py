"""Recording calls of the contract tests' server: start, stop, and the files as they lie there."""

from __future__ import annotations

import base64
import http.client
import json
import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import soundfile
from azure.communication.callautomation import (
    ChannelAffinity,
    PhoneNumberIdentifier,
    RecordingChannel,
    RecordingContent,
    RecordingFormat,
)
from system.exact import Samples
from system.handset import Handset
from system.harness import ACCESS_KEY
from system.listener import until
from system.room import Call, Room

from hookflash.wire.hmac import decode_key, sign

SETTLED = 1.6
"""Seconds in which a jitter buffer comes to its delay, after which it stays there."""

KEYS = {"plain": "", "sealed": 'encryption_key_env = "TESTS_RECORDING_KEY"\n'}
"""Lines for the section of recordings, by how they are kept."""
os.environ["TESTS_RECORDING_KEY"] = base64.b64encode(bytes(range(32))).decode()


@dataclass
class Recorded:
    """A recording that is over: samples at 16,000 Hz as [frames, channels], and its metadata."""

    samples: Samples
    metadata: dict[str, Any]

    def channel(self, participant: str) -> Samples:
        """What is on the channel of somebody."""
        (channel,) = [
            one["channel"] for one in self.metadata["participants"] if one["participantId"] == participant
        ]
        return np.asarray(self.samples[:, channel])


class Recording:
    """A recording of a call in ``room``, active once this is there."""

    def __init__(self, room: Room, call: Call, *, unmixed: bool = False, **options: Any) -> None:
        self._room = room
        self._folder = room.server.folder / "state" / "recordings"
        self._before = set(self._folder.iterdir()) if self._folder.exists() else set()
        self.client = room.client()
        room.webhook.forget()
        started = self.client.start_recording(
            call_connection_id=call.id,
            recording_content_type=RecordingContent.AUDIO,
            recording_channel_type=RecordingChannel.UNMIXED if unmixed else RecordingChannel.MIXED,
            recording_format_type=RecordingFormat.WAV,
            recording_state_callback_url=f"{room.webhook.url}/recording",
            **options,
        )
        self.id = str(started.recording_id)
        room.webhook.wait("RecordingStateChanged", state="active")

    def stop(self) -> Recorded:
        """Stop it, and read its one file."""
        self.client.stop_recording(self.id)
        until(lambda: set(self._folder.iterdir()) - self._before)
        (folder,) = set(self._folder.iterdir()) - self._before
        until(lambda: (folder / "metadata.json").exists() and _complete(folder / "metadata.json"))
        samples, rate = soundfile.read(folder / "audio.wav", dtype="int16", always_2d=True)
        assert rate == 16_000
        return Recorded(samples.astype(np.int64), json.loads((folder / "metadata.json").read_bytes()))


def ask(url: str, method: str = "GET", key: str = ACCESS_KEY) -> tuple[int, bytes]:
    """A signed request without a body: the status and the body of its answer."""
    parts = urlsplit(url)
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    headers = sign(method, target, parts.netloc, b"", decode_key(key), time.time())
    connection = http.client.HTTPConnection(parts.netloc, timeout=20)
    connection.request(method, target, headers={"Host": parts.netloc, **headers})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body


def fetch(url: str) -> bytes:
    """A signed GET that finds what it asks for."""
    status, body = ask(url)
    assert status == 200
    return body


def _complete(path: Path) -> bool:
    """Whether a file has been written to its end."""
    try:
        json.loads(path.read_bytes())
    except ValueError:
        return False
    return True


def say(phone: Handset, samples: Samples) -> None:
    """Let a phone say something; returns when it begins to."""

    async def begin() -> None:
        phone.phone.audio.say(samples.astype(np.int16))

    phone._run(begin())


def unsaid(phone: Handset) -> int:
    """How many samples of what it was given a phone has still to say."""

    async def left() -> int:
        return sum(map(len, phone.phone.audio._speech))

    return phone._run(left())


def said(phone: Handset) -> None:
    """Wait until a phone has said everything, and it has been heard."""
    deadline = time.monotonic() + 30
    while phone.phone.audio.busy:
        assert time.monotonic() < deadline
        threading.Event().wait(0.02)
    threading.Event().wait(0.4)


def affinity(number: str, channel: int) -> ChannelAffinity:
    """``channel`` for a phone."""
    return ChannelAffinity(target_participant=PhoneNumberIdentifier(number), channel=channel)
