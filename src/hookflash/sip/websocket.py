"""SIP over WebSockets (RFC 7118 over RFC 6455), the server's end: bytes in, messages out.

Every SIP message is one message of the WebSocket, in as many frames as the client likes.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from enum import IntEnum

from hookflash.sip.grammar import MAX_MESSAGE, printable

MAX_HANDSHAKE = 8192
"""Longest request for a WebSocket, in bytes."""
MAX_FRAMES = 64
"""Frames of one message at most: each may be empty."""
MAX_CONTROLS = 32
"""Pings and messages without a word that one read may bring; more are a flood."""

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*)")
_KEEP_ALIVE = b"\r\n\r\n"


class Opcode(IntEnum):
    """Kinds of frames."""

    CONTINUATION = 0
    TEXT = 1
    BINARY = 2
    CLOSE = 8
    PING = 9
    PONG = 10


class CloseCode(IntEnum):
    """Why a WebSocket is closed (RFC 6455 section 7.4.1)."""

    NORMAL = 1000
    PROTOCOL_ERROR = 1002
    BAD_DATA = 1007
    TOO_BIG = 1009


class _Refused(Exception):
    def __init__(self, status: str, *headers: str, why: str = "") -> None:
        super().__init__(why or status)
        self.answer = "\r\n".join([f"HTTP/1.1 {status}", *headers, "Connection: close", "Content-Length: 0"])


class _Violation(Exception):
    def __init__(self, code: CloseCode) -> None:
        super().__init__(code.name.replace("_", " ").lower())
        self.code = code


class WebSocketFramer:
    """One connection: the handshake, then frames. Implements the framer of a connection of the transports.

    ``origins`` are those whose pages may connect ("https://phone.example.org"); all when empty, and whoever
    is no browser has none.
    """

    def __init__(self, origins: Sequence[str] = ()) -> None:
        self._origins = frozenset(origin.lower().rstrip("/") for origin in origins)
        self._buffer = bytearray()
        self._open = False
        self._closed = False
        self._owed = bytearray()
        self._message = bytearray()
        self._kind: Opcode | None = None
        self._frames = 0
        self._controls = 0
        self.fault = ""
        """What the peer has done wrong, so that it is sent away."""
        self.answered = 0
        """Pings of ours that were answered."""

    @property
    def owing(self) -> bool:
        """Whether a handshake, a frame or a message has begun and is not complete."""
        return bool(self._buffer) or self._kind is not None or not self._open

    @property
    def closing(self) -> bool:
        """Whether the connection is to be closed once what is owed is written."""
        return self._closed

    def feed(self, data: bytes) -> list[bytes]:
        """Take received bytes; returns the SIP messages they complete. What is wrong is said to the peer in
        :meth:`take_pongs`, and :attr:`closing` is true then.
        """
        messages: list[bytes] = []
        if self._closed:
            return messages
        self._buffer += data
        self._controls = 0
        try:
            if not self._open and not self._shake_hands():
                return messages
            while (message := self._next()) is not None:
                if message:
                    messages.append(message)
        except _Refused as refusal:
            self.fault = f"its handshake is refused: {refusal}"
            self._owed += refusal.answer.encode() + b"\r\n\r\n"
            self._end()
        except _Violation as violation:
            self.fault = f"its frames are none of a WebSocket as it should be: {violation}"
            self._owed += _frame(Opcode.CLOSE, violation.code.to_bytes(2, "big"))
            self._end()
        return messages

    def take_pongs(self) -> bytes:
        """What is owed to the peer by itself: the handshake, pongs, a farewell."""
        owed = bytes(self._owed)
        self._owed.clear()
        return owed

    def wrap(self, message: bytes) -> bytes:
        """A SIP message as a frame: text, or binary when it is not UTF-8."""
        return _frame(Opcode.TEXT if _is_text(message) else Opcode.BINARY, message)

    def ping(self) -> bytes:
        """A keep-alive of ours."""
        return _frame(Opcode.PING, b"")

    def _end(self) -> None:
        self._closed = True
        self._buffer.clear()
        self._message.clear()
        self._kind = None

    # --- handshake --------------------------------------------------------------------------------------

    def _shake_hands(self) -> bool:
        """Answer the request once it is whole; False until then."""
        end = self._buffer.find(b"\r\n\r\n")
        if end > MAX_HANDSHAKE or (end < 0 and len(self._buffer) > MAX_HANDSHAKE):
            raise _Refused("431 Request Header Fields Too Large")
        if end < 0:
            return False
        lines = self._buffer[:end].decode("latin-1").split("\r\n")
        del self._buffer[: end + 4]
        accept = self._accept(lines[0], _fields(lines[1:]))
        answer = [
            "HTTP/1.1 101 Switching Protocols",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Accept: {accept}",
            "Sec-WebSocket-Protocol: sip",
        ]
        self._owed += "\r\n".join([*answer, "", ""]).encode()
        self._open = True
        return True

    def _accept(self, start: str, fields: dict[str, str]) -> str:
        """The answer to the client's key (RFC 6455 section 4.2.2)."""
        method, version = start.partition(" ")[0], start.rpartition(" ")[2]
        if method != "GET" or version != "HTTP/1.1" or "host" not in fields:
            raise _Refused("400 Bad Request")
        if "websocket" not in _words(fields, "upgrade") or "upgrade" not in _words(fields, "connection"):
            raise _Refused("426 Upgrade Required", "Upgrade: websocket")
        if fields.get("sec-websocket-version") != "13":
            raise _Refused("426 Upgrade Required", "Sec-WebSocket-Version: 13")
        if "sip" not in _words(fields, "sec-websocket-protocol"):
            raise _Refused("400 Bad Request: the sub-protocol is sip")
        origin = fields.get("origin")
        if self._origins and origin is not None and origin.lower().rstrip("/") not in self._origins:
            raise _Refused(
                "403 Forbidden", why=f'the origin "{printable(origin)}" is not one of those that may'
            )
        key = fields.get("sec-websocket-key", "")
        try:
            if len(base64.b64decode(key, validate=True)) != 16:
                raise _Refused("400 Bad Request")
        except (binascii.Error, ValueError):
            raise _Refused("400 Bad Request") from None
        digest = hashlib.sha1(key.encode() + _GUID, usedforsecurity=False).digest()
        return base64.b64encode(digest).decode()

    # --- frames -----------------------------------------------------------------------------------------

    def _next(self) -> bytes | None:
        """Take one frame: the message it completes, b"" for none, None when it is not whole yet."""
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        final, kind = bool(buffer[0] & 0x80), buffer[0] & 0x0F
        length, start = buffer[1] & 0x7F, 2
        control = kind >= Opcode.CLOSE
        # Nothing was negotiated that the reserved bits could mean; clients mask, always.
        if buffer[0] & 0x70 or not buffer[1] & 0x80 or kind not in Opcode._value2member_map_:
            raise _Violation(CloseCode.PROTOCOL_ERROR)
        if control and (length > 125 or not final):
            raise _Violation(CloseCode.PROTOCOL_ERROR)
        if length > 125:
            start = 4 if length == 126 else 10
            if len(buffer) < start:
                return None
            length = int.from_bytes(buffer[2:start], "big")
        if not control and length + len(self._message) > MAX_MESSAGE:
            raise _Violation(CloseCode.TOO_BIG)
        if len(buffer) < start + 4 + length:
            return None
        payload = _unmask(bytes(buffer[start + 4 : start + 4 + length]), bytes(buffer[start : start + 4]))
        del buffer[: start + 4 + length]
        if control:
            self._control(Opcode(kind), payload)
            return None if self._closed else b""
        return self._data(Opcode(kind), payload, final)

    def _control(self, kind: Opcode, payload: bytes) -> None:
        self._counted()
        if kind is Opcode.PING:
            self._owed += _frame(Opcode.PONG, payload)
        elif kind is Opcode.PONG:
            self.answered += 1
        else:
            code = payload[:2] if len(payload) >= 2 else CloseCode.NORMAL.to_bytes(2, "big")
            self._owed += _frame(Opcode.CLOSE, code)
            self._end()

    def _data(self, kind: Opcode, payload: bytes, final: bool) -> bytes:
        if (kind is Opcode.CONTINUATION) != (self._kind is not None):
            raise _Violation(CloseCode.PROTOCOL_ERROR)
        if kind is not Opcode.CONTINUATION:
            self._kind, self._frames = kind, 0
        self._frames += 1
        if self._frames > MAX_FRAMES:
            raise _Violation(CloseCode.PROTOCOL_ERROR)
        self._message += payload
        if not final:
            return b""
        message, text = bytes(self._message), self._kind is Opcode.TEXT
        self._message.clear()
        self._kind = None
        if text and not _is_text(message):
            raise _Violation(CloseCode.BAD_DATA)
        if message.strip(b"\r\n"):
            return message
        self._counted()
        if message == _KEEP_ALIVE:
            self._owed += _frame(Opcode.TEXT, b"\r\n")
        return b""

    def _counted(self) -> None:
        """One more thing that is no message of SIP."""
        self._controls += 1
        if self._controls > MAX_CONTROLS:
            raise _Violation(CloseCode.PROTOCOL_ERROR)


def _fields(lines: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in lines:
        match = _HEADER.fullmatch(line)
        if match is None:
            raise _Refused("400 Bad Request")
        name, value = match[1].lower(), match[2].rstrip(" \t")
        # Lists may stand in several lines; a second host or key is a trick.
        if name in found and name not in ("connection", "upgrade", "sec-websocket-protocol"):
            if name.startswith("sec-websocket-") or name in ("host", "origin"):
                raise _Refused("400 Bad Request")
            continue
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def _words(fields: dict[str, str], name: str) -> list[str]:
    return [word.strip(" \t").lower() for word in fields.get(name, "").split(",")]


def _is_text(message: bytes) -> bool:
    try:
        message.decode()
    except UnicodeDecodeError:
        return False
    return True


def _unmask(payload: bytes, key: bytes) -> bytes:
    if not payload:
        return b""
    stream = (key * (len(payload) // 4 + 1))[: len(payload)]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(stream, "big")).to_bytes(len(payload), "big")


def _frame(kind: Opcode, payload: bytes) -> bytes:
    """One whole frame of a server, which does not mask."""
    length = len(payload)
    if length < 126:
        size = bytes([length])
    elif length < 65_536:
        size = b"\x7e" + length.to_bytes(2, "big")
    else:
        size = b"\x7f" + length.to_bytes(8, "big")
    return bytes([0x80 | kind]) + size + payload
