"""Established legs move into other calls, and the phone is told when its audio is elsewhere."""

from __future__ import annotations

import asyncio

import pytest
from phones.exchange import BYE, THEM, Bench, answered, sdp, up

from hookflash.calls.effects import EndLeg, MoveLeg
from hookflash.calls.facts import LegDown, LegMoved, LegNotMoved
from hookflash.sip.events import Event, Reoffered
from hookflash.sip.message import Request
from hookflash.sip.sdp import SessionDescription

NEW = 30_000


async def moving(bench: Bench, port: int = NEW, leg: int = 7) -> None:
    """A move has been asked for, and everything at hand has happened."""
    bench.plane.new_port = port
    bench.phones.move(MoveLeg(leg, 9))
    await bench.settle()


def offered(bench: Bench) -> list[tuple[int, int]]:
    """Port and version of each session description we sent, in order."""
    found = []
    for message in bench.seen:
        if message.body and message.body.startswith(b"v=0\r\no=- ") and b"192.0.2.2" in message.body:
            description = SessionDescription.parse(message.body)
            found.append((description.media[0].port, description.origin.version))
    return found


async def test_a_leg_whose_port_stays_moves_without_a_word() -> None:
    bench = Bench()
    await up(bench)
    await moving(bench, 0)
    assert bench.facts[-1] == LegMoved(7)
    assert len(bench.sent("INVITE")) == 1


async def test_the_phone_is_told_its_new_port_and_then_the_leg_has_moved() -> None:
    bench = Bench()
    await up(bench)
    bench.far.react = lambda event: None
    await moving(bench)
    assert LegMoved(7) not in bench.facts
    bench.far.take(bench.far.agent.answer(bench.clock.now(), 1, sdp()))
    await bench.settle()
    assert bench.facts[-1] == LegMoved(7)
    assert offered(bench) == [(20_014, 1), (NEW, 2)]
    bench.phones.end(EndLeg(7, BYE))
    await bench.settle()
    await bench.over()


async def test_a_leg_that_came_in_moves_as_well() -> None:
    bench = Bench()
    leg = await answered(bench)
    bench.far.answer_calls(sdp())
    await moving(bench, leg=leg)
    assert bench.facts[-1] == LegMoved(leg)
    assert offered(bench)[-1][0] == NEW


async def test_it_may_move_again() -> None:
    bench = Bench()
    await up(bench)
    await moving(bench)
    await moving(bench, NEW + 2)
    assert bench.facts[-2:] == [LegMoved(7), LegMoved(7)]
    assert [port for port, _ in offered(bench)] == [20_014, NEW, NEW + 2]


async def test_a_leg_without_room_stays_where_it_is() -> None:
    bench = Bench()
    await up(bench)
    bench.plane.full = True
    await moving(bench)
    assert bench.facts[-1] == LegNotMoved(7, "no media worker is ready")
    bench.plane.full = False
    await moving(bench)
    assert bench.facts[-1] == LegMoved(7)


async def test_what_is_not_up_cannot_be_moved() -> None:
    bench = Bench()
    await moving(bench)
    assert bench.facts == [LegNotMoved(7, "the phone is not in a call")]


async def test_two_moves_at_once_are_one_too_many() -> None:
    bench = Bench()
    await up(bench)
    bench.far.react = lambda event: None
    await moving(bench)
    await moving(bench)
    assert isinstance(bench.facts[-1], LegNotMoved)
    assert "just being moved" in bench.facts[-1].message
    bench.far.take(bench.far.agent.answer(bench.clock.now(), 1, sdp()))
    await bench.settle()
    assert bench.facts[-1] == LegMoved(7)


@pytest.mark.parametrize(("status", "body"), [(488, b""), (501, b""), (200, sdp("18"))])
async def test_a_phone_that_does_not_follow_is_let_go(status: int, body: bytes) -> None:
    bench = Bench()
    await up(bench)

    def react(event: Event) -> None:
        if isinstance(event, Reoffered) and status == 200:
            bench.far.take(bench.far.agent.answer(bench.clock.now(), 1, body))
        elif isinstance(event, Reoffered):
            bench.far.take(bench.far.agent.refuse(bench.clock.now(), 1, status))

    bench.far.react = react
    await moving(bench)
    not_moved, down = bench.facts[-2:]
    assert isinstance(not_moved, LegNotMoved)
    assert "new media address" in not_moved.message
    assert isinstance(down, LegDown)
    assert down.cause.status == (488 if status == 200 else status)
    assert len(bench.sent("BYE")) == 1
    await bench.over()


async def test_a_phone_that_hangs_up_instead_is_simply_gone() -> None:
    bench = Bench()
    await up(bench)
    bench.far.react = lambda event: None
    await moving(bench)
    bench.far.take(bench.far.agent.end(bench.clock.now(), 1))
    await bench.settle()
    assert [type(fact) for fact in bench.facts[-2:]] == [LegNotMoved, LegDown]
    assert bench.facts[-1].cause.status == 200  # type: ignore[union-attr]
    assert len(bench.sent("BYE")) == 1
    await bench.over()


@pytest.mark.parametrize("full", [False, True])
async def test_a_leg_that_ends_while_the_plane_moves_it_says_nothing(full: bool) -> None:
    bench = Bench()
    await up(bench)

    async def hang_up(leg: int) -> None:
        bench.plane.full = full
        bench.phones.end(EndLeg(leg, BYE))
        bench.plane.legs.add(leg)  # it is noticed only after the move

    bench.plane.moving = hang_up
    facts = list(bench.facts)
    await moving(bench)
    assert bench.facts == facts
    assert len(bench.sent("INVITE")) == 1


# --- offers that cross (RFC 3261 section 14.1) ----------------------------------------------------------


async def test_after_glare_the_offer_is_made_again() -> None:
    bench = Bench()
    await up(bench)
    pending = [491, 491]

    def react(event: Event) -> None:
        if isinstance(event, Reoffered):
            now = bench.clock.now()
            if pending:
                bench.far.take(bench.far.agent.refuse(now, 1, pending.pop()))
            else:
                bench.far.take(bench.far.agent.answer(now, 1, sdp()))

    bench.far.react = react
    await moving(bench)
    assert LegMoved(7) not in bench.facts
    await bench.settle(10.0)
    assert bench.facts[-1] == LegMoved(7)
    assert [port for port, _ in offered(bench)] == [20_014, NEW, NEW, NEW]


async def test_real_glare_ends_with_both_sides_told() -> None:
    """Both send at once and get 491. The phone, not the owner of the Call-ID, tries again first; our answer
    tells it the port, so our own offer is not needed any more."""
    bench = Bench()
    await up(bench)
    _, outputs = bench.far.agent.reoffer(bench.clock.now(), 1, sdp(port=4002))
    bench.plane.new_port = NEW
    bench.phones.move(MoveLeg(7, 9))
    await bench.clock.settle()
    bench.far.take(outputs)
    await bench.settle(10.0)
    assert bench.facts[-1] == LegMoved(7)
    assert bench.far.kinds().count("Reanswered") == 1
    ours = [r for r in bench.sent("INVITE") if r.from_.uri.host == "192.0.2.2"]
    assert len(ours) == 2
    versions = [version for _, version in offered(bench)]
    assert versions == sorted(versions)
    assert offered(bench)[-1][0] == NEW
    assert bench.plane.connected[-1].port == 4002
    bench.phones.end(EndLeg(7, BYE))
    await bench.settle()
    await bench.over()


async def test_an_offer_of_the_phone_that_comes_while_the_plane_moves_is_answered_with_the_old_port() -> None:
    """So the phone still has to be told, once its ACK is there."""
    bench = Bench()
    await up(bench)
    gate = asyncio.Event()

    async def wait(leg: int) -> None:
        await gate.wait()

    bench.plane.moving = wait
    await moving(bench)
    bench.far.take(bench.far.agent.reoffer(bench.clock.now(), 1, sdp(direction="sendonly"))[1])
    await bench.settle()
    assert LegMoved(7) not in bench.facts
    gate.set()
    await bench.settle()
    assert bench.facts[-1] == LegMoved(7)
    assert [port for port, _ in offered(bench)] == [20_014, 20_014, NEW]


async def test_an_answer_of_ours_without_its_ack_holds_our_offer_back() -> None:
    bench = Bench()
    await up(bench)
    bench.far.take(bench.far.agent.reoffer(bench.clock.now(), 1, sdp(direction="sendonly"))[1])
    bench._deliver()  # the re-INVITE is here, our 200 on its way
    bench.far.silent = True
    await moving(bench)
    assert len([r for r in bench.sent("INVITE") if r.from_.uri.host == "192.0.2.2"]) == 1
    bench.far.silent = False
    await bench.settle(10.0)
    assert bench.facts[-1] == LegMoved(7)


async def test_an_offer_of_the_phone_that_we_refuse_does_not_stop_ours() -> None:
    bench = Bench()
    await up(bench)
    bench.far.react = lambda event: None
    await moving(bench)
    bench.far.take(bench.far.agent.refuse(bench.clock.now(), 1, 491))
    await bench.settle()
    bench.far.answer_calls(sdp())
    bench.far.take(bench.far.agent.reoffer(bench.clock.now(), 1, sdp("18"))[1])
    await bench.settle()
    assert bench.facts[-1] == LegMoved(7)
    refused = [event for event in bench.far.events if type(event).__name__ == "ReofferRefused"]
    assert len(refused) == 1


async def test_a_reoffer_of_a_phone_that_does_not_move_changes_nothing() -> None:
    bench = Bench()
    await up(bench)
    bench.far.take(bench.far.agent.reoffer(bench.clock.now(), 1, sdp())[1])
    await bench.settle()
    assert not any(isinstance(fact, LegMoved) for fact in bench.facts)
    assert all(isinstance(m, Request) for m in bench.sent("INVITE"))
    assert bench.fars[THEM].kinds()[-1] == "Reanswered"
