"""Answers that come after all to INVITEs we have given up: nobody may be left in a call with no one.

An INVITE without any response is given up after 64*T1 or when its connection breaks, and the owner may well
have called somebody else since. If its server has only been slow, what it says now is not let pass: a
provisional response is answered with CANCEL, a 2xx with ACK and BYE, a refusal with ACK (RFC 3261 sections
9.1, 13.2.2.4, 17.1.1.3).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from hookflash.sip.build import acknowledge_failure, cancel
from hookflash.sip.core import Core
from hookflash.sip.envelope import Envelope, answers
from hookflash.sip.message import Request, Response
from hookflash.sip.session import Session
from hookflash.sip.transactions import Transaction

REMEMBERED = 300.0
"""Seconds for which an INVITE is remembered that was given up."""
MAX_REMEMBERED = 512
"""INVITEs remembered at most; the oldest goes first."""

Success = Callable[[float, Session, Transaction, Request, Response], None]


@dataclass(slots=True)
class _Late:
    session: Session
    transaction: Transaction
    request: Request
    until: float
    cancelled: bool = False


class LateAnswers:
    """Remembers INVITEs given up. ``success`` acknowledges and ends what a 2xx to one of them has begun."""

    def __init__(self, core: Core, success: Success) -> None:
        self._core = core
        self._success = success
        self._late: OrderedDict[str, _Late] = OrderedDict()

    def __len__(self) -> int:
        return len(self._late)

    def give_up(self, now: float, session: Session, transaction: Transaction) -> None:
        """An INVITE that opened a session is waited for no more; the session is forgotten next."""
        request = transaction.request
        if request is None:
            return
        while self._late and (
            len(self._late) >= MAX_REMEMBERED or next(iter(self._late.values())).until <= now
        ):
            self._late.popitem(last=False)
        late = _Late(session, transaction, request, now + REMEMBERED)
        self._late[request.via.branch or ""] = late

    def take(self, now: float, envelope: Envelope, response: Response) -> bool:
        """A response that belongs to no transaction; False when it is to none of these INVITEs either."""
        late = self._late.get(envelope.via.branch or "")
        if late is None or envelope.method != "INVITE" or now >= late.until:
            return False
        if not answers(envelope, late.request):
            return False
        if response.status < 200:
            if not late.cancelled:
                late.cancelled = True
                request = cancel(late.request, late.session.parting)
                self._core.transactions.request(
                    now, request, request.via.branch or "", late.transaction.flow, None
                )
        elif response.status < 300:
            self._success(now, late.session, late.transaction, late.request, response)
        else:
            ack = acknowledge_failure(late.request, response)
            self._core.send(ack.to_bytes(), late.transaction.flow)
        return True
