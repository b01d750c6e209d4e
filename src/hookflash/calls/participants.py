"""A participant: a phone or an app in a call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookflash.calls.tables import LEG, Leg, LegEvent
from hookflash.machine import Machine
from hookflash.wire.identifiers import Identifier
from hookflash.wire.responses import CallParticipant

if TYPE_CHECKING:
    from hookflash.calls.moving import Move
    from hookflash.calls.reaching import Reaching
    from hookflash.calls.referring import Referral
    from hookflash.calls.takeover import Takeover

MAX_ALIASES = 8
"""Most numbers one app is known by in a call."""

_REACHING = frozenset({Leg.INVITING, Leg.RINGING})
_PRESENT = frozenset({Leg.UP, Leg.HELD})


class Participant:
    """One leg and who is on it.

    ``outbound`` says that we dialled the phone (it chooses 560xyz over 540xyz); until it answers,
    ``reaching`` is what it was dialled for. ``move`` is there while another call waits for the participant,
    or while it is on the way to it. ``aliases`` are the numbers an app was called by, or called from: others
    know it by them, so requests may name it so. ``refers`` says that the far side of the phone carries out
    transfers itself; ``referral`` is one that it was asked for, ``takeover`` one that it has asked for.
    """

    __slots__ = (
        "aliases",
        "identity",
        "is_phone",
        "leg",
        "machine",
        "move",
        "muted",
        "outbound",
        "reaching",
        "referral",
        "refers",
        "takeover",
    )

    def __init__(
        self, leg: int, identity: Identifier, state: Leg, *, is_phone: bool, outbound: bool = False
    ) -> None:
        self.leg = leg
        self.identity = identity
        self.is_phone = is_phone
        self.outbound = outbound
        self.muted = False
        self.aliases: tuple[Identifier, ...] = ()
        self.reaching: Reaching | None = None
        self.move: Move | None = None
        self.refers = False
        self.referral: Referral | None = None
        self.takeover: Takeover | None = None
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
    def moving(self) -> bool:
        """On the way to another call."""
        return self.state is Leg.MOVING

    @property
    def leaving(self) -> bool:
        """About to go elsewhere, in whichever way."""
        return self.move is not None or self.referral is not None or self.takeover is not None

    @property
    def on_hold(self) -> bool:
        return self.state is Leg.HELD

    def know_as(self, alias: Identifier) -> None:
        """Others know it by that number as well; the newest eight are kept."""
        others = [known for known in self.aliases if not known.matches(alias)]
        self.aliases = (alias, *others)[:MAX_ALIASES]

    def go(self) -> None:
        """The leg is over, from whatever state."""
        self.machine.fire(LegEvent.LEAVE if self.present or self.moving else LegEvent.FAIL)

    def to_model(self) -> CallParticipant:
        """As participant lists and ParticipantsUpdated show it (contract section 1.4)."""
        identifier = self.identity.to_model()
        return CallParticipant(identifier=identifier, is_muted=self.muted, is_on_hold=self.on_hold)
