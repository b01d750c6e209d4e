"""Trunk phones: calls in and out, and that nothing is left behind by any of them."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from phones.exchange import THEM, Bench, configured, sdp

from hookflash.calls.effects import AnswerLeg, DialLeg, EndLeg, RefuseLeg, RingLeg
from hookflash.calls.facts import Cause, Fact, IncomingLeg, LegDown, LegFailed, LegRinging, LegUp
from hookflash.phones.config import PhonesConfig, RouteConfig, TrunkConfig
from hookflash.ports.plane import ConnectLeg
from hookflash.sip.errors import ParseError
from hookflash.sip.flow import Flow
from hookflash.sip.message import Response
from hookflash.sip.sdp import SessionDescription
from hookflash.wire.identifiers import Identifier

TARGET = Identifier.phone("+14255550100")
BYE = Cause(200, "OK")


def dialled(leg: int = 7, **changes: object) -> DialLeg:
    return replace(DialLeg(leg, 3, TARGET, "+12065550100"), **changes)  # type: ignore[arg-type]


async def incoming(bench: Bench, body: bytes | None = None, **more: str) -> int:
    """A call that has come in; returns its leg."""
    bench.far.call(body=sdp() if body is None else body, **more)
    await bench.settle()
    return bench.leg()


async def answered(bench: Bench) -> int:
    leg = await incoming(bench)
    bench.phones.answer(AnswerLeg(leg, 3))
    await bench.settle()
    assert bench.facts[-1] == LegUp(leg)
    return leg


async def up(bench: Bench) -> int:
    bench.far.answer_calls(sdp())
    bench.phones.dial(dialled())
    await bench.settle()
    assert bench.facts[-1] == LegUp(7)
    return 7


# --- calls in -------------------------------------------------------------------------------------------


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
    assert bench.plane.connected == [ConnectLeg(leg, "192.0.2.1", 4000, 0, "PCMU", 101, True, True)]
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
    assert bench.facts[-1] == LegFailed(leg, Cause(503, "No media: all 100 RTP ports are in use"))
    assert bench.far.events[-1].status == 503  # type: ignore[union-attr]
    await bench.over()


@pytest.mark.parametrize(
    ("uri", "body", "status"),
    [
        ("sip:+14255550100@192.0.2.2", sdp("9 18"), 488),
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


async def test_a_delayed_offer_is_ours_in_the_200_and_answered_in_the_ack() -> None:
    bench = Bench()
    leg = await incoming(bench, body=b"")
    bench.phones.answer(AnswerLeg(leg, 3))
    await bench.clock.settle()
    (ok,) = [m for m in bench.seen if isinstance(m, Response) and m.status == 200]
    offered = SessionDescription.parse(ok.body)
    assert offered.media[0].formats == ("0", "8", "101")
    assert bench.plane.connected == []
    ack = bench.phones.agent
    tag = ok.to.tag
    body = sdp("8")
    data = (
        f"ACK sip:x@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKack\r\n"
        f"From: {ok.headers.get('From')}\r\nTo: <sip:x@192.0.2.2>;tag={tag}\r\nCall-ID: {ok.call_id}\r\n"
        f"CSeq: 1 ACK\r\nContent-Type: application/sdp\r\n\r\n"
    ).encode() + body
    bench.phones.receive(data, Flow("UDP", ("192.0.2.2", 5060), THEM))
    assert bench.facts[-1] == LegUp(leg)
    assert bench.plane.connected == [ConnectLeg(leg, "192.0.2.1", 4000, 8, "PCMA", -1, True, True)]
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


# --- who may call ---------------------------------------------------------------------------------------


async def test_strangers_are_refused_403() -> None:
    bench = Bench()
    stranger = bench.at(("203.0.113.9", 5060))
    stranger.call(body=sdp())
    await bench.settle()
    assert stranger.events[-1].status == 403  # type: ignore[union-attr]
    assert bench.facts == []
    assert bench.phones.agent.transactions == 0  # they could fill the table otherwise
    await bench.over()


async def test_a_trunk_known_by_name_may_call_once_its_name_is_resolved() -> None:
    trunk = TrunkConfig("carrier", (("gone.example", 5060), ("sbc.example", 5060)))
    bench = Bench(PhonesConfig((trunk,)))
    reach = bench.flow_to

    async def flow_to(transport: str, host: str, port: int) -> Flow:
        return await reach(transport, THEM[0] if host == "sbc.example" else host, port)

    bench.flow_to = flow_to  # type: ignore[method-assign]
    bench.unreachable.add("gone.example")
    bench.far.call(body=sdp())
    await bench.settle()
    assert bench.facts == []
    await bench.phones.resolve_trunks()
    bench.far.call(body=sdp())
    await bench.settle()
    assert isinstance(bench.facts[0], IncomingLeg)


async def test_strangers_may_call_in_development() -> None:
    bench = Bench(configured(accept_unknown=True))
    stranger = bench.at(("203.0.113.9", 5060))
    stranger.call(body=sdp())
    await bench.settle()
    assert isinstance(bench.facts[0], IncomingLeg)


async def test_silence_gives_strangers_nothing() -> None:
    bench = Bench(configured(silent=True))
    stranger = bench.at(("203.0.113.9", 5060))
    stranger.call(body=sdp())
    bench.far.call(body=sdp())
    await bench.settle()
    assert [fact for fact in bench.facts if isinstance(fact, IncomingLeg)] != []
    assert len(bench.facts) == 1
    assert stranger.events == []
    assert bench.phones.agent.sessions == 1


# --- re-INVITE ------------------------------------------------------------------------------------------


async def test_hold_and_resume_change_the_directions() -> None:
    bench = Bench()
    leg = await answered(bench)
    for body in (sdp(direction="sendonly"), sdp(direction="inactive"), sdp()):
        bench.far.take(bench.far.agent.reoffer(bench.clock.now(), 1, body)[1])
        await bench.settle()
    assert [(c.sending, c.receiving) for c in bench.plane.connected] == [
        (True, True),
        (False, True),
        (False, False),
        (True, True),
    ]
    assert bench.far.kinds().count("Reanswered") == 3
    assert bench.facts[-1] == LegUp(leg)


async def test_a_reoffer_of_the_same_changes_nothing() -> None:
    bench = Bench()
    await answered(bench)
    bench.far.take(bench.far.agent.reoffer(bench.clock.now(), 1, sdp())[1])
    await bench.settle()
    assert len(bench.plane.connected) == 1


@pytest.mark.parametrize(("body", "status"), [(sdp("9"), 488), (b"rubbish", 400)])
async def test_a_reoffer_we_cannot_take_is_refused_and_the_call_goes_on(body: bytes, status: int) -> None:
    bench = Bench()
    await answered(bench)
    bench.far.take(bench.far.agent.reoffer(bench.clock.now(), 1, body)[1])
    await bench.settle()
    assert bench.far.events[-1].status == status  # type: ignore[union-attr]
    assert bench.phones.legs == 1
    assert len(bench.plane.connected) == 1


async def test_a_reoffer_without_a_body_gets_our_offer() -> None:
    bench = Bench()
    await answered(bench)
    bench.far.take(bench.far.agent.reoffer(bench.clock.now(), 1, b"")[1])
    await bench.settle()
    assert SessionDescription.parse(bench.far.events[-1].body).media[0].port  # type: ignore[union-attr]
    assert bench.phones.legs == 1


# --- calls out ------------------------------------------------------------------------------------------


async def test_a_call_out_rings_comes_up_and_ends() -> None:
    bench = Bench()
    bench.far.answer_calls(sdp("8 101"))
    bench.phones.dial(dialled(display_name="Shop", headers={"X-Order": "7", "Via": "evil"}))
    await bench.settle()
    assert bench.facts == [LegRinging(7), LegUp(7)]
    assert bench.plane.connected == [ConnectLeg(7, "192.0.2.1", 4000, 8, "PCMA", 101, True, True)]
    (invite,) = bench.sent("INVITE")
    assert invite.uri == "sip:+14255550100@192.0.2.1"
    assert str(invite.from_.uri) == "sip:+12065550100@192.0.2.2"
    assert invite.from_.display_name == "Shop"
    assert invite.headers.get("X-Order") == "7"
    assert len(invite.headers.all("Via")) == 1
    assert SessionDescription.parse(invite.body).media[0].port == 20_014
    bench.phones.end(EndLeg(7, BYE))
    await bench.settle()
    assert bench.far.kinds() == ["IncomingInvite", "Acked", "Ended"]
    await bench.over()


async def test_the_far_end_hangs_up_a_call_out() -> None:
    bench = Bench()
    await up(bench)
    bench.far.take(bench.far.agent.end(bench.clock.now(), 1))
    await bench.settle()
    assert bench.facts[-1] == LegDown(7, BYE)
    await bench.over()


async def test_early_media_is_connected_before_the_answer() -> None:
    bench = Bench()

    def react(event: object) -> None:
        bench.far.take(bench.far.agent.ring(0.0, 1, 183, sdp()))

    bench.far.react = react
    bench.phones.dial(dialled())
    await bench.settle()
    assert bench.facts == [LegRinging(7)]
    assert len(bench.plane.connected) == 1
    bench.far.react = lambda event: None
    bench.far.take(bench.far.agent.answer(0.0, 1, b""))
    await bench.settle()
    assert bench.facts == [LegRinging(7), LegUp(7)]


@pytest.mark.parametrize("status", [302, 404, 486, 500, 603])
async def test_a_refused_call_out_fails_with_status_reason_and_isdn_cause(status: int) -> None:
    bench = Bench()
    bench.far.refuse_calls(status, Reason='Q.850;cause=17;text="User busy"')
    bench.phones.dial(dialled())
    await bench.settle()
    (failed,) = bench.facts
    assert isinstance(failed, LegFailed)
    assert (failed.cause.status, failed.cause.q850, failed.cause.q850_text) == (status, 17, "User busy")
    assert failed.cause.sub_code is None
    await bench.over()


async def test_a_number_without_a_route_is_403_and_says_so() -> None:
    bench = Bench()
    bench.phones.dial(dialled(target=Identifier.phone("+442071234567")))
    assert bench.facts == []
    await bench.settle()
    (failed,) = bench.facts
    assert isinstance(failed, LegFailed)
    assert (failed.cause.status, failed.cause.sub_code) == (403, 511532)
    assert "+442071234567" in failed.cause.reason
    await bench.over()


@pytest.mark.parametrize("raw_id", ["8:acs:a_b", "4:anonymous", "28:orgid:x"])
async def test_only_phone_numbers_can_be_dialled(raw_id: str) -> None:
    bench = Bench()
    bench.phones.dial(dialled(target=Identifier.parse(raw_id)))
    await bench.settle()
    (failed,) = bench.facts
    assert isinstance(failed, LegFailed)
    assert (failed.cause.status, failed.cause.sub_code) == (480, 10037)
    await bench.over()


async def test_without_media_a_call_out_fails_503() -> None:
    bench = Bench()
    bench.plane.full = True
    bench.phones.dial(dialled())
    await bench.settle()
    assert bench.facts == [LegFailed(7, Cause(503, "No media: all 100 RTP ports are in use"))]
    assert bench.sent("INVITE") == []
    await bench.over()


async def test_an_answer_without_our_codecs_is_ended_and_fails_488() -> None:
    bench = Bench()
    bench.far.answer_calls(sdp("18"))
    bench.phones.dial(dialled())
    await bench.settle()
    failed = bench.facts[-1]
    assert isinstance(failed, LegFailed)
    assert failed.cause.status == 488
    assert bench.far.kinds()[-1] == "Ended"
    await bench.over()


@pytest.mark.parametrize("body", [b"rubbish", b""])
async def test_an_answer_that_is_none_fails_488(body: bytes) -> None:
    bench = Bench()
    bench.far.answer_calls(body)
    bench.phones.dial(dialled())
    await bench.settle()
    failed = bench.facts[-1]
    assert isinstance(failed, LegFailed)
    assert failed.cause.status == 488
    await bench.over()


async def test_a_call_out_nobody_answers_is_cancelled_after_the_ring_timeout() -> None:
    bench = Bench()
    bench.far.react = lambda event: bench.far.take(bench.far.agent.ring(0.0, 1))
    bench.phones.dial(dialled())
    await bench.settle(61.0)
    failed = bench.facts[-1]
    assert isinstance(failed, LegFailed)
    assert (failed.cause.status, failed.cause.sub_code) == (487, 10004)
    await bench.over()


async def test_a_dead_trunk_is_408() -> None:
    bench = Bench()
    bench.far.silent = True
    bench.phones.dial(dialled())
    await bench.settle(33.0)
    assert bench.facts == [LegFailed(7, Cause(408, "No response"))]
    await bench.over()


async def test_ending_a_ringing_call_out_cancels_it() -> None:
    bench = Bench()
    bench.far.react = lambda event: bench.far.take(bench.far.agent.ring(0.0, 1))
    bench.phones.dial(dialled())
    await bench.settle()
    bench.phones.end(EndLeg(7, BYE))
    await bench.settle()
    assert bench.far.kinds() == ["IncomingInvite", "Cancelled"]
    assert bench.facts == [LegRinging(7)]
    await bench.over()


async def test_ending_a_call_out_before_it_has_left_sends_nothing() -> None:
    bench = Bench()
    bench.phones.dial(dialled())
    bench.phones.end(EndLeg(7, BYE))
    bench.phones.dial(dialled(8, target=Identifier.phone("+4420")))
    bench.phones.end(EndLeg(8, BYE))
    await bench.settle()
    assert bench.sent("INVITE") == []
    assert bench.facts == []
    await bench.over()


async def test_credentials_of_the_trunk_answer_a_challenge() -> None:
    trunk = TrunkConfig("carrier", (THEM,), username="us", password="secret")
    bench = Bench(PhonesConfig((trunk,), (RouteConfig("*", "carrier"),)))
    bench.far.refuse_calls(407, Proxy_Authenticate='Digest realm="r", nonce="n"')
    bench.phones.dial(dialled())
    await bench.settle()
    first, second = bench.sent("INVITE")
    assert "Proxy-Authorization" not in first.headers
    assert 'username="us"' in (second.headers.get("Proxy-Authorization") or "")
    assert "secret" not in repr(trunk)
    assert isinstance(bench.facts[-1], LegFailed)


# --- several targets ------------------------------------------------------------------------------------


SPARE = ("192.0.2.77", 5070)


def spared(**changes: object) -> PhonesConfig:
    trunk = TrunkConfig("carrier", (THEM, SPARE), **changes)  # type: ignore[arg-type]
    return PhonesConfig((trunk,), (RouteConfig("*", "carrier"),))


@pytest.mark.parametrize("trouble", ["503", "408", "silent", "unreachable"])
async def test_the_next_target_takes_over(trouble: str) -> None:
    bench = Bench(spared())
    spare = bench.at(SPARE)
    spare.answer_calls(sdp(host=SPARE[0]))
    if trouble == "silent":
        bench.far.silent = True
    elif trouble == "unreachable":
        bench.unreachable.add(THEM[0])
    else:
        bench.far.refuse_calls(int(trouble))
    bench.phones.dial(dialled())
    await bench.settle(40.0)
    assert bench.facts == [LegRinging(7), LegUp(7)]
    assert bench.sent("INVITE")[-1].uri == "sip:+14255550100@192.0.2.77:5070"
    bench.phones.end(EndLeg(7, BYE))
    await bench.over()


async def test_a_real_refusal_is_not_tried_elsewhere() -> None:
    bench = Bench(spared())
    bench.far.refuse_calls(486)
    spare = bench.at(SPARE)
    bench.phones.dial(dialled())
    await bench.settle()
    assert spare.events == []
    assert isinstance(bench.facts[-1], LegFailed)


async def test_when_every_target_fails_the_last_failure_is_reported() -> None:
    bench = Bench(spared())
    bench.unreachable |= {THEM[0], SPARE[0]}
    bench.phones.dial(dialled())
    await bench.settle()
    (failed,) = bench.facts
    assert isinstance(failed, LegFailed)
    assert failed.cause.status == 503
    assert "192.0.2.77" in failed.cause.reason
    await bench.over()


async def test_ending_between_two_targets_stops_the_search() -> None:
    bench = Bench(spared())
    bench.far.refuse_calls(503)
    spare = bench.at(SPARE)
    bench.phones.dial(dialled())
    reach = bench.flow_to
    calls = 0

    async def flow_to(transport: str, host: str, port: int) -> Flow:
        nonlocal calls
        calls += 1
        if calls == 2:
            bench.phones.end(EndLeg(7, BYE))
        return await reach(transport, host, port)

    bench.flow_to = flow_to  # type: ignore[method-assign]
    await bench.settle()
    assert spare.events == []
    assert bench.facts == []
    await bench.over()


async def test_a_broken_tcp_connection_moves_on_to_the_next_target() -> None:
    bench = Bench(spared(transport="TCP"))
    spare = bench.at(SPARE)
    spare.answer_calls(sdp())
    del bench.fars[THEM]
    bench.phones.dial(dialled())
    await bench.settle()
    bench.phones.broken(Flow("TCP", ("192.0.2.2", 5060), THEM))
    await bench.settle()
    assert bench.facts[-1] == LegUp(7)
    assert ";transport=tcp" in bench.sent("INVITE")[-1].uri


async def test_without_a_caller_the_trunks_number_is_shown_or_none() -> None:
    bench = Bench()
    bench.far.refuse_calls(486)
    bench.phones.dial(dialled(caller=None))
    await bench.settle()
    assert str(bench.sent("INVITE")[-1].from_.uri) == "sip:+12065550199@192.0.2.2"
    other = Bench(spared())
    other.phones.dial(dialled(caller=None))
    await other.settle()
    assert str(other.sent("INVITE")[-1].from_.uri) == "sip:anonymous@anonymous.invalid"


async def test_a_call_that_cannot_be_written_fails() -> None:
    bench = Bench()
    bench.phones.dial(dialled(display_name="a\r\nb"))
    await bench.settle()
    (failed,) = bench.facts
    assert isinstance(failed, LegFailed)
    assert failed.cause.status == 400
    await bench.over()


async def test_without_a_network_nothing_can_be_reached() -> None:
    bench = Bench()
    bench.phones._signalling._network = None
    bench.phones.dial(dialled())
    await bench.settle()
    (failed,) = bench.facts
    assert isinstance(failed, LegFailed)
    assert "no SIP transport is open" in failed.cause.reason


# --- the rest -------------------------------------------------------------------------------------------


async def test_facts_may_be_answered_from_within() -> None:
    bench = Bench()

    def on_fact(fact: Fact) -> None:
        if isinstance(fact, IncomingLeg):
            bench.phones.ring(RingLeg(fact.leg))
            bench.phones.answer(AnswerLeg(fact.leg, 3))
        if isinstance(fact, LegUp):
            bench.phones.end(EndLeg(fact.leg, BYE))

    bench.on_fact = on_fact
    bench.far.call(body=sdp())
    await bench.settle()
    assert bench.far.kinds() == ["Ringing", "Answered", "Ended"]
    await bench.over()


async def test_unreadable_early_media_is_ignored_and_the_answer_counts() -> None:
    bench = Bench()
    bench.far.react = lambda event: bench.far.take(bench.far.agent.ring(0.0, 1, 183, b"rubbish"))
    bench.phones.dial(dialled())
    await bench.settle()
    assert bench.facts == [LegRinging(7)]
    assert bench.plane.connected == []
    bench.far.react = lambda event: None
    bench.far.take(bench.far.agent.answer(0.0, 1, sdp("8", port=4444)))
    await bench.settle()
    assert bench.facts[-1] == LegUp(7)
    assert bench.plane.connected[-1].port == 4444


async def test_closing_ends_everything() -> None:
    bench = Bench()
    await up(bench)
    bench.far.react = lambda event: None
    ringing = await incoming(bench)
    bench.phones.dial(dialled(9))
    await bench.phones.close()
    assert bench.phones.legs == 0
    await asyncio.sleep(0)
    assert bench.plane.legs == set()
    bench._deliver()
    assert "Ended" in bench.far.kinds()
    assert [m.status for m in bench.seen if isinstance(m, Response)].count(503) == 1
    assert not any(isinstance(fact, LegDown | LegFailed) for fact in bench.facts)
    assert ringing


async def test_a_malformed_stream_is_answered_when_it_can_be() -> None:
    bench = Bench()
    bench.phones.malformed(ParseError("too long"), Flow("TCP", ("192.0.2.2", 5060), THEM, 1))
    assert bench.seen == []
