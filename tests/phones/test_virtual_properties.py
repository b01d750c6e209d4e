"""Whatever the exchange and programs do in whatever order: every leg ends once, and nothing is left."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from phones.virtual_room import APP, NUMBER, USER, Room, presses

from hookflash.calls.effects import AnswerLeg, EndLeg, MoveLeg, RefuseLeg
from hookflash.calls.facts import (
    Cause,
    Fact,
    IncomingLeg,
    LegDown,
    LegFailed,
    LegMoved,
    LegNotMoved,
    LegRinging,
    LegUp,
    ToneHeard,
)
from hookflash.phones.virtual.tables import State
from hookflash.ports.virtual_phones import (
    CallDocument,
    CallState,
    OnCall,
    PhoneDocument,
    PressDocument,
    RejectDocument,
    Script,
)
from hookflash.wire.results import Refusal

PHONES = {"ada": NUMBER, "bob": USER, "eve": USER}
SCRIPTS = st.builds(
    Script,
    on_call=st.sampled_from(OnCall),
    after_ms=st.sampled_from([0, 300]),
    status=st.sampled_from([480, 486, 603]),
    press=st.sampled_from([[], presses((0, "1")), presses((100, "23"), (0, "4"))]),
    hang_up_after_ms=st.sampled_from([None, 0, 500]),
    connect_after_ms=st.sampled_from([0, 0, 300, 700]),
)
ENDINGS = (LegFailed, LegDown)


class Phones(RuleBasedStateMachine):
    """``ended`` are the legs that are over, however; ``up`` those that are established."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.room = Room()
        self.room.on_fact = self.learn
        self.known: set[int] = set()
        self.ended: set[int] = set()
        self.up: set[int] = set()
        self.violations: list[str] = []
        self.next_leg = 1

    def learn(self, fact: Fact) -> None:
        """Facts may come from tasks, where nobody would see an exception."""
        try:
            self.check(fact)
        except AssertionError as error:
            self.violations.append(f"{fact}: {error}")

    def check(self, fact: Fact) -> None:
        leg = getattr(fact, "leg", None)
        if leg is None:
            return
        assert leg not in self.ended or isinstance(fact, LegNotMoved), f"{fact} after its end"
        match fact:
            case IncomingLeg():
                self.known.add(leg)
            case LegRinging():
                assert leg not in self.up
            case LegUp():
                assert leg not in self.up
                assert leg in self.room.rows.open
                self.up.add(leg)
            case LegFailed():
                assert leg not in self.up
            case LegDown() | ToneHeard() | LegMoved():
                assert leg in self.up
        if isinstance(fact, ENDINGS):
            self.ended.add(leg)

    def settle(self) -> None:
        self.loop.run_until_complete(self.room.clock.settle())
        for phone in self.room.registry.all():
            for call in phone.live():
                assert call.state is not State.ANSWERING or call.timer is not None, "an answer hangs"

    @initialize(scripts=st.lists(SCRIPTS, min_size=3, max_size=3))
    def begin(self, scripts: list[Script]) -> None:
        for (id, identity), script in zip(PHONES.items(), scripts, strict=True):
            self.room.desk.put(id, PhoneDocument(identity, "", script))

    # --- what the exchange does -------------------------------------------------------------------------

    @rule(to=st.sampled_from([NUMBER, USER]), settle=st.booleans())
    def dial(self, to: str, settle: bool) -> None:
        leg, self.next_leg = self.next_leg, self.next_leg + 1
        self.known.add(leg)
        self._inside(lambda: self.room.dial(leg, to))
        if settle:
            self.settle()

    @rule(id=st.sampled_from(sorted(PHONES)), seconds=st.sampled_from([0.0, 0.1, 0.35]))
    def talk(self, id: str, seconds: float) -> None:
        """A phone calls and is answered."""
        self.act(id, "call")
        if self.known:
            self._inside(lambda: self.room.lines.answer(AnswerLeg(max(self.known), 7)))
        self.wait(seconds)

    @rule(to=st.sampled_from([NUMBER, USER]), seconds=st.sampled_from([0.1, 0.35]))
    def ring(self, to: str, seconds: float) -> None:
        """Phones are called, and have some time."""
        self.dial(to, True)
        self.wait(seconds)

    @rule(data=st.data(), status=st.sampled_from([404, 486]))
    def refuse(self, data: st.DataObject, status: int) -> None:
        leg = self._some(data)
        if leg not in self.up:
            self.room.lines.refuse(RefuseLeg(leg, status, ""))
            self.ended.add(leg)

    @rule(data=st.data())
    def answer(self, data: st.DataObject) -> None:
        self._inside(lambda: self.room.lines.answer(AnswerLeg(self._some(data), 7)))

    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        leg = self._some(data)
        self.room.lines.end(EndLeg(leg, Cause(200, "OK")))
        self.ended.add(leg)

    @rule(data=st.data())
    def move(self, data: st.DataObject) -> None:
        self._inside(lambda: self.room.lines.move(MoveLeg(self._some(data), 8)))

    # --- what programs do -------------------------------------------------------------------------------

    @rule(id=st.sampled_from(sorted(PHONES)), script=SCRIPTS)
    def put(self, id: str, script: Script) -> None:
        self.room.desk.put(id, PhoneDocument(PHONES[id], "", script))

    @rule(
        id=st.sampled_from(sorted(PHONES)),
        what=st.sampled_from(["call", "hang", "answer", "reject", "press"]),
    )
    def act(self, id: str, what: str) -> None:
        desk = self.room.desk
        acts = {
            "call": lambda: desk.call(id, CallDocument(APP)),
            "hang": lambda: desk.hang_up(id, None),
            "answer": lambda: desk.answer(id, None),
            "reject": lambda: desk.reject(id, None, RejectDocument()),
            "press": lambda: desk.press(id, None, PressDocument("9")),
        }
        with suppress(Refusal):
            self._inside(acts[what])

    @rule(id=st.sampled_from(sorted(PHONES)))
    def remove(self, id: str) -> None:
        with suppress(Refusal):
            self.room.desk.remove(id)

    @rule(full=st.sampled_from([True, False, False]))
    def fill(self, full: bool) -> None:
        self.room.rows.full = full

    @rule(seconds=st.sampled_from([0.0, 0.2, 1.0]))
    def wait(self, seconds: float) -> None:
        self.loop.run_until_complete(self.room.clock.elapse(seconds))

    # --- what always holds ------------------------------------------------------------------------------

    @invariant()
    def every_fact_was_in_its_place(self) -> None:
        assert self.violations == []

    @invariant()
    def calls_and_legs_agree(self) -> None:
        calls = [call for phone in self.room.registry.all() for call in phone.calls.values()]
        for call in calls:
            assert (call.cause is not None) == (call.view().state is CallState.ENDED)
            assert call.line.over or call.view().state is not CallState.ENDED or call not in call.line.calls
            assert self.room.lines.knows(call.line.leg) != call.line.over
        for leg in self.known:
            if self.room.lines.knows(leg):
                assert leg not in self.ended

    def teardown(self) -> None:
        self.settle()
        for leg in self.known:
            self.room.lines.end(EndLeg(leg, Cause(200, "OK")))
        self.settle()
        assert self.violations == []
        self.room.over()
        assert all(not phone.live() for phone in self.room.registry.all())
        self.loop.close()

    def _some(self, data: st.DataObject) -> int:
        return data.draw(st.sampled_from(sorted(self.known) or [0]))

    def _inside(self, act: object) -> None:
        """Do something that starts tasks, which needs a running loop."""

        async def run() -> None:
            act()  # type: ignore[operator]

        self.loop.run_until_complete(run())


TestPhones = Phones.TestCase
TestPhones.settings = settings(max_examples=200, stateful_step_count=30, deadline=None)
