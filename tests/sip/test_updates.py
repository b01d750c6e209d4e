"""UPDATE (RFC 3311), received and sent, in early and in established dialogs."""

from __future__ import annotations

import pytest
from sip.agents import ANSWER, OFFER, Net, Peer, Probe
from sip.test_reliable import SUPPORTED, offered, prack, reliable, ring
from sip.test_uac import dial, hear, up
from sip.test_uas import SDP, TAGGED, established, message, ringing, status

from hookflash.sip.build import ALLOW
from hookflash.sip.events import Answered, Ended, IncomingInvite, Reanswered, Reoffered, ReofferRefused
from hookflash.sip.message import Request, Response

ALLOWED = f"Allow: {ALLOW}"


def update(
    probe: Probe, tag: str, *extra: str, body: bytes = b"", number: int = 5, branch: str = "u"
) -> list[Request | Response]:
    lines = [SDP] if body else []
    text = message(
        "UPDATE", *lines, *extra, number=number, branch=f"z9hG4bK{branch}{number}", to=TAGGED.format(tag=tag)
    )
    return probe.tell(text, body)


def ask(probe: Probe, body: bytes = b"", session: int = 1) -> Request:
    sent, outputs = probe.agent.update(probe.now, session, body)
    assert sent
    (request,) = probe.take(outputs)
    assert isinstance(request, Request)
    assert request.method == "UPDATE"
    return request


# --- received -------------------------------------------------------------------------------------------


def test_without_a_description_it_is_answered_at_once_and_moves_the_target() -> None:
    probe = Probe()
    tag = established(probe)
    before = len(probe.events)
    (ok,) = update(probe, tag, "Contact: <sip:elsewhere@192.0.2.1:5099>")
    assert isinstance(ok, Response)
    assert (ok.status, len(probe.events)) == (200, before)
    assert str(ok.contacts[0].uri) == "sip:hookflash@192.0.2.2:5060"
    (bye,) = probe.take(probe.agent.end(0.0, 1))
    assert isinstance(bye, Request)
    assert bye.uri == "sip:elsewhere@192.0.2.1:5099"


def test_with_an_offer_the_owner_answers_it() -> None:
    probe = Probe()
    tag = established(probe)
    assert update(probe, tag, body=OFFER) == []
    assert probe.events[-1] == Reoffered(1, OFFER, "UPDATE")
    (ok,) = probe.take(probe.agent.answer_offer(0.0, 1, ANSWER))
    assert isinstance(ok, Response)
    assert (ok.status, ok.cseq.method, ok.body) == (200, "UPDATE", ANSWER)
    assert update(probe, tag, body=OFFER)[0] == ok, "repeated, it gets the same answer"
    assert probe.until(60.0) == [], "nobody acknowledges it, and nobody repeats it"


def test_a_refused_offer_leaves_the_session_as_it_was() -> None:
    probe = Probe()
    tag = established(probe)
    update(probe, tag, body=OFFER)
    assert status(probe.take(probe.agent.refuse_offer(0.0, 1, 488))) == [488]
    assert update(probe, tag, body=OFFER, number=6) == []
    assert status(probe.take(probe.agent.answer_offer(0.0, 1, ANSWER))) == [200]


MOVED = "Contact: <sip:elsewhere@192.0.2.1:5099>"


def leads_to(probe: Probe) -> str:
    (bye,) = probe.take(probe.agent.end(0.0, 1))
    assert isinstance(bye, Request)
    return bye.uri


@pytest.mark.parametrize("refused", [True, False])
def test_a_refused_one_does_not_move_the_target(refused: bool) -> None:
    probe = Probe()
    tag = established(probe)
    update(probe, tag, MOVED, body=OFFER)
    agent = probe.agent
    probe.take(agent.refuse_offer(0.0, 1, 488) if refused else agent.answer_offer(0.0, 1, ANSWER))
    assert (leads_to(probe) == "sip:elsewhere@192.0.2.1:5099") is not refused


@pytest.mark.parametrize("how", ["answered", "refused", "cancelled", "moved meanwhile"])
def test_a_refused_reinvite_does_not_move_the_target_either(how: str) -> None:
    probe = Probe()
    tag = established(probe)
    first = "Contact: <sip:first@192.0.2.1:5098>"
    update(probe, tag, first)
    text = message("INVITE", SDP, MOVED, number=6, branch="z9hG4bKre", to=TAGGED.format(tag=tag))
    probe.tell(text.replace("Contact: <sip:a@192.0.2.1:5060>\n", ""), OFFER)
    if how == "answered":
        probe.take(probe.agent.answer(0.0, 1, ANSWER))
        probe.tell(message("ACK", number=6, branch="z9hG4bKack", to=TAGGED.format(tag=tag)))
    elif how == "cancelled":
        probe.tell(message("CANCEL", number=6, branch="z9hG4bKre", to=TAGGED.format(tag=tag)))
    else:
        if how == "moved meanwhile":
            update(probe, tag, "Contact: <sip:third@192.0.2.1:5097>", number=7)
        probe.take(probe.agent.refuse(0.0, 1, 488))
    expected = {"answered": "elsewhere", "refused": "first", "cancelled": "first", "moved meanwhile": "third"}
    assert leads_to(probe).partition("@")[0] == f"sip:{expected[how]}"


def test_a_second_one_before_the_answer_to_the_first_is_500_with_retry_after() -> None:
    probe = Probe()
    tag = established(probe)
    update(probe, tag, body=OFFER)
    for body in (OFFER, b""):
        (busy,) = update(probe, tag, body=body, number=6 + (not body))
        assert isinstance(busy, Response)
        assert busy.status == 500
        assert 0 <= int(busy.headers.get("Retry-After") or "-1") <= 10


def test_one_that_crosses_our_offer_is_491() -> None:
    probe = Probe()
    tag = established(probe)
    probe.take(probe.agent.reoffer(0.0, 1, OFFER)[1])
    assert status(update(probe, tag, body=OFFER)) == [491]
    assert status(update(probe, tag, number=6)) == [200], "one without an offer crosses nothing"


def test_in_an_early_dialog_it_waits_for_our_first_answer() -> None:
    probe = Probe()
    session = offered(probe, SUPPORTED)
    progress = ring(probe, session, 183, ANSWER)
    tag = progress.to.tag or ""
    prack(probe, progress)
    update(probe, tag, body=OFFER)
    assert probe.events[-1] == Reoffered(session, OFFER, "UPDATE")
    assert status(probe.take(probe.agent.answer_offer(0.0, session, ANSWER))) == [200]

    other = Probe()
    session = ringing(other)
    (early,) = other.take(other.agent.ring(0.0, session))
    (busy,) = update(other, early.to.tag or "", body=OFFER)
    assert isinstance(busy, Response)
    assert busy.status == 500
    assert "Retry-After" in busy.headers


@pytest.mark.parametrize(
    ("extra", "expected"),
    [("Content-Type: text/plain", 415), (f"{SDP}\nContact: <sip:>", 400), ("Require: fancy", 420)],
)
def test_a_bad_one_is_refused(extra: str, expected: int) -> None:
    probe = Probe()
    tag = established(probe)
    text = message("UPDATE", *extra.split("\n"), number=5, branch="z9hG4bKx", to=TAGGED.format(tag=tag))
    assert status(probe.tell(text, b"words")) == [expected]


def test_outside_a_dialog_and_after_our_end_it_is_481() -> None:
    assert status(Probe().tell(message("UPDATE"))) == [481]
    probe = Probe()
    tag = established(probe)
    probe.agent.end(0.0, 1)
    assert status(update(probe, tag)) == [481]


def test_a_bye_answers_what_is_pending() -> None:
    probe = Probe()
    tag = established(probe)
    update(probe, tag, body=OFFER)
    found = probe.tell(message("BYE", number=9, branch="z9hG4bKbye", to=TAGGED.format(tag=tag)))
    assert sorted(status(found)) == [200, 487]
    probe.until(100.0)
    assert probe.idle()


# --- sent -----------------------------------------------------------------------------------------------


def test_ours_goes_only_to_who_allows_it() -> None:
    probe = Probe()
    up(probe)
    assert probe.agent.update(0.0, 1, OFFER) == (False, [])
    other = Probe()
    invite = dial(other)
    hear(other, invite, 200, body=ANSWER, Allow=ALLOW)
    request = ask(other, OFFER)
    assert (request.body, request.uri, request.cseq.number) == (OFFER, "sip:b@192.0.2.1:5070", 2)


def connected(probe: Probe) -> None:
    hear(probe, dial(probe), 200, body=ANSWER, Allow=ALLOW)


def test_its_answer_is_reported_and_moves_the_target() -> None:
    probe = Probe()
    connected(probe)
    hear(probe, ask(probe, OFFER), 200, body=ANSWER, Contact="<sip:b@192.0.2.1:5088>")
    assert probe.events[-1] == Reanswered(1, ANSWER)
    (bye,) = probe.take(probe.agent.end(0.0, 1))
    assert isinstance(bye, Request)
    assert bye.uri == "sip:b@192.0.2.1:5088"


def test_one_without_an_offer_is_not_reported() -> None:
    probe = Probe()
    connected(probe)
    hear(probe, ask(probe), 200)
    hear(probe, ask(probe), 488)
    assert [type(event) for event in probe.events] == [Answered]


def test_one_at_a_time() -> None:
    probe = Probe()
    connected(probe)
    request = ask(probe, OFFER)
    assert probe.agent.update(0.0, 1) == (False, [])
    assert not probe.agent.may_reoffer(1)
    hear(probe, request, 488)
    assert probe.events[-1] == ReofferRefused(1, 488, "Not Acceptable Here")
    assert probe.agent.may_reoffer(1)


@pytest.mark.parametrize(
    ("ours", "earliest", "latest"), [(True, 2.1, 4.0), (False, 0.0, 2.0)], ids=["caller", "callee"]
)
def test_after_491_the_owner_of_the_call_id_waits_longer(ours: bool, earliest: float, latest: float) -> None:
    probe = Probe()
    if ours:
        connected(probe)
    else:
        established(probe, ALLOWED)
    hear(probe, ask(probe, OFFER), 491)
    start = len(probe.sends)
    probe.until(10.0)
    (at, _), *_ = probe.sends[start:]
    assert earliest <= at <= latest
    assert len(probe.requests("UPDATE")) > 1


def test_after_500_it_is_tried_again_when_the_peer_says() -> None:
    probe = Probe()
    connected(probe)
    hear(probe, ask(probe, OFFER), 500, Retry_After="7 (busy);duration=3")
    assert probe.until(6.9) == []
    (again,) = probe.until(7.0)
    assert isinstance(again, Request)
    assert (again.body, again.cseq.number) == (OFFER, 3)
    hear(probe, again, 500)
    assert isinstance(probe.events[-1], ReofferRefused), "without Retry-After it is refused"


def test_endless_glare_is_given_up() -> None:
    probe = Probe()
    connected(probe)
    request = ask(probe, OFFER)
    for _ in range(5):
        hear(probe, request, 491)
        (again, *_) = probe.until(probe.now + 4.0)
        assert isinstance(again, Request)
        request = again
    hear(probe, request, 491)
    assert isinstance(probe.events[-1], ReofferRefused)


def test_a_peer_that_does_not_know_it_after_all_gets_no_more() -> None:
    probe = Probe()
    connected(probe)
    hear(probe, ask(probe), 501)
    assert probe.agent.update(0.0, 1) == (False, [])


@pytest.mark.parametrize("code", [408, 481, 0])
def test_one_that_shows_the_dialog_is_gone_ends_the_call(code: int) -> None:
    probe = Probe()
    connected(probe)
    request = ask(probe)
    if code:
        hear(probe, request, code)
    else:
        probe.until(33.0)
    event = probe.events[-1]
    assert isinstance(event, Ended)
    assert event.status == (code or 408)
    probe.until(200.0)
    assert probe.idle()


def test_a_challenged_one_is_sent_again_with_its_offer() -> None:
    probe = Probe()
    hear(probe, dial(probe, username="u", password="p"), 200, body=ANSWER, Allow=ALLOW)
    request = ask(probe, OFFER)
    (again,) = hear(probe, request, 401, WWW_Authenticate='Digest realm="r", nonce="n"')
    assert isinstance(again, Request)
    assert (again.method, again.body, again.cseq.number) == ("UPDATE", OFFER, 3)
    assert "Authorization" in again.headers
    assert len(again.headers.lines("Contact")) == 1
    hear(probe, again, 200, body=ANSWER)
    assert probe.events[-1] == Reanswered(1, ANSWER)


def test_in_an_early_dialog_ours_needs_a_reliable_answer_first() -> None:
    probe = Probe()
    invite = dial(probe)
    hear(probe, invite, 183, body=ANSWER, Allow=ALLOW)
    assert probe.agent.update(0.0, 1, OFFER) == (False, [])
    hear(probe, invite, 183, body=ANSWER, Allow=ALLOW, **reliable(3))
    request = ask(probe, OFFER)
    assert request.to.tag == "far"
    hear(probe, request, 200, body=ANSWER)
    assert probe.events[-1] == Reanswered(1, ANSWER)
    hear(probe, invite, 183, "another", Allow=ALLOW)
    assert probe.agent.update(0.0, 1, OFFER) == (False, []), "of two forks neither is meant"


def test_an_early_callee_may_offer_once_its_answer_has_arrived() -> None:
    probe = Probe()
    session = offered(probe, SUPPORTED, ALLOWED)
    progress = ring(probe, session, 183, ANSWER)
    assert probe.agent.update(0.0, session, OFFER) == (False, [])
    prack(probe, progress)
    assert ask(probe, OFFER, session).body == OFFER


@pytest.mark.parametrize("seed", range(8))
def test_two_offers_that_cross_both_come_to_an_end(seed: int) -> None:
    """491 both ways, then one after the other: whose Call-ID it is decides who goes first."""
    net = Net(seed, loss=0.15, double=0.15)
    caller, callee = net.peer(5060), net.peer(5070)

    def reacting(peer: Peer) -> None:
        def react(event: object) -> None:
            if isinstance(event, IncomingInvite):
                peer.take(peer.agent.answer(net.now, event.session, ANSWER))
            elif isinstance(event, Reoffered):
                peer.take(peer.agent.answer_offer(net.now, event.session, ANSWER))

        peer.react = react

    reacting(caller)
    reacting(callee)
    caller.call(callee.address)
    net.run(20.0)
    for peer in (caller, callee):
        sent, outputs = peer.agent.update(net.now, 1, OFFER)
        assert sent
        peer.take(outputs)
    net.run(90.0)
    assert caller.kinds().count("Reanswered") == callee.kinds().count("Reanswered") == 1
