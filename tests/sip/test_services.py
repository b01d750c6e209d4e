"""The services of RFC 5359, as far as they are a user agent's: hold, transfer, forwarding, find-me.

Whose each of them is:

* 2.1 hold, 2.2 consultation hold, 2.3 music on hold: here
* 2.4 transfer without asking: here by REFER; 2.5, attended, in the tests of REFER, as is what may go wrong
* 2.6 transfer by instant message: no such messages here
* 2.7 to 2.9 forwarding: proxies forward; ours is the 302 we say or hear, and the 181 that tells of it
* 2.10 and 2.11 conferences of three: audio is mixed by the media plane; to SIP these are calls like others
* 2.12 find-me: proxies fork; ours is what becomes of the branches
* 2.13 and 2.14 screening: proxies screen; ours is the refusal
* 2.15 park and 2.16 pickup: an INVITE with Replaces, in the tests of phones that are replaced
* 2.17 automatic redial: needs presence, which is not here
* 2.18 click to dial: an app's two calls in one
"""

from __future__ import annotations

import pytest
from sip.agents import ANSWER, OFFER, Net, Peer, Probe
from sip.ladder import Ladder, refusing, ringing
from sip.test_uac import dial, hear

from hookflash.sip.events import (
    Answered,
    Ended,
    Event,
    Failed,
    IncomingInvite,
    Progress,
    Reanswered,
    ReferProgress,
    Referred,
    Reoffered,
    Ringing,
)
from hookflash.sip.fields import Headers
from hookflash.sip.flow import Send
from hookflash.sip.negotiation import Negotiation
from hookflash.sip.sdp import SessionDescription
from hookflash.sip.ua import Asking, Outgoing


def negotiations() -> tuple[Negotiation, Negotiation]:
    """Two ends that have agreed on audio."""
    one = Negotiation("192.0.2.1", 4000, session_id="1")
    two = Negotiation("192.0.2.1", 5000, session_id="2")
    answer = two.answer(one.offer())
    assert answer is not None
    assert one.accept(answer) is not None
    return one, two


def reoffer(
    ladder: Ladder, ours: Negotiation, theirs: Negotiation, *, sending: bool, receiving: bool
) -> None:
    """The caller offers anew, the callee answers by the rules."""

    def react(event: Event) -> None:
        if isinstance(event, Reoffered):
            answer = theirs.answer(SessionDescription.parse(event.body))
            assert answer is not None
            ladder.answer(event.session, answer.to_bytes())

    ladder.callee.react = react
    description = ours.offer(sending=sending, receiving=receiving)
    sent, outputs = ladder.caller.agent.reoffer(ladder.now, 1, description.to_bytes())
    assert sent
    ladder.caller.take(outputs)
    ladder.wait(1.0)
    event = ladder.caller.events[-1]
    assert isinstance(event, Reanswered)
    assert ours.accept(SessionDescription.parse(event.body)) is not None
    assert ladder.fresh() == ["> INVITE", "< 100", "< 200", "> ACK"]


# --- hold -------------------------------------------------------------------------------------------------


def test_hold_and_resume() -> None:
    """Section 2.1."""
    ladder = Ladder()
    ladder.call()
    ladder.wait(1.0)
    ladder.fresh()
    ours, theirs = negotiations()
    reoffer(ladder, ours, theirs, sending=True, receiving=False)
    assert theirs.media is not None
    assert ours.media is not None
    assert (theirs.media.held, theirs.media.receiving) == (True, True)
    assert (ours.media.sending, ours.media.receiving) == (True, False)
    reoffer(ladder, ours, theirs, sending=True, receiving=True)
    assert (theirs.media.sending, theirs.media.receiving) == (True, True)
    ladder.hang_up(ladder.caller)
    assert ladder.silent()


def test_a_call_on_hold_can_be_ended_by_either() -> None:
    ladder = Ladder()
    ladder.call()
    ladder.wait(1.0)
    ladder.fresh()
    reoffer(ladder, *negotiations(), sending=False, receiving=False)
    ladder.hang_up(ladder.callee)
    ladder.wait(1.0)
    assert isinstance(ladder.caller.events[-1], Ended)
    assert ladder.silent()


def test_hold_that_is_refused_leaves_the_call_as_it_was() -> None:
    ladder = Ladder()
    ladder.call()
    ladder.wait(1.0)
    ladder.callee.react = lambda event: (
        ladder.refuse(488, event.session) if isinstance(event, Reoffered) else None
    )
    ladder.caller.take(ladder.caller.agent.reoffer(ladder.now, 1, OFFER)[1])
    ladder.wait(1.0)
    assert ladder.caller.kinds()[-1] == "ReofferRefused"
    assert ladder.caller.agent.may_reoffer(1)


def test_consultation_hold() -> None:
    """Section 2.2: on hold, another call from the same phone, and back."""
    ladder = Ladder()
    third = ladder.peer(5080)
    third.react = lambda event: (
        third.take(third.agent.answer(ladder.now, event.session, ANSWER))
        if isinstance(event, IncomingInvite)
        else None
    )
    ladder.call()
    ladder.wait(1.0)
    ladder.fresh()
    ours, theirs = negotiations()
    reoffer(ladder, ours, theirs, sending=True, receiving=False)
    consultation = ladder.caller.call(third.address)
    ladder.wait(1.0)
    assert isinstance(ladder.caller.events[-1], Answered)
    ladder.hang_up(ladder.caller, consultation)
    ladder.wait(1.0)
    assert isinstance(third.events[-1], Ended)
    ladder.fresh()
    reoffer(ladder, ours, theirs, sending=True, receiving=True)
    assert theirs.media is not None
    assert not theirs.media.held
    ladder.hang_up(ladder.caller)
    assert ladder.silent()


def test_music_on_hold_comes_from_elsewhere() -> None:
    """Section 2.3: who holds lets the offer point to a server of music, the other end follows."""
    ladder = Ladder()
    ladder.call()
    ladder.wait(1.0)
    ladder.fresh()
    ours, theirs = negotiations()
    ours.host, ours.port = "192.0.2.99", 7000
    reoffer(ladder, ours, theirs, sending=True, receiving=False)
    assert theirs.media is not None
    assert (theirs.media.host, theirs.media.port, theirs.media.held) == ("192.0.2.99", 7000, True)


# --- transfer ---------------------------------------------------------------------------------------------


def carry_out(net: Net, peer: Peer) -> None:
    """Call whom a REFER names, and tell what comes of it."""
    referred: list[Referred] = []

    def react(event: Event) -> None:
        if isinstance(event, Referred):
            referred.append(event)
            peer.take(peer.agent.accept_refer(net.now, event.session, event.refer))
            target = event.target
            address = ("192.0.2.1", int(str(target.uri).rpartition(":")[2]))
            flow = peer.flow(address)
            call = Outgoing(str(target.uri), "<sip:b@192.0.2.1>", "<sip:c@192.0.2.1>", OFFER, flow)
            peer.take(peer.agent.invite(net.now, call)[1])
        elif referred and isinstance(event, Ringing):
            peer.take(peer.agent.notify_referrer(net.now, referred[0].refer, 180))
        elif referred and isinstance(event, Answered):
            peer.take(peer.agent.notify_referrer(net.now, referred[0].refer, 200))
        elif referred and isinstance(event, Failed):
            peer.take(peer.agent.notify_referrer(net.now, referred[0].refer, event.status, event.reason))
        elif isinstance(event, IncomingInvite):
            peer.agent.let_refer(event.session)
            peer.take(peer.agent.answer(net.now, event.session, ANSWER))

    peer.react = react


@pytest.mark.parametrize("answers", [True, False])
def test_transfer_to_a_third_without_asking_it(answers: bool) -> None:
    """Section 2.4; when the third is busy the call goes on."""
    net = Net(delay=0.0)
    referrer, referred, third = net.peer(5060), net.peer(5070), net.peer(5080)
    carry_out(net, referred)

    def picks_up(event: Event) -> None:
        if isinstance(event, IncomingInvite) and answers:
            third.take(third.agent.answer(net.now, event.session, ANSWER))
        elif isinstance(event, IncomingInvite):
            third.take(third.agent.refuse(net.now, event.session, 486))

    third.react = picks_up
    session = referrer.call(referred.address)
    net.run(1.0)
    sent, outputs = referrer.agent.refer(net.now, session, Asking("sip:c@192.0.2.1:5080"))
    assert sent
    referrer.take(outputs)
    net.run(3.0)
    last = referrer.events[-1]
    assert isinstance(last, ReferProgress)
    assert (last.status, last.final) == (200 if answers else 486, True)
    assert next(event.status for event in referrer.events if isinstance(event, ReferProgress)) == 100
    referrer.take(referrer.agent.end(net.now, session))
    net.run(4.0)
    assert referred.agent.sessions == third.agent.sessions == (1 if answers else 0)
    assert referrer.agent.sessions == 0


# --- forwarding -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("when", ["unconditional", "busy", "no answer"])
def test_a_phone_that_forwards_says_where(when: str) -> None:
    """Sections 2.7 to 2.9, done by the phone itself."""
    ladder = Ladder()
    to = Headers([("Contact", "<sip:c@192.0.2.3>"), ("Diversion", "<sip:b@192.0.2.2>;reason=no-answer")])
    if when == "no answer":
        ringing(ladder)
        ladder.call()
        ladder.wait(15.0)
        ladder.refuse(302, headers=to)
    else:
        refusing(ladder, 302, to)
        ladder.call()
    ladder.wait(1.0)
    rang = ["< 180"] if when == "no answer" else []
    assert ladder.fresh() == ["> INVITE", "< 100", *rang, "< 302", "> ACK"]
    failed = ladder.caller.events[-1]
    assert isinstance(failed, Failed)
    assert failed.headers.get("Contact") == "<sip:c@192.0.2.3>"
    assert ladder.silent()


def test_forwarding_on_the_way_is_heard_of_and_the_answer_is_the_new_phones() -> None:
    """Sections 2.7 to 2.9, done by a proxy: 181, then another rings."""
    probe = Probe()
    invite = dial(probe)
    hear(probe, invite, 180, "busy")
    hear(probe, invite, 181, "")
    hear(probe, invite, 180, "other")
    hear(probe, invite, 200, "other", ANSWER, Contact="<sip:c@192.0.2.1:5090>")
    assert [event.status for event in probe.events if isinstance(event, Ringing)] == [180, 181, 180]
    assert isinstance(probe.events[-1], Answered)
    (bye,) = probe.take(probe.agent.end(1.0, 1))
    assert (bye.to.tag, bye.contacts) == ("other", [])
    assert probe.agent.dialogs == 1


# --- find-me ----------------------------------------------------------------------------------------------


def test_find_me_rings_several_and_whoever_answers_first_has_the_call() -> None:
    """Section 2.12: the proxy cancels the others; their early dialogs are gone with the answer."""
    probe = Probe()
    invite = dial(probe)
    for tag in ("office", "home", "mobile"):
        hear(probe, invite, 180, tag)
    assert probe.agent.dialogs == 3
    (ack,) = hear(probe, invite, 200, "home", ANSWER)
    assert ack.to.tag == "home"
    assert probe.agent.dialogs == 1
    assert [type(event) for event in probe.events] == [Ringing, Ringing, Ringing, Answered]


def test_when_two_answer_one_is_thanked_and_hung_up_on() -> None:
    probe = Probe()
    invite = dial(probe)
    hear(probe, invite, 200, "home", ANSWER)
    ack, bye = hear(probe, invite, 200, "office", ANSWER)
    assert (ack.to.tag, bye.to.tag) == ("office", "office")
    assert [type(event) for event in probe.events] == [Answered]
    # The 200 of the other comes again before its BYE has arrived: the same ACK, and no second BYE.
    (again,) = hear(probe, invite, 200, "office", ANSWER)
    assert again == ack


def test_early_media_of_one_branch_and_the_answer_of_another() -> None:
    probe = Probe()
    invite = dial(probe)
    hear(probe, invite, 183, "office", ANSWER)
    hear(probe, invite, 200, "home", OFFER)
    assert [type(event) for event in probe.events] == [Progress, Answered]
    answered = probe.events[-1]
    assert isinstance(answered, Answered)
    assert answered.body == OFFER


def test_the_best_refusal_of_all_branches_is_the_proxys_word() -> None:
    """One final response comes of a fork, whatever was said in the branches before."""
    probe = Probe()
    invite = dial(probe)
    for tag in ("office", "home"):
        hear(probe, invite, 180, tag)
    hear(probe, invite, 603, "home")
    assert isinstance(probe.events[-1], Failed)
    assert probe.agent.dialogs == 0


def test_one_phone_reached_by_two_ways_answers_once() -> None:
    """The other end of find-me: both branches lead to us, and the second INVITE is merged (482)."""
    ladder = Ladder()
    ringing(ladder)
    ladder.call()
    ladder.wait(0.1)
    again = ladder.last("> INVITE").to_bytes().replace(b";branch=z9hG4bK", b";branch=z9hG4bKother")
    back = ladder.callee.flow(ladder.caller.address)
    (refusal,) = ladder.callee.agent.receive(ladder.now, again, back)
    assert isinstance(refusal, Send)
    assert refusal.data.startswith(b"SIP/2.0 482 ")
    ladder.answer()
    ladder.wait(1.0)
    assert ladder.callee.kinds() == ["IncomingInvite", "Acked"]
