"""The user agent: one object that is fed bytes and time, and gives messages to send and events.

It does no I/O, holds no clock and starts no task. Everything it returns is in order: a :class:`Send` is to be
put on the network, everything else is an event for the owner. After every call the owner arms one timer for
:meth:`UserAgent.next_timeout`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from hookflash.sip import keys
from hookflash.sip.build import Extra
from hookflash.sip.core import Core, Output, Settings
from hookflash.sip.dialog_headers import Replaces
from hookflash.sip.envelope import Envelope
from hookflash.sip.errors import ParseError
from hookflash.sip.fields import Headers
from hookflash.sip.flow import Flow
from hookflash.sip.grammar import printable
from hookflash.sip.inquiries import Inquiries, Inquiry
from hookflash.sip.machines import Signal
from hookflash.sip.message import Request, Response, parse
from hookflash.sip.referring import Asking
from hookflash.sip.refers import Subscription
from hookflash.sip.session import Guest, Outgoing, Session, SessionTerms, Stage
from hookflash.sip.session_timer import SessionTimers
from hookflash.sip.stateless import Judge, Stateless, trace
from hookflash.sip.transactions import Transaction
from hookflash.sip.uac import Client
from hookflash.sip.uas import Server

log = logging.getLogger("hookflash.sip")


class UserAgent:
    """A SIP user agent core (RFC 3261) for calls: INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, INFO,
    REFER and its NOTIFY.
    """

    def __init__(self, settings: Settings, entropy: Callable[[int], bytes]) -> None:
        """``entropy(n)`` gives n unpredictable bytes (``secrets.token_bytes``; anything repeatable in
        tests).
        """
        self.broken_messages = 0
        """Messages so far that could not be read."""
        self._core = Core(settings, entropy, self)
        self._stateless = Stateless(self._core)
        timers = SessionTimers(self._core)
        self._server = Server(self._core, timers, self._stateless)
        self._client = Client(self._core, timers)
        self._inquiries = Inquiries(self._core)

    # --- the network and time ---------------------------------------------------------------------------

    def receive(
        self,
        now: float,
        data: bytes,
        flow: Flow,
        *,
        judge: Judge | None = None,
        guest: Callable[[], Guest] | None = None,
        quiet: bool = False,
    ) -> list[Output]:
        """Take one message (a datagram, or what the framer cut from a stream). Garbage is dropped.

        ``judge`` is asked about a request that belongs to no call: what it refuses is answered without our
        remembering anything. ``guest`` says whose a request is that we answer: by default nobody's, with
        the terms of the settings. ``quiet`` leaves broken requests without an answer.
        """
        message = None
        try:
            message = parse(data)
            envelope = Envelope.of(message)
            if isinstance(message, Request):
                self._server.receive(now, envelope, message, flow, judge, guest)
            elif message.passed_on:
                # It was meant for somebody behind us (section 8.1.3.3).
                log.debug("misrouted response", extra={"peer": flow.remote[0]})
            elif self._core.transactions.response(now, envelope, message):
                self._core.belonged += 1
            elif not self._client.late.take(now, envelope, message):
                log.debug(
                    "stray response", extra={"call_id": printable(envelope.call_id), "peer": flow.remote[0]}
                )
        except ParseError as error:
            if isinstance(message, Request):
                error.request = message
            return self.malformed(now, error, flow, quiet=quiet)
        except ValueError as error:
            # Something could be read but not be written again: bytes that are control characters in a header.
            return self.malformed(now, ParseError(str(error)), flow, quiet=quiet)
        return self._core.drain()

    def malformed(self, now: float, error: ParseError, flow: Flow, *, quiet: bool = False) -> list[Output]:
        """Answer a broken request if that is possible at all (RFC 3261 section 8.2), and we are not
        ``quiet``.
        """
        self.broken_messages += 1
        if (more := self._core.notices.due(now, "malformed", flow.remote[0])) is not None:
            log.info("malformed message", extra={"peer": flow.remote[0], "problem": str(error)} | more)
        request = error.request
        if request is not None and request.method != "ACK" and not quiet:
            try:
                self._stateless.respond(request, error.status, _way_back(request, flow))
            except ValueError:
                log.debug("unanswerable", extra={"peer": flow.remote[0]})
        return self._core.drain()

    def timeout(self, now: float) -> list[Output]:
        """Let everything due happen."""
        self._core.timers.run(now)
        return self._core.drain()

    def next_timeout(self) -> float | None:
        """When :meth:`timeout` has something to do; None when never."""
        return self._core.timers.next()

    def broken(self, now: float, flow: Flow) -> list[Output]:
        """A connection is gone, or nothing could be sent on ``flow``.

        Requests still without any response fail; what else uses the connection goes on over a new one.
        """

        def lost(other: Flow) -> bool:
            if flow.connection:
                return other.transport == flow.transport and other.connection == flow.connection
            return other == flow

        for _, dialog in self._core.dialogs.values():
            if dialog.flow.connection and lost(dialog.flow):
                dialog.flow = dialog.flow.towards(dialog.flow.remote)
        for session in self._core.sessions.values():
            for said in (session.success, session.provisional):
                if said is not None and lost(said.flow):
                    said.flow = _home(said.data, said.flow)
            for key, (data, way) in session.acks.items():
                if lost(way):
                    session.acks[key] = data, way.towards(way.remote)
        self._core.transactions.broken(now, lost, _detour)
        return self._core.drain()

    def keep_on_udp(self, whose: Callable[[Flow], bool]) -> None:
        """Let no request go over TCP for its length that is for a flow of which ``whose`` is true: nobody
        behind NAT can be reached by another way than the one it came by.
        """
        self._core.transactions.oversize.stays = whose

    # --- calls ------------------------------------------------------------------------------------------

    def invite(self, now: float, outgoing: Outgoing) -> tuple[int, list[Output]]:
        """Start a call; returns its session. ParseError or ValueError for values that cannot be sent."""
        session = self._client.invite(now, outgoing)
        return session.number, self._core.drain()

    def ring(self, now: float, session: int, status: int = 180, body: bytes = b"") -> list[Output]:
        """Send a provisional response to an incoming INVITE; with ``body`` (SDP) as 183 for early media."""
        if (found := self._core.sessions.get(session)) is not None:
            self._server.ring(now, found, status, body)
        return self._core.drain()

    def answer(self, now: float, session: int, body: bytes) -> list[Output]:
        """Answer an incoming INVITE or re-INVITE with 200 and a session description."""
        if (found := self._core.sessions.get(session)) is not None:
            self._server.answer(now, found, body)
        return self._core.drain()

    def answer_offer(self, now: float, session: int, body: bytes) -> list[Output]:
        """Answer an offer that came in something else than an INVITE (``Reoffered.method`` says so)."""
        if (found := self._core.sessions.get(session)) is not None:
            self._server.answer_offer(now, found, body)
        return self._core.drain()

    def refuse_offer(self, now: float, session: int, status: int, headers: Extra = ()) -> list[Output]:
        """Refuse such an offer with a final status (>= 300); what was agreed stays."""
        if (found := self._core.sessions.get(session)) is not None:
            self._server.refuse_offer(now, found, status, headers)
        return self._core.drain()

    def refuse(
        self, now: float, session: int, status: int, reason: str = "", headers: Headers | None = None
    ) -> list[Output]:
        """Refuse an incoming INVITE or re-INVITE with a final status (>= 300)."""
        if (found := self._core.sessions.get(session)) is not None:
            self._server.refuse(now, found, status, reason, headers)
        return self._core.drain()

    def reoffer(self, now: float, session: int, body: bytes) -> tuple[bool, list[Output]]:
        """Send a re-INVITE; False when the session is not up or another INVITE is pending."""
        found = self._core.sessions.get(session)
        sent = found is not None and self._client.reinvites.reoffer(now, found, body)
        return sent, self._core.drain()

    def update(self, now: float, session: int, body: bytes = b"") -> tuple[bool, list[Output]]:
        """Send an UPDATE (RFC 3311), with an offer or without; False when it may not be sent now.

        With an offer Reanswered or ReofferRefused follows.
        """
        found = self._core.sessions.get(session)
        sent = found is not None and self._client.update(now, found, body)
        return sent, self._core.drain()

    def press(
        self, now: float, session: int, key: str, duration: int, kind: str = keys.RELAY
    ) -> tuple[bool, list[Output]]:
        """Press a key for so many milliseconds by INFO; Informed follows. False when it is not up.

        ``kind`` is the type of its body, RELAY or PLAIN of :mod:`hookflash.sip.keys`.
        """
        found = self._core.sessions.get(session)
        sent = found is not None and self._client.press(now, found, key, duration, kind)
        return sent, self._core.drain()

    def let_refer(self, session: int) -> None:
        """Take the REFERs of a session's peer, and say so in Allow; before the first answer or INVITE."""
        if (found := self._core.sessions.get(session)) is not None:
            found.refers = True

    def accept_refer(self, now: float, session: int, refer: int) -> list[Output]:
        """Take a REFER (:class:`~hookflash.sip.events.Referred`), which is then to be carried out."""
        if (found := self._core.sessions.get(session)) is not None:
            self._server.referrals.accept(now, found, refer)
        return self._core.drain()

    def refuse_refer(self, now: float, session: int, refer: int, status: int) -> list[Output]:
        """Refuse a REFER with a final status (>= 300)."""
        if (found := self._core.sessions.get(session)) is not None:
            self._server.referrals.refuse(now, found, refer, status)
        return self._core.drain()

    def notify_referrer(self, now: float, refer: int, status: int, reason: str = "") -> list[Output]:
        """Tell who sent a REFER what the call has come to, also when their session is over. A final status
        (>= 200) is the last word; nothing is sent to who does not listen (any more).
        """
        self._server.referrals.notify(now, refer, status, reason)
        return self._core.drain()

    def refer(self, now: float, session: int, asking: Asking) -> tuple[bool, list[Output]]:
        """Ask the peer to call somebody (REFER); ReferTaken and ReferProgress, or ReferRefused follow.

        False when that can not be asked now: the session is not up, another REFER is under way, or the peer
        has said that it takes none. ParseError or ValueError for what cannot be written.
        """
        found = self._core.sessions.get(session)
        sent = found is not None and self._client.referring.refer(now, found, asking)
        return sent, self._core.drain()

    def dialog_of(self, session: int) -> Replaces | None:
        """The dialog of a session, as its peer is to name it in a Replaces; None when it is not up."""
        found = self._core.sessions.get(session)
        dialog = None if found is None or found.stage is not Stage.UP else found.dialog
        return None if dialog is None else Replaces(dialog.call_id, dialog.remote_tag, dialog.local_tag)

    def may_reoffer(self, session: int) -> bool:
        """Whether :meth:`reoffer` would send now. Once it would not, an event follows after which it may."""
        found = self._core.sessions.get(session)
        return found is not None and self._client.reinvites.may_reoffer(found)

    def call_id(self, session: int) -> str:
        """The Call-ID of a session; "" for one that is over."""
        found = self._core.sessions.get(session)
        return "" if found is None else found.call_id

    def find(self, call_id: str, local_tag: str, remote_tag: str) -> int | None:
        """The session a dialog belongs to; None when there is none that goes on."""
        found = self._core.dialogs.get((call_id, local_tag, remote_tag))
        return None if found is None or found[0].quiet else found[0].number

    def withdraw(self, session: int) -> None:
        """Forget a re-INVITE that waits to be sent again after 491; no event follows for it."""
        found = self._core.sessions.get(session)
        if found is not None:
            self._client.reinvites.withdraw(found)

    def end(
        self, now: float, session: int, status: int = 480, reason: str = "", headers: Extra = ()
    ) -> list[Output]:
        """End a session in whatever state: refuse (with ``status``), CANCEL or BYE. No event follows.

        ``headers`` go with whichever it is.
        """
        found = self._core.sessions.get(session)
        if found is not None and not found.quiet:
            found.quiet = True
            found.parting = headers
            if found.stage is Stage.INCOMING:
                self._server.refuse(now, found, status, reason, Headers(headers))
            elif found.stage is Stage.CALLING:
                self._client.cancel(now, found)
            else:
                self._server.referrals.part(now, found)
                self._server.end(now, found)
        return self._core.drain()

    # --- outside of calls -------------------------------------------------------------------------------

    def ask(self, now: float, inquiry: Inquiry) -> tuple[int, list[Output]]:
        """Send a request that belongs to no call; returns its number. Exactly one Replied follows.

        ParseError or ValueError for values that cannot be sent.
        """
        number = self._inquiries.ask(now, inquiry)
        return number, self._core.drain()

    def forget(self, inquiry: int) -> None:
        """Want no answer to such a request any more; no event follows."""
        self._inquiries.forget(inquiry)

    @property
    def belonged(self) -> int:
        """Messages so far that belonged to something we have: whoever sent them knew its tags."""
        return self._core.belonged

    @property
    def refused(self) -> Mapping[str, int]:
        """Requests so far that there was no room for, by limit (:class:`~hookflash.sip.room.Room`)."""
        return self._core.room.refused

    # --- what is alive ----------------------------------------------------------------------------------

    @property
    def sessions(self) -> int:
        """Sessions alive, leaving ones included."""
        return len(self._core.sessions)

    @property
    def transactions(self) -> int:
        """Transactions alive, lingering ones included."""
        return len(self._core.transactions)

    @property
    def dialogs(self) -> int:
        """Dialogs alive, early ones included."""
        return len(self._core.dialogs)

    @property
    def timers(self) -> int:
        """Timers that will still fire."""
        return len(self._core.timers)

    # --- as the user of its transactions ----------------------------------------------------------------

    def send(self, data: bytes, flow: Flow) -> None:
        self._core.send(data, flow)

    def responded(self, now: float, transaction: Transaction, response: Response) -> None:
        if isinstance(transaction.owner, Subscription):
            self._server.referrals.responded(now, transaction.owner, response)
        elif not self._inquiries.responded(now, transaction, response):
            self._client.responded(now, transaction, response)

    def unanswered(self, now: float, transaction: Transaction, signal: Signal) -> None:
        if isinstance(transaction.owner, Subscription):
            self._server.referrals.unanswered(transaction.owner)
        elif not self._inquiries.unanswered(transaction, signal):
            self._client.unanswered(now, transaction, signal)

    def ended(self, transaction: Transaction) -> None:
        self._server.ended(transaction)


def _way_back(request: Request, flow: Flow) -> Flow:
    """Where the answer to a broken request goes: to its source if its Via is one but cannot be read."""
    try:
        return trace(request, flow)
    except ParseError:
        if (request.headers.get("Via") or "").startswith("SIP/2.0/"):
            return flow
        raise


def _detour(transaction: Transaction) -> Flow:
    """Where to go when a connection is gone: to the address the peer's Via names, for responses (section
    18.2.2).
    """
    if transaction.is_client or not transaction.last:
        return transaction.flow.towards(transaction.flow.remote)
    return _home(transaction.last, transaction.flow)


def _home(response: bytes, flow: Flow) -> Flow:
    """Where the address in the Via of a response leads to."""
    via = parse(response).via
    return flow.towards((via.received or flow.remote[0], via.effective_port))


__all__ = ["Asking", "Inquiry", "Outgoing", "Output", "Session", "SessionTerms", "Settings", "UserAgent"]
