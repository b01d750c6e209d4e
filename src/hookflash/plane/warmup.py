"""Compile every kernel before the first tick, by running a small plane in memory through all of them."""

from __future__ import annotations

import struct

import numpy as np

from hookflash.plane import system_calls
from hookflash.plane.core import Plane
from hookflash.plane.memory import MemoryNetwork
from hookflash.ports.plane import (
    ConnectLeg,
    JoinMix,
    LoadClip,
    OpenLeg,
    OpenTap,
    OpenVoice,
    SendTones,
    StartPlay,
)


def warm_up() -> None:
    """Seconds the first time on a machine, a fraction of one afterwards."""
    net = MemoryNetwork(pairs=2)
    plane = Plane(net, rows=48, entropy=bytes)
    plane.apply(LoadClip(1, bytes(640)))
    for leg in (1, 2):
        plane.apply(OpenLeg(leg, 1, True))
        events, ptime = (101, 20) if leg == 1 else (-1, 30)
        plane.apply(ConnectLeg(leg, "192.0.2.2", 4000 + 2 * leg, 0, "PCMU", events, True, True, ptime=ptime))
        plane.apply(JoinMix(leg))
        plane.apply(SendTones(leg, leg, "1", 40, 60))
    plane.apply(StartPlay(1, (1, 2), (1,), False, False))
    plane.apply(OpenTap(0, "heard", 1))
    plane.apply(OpenTap(1, "whole", 1))
    plane.apply(OpenVoice(0, 2))
    for tick in range(4):
        packet = struct.pack("!BBHII", 0x80, 0, tick, 160 * tick, 1) + bytes(160)
        net.deliver(20000, packet, ("192.0.2.2", 4002))
        plane.tick(0.02 * tick)
    plane.close()
    if system_calls.NATIVE:
        # A network in memory has no sockets that a kernel could call.
        for sweep, run in ((plane.legs.reads, system_calls.receive), (plane.legs.writes, system_calls.send)):
            run(sweep.fds, sweep.octets, sweep.length, np.zeros(0, np.int64), 0)
