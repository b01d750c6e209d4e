"""Session descriptions (RFC 8866): text to dataclasses and back, within bounds.

Only what offer/answer needs is typed; every other line is dropped, as a reader has to ignore what it does
not know.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from hookflash.sip.errors import ParseError
from hookflash.sip.grammar import printable

MAX_SDP = 16_384
"""Longest description accepted, in bytes."""
MAX_LINES = 500
"""Most lines in one description."""
MAX_MEDIA = 32
"""Most media lines in one description."""
MAX_FORMATS = 64
"""Most formats of one media line."""
MAX_PORT = 65_535
_CACHED = 256

_TOKEN = re.compile(r"[!#-'*+\-.0-9A-Z^-~]{1,64}")
_DIGITS = re.compile(r"[0-9]{1,20}")
_CLOCK = re.compile(r"([!#-'*+\-.0-9A-Z^-~]{1,64})/([0-9]{1,7})(?:/([0-9]{1,3}))?")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,253}")
_DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")

Attribute = tuple[str, str | None]
"""``a=name:value``, the value None for a flag."""


@dataclass(frozen=True, slots=True)
class Origin:
    """``o=``: who made the session and which version of it this is; ``address`` has no brackets."""

    username: str
    session_id: str
    version: int
    address: str

    def __str__(self) -> str:
        return f"{self.username} {self.session_id} {self.version} IN {_family(self.address)} {self.address}"


class RtpMap(NamedTuple):
    """``a=rtpmap``: what a payload type is; ``encoding`` in upper case, ``rate`` in Hz."""

    encoding: str
    rate: int
    channels: int = 1


@dataclass(frozen=True, slots=True, repr=False)
class MediaDescription:
    """``m=`` and what follows it. ``port`` 0 means refused; ``connection`` is None when the session's
    counts.
    """

    kind: str
    port: int
    protocol: str
    formats: tuple[str, ...]
    connection: str | None = None
    attributes: tuple[Attribute, ...] = ()

    def __repr__(self) -> str:
        """Without keys (RFC 4568): descriptions may be logged."""
        shown = [(name, "..." if name == "crypto" else value) for name, value in self.attributes]
        line = f"{self.kind} {self.port} {self.protocol} {' '.join(self.formats)}"
        return f"MediaDescription({line!r}, connection={self.connection!r}, attributes={shown!r})"

    def attribute(self, name: str) -> str | None:
        """The value of the first attribute of this name, "" for a flag, None when there is none."""
        return _attribute(self.attributes, name)

    def rtpmap(self, payload_type: int) -> RtpMap | None:
        """What an rtpmap says ``payload_type`` is; None without a well-formed one."""
        return self.rtpmaps().get(str(payload_type))

    def rtpmaps(self) -> dict[str, RtpMap]:
        """What the well-formed rtpmaps say, by payload type as written; of two for one the first counts."""
        found: dict[str, RtpMap] = {}
        for name, value in self.attributes:
            if name == "rtpmap" and value is not None:
                number, _, rest = value.partition(" ")
                if number not in found and (stated := _parse_rtpmap(rest.strip(" "))) is not None:
                    found[number] = stated
        return found

    def lines(self) -> list[str]:
        """The wire form, line by line."""
        lines = [f"m={self.kind} {self.port} {self.protocol} {' '.join(self.formats)}"]
        if self.connection is not None:
            lines.append(f"c=IN {_family(self.connection)} {self.connection}")
        return lines + _attribute_lines(self.attributes)


@dataclass(frozen=True, slots=True)
class SessionDescription:
    """A whole description; ``connection`` is the session-level address, None when lines have their own."""

    origin: Origin
    connection: str | None = None
    media: tuple[MediaDescription, ...] = ()
    attributes: tuple[Attribute, ...] = ()
    name: str = "-"

    @classmethod
    def parse(cls, data: bytes) -> SessionDescription:
        """Read a description; lines may end with LF alone. Raises :class:`ParseError`."""
        return _parse(data)

    def to_bytes(self) -> bytes:
        """The wire form. Raises :class:`ValueError` when a value would break out of its line."""
        lines = ["v=0", f"o={self.origin}", f"s={self.name}"]
        if self.connection is not None:
            lines.append(f"c=IN {_family(self.connection)} {self.connection}")
        lines.append("t=0 0")
        lines += _attribute_lines(self.attributes)
        for media in self.media:
            lines += media.lines()
        for line in lines:
            if "\r" in line or "\n" in line or "\0" in line:
                raise ValueError(f'cannot write the line "{printable(line)}": it holds a line break')
        return ("\r\n".join(lines) + "\r\n").encode("utf-8", "replace")

    def address(self, media: MediaDescription) -> str:
        """Where ``media`` is received: its own address, or the session's."""
        return media.connection or self.connection or ""

    def direction(self, media: MediaDescription) -> str:
        """The direction of ``media`` as the describing side sees it; sendrecv when nothing is said.

        An attribute of the media line counts before one of the session (RFC 8866 section 6.7).
        """
        for attributes in (media.attributes, self.attributes):
            for name, _ in attributes:
                if name in _DIRECTIONS:
                    return name
        return "sendrecv"


@lru_cache(_CACHED)
def is_address(text: str) -> bool:
    """Whether ``text`` is an IP address and not a name (allowed in c= by RFC 8866 section 5.7, but rare)."""
    try:
        return "%" not in text and bool(ipaddress.ip_address(text).version)
    except ValueError:
        return False


@lru_cache(_CACHED)
def is_for_many(text: str) -> bool:
    """Whether ``text`` is an address of more than one host, multicast or broadcast, or of none that can be:
    we send audio to one phone."""
    if not is_address(text):
        return False
    address = ipaddress.ip_address(text)
    if isinstance(address, ipaddress.IPv6Address):
        address = address.ipv4_mapped or address
    if isinstance(address, ipaddress.IPv4Address):
        # 240.0.0.0/4 is reserved (RFC 1112 section 4), its last address a broadcast (RFC 919 section 7).
        return address.is_multicast or address.is_reserved
    return address.is_multicast


@lru_cache(_CACHED)
def is_loopback(text: str) -> bool:
    """Whether ``text`` is an address of the host that looks at it."""
    if not is_address(text):
        return False
    address = ipaddress.ip_address(text)
    if isinstance(address, ipaddress.IPv6Address):
        address = address.ipv4_mapped or address
    return address.is_loopback


@lru_cache(_CACHED)
def _parse_rtpmap(text: str) -> RtpMap | None:
    match = _CLOCK.fullmatch(text)
    return RtpMap(match[1].upper(), int(match[2]), int(match[3] or 1)) if match else None


def _family(address: str) -> str:
    return "IP6" if ":" in address else "IP4"


def _attribute(attributes: tuple[Attribute, ...], name: str) -> str | None:
    for own, value in attributes:
        if own == name:
            return value or ""
    return None


def _attribute_lines(attributes: tuple[Attribute, ...]) -> list[str]:
    return [f"a={name}" if value is None else f"a={name}:{value}" for name, value in attributes]


def _parse(data: bytes) -> SessionDescription:
    if len(data) > MAX_SDP:
        raise ParseError(f"the session description has {len(data)} bytes, more than {MAX_SDP}", 413)
    text = data.decode("utf-8", "replace")
    if "\0" in text:
        raise ParseError("NUL in the session description")
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if len(lines) > MAX_LINES:
        raise ParseError(f"{len(lines)} lines of session description, more than {MAX_LINES}", 413)
    origin: Origin | None = None
    name, connection = "-", None
    attributes: list[Attribute] = []
    media: list[MediaDescription] = []
    own: list[Attribute] = []  # attributes and address of the media line being read
    own_connection: str | None = None
    current: tuple[str, int, str, tuple[str, ...]] | None = None

    def close() -> None:
        nonlocal own, own_connection
        if current is not None:
            media.append(MediaDescription(*current, own_connection, tuple(own)))
        own, own_connection = [], None

    if lines[0].strip(" ") != "v=0":
        raise ParseError(f'a session description starts with "v=0", not "{printable(lines[0], 20)}"')
    for line in lines[1:]:
        if not line.strip(" "):
            continue
        letter, equals, value = line.partition("=")
        if not equals or len(letter) != 1:
            raise ParseError(f'"{printable(line, 40)}" is not a line of a session description')
        if letter == "m":
            close()
            if len(media) >= MAX_MEDIA:
                raise ParseError(f"more than {MAX_MEDIA} media lines", 413)
            current = _parse_media(value)
        elif letter == "a":
            flag, colon, rest = value.partition(":")
            (attributes if current is None else own).append(
                (flag.strip(" "), rest.strip(" ") if colon else None)
            )
        elif letter == "c":
            if current is None:
                connection = _parse_connection(value)
            else:
                own_connection = own_connection or _parse_connection(value)
        elif letter == "o":
            origin = _parse_origin(value)
        elif letter == "s":
            name = value.strip(" ") or "-"
    close()
    if origin is None:
        raise ParseError("the session description has no o= line")
    if connection is None and any(m.port and m.connection is None for m in media):
        raise ParseError("a media line has no c= line, nor has the session")
    return SessionDescription(origin, connection, tuple(media), tuple(attributes), name)


def _parse_origin(value: str) -> Origin:
    parts = value.split()
    if len(parts) != 6 or not _DIGITS.fullmatch(parts[2]):
        raise ParseError(f'"o={printable(value, 60)}" is not "user id version IN IP4 address"')
    # The address of o= is not used for anything, so a name or nonsense in it does no harm.
    return Origin(parts[0], parts[1], int(parts[2]), parts[5])


@lru_cache(_CACHED)
def _parse_connection(value: str) -> str:
    parts = value.split()
    if len(parts) != 3 or parts[0].upper() != "IN" or parts[1].upper() not in ("IP4", "IP6"):
        raise ParseError(f'"c={printable(value, 60)}" is not "IN IP4 address"')
    address = parts[2].partition("/")[0]
    if not is_address(address):
        if _NAME.fullmatch(address) is None:
            raise ParseError(f'"c={printable(value, 60)}" has neither an IP address nor a name')
        return address.lower()
    if (":" in address) != (parts[1].upper() == "IP6"):
        raise ParseError(f'"c={printable(value, 60)}" mixes IP4 and IP6')
    return str(ipaddress.ip_address(address))


def _parse_media(value: str) -> tuple[str, int, str, tuple[str, ...]]:
    parts = value.split()
    if len(parts) < 4:
        raise ParseError(f'"m={printable(value, 60)}" is not "kind port protocol formats"')
    port = parts[1].partition("/")[0]
    if not _DIGITS.fullmatch(port) or int(port) > MAX_PORT:
        raise ParseError(f'"m={printable(value, 60)}" has no port from 0 to {MAX_PORT}')
    formats = tuple(parts[3:])
    if len(formats) > MAX_FORMATS:
        raise ParseError(f"{len(formats)} formats in a media line, more than {MAX_FORMATS}", 413)
    if not all(_TOKEN.fullmatch(part) for part in (parts[0], *formats)):
        raise ParseError(f'"m={printable(value, 60)}" has a malformed kind or format')
    return parts[0].lower(), int(port), parts[2], formats
