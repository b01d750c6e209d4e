"""What the messages between control and a media worker have in common."""

from __future__ import annotations

import msgspec

TICK = 0.02
"""Length of a media tick in seconds; one RTP packet a leg and tick."""


class PlaneMessage(msgspec.Struct, tag=True, array_like=True, frozen=True):
    """Base of every message; the tag is the class name."""


class SrtpSource(msgspec.Struct, array_like=True, frozen=True):
    """How far a peer's SRTP stream has come: its SSRC (-1: not known) and rollover counter (RFC 3711)."""

    ssrc: int
    rollover: int


class LegQuality(msgspec.Struct, array_like=True, frozen=True):
    """How well a leg is heard so far (RFC 3550; G.107 for ``mos``).

    Packets of its whole life: ``received``, ``sent``, ``lost`` on the way to us, ``discarded`` because they
    came too late, ``duplicates``. ``jitter_ms`` is the interarrival jitter, ``buffer_ms`` how long audio
    waits before it is played, ``concealed_ms`` the audio made up for what was missing. ``round_trip_ms``,
    ``remote_loss`` (0..1) and ``remote_jitter_ms`` come from the peer's RTCP reports, -1 while there are
    none. ``mos`` is the estimated mean opinion score of what we hear of the leg, 1..4.5; 0 before anything
    was received.
    """

    received: int = 0
    sent: int = 0
    lost: int = 0
    discarded: int = 0
    duplicates: int = 0
    jitter_ms: float = 0.0
    buffer_ms: float = 0.0
    concealed_ms: float = 0.0
    round_trip_ms: float = -1.0
    remote_loss: float = -1.0
    remote_jitter_ms: float = -1.0
    mos: float = 0.0
