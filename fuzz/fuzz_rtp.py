"""Fuzz a leg's RTP: any datagrams behind a good one, some with a good header put before them."""

from __future__ import annotations

import driving
from plane_leg import FuzzedLeg, head

LEG = FuzzedLeg()


def target(data: bytes) -> None:
    """Each piece is a datagram; an odd first octet puts a header in sequence before the rest of it."""
    LEG.begin(head(1, 160, 7) + bytes(160))
    for number, piece in enumerate(driving.pieces(data), 2):
        if piece[:1] and piece[0] & 1:
            LEG.take(head(number, 160 * number, 7, piece[0] >> 1) + piece[1:])
        else:
            LEG.take(piece)
    LEG.check(tick=len(data) % 8 == 0)


if __name__ == "__main__":
    driving.run(target)
