"""Calls out, from target to target, and that nothing is left behind by any of them."""

from __future__ import annotations

import pytest
from phones.exchange import BYE, THEM, Bench, dialled, sdp, up

from hookflash.calls.effects import EndLeg
from hookflash.calls.ending import Ending
from hookflash.calls.facts import Cause, LegDown, LegFailed, LegRinging, LegUp
from hookflash.phones.config import PhonesConfig, RouteConfig, TrunkConfig
from hookflash.phones.searching import rest_of
from hookflash.ports.plane import ConnectLeg, LegUnavailable
from hookflash.sip.events import Failed
from hookflash.sip.fields import Headers
from hookflash.sip.flow import Flow
from hookflash.sip.sdp import SessionDescription
from hookflash.wire.identifiers import Identifier

# --- one target -----------------------------------------------------------------------------------------


async def test_a_call_out_rings_comes_up_and_ends() -> None:
    bench = Bench()
    bench.far.answer_calls(sdp("8 101"))
    bench.phones.dial(
        dialled(
            display_name="Shop", headers={"X-Order": "7", "User-To-User": "6162;encoding=hex", "Via": "evil"}
        )
    )
    await bench.settle()
    assert bench.facts == [LegRinging(7), LegUp(7)]
    assert bench.plane.connected == [
        ConnectLeg(7, "192.0.2.1", 4000, 8, "PCMA", 101, True, True, 8000, 20, 8, 101)
    ]
    (invite,) = bench.sent("INVITE")
    assert invite.uri == "sip:+14255550100@192.0.2.1"
    assert str(invite.from_.uri) == "sip:+12065550100@192.0.2.2"
    assert invite.from_.display_name == "Shop"
    assert invite.headers.get("X-Order") == "7"
    assert invite.headers.get("User-To-User") == "6162;encoding=hex"
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
    assert "E.164" not in failed.cause.reason
    bench.phones.dial(dialled(target=Identifier.phone("442071234567")))
    await bench.settle()
    failed = bench.facts[-1]
    assert isinstance(failed, LegFailed)
    assert "if +442071234567 is meant" in failed.cause.reason
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
    assert bench.facts == [LegFailed(7, Cause(503, "No media: all 100 RTP ports are in use", 9001))]
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
    reach = bench.flows_to
    calls = 0

    async def flows_to(transport: str, host: str, port: int | None, *, secure: bool = False) -> list[Flow]:
        nonlocal calls
        calls += 1
        if calls == 2:
            bench.phones.end(EndLeg(7, BYE))
        return await reach(transport, host, port)

    bench.flows_to = flows_to  # type: ignore[method-assign]
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


async def test_log_lines_of_a_call_out_name_its_call_id(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    with caplog.at_level("INFO", logger="hookflash.sip"):
        bench.phones.dial(dialled())
        await bench.settle()
    (line,) = [record for record in caplog.records if record.message == "call out"]
    call_id = vars(line)["call_id"]
    assert call_id
    (invite,) = bench.sent("INVITE")
    assert invite.call_id == call_id


async def test_a_full_worker_is_not_mistaken_for_the_word_of_a_phone_network() -> None:
    bench = Bench()
    bench.plane.full = LegUnavailable("media worker 1 is full", retry_after=5, full=True)
    bench.phones.dial(dialled())
    await bench.settle()
    (failed,) = bench.facts
    assert isinstance(failed, LegFailed)
    assert failed.cause == Cause(503, "No media: media worker 1 is full. Try again in 5 s", 8530)
    ending = Ending(failed.cause, outbound=True)
    result = ending.result("2026-03-12")
    assert (result.code, result.sub_code, result.sip_details) == (503, 8530, None)
    assert result.message.startswith("No media: media worker 1 is full. Try again in 5 s.")
    await bench.over()


async def test_the_servers_of_a_target_come_before_the_next_target() -> None:
    bench = Bench(spared())
    second = bench.at(("192.0.2.88", 5062))
    bench.at(SPARE).answer_calls(sdp(host=SPARE[0]))
    second.answer_calls(sdp(host="192.0.2.88"))
    bench.far.refuse_calls(503)
    reach = bench.flows_to

    async def flows_to(transport: str, host: str, port: int | None, *, secure: bool = False) -> list[Flow]:
        found = await reach(transport, host, port)
        return [*found, found[0].towards(second.address)] if host == THEM[0] else found

    bench.flows_to = flows_to  # type: ignore[method-assign]
    bench.phones.dial(dialled())
    await bench.settle(1.0)
    assert bench.facts == [LegRinging(7), LegUp(7)]
    # The second server is called by the same address, which is the target's.
    assert [request.uri for request in bench.sent("INVITE")] == ["sip:+14255550100@192.0.2.1"] * 2
    assert bench.avoided == [(THEM, 60.0)]
    bench.phones.end(EndLeg(7, BYE))
    await bench.over()


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [("120", 120.0), ("7 (busy);duration=60", 7.0), ("99999999", 3600.0), ("soon", 60.0), ("9" * 50, 60.0)],
)
async def test_a_server_that_asks_for_rest_has_it(asked: str, seconds: float) -> None:
    event = Failed(1, 503, "Service Unavailable", "response", Headers([("Retry-After", asked)]))
    assert rest_of(event) == seconds
