"""Fuzz telephone-events (RFC 4733): packets of a few sources with any numbers, times, codes and durations."""

from __future__ import annotations

import struct

import driving
from plane_leg import FuzzedLeg, head

LEG = FuzzedLeg()


def target(data: bytes) -> None:
    """Each 9 octets are a packet: source and marker, sequence number, time, and the event."""
    LEG.begin(head(1, 160, 7) + bytes(160))
    for at in range(0, min(len(data), 900) - 8, 9):
        source, sequence, time, event, flags, duration = struct.unpack_from("!BHHBBH", data, at)
        marker = source & 0x80
        packet = head(sequence, time << (source >> 2 & 15), 7 + (source & 3), 101 | marker)
        LEG.take(packet + struct.pack("!BBH", event, flags, duration)[: 4 - (source >> 6 & 1)])
    LEG.check(tick=len(data) % 8 == 0)


if __name__ == "__main__":
    driving.run(target)
