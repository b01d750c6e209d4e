"""Provisional responses that arrive (RFC 3262), sent and received, in virtual time."""

from __future__ import annotations

import pytest
from sip.agents import ANSWER, OFFER, Net, Probe
from sip.test_uac import dial, hear
from sip.test_uas import SDP, TAGGED, invite, message, status

from hookflash.sip.dialog_headers import RAck, parse_rseq
from hookflash.sip.errors import ParseError
from hookflash.sip.events import (
    Acknowledged,
    Answered,
    Failed,
    IncomingInvite,
    Progress,
    Reoffered,
    Ringing,
)
from hookflash.sip.message import Request, Response
from hookflash.sip.ua import Settings

SUPPORTED, REQUIRED = "Supported: 100rel", "Require: 100rel"


def offered(probe: Probe, *extra: str, body: bytes = OFFER) -> int:
    invite(probe, *extra, body=body)
    event = probe.events[-1]
    assert isinstance(event, IncomingInvite)
    return event.session


def ring(probe: Probe, session: int, code: int = 180, body: bytes = b"") -> Response:
    (response,) = probe.take(probe.agent.ring(probe.now, session, code, body))
    assert isinstance(response, Response)
    return response


def prack(
    probe: Probe, response: Response, number: int = 2, body: bytes = b"", rack: str = "", branch: str = "p"
) -> list[Request | Response]:
    rack = rack or f"{response.headers.get('RSeq')} {response.cseq}"
    text = message(
        "PRACK",
        f"RAck: {rack}",
        *([SDP] if body else []),
        number=number,
        branch=f"z9hG4bK{branch}{number}",
        to=TAGGED.format(tag=response.to.tag),
    )
    return probe.tell(text, body)


# --- as the server --------------------------------------------------------------------------------------


@pytest.mark.parametrize("extra", [SUPPORTED, REQUIRED])
def test_a_reliable_180_is_repeated_until_its_prack(extra: str) -> None:
    probe = Probe()
    ringing = ring(probe, offered(probe, extra))
    assert ringing.headers.tokens("Require") == {"100rel"}
    assert 1 <= parse_rseq(ringing.headers.get("RSeq") or "") <= 2**31 - 1
    times = [at for at, _ in probe.sends]
    probe.until(8.0)
    # T1 doubling, without T2 as its limit: 0.5, 1.5, 3.5, 7.5.
    assert [at for at, _ in probe.sends][len(times) :] == [0.5, 1.5, 3.5, 7.5]
    assert status(prack(probe, ringing)) == [200]
    assert probe.until(40.0) == []


def test_without_a_prack_the_invite_is_refused_after_64_t1() -> None:
    probe = Probe()
    session = offered(probe, REQUIRED)
    ring(probe, session)
    probe.until(31.9)
    assert 504 not in probe.statuses()
    probe.until(32.0)
    assert probe.statuses()[-1] == 504
    assert probe.events[-1] == Failed(
        session, 504, "No PRACK for a provisional response", "no-prack", probe.events[-1].headers
    )  # type: ignore[union-attr]
    probe.until(200.0)
    assert probe.idle()


def test_a_peer_that_does_not_support_it_gets_an_unreliable_180() -> None:
    probe = Probe()
    ringing = ring(probe, offered(probe))
    assert ringing.headers.get("Require") is ringing.headers.get("RSeq") is None
    assert status(probe.until(20.0)) == []


def test_support_alone_does_not_do_when_it_is_not_wanted() -> None:
    probe = Probe(Settings(reliable=False))
    assert ring(probe, offered(probe, SUPPORTED)).headers.get("RSeq") is None
    other = Probe(Settings(reliable=False))
    assert ring(other, offered(other, REQUIRED)).headers.get("RSeq") is not None


def test_one_at_a_time_is_under_way_and_the_others_wait_in_order() -> None:
    probe = Probe()
    session = offered(probe, SUPPORTED)
    first = ring(probe, session)
    assert probe.take(probe.agent.ring(0.0, session, 181)) == []
    assert probe.take(probe.agent.ring(0.0, session, 183, ANSWER)) == []
    _, second = prack(probe, first, 2)
    assert isinstance(second, Response)
    _, third = prack(probe, second, 3)
    assert isinstance(third, Response)
    numbers = [parse_rseq(one.headers.get("RSeq") or "") for one in (first, second, third)]
    assert [one.status for one in (first, second, third)] == [180, 181, 183]
    assert numbers == [numbers[0], numbers[0] + 1, numbers[0] + 2]
    assert third.body == ANSWER


def test_what_waits_is_bounded() -> None:
    probe = Probe()
    session = offered(probe, SUPPORTED)
    ring(probe, session)
    for _ in range(100):
        probe.take(probe.agent.ring(0.0, session, 181))
    (found,) = probe.agent._core.sessions.values()
    assert len(found.queued) == 8


@pytest.mark.parametrize("rack", ["1 1 INVITE", "{0} 2 INVITE", "{0} 1 BYE"])
def test_a_prack_that_matches_nothing_is_481(rack: str) -> None:
    probe = Probe()
    ringing = ring(probe, offered(probe, SUPPORTED))
    assert status(prack(probe, ringing, rack=rack.format(ringing.headers.get("RSeq")))) == [481]
    assert status(probe.until(0.6)) == [180], "it is still repeated"


def test_a_second_prack_is_481_and_a_repeated_one_gets_its_200_again() -> None:
    probe = Probe()
    ringing = ring(probe, offered(probe, SUPPORTED))
    assert status(prack(probe, ringing)) == [200]
    assert status(prack(probe, ringing)) == [200]
    assert status(prack(probe, ringing, 3)) == [481]


@pytest.mark.parametrize("rack", ["", "x", "0 1 INVITE", "1 2", "4294967296 1 INVITE", "1 2147483648 INVITE"])
def test_a_malformed_rack_is_400(rack: str) -> None:
    probe = Probe()
    ringing = ring(probe, offered(probe, SUPPORTED))
    assert status(prack(probe, ringing, rack=rack or "-")) == [400]
    with pytest.raises(ParseError):
        RAck.parse(rack)


def test_a_200_waits_for_the_prack_of_a_183_with_the_answer() -> None:
    probe = Probe()
    session = offered(probe, SUPPORTED)
    progress = ring(probe, session, 183, ANSWER)
    assert probe.take(probe.agent.answer(0.0, session, ANSWER)) == []
    assert status(prack(probe, progress)) == [200, 200]
    assert isinstance(probe.agent.next_timeout(), float)


def test_a_200_does_not_wait_for_the_prack_of_a_180() -> None:
    probe = Probe()
    session = offered(probe, SUPPORTED)
    ringing = ring(probe, session)
    assert status(probe.take(probe.agent.answer(0.0, session, ANSWER))) == [200]
    repeated = [one.status for one in probe.until(1.0) if isinstance(one, Response)]
    assert repeated == [200], "the 180 is not repeated behind the final response"
    assert status(prack(probe, ringing)) == [200], "but its PRACK is still taken"


def test_a_held_200_is_given_up_with_its_183() -> None:
    probe = Probe()
    session = offered(probe, SUPPORTED)
    ring(probe, session, 183, ANSWER)
    probe.agent.answer(0.0, session, ANSWER)
    probe.until(32.0)
    assert probe.statuses()[-1] == 504


def test_an_invite_without_offer_gets_no_reliable_response_without_one() -> None:
    required = Probe()
    session = offered(required, REQUIRED, body=b"")
    assert required.take(required.agent.ring(0.0, session)) == []
    supported = Probe()
    assert ring(supported, offered(supported, SUPPORTED, body=b"")).headers.get("RSeq") is None


def test_an_offer_in_a_reliable_183_is_answered_in_the_prack() -> None:
    probe = Probe()
    session = offered(probe, REQUIRED, body=b"")
    progress = ring(probe, session, 183, OFFER)
    assert status(prack(probe, progress, body=ANSWER)) == [200]
    assert probe.events[-1] == Acknowledged(session, ANSWER)


def test_an_offer_in_a_prack_is_answered_or_refused_in_its_response() -> None:
    for answer in (True, False):
        probe = Probe()
        session = offered(probe, SUPPORTED)
        progress = ring(probe, session, 183, ANSWER)
        assert prack(probe, progress, body=OFFER) == []
        assert probe.events[-1] == Reoffered(session, OFFER, "PRACK")
        if answer:
            (ok,) = probe.take(probe.agent.answer_offer(0.0, session, ANSWER))
            assert (isinstance(ok, Response) and ok.status, ok.body) == (200, ANSWER)
        else:
            assert status(probe.take(probe.agent.refuse_offer(0.0, session, 488))) == [488]
        assert status(probe.take(probe.agent.answer(0.0, session, ANSWER))) == [200]


def test_an_offer_in_a_prack_is_refused_while_another_waits_for_its_answer() -> None:
    probe = Probe()
    session = offered(probe, SUPPORTED)
    progress = ring(probe, session, 183, ANSWER)
    probe.take(probe.agent.ring(probe.now, session, 183, ANSWER))
    (again,) = prack(probe, progress, body=OFFER)
    assert isinstance(again, Response)
    assert (again.status, probe.events[-1]) == (183, Reoffered(session, OFFER, "PRACK"))
    events = len(probe.events)
    assert status(prack(probe, again, number=3, body=OFFER)) == [400]
    assert len(probe.events) == events
    assert status(probe.take(probe.agent.answer_offer(probe.now, session, ANSWER))) == [200]
    assert status(prack(probe, again, number=4)) == [200]
    probe.take(probe.agent.end(probe.now, session))
    probe.until(400.0)
    assert (probe.agent.transactions, probe.agent.timers) == (0, 0)


def test_an_offer_in_a_prack_before_our_answer_is_400() -> None:
    probe = Probe()
    ringing = ring(probe, offered(probe, SUPPORTED))
    assert status(prack(probe, ringing, body=OFFER)) == [400]


def test_prack_outside_a_dialog_is_481() -> None:
    assert status(Probe().tell(message("PRACK", "RAck: 1 1 INVITE"))) == [481]


def test_cancel_ends_the_repetitions() -> None:
    probe = Probe()
    ring(probe, offered(probe, SUPPORTED))
    assert status(probe.tell(message("CANCEL"))) == [200, 487]
    probe.tell(message("ACK"))
    probe.until(100.0)
    assert probe.idle()


# --- as the client --------------------------------------------------------------------------------------


def reliable(number: int) -> dict[str, str]:
    return {"Require": "100rel", "RSeq": str(number)}


def test_our_invite_says_that_we_support_it() -> None:
    assert dial(Probe()).headers.tokens("Supported") >= {"100rel"}


def test_each_reliable_response_gets_a_prack_in_order() -> None:
    probe = Probe()
    request = dial(probe)
    (first,) = hear(probe, request, 183, body=ANSWER, **reliable(71))
    (second,) = hear(probe, request, 180, **reliable(72))
    assert isinstance(first, Request)
    assert isinstance(second, Request)
    assert (first.method, first.uri, first.headers.get("RAck")) == (
        "PRACK",
        "sip:b@192.0.2.1:5070",
        "71 1 INVITE",
    )
    assert (second.cseq.number, second.headers.get("RAck")) == (3, "72 1 INVITE")
    hear(probe, first, 200)
    hear(probe, second, 200)
    assert probe.events == [Progress(1, 183, "Session Progress", ANSWER), Ringing(1, 180, "Ringing")]
    # The answer came in the 183; the 200 needs none.
    hear(probe, request, 200)
    assert probe.events[-1] == Answered(1, ANSWER)


def test_repetitions_and_gaps_get_no_prack() -> None:
    probe = Probe()
    request = dial(probe)
    assert len(hear(probe, request, 180, **reliable(5))) == 1
    assert hear(probe, request, 180, **reliable(5)) == []
    assert hear(probe, request, 183, body=ANSWER, **reliable(7)) == [], "number 6 is still on its way"
    assert hear(probe, request, 180, **reliable(4)) == []
    assert len(hear(probe, request, 183, body=ANSWER, **reliable(6))) == 1
    assert [type(event).__name__ for event in probe.events] == ["Ringing", "Progress"]


def test_each_fork_counts_for_itself_and_the_answer_is_that_of_who_took_it() -> None:
    probe = Probe()
    request = dial(probe)
    other = ANSWER.replace(b"5000", b"6000")
    (one,) = hear(probe, request, 183, "one", ANSWER, **reliable(10))
    (two,) = hear(probe, request, 183, "two", other, **reliable(90))
    assert isinstance(one, Request)
    assert isinstance(two, Request)
    assert (one.to.tag, one.headers.get("RAck")) == ("one", "10 1 INVITE")
    assert (two.to.tag, two.headers.get("RAck")) == ("two", "90 1 INVITE")
    hear(probe, request, 200, "one")
    assert probe.events[-1] == Answered(1, ANSWER)


def test_a_prack_is_repeated_and_its_silence_harms_nothing() -> None:
    probe = Probe()
    request = dial(probe, ring_timeout=1000.0)
    hear(probe, request, 180, **reliable(1))
    probe.until(40.0)
    assert len(probe.requests("PRACK")) == 11
    hear(probe, request, 200, body=ANSWER)
    assert probe.events[-1] == Answered(1, ANSWER)


def test_a_challenged_prack_is_sent_again_with_credentials() -> None:
    probe = Probe()
    request = dial(probe, username="u", password="p")
    (first,) = hear(probe, request, 180, **reliable(1))
    assert isinstance(first, Request)
    (second,) = hear(probe, first, 407, Proxy_Authenticate='Digest realm="r", nonce="n"')
    assert isinstance(second, Request)
    assert (second.method, second.headers.get("RAck"), second.cseq.number) == ("PRACK", "1 1 INVITE", 3)
    assert "Proxy-Authorization" in second.headers


@pytest.mark.parametrize("number", ["", "0", "x", "4294967296"])
def test_a_reliable_response_without_a_number_is_passed_over(number: str) -> None:
    probe = Probe()
    request = dial(probe)
    assert hear(probe, request, 180, Require="100rel", RSeq=number) == []
    assert probe.events == []


def test_a_reliable_response_after_our_cancel_still_gets_its_prack() -> None:
    probe = Probe()
    request = dial(probe)
    probe.agent.end(0.0, 1)
    sent = hear(probe, request, 180, **reliable(1))
    assert [one.method for one in sent if isinstance(one, Request)] == ["CANCEL", "PRACK"]


@pytest.mark.parametrize("seed", range(6))
def test_two_agents_get_through_a_network_that_loses_and_doubles(seed: int) -> None:
    net = Net(seed, loss=0.25, double=0.2)
    caller, callee = net.peer(5060), net.peer(5070)

    def react(event: object) -> None:
        if isinstance(event, IncomingInvite):
            callee.take(callee.agent.ring(net.now, event.session, 180))
            callee.take(callee.agent.ring(net.now, event.session, 183, ANSWER))
            callee.take(callee.agent.answer(net.now, event.session, ANSWER))

    callee.react = react
    caller.call(callee.address)
    net.run(60.0)
    # The 180 gives way to the 200; what described the session may not.
    assert caller.kinds()[-1] == "Answered"
    assert callee.kinds()[-1] == "Acked"
