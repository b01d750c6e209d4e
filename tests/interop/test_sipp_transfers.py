"""REFER both ways (RFC 3515), with SIPp as a trunk that may transfer and is asked to."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from azure.communication.callautomation import CallConnectionClient, PhoneNumberIdentifier
from scenario import Callee, Caller, sdp
from sipp_process import Sipp
from system.harness import NUMBER
from test_sipp_callee import Callee as Start
from test_sipp_callee import callee, check_success, dial, result  # noqa: F401
from test_sipp_caller import answer_all
from trunk_ports import REFERRER, Trunks

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(shutil.which("sipp") is None, reason="needs SIPp: apt-get install sip-tester"),
]


def refers(to: str, replaces: str = "") -> Callee:
    """A callee that has the call go on with somebody else, and has taken the 202 and the first NOTIFY."""
    phone = Callee()
    phone.called(Allow="REFER")
    phone.answer()
    phone.request("REFER", f"Refer-To: <sip:{to}@127.0.0.1{replaces}>", "Referred-By: <sip:boss@127.0.0.1>")
    phone.receive(202)
    phone.takes("NOTIFY", Event="refer", Subscription_State="active", body="SIP/2.0 100")
    return phone


def ends_for_app(system: Trunks, call: CallConnectionClient) -> None:
    call.hang_up(is_for_everyone=True)
    result(system, "CallDisconnected")


def rings_and_answers() -> Callee:
    phone = Callee()
    phone.called()
    phone.respond("180 Ringing")
    phone.pause(200)
    phone.answer()
    phone.is_left()
    return phone


# --- a phone refers us ----------------------------------------------------------------------------------


def test_the_call_goes_on_with_whom_a_phone_refers_to(system: Trunks, callee: Start) -> None:  # noqa: F811
    """The target rings and answers, the phone hears of both and gets its BYE; the app sees them change."""
    first = refers(system.number("udp"))
    first.takes("NOTIFY", Subscription_State="active", body="SIP/2.0 180")
    first.takes("NOTIFY", Subscription_State="terminated", body="SIP/2.0 200")
    first.is_left()
    second = Callee()
    second.called(Referred_By="<sip:boss@127.0.0.1>")
    second.respond("180 Ringing")
    second.pause(200)
    second.answer()
    second.is_left()
    target, phone = callee("udp", second), callee("refer", first)
    call = dial(system, "refer")
    check_success(phone)
    people = {one.identifier.raw_id for one in call.list_participants()}
    assert f"4:{system.number('udp')}" in people
    assert f"4:{system.number('refer')}" not in people
    ends_for_app(system, call)
    check_success(target)


def test_whom_a_phone_refers_to_is_busy_and_its_call_goes_on(system: Trunks, callee: Start) -> None:  # noqa: F811
    first = refers(system.number("udp"))
    first.takes("NOTIFY", Subscription_State="terminated", body="SIP/2.0 486")
    first.is_left()
    target, phone = callee("udp", "callee_busy"), callee("refer", first)
    call = dial(system, "refer")
    check_success(target)
    phone.wait_message("SIP/2.0 486")
    assert len(list(call.list_participants())) == 2
    ends_for_app(system, call)
    check_success(phone)


def test_a_phone_that_hangs_up_after_its_refer_is_told_all_the_same(
    system: Trunks,
    callee: Start,  # noqa: F811
) -> None:
    first = refers(system.number("udp"))
    first.request("BYE")
    first.receive(200)
    first.takes("NOTIFY", Subscription_State="active", body="SIP/2.0 180")
    first.takes("NOTIFY", Subscription_State="terminated", body="SIP/2.0 200")
    second = Callee()
    second.called()
    second.pause(300)
    second.respond("180 Ringing")
    second.pause(200)
    second.answer()
    second.is_left()
    target, phone = callee("udp", second), callee("refer", first)
    call = dial(system, "refer")
    check_success(phone)
    ends_for_app(system, call)
    check_success(target)


def test_a_dialog_of_another_server_is_replaced_at_the_target(system: Trunks, callee: Start) -> None:  # noqa: F811
    """Attended, with Replaces (RFC 3891) in Refer-To for a call that is not here."""
    first = refers(system.number("udp"), "?Replaces=elsewhere%3Bto-tag%3Dx%3Bfrom-tag%3Dy")
    first.takes("NOTIFY", Subscription_State="terminated", body="SIP/2.0 200")
    first.is_left()
    second = Callee()
    second.called(Replaces="elsewhere;to-tag=x;from-tag=y", Require="replaces")
    second.answer()
    second.is_left()
    target, phone = callee("udp", second), callee("refer", first)
    call = dial(system, "refer")
    check_success(phone)
    ends_for_app(system, call)
    check_success(target)


def test_two_calls_of_a_phone_become_one(system: Trunks, callee: Start, tmp_path: Path) -> None:  # noqa: F811
    """Attended: the other phone of its first call comes to the second, and it gets its BYE in both."""
    answer_all(system)
    target = callee("udp", rings_and_answers())
    where, client = f"127.0.0.1:{system.server.sip_port}", system.client()
    first = Caller()
    first.connect()
    first.is_left()
    one = Sipp(first, tmp_path / "one", remote=where, address=REFERRER)
    held = system.webhook.wait("CallConnected")["callConnectionId"]
    client.get_call_connection(held).add_participant(
        PhoneNumberIdentifier(system.number("udp")), source_caller_id_number=PhoneNumberIdentifier(NUMBER)
    )
    system.webhook.wait("AddParticipantSucceeded")
    (call_id,) = set(re.findall(r"^Call-ID: (\S+)", one.messages(), re.M))
    (theirs,) = set(re.findall(r"^From: .*;tag=(\S+)", one.messages(), re.M))
    (ours,) = set(re.findall(r"^To: .*;tag=(\S+)", one.messages(), re.M))

    second = Caller()
    second.connect()
    dialog = f"{call_id}%3Bto-tag%3D{ours}%3Bfrom-tag%3D{theirs}"
    second.request("REFER", f"Refer-To: <sip:{system.number('udp')}@127.0.0.1?Replaces={dialog}>")
    second.receive(202)
    second.takes("NOTIFY", body="SIP/2.0 100")
    second.takes("NOTIFY", Subscription_State="terminated", body="SIP/2.0 200")
    second.is_left()
    check_success(Sipp(second, tmp_path / "two", remote=where, address=REFERRER))
    check_success(one)
    system.webhook.wait("CallDisconnected", callConnectionId=held)
    ids = {event["data"]["callConnectionId"] for event in system.webhook.events()}
    (left,) = ids - {held}
    call = client.get_call_connection(left)
    phones = [one.identifier.raw_id for one in call.list_participants() if one.identifier.raw_id[:2] == "4:"]
    assert phones == [f"4:{system.number('udp')}"]
    call.hang_up(is_for_everyone=True)
    system.webhook.wait("CallDisconnected", callConnectionId=left)
    check_success(target)


def test_a_trunk_that_may_not_refer_is_refused(system: Trunks, callee: Start) -> None:  # noqa: F811
    phone = Callee()
    phone.called()
    phone.answer()
    phone.request("REFER", f"Refer-To: <sip:{system.number('refer')}@127.0.0.1>")
    phone.receive(405, Allow="INVITE")
    phone.request("BYE")
    phone.receive(200)
    sipp = callee("udp", phone)
    dial(system, "udp")
    result(system, "CallDisconnected")
    check_success(sipp)


# --- we refer a phone -----------------------------------------------------------------------------------


def asked(target: str, status: str = "202 Accepted") -> Callee:
    """A callee that is asked to call somebody."""
    phone = Callee()
    phone.called()
    phone.answer()
    phone.takes("REFER", status, Refer_To=f"sip:.{target[1:]}@", Referred_By="sip:")
    return phone


def notifies(phone: Callee, state: str, fragment: str) -> None:
    headers = ("Event: refer", f"Subscription-State: {state}", "Content-Type: message/sipfrag;version=2.0")
    phone.request("NOTIFY", *headers, body=f"SIP/2.0 {fragment}")
    phone.receive(200)


def transfer(system: Trunks, call: CallConnectionClient, to: str) -> None:
    result(system, "CallConnected")
    call.transfer_call_to_participant(PhoneNumberIdentifier(to), operation_context="over")


def outcome(system: Trunks, name: str) -> dict[str, object]:
    found: dict[str, object] = system.webhook.wait(name, 15, operationContext="over")["resultInformation"]
    return found


def test_a_trunk_transfers_for_the_app(system: Trunks, callee: Start) -> None:  # noqa: F811
    """Nothing is dialled here: the trunk tells its progress by NOTIFY, and gets its BYE."""
    to = system.number("udp")
    phone = asked(to)
    notifies(phone, "active;expires=60", "100 Trying")
    notifies(phone, "active;expires=60", "180 Ringing")
    phone.pause(200)
    notifies(phone, "terminated;reason=noresource", "200 OK")
    phone.is_left()
    sipp = callee("refer", phone)
    transfer(system, dial(system, "refer"), to)
    assert outcome(system, "CallTransferAccepted")["code"] == 200
    result(system, "CallDisconnected")
    check_success(sipp)


def test_a_trunk_that_tells_nothing_and_hangs_up_has_transferred(
    system: Trunks,
    callee: Start,  # noqa: F811
) -> None:
    to = system.number("udp")
    phone = asked(to)
    phone.request("BYE")
    phone.receive(200)
    sipp = callee("refer", phone)
    transfer(system, dial(system, "refer"), to)
    assert outcome(system, "CallTransferAccepted")["code"] == 200
    result(system, "CallDisconnected")
    check_success(sipp)


def test_the_target_of_a_trunk_is_busy(system: Trunks, callee: Start) -> None:  # noqa: F811
    """The app is told why, and keeps its call."""
    to = system.number("udp")
    phone = asked(to)
    notifies(phone, "active;expires=60", "100 Trying")
    notifies(phone, "terminated;reason=noresource", "486 Busy Here")
    phone.is_left()
    sipp = callee("refer", phone)
    call = dial(system, "refer")
    transfer(system, call, to)
    failed = outcome(system, "CallTransferFailed")
    assert (failed["code"], failed["subCode"]) == (486, 560486)
    assert call.get_call_properties().call_connection_state == "connected"
    ends_for_app(system, call)
    check_success(sipp)


@pytest.mark.parametrize("status", ["405 Method Not Allowed", "501 Not Implemented", "403 Forbidden"])
def test_a_trunk_that_does_not_transfer_is_bridged(system: Trunks, callee: Start, status: str) -> None:  # noqa: F811
    to = system.number("udp")
    phone = asked(to, status)
    phone.pause(1500)
    phone.request("BYE")
    phone.receive(200)
    bridged(system, callee, phone, to)


def test_a_trunk_whose_allow_lacks_refer_is_not_asked(system: Trunks, callee: Start) -> None:  # noqa: F811
    phone = Callee()
    phone.called()
    phone.respond("200 OK", body=sdp(), allow="INVITE, ACK, CANCEL, BYE")
    phone.receive("ACK")
    phone.pause(2000)
    phone.request("BYE")
    phone.receive(200)
    bridged(system, callee, phone, system.number("udp"))


def bridged(system: Trunks, callee: Start, phone: Callee, to: str) -> None:  # noqa: F811
    """We dial the target ourselves; the two talk on without the app, until the phone hangs up."""
    sipp, target = callee("refer", phone), callee("udp", rings_and_answers())
    transfer(system, dial(system, "refer"), to)
    assert outcome(system, "CallTransferAccepted")["code"] == 200
    result(system, "CallDisconnected")
    check_success(sipp)
    check_success(target)


def test_a_trunk_that_refuses_otherwise_has_the_last_word(system: Trunks, callee: Start) -> None:  # noqa: F811
    to = system.number("udp")
    phone = asked(to, "603 Decline")
    phone.is_left()
    sipp = callee("refer", phone)
    call = dial(system, "refer")
    transfer(system, call, to)
    assert outcome(system, "CallTransferFailed")["code"] == 603
    ends_for_app(system, call)
    check_success(sipp)
