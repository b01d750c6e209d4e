"""One leg of a plane in memory whose datagrams are fuzzed, and what must be true of it whatever comes."""

from __future__ import annotations

import struct

import driving
import numpy as np

with driving.watched():
    from hookflash.plane.core import Plane
    from hookflash.plane.memory import MemoryNetwork
    from hookflash.ports.plane import CloseLeg, ConnectLeg, OpenLeg, SrtpKeys

LEG = 1


def head(sequence: int, time: int, ssrc: int, kind: int = 0) -> bytes:
    """The header of an RTP packet."""
    return struct.pack("!BBHII", 0x80, kind, sequence & 0xFFFF, time & 0xFFFFFFFF, ssrc)


class FuzzedLeg:
    """A plane with one connected leg, made anew with :meth:`begin`."""

    def __init__(self, keys: SrtpKeys | None = None, *, mux: bool = False) -> None:
        self._keys, self._mux = keys, mux
        self.net = MemoryNetwork(pairs=2)
        self.plane = Plane(self.net, rows=48, entropy=bytes)
        self.port = 0

    def begin(self, first: bytes) -> None:
        """A fresh leg that is locked to its peer by ``first``."""
        plane = self.plane
        plane.apply(CloseLeg(LEG))
        plane.apply(OpenLeg(LEG, 1, True))
        leg = plane.legs.by_number[LEG]
        assert leg.endpoint is not None
        self.port = leg.endpoint.port
        mux, keys = self._mux, self._keys
        plane.apply(ConnectLeg(LEG, *driving.PEER, 0, "PCMU", 101, True, True, rtcp_mux=mux, srtp=keys))
        self.take(first)
        assert leg.locked == driving.PEER

    def take(self, datagram: bytes) -> None:
        """A datagram of the peer comes in; nothing else of a tick is done."""
        self.net.deliver(self.port, datagram, driving.PEER)
        self.plane._receiver.run(self.plane.ticks)
        self.plane.ticks += 1

    def control(self, datagram: bytes) -> None:
        """RTCP of the peer comes in."""
        self.net.deliver_control(self.port, datagram, (driving.PEER[0], driving.PEER[1] + 1))
        self.plane._reports.tick(self.plane.ticks, 0.02 * self.plane.ticks)
        self.plane.ticks += 1

    def check(self, *, tick: bool) -> None:
        """What must be true; then a whole tick if that is wanted: it costs ten times what parsing does."""
        receive, jitter, row = self.plane.columns.receive, self.plane.columns.jitter, 0
        assert -1 <= receive.ssrc[row] < 2**32
        assert 0 <= receive.packets[row] <= receive.total[row]
        assert receive.highest[row] >= receive.base[row] - 1 or receive.ssrc[row] < 0
        assert np.isfinite(receive.jitter[row])
        assert receive.jitter[row] >= 0
        assert -1 <= receive.key[row] < 16
        assert 0 <= receive.span[row] <= 8 * 960
        assert jitter.newest[row] - jitter.time[row] <= jitter.ring.shape[1]
        if tick:
            self.plane.tick(0.02 * self.plane.ticks)
