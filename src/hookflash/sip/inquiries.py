"""Requests of ours outside of every dialog: REGISTER, OPTIONS (RFC 3261 sections 8.1, 10.2, 11.1).

An inquiry is one such request as its owner sees it: challenges are answered in between, and at the end there
is exactly one :class:`~hookflash.sip.events.Replied`, whatever happens.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_address

from hookflash.sip.auth import Authenticator
from hookflash.sip.build import MAX_FORWARDS, Extra
from hookflash.sip.core import Core
from hookflash.sip.dialogs import via_value
from hookflash.sip.errors import ParseError
from hookflash.sip.events import Replied
from hookflash.sip.fields import Headers
from hookflash.sip.flow import Address, Flow
from hookflash.sip.headers import NameAddr
from hookflash.sip.machines import Signal
from hookflash.sip.message import Request, Response
from hookflash.sip.sdp import is_address
from hookflash.sip.timers import Timer
from hookflash.sip.transactions import Transaction

MAX_CHALLENGES = 3
"""How many 401/407 of one inquiry are answered before it counts as refused."""
FORBIDDEN = frozenset({"INVITE", "ACK", "CANCEL", "BYE", "PRACK", "UPDATE"})
"""Methods that only make sense in a call."""


@dataclass(slots=True, eq=False)
class Series:
    """Inquiries that belong together: one Call-ID, rising numbers, credentials that are kept.

    All REGISTER requests of a client to one registrar are one (RFC 3261 section 10.2.4). ``password`` answers
    challenges; without a ``username`` they are refusals.
    """

    username: str = ""
    password: str = field(default="", repr=False)
    call_id: str = ""
    tag: str = ""
    number: int = 0
    auth: Authenticator | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Inquiry:
    """One request to send. ``sender`` and ``recipient`` are the values of From and To, without tags.

    ``patience`` is in seconds: an answer that has not come by then is not waited for; None leaves it to
    timer F (64*T1).
    """

    method: str
    uri: str
    sender: str
    recipient: str
    flow: Flow
    headers: Extra = ()
    series: Series = field(default_factory=Series)
    patience: float | None = None


class _Asked:
    """An inquiry under way: the owner of its transactions."""

    __slots__ = ("challenges", "inquiry", "number", "timer", "transaction")

    def __init__(self, number: int, inquiry: Inquiry) -> None:
        self.number = number
        self.inquiry = inquiry
        self.challenges = 0
        self.timer: Timer | None = None
        self.transaction: Transaction | None = None


class Inquiries:
    """Asks, and tells what came of it."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._asked: dict[int, _Asked] = {}
        self._count = 0

    def __len__(self) -> int:
        """Inquiries under way."""
        return len(self._asked)

    def ask(self, now: float, inquiry: Inquiry) -> int:
        """Send a request; returns its number, which Replied names.

        Raises ParseError or ValueError for what cannot be sent; nothing has been sent then.
        """
        if inquiry.method in FORBIDDEN:
            raise ValueError(f"{inquiry.method} belongs to a call")
        core, series = self._core, inquiry.series
        if not series.call_id:
            series.call_id, series.tag = core.entropy(16).hex(), core.new_tag()
            if series.username:
                series.auth = Authenticator(series.username, series.password, core.entropy)
        self._count += 1
        asked = _Asked(self._count, inquiry)
        self._send(now, asked)
        self._asked[asked.number] = asked
        if inquiry.patience is not None:
            asked.timer = core.timers.set(now + inquiry.patience, self._give_up, asked)
        return asked.number

    def forget(self, number: int) -> None:
        """Want no answer any more; no event follows."""
        asked = self._asked.get(number)
        if asked is not None:
            self._drop(asked)

    def responded(self, now: float, transaction: Transaction, response: Response) -> bool:
        """A response; False when it is not to an inquiry."""
        asked = transaction.owner
        if not isinstance(asked, _Asked):
            return False
        if response.status < 200 or asked.number not in self._asked or self._challenged(now, asked, response):
            return True
        auth = asked.inquiry.series.auth
        if auth is not None and response.status < 300:
            auth.accepted()
        self._done(asked, response.status, response.reason, "response", response.headers, _seen(response))
        return True

    def unanswered(self, transaction: Transaction, signal: Signal) -> bool:
        """No final response; False when the transaction is not that of an inquiry."""
        asked = transaction.owner
        if not isinstance(asked, _Asked):
            return False
        if asked.number in self._asked:
            if signal is Signal.EXPIRE:
                self._done(asked, 408, "No response", "timeout", Headers())
            else:
                self._done(asked, 503, "Transport failure", "transport", Headers())
        return True

    def _send(self, now: float, asked: _Asked) -> None:
        core, inquiry, series = self._core, asked.inquiry, asked.inquiry.series
        branch = core.new_branch()
        headers = Headers()
        headers.add("Via", via_value(inquiry.flow, branch))
        headers.add("Max-Forwards", MAX_FORWARDS)
        headers.add("From", str(NameAddr.parse(inquiry.sender).with_tag(series.tag)))
        headers.add("To", str(NameAddr.parse(inquiry.recipient)))
        headers.add("Call-ID", series.call_id)
        headers.add("CSeq", f"{series.number + 1} {inquiry.method}")
        for name, value in inquiry.headers:
            headers.add(name, value)
        request = Request(inquiry.method, inquiry.uri, headers, b"")
        if series.auth is not None:
            series.auth.apply(request)
        headers.add("User-Agent", core.settings.name)
        asked.transaction = core.transactions.request(now, request, branch, inquiry.flow, asked)
        series.number += 1

    def _challenged(self, now: float, asked: _Asked, response: Response) -> bool:
        """Whether a 401 or 407 is being answered with credentials (section 22.2)."""
        auth = asked.inquiry.series.auth
        if response.status not in (401, 407) or auth is None or asked.challenges >= MAX_CHALLENGES:
            return False
        if not auth.challenged(response):
            return False
        asked.challenges += 1
        self._send(now, asked)
        return True

    def _give_up(self, asked: _Asked, now: float) -> None:
        asked.timer = None
        if asked.number in self._asked:
            self._done(asked, 408, "No response in time", "timeout", Headers())

    def _done(
        self,
        asked: _Asked,
        status: int,
        reason: str,
        kind: str,
        headers: Headers,
        seen: Address | None = None,
    ) -> None:
        patient = kind == "response"
        self._drop(asked, abandon=not patient)
        self._core.outputs.append(Replied(asked.number, status, reason, kind, headers, seen))

    def _drop(self, asked: _Asked, *, abandon: bool = True) -> None:
        del self._asked[asked.number]
        if asked.timer is not None:
            asked.timer.cancel()
        if abandon and asked.transaction is not None:
            self._core.transactions.abandon(asked.transaction)


def _seen(response: Response) -> Address | None:
    """Where the other side saw our request come from (RFC 3581); None when it does not say so, or says
    something else than an address.
    """
    try:
        via = response.via
        host, port = via.received, via.rport
    except ParseError:
        return None
    if (host is None and port is None) or (host is not None and not is_address(host)):
        return None
    return (str(ip_address(host)) if host else via.sent_by[0], port or via.sent_by[1])
