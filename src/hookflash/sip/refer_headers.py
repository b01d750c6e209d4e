"""Typed values of what comes with REFER: Refer-To (RFC 3515) with Replaces (RFC 3891), Referred-By (RFC
3892), Refer-Sub (RFC 4488), Event and Subscription-State (RFC 6665), and the ``message/sipfrag`` of a NOTIFY.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from hookflash.sip.dialog_headers import Replaces
from hookflash.sip.errors import ParseError
from hookflash.sip.fields import Headers
from hookflash.sip.grammar import has_control, parse_number, parse_params, printable
from hookflash.sip.headers import MAX_CSEQ, NameAddr
from hookflash.sip.message import Request
from hookflash.sip.status import REASONS
from hookflash.sip.uri import OtherUri, SipUri, TelUri

SIPFRAG = "message/sipfrag"
"""The type of a NOTIFY's body (RFC 3420)."""
MAX_SIPFRAG = 4096
"""Longest body of a NOTIFY that is read, in bytes."""
MAX_REFERRER = 512
"""Longest Referred-By that is carried on, in characters."""

_STATUS_LINE = re.compile(r"SIP/2\.0 ([1-6][0-9][0-9])(?: ([^\r\n]{0,256}))?(?:\r?\n|$)")


@dataclass(frozen=True, slots=True)
class ReferTo:
    """Whom a REFER asks to call: ``uri`` without its headers, and what they ask for.

    ``replaces`` is the dialog the call is to take the place of; ``headers`` are the others, to be judged by
    whoever sends them on.
    """

    uri: SipUri | TelUri
    replaces: Replaces | None = None
    headers: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, request: Request) -> ReferTo:
        """Read the Refer-To of a REFER. ParseError: 400 where it is missing or broken, 501 for another method
        than INVITE, 416 for a scheme that cannot be called.
        """
        text = request.headers.get("Refer-To")
        if text is None:
            raise ParseError("it is missing", header="Refer-To")
        try:
            uri = NameAddr.parse(text).uri
            if isinstance(uri, OtherUri):
                raise ParseError(f'the URI scheme "{printable(uri.scheme)}" cannot be called', 416)
            if isinstance(uri, TelUri):
                return cls(uri)
            method = uri.params.get("method") or "INVITE"
            if method.upper() != "INVITE":
                raise ParseError(f'"{printable(method)}" is not done for others, only INVITE is', 501)
            named = [(name, value) for name, value in uri.headers if name.lower() == "replaces"]
            replaces = Replaces.parse(named[0][1]) if named else None
            if len(named) > 1 or any(has_control(value) for _, value in uri.headers):
                raise ParseError("Replaces comes twice, or a header has control characters")
        except ParseError as error:
            raise error.naming("Refer-To") from None
        others = tuple(pair for pair in uri.headers if pair[0].lower() != "replaces")
        params = {name: value for name, value in uri.params.items() if name != "method"}
        return cls(replace(uri, params=params, headers=(), password=None), replaces, others)


def written(replaces: Replaces) -> str:
    """A Replaces value as a header, or within a URI, has it."""
    early = ";early-only" if replaces.early_only else ""
    return f"{replaces.call_id};to-tag={replaces.to_tag};from-tag={replaces.from_tag or '0'}{early}"


def refer_to(uri: str, replaces: Replaces | None = None, headers: tuple[tuple[str, str], ...] = ()) -> str:
    """A Refer-To value. Raises ParseError for an address that cannot be called."""
    address = NameAddr.parse(f"<{uri}>").uri
    if isinstance(address, OtherUri):
        raise ParseError(f'the URI scheme "{printable(address.scheme)}" cannot be called', header="Refer-To")
    if isinstance(address, SipUri):
        asked = (("Replaces", written(replaces)),) if replaces is not None else ()
        address = replace(address, headers=(*asked, *headers))
    return f"<{address}>"


def referrer(headers: Headers) -> str:
    """The address of a Referred-By, "" for none or one that is too long or cannot be read.

    The signed body that its ``cid`` names (RFC 3892 section 4) is neither checked nor carried on.
    """
    text = headers.get("Referred-By") or ""
    if not text or len(text) > MAX_REFERRER or has_control(text):
        return ""
    try:
        address = NameAddr.parse(text)
    except ParseError:
        return ""
    shown = str(NameAddr(address.display_name, address.uri))
    return "" if has_control(shown) else shown


def subscribes(headers: Headers) -> bool:
    """Whether a REFER, or its 2xx, has a subscription (RFC 4488 section 4): it has unless it says otherwise.
    ParseError when it says neither.
    """
    text = (headers.get("Refer-Sub") or "true").partition(";")[0].strip(" \t").lower()
    if text not in ("true", "false"):
        raise ParseError(f'"{printable(text)}" is neither true nor false', header="Refer-Sub")
    return text == "true"


def event_of(headers: Headers) -> tuple[str, int | None]:
    """The package of an Event header, "" without one, and its id as a CSeq number."""
    package, semicolon, rest = (headers.get("Event") or "").partition(";")
    try:
        number = parse_params(semicolon + rest).get("id")
        found = None if number is None else parse_number(number, MAX_CSEQ, "the id")
    except ParseError as error:
        raise error.naming("Event") from None
    return package.strip(" \t").lower(), found


@dataclass(frozen=True, slots=True)
class SubscriptionState:
    """How a subscription stands (RFC 6665 section 4.1.3): "active", "pending" or "terminated", and why."""

    state: str
    params: dict[str, str | None] = field(default_factory=dict)

    @classmethod
    def of(cls, headers: Headers) -> SubscriptionState:
        """Read it. Raises ParseError when it is missing or broken."""
        text = headers.get("Subscription-State") or ""
        state, semicolon, rest = text.partition(";")
        state = state.strip(" \t").lower()
        if not state:
            raise ParseError("it is missing", header="Subscription-State")
        try:
            return cls(state, parse_params(semicolon + rest))
        except ParseError as error:
            raise error.naming("Subscription-State") from None

    @property
    def over(self) -> bool:
        return self.state == "terminated"

    @property
    def reason(self) -> str:
        return (self.params.get("reason") or "").lower()


def fragment(status: int, reason: str = "") -> bytes:
    """The body of a NOTIFY that tells of a response: its status line."""
    words = printable(reason or REASONS.get(status, ""), 128)
    return f"SIP/2.0 {status} {words}\r\n".encode()


def read_fragment(body: bytes) -> tuple[int, str]:
    """The status line of a ``message/sipfrag``. Raises ParseError."""
    match = _STATUS_LINE.match(body[:512].decode("utf-8", "replace").lstrip("\r\n"))
    if match is None:
        raise ParseError("the fragment does not begin with a status line")
    return int(match[1]), printable((match[2] or "").strip())
