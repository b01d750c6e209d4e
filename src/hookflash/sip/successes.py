"""Our 2xx to an INVITE until its ACK comes (RFC 3261 section 13.3.1.4)."""

from __future__ import annotations

from hookflash.sip.core import Core
from hookflash.sip.dialogs import Offering
from hookflash.sip.envelope import Envelope
from hookflash.sip.events import Acked, Ended, Failed
from hookflash.sip.fields import Headers
from hookflash.sip.headers import Reason
from hookflash.sip.message import Request
from hookflash.sip.responder import sdp_of
from hookflash.sip.session import Session, Stage, Success
from hookflash.sip.transactions import Transaction


class Successes:
    """Repeats each 2xx until its ACK comes; ends the dialog when none does."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def sent(self, now: float, session: Session, number: int, transaction: Transaction) -> None:
        """A 2xx has just left in a transaction; ``number`` is the CSeq number of its INVITE."""
        core = self._core
        interval = core.timing.t1
        session.success = Success(
            number,
            transaction.last,
            transaction.flow,
            interval,
            now + core.timing.give_up,
            core.timers.set(now + interval, self._repeat, session),
        )

    def acknowledged(self, now: float, envelope: Envelope, request: Request) -> None:
        """An ACK came that belongs to no failure response."""
        found = self._core.dialogs.get((envelope.call_id, envelope.to_tag, envelope.from_tag))
        if found is None:
            return
        session, dialog = found
        self._core.belonged += 1
        if session.success is None or session.success.number != envelope.number:
            return
        session.settle()
        if dialog.offering is Offering.OURS:
            dialog.offering = Offering.AGREED
        if session.stage is Stage.LEAVING:
            self._core.bye(now, session, dialog)
            return
        first = session.stage is Stage.ANSWERED
        session.stage = Stage.UP
        self._core.emit(session, Acked(session.number, sdp_of(request), first))

    def _repeat(self, session: Session, now: float) -> None:
        success = session.success
        if success is None:
            return
        if now >= success.until:
            self._unacknowledged(session, now)
            return
        self._core.send(success.data, success.flow)
        success.interval = min(2 * success.interval, self._core.timing.t2)
        when = min(now + success.interval, success.until)
        success.repeat = self._core.timers.set(when, self._repeat, session)

    def _unacknowledged(self, session: Session, now: float) -> None:
        """No ACK within 64*T1: the dialog is ended with BYE (section 13.3.1.4)."""
        core = self._core
        session.settle()
        reason = "No ACK for the 200"
        session.parting = (("Reason", str(Reason("SIP", 408, reason))),)
        if session.stage is Stage.ANSWERED:
            core.emit(session, Failed(session.number, 408, reason, "no-ack", Headers()))
        else:
            core.emit(session, Ended(session.number, 408, reason, Headers()))
        session.quiet = True
        if session.dialog is not None:
            core.bye(now, session, session.dialog)
