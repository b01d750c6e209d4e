"""Calls in, and that nothing is left behind by any of them."""

from __future__ import annotations

import pytest
from phones.exchange import BYE, THEM, Bench, answered, incoming, sdp

from hookflash.calls.effects import AnswerLeg, EndLeg, RefuseLeg, RingLeg
from hookflash.calls.facts import Cause, IncomingLeg, LegDown, LegFailed, LegUp
from hookflash.phones.config import PhonesConfig
from hookflash.phones.identities import caller_of
from hookflash.ports.plane import ConnectLeg
from hookflash.sip.events import Failed
from hookflash.sip.fields import Headers
from hookflash.sip.flow import Flow
from hookflash.sip.message import Request, Response
from hookflash.sip.sdp import SessionDescription
from hookflash.wire.identifiers import Identifier


async def test_a_call_in_is_reported_with_who_calls_whom() -> None:
    bench = Bench()
    leg = await incoming(bench, X_Order="7", User_To_User="00", Subject="no")
    assert bench.facts == [
        IncomingLeg(
            leg,
            Identifier.phone("+12065550100"),
            Identifier.phone("+14255550100"),
            "Ada",
            {"X-Order": "7", "User-To-User": "00"},
        )
    ]
    assert bench.plane.legs == set()
    assert bench.far.events == []


async def test_a_call_in_rings_is_answered_and_ends_by_the_caller() -> None:
    bench = Bench()
    leg = await incoming(bench)
    bench.phones.ring(RingLeg(leg))
    await bench.settle()
    assert bench.far.kinds() == ["Ringing"]
    bench.phones.answer(AnswerLeg(leg, 3))
    await bench.settle()
    assert bench.far.kinds() == ["Ringing", "Answered"]
    assert bench.facts[1:] == [LegUp(leg)]
    assert bench.plane.connected == [
        ConnectLeg(leg, "192.0.2.1", 4000, 0, "PCMU", 101, True, True, 8000, 20, 0, 101)
    ]
    answer = SessionDescription.parse(bench.far.events[-1].body)  # type: ignore[union-attr]
    assert (answer.connection, answer.media[0].port) == ("192.0.2.2", 20_000 + 2 * leg)
    bench.far.take(bench.far.agent.end(bench.clock.now(), 1))
    await bench.settle()
    assert bench.facts[2:] == [LegDown(leg, BYE)]
    await bench.over()


async def test_media_is_connected_when_the_200_leaves_and_up_comes_with_the_ack() -> None:
    bench = Bench()
    leg = await incoming(bench)
    bench.phones.answer(AnswerLeg(leg, 3))
    await bench.clock.settle()
    assert [m.status for m in bench.seen if isinstance(m, Response)][-1] == 200
    assert len(bench.plane.connected) == 1
    assert LegUp(leg) not in bench.facts
    await bench.settle()
    assert LegUp(leg) in bench.facts


async def test_we_end_a_call_in() -> None:
    bench = Bench()
    leg = await answered(bench)
    bench.phones.end(EndLeg(leg, BYE))
    bench.phones.end(EndLeg(leg, BYE))
    await bench.settle()
    assert bench.far.kinds()[-1] == "Ended"
    assert len(bench.facts) == 2
    await bench.over()


@pytest.mark.parametrize("status", [486, 603])
async def test_a_refused_call_in_gets_the_status_and_no_fact(status: int) -> None:
    bench = Bench()
    leg = await incoming(bench)
    bench.phones.refuse(RefuseLeg(leg, status, "Because"))
    await bench.settle()
    (event,) = bench.far.events
    assert (event.status, event.reason) == (status, "Because")  # type: ignore[union-attr]
    assert len(bench.facts) == 1
    await bench.over()


@pytest.mark.parametrize("seconds", [0, 7])
async def test_a_call_in_that_is_turned_away_is_told_when_to_come_again(seconds: int) -> None:
    bench = Bench()
    leg = await incoming(bench)
    bench.phones.refuse(RefuseLeg(leg, 503, "Service Unavailable", seconds))
    await bench.settle()
    refusal = next(m for m in bench.seen if isinstance(m, Response) and m.status == 503)
    assert refusal.headers.all("Retry-After") == (["7"] if seconds else [])
    await bench.over()


@pytest.mark.parametrize(("given", "sent"), [(Cause(404, "x"), 404), (BYE, 480)])
async def test_ending_a_call_in_that_nobody_answered_refuses_it(given: Cause, sent: int) -> None:
    bench = Bench()
    bench.phones.end(EndLeg(await incoming(bench), given))
    await bench.settle()
    assert bench.far.events[-1].status == sent  # type: ignore[union-attr]
    await bench.over()


async def test_a_caller_that_gives_up_is_a_failure_487_with_its_isdn_cause() -> None:
    bench = Bench()
    leg = await incoming(bench)
    bench.far.take(bench.far.agent.end(bench.clock.now(), 1))
    await bench.settle()
    assert bench.facts[-1] == LegFailed(leg, Cause(487, "Cancelled by the caller"))
    bench.phones.answer(AnswerLeg(leg, 3))
    bench.phones.ring(RingLeg(leg))
    bench.phones.refuse(RefuseLeg(leg, 486, ""))
    await bench.over()


async def test_a_caller_that_gives_up_while_media_is_opened_leaves_nothing() -> None:
    bench = Bench()
    leg = await incoming(bench)

    def cancel(opening: int) -> None:
        bench.far.take(bench.far.agent.end(bench.clock.now(), 1))
        bench._deliver()

    bench.plane.opening = cancel
    bench.phones.answer(AnswerLeg(leg, 3))
    await bench.settle()
    assert bench.facts[-1] == LegFailed(leg, Cause(487, "Cancelled by the caller"))
    await bench.over()


async def test_a_call_in_that_is_never_acknowledged_fails() -> None:
    bench = Bench()
    leg = await incoming(bench)
    del bench.fars[THEM]
    bench.phones.answer(AnswerLeg(leg, 3))
    await bench.settle(40.0)
    assert bench.facts[-1] == LegFailed(leg, Cause(408, "No ACK for the 200"))
    await bench.over()


async def test_without_media_a_call_in_is_refused_503() -> None:
    bench = Bench()
    leg = await incoming(bench)
    bench.plane.full = True
    bench.phones.answer(AnswerLeg(leg, 3))
    await bench.settle()
    assert bench.facts[-1] == LegFailed(leg, Cause(503, "No media: all 100 RTP ports are in use", 9001))
    assert bench.far.events[-1].status == 503  # type: ignore[union-attr]
    await bench.over()


@pytest.mark.parametrize(
    ("uri", "body", "status"),
    [
        ("sip:+14255550100@192.0.2.2", sdp("4 18"), 488),
        ("sip:+14255550100@192.0.2.2", b"not sdp", 400),
        ("sip:alice@192.0.2.2", sdp(), 404),
        ("sip:192.0.2.2", sdp(), 404),
    ],
)
async def test_calls_in_that_cannot_be_taken_are_refused_at_once(uri: str, body: bytes, status: int) -> None:
    bench = Bench()
    bench.far.call(uri, body)
    await bench.settle()
    assert bench.far.events[-1].status == status  # type: ignore[union-attr]
    assert bench.facts == []
    await bench.over()


async def test_the_log_says_what_was_offered_and_what_is_taken(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "hookflash.sip")
    bench = Bench()
    bench.far.call(body=sdp("4 18") + b"a=rtpmap:18 G729/8000\r\n")
    await bench.settle()
    (record,) = [one for one in caplog.records if one.message == "no common media"]
    said = vars(record)
    assert said["offered"] == "RTP/AVP 4 G729/8000"
    assert said["taken"].startswith("PCMU, PCMA")
    assert said["taken"].endswith("; srtp off")
    await bench.over()


async def test_a_delayed_offer_is_ours_in_the_200_and_answered_in_the_ack() -> None:
    bench = Bench()
    leg = await incoming(bench, body=b"")
    bench.phones.answer(AnswerLeg(leg, 3))
    await bench.clock.settle()
    (ok,) = [m for m in bench.seen if isinstance(m, Response) and m.status == 200]
    offered = SessionDescription.parse(ok.body)
    assert offered.media[0].formats == ("0", "8", "9", "96", "13", "101", "99")
    assert bench.plane.connected == []
    ack = bench.phones.agent
    tag = ok.to.tag
    body = sdp("8")
    data = (
        f"ACK sip:x@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKack\r\n"
        f"From: {ok.headers.get('From')}\r\nTo: <sip:x@192.0.2.2>;tag={tag}\r\nCall-ID: {ok.call_id}\r\n"
        f"CSeq: 1 ACK\r\nContent-Type: application/sdp\r\n\r\n"
    ).encode() + body
    bench.phones.ingress.receive(data, Flow("UDP", ("192.0.2.2", 5060), THEM))
    assert bench.facts[-1] == LegUp(leg)
    assert bench.plane.connected == [
        ConnectLeg(leg, "192.0.2.1", 4000, 8, "PCMA", -1, True, True, 8000, 20, 8, -1)
    ]
    assert ack.sessions == 1


async def test_a_delayed_offer_without_an_answer_fails_the_call() -> None:
    bench = Bench()
    leg = await incoming(bench, body=b"")
    bench.phones.answer(AnswerLeg(leg, 3))
    await bench.settle()
    failed = bench.facts[-1]
    assert isinstance(failed, LegFailed)
    assert failed.cause.status == 488
    assert bench.far.kinds()[-1] == "Ended"
    await bench.over()


@pytest.mark.parametrize("user", ["8%3Aacs%3Ax%0D%0AX-Evil%3A%201", "8%3Aacs%3Ax%00", "8%3Aacs%3A%E2%80%AEx"])
async def test_escaped_control_characters_name_nobody(user: str) -> None:
    """They would get into identifiers, and with them into events and logs."""
    bench = Bench(PhonesConfig(accept_unknown=True))
    bench.far.call(f"sip:{user}@192.0.2.2")
    await bench.settle()
    failed = bench.far.events[-1]
    assert isinstance(failed, Failed)
    assert failed.status == 404
    message = Request("INVITE", "sip:+14255550100@192.0.2.2", Headers([("From", f"<sip:{user}@h>;tag=1")]))
    assert caller_of(message, trusted=True)[0] == Identifier.phone("anonymous")
