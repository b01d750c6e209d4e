"""Re-INVITEs of ours that are answered provisionally and then never."""

from __future__ import annotations

from sip.agents import OFFER, Probe
from sip.test_uac import hear, reoffer, up

from hookflash.sip.events import Ended, Reoffered, ReofferRefused
from hookflash.sip.message import Request, Response
from hookflash.sip.ua import SessionTerms


def test_a_reoffer_that_only_rings_is_cancelled_and_the_call_goes_on() -> None:
    probe = Probe()
    up(probe)
    invite = reoffer(probe)
    hear(probe, invite, 183)
    assert probe.until(179.0) == []
    (cancel,) = probe.until(180.0)
    assert isinstance(cancel, Request)
    assert (cancel.method, cancel.via.branch, cancel.cseq.number) == ("CANCEL", invite.via.branch, 2)
    hear(probe, cancel, 200)
    hear(probe, invite, 487)
    assert probe.events[-1] == ReofferRefused(1, 487, "Request Terminated")
    assert probe.agent.may_reoffer(1)
    probe.until(300.0)
    assert probe.agent.timers == 0
    reoffer(probe)


def test_a_reoffer_that_not_even_a_cancel_ends_ends_the_call() -> None:
    probe = Probe()
    up(probe)
    hear(probe, reoffer(probe), 183)
    probe.until(213.0)
    ended = probe.events[-1]
    assert isinstance(ended, Ended)
    assert ended.status == 408
    assert len(probe.requests("BYE")) >= 1
    probe.until(400.0)
    assert probe.idle()


def test_what_waits_for_the_answer_of_a_reoffer_cannot_be_withdrawn() -> None:
    probe = Probe()
    up(probe)
    hear(probe, reoffer(probe), 100)
    probe.agent.withdraw(1)
    assert probe.agent.reoffer(probe.now, 1, OFFER) == (False, [])
    probe.until(180.0)
    assert len(probe.requests("CANCEL")) == 1


def test_the_end_of_a_call_leaves_nothing_of_its_pending_reoffer() -> None:
    probe = Probe()
    up(probe)
    invite = reoffer(probe)
    hear(probe, invite, 100)
    (bye,) = probe.take(probe.agent.end(probe.now, 1))
    assert isinstance(bye, Request)
    hear(probe, bye, 200)
    # The peer refuses what it had not answered yet (section 15.1.2), and wants to hear that this came.
    (ack,) = hear(probe, invite, 487)
    assert isinstance(ack, Request)
    assert ack.method == "ACK"
    probe.until(100.0)
    assert probe.idle()


def test_nor_does_the_peers_bye() -> None:
    probe = Probe()
    invite = up(probe)
    pending = reoffer(probe)
    hear(probe, pending, 183)
    probe.tell(
        f"""BYE sip:us@192.0.2.2 SIP/2.0
        Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKbye
        From: <sip:b@192.0.2.1>;tag=far
        To: <sip:a@192.0.2.2>;tag={invite.from_.tag}
        Call-ID: {invite.call_id}
        CSeq: 1 BYE"""
    )
    assert isinstance(probe.events[-1], Ended)
    assert [m.method for m in hear(probe, pending, 487) if isinstance(m, Request)] == ["ACK"]
    probe.until(100.0)
    assert probe.idle()


def test_a_session_that_is_lost_refuses_what_the_peer_had_asked() -> None:
    """Its app had not answered the new offer yet when the session timer ran out."""
    probe = Probe()
    invite = up(probe, terms=SessionTerms(90, 90))
    probe.tell(
        f"""INVITE sip:us@192.0.2.2 SIP/2.0
        Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKnew
        From: <sip:b@192.0.2.1>;tag=far
        To: <sip:a@192.0.2.2>;tag={invite.from_.tag}
        Call-ID: {invite.call_id}
        Contact: <sip:b@192.0.2.1>
        CSeq: 1 INVITE"""
    )
    assert isinstance(probe.events[-1], Reoffered)
    said = probe.until(80.0)
    assert next(message.status for message in said if isinstance(message, Response)) == 487
    assert isinstance(probe.events[-1], Ended)
    probe.until(200.0)
    assert probe.idle()
