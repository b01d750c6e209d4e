"""Reliable provisional responses (RFC 3262) with SIPp at the other end, both ways."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from queue import Queue

import pytest
from sipp_process import Sipp
from system.conftest import System
from test_sipp_callee import Callee, callee, check_success, dial, result  # noqa: F401
from trunk_ports import Trunks

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(shutil.which("sipp") is None, reason="needs SIPp: apt-get install sip-tester"),
]


def test_a_caller_that_requires_them(system: System, tmp_path: Path) -> None:
    """Its PRACK comes late: the 180 is repeated until then."""
    contexts: Queue[str] = Queue()
    system.webhook.on_incoming = lambda data: contexts.put(data["incomingCallContext"])
    sipp = Sipp("caller_requires_reliable", tmp_path, remote=f"127.0.0.1:{system.server.sip_port}")
    sipp.wait_message("PRACK sip")
    system.client().answer_call(contexts.get(timeout=10), f"{system.webhook.url}/callbacks")
    check_success(sipp)
    system.webhook.wait("CallDisconnected")
    numbers = re.findall(r"^RSeq: (\d+)\r?$", sipp.received(), re.M)
    assert len(numbers) >= 2
    assert len(set(numbers)) == 1


def test_a_callee_that_sends_them(system: Trunks, callee: Callee) -> None:  # noqa: F811
    """The answer came in its 183; its 200 has none, and the call is up all the same."""
    sipp = callee("udp", "callee_rings_reliably")
    call = dial(system, "udp")
    assert result(system, "CallConnected")["code"] == 200
    call.hang_up(is_for_everyone=False)
    result(system, "CallDisconnected")
    check_success(sipp)
