"""Keys in INFO requests, as phones and gateways have sent them since before there was a standard for it.

``application/dtmf-relay`` has lines ``Signal=5`` and ``Duration=160`` (milliseconds), ``application/dtmf``
the key alone. RFC 6086 calls both legacy usages: they need no Info-Package.
"""

from __future__ import annotations

import re

from hookflash.sip.errors import ParseError
from hookflash.sip.grammar import printable
from hookflash.sip.message import Message

RELAY = "application/dtmf-relay"
PLAIN = "application/dtmf"
ACCEPTED = f"{RELAY}, {PLAIN}"
"""What an INFO may carry."""

MAX_BODY = 256
"""Longest body looked at, in bytes."""

_SIGNAL = re.compile(r"^[ \t]*signal[ \t]*=[ \t]*(\S{1,2})[ \t]*$", re.IGNORECASE | re.MULTILINE)
_NUMBERED = {"10": "*", "11": "#", "12": "A", "13": "B", "14": "C", "15": "D"}
_KEYS = frozenset("0123456789*#ABCD")
_FLASH = ("!", "16")


def is_key(message: Message) -> bool:
    """Whether a message carries a key, by its type. ParseError for a malformed Content-Type."""
    kind = message.content_type
    return kind is not None and kind.essence in (RELAY, PLAIN)


def read(message: Message) -> str:
    """The key a message carries, of "0123456789*#ABCD"; "" for the hook flash. ParseError for all else."""
    if len(message.body) > MAX_BODY:
        raise ParseError(f"{len(message.body)} bytes are no key", 413)
    text = message.body.decode("ascii", "replace").replace("\r\n", "\n")
    match = _SIGNAL.search(text)
    signal = (match[1] if match else text.strip()).upper()
    if signal in _FLASH:
        return ""
    key = _NUMBERED.get(signal, signal)
    if key not in _KEYS:
        raise ParseError(f'"{printable(signal, 20)}" is no key')
    return key


def write(key: str, duration: int, kind: str = RELAY) -> bytes:
    """The body of an INFO that presses ``key``, of type ``kind``: RELAY for ``duration`` ms; PLAIN
    has no place for how long.
    """
    return f"Signal={key}\r\nDuration={duration}\r\n".encode() if kind == RELAY else key.encode()
