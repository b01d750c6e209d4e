"""The server half of a user agent (RFC 3261 sections 8.2, 9.2, 11.2, 12.2.2, 13.3, 14.2, 15.1.2)."""

from __future__ import annotations

from collections.abc import Callable

from hookflash.sip.build import ABILITIES, SUPPORTED, Extra
from hookflash.sip.core import Core
from hookflash.sip.dialogs import Dialog, Offering
from hookflash.sip.envelope import Envelope
from hookflash.sip.errors import ParseError
from hookflash.sip.events import Cancelled, Ended, Failed, IncomingInvite, Reoffered
from hookflash.sip.fields import Headers
from hookflash.sip.flow import Flow
from hookflash.sip.infos import InfoServer
from hookflash.sip.inspection import inspect_body, inspect_headers
from hookflash.sip.message import Request, parse
from hookflash.sip.referring import NotifyServer
from hookflash.sip.refers import ReferServer
from hookflash.sip.reliable import ReliableServer, pending_invite
from hookflash.sip.responder import Responder, sdp_of, warning
from hookflash.sip.session import Guest, Session, SessionTerms, Stage
from hookflash.sip.session_timer import SessionTimers
from hookflash.sip.stateless import Judge, Stateless, trace
from hookflash.sip.successes import Successes
from hookflash.sip.transactions import Transaction, server_key
from hookflash.sip.updates import UpdateServer


class Server:
    """Answers requests."""

    def __init__(self, core: Core, timers: SessionTimers, stateless: Stateless) -> None:
        self._core = core
        self._timers = timers
        self._stateless = stateless
        self._responder = Responder(core)
        self.ended = self._responder.ended
        core.terminate = self._terminate_pending
        self._reliable = ReliableServer(core, self._responder, self._go_on)
        self._successes = Successes(core)
        self._updates = UpdateServer(core, timers, self._responder)
        self.referrals = ReferServer(core, self._responder)
        self._within = {
            "PRACK": self._reliable.prack,
            "INFO": InfoServer(core, self._responder).receive,
            "UPDATE": self._updates.receive,
            "REFER": self.referrals.receive,
            "NOTIFY": NotifyServer(core, self._responder).receive,
        }

    # --- from the network -------------------------------------------------------------------------------

    def receive(
        self,
        now: float,
        envelope: Envelope,
        request: Request,
        flow: Flow,
        judge: Judge | None = None,
        guest: Callable[[], Guest] | None = None,
    ) -> None:
        """Take one well-formed request.

        ``judge`` says whether it is welcome where it belongs to no call, ``guest`` whose it is: asked after
        the judge, who may have found out.
        """
        core = self._core
        if request.method == "ACK":
            if core.transactions.acknowledged(now, envelope):
                core.belonged += 1
            else:
                self._successes.acknowledged(now, envelope, request)
            return
        if core.transactions.repeated(now, envelope):
            core.belonged += 1
            return
        back = trace(request, flow)
        if judge is not None and self._stateless.turn_away(envelope, request, back, judge):
            return
        terms, core.room.source = guest() if guest is not None else core.guest(flow)
        if (limit := core.lacks_transaction()) and not self._makes_room(envelope, request):
            core.crowded(now, limit, flow)
            self._stateless.respond(request, 503, back, (("Retry-After", "10"),))
            return
        if request.method == "CANCEL":
            self._cancel(now, envelope, request, back)
            return
        refusal = self._refusal(envelope, request)
        if refusal is not None:
            self._responder.refuse(now, envelope, request, back, *refusal)
        elif envelope.to_tag:
            self._inside(now, envelope, request, flow, back)
        elif request.method == "INVITE":
            self._invite(now, envelope, request, flow, back, terms)
        elif request.method == "OPTIONS":
            self._options(now, self._responder.open(envelope, request, back), request)
        else:
            self._responder.refuse(now, envelope, request, back, 481)

    def _makes_room(self, envelope: Envelope, request: Request) -> bool:
        """Whether a request will end something that is there, so that it is taken however full it is."""
        cancels = request.method == "CANCEL"
        return self._core.ends(envelope, request.method) and (
            cancels or self._refusal(envelope, request) is None
        )

    def _refusal(self, envelope: Envelope, request: Request) -> tuple[int, Extra] | None:
        """What is wrong with a request by itself, or because it came another way before (section 8.2.2.2)."""
        refusal = inspect_headers(request)
        if refusal is not None:
            return refusal
        if self._responder.merged(envelope, request.method):
            return 482, ()
        return inspect_body(request)

    def _options(self, now: float, transaction: Transaction, request: Request) -> None:
        """Say what we can do (section 11.2)."""
        self._responder.respond(now, transaction, request, 200, self._core.new_tag(), ABILITIES)

    def _invite(
        self,
        now: float,
        envelope: Envelope,
        request: Request,
        flow: Flow,
        back: Flow,
        terms: SessionTerms,
    ) -> None:
        core = self._core
        refusal = self._timers.check(request, terms.minimum)
        if refusal is not None:
            self._responder.refuse(now, envelope, request, back, *refusal)
            return
        if core.full:
            core.crowded(now, "dialogs", flow)
            self._responder.refuse(now, envelope, request, back, 503, (("Retry-After", "10"),))
            return
        tag, contact = core.new_tag(), core.contact(flow, request.uri)
        try:
            dialog = Dialog.serving(envelope, request, tag, flow, contact)
        except ParseError as error:
            self._responder.refuse(now, envelope, request, back, error.status, (warning(error),))
            return
        transaction = self._responder.open(envelope, request, back)
        session = core.open(Stage.INCOMING, envelope.call_id, tag, contact)
        session.dialog = dialog
        session.invite = transaction
        transaction.owner = session
        dialog.offering = Offering.THEIRS if sdp_of(request) else Offering.NONE
        self._reliable.terms(session, request)
        self._timers.begin(session, terms)
        core.adopt(session, dialog)
        session.deadline = now + core.settings.unanswered
        core.after(now, min(core.settings.reminder, core.settings.unanswered), self._remind, session)
        self._responder.respond(now, transaction, request, 100, "")
        core.emit(session, IncomingInvite(session.number, request, flow))

    def _inside(self, now: float, envelope: Envelope, request: Request, flow: Flow, back: Flow) -> None:
        """A request that names a dialog (section 12.2.2)."""
        found = self._core.dialogs.get((envelope.call_id, envelope.to_tag, envelope.from_tag))
        if found is None:
            self._responder.refuse(now, envelope, request, back, 481)
            return
        session, dialog = found
        self._core.belonged += 1
        if not dialog.in_order(envelope.number):
            self._responder.refuse(now, envelope, request, back, 500)
            return
        if flow.connection:
            dialog.flow = flow
        if request.method == "BYE":
            self._bye(now, session, self._responder.open(envelope, request, back), request)
        elif request.method == "OPTIONS":
            self._options(now, self._responder.open(envelope, request, back), request)
        else:
            take = self._within.get(request.method, self._reinvite)
            take(now, session, dialog, envelope, request, back)

    def _reinvite(
        self, now: float, session: Session, dialog: Dialog, envelope: Envelope, request: Request, back: Flow
    ) -> None:
        """A new offer in a session that is up; only one INVITE at a time (section 14.2)."""
        pending = session.invite
        refusal = self._timers.check(request, session.watch.floor)
        if session.stage in (Stage.LEAVING, Stage.GONE) or session.quiet:
            self._responder.refuse(now, envelope, request, back, 481)
        elif (pending is not None and not pending.is_client) or dialog.offering is Offering.THEIRS:
            self._responder.refuse(now, envelope, request, back, 500, self._responder.later())
        elif pending is not None or session.success is not None or dialog.offering is Offering.OURS:
            self._responder.refuse(now, envelope, request, back, 491)
        elif refusal is not None:
            self._responder.refuse(now, envelope, request, back, *refusal)
        else:
            session.former_target = dialog.target
            try:
                dialog.refresh(request)
            except ParseError as error:
                self._responder.refuse(now, envelope, request, back, error.status, (warning(error),))
                return
            transaction = self._responder.open(envelope, request, back)
            transaction.owner = session
            session.invite, session.reinvited = transaction, True
            body = sdp_of(request)
            dialog.offering = Offering.THEIRS if body else Offering.NONE
            self._responder.respond(now, transaction, request, 100, "")
            self._core.emit(session, Reoffered(session.number, body))

    def _bye(self, now: float, session: Session, transaction: Transaction, request: Request) -> None:
        core = self._core
        if session.stage in (Stage.CALLING, Stage.CANCELLING):
            # Only the caller may end an early dialog with BYE (section 15).
            self._responder.respond(now, transaction, request, 481, core.new_tag())
            return
        self._responder.respond(now, transaction, request, 200, session.local_tag)
        early = session.stage is Stage.INCOMING
        self._terminate_pending(now, session)
        if early:
            core.emit(session, Cancelled(session.number, request.headers))
        else:
            core.emit(session, Ended(session.number, 200, "OK", request.headers))
        core.forget(session)

    def _cancel(self, now: float, envelope: Envelope, request: Request, back: Flow) -> None:
        """CANCEL is answered at once, whatever becomes of the INVITE (section 9.2)."""
        core = self._core
        invite = core.transactions.find(server_key(envelope, "INVITE"))
        session = invite.owner if invite is not None and isinstance(invite.owner, Session) else None
        transaction = core.transactions.accept(envelope, request, back)
        if invite is None:
            self._responder.respond(now, transaction, request, 481, core.new_tag())
            return
        # The To tag of the responses to the INVITE: callers may go by the one they saw last.
        tag = session.local_tag if session else None
        if session is None and invite.last:
            tag = parse(invite.last).to.tag
        self._responder.respond(now, transaction, request, 200, tag or core.new_tag())
        if session is None:
            return
        self._terminate_pending(now, session)
        if session.stage is Stage.INCOMING:
            core.emit(session, Cancelled(session.number, request.headers))
            core.forget(session)

    def _terminate_pending(self, now: float, session: Session) -> None:
        """487 for what the peer asked and will not be answered any more."""
        self._core.relinquish(now, session)
        self.refuse_offer(now, session, 487, ())
        transaction = pending_invite(session)
        if transaction is not None and transaction.request is not None:
            self._withdraw_offer(session)
            session.invite, session.reinvited = None, False
            self._responder.respond(now, transaction, transaction.request, 487, session.local_tag)

    # --- from the owner ---------------------------------------------------------------------------------

    def ring(self, now: float, session: Session, status: int, body: bytes) -> None:
        """Send a provisional response, and again every minute while nobody answers (section 13.3.1.1)."""
        transaction = pending_invite(session)
        if session.stage is not Stage.INCOMING or transaction is None or transaction.request is None:
            return
        session.rung = (status, body)
        self._reliable.send(now, session, status, body, self._path(session, transaction.request))

    def _remind(self, now: float, session: Session) -> None:
        """Say again that it rings; give up at last, so that a caller who vanished is not kept for ever."""
        core = self._core
        if session.stage is not Stage.INCOMING:
            return
        if now >= session.deadline:
            self._terminate_pending(now, session)
            reason = f"Not answered within {core.settings.unanswered:g} s"
            core.emit(session, Failed(session.number, 487, reason, "ring-timeout", Headers()))
            core.forget(session)
            return
        if session.rung is not None and not session.queued:
            self.ring(now, session, *session.rung)
        core.after(now, min(core.settings.reminder, session.deadline - now), self._remind, session)

    def answer(self, now: float, session: Session, body: bytes) -> None:
        """Send 200 with a session description, and repeat it until the ACK comes."""
        transaction = pending_invite(session)
        if transaction is None or transaction.request is None or session.dialog is None:
            return
        session.queued = []
        if session.stage is Stage.INCOMING and self._reliable.holds(session):
            session.held = body
            return
        request = transaction.request
        number = request.cseq.number
        session.dialog.described()
        extra = (*self._path(session, request), *self._timers.granting(now, session, request))
        session.described = body
        self._responder.respond(now, transaction, request, 200, session.local_tag, extra, body=body)
        session.invite, session.reinvited = None, False
        if session.stage is Stage.INCOMING:
            session.stop_ringing()
            session.stage = Stage.ANSWERED
            session.dialog.confirmed = True
        self._successes.sent(now, session, number, transaction)

    def refuse(self, now: float, session: Session, status: int, reason: str, headers: Headers | None) -> None:
        """Refuse the pending INVITE; the session is gone unless it was a re-INVITE."""
        transaction = pending_invite(session)
        if transaction is None or transaction.request is None:
            return
        extra = tuple(headers) if headers is not None else ()
        self._withdraw_offer(session)
        self._responder.respond(
            now, transaction, transaction.request, status, session.local_tag, extra, reason
        )
        session.invite = None
        if session.reinvited:
            session.reinvited = False
        else:
            self._core.forget(session)

    def _go_on(self, now: float, session: Session) -> None:
        """Every provisional response has arrived: the 200 that waited for that may go."""
        held, session.held = session.held, None
        if held is not None:
            self.answer(now, session, held)

    def answer_offer(self, now: float, session: Session, body: bytes) -> None:
        """Answer an offer that came in a PRACK or UPDATE."""
        pending, session.pending = session.pending, None
        if pending is None or pending.transaction.request is None:
            return
        request = pending.transaction.request
        extra = self._updates.answering(now, session, pending.dialog, request)
        session.described = body
        self._responder.respond(now, pending.transaction, request, 200, session.local_tag, extra, body=body)
        pending.dialog.described()

    def refuse_offer(self, now: float, session: Session, status: int, extra: Extra) -> None:
        """Refuse an offer that came in a PRACK or UPDATE; what was agreed before stays."""
        pending, session.pending = session.pending, None
        if pending is None or pending.transaction.request is None:
            return
        pending.dialog.offering, pending.dialog.target = Offering.AGREED, pending.target
        request = pending.transaction.request
        self._responder.respond(now, pending.transaction, request, status, session.local_tag, extra)

    @staticmethod
    def _withdraw_offer(session: Session) -> None:
        """A re-INVITE is refused: what was agreed before it stays, its target too (RFC 6141 section 4)."""
        if session.reinvited and session.dialog is not None:
            session.dialog.offering, session.dialog.target = Offering.AGREED, session.former_target

    def end(self, now: float, session: Session) -> None:
        """End a session that is past its final response: BYE, at the earliest after the ACK (section 15)."""
        self._terminate_pending(now, session)
        if session.stage is Stage.ANSWERED:
            session.stage = Stage.LEAVING
        elif session.dialog is not None:
            self._core.bye(now, session, session.dialog)

    def _path(self, session: Session, request: Request) -> Extra:
        """What we can do, Contact, and the Record-Route the peer's proxies wrote (section 12.1.1)."""
        routes = [("Record-Route", value) for value in request.headers.lines("Record-Route")]
        able = (("Allow", session.allow), ("Supported", SUPPORTED))
        return (*routes, ("Contact", session.contact), *able)
