"""What a user agent reports to its owner. ``session`` is the number it gave the call.

After one of the closing events (Cancelled, Failed, Ended) the session is forgotten, and nothing follows.
Nothing follows a call of :meth:`UserAgent.end` either.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hookflash.sip.fields import Headers
from hookflash.sip.flow import Address, Flow
from hookflash.sip.message import Request
from hookflash.sip.refer_headers import ReferTo


@dataclass(frozen=True, slots=True)
class IncomingInvite:
    """Somebody calls. A 100 is on its way; ring, answer or refuse. ``flow.remote`` is the real source."""

    session: int
    request: Request
    flow: Flow


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The caller gave up before our final response (CANCEL, or BYE in the early dialog)."""

    session: int
    headers: Headers


@dataclass(frozen=True, slots=True)
class Acked:
    """Our 2xx was acknowledged. ``body`` carries the answer when the offer was in our 2xx."""

    session: int
    body: bytes = field(repr=False)
    first: bool


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A reliable provisional response of ours with an offer has arrived; ``body`` of the PRACK is the answer
    (RFC 3262 section 5).
    """

    session: int
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Reoffered:
    """The peer offers anew.

    ``method`` says in what. INVITE: in an established session; answer it with ``answer`` or ``refuse``, and
    Acked follows. PRACK and UPDATE: answer it with ``answer_offer`` or ``refuse_offer``; that settles it.
    ``body`` is the new offer; empty when the peer wants one from us in the 2xx (INVITE only).
    """

    session: int
    body: bytes = field(repr=False)
    method: str = "INVITE"


@dataclass(frozen=True, slots=True)
class Ringing:
    """A provisional response (101-199) to our INVITE without a session description."""

    session: int
    status: int
    reason: str


@dataclass(frozen=True, slots=True)
class Progress:
    """A provisional response with a session description: early media."""

    session: int
    status: int
    reason: str
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Answered:
    """Our INVITE was answered by a 2xx; the ACK is sent."""

    session: int
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Reanswered:
    """Our re-INVITE was answered by a 2xx; the ACK is sent."""

    session: int
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Refreshed:
    """A re-INVITE that only refreshed the session is over; a re-INVITE may be sent again.

    ``body`` answers our description that stands; empty when the peer refused.
    """

    session: int
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class KeyPressed:
    """The peer has pressed a key, one of "0123456789*#ABCD", and said so in an INFO."""

    session: int
    key: str


@dataclass(frozen=True, slots=True)
class Informed:
    """Our INFO was answered with ``status``: 408 when there was no answer in time."""

    session: int
    status: int


@dataclass(frozen=True, slots=True)
class Referred:
    """The peer asks us to call somebody (REFER, RFC 3515); answer it with ``accept_refer`` or
    ``refuse_refer``.

    ``refer`` is the number it goes by, ``by`` the address of its Referred-By, "" without one. With
    ``subscribed`` the peer wants to know what becomes of it, by ``notify_referrer``.
    """

    session: int
    refer: int
    target: ReferTo
    by: str
    subscribed: bool


@dataclass(frozen=True, slots=True)
class ReferTaken:
    """Our REFER was taken; ReferProgress follows where the peer tells of it (``subscribed``)."""

    session: int
    subscribed: bool


@dataclass(frozen=True, slots=True)
class ReferProgress:
    """What the call we asked the peer for has come to, in the words of its last response.

    After a ``final`` one nothing follows; 408 then stands for a peer that has not told in time.
    """

    session: int
    status: int
    reason: str
    final: bool


@dataclass(frozen=True, slots=True)
class ReferRefused:
    """Our REFER was refused, or not answered (408, 503); the call goes on unless Ended follows."""

    session: int
    status: int
    reason: str


@dataclass(frozen=True, slots=True)
class ReofferRefused:
    """Our re-INVITE failed; the session goes on as it was (RFC 3261 section 14.1)."""

    session: int
    status: int
    reason: str


@dataclass(frozen=True, slots=True)
class Failed:
    """A session that never came up is gone.

    ``status`` is the final response, 408 when there was none in time, 503 when the transport failed (RFC 3261
    section 8.1.3.1). ``kind`` says which: "response", "timeout", "ring-timeout", "transport", "no-ack",
    "no-prack".
    """

    session: int
    status: int
    reason: str
    kind: str
    headers: Headers


@dataclass(frozen=True, slots=True)
class Ended:
    """An established session is over: BYE from the peer (``status`` 200), or a fault on the signalling
    path.
    """

    session: int
    status: int
    reason: str
    headers: Headers


@dataclass(frozen=True, slots=True)
class Replied:
    """What came of a request outside of every dialog; ``inquiry`` is the number it was given.

    ``status`` is the final response, 408 when there was none in time, 503 when the transport failed; ``kind``
    says which: "response", "timeout", "transport". ``seen`` is where the other side saw us (``received`` and
    ``rport`` of RFC 3581).
    """

    inquiry: int
    status: int
    reason: str
    kind: str
    headers: Headers
    seen: Address | None = None


Event = (
    IncomingInvite
    | Cancelled
    | Acked
    | Acknowledged
    | Reoffered
    | Ringing
    | Progress
    | Answered
    | Reanswered
    | Refreshed
    | KeyPressed
    | Informed
    | Referred
    | ReferTaken
    | ReferProgress
    | ReferRefused
    | ReofferRefused
    | Failed
    | Ended
    | Replied
)
