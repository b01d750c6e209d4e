"""The media worker is killed during a call: apps are told, the log says so, the next call works."""

from __future__ import annotations

import os
import signal
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.communication.callautomation import CallConnectionClient, FileSource, PhoneNumberIdentifier
from system.conftest import System, wav
from system.handset import Handset
from system.harness import Server, Webhook
from system.processes import worker_of

CALLER = PhoneNumberIdentifier("+14255550123")


@pytest.fixture
def own_system(tmp_path: Path) -> Iterator[System]:
    """A server that may be hurt."""
    webhook = Webhook()
    webhook.files["/long.wav"] = wav(8)
    webhook.files["/short.wav"] = wav(0.3)
    try:
        with Server(tmp_path, webhook) as server:
            yield System(server, webhook, "", tmp_path)
    finally:
        webhook.close()


def call_in(system: System, phone: Handset, context: str) -> CallConnectionClient:
    """A call from the phone, answered and connected."""
    ringing = phone.start(f"dial {system.dial}")
    incoming = system.webhook.incoming.get(timeout=10)
    client = system.client()
    answered = client.answer_call(
        incoming["incomingCallContext"], f"{system.webhook.url}/callbacks", operation_context=context
    )
    ringing.result(10)
    connection = answered.call_connection_id
    system.webhook.wait("CallConnected", callConnectionId=connection)
    return client.get_call_connection(connection)


def test_a_killed_worker_ends_its_calls_and_the_next_call_works(own_system: System, phone: Handset) -> None:
    system, webhook = own_system, own_system.webhook
    call = call_in(system, phone, "first")
    connection = call.get_call_properties().call_connection_id
    call.start_continuous_dtmf_recognition(CALLER, operation_context="keys")
    call.play_media(FileSource(url=f"{webhook.url}/long.wav"), operation_context="play")
    webhook.wait("PlayStarted", operationContext="play")

    worker = worker_of(system.server)
    os.kill(worker, signal.SIGKILL)

    ended = webhook.wait("CallDisconnected", callConnectionId=connection)
    assert ended["operationContext"] == "first"
    assert (ended["resultInformation"]["code"], ended["resultInformation"]["subCode"]) == (500, 9999)
    assert "media worker" in ended["resultInformation"]["message"]
    failed = webhook.wait("PlayFailed", operationContext="play")
    assert failed["resultInformation"]["code"] == 500
    listening = webhook.wait("ContinuousDtmfRecognitionToneFailed", operationContext="keys")
    assert listening["resultInformation"]["code"] == 500
    names = webhook.names(connection)
    assert names[-1] == "CallDisconnected"
    assert names.count("CallDisconnected") == 1
    phone.play("expect hangup")
    log = system.server.log.read_text()
    assert "media worker 0 is gone" in log
    assert "another one is started" in log

    wait_ready(system.server)
    assert worker_of(system.server) != worker
    again = call_in(system, phone, "second")
    again.play_media(FileSource(url=f"{webhook.url}/short.wav"), operation_context="again")
    phone.play("expect audio")
    webhook.wait("PlayCompleted", operationContext="again")
    phone.play("hangup")
    webhook.wait("CallDisconnected", operationContext="second")


def wait_ready(server: Server, timeout: float = 60) -> None:
    """Wait until the server takes calls again."""
    deadline = time.monotonic() + timeout
    while not server_ready(server):
        assert time.monotonic() < deadline, "no other worker became ready"
        threading.Event().wait(0.05)


def server_ready(server: Server) -> bool:
    try:
        with urllib.request.urlopen(f"{server.url}/hookflash/ready", timeout=2) as answer:
            return bool(answer.status == 200)
    except urllib.error.HTTPError as error:
        if error.code != 503:
            raise
        return False
