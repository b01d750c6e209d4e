"""A leg of the exchange and the phones at its end: one that calls, or all that ring for one identity."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from hookflash.calls.facts import Cause
from hookflash.phones.virtual.call import Call
from hookflash.phones.virtual.tables import State


@dataclass(slots=True, eq=False)
class Line:
    """``leg`` is the exchange's number, ``call`` that of its call in the plane (0 while there is none).

    ``calls`` are the calls that may still have it; once one has been answered it is the only one.
    ``refusals`` are those of phones that do not want it.
    """

    leg: int
    call: int = 0
    calls: list[Call] = field(default_factory=list)
    refusals: list[Cause] = field(default_factory=list)
    opened: bool = False
    """Whether the plane holds a row for it."""
    over: bool = False

    @property
    def only(self) -> Call | None:
        """The call that has the leg; None while several phones ring."""
        return self.calls[0] if len(self.calls) == 1 else None

    @property
    def up(self) -> bool:
        return any(call.state is State.UP for call in self.calls)


def best(refusals: Iterable[Cause]) -> Cause:
    """What a caller is told when every phone has refused (RFC 3261 section 16.7, step 6): a refusal of all
    places first, then one of the lowest class; the first of equals.
    """
    return min(refusals, key=lambda cause: 0 if cause.status >= 600 else cause.status // 100)
