"""Provisional responses that arrive (RFC 3262): ours are repeated until their PRACK, the peer's get one.

As the server: a peer that requires 100rel gets every provisional but 100 reliably, one that supports it too
when that is wanted (:attr:`Settings.reliable`). One response at a time is under way; what is to be said
meanwhile waits. After 64*T1 without a PRACK the INVITE is refused with 504. A 200 waits for the PRACK of a
response that described the session.

A reliable response to an INVITE without an offer would have to carry one (RFC 3261 section 13.2.1). Without
one to send we stay with unreliable responses, or with 100 alone when the peer takes no other.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from hookflash.sip.build import Extra
from hookflash.sip.core import Core
from hookflash.sip.dialog_headers import RAck, parse_rseq
from hookflash.sip.dialogs import Dialog, Offering
from hookflash.sip.envelope import Envelope
from hookflash.sip.errors import ParseError
from hookflash.sip.events import Acknowledged, Failed, Reoffered
from hookflash.sip.fields import Headers
from hookflash.sip.flow import Flow
from hookflash.sip.message import Request, Response
from hookflash.sip.responder import Responder, sdp_of, warning
from hookflash.sip.session import PendingOffer, Provisional, Session, Stage
from hookflash.sip.transactions import Transaction

log = logging.getLogger("hookflash.sip")

OPTION = "100rel"

MAX_QUEUED = 8
"""Provisional responses that may wait for the PRACK of another; more are dropped, the oldest first."""

MAX_PRACKS = 8
"""PRACKs of one session without an answer; further responses are passed over until they come again."""

_FIRST = 2**31 - 1
"""The first RSeq is between 1 and this (RFC 3262 section 3)."""


class ReliableServer:
    """Sends provisional responses reliably; ``go_on(now, session)`` is called once all have arrived."""

    def __init__(self, core: Core, responder: Responder, go_on: Callable[[float, Session], None]) -> None:
        self._core = core
        self._responder = responder
        self._go_on = go_on

    def terms(self, session: Session, request: Request) -> None:
        """Take note of what an INVITE says about reliable responses."""
        session.requires_reliable = OPTION in request.headers.tokens("Require")
        try:
            supported = OPTION in request.headers.tokens("Supported")
        except ParseError:
            supported = False
        offer = bool(sdp_of(request))
        wanted = supported and self._core.settings.reliable and offer
        session.reliable = session.requires_reliable or wanted

    def send(self, now: float, session: Session, status: int, body: bytes, extra: Extra) -> None:
        """Send a provisional response to the pending INVITE, reliably where that is agreed."""
        transaction, dialog = session.invite, session.dialog
        if transaction is None or transaction.request is None or dialog is None:
            return
        request = transaction.request
        if not session.reliable:
            self._responder.respond(now, transaction, request, status, session.local_tag, extra, body=body)
            return
        if not body and dialog.offering is Offering.NONE:
            return
        if session.provisional is not None and not session.provisional.acknowledged:
            session.queued = [*session.queued, (status, body, extra)][-MAX_QUEUED:]
            return
        core = self._core
        session.rseq = session.rseq + 1 if session.rseq else 1 + int(core.random() * _FIRST)
        extra = (*extra, ("Require", OPTION), ("RSeq", str(session.rseq)))
        self._responder.respond(now, transaction, request, status, session.local_tag, extra, body=body)
        if body and session.pending is None:
            # An offer that waits for its answer gets that in the response to its own request.
            dialog.described()
        interval = core.timing.t1
        session.provisional = Provisional(
            RAck(session.rseq, request.cseq.number, "INVITE"),
            bool(body),
            transaction.last,
            transaction.flow,
            interval,
            core.timers.set(now + interval, self._repeat, session),
            core.timers.set(now + core.timing.give_up, self._unacknowledged, session),
        )

    def prack(
        self, now: float, session: Session, dialog: Dialog, envelope: Envelope, request: Request, back: Flow
    ) -> None:
        """A PRACK: it acknowledges our last response, and may answer its offer or make one."""
        provisional = session.provisional
        try:
            rack = RAck.parse(request.headers.get("RAck") or "")
        except ParseError as error:
            self._responder.refuse(now, envelope, request, back, 400, (warning(error),))
            return
        if provisional is None or provisional.acknowledged or rack != provisional.rack:
            self._responder.refuse(now, envelope, request, back, 481)
            return
        body = sdp_of(request)
        if body and dialog.offering is Offering.THEIRS:
            early = ParseError("an offer before the answer to the first", header="PRACK")
            self._responder.refuse(now, envelope, request, back, 400, (warning(early),))
            return
        provisional.settle()
        provisional.acknowledged = True
        transaction = self._responder.open(envelope, request, back)
        if body and dialog.offering is Offering.AGREED:
            transaction.owner = session
            session.pending = PendingOffer(transaction, dialog, dialog.target)
            dialog.offering = Offering.THEIRS
            self._core.emit(session, Reoffered(session.number, body, "PRACK"))
        else:
            self._responder.respond(now, transaction, request, 200, session.local_tag)
            if dialog.offering is Offering.OURS:
                dialog.offering = Offering.AGREED
                self._core.emit(session, Acknowledged(session.number, body))
        if session.queued and session.stage is Stage.INCOMING:
            self.send(now, session, *session.queued.pop(0))
        else:
            self._go_on(now, session)

    @staticmethod
    def holds(session: Session) -> bool:
        """Whether a 200 has to wait for the PRACK of a response that described the session (section 3)."""
        provisional = session.provisional
        return provisional is not None and provisional.described and not provisional.acknowledged

    def _repeat(self, session: Session, now: float) -> None:
        provisional = session.provisional
        if provisional is None:
            return
        self._core.send(provisional.data, provisional.flow)
        provisional.interval *= 2
        when = now + provisional.interval
        provisional.repeat = self._core.timers.set(when, self._repeat, session)

    def _unacknowledged(self, session: Session, now: float) -> None:
        """No PRACK within 64*T1: the INVITE is refused (section 3)."""
        transaction = session.invite
        session.stop()
        if session.stage is not Stage.INCOMING or transaction is None or transaction.request is None:
            return
        reason = "No PRACK for a provisional response"
        self._responder.respond(
            now, transaction, transaction.request, 504, session.local_tag, reason="Server Time-out"
        )
        session.invite = None
        self._core.emit(session, Failed(session.number, 504, reason, "no-prack", Headers()))
        self._core.forget(session)


class ReliableClient:
    """Acknowledges the reliable provisional responses of peers."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def take(self, now: float, session: Session, dialog: Dialog | None, response: Response) -> bool:
        """PRACK a response that asks for it; False for one to be passed over, a repetition or one too early.

        Each dialog of a forked call counts for itself (section 4).
        """
        try:
            if OPTION not in response.headers.tokens("Require"):
                return True
            number = parse_rseq(response.headers.get("RSeq") or "")
        except ParseError as error:
            self._core.tell(now, "bad provisional", session, str(error))
            return False
        if dialog is None or (dialog.rseq and number != dialog.rseq + 1) or session.pracks >= MAX_PRACKS:
            return False
        dialog.rseq = number
        session.pracks += 1
        request = dialog.request("PRACK", self._core.new_branch())
        request.headers.add("RAck", str(RAck(number, response.cseq.number, "INVITE")))
        self._core.ask(now, session, dialog, request)
        if sdp_of(response):
            dialog.offering = Offering.AGREED
        return True


def pending_invite(session: Session) -> Transaction | None:
    """The INVITE of the peer that waits for our final response."""
    transaction = session.invite
    if transaction is None or transaction.is_client or transaction.request is None:
        return None
    return transaction
