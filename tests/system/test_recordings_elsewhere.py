"""Recordings encrypted at rest and kept in a bucket: the unmodified SDK fetches them as ever."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
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
from azure.core.exceptions import HttpResponseError
from recording.s3_fake import KEY, KEY_ID, FakeS3
from system import certificates
from system.conftest import CONTENT_HOST
from system.handset import Handset
from system.harness import ACCESS_KEY, NUMBER, Server, Webhook

from hookflash.loopback import free_port

MAGIC = b"HFSEAL1\0"
RECORDING = """
[[subscription]]
name = "files"
resource = "tests"
endpoint = "{webhook}/incoming-files"
event_types = ["RecordingFileStatusUpdated"]
[recording]
content_url = "https://{host}:{port}"
encryption_key_file = "seal.key"
"""
BUCKET = """
storage = "s3://recordings/calls"
keep_local = false
[[storage]]
url = "s3://recordings"
credential = "key"
key_env = "TEST_S3_KEY"
key_id_env = "TEST_S3_KEY_ID"
endpoint = "{endpoint}"
region = "eu-central-1"
"""


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[FakeS3, str]]:
    """A bucket, in a thread of its own."""
    monkeypatch.setenv("TEST_S3_KEY", KEY)
    monkeypatch.setenv("TEST_S3_KEY_ID", KEY_ID)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def made() -> tuple[FakeS3, str]:
        fake = FakeS3("recordings")
        return fake, await fake.start()

    fake, endpoint = asyncio.run_coroutine_threadsafe(made(), loop).result(20)
    yield fake, endpoint
    asyncio.run_coroutine_threadsafe(fake.close(), loop).result(20)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture(autouse=True)
def private_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name leads to this machine, as a private zone or a line in the hosts file would have it."""
    resolve = socket.getaddrinfo

    def resolved(host: Any, *args: Any, **options: Any) -> Any:
        return resolve("127.0.0.1" if host == CONTENT_HOST else host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolved)


class Site:
    """A server over https with a key for its recordings."""

    def __init__(self, folder: Path, webhook: Webhook, extra: str = "") -> None:
        ca, certificate, key = certificates.make(folder)
        port = free_port()
        (folder / "seal.key").write_bytes(base64.b64encode(bytes(range(32))))
        (folder / "seal.key").chmod(0o600)
        text = RECORDING.format(webhook=webhook.url, host=CONTENT_HOST, port=port) + extra
        self.server = Server(
            folder,
            webhook,
            text,
            tls_bind=f"127.0.0.1:{port}",
            tls_cert=str(certificate),
            tls_key=str(key),
        )
        self.sdk = CallAutomationClient(
            f"https://127.0.0.1:{port}", AzureKeyCredential(ACCESS_KEY), connection_verify=str(ca)
        )
        self.folder = folder / "state" / "recordings"
        self.webhook = webhook
        self.told: list[dict[str, Any]] = []
        webhook.on_incoming = self._incoming

    def _incoming(self, data: dict[str, Any]) -> None:
        if "incomingCallContext" in data:
            self.sdk.answer_call(data["incomingCallContext"], f"{self.webhook.url}/callbacks")
        else:
            self.told.append(data)

    def record(self, phone: Handset) -> dict[str, Any]:
        """A call in which a phone says a tone; what is told of its one file."""
        phone.play(f"dial sip:{NUMBER}@127.0.0.1:{self.server.sip_port}")
        connected = self.webhook.wait("CallConnected")
        self.sdk.start_recording(
            call_connection_id=connected["callConnectionId"],
            recording_content_type=RecordingContent.AUDIO,
            recording_channel_type=RecordingChannel.MIXED,
            recording_format_type=RecordingFormat.WAV,
            recording_state_callback_url=f"{self.webhook.url}/recording",
        )
        self.webhook.wait("RecordingStateChanged", state="active")
        phone._loop.call_soon_threadsafe(phone.phone.audio.say, np.full(8_000, 5_000, np.int16))
        phone.play("wait 1.2; hangup")
        wait_for(lambda: bool(self.told), "the event")
        (chunk,) = self.told[0]["recordingStorageInfo"]["recordingChunks"]
        assert isinstance(chunk, dict)
        return chunk

    def fetch(self, url: str, **options: int) -> bytes:
        return b"".join(self.sdk.download_recording(url, **options).iter_bytes())

    def check(self, chunk: dict[str, Any]) -> bytes:
        """The SDK gets the sound, in ranges too, and the metadata; the sound."""
        whole = self.fetch(chunk["contentLocation"])
        samples, rate = soundfile.read(io.BytesIO(whole), dtype="int16")
        assert rate == 16_000
        assert len(samples) > 16_000
        assert abs(samples).max() > 1_000
        for at in (4_096, 16_384 + 44 - 1_000):
            piece = self.fetch(chunk["contentLocation"], offset=at, length=4_096)
            assert piece == whole[at : at + 4_096]
        assert self.fetch(chunk["contentLocation"], offset=len(whole) - 10) == whole[-10:]
        metadata = json.loads(self.fetch(chunk["metadataLocation"]))
        assert metadata["chunkDuration"] == round(len(samples) / 16)
        return whole


def wait_for(done: Callable[[], bool], what: str, timeout: float = 30) -> None:
    deadline = time.monotonic() + timeout
    while not done():
        assert time.monotonic() < deadline, f"no {what} within {timeout} s"
        threading.Event().wait(0.05)


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    receiver = Webhook()
    yield receiver
    receiver.close()


def hides(data: bytes, sound: bytes) -> bool:
    """Whether a file has nothing of the sound or of who said it in clear."""
    samples = np.frombuffer(sound[44:], "<i2")
    loud = int(np.argmax(abs(samples) > 1_000))
    spoken = samples[loud : loud + 160].tobytes()
    return data.startswith(MAGIC) and not any(
        word in data for word in (b"RIFF", b"participantId", b"+14255550123", spoken[:16], spoken)
    )


def test_what_lies_on_the_disk_is_not_what_was_said(tmp_path: Path, webhook: Webhook, phone: Handset) -> None:
    site = Site(tmp_path, webhook)
    with site.server:
        chunk = site.record(phone)
        sound = site.check(chunk)
        files = [path for path in site.folder.rglob("*") if path.is_file()]
        assert sorted(path.name for path in files) == ["audio.wav", "metadata.json"]
        assert all(hides(path.read_bytes(), sound) for path in files)
        # Somebody changes one bit of it.
        (path,) = site.folder.rglob("audio.wav")
        raw = bytearray(path.read_bytes())
        raw[200] ^= 1
        path.write_bytes(raw)
        with pytest.raises(HttpResponseError) as error:
            site.fetch(chunk["contentLocation"])
        assert error.value.status_code == 500
        assert "was changed: segment 0 does not open" in site.server.log.read_text()


@pytest.mark.slow
def test_a_bucket_has_them_and_they_are_fetched_and_deleted_through_the_server(
    tmp_path: Path, webhook: Webhook, phone: Handset, s3: tuple[FakeS3, str]
) -> None:
    fake, endpoint = s3
    fake.fail = 3  # as many as one attempt makes: it is tried again after some seconds
    site = Site(tmp_path, webhook, BUCKET.format(endpoint=endpoint))
    bucket = fake.buckets["recordings"]
    with site.server:
        chunk = site.record(phone)
        wait_for(lambda: not list(site.folder.iterdir()), "empty folder")
        assert sorted(name.rpartition("-")[2] for name in bucket) == ["acsaudio.wav", "acsmetadata.json"]
        assert all(name.startswith("calls/2") for name in bucket)
        sound = site.check(chunk)
        assert all(hides(data, sound) for data, _ in bucket.values())
        # A restart changes nothing.
        site.server.kill()
        site.server.start()
        assert site.fetch(chunk["contentLocation"]) == sound
        site.sdk.delete_recording(chunk["deleteLocation"])
        assert bucket == {}
        with pytest.raises(HttpResponseError) as error:
            site.fetch(chunk["contentLocation"])
        assert error.value.status_code == 404
        assert len(site.told) == 1
        log = site.server.log.read_text()
        assert "503 Service Unavailable (SlowDown)" in log
        assert KEY not in log


def test_without_its_key_the_server_does_not_start(tmp_path: Path, webhook: Webhook) -> None:
    site = Site(tmp_path, webhook)
    (tmp_path / "seal.key").write_text("")
    with pytest.raises(AssertionError, match="make a key with openssl rand -base64 32"):
        site.server.start()
