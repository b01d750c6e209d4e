"""Fuzz a protected leg: any octets, and what somebody with the keys could send; its RTCP shares the port."""

from __future__ import annotations

import driving
from plane_leg import FuzzedLeg, head

with driving.watched():
    from hookflash.ports.plane import SrtpKeys

from pylibsrtp import Error, Policy, Session

KEY = bytes(range(30))
LEG = FuzzedLeg(SrtpKeys("AES_CM_128_HMAC_SHA1_80", bytes(30), KEY), mux=True)


def target(data: bytes) -> None:
    """Each piece is a datagram; an odd first octet has the rest of it protected with the peer's key."""
    peer = Session(Policy(key=KEY, ssrc_type=Policy.SSRC_ANY_OUTBOUND))
    LEG.begin(peer.protect(head(1, 160, 7) + bytes(160)))
    for piece in driving.pieces(data):
        if not piece[:1] or not piece[0] & 1:
            LEG.take(piece)
            continue
        try:
            LEG.take(peer.protect_rtcp(piece[1:]) if piece[0] & 2 else peer.protect(piece[1:]))
        except (Error, ValueError):
            continue
    LEG.check(tick=len(data) % 8 == 0)


if __name__ == "__main__":
    driving.run(target)
