"""SIPp calls in, an app on the official SDK answers: a thousand calls at twenty a second, none failed."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import sipp_process
from system.conftest import System

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(shutil.which("sipp") is None, reason="needs SIPp: apt-get install sip-tester"),
]


def test_a_thousand_calls_at_twenty_a_second(system: System, tmp_path: Path) -> None:
    client = system.client()

    def answer(incoming: dict[str, Any]) -> None:
        client.answer_call(incoming["incomingCallContext"], f"{system.webhook.url}/callbacks")

    system.webhook.on_incoming = answer
    verdict = sipp_process.run(
        "uac",
        tmp_path,
        remote=f"127.0.0.1:{system.server.sip_port}",
        calls=1000,
        rate=20,
        options=("-d", "2000"),
    )
    assert verdict.failed == 0, verdict.output
    assert verdict.successful == 1000, verdict.output
    system.webhook.wait_count("CallDisconnected", 1000)
    connections = {event["data"]["callConnectionId"] for event in system.webhook.events()}
    assert len(connections) == 1000
    for connection in connections:
        names = system.webhook.names(connection)
        assert names[-1] == "CallDisconnected", names
        assert names.count("CallDisconnected") == names.count("CallConnected") == 1, names
