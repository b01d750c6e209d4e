"""Two user agents on a network that loses, doubles and reorders messages."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sip.agents import ANSWER, OFFER, Net, Peer

from hookflash.sip.events import Acked, Answered, Ended, Event, Failed, IncomingInvite, Reoffered
from hookflash.sip.message import Request, Response


def answering(peer: Peer) -> None:
    """Answer every call and every re-offer."""

    def react(event: Event) -> None:
        if isinstance(event, IncomingInvite):
            peer.take(peer.agent.ring(peer.net.now, event.session))
        if isinstance(event, IncomingInvite | Reoffered):
            peer.take(peer.agent.answer(peer.net.now, event.session, ANSWER))

    peer.react = react


def nothing_left(*peers: Peer) -> bool:
    return all(
        (peer.agent.sessions, peer.agent.dialogs, peer.agent.transactions, peer.agent.timers) == (0, 0, 0, 0)
        for peer in peers
    )


def pair(seed: int = 0, loss: float = 0.0, double: float = 0.0) -> tuple[Net, Peer, Peer]:
    net = Net(seed, loss, double)
    caller, callee = net.peer(5060), net.peer(5070)
    answering(callee)
    return net, caller, callee


@pytest.mark.parametrize("caller_ends", [True, False])
def test_a_whole_call(caller_ends: bool) -> None:
    net, caller, callee = pair()
    session = caller.call(callee.address)
    net.run(1.0)
    assert caller.kinds() == ["Ringing", "Answered"]
    assert callee.kinds() == ["IncomingInvite", "Acked"]
    ends, hears = (caller, callee) if caller_ends else (callee, caller)
    ends.take(ends.agent.end(net.now, session))
    net.run(2.0)
    assert hears.kinds()[-1] == "Ended"
    net.run(100.0)
    assert nothing_left(caller, callee)


def test_reoffers_go_both_ways_and_glare_resolves_itself() -> None:
    net, caller, callee = pair()
    answering(caller)
    session = caller.call(callee.address)
    net.run(1.0)
    for peer in (caller, callee):
        sent, outputs = peer.agent.reoffer(net.now, session, OFFER)
        assert sent
        peer.take(outputs)
    net.run(30.0)
    assert caller.kinds().count("Reanswered") == 1
    assert callee.kinds().count("Reanswered") == 1
    assert caller.agent.sessions == callee.agent.sessions == 1


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 2**32), loss=st.floats(0, 0.4), double=st.floats(0, 0.4))
def test_calls_survive_loss_and_duplicates_and_leave_nothing(seed: int, loss: float, double: float) -> None:
    net, caller, callee = pair(seed, loss, double)
    session = caller.call(callee.address)
    net.run(40.0)
    caller.take(caller.agent.end(net.now, session))
    net.run(400.0)
    assert nothing_left(caller, callee)
    # The callee reports the call at most once, however often the INVITE came.
    assert callee.kinds().count("IncomingInvite") <= 1
    assert callee.kinds().count("Acked") <= 1
    assert caller.kinds().count("Answered") <= 1


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**32), cancel_after=st.floats(0, 0.2))
def test_cancel_and_answer_may_cross_anyhow(seed: int, cancel_after: float) -> None:
    net, caller, callee = pair(seed, 0.2, 0.3)
    session = caller.call(callee.address)
    net.run(cancel_after)
    caller.take(caller.agent.end(net.now, session))
    net.run(400.0)
    assert nothing_left(caller, callee)


def test_a_callee_that_vanishes_after_ringing_is_given_up() -> None:
    net, caller, callee = pair()
    callee.react = lambda event: (
        callee.take(callee.agent.ring(net.now, event.session)) if isinstance(event, IncomingInvite) else None
    )
    caller.call(callee.address, ring_timeout=20.0)
    net.run(5.0)
    del net.peers[callee.address]
    net.run(200.0)
    assert isinstance(caller.events[-1], Failed)
    assert nothing_left(caller)


def test_losing_every_ack_ends_the_call_on_both_sides() -> None:
    net, caller, callee = pair()
    net.tap = lambda message: not (isinstance(message, Request) and message.method == "ACK")
    caller.call(callee.address)
    net.run(200.0)
    assert isinstance(caller.events[1], Answered)
    assert isinstance(caller.events[-1], Ended)
    assert isinstance(callee.events[-1], Failed)
    assert nothing_left(caller, callee)


def test_losing_the_first_answers_only_delays_the_call() -> None:
    net, caller, callee = pair()
    lost: list[Response] = []

    def tap(message: Request | Response) -> bool:
        if isinstance(message, Response) and message.status == 200 and len(lost) < 4:
            lost.append(message)
            return False
        return True

    net.tap = tap
    caller.call(callee.address)
    net.run(20.0)
    assert isinstance(callee.events[-1], Acked)
    assert caller.agent.sessions == callee.agent.sessions == 1


def test_a_hundred_calls_at_once_leave_nothing() -> None:
    net, caller, callee = pair(3, 0.05, 0.05)
    for _ in range(100):
        caller.call(callee.address)
    net.run(20.0)
    assert caller.kinds().count("Answered") == 100
    for number in range(1, 101):
        callee.take(callee.agent.end(net.now, number))
    net.run(300.0)
    assert nothing_left(caller, callee)
