"""Requests and responses: bytes to objects and back (RFC 3261 sections 7 and 25).

Parsing splits a message into its start line and header lines; only the headers that every message needs (Via,
From, To, Call-ID, CSeq, Content-Length) are checked at once. Everything else is typed when somebody asks.
"""

from __future__ import annotations

import re

from hookflash.sip.errors import ParseError
from hookflash.sip.fields import KNOWN, SINGLE, Headers, canonical_name, resolve
from hookflash.sip.grammar import (
    MAX_HEAD,
    MAX_HEADERS,
    MAX_LINE,
    MAX_MESSAGE,
    has_control,
    is_token,
    parse_number,
    printable,
    split_list,
)
from hookflash.sip.headers import CSeq, MediaType, NameAddr, Via, parse_max_forwards
from hookflash.sip.status import REASONS

_CONTROLS = bytes(c for c in range(32) if c != 9) + b"\x7f"
_WIDE_CONTROLS = re.compile(r"[\x80-\x9f\u2028\u2029]")
_FOLD = re.compile(r"\r\n[ \t]++")
_REQUEST_LINE = re.compile(
    r"([A-Za-z0-9\-.!%*_+`'~]{1,64}) ([!#-;=?-~]+) (SIP/([0-9]+\.[0-9]+))", re.IGNORECASE
)
_STATUS_LINE = re.compile(r"SIP/([0-9]+\.[0-9]+) ([1-6][0-9]{2})(?: (.*))?", re.IGNORECASE)
_NEEDED = {"cseq": "CSeq", "via": "Via", "from": "From", "to": "To", "call-id": "Call-ID"}
"""What every message must have: lookup key and name."""
_CALL_ID = re.compile(r"[\x21-\x7e\x80-\U0010ffff]{1,512}")


class Message:
    """What requests and responses share. The typed properties raise :class:`ParseError` naming the header."""

    __slots__ = ("body", "headers")

    def __init__(self, headers: Headers | None = None, body: bytes = b"") -> None:
        self.headers = Headers() if headers is None else headers
        self.body = body

    def _need(self, key: str, name: str) -> str:
        value = self.headers.index().get(key)
        if value is None:
            raise ParseError("the header is missing", header=name)
        return value

    @property
    def via(self) -> Via:
        """The topmost Via."""
        line = self._need("via", "Via")
        return Via.parse(_first_via(line) if "," in line else line)

    @property
    def passed_on(self) -> bool:
        """Whether there is more than one Via."""
        lines = self.headers.lines("Via")
        return len(lines) > 1 or ("," in lines[0] and len(self.headers.all("Via")) > 1)

    @property
    def from_(self) -> NameAddr:
        """From."""
        return _address("From", self._need("from", "From"))

    @property
    def to(self) -> NameAddr:
        """To."""
        return _address("To", self._need("to", "To"))

    @property
    def call_id(self) -> str:
        """Call-ID, compared byte for byte."""
        return self._need("call-id", "Call-ID")

    @property
    def cseq(self) -> CSeq:
        """CSeq."""
        return CSeq.parse(self._need("cseq", "CSeq"))

    @property
    def max_forwards(self) -> int | None:
        """Max-Forwards, None when absent."""
        value = self.headers.get("Max-Forwards")
        return None if value is None else parse_max_forwards(value)

    @property
    def content_type(self) -> MediaType | None:
        """Content-Type, None when absent."""
        value = self.headers.get("Content-Type")
        return None if value is None else MediaType.parse(value)

    @property
    def contacts(self) -> list[NameAddr]:
        """The Contact addresses; a ``*`` (REGISTER only) gives none, see :attr:`contact_is_star`."""
        values = self.headers.all("Contact")
        if "*" in values:
            _alone(values)
            return []
        return [_address("Contact", value) for value in values]

    @property
    def contact_is_star(self) -> bool:
        """Whether Contact is ``*``. Raises :class:`ParseError` when other contacts stand beside it."""
        values = self.headers.all("Contact")
        if "*" not in values:
            return False
        _alone(values)
        return True

    def addresses(self, name: str) -> list[NameAddr]:
        """All values of a header made of addresses: Route, Record-Route, P-Asserted-Identity..."""
        return [_address(name, value) for value in self.headers.all(name)]

    def _write(self, start: str) -> bytes:
        lines = [start]
        lines += [f"{name}: {value}" for key, name, value in self.headers.items if key != "content-length"]
        lines.append(f"Content-Length: {len(self.body)}\r\n\r\n")
        return "\r\n".join(lines).encode("utf-8", "replace") + self.body


class Request(Message):
    """A request; ``uri`` is the Request-URI as written, see :func:`hookflash.sip.uri.parse_uri`."""

    __slots__ = ("method", "uri")

    def __init__(self, method: str, uri: str, headers: Headers | None = None, body: bytes = b"") -> None:
        super().__init__(headers, body)
        self.method = method
        self.uri = uri

    def to_bytes(self) -> bytes:
        """The wire form; Content-Length is always written from the body.

        Raises :class:`ValueError` when the method or URI would break the start line.
        """
        if not is_token(self.method) or " " in self.uri or not self.uri.isprintable() or not self.uri:
            raise ValueError(
                f'cannot send "{printable(self.method)} {printable(self.uri)}": not a start line'
            )
        return self._write(f"{self.method} {self.uri} SIP/2.0")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Request):
            return NotImplemented
        mine = (self.method, self.uri, self.headers, self.body)
        return mine == (other.method, other.uri, other.headers, other.body)

    def __repr__(self) -> str:
        return f"Request({self.method!r}, {self.uri!r}, {self.headers!r}, {len(self.body)} bytes)"


class Response(Message):
    """A response."""

    __slots__ = ("reason", "status")

    def __init__(
        self, status: int, reason: str = "", headers: Headers | None = None, body: bytes = b""
    ) -> None:
        super().__init__(headers, body)
        self.status = status
        self.reason = reason or REASONS.get(status, "")

    def to_bytes(self) -> bytes:
        """The wire form; Content-Length is always written from the body.

        Raises :class:`ValueError` when the reason phrase would break the start line.
        """
        if has_control(self.reason) or not 100 <= self.status <= 699:
            raise ValueError(f'cannot send "{self.status} {printable(self.reason)}": not a status line')
        return self._write(f"SIP/2.0 {self.status} {self.reason}")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Response):
            return NotImplemented
        mine = (self.status, self.reason, self.headers, self.body)
        return mine == (other.status, other.reason, other.headers, other.body)

    def __repr__(self) -> str:
        return f"Response({self.status}, {self.reason!r}, {self.headers!r}, {len(self.body)} bytes)"


def reply(request: Request, status: int, reason: str = "", *, to_tag: str | None = None) -> Response:
    """A response with what RFC 3261 section 8.2.6 says to copy: Via, From, To, Call-ID, CSeq.

    ``to_tag`` is added to To unless the request already has one there. Works for a request whose headers are
    malformed (then To is copied as it is), so that a 400 can be sent.
    """
    headers = Headers()
    for key, name, value in request.headers.items:
        if key == "to" and to_tag is not None:
            headers.items.append((key, name, _tagged(value, to_tag)))
        elif key in _COPIED or (key == "timestamp" and status == 100):
            headers.items.append((key, name, value))
    return Response(status, reason, headers)


_COPIED = frozenset(["via", "from", "to", "call-id", "cseq"])


def _tagged(to: str, tag: str) -> str:
    try:
        return to if NameAddr.parse(to).tag is not None else f"{to};tag={tag}"
    except ParseError:
        return to


def parse(data: bytes) -> Request | Response:
    """Read one message: a datagram, or what :class:`hookflash.sip.stream.StreamFramer` cut out of a stream.

    Leading empty lines are skipped (RFC 3261 section 7.5); bytes after the Content-Length are dropped
    (section 18.3). Raises :class:`ParseError`; its ``request`` is set when a response can be sent.
    """
    if len(data) > MAX_MESSAGE:
        raise ParseError(f"the message has {len(data)} bytes, more than {MAX_MESSAGE}", 513)
    start = 0
    while data.startswith(b"\r\n", start):
        start += 2
    end = data.find(b"\r\n\r\n", start)
    if end < 0:
        raise ParseError("no empty line ends the headers")
    head = data[start:end]
    if len(head) > MAX_HEAD:
        raise ParseError(f"the headers have {len(head)} bytes, more than {MAX_HEAD}", 513)
    if len(head) - len(head.translate(None, _CONTROLS)) != 2 * head.count(b"\r\n"):
        raise ParseError("control characters in the headers")
    try:
        text = head.decode()
    except UnicodeDecodeError:
        # Not UTF-8: old phones put Latin-1 into display names. Every byte has a character there.
        text = head.decode("latin-1")
    if not text.isascii():
        # Controls beyond ASCII (C1, line separators) would be refused when a value is written again.
        text = _WIDE_CONTROLS.sub("\ufffd", text)
    if "\r\n " in text or "\r\n\t" in text:
        text = _FOLD.sub(" ", text)
    lines = text.split("\r\n")
    headers, problem = _read_headers(lines)
    message, trouble = _read_start(lines[0], headers)
    problem = trouble or problem or _check(message)
    body = data[end + 4 :]
    if problem is None:
        try:
            message.body = _cut(headers, body)
            return message
        except ParseError as error:
            problem = error
    # Via and CSeq are what the sender finds its request by, whatever else is missing.
    if isinstance(message, Request) and message.method != "ACK" and "Via" in headers and "CSeq" in headers:
        problem.request = message
    raise problem


def _read_headers(lines: list[str]) -> tuple[Headers, ParseError | None]:
    """Split the header lines; a bad one is left out and the first of them reported."""
    items: list[tuple[str, str, str]] = []
    first: dict[str, str] = {}
    problem: ParseError | None = None
    if len(lines) > MAX_HEADERS + 1:
        problem = ParseError(f"{len(lines) - 1} header lines, more than {MAX_HEADERS}", 513)
        del lines[MAX_HEADERS + 1 :]
    known = KNOWN
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        entry = known.get(name)
        if entry is None or len(line) > MAX_LINE:
            try:
                if not colon or len(line) > MAX_LINE:
                    what = f"is longer than {MAX_LINE} characters" if colon else "has no colon"
                    raise ParseError(f'the line "{printable(line, 40)}" {what}')
                entry = resolve(name)
            except ParseError as error:
                problem = problem or error
                continue
        key, canonical = entry
        value = value.strip(" \t")
        if key not in first:
            first[key] = value
        elif key in SINGLE:
            problem = problem or ParseError("the header comes twice", header=canonical)
            continue
        items.append((key, canonical, value))
    return Headers.read(items, first), problem


def _read_start(line: str, headers: Headers) -> tuple[Request | Response, ParseError | None]:
    """Read the start line; a request that cannot be understood is still made, to answer it."""
    if line[:4].upper() == "SIP/":
        match = _STATUS_LINE.fullmatch(line)
        if match is None:
            return Response(400, "", headers), ParseError(f'"{printable(line)}" is not a status line')
        problem = None if match[1] == "2.0" else ParseError(f"SIP version {printable(match[1])}", 505)
        response = Response(int(match[2]), "", headers)
        response.reason = match[3] or ""
        return response, problem
    match = _REQUEST_LINE.fullmatch(line)
    if match is None:
        method = line.partition(" ")[0]
        request = Request(method if is_token(method) else "INVALID", "sip:invalid", headers)
        return request, ParseError(f'"{printable(line)}" is not "METHOD uri SIP/2.0"')
    request = Request(match[1], match[2], headers)
    if match[4] != "2.0":
        return request, ParseError(f'the version "{printable(match[3])}" is not SIP/2.0', 505)
    return request, None


def _check(message: Request | Response) -> ParseError | None:
    """Check what every message must have; the values are typed again, from a cache, when somebody asks."""
    try:
        first = message.headers.index()
        if not _NEEDED.keys() <= first.keys():
            missing = next(name for key, name in _NEEDED.items() if key not in first)
            raise ParseError("the header is missing", header=missing)
        cseq = CSeq.parse(first["cseq"])
        via = message.via
        _address("From", first["from"])
        _address("To", first["to"])
        if _CALL_ID.fullmatch(first["call-id"]) is None:
            raise ParseError(f'"{printable(first["call-id"])}" is not a Call-ID', header="Call-ID")
        if via.version != "2.0":
            raise ParseError(f"SIP version {via.version}", 505, "Via")
        if isinstance(message, Request) and cseq.method != message.method:
            raise ParseError(f"{cseq.method} in a {message.method} request", header="CSeq")
    except ParseError as error:
        return error
    return None


def _cut(headers: Headers, body: bytes) -> bytes:
    """The body as long as Content-Length says; all there is without one (UDP)."""
    claimed = headers.get("Content-Length")
    if claimed is None:
        return body
    try:
        length = parse_number(claimed, MAX_MESSAGE, "the length")
    except ParseError as error:
        raise error.naming("Content-Length") from None
    if length > len(body):
        raise ParseError(f"{length} bytes claimed, {len(body)} came", header="Content-Length")
    return body if length == len(body) else body[:length]


def _alone(contacts: list[str]) -> None:
    if len(contacts) > 1:
        raise ParseError('"*" must stand alone', header="Contact")


def _first_via(line: str) -> str:
    try:
        return (split_list(line) or [""])[0]
    except ParseError as error:
        raise error.naming("Via") from None


def _address(name: str, value: str) -> NameAddr:
    try:
        return NameAddr.parse(value)
    except ParseError as error:
        raise error.naming(canonical_name(name)) from None
