"""What the phone has heard, put together from RTP."""

from __future__ import annotations

import struct

import numpy as np

from hookflash.ports.plane import SrtpKeys
from hookflash.softphone.audio import Peer, RtpEndpoint
from hookflash.testing.clock import VirtualClock

LOUD, QUIET = b"\x00" * 160, b"\xff" * 160


def packet(source: int, timestamp: int, payload: bytes) -> bytes:
    return struct.pack("!BBHII", 0x80, 0, 0, timestamp & 0xFFFFFFFF, source) + payload


class Silent(RtpEndpoint):
    """Sends nothing."""

    def connect(self, peer: Peer) -> None:
        self._peer = peer


def endpoint() -> RtpEndpoint:
    made = Silent(VirtualClock(), lambda digit: None)
    made.connect(Peer("127.0.0.1", 4000, "PCMU", 0, 101))
    return made


def test_audio_lies_where_its_timestamps_say() -> None:
    phone = endpoint()
    for n in (2, 0):
        phone.datagram_received(packet(7, 1_000 + 160 * n, LOUD), ("127.0.0.1", 4000))
    assert len(phone.heard) == 160  # what came before the first packet is not kept
    phone.datagram_received(packet(7, 1_000 + 160 * 4, LOUD), ("127.0.0.1", 4000))
    assert len(phone.heard) == 480
    assert not np.any(phone.heard[160:320])


def test_another_source_goes_on_where_the_last_one_ended() -> None:
    """A media server that hands the call to another worker starts with another clock."""
    phone = endpoint()
    phone.datagram_received(packet(7, 0xFFFFFFF0, QUIET), ("127.0.0.1", 4000))
    phone.datagram_received(packet(8, 123, LOUD), ("127.0.0.1", 4002))
    phone.datagram_received(packet(8, 123 + 160, LOUD), ("127.0.0.1", 4002))
    heard = phone.heard
    assert len(heard) == 480
    assert not np.any(heard[:160])
    assert np.all(np.abs(heard[160:]) > 10_000)


def test_what_is_not_encrypted_is_not_heard_where_it_has_to_be() -> None:
    phone = RtpEndpoint(VirtualClock(), lambda digit: None)
    phone.connect(
        Peer("127.0.0.1", 4000, "PCMU", 0, 101, srtp=SrtpKeys("AEAD_AES_128_GCM", bytes(28), bytes(28)))
    )
    phone.datagram_received(packet(7, 1_000, LOUD), ("127.0.0.1", 4000))
    assert len(phone.heard) == 0
    phone.connect(Peer("127.0.0.1", 4000, "PCMU", 0, 101))
    phone.datagram_received(packet(7, 1_000, LOUD), ("127.0.0.1", 4000))
    assert len(phone.heard) == 160


def test_a_payload_type_of_our_own_is_heard() -> None:
    phone = endpoint()
    phone.connect(Peer("127.0.0.1", 4000, "L16", 97, -1, 0))
    phone.datagram_received(packet(7, 1_000, b"\x01\x02" * 160), ("127.0.0.1", 4000))
    assert list(phone.heard[:2]) == [0x0102, 0x0102]
