"""Carries out the effects on the legs of virtual phones, plays their scripts, reports what becomes of them.

A leg ends in exactly one of: a fact that says so (LegFailed, LegDown), or an effect that asked for it; either
way its row in the plane is closed. A task is needed only while the plane opens or moves a row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

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
from hookflash.calls.facts import (
    Cause,
    IncomingLeg,
    LegDown,
    LegFailed,
    LegMoved,
    LegNotMoved,
    LegNotReferred,
    LegRinging,
    LegUp,
    ToneHeard,
)
from hookflash.phones.causes import NO_ENDPOINT, without_media
from hookflash.phones.identities import sendable_headers
from hookflash.phones.isdn import name_of
from hookflash.phones.tasks import Tasks
from hookflash.phones.virtual.call import Call
from hookflash.phones.virtual.line import Line, best
from hookflash.phones.virtual.phone import Phone, address_of
from hookflash.phones.virtual.registry import Registry
from hookflash.phones.virtual.script import Action, Answer, Connect, HangUp, Key, Performance, Reject
from hookflash.phones.virtual.tables import Event, State
from hookflash.ports.clock import Clock
from hookflash.ports.edges import FactSink
from hookflash.ports.plane import LegMedia, LegUnavailable
from hookflash.ports.virtual_phones import HeardState, RejectDocument, Script
from hookflash.sip.status import REASONS
from hookflash.wire.identifiers import Identifier, IdentifierKind

HUNG_UP = Cause(200, "OK")
CANCELLED = Cause(487, "Cancelled by the caller")
PUT_DOWN = Cause(487, "Put down before it was up")
ELSEWHERE = Cause(487, "Answered elsewhere")
REFUSED_ELSEWHERE = Cause(487, "Refused elsewhere")
GONE = Cause(480, "The phone was taken away")


class Lines:
    """Implements :class:`hookflash.ports.edges.Phones` for virtual phones.

    ``new_leg`` mints leg numbers for calls that phones make; facts go to ``sink``.
    """

    def __init__(
        self, registry: Registry, media: LegMedia, sink: FactSink, new_leg: Callable[[], int], clock: Clock
    ) -> None:
        self._registry = registry
        self._media = media
        self._sink = sink
        self._new_leg = new_leg
        self._clock = clock
        self._tasks = Tasks()
        self._lines: dict[int, Line] = {}

    def __len__(self) -> int:
        return len(self._lines)

    def takes(self, target: Identifier) -> bool:
        """Whether a virtual phone rings for ``target``."""
        return bool(self._registry.phones_of(target))

    def knows(self, leg: int) -> bool:
        """Whether a leg is a virtual phone's, and alive."""
        return leg in self._lines

    def call_of(self, leg: int) -> Call | None:
        """The phone's call at the end of a leg; None when there is none, or several still ring."""
        line = self._lines.get(leg)
        return line.only if line is not None else None

    async def close(self) -> None:
        """End every call; no facts follow."""
        for line in list(self._lines.values()):
            self._leave(line, Cause(503, "Shutting down"))
        await self._tasks.cancel()

    # --- the effects ------------------------------------------------------------------------------------

    def dial(self, effect: DialLeg) -> None:
        """Ring every phone of the target; LegRinging, LegUp, LegFailed follow."""
        line = self._lines[effect.leg] = Line(effect.leg, effect.call)
        trunk_like = effect.target.kind is IdentifierKind.PHONE_NUMBER
        for phone in self._registry.phones_of(effect.target):
            number = phone.next_number()
            if number is None:
                line.refusals.append(Cause(486, f"phone {phone.id} has too many calls at once"))
                continue
            call = Call(
                number,
                phone,
                line,
                True,
                effect.caller or _unnumbered(effect),
                address_of(effect.target),
                effect.display_name,
                Performance(phone.script),
                dict(sendable_headers(effect.headers)),
                {} if trunk_like else effect.voip_headers,
            )
            line.calls.append(call)
        calls = list(line.calls)
        for call in calls:
            call.phone.add(call)
        if not calls:
            refusals = line.refusals or [Cause(480, f"{effect.target} has no phone any more", NO_ENDPOINT)]
            self._fail(line, best(refusals))
            return
        if not all(call.performance.rejects_at_once for call in calls):
            self._sink(LegRinging(effect.leg))
        for call in calls:
            if call.state is State.RINGING:
                call.performance.rings(self._clock.now())
                self._perform(call)

    def ring(self, effect: RingLeg) -> None:
        """Tell a phone that calls that it rings at the other end: it takes that for granted."""

    def answer(self, effect: AnswerLeg) -> None:
        """Answer a phone that calls; LegUp or LegFailed follows."""
        line = self._lines.get(effect.leg)
        call = line.only if line is not None else None
        if line is None or call is None or call.incoming or call.state is not State.RINGING:
            return
        line.call = effect.call
        self._answered(call)

    def refuse(self, effect: RefuseLeg) -> None:
        """Refuse a phone that calls; no fact follows."""
        line = self._lines.get(effect.leg)
        if line is not None and not line.up:
            self._leave(line, Cause(effect.status, effect.reason or REASONS.get(effect.status, "")))

    def end(self, effect: EndLeg) -> None:
        """End a leg in whatever state; no fact follows."""
        line = self._lines.get(effect.leg)
        if line is not None:
            cancelled = not line.up and effect.cause.status == 200
            self._leave(line, CANCELLED if cancelled else effect.cause)

    def refer(self, effect: ReferLeg) -> None:
        """There is nobody behind a virtual phone who could connect it elsewhere."""
        declined = Cause(501, "virtual phones are transferred by the server itself")
        self._sink(LegNotReferred(effect.leg, declined, declined=True))

    def tell_referrer(self, effect: TellReferrer) -> None:
        """Virtual phones refer nobody."""

    def move(self, effect: MoveLeg) -> None:
        """Bring an established leg into another call; LegMoved or LegNotMoved follows."""
        self._tasks.spawn(self._move(effect))

    async def _move(self, effect: MoveLeg) -> None:
        line = self._lines.get(effect.leg)
        if line is None or not line.up:
            self._sink(LegNotMoved(effect.leg, "the phone is not in a call"))
            return
        try:
            await self._media.move_leg(effect.leg, effect.call)
        except LegUnavailable as error:
            if not line.over:
                self._sink(LegNotMoved(effect.leg, str(error)))
            return
        if not line.over:
            line.call = effect.call
            self._sink(LegMoved(effect.leg))

    # --- what phones do ---------------------------------------------------------------------------------

    def start(
        self,
        phone: Phone,
        number: int,
        caller: Identifier,
        callee: Identifier,
        display_name: str,
        sip_headers: Mapping[str, str],
        voip_headers: Mapping[str, str],
    ) -> Call:
        """A phone calls somebody as ``caller``; ``number`` is its call's."""
        line = Line(self._new_leg())
        call = Call(
            number,
            phone,
            line,
            False,
            address_of(caller),
            address_of(callee),
            display_name,
            Performance(phone.script),
            sip_headers,
            voip_headers,
        )
        line.calls.append(call)
        self._lines[line.leg] = line
        phone.add(call)
        self._sink(IncomingLeg(line.leg, caller, callee, display_name, sip_headers, voip_headers))
        return call

    def pick_up(self, call: Call) -> None:
        """Answer a call that rings; every other phone of the leg is told so."""
        line = call.line
        others = [other for other in line.calls if other is not call]
        line.calls = [call]
        for other in others:
            self._over(other, ELSEWHERE)
        self._answered(call)

    def reject(self, call: Call, cause: Cause) -> None:
        """Refuse a call that rings. A 6xx is meant for all phones of the leg (RFC 3261 section 21.6)."""
        line = call.line
        line.calls.remove(call)
        line.refusals.append(cause)
        self._over(call, cause)
        if cause.status >= 600:
            for other in line.calls:
                self._over(other, REFUSED_ELSEWHERE)
            line.calls = []
        if not line.calls:
            self._fail(line, best(line.refusals))

    def hang_up(self, call: Call) -> None:
        """End a call that is answered, or one the phone has made itself."""
        line, up = call.line, call.state is State.UP
        cause = HUNG_UP if up else PUT_DOWN if call.incoming else CANCELLED
        self._over(call, cause)
        if up:
            self._release(line)
            self._sink(LegDown(line.leg, cause))
        else:
            self._fail(line, cause)

    def press(self, call: Call, digits: str) -> bool:
        """Press keys, one after the other; False when too many wait already."""
        if not call.performance.press(self._clock.now(), digits):
            return False
        self._perform(call)
        return True

    def drop(self, phone: Phone) -> None:
        """A phone is gone, and its calls with it."""
        for call in phone.live():
            if call.incoming and call.state is State.RINGING:
                self.reject(call, GONE)
            elif call.state is not State.ENDED:
                self.hang_up(call)

    # --- inside -----------------------------------------------------------------------------------------

    def _answered(self, call: Call) -> None:
        """The side that is called has answered: the call comes up when its script says so."""
        call.machine.fire(Event.ANSWER)
        call.performance.answered(self._clock.now())
        self._perform(call)

    async def _establish(self, line: Line, call: Call) -> None:
        try:
            await self._media.open_leg(line.leg, line.call, socket=False)
        except LegUnavailable as error:
            if not line.over:
                cause = without_media(error)
                self._over(call, cause)
                self._fail(line, cause)
            return
        if line.over:
            self._media.close_leg(line.leg)
            return
        line.opened = True
        call.machine.fire(Event.ESTABLISH)
        call.phone.changed()
        self._sink(LegUp(line.leg))
        # The exchange may have ended it from within.
        if call.state is State.UP:
            call.performance.up(self._clock.now())
            self._perform(call)

    def _perform(self, call: Call) -> None:
        """Do what is due, and wake up for what comes next."""
        performance = call.performance
        while (action := performance.take(self._clock.now())) is not None:
            self._act(call, action)
        if call.timer is not None:
            call.timer.cancel()
            call.timer = None
        if performance.next_at is not None:
            call.timer = self._clock.call_at(performance.next_at, lambda: self._due(call))

    def _due(self, call: Call) -> None:
        call.timer = None
        self._perform(call)

    def _act(self, call: Call, action: Action) -> None:
        match action:
            case Answer() if call.state is State.RINGING:
                self.pick_up(call)
            case Connect():
                self._tasks.spawn(self._establish(call.line, call))
            case Reject() if call.state is State.RINGING:
                self.reject(call, refusal(call.phone.script))
            case Key(digit=digit):
                self._sink(ToneHeard(call.line.leg, digit))
            case HangUp():
                self.hang_up(call)

    def _leave(self, line: Line, cause: Cause) -> None:
        """The exchange ends a leg."""
        for call in line.calls:
            self._over(call, cause)
        self._release(line)

    def _fail(self, line: Line, cause: Cause) -> None:
        self._release(line)
        self._sink(LegFailed(line.leg, cause))

    def _release(self, line: Line) -> None:
        """Forget a leg and give its row back; a row still being opened is closed when it comes."""
        line.over = True
        self._lines.pop(line.leg, None)
        if line.opened:
            line.opened = False
            self._media.close_leg(line.leg)

    def _over(self, call: Call, cause: Cause) -> None:
        """A call has ended for its phone."""
        call.machine.fire(Event.END)
        call.cause = cause
        call.performance.over()
        if call.timer is not None:
            call.timer.cancel()
            call.timer = None
        for play in call.heard:
            call.heard_out(play, HeardState.STOPPED)
        call.phone.changed()


def refusal(wish: Script | RejectDocument) -> Cause:
    """How a phone refuses, as a cause."""
    reason = wish.reason if wish.reason is not None else REASONS.get(wish.status, "Refused")
    return Cause(wish.status, reason, None, wish.q850, name_of(wish.q850) if wish.q850 else "")


def _unnumbered(effect: DialLeg) -> str:
    """Who calls where no number is shown: a user's device sees the user that calls, a telephone nobody."""
    if effect.target.kind is IdentifierKind.PHONE_NUMBER or effect.source is None:
        return "anonymous"
    return "anonymous" if effect.source.is_anonymous else address_of(effect.source)
