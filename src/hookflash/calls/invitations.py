"""Invitations: IncomingCalls on offer, each good for one decision, and a memory of those decided.

A decided or lapsed ``incomingCallContext`` is answered with 404/8522 and the reason, one of another
resource with 403/7507. The memory is bounded: the oldest contexts are forgotten and then read as unknown,
which is the same code.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from hookflash.calls.tables import INVITATION, InvitationEvent
from hookflash.calls.tables import Invitation as State
from hookflash.machine import Machine
from hookflash.wire.results import not_found, wrong_resource

if TYPE_CHECKING:
    from hookflash.calls.reaching import Reaching

MEMORY = 10_000
"""How many decided contexts are remembered."""

_OUTCOMES = {
    State.ANSWERED: "has been answered",
    State.REDIRECTED: "has been redirected",
    State.REJECTED: "has been rejected",
    State.TAKEN: "has been answered elsewhere, on a device of the called user",
    State.CANCELLED: "is over, the caller is gone",
    State.EXPIRED: "was not answered in time",
}


class Invitation:
    """The apps of ``resource`` may answer, redirect or reject with ``context``; part of a ``reaching``."""

    __slots__ = ("context", "machine", "reaching", "resource")

    def __init__(self, context: str, reaching: Reaching, resource: str) -> None:
        self.context = context
        self.reaching = reaching
        self.resource = resource
        self.machine = Machine(INVITATION, State.OFFERED)


class InvitationBook:
    """Every invitation on offer, by context."""

    def __init__(self, memory: int = MEMORY) -> None:
        self.open: dict[str, Invitation] = {}
        self._decided: OrderedDict[str, tuple[str, State]] = OrderedDict()
        self._memory = memory

    def add(self, invitation: Invitation) -> None:
        self.open[invitation.context] = invitation

    def decide(self, invitation: Invitation, event: InvitationEvent) -> None:
        """Something became of it; its context is good for nothing any more."""
        state = invitation.machine.fire(event)
        del self.open[invitation.context]
        self._decided[invitation.context] = (invitation.resource, state)
        while len(self._decided) > self._memory:
            self._decided.popitem(last=False)

    def get(self, resource: str, context: str) -> Invitation:
        """The invitation on offer. Raises Refusal 404/8522 or 403/7507."""
        invitation = self.open.get(context)
        owner, state = self._decided.get(context, (None, None))
        if invitation is not None:
            owner = invitation.resource
        if owner is not None and owner != resource.casefold():
            raise wrong_resource(
                "The incomingCallContext belongs to another resource; use the access key of the resource "
                "that received the IncomingCall event.",
                target="incomingCallContext",
            )
        if invitation is not None:
            return invitation
        if state is not None:
            raise not_found(
                f"The incoming call {_OUTCOMES[state]}; an incomingCallContext can be used once, while "
                "the call rings.",
                target="incomingCallContext",
            )
        raise not_found(
            "No incoming call has this incomingCallContext; take it unchanged from the IncomingCall event "
            "of a call that is still ringing.",
            target="incomingCallContext",
        )
