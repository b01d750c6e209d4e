"""A transfer that the far side of the transferee carries out: its trunk is asked by REFER (RFC 3515).

Nothing is dialled here. Once the trunk says that the target has taken the call, the app is told
CallTransferAccepted and the transferee's leg is ended; what the target's refusal was is in
CallTransferFailed, with the same sub-codes as if we had dialled it. A trunk that does no such thing leaves it
to us.
"""

from __future__ import annotations

from collections.abc import Callable

from hookflash.calls.connection import Connection
from hookflash.calls.effects import EndLeg
from hookflash.calls.ending import ALONE, CANCELED, TRANSFERRED, Ending, failed
from hookflash.calls.facts import Cause, LegNotReferred
from hookflash.calls.handover import Handover
from hookflash.calls.participants import Participant
from hookflash.calls.tables import ConnectionEvent
from hookflash.calls.turn import Turn
from hookflash.media.line import Request
from hookflash.wire.identifiers import Identifier

_OVER = Cause(200, "OK")


class Referral(Handover):
    """One of them, under way. ``bridge`` carries the transfer out here instead."""

    def __init__(
        self,
        connection: Connection,
        request: Request,
        transferee: Participant,
        target: Identifier,
        bridge: Callable[[Turn], None],
        *,
        whole: bool,
    ) -> None:
        super().__init__(connection, request, transferee, target, whole=whole)
        self._bridge = bridge
        transferee.referral = self

    # --- what the far side says -------------------------------------------------------------------------

    def carried_out(self, turn: Turn) -> None:
        """The target has the transferee, whose leg here is of no use any more."""
        connection, person = self.connection, self.transferee
        call = connection.server_call
        person.referral = None
        self.accept(turn)
        if self.whole:
            connection.machine.fire(ConnectionEvent.ACCEPT_TRANSFER)
            call.drop_app(turn, connection, TRANSFERRED)
        if not call.over:
            turn.emit(EndLeg(person.leg, _OVER))
            call.gone(turn, person, ALONE)

    def not_carried_out(self, turn: Turn, fact: LegNotReferred) -> None:
        """The call goes on as it was, or the transfer does, here."""
        self.transferee.referral = None
        if fact.declined:
            self.connection.undertakings.remove(self)
            if self.whole:
                self.connection.machine.fire(ConnectionEvent.FAIL_TRANSFER)
            self._bridge(turn)
        else:
            self.fail(turn, failed(fact.cause, outbound=True).result(self.request.version))

    def lost(self, turn: Turn, ending: Ending) -> None:
        """The transferee hung up before anything was known."""
        self.transferee.referral = None
        result = ending.result(self.request.version)
        self.fail(turn, CANCELED.result(self.request.version) if result.code < 300 else result)

    # --- the app ----------------------------------------------------------------------------------------

    def abandon(self, turn: Turn, ending: Ending) -> None:
        """The app's connection ends; what the far side does from now on is its own affair."""
        self.transferee.referral = None
        self.fail(turn, CANCELED.result(self.request.version))
