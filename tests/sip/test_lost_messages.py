"""Calls on a network that loses messages: when they are sent again, when given up (RFC 3261 section 17).

Times are those of T1 = 0.5 s, T2 = 4 s, T4 = 5 s; nothing takes time but what the timers say.
"""

from __future__ import annotations

import pytest
from sip.agents import OFFER
from sip.ladder import Ladder, refusing, ringing

from hookflash.sip.events import Ended, Failed
from hookflash.sip.flow import Flow
from hookflash.sip.message import Request
from hookflash.sip.ua import Settings

CALL = ["> INVITE", "< 100", "< 180", "< 200", "> ACK"]
A = [0.0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
"""An INVITE nobody answers: timer A doubles without bound, until timer B."""
G = [0.0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
"""What doubles up to T2: timers E and G, and the 200 of an INVITE."""


def since(times: list[float], start: float) -> list[float]:
    return [round(time - start, 3) for time in times]


def up(ladder: Ladder) -> None:
    ladder.call()
    ladder.wait(1.0)
    ladder.fresh()


def forge(ladder: Ladder, message: Request) -> None:
    """Let the caller send a message once more, as if the network had doubled it."""
    back = Flow("UDP", ladder.callee.address, ladder.caller.address)
    ladder.callee.take(ladder.callee.agent.receive(ladder.now, message.to_bytes(), back))


# --- the INVITE -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lost", [1, 2, 6])
def test_a_lost_invite_is_sent_again(lost: int) -> None:
    """Timer A."""
    ladder = Ladder()
    ladder.lose("> INVITE", lost)
    ladder.call()
    ladder.wait(40.0)
    assert ladder.sent("> INVITE") == A[: lost + 1]
    assert ladder.fresh()[lost:] == CALL
    assert ladder.callee.kinds() == ["IncomingInvite", "Acked"]


def test_lost_provisionals_are_said_again_to_the_invite_that_comes_again() -> None:
    ladder = Ladder()
    ringing(ladder)
    ladder.lose("< 100")
    ladder.lose("< 180")
    ladder.call()
    ladder.wait(10.0)
    assert ladder.fresh() == ["> INVITE", "< 100", "< 180", "> INVITE", "< 180"]
    assert ladder.caller.kinds() == ["Ringing"]
    assert ladder.callee.kinds() == ["IncomingInvite"]


def test_an_invite_is_not_repeated_once_a_provisional_has_come() -> None:
    ladder = Ladder()
    ringing(ladder)
    ladder.call()
    ladder.wait(50.0)
    assert ladder.sent("> INVITE") == [0.0]


def test_all_provisionals_and_the_answer_may_be_lost() -> None:
    """The callee is up and repeats its 200; the INVITE that comes again is not a new call."""
    ladder = Ladder()
    for rung in ("< 100", "< 180", "< 200"):
        ladder.lose(rung)
    ladder.call()
    ladder.wait(5.0)
    assert ladder.sent("< 200") == [0.0, 0.5]
    assert ladder.callee.kinds() == ["IncomingInvite", "Acked"]
    assert ladder.caller.kinds() == ["Answered"]


# --- the answer and its ACK -------------------------------------------------------------------------------


@pytest.mark.parametrize("transport", ["UDP", "TCP"])
@pytest.mark.parametrize("lost", [1, 3, 9])
def test_a_lost_200_is_sent_again_also_over_tcp(transport: str, lost: int) -> None:
    """Section 13.3.1.4: end to end, hence over whatever transport."""
    ladder = Ladder(transport=transport)
    ladder.lose("< 200", lost)
    ladder.call()
    ladder.wait(40.0)
    assert ladder.sent("< 200") == G[: lost + 1]
    assert ladder.sent("> ACK") == [G[lost]]
    assert ladder.callee.kinds() == ["IncomingInvite", "Acked"]


@pytest.mark.parametrize("lost", [1, 3, 9])
def test_a_lost_ack_is_sent_again_with_the_200(lost: int) -> None:
    ladder = Ladder()
    ladder.lose("> ACK", lost)
    ladder.call()
    ladder.wait(40.0)
    assert ladder.sent("< 200") == ladder.sent("> ACK") == G[: lost + 1]
    assert ladder.caller.kinds() == ["Ringing", "Answered"]
    assert ladder.callee.kinds() == ["IncomingInvite", "Acked"]


def test_without_any_ack_the_callee_hangs_up() -> None:
    ladder = Ladder()
    ladder.lose("> ACK", 100)
    ladder.call()
    ladder.wait(40.0)
    assert ladder.sent("< 200")[: len(G)] == G
    assert ladder.sent("< BYE") == [32.0]
    failed = ladder.callee.events[-1]
    assert isinstance(failed, Failed)
    assert failed.kind == "no-ack"
    assert isinstance(ladder.caller.events[-1], Ended)
    assert ladder.silent()


def test_an_invite_again_after_the_answer_is_absorbed() -> None:
    """Timer L: 64*T1."""
    ladder = Ladder()
    ladder.call()
    invite = ladder.last("> INVITE")
    assert isinstance(invite, Request)
    ladder.wait(1.0)
    ladder.fresh()
    forge(ladder, invite)
    ladder.wait(30.0)
    forge(ladder, invite)
    assert ladder.fresh() == []
    assert ladder.callee.kinds().count("IncomingInvite") == 1


# --- refusals ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lost", [1, 4, 10])
def test_a_lost_refusal_is_sent_again(lost: int) -> None:
    """Timer G."""
    ladder = Ladder()
    refusing(ladder, 486)
    ladder.lose("< 486", lost)
    ladder.call()
    ladder.wait(40.0)
    assert ladder.sent("< 486") == G[: lost + 1]
    assert ladder.sent("> ACK") == [G[lost]]
    assert ladder.caller.kinds() == ["Failed"]
    assert ladder.silent()


def test_over_tcp_a_refusal_is_sent_once_and_waits_for_its_ack_no_longer_than_timer_h() -> None:
    ladder = Ladder(transport="TCP")
    refusing(ladder, 486)
    ladder.lose("> ACK")
    ladder.call()
    ladder.wait(31.0)
    assert ladder.sent("< 486") == [0.0]
    assert ladder.callee.agent.transactions == 1
    ladder.wait(2.0)
    assert ladder.callee.agent.transactions == 0


def test_the_ack_of_a_refusal_is_sent_for_each_that_comes() -> None:
    """Timer D: for 32 s."""
    ladder = Ladder()
    refusing(ladder, 603)
    ladder.lose("> ACK", 3)
    ladder.call()
    ladder.wait(40.0)
    assert ladder.sent("< 603") == ladder.sent("> ACK") == G[:4]
    assert ladder.caller.kinds() == ["Failed"]
    assert ladder.silent()


def test_without_any_ack_a_refusal_is_given_up() -> None:
    """Timer H."""
    ladder = Ladder()
    refusing(ladder, 500)
    ladder.lose("> ACK", 100)
    ladder.call()
    ladder.wait(31.9)
    assert ladder.sent("< 500") == G
    assert ladder.callee.agent.transactions == 1
    ladder.wait(0.2)
    assert ladder.callee.agent.transactions == 0
    assert ladder.silent()


def test_an_ack_again_is_absorbed() -> None:
    """Timer I: T4."""
    ladder = Ladder()
    refusing(ladder, 486)
    ladder.call()
    ladder.wait(1.0)
    ack = ladder.last("> ACK")
    assert isinstance(ack, Request)
    ladder.fresh()
    forge(ladder, ack)
    ladder.wait(3.9)
    assert ladder.callee.agent.transactions == 1
    ladder.wait(0.2)
    assert ladder.callee.agent.transactions == 0
    forge(ladder, ack)
    assert ladder.fresh() == []


# --- CANCEL -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lost", ["> CANCEL", "< 200", "< 487", "> ACK"])
def test_giving_up_succeeds_whatever_is_lost(lost: str) -> None:
    """Timers E and G."""
    ladder = Ladder()
    ringing(ladder)
    session = ladder.call()
    ladder.wait(5.0)
    ladder.fresh()
    ladder.lose(lost)
    ladder.hang_up(ladder.caller, session)
    ladder.wait(5.0)
    again = {
        "> CANCEL": ["> CANCEL", "> CANCEL", "< 200", "< 487", "> ACK"],
        "< 200": ["> CANCEL", "< 200", "< 487", "> ACK", "> CANCEL", "< 200"],
        "< 487": ["> CANCEL", "< 200", "< 487", "< 487", "> ACK"],
        "> ACK": ["> CANCEL", "< 200", "< 487", "> ACK", "< 487", "> ACK"],
    }
    assert ladder.fresh() == again[lost]
    assert ladder.callee.kinds() == ["IncomingInvite", "Cancelled"]
    assert ladder.silent()


def test_a_cancel_that_nobody_hears_ends_the_attempt_all_the_same() -> None:
    """Section 9.1: 64*T1 after the CANCEL the caller has done what it could."""
    ladder = Ladder()
    ringing(ladder)
    session = ladder.call()
    ladder.wait(5.0)
    ladder.lose("> CANCEL", 100)
    ladder.hang_up(ladder.caller, session)
    ladder.wait(33.0)
    assert since(ladder.sent("> CANCEL"), 5.0) == G
    assert ladder.caller.agent.sessions == 0
    # The callee rings until its own patience ends.
    assert ladder.callee.agent.sessions == 1
    assert ladder.silent()


def test_an_answer_under_way_when_the_caller_gives_up_is_acknowledged_and_ended() -> None:
    ladder = Ladder()
    ringing(ladder)
    session = ladder.call()
    ladder.wait(5.0)
    ladder.fresh()
    ladder.lose("> CANCEL")
    ladder.hang_up(ladder.caller, session)
    ladder.answer()
    ladder.wait(5.0)
    # The CANCEL that comes again finds the INVITE answered.
    assert ladder.fresh() == ["> CANCEL", "< 200", "> ACK", "> BYE", "< 200", "> CANCEL", "< 200"]
    assert ladder.callee.kinds() == ["IncomingInvite", "Acked", "Ended"]
    assert ladder.silent()


# --- BYE --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lost", [1, 4, 10])
@pytest.mark.parametrize("rung", ["> BYE", "< 200"])
def test_a_lost_bye_or_its_answer_is_sent_again(rung: str, lost: int) -> None:
    """Timers E and J."""
    ladder = Ladder()
    up(ladder)
    ladder.lose(rung, lost)
    ladder.hang_up(ladder.caller)
    ladder.wait(40.0)
    assert since(ladder.sent("> BYE"), 1.0) == G[: lost + 1]
    assert ladder.callee.kinds()[-1] == "Ended"
    assert ladder.callee.kinds().count("Ended") == 1
    assert ladder.silent()


def test_a_bye_that_nobody_answers_ends_the_call_all_the_same() -> None:
    """Timer F."""
    ladder = Ladder()
    up(ladder)
    del ladder.peers[ladder.callee.address]
    ladder.hang_up(ladder.caller)
    ladder.wait(31.9)
    assert since(ladder.sent("> BYE"), 1.0) == G
    assert ladder.caller.agent.sessions == 1
    ladder.wait(0.2)
    assert ladder.caller.agent.sessions == 0
    assert ladder.silent()


def test_over_tcp_a_bye_is_sent_once() -> None:
    ladder = Ladder(transport="TCP")
    up(ladder)
    del ladder.peers[ladder.callee.address]
    ladder.hang_up(ladder.caller)
    ladder.wait(40.0)
    assert ladder.sent("> BYE") == [1.0]
    assert ladder.caller.agent.sessions == 0


def test_a_bye_again_gets_its_200_again_and_later_481() -> None:
    """Timer J: 64*T1."""
    ladder = Ladder()
    up(ladder)
    ladder.hang_up(ladder.caller)
    bye = ladder.last("> BYE")
    assert isinstance(bye, Request)
    ladder.wait(31.0)
    forge(ladder, bye)
    ladder.wait(2.0)
    forge(ladder, bye)
    assert ladder.fresh() == ["> BYE", "< 200", "< 200", "< 481"]


def test_byes_that_cross_end_the_call_for_both() -> None:
    ladder = Ladder()
    up(ladder)
    ladder.hang_up(ladder.caller)
    ladder.hang_up(ladder.callee)
    ladder.wait(1.0)
    assert sorted(ladder.fresh()) == ["< 200", "< BYE", "> 200", "> BYE"]
    assert ladder.silent()


# --- re-INVITE, and reliable provisional responses --------------------------------------------------------


@pytest.mark.parametrize("rung", ["> INVITE", "< 200", "> ACK"])
def test_a_new_offer_survives_a_loss(rung: str) -> None:
    ladder = Ladder()
    up(ladder)
    ladder.lose(rung)
    ladder.caller.take(ladder.caller.agent.reoffer(ladder.now, 1, OFFER)[1])
    ladder.wait(5.0)
    assert ladder.caller.kinds()[-1] == "Reanswered"
    assert ladder.caller.kinds().count("Reanswered") == 1
    assert ladder.callee.kinds() == ["IncomingInvite", "Acked", "Reoffered", "Acked"]
    assert ladder.caller.agent.may_reoffer(1)
    assert ladder.callee.agent.may_reoffer(1)


@pytest.mark.parametrize("rung", ["< 180", "> PRACK", "< 200"])
def test_a_reliable_180_arrives_whatever_is_lost(rung: str) -> None:
    """RFC 3262."""
    ladder = Ladder(Settings(reliable=True))
    ringing(ladder)
    ladder.lose(rung)
    ladder.call()
    ladder.wait(10.0)
    again = {
        "< 180": ["< 180", "< 180", "> PRACK", "< 200"],
        "> PRACK": ["< 180", "> PRACK", "> PRACK", "< 200"],
        "< 200": ["< 180", "> PRACK", "< 200", "> PRACK", "< 200"],
    }
    assert ladder.fresh() == ["> INVITE", "< 100", *again[rung]]
    assert ladder.caller.kinds() == ["Ringing"]
    ladder.answer()
    ladder.wait(1.0)
    assert ladder.fresh() == ["< 200", "> ACK"]
