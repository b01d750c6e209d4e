"""SIPp offers more than we take, and nothing at all."""

from __future__ import annotations

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


@pytest.mark.parametrize("scenario", ["caller_offers_everything", "caller_offers_nothing"])
def test_a_call_comes_up_and_goes_on(system: System, tmp_path: Path, scenario: str) -> None:
    answer_all(system)
    check_success(Sipp(scenario, tmp_path, remote=f"127.0.0.1:{system.server.sip_port}"))
    system.webhook.wait("CallDisconnected")
    assert system.webhook.names() == ["CallConnected", "ParticipantsUpdated", "CallDisconnected"]
