"""Keys of SRTP in session descriptions (SDES, RFC 4568; AEAD by RFC 7714).

A line is passed over, as the specification wants it, when we could not do what it says: other suites, more
than one key, a master key identifier, session parameters that change what is on the wire, keys to be used for
so few packets that they had to be changed in the middle of a call.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from hookflash.sip.sdp import MediaDescription

SUITES = {
    "AES_CM_128_HMAC_SHA1_80": 30,
    "AEAD_AES_128_GCM": 28,
    "AES_CM_128_HMAC_SHA1_32": 30,
}
"""What we do, and the octets of master key and salt together, in the order we offer.

First the one that every peer has, as some look at no other line; last the one with the short tag.
"""
LEAST_LIFETIME = 1 << 20
"""Packets a key has to be good for: nearly six hours of 20 ms packets. We do not change keys in a call."""
MAX_LIFETIME = 1 << 48
MAX_LINES = 16
"""Lines of a media line that are looked at."""

_LINE = re.compile(
    r"([0-9]{1,9})[ \t]+([A-Za-z0-9_]{1,64})[ \t]+inline:([^ \t]{1,128})(?:[ \t]+(.{1,256}))?", re.I
)
_LIFETIME = re.compile(r"2\^([0-9]{1,2})|([0-9]{1,15})")
_WINDOW = re.compile(r"WSH=[0-9]{2,4}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Crypto:
    """One a=crypto line that we can use; ``key`` is master key and salt."""

    tag: int
    suite: str
    key: bytes = field(repr=False)

    def __str__(self) -> str:
        """The value of the attribute."""
        return f"{self.tag} {self.suite} inline:{base64.b64encode(self.key).decode()}"


def parse(value: str) -> Crypto | None:
    """One value; None when it is malformed or asks for something we do not do."""
    match = _LINE.fullmatch(value)
    if match is None:
        return None
    suite = match[2].upper()
    size = SUITES.get(suite)
    if size is None or ";" in match[3]:
        return None
    text, *rest = match[3].split("|")
    # "inline:key|lifetime|MKI:length": the lifetime may be left out, the identifier has a colon.
    if len(rest) > 1 or (rest and not _lives(rest[0])) or not _may_ignore(match[4] or ""):
        return None
    key = _decoded(text)
    if key is None or len(key) != size:
        return None
    return Crypto(int(match[1]), suite, key)


def lines(media: MediaDescription) -> list[Crypto]:
    """The usable lines in their order; of lines with one tag the first counts."""
    values = [value for name, value in media.attributes if name == "crypto" and value is not None]
    found: dict[int, Crypto] = {}
    for value in values[:MAX_LINES]:
        one = parse(value)
        if one is not None:
            found.setdefault(one.tag, one)
    return list(found.values())


def are_given(media: MediaDescription) -> bool:
    """Whether there are any lines, usable or not."""
    return media.attribute("crypto") is not None


def preferred(suite: str | None) -> Sequence[str]:
    """Our suites, the one in use first."""
    return sorted(SUITES, key=lambda one: one != suite)


def _lives(text: str) -> bool:
    match = _LIFETIME.fullmatch(text)
    if match is None:
        return False
    packets = 1 << int(match[1]) if match[1] else int(match[2])
    return LEAST_LIFETIME <= packets <= MAX_LIFETIME


def _may_ignore(parameters: str) -> bool:
    """Whether session parameters are hints: a replay window, or marked as such by "-" (section 6.3.7)."""
    return all(one.startswith("-") or _WINDOW.fullmatch(one) for one in parameters.split())


def _decoded(text: str) -> bytes | None:
    bare = text.rstrip("=")
    if len(text) - len(bare) > 2:
        return None
    try:
        # Some leave the padding out.
        return base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
