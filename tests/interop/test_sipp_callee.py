"""The app calls numbers behind trunks, where SIPp takes the call: or does not."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.communication.callautomation import CallConnectionClient, PhoneNumberIdentifier
from sipp_process import Sipp
from system.conftest import System
from system.harness import NUMBER
from trunk_ports import PASSWORD, USERNAME, Trunks

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(shutil.which("sipp") is None, reason="needs SIPp: apt-get install sip-tester"),
]
TRUNKS = pytest.mark.parametrize("trunk", ["udp", "tcp"])
Callee = Callable[..., Sipp]


@pytest.fixture
def callee(system: Trunks, tmp_path: Path) -> Iterator[Callee]:
    """Starts SIPp where a trunk leads to."""
    running: list[Sipp] = []

    def start(trunk: str, scenario: str, **options: Any) -> Sipp:
        transport = "t1" if trunk == "tcp" else "u1"
        sipp = Sipp(
            scenario,
            tmp_path / str(len(running)),
            port=system.ports[trunk],
            transport=transport,
            **options,
        )
        running.append(sipp)
        sipp.wait_listening()
        return sipp

    yield start
    for sipp in running:
        sipp.stop()


def dial(system: Trunks, trunk: str) -> CallConnectionClient:
    """Call a number on the trunk."""
    client = system.client()
    call = client.create_call(
        PhoneNumberIdentifier(system.number(trunk)),
        f"{system.webhook.url}/callbacks",
        source_caller_id_number=PhoneNumberIdentifier(NUMBER),
        operation_context="out",
    )
    assert call.call_connection_state == "connecting"
    return client.get_call_connection(call.call_connection_id)


def result(system: System, name: str, timeout: float = 15) -> dict[str, Any]:
    """The resultInformation of an event of this type."""
    data = system.webhook.wait(name, timeout, operationContext="out")
    found: dict[str, Any] = data["resultInformation"]
    return found


def check_success(sipp: Sipp, calls: int = 1) -> None:
    verdict = sipp.finish()
    assert (verdict.successful, verdict.failed) == (calls, 0), verdict.output


@TRUNKS
def test_the_callee_answers_and_we_hang_up(system: Trunks, callee: Callee, trunk: str) -> None:
    sipp = callee(trunk, "callee_answers")
    call = dial(system, trunk)
    assert result(system, "CallConnected") == {"code": 200, "subCode": 0, "message": ""}
    participants = {one.identifier.raw_id for one in call.list_participants()}
    assert f"4:{system.number(trunk)}" in participants
    assert len(participants) == 2
    call.hang_up(is_for_everyone=False)
    ended = result(system, "CallDisconnected")
    assert (ended["code"], ended["subCode"]) == (200, 7000)
    check_success(sipp)
    assert system.webhook.names() == ["CallConnected", "ParticipantsUpdated", "CallDisconnected"]


@TRUNKS
def test_the_callee_answers_and_hangs_up(system: Trunks, callee: Callee, trunk: str) -> None:
    sipp = callee(trunk, "callee_answers_and_hangs_up", options=("-d", "300"))
    dial(system, trunk)
    ended = result(system, "CallDisconnected")
    assert (ended["code"], ended["subCode"]) == (200, 560000)
    assert ended["q850Details"]["code"] == 16
    check_success(sipp)
    assert system.webhook.names() == ["CallConnected", "ParticipantsUpdated", "CallDisconnected"]


@TRUNKS
@pytest.mark.parametrize(
    ("scenario", "status", "reason"),
    [
        ("callee_busy", 486, "Busy Here"),
        ("callee_declines", 603, "Decline"),
        ("callee_not_found", 404, "Not Found"),
    ],
)
def test_the_callee_refuses(
    system: Trunks, callee: Callee, trunk: str, scenario: str, status: int, reason: str
) -> None:
    sipp = callee(trunk, scenario)
    dial(system, trunk)
    failed = result(system, "CreateCallFailed")
    assert (failed["code"], failed["subCode"]) == (status, 560000 + status)
    assert failed["sipDetails"] == {"code": status, "message": reason}
    ended = result(system, "CallDisconnected")
    assert (ended["code"], ended["subCode"]) == (failed["code"], failed["subCode"])
    check_success(sipp)
    assert system.webhook.names() == ["CreateCallFailed", "CallDisconnected"]


@TRUNKS
@pytest.mark.parametrize("everyone", [False, True], ids=["hang-up", "terminate"])
def test_we_hang_up_while_it_rings(system: Trunks, callee: Callee, trunk: str, everyone: bool) -> None:
    sipp = callee(trunk, "callee_rings")
    call = dial(system, trunk)
    sipp.wait_message("180 Ringing")
    call.hang_up(is_for_everyone=everyone)
    ended = result(system, "CallDisconnected")
    assert (ended["code"], ended["subCode"]) == (200, 7000)
    check_success(sipp)  # it had its CANCEL, and its 487 an ACK
    assert "CallConnected" not in system.webhook.names()


@pytest.mark.parametrize("status", [401, 407])
def test_a_trunk_that_wants_credentials(system: Trunks, callee: Callee, status: int) -> None:
    """SIPp verifies what answers a 401, this test what answers a 407."""
    keys = {"username": USERNAME, "password": PASSWORD}
    sipp = callee("digest", f"callee_challenges_{status}", keys=keys)
    call = dial(system, "digest")
    result(system, "CallConnected")
    call.hang_up(is_for_everyone=True)
    result(system, "CallDisconnected")
    check_success(sipp)
    if status == 407:
        check_proxy_authorization(sipp.messages())


def check_proxy_authorization(messages: str) -> None:
    """The responses of RFC 7616 section 3.4.1 with MD5 and qop=auth, computed anew."""
    checked = []
    for method, uri, message in re.findall(r"^([A-Z]+) (\S+) SIP/2.0\r?$(.+?)^-----", messages, re.M | re.S):
        for line in re.findall(r"^Proxy-Authorization: Digest (.+?)\r?$", message, re.M):
            found = re.findall(r'(\w+)=(?:"([^"]*)"|([^\s,]+))', line)
            given = {name: quoted or bare for name, quoted, bare in found}
            assert (given["username"], given["qop"]) == (USERNAME, "auth")
            secret = md5(f"{USERNAME}:{given['realm']}:{PASSWORD}")
            shared = f"{given['nonce']}:{given['nc']}:{given['cnonce']}:auth"
            # An ACK repeats the credentials of its INVITE (RFC 3261 section 22.1).
            signed = "INVITE" if method == "ACK" else method
            assert method == "ACK" or given["uri"] == uri
            hashed = md5(f"{signed}:{given['uri']}")
            assert given["response"] == md5(f"{secret}:{shared}:{hashed}"), method
            checked.append(method)
    assert "INVITE" in checked


def md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def test_a_trunk_that_does_not_take_our_credentials(system: Trunks, callee: Callee) -> None:
    keys = {"username": USERNAME, "password": "another"}
    sipp = callee("digest", "callee_challenges_401", keys=keys)
    dial(system, "digest")
    failed = result(system, "CreateCallFailed")
    assert (failed["code"], failed["subCode"]) == (403, 560403)
    assert failed["sipDetails"]["message"] == "Wrong Credentials"
    result(system, "CallDisconnected")
    check_success(sipp)


def test_who_says_nothing_is_given_up(system: Trunks, callee: Callee, tmp_path: Path) -> None:
    """A callee that does not respond, a caller that does not acknowledge: 64*T1, 32 seconds (RFC 3261)."""
    sipp = callee("udp", "callee_silent")
    dial(system, "udp")
    caller = Sipp(
        "caller_never_acknowledges", tmp_path / "caller", remote=f"127.0.0.1:{system.server.sip_port}"
    )
    try:
        incoming = system.webhook.incoming.get(timeout=10)
        answered = system.client().answer_call(
            incoming["incomingCallContext"], f"{system.webhook.url}/callbacks", operation_context="in"
        )

        failed = result(system, "CreateCallFailed", 40)
        assert (failed["code"], failed["subCode"]) == (408, 560408)
        assert failed["message"]
        assert result(system, "CallDisconnected")["subCode"] == 560408
        check_success(sipp)

        late = system.webhook.wait("AnswerFailed", operationContext="in")["resultInformation"]
        assert (late["code"], late["subCode"]) == (400, 8586)  # "incoming call not acknowledged"
        check_success(caller)  # it had a BYE
        assert system.webhook.names(answered.call_connection_id) == ["AnswerFailed"]
    finally:
        caller.stop()


def test_nobody_at_the_other_end_of_a_tcp_trunk(system: Trunks) -> None:
    dial(system, "tcp")
    failed = result(system, "CreateCallFailed")
    assert (failed["code"], failed["subCode"]) == (503, 560503)
    result(system, "CallDisconnected")
