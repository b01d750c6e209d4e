"""One call as the user agent keeps it: the INVITE usage of a dialog, from the first INVITE to the end."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from hookflash.sip.auth import Authenticator
from hookflash.sip.build import ALLOW, Extra
from hookflash.sip.dialog_headers import RAck
from hookflash.sip.dialogs import Dialog
from hookflash.sip.flow import Flow
from hookflash.sip.timers import Timer
from hookflash.sip.transactions import Transaction


class Stage(Enum):
    """How far a session is.

    Incoming: INCOMING -> ANSWERED (2xx sent) -> UP (ACK came). Outgoing: CALLING -> UP; CANCELLING once we
    want out before an answer. LEAVING: our BYE is sent, or waits for the ACK of our 2xx (RFC 3261 section
    15).
    """

    INCOMING = "incoming"
    ANSWERED = "answered"
    CALLING = "calling"
    CANCELLING = "cancelling"
    UP = "up"
    LEAVING = "leaving"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class SessionTerms:
    """Session timers (RFC 4028) in seconds: the interval to ask for (0: none), the shortest to take."""

    expires: int = 0
    minimum: int = 90


class Guest(NamedTuple):
    """Whose request it is, as far as it matters to a user agent.

    ``terms`` are those of the session timer if the request opens a session. ``source`` is what the
    transaction that it opens counts for; "" is nobody, bounded by nothing but the room there is for all.
    """

    terms: SessionTerms
    source: str = ""


@dataclass(slots=True)
class Watch:
    """The session timer of one session.

    ``wanted`` is the interval to ask for and ``floor`` the shortest to take, both may be raised by a 422.
    ``interval`` is the one in force, 0 for none; ``ours`` says that we refresh, ``agreed`` that the peer
    takes part. ``ends`` is when the session is ended without a refresh.
    """

    wanted: int = 0
    floor: int = 90
    interval: int = 0
    ours: bool = False
    agreed: bool = False
    raises: int = 0
    ends: float = 0.0
    refresh: Timer | None = None
    end: Timer | None = None

    def stop(self) -> None:
        """Neither refresh nor end any more."""
        for timer in (self.refresh, self.end):
            if timer is not None:
                timer.cancel()
        self.refresh = self.end = None


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A call to make.

    ``uri`` is the Request-URI, ``caller`` and ``callee`` whole From and To values without tags, ``body`` the
    SDP offer. ``flow`` leads to the next hop. ``ring_timeout`` (seconds) ends a call nobody answers.
    ``username`` and ``password`` answer a 401 or 407. ``terms`` are those of its session timer. With
    ``refers`` the callee's REFERs are taken.
    """

    uri: str
    caller: str
    callee: str
    body: bytes = field(repr=False)
    flow: Flow
    headers: tuple[tuple[str, str], ...] = ()
    username: str = ""
    password: str = field(default="", repr=False)
    ring_timeout: float = 180.0
    terms: SessionTerms = field(default_factory=SessionTerms)
    refers: bool = False


@dataclass(slots=True)
class Success:
    """A 2xx of ours that waits for its ACK; repeated over every transport (RFC 3261 section 13.3.1.4)."""

    number: int
    data: bytes = field(repr=False)
    flow: Flow
    interval: float
    until: float
    """When there is no waiting any more."""
    repeat: Timer


@dataclass(slots=True)
class Provisional:
    """Our last reliable provisional response (RFC 3262 section 3). ``described`` says that it had a body."""

    rack: RAck
    described: bool
    data: bytes = field(repr=False)
    flow: Flow
    interval: float
    repeat: Timer
    give_up: Timer
    acknowledged: bool = False

    def settle(self) -> None:
        """It is not repeated any more."""
        self.repeat.cancel()
        self.give_up.cancel()


@dataclass(frozen=True, slots=True)
class PendingOffer:
    """An offer of the peer's in a PRACK or UPDATE that waits for our answer; ``target`` is where the dialog
    led before it.
    """

    transaction: Transaction
    dialog: Dialog
    target: str


@dataclass(frozen=True, slots=True)
class Asked:
    """The peer's REFER that waits for the owner's word; ``event`` is the Event of its NOTIFYs."""

    transaction: Transaction
    event: str
    subscribed: bool


@dataclass(slots=True)
class Referring:
    """Our REFER under way (RFC 3515). ``number`` is its first CSeq number.

    ``taken`` says that a 2xx came, ``told`` what the last NOTIFY said. ``timer`` runs until the final one.
    """

    dialog: Dialog
    number: int
    subscribed: bool
    taken: bool = False
    told: int = 0
    timer: Timer | None = None


@dataclass(slots=True)
class Updating:
    """Our UPDATE under way (RFC 3311); ``timer`` runs while it waits to be tried again."""

    dialog: Dialog
    body: bytes = field(repr=False)
    retries: int = 0
    timer: Timer | None = None


@dataclass(slots=True, eq=False)
class Session:
    """The state of one call."""

    number: int
    stage: Stage
    call_id: str
    local_tag: str
    contact: str
    dialog: Dialog | None = None
    early: dict[str, Dialog] = field(default_factory=dict)
    """Outgoing: one early dialog for each To tag (forking)."""
    outgoing: Outgoing | None = None
    invite: Transaction | None = None
    """The INVITE transaction without a final response, either way; at most one at a time."""
    reinvited: bool = False
    """Whether ``invite`` is a re-INVITE."""
    former_target: str = ""
    """Where the dialog led before the peer's re-INVITE that waits for our answer."""
    proceeding: bool = False
    """Whether a provisional response came: only then may CANCEL be sent."""
    deadline: float = 0.0
    """Incoming: when a call nobody has answered is given up."""
    rung: tuple[int, bytes] | None = field(default=None, repr=False)
    """Incoming: the provisional response to repeat."""
    success: Success | None = None
    acks: dict[tuple[str, int], tuple[bytes, Flow]] = field(default_factory=dict, repr=False)
    """Our ACKs by remote tag and CSeq number, for 2xx that come again."""
    number_sent: int = 0
    """CSeq number of our last INVITE outside a dialog."""
    auth: Authenticator | None = None
    challenges: int = 0
    retries: int = 0
    quiet: bool = False
    """The owner has ended it: no further events."""
    timer: Timer | None = None
    """The ring time-out, the reminder of a 180, or the wait after CANCEL."""
    offer: bytes = field(default=b"", repr=False)
    """The body of our pending re-INVITE, to send it again after 491."""
    parting: Extra = ()
    """Headers of our BYE or CANCEL, whenever it can be sent."""
    reliable: bool = False
    """Incoming: whether our provisional responses are sent reliably (RFC 3262)."""
    requires_reliable: bool = False
    """Incoming: whether the peer takes no other ones."""
    rseq: int = 0
    """Incoming: the number of our last reliable provisional response, 0 before the first."""
    provisional: Provisional | None = None
    queued: list[tuple[int, bytes, Extra]] = field(default_factory=list, repr=False)
    """Incoming: provisional responses that wait for the PRACK of ``provisional``."""
    held: bytes | None = field(default=None, repr=False)
    """Incoming: the body of a 200 that waits for that PRACK."""
    pending: PendingOffer | None = None
    update: Updating | None = None
    refers: bool = False
    """Whether the peer's REFERs are taken."""
    referred: bool = False
    """Whether one came: later ones are told apart by their CSeq numbers."""
    asked: dict[int, Asked] = field(default_factory=dict)
    """The peer's REFERs that wait for the owner's word, by their number."""
    referring: Referring | None = None
    pracks: int = 0
    """PRACKs of ours that are not answered yet."""
    watch: Watch = field(default_factory=Watch)
    refreshing: bool = False
    """Whether our re-INVITE is a refresh of our own accord (RFC 4028)."""
    described: bytes = field(default=b"", repr=False)
    """Our session description that stands, for a refresh by re-INVITE."""

    @property
    def allow(self) -> str:
        """The methods that are taken from the peer, for Allow."""
        return f"{ALLOW}, REFER" if self.refers else ALLOW

    def stop_ringing(self) -> None:
        """Cancel what runs until an answer."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        if self.provisional is not None:
            self.provisional.settle()

    def stop(self) -> None:
        """Cancel every timer."""
        self.stop_ringing()
        if self.update is not None and self.update.timer is not None:
            self.update.timer.cancel()
        if self.referring is not None and self.referring.timer is not None:
            self.referring.timer.cancel()
        self.watch.stop()
        self.settle()

    def settle(self) -> None:
        """The 2xx needs no more repetition."""
        if self.success is not None:
            self.success.repeat.cancel()
            self.success = None
