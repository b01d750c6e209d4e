"""The basic call flows of RFC 3665 as ladders, in virtual time.

Whose each of its flows is:

* 2.1 to 2.5, registration: the tests of registrations, on either side
* 3.1, a call: ``test_a_call_is_established_and_ended``
* 3.2, two proxies: they forward; ours is the route, ``test_the_way_of_a_call_is_the_way_of_its_requests``
* 3.3, proxies that want credentials: ``test_every_proxy_on_the_way_gets_its_credentials``
* 3.4, a proxy that fails: here ``test_nobody_is_there``; whom to try next a search decides
* 3.5, an application gateway: it rewrites addresses under way, nothing of it is ours
* 3.6, redirection: ``test_a_redirection_names_where_to_call_instead``; a description in the ACK is
  ``test_the_offer_may_come_in_the_answer``
* 3.7, a new address: ``test_a_phone_that_moves_takes_its_call_along``
* 3.8, no answer: ``test_nobody_answers_and_the_caller_gives_up``
* 3.9 and 3.11, busy and unavailable: ``test_a_refusal_ends_the_attempt``
* 3.10, no response: ``test_nobody_is_there``

What is lost on the way is in ``test_lost_messages.py``.
"""

from __future__ import annotations

import pytest
from sip.agents import ANSWER, OFFER, Probe
from sip.ladder import Ladder, refusing, ringing
from sip.test_uac import dial, hear
from sip.test_uas import message

from hookflash.sip.events import Acked, Answered, Ended, Failed, IncomingInvite, Reanswered, Reoffered
from hookflash.sip.fields import Headers
from hookflash.sip.flow import Flow
from hookflash.sip.message import Request

CALL = ["> INVITE", "< 100", "< 180", "< 200", "> ACK"]


@pytest.mark.parametrize("transport", ["UDP", "TCP", "TLS"])
@pytest.mark.parametrize("caller_ends", [True, False])
def test_a_call_is_established_and_ended(transport: str, caller_ends: bool) -> None:
    """Section 3.1."""
    ladder = Ladder(transport=transport)
    ladder.call()
    ladder.wait(1.0)
    invite, ok, ack = (ladder.last(rung) for rung in ("> INVITE", "< 200", "> ACK"))
    assert {m.call_id for m in ladder.messages} == {invite.call_id}
    assert {m.from_.tag for m in ladder.messages} == {invite.from_.tag}
    assert (ack.to.tag, ack.cseq.number) == (ok.to.tag, invite.cseq.number)
    assert ack.via.branch != invite.via.branch
    assert ladder.fresh() == CALL
    ladder.hang_up(ladder.caller if caller_ends else ladder.callee)
    ladder.wait(1.0)
    assert ladder.fresh() == (["> BYE", "< 200"] if caller_ends else ["< BYE", "> 200"])
    assert isinstance((ladder.callee if caller_ends else ladder.caller).events[-1], Ended)
    assert ladder.silent()
    assert ladder.fresh() == []


def test_the_way_of_a_call_is_the_way_of_its_requests() -> None:
    """Section 3.2: both proxies have recorded themselves."""
    probe = Probe()
    invite = dial(probe)
    route = "<sip:ss2.example.com;lr>, <sip:ss1.example.com;lr>"
    (ack,) = hear(probe, invite, 200, body=ANSWER, Record_Route=route)
    (bye,) = probe.take(probe.agent.end(1.0, 1))
    for sent in (ack, bye):
        assert sent.headers.all("Route") == ["<sip:ss1.example.com;lr>", "<sip:ss2.example.com;lr>"]
        assert isinstance(sent, Request)
        assert sent.uri == "sip:b@192.0.2.1:5070"


def test_every_proxy_on_the_way_gets_its_credentials() -> None:
    """Section 3.3: two of them ask, one after the other."""
    probe = Probe()
    invite = dial(probe, username="alice", password="s")
    realms = []
    for realm in ("a.example.com", "b.example.com"):
        challenge = f'Digest realm="{realm}", nonce="{realm}n", algorithm=MD5'
        ack, invite = hear(probe, invite, 407, Proxy_Authenticate=challenge)  # type: ignore[assignment]
        assert isinstance(ack, Request)
        assert ack.method == "ACK"
        realms.append(realm)
        given = invite.headers.all("Proxy-Authorization")
        assert [value.split('realm="')[1].split('"')[0] for value in given] == realms
    assert invite.cseq.number == 3
    (ack,) = hear(probe, invite, 200, body=ANSWER)
    assert len(ack.headers.all("Proxy-Authorization")) == 2
    assert isinstance(probe.events[-1], Answered)


def test_a_redirection_names_where_to_call_instead() -> None:
    """Section 3.6, its first half: whether to follow is the owner's decision."""
    ladder = Ladder()
    refusing(ladder, 302, Headers([("Contact", "<sip:b@chicago.example.com>")]))
    ladder.call()
    ladder.wait(1.0)
    assert ladder.fresh() == ["> INVITE", "< 100", "< 302", "> ACK"]
    failed = ladder.caller.events[-1]
    assert isinstance(failed, Failed)
    assert (failed.status, failed.headers.get("Contact")) == (302, "<sip:b@chicago.example.com>")
    assert ladder.silent()


def test_the_offer_may_come_in_the_answer() -> None:
    """Section 3.6, its second half: the INVITE has none, so the 200 offers and the ACK answers."""
    probe = Probe()
    probe.tell(message("INVITE"))
    (ok,) = probe.take(probe.agent.answer(0.0, 1, OFFER))
    assert ok.body == OFFER
    to = f"To: <sip:b@192.0.2.2>;tag={ok.to.tag}"
    probe.tell(message("ACK", "Content-Type: application/sdp", branch="z9hG4bKack", to=to), ANSWER)
    assert probe.events[-1] == Acked(1, ANSWER, True)


def test_a_phone_that_moves_takes_its_call_along() -> None:
    """Section 3.7: the re-INVITE has another Contact and another address for audio."""
    ladder = Ladder()
    ladder.call()
    ladder.wait(1.0)
    ladder.fresh()
    moved = ladder.peers[("192.0.2.1", 5090)] = ladder.caller
    _, outputs = moved.agent.reoffer(ladder.now, 1, OFFER)
    for output in outputs:
        text = output.data.replace(b"@192.0.2.1:5060>", b"@192.0.2.1:5090>")  # type: ignore[union-attr]
        moved.take([output._replace(data=text)])  # type: ignore[union-attr]
    ladder.wait(1.0)
    assert ladder.fresh() == ["> INVITE", "< 100", "< 200", "> ACK"]
    assert isinstance(moved.events[-1], Reanswered)
    ladder.hang_up(ladder.callee)
    bye = ladder.last("< BYE")
    assert isinstance(bye, Request)
    assert bye.uri.endswith("@192.0.2.1:5090")
    ladder.wait(1.0)
    assert ladder.fresh() == ["< BYE", "> 200"]
    assert ladder.silent()


@pytest.mark.parametrize("waits", [True, False])
def test_nobody_answers_and_the_caller_gives_up(waits: bool) -> None:
    """Section 3.8: by himself, or because it has rung long enough."""
    ladder = Ladder()
    ringing(ladder)
    session = ladder.call(ring_timeout=20.0)
    if waits:
        ladder.wait(20.0)
    else:
        ladder.wait(5.0)
        ladder.hang_up(ladder.caller, session)
    ladder.wait(1.0)
    cancel, invite = ladder.last("> CANCEL"), ladder.last("> INVITE")
    assert (cancel.via, cancel.cseq.number) == (invite.via, invite.cseq.number)
    assert cancel.to == invite.to
    assert ladder.fresh() == ["> INVITE", "< 100", "< 180", "> CANCEL", "< 200", "< 487", "> ACK"]
    assert ladder.callee.kinds() == ["IncomingInvite", "Cancelled"]
    assert ladder.caller.kinds() == (["Ringing", "Failed"] if waits else ["Ringing"])
    assert ladder.silent()
    assert ladder.fresh() == []


@pytest.mark.parametrize("status", [403, 404, 410, 480, 484, 486, 488, 500, 503, 600, 603, 604, 606])
@pytest.mark.parametrize("rings", [True, False])
def test_a_refusal_ends_the_attempt(status: int, rings: bool) -> None:
    """Sections 3.9 and 3.11."""
    ladder = Ladder()
    (ringing if rings else lambda ladder: refusing(ladder, status))(ladder)
    ladder.call()
    ladder.wait(3.0)
    if rings:
        ladder.refuse(status)
        ladder.wait(1.0)
    rang = ["< 180"] if rings else []
    assert ladder.fresh() == ["> INVITE", "< 100", *rang, f"< {status}", "> ACK"]
    failed = ladder.caller.events[-1]
    assert isinstance(failed, Failed)
    assert (failed.status, failed.kind) == (status, "response")
    assert ladder.silent()
    assert ladder.fresh() == []


@pytest.mark.parametrize(
    ("transport", "tries"), [("UDP", [0.0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]), ("TCP", [0.0])]
)
def test_nobody_is_there(transport: str, tries: list[float]) -> None:
    """Section 3.10."""
    ladder = Ladder(transport=transport)
    del ladder.peers[ladder.callee.address]
    ladder.call()
    ladder.wait(31.9)
    assert ladder.caller.events == []
    ladder.wait(0.2)
    assert ladder.sent("> INVITE") == tries
    failed = ladder.caller.events[-1]
    assert isinstance(failed, Failed)
    assert (failed.status, failed.kind) == (408, "timeout")
    assert ladder.silent()


def test_a_call_within_a_call_knows_which_is_which() -> None:
    """Two calls of one pair: their dialogs have nothing in common but their ends."""
    ladder = Ladder()
    first, second = ladder.call(), ladder.call()
    ladder.wait(1.0)
    ladder.fresh()
    ladder.hang_up(ladder.caller, first)
    ladder.wait(1.0)
    assert ladder.fresh() == ["> BYE", "< 200"]
    assert ladder.callee.agent.sessions == 1
    ladder.hang_up(ladder.caller, second)
    assert ladder.silent()


def test_a_call_to_oneself_is_two_calls() -> None:
    """A server that calls its own number is both ends, with the same Call-ID."""
    ladder = Ladder()
    ladder.caller.react = lambda event: (
        ladder.caller.take(ladder.caller.agent.answer(ladder.now, event.session, ANSWER))
        if isinstance(event, IncomingInvite | Reoffered)
        else None
    )
    ladder.caller.call(ladder.caller.address, flow=Flow("UDP", ladder.caller.address, ladder.caller.address))
    ladder.wait(1.0)
    assert ladder.caller.kinds() == ["IncomingInvite", "Answered", "Acked"]
    ladder.hang_up(ladder.caller, 1)
    ladder.wait(1.0)
    assert ladder.caller.kinds()[-1] == "Ended"
    assert ladder.silent()
