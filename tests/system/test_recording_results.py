"""The result of a recording is answered after a restart as before it, of a ``kill -9`` too."""

from __future__ import annotations

import json
import queue
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from azure.communication.callautomation import (
    CallAutomationClient,
    RecordingChannel,
    RecordingContent,
    RecordingFormat,
)
from azure.core.credentials import AzureKeyCredential
from system.handset import Handset
from system.harness import ACCESS_KEY, NUMBER, Server, Webhook
from system.processes import wait_gone, worker_of
from system.recorded import ask

OTHER_KEY = "YW5vdGhlci1yZXNvdXJjZS1vbmx5LWZvci10ZXN0cy1rZXktMDI="
EXTRA = """
[[subscription]]
name = "files"
resource = "tests"
endpoint = "{url}/incoming-files"
event_types = ["RecordingFileStatusUpdated"]
[[resource]]
name = "others"
id = "7e889502-3d7a-41a8-befa-d21fd80e8767"
access_keys = ["{key}"]
[recording]
keep_hours = 48
"""
PREVIEW = "2024-09-01-preview"


class Office:
    """A server that can be started again, its app, and what Event Grid tells of files."""

    def __init__(self, folder: Path) -> None:
        self.webhook = Webhook()
        self.webhook.on_incoming = self._incoming
        self.files: queue.Queue[dict[str, Any]] = queue.Queue()
        self.server = Server(folder, self.webhook, EXTRA.format(url=self.webhook.url, key=OTHER_KEY))
        self.client = CallAutomationClient(self.server.url, AzureKeyCredential(ACCESS_KEY))

    def _incoming(self, data: dict[str, Any]) -> None:
        if "incomingCallContext" in data:
            self.client.answer_call(data["incomingCallContext"], f"{self.webhook.url}/callbacks")
        else:
            self.files.put(data)

    def record(self, phone: Handset) -> str:
        """A call that is being recorded: the recordingId."""
        self.webhook.forget()
        phone.play(f"dial sip:{NUMBER}@127.0.0.1:{self.server.sip_port}")
        started = self.client.start_recording(
            call_connection_id=self.webhook.wait("CallConnected")["callConnectionId"],
            recording_content_type=RecordingContent.AUDIO,
            recording_channel_type=RecordingChannel.MIXED,
            recording_format_type=RecordingFormat.WAV,
            recording_state_callback_url=f"{self.webhook.url}/recording",
        )
        self.webhook.wait("RecordingStateChanged", state="active")
        phone.play("wait 1.2")
        return str(started.recording_id)

    def result(self, recording: str, key: str = ACCESS_KEY) -> tuple[int, dict[str, Any]]:
        # The SDKs have this operation in no version, so a signed request stands for what they would send.
        path = f"/calling/recordings/{recording}/result?api-version={PREVIEW}"
        status, body = ask(f"{self.server.url}{path}", key=key)
        return status, json.loads(body)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path)
    office.server.start()
    yield office
    office.server.stop()
    office.webhook.close()


def agrees(result: dict[str, Any], told: dict[str, Any]) -> None:
    """What is answered is what the event told."""
    for name in ("recordingStorageInfo", "recordingStartTime", "recordingDurationMs", "sessionEndReason"):
        assert result[name] == told[name]


def test_the_result_is_answered_after_a_restart(office: Office, phone: Handset) -> None:
    recording = office.record(phone)
    assert office.result(recording)[0] == 404
    office.client.stop_recording(recording)
    told = office.files.get(timeout=15)
    status, before = office.result(recording)
    assert status == 200
    agrees(before, told)
    assert "errors" not in before
    began, expires = (
        datetime.fromisoformat(before[name]).timestamp()
        for name in ("recordingStartTime", "recordingExpirationTime")
    )
    assert expires == pytest.approx(began + before["recordingDurationMs"] / 1000 + 48 * 3600, abs=0.01)

    office.server.stop()
    office.server.start()
    assert office.result(recording) == (200, before)
    status, refused = office.result(recording, OTHER_KEY)
    assert (status, refused["error"]["code"]) == (403, "7507")
    (chunk,) = before["recordingStorageInfo"]["recordingChunks"]
    assert ask(chunk["contentLocation"])[0] == 200
    assert ask(chunk["deleteLocation"], "DELETE")[0] == 200
    status, refused = office.result(recording)
    assert (status, refused["error"]["code"]) == (404, "8522")


def test_the_result_of_a_recording_that_a_kill_broke_off(office: Office, phone: Handset) -> None:
    recording = office.record(phone)
    worker = worker_of(office.server)
    office.server.kill()
    wait_gone(worker)
    office.server.start()
    told = office.files.get(timeout=30)
    status, result = office.result(recording)
    assert status == 200
    agrees(result, told)
    assert result["sessionEndReason"] == "SessionFailed"
    (error,) = result["errors"]
    assert error["code"] == "9999"
    assert "restarted" in error["message"]
    (chunk,) = result["recordingStorageInfo"]["recordingChunks"]
    assert chunk["endReason"] == "ServerFailure"
    # Killed again it is no other, and nobody is told twice.
    office.server.kill()
    office.server.start()
    assert office.result(recording) == (200, result)
    assert office.files.empty()
