"""The official JavaScript SDK records a call, fetches the file whole and in ranges, deletes it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from javascript_app import JavaScriptApp, needs_the_sdk
from system import certificates
from system.conftest import CONTENT_HOST
from system.handset import Handset
from system.harness import ACCESS_KEY, NUMBER, Server, Webhook

from hookflash.loopback import free_port

pytestmark = pytest.mark.interop


@pytest.fixture
def phone() -> Iterator[Handset]:
    handset = Handset()
    yield handset
    handset.close()


def test_a_recording_is_started_fetched_and_deleted(tmp_path: Path, phone: Handset) -> None:
    needs_the_sdk()
    ca, certificate, key = certificates.make(tmp_path)
    https, port = free_port(), free_port()
    webhook = Webhook()
    webhook.url = f"http://127.0.0.1:{port}"  # the subscriptions lead to the app
    extra = (
        f'[recording]\ncontent_url = "https://{CONTENT_HOST}:{https}"\n'
        f'[[subscription]]\nname = "files"\nresource = "tests"\nendpoint = "{webhook.url}/incoming"\n'
        'event_types = ["Microsoft.Communication.RecordingFileStatusUpdated"]\n'
    )
    tls = {"tls_bind": f"127.0.0.1:{https}", "tls_cert": str(certificate), "tls_key": str(key)}
    saved = tmp_path / "download.wav"
    with Server(tmp_path, webhook, extra, **tls) as server:
        app = JavaScriptApp(
            "recordings.mjs",
            f"endpoint=https://127.0.0.1:{https}/;accesskey={ACCESS_KEY}",
            port,
            NODE_EXTRA_CA_CERTS=str(ca),
            CONTENT_HOST=CONTENT_HOST,
            DOWNLOAD=str(saved),
        )
        try:
            app.wait("step", "listening")
            phone.play(f"dial sip:{NUMBER}@127.0.0.1:{server.sip_port}")
            started = app.wait("step", "started")
            assert (started["state"], started["same"]) == ("active", True)
            phone._loop.call_soon_threadsafe(phone.phone.audio.say, np.full(8_000, 5_000, np.int16))
            phone.play("wait 1; hangup")
            fetched = app.wait("step", "fetched")
            samples, rate = soundfile.read(saved, dtype="int16")
            assert rate == fetched["sampleRate"] == 16_000
            assert abs(samples).max() > 1_000
            assert saved.stat().st_size == fetched["saved"] == fetched["length"]
            assert hashlib.sha256(saved.read_bytes()).hexdigest() == fetched["digest"]
            assert fetched["middle"] is fetched["end"] is fetched["sameDocument"] is True
            gone = app.wait("step", "deleted")
            assert (gone["downloading"], gone["deleting"]) == (404, 404)
            assert app.process.wait(10) == 0
        finally:
            app.process.kill()
            app.process.wait()
            webhook.close()
