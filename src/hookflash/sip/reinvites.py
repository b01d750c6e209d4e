"""Re-INVITEs of ours (RFC 3261 section 14.1): new offers in a session that is up, and its refreshes."""

from __future__ import annotations

import logging
from collections.abc import Callable

from hookflash.sip.build import cancel
from hookflash.sip.core import Core
from hookflash.sip.dialogs import Dialog, Offering
from hookflash.sip.envelope import Envelope
from hookflash.sip.errors import ParseError
from hookflash.sip.events import Reanswered, Refreshed, ReofferRefused
from hookflash.sip.fields import Headers
from hookflash.sip.glare import MAX_GLARES, patience
from hookflash.sip.inviting import acknowledge, describe
from hookflash.sip.message import Request, Response
from hookflash.sip.reliable import ReliableClient
from hookflash.sip.responder import sdp_of
from hookflash.sip.session import Session, Stage
from hookflash.sip.session_timer import SessionTimers
from hookflash.sip.transactions import Transaction

LONGEST_WAIT = 180.0
"""Seconds a re-INVITE waits for its final response after a provisional one, as long as a proxy does."""

log = logging.getLogger("hookflash.sip")


class Reinvites:
    """Sends re-INVITEs, one at a time."""

    def __init__(
        self,
        core: Core,
        timers: SessionTimers,
        reliable: ReliableClient,
        challenged: Callable[[float, Session, Request, Response], bool],
    ) -> None:
        """``challenged`` says whether a response asks for credentials, and sends them."""
        self._core = core
        self._timers = timers
        self._reliable = reliable
        self._challenged = challenged

    def may_reoffer(self, session: Session) -> bool:
        """Whether a re-INVITE may be sent: the session is up and no INVITE is pending (section 14.1)."""
        idle = session.invite is None and session.success is None and session.timer is None
        agreed = session.dialog is not None and session.dialog.offering is Offering.AGREED
        return idle and agreed and session.stage is Stage.UP and not session.quiet

    def reoffer(self, now: float, session: Session, body: bytes) -> bool:
        """Send a re-INVITE; False when it may not be sent now."""
        dialog = session.dialog
        if dialog is None or not self.may_reoffer(session):
            return False
        session.offer, session.retries, session.refreshing = body, 0, False
        self.send(now, session, dialog)
        return True

    def refresh(self, now: float, session: Session) -> bool:
        """Offer what stands once more, so that the session lives on (RFC 4028); False when not now."""
        sent = bool(session.described) and self.reoffer(now, session, session.described)
        session.refreshing = sent or session.refreshing
        return sent

    def withdraw(self, session: Session) -> None:
        """Do not send a re-INVITE again that got 491."""
        pending = session.invite is not None and session.invite.is_client
        if session.stage is Stage.UP and not pending and session.timer is not None:
            session.timer.cancel()
            session.timer = None
            session.refreshing = False

    # --- from the transactions --------------------------------------------------------------------------

    def responded(
        self,
        now: float,
        session: Session,
        dialog: Dialog,
        transaction: Transaction,
        request: Request,
        response: Response,
    ) -> None:
        """A response to one of them."""
        if response.status < 200:
            if session.invite is transaction and session.timer is None:
                self._core.after(now, LONGEST_WAIT, self._overdue, session)
            self._reliable.take(now, session, dialog, response)
            return
        if session.invite is transaction and session.timer is not None:
            session.timer.cancel()
            session.timer = None
        envelope = Envelope.of(response)
        if response.status < 300:
            known = session.acks.get((dialog.remote_tag, envelope.number))
            if known is not None:
                self._core.send(*known)
                return
            try:
                dialog.refresh(response)
            except ParseError as error:
                self._core.tell(now, "bad answer", session, str(error))
            session.acks.clear()
            acknowledge(self._core, session, dialog, request, envelope.number)
            if session.invite is transaction:
                session.invite, session.reinvited = None, False
                dialog.offering = Offering.AGREED
                session.described = session.offer
                self._timers.granted(now, session, response)
                if session.refreshing:
                    self._core.emit(session, Refreshed(session.number, sdp_of(response)))
                else:
                    self._core.emit(session, Reanswered(session.number, sdp_of(response)))
            return
        if session.invite is not transaction:
            return
        session.invite, session.reinvited = None, False
        dialog.offering = Offering.AGREED
        if session.stage is not Stage.UP or self._challenged(now, session, request, response):
            return
        wait = patience(self._core, session, response)
        if wait is not None and session.retries < MAX_GLARES:
            session.retries += 1
            self._core.after(now, wait, self._again, session)
        elif self._timers.raised(session, response):
            self.send(now, session, dialog)
        elif response.status in (408, 481):
            self._core.lost(now, session, response.status, response.reason, response.headers)
        elif session.refreshing:
            self._timers.refused(now, session)
            self._core.emit(session, Refreshed(session.number, b""))
        else:
            self._core.emit(session, ReofferRefused(session.number, response.status, response.reason))

    def send(self, now: float, session: Session, dialog: Dialog) -> None:
        """Send the pending offer, again if need be."""
        request = dialog.request("INVITE", self._core.new_branch())
        describe(session, request, session.offer)
        for name, value in self._timers.asking(session):
            request.headers.add(name, value)
        session.reinvited = True
        dialog.offering, dialog.rseq = Offering.OURS, 0
        self._core.ask(now, session, dialog, request)

    def _overdue(self, now: float, session: Session) -> None:
        """Only a provisional response has come: it is cancelled, and the peer given 64*T1 to say so."""
        invite = session.invite
        if invite is None or invite.request is None:
            return
        request = cancel(invite.request)
        self._core.transactions.request(now, request, request.via.branch or "", invite.flow, None)
        self._core.after(now, self._core.timing.give_up, self._unanswered, session)

    def _unanswered(self, now: float, session: Session) -> None:
        """Not even the CANCEL has brought a final response."""
        if session.invite is not None:
            self._core.transactions.abandon(session.invite)
            session.invite, session.reinvited = None, False
            self._core.lost(now, session, 408, "No response", Headers())

    def _again(self, now: float, session: Session) -> None:
        if session.stage is not Stage.UP or session.dialog is None:
            return
        dialog = session.dialog
        if session.invite is None and session.success is None and dialog.offering is Offering.AGREED:
            self.send(now, session, session.dialog)
        else:
            self._core.after(now, self._core.timing.t1, self._again, session)
