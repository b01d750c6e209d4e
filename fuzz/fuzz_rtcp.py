"""Fuzz RTCP: the parser on any octets, and the reports of a leg with a good beginning put before them."""

from __future__ import annotations

import struct

import driving
from plane_leg import FuzzedLeg, head

with driving.watched():
    from hookflash.plane import rtcp

LEG = FuzzedLeg()


def target(data: bytes) -> None:
    """The octets as a compound packet, and as what follows an empty receiver report."""
    report = rtcp.parse(data)
    if report is not None:
        assert 0 <= report.ssrc < 2**32
        assert all(-(2**23) <= block.lost < 2**23 for block in report.receptions)
        assert len(report.receptions) * 24 + len(report.gone) * 4 <= len(data)
    LEG.begin(head(1, 160, 7) + bytes(160))
    LEG.control(data)
    LEG.control(struct.pack("!BBHI", 0x80, rtcp.RECEIVER_REPORT, 1, 7) + data)
    quality = LEG.plane.columns.quality
    assert -1 <= quality.round_trip[0] <= 1000 * rtcp.LONGEST_TRIP
    assert -1 <= quality.remote_loss[0] < 1
    LEG.check(tick=len(data) % 8 == 0)


if __name__ == "__main__":
    driving.run(target)
