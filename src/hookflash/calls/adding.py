"""Adding somebody to a call: from the request to its one event (contract section 5.4)."""

from __future__ import annotations

from collections import OrderedDict

from hookflash.calls.connection import Connection
from hookflash.calls.ending import CANCELED, Ending
from hookflash.calls.participants import Participant
from hookflash.calls.reaching import Reaching
from hookflash.calls.turn import Turn
from hookflash.media.line import Request
from hookflash.wire.events import (
    AddParticipantFailed,
    AddParticipantSucceeded,
    CancelAddParticipantFailed,
    CancelAddParticipantSucceeded,
)
from hookflash.wire.results import INVITATION_NOT_FOUND, SUCCESS, ResultInformation

SETTLED_MEMORY = 10_000
"""How many invitations that came to an end are remembered, to tell a race that was lost from a mistake."""


class AddBook:
    """Adds under way by invitationId, and what became of the others."""

    def __init__(self, memory: int = SETTLED_MEMORY) -> None:
        self.open: dict[str, Adding] = {}
        self.settled: OrderedDict[str, tuple[str, str]] = OrderedDict()
        """invitationId -> (callConnectionId, what became of it)."""
        self._memory = memory

    def settle(self, adding: Adding, outcome: str) -> None:
        del self.open[adding.invitation_id]
        self.settled[adding.invitation_id] = (adding.connection.id, outcome)
        while len(self.settled) > self._memory:
            self.settled.popitem(last=False)


class Adding:
    """Somebody who is being added. A redirect may bring in somebody else; the success names whom that asked
    for."""

    def __init__(
        self, book: AddBook, connection: Connection, request: Request, reaching: Reaching, invitation_id: str
    ) -> None:
        self.book = book
        self.connection = connection
        self.request = request
        self.reaching = reaching
        self.target = reaching.target
        self.invitation_id = invitation_id
        book.open[invitation_id] = self
        connection.undertakings.append(self)

    def reached(self, turn: Turn, reaching: Reaching, person: Participant) -> None:
        self._settle("has been answered already")
        self.connection.notify(
            turn, AddParticipantSucceeded, SUCCESS, self.request, participant=reaching.target.to_model()
        )

    def failed(self, turn: Turn, reaching: Reaching, ending: Ending) -> None:
        self._tell_failed(turn, ending)
        reaching.call.shrink(turn, ending)

    def redirected(self, reaching: Reaching) -> None:
        """Somebody else rings instead."""
        self.reaching = reaching

    def cancel(self, turn: Turn, request: Request) -> None:
        """The app has changed its mind, and hears of that alone."""
        call = self.reaching.call
        self._settle("has been canceled already")
        self.reaching.withdraw(turn, CANCELED.cause)
        self.connection.notify(
            turn, CancelAddParticipantSucceeded, SUCCESS, request, invitation_id=self.invitation_id
        )
        call.shrink(turn, CANCELED)

    def abandon(self, turn: Turn, ending: Ending) -> None:
        self.reaching.withdraw(turn, CANCELED.cause)
        self._tell_failed(turn, CANCELED)

    def _tell_failed(self, turn: Turn, ending: Ending) -> None:
        self._settle("has failed already")
        self.connection.notify(
            turn,
            AddParticipantFailed,
            ending.result(self.request.version),
            self.request,
            participant=self.target.to_model(),
        )

    def _settle(self, outcome: str) -> None:
        self.connection.undertakings.remove(self)
        self.book.settle(self, outcome)


def tell_too_late(
    turn: Turn, connection: Connection, request: Request, invitation_id: str, outcome: str
) -> None:
    """A cancel that lost the race."""
    result = ResultInformation(
        INVITATION_NOT_FOUND.code, INVITATION_NOT_FOUND.sub_code, f"Invitation not found: it {outcome}."
    )
    connection.notify(turn, CancelAddParticipantFailed, result, request, invitation_id=invitation_id)
