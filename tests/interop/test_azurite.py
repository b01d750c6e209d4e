"""Recordings in Azure Blob Storage, as its emulator has it: the store itself, and a whole server."""

from __future__ import annotations

import io
import os
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from azure.communication.callautomation import (
    AzureBlobContainerRecordingStorage,
    CallAutomationClient,
    RecordingChannel,
    RecordingContent,
    RecordingFormat,
)
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import HttpResponseError
from azurite import ACCOUNT, KEY, Azurite
from system.handset import Handset
from system.harness import ACCESS_KEY, NUMBER, Server, Webhook
from system.processes import wait_gone, worker_of

from hookflash.loopback import free_port
from hookflash.recording.cloud import PART, CloudStore, Place
from hookflash.recording.stores import FileContent, StoreError

pytestmark = pytest.mark.interop

FILES = """
[[subscription]]
name = "files"
resource = "tests"
endpoint = "{url}/incoming-files"
event_types = ["RecordingFileStatusUpdated"]
[recording]
external_hosts = ["127.0.0.1:{port}"]
"""


@pytest.fixture(scope="module")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azurite]:
    with Azurite(tmp_path_factory.mktemp("azurite") / "blobs", free_port()) as process:
        yield process


# --- the store ------------------------------------------------------------------------------------------


def place(azurite: Azurite, container: str, **changes: Any) -> Place:
    given = Place("azure", container, "calls/a", azurite.endpoint, ACCOUNT, credential="key", secret=KEY)
    return replace(given, **changes)


@pytest.mark.parametrize("size", [0, 1, PART, 2 * PART + 7])
async def test_files_are_kept_read_and_deleted(azurite: Azurite, tmp_path: Path, size: int) -> None:
    container = f"kept{size}"
    azurite.make(container)
    path = tmp_path / "x"
    path.write_bytes(os.urandom(size))
    sender = CloudStore(place(azurite, container, credential="sas", secret=azurite.sas(container)))
    for _ in range(2):
        await sender.put("0-acsaudio.wav", FileContent(path), "audio/wav")
    assert azurite.blobs(container) == {"calls/a/0-acsaudio.wav": path.read_bytes()}
    owner = CloudStore(place(azurite, container))
    content = await owner.open("0-acsaudio.wav")
    assert content.size == size
    for start, stop in ((0, size), (size // 3, size // 2)):
        got = b"".join([piece async for piece in content.read(start, stop)])
        assert got == path.read_bytes()[start:stop]
    for _ in range(2):
        await owner.delete("0-acsaudio.wav")
    assert azurite.blobs(container) == {}


async def test_what_a_signature_does_not_allow_is_said(azurite: Azurite, tmp_path: Path) -> None:
    azurite.make("bounded")
    path = tmp_path / "x"
    path.write_bytes(b"1")
    signatures = {
        "read only": azurite.sas("bounded", "r"),
        "expired": azurite.sas("bounded", end="2020-01-01T00:00:00Z"),
        "another's": azurite.sas("kept"),
        "nonsense": "sig=abc&sp=cw",
    }
    for name, signature in signatures.items():
        store = CloudStore(place(azurite, "bounded", credential="sas", secret=signature))
        with pytest.raises(StoreError, match=r"403 Forbidden \(Authori[sz]ation|Authentication") as error:
            await store.put("x", FileContent(path), "audio/wav")
        assert "sig=" not in str(error.value), name
        assert not error.value.gone
    assert azurite.blobs("bounded") == {}


async def test_a_container_that_is_not_there_is_said(azurite: Azurite, tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"1")
    with pytest.raises(StoreError, match="ContainerNotFound") as error:
        await CloudStore(place(azurite, "nowhere")).put("x", FileContent(path), "audio/wav")
    assert error.value.gone


# --- a whole server -------------------------------------------------------------------------------------


class Stalled:
    """Takes connections and what comes on them, and never answers."""

    def __init__(self, port: int) -> None:
        self.taken = b""
        self._socket = socket.create_server(("127.0.0.1", port))
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                one, _ = self._socket.accept()
            except OSError:
                return
            self._open.append(one)
            threading.Thread(target=self._read, args=(one,), daemon=True).start()

    def _read(self, one: socket.socket) -> None:
        try:
            while data := one.recv(1 << 16):
                self.taken += data
        except OSError:
            return

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        for one in (self._socket, *self._open):
            one.close()


class Recorded:
    """A server whose app has its recordings in a container."""

    def __init__(self, folder: Path, webhook: Webhook, port: int, extra: str = "") -> None:
        self.webhook = webhook
        self.told: list[dict[str, Any]] = []
        self.server = Server(folder, webhook, FILES.format(url=webhook.url, port=port) + extra)
        self.client = CallAutomationClient(self.server.url, AzureKeyCredential(ACCESS_KEY))
        webhook.on_incoming = self._incoming

    def _incoming(self, data: dict[str, Any]) -> None:
        if "incomingCallContext" in data:
            self.client.answer_call(data["incomingCallContext"], f"{self.webhook.url}/callbacks")
        else:
            self.told.append(data)

    def record(self, phone: Handset, container: str, seconds: int = 1) -> str:
        """A call that is recorded for so many seconds, and some moments; its connection."""
        phone.play(f"dial sip:{NUMBER}@127.0.0.1:{self.server.sip_port}")
        connection = str(self.webhook.wait("CallConnected")["callConnectionId"])
        self.client.start_recording(
            call_connection_id=connection,
            recording_content_type=RecordingContent.AUDIO,
            recording_channel_type=RecordingChannel.MIXED,
            recording_format_type=RecordingFormat.WAV,
            recording_state_callback_url=f"{self.webhook.url}/recording",
            recording_storage=AzureBlobContainerRecordingStorage(container_url=container),
        )
        self.webhook.wait("RecordingStateChanged", state="active")
        phone._loop.call_soon_threadsafe(phone.phone.audio.say, np.full(8_000, 5_000, np.int16))
        phone.play(f"wait {seconds}; hangup")
        return connection

    def event(self, timeout: float = 60) -> dict[str, Any]:
        """The RecordingFileStatusUpdated."""
        wait_for(lambda: bool(self.told), timeout, "the event")
        (data,) = self.told
        return data


def wait_for(done: Any, timeout: float, what: str) -> None:
    deadline = time.monotonic() + timeout
    while not done():
        assert time.monotonic() < deadline, f"no {what} within {timeout} s"
        threading.Event().wait(0.05)


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    receiver = Webhook()
    yield receiver
    receiver.close()


def test_a_kill_in_the_middle_of_sending_and_the_container_has_it_after_the_restart(
    tmp_path: Path, webhook: Webhook, phone: Handset
) -> None:
    port = free_port()
    azurite = Azurite(tmp_path / "blobs", port)
    url = f"{azurite.endpoint}/calls/team?{azurite.sas('calls')}"
    stalled = Stalled(port)
    recorded = Recorded(tmp_path, webhook, port)
    server = recorded.server
    try:
        server.start()
        recorded.record(phone, url)
        wait_for(lambda: b"RIFF" in stalled.taken, 30, "sound on its way")
        assert b"PUT /devstoreaccount1/calls/team/" in stalled.taken
        worker = worker_of(server)
        server.kill()
        wait_gone(worker)
        assert recorded.told == []
        stalled.close()
        (local,) = (tmp_path / "state" / "recordings").glob("*/audio.wav")
        azurite.start().make("calls")
        server.start()
        data = recorded.event()
        (chunk,) = data["recordingStorageInfo"]["recordingChunks"]
        assert chunk["endReason"] == "SessionEnded"
        blobs = azurite.blobs("calls")
        sound, metadata = sorted(blobs, key=lambda name: name.endswith(".json"))
        assert sound.startswith("team/")
        assert sound.endswith("/0-acsaudio.wav")
        assert metadata.endswith("/0-acsmetadata.json")
        assert blobs[sound] == local.read_bytes()
        samples, rate = soundfile.read(io.BytesIO(blobs[sound]), dtype="int16")
        assert rate == 16_000
        assert abs(samples).max() > 1_000
        secret = url.partition("sig=")[2].encode()
        assert secret not in server.log.read_bytes()
        server.stop()
        # What had the secret was deleted from the journal, and its pages are given back when it is closed.
        assert secret not in (tmp_path / "state" / "journal.db").read_bytes()
    finally:
        server.stop()
        azurite.stop()


def test_files_leave_the_disk_where_that_is_asked_for(
    tmp_path: Path, webhook: Webhook, phone: Handset, azurite: Azurite
) -> None:
    url = f"{azurite.make('moved')}?{azurite.sas('moved')}"
    recorded = Recorded(tmp_path, webhook, azurite.port, "keep_local = false\nfile_seconds = 1\n")
    with recorded.server:
        recorded.record(phone, url, seconds=3)
        chunks = recorded.event()["recordingStorageInfo"]["recordingChunks"]
        assert chunks[0]["endReason"] == "ChunkMaximumTimeExceeded"
        assert len(azurite.blobs("moved")) == 2 * len(chunks)
        wait_for(lambda: not list((tmp_path / "state/recordings").iterdir()), 10, "empty folder")


def test_what_this_server_sends_nothing_to_is_refused(
    tmp_path: Path, webhook: Webhook, phone: Handset, azurite: Azurite
) -> None:
    recorded = Recorded(tmp_path, webhook, azurite.port)
    with recorded.server:
        for url in ("https://evil.example.org/calls?sig=abc", f"{azurite.endpoint}/calls"):
            with pytest.raises(HttpResponseError) as error:
                recorded.record(phone, url)
            assert (error.value.status_code, error.value.error.code) == (400, "8523")
            phone.play("hangup")
            webhook.forget()
