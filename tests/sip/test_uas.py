"""What a user agent answers to requests (RFC 3261 sections 8.2, 9.2, 12.2.2, 13.3, 14.2, 15.1.2)."""

from __future__ import annotations

import pytest
from sip.agents import ANSWER, OFFER, THEM, US, Probe

from hookflash.sip.build import ALLOW
from hookflash.sip.events import Acked, Cancelled, Ended, Failed, IncomingInvite, Reoffered
from hookflash.sip.fields import Headers
from hookflash.sip.flow import Flow
from hookflash.sip.message import Request, Response
from hookflash.sip.stateless import SILENCE, BriefAnswer
from hookflash.sip.ua import Settings

TAGGED = "To: <sip:b@192.0.2.2>;tag={tag}"


def message(
    method: str,
    *extra: str,
    number: int = 1,
    branch: str = "z9hG4bKa",
    to: str = "To: <sip:b@192.0.2.2>",
    via: str = "192.0.2.1:5060",
    call_id: str = "one",
    sender: str = "From: <sip:a@192.0.2.1>;tag=far",
) -> str:
    lines = [
        f"{method} sip:b@192.0.2.2 SIP/2.0",
        f"Via: SIP/2.0/UDP {via};branch={branch}",
        "Max-Forwards: 70" if not any(line.startswith("Max-Forwards") for line in extra) else "",
        sender,
        to,
        f"Call-ID: {call_id}",
        f"CSeq: {number} {method}",
        "Contact: <sip:a@192.0.2.1:5060>" if method == "INVITE" else "",
        *extra,
    ]
    return "\n".join(line for line in lines if line)


SDP = "Content-Type: application/sdp"


def invite(probe: Probe, *extra: str, body: bytes = OFFER, **fields: object) -> list[Request | Response]:
    return probe.tell(message("INVITE", *([SDP] if body else []), *extra, **fields), body)  # type: ignore[arg-type]


def ringing(probe: Probe) -> int:
    invite(probe)
    event = probe.events[-1]
    assert isinstance(event, IncomingInvite)
    return event.session


def established(probe: Probe, *extra: str) -> str:
    """A call the probe has answered and we have acknowledged; returns its tag."""
    invite(probe, *extra)
    event = probe.events[-1]
    assert isinstance(event, IncomingInvite)
    (ok,) = probe.take(probe.agent.answer(probe.now, event.session, ANSWER))
    tag = ok.to.tag or ""
    probe.tell(message("ACK", branch="z9hG4bKack", to=TAGGED.format(tag=tag)))
    return tag


def status(messages: list[Request | Response]) -> list[int]:
    return [found.status for found in messages if isinstance(found, Response)]


def test_an_invite_gets_100_at_once_and_is_reported() -> None:
    probe = Probe()
    (trying,) = invite(probe)
    assert isinstance(trying, Response)
    assert trying.status == 100
    assert trying.to.tag is None
    (event,) = probe.events
    assert isinstance(event, IncomingInvite)
    assert event.flow.remote == THEM
    assert event.request.body == OFFER


def test_ringing_answering_and_the_ack_establish_a_session() -> None:
    probe = Probe()
    session = ringing(probe)
    (ring,) = probe.take(probe.agent.ring(0.0, session))
    (ok,) = probe.take(probe.agent.answer(0.0, session, ANSWER))
    assert isinstance(ring, Response)
    assert isinstance(ok, Response)
    assert ring.status == 180
    assert ok.body == ANSWER
    assert ok.to.tag
    assert ring.to.tag == ok.to.tag
    assert str(ok.contacts[0].uri) == "sip:hookflash@192.0.2.2:5060"
    assert "INVITE" in (ok.headers.get("Allow") or "")
    probe.tell(message("ACK", branch="z9hG4bKack", to=TAGGED.format(tag=ok.to.tag)))
    assert probe.events[-1] == Acked(session, b"", True)


def test_the_200_is_repeated_until_the_ack() -> None:
    probe = Probe()
    session = ringing(probe)
    probe.take(probe.agent.answer(0.0, session, ANSWER))
    assert status(probe.until(8.0)) == [200] * 4
    probe.tell(message("ACK", branch="z9hG4bKack", to=TAGGED.format(tag=probe_tag(probe))))
    assert probe.until(40.0) == []


def probe_tag(probe: Probe) -> str:
    from hookflash.sip.message import parse

    return parse(probe.sends[-1][1].data).to.tag or ""


def test_without_an_ack_the_session_fails_and_bye_is_sent() -> None:
    probe = Probe()
    session = ringing(probe)
    probe.take(probe.agent.answer(0.0, session, ANSWER))
    probe.until(32.0)
    assert isinstance(probe.events[-1], Failed)
    assert probe.events[-1].kind == "no-ack"
    (bye,) = probe.requests("BYE")
    assert bye.headers.get("Reason") == 'SIP;cause=408;text="No ACK for the 200"'
    probe.until(200.0)
    assert probe.idle()


def test_the_200_is_repeated_ever_more_slowly_and_the_bye_comes_after_64_times_t1() -> None:
    probe = Probe()
    session = ringing(probe)
    probe.until(7.0)
    probe.take(probe.agent.answer(probe.now, session, ANSWER))
    probe.until(38.9)
    assert not probe.requests("BYE")
    probe.until(39.0)
    answered = [when - 7.0 for when, send in probe.sends if send.data.startswith(b"SIP/2.0 200")]
    assert answered == [0.0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert [when for when, send in probe.sends if send.data.startswith(b"BYE")] == [39.0]


def test_who_looks_too_late_at_an_unacknowledged_200_ends_the_call_at_once() -> None:
    probe = Probe()
    session = ringing(probe)
    probe.take(probe.agent.answer(0.0, session, ANSWER))
    probe.now = 30.0
    assert status(probe.take(probe.agent.timeout(30.0))) == [200]
    probe.until(32.0)
    (bye,) = (when for when, send in probe.sends if send.data.startswith(b"BYE"))
    assert bye == 32.0
    late = Probe()
    late.take(late.agent.answer(0.0, ringing(late), ANSWER))
    late.now = 50.0
    assert status(late.take(late.agent.timeout(50.0))) == []
    assert len(late.requests("BYE")) == 1


def test_a_repeated_invite_is_not_a_new_call() -> None:
    probe = Probe()
    session = ringing(probe)
    assert status(invite(probe)) == [100]
    probe.take(probe.agent.ring(0.0, session))
    assert status(invite(probe)) == [180]
    probe.take(probe.agent.answer(0.0, session, ANSWER))
    assert invite(probe) == []
    assert len(probe.events) == 1


def test_ringing_is_said_again_every_minute() -> None:
    probe = Probe()
    session = ringing(probe)
    probe.take(probe.agent.ring(0.0, session))
    assert status(probe.until(125.0)) == [180, 180]
    probe.take(probe.agent.refuse(125.0, session, 486))
    assert status(probe.until(400.0)) == [486] * 10


def test_a_call_nobody_answers_is_given_up() -> None:
    probe = Probe(Settings(unanswered=90.0))
    ringing(probe)
    assert status(probe.until(90.0)) == [487]
    event = probe.events[-1]
    assert isinstance(event, Failed)
    assert (event.status, event.kind) == (487, "ring-timeout")
    probe.until(200.0)
    assert probe.idle()


def test_a_refusal_is_repeated_until_acknowledged() -> None:
    probe = Probe()
    session = ringing(probe)
    (busy,) = probe.take(probe.agent.refuse(0.0, session, 486, "Busy", Headers([("Retry-After", "5")])))
    assert isinstance(busy, Response)
    assert (busy.status, busy.reason, busy.headers.get("Retry-After")) == (486, "Busy", "5")
    assert status(probe.until(1.0)) == [486]
    probe.tell(message("ACK", to=TAGGED.format(tag=busy.to.tag)))
    assert probe.until(4.0) == []
    probe.until(60.0)
    assert probe.idle()


def test_cancel_before_the_answer_gets_200_and_the_invite_487() -> None:
    probe = Probe()
    session = ringing(probe)
    answers = probe.tell(message("CANCEL", "Reason: Q.850;cause=16"))
    assert status(answers) == [200, 487]
    event = probe.events[-1]
    assert isinstance(event, Cancelled)
    assert event.session == session
    assert event.headers.get("Reason") == "Q.850;cause=16"
    assert answers[1].cseq.method == "INVITE"
    probe.tell(message("ACK", to=TAGGED.format(tag=answers[1].to.tag)))
    assert probe.take(probe.agent.answer(0.0, session, ANSWER)) == []
    assert status(probe.tell(message("CANCEL"))) == [200]
    probe.until(60.0)
    assert probe.idle()


def test_cancel_after_the_answer_changes_nothing() -> None:
    probe = Probe()
    session = ringing(probe)
    (answered,) = probe.take(probe.agent.answer(0.0, session, ANSWER))
    (cancelled,) = probe.tell(message("CANCEL"))
    assert (cancelled.status, cancelled.cseq.method) == (200, "CANCEL")
    assert cancelled.to.tag == answered.to.tag, "section 9.2: callers may go by the tag they saw last"
    assert len(probe.events) == 1


def test_cancel_after_a_refusal_has_its_tag() -> None:
    probe = Probe()
    session = ringing(probe)
    (refused,) = probe.take(probe.agent.refuse(0.0, session, 486))
    (cancelled,) = probe.tell(message("CANCEL"))
    assert (cancelled.status, cancelled.to.tag) == (200, refused.to.tag)


def test_cancel_of_nothing_is_481() -> None:
    assert status(Probe().tell(message("CANCEL"))) == [481]


def test_bye_ends_a_session() -> None:
    probe = Probe()
    tag = established(probe)
    (ok,) = probe.tell(message("BYE", number=2, branch="z9hG4bKb", to=TAGGED.format(tag=tag)))
    assert isinstance(ok, Response)
    assert ok.status == 200
    event = probe.events[-1]
    assert isinstance(event, Ended)
    assert event.status == 200
    assert status(probe.tell(message("BYE", number=2, branch="z9hG4bKb", to=TAGGED.format(tag=tag)))) == [200]
    assert status(probe.tell(message("BYE", number=3, branch="z9hG4bKc", to=TAGGED.format(tag=tag)))) == [481]
    probe.until(100.0)
    assert probe.idle()


def test_bye_before_the_answer_ends_the_early_dialog() -> None:
    probe = Probe()
    session = ringing(probe)
    (ring,) = probe.take(probe.agent.ring(0.0, session))
    bye = message("BYE", number=2, branch="z9hG4bKb", to=TAGGED.format(tag=ring.to.tag))
    assert status(probe.tell(bye)) == [200, 487]
    assert isinstance(probe.events[-1], Cancelled)


def test_bye_may_overtake_the_ack() -> None:
    probe = Probe()
    session = ringing(probe)
    (ok,) = probe.take(probe.agent.answer(0.0, session, ANSWER))
    probe.tell(message("BYE", number=2, branch="z9hG4bKb", to=TAGGED.format(tag=ok.to.tag)))
    assert isinstance(probe.events[-1], Ended)
    probe.until(100.0)
    assert probe.idle()


def test_our_bye_goes_out_when_we_end_and_the_session_is_gone_with_its_answer() -> None:
    probe = Probe()
    established(probe)
    (bye,) = probe.take(probe.agent.end(0.0, 1))
    assert isinstance(bye, Request)
    assert (bye.method, bye.uri, bye.cseq.number) == ("BYE", "sip:a@192.0.2.1:5060", 1)
    assert bye.to.tag == "far"
    answer = f"""SIP/2.0 200 OK
        Via: {bye.headers.get("Via")}
        From: {bye.headers.get("From")}
        To: {bye.headers.get("To")}
        Call-ID: one
        CSeq: 1 BYE"""
    probe.tell(answer)
    assert probe.agent.sessions == 0
    assert probe.agent.end(0.0, 1) == []
    probe.until(100.0)
    assert probe.idle()
    assert [type(event).__name__ for event in probe.events] == ["IncomingInvite", "Acked"]


def test_ending_before_the_ack_waits_for_it_with_bye() -> None:
    probe = Probe()
    session = ringing(probe)
    (ok,) = probe.take(probe.agent.answer(0.0, session, ANSWER))
    assert probe.take(probe.agent.end(0.0, session, headers=(("Reason", "Q.850;cause=16"),))) == []
    assert status(probe.until(0.6)) == [200]
    probe.tell(message("ACK", branch="z9hG4bKack", to=TAGGED.format(tag=ok.to.tag)))
    (bye,) = probe.requests("BYE")
    assert bye.headers.all("Reason") == ["Q.850;cause=16"]
    probe.until(200.0)
    assert probe.idle()
    assert len(probe.events) == 1


def test_ending_without_any_ack_sends_bye_at_last() -> None:
    probe = Probe()
    session = ringing(probe)
    probe.take(probe.agent.answer(0.0, session, ANSWER))
    probe.take(probe.agent.end(0.0, session))
    probe.until(300.0)
    assert len({str(bye.cseq) for bye in probe.requests("BYE")}) == 1
    assert probe.idle()
    assert len(probe.events) == 1


def test_ending_an_unanswered_call_refuses_it() -> None:
    probe = Probe()
    session = ringing(probe)
    reason = (("Reason", "Q.850;cause=41"),)
    (refusal,) = probe.take(probe.agent.end(0.0, session, 503, "Away", reason))
    assert isinstance(refusal, Response)
    assert (refusal.status, refusal.headers.all("Reason")) == (503, ["Q.850;cause=41"])
    probe.until(100.0)
    assert probe.idle()


def test_a_lower_cseq_in_a_dialog_is_500() -> None:
    probe = Probe()
    tag = established(probe)
    to = TAGGED.format(tag=tag)
    assert status(probe.tell(message("OPTIONS", number=5, branch="z9hG4bKo", to=to))) == [200]
    assert status(probe.tell(message("BYE", number=4, branch="z9hG4bKb", to=to))) == [500]
    assert probe.agent.sessions == 1


@pytest.mark.parametrize("method", ["INVITE", "BYE", "OPTIONS"])
def test_a_request_for_an_unknown_dialog_is_481(method: str) -> None:
    assert status(Probe().tell(message(method, to=TAGGED.format(tag="nobody")))) == [481]


def test_bye_without_a_dialog_is_481() -> None:
    assert status(Probe().tell(message("BYE"))) == [481]


def test_an_ack_for_nothing_is_dropped() -> None:
    probe = Probe()
    assert probe.tell(message("ACK", to=TAGGED.format(tag="nobody"))) == []
    tag = established(probe)
    assert probe.tell(message("ACK", number=9, branch="z9hG4bKz", to=TAGGED.format(tag=tag))) == []


def test_options_says_what_we_can_do() -> None:
    (ok,) = Probe().tell(message("OPTIONS"))
    assert isinstance(ok, Response)
    assert ok.status == 200
    assert ok.headers.tokens("Allow") >= {"invite", "ack", "cancel", "bye", "options"}
    assert ok.headers.get("Accept") == "application/sdp"


@pytest.mark.parametrize(
    ("method", "extra", "expected", "header", "value"),
    [
        ("MESSAGE", "", 405, "Allow", ALLOW),
        ("FANTASY", "", 501, "Allow", ALLOW),
        ("INVITE", "Require: 100rel, fancy", 420, "Unsupported", "fancy"),
        ("OPTIONS", "Require: nothing", 420, "Unsupported", "nothing"),
        ("INVITE", "Max-Forwards: 0", 483, None, None),
        ("INVITE", "Content-Type: text/plain", 415, "Accept", "application/sdp"),
        ("INVITE", "", 415, "Accept", "application/sdp"),
        (
            "INVITE",
            "Content-Type: application/sdp\nContent-Encoding: gzip",
            415,
            "Accept-Encoding",
            "identity",
        ),
        ("INVITE", f"{SDP}\nMax-Forwards: many", 400, None, None),
        ("INVITE", f"{SDP}\nRecord-Route: <<>>", 400, None, None),
    ],
)
def test_what_cannot_be_served_is_refused_with_a_reason(
    method: str, extra: str, expected: int, header: str | None, value: str | None
) -> None:
    probe = Probe()
    (refusal, *_) = probe.tell(message(method, *extra.split("\n")), b"hello")
    assert isinstance(refusal, Response)
    assert refusal.status == expected
    if header:
        assert refusal.headers.get(header) == value
    assert probe.events == []
    probe.until(100.0)
    assert probe.idle()


def test_an_unknown_uri_scheme_is_416() -> None:
    text = message("INVITE").replace("INVITE sip:b@192.0.2.2", "INVITE news:comp.protocols")
    assert status(Probe().tell(text)) == [416]


@pytest.mark.parametrize("contact", ["", "Contact: <tel:+1>", "Contact: *"])
def test_an_invite_without_a_usable_contact_is_400(contact: str) -> None:
    probe = Probe()
    text = message("INVITE").replace("Contact: <sip:a@192.0.2.1:5060>", contact)
    (refusal,) = probe.tell(text)
    assert isinstance(refusal, Response)
    assert refusal.status == 400
    assert "Contact" in (refusal.headers.get("Warning") or "")


def test_too_many_record_routes_are_refused() -> None:
    routes = "\n".join(f"Record-Route: <sip:p{n}.example;lr>" for n in range(40))
    assert status(invite(Probe(), routes)) == [400]


def test_garbage_is_dropped() -> None:
    probe = Probe()
    for data in (
        b"",
        b"\r\n\r\n",
        b"\x00\xff" * 40,
        b"GET / HTTP/1.1\r\n\r\n",
        b"INVITE",
        b"SIP/2.0 200 OK\r\n\r\n",
    ):
        assert probe.agent.receive(0.0, data, probe.flow) == []
    assert probe.idle()


def test_a_request_malformed_but_answerable_gets_400() -> None:
    probe = Probe()
    (refusal,) = probe.tell(message("INVITE").replace("CSeq: 1 INVITE", "CSeq: 1 BYE"))
    assert isinstance(refusal, Response)
    assert refusal.status == 400
    assert probe.tell(message("ACK").replace("CSeq: 1 ACK", "CSeq: 1 BYE")) == []
    assert probe.tell(message("INVITE").replace("Via: SIP/2.0/UDP", "Via: nonsense")) == []
    assert probe.idle()


def test_one_request_that_comes_two_ways_is_482() -> None:
    probe = Probe()
    invite(probe)
    assert status(invite(probe, branch="z9hG4bKother")) == [482]
    assert len(probe.events) == 1
    probe.take(probe.agent.refuse(0.0, 1, 486))
    probe.until(100.0)
    assert status(invite(probe, branch="z9hG4bKthird")) == [100]


def test_responses_go_to_the_real_source_and_say_so() -> None:
    seen = ("198.51.100.7", 40_000)
    flow = Flow("UDP", US, seen)
    probe = Probe(flow=flow)
    (plain,) = probe.tell(message("OPTIONS", via="10.0.0.1:5070"))
    assert probe.sends[-1][1].flow.remote == ("198.51.100.7", 5070)
    assert plain.via.received == "198.51.100.7"
    (symmetric,) = probe.tell(message("OPTIONS", branch="z9hG4bKr;rport", call_id="two"))
    assert probe.sends[-1][1].flow.remote == seen
    assert symmetric.via.rport == 40_000
    probe.tell(message("OPTIONS", branch="z9hG4bKm;maddr=203.0.113.1", call_id="three"))
    assert probe.sends[-1][1].flow.remote[0] == "198.51.100.7"


def test_over_tcp_responses_use_the_same_connection() -> None:
    flow = Flow("TCP", US, ("198.51.100.7", 40_000), 3)
    probe = Probe(flow=flow)
    probe.tell(message("OPTIONS"))
    assert probe.sends[-1][1].flow == flow


def test_record_route_is_echoed_and_becomes_the_route_set() -> None:
    probe = Probe()
    first, second = "<sip:192.0.2.50;lr>", "<sip:192.0.2.51;lr>"
    invite(probe, f"Record-Route: {first}", f"Record-Route: {second}")
    (ok,) = probe.take(probe.agent.answer(0.0, 1, ANSWER))
    assert ok.headers.all("Record-Route") == [first, second]
    probe.tell(message("ACK", branch="z9hG4bKack", to=TAGGED.format(tag=ok.to.tag)))
    (bye,) = probe.take(probe.agent.end(0.0, 1))
    assert isinstance(bye, Request)
    assert bye.headers.all("Route") == [first, second]
    assert bye.uri == "sip:a@192.0.2.1:5060"
    assert probe.sends[-1][1].flow.remote == ("192.0.2.50", 5060)


def test_a_strict_router_gets_itself_as_request_uri() -> None:
    probe = Probe()
    established(probe, "Record-Route: <sip:192.0.2.50>, <sip:192.0.2.51;lr>")
    (bye,) = probe.take(probe.agent.end(0.0, 1))
    assert isinstance(bye, Request)
    assert bye.uri == "sip:192.0.2.50"
    assert bye.headers.all("Route") == ["<sip:192.0.2.51;lr>", "<sip:a@192.0.2.1:5060>"]


def test_requests_beyond_the_limits_get_503() -> None:
    probe = Probe(Settings(max_sessions=1))
    invite(probe)
    assert status(invite(probe, branch="z9hG4bK2", call_id="two")) == [503]
    tiny = Probe(Settings(max_transactions=1))
    invite(tiny)
    (refusal,) = tiny.tell(message("OPTIONS", branch="z9hG4bK2", call_id="two"))
    assert isinstance(refusal, Response)
    assert (refusal.status, refusal.headers.get("Retry-After")) == (503, "10")
    assert tiny.agent.transactions == 1


# --- re-INVITE ------------------------------------------------------------------------------------------


def reinvite(probe: Probe, tag: str, number: int = 2, body: bytes = OFFER, *extra: str) -> list[int]:
    return status(
        invite(
            probe, *extra, body=body, number=number, branch=f"z9hG4bKre{number}", to=TAGGED.format(tag=tag)
        )
    )


def test_a_reoffer_is_reported_answered_and_acknowledged() -> None:
    probe = Probe()
    tag = established(probe)
    assert reinvite(probe, tag) == [100]
    assert probe.events[-1] == Reoffered(1, OFFER)
    (ok,) = probe.take(probe.agent.answer(0.0, 1, ANSWER))
    assert isinstance(ok, Response)
    assert (ok.status, ok.cseq.number) == (200, 2)
    probe.tell(message("ACK", number=2, branch="z9hG4bKack2", to=TAGGED.format(tag=tag)))
    assert probe.events[-1] == Acked(1, b"", False)


def test_a_reoffer_moves_the_remote_target() -> None:
    probe = Probe()
    tag = established(probe)
    text = message("INVITE", number=2, branch="z9hG4bKre", to=TAGGED.format(tag=tag))
    probe.tell(text.replace("<sip:a@192.0.2.1:5060>", "<sip:moved@192.0.2.77:5099>"))
    probe.take(probe.agent.answer(0.0, 1, ANSWER))
    probe.tell(message("ACK", number=2, branch="z9hG4bKack2", to=TAGGED.format(tag=tag)))
    (bye,) = probe.take(probe.agent.end(0.0, 1))
    assert isinstance(bye, Request)
    assert bye.uri == "sip:moved@192.0.2.77:5099"
    assert probe.sends[-1][1].flow.remote == ("192.0.2.77", 5099)


def test_a_refused_reoffer_leaves_the_session_as_it_was() -> None:
    probe = Probe()
    tag = established(probe)
    reinvite(probe, tag)
    assert status(probe.take(probe.agent.refuse(0.0, 1, 488))) == [488]
    assert probe.agent.sessions == 1
    assert probe.take(probe.agent.refuse(0.0, 1, 488)) == []


def test_a_second_reoffer_while_one_is_pending_is_500_and_before_the_ack_491() -> None:
    probe = Probe()
    tag = established(probe)
    reinvite(probe, tag, 2)
    assert reinvite(probe, tag, 3) == [500]
    probe.take(probe.agent.answer(0.0, 1, ANSWER))
    assert reinvite(probe, tag, 4) == [491]


def test_a_reoffer_that_crosses_ours_is_491() -> None:
    probe = Probe()
    tag = established(probe)
    sent, outputs = probe.agent.reoffer(0.0, 1, OFFER)
    probe.take(outputs)
    assert sent
    assert reinvite(probe, tag) == [491]
    assert probe.agent.reoffer(0.0, 1, OFFER) == (False, [])


def test_a_cancelled_reoffer_gets_487_and_the_session_goes_on() -> None:
    probe = Probe()
    tag = established(probe)
    reinvite(probe, tag)
    cancel = message("CANCEL", number=2, branch="z9hG4bKre2", to=TAGGED.format(tag=tag))
    assert status(probe.tell(cancel)) == [200, 487]
    assert probe.agent.sessions == 1
    assert isinstance(probe.events[-1], Reoffered)


def test_bye_terminates_a_pending_reoffer() -> None:
    probe = Probe()
    tag = established(probe)
    reinvite(probe, tag)
    bye = message("BYE", number=3, branch="z9hG4bKb", to=TAGGED.format(tag=tag))
    assert status(probe.tell(bye)) == [200, 487]
    assert isinstance(probe.events[-1], Ended)


def test_ending_with_a_pending_reoffer_refuses_it_first() -> None:
    probe = Probe()
    tag = established(probe)
    reinvite(probe, tag)
    sent = probe.take(probe.agent.end(0.0, 1))
    assert status(sent) == [487]
    assert len(probe.requests("BYE")) == 1
    assert reinvite(probe, tag, 5) == [481]


def test_an_unacknowledged_answer_to_a_reoffer_ends_the_session() -> None:
    probe = Probe()
    tag = established(probe)
    reinvite(probe, tag)
    probe.take(probe.agent.answer(0.0, 1, ANSWER))
    probe.until(33.0)
    event = probe.events[-1]
    assert isinstance(event, Ended)
    assert event.status == 408
    assert len(probe.requests("BYE")) >= 1


def test_a_reoffer_with_a_contact_that_cannot_be_read_is_400() -> None:
    probe = Probe()
    tag = established(probe)
    text = message("INVITE", number=2, branch="z9hG4bKre", to=TAGGED.format(tag=tag))
    assert status(probe.tell(text.replace("<sip:a@192.0.2.1:5060>", "<sip:"))) == [400]


def test_acting_on_sessions_that_do_not_exist_does_nothing() -> None:
    agent = Probe().agent
    assert (
        agent.ring(0.0, 9)
        == agent.answer(0.0, 9, b"")
        == agent.refuse(0.0, 9, 486)
        == agent.end(0.0, 9)
        == []
    )
    assert agent.reoffer(0.0, 9, b"") == (False, [])


def test_ringing_or_answering_twice_does_nothing() -> None:
    probe = Probe()
    established(probe)
    assert probe.agent.ring(0.0, 1) == []
    assert probe.agent.answer(0.0, 1, ANSWER) == []


def test_a_connection_lost_while_ringing_moves_the_answer_to_the_address_in_via() -> None:
    flow = Flow("TCP", US, ("192.0.2.1", 40_000), 3)
    probe = Probe(flow=flow)
    session = ringing(probe)
    probe.take(probe.agent.broken(0.0, flow))
    probe.take(probe.agent.answer(0.0, session, ANSWER))
    assert probe.sends[-1][1].flow == Flow("TCP", US, ("192.0.2.1", 5060))


def test_a_connection_lost_in_a_session_is_opened_again_for_bye() -> None:
    flow = Flow("TCP", US, ("192.0.2.1", 40_000), 3)
    probe = Probe(flow=flow)
    established(probe)
    probe.take(probe.agent.broken(0.0, flow))
    probe.take(probe.agent.end(0.0, 1))
    assert probe.sends[-1][1].flow == Flow("TCP", US, ("192.0.2.1", 5060))


def test_a_new_connection_is_used_from_then_on() -> None:
    flow = Flow("TCP", US, ("192.0.2.1", 40_000), 3)
    probe = Probe(flow=flow)
    tag = established(probe)
    later = flow._replace(connection=8)
    probe.tell(message("OPTIONS", number=2, branch="z9hG4bKo", to=TAGGED.format(tag=tag)), flow=later)
    probe.take(probe.agent.end(0.0, 1))
    assert probe.sends[-1][1].flow == later


# --- senders we want nothing from -----------------------------------------------------------------------


def unwanted(probe: Probe, text: str, body: bytes = b"") -> list[int]:
    """What somebody gets who is turned away with 403."""
    head = text.replace("\n", "\r\n").encode()
    data = head + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    answers = probe.agent.receive(
        probe.now,
        data,
        probe.flow,
        judge=lambda request: BriefAnswer(403, "Not you", (("X-Why", "because"),)),
    )
    return status(probe.take(answers))


def test_who_is_unwanted_gets_an_answer_and_costs_nothing() -> None:
    probe = Probe()
    assert unwanted(probe, message("INVITE", SDP), OFFER) == [403]
    assert unwanted(probe, message("BYE", to=TAGGED.format(tag="none"))) == [481]
    assert unwanted(probe, message("CANCEL")) == [481]
    assert unwanted(probe, message("OPTIONS")) == [200]
    assert unwanted(probe, message("REGISTER")) == [403]
    assert unwanted(probe, message("ACK")) == []
    agent = probe.agent
    assert (agent.sessions, agent.dialogs, agent.transactions, agent.timers) == (0, 0, 0, 0)
    assert probe.events == []


def test_who_is_met_with_silence_hears_nothing() -> None:
    probe = Probe()
    for number, method in enumerate(("INVITE", "BYE", "CANCEL", "OPTIONS", "REGISTER")):
        data = message(method, branch=f"z9hG4bK{number}").replace("\n", "\r\n") + "\r\n\r\n"
        answers = probe.agent.receive(
            0.0, data.encode(), probe.flow, judge=lambda request: SILENCE, quiet=True
        )
        assert answers == []
    broken = message("INVITE", "Content-Length: x").replace("\n", "\r\n") + "\r\n\r\n"
    assert probe.agent.receive(0.0, broken.encode(), probe.flow, quiet=True) == []
    assert probe.agent.broken_messages == 1
    assert len(probe.agent.receive(0.0, broken.encode(), probe.flow)) == 1
    assert probe.idle()


def test_who_is_unwanted_may_end_the_call_it_has() -> None:
    probe = Probe()
    tag = established(probe)
    assert unwanted(probe, message("BYE", number=2, branch="z9hG4bKbye", to=TAGGED.format(tag=tag))) == [200]
    assert isinstance(probe.events[-1], Ended)
    other = Probe()
    invite(other)
    assert sorted(unwanted(other, message("CANCEL"))) == [200, 487]
    assert isinstance(other.events[-1], Cancelled)


def test_who_is_called_by_a_secure_address_has_one() -> None:
    flow = Flow("TLS", US, THEM, 3)
    for uri, contact in (
        ("sips:b@192.0.2.2", "<sips:hookflash@192.0.2.2:5060>"),
        ("sip:b@192.0.2.2;transport=tls", "<sip:hookflash@192.0.2.2:5060;transport=tls>"),
    ):
        probe = Probe(flow=flow)
        invite = f"""
            INVITE {uri} SIP/2.0
            Via: SIP/2.0/TLS 192.0.2.1:5061;branch=z9hG4bK77
            Max-Forwards: 70
            From: <sip:a@192.0.2.1>;tag=1
            To: <sip:b@192.0.2.2>
            Contact: <sip:a@192.0.2.1>
            Call-ID: secure
            CSeq: 1 INVITE
        """
        probe.tell(invite)
        (ringing,) = probe.take(probe.agent.ring(0.0, 1))
        assert ringing.headers.get("Contact") == contact
