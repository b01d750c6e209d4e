"""What the server and the client half of a user agent share: sessions, dialogs, transactions, timers,
outputs.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from hookflash.sip.dialogs import Dialog, DialogKey
from hookflash.sip.envelope import Envelope
from hookflash.sip.events import Ended, Event
from hookflash.sip.fields import Headers
from hookflash.sip.flow import Flow, Send
from hookflash.sip.grammar import printable
from hookflash.sip.headers import MAGIC_COOKIE
from hookflash.sip.message import Request
from hookflash.sip.notices import Notices, network_of
from hookflash.sip.oversize import MAX_DATAGRAM
from hookflash.sip.room import Room
from hookflash.sip.session import Guest, Session, SessionTerms, Stage
from hookflash.sip.timers import TimerHeap, Timing
from hookflash.sip.transactions import Transactions, User, server_key
from hookflash.sip.uri import format_host_port

Output = Send | Event

log = logging.getLogger("hookflash.sip")

_RENEWED = frozenset(["Authorization", "Proxy-Authorization", "Content-Length", "User-Agent"])
"""Headers a request gets when it is sent, not when it is made."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How a user agent behaves; times in seconds.

    ``max_transactions`` and ``max_sessions`` bound what the network can make us remember,
    ``transactions_per_source`` what one source can (0: no further bound); beyond them new requests get 503.
    ``reminder`` is how often a 180 is repeated while it rings (RFC 3261 section 13.3.1.1); ``unanswered`` how
    long an incoming call may go without an answer. With ``reliable`` provisional responses go reliably (RFC
    3262) to everybody who supports it, otherwise only to who requires it.
    Requests of more than ``max_datagram`` bytes go over TCP instead of UDP, where the peer takes that.
    ``terms`` are those of the session timer of a call that comes in, unless it is received with others.
    """

    timing: Timing = field(default_factory=Timing)
    name: str = "Hookflash"
    contact_user: str = "hookflash"
    max_transactions: int = 20_000
    max_sessions: int = 5_000
    transactions_per_source: int = 0
    reminder: float = 60.0
    unanswered: float = 300.0
    reliable: bool = True
    max_datagram: int = MAX_DATAGRAM
    terms: SessionTerms = field(default_factory=SessionTerms)


class Core:
    """The shared state. ``entropy(n)`` gives n unpredictable bytes."""

    def __init__(self, settings: Settings, entropy: Callable[[int], bytes], user: User) -> None:
        self.settings = settings
        self.timing = settings.timing
        self.entropy = entropy
        self.timers = TimerHeap()
        self.notices = Notices()
        self.room = Room(settings.transactions_per_source)
        self.transactions = Transactions(
            self.timers, settings.timing, user, settings.max_transactions, settings.max_datagram, self.room
        )
        self.sessions: dict[int, Session] = {}
        self.dialogs: dict[DialogKey, tuple[Session, Dialog]] = {}
        self.outputs: list[Output] = []
        self.belonged = 0
        """Messages so far that belonged to a dialog or transaction we have."""
        self.terminate: Callable[[float, Session], None] = lambda now, session: None
        """Refuses what the peer has asked in a session that ends."""
        self._count = 0

    # --- outputs ----------------------------------------------------------------------------------------

    def send(self, data: bytes, flow: Flow) -> None:
        """Put a message on the network, when the owner drains."""
        self.outputs.append(Send(data, flow))

    def emit(self, session: Session, event: Event) -> None:
        """Report an event, unless the owner has taken leave of the session."""
        if not session.quiet:
            self.outputs.append(event)

    def drain(self) -> list[Output]:
        """Everything since the last drain, in order."""
        outputs, self.outputs = self.outputs, []
        return outputs

    # --- names ------------------------------------------------------------------------------------------

    def new_tag(self) -> str:
        """A tag for From or To (section 19.3)."""
        return self.entropy(8).hex()

    def new_branch(self) -> str:
        """A branch for Via (section 8.1.1.7)."""
        return MAGIC_COOKIE + self.entropy(12).hex()

    def random(self) -> float:
        """Uniform in [0, 1)."""
        return int.from_bytes(self.entropy(4), "big") / 2**32

    def contact(self, flow: Flow, uri: str = "") -> str:
        """Our Contact on a flow; a ``sips:`` one where the Request-URI is (sections 8.1.1.8, 12.1.1)."""
        sips = uri[:5].lower() == "sips:"
        # With sips the transport is the one under TLS (RFC 5630 section 3.1.4).
        implied = "TLS" if sips else "UDP"
        # A URI says ws for both kinds of WebSockets (RFC 7118 section 5.2.2).
        name = "ws" if flow.transport == "WSS" else flow.transport.lower()
        suffix = "" if flow.transport == implied else f";transport={name}"
        scheme = "sips" if sips else "sip"
        return f"<{scheme}:{self.settings.contact_user}@{format_host_port(*flow.local)}{suffix}>"

    # --- sessions and dialogs ---------------------------------------------------------------------------

    @property
    def full(self) -> bool:
        """No further session may be opened."""
        return len(self.sessions) >= self.settings.max_sessions

    def guest(self, flow: Flow) -> Guest:
        """Whose a request is that came over a flow, where the owner does not say: its address's."""
        counted = self.settings.transactions_per_source
        return Guest(self.settings.terms, network_of(flow.remote[0]) if counted else "")

    def lacks_transaction(self) -> str:
        """The limit that keeps the present source from having a request answered; "" when it may."""
        if self.transactions.full:
            return "transactions"
        return "transactions_per_source" if self.room.transactions.full(self.room.source) else ""

    def ends(self, envelope: Envelope, method: str) -> bool:
        """Whether a request ends something that is there: a pending INVITE, or a call.

        Of a call there are two such requests at most.
        """
        if method == "CANCEL":
            invite = self.transactions.find(server_key(envelope, "INVITE"))
            return invite is not None and isinstance(invite.owner, Session)
        found = self.dialogs.get((envelope.call_id, envelope.to_tag, envelope.from_tag))
        if method != "BYE" or found is None:
            return False
        session, dialog = found
        in_order = dialog.remote_number is None or envelope.number >= dialog.remote_number
        return in_order and session.stage not in (Stage.CALLING, Stage.CANCELLING)

    def tell(self, now: float, what: str, session: Session, problem: str) -> None:
        """A line in the log about what the peer of a session has said wrong, unless it has filled too much of
        it already.
        """
        dialog, outgoing = session.dialog, session.outgoing
        flow = dialog.flow if dialog is not None else outgoing.flow if outgoing is not None else None
        host = "" if flow is None else flow.remote[0]
        if (more := self.notices.due(now, what, host)) is not None:
            said = {"call_id": session.call_id, "peer": host, "problem": printable(problem)}
            log.info(what, extra=said | more)

    def crowded(self, now: float, limit: str, flow: Flow) -> None:
        """A request is refused for want of room."""
        self.room.refused[limit] += 1
        if (more := self.notices.due(now, limit, flow.remote[0])) is not None:
            log.warning("request refused", extra={"peer": flow.remote[0], "limit": limit} | more)

    def open(self, stage: Stage, call_id: str, local_tag: str, contact: str) -> Session:
        """A session begins."""
        self._count += 1
        session = Session(self._count, stage, call_id, local_tag, contact)
        self.sessions[session.number] = session
        return session

    def adopt(self, session: Session, dialog: Dialog) -> None:
        """Let requests find the dialog."""
        self.dialogs[dialog.key] = (session, dialog)

    def disown(self, dialog: Dialog) -> None:
        """Let no request find the dialog any more."""
        self.dialogs.pop(dialog.key, None)

    def forget(self, session: Session) -> None:
        """The session and its dialogs are gone; transactions live out their timers by themselves."""
        session.stage = Stage.GONE
        session.quiet = True
        session.stop()
        if session.pending is not None:
            self.transactions.abandon(session.pending.transaction)
            session.pending = None
        for asked in session.asked.values():
            self.transactions.abandon(asked.transaction)
        session.asked.clear()
        self.sessions.pop(session.number, None)
        for dialog in [*session.early.values(), session.dialog]:
            if dialog is not None:
                self.disown(dialog)
        session.early.clear()

    # --- requests inside a dialog -----------------------------------------------------------------------

    def ask(self, now: float, session: Session, dialog: Dialog, request: Request, owned: bool = True) -> None:
        """Send a request of a dialog (made by :meth:`Dialog.request`) in a client transaction.

        Nobody hears of its outcome when it is not ``owned``.
        """
        if session.auth is not None:
            session.auth.apply(request)
        request.headers.add("User-Agent", self.settings.name)
        branch = request.via.branch or ""
        owner = session if owned else None
        transaction = self.transactions.request(now, request, branch, dialog.path(), owner)
        if request.method == "INVITE":
            session.invite = transaction

    def bye(self, now: float, session: Session, dialog: Dialog) -> None:
        """Send BYE; the session is forgotten once it is answered or has failed."""
        session.stage = Stage.LEAVING
        session.stop()
        self.terminate(now, session)
        request = dialog.request("BYE", self.new_branch())
        for name, value in session.parting:
            request.headers.add(name, value)
        self.ask(now, session, dialog, request)

    def relinquish(self, now: float, session: Session) -> None:
        """The session ends while a re-INVITE of ours is pending: its answer is waited for so that it can be
        acknowledged, but for 64*T1 at most.
        """
        invite = session.invite
        if invite is not None and invite.is_client and session.dialog is not None:
            session.invite, session.reinvited = None, False
            self.timers.set(now + self.timing.give_up, lambda later: self.transactions.abandon(invite))

    def lost(self, now: float, session: Session, status: int, reason: str, headers: Headers) -> None:
        """The dialog does not work any more (section 12.2.1.2): BYE, and the owner hears of it."""
        if session.stage is not Stage.UP or session.dialog is None:
            return
        self.emit(session, Ended(session.number, status, reason, headers))
        session.quiet = True
        self.bye(now, session, session.dialog)

    def again(self, now: float, session: Session, request: Request) -> bool:
        """Send a request of a dialog once more, with the credentials it lacked; False without the dialog."""
        found = self.dialogs.get((request.call_id, request.from_.tag or "", request.to.tag or ""))
        if found is None:
            return False
        dialog = found[1]
        repeated = dialog.request(request.method, self.new_branch())
        for name, value in request.headers:
            if name not in _RENEWED and name not in repeated.headers:
                repeated.headers.add(name, value)
        repeated.body = request.body
        self.ask(now, session, dialog, repeated)
        return True

    def after(
        self, now: float, delay: float, action: Callable[[float, Session], None], session: Session
    ) -> None:
        """Run ``action(now, session)`` later on the session's own timer, replacing what it waited for."""
        if session.timer is not None:
            session.timer.cancel()
        session.timer = self.timers.set(now + delay, _later, action, session)


def _later(action: Callable[[float, Session], None], session: Session, now: float) -> None:
    session.timer = None
    action(now, session)
