"""Session timers of trunk legs (RFC 4028): no phone stays in a call for ever."""

from __future__ import annotations

from dataclasses import replace

import pytest
from phones.exchange import Bench, answered, configured, dialled, sdp

from hookflash.calls.effects import EndLeg
from hookflash.calls.facts import Cause, LegDown, LegUp
from hookflash.phones.config import SESSION
from hookflash.sip.events import Reoffered
from hookflash.sip.ua import SessionTerms


async def up(bench: Bench) -> None:
    """A call of ours is answered."""
    bench.far.answer_calls(sdp())
    bench.phones.dial(dialled())
    await bench.settle()
    assert bench.facts[-1] == LegUp(7)


async def test_a_phone_that_vanishes_ends_its_leg() -> None:
    bench = Bench()
    await up(bench)
    bench.far.silent = True
    await bench.settle(1800.0)
    (down,) = [fact for fact in bench.facts if isinstance(fact, LegDown)]
    assert (down.leg, down.cause.status) == (7, 408)
    await bench.over()


async def test_a_phone_that_is_there_stays() -> None:
    """Ours is the caller: it refreshes by UPDATE, as the far end allows it."""
    bench = Bench()
    await up(bench)
    await bench.settle(7200.0)
    assert bench.phones.legs == 1
    assert 3 <= len(bench.sent("UPDATE")) <= 9
    assert len(bench.plane.connected) == 1
    bench.phones.end(EndLeg(7, Cause(200, "OK")))
    await bench.settle()
    await bench.over()


async def test_a_refresh_by_re_invite_may_move_the_phone() -> None:
    bench = Bench()
    await up(bench)
    (session, _), *_ = bench.phones.agent._core.dialogs.values()
    assert session.dialog is not None
    session.dialog.forbid("UPDATE")
    now = bench.clock.now

    def react(event: object) -> None:
        if isinstance(event, Reoffered):
            bench.far.take(bench.far.agent.answer(now(), event.session, sdp(port=4010)))

    bench.far.react = react
    await bench.settle(1000.0)
    assert [event.method for event in bench.far.events if isinstance(event, Reoffered)] == ["INVITE"]
    assert bench.plane.connected[-1].port == 4010
    assert bench.phones.legs == 1


@pytest.mark.parametrize(("own", "asked"), [(SessionTerms(600, 120), "600"), (SessionTerms(0), None)])
async def test_a_trunk_has_terms_of_its_own(own: SessionTerms, asked: str | None) -> None:
    (trunk,) = configured().trunks
    bench = Bench(configured(trunks=(replace(trunk, session=own),)))
    await up(bench)
    (invite,) = bench.sent("INVITE")
    assert invite.headers.get("Session-Expires") == asked


async def test_callers_get_what_their_trunk_grants() -> None:
    bench = Bench()
    assert configured().trunks[0].session == SESSION
    await answered(bench)
    (ok,) = [m for m in bench.seen if getattr(m, "status", 0) == 200 and m.cseq.method == "INVITE"]
    assert ok.headers.get("Session-Expires") == "1800;refresher=uac"
