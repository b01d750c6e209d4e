"""Legs that end because of an error of our own: nothing stays of them, and it is told."""

from __future__ import annotations

import logging

import pytest
from phones.exchange import Bench, answered, dialled, incoming
from phones.registering import ALICE, HERS, Handset, office

from hookflash.calls.effects import AnswerLeg
from hookflash.calls.facts import LegDown, LegFailed
from hookflash.sip.events import Failed


def failed(bench: Bench) -> list[LegFailed]:
    return [fact for fact in bench.facts if isinstance(fact, LegFailed)]


def broken(*_: object, **__: object) -> None:
    raise RuntimeError("no such thing")


async def test_while_we_dial(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR, "hookflash.sip")
    bench = Bench()
    monkeypatch.setattr(bench, "flows_to", broken)
    bench.phones.dial(dialled())
    await bench.settle()
    (fact,) = failed(bench)
    assert (fact.leg, fact.cause.status) == (7, 500)
    assert "no such thing" not in fact.cause.reason
    (record,) = caplog.records
    assert record.exc_info is not None
    assert record.__dict__["leg"] == 7
    await bench.over()


async def test_while_the_next_target_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()
    bench.far.refuse_calls(302, Contact="<sip:+14255550100@192.0.2.1:5070>")
    bench.phones.dial(dialled())
    monkeypatch.setattr(bench.phones._bearers, "negotiate", _once(bench.phones._bearers.negotiate))
    await bench.settle()
    assert [fact.cause.status for fact in failed(bench)] == [500]
    await bench.over()


def _once(real: object) -> object:
    """What works the first time only."""
    left = [real]

    def call(*args: object) -> object:
        if not left:
            raise RuntimeError("no such thing")
        return left.pop()(*args)  # type: ignore[operator]

    return call


async def test_while_we_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()
    leg = await incoming(bench)
    monkeypatch.setattr(bench.phones._bearers, "negotiate", broken)
    bench.phones.answer(AnswerLeg(leg, 3))
    await bench.settle()
    assert [fact.leg for fact in failed(bench)] == [leg]
    refused = bench.far.events[-1]
    assert isinstance(refused, Failed)
    assert refused.status == 500
    await bench.over()


async def test_while_devices_are_rung(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(office())
    Handset(bench, HERS, "alice").register()
    monkeypatch.setattr(bench.phones._bearers, "propose", broken)
    bench.phones.dial(dialled(target=ALICE))
    await bench.settle()
    assert [fact.cause.status for fact in failed(bench)] == [500]
    assert bench.phones.legs == 0
    assert bench.plane.legs == set()


async def test_what_was_called_off_meanwhile_fails_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()
    leg = await answered(bench)
    found = bench.phones._legs.get(leg)
    assert found is not None

    async def work() -> None:
        bench.phones._legs.leave(found, 480, "")
        raise RuntimeError("no such thing")

    await bench.phones._legs.see_through(found, work)
    await bench.settle()
    assert failed(bench) == []
    await bench.over()


async def test_what_is_up_is_lost() -> None:
    bench = Bench()
    leg = await answered(bench)
    found = bench.phones._legs.get(leg)
    assert found is not None

    async def work() -> None:
        raise RuntimeError("no such thing")

    await bench.phones._legs.see_through(found, work)
    await bench.settle()
    assert isinstance(bench.facts[-1], LegDown)
    assert bench.far.kinds()[-1] == "Ended"
    await bench.over()
