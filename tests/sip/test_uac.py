"""Calls a user agent makes (RFC 3261 sections 8.1, 9.1, 13.2, 14.1, 22.2)."""

from __future__ import annotations

import pytest
from sip.agents import ANSWER, OFFER, THEM, US, Probe

from hookflash.sip.events import Answered, Ended, Failed, Progress, Reanswered, ReofferRefused, Ringing
from hookflash.sip.flow import Flow
from hookflash.sip.message import Request, Response, reply
from hookflash.sip.ua import Outgoing

FLOW = Flow("UDP", US, THEM)
CHALLENGE = 'Digest realm="trunk", nonce="abc", algorithm=MD5, qop="auth"'


def dial(probe: Probe, flow: Flow = FLOW, **options: object) -> Request:
    outgoing = Outgoing(
        "sip:+14255550100@192.0.2.1",
        '"Our App" <sip:+12065550100@192.0.2.2>',
        "<sip:+14255550100@192.0.2.1>",
        OFFER,
        flow,
        **options,  # type: ignore[arg-type]
    )
    _, outputs = probe.agent.invite(probe.now, outgoing)
    (invite,) = probe.take(outputs)
    assert isinstance(invite, Request)
    return invite


def hear(
    probe: Probe, request: Request, status: int, tag: str = "far", body: bytes = b"", **headers: str
) -> list[Request | Response]:
    response = reply(request, status, to_tag=tag or None)
    if 101 <= status < 300 and "Contact" not in headers:
        response.headers.add("Contact", "<sip:b@192.0.2.1:5070>")
    for name, value in headers.items():
        if value:
            response.headers.add(name.replace("_", "-"), value)
    if body:
        response.headers.add("Content-Type", "application/sdp")
        response.body = body
    return probe.take(probe.agent.receive(probe.now, response.to_bytes(), probe.flow))


def up(probe: Probe, **options: object) -> Request:
    invite = dial(probe, **options)  # type: ignore[arg-type]
    hear(probe, invite, 200, body=ANSWER)
    return invite


def test_an_invite_carries_everything_it_needs() -> None:
    invite = dial(Probe(), headers=(("X-Order", "7"), ("User-To-User", "00")))
    assert invite.uri == "sip:+14255550100@192.0.2.1"
    assert invite.from_.display_name == "Our App"
    assert invite.from_.tag
    assert invite.to.tag is None
    assert (invite.cseq.number, invite.max_forwards) == (1, 70)
    assert invite.via.sent_by == US
    assert "rport" in invite.via.params
    assert str(invite.contacts[0].uri) == "sip:hookflash@192.0.2.2:5060"
    assert invite.headers.get("X-Order") == "7"
    assert invite.headers.get("User-To-User") == "00"
    assert invite.body == OFFER


def test_ringing_early_media_and_the_answer_are_reported() -> None:
    probe = Probe()
    invite = dial(probe)
    hear(probe, invite, 100, tag="")
    hear(probe, invite, 180)
    hear(probe, invite, 183, body=ANSWER)
    (ack,) = hear(probe, invite, 200, body=ANSWER)
    assert probe.events == [
        Ringing(1, 180, "Ringing"),
        Progress(1, 183, "Session Progress", ANSWER),
        Answered(1, ANSWER),
    ]
    assert isinstance(ack, Request)
    assert (ack.method, ack.uri, ack.cseq.number) == ("ACK", "sip:b@192.0.2.1:5070", 1)
    assert ack.via.branch != invite.via.branch
    assert probe.sends[-1][1].flow.remote == ("192.0.2.1", 5070)


def test_a_repeated_200_gets_the_same_ack_again() -> None:
    probe = Probe()
    invite = up(probe)
    first = probe.sends[-1][1]
    hear(probe, invite, 200, body=ANSWER)
    assert probe.sends[-1][1] == first
    assert len(probe.events) == 1


def test_bye_after_the_answer_follows_the_dialog() -> None:
    probe = Probe()
    invite = dial(probe)
    hear(probe, invite, 200, body=ANSWER, Record_Route="<sip:192.0.2.50;lr>, <sip:192.0.2.51;lr>")
    (bye,) = probe.take(probe.agent.end(0.0, 1))
    assert isinstance(bye, Request)
    assert (bye.cseq.number, bye.uri) == (2, "sip:b@192.0.2.1:5070")
    assert bye.headers.all("Route") == ["<sip:192.0.2.51;lr>", "<sip:192.0.2.50;lr>"]
    hear(probe, bye, 200)
    assert probe.agent.sessions == 0
    probe.until(100.0)
    assert probe.idle()


def test_an_unanswered_bye_forgets_the_session_all_the_same() -> None:
    probe = Probe()
    up(probe)
    probe.take(probe.agent.end(0.0, 1))
    probe.until(100.0)
    assert probe.idle()
    assert len(probe.requests("BYE")) == 11


def test_the_peers_bye_ends_a_call_of_ours() -> None:
    probe = Probe()
    invite = up(probe)
    probe.tell(f"""BYE sip:hookflash@192.0.2.2:5060 SIP/2.0
        Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKb
        Max-Forwards: 70
        Reason: Q.850;cause=16;text="normal"
        From: {invite.headers.get("To")};tag=far
        To: {invite.headers.get("From")}
        Call-ID: {invite.call_id}
        CSeq: 1 BYE""")
    event = probe.events[-1]
    assert isinstance(event, Ended)
    assert event.headers.get("Reason") == 'Q.850;cause=16;text="normal"'
    assert probe.statuses()[-1] == 200


@pytest.mark.parametrize("status", [302, 404, 486, 500, 603])
def test_final_failures_are_acknowledged_and_reported(status: int) -> None:
    probe = Probe()
    invite = dial(probe)
    (ack,) = hear(probe, invite, status, Reason="Q.850;cause=17")
    assert isinstance(ack, Request)
    assert ack.method == "ACK"
    assert ack.via.branch == invite.via.branch
    event = probe.events[-1]
    assert isinstance(event, Failed)
    assert (event.status, event.kind) == (status, "response")
    assert event.headers.get("Reason") == "Q.850;cause=17"
    probe.until(100.0)
    assert probe.idle()


def test_no_response_at_all_is_a_timeout() -> None:
    probe = Probe()
    dial(probe)
    probe.until(100.0)
    event = probe.events[-1]
    assert isinstance(event, Failed)
    assert (event.status, event.kind) == (408, "timeout")
    assert len(probe.requests("INVITE")) == 7
    assert probe.idle()


def test_a_transport_that_cannot_be_opened_is_a_failure_at_once() -> None:
    flow = Flow("TCP", US, THEM)
    probe = Probe()
    invite = dial(probe, flow)
    assert str(invite.contacts[0].uri) == "sip:hookflash@192.0.2.2:5060;transport=tcp"
    probe.take(probe.agent.broken(0.0, flow))
    event = probe.events[-1]
    assert isinstance(event, Failed)
    assert (event.status, event.kind) == (503, "transport")
    assert probe.idle()


def test_an_unanswered_call_is_cancelled_after_the_ring_timeout() -> None:
    probe = Probe()
    invite = dial(probe, ring_timeout=30.0)
    hear(probe, invite, 180)
    probe.until(30.0)
    event = probe.events[-1]
    assert isinstance(event, Failed)
    assert (event.status, event.kind) == (408, "ring-timeout")
    (cancel,) = probe.requests("CANCEL")
    assert cancel.headers.get("Reason") == 'Q.850;cause=19;text="No answer from user"'
    hear(probe, cancel, 200)
    hear(probe, invite, 487)
    assert probe.agent.sessions == 0
    probe.until(100.0)
    assert probe.idle()
    assert len(probe.events) == 2


# --- CANCEL ---------------------------------------------------------------------------------------------


def test_cancel_is_sent_after_a_provisional() -> None:
    probe = Probe()
    invite = dial(probe)
    hear(probe, invite, 180)
    (cancel,) = probe.take(probe.agent.end(0.0, 1))
    assert isinstance(cancel, Request)
    assert cancel.method == "CANCEL"
    assert (cancel.uri, cancel.via.branch, cancel.cseq.number) == (invite.uri, invite.via.branch, 1)
    assert cancel.headers.get("To") == invite.headers.get("To")
    hear(probe, cancel, 200)
    (ack,) = hear(probe, invite, 487)
    assert isinstance(ack, Request)
    probe.until(100.0)
    assert probe.idle()
    assert [type(event).__name__ for event in probe.events] == ["Ringing"]


def test_cancel_waits_for_a_provisional() -> None:
    probe = Probe()
    invite = dial(probe)
    assert probe.take(probe.agent.end(0.0, 1)) == []
    (cancel,) = hear(probe, invite, 100, tag="")
    assert isinstance(cancel, Request)
    assert cancel.method == "CANCEL"
    assert hear(probe, invite, 180) == []
    hear(probe, invite, 487)
    assert probe.events == []
    assert probe.agent.sessions == 0


WHY = (("Reason", "SIP;cause=200"), ("Reason", "Q.850;cause=26"))


@pytest.mark.parametrize("early", [True, False])
def test_cancel_says_why_whenever_it_can_be_sent(early: bool) -> None:
    probe = Probe()
    invite = dial(probe)
    if early:
        hear(probe, invite, 180)
    sent = probe.take(probe.agent.end(0.0, 1, headers=WHY))
    (cancel,) = sent if early else hear(probe, invite, 180)
    assert cancel.headers.all("Reason") == ["SIP;cause=200", "Q.850;cause=26"]


def test_a_bye_says_why_also_after_an_answer_that_crossed_and_after_a_challenge() -> None:
    probe = Probe()
    invite = dial(probe, username="us", password="secret")
    hear(probe, invite, 180)
    probe.take(probe.agent.end(0.0, 1, headers=WHY))
    _, bye = hear(probe, invite, 200, body=ANSWER)
    assert isinstance(bye, Request)
    (again,) = hear(probe, bye, 401, WWW_Authenticate=CHALLENGE)
    for request in (bye, again):
        assert request.headers.all("Reason") == ["SIP;cause=200", "Q.850;cause=26"]


def test_without_any_provisional_nothing_is_cancelled_and_the_invite_times_out() -> None:
    probe = Probe()
    dial(probe)
    probe.take(probe.agent.end(0.0, 1))
    probe.until(100.0)
    assert probe.requests("CANCEL") == []
    assert probe.events == []
    assert probe.idle()


def test_an_answer_that_crosses_the_cancel_is_acknowledged_and_ended() -> None:
    probe = Probe()
    invite = dial(probe)
    hear(probe, invite, 180)
    probe.take(probe.agent.end(0.0, 1))
    ack, bye = hear(probe, invite, 200, body=ANSWER)
    assert isinstance(ack, Request)
    assert isinstance(bye, Request)
    assert (ack.method, bye.method) == ("ACK", "BYE")
    hear(probe, bye, 200)
    probe.until(100.0)
    assert probe.idle()
    assert len(probe.events) == 1


def test_a_peer_that_never_finishes_a_cancelled_invite_is_left() -> None:
    probe = Probe()
    invite = dial(probe)
    hear(probe, invite, 180)
    (cancel,) = probe.take(probe.agent.end(0.0, 1))
    assert isinstance(cancel, Request)
    hear(probe, cancel, 200)
    probe.until(100.0)
    assert probe.idle()


# --- forks ----------------------------------------------------------------------------------------------


def test_several_forks_may_ring_and_the_first_answer_wins() -> None:
    probe = Probe()
    invite = dial(probe)
    hear(probe, invite, 180, tag="one")
    hear(probe, invite, 180, tag="two")
    hear(probe, invite, 183, tag="one")
    assert probe.agent.dialogs == 2
    (ack,) = hear(probe, invite, 200, tag="two", body=ANSWER)
    assert ack.to.tag == "two"
    assert probe.agent.dialogs == 1


def test_a_second_answer_is_acknowledged_and_ended_without_touching_the_first() -> None:
    probe = Probe()
    invite = up(probe)
    ack, bye = hear(probe, invite, 200, tag="other", body=ANSWER)
    assert isinstance(ack, Request)
    assert isinstance(bye, Request)
    assert (ack.method, bye.method) == ("ACK", "BYE")
    assert ack.to.tag == bye.to.tag == "other"
    assert hear(probe, bye, 200, tag="other") == []
    (again,) = hear(probe, invite, 200, tag="other", body=ANSWER)
    assert isinstance(again, Request)
    assert again.method == "ACK"
    assert probe.agent.sessions == 1
    assert [type(event).__name__ for event in probe.events] == ["Answered"]


def test_early_dialogs_and_forks_are_bounded() -> None:
    probe = Probe()
    invite = dial(probe)
    for n in range(50):
        hear(probe, invite, 180, tag=f"fork{n}")
    assert probe.agent.dialogs == 16
    for n in range(50):
        hear(probe, invite, 200, tag=f"fork{n}", body=ANSWER)
    assert len(probe.requests("BYE")) == 16
    probe.until(200.0)
    assert probe.agent.transactions == 0


def test_a_provisional_without_a_usable_contact_still_rings() -> None:
    probe = Probe()
    invite = dial(probe)
    hear(probe, invite, 180, Contact="<sip:")
    assert probe.events == [Ringing(1, 180, "Ringing")]
    assert probe.agent.dialogs == 0
    hear(probe, invite, 180, tag="", Contact="")
    assert len(probe.events) == 2


def test_an_answer_that_cannot_be_used_fails_the_call() -> None:
    probe = Probe()
    invite = dial(probe)
    hear(probe, invite, 200, Contact="<sip:", body=ANSWER)
    event = probe.events[-1]
    assert isinstance(event, Failed)
    assert event.status == 502
    probe.until(100.0)
    assert probe.idle()


def test_an_answer_that_cannot_be_used_takes_its_early_dialog_along() -> None:
    probe = Probe()
    invite = dial(probe)
    hear(probe, invite, 183)
    hear(probe, invite, 200, Record_Route="ed: what")
    assert isinstance(probe.events[-1], Failed)
    probe.until(200.0)
    assert probe.idle()


def test_an_unusable_answer_of_another_fork_changes_nothing() -> None:
    probe = Probe()
    invite = up(probe)
    assert hear(probe, invite, 200, tag="other", Contact="<sip:") == []
    assert probe.agent.sessions == 1


# --- credentials ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "asks", "says"),
    [
        (401, "WWW_Authenticate", "Authorization"),
        (407, "Proxy_Authenticate", "Proxy-Authorization"),
    ],
)
def test_a_challenge_is_answered_with_a_new_invite(status: int, asks: str, says: str) -> None:
    probe = Probe()
    invite = dial(probe, username="us", password="secret")
    assert says not in invite.headers
    ack, again = hear(probe, invite, status, **{asks: CHALLENGE})
    assert isinstance(again, Request)
    assert (again.method, again.cseq.number, again.call_id) == ("INVITE", 2, invite.call_id)
    assert again.from_.tag == invite.from_.tag
    assert 'username="us"' in (again.headers.get(says) or "")
    assert "secret" not in again.to_bytes().decode()
    assert probe.events == []
    (ack,) = hear(probe, again, 200, body=ANSWER)
    assert says in ack.headers
    (bye,) = probe.take(probe.agent.end(0.0, 1))
    assert "nc=00000002" in (bye.headers.get(says) or "")


def test_wrong_credentials_are_not_tried_again() -> None:
    probe = Probe()
    invite = dial(probe, username="us", password="wrong")
    _, again = hear(probe, invite, 401, WWW_Authenticate=CHALLENGE)
    assert isinstance(again, Request)
    hear(probe, again, 401, WWW_Authenticate=CHALLENGE.replace("abc", "def"))
    event = probe.events[-1]
    assert isinstance(event, Failed)
    assert event.status == 401
    assert len(probe.requests("INVITE")) == 2


def test_a_stale_nonce_is_replaced_but_not_for_ever() -> None:
    probe = Probe()
    invite: Request | Response = dial(probe, username="us", password="secret")
    for n in range(3):
        assert isinstance(invite, Request)
        _, invite = hear(
            probe, invite, 401, WWW_Authenticate=f"{CHALLENGE.replace('abc', str(n))}, stale=true"
        )
    assert isinstance(invite, Request)
    hear(probe, invite, 401, WWW_Authenticate=f"{CHALLENGE}, stale=true")
    assert isinstance(probe.events[-1], Failed)
    assert len(probe.requests("INVITE")) == 4


@pytest.mark.parametrize("challenge", ["", "Basic realm=x", 'Digest realm="x", nonce="y", algorithm=ROT13'])
def test_a_challenge_that_cannot_be_answered_is_a_failure(challenge: str) -> None:
    probe = Probe()
    invite = dial(probe, username="us", password="secret")
    hear(probe, invite, 407, Proxy_Authenticate=challenge)
    assert isinstance(probe.events[-1], Failed)


def test_without_credentials_a_challenge_is_a_failure() -> None:
    probe = Probe()
    hear(probe, dial(probe), 401, WWW_Authenticate=CHALLENGE)
    assert isinstance(probe.events[-1], Failed)


def test_a_challenged_bye_is_sent_again_with_credentials() -> None:
    probe = Probe()
    up(probe, username="us", password="secret")
    (bye,) = probe.take(probe.agent.end(0.0, 1))
    assert isinstance(bye, Request)
    (again,) = hear(probe, bye, 401, WWW_Authenticate=CHALLENGE)
    assert isinstance(again, Request)
    assert (again.method, again.cseq.number) == ("BYE", 3)
    assert "Authorization" in again.headers
    hear(probe, again, 200)
    assert probe.agent.sessions == 0


def test_a_challenged_reoffer_is_sent_again_with_credentials() -> None:
    probe = Probe()
    up(probe, username="us", password="secret")
    invite = reoffer(probe)
    _, again = hear(probe, invite, 407, Proxy_Authenticate=CHALLENGE)
    assert isinstance(again, Request)
    assert "Proxy-Authorization" in again.headers
    assert again.body == OFFER


# --- re-INVITE of ours ----------------------------------------------------------------------------------


def reoffer(probe: Probe) -> Request:
    sent, outputs = probe.agent.reoffer(probe.now, 1, OFFER)
    assert sent
    (invite,) = probe.take(outputs)
    assert isinstance(invite, Request)
    return invite


def test_a_reoffer_is_answered_and_acknowledged() -> None:
    probe = Probe()
    up(probe)
    invite = reoffer(probe)
    assert (invite.cseq.number, invite.uri) == (2, "sip:b@192.0.2.1:5070")
    assert hear(probe, invite, 100) == []
    (ack,) = hear(probe, invite, 200, body=ANSWER)
    assert isinstance(ack, Request)
    assert (ack.method, ack.cseq.number) == ("ACK", 2)
    assert probe.events[-1] == Reanswered(1, ANSWER)
    (again,) = hear(probe, invite, 200, body=ANSWER)
    assert again.to_bytes() == ack.to_bytes()


def test_a_refused_reoffer_leaves_the_call() -> None:
    probe = Probe()
    up(probe)
    hear(probe, reoffer(probe), 488)
    assert probe.events[-1] == ReofferRefused(1, 488, "Not Acceptable Here")
    assert probe.agent.sessions == 1
    reoffer(probe)


def test_glare_makes_the_caller_wait_and_try_again() -> None:
    probe = Probe()
    up(probe)
    hear(probe, reoffer(probe), 491)
    assert probe.agent.reoffer(probe.now, 1, OFFER) == (False, [])
    assert probe.until(2.0) == []
    again = probe.until(4.0)[0]
    assert isinstance(again, Request)
    assert (again.method, again.cseq.number) == ("INVITE", 3)


def test_an_offer_that_waits_after_glare_may_be_withdrawn() -> None:
    probe = Probe()
    up(probe)
    hear(probe, reoffer(probe), 491)
    assert not probe.agent.may_reoffer(1)
    probe.agent.withdraw(1)
    assert probe.agent.may_reoffer(1)
    assert probe.until(100.0) == []
    assert probe.agent.timers == 0
    reoffer(probe)


def test_what_is_not_waiting_cannot_be_withdrawn() -> None:
    probe = Probe()
    invite = dial(probe, ring_timeout=30.0)
    probe.agent.withdraw(1)
    probe.agent.withdraw(2)
    assert not probe.agent.may_reoffer(1)
    assert not probe.agent.may_reoffer(2)
    hear(probe, invite, 180)
    probe.until(30.0)
    assert len(probe.requests("CANCEL")) == 1


def test_endless_glare_is_given_up() -> None:
    probe = Probe()
    up(probe)
    invite = reoffer(probe)
    for _ in range(5):
        hear(probe, invite, 491)
        again = probe.until(probe.now + 4.0)[0]
        assert isinstance(again, Request)
        invite = again
    hear(probe, invite, 491)
    assert isinstance(probe.events[-1], ReofferRefused)


@pytest.mark.parametrize("status", [408, 481])
def test_a_reoffer_that_shows_the_dialog_is_gone_ends_the_call(status: int) -> None:
    probe = Probe()
    up(probe)
    hear(probe, reoffer(probe), status)
    event = probe.events[-1]
    assert isinstance(event, Ended)
    assert event.status == status
    probe.until(200.0)
    assert probe.idle()


def test_an_unanswered_reoffer_ends_the_call() -> None:
    probe = Probe()
    up(probe)
    reoffer(probe)
    probe.until(200.0)
    event = probe.events[-1]
    assert isinstance(event, Ended)
    assert event.status == 408
    assert probe.idle()


def test_ending_during_a_reoffer_sends_bye_and_late_answers_are_acknowledged() -> None:
    probe = Probe()
    up(probe)
    invite = reoffer(probe)
    (bye,) = probe.take(probe.agent.end(0.0, 1))
    (ack,) = hear(probe, invite, 200, body=ANSWER, Contact="<sip:")
    assert isinstance(ack, Request)
    assert ack.method == "ACK"
    assert isinstance(bye, Request)
    hear(probe, bye, 200)
    assert [type(event).__name__ for event in probe.events] == ["Answered"]
    probe.until(100.0)
    assert probe.idle()


def test_a_late_refusal_of_a_reoffer_means_nothing_any_more() -> None:
    probe = Probe()
    up(probe)
    invite = reoffer(probe)
    probe.take(probe.agent.end(0.0, 1))
    hear(probe, invite, 491)
    probe.until(200.0)
    assert len(probe.events) == 1
    assert probe.idle()


# --- odd things -----------------------------------------------------------------------------------------


def test_stray_responses_are_dropped() -> None:
    probe = Probe()
    invite = dial(probe)
    stray = reply(invite, 200, to_tag="x")
    stray.headers.set("Via", "SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bKstray")
    assert probe.agent.receive(0.0, stray.to_bytes(), FLOW) == []


@pytest.mark.parametrize("evil", [b"\x85", b"\x00", b"\r"])
def test_a_response_with_control_characters_harms_nobody(evil: bytes) -> None:
    probe = Probe()
    invite = dial(probe)
    response = reply(invite, 486, to_tag="x").to_bytes().replace(b"tag=x", b"tag=x;y=" + evil)
    for output in probe.take(probe.agent.receive(0.0, response, FLOW)):
        assert evil not in output.to_bytes().replace(b"\r\n", b"")
    probe.until(100.0)
    assert probe.idle()


def test_values_that_cannot_be_sent_are_refused() -> None:
    with pytest.raises(ValueError):
        dial(Probe(), headers=(("X-Evil", "a\r\nVia: b"),))


def test_an_unreachable_private_contact_is_not_followed() -> None:
    flow = Flow("UDP", US, ("8.8.8.8", 5060))
    for contact in ("<sip:b@10.0.0.9>", "<sip:b@0.0.0.0>", "<sip:b@somewhere.example>", "<sip:b@127.0.0.1>"):
        probe = Probe(flow=flow)
        hear(probe, dial(probe, flow), 200, body=ANSWER, Contact=contact)
        assert probe.sends[-1][1].flow.remote == ("8.8.8.8", 5060)
