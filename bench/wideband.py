"""``python -m bench.wideband``: CPU per G.722 leg and 20 ms tick.

The callers send what a G.722 encoder made of a tone; each leg plays a recording at 16,000 Hz to its caller.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Sequence

from bench.media import CLIP, HOST, Scene
from bench.scenes import run
from hookflash.ports.plane import ConnectLeg, PlaneCommand, StartPlay

TARGET = 8.0
G722 = 9
FRAMES = 250


def plays(leg: int, port: int) -> Sequence[PlaneCommand]:
    return (
        ConnectLeg(leg, HOST, port, G722, "G722", 101, True, True),
        StartPlay(leg, (leg,), (CLIP,), True, False),
    )


def packets() -> list[bytes]:
    """Any octets are G.722; these are noise, which nothing can take a short way with."""
    octets = random.Random(1).randbytes(160)
    return [struct.pack("!BBHII", 0x80, G722, n, 160 * n, 7) + octets for n in range(FRAMES)]


if __name__ == "__main__":
    run("g722", Scene(plays, packets=packets(), rate=16000), 600, TARGET)
