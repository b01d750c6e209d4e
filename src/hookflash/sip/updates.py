"""UPDATE (RFC 3311): a new offer or target without an INVITE, in early and in established dialogs.

The peer's: without a description it is answered at once; with one the owner answers it
(:class:`~hookflash.sip.events.Reoffered`). One that crosses an offer of ours gets 491, one that comes too
early 500 with Retry-After (section 5.2). Ours: one at a time, tried again after 491 and 500 the way a
re-INVITE is (RFC 3261 section 14.1).
"""

from __future__ import annotations

import logging

from hookflash.sip.build import ACCEPT, SUPPORTED, Extra
from hookflash.sip.core import Core
from hookflash.sip.dialogs import Dialog, Offering
from hookflash.sip.envelope import Envelope
from hookflash.sip.errors import ParseError
from hookflash.sip.events import Reanswered, Reoffered, ReofferRefused
from hookflash.sip.flow import Flow
from hookflash.sip.glare import MAX_GLARES, patience
from hookflash.sip.message import Request, Response
from hookflash.sip.responder import Responder, sdp_of, warning
from hookflash.sip.session import PendingOffer, Session, Stage, Updating
from hookflash.sip.session_timer import SessionTimers

log = logging.getLogger("hookflash.sip")


class UpdateServer:
    """Answers the peer's UPDATEs."""

    def __init__(self, core: Core, timers: SessionTimers, responder: Responder) -> None:
        self._core = core
        self._timers = timers
        self._responder = responder

    def receive(
        self, now: float, session: Session, dialog: Dialog, envelope: Envelope, request: Request, back: Flow
    ) -> None:
        """One UPDATE inside a dialog."""
        body, target = sdp_of(request), dialog.target
        refusal = self._refusal(session, dialog, bool(body))
        refusal = refusal or self._timers.check(request, session.watch.floor)
        if refusal is None:
            try:
                dialog.refresh(request)
            except ParseError as error:
                refusal = error.status, (warning(error),)
        if refusal is not None:
            self._responder.refuse(now, envelope, request, back, *refusal)
            return
        transaction = self._responder.open(envelope, request, back)
        if body:
            transaction.owner = session
            session.pending = PendingOffer(transaction, dialog, target)
            dialog.offering = Offering.THEIRS
            self._core.emit(session, Reoffered(session.number, body, "UPDATE"))
        else:
            session.former_target = dialog.target
            extra = self.answering(now, session, dialog, request)
            self._responder.respond(now, transaction, request, 200, session.local_tag, extra)

    def answering(self, now: float, session: Session, dialog: Dialog, request: Request) -> Extra:
        """What the 200 to an UPDATE says besides its answer."""
        extra = (("Contact", session.contact), ("Allow", session.allow), ("Supported", SUPPORTED))
        if request.method != "UPDATE" or not dialog.confirmed:
            return extra
        return (*extra, *self._timers.granting(now, session, request))

    def _refusal(self, session: Session, dialog: Dialog, offers: bool) -> tuple[int, Extra] | None:
        if session.quiet or session.stage in (Stage.LEAVING, Stage.GONE):
            return 481, ()
        if session.pending is not None:
            return 500, self._responder.later()
        if offers and dialog.offering is Offering.OURS:
            return 491, ()
        if offers and dialog.offering is not Offering.AGREED:
            return 500, self._responder.later()
        return None


class UpdateClient:
    """Sends UPDATEs."""

    def __init__(self, core: Core, timers: SessionTimers) -> None:
        self._core = core
        self._timers = timers

    def may(self, session: Session, offers: bool) -> bool:
        """Whether one may be sent now, with an offer or without (section 5.1)."""
        dialog = self._dialog(session)
        if dialog is None or session.quiet or session.update is not None or not dialog.allows("UPDATE"):
            return False
        if session.stage not in (Stage.INCOMING, Stage.CALLING, Stage.UP):
            return False
        if not offers:
            return True
        provisional = session.provisional
        if session.stage is Stage.INCOMING and (provisional is None or not provisional.acknowledged):
            return False
        busy = session.stage is Stage.UP and (session.invite is not None or session.timer is not None)
        return dialog.offering is Offering.AGREED and not busy

    def send(self, now: float, session: Session, body: bytes) -> bool:
        """Send one; False when it may not be sent now. With a ``body`` an event tells what became of it."""
        dialog = self._dialog(session)
        if dialog is None or not self.may(session, bool(body)):
            return False
        session.update = Updating(dialog, body)
        self._send(now, session, session.update)
        return True

    @staticmethod
    def _dialog(session: Session) -> Dialog | None:
        """The dialog to update: an early one only while there is no other fork."""
        if session.dialog is not None:
            return session.dialog
        return next(iter(session.early.values())) if len(session.early) == 1 else None

    def _send(self, now: float, session: Session, update: Updating) -> None:
        request = update.dialog.request("UPDATE", self._core.new_branch())
        request.headers.add("Contact", session.contact)
        request.headers.add("Allow", session.allow)
        request.headers.add("Supported", SUPPORTED)
        for name, value in self._timers.asking(session):
            request.headers.add(name, value)
        if update.body:
            request.headers.add("Content-Type", ACCEPT)
            request.body = update.body
            update.dialog.offering = Offering.OURS
        self._core.ask(now, session, update.dialog, request)

    def responded(self, now: float, session: Session, response: Response) -> None:
        """A final response to ours, other than a challenge that is being answered."""
        update = session.update
        if update is None:
            return
        if update.body:
            update.dialog.offering = Offering.AGREED
        if response.status < 300:
            self._taken(now, session, update, response)
            return
        if self._timers.raised(session, response):
            self._send(now, session, update)
            return
        wait = patience(self._core, session, response)
        if wait is not None and update.retries < MAX_GLARES:
            update.retries += 1
            update.timer = self._core.timers.set(now + wait, lambda later: self._again(later, session))
            return
        session.update = None
        if response.status in (405, 501):
            update.dialog.forbid("UPDATE")
            if not update.body and self._timers.refresh(now, session):
                return
        if response.status in (408, 481):
            self._core.lost(now, session, response.status, response.reason, response.headers)
            return
        if update.body:
            self._core.emit(session, ReofferRefused(session.number, response.status, response.reason))
        else:
            self._timers.refused(now, session)

    def _taken(self, now: float, session: Session, update: Updating, response: Response) -> None:
        session.update = None
        try:
            update.dialog.refresh(response)
        except ParseError as error:
            self._core.tell(now, "bad answer", session, str(error))
        if update.dialog.confirmed:
            self._timers.granted(now, session, response)
        if update.body:
            session.described = update.body
            self._core.emit(session, Reanswered(session.number, sdp_of(response)))

    def _again(self, now: float, session: Session) -> None:
        update = session.update
        if update is None or session.quiet:
            return
        update.timer = None
        if update.body and update.dialog.offering is not Offering.AGREED:
            # An offer of the peer's is under way; ours waits for its end.
            update.timer = self._core.timers.set(
                now + self._core.timing.t1, lambda later: self._again(later, session)
            )
        else:
            self._send(now, session, update)
