"""RTCP of the legs (RFC 3550 section 6): reports every few seconds, at random; what peers report is kept.

All of it is slow path, a few legs a tick. RTCP comes to its own port, or to the RTP port (RFC 5761), where
the receiving systems sort it out; a protected leg's is SRTCP.
"""

from __future__ import annotations

import contextlib
import random

from hookflash.plane import rtcp
from hookflash.plane.columns import Columns
from hookflash.plane.legs import MS, Leg, Legs
from hookflash.plane.net import Address, Network
from hookflash.ports.plane import TICK

INTERVAL = 5.0
"""Seconds between reports of a leg, on average before :data:`_COMPENSATION` (RFC 3550 section 6.2)."""
EARLY = 1.0
"""The same for the first one: with one peer at the other end nobody is flooded (section 6.2)."""
_COMPENSATION = 1.21828
"""e - 3/2 (section 6.3.1)."""
CONTROL_LIMIT = 64
"""RTCP datagrams read in a tick."""


class Reports:
    """Sends and takes RTCP.

    Args:
        net: where RTCP sockets are read.
        columns: statistics of what is received and sent.
        legs: whose addresses they are.
        cname: named in source descriptions.
        wall_offset: Unix time minus ``now``.
        seed: of the times between reports.
    """

    def __init__(
        self,
        net: Network,
        columns: Columns,
        legs: Legs,
        cname: str,
        wall_offset: float,
        seed: bytes = b"",
    ) -> None:
        self._net = net
        self._columns = columns
        self._legs = legs
        self._cname = cname
        self._wall_offset = wall_offset
        self._random = random.Random(seed)
        self._due: dict[int, list[Leg]] = {}
        self._tick = 0

    def start(self, leg: Leg, tick: int) -> None:
        """From now on ``leg`` reports; the first report comes early."""
        if not leg.reporting and leg.endpoint is not None:
            leg.reporting = True
            self._schedule(leg, tick, EARLY)

    def _schedule(self, leg: Leg, tick: int, seconds: float) -> None:
        wait = seconds * self._random.uniform(0.5, 1.5) / _COMPENSATION
        self._due.setdefault(tick + max(1, round(wait / TICK)), []).append(leg)

    def tick(self, tick: int, now: float) -> None:
        """Take what came in, send what is due."""
        self._tick = tick
        for endpoint, data, source in self._net.receive_control(CONTROL_LIMIT):
            found = self._legs.find_port(endpoint.port)
            if found is not None and not self._columns.setup.control_mux[found.row]:
                self._take(found, data, source, now)
        if self._legs.control:
            for leg, data, source in self._legs.control:
                if source == leg.locked:
                    self._take(leg, data, source, now)
            self._legs.control.clear()
        for leg in self._due.pop(tick, ()):
            if self._legs.by_row.get(leg.row) is leg:
                self.send(leg, now)
                self._schedule(leg, tick, INTERVAL)

    # --- what comes in ---

    def _take(self, leg: Leg, data: bytes, source: Address, now: float) -> None:
        """Only whose RTP we take may report; its RTCP port is learned once, like its RTP port."""
        if leg.locked is None:
            return
        named = source in (leg.control, leg.locked)
        if not named and (leg.control_learned or source[0] != leg.locked[0]):
            return
        row, rx = leg.row, self._columns.receive
        plain: bytes | None = data
        if self._columns.setup.secure[row]:
            security = self._legs.secured.get(row)
            plain = None if security is None else security.unprotect_control(data, self._tick)
        report = None if plain is None else rtcp.parse(plain)
        if report is None:
            rx.garbage[row] += 1
            return
        if not self._columns.setup.control_mux[row]:
            leg.control, leg.control_learned = source, True
        if report.ntp_middle and rx.ssrc[row] in (report.ssrc, -1):
            leg.heard_report = (report.ntp_middle, now)
        ours = int(self._columns.transmit.ssrc[row])
        for block in report.receptions:
            if block.ssrc == ours:
                self._learn_from(leg, block, now)
        if rx.ssrc[row] in report.gone:
            self._end_source(row)
            leg.heard_report = (0, 0.0)

    def _learn_from(self, leg: Leg, block: rtcp.Reception, now: float) -> None:
        """How the peer hears us."""
        quality, row = self._columns.quality, leg.row
        quality.remote_loss[row] = block.fraction / 256
        quality.remote_jitter[row] = block.jitter * MS / max(int(self._columns.setup.clock[row]), 1)
        trip = rtcp.round_trip(now + self._wall_offset, block)
        if trip is not None:
            quality.round_trip[row] = 1000 * trip

    def _end_source(self, row: int) -> None:
        """The source said BYE: its statistics are complete. The leg goes on, with whoever speaks next."""
        rx = self._columns.receive
        rx.lost[row] += max(0, int(rx.highest[row] - rx.base[row]) + 1 - int(rx.packets[row]))
        rx.ssrc[row] = rx.candidate[row] = -1

    # --- what goes out ---

    def send(self, leg: Leg, now: float, *, bye: bool = False) -> None:
        """One compound packet of a leg, if it knows where to."""
        setup, row = self._columns.setup, leg.row
        mux = bool(setup.control_mux[row])
        address = (leg.locked or leg.target) if mux else leg.control
        if address is None or leg.endpoint is None or address[1] > 65535:
            return
        packet: bytes | None = self._build(leg, now, bye=bye)
        if setup.secure[row]:
            security = self._legs.secured.get(row)
            packet = None if security is None or packet is None else security.sender.control(packet)
        if packet is None:
            return
        # Reports are a courtesy: a peer without an RTCP port answers with ICMP errors.
        with contextlib.suppress(OSError):
            if not mux:
                leg.endpoint.send_control(packet, address)
            elif leg.connected:
                leg.endpoint.send(memoryview(packet))
            else:
                leg.endpoint.sendto(memoryview(packet), address)

    def _build(self, leg: Leg, now: float, *, bye: bool) -> bytes:
        row, rx, tx = leg.row, self._columns.receive, self._columns.transmit
        packets = int(tx.packets[row])
        sending = heard = None
        # A sender is who sent since the last report but one (section 6.4).
        if packets > leg.reported[1]:
            # The columns stand at the next tick already.
            time = int(tx.time[row]) - int(self._columns.setup.clock[row])
            sending = rtcp.Sending(
                now + self._wall_offset,
                time & 0xFFFFFFFF,
                packets - leg.sent_before[0],
                int(tx.payload[row]) - leg.sent_before[1],
            )
        leg.reported = packets, leg.reported[0]
        if rx.ssrc[row] >= 0:
            stamp, at = leg.heard_report
            heard = rtcp.reception(
                int(rx.ssrc[row]),
                int(rx.base[row]),
                int(rx.highest[row]),
                int(rx.packets[row]),
                int(rx.prior_expected[row]),
                int(rx.prior_packets[row]),
                float(rx.jitter[row]),
                stamp,
                int((now - at) * 65536) & 0xFFFFFFFF if stamp else 0,
            )
            rx.prior_expected[row] = rx.highest[row] - rx.base[row] + 1
            rx.prior_packets[row] = rx.packets[row]
        return rtcp.build(int(tx.ssrc[row]), self._cname, sending, heard, bye=bye)
