"""One call of one virtual phone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hookflash.calls.facts import Cause
from hookflash.machine import Machine
from hookflash.phones.virtual.script import Performance
from hookflash.phones.virtual.tables import CALL, Event, State
from hookflash.ports.clock import Timer
from hookflash.ports.virtual_phones import CallState, CallView, CauseView, HeardState, HeardView, Wanted

if TYPE_CHECKING:
    from hookflash.phones.virtual.line import Line
    from hookflash.phones.virtual.phone import Phone

MAX_HEARD = 100
"""Plays remembered of one call; the oldest that are over are forgotten first."""
MAX_DIGITS_KEPT = 10_000
"""Keys remembered of one call, the newest."""

_SHOWN = {
    State.RINGING: CallState.RINGING,
    State.ANSWERING: CallState.RINGING,
    State.UP: CallState.UP,
    State.ENDED: CallState.ENDED,
}
_ORDER = list(CallState)


@dataclass(slots=True, eq=False)
class Call:
    """The state of a call. ``incoming``: somebody calls the phone. ``caller`` and ``callee`` are as shown."""

    id: int
    phone: Phone
    line: Line
    incoming: bool
    caller: str
    callee: str
    display_name: str
    performance: Performance
    sip_headers: Mapping[str, str]
    voip_headers: Mapping[str, str]
    machine: Machine[State, Event] = field(default_factory=lambda: Machine(CALL, State.RINGING))
    timer: Timer | None = None
    muted: bool = False
    held: bool = False
    heard: dict[int, HeardView] = field(default_factory=dict)
    digits: str = ""
    cause: Cause | None = None

    @property
    def state(self) -> State:
        return self.machine.state

    # --- what it hears ----------------------------------------------------------------------------------

    def hears(self, play: int, sources: list[str]) -> None:
        """Something is played to it from now on."""
        while len(self.heard) >= MAX_HEARD:
            over = (one for one, heard in self.heard.items() if heard.state is not HeardState.STARTED)
            del self.heard[next(over, next(iter(self.heard)))]
        self.heard[play] = HeardView(play, sources, HeardState.STARTED)
        self.phone.changed()

    def heard_out(self, play: int, state: HeardState) -> None:
        """It does not hear a play any more."""
        heard = self.heard.get(play)
        if heard is not None and heard.state is HeardState.STARTED:
            heard.state = state
            self.phone.changed()

    def gets_keys(self, digits: str) -> None:
        """Keys were sent to it."""
        self.digits = (self.digits + digits)[-MAX_DIGITS_KEPT:]
        self.phone.changed()

    # --- showing ----------------------------------------------------------------------------------------

    def fits(self, wanted: Wanted) -> bool:
        """Whether it is as wanted."""
        return (
            (wanted.state is None or _ORDER.index(_SHOWN[self.state]) >= _ORDER.index(wanted.state))
            and wanted.muted in (None, self.muted)
            and wanted.held in (None, self.held)
            and (wanted.heard is None or any(one.state is wanted.heard for one in self.heard.values()))
            and wanted.digits in self.digits
        )

    def view(self) -> CallView:
        """As it is now."""
        cause = None
        if self.cause is not None:
            cause = CauseView(self.cause.status, self.cause.reason, self.cause.q850)
        return CallView(
            id=self.id,
            direction="in" if self.incoming else "out",
            from_=self.caller,
            to=self.callee,
            display_name=self.display_name,
            state=_SHOWN[self.state],
            sip_headers=dict(self.sip_headers),
            voip_headers=dict(self.voip_headers),
            muted=self.muted,
            held=self.held,
            heard=[HeardView(one.play, one.sources, one.state) for one in self.heard.values()],
            digits=self.digits,
            cause=cause,
        )
