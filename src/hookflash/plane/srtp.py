"""SRTP of one leg (RFC 3711, RFC 7714) with keys from SDES (RFC 4568), through libsrtp.

libsrtp is called by pylibsrtp's own C interface rather than by its ``Session.protect``: that one takes and
makes ``bytes``, which costs as much again as the cryptography. Here packets are changed where they lie, and
:func:`unprotect_all` and :func:`protect_all` walk many legs inside C.

Every *sending* context has an SSRC of its own, because a key stream is used twice when a context begins anew
with the same key, SSRC and index. It also settles what RFC 3711 leaves to habit: whether the rollover counter
goes on or begins at 0 when keys change. Of peers that keep their SSRC both readings are understood.

The bindings tell nothing of the counter and can not set it. So where a peer's goes on in a new context of
ours, because the key has changed or the leg has come from another worker, that context is walked there.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any

import pylibsrtp
from pylibsrtp import Policy
from pylibsrtp._binding import ffi, lib

from hookflash.ports.plane import SrtpKeys, SrtpSource

# The bindings have no types.
_ffi: Any = ffi
_lib: Any = lib

SUITES: dict[str, tuple[int, int, int]] = {
    "AES_CM_128_HMAC_SHA1_80": (Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 30, 10),
    "AES_CM_128_HMAC_SHA1_32": (Policy.SRTP_PROFILE_AES128_CM_SHA1_32, 30, 10),
    "AEAD_AES_128_GCM": (Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 28, 16),
}
"""By name in SDP: libsrtp's profile, octets of master key and salt, octets of the longest tag it adds."""
WINDOW = 128
"""Packets behind the newest that may still come, once each (RFC 3711 section 3.3.2 asks for 64)."""
MAX_SOURCES = 16
"""SSRCs a peer may use with one key; each costs memory."""
MAX_ROLLOVER = 512
"""Rollovers a peer may have had before it changed its key: 7 days at 50 packets a second."""
ROLLOVER_ATTEMPTS = 8
"""Packets of the known source that are tried with a counter that went on; each costs some 100 us."""
TRAILER = 4 + 16
"""Octets protection can add: the SRTCP index and the longest tag."""
_STEP = 0x7000
_BEHIND = 0x3000


def _context(suite: str, key: bytes, *, inbound: bool) -> tuple[Any, pylibsrtp.Session]:
    """A libsrtp context for any SSRC; the second of the pair keeps it alive."""
    policy = Policy(
        key=key,
        ssrc_type=Policy.SSRC_ANY_INBOUND if inbound else Policy.SSRC_ANY_OUTBOUND,
        srtp_profile=SUITES[suite][0],
    )
    policy.window_size = WINDOW
    session = pylibsrtp.Session(policy)
    owner: Any = session
    return owner._srtp[0], session


def check_keys(keys: SrtpKeys) -> None:
    """Raise :class:`ValueError`, without the keys, for an unknown suite or keys of the wrong size."""
    if keys.suite not in SUITES:
        raise ValueError(f"SRTP suite {keys.suite!r} is none of {', '.join(SUITES)}")
    expected = SUITES[keys.suite][1]
    for name, key in (("send", keys.send_key), ("receive", keys.receive_key)):
        if len(key) != expected:
            raise ValueError(
                f"the {name} key of {keys.suite} has {len(key)} octets: key and salt together are {expected}"
            )


def _copy(data: bytes | memoryview) -> tuple[Any, Any]:
    """A packet and its length where libsrtp may change them."""
    octets = _ffi.new("unsigned char[]", len(data) + TRAILER)
    octets[0 : len(data)] = bytes(data)
    return octets, _ffi.new("int *", len(data))


class Sender:
    """One direction: protects what we send. One SSRC, whose sequence numbers must begin below 2**15."""

    __slots__ = ("_session", "context")

    def __init__(self, suite: str, key: bytes) -> None:
        self.context, self._session = _context(suite, key, inbound=False)

    def control(self, packet: bytes) -> bytes | None:
        """An RTCP packet as SRTCP; None when that failed."""
        octets, length = _copy(packet)
        if _lib.srtp_protect_rtcp(self.context, octets, length):
            return None
        return bytes(_ffi.buffer(octets, length[0]))


class Receiver:
    """One direction: verifies and decrypts what the peer sends.

    Args:
        suite: name in SDP.
        key: master key and salt.
        begun: how far the peer's stream had come when it changed to this key, or when the leg came here: the
            counter may have begun at 0 again or not. None: it begins now.

    Attributes:
        begun: the same.
        fresh: nothing but SRTCP, which has indices of its own, has been authenticated yet.
        newest: index (48 bits, RFC 3711 section 3.3.1) of the newest packet of each SSRC that is not the one
            heard just now.
    """

    __slots__ = ("_attempts", "_key", "_session", "_sources", "_suite", "begun", "context", "fresh", "newest")

    def __init__(self, suite: str, key: bytes, begun: SrtpSource | None = None) -> None:
        self._suite, self._key, self.begun = suite, key, begun
        self.fresh = True
        self.newest: dict[int, int] = {}
        self._sources: set[bytes] = set()
        self._attempts = ROLLOVER_ATTEMPTS
        self.context, self._session = _context(suite, key, inbound=True)

    def known(self, source: bytes, *, control: bool = False) -> bool:
        """Whether packets of ``source`` (the SSRC, 4 octets) may be taken; call it for authenticated ones."""
        self.fresh = self.fresh and control
        if source in self._sources:
            return True
        if len(self._sources) >= MAX_SOURCES:
            # libsrtp takes an SSRC as it lies in memory.
            _lib.srtp_remove_stream(self.context, int.from_bytes(source, sys.byteorder))
            return False
        self._sources.add(source)
        return True

    def try_rollover(self, packet: bytes) -> bool:
        """Whether the counter went on when the key changed, as ``packet`` shows; from then on it has.

        The packet is as it came: a context that fails may have decrypted it in place.
        """
        begun = self.begun
        if not self._attempts or begun is None or not self.fresh or len(packet) < 12:
            return False
        source = int.from_bytes(packet[8:12], "big")
        if begun.ssrc not in (source, -1):
            return False
        self._attempts -= 1
        # It was noted a while ago, and may have rolled over since.
        first = min(begun.rollover, MAX_ROLLOVER)
        for rollover in range(max(first, 1), first + 2):
            context, _session = _advanced(self._suite, self._key, packet, rollover)
            octets, length = _copy(packet)
            if _lib.srtp_unprotect(context, octets, length) == 0:
                # The packet itself is still to be taken: by a context that has not seen it.
                self.context, self._session = _advanced(self._suite, self._key, packet, rollover)
                self.newest[source] = (rollover << 16) + int.from_bytes(packet[2:4], "big")
                return True
        return False

    def control(self, packet: bytes) -> bytes | None:
        """SRTCP as RTCP; None when it is not authentic or was seen before."""
        octets, length = _copy(packet)
        if _lib.srtp_unprotect_rtcp(self.context, octets, length):
            return None
        return bytes(_ffi.buffer(octets, length[0])) if self.known(packet[4:8], control=True) else None


def _advanced(suite: str, key: bytes, packet: bytes, rollover: int) -> tuple[Any, pylibsrtp.Session]:
    """A receiving context whose counter for the source of ``packet`` has rolled over ``rollover`` > 0 times.

    It is walked there with packets of our own, each less than half the number space behind the next.
    """
    context, session = _context(suite, key, inbound=True)
    sender, _owner = _context(suite, key, inbound=False)
    last = (rollover << 16) + int.from_bytes(packet[2:4], "big") - _BEHIND
    for index in (*range(0, last, _STEP), last):
        octets, length = _copy(b"\x80\x00" + (index & 0xFFFF).to_bytes(2, "big") + bytes(4) + packet[8:12])
        _lib.srtp_protect(sender, octets, length)
        _lib.srtp_unprotect(context, octets, length)
    return context, session


def unprotect_all(contexts: Sequence[Any], octets: Sequence[Any], lengths: Sequence[Any]) -> list[int]:
    """Unprotect a packet of each context in place; 0 for each that was authentic and new."""
    return list(map(_lib.srtp_unprotect, contexts, octets, lengths))


def protect_all(contexts: Iterable[Any], octets: Iterable[Any], lengths: Iterable[Any]) -> list[int]:
    """Protect a packet of each context in place; 0 for each that was done."""
    return list(map(_lib.srtp_protect, contexts, octets, lengths))


def pointer(kind: str, address: int) -> Any:
    """An address as libsrtp takes it; ``kind`` is "int *" or "unsigned char *"."""
    return _ffi.cast(kind, address)
