"""The disk of recordings is full: they end and say why, everything else goes on; with room, all is well.

The server's recordings are on a file system of their own, of a megabyte, which only the server sees: it runs
in a mount namespace, for which nobody needs to be root. This test fills it from outside.
"""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
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
from system.exact import RATE, SIDE, where
from system.harness import ACCESS_KEY, NUMBER, Server, Webhook
from system.listener import until
from system.recorded import KEYS, fetch

SIZE = 1 << 20
SUBSCRIPTION = """
[[subscription]]
name = "files"
resource = "tests"
endpoint = "{url}/incoming-files"
event_types = ["RecordingFileStatusUpdated"]
[recording]
folder = "{folder}"
"""


def namespaces() -> list[str]:
    """The command before another one that gives it mounts of its own; [] where there is none."""
    for options in (["--user", "--map-root-user", "--mount"], ["--mount"]):
        command = ["unshare", *options]
        if shutil.which("unshare") and not subprocess.run([*command, "true"], capture_output=True).returncode:
            return command
    return []


class SmallDisk(Server):
    """A server whose recordings are on a disk of SIZE."""

    def __init__(self, folder: Path, webhook: Webhook, within: list[str], lines: str) -> None:
        self.mounted = folder / "small"
        self.mounted.mkdir()
        extra = SUBSCRIPTION.format(url=webhook.url, folder=self.mounted) + lines
        super().__init__(folder, webhook, extra)
        mount = f"mount -t tmpfs -o size={SIZE} recordings {self.mounted}"
        self.command = [*within, "sh", "-c", f'{mount} && exec "$@"', "sh", sys.executable]

    @property
    def disk(self) -> Path:
        """The small disk, as the server sees it."""
        assert self.process is not None
        return Path(f"/proc/{self.process.pid}/root{self.mounted}")

    def fill(self) -> None:
        """Leave no room on it."""
        with (self.disk / "filler").open("wb", buffering=0) as filler:
            try:
                while True:
                    filler.write(bytes(4_096))
            except OSError:
                pass

    def make_room(self) -> None:
        (self.disk / "filler").unlink()


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    receiver = Webhook()
    yield receiver
    receiver.close()


@pytest.fixture(params=list(KEYS))
def server(request: pytest.FixtureRequest, tmp_path: Path, webhook: Webhook) -> Iterator[SmallDisk]:
    within = namespaces()
    if not within:
        pytest.skip("no mount namespaces here: unshare is missing, or is not allowed to make one")
    with SmallDisk(tmp_path, webhook, within, KEYS[request.param]) as server:
        assert isinstance(server, SmallDisk)
        yield server


@pytest.fixture
def crowd() -> Iterator[Crowd]:
    people = Crowd([f"+1425557{number:04}" for number in range(3)], 120.0)
    yield people
    people.close()


class App:
    """An app that answers every call and records some."""

    def __init__(self, server: Server, webhook: Webhook) -> None:
        self.client = CallAutomationClient(server.url, AzureKeyCredential(ACCESS_KEY))
        self.webhook = webhook
        self.files: list[dict[str, Any]] = []
        webhook.on_incoming = self._incoming

    def _incoming(self, data: dict[str, Any]) -> None:
        if "incomingCallContext" in data:
            self.client.answer_call(data["incomingCallContext"], f"{self.webhook.url}/callbacks")
        else:
            self.files.append(data)

    def record(self, connection: str, *, unmixed: bool = False, format: Any = RecordingFormat.WAV) -> str:
        started = self.client.start_recording(
            call_connection_id=connection,
            recording_content_type=RecordingContent.AUDIO,
            recording_channel_type=RecordingChannel.UNMIXED if unmixed else RecordingChannel.MIXED,
            recording_format_type=format,
            recording_state_callback_url=f"{self.webhook.url}/recording",
        )
        return str(started.recording_id)

    def active(self, recording: str) -> None:
        self.webhook.wait("RecordingStateChanged", recordingId=recording, state="active")


def test_recordings_end_when_the_disk_is_full_and_nothing_else_does(
    server: SmallDisk, webhook: Webhook, crowd: Crowd
) -> None:
    app = App(server, webhook)
    crowd.dial(f"sip:{NUMBER}@127.0.0.1:{server.sip_port}")
    webhook.wait_count("CallConnected", len(crowd.numbers))
    calls = [
        event["data"]["callConnectionId"]
        for event in webhook.events()
        if event["type"].endswith("CallConnected")
    ]
    forms = ({}, {"unmixed": True}, {"format": RecordingFormat.MP3})
    running = [app.record(call, **form) for call, form in zip(calls, forms, strict=True)]
    for recording in running:
        app.active(recording)
    crowd.talk()
    crowd.wait(3.0)

    server.fill()
    failures = [
        webhook.wait("RecordingStateChanged", 30, recordingId=recording, state="inactive")
        for recording in running
    ]
    for failed in failures:
        information = failed["resultInformation"]
        assert (information["code"], information["subCode"]) == (500, 9999)
        assert "No space left on device" in information["message"]
    # What there is of them is whole, and told of.
    until(lambda: len(app.files) == len(running))
    seconds = []
    for data in app.files:
        (chunk,) = data["recordingStorageInfo"]["recordingChunks"]
        assert (chunk["endReason"], data["sessionEndReason"]) == ("SessionFailed", "SessionFailed")
        sound = fetch(chunk["contentLocation"])
        samples, rate = soundfile.read(io.BytesIO(sound), dtype="int16", always_2d=True)
        assert rate == 16_000
        if data["recordingFormatType"] == "Wav":
            assert len(sound) == 44 + samples.nbytes
        seconds.append(len(samples) / rate)
        metadata = json.loads(fetch(chunk["metadataLocation"]))
        assert metadata["chunkDuration"] == data["recordingDurationMs"]
        assert abs(metadata["chunkDuration"] - 1_000 * seconds[-1]) <= 100
    assert min(seconds) > 0.5
    # A start is refused, in words that help.
    refused = app.record(calls[0])
    failed = webhook.wait("StartRecordingFailed", 30, recordingId=refused)
    assert "No space left on device" in failed["resultInformation"]["message"]
    log = server.log.read_text()
    assert "free some space" in log
    assert str(server.mounted) in log

    # The calls have never noticed.
    assert not any(name == "CallDisconnected" for name in webhook.names())
    for call in calls:
        assert app.client.get_call_connection(call).get_call_properties().call_connection_state == "connected"

    server.make_room()
    again = app.record(calls[0])
    app.active(again)
    crowd.wait(2.0)
    app.client.stop_recording(again)
    until(lambda: len(app.files) == len(running) + 1)
    (chunk,) = app.files[-1]["recordingStorageInfo"]["recordingChunks"]
    assert (chunk["endReason"], app.files[-1]["sessionEndReason"]) == ("SessionEnded", "CallEnded")
    samples, _ = soundfile.read(io.BytesIO(fetch(chunk["contentLocation"])), dtype="int16")
    low = samples[2 * SIDE :: 2].astype(np.int64)
    middle = low[RATE // 2 : RATE // 2 + 1_000]
    assert any(where(middle, said) >= 0 for said in crowd.said)
