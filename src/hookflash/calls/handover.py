"""What transfers have in common, however they are carried out: their outcomes, and the state of the app."""

from __future__ import annotations

from abc import ABC, abstractmethod

from hookflash.calls.connection import Connection
from hookflash.calls.ending import Ending
from hookflash.calls.participants import Participant
from hookflash.calls.tables import ConnectionEvent
from hookflash.calls.turn import Turn
from hookflash.media.line import Request
from hookflash.wire.enums import CallConnectionState
from hookflash.wire.events import CallTransferAccepted, CallTransferFailed
from hookflash.wire.identifiers import Identifier
from hookflash.wire.results import SUCCESS, ResultInformation


class Handover(ABC):
    """One transfer under way. ``whole`` tells that the call is one of two, so that the app leaves it."""

    def __init__(
        self,
        connection: Connection,
        request: Request,
        transferee: Participant,
        target: Identifier,
        *,
        whole: bool,
    ) -> None:
        self.connection = connection
        self.request = request
        self.transferee = transferee
        self.target = target
        self.whole = whole
        connection.undertakings.append(self)
        if whole and connection.state is CallConnectionState.CONNECTED:
            connection.machine.fire(ConnectionEvent.TRANSFER)

    @property
    def under_way(self) -> bool:
        return self in self.connection.undertakings

    def accept(self, turn: Turn) -> None:
        """Tell the app that the target has the transferee."""
        self.connection.undertakings.remove(self)
        self.connection.notify(
            turn,
            CallTransferAccepted,
            SUCCESS,
            self.request,
            transfer_target=self.target.to_model(),
            transferee=self.transferee.identity.to_model(),
        )

    def fail(self, turn: Turn, result: ResultInformation) -> None:
        """Tell the app that the transferee is where it was."""
        if not self.under_way:
            return
        self.connection.undertakings.remove(self)
        if self.whole:
            self.connection.machine.fire(ConnectionEvent.FAIL_TRANSFER)
        self.connection.notify(turn, CallTransferFailed, result, self.request)

    @abstractmethod
    def abandon(self, turn: Turn, ending: Ending) -> None:
        """The app's connection ends."""
