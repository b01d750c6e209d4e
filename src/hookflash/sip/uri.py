"""Addresses: sip and sips URIs (RFC 3261 section 19.1), tel URIs (RFC 3966) and whatever else comes by."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final
from urllib.parse import quote_from_bytes, unquote_to_bytes

from hookflash.sip.errors import ParseError
from hookflash.sip.grammar import MAX_PARAMS, format_params, parse_params, printable

NO_PARAMS: Final[Mapping[str, str | None]] = MappingProxyType({})
"""Shared by all addresses without parameters."""

_UNRESERVED = "-_.!~*'()"
_USER_SAFE = _UNRESERVED + "&=+$,;?/"
_PASSWORD_SAFE = _UNRESERVED + "&=+$,"
_PARAM_SAFE = _UNRESERVED + "[]/:&+$"
_HEADER_SAFE = _UNRESERVED + "[]/?:+$"

_ESCAPE = "%[0-9A-Fa-f]{2}"
_HOST = r"\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9](?:[A-Za-z0-9._-]{0,253})"
# "#" is not allowed in a user part but dialled by people (feature codes) and sent bare by their phones.
_USER = rf"(?:[A-Za-z0-9\-_.!~*'()&=+$,;?/#]++|{_ESCAPE})++"
_SIP = re.compile(
    rf"(sips?):(?:({_USER})(?::((?:[A-Za-z0-9\-_.!~*'()&=+$,]++|{_ESCAPE})*+))?@)?({_HOST})(?::(\d{{1,5}}))?"
    rf"((?:;[^\x00-\x20;?<>\"\x7f]++)*+)(?:\?([^\x00-\x20<>\"\x7f]*+))?",
    re.IGNORECASE,
)
_COLONS = re.compile(r":::(?=\d+\.)")
_TEL = re.compile(r"tel:(\+?[0-9A-Fa-f*#().\-]{1,64})((?:;[^\x00-\x20?<>\"\x7f]*)?)", re.IGNORECASE)
_OTHER = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):([^\x00-\x20<>\"\x7f]+)")
_BAD_ESCAPE = re.compile(rf"%(?!{_ESCAPE[1:]})")
_SEPARATORS = str.maketrans("", "", "-.()")
# RFC 3261 section 19.1.4: these make two URIs different even when only one of them has them.
_SIGNIFICANT = ("user", "ttl", "method", "maddr", "transport")


def _decode(text: str) -> str:
    if "%" not in text:
        return text
    if _BAD_ESCAPE.search(text):
        raise ParseError(f'"%" must be followed by two hex digits in "{printable(text)}"')
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        raise ParseError(f'the escapes in "{printable(text)}" are not UTF-8') from None


def _encode(text: str, safe: str) -> str:
    return quote_from_bytes(text.encode("utf-8", "replace"), safe)


def parse_host(text: str) -> str:
    """A host name or address in lower case, IPv6 without its brackets. Raises :class:`ParseError`."""
    if text.startswith("["):
        # The grammar of RFC 3261 once had a colon too many before an IPv4 address (RFC 5118 section 4.10).
        try:
            return str(ipaddress.IPv6Address(_COLONS.sub("::", text[1:-1])))
        except ValueError:
            raise ParseError(f'"{printable(text)}" is not an IPv6 address') from None
    return text.lower()


def format_host(host: str) -> str:
    """``host`` as written in URIs and Via: IPv6 addresses in brackets."""
    return f"[{host}]" if ":" in host else host


def parse_port(text: str) -> int:
    """A port from 1 to 65535. Raises :class:`ParseError`."""
    port = int(text)
    if not 0 < port < 65_536:
        raise ParseError(f"the port {port} is not between 1 and 65535")
    return port


def format_host_port(host: str, port: int | None) -> str:
    """``host`` or ``host:port``, with brackets where needed."""
    return format_host(host) if port is None else f"{format_host(host)}:{port}"


@dataclass(frozen=True, slots=True)
class SipUri:
    """A sip or sips URI; every part is unescaped, ``str()`` escapes again.

    ``host`` is lower-case, an IPv6 address without brackets. ``port`` is None when not given. ``params`` have
    lower-case names, a flag such as ``lr`` has the value None. ``headers`` are pairs, in order.
    """

    scheme: str
    user: str | None
    host: str
    port: int | None = None
    params: Mapping[str, str | None] = field(default_factory=dict, hash=False)
    headers: tuple[tuple[str, str], ...] = ()
    password: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, text: str) -> SipUri:
        """Read a URI. Raises :class:`ParseError`: 416 for another scheme, 400 for bad syntax."""
        match = _SIP.fullmatch(text)
        if match is None:
            scheme = text.partition(":")[0].lower()
            if scheme not in ("sip", "sips") and _OTHER.fullmatch(text):
                raise ParseError(f'the URI scheme "{printable(scheme)}" is not sip or sips', 416)
            raise ParseError(f'"{printable(text)}" is not a SIP URI')
        scheme, user, password, host, port, params, headers = match.groups()
        return cls(
            scheme.lower(),
            user and _decode(user),
            parse_host(host),
            parse_port(port) if port else None,
            _read_params(params) if params else NO_PARAMS,
            _read_headers(headers) if headers else (),
            password and _decode(password),
        )

    def __str__(self) -> str:
        user = ""
        if self.user is not None:
            secret = "" if self.password is None else ":" + _encode(self.password, _PASSWORD_SAFE)
            user = f"{_encode(self.user, _USER_SAFE)}{secret}@"
        where = format_host_port(self.host, self.port)
        if not self.params and not self.headers:
            return f"{self.scheme}:{user}{where}"
        params = "".join(
            [
                f";{_encode(name, _PARAM_SAFE)}"
                if value is None
                else f";{_encode(name, _PARAM_SAFE)}={_encode(value, _PARAM_SAFE)}"
                for name, value in self.params.items()
            ]
        )
        headers = "&".join(
            [f"{_encode(n, _HEADER_SAFE)}={_encode(v, _HEADER_SAFE)}" for n, v in self.headers]
        )
        return f"{self.scheme}:{user}{where}{params}{'?' + headers if headers else ''}"

    @property
    def transport(self) -> str | None:
        """The transport parameter in lower case, if any."""
        value = self.params.get("transport")
        return value.lower() if value else None

    @property
    def loose(self) -> bool:
        """Whether the URI names a loose router (``lr``)."""
        return "lr" in self.params

    @property
    def effective_port(self) -> int:
        """The port, or the scheme's and transport's default (RFC 3261 section 19.1.2)."""
        if self.port is not None:
            return self.port
        return 5061 if self.scheme == "sips" or self.transport == "tls" else 5060

    def matches(self, other: object) -> bool:
        """Whether both name the same resource by the rules of RFC 3261 section 19.1.4.

        Not transitive (parameters known to one side only are ignored), hence not ``==``.
        """
        if not isinstance(other, SipUri):
            return False
        if (self.scheme, self.user, self.password, self.host, self.port) != (
            other.scheme,
            other.user,
            other.password,
            other.host,
            other.port,
        ):
            return False
        if any((name in self.params) != (name in other.params) for name in _SIGNIFICANT):
            return False
        common = self.params.keys() & other.params.keys()
        if any((self.params[n] or "").lower() != (other.params[n] or "").lower() for n in common):
            return False
        mine = sorted((name.lower(), value) for name, value in self.headers)
        return mine == sorted((name.lower(), value) for name, value in other.headers)


@dataclass(frozen=True, slots=True)
class TelUri:
    """A telephone number (RFC 3966); ``number`` is as written, ``user`` has no visual separators."""

    number: str
    params: Mapping[str, str | None] = field(default_factory=dict, hash=False)

    scheme = "tel"
    host = ""
    port = None

    @classmethod
    def parse(cls, text: str) -> TelUri:
        """Read a tel URI. Raises :class:`ParseError`."""
        match = _TEL.fullmatch(text)
        if match is None:
            raise ParseError(f'"{printable(text)}" is not a tel URI')
        return cls(match[1], parse_params(match[2]) if match[2] else NO_PARAMS)

    @property
    def user(self) -> str:
        """The number without visual separators: what to dial."""
        return self.number.translate(_SEPARATORS)

    def __str__(self) -> str:
        return f"tel:{self.number}{format_params(self.params)}"

    def matches(self, other: object) -> bool:
        """Whether both are the same number (RFC 3966 section 4)."""
        if not isinstance(other, TelUri) or self.user.lower() != other.user.lower():
            return False
        mine = {name: (value or "").lower() for name, value in self.params.items()}
        return mine == {name: (value or "").lower() for name, value in other.params.items()}


@dataclass(frozen=True, slots=True)
class OtherUri:
    """A URI of a scheme we do not know; legal in From, To and Contact, carried along untouched."""

    scheme: str
    rest: str

    user = None
    host = ""
    port = None
    params = NO_PARAMS

    def __str__(self) -> str:
        return f"{self.scheme}:{self.rest}"

    def matches(self, other: object) -> bool:
        """Whether both are written the same."""
        return self == other


Uri = SipUri | TelUri | OtherUri


def parse_uri(text: str) -> Uri:
    """Read a URI of any scheme. Raises :class:`ParseError` (400)."""
    scheme = text[:5].lower()
    if scheme.startswith(("sip:", "sips:")):
        return SipUri.parse(text)
    if scheme.startswith("tel:"):
        return TelUri.parse(text)
    match = _OTHER.fullmatch(text)
    if match is None:
        raise ParseError(f'"{printable(text)}" is not a URI')
    return OtherUri(match[1].lower(), match[2])


def _read_params(text: str) -> dict[str, str | None]:
    """URI parameters: wider in characters than header parameters, and escaped."""
    params: dict[str, str | None] = {}
    for part in text[1:].split(";"):
        name, equals, value = part.partition("=")
        name = _decode(name).lower()
        if not name or name in params or len(params) >= MAX_PARAMS:
            problem = "comes twice" if name in params else "is one too many" if name else "has no name"
            raise ParseError(f'the URI parameter "{printable(part)}" {problem}')
        params[name] = _decode(value) if equals else None
    return params


def _read_headers(text: str) -> tuple[tuple[str, str], ...]:
    pairs: list[tuple[str, str]] = []
    for part in text.split("&"):
        name, equals, value = part.partition("=")
        if not name or not equals or len(pairs) >= MAX_PARAMS:
            raise ParseError(f'"{printable(part)}" is not a "name=value" header of a URI')
        pairs.append((_decode(name), _decode(value)))
    return tuple(pairs)
