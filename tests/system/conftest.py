"""One real server for the system tests, with http and https, and fresh phones and webhooks a test."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile
from azure.communication.callautomation import CallAutomationClient
from azure.core.credentials import AzureKeyCredential
from system import certificates
from system.handset import Handset
from system.harness import ACCESS_KEY, NUMBER, Server, Webhook, free_port


@dataclass
class System:
    """A running server, its app's webhook, and the CA that its certificate hangs on."""

    server: Server
    webhook: Webhook
    https_url: str
    ca: Path

    @property
    def dial(self) -> str:
        """The SIP URI of the app's number."""
        return f"sip:{NUMBER}@127.0.0.1:{self.server.sip_port}"

    def client(self) -> CallAutomationClient:
        """The official client, over plain http."""
        return CallAutomationClient(self.server.url, AzureKeyCredential(ACCESS_KEY))


def wav(seconds: float, rate: int = 16000, frequency: float = 440.0) -> bytes:
    """A WAV file with a tone, 16-bit mono."""
    import io

    out = io.BytesIO()
    t = np.arange(int(seconds * rate)) / rate
    samples = (8000 * np.sin(2 * np.pi * frequency * t)).astype(np.int16)
    soundfile.write(out, samples, rate, format="WAV", subtype="PCM_16")
    return out.getvalue()


@pytest.fixture(scope="session")
def running_system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    folder = tmp_path_factory.mktemp("system")
    ca, certificate, key = certificates.make(folder)
    https_port = free_port()
    webhook = Webhook()
    webhook.files["/short.wav"] = wav(0.3)
    webhook.files["/long.wav"] = wav(8)
    webhook.files["/narrow.wav"] = wav(0.3, 8000)
    try:
        with Server(
            folder,
            webhook,
            tls_bind=f"127.0.0.1:{https_port}",
            tls_cert=str(certificate),
            tls_key=str(key),
        ) as server:
            yield System(server, webhook, f"https://127.0.0.1:{https_port}", ca)
    finally:
        webhook.close()


@pytest.fixture
def system(running_system: System) -> Iterator[System]:
    """The server, with nothing left of the test before."""
    webhook = running_system.webhook
    webhook.forget()
    yield running_system
    webhook.on_incoming = webhook.on_event = None
    webhook.statuses.clear()


@pytest.fixture
def phone() -> Iterator[Handset]:
    handset = Handset()
    yield handset
    handset.close()
