"""Compile every kernel before the first tick, by running a small plane in memory through all of them."""

from __future__ import annotations

import logging
import struct
import time
from typing import Any

import numpy as np
from numba.core import event

from hookflash.plane import system_calls
from hookflash.plane.core import Plane
from hookflash.plane.first_start import compile_together
from hookflash.plane.kernels.compiling import base_folder, kernel_names, unkept
from hookflash.plane.memory import MemoryNetwork
from hookflash.plane.opus import why_no_opus
from hookflash.ports.plane import (
    ConnectLeg,
    HearingRule,
    JoinMix,
    LoadClip,
    OpenLeg,
    OpenTap,
    OpenVoice,
    SendTones,
    SetGain,
    SetHearing,
    StartPlay,
)

_log = logging.getLogger(__name__)


class Compiled(event.Listener):
    """Watches what is compiled, rather than found where compiled kernels are kept; says when it begins."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def on_start(self, event: Any) -> None:
        if not self.names:
            _log.info(
                "compiling the kernels of the media plane, %d at most, which takes about a minute",
                len(kernel_names()),
            )
        function = event.data["dispatcher"].py_func
        self.names.add(f"{function.__module__}.{function.__qualname__}")

    def on_end(self, event: Any) -> None:
        """Compilations end inside each other; their sum would say nothing."""


def warm_up() -> int:
    """Make every kernel ready, and log what there is to be said; how many had to be compiled.

    Most of a minute the first time on a machine with two cores, which share the work; about a second
    afterwards.
    """
    folder, began, compiled = base_folder(), time.monotonic(), Compiled()
    if (why := unkept(folder)) is not None:
        _log.warning(
            "compiled kernels can not be kept in %s (%s), so that every start has to compile them anew: make "
            "the folder writable, or name one that is by NUMBA_CACHE_DIR",
            folder,
            why,
        )
    with event.install_listener("numba:compile", compiled):
        shared = compile_together(run_all) if why is None else set()
        run_all()
    count = len(compiled.names & kernel_names() | shared)
    if count and why is None:
        seconds = time.monotonic() - began
        _log.info("compiled %d kernels in %.1f s; they are kept in %s", count, seconds, folder)
    return count


def run_all() -> None:
    """A small plane in memory, with all that a plane can do."""
    net = MemoryNetwork(pairs=5)
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
    plane.apply(OpenTap(2, "said", 1, rate=16_000))
    plane.apply(OpenLeg(9, 1, False))
    plane.apply(OpenVoice(0, 9, 16_000))
    plane.apply(SetGain(1, -3.0))
    plane.apply(SetHearing(1, tuple(HearingRule(1, leg, 0.5) for leg in (1, 2, 9))))
    for tick in range(4):
        packet = struct.pack("!BBHII", 0x80, 0, tick, 160 * tick, 1) + bytes(160)
        net.deliver(20000, packet, ("192.0.2.2", 4002))
        plane.tick(0.02 * tick)
    wideband = [("G722", 8000), ("L16", 16000)] + [("OPUS", 48000)] * (not why_no_opus())
    for leg, (codec, clock) in enumerate(wideband, 3):
        plane.apply(OpenLeg(leg, 1, True))
        peer = "192.0.2.2", 4000 + 2 * leg
        plane.apply(ConnectLeg(leg, *peer, 96, codec, -1, True, True, clock=clock))
        for tick in range(3):
            # Opus: a frame of silence each; one packet is lost, and made up.
            sequence, payload = tick + (tick > 1), b"\x08" if codec == "OPUS" else bytes(640)
            packet = struct.pack("!BBHII", 0x80, 96, sequence, clock // 50 * sequence, 1) + payload
            net.deliver(20000 + 2 * (leg - 1), packet, peer)
            plane.tick(0.1 + 0.02 * tick)
        # Until what was held for the lost one is due.
        for tick in range(5):
            plane.tick(0.16 + 0.02 * tick)
    plane.skip(1)
    plane.close()
    if system_calls.NATIVE:
        # A network in memory has no sockets that a kernel could call.
        legs, nothing = plane.legs, np.zeros(0, np.int64)
        system_calls.receive(legs.reads.fds, legs.reads.octets, legs.reads.length, nothing, 0)
        system_calls.receive_from(
            legs.openings.fds,
            legs.openings.octets,
            legs.openings.length,
            legs.openings.source,
            np.zeros(1, np.uint32),
            nothing,
            0,
            0,
        )
        system_calls.connect(legs.openings.fds, legs.openings.source, nothing, 0, np.zeros(1, np.uint8))
        writes = legs.writes
        system_calls.send(writes.fds, writes.to, writes.octets, writes.length, nothing, 0)
