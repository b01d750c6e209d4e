"""Cutting a byte stream (TCP, TLS) into messages (RFC 3261 section 18.3, RFC 5626 section 4.4.1)."""

from __future__ import annotations

import re

from hookflash.sip.errors import ParseError
from hookflash.sip.grammar import MAX_HEAD, MAX_MESSAGE
from hookflash.sip.message import Request, parse

PING = b"\r\n\r\n"
"""A keep-alive of the peer."""
PONG = b"\r\n"
"""What answers it."""

_FOLD = re.compile(rb"\r\n[ \t]++")
_LENGTH = re.compile(rb"\r\n(?:content-length|l)[ \t]*+:([^\r\n]*+)", re.IGNORECASE)


class StreamFramer:
    """Collects bytes of one connection and hands out whole messages.

    It holds at most one incomplete message (``MAX_MESSAGE`` bytes). When it raises, the stream can no longer
    be cut: the connection has to be closed, after a response to the error's ``request`` if one is there.
    """

    __slots__ = ("_awaiting", "_broken", "_buffer", "_pongs", "_searched", "_wanted", "answered")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._wanted = 0  # length of the message at the start of the buffer, 0 while unknown
        self._searched = 0  # how far the end of the headers has been looked for
        self._pongs = 0
        self._broken = False
        self._awaiting = False  # whether a keep-alive of ours waits for its answer
        self.answered = 0
        """Keep-alives of ours that were answered."""

    def __len__(self) -> int:
        """Bytes held that are not a whole message yet."""
        return len(self._buffer)

    @property
    def owing(self) -> bool:
        """Whether a message has begun; two line ends or fewer are a keep-alive, or the half of one."""
        return len(self._buffer) > 3

    @property
    def fault(self) -> str:
        """None: what is wrong with a plain stream is raised."""
        return ""

    @property
    def closing(self) -> bool:
        """Never: a plain stream has no farewell."""
        return False

    def wrap(self, message: bytes) -> bytes:
        """A message as it goes over the stream: as it is."""
        return message

    def ping(self) -> bytes:
        """A keep-alive of ours; a lone empty line before the next message answers it."""
        self._awaiting = True
        return PING

    def feed(self, data: bytes) -> list[bytes]:
        """Take received bytes; returns the messages they complete, ready for ``parse``.

        Raises :class:`ParseError` when a message has no usable Content-Length, or is too long. Messages that
        were complete before it in the same bytes are then in the error's ``complete``.
        """
        if self._broken:
            raise FramingError("the stream was broken before; close the connection", [])
        messages: list[bytes] = []
        self._buffer += data
        try:
            while (message := self._next()) is not None:
                messages.append(message)
        except ParseError as error:
            self._broken = True
            self._buffer.clear()
            raise FramingError(error.reason, messages, error) from None
        return messages

    def take_pongs(self) -> bytes:
        """The answers owed to keep-alives seen since the last call; to be sent at once."""
        pongs, self._pongs = self._pongs, 0
        return PONG * pongs

    def _next(self) -> bytes | None:
        buffer = self._buffer
        if not self._wanted:
            self._skip_empty_lines()
            end = buffer.find(b"\r\n\r\n", self._searched)
            if end > MAX_HEAD or (end < 0 and len(buffer) > MAX_HEAD):
                raise ParseError(f"no end of the headers within {MAX_HEAD} bytes", 513)
            if end < 0:
                self._searched = max(0, len(buffer) - 3)
                return None
            self._wanted = end + 4 + self._body_length(bytes(buffer[: end + 4]))
        if len(buffer) < self._wanted:
            return None
        message = bytes(buffer[: self._wanted])
        del buffer[: self._wanted]
        self._wanted = self._searched = 0
        return message

    def _skip_empty_lines(self) -> None:
        """Drop leading empty lines; two of them are a keep-alive (a lone one may be the half of it)."""
        buffer = self._buffer
        while buffer.startswith(PING):
            del buffer[: len(PING)]
            self._pongs = min(self._pongs + 1, 8)
            self._searched = 0
        if self._awaiting and buffer.startswith(PONG):
            del buffer[: len(PONG)]
            self._searched = 0
            self._awaiting = False
            self.answered += 1
        if len(buffer) > 3 and buffer.startswith(b"\r\n"):
            del buffer[:2]
            self._searched = 0

    @staticmethod
    def _body_length(head: bytes) -> int:
        found = {bytes(value).strip(b" \t") for value in _LENGTH.findall(_FOLD.sub(b" ", head))}
        if len(found) != 1:
            what = (
                "several Content-Length headers that differ"
                if found
                else "no Content-Length, needed on a stream"
            )
            raise _refuse(head, what)
        (text,) = found
        if not (text.isdigit() and len(text) <= 12 and len(head) + int(text) <= MAX_MESSAGE):
            status = 513 if text.isdigit() else 400
            raise _refuse(
                head, f"the length {text[:20]!r} is not usable, at most {MAX_MESSAGE} bytes", status
            )
        return int(text)


class FramingError(ParseError):
    """The stream cannot be cut any further; ``complete`` holds the messages found before."""

    def __init__(self, reason: str, complete: list[bytes], cause: ParseError | None = None) -> None:
        if cause is None:
            super().__init__(reason)
        else:
            super().__init__(reason, cause.status, cause.header, cause.request)
        self.complete = complete


def _refuse(head: bytes, reason: str, status: int = 400) -> ParseError:
    """The error for a head whose body cannot be found, with the request to answer if it has one."""

    request: Request | None = None
    try:
        parsed = parse(head)
        request = parsed if isinstance(parsed, Request) and parsed.method != "ACK" else None
    except ParseError as error:
        request = error.request
    return ParseError(reason, status, "Content-Length", request)
