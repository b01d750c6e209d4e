"""How a session comes about and goes on, with SIPp: early media, offers, early dialogs, hold by the callee,
session timers, keys; what is refused outside of calls.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from queue import Queue

import pytest
from azure.communication.callautomation import DtmfTone, PhoneNumberIdentifier
from scenario import Callee, Caller, sdp
from sipp_process import Sipp
from system.conftest import System
from test_sipp_callee import Callee as Start
from test_sipp_callee import callee, check_success, dial, result  # noqa: F401
from test_sipp_caller import answer_all
from test_sipp_hold import Ear
from trunk_ports import Trunks

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(shutil.which("sipp") is None, reason="needs SIPp: apt-get install sip-tester"),
]
NO_UPDATE = "INVITE, ACK, CANCEL, BYE"
TIMER = ("Require: timer", "Session-Expires: 10;refresher=uac")


def comes(system: System, folder: Path, phone: Caller) -> Sipp:
    """Let it call, to its end."""
    sipp = Sipp(phone, folder, remote=f"127.0.0.1:{system.server.sip_port}")
    check_success(sipp)
    return sipp


def up_and_over(system: Trunks, phone: Callee, callee: Start, trunk: str = "udp") -> Sipp:  # noqa: F811
    """Call it, and hang up once connected."""
    sipp = callee(trunk, phone)
    call = dial(system, trunk)
    result(system, "CallConnected")
    call.hang_up(is_for_everyone=True)
    result(system, "CallDisconnected")
    check_success(sipp)
    return sipp


# --- early media ----------------------------------------------------------------------------------------


def test_early_media_in_a_183_is_taken_and_answered(system: Trunks, callee: Start) -> None:  # noqa: F811
    """The description came in the 183: our audio goes there before the 200, which repeats it."""
    ear = Ear()
    try:
        phone = Callee()
        phone.called()
        phone.respond("183 Session Progress", body=sdp(port=str(ear.port)))
        phone.pause(400)
        phone.respond("200 OK", body=sdp(port=str(ear.port)))
        phone.receive("ACK")
        phone.is_left()
        up_and_over(system, phone, callee)
    finally:
        ear.close()
    assert ear.times, "nothing was sent to the early media"


def test_early_media_that_ends_in_a_refusal(system: Trunks, callee: Start) -> None:  # noqa: F811
    """An announcement, then 404: the call has failed, and was never connected."""
    phone = Callee()
    phone.called()
    phone.respond("183 Session Progress", body=sdp())
    phone.pause(200)
    phone.respond("404 Not Found")
    phone.receive("ACK")
    sipp = callee("udp", phone)
    dial(system, "udp")
    assert result(system, "CreateCallFailed")["code"] == 404
    result(system, "CallDisconnected")
    check_success(sipp)
    assert "CallConnected" not in system.webhook.names()


# --- offers ---------------------------------------------------------------------------------------------


def test_a_reinvite_without_an_offer_gets_ours(system: System, tmp_path: Path) -> None:
    """Our offer is in the 200, SIPp's answer in its ACK: held, then taken back."""
    answer_all(system)
    phone = Caller()
    phone.connect()
    for version, direction in ((2, "sendonly"), (3, "sendrecv")):
        phone.request("INVITE")
        phone.receive(100, optional=True)
        phone.receive(200, body="m=audio [1-9]")
        phone.ack(sdp(direction, version))
        phone.pause(200)
    phone.hang_up()
    comes(system, tmp_path, phone)
    system.webhook.wait("CallDisconnected")
    assert system.webhook.names() == ["CallConnected", "ParticipantsUpdated", "CallDisconnected"]


def test_we_always_offer(system: Trunks, callee: Start) -> None:  # noqa: F811
    """Our INVITE has an offer, and a refresh by re-INVITE the description that stands."""
    phone = Callee()
    phone.called(body="a=sendrecv")
    phone.respond("200 OK", *TIMER, body=sdp(), allow=NO_UPDATE)
    phone.receive("ACK")
    phone.reinvited(body="m=audio [1-9]")
    phone.responds("200 OK", *TIMER, body=sdp())
    phone.is_left()
    sipp = callee("udp", phone)
    call = dial(system, "udp")
    sipp.wait_message("CSeq: 2 ACK", 20)
    call.hang_up(is_for_everyone=True)
    result(system, "CallDisconnected")
    check_success(sipp)
    origins = re.findall(r"^o=- (\S+ \S+)", sipp.received(), re.M)
    assert len(origins) == 2
    assert len(set(origins)) == 1, "a refresh is no new offer (RFC 4028 section 7.4)"


# --- hold by the callee ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("direction", "answered"), [("sendonly", "recvonly"), ("inactive", "inactive"), ("recvonly", "sendonly")]
)
def test_the_callee_holds_and_takes_back(
    system: Trunks,
    callee: Start,  # noqa: F811
    direction: str,
    answered: str,
) -> None:
    phone = Callee()
    phone.called()
    phone.answer()
    for version, said, heard in ((2, direction, answered), (3, "sendrecv", "sendrecv")):
        phone.request("INVITE", body=sdp(said, version))
        phone.receive(100, optional=True)
        phone.receive(200, body=f"a={heard}")
        phone.request("ACK", cseq=version - 1)
        phone.pause(100)
    phone.request("BYE")
    phone.receive(200)
    sipp = callee("udp", phone)
    dial(system, "udp")
    result(system, "CallDisconnected")
    check_success(sipp)
    assert system.webhook.names() == ["CallConnected", "ParticipantsUpdated", "CallDisconnected"]


# --- early dialogs --------------------------------------------------------------------------------------


def test_update_and_prack_before_the_answer(system: System, tmp_path: Path) -> None:
    """A PRACK for nothing gets 481; an UPDATE without an offer moves the caller, one with an offer waits."""
    contexts: Queue[str] = Queue()
    system.webhook.on_incoming = lambda data: contexts.put(data["incomingCallContext"])
    phone = Caller()
    phone.invite("Require: 100rel")
    phone.receive(100, optional=True)
    phone.receive(180, Require="100rel", keep={"rseq": "RSeq"})
    phone.request("PRACK", "RAck: 4711 1 INVITE")
    phone.receive(481)
    phone.request("PRACK", "RAck: [$rseq] 1 INVITE")
    phone.receive(200, CSeq="PRACK")
    phone.request("UPDATE")
    phone.receive(200, CSeq="UPDATE")
    phone.request("UPDATE", body=sdp(version=2))
    phone.receive(500, Retry_After="[0-9]")
    phone.receive(200, CSeq="1 INVITE")
    phone.ack_first()
    phone.pause(200)
    phone.hang_up()
    sipp = Sipp(phone, tmp_path, remote=f"127.0.0.1:{system.server.sip_port}")
    sipp.wait_message("500 Server Internal Error")
    system.client().answer_call(contexts.get(timeout=10), f"{system.webhook.url}/callbacks")
    check_success(sipp)
    system.webhook.wait("CallDisconnected")


# --- session timers -------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["481 Call Does Not Exist", "408 Request Timeout"])
def test_a_refresh_that_fails_ends_the_call(system: Trunks, callee: Start, status: str) -> None:  # noqa: F811
    """We refresh, the callee says that there is no such call: it gets its BYE all the same."""
    phone = Callee()
    phone.called()
    phone.respond("200 OK", *TIMER, body=sdp())
    phone.receive("ACK")
    phone.takes("UPDATE", status, Session_Expires="refresher=uac")
    phone.takes("BYE")
    sipp = callee("udp", phone)
    dial(system, "udp")
    ended = result(system, "CallDisconnected", 20)
    assert ended["code"] == int(status[:3])
    check_success(sipp)


def test_a_caller_that_refreshes_keeps_its_call(system: System, tmp_path: Path) -> None:
    """It has named itself; UPDATE and re-INVITE both count, and the answer says when the next is due."""
    answer_all(system)
    phone = Caller()
    phone.invite("Supported: timer", "Session-Expires: 90;refresher=uac")
    phone.rings()
    phone.receive(200, Session_Expires="90;refresher=uac", Require="timer")
    phone.ack()
    phone.request("UPDATE", "Supported: timer", "Session-Expires: 90;refresher=uac")
    phone.receive(200, Session_Expires="90;refresher=uac", CSeq="UPDATE")
    phone.request("INVITE", "Supported: timer", "Session-Expires: 120;refresher=uac", body=sdp())
    phone.receive(100, optional=True)
    phone.receive(200, Session_Expires="120;refresher=uac", CSeq="INVITE")
    phone.ack()
    phone.hang_up()
    comes(system, tmp_path, phone)
    system.webhook.wait("CallDisconnected")


# --- refused --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "status"),
    [
        ("MESSAGE", 405),
        ("SUBSCRIBE", 405),
        ("PUBLISH", 405),
        ("REFER", 405),
        ("FANTASY", 501),
        ("NOTIFY", 481),
    ],
)
def test_a_method_outside_of_calls(system: System, tmp_path: Path, method: str, status: int) -> None:
    phone = Caller()
    more = {"NOTIFY": ("Event: refer", "Subscription-State: active"), "SUBSCRIBE": ("Event: presence",)}
    phone.request(method, *more.get(method, ()), to_tag=False)
    phone.receive(status, **({} if status == 481 else {"Allow": "INVITE, ACK"}))
    comes(system, tmp_path, phone)


# --- keys -----------------------------------------------------------------------------------------------


def test_a_trunk_that_wants_keys_alone_by_info(system: Trunks, callee: Start) -> None:  # noqa: F811
    """``application/dtmf``: the body is the key, and nothing else."""
    phone = Callee()
    phone.called()
    phone.answer()
    for key in ("5", "#"):
        phone.takes("INFO", Content_Type="application/dtmf", body=f"^{key}$")
    phone.is_left()
    sipp = callee("alone", phone)
    call = dial(system, "alone")
    result(system, "CallConnected")
    target = PhoneNumberIdentifier(system.number("alone"))
    call.send_dtmf_tones([DtmfTone.FIVE, DtmfTone.POUND], target, operation_context="out")
    assert result(system, "SendDtmfTonesCompleted")["code"] == 200
    call.hang_up(is_for_everyone=True)
    result(system, "CallDisconnected")
    check_success(sipp)


def test_a_trunk_that_does_not_take_a_key_by_info(system: Trunks, callee: Start) -> None:  # noqa: F811
    """415 to the second of three: the sending fails, and the third is not sent."""
    phone = Callee()
    phone.called()
    phone.answer()
    phone.takes("INFO", Content_Type="application/dtmf-relay", body="Signal=5")
    phone.takes("INFO", "415 Unsupported Media Type", body="Signal=6")
    phone.is_left()
    sipp = callee("info", phone)
    call = dial(system, "info")
    result(system, "CallConnected")
    target = PhoneNumberIdentifier(system.number("info"))
    keys = [DtmfTone.FIVE, DtmfTone.SIX, DtmfTone.SEVEN]
    call.send_dtmf_tones(keys, target, operation_context="out")
    assert result(system, "SendDtmfTonesFailed")["code"] >= 400
    call.hang_up(is_for_everyone=True)
    result(system, "CallDisconnected")
    check_success(sipp)
