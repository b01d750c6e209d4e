"""Answering requests in server transactions, and noticing those that came by two ways."""

from __future__ import annotations

from hookflash.sip.build import ACCEPT, Extra
from hookflash.sip.core import Core
from hookflash.sip.envelope import Envelope
from hookflash.sip.errors import ParseError
from hookflash.sip.flow import Flow
from hookflash.sip.message import Message, Request, Response, reply
from hookflash.sip.transactions import Transaction

MERGE = tuple[str, str, int, str]
"""Call-ID, From tag, CSeq number and method: one request however many ways it came (section 8.2.2.2)."""

_DESCRIBED = ("Content-Type", ACCEPT)

MAX_WAIT = 10
"""Longest Retry-After, in seconds, of a 500 to a request that came too early (RFC 3261 section 14.2)."""


def sdp_of(message: Message) -> bytes:
    """The session description a message carries, b"" when it has none."""
    try:
        kind = message.content_type
    except ParseError:
        return b""
    return message.body if kind is not None and kind.essence == ACCEPT else b""


def warning(error: ParseError) -> tuple[str, str]:
    """Says what was wrong with a request, in the one header made for it (RFC 3261 section 20.43)."""
    text = str(error).replace("\\", "").replace('"', "'")
    return ("Warning", f'399 hookflash "{text}"')


class Responder:
    """Opens server transactions and responds in them."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._merge: dict[MERGE, Transaction] = {}
        self._merge_keys: dict[Transaction, MERGE] = {}

    def open(self, envelope: Envelope, request: Request, back: Flow) -> Transaction:
        """A server transaction for a request we deal with; its responses go to ``back``."""
        transaction = self._core.transactions.accept(envelope, request, back)
        if not envelope.to_tag:
            key = (envelope.call_id, envelope.from_tag, envelope.number, request.method)
            self._merge[key] = transaction
            self._merge_keys[transaction] = key
        return transaction

    def merged(self, envelope: Envelope, method: str) -> bool:
        """Whether a request came another way before (section 8.2.2.2)."""
        key = (envelope.call_id, envelope.from_tag, envelope.number, method)
        return not envelope.to_tag and key in self._merge

    def ended(self, transaction: Transaction) -> None:
        """A server transaction is over: it cannot be merged with any more."""
        key = self._merge_keys.pop(transaction, None)
        if key is not None:
            self._merge.pop(key, None)

    def refuse(
        self, now: float, envelope: Envelope, request: Request, back: Flow, status: int, extra: Extra = ()
    ) -> None:
        """Answer a request that is none of ours with a status, in a transaction of its own."""
        transaction = self._core.transactions.accept(envelope, request, back)
        self.respond(now, transaction, request, status, self._core.new_tag(), extra)

    def later(self) -> Extra:
        """The Retry-After of a 500 to a request that came too early: a whole number of seconds, 0 to 10."""
        return (("Retry-After", str(int(self._core.random() * (MAX_WAIT + 1)))),)

    def respond(
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
        """Send a response; ``tag`` is the To tag of one that has none yet, ``body`` a session description."""
        response = reply(request, status, reason, to_tag=None if status == 100 else tag)
        server = ("Server", self._core.settings.name)
        response.headers.extend((*extra, server, _DESCRIBED) if body else (*extra, server))
        response.body = body
        self._core.transactions.respond(now, transaction, response)
        return response
