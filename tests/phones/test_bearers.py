"""Offers and answers in the middle of calls, and early media."""

from __future__ import annotations

import logging
from collections import Counter

import pytest
from phones.exchange import Bench, answered, dialled, sdp

from hookflash.calls.facts import LegRinging, LegUp
from hookflash.sip.events import Reanswered, ReofferRefused
from hookflash.sip.notices import BURST
from hookflash.sip.sdp import SessionDescription

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


@pytest.mark.parametrize(("body", "status"), [(sdp("18"), 488), (b"rubbish", 400)])
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


# --- early media ----------------------------------------------------------------------------------------


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


async def test_an_offer_in_an_update_is_answered_like_any_other() -> None:
    """Hold by UPDATE: the plane stops sending, and the phone is told so in the 200."""
    bench = Bench()
    await answered(bench)
    sent, outputs = bench.far.agent.update(bench.clock.now(), 1, sdp(direction="sendonly"))
    assert sent
    bench.far.take(outputs)
    await bench.settle()
    (answer,) = [event for event in bench.far.events if isinstance(event, Reanswered)]
    assert b"a=recvonly" in answer.body
    assert not bench.plane.connected[-1].sending


async def test_an_offer_in_an_update_we_cannot_take_changes_nothing() -> None:
    bench = Bench()
    await answered(bench)
    before = len(bench.plane.connected)
    bench.far.take(bench.far.agent.update(bench.clock.now(), 1, sdp("18"))[1])
    await bench.settle()
    assert [event.status for event in bench.far.events if isinstance(event, ReofferRefused)] == [488]
    assert len(bench.plane.connected) == before
    assert bench.phones.legs == 1


async def test_offers_without_sense_fill_no_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "hookflash.sip")
    bench = Bench()
    await answered(bench)
    for body in (b"rubbish", sdp("18")):
        for _ in range(3 * BURST):
            bench.far.take(bench.far.agent.reoffer(bench.clock.now(), 1, body)[1])
            await bench.settle()
    said = Counter(record.message for record in caplog.records)
    assert (said["bad re-offer"], said["re-offer refused"]) == (BURST, BURST)
    assert bench.far.kinds().count("ReofferRefused") == 6 * BURST
