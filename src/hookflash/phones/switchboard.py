"""Which kind of phone an effect is for: virtual phones go before trunks."""

from __future__ import annotations

from typing import Protocol

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
from hookflash.ports.edges import Phones
from hookflash.wire.identifiers import Identifier


class LocalPhones(Phones, Protocol):
    """Phones that know whom they ring for, and which legs are theirs."""

    def takes(self, target: Identifier) -> bool: ...

    def knows(self, leg: int) -> bool: ...


class Switchboard:
    """Implements :class:`hookflash.ports.edges.Phones` over several kinds of phones.

    A dial goes to the first of ``local`` that has a phone for the target, otherwise to ``trunks``; everything
    else goes to whoever has the leg.
    """

    def __init__(self, trunks: Phones, *local: LocalPhones) -> None:
        self._trunks = trunks
        self._local = local

    def dial(self, effect: DialLeg) -> None:
        for phones in self._local:
            if phones.takes(effect.target):
                phones.dial(effect)
                return
        self._trunks.dial(effect)

    def ring(self, effect: RingLeg) -> None:
        self._of(effect.leg).ring(effect)

    def answer(self, effect: AnswerLeg) -> None:
        self._of(effect.leg).answer(effect)

    def refuse(self, effect: RefuseLeg) -> None:
        self._of(effect.leg).refuse(effect)

    def end(self, effect: EndLeg) -> None:
        self._of(effect.leg).end(effect)

    def move(self, effect: MoveLeg) -> None:
        self._of(effect.leg).move(effect)

    def refer(self, effect: ReferLeg) -> None:
        self._of(effect.leg).refer(effect)

    def tell_referrer(self, effect: TellReferrer) -> None:
        self._of(effect.leg).tell_referrer(effect)

    def _of(self, leg: int) -> Phones:
        return next((phones for phones in self._local if phones.knows(leg)), self._trunks)
