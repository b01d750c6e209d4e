"""``kill -9`` of the server in the middle of many recordings: of no file more than a second is lost, and all
tell who is in them, on which channel, and when they were paused."""

from __future__ import annotations

import io
import json
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from azure.communication.callautomation import (
    CallAutomationClient,
    RecordingChannel,
    RecordingContent,
    RecordingFormat,
)
from azure.core.credentials import AzureKeyCredential
from system.crowd import Crowd
from system.exact import FRAME, RATE, SIDE, Samples, where
from system.harness import ACCESS_KEY, NUMBER, Server, Webhook
from system.processes import wait_gone, worker_of
from system.recorded import KEYS, fetch

CALLS = 50
UNMIXED, MP3 = 10, 10
"""So many of them are recorded so."""
RESUMED, LEFT_PAUSED = (0, UNMIXED), UNMIXED + 1
"""Those that are paused and resumed before anybody talks, and the one that is paused when the server dies."""
ENCODING = 1_500
"""Samples that are in an encoder of MP3: two frames, and what it looks ahead."""
WAITING = RATE // 4
"""Samples that are on their way to the plane, or wait in a jitter buffer: they have not been heard yet."""
FILES = """
[[subscription]]
name = "files"
resource = "tests"
endpoint = "{url}/incoming-files"
event_types = ["RecordingFileStatusUpdated"]
[recording]
"""


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    receiver = Webhook()
    yield receiver
    receiver.close()


@pytest.fixture
def crowd() -> Iterator[Crowd]:
    people = Crowd([f"+1425557{number:04}" for number in range(CALLS)], 40.0)
    yield people
    people.close()


def last_of(said: Samples, low: Samples) -> int:
    """How far into what somebody said a recording goes."""
    for end in range(len(low), len(low) - RATE, -FRAME):
        at = where(low[end - FRAME : end], said)
        if at >= 0:
            return at + FRAME + len(low) - end
    raise AssertionError("nothing of it is at the end of the recording")


@pytest.mark.parametrize("kept", ["plain", pytest.param("sealed", marks=pytest.mark.slow)])
def test_a_kill_in_the_middle_of_many_recordings_costs_a_second_at_most(
    tmp_path: Path, webhook: Webhook, crowd: Crowd, kept: str
) -> None:
    told: dict[str, dict[str, Any]] = {}

    def incoming(data: dict[str, Any]) -> None:
        if "incomingCallContext" in data:
            client.answer_call(data["incomingCallContext"], f"{webhook.url}/callbacks")
        else:
            (chunk,) = data["recordingStorageInfo"]["recordingChunks"]
            told[chunk["documentId"]] = data

    webhook.on_incoming = incoming
    server = Server(tmp_path, webhook, FILES.format(url=webhook.url) + KEYS[kept])
    client = CallAutomationClient(server.url, AzureKeyCredential(ACCESS_KEY))
    folder = tmp_path / "state" / "recordings"
    try:
        server.start()
        crowd.dial(f"sip:{NUMBER}@127.0.0.1:{server.sip_port}")
        webhook.wait_count("CallConnected", CALLS)
        calls = {
            event["data"]["correlationId"]: event["data"]["callConnectionId"]
            for event in webhook.events()
            if event["type"].endswith("CallConnected")
        }
        recordings = []
        for place, connection in enumerate(calls.values()):
            started = client.start_recording(
                call_connection_id=connection,
                recording_content_type=RecordingContent.AUDIO,
                recording_channel_type=(
                    RecordingChannel.UNMIXED if place < UNMIXED else RecordingChannel.MIXED
                ),
                recording_format_type=RecordingFormat.MP3 if place >= CALLS - MP3 else RecordingFormat.WAV,
                recording_state_callback_url=f"{webhook.url}/recording",
            )
            recordings.append(str(started.recording_id))
        webhook.wait_count("RecordingStateChanged", CALLS)
        for place in RESUMED:
            client.pause_recording(recordings[place])
        crowd.wait(1.0)
        for place in RESUMED:
            client.resume_recording(recordings[place])
        crowd.talk()
        crowd.wait(3.0)
        client.pause_recording(recordings[LEFT_PAUSED])
        crowd.wait(2.2)
        worker = worker_of(server)
        far = crowd.far()
        server.kill()
        wait_gone(worker)

        server.start()
        deadline = time.monotonic() + 60
        while len(told) < CALLS:
            assert time.monotonic() < deadline, f"{len(told)} of {CALLS} files were told of"
            threading.Event().wait(0.05)
        assert set(told) == {path.name for path in folder.iterdir()}
        places = {call: place for place, call in enumerate(calls)}
        for place, connection in enumerate(calls.values()):
            ended = webhook.wait("CallDisconnected", callConnectionId=connection)
            assert ended["resultInformation"]["code"] == 500
            states = [
                (event["data"]["state"], event["data"]["resultInformation"]["code"])
                for event in webhook.events(connection)
                if event["type"].endswith("RecordingStateChanged")
            ]
            paused = [("inactive", 200)] if place in (*RESUMED, LEFT_PAUSED) else []
            resumed = [("active", 200)] if place in RESUMED else []
            assert states == [("active", 200), *paused, *resumed, ("inactive", 500)]
            assert webhook.names(connection)[-1] == "CallDisconnected"
        lost: dict[str, list[int]] = {"Wav": [], "Mp3": []}
        for document, data in told.items():
            (chunk,) = data["recordingStorageInfo"]["recordingChunks"]
            assert (chunk["index"], chunk["endReason"]) == (0, "ServerFailure")
            assert data["sessionEndReason"] == "SessionFailed"
            sound = fetch(chunk["contentLocation"])
            (path,) = (folder / document).glob("audio.*")
            assert (path.read_bytes() == sound) is (kept == "plain")
            metadata = json.loads(fetch(chunk["metadataLocation"]))
            place = places[metadata["callId"]]
            assert metadata["chunkDuration"] == data["recordingDurationMs"]
            assert len(metadata["participants"]) == 2, "the phone, and the app"
            assert ("channel" in speaker_of(metadata, crowd)[1]) is (place < UNMIXED)
            assert_pauses(metadata, place)
            form = data["recordingFormatType"]
            if place != LEFT_PAUSED:
                lost[form].append((lost_of if form == "Wav" else lost_of_mp3)(sound, metadata, crowd, far))
        assert len(lost["Mp3"]) == MP3
        assert max(lost["Wav"]) <= RATE + WAITING, f"{np.mean(lost['Wav']) / RATE:.2f} s on average"
        assert max(lost["Mp3"]) <= RATE + WAITING + ENCODING
    finally:
        server.stop()


def test_a_kill_just_after_the_start_was_answered(tmp_path: Path, webhook: Webhook, crowd: Crowd) -> None:
    """Whatever there was of it by then: the app is told, and no folder is left that nobody knows."""
    stored: list[str] = []

    def incoming(data: dict[str, Any]) -> None:
        if "incomingCallContext" in data:
            client.answer_call(data["incomingCallContext"], f"{webhook.url}/callbacks")
        else:
            stored.extend(one["documentId"] for one in data["recordingStorageInfo"]["recordingChunks"])

    webhook.on_incoming = incoming
    server = Server(tmp_path, webhook, FILES.format(url=webhook.url))
    client = CallAutomationClient(server.url, AzureKeyCredential(ACCESS_KEY))
    folder = tmp_path / "state" / "recordings"
    try:
        server.start()
        crowd.dial(f"sip:{NUMBER}@127.0.0.1:{server.sip_port}")
        webhook.wait_count("CallConnected", CALLS)
        connections = [
            event["data"]["callConnectionId"]
            for event in webhook.events()
            if event["type"].endswith("CallConnected")
        ][:2]
        worker = worker_of(server)
        for connection, form in zip(connections, (RecordingFormat.MP3, RecordingFormat.WAV), strict=True):
            client.start_recording(
                call_connection_id=connection,
                recording_content_type=RecordingContent.AUDIO,
                recording_channel_type=RecordingChannel.MIXED,
                recording_format_type=form,
                recording_state_callback_url=f"{webhook.url}/recording",
            )
        server.kill()
        wait_gone(worker)
        server.start()
        for connection in connections:
            webhook.wait("CallDisconnected", callConnectionId=connection)
            told = [
                (event["data"]["state"], event["data"]["resultInformation"]["code"])
                for event in webhook.events(connection)
                if event["type"].endswith("RecordingStateChanged")
            ]
            assert told[-1] == ("inactive", 500)
        left = {path.name for path in folder.iterdir()} if folder.exists() else set()
        deadline = time.monotonic() + 60
        while set(stored) != left:
            assert time.monotonic() < deadline, f"{left} are there, and {stored} were told of"
            threading.Event().wait(0.05)
    finally:
        server.stop()


def assert_pauses(metadata: dict[str, Any], place: int) -> None:
    """Its pauses are told of."""
    began = datetime.fromisoformat(metadata["chunkStartTime"])
    pauses = [
        ((datetime.fromisoformat(one["startTime"]) - began).total_seconds(), one["duration"] / 1_000)
        for one in metadata["pauseResumeIntervals"]
    ]
    if place in RESUMED:
        ((_, seconds),) = pauses
        assert 1.0 <= seconds <= 4.0
    elif place == LEFT_PAUSED:
        ((start, seconds),) = pauses
        assert start == pytest.approx(metadata["chunkDuration"] / 1_000, abs=1.0)
        assert seconds <= 10.0
    else:
        assert pauses == []


def speaker_of(metadata: dict[str, Any], crowd: Crowd) -> tuple[int, dict[str, Any]]:
    """Whose call was recorded, and how they are listed."""
    named = {one["participantId"]: one for one in metadata["participants"]}
    (speaker,) = [place for place, number in enumerate(crowd.numbers) if f"4:{number}" in named]
    return speaker, named[f"4:{crowd.numbers[speaker]}"]


def lost_of(sound: bytes, metadata: dict[str, Any], crowd: Crowd, far: list[int]) -> int:
    """How many samples of what somebody said are not in a WAV file, which is as long as it says."""
    samples, rate = soundfile.read(io.BytesIO(sound), dtype="int16", always_2d=True)
    assert rate == 16_000
    assert len(sound) == 44 + samples.nbytes
    assert metadata["chunkDuration"] == round(len(samples) / 16)
    speaker, listed = speaker_of(metadata, crowd)
    # A mixed one has one channel.
    low = samples[2 * SIDE :: 2, listed.get("channel", 0)].astype(np.int64)
    return far[speaker] - last_of(crowd.said[speaker], low)


def lost_of_mp3(sound: bytes, metadata: dict[str, Any], crowd: Crowd, far: list[int]) -> int:
    """The same of an MP3, by where the sound in it begins."""
    samples, rate = soundfile.read(io.BytesIO(sound), dtype="int16")
    assert rate == 16_000
    assert abs(metadata["chunkDuration"] - len(samples) / 16) <= 100, "frames of MPEG"
    begins = int(np.argmax(np.abs(samples.astype(int)) > 1_000))
    return far[speaker_of(metadata, crowd)[0]] - (len(samples) - begins) // 2
