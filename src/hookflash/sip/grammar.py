"""The lexical rules shared by all SIP headers (RFC 3261 section 25.1), and the bounds put on input."""

from __future__ import annotations

import re
from collections.abc import Mapping

from hookflash.sip.errors import ParseError

MAX_MESSAGE = 65_535
"""Longest message accepted, in bytes; a UDP datagram cannot be longer."""
MAX_HEAD = 32_768
"""Longest start line and headers together, in bytes."""
MAX_HEADERS = 200
"""Most header lines in one message."""
MAX_LINE = 8_192
"""Longest header line after unfolding, in characters."""
MAX_VALUES = 100
"""Most values in one comma-separated header line."""
MAX_PARAMS = 64
"""Most parameters of one value."""

_TOKEN_CHARS = r"A-Za-z0-9\-.!%*_+`'~"
_QUOTED = r'"(?:[^"\\]|\\.)*+"'
TOKEN = re.compile(rf"[{_TOKEN_CHARS}]+")

_TOKENS_AND_SPACES = re.compile(rf"[{_TOKEN_CHARS} ]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_PARAM = re.compile(
    rf"[ \t]*+;[ \t]*+([{_TOKEN_CHARS}]++)"
    rf"(?:[ \t]*+=[ \t]*+({_QUOTED}|[^\x00-\x20;,\"<>\x7f]++))?+[ \t]*+"
)
_PIECE = {mark: re.compile(rf'(?:{_QUOTED}|<[^>]*+>|[^"<{mark}]++)*+', re.DOTALL) for mark in ",;"}


def is_token(text: str) -> bool:
    """Whether ``text`` is a token (RFC 3261 section 25.1)."""
    return TOKEN.fullmatch(text) is not None


def has_control(text: str) -> bool:
    """Whether ``text`` holds a character that must not stand in a header value; a tab is allowed."""
    return not text.isprintable() and _CONTROL.search(text) is not None


def printable(text: str, limit: int = 120) -> str:
    """``text`` made safe for a log line: controls written as escapes, cut after ``limit`` characters."""
    cut = text if len(text) <= limit else text[:limit] + "..."
    if cut.isprintable():
        return cut
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in cut)


def quote(text: str) -> str:
    """``text`` as a quoted-string."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def unquote(text: str) -> str:
    """The content of a quoted-string; anything else is returned as it is."""
    if len(text) >= 2 and text[0] == '"' == text[-1]:
        inner = text[1:-1]
        return _ESCAPED.sub(r"\1", inner) if "\\" in inner else inner
    return text


def quote_unless_tokens(text: str) -> str:
    """``text`` bare when it is made of tokens and spaces (a display name may be), quoted otherwise."""
    return text if text == text.strip(" ") and _TOKENS_AND_SPACES.fullmatch(text) else quote(text)


def split_list(text: str, mark: str = ",") -> list[str]:
    """Split at ``mark`` (a comma or a semicolon) outside quoted strings and angle brackets.

    Empty elements are dropped, as RFC 3261 section 7.3.1 needs no list to hold them and peers send them.
    Raises :class:`ParseError` for an unclosed quote or bracket and for more than ``MAX_VALUES`` elements.
    """
    if mark not in text:
        only = text.strip(" \t")
        return [only] if only else []
    piece = _PIECE[mark]
    values: list[str] = []
    position, end = 0, len(text)
    while position <= end:
        match = piece.match(text, position)
        stop = match.end() if match else position
        if stop < end and text[stop] != mark:
            what = "quoted string" if text[stop] == '"' else "angle bracket"
            raise ParseError(f'unclosed {what} in "{printable(text)}"')
        value = text[position:stop].strip(" \t")
        if value:
            values.append(value)
            if len(values) > MAX_VALUES:
                raise ParseError(f"more than {MAX_VALUES} values in one list")
        position = stop + 1
    return values


def parse_params(text: str, position: int = 0) -> dict[str, str | None]:
    """Read ``;name=value;flag`` from ``position`` to the end of ``text``.

    Names are lower-cased, values stay as written (quotes included), a flag has the value None. Raises
    :class:`ParseError` for anything else, for a name that comes twice and for more than ``MAX_PARAMS``.
    """
    params: dict[str, str | None] = {}
    end = len(text)
    while position < end:
        match = _PARAM.match(text, position)
        if match is None:
            rest = text[position:].strip(" \t")
            if not rest:
                break
            raise ParseError(f'expected ";name=value" at "{printable(rest)}"')
        name = match[1].lower()
        if name in params:
            raise ParseError(f'the parameter "{printable(name)}" comes twice')
        if len(params) >= MAX_PARAMS:
            raise ParseError(f"more than {MAX_PARAMS} parameters")
        params[name] = match[2]
        position = match.end()
    return params


def format_params(params: Mapping[str, str | None]) -> str:
    """The inverse of :func:`parse_params`."""
    return "".join([f";{name}" if value is None else f";{name}={value}" for name, value in params.items()])


def parse_number(text: str, limit: int, what: str) -> int:
    """A decimal number of at most ``limit``; ``what`` names it in the error."""
    if not (text.isascii() and text.isdigit() and len(text) <= 12 and (number := int(text)) <= limit):
        raise ParseError(f'{what} must be a number from 0 to {limit}, got "{printable(text)}"')
    return number
