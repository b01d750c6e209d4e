"""SIPp changes a session by UPDATE (RFC 3311)."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from sipp_process import Sipp
from system.conftest import System
from test_sipp_callee import check_success
from test_sipp_caller import answer_all

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(shutil.which("sipp") is None, reason="needs SIPp: apt-get install sip-tester"),
]


def test_hold_and_resume_by_update(system: System, tmp_path: Path) -> None:
    """Held and taken back; one offer we cannot take leaves the call as it was."""
    answer_all(system)
    sipp = Sipp("caller_updates", tmp_path, remote=f"127.0.0.1:{system.server.sip_port}")
    check_success(sipp)
    system.webhook.wait("CallDisconnected")
    found = re.findall(
        r"^CSeq: (\d) UPDATE\r?\n(?:\S.*\n)*?\s*\n(?:\S.*\n)*?a=(\w+)\r?$", sipp.received(), re.M
    )
    assert dict(found) == {"2": "recvonly", "4": "sendrecv"}
