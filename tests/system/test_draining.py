"""A server with a call is told to end: the call goes on, new ones are refused, then it is gone."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from azure.communication.callautomation import CallAutomationClient, PhoneNumberIdentifier
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import HttpResponseError
from system.audio import wav
from system.conftest import System
from system.handset import Handset
from system.harness import ACCESS_KEY, NUMBER, Server, Webhook
from system.processes import wait_gone, worker_of
from system.test_worker_dies import call_in, server_ready, wait_ready

KEY = {"Authorization": f"Bearer {ACCESS_KEY}"}


@pytest.fixture
def own_system(tmp_path: Path) -> Iterator[System]:
    """A server that may be ended."""
    webhook = Webhook()
    webhook.files["/short.wav"] = wav(0.3)
    try:
        with Server(tmp_path, webhook, drain_seconds=60) as server:
            yield System(server, webhook, "", tmp_path)
            if server.process is not None and server.process.poll() is None:
                server.kill()
    finally:
        webhook.close()


def media(server: Server) -> dict[str, Any]:
    return requests.get(f"{server.url}/hookflash/media", headers=KEY, timeout=10).json()  # type: ignore[no-any-return]


def test_on_sigterm_a_call_goes_on_and_the_server_ends_with_it(own_system: System, phone: Handset) -> None:
    system, server, webhook = own_system, own_system.server, own_system.webhook
    call_in(system, phone, "first")
    assert server.process is not None
    server.process.terminate()
    wait_for(lambda: not server_ready(server))
    ready = requests.get(f"{server.url}/hookflash/ready", timeout=10)
    assert "being drained, by SIGTERM" in ready.json()["problems"][0]

    status, headers = invite(server)
    assert status == 503
    assert 10 <= int(headers["retry-after"]) <= 15

    client = CallAutomationClient(server.url, AzureKeyCredential(ACCESS_KEY), retry_total=0)
    with pytest.raises(HttpResponseError) as refused:
        client.create_call(
            PhoneNumberIdentifier("+14255550999"),
            f"{webhook.url}/callbacks",
            source_caller_id_number=PhoneNumberIdentifier(NUMBER),
        )
    assert refused.value.status_code == 503
    assert refused.value.error is not None
    assert refused.value.error.code == "Stopping"
    assert 10 <= int(refused.value.response.headers["Retry-After"]) <= 15  # type: ignore[union-attr]

    phone.play("press 1; wait 0.2; hangup")
    webhook.wait("CallDisconnected", operationContext="first")
    assert server.process.wait(20) == 0
    log = server.log.read_text()
    assert "leg closed" in log
    assert "draining, by SIGTERM" in log


def test_a_second_signal_ends_the_call_at_once(own_system: System, phone: Handset) -> None:
    server, webhook = own_system.server, own_system.webhook
    call_in(own_system, phone, "first")
    assert server.process is not None
    server.process.send_signal(signal.SIGINT)
    wait_for(lambda: not server_ready(server))
    began = time.monotonic()
    server.process.terminate()
    ended = webhook.wait("CallDisconnected", operationContext="first")
    assert "being stopped" in ended["resultInformation"]["message"]
    assert server.process.wait(20) == 0
    assert time.monotonic() - began < 30


def test_a_drain_by_command_can_be_called_off_and_ends_calls_when_its_time_is_up(
    own_system: System, phone: Handset
) -> None:
    server, webhook = own_system.server, own_system.webhook
    call_in(own_system, phone, "first")
    url = f"{server.url}/hookflash/drain"
    assert requests.post(url, headers=KEY, timeout=10).json()["calls"] == 1
    assert not server_ready(server)
    assert requests.delete(url, headers=KEY, timeout=10).status_code == 204
    assert server_ready(server)
    assert requests.post(url, headers=KEY, json={"seconds": 0.5}, timeout=10).status_code == 202
    webhook.wait("CallDisconnected", operationContext="first")
    assert server.process is not None
    assert server.process.wait(20) == 0


def test_a_drained_worker_is_replaced_after_its_call(own_system: System, phone: Handset) -> None:
    server, webhook = own_system.server, own_system.webhook
    call_in(own_system, phone, "first")
    worker = worker_of(server)
    shown = media(server)["workers"][0]
    assert (shown["pid"], shown["state"], shown["legs"], shown["starts"]) == (worker, "ready", 2, 1)
    legs = requests.get(f"{server.url}/hookflash/media/legs", headers=KEY, timeout=10).json()["value"]
    assert sorted(leg["kind"] for leg in legs) == ["app", "phone"]
    (row,) = [leg for leg in legs if leg["kind"] == "phone"]
    assert row["codec"] in ("PCMU", "PCMA", "G722")
    assert row["remote"].startswith("127.0.0.1:")
    assert row["callConnectionIds"]

    answer = requests.post(f"{server.url}/hookflash/media/workers/0:drain", headers=KEY, timeout=10)
    assert answer.json()["state"] == "draining"
    assert invite(server)[0] == 503
    phone.play("press 1; wait 1.5; hangup")
    webhook.wait("CallDisconnected", operationContext="first")
    wait_gone(worker)
    wait_ready(server)
    assert worker_of(server) != worker
    shown = media(server)
    assert (shown["workers"][0]["starts"], shown["totals"]["workersReplaced"]) == (2, 1)
    assert shown["totals"]["workersLost"] == 0
    assert shown["totals"]["legsClosed"] == 2
    text = requests.get(f"{server.url}/hookflash/metrics", headers=KEY, timeout=10).text
    assert "hookflash_media_workers_replaced_total 1\n" in text
    call_in(own_system, phone, "second")
    phone.play("hangup")
    webhook.wait("CallDisconnected", operationContext="second")


def wait_for(condition: Any, timeout: float = 10) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline
        threading.Event().wait(0.05)


def invite(server: Server) -> tuple[int, dict[str, str]]:
    """The final answer to an INVITE, with its headers in lower case."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.bind(("127.0.0.1", 0))
        phone.settimeout(10)
        port = phone.getsockname()[1]
        tag = os.urandom(6).hex()
        sdp = (
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
            f"m=audio {port} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
        )
        head = (
            f"INVITE sip:{NUMBER}@127.0.0.1:{server.sip_port} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK{tag}\r\n"
            f"From: <sip:+14255550177@127.0.0.1>;tag={tag}\r\nTo: <sip:{NUMBER}@127.0.0.1>\r\n"
            f"Call-ID: {tag}@127.0.0.1\r\nCSeq: 1 INVITE\r\nContact: <sip:x@127.0.0.1:{port}>\r\n"
            f"Max-Forwards: 70\r\nContent-Type: application/sdp\r\nContent-Length: {len(sdp)}\r\n\r\n"
        )
        phone.sendto((head + sdp).encode(), ("127.0.0.1", server.sip_port))
        while True:
            lines = phone.recv(65536).decode().split("\r\n")
            status = int(lines[0].split()[1])
            if status >= 200:
                pairs = (line.partition(":") for line in lines[1:] if ":" in line)
                return status, {name.lower(): value.strip() for name, _, value in pairs}
