"""SIPp calls: it gives up, hangs up, is hung up on, repeats itself; over UDP and TCP."""

from __future__ import annotations

import select
import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sipp_process
from azure.core.exceptions import HttpResponseError
from system.conftest import System

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(shutil.which("sipp") is None, reason="needs SIPp: apt-get install sip-tester"),
]
TRANSPORTS = pytest.mark.parametrize("transport", ["u1", "t1"], ids=["udp", "tcp"])
CALLS = 20


def call(system: System, scenario: str, folder: Path, transport: str, **options: Any) -> sipp_process.Verdict:
    """Let SIPp call the app's number."""
    return sipp_process.run(
        scenario,
        folder,
        remote=f"127.0.0.1:{system.server.sip_port}",
        transport=transport,
        **options,
    )


def answer_all(system: System, then: str = "") -> None:
    """Answer every call; at CallConnected do ``then`` with the connection."""
    client = system.client()

    def incoming(data: dict[str, Any]) -> None:
        client.answer_call(data["incomingCallContext"], f"{system.webhook.url}/callbacks")

    def event(name: str, data: dict[str, Any]) -> None:
        if then and name == "CallConnected":
            connection = client.get_call_connection(data["data"]["callConnectionId"])
            connection.hang_up(is_for_everyone=then == "terminate")

    system.webhook.on_incoming = incoming
    system.webhook.on_event = event


def check_whole_calls(system: System, sub_code: int) -> None:
    """As many connections as calls, each connected once and ended once, with this sub-code."""
    system.webhook.wait_count("CallDisconnected", CALLS)
    connections = {event["data"]["callConnectionId"] for event in system.webhook.events()}
    assert len(connections) == CALLS
    assert system.webhook.incoming.qsize() == CALLS
    for connection in connections:
        names = system.webhook.names(connection)
        assert names == ["CallConnected", "ParticipantsUpdated", "CallDisconnected"], names
        ended = system.webhook.wait("CallDisconnected", callConnectionId=connection)
        assert ended["resultInformation"]["code"] == 200
        assert ended["resultInformation"]["subCode"] == sub_code


@TRANSPORTS
def test_the_caller_hangs_up(system: System, tmp_path: Path, transport: str) -> None:
    answer_all(system)
    verdict = call(system, "caller_hangs_up", tmp_path, transport, calls=CALLS, options=("-d", "500"))
    assert (verdict.successful, verdict.failed) == (CALLS, 0), verdict.output
    check_whole_calls(system, 540000)


@TRANSPORTS
@pytest.mark.parametrize("how", ["hang up", "terminate"])
def test_the_app_hangs_up(system: System, tmp_path: Path, transport: str, how: str) -> None:
    answer_all(system, how)
    verdict = call(system, "callee_hangs_up", tmp_path, transport, calls=CALLS)
    assert (verdict.successful, verdict.failed) == (CALLS, 0), verdict.output
    check_whole_calls(system, 7000)


def test_a_caller_that_repeats_everything(system: System, tmp_path: Path) -> None:
    """SIPp loses most of our responses, so that INVITE and BYE come several times, and ACK comes twice."""
    answer_all(system)
    patience = ("-max_invite_retrans", "12", "-max_non_invite_retrans", "12")
    verdict = call(system, "caller_repeats", tmp_path, "u1", calls=CALLS, options=("-d", "500", *patience))
    assert (verdict.successful, verdict.failed) == (CALLS, 0), verdict.output
    assert verdict.retransmissions, "SIPp did not repeat itself"
    check_whole_calls(system, 540000)


def test_a_network_that_delivers_everything_twice(system: System, tmp_path: Path) -> None:
    answer_all(system)
    with doubling_relay(system.server.sip_port) as port:
        verdict = sipp_process.run(
            "caller_hangs_up", tmp_path, remote=f"127.0.0.1:{port}", calls=CALLS, options=("-d", "500")
        )
    assert (verdict.successful, verdict.failed) == (CALLS, 0), verdict.output
    check_whole_calls(system, 540000)


@contextmanager
def doubling_relay(server: int) -> Iterator[int]:
    """A UDP port; what comes to it goes to the server twice, what the server says goes back once."""
    near, far = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    for one in (near, far):
        one.bind(("127.0.0.1", 0))
    done = threading.Event()

    def relay() -> None:
        caller = None
        while not done.is_set():
            for one in select.select([near, far], [], [], 0.1)[0]:
                data, source = one.recvfrom(65536)
                if one is near:
                    caller = source
                    for _ in range(2):
                        far.sendto(data, ("127.0.0.1", server))
                elif caller is not None:
                    near.sendto(data, caller)

    thread = threading.Thread(target=relay)
    thread.start()
    try:
        yield near.getsockname()[1]
    finally:
        done.set()
        thread.join()
        near.close()
        far.close()


@TRANSPORTS
def test_the_caller_cancels(system: System, tmp_path: Path, transport: str) -> None:
    """CANCEL while it rings: 487 to the caller, no event, and answering it later is refused."""
    verdict = call(system, "caller_cancels", tmp_path, transport, calls=5)
    assert (verdict.successful, verdict.failed) == (5, 0), verdict.output
    client = system.client()
    for _ in range(5):
        incoming = system.webhook.incoming.get(timeout=5)
        with pytest.raises(HttpResponseError) as refusal:
            client.answer_call(incoming["incomingCallContext"], f"{system.webhook.url}/callbacks")
        assert refusal.value.status_code == 404
        assert refusal.value.error is not None
        assert refusal.value.error.code == "8522"
        assert "the caller is gone" in (refusal.value.error.message or "")
    assert system.webhook.names() == []
