"""Virtual phones in virtual time, with media that only keep count."""

from __future__ import annotations

from collections.abc import Callable

from hookflash.calls.effects import AnswerLeg, DialLeg
from hookflash.calls.facts import Fact, IncomingLeg
from hookflash.phones.virtual.lines import Lines
from hookflash.phones.virtual.registry import Registry
from hookflash.phones.virtual.surface import VirtualPhoneDesk
from hookflash.ports.plane import LegUnavailable
from hookflash.ports.virtual_phones import CallDocument, CallView, PhoneDocument, Press, Script
from hookflash.testing.clock import VirtualClock
from hookflash.wire.identifiers import Identifier

NUMBER = "+14255550100"
USER = "8:acs:6d889502-3d7a-41a8-befa-d21fd80e8767_ada"
APP = "+18005550100"


class Rows:
    """Implements LegMedia: which rows are open, in which call. ``full`` refuses."""

    def __init__(self) -> None:
        self.open: dict[int, int] = {}
        self.full = False
        self.opening: Callable[[int], None] = lambda leg: None

    async def open_leg(self, leg: int, call: int, *, socket: bool = True) -> int:
        assert not socket
        if self.full:
            raise LegUnavailable("no media worker is ready")
        assert leg not in self.open
        self.open[leg] = call
        self.opening(leg)
        return 0

    async def move_leg(self, leg: int, call: int) -> int:
        if self.full:
            raise LegUnavailable("no media worker is ready")
        assert leg in self.open
        self.open[leg] = call
        self.opening(leg)
        return 0

    def connect_leg(self, command: object) -> None:
        raise AssertionError("a virtual phone has nothing to connect")

    def close_leg(self, leg: int) -> None:
        del self.open[leg]


class Room:
    """Registry, lines and desk together; ``facts`` is what was reported, in order."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.rows = Rows()
        self.facts: list[Fact] = []
        self.on_fact: Callable[[Fact], None] = lambda fact: None
        self._leg = 100
        self.registry = Registry(self._fact)
        self.lines = Lines(self.registry, self.rows, self._fact, self._new_leg, self.clock)
        self.desk = VirtualPhoneDesk(self.registry, self.lines, self.clock)

    def _fact(self, fact: Fact) -> None:
        self.facts.append(fact)
        self.on_fact(fact)

    def _new_leg(self) -> int:
        self._leg += 1
        return self._leg

    def phone(self, id: str = "ada", identity: str = NUMBER, **script: object) -> None:
        """Have a phone; ``script`` in Python's names."""
        self.desk.put(id, PhoneDocument(identity, id.title(), Script(**script)))  # type: ignore[arg-type]
        self.facts.clear()

    def shown(self, id: str = "ada", call: int = 1) -> CallView:
        return next(view for view in self.desk.show(id).calls if view.id == call)

    def dial(self, leg: int = 1, target: str = NUMBER, call: int = 7, **more: object) -> None:
        effect = DialLeg(leg, call, identity(target), "+12065550100", **more)  # type: ignore[arg-type]
        self.lines.dial(effect)

    def start(self, id: str = "ada", to: str = APP, **more: object) -> int:
        """A phone calls; its leg."""
        self.desk.call(id, CallDocument(to, **more))  # type: ignore[arg-type]
        return next(fact.leg for fact in reversed(self.facts) if isinstance(fact, IncomingLeg))

    async def up(self, leg: int = 1, target: str = NUMBER) -> None:
        """Dial a phone that answers."""
        self.dial(leg, target)
        await self.clock.settle()

    async def answered(self, id: str = "ada") -> int:
        """A phone's call, answered; its leg."""
        leg = self.start(id)
        self.lines.answer(AnswerLeg(leg, 7))
        await self.clock.settle()
        return leg

    def kinds(self) -> list[str]:
        return [type(fact).__name__ for fact in self.facts]

    def over(self) -> None:
        """Nothing is left: no leg, no row, no timer."""
        assert len(self.lines) == 0
        assert self.rows.open == {}
        assert self.clock.next_at is None


def identity(text: str) -> Identifier:
    return Identifier.phone(text) if text.startswith("+") else Identifier.user(text)


def presses(*given: tuple[int, str]) -> list[Press]:
    """Presses from (after_ms, digits)."""
    return [Press(digits, after) for after, digits in given]
