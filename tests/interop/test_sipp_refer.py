"""Transfers by the far side: one phone replaces another (RFC 3891); what would make us dial is refused."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from scenario import Caller
from sipp_process import Sipp
from system.conftest import System
from test_sipp_callee import Callee, callee, check_success, dial, result  # noqa: F401
from test_sipp_caller import answer_all
from trunk_ports import Trunks

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(shutil.which("sipp") is None, reason="needs SIPp: apt-get install sip-tester"),
]


def test_a_phone_takes_the_place_of_another(system: Trunks, callee: Callee, tmp_path: Path) -> None:  # noqa: F811
    """The first gets its BYE, the call goes on with the second, and ends when that hangs up."""
    first = callee("udp", "callee_answers")
    dial(system, "udp")
    result(system, "CallConnected")
    first.wait_message("ACK sip")
    (call_id,) = set(re.findall(r"^Call-ID: (\S+)", first.messages(), re.M))
    (ours,) = set(re.findall(r"^From: .*;tag=(\S+)", first.messages(), re.M))
    (theirs,) = set(re.findall(r"^To: .*;tag=(\S+)", first.messages(), re.M))
    second = Sipp(
        "caller_replaces",
        tmp_path / "second",
        remote=f"127.0.0.1:{system.server.sip_port}",
        keys={"replaces": f"{call_id};to-tag={ours};from-tag={theirs}"},
    )
    check_success(first)
    check_success(second)
    result(system, "CallDisconnected")
    assert system.webhook.names() == ["CallConnected", "ParticipantsUpdated", "CallDisconnected"]


def test_what_we_do_not_do_is_refused_and_the_call_goes_on(system: System, tmp_path: Path) -> None:
    answer_all(system)
    remote = f"127.0.0.1:{system.server.sip_port}"
    check_success(Sipp("caller_asks_for_what_is_not_there", tmp_path, remote=remote))
    system.webhook.wait("CallDisconnected")


@pytest.mark.parametrize(
    ("early", "known", "status"),
    [("", False, 481), (";early-only", True, 486)],
    ids=["unknown", "early-only"],
)
def test_what_cannot_be_replaced_is_refused(
    system: Trunks,
    callee: Callee,  # noqa: F811
    tmp_path: Path,
    early: str,
    known: bool,
    status: int,
) -> None:
    """A dialog there is not, or one that was answered: the call goes on."""
    first = callee("udp", "callee_answers")
    call = dial(system, "udp")
    result(system, "CallConnected")
    first.wait_message("ACK sip")
    (call_id,) = set(re.findall(r"^Call-ID: (\S+)", first.messages(), re.M))
    (ours,) = set(re.findall(r"^From: .*;tag=(\S+)", first.messages(), re.M))
    (theirs,) = set(re.findall(r"^To: .*;tag=(\S+)", first.messages(), re.M))
    dialog = f"{call_id};to-tag={ours};from-tag={theirs}" if known else "unknown;to-tag=x;from-tag=y"
    phone = Caller()
    phone.invite("Require: replaces", f"Replaces: {dialog}{early}")
    phone.receive(100, optional=True)
    phone.receive(status)
    phone.ack_failure()
    check_success(Sipp(phone, tmp_path / "second", remote=f"127.0.0.1:{system.server.sip_port}"))
    call.hang_up(is_for_everyone=True)
    result(system, "CallDisconnected")
    check_success(first)
