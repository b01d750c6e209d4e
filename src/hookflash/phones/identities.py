"""Who calls whom: SIP addresses as communication identifiers and back (contract section 3)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from hookflash.phones.config import TrunkConfig
from hookflash.phones.rewriting import Rewrite, rewritten
from hookflash.sip.errors import ParseError
from hookflash.sip.grammar import has_control, is_token
from hookflash.sip.headers import NameAddr
from hookflash.sip.message import Request
from hookflash.sip.uri import SipUri, Uri, parse_uri
from hookflash.wire.identifiers import Identifier, IdentifierKind

ANONYMOUS = "anonymous"
USER_TO_USER = "User-To-User"
ASSERTED, PREFERRED = "P-Asserted-Identity", "P-Preferred-Identity"
_WITHHOLDING = frozenset(["id", "user"])

MAX_CUSTOM_HEADERS = 16
"""Most custom headers carried from or into a call."""
MAX_CUSTOM_VALUE = 1024
"""Longest value of one, in characters."""

_NUMBER = re.compile(r"\+?[0-9]{2,15}")
_SEPARATORS = str.maketrans("", "", "-.() ")


def number_of(uri: Uri, rules: tuple[Rewrite, ...] = ()) -> str | None:
    """The E.164 number a URI names, as ``rules`` make it of what is written there. None for names.

    A leading plus is optional, visual separators are dropped.
    """
    if uri.user is None:
        return None
    user = rewritten(uri.user.partition(";")[0].translate(_SEPARATORS), rules)
    return f"+{user.lstrip('+')}" if _NUMBER.fullmatch(user) else None


def callee_of(request: Request, rules: tuple[Rewrite, ...] = ()) -> Identifier | None:
    """Whom an INVITE is for: a phone number, or a communication user named in the user part. None for
    neither. ``rules`` as for :func:`number_of`.

    Raises ParseError when the Request-URI cannot be read.
    """
    return target_of(parse_uri(request.uri), rules)


def target_of(uri: Uri, rules: tuple[Rewrite, ...] = ()) -> Identifier | None:
    """Who is meant by an address: a phone number or a communication user, as for :func:`callee_of`."""
    number = number_of(uri, rules)
    if number is not None:
        return Identifier.phone(number)
    return _user_of(uri)


def _user_of(uri: Uri) -> Identifier | None:
    if not isinstance(uri, SipUri) or not uri.user or len(uri.user) > 256 or not uri.user.isprintable():
        return None
    identifier = Identifier.parse(uri.user)
    return identifier if identifier.kind is IdentifierKind.COMMUNICATION_USER else None


def caller_of(request: Request, trusted: bool, rules: tuple[Rewrite, ...] = ()) -> tuple[Identifier, str]:
    """Who calls, and the display name. ``rules`` as for :func:`number_of`.

    P-Asserted-Identity (RFC 3325) goes before From when the peer is ``trusted``, P-Preferred-Identity between
    them. A withheld (RFC 3323) or unreadable number is the anonymous phone. Raises ParseError for a malformed
    address.
    """
    shown = request.from_
    addresses = [shown]
    if trusted:
        stated = [*request.addresses(ASSERTED)[:2], *request.addresses(PREFERRED)[:2]]
        addresses = [*stated, shown]
    private = ";".join(request.headers.lines("Privacy"))
    withheld = not {part.strip().lower() for part in private.split(";")}.isdisjoint(_WITHHOLDING)
    display_name = "" if withheld or _is_anonymous(shown) else shown.display_name
    if not withheld:
        for address in addresses:
            number = number_of(address.uri, rules)
            if number is not None:
                return Identifier.phone(number), display_name
            user = _user_of(address.uri)
            if user is not None:
                return user, display_name
    return Identifier.phone(ANONYMOUS), display_name


def _is_anonymous(address: NameAddr) -> bool:
    uri = address.uri
    return (uri.user or "").lower() == ANONYMOUS or uri.host == "anonymous.invalid"


def diverted_from(request: Request) -> str:
    """The number a call was forwarded from first, for the log: Diversion (RFC 5806), whose last value is the
    first one, or History-Info (RFC 7044), whose first is. "" without a readable one.
    """
    try:
        found = [*request.addresses("Diversion")[-1:], *request.addresses("History-Info")[:1]]
    except ParseError:
        return ""
    return next((number for one in found if (number := number_of(one.uri)) is not None), "")


def identity_headers(trunk: TrunkConfig, number: str, caller: NameAddr) -> tuple[tuple[str, str], ...]:
    """What tells a trunk who calls, beside From (RFC 3325): ``number`` may be withheld or none at all.

    A withheld number is stated as the trunk's own where there is one, and marked as private.
    """
    if trunk.identity == "from":
        return ()
    name = ASSERTED if trunk.identity == "asserted" else PREFERRED
    withheld = not number or number == ANONYMOUS
    private = (("Privacy", "id"),) if withheld else ()
    if not withheld:
        return ((name, str(NameAddr(caller.display_name, caller.uri))),)
    if not trunk.caller or not trunk.domain:
        return private
    return ((name, str(NameAddr("", SipUri("sip", trunk.caller, trunk.domain)))), *private)


def is_custom(name: str) -> bool:
    """Whether a header is one of those applications may see and set: User-To-User and X-*."""
    lower = name.lower()
    return lower == USER_TO_USER.lower() or lower.startswith("x-")


def custom_headers(request: Request) -> dict[str, str]:
    """The custom headers of an INVITE, the first of each name."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for spelling, value in request.headers:
        # SIP does not care about case, but the applications' name for this one does (contract section 1.4).
        name = USER_TO_USER if spelling.lower() == USER_TO_USER.lower() else spelling
        if is_custom(name) and name.lower() not in taken and len(value) <= MAX_CUSTOM_VALUE:
            found[name] = value
            taken.add(name.lower())
            if len(found) == MAX_CUSTOM_HEADERS:
                break
    return found


def sendable_headers(headers: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Those of an application's headers that may go into an INVITE; nothing that could forge SIP's own."""
    fit = [
        (name, value)
        for name, value in headers.items()
        if is_custom(name) and is_token(name) and len(value) <= MAX_CUSTOM_VALUE and not has_control(value)
    ]
    return tuple(fit[:MAX_CUSTOM_HEADERS])
