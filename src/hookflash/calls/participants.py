"""A participant: a phone or an app in a call."""

from __future__ import annotations

from hookflash.calls.tables import LEG, Leg, LegEvent
from hookflash.machine import Machine
from hookflash.wire.identifiers import Identifier
from hookflash.wire.responses import CallParticipant

_REACHING = frozenset({Leg.INVITING, Leg.RINGING})
_PRESENT = frozenset({Leg.UP, Leg.HELD})


class Participant:
    """One leg and who is on it.

    ``outbound`` says that we dialled the phone (it chooses 560xyz over 540xyz). ``timer`` is the ring
    time-out of such a leg. Muting is not offered yet, so ``muted`` stays false.
    """

    __slots__ = ("identity", "is_phone", "leg", "machine", "muted", "outbound", "timer")

    def __init__(
        self, leg: int, identity: Identifier, state: Leg, *, is_phone: bool, outbound: bool = False
    ) -> None:
        self.leg = leg
        self.identity = identity
        self.is_phone = is_phone
        self.outbound = outbound
        self.muted = False
        self.timer: int | None = None
        self.machine = Machine(LEG, state)

    @property
    def state(self) -> Leg:
        return self.machine.state

    @property
    def present(self) -> bool:
        """In the call: up or on hold."""
        return self.state in _PRESENT

    @property
    def being_reached(self) -> bool:
        """Dialled, and not answered yet."""
        return self.state in _REACHING

    @property
    def on_hold(self) -> bool:
        return self.state is Leg.HELD

    def go(self) -> None:
        """The leg is over, from whatever state."""
        self.machine.fire(LegEvent.LEAVE if self.present else LegEvent.FAIL)

    def to_model(self) -> CallParticipant:
        """As participant lists and ParticipantsUpdated show it (contract section 1.4)."""
        identifier = self.identity.to_model()
        return CallParticipant(identifier=identifier, is_muted=self.muted, is_on_hold=self.on_hold)
