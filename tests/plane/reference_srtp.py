"""SRTP as its standards spell it (RFC 3711, RFC 7714, FIPS 197), in plain and slow Python."""

from __future__ import annotations

import hashlib
import hmac
import struct
from functools import cache


def _multiply(a: int, b: int) -> int:
    """In GF(2**8) of FIPS 197."""
    product = 0
    while b:
        product ^= a if b & 1 else 0
        a = (a << 1) ^ (0x11B if a & 0x80 else 0)
        b >>= 1
    return product


def _box() -> list[int]:
    box = []
    for value in range(256):
        inverse = next((x for x in range(256) if _multiply(value, x) == 1), 0)
        turned = inverse
        for shift in range(1, 5):
            turned ^= (inverse << shift | inverse >> (8 - shift)) & 0xFF
        box.append(turned ^ 0x63)
    return box


BOX = _box()
DOUBLE = [_multiply(x, 2) for x in range(256)]


@cache
def _round_keys(key: bytes) -> list[bytes]:
    words = [key[i : i + 4] for i in range(0, 16, 4)]
    constant = 1
    for i in range(4, 44):
        word = words[-1]
        if i % 4 == 0:
            word = bytes(BOX[b] for b in word[1:] + word[:1])
            word = bytes([word[0] ^ constant]) + word[1:]
            constant = _multiply(constant, 2)
        words.append(bytes(a ^ b for a, b in zip(words[-4], word, strict=True)))
    return [b"".join(words[i : i + 4]) for i in range(0, 44, 4)]


def aes(key: bytes, block: bytes) -> bytes:
    """One block with AES-128."""
    keys = _round_keys(key)
    state = [a ^ b for a, b in zip(block, keys[0], strict=True)]
    for number, round_key in enumerate(keys[1:], 1):
        state = [BOX[state[(i + 4 * (i % 4)) % 16]] for i in range(16)]
        if number < 10:
            mixed = []
            for c in range(0, 16, 4):
                column = state[c : c + 4]
                everything = column[0] ^ column[1] ^ column[2] ^ column[3]
                mixed += [column[i] ^ everything ^ DOUBLE[column[i] ^ column[(i + 1) % 4]] for i in range(4)]
            state = mixed
        state = [a ^ b for a, b in zip(state, round_key, strict=True)]
    return bytes(state)


def stream(key: bytes, counter: int, size: int) -> bytes:
    """Counter mode from ``counter`` on."""
    blocks = (aes(key, ((counter + i) % 2**128).to_bytes(16, "big")) for i in range(-(-size // 16)))
    return b"".join(blocks)[:size]


def xor(a: bytes, b: bytes) -> bytes:
    return bytes(x ^ y for x, y in zip(a, b, strict=True))


def derive(master: bytes, salt: bytes, label: int, size: int) -> bytes:
    """Session keys (RFC 3711 section 4.3.1)."""
    x = int.from_bytes(salt.ljust(14, b"\0"), "big") ^ (label << 48)
    return stream(master, x << 16, size)


def _gcm(key: bytes, nonce: bytes, plain: bytes, aad: bytes) -> bytes:
    """Ciphertext and tag (NIST SP 800-38D)."""
    first = int.from_bytes(nonce + b"\0\0\0\1", "big")
    sealed = xor(plain, stream(key, first + 1, len(plain)))
    h = int.from_bytes(aes(key, bytes(16)), "big")
    y = 0
    data = aad + bytes(-len(aad) % 16) + sealed + bytes(-len(sealed) % 16)
    data += struct.pack("!QQ", 8 * len(aad), 8 * len(sealed))
    for at in range(0, len(data), 16):
        v, x, y = h, y ^ int.from_bytes(data[at : at + 16], "big"), 0
        for bit in range(127, -1, -1):
            y ^= v if x >> bit & 1 else 0
            v = v >> 1 ^ (0xE1 << 120 if v & 1 else 0)
    return sealed + xor(y.to_bytes(16, "big"), stream(key, first, 16))


class Peer:
    """Protects what a peer sends: one SSRC, its rollover counter given with every packet."""

    def __init__(self, suite: str, key: bytes) -> None:
        self.suite = suite
        master, salt = key[:16], key[16:]
        self.cipher, self.salt = derive(master, salt, 0, 16), derive(master, salt, 2, len(salt))
        self.auth = derive(master, salt, 1, 20)
        self.control_cipher, self.control_salt = (
            derive(master, salt, 3, 16),
            derive(master, salt, 5, len(salt)),
        )
        self.control_auth = derive(master, salt, 4, 20)

    def protect(self, packet: bytes, rollover: int) -> bytes:
        """A packet without CSRCs and extension, after so many wraps of its sequence number."""
        head, payload = packet[:12], packet[12:]
        ssrc, index = head[8:12], struct.pack("!I", rollover) + head[2:4]
        if self.suite.startswith("AEAD"):
            return head + _gcm(self.cipher, xor(self.salt, b"\0\0" + ssrc + index), payload, head)
        return (
            head
            + self._counter_mode(self.cipher, self.salt, ssrc, index, payload)
            + self._tag(self.auth, head, ssrc, index, payload, rollover)
        )

    def _counter_mode(self, key: bytes, salt: bytes, ssrc: bytes, index: bytes, payload: bytes) -> bytes:
        iv = int.from_bytes(salt, "big") << 16
        iv ^= int.from_bytes(ssrc, "big") << 64 ^ int.from_bytes(index, "big") << 16
        return xor(payload, stream(key, iv, len(payload)))

    def _tag(
        self, key: bytes, head: bytes, ssrc: bytes, index: bytes, payload: bytes, rollover: int
    ) -> bytes:
        sealed = head + self._counter_mode(self.cipher, self.salt, ssrc, index, payload)
        size = 4 if self.suite.endswith("_32") else 10
        return hmac.new(key, sealed + struct.pack("!I", rollover), hashlib.sha1).digest()[:size]

    def protect_control(self, packet: bytes, number: int) -> bytes:
        """SRTCP, encrypted, with the index ``number`` (RFC 3711 section 3.4; RFC 7714 section 9)."""
        head, rest = packet[:8], packet[8:]
        ssrc, index = packet[4:8], struct.pack("!I", number | 1 << 31)
        counter = struct.pack("!HI", 0, number)
        if self.suite.startswith("AEAD"):
            nonce = xor(self.control_salt, b"\0\0" + ssrc + counter)
            return head + _gcm(self.control_cipher, nonce, rest, head + index) + index
        sealed = (
            head + self._counter_mode(self.control_cipher, self.control_salt, ssrc, counter, rest) + index
        )
        return sealed + hmac.new(self.control_auth, sealed, hashlib.sha1).digest()[:10]
