"""The phone's RTP endpoint: one stream each way, 20 ms packets at 8,000 Hz, RFC 4733 or in-band keys.

Simple on purpose: one phone, one call, plain Python per packet.
"""

from __future__ import annotations

import asyncio
import secrets
import struct
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pylibsrtp
from numpy.typing import NDArray

from hookflash.plane.kernels.codec import decode_alaw, decode_ulaw, encode_alaw, encode_ulaw
from hookflash.ports.clock import Clock, Timer
from hookflash.ports.plane import SrtpKeys

RATE = 8000
FRAME = 160
"""Samples in a packet: 20 ms at 8,000 Hz."""
DIGITS = "0123456789*#ABCD"
"""Keys in the order of their RFC 4733 event codes."""
CODECS = ("PCMU", "PCMA", "L16")
"""What the phone can speak."""
_PROFILES = {
    "AES_CM_128_HMAC_SHA1_80": pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    "AES_CM_128_HMAC_SHA1_32": pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_32,
    "AEAD_AES_128_GCM": pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
}
_ROWS = (697, 770, 852, 941)
_COLUMNS = (1209, 1336, 1477, 1633)
_KEYPAD = ("123A", "456B", "789C", "*0#D")
_END_PACKETS = 3
_LONGEST_RECORDING = 3600 * RATE

Samples = NDArray[np.int16]


def key_tone(digit: str, samples: int, level: float = 0.25) -> Samples:
    """The two tones of a key (ITU-T Q.23), ``level`` of full scale each."""
    row = next(i for i, keys in enumerate(_KEYPAD) if digit in keys)
    column = _KEYPAD[row].index(digit)
    t = np.arange(samples) / RATE
    wave = np.sin(2 * np.pi * _ROWS[row] * t) + np.sin(2 * np.pi * _COLUMNS[column] * t)
    return np.asarray(wave * level * 32767, np.int16)


def warm_up() -> None:
    """Load (or, the very first time, compile) the codecs, which takes a moment better spent before a call."""
    octets = np.frombuffer(bytes(2), np.uint8)
    samples, encoded = np.zeros(2, np.int16), np.zeros(2, np.uint8)
    for decode, encode in ((decode_ulaw, encode_ulaw), (decode_alaw, encode_alaw)):
        decode(octets, samples)
        encode(samples, encoded)


@dataclass(frozen=True, slots=True)
class Peer:
    """Where audio goes and how; ``event_payload_type`` -1 means that keys go in band.

    ``receive_`` payload types are those of what comes, -1: the same. ``srtp`` None is plain RTP.
    """

    host: str
    port: int
    codec: str
    payload_type: int
    event_payload_type: int
    receive_payload_type: int = -1
    receive_event_payload_type: int = -1
    srtp: SrtpKeys | None = None


def encode(samples: Samples, codec: str) -> bytes:
    """Samples as the payload of a packet."""
    if codec == "L16":
        return samples.astype(">i2").tobytes()
    out = np.empty(len(samples), np.uint8)
    (encode_alaw if codec == "PCMA" else encode_ulaw)(samples, out)
    return out.tobytes()


def decode(payload: bytes, codec: str) -> Samples:
    """The samples of a payload."""
    if codec == "L16":
        return np.frombuffer(payload[: len(payload) // 2 * 2], ">i2").astype(np.int16)
    samples = np.empty(len(payload), np.int16)
    (decode_alaw if codec == "PCMA" else decode_ulaw)(np.frombuffer(payload, np.uint8), samples)
    return samples


def _session(suite: str, key: bytes, *, inbound: bool) -> pylibsrtp.Session:
    kind = pylibsrtp.Policy.SSRC_ANY_INBOUND if inbound else pylibsrtp.Policy.SSRC_ANY_OUTBOUND
    policy = pylibsrtp.Policy(key=key, ssrc_type=kind, srtp_profile=_PROFILES[suite])
    return pylibsrtp.Session(policy)


@dataclass(slots=True)
class _Key:
    """A key being sent as RFC 4733: packets left, its start timestamp, whether the end has begun."""

    code: int
    packets: int
    start: int
    duration: int = 0
    ends: int = 0


class RtpEndpoint(asyncio.DatagramProtocol):
    """Sends a packet every 20 ms while connected, records what comes in.

    Args:
        clock: paces the packets.
        on_digit: called with each key received by RFC 4733, once a key.
    """

    def __init__(self, clock: Clock, on_digit: Callable[[str], None]) -> None:
        self._clock = clock
        self._on_digit = on_digit
        self._transport: asyncio.DatagramTransport | None = None
        self._peer: Peer | None = None
        self._timer: Timer | None = None
        self._due = 0.0
        self._sequence = secrets.randbelow(1 << 16)
        self._timestamp = secrets.randbelow(1 << 32)
        self._ssrc = secrets.randbelow(1 << 32)
        self._speech: deque[Samples] = deque()
        self._keys: deque[tuple[str, int, int]] = deque()
        self._key: _Key | None = None
        self._pause = 0
        self._last_event = -1
        self._received: list[tuple[int, Samples]] = []
        self._first = 0
        self._source: int | None = None
        self._keys_in_use: SrtpKeys | None = None
        self._protect: pylibsrtp.Session | None = None
        self._unprotect: pylibsrtp.Session | None = None
        self.inband = False

    # --- life -------------------------------------------------------------------------------------------

    async def open(self, host: str) -> int:
        """Bind to a free port of ``host``; returns the port."""
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(host, 0))
        self._transport = transport
        port: int = transport.get_extra_info("sockname")[1]
        return port

    def connect(self, peer: Peer) -> None:
        """Start, or go on, sending to ``peer``."""
        self._peer = peer
        self._secure(peer.srtp)
        if self._timer is None:
            self._due = self._clock.now()
            self._tick()

    def _secure(self, keys: SrtpKeys | None) -> None:
        """Begin to encrypt anew only with a key that is new: packet numbers go on with the old one."""
        former, self._keys_in_use = self._keys_in_use, keys
        if keys is None:
            self._protect = self._unprotect = None
            return
        suite = former.suite if former is not None else ""
        if former is None or (suite, former.send_key) != (keys.suite, keys.send_key):
            self._protect = _session(keys.suite, keys.send_key, inbound=False)
        if former is None or (suite, former.receive_key) != (keys.suite, keys.receive_key):
            self._unprotect = _session(keys.suite, keys.receive_key, inbound=True)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._peer = None
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    # --- what the phone's owner does --------------------------------------------------------------------

    def say(self, samples: Samples) -> None:
        """Queue audio (int16 mono 8,000 Hz) to be sent."""
        self._speech.append(samples)

    def press(self, digits: str, tone_ms: int = 120, gap_ms: int = 80) -> None:
        """Queue keys.

        Raises:
            ValueError: for a character that is no key.
        """
        for digit in digits.upper():
            if digit not in DIGITS:
                raise ValueError(f"{digit!r} is not a key; keys are {DIGITS}")
            self._keys.append((digit, max(1, tone_ms // 20), max(1, gap_ms // 20)))

    @property
    def peer(self) -> Peer | None:
        """Where audio goes now."""
        return self._peer

    @property
    def busy(self) -> bool:
        """Whether keys or audio are still to be sent."""
        return bool(self._keys or self._speech or self._key or self._pause)

    @property
    def heard(self) -> Samples:
        """Everything received so far, by RTP timestamp; silence where packets are missing."""
        if not self._received:
            return np.zeros(0, np.int16)
        last_offset, last = max(self._received, key=lambda item: item[0])
        out = np.zeros(last_offset + len(last), np.int16)
        for offset, samples in self._received:
            out[offset : offset + len(samples)] = samples
        return out

    # --- sending ----------------------------------------------------------------------------------------

    def _tick(self) -> None:
        self._send_frame()
        self._due += 0.02
        self._timer = self._clock.call_at(self._due, self._tick)

    def _send_frame(self) -> None:
        peer = self._peer
        if peer is None or self._transport is None:
            return
        if self._key is None and self._pause == 0 and self._keys:
            self._begin_key(*self._keys.popleft(), peer)
        if self._key is not None:
            self._send_event(self._key, peer)
        else:
            self._pause = max(0, self._pause - 1)
            self._send(peer.payload_type, self._timestamp, False, encode(self._next_speech(), peer.codec))
        self._timestamp = (self._timestamp + FRAME) & 0xFFFFFFFF

    def _begin_key(self, digit: str, packets: int, gap: int, peer: Peer) -> None:
        self._pause = gap
        if self.inband or peer.event_payload_type < 0:
            self._speech.appendleft(np.zeros(gap * FRAME, np.int16))
            self._speech.appendleft(key_tone(digit, packets * FRAME))
            self._pause = packets + gap
        else:
            self._key = _Key(DIGITS.index(digit), packets, self._timestamp)

    def _send_event(self, key: _Key, peer: Peer) -> None:
        first = key.duration == 0
        if key.packets:
            key.packets -= 1
            key.duration += FRAME
        done = key.packets == 0
        for _ in range(_END_PACKETS if done else 1):
            payload = struct.pack("!BBH", key.code, (0x80 if done else 0) | 10, key.duration)
            self._send(peer.event_payload_type, key.start, first, payload)
            first = False
        if done:
            self._key = None

    def _next_speech(self) -> Samples:
        out = np.zeros(FRAME, np.int16)
        filled = 0
        while filled < FRAME and self._speech:
            head = self._speech.popleft()
            take = min(FRAME - filled, len(head))
            out[filled : filled + take] = head[:take]
            filled += take
            if take < len(head):
                self._speech.appendleft(head[take:])
        return out

    def _send(self, payload_type: int, timestamp: int, marker: bool, payload: bytes) -> None:
        assert self._transport is not None
        assert self._peer is not None
        self._sequence = (self._sequence + 1) & 0xFFFF
        header = struct.pack(
            "!BBHII", 0x80, (0x80 if marker else 0) | payload_type, self._sequence, timestamp, self._ssrc
        )
        packet = header + payload
        if self._protect is not None:
            packet = self._protect.protect(packet)
        self._transport.sendto(packet, (self._peer.host, self._peer.port))

    # --- receiving --------------------------------------------------------------------------------------

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if len(data) < 12 or data[0] >> 6 != 2 or self._peer is None:
            return
        if self._unprotect is not None:
            try:
                data = self._unprotect.unprotect(data)
            except pylibsrtp.Error:
                return
        payload_type, timestamp = data[1] & 0x7F, int.from_bytes(data[4:8], "big")
        payload = data[12 + 4 * (data[0] & 15) :]
        audio, event = self._expected(self._peer)
        codec = self._peer.codec if payload_type == audio else {0: "PCMU", 8: "PCMA"}.get(payload_type)
        if payload_type == event:
            self._receive_event(timestamp, payload)
        elif codec is not None and payload:
            self._receive_audio(int.from_bytes(data[8:12], "big"), timestamp, decode(payload, codec))

    @staticmethod
    def _expected(peer: Peer) -> tuple[int, int]:
        """Payload types of audio and keys as they come."""
        audio, event = peer.receive_payload_type, peer.receive_event_payload_type
        return (
            peer.payload_type if audio < 0 else audio,
            peer.event_payload_type if event < 0 else event,
        )

    def _receive_event(self, timestamp: int, payload: bytes) -> None:
        if len(payload) >= 4 and payload[0] < len(DIGITS) and timestamp != self._last_event:
            self._last_event = timestamp
            self._on_digit(DIGITS[payload[0]])

    def _receive_audio(self, source: int, timestamp: int, samples: Samples) -> None:
        if source != self._source:
            # Another source has its own clock (RFC 3550 section 5.1): it goes on where the last one ended.
            self._source = source
            self._first = (timestamp - len(self.heard)) & 0xFFFFFFFF
        offset = (timestamp - self._first) & 0xFFFFFFFF
        if offset < _LONGEST_RECORDING:
            self._received.append((offset, samples))
