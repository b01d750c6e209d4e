"""The server half of a user agent (RFC 3261 sections 8.2, 9.2, 11.2, 12.2.2, 13.3, 14.2, 15.1.2)."""

from __future__ import annotations

from functools import partial

from hookflash.sip.build import ABILITIES, ACCEPT, ALLOW, Extra
from hookflash.sip.core import Core
from hookflash.sip.dialogs import Dialog
from hookflash.sip.envelope import Envelope
from hookflash.sip.errors import ParseError
from hookflash.sip.events import Acked, Cancelled, Ended, Failed, IncomingInvite, Reoffered
from hookflash.sip.fields import Headers
from hookflash.sip.flow import Flow
from hookflash.sip.headers import Reason
from hookflash.sip.inspection import inspect_body, inspect_headers
from hookflash.sip.message import Message, Request, Response, reply
from hookflash.sip.session import Session, Stage, Success
from hookflash.sip.stateless import Stateless, trace
from hookflash.sip.transactions import Transaction, server_key

MERGE = tuple[str, str, int, str]
"""Call-ID, From tag, CSeq number and method: one request however many ways it came (section 8.2.2.2)."""


def sdp_of(message: Message) -> bytes:
    """The session description a message carries, b"" when it has none."""
    try:
        kind = message.content_type
    except ParseError:
        return b""
    return message.body if kind is not None and kind.essence == ACCEPT else b""


class Server:
    """Answers requests."""

    def __init__(self, core: Core, stateless: Stateless) -> None:
        self._core = core
        self._stateless = stateless
        self._merge: dict[MERGE, Transaction] = {}
        self._merge_keys: dict[Transaction, MERGE] = {}

    # --- from the network -------------------------------------------------------------------------------

    def receive(
        self,
        now: float,
        envelope: Envelope,
        request: Request,
        flow: Flow,
        unwanted: tuple[int, str] | None = None,
    ) -> None:
        """Take one well-formed request; ``unwanted`` is the answer for a sender we want nothing from."""
        back = trace(request, flow)
        if request.method == "ACK":
            if not self._core.transactions.acknowledged(now, envelope):
                self._ack(now, envelope, request)
            return
        if self._core.transactions.repeated(now, envelope):
            return
        if unwanted is not None and self._stateless.turn_away(envelope, request, flow, back, *unwanted):
            return
        if self._core.transactions.full:
            self._stateless.respond(request, 503, back, (("Retry-After", "10"),))
            return
        if request.method == "CANCEL":
            self._cancel(now, envelope, request, back)
            return
        refusal = self._refusal(envelope, request)
        if refusal is not None:
            self._refuse_request(now, envelope, request, back, *refusal)
        elif envelope.to_tag:
            self._inside(now, envelope, request, flow, back)
        elif request.method == "INVITE":
            self._invite(now, envelope, request, flow, back)
        elif request.method == "OPTIONS":
            self._options(now, self._open(envelope, request, back), request)
        else:
            self._refuse_request(now, envelope, request, back, 481)

    def ended(self, transaction: Transaction) -> None:
        """A server transaction is over: it cannot be merged with any more."""
        key = self._merge_keys.pop(transaction, None)
        if key is not None:
            self._merge.pop(key, None)

    def _refusal(self, envelope: Envelope, request: Request) -> tuple[int, Extra] | None:
        """What is wrong with a request by itself, or because it came another way before (section 8.2.2.2)."""
        refusal = inspect_headers(request)
        if refusal is not None:
            return refusal
        if (
            not envelope.to_tag
            and (envelope.call_id, envelope.from_tag, envelope.number, request.method) in self._merge
        ):
            return 482, ()
        return inspect_body(request)

    def _open(self, envelope: Envelope, request: Request, back: Flow) -> Transaction:
        transaction = self._core.transactions.accept(envelope, request, back)
        if not envelope.to_tag:
            key = (envelope.call_id, envelope.from_tag, envelope.number, request.method)
            self._merge[key] = transaction
            self._merge_keys[transaction] = key
        return transaction

    def _refuse_request(
        self, now: float, envelope: Envelope, request: Request, back: Flow, status: int, extra: Extra = ()
    ) -> None:
        transaction = self._core.transactions.accept(envelope, request, back)
        self._respond(now, transaction, request, status, self._core.new_tag(), extra)

    def _respond(
        self,
        now: float,
        transaction: Transaction,
        request: Request,
        status: int,
        tag: str,
        extra: Extra = (),
        reason: str = "",
        body: bytes = b"",
    ) -> Response:
        response = reply(request, status, reason, to_tag=None if status == 100 else tag)
        for name, value in extra:
            response.headers.add(name, value)
        response.headers.add("Server", self._core.settings.name)
        if body:
            response.headers.add("Content-Type", ACCEPT)
            response.body = body
        self._core.transactions.respond(now, transaction, response)
        return response

    def _options(self, now: float, transaction: Transaction, request: Request) -> None:
        """Say what we can do (section 11.2)."""
        self._respond(now, transaction, request, 200, self._core.new_tag(), ABILITIES)

    def _invite(self, now: float, envelope: Envelope, request: Request, flow: Flow, back: Flow) -> None:
        core = self._core
        if core.full:
            self._refuse_request(now, envelope, request, back, 503, (("Retry-After", "10"),))
            return
        tag, contact = core.new_tag(), core.contact(flow)
        try:
            dialog = Dialog.serving(envelope, request, tag, flow, contact)
        except ParseError as error:
            self._refuse_request(now, envelope, request, back, error.status, (_warning(error),))
            return
        transaction = self._open(envelope, request, back)
        session = core.open(Stage.INCOMING, envelope.call_id, tag, contact)
        session.dialog = dialog
        session.invite = transaction
        transaction.owner = session
        core.adopt(session, dialog)
        session.deadline = now + core.settings.unanswered
        core.after(now, min(core.settings.reminder, core.settings.unanswered), self._remind, session)
        self._respond(now, transaction, request, 100, "")
        core.emit(session, IncomingInvite(session.number, request, flow))

    def _inside(self, now: float, envelope: Envelope, request: Request, flow: Flow, back: Flow) -> None:
        """A request that names a dialog (section 12.2.2)."""
        found = self._core.dialogs.get((envelope.call_id, envelope.to_tag, envelope.from_tag))
        if found is None:
            self._refuse_request(now, envelope, request, back, 481)
            return
        session, dialog = found
        if not dialog.in_order(envelope.number):
            self._refuse_request(now, envelope, request, back, 500)
            return
        if flow.connection:
            dialog.flow = flow
        if request.method == "BYE":
            self._bye(now, session, self._open(envelope, request, back), request)
        elif request.method == "OPTIONS":
            self._options(now, self._open(envelope, request, back), request)
        else:
            self._reinvite(now, session, dialog, envelope, request, back)

    def _reinvite(
        self, now: float, session: Session, dialog: Dialog, envelope: Envelope, request: Request, back: Flow
    ) -> None:
        """A new offer in a session that is up; only one INVITE at a time (section 14.2)."""
        pending = session.invite
        if session.stage in (Stage.LEAVING, Stage.GONE) or session.quiet:
            self._refuse_request(now, envelope, request, back, 481)
        elif pending is not None and not pending.is_client:
            wait = str(int(self._core.random() * 11))
            self._refuse_request(now, envelope, request, back, 500, (("Retry-After", wait),))
        elif pending is not None or session.success is not None:
            self._refuse_request(now, envelope, request, back, 491)
        else:
            try:
                dialog.refresh(request)
            except ParseError as error:
                self._refuse_request(now, envelope, request, back, error.status, (_warning(error),))
                return
            transaction = self._open(envelope, request, back)
            transaction.owner = session
            session.invite, session.reinvited = transaction, True
            self._respond(now, transaction, request, 100, "")
            self._core.emit(session, Reoffered(session.number, sdp_of(request)))

    def _bye(self, now: float, session: Session, transaction: Transaction, request: Request) -> None:
        core = self._core
        if session.stage in (Stage.CALLING, Stage.CANCELLING):
            # Only the caller may end an early dialog with BYE (section 15).
            self._respond(now, transaction, request, 481, core.new_tag())
            return
        self._respond(now, transaction, request, 200, session.local_tag)
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
            self._respond(now, transaction, request, 481, core.new_tag())
            return
        self._respond(now, transaction, request, 200, session.local_tag if session else core.new_tag())
        if session is None:
            return
        self._terminate_pending(now, session)
        if session.stage is Stage.INCOMING:
            core.emit(session, Cancelled(session.number, request.headers))
            core.forget(session)

    def _terminate_pending(self, now: float, session: Session) -> None:
        """487 for an INVITE of the peer that will not be answered any more."""
        transaction = session.invite
        if transaction is not None and not transaction.is_client and transaction.request is not None:
            session.invite, session.reinvited = None, False
            self._respond(now, transaction, transaction.request, 487, session.local_tag)

    def _ack(self, now: float, envelope: Envelope, request: Request) -> None:
        """The ACK of a 2xx (section 13.3.1.4)."""
        found = self._core.dialogs.get((envelope.call_id, envelope.to_tag, envelope.from_tag))
        if found is None:
            return
        session, dialog = found
        if session.success is None or session.success.number != envelope.number:
            return
        session.settle()
        if session.stage is Stage.LEAVING:
            self._core.bye(now, session, dialog)
            return
        first = session.stage is Stage.ANSWERED
        session.stage = Stage.UP
        self._core.emit(session, Acked(session.number, sdp_of(request), first))

    # --- from the owner ---------------------------------------------------------------------------------

    def ring(self, now: float, session: Session, status: int, body: bytes) -> None:
        """Send a provisional response, and again every minute while nobody answers (section 13.3.1.1)."""
        transaction = session.invite
        if session.stage is not Stage.INCOMING or transaction is None or transaction.request is None:
            return
        session.rung = (status, body)
        request = transaction.request
        extra = (*self._path(session, request), ("Allow", ALLOW))
        self._respond(now, transaction, request, status, session.local_tag, extra, body=body)

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
        if session.rung is not None:
            self.ring(now, session, *session.rung)
        core.after(now, min(core.settings.reminder, session.deadline - now), self._remind, session)

    def answer(self, now: float, session: Session, body: bytes) -> None:
        """Send 200 with a session description, and repeat it until the ACK comes."""
        core = self._core
        transaction = session.invite
        if (
            transaction is None
            or transaction.is_client
            or transaction.request is None
            or session.dialog is None
        ):
            return
        request = transaction.request
        flow = transaction.flow
        extra = (*self._path(session, request), ("Allow", ALLOW), ("Supported", ""))
        number = request.cseq.number
        response = self._respond(now, transaction, request, 200, session.local_tag, extra, body=body)
        session.invite, session.reinvited = None, False
        if session.stage is Stage.INCOMING:
            session.stop()
            session.stage = Stage.ANSWERED
            session.dialog.confirmed = True
        interval = core.timing.t1
        session.success = Success(
            number,
            response.to_bytes(),
            flow,
            interval,
            core.timers.set(now + interval, partial(self._repeat, session)),
            core.timers.set(now + core.timing.give_up, partial(self._unacknowledged, session)),
        )

    def refuse(self, now: float, session: Session, status: int, reason: str, headers: Headers | None) -> None:
        """Refuse the pending INVITE; the session is gone unless it was a re-INVITE."""
        transaction = session.invite
        if transaction is None or transaction.is_client or transaction.request is None:
            return
        extra = tuple(headers) if headers is not None else ()
        self._respond(now, transaction, transaction.request, status, session.local_tag, extra, reason)
        session.invite = None
        if session.reinvited:
            session.reinvited = False
        else:
            self._core.forget(session)

    def end(self, now: float, session: Session) -> None:
        """End a session that is past its final response: BYE, at the earliest after the ACK (section 15)."""
        self._terminate_pending(now, session)
        if session.stage is Stage.ANSWERED:
            session.stage = Stage.LEAVING
        elif session.dialog is not None:
            self._core.bye(now, session, session.dialog)

    def _path(self, session: Session, request: Request) -> Extra:
        """Contact, and the Record-Route the peer's proxies wrote (section 12.1.1)."""
        routes = [("Record-Route", value) for value in request.headers.lines("Record-Route")]
        return (*routes, ("Contact", session.contact))

    def _repeat(self, session: Session, now: float) -> None:
        success = session.success
        if success is None:
            return
        self._core.send(success.data, success.flow)
        success.interval = min(2 * success.interval, self._core.timing.t2)
        success.repeat = self._core.timers.set(now + success.interval, partial(self._repeat, session))

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


def _warning(error: ParseError) -> tuple[str, str]:
    """Says what was wrong with a request, in the one header made for it (section 20.43)."""
    text = str(error).replace("\\", "").replace('"', "'")
    return ("Warning", f'399 hookflash "{text}"')
