"""The client half of a user agent (RFC 3261 sections 8.1, 9.1, 13.2, 14.1, 15.1.1, 22.2)."""

from __future__ import annotations

import logging

from hookflash.sip import keys
from hookflash.sip.auth import Authenticator
from hookflash.sip.build import MAX_FORWARDS, cancel
from hookflash.sip.core import Core
from hookflash.sip.dialogs import Dialog, Offering, via_value
from hookflash.sip.envelope import Envelope
from hookflash.sip.errors import ParseError
from hookflash.sip.events import Answered, Failed, Informed, Progress, Ringing
from hookflash.sip.fields import Headers
from hookflash.sip.headers import NameAddr, Reason
from hookflash.sip.inviting import acknowledge, describe
from hookflash.sip.late import LateAnswers
from hookflash.sip.machines import Signal
from hookflash.sip.message import Request, Response
from hookflash.sip.referring import ReferClient
from hookflash.sip.reinvites import Reinvites
from hookflash.sip.reliable import ReliableClient
from hookflash.sip.responder import sdp_of
from hookflash.sip.session import Outgoing, Session, Stage
from hookflash.sip.session_timer import SessionTimers
from hookflash.sip.transactions import Transaction
from hookflash.sip.updates import UpdateClient

log = logging.getLogger("hookflash.sip")

MAX_CHALLENGES = 3
"""How many 401/407 of one call are answered before it counts as refused."""

MAX_FORKS = 16
"""How many early dialogs one call may have."""


class Client:
    """Makes calls and asks for changes in them."""

    def __init__(self, core: Core, timers: SessionTimers) -> None:
        self._core = core
        self._timers = timers
        self._reliable = ReliableClient(core)
        self._updates = UpdateClient(core, timers)
        self.referring = ReferClient(core)
        self.reinvites = Reinvites(core, timers, self._reliable, self._challenged)
        self.late = LateAnswers(core, self._success)
        timers.refresh = self._refresh

    # --- from the owner ---------------------------------------------------------------------------------

    def invite(self, now: float, outgoing: Outgoing) -> Session:
        """Start a call (section 13.2.1). ValueError when a value cannot stand in a header."""
        core = self._core
        tag, call_id = core.new_tag(), core.entropy(16).hex()
        template = Headers([("From", str(NameAddr.parse(outgoing.caller).with_tag(tag))), *outgoing.headers])
        NameAddr.parse(outgoing.callee)
        session = core.open(Stage.CALLING, call_id, tag, core.contact(outgoing.flow, outgoing.uri))
        session.outgoing, session.refers = outgoing, outgoing.refers
        self._timers.begin(session, outgoing.terms)
        if outgoing.username:
            session.auth = Authenticator(outgoing.username, outgoing.password, core.entropy)
        core.after(now, outgoing.ring_timeout, self._rang_out, session)
        self._call(now, session, outgoing, template.get("From") or "")
        return session

    def _call(self, now: float, session: Session, outgoing: Outgoing, caller: str) -> None:
        core = self._core
        branch = core.new_branch()
        session.number_sent += 1
        headers = Headers()
        headers.add("Via", via_value(outgoing.flow, branch))
        headers.add("Max-Forwards", MAX_FORWARDS)
        headers.add("From", caller)
        headers.add("To", outgoing.callee)
        headers.add("Call-ID", session.call_id)
        headers.add("CSeq", f"{session.number_sent} INVITE")
        request = Request("INVITE", outgoing.uri, headers, b"")
        describe(session, request, outgoing.body)
        for name, value in self._timers.asking(session, first=True):
            headers.add(name, value)
        for name, value in outgoing.headers:
            headers.add(name, value)
        if session.auth is not None:
            session.auth.apply(request)
        headers.add("User-Agent", core.settings.name)
        session.proceeding = False
        session.invite = core.transactions.request(now, request, branch, outgoing.flow, session)

    def update(self, now: float, session: Session, body: bytes) -> bool:
        """Send an UPDATE; False when it may not be sent now."""
        return self._updates.send(now, session, body)

    def press(self, now: float, session: Session, key: str, duration: int, kind: str) -> bool:
        """Press a key by INFO with a body of ``kind``; False when the session is not up."""
        if session.stage is not Stage.UP or session.quiet or session.dialog is None:
            return False
        request = session.dialog.request("INFO", self._core.new_branch())
        request.headers.add("Content-Type", kind)
        request.body = keys.write(key, duration, kind)
        self._core.ask(now, session, session.dialog, request)
        return True

    def _refresh(self, now: float, session: Session) -> bool:
        """Refresh a session (RFC 4028): by UPDATE where the peer allows it, otherwise by re-INVITE."""
        return self._updates.send(now, session, b"") or self.reinvites.refresh(now, session)

    def cancel(self, now: float, session: Session) -> None:
        """Get out of a call that is not answered yet; CANCEL waits for a provisional (section 9.1)."""
        if session.stage is not Stage.CALLING:
            return
        session.stage = Stage.CANCELLING
        session.stop()
        if session.proceeding:
            self._send_cancel(now, session)

    def _send_cancel(self, now: float, session: Session) -> None:
        invite = session.invite
        if invite is None or invite.request is None:
            return
        request = cancel(invite.request, session.parting)
        self._core.transactions.request(now, request, request.via.branch or "", invite.flow, None)
        # A peer that answers the CANCEL but never the INVITE must not keep it alive (section 9.1).
        self._core.after(now, self._core.timing.give_up, self._cancel_unanswered, session)

    def _cancel_unanswered(self, now: float, session: Session) -> None:
        if session.invite is not None:
            self._core.transactions.abandon(session.invite)
            self.late.give_up(now, session, session.invite)
        self._core.forget(session)

    def _rang_out(self, now: float, session: Session) -> None:
        self._core.emit(session, Failed(session.number, 408, "No answer in time", "ring-timeout", Headers()))
        session.quiet = True
        session.parting = (("Reason", str(Reason("Q.850", 19, "No answer from user"))),)
        self.cancel(now, session)

    # --- from the transactions --------------------------------------------------------------------------

    def responded(self, now: float, transaction: Transaction, response: Response) -> None:
        """Take a response to a request of ours."""
        session, request = transaction.owner, transaction.request
        if not isinstance(session, Session) or request is None:
            return
        if request.method == "BYE":
            if response.status >= 200 and not self._challenged(now, session, request, response):
                self._core.forget(session)
        elif request.method != "INVITE":
            self._inside(now, session, request, response)
        elif session.dialog is not None and session.dialog.confirmed and request.to.tag is not None:
            self.reinvites.responded(now, session, session.dialog, transaction, request, response)
        elif response.status < 200:
            self._provisional(now, session, request, response)
        elif response.status < 300:
            self._success(now, session, transaction, request, response)
        else:
            self._failure(now, session, request, response)

    def unanswered(self, now: float, transaction: Transaction, signal: Signal) -> None:
        """A request of ours got no final response (section 8.1.3.1: as good as 408 or 503)."""
        session, request = transaction.owner, transaction.request
        if not isinstance(session, Session) or request is None:
            return
        timeout = signal is Signal.EXPIRE
        status = 408 if timeout else 503
        reason = "No response" if timeout else "Transport failure"
        if request.method == "BYE":
            self._core.forget(session)
        elif request.method == "PRACK":
            session.pracks -= 1
            log.info("PRACK unanswered", extra={"call_id": session.call_id, "status": status})
        elif request.method in ("UPDATE", "INFO", "REFER"):
            self._inside(now, session, request, Response(status, reason, Headers()))
        elif request.to.tag is None:
            self.late.give_up(now, session, transaction)
            kind = "timeout" if timeout else "transport"
            self._core.emit(session, Failed(session.number, status, reason, kind, Headers()))
            self._core.forget(session)
        else:
            session.invite, session.reinvited = None, False
            self._core.lost(now, session, status, reason, Headers())

    def _inside(self, now: float, session: Session, request: Request, response: Response) -> None:
        """A response to what travels in a dialog beside INVITE and BYE."""
        if response.status < 200 or self._challenged(now, session, request, response):
            return
        if request.method == "PRACK":
            session.pracks -= 1
        elif request.method == "UPDATE":
            self._updates.responded(now, session, response)
        elif request.method == "REFER":
            self.referring.responded(now, session, response)
        elif request.method == "INFO":
            self._core.emit(session, Informed(session.number, response.status))
            if response.status in (408, 481):
                self._core.lost(now, session, response.status, response.reason, response.headers)

    def _provisional(self, now: float, session: Session, request: Request, response: Response) -> None:
        if session.invite is None:
            return
        first = not session.proceeding
        session.proceeding = True
        dialog = None
        envelope = Envelope.of(response)
        if response.status > 100 and envelope.to_tag and session.outgoing is not None:
            dialog = self._early(now, session, request, envelope, response, session.outgoing)
        if session.stage is Stage.CANCELLING and first:
            self._send_cancel(now, session)
        if response.status == 100 or not self._reliable.take(now, session, dialog, response):
            return
        if session.stage is Stage.CANCELLING:
            return
        body = sdp_of(response)
        if dialog is not None and body:
            dialog.early_answer = body
        if body:
            event = Progress(session.number, response.status, response.reason, body)
            self._core.emit(session, event)
        else:
            self._core.emit(session, Ringing(session.number, response.status, response.reason))

    def _early(
        self,
        now: float,
        session: Session,
        request: Request,
        envelope: Envelope,
        response: Response,
        outgoing: Outgoing,
    ) -> Dialog | None:
        """The early dialog a provisional response belongs to; None when it makes none."""
        known = session.early.get(envelope.to_tag)
        try:
            if known is not None:
                known.refresh(response)
            elif len(session.early) < MAX_FORKS:
                dialog = Dialog.calling(request, envelope, response, outgoing.flow, session.contact)
                dialog.offering = Offering.OURS
                session.early[envelope.to_tag] = dialog
                self._core.adopt(session, dialog)
                return dialog
        except ParseError as error:
            # It may ring without a dialog; the 2xx will make one.
            self._core.tell(now, "bad provisional", session, str(error))
        return known

    def _success(
        self, now: float, session: Session, transaction: Transaction, request: Request, response: Response
    ) -> None:
        """A 2xx: the first one makes the session, any other fork is acknowledged and ended (section
        13.2.2.4).
        """
        core = self._core
        envelope = Envelope.of(response)
        known = session.acks.get((envelope.to_tag, envelope.number))
        if known is not None:
            core.send(*known)
            return
        if len(session.acks) > MAX_FORKS:
            return
        early = session.early.pop(envelope.to_tag, None)
        try:
            dialog = early or Dialog.calling(request, envelope, response, transaction.home, session.contact)
            dialog.local_number = max(dialog.local_number, envelope.number)
            dialog.confirm(response)
        except ParseError as error:
            if early is not None:
                core.disown(early)
            self._unusable(now, session, error)
            return
        acknowledge(core, session, dialog, request, envelope.number)
        if session.dialog is not None or session.stage is Stage.GONE:
            bye = dialog.request("BYE", core.new_branch())
            core.ask(now, session, dialog, bye, owned=False)
            core.disown(dialog)
            return
        if session.auth is not None:
            session.auth.accepted()
        session.dialog = dialog
        session.invite = None
        dialog.offering = Offering.AGREED
        core.adopt(session, dialog)
        for other in session.early.values():
            core.disown(other)
        session.early.clear()
        if session.stage is Stage.CANCELLING:
            core.bye(now, session, dialog)
            return
        session.stop()
        session.stage = Stage.UP
        if session.outgoing is not None:
            session.described = session.outgoing.body
        self._timers.granted(now, session, response)
        # With the answer in a provisional response the 2xx needs none (RFC 3262 section 5); of several forks
        # it is that of the one that took the call.
        core.emit(session, Answered(session.number, sdp_of(response) or dialog.early_answer))

    def _unusable(self, now: float, session: Session, error: ParseError) -> None:
        """A 2xx that does not say where its dialog is: it can be neither acknowledged nor ended."""
        self._core.tell(now, "bad answer", session, str(error))
        if session.dialog is None:
            event = Failed(session.number, 502, f"Unusable answer: {error}", "response", Headers())
            self._core.emit(session, event)
            self._core.forget(session)

    def _failure(self, now: float, session: Session, request: Request, response: Response) -> None:
        if session.invite is None:
            return
        if session.stage is Stage.CALLING and self._challenged(now, session, request, response):
            return
        if session.stage is Stage.CALLING and self._timers.raised(session, response):
            self._anew(now, session, request)
            return
        event = Failed(session.number, response.status, response.reason, "response", response.headers)
        self._core.emit(session, event)
        self._core.forget(session)

    def _anew(self, now: float, session: Session, request: Request) -> None:
        """Call once more after a refusal that told what was missing."""
        if session.outgoing is not None:
            for early in session.early.values():
                self._core.disown(early)
            session.early.clear()
            self._call(now, session, session.outgoing, request.headers.get("From") or "")

    def _challenged(self, now: float, session: Session, request: Request, response: Response) -> bool:
        """Whether a 401 or 407 is being answered with credentials (section 22.2)."""
        if response.status not in (401, 407) or session.auth is None or session.challenges >= MAX_CHALLENGES:
            return False
        if not session.auth.challenged(response):
            return False
        session.challenges += 1
        dialog = session.dialog
        if dialog is None and session.outgoing is not None and request.method == "INVITE":
            self._anew(now, session, request)
        elif dialog is not None and request.method == "BYE":
            self._core.bye(now, session, dialog)
        elif request.method != "INVITE":
            return self._core.again(now, session, request)
        elif dialog is not None:
            self.reinvites.send(now, session, dialog)
        return True
