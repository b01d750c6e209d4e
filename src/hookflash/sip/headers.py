"""Typed header values (RFC 3261 section 20), parsed on access.

All are immutable; ``str()`` gives the wire form.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from hookflash.sip.errors import ParseError
from hookflash.sip.grammar import (
    TOKEN,
    format_params,
    is_token,
    parse_number,
    parse_params,
    printable,
    quote,
    quote_unless_tokens,
    unquote,
)
from hookflash.sip.uri import NO_PARAMS, Uri, format_host_port, parse_host, parse_port, parse_uri

MAX_CSEQ = 2**31 - 1
"""Largest sequence number (RFC 3261 section 8.1.1.5)."""
MAGIC_COOKIE = "z9hG4bK"
"""What a branch of RFC 3261 starts with (section 8.1.1.7)."""

_CACHED = 1024

# The display name: quoted, or words. Words may hold more than tokens ("R&D", non-ASCII), as phones send them.
_NAME_ADDR = re.compile(
    r'[ \t]*+(?:"((?:[^"\\]|\\.)*+)"|([^"<>,;:@\\\x00-\x1f\x7f]*+))[ \t]*+<[ \t]*+([^<>\" \t]++)[ \t]*+>'
)
_ADDR_SPEC = re.compile(r'[ \t]*+([^\s<>",;?]++)')
_VIA = re.compile(
    r"[ \t]*+(SIP)[ \t]*+/[ \t]*+([0-9]+\.[0-9]+)[ \t]*+/[ \t]*+([A-Za-z0-9\-.!%*_+`'~]++)[ \t]++"
    r"(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9][A-Za-z0-9._-]{0,253})(?:[ \t]*+:[ \t]*+(\d{1,5}))?",
    re.IGNORECASE,
)
_CSEQ = re.compile(r"[ \t]*+([0-9]{1,12})[ \t]++([A-Za-z0-9\-.!%*_+`'~]{1,64})[ \t]*+")
_MEDIA_TYPE = re.compile(rf"[ \t]*+({TOKEN.pattern})[ \t]*+/[ \t]*+({TOKEN.pattern})")
_ESCAPED = re.compile(r"\\(.)")


@dataclass(frozen=True, slots=True)
class NameAddr:
    """An address with a display name and header parameters: From, To, Contact, Route, Record-Route...

    Parameter values stay as written; ``display_name`` is unquoted, "" when there is none.
    """

    display_name: str
    uri: Uri
    params: Mapping[str, str | None] = field(default_factory=dict, hash=False)

    @staticmethod
    def parse(text: str) -> NameAddr:
        """Read ``"Name" <uri>;params`` or ``uri;params``. Raises :class:`ParseError`."""
        return _parse_name_addr(text)

    def __str__(self) -> str:
        name = f"{quote_unless_tokens(self.display_name)} " if self.display_name else ""
        return f"{name}<{self.uri}>{format_params(self.params)}"

    @property
    def tag(self) -> str | None:
        """The tag parameter of From and To, None when there is none."""
        return self.params.get("tag")

    def with_tag(self, tag: str) -> NameAddr:
        """The same address with this tag."""
        return NameAddr(self.display_name, self.uri, {**self.params, "tag": tag})


@lru_cache(_CACHED)
def _parse_name_addr(text: str) -> NameAddr:
    match = _NAME_ADDR.match(text)
    if match is not None:
        quoted, words, uri = match.groups()
        if quoted is None:
            name = words.rstrip(" \t")
        else:
            name = _ESCAPED.sub(r"\1", quoted) if "\\" in quoted else quoted
    else:
        match = _ADDR_SPEC.match(text)
        if match is None:
            raise ParseError(f'"{printable(text)}" is not an address')
        name, uri = "", match[1]
    end = match.end()
    return NameAddr(name, parse_uri(uri), parse_params(text, end) if end < len(text) else NO_PARAMS)


@dataclass(frozen=True, slots=True)
class Via:
    """One hop (RFC 3261 section 20.42, RFC 3581). ``transport`` is upper-case, ``host`` has no brackets."""

    transport: str
    host: str
    port: int | None = None
    params: Mapping[str, str | None] = field(default_factory=dict, hash=False)
    version: str = "2.0"

    @staticmethod
    def parse(text: str) -> Via:
        """Read one Via value. Raises :class:`ParseError`."""
        try:
            return _parse_via(text)
        except ParseError as error:
            raise error.naming("Via") from None

    def __str__(self) -> str:
        where = format_host_port(self.host, self.port)
        return f"SIP/{self.version}/{self.transport} {where}{format_params(self.params)}"

    @property
    def branch(self) -> str | None:
        """The transaction id of the sender."""
        return self.params.get("branch")

    @property
    def received(self) -> str | None:
        """The source address the server saw, without brackets; None when it wrote none."""
        value = self.params.get("received")
        return value.strip("[]") if value else None

    @property
    def rport(self) -> int | None:
        """The source port the server saw; None when absent or not filled in."""
        value = self.params.get("rport")
        return int(value) if value else None

    @property
    def effective_port(self) -> int:
        """The port of sent-by, or the transport's default (RFC 3261 section 18.2.2)."""
        if self.port is not None:
            return self.port
        return 5061 if self.transport in ("TLS", "WSS") else 5060

    @property
    def sent_by(self) -> tuple[str, int]:
        """Host and port, the port defaulted: half of a transaction's key."""
        return self.host, self.effective_port

    def received_from(self, host: str, port: int) -> Via:
        """What a server makes of the top Via of a request from ``host``:``port``.

        Adds received when the address differs from sent-by or rport was asked for, and fills rport in
        (RFC 3261 section 18.2.1, RFC 3581 section 4). What the sender wrote there itself is dropped: it could
        point the responses at somebody else.
        """
        params = {name: value for name, value in self.params.items() if name != "received"}
        if "rport" in params:
            params["rport"] = str(port)
        if "rport" in params or host != self.host:
            params["received"] = host
        return Via(self.transport, self.host, self.port, params, self.version)


@lru_cache(_CACHED)
def _parse_via(text: str) -> Via:
    match = _VIA.match(text)
    if match is None:
        raise ParseError(f'"{printable(text)}" is not "SIP/2.0/transport host:port"')
    _, version, transport, host, port = match.groups()
    end = match.end()
    params = parse_params(text, end) if end < len(text) else NO_PARAMS
    rport = params.get("rport")
    if rport is not None:
        parse_number(rport, 65_535, "rport")
    number = parse_port(port) if port else None
    return Via(transport.upper(), parse_host(host), number, params, version)


@dataclass(frozen=True, slots=True)
class CSeq:
    """The order of requests in a dialog (RFC 3261 section 20.16)."""

    number: int
    method: str

    @staticmethod
    def parse(text: str) -> CSeq:
        """Read ``number method``. Raises :class:`ParseError`."""
        return _parse_cseq(text)

    def __str__(self) -> str:
        return f"{self.number} {self.method}"


@lru_cache(_CACHED)
def _parse_cseq(text: str) -> CSeq:
    match = _CSEQ.fullmatch(text)
    if match is None:
        raise ParseError(f'"{printable(text)}" is not a number and a method', header="CSeq")
    number = int(match[1])
    if number > MAX_CSEQ:
        raise ParseError(f"the sequence number {number} is larger than {MAX_CSEQ}", header="CSeq")
    return CSeq(number, match[2])


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a request was sent (RFC 3326): protocol "SIP" or "Q.850", a cause number and a text."""

    protocol: str
    cause: int | None = None
    text: str = ""

    @classmethod
    def parse(cls, text: str) -> Reason:
        """Read one Reason value. Raises :class:`ParseError`."""
        protocol, semicolon, rest = text.partition(";")
        protocol = protocol.strip(" \t")
        if not is_token(protocol):
            raise ParseError(f'"{printable(text)}" does not start with a protocol', header="Reason")
        try:
            params = parse_params(semicolon + rest)
            cause = params.get("cause")
            number = None if cause is None else parse_number(unquote(cause), 65_535, "the cause")
        except ParseError as error:
            raise error.naming("Reason") from None
        return cls(protocol, number, unquote(params.get("text") or ""))

    def __str__(self) -> str:
        cause = "" if self.cause is None else f";cause={self.cause}"
        text = f";text={quote(self.text)}" if self.text else ""
        return f"{self.protocol}{cause}{text}"


@dataclass(frozen=True, slots=True)
class MediaType:
    """Content-Type; ``kind`` and ``subtype`` are lower-case."""

    kind: str
    subtype: str
    params: Mapping[str, str | None] = field(default_factory=dict, hash=False)

    @staticmethod
    def parse(text: str) -> MediaType:
        """Read ``type/subtype;params``. Raises :class:`ParseError`."""
        return _parse_media_type(text)

    @property
    def essence(self) -> str:
        """``type/subtype``, for example "application/sdp"."""
        return f"{self.kind}/{self.subtype}"

    def __str__(self) -> str:
        return f"{self.essence}{format_params(self.params)}"


@lru_cache(_CACHED)
def _parse_media_type(text: str) -> MediaType:
    match = _MEDIA_TYPE.match(text)
    if match is None:
        raise ParseError(f'"{printable(text)}" is not a media type', header="Content-Type")
    try:
        return MediaType(match[1].lower(), match[2].lower(), parse_params(text, match.end()))
    except ParseError as error:
        raise error.naming("Content-Type") from None


def parse_max_forwards(text: str) -> int:
    """Max-Forwards, 0 to 255 (RFC 3261 section 20.22). Raises :class:`ParseError`."""
    try:
        return parse_number(text, 255, "Max-Forwards")
    except ParseError as error:
        raise error.naming("Max-Forwards") from None
