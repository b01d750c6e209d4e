"""Which kind of phone an effect goes to."""

from __future__ import annotations

from typing import Any

from phones.virtual_room import NUMBER, USER, identity

from hookflash.calls.effects import (
    AnswerLeg,
    DialLeg,
    EndLeg,
    MoveLeg,
    ReferLeg,
    RefuseLeg,
    RingLeg,
    TellReferrer,
)
from hookflash.calls.facts import Cause
from hookflash.phones.switchboard import Switchboard
from hookflash.wire.identifiers import Identifier


class Phones:
    """Keeps what it is given."""

    def __init__(self, numbers: tuple[str, ...] = (), legs: tuple[int, ...] = ()) -> None:
        self.numbers, self.legs = numbers, legs
        self.given: list[Any] = []

    def takes(self, target: Identifier) -> bool:
        return target.phone_number in self.numbers

    def knows(self, leg: int) -> bool:
        return leg in self.legs

    def take(self, effect: Any) -> None:
        self.given.append(effect)

    dial = ring = answer = refuse = end = move = refer = tell_referrer = take


def test_a_dial_goes_to_whoever_has_a_phone_for_it_and_else_to_the_trunks() -> None:
    trunks, first, second = Phones(), Phones((NUMBER,)), Phones((NUMBER, "+1999"))
    board = Switchboard(trunks, first, second)
    dials = [DialLeg(n, 1, identity(to), None) for n, to in enumerate((NUMBER, "+1999", "+1777", USER))]
    for dial in dials:
        board.dial(dial)
    assert (first.given, second.given, trunks.given) == (dials[:1], dials[1:2], dials[2:])


def test_everything_else_goes_to_whoever_has_the_leg() -> None:
    trunks, local = Phones(), Phones(legs=(5,))
    board = Switchboard(trunks, local)
    for leg in (5, 6):
        board.ring(RingLeg(leg))
        board.answer(AnswerLeg(leg, 1))
        board.refuse(RefuseLeg(leg, 486, ""))
        board.end(EndLeg(leg, Cause(200, "OK")))
        board.move(MoveLeg(leg, 2))
        board.refer(ReferLeg(leg, identity(NUMBER)))
        board.tell_referrer(TellReferrer(leg, 1, 200, "OK"))
    assert [effect.leg for effect in local.given] == [5] * 7
    assert [effect.leg for effect in trunks.given] == [6] * 7
    assert len({type(effect) for effect in local.given}) == 7
