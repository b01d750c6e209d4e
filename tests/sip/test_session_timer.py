"""Session timers (RFC 4028), as the one who refreshes and as the one who waits, in virtual time."""

from __future__ import annotations

import pytest
from sip.agents import ANSWER, OFFER, Net, Probe
from sip.test_uac import dial, hear
from sip.test_uas import SDP, TAGGED, invite, message, status
from sip.test_updates import ALLOWED

from hookflash.sip.build import ALLOW
from hookflash.sip.dialog_headers import SessionExpires, parse_min_se
from hookflash.sip.errors import ParseError
from hookflash.sip.events import (
    Answered,
    Ended,
    Failed,
    IncomingInvite,
    Reanswered,
    Refreshed,
    Reoffered,
    ReofferRefused,
)
from hookflash.sip.message import Request, Response
from hookflash.sip.session import Guest
from hookflash.sip.ua import SessionTerms, Settings

TIMER = "Supported: timer"
TERMS = SessionTerms(1800, 90)


def server() -> Probe:
    return Probe(Settings(terms=TERMS))


def answered(probe: Probe, *extra: str) -> Response:
    """A call that came in is answered and acknowledged; returns our 200."""
    invite(probe, *extra)
    event = probe.events[-1]
    assert isinstance(event, IncomingInvite)
    (ok,) = probe.take(probe.agent.answer(probe.now, event.session, ANSWER))
    assert isinstance(ok, Response)
    probe.tell(message("ACK", branch="z9hG4bKack", to=TAGGED.format(tag=ok.to.tag)))
    return ok


def called(probe: Probe, *, terms: SessionTerms = TERMS, **headers: str) -> Request:
    """A call of ours is answered with these headers."""
    request = dial(probe, terms=terms)
    hear(probe, request, 200, body=ANSWER, **headers)
    assert isinstance(probe.events[-1], Answered)
    return request


def expired(probe: Probe) -> bool:
    event = probe.events[-1]
    return isinstance(event, Ended) and (event.status, event.reason) == (408, "Session timer expired")


# --- calls that come in ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "granted", "required"),
    [
        ((TIMER, "Session-Expires: 600"), "600;refresher=uac", True),
        ((TIMER, "Session-Expires: 600;refresher=uas"), "600;refresher=uas", True),
        ((TIMER, "Session-Expires: 600;refresher=uac", "Min-SE: 300"), "600;refresher=uac", True),
        ((TIMER, "Session-Expires: 7200"), "1800;refresher=uac", True),
        ((TIMER, "Session-Expires: 7200", "Min-SE: 3600"), "3600;refresher=uac", True),
        ((TIMER,), "1800;refresher=uac", True),
        ((TIMER, "Min-SE: 2000"), "2000;refresher=uac", True),
        # A caller that knows nothing of it: we refresh. The header is a proxy's then.
        ((), "1800;refresher=uas", False),
        (("Session-Expires: 60",), "60;refresher=uas", False),
        (("x: 600;refresher=uac",), "600;refresher=uas", False),
    ],
)
def test_what_is_granted(asked: tuple[str, ...], granted: str, required: bool) -> None:
    ok = answered(server(), *asked)
    assert ok.headers.get("Session-Expires") == granted
    assert ("timer" in ok.headers.tokens("Require")) is required


def test_without_terms_of_ours_only_what_is_asked_is_granted() -> None:
    assert answered(Probe()).headers.get("Session-Expires") is None
    assert answered(Probe(), TIMER).headers.get("Session-Expires") is None
    ok = answered(Probe(), TIMER, "Session-Expires: 600;refresher=uas")
    assert ok.headers.get("Session-Expires") == "600;refresher=uas"


def test_terms_of_the_sender_go_before_the_general_ones() -> None:
    probe = server()
    head = message("INVITE", SDP, TIMER).replace("\n", "\r\n")
    data = f"{head}\r\nContent-Length: {len(OFFER)}\r\n\r\n".encode() + OFFER
    probe.take(probe.agent.receive(0.0, data, probe.flow, guest=lambda: Guest(SessionTerms(300, 90))))
    (ok,) = probe.take(probe.agent.answer(0.0, 1, ANSWER))
    assert ok.headers.get("Session-Expires") == "300;refresher=uac"


def test_too_short_an_interval_is_422() -> None:
    probe = server()
    (refusal,) = invite(probe, TIMER, "Session-Expires: 89")
    assert isinstance(refusal, Response)
    assert (refusal.status, refusal.headers.get("Min-SE")) == (422, "90")
    assert probe.events == []
    # Who does not know what 422 is gets none.
    other = server()
    assert status(invite(other, "Session-Expires: 89")) == [100]


@pytest.mark.parametrize("extra", ["Session-Expires: soon", "Session-Expires: 90;refresher=me", "Min-SE: -1"])
def test_malformed_headers_are_400_or_passed_over(extra: str) -> None:
    probe = server()
    found = status(invite(probe, TIMER, extra))
    assert found == ([400] if extra.startswith("Session") else [100])


def test_a_caller_that_does_not_refresh_loses_the_call() -> None:
    probe = server()
    answered(probe, TIMER, "Session-Expires: 90")
    probe.until(59.9)
    assert not isinstance(probe.events[-1], Ended)
    (bye, *_) = probe.until(60.0)
    assert isinstance(bye, Request)
    assert bye.headers.get("Reason") == 'SIP;cause=408;text="Session timer expired"'
    assert expired(probe)
    probe.until(200.0)
    assert probe.idle()


@pytest.mark.parametrize("method", ["UPDATE", "INVITE"])
def test_a_caller_that_refreshes_keeps_it(method: str) -> None:
    probe = server()
    ok = answered(probe, TIMER, "Session-Expires: 90")
    to = TAGGED.format(tag=ok.to.tag)
    for turn in range(2, 6):
        probe.until(45.0 * (turn - 1))
        body = OFFER if method == "INVITE" else b""
        lines = [SDP] if body else []
        text = message(
            method,
            *lines,
            TIMER,
            "Session-Expires: 90;refresher=uac",
            number=turn,
            branch=f"z9hG4bK{turn}",
            to=to,
        )
        probe.tell(text, body)
        if body:
            assert isinstance(probe.events[-1], Reoffered)
            (again,) = probe.take(probe.agent.answer(probe.now, 1, ANSWER))
            probe.tell(message("ACK", number=turn, branch=f"z9hG4bKa{turn}", to=to))
            assert again.headers.get("Session-Expires") == "90;refresher=uac"
    assert not isinstance(probe.events[-1], Ended)
    probe.until(45.0 * 4 + 60.0)
    assert expired(probe)


def test_too_short_a_refresh_is_422_as_well() -> None:
    probe = server()
    ok = answered(probe, TIMER, "Session-Expires: 90")
    to = TAGGED.format(tag=ok.to.tag)
    for number, method in enumerate(("UPDATE", "INVITE"), 2):
        text = message(method, TIMER, "Session-Expires: 20", number=number, branch=f"z9hG4bK{number}", to=to)
        (refusal,) = probe.tell(text)
        assert isinstance(refusal, Response)
        assert (refusal.status, refusal.headers.get("Min-SE")) == (422, "90")


def test_as_the_callee_we_refresh_when_that_was_agreed() -> None:
    probe = server()
    answered(probe, TIMER, ALLOWED, "Session-Expires: 100;refresher=uas")
    (refresh, *_) = probe.until(50.0)
    assert isinstance(refresh, Request)
    assert (refresh.method, refresh.body) == ("UPDATE", b"")
    # Who refreshes is said as seen from the request.
    assert refresh.headers.get("Session-Expires") == "100;refresher=uac"


# --- calls of ours --------------------------------------------------------------------------------------


def test_our_invite_asks_for_it() -> None:
    request = dial(Probe(), terms=TERMS)
    assert (request.headers.get("Session-Expires"), request.headers.get("Min-SE")) == ("1800", None)
    assert request.headers.tokens("Supported") >= {"timer"}
    assert dial(Probe(), terms=SessionTerms(1800, 120)).headers.get("Min-SE") == "120"
    assert dial(Probe()).headers.get("Session-Expires") is None
    assert dial(Probe(), terms=SessionTerms(20, 90)).headers.get("Session-Expires") == "90"


def test_we_refresh_by_update_where_it_is_allowed() -> None:
    probe = Probe()
    called(probe, Session_Expires="1200;refresher=uac", Require="timer", Allow=ALLOW)
    for turn in range(1, 4):
        (refresh,) = probe.until(600.0 * turn)
        assert isinstance(refresh, Request)
        assert (refresh.method, refresh.body) == ("UPDATE", b"")
        assert refresh.headers.get("Session-Expires") == "1200;refresher=uac"
        hear(probe, refresh, 200, Session_Expires="1200;refresher=uac")
    assert [type(event) for event in probe.events] == [Answered]


def test_we_refresh_by_re_invite_otherwise_with_what_stands() -> None:
    probe = Probe()
    called(probe, Session_Expires="1200;refresher=uac", Allow="INVITE, ACK, BYE, CANCEL")
    (refresh,) = probe.until(600.0)
    assert isinstance(refresh, Request)
    assert (refresh.method, refresh.body) == ("INVITE", OFFER)
    (ack,) = hear(probe, refresh, 200, body=ANSWER, Session_Expires="1200;refresher=uac")
    assert isinstance(ack, Request)
    assert probe.events[1:] == [Refreshed(1, ANSWER)]
    (again,) = probe.until(1200.0)
    assert isinstance(again, Request)
    assert again.cseq.number == 3


def test_a_re_offer_of_ours_is_what_stands_from_then_on() -> None:
    probe = Probe()
    called(probe, Session_Expires="1200;refresher=uac")
    other = OFFER.replace(b"4000", b"4004")
    (request,) = probe.take(probe.agent.reoffer(0.0, 1, other)[1])
    assert isinstance(request, Request)
    hear(probe, request, 200, body=ANSWER, Session_Expires="1200;refresher=uac")
    assert probe.events[-1] == Reanswered(1, ANSWER)
    (refresh,) = probe.until(600.0)
    assert isinstance(refresh, Request)
    assert refresh.body == other


def test_a_callee_that_promised_to_refresh_and_does_not_loses_the_call() -> None:
    probe = Probe()
    called(probe, Session_Expires="90;refresher=uas", Allow=ALLOW)
    probe.until(59.0)
    assert probe.requests("UPDATE") == []
    probe.until(60.0)
    assert expired(probe)
    assert probe.requests("BYE")


def test_a_callee_that_knows_nothing_of_it_is_refreshed_and_may_refuse() -> None:
    """That it answers at all is all we want to know."""
    probe = Probe()
    called(probe)
    for turn in range(1, 4):
        (refresh,) = probe.until(900.0 * turn)
        assert isinstance(refresh, Request)
        assert refresh.method == "INVITE"
        hear(probe, refresh, 488)
        assert probe.events[-1] == Refreshed(1, b"")
    assert len(probe.events) == 4


@pytest.mark.parametrize("answer", [0, 408, 481])
@pytest.mark.parametrize("allow", [ALLOW, ""])
def test_a_phone_that_is_gone_ends_the_call_at_the_next_refresh(answer: int, allow: str) -> None:
    probe = Probe()
    called(probe, Allow=allow)
    (refresh, *_) = probe.until(900.0)
    assert isinstance(refresh, Request)
    if answer:
        hear(probe, refresh, answer)
    probe.until(933.0)
    event = probe.events[-1]
    assert isinstance(event, Ended)
    assert event.status == (answer or 408)
    probe.until(1200.0)
    assert probe.idle()


def test_a_refused_refresh_is_tried_again_and_ends_the_call_in_the_end() -> None:
    probe = Probe()
    called(probe, Session_Expires="90;refresher=uac", Require="timer", Allow=ALLOW)
    start = len(probe.sends)
    while not isinstance(probe.events[-1], Ended):
        found = probe.until(probe.now + 0.5)
        for request in found:
            if isinstance(request, Request) and request.method == "UPDATE":
                hear(probe, request, 503)
    assert probe.now == 60.0
    assert expired(probe)
    assert 3 <= len(probe.sends) - start <= 10


def test_glare_of_a_refresh_is_waited_out() -> None:
    probe = Probe()
    called(probe, Session_Expires="1200;refresher=uac")
    (refresh,) = probe.until(600.0)
    assert isinstance(refresh, Request)
    hear(probe, refresh, 491)
    (again, *_) = probe.until(604.0)
    assert isinstance(again, Request)
    hear(probe, again, 200, body=ANSWER, Session_Expires="1200;refresher=uac")
    assert probe.events[1:] == [Refreshed(1, ANSWER)]


def test_a_refresh_waits_for_an_exchange_under_way() -> None:
    probe = Probe()
    called(probe, Session_Expires="1200;refresher=uac")
    probe.until(590.0)
    (request,) = probe.take(probe.agent.reoffer(probe.now, 1, OFFER)[1])
    assert isinstance(request, Request)
    hear(probe, request, 183)
    assert probe.until(610.0) == []
    hear(probe, request, 488)
    assert isinstance(probe.events[-1], ReofferRefused)
    (refresh, *_) = probe.until(612.0)
    assert isinstance(refresh, Request)
    assert refresh.method == "INVITE"


def test_a_silly_interval_is_not_followed_to_the_letter() -> None:
    probe = Probe()
    called(probe, Session_Expires="0;refresher=uac", Allow=ALLOW)
    assert probe.until(4.9) == []
    assert len(probe.until(5.0)) == 1


def test_update_that_is_not_known_after_all_gives_way_to_re_invite() -> None:
    probe = Probe()
    called(probe, Session_Expires="1200;refresher=uac", Allow=ALLOW)
    (refresh,) = probe.until(600.0)
    assert isinstance(refresh, Request)
    (instead,) = hear(probe, refresh, 405)
    assert isinstance(instead, Request)
    assert instead.method == "INVITE"


def test_422_makes_us_ask_for_more() -> None:
    probe = Probe()
    request = dial(probe, terms=TERMS)
    _, again = hear(probe, request, 422, Min_SE="3600")
    assert isinstance(again, Request)
    assert (again.call_id, again.cseq.number, again.from_) == (request.call_id, 2, request.from_)
    assert again.to.tag is None
    assert (again.headers.get("Session-Expires"), again.headers.get("Min-SE")) == ("3600", "3600")
    assert probe.events == []


@pytest.mark.parametrize("least", ["", "90", "x", "86401"])
def test_a_422_that_asks_for_nothing_we_can_give_is_a_refusal(least: str) -> None:
    probe = Probe()
    hear(probe, dial(probe, terms=TERMS), 422, Min_SE=least)
    event = probe.events[-1]
    assert isinstance(event, Failed)
    assert event.status == 422


def test_ever_more_422_are_given_up() -> None:
    probe = Probe()
    request = dial(probe, terms=TERMS)
    for least in (2000, 2001, 2002):
        _, again = hear(probe, request, 422, Min_SE=str(least))
        assert isinstance(again, Request)
        request = again
    hear(probe, request, 422, Min_SE="2003")
    assert isinstance(probe.events[-1], Failed)


@pytest.mark.parametrize("allow", [ALLOW, ""])
def test_422_to_a_refresh_makes_us_ask_for_more(allow: str) -> None:
    probe = Probe()
    called(probe, Session_Expires="100;refresher=uac", Allow=allow)
    (refresh,) = probe.until(50.0)
    assert isinstance(refresh, Request)
    again = hear(probe, refresh, 422, Min_SE="200")[-1]
    assert isinstance(again, Request)
    assert again.headers.get("Session-Expires") == "200;refresher=uac"


@pytest.mark.parametrize("text", ["", "x", "-1", "4294967296", "90;refresher=x", "90;;"])
def test_what_is_no_interval(text: str) -> None:
    with pytest.raises(ParseError):
        SessionExpires.parse(text)


def test_intervals_are_written_as_read() -> None:
    assert str(SessionExpires.parse(" 1800 ; refresher = UAS ")) == "1800;refresher=uas"
    assert str(SessionExpires.parse("90;other=1")) == "90"
    assert parse_min_se("90;x=y") == 90


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("update", [True, False])
def test_two_agents_keep_a_call_for_a_day_over_a_bad_network(seed: int, update: bool) -> None:
    net = Net(seed, loss=0.1, double=0.1)
    caller, callee = net.peer(5060), net.peer(5070, Settings(terms=SessionTerms(600, 90)))
    if not update:
        net.tap = lambda found: found.headers.remove("Allow") or True  # type: ignore[func-returns-value]

    def react(event: object) -> None:
        if isinstance(event, IncomingInvite | Reoffered):
            callee.take(callee.agent.answer(net.now, event.session, ANSWER))

    callee.react = react
    caller.call(callee.address, terms=TERMS)
    net.run(86_400.0)
    assert "Ended" not in caller.kinds() + callee.kinds()
    net.loss = 1.0
    net.run(86_400.0 + 600.0)
    assert caller.kinds()[-1] == callee.kinds()[-1] == "Ended"
    net.run(86_400.0 + 800.0)
    assert (caller.agent.timers, callee.agent.timers) == (0, 0)
