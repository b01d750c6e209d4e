"""Session timers (RFC 4028) with SIPp at the other end; it grants shorter intervals than is decent."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from sipp_process import Sipp
from system.conftest import System
from test_sipp_callee import Callee, callee, check_success, dial, result  # noqa: F401
from test_sipp_caller import answer_all
from trunk_ports import Trunks

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(shutil.which("sipp") is None, reason="needs SIPp: apt-get install sip-tester"),
]


@pytest.mark.parametrize(
    ("scenario", "refreshes"),
    [("callee_is_refreshed", "UPDATE sip:"), ("callee_is_refreshed_by_invite", "CSeq: 2 INVITE")],
)
def test_we_refresh_the_session(
    system: Trunks,
    callee: Callee,  # noqa: F811
    scenario: str,
    refreshes: str,
) -> None:
    sipp = callee("udp", scenario)
    call = dial(system, "udp")
    result(system, "CallConnected")
    sipp.wait_message(refreshes, 20)
    if refreshes.startswith("UPDATE"):
        sipp.wait_message("CSeq: 3 UPDATE", 20)
    call.hang_up(is_for_everyone=False)
    result(system, "CallDisconnected")
    check_success(sipp)


def test_a_callee_that_does_not_refresh_loses_the_call(system: Trunks, callee: Callee) -> None:  # noqa: F811
    sipp = callee("udp", "callee_forgets_to_refresh")
    dial(system, "udp")
    ended = result(system, "CallDisconnected", 30)
    assert ended["code"] == 408
    check_success(sipp)


def test_an_interval_that_is_too_short(system: System, tmp_path: Path) -> None:
    answer_all(system)
    sipp = Sipp("caller_asks_for_a_short_session", tmp_path, remote=f"127.0.0.1:{system.server.sip_port}")
    check_success(sipp)
    system.webhook.wait("CallDisconnected")
