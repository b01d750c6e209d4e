"""Trunk phones as a whole: who may call, facts answered from within, closing."""

from __future__ import annotations

import asyncio

from phones.exchange import BYE, THEM, Bench, configured, dialled, incoming, sdp, up

from hookflash.calls.effects import AnswerLeg, EndLeg, RingLeg
from hookflash.calls.facts import Fact, IncomingLeg, LegDown, LegFailed, LegUp
from hookflash.phones.config import PhonesConfig, TrunkConfig
from hookflash.phones.trunk import LOOK_AGAIN
from hookflash.sip.errors import ParseError
from hookflash.sip.flow import Flow
from hookflash.sip.message import Response

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
    reach = bench.flows_to

    async def flows_to(transport: str, host: str, port: int | None, *, secure: bool = False) -> list[Flow]:
        return await reach(transport, THEM[0] if host == "sbc.example" else host, port)

    bench.flows_to = flows_to  # type: ignore[method-assign]
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
    bench.phones.ingress.malformed(ParseError("too long"), Flow("TCP", ("192.0.2.2", 5060), THEM, 1))
    assert bench.seen == []


async def test_the_names_of_trunks_are_looked_up_again() -> None:
    bench = Bench(PhonesConfig((TrunkConfig("carrier", (("sbc.example", None),)),)))
    reach = bench.flows_to
    where = "192.0.2.200"

    async def flows_to(transport: str, host: str, port: int | None, *, secure: bool = False) -> list[Flow]:
        return await reach(transport, where, port)

    bench.flows_to = flows_to  # type: ignore[method-assign]
    await bench.phones.resolve_trunks()
    bench.far.call(body=sdp())
    await bench.settle(1.0)
    assert bench.facts == []
    where = THEM[0]  # it has moved
    await bench.settle(LOOK_AGAIN)
    bench.far.call(body=sdp())
    await bench.settle()
    assert isinstance(bench.facts[0], IncomingLeg)
    await bench.phones.close()
