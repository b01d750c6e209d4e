"""A recording that goes on in other files loses no sample between them, and each file is told of once."""

from __future__ import annotations

import io
import json
import threading
import urllib.request
from collections.abc import Iterator
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
from system.exact import SIDE, Samples, where
from system.harness import ACCESS_KEY, NUMBER, Server, Webhook, running
from system.listener import until
from system.recorded import fetch

FILE_SECONDS = 1.5
SPEAKERS = 6
EXTRA = f"""
[recording]
file_seconds = {FILE_SECONDS}
"""
JITTER = "jitter_least_ms = 120\njitter_most_ms = 120"


@pytest.fixture
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Webhook]]:
    yield from running(tmp_path_factory.mktemp("go_on"), EXTRA, media=JITTER)


@pytest.fixture
def crowd() -> Iterator[Crowd]:
    people = Crowd([f"+1425557{number:04}" for number in range(SPEAKERS)], 6.0)
    yield people
    people.close()


@pytest.mark.slow
def test_files_follow_each_other_to_the_sample(served: tuple[Server, Webhook], crowd: Crowd) -> None:
    server, webhook = served
    client = CallAutomationClient(server.url, AzureKeyCredential(ACCESS_KEY))
    told: list[dict[str, Any]] = []

    def incoming(data: dict[str, Any]) -> None:
        if "incomingCallContext" in data:
            client.answer_call(data["incomingCallContext"], f"{webhook.url}/callbacks")
        else:
            told.append(data)

    webhook.on_incoming = incoming
    subscribe(server, webhook)
    crowd.dial(f"sip:{NUMBER}@127.0.0.1:{server.sip_port}")
    webhook.wait_count("CallConnected", SPEAKERS)
    recordings = [
        client.start_recording(
            call_connection_id=event["data"]["callConnectionId"],
            recording_content_type=RecordingContent.AUDIO,
            recording_channel_type=RecordingChannel.MIXED,
            recording_format_type=RecordingFormat.WAV,
            recording_state_callback_url=f"{webhook.url}/recording",
        ).recording_id
        for event in webhook.events()
        if event["type"].endswith("CallConnected")
    ]
    webhook.wait_count("RecordingStateChanged", SPEAKERS)
    crowd.wait(1.6)
    crowd.talk()
    until(lambda: min(crowd.far()) == len(crowd.said[0]))
    crowd.wait(0.5)
    for recording in recordings:
        client.stop_recording(str(recording))
    until(lambda: len(told) == SPEAKERS)
    threading.Event().wait(0.2)
    assert len(told) == SPEAKERS
    whole = [heard(data) for data in told]
    # A machine that is busy keeps some phones from sending in time; what the files lacked all of them would.
    exact = [said for said in crowd.said if any(where(said, low) >= 0 for low in whole)]
    assert len(exact) >= SPEAKERS // 3


def heard(data: dict[str, Any]) -> Samples:
    """What is in the files of a recording, at 8,000 Hz."""
    chunks = data["recordingStorageInfo"]["recordingChunks"]
    reasons = [chunk["endReason"] for chunk in chunks]
    assert len(chunks) >= 4
    assert reasons == [*["ChunkMaximumTimeExceeded"] * (len(chunks) - 1), "SessionEnded"]
    assert [chunk["index"] for chunk in chunks] == list(range(len(chunks)))
    parts = []
    for chunk in chunks:
        samples, rate = soundfile.read(io.BytesIO(fetch(chunk["contentLocation"])), dtype="int16")
        assert rate == 16_000
        metadata = json.loads(fetch(chunk["metadataLocation"]))
        assert metadata["chunkIndex"] == chunk["index"]
        assert metadata["chunkDuration"] == round(len(samples) / 16)
        parts.append(samples)
    # A file takes what the last second brought, and what waited while the one before was closed.
    assert all(FILE_SECONDS <= len(part) / 16_000 < FILE_SECONDS + 3 for part in parts[:-1])
    assert data["recordingDurationMs"] == pytest.approx(sum(map(len, parts)) / 16, abs=len(parts))
    return np.concatenate(parts)[2 * SIDE :: 2].astype(np.int64)


def subscribe(server: Server, webhook: Webhook) -> None:
    """Be told of files."""
    body = json.dumps(
        {
            "name": "files",
            "resource": "tests",
            "endpoint": f"{webhook.url}/incoming-files",
            "eventTypes": ["RecordingFileStatusUpdated"],
        }
    ).encode()
    request = urllib.request.Request(
        f"{server.url}/hookflash/subscriptions", body, {"Content-Type": "application/json"}
    )
    urllib.request.urlopen(request, timeout=10).close()
