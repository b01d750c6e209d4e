"""Requests too large for UDP: over TCP, and over UDP after all."""

from __future__ import annotations

import pytest
from sip.agents import ANSWER, OFFER, THEM, US, Probe

from hookflash.sip.events import Answered, Failed
from hookflash.sip.flow import Address, Flow
from hookflash.sip.message import Request
from hookflash.sip.oversize import MAX_REMEMBERED, REMEMBERED, Oversize
from hookflash.sip.ua import Outgoing, Settings

UDP = Flow("UDP", US, THEM)
LARGE = (("X-Padding", "x" * 1200),)


def call(probe: Probe, headers: tuple[tuple[str, str], ...] = LARGE, flow: Flow = UDP) -> Request:
    outgoing = Outgoing("sip:b@192.0.2.1", "<sip:a@192.0.2.2>", "<sip:b@192.0.2.1>", OFFER, flow, headers)
    _, outputs = probe.agent.invite(probe.now, outgoing)
    (invite,) = probe.take(outputs)
    assert isinstance(invite, Request)
    return invite


def where(probe: Probe) -> list[str]:
    """The transports of what was sent so far."""
    return [send.flow.transport for _, send in probe.sends]


def answer(probe: Probe, invite: Request, status: int, flow: Flow) -> None:
    lines = [f"SIP/2.0 {status} OK", f"Via: {invite.headers.get('Via')}"]
    lines += [f"From: {invite.headers.get('From')}", f"To: {invite.headers.get('To')};tag=far"]
    lines += [f"Call-ID: {invite.call_id}", f"CSeq: {invite.headers.get('CSeq')}"]
    lines += ["Contact: <sip:b@192.0.2.1:5060>", "Content-Type: application/sdp"]
    probe.tell("\n".join(lines), ANSWER if status == 200 else b"", flow)


def test_small_ones_stay_and_large_ones_go_over_tcp() -> None:
    probe = Probe()
    assert call(probe, ()).via.transport == "UDP"
    invite = call(probe)
    assert invite.via.transport == "TCP"
    assert len(invite.to_bytes()) > 1300
    assert where(probe) == ["UDP", "TCP"]
    probe.until(3.0)
    assert where(probe).count("TCP") == 1  # TCP repeats by itself
    secure = call(probe, flow=UDP._replace(transport="TLS"))
    assert secure.via.transport == "TLS"
    assert "alias" in secure.via.params  # requests may come back over the connection
    assert "alias" not in invite.via.params


def test_the_call_that_comes_of_it_goes_on_as_it_was_meant_to() -> None:
    probe = Probe()
    invite = call(probe)
    answer(probe, invite, 200, Flow("TCP", US, THEM, 9))
    assert isinstance(probe.events[-1], Answered)
    (ack,) = probe.requests("ACK")
    assert ack.via.transport == "UDP"
    assert where(probe) == ["TCP", "UDP"]
    probe.take(probe.agent.end(probe.now, 1))
    assert probe.requests("BYE")[0].via.transport == "UDP"


def test_the_ack_of_a_failure_and_cancel_go_where_the_invite_went() -> None:
    probe = Probe()
    answer(probe, call(probe), 486, Flow("TCP", US, THEM, 9))
    (ack,) = probe.requests("ACK")
    assert ack.via.transport == "TCP"
    assert where(probe) == ["TCP", "TCP"]
    probe = Probe()
    invite = call(probe)
    answer(probe, invite, 180, Flow("TCP", US, THEM, 9))
    probe.take(probe.agent.end(probe.now, 1))
    (cancel,) = probe.requests("CANCEL")
    assert str(cancel.via) == str(invite.via)
    assert where(probe) == ["TCP", "TCP"]


def test_who_takes_no_tcp_gets_it_over_udp_and_is_remembered() -> None:
    probe = Probe()
    invite = call(probe)
    (again,) = probe.take(probe.agent.broken(probe.now, UDP._replace(transport="TCP")))
    assert isinstance(again, Request)
    assert (again.via.transport, again.via.branch) == ("UDP", invite.via.branch)
    assert again.body == invite.body
    assert probe.events == []
    probe.until(1.6)
    assert where(probe) == ["TCP", "UDP", "UDP", "UDP"]  # now it is repeated, as over UDP it has to be
    answer(probe, again, 200, UDP)
    assert isinstance(probe.events[-1], Answered)
    assert call(probe).via.transport == "UDP"
    probe.until(REMEMBERED + 2.0)
    assert call(probe).via.transport == "TCP"


def test_a_call_that_got_an_answer_does_not_go_back() -> None:
    probe = Probe()
    answer(probe, call(probe), 180, Flow("TCP", US, THEM, 9))
    before = len(probe.sends)
    probe.take(probe.agent.broken(probe.now, UDP._replace(transport="TCP")))
    assert len(probe.sends) == before


def test_silence_over_both_is_a_time_out_in_the_usual_time() -> None:
    probe = Probe()
    call(probe)
    probe.until(5.0)
    probe.take(probe.agent.broken(probe.now, UDP._replace(transport="TCP")))
    probe.until(31.9)
    assert probe.events == []
    probe.until(32.1)
    assert [type(event) for event in probe.events] == [Failed]
    assert probe.idle()


def test_it_can_be_turned_off() -> None:
    probe = Probe(Settings(max_datagram=65535))
    assert call(probe).via.transport == "UDP"


@pytest.mark.parametrize(("size", "transport"), [(1300, "UDP"), (1301, "TCP")])
def test_the_limit_is_that_of_the_rfc(size: int, transport: str) -> None:
    assert Oversize().path(0.0, size, UDP).transport == transport


def test_what_is_remembered_is_bounded() -> None:
    oversize = Oversize()
    address: Address
    for number in range(MAX_REMEMBERED + 10):
        address = ("192.0.2.1", number)
        oversize.refused(0.0, address)
    assert len(oversize._refused) == MAX_REMEMBERED
    assert oversize.path(0.0, 2000, Flow("UDP", US, address)).transport == "UDP"


def test_where_only_datagrams_lead_large_ones_are_datagrams() -> None:
    probe = Probe()
    probe.agent.keep_on_udp(lambda flow: flow == UDP)
    assert call(probe).via.transport == "UDP"
    assert call(probe, flow=UDP._replace(remote=("192.0.2.77", 5060))).via.transport == "TCP"
