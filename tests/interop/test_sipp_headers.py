"""Who calls, and the headers of apps, both ways with SIPp at the other end."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from azure.communication.callautomation import PhoneNumberIdentifier
from sipp_process import Sipp
from system.conftest import System
from system.harness import NUMBER
from test_sipp_callee import Callee, callee, check_success, dial, result  # noqa: F401
from test_sipp_caller import answer_all
from trunk_ports import Trunks

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(shutil.which("sipp") is None, reason="needs SIPp: apt-get install sip-tester"),
]


def test_the_app_is_told_who_calls_and_gets_its_headers(system: System, tmp_path: Path) -> None:
    answer_all(system)
    remote = f"127.0.0.1:{system.server.sip_port}"
    check_success(Sipp("caller_says_who_it_is", tmp_path, remote=remote))
    incoming = system.webhook.incoming.get(timeout=10)
    assert incoming["from"]["phoneNumber"]["value"] == "+13605550123"
    headers = {name.lower(): value for name, value in incoming["customContext"]["sipHeaders"].items()}
    assert headers == {
        "user-to-user": "0048656c6c6f;encoding=hex",
        "x-ms-custom-order": "4711",
        "x-lower": "yes",
    }
    ended = system.webhook.wait("CallDisconnected")["resultInformation"]
    assert ended["q850Details"]["code"] == 31


def test_the_trunk_is_told_who_calls_and_gets_the_headers_of_the_app(
    system: Trunks,
    callee: Callee,  # noqa: F811
) -> None:
    first, second = callee("udp", "callee_answers"), callee("info", "callee_is_told_who_calls")
    call = dial(system, "udp")
    result(system, "CallConnected")
    call.add_participant(
        PhoneNumberIdentifier(system.number("info")),
        source_caller_id_number=PhoneNumberIdentifier(NUMBER),
        operation_context="out",
        sip_headers={"X-MS-Custom-Order": "4711", "User-To-User": "00480065"},
    )
    result(system, "AddParticipantSucceeded")
    call.hang_up(is_for_everyone=True)
    result(system, "CallDisconnected")
    check_success(first)
    check_success(second)
