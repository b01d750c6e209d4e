"""What crosses on the wire, with SIPp at the other end: forks that answer, CANCEL and 200."""

from __future__ import annotations

import shutil
from pathlib import Path
from queue import Queue

import pytest
from scenario import Callee, Caller, sdp
from sipp_process import Sipp
from system.conftest import System
from test_sipp_callee import Callee as Start
from test_sipp_callee import callee, check_success, dial, result  # noqa: F401
from test_sipp_caller import answer_all
from trunk_ports import Trunks

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(shutil.which("sipp") is None, reason="needs SIPp: apt-get install sip-tester"),
]


def test_of_two_forks_that_answer_the_first_has_the_call(system: Trunks, callee: Start) -> None:  # noqa: F811
    """Each fork rings with a To tag of its own; the second 200 gets its ACK and then a BYE."""
    phone = Callee()
    phone.called()
    phone.respond("180 Ringing", tag="a")
    phone.respond("183 Session Progress", tag="b", body=sdp())
    phone.respond("180 Ringing", tag="c")
    phone.pause(200)
    phone.respond("200 OK", tag="a", body=sdp())
    phone.receive("ACK", To=";tag=[0-9]+a")
    phone.respond("200 OK", tag="b", body=sdp())
    phone.receive("ACK", To=";tag=[0-9]+b")
    phone.takes("BYE", To=";tag=[0-9]+b")
    phone.takes("BYE", To=";tag=[0-9]+a")
    sipp = callee("udp", phone)
    call = dial(system, "udp")
    result(system, "CallConnected")
    sipp.wait_message("BYE sip")
    assert len(list(call.list_participants())) == 2
    call.hang_up(is_for_everyone=True)
    result(system, "CallDisconnected")
    check_success(sipp)
    assert system.webhook.names() == ["CallConnected", "ParticipantsUpdated", "CallDisconnected"]


def test_our_cancel_crosses_the_200(system: Trunks, callee: Start) -> None:  # noqa: F811
    """The callee has answered when our CANCEL comes: it gets its ACK and a BYE."""
    phone = Callee()
    phone.called()
    phone.respond("180 Ringing")
    phone.takes("CANCEL")
    phone.respond("200 OK", body=sdp())
    phone.receive("ACK")
    phone.takes("BYE")
    sipp = callee("udp", phone)
    call = dial(system, "udp")
    sipp.wait_message("180 Ringing")
    call.hang_up(is_for_everyone=True)
    assert result(system, "CallDisconnected")["subCode"] == 7000
    check_success(sipp)
    assert "CallConnected" not in system.webhook.names()


def test_our_200_crosses_the_cancel(system: System, tmp_path: Path) -> None:
    """We have answered when the caller's CANCEL comes: it changes nothing, and the caller hangs up."""
    answer_all(system)
    phone = Caller()
    phone.invite()
    phone.rings()
    phone.receive(200)
    phone.cancel()
    phone.receive(200, CSeq="CANCEL")
    phone.ack()
    phone.pause(200)
    phone.hang_up()
    check_success(Sipp(phone, tmp_path, remote=f"127.0.0.1:{system.server.sip_port}"))
    assert system.webhook.wait("CallDisconnected")["resultInformation"]["subCode"] == 540000
    assert system.webhook.names() == ["CallConnected", "ParticipantsUpdated", "CallDisconnected"]


def test_a_cancel_that_comes_first_ends_the_call(system: System, tmp_path: Path) -> None:
    """The app answers a call that was cancelled: it is told so, and the caller has its 487."""
    contexts: Queue[str] = Queue()
    system.webhook.on_incoming = lambda data: contexts.put(data["incomingCallContext"])
    phone = Caller()
    phone.invite()
    phone.receive(100, optional=True)
    phone.receive(180)
    phone.cancel()
    phone.receive(200, CSeq="CANCEL")
    phone.receive(487)
    phone.ack_failure()
    sipp = Sipp(phone, tmp_path, remote=f"127.0.0.1:{system.server.sip_port}")
    context = contexts.get(timeout=10)
    check_success(sipp)
    with pytest.raises(Exception, match="8522"):
        system.client().answer_call(context, f"{system.webhook.url}/callbacks")
