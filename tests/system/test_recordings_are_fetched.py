"""Recordings over HTTP: the unmodified SDK fetches what an event names, whole and in ranges; deletes it."""

from __future__ import annotations

import io
import json
import queue
import socket
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
from azure.core.exceptions import HttpResponseError
from system.conftest import CONTENT_HOST, System
from system.handset import Handset
from system.harness import ACCESS_KEY


@pytest.fixture
def private_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name leads to this machine, as a private zone or a line in the hosts file would have it."""
    resolve = socket.getaddrinfo

    def resolved(host: Any, *args: Any, **options: Any) -> Any:
        return resolve("127.0.0.1" if host == CONTENT_HOST else host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolved)


@pytest.fixture
def files(system: System) -> Iterator[queue.Queue[dict[str, Any]]]:
    """What Event Grid tells of files."""
    base = f"{system.server.url}/hookflash/subscriptions"
    subscription = {
        "name": "files",
        "resource": "tests",
        "endpoint": f"{system.webhook.url}/incoming-files",
        "eventTypes": ["RecordingFileStatusUpdated"],
    }
    told: queue.Queue[dict[str, Any]] = queue.Queue()

    def incoming(data: dict[str, Any]) -> None:
        if "incomingCallContext" in data:
            system.client().answer_call(data["incomingCallContext"], f"{system.webhook.url}/callbacks")
        else:
            told.put(data)

    system.webhook.on_incoming = incoming
    body = json.dumps(subscription).encode()
    urllib.request.urlopen(
        urllib.request.Request(base, body, {"Content-Type": "application/json"}), timeout=10
    ).close()
    yield told
    urllib.request.urlopen(urllib.request.Request(f"{base}/files", method="DELETE"), timeout=10).close()


def fetched(answer: Any) -> bytes:
    """The bytes of a download: what the SDK gives is said to be an iterable of them, and is an answer."""
    return b"".join(answer.iter_bytes())


def record(system: System, phone: Handset) -> None:
    """Record a call of some moments, with a key in it."""
    phone.play(f"dial {system.dial}")
    connected = system.webhook.wait("CallConnected")
    system.client().start_recording(
        call_connection_id=connected["callConnectionId"],
        recording_content_type=RecordingContent.AUDIO,
        recording_channel_type=RecordingChannel.MIXED,
        recording_format_type=RecordingFormat.WAV,
        recording_state_callback_url=f"{system.webhook.url}/recording",
    )
    system.webhook.wait("RecordingStateChanged", state="active")
    phone._loop.call_soon_threadsafe(phone.phone.audio.say, np.full(8_000, 5_000, np.int16))
    phone.play("wait 1; hangup")


def test_the_sdk_fetches_and_deletes_a_recording(
    system: System, phone: Handset, private_name: None, files: queue.Queue[dict[str, Any]]
) -> None:
    record(system, phone)
    (chunk,) = files.get(timeout=15)["recordingStorageInfo"]["recordingChunks"]
    content, metadata, delete = (
        chunk["contentLocation"],
        chunk["metadataLocation"],
        chunk["deleteLocation"],
    )
    assert content.startswith(f"https://{CONTENT_HOST}:")
    sdk = CallAutomationClient(
        system.https_url, AzureKeyCredential(ACCESS_KEY), connection_verify=str(system.ca)
    )
    whole = fetched(sdk.download_recording(content))
    samples, rate = soundfile.read(io.BytesIO(whole), dtype="int16")
    assert rate == 16_000
    assert abs(samples).max() > 1_000
    pieces = [fetched(sdk.download_recording(content, offset=at, length=4_096)) for at in (4_096, 8_192)]
    assert pieces == [whole[4_096:8_192], whole[8_192:12_288]]
    assert fetched(sdk.download_recording(content, offset=len(whole) - 10)) == whole[-10:]
    told = json.loads(fetched(sdk.download_recording(metadata)))
    assert told["chunkDocumentId"] == chunk["documentId"]
    assert told["recordingInfo"]["audioConfiguration"]["sampleRate"] == 16_000
    sdk.delete_recording(delete)
    for gone in (lambda: sdk.delete_recording(delete), lambda: fetched(sdk.download_recording(content))):
        with pytest.raises(HttpResponseError) as error:
            gone()
        assert error.value.status_code == 404
