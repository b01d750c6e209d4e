"""``python -m bench.conference``: CPU per participant and 20 ms tick in conferences of three.

Each participant talks and presses keys, is searched for them, and hears the two others. Asterisk's ConfBridge
took 58 to 63 us for it on another machine.
"""

from __future__ import annotations

from collections.abc import Sequence

from bench.media import HOST, Scene
from bench.scenes import run
from hookflash.ports.plane import ConnectLeg, JoinMix, PlaneCommand

TARGET = 6.0


def talks(leg: int, port: int) -> Sequence[PlaneCommand]:
    return ConnectLeg(leg, HOST, port, 0, "PCMU", 101, True, True), JoinMix(leg)


if __name__ == "__main__":
    run("conference", Scene(talks, call=lambda leg: leg // 3), 1200, TARGET)
