"""``python -m bench.secure``: CPU per SRTP leg and 20 ms tick.

As in :mod:`bench.legs`, but every packet in and out is protected (AES_CM_128_HMAC_SHA1_80). All callers share
one key and one stream, so that their packets can be made beforehand; the legs do not know that.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Sequence

from pylibsrtp import Policy, Session

from bench.media import CLIP, HOST, WARM, Scene
from bench.scenes import SECONDS, run
from hookflash.ports.plane import ConnectLeg, PlaneCommand, SrtpKeys, StartPlay

TARGET = 12.0
KEY = bytes(range(30))
KEYS = SrtpKeys("AES_CM_128_HMAC_SHA1_80", KEY, KEY)
TAG = 10
"""Octets that protection adds to a packet."""
FRAMES = round((SECONDS + WARM + 4) * 50)
"""Packets must not be repeated: SRTP would refuse them."""


def plays(leg: int, port: int) -> Sequence[PlaneCommand]:
    return (
        ConnectLeg(leg, HOST, port, 0, "PCMU", 101, True, True, srtp=KEYS),
        StartPlay(leg, (leg,), (CLIP,), True, False),
    )


def packets() -> list[bytes]:
    octets = random.Random(1).randbytes(160)
    session = Session(
        Policy(
            key=KEY, ssrc_type=Policy.SSRC_ANY_OUTBOUND, srtp_profile=Policy.SRTP_PROFILE_AES128_CM_SHA1_80
        )
    )
    return [session.protect(struct.pack("!BBHII", 0x80, 0, n, 160 * n, 7) + octets) for n in range(FRAMES)]


if __name__ == "__main__":
    run("srtp", Scene(plays, packets=packets(), size=172 + TAG), 600, TARGET)
