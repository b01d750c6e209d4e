"""RTCP of the legs: a report every few seconds each, spread over the ticks; what peers report is kept."""

from __future__ import annotations

import contextlib

from hookflash.plane import rtcp
from hookflash.plane.columns import Columns
from hookflash.plane.legs import Leg, Legs
from hookflash.plane.net import Network

INTERVAL = 250
"""Ticks between reports of a leg (5 s, RFC 3550 section 6.2)."""
CONTROL_LIMIT = 64
"""RTCP datagrams read in a tick."""


class Reports:
    """Sends and takes RTCP; the slow path, a few legs a tick."""

    def __init__(self, net: Network, columns: Columns, legs: Legs, cname: str, wall_offset: float) -> None:
        self._net = net
        self._columns = columns
        self._legs = legs
        self._cname = cname
        self._wall_offset = wall_offset

    def tick(self, tick: int, used: int, now: float) -> None:
        """Take what came in, send what is due."""
        for endpoint, data, source in self._net.receive_control(CONTROL_LIMIT):
            leg = self._legs.find_port(endpoint.port)
            # Only the host whose RTP we take may report; its RTCP port is learned the same way.
            if leg is None or leg.locked is None or leg.locked[0] != source[0]:
                continue
            report = rtcp.parse(data)
            if report is not None:
                leg.control = source
                leg.report = (report.ntp_middle, now)
        for row in range(tick % INTERVAL, used, INTERVAL):
            due = self._legs.by_row.get(row)
            if due is not None and self._columns.setup.connected[row]:
                self.send(due, now)

    def send(self, leg: Leg, now: float, *, bye: bool = False) -> None:
        """One compound packet of a leg, if it knows where to."""
        if leg.control is None or leg.endpoint is None or leg.control[1] > 65535:
            return
        row, rx, tx = leg.row, self._columns.receive, self._columns.transmit
        sending = None
        if tx.packets[row]:
            wall = now + self._wall_offset
            sending = rtcp.Sending(wall, int(tx.time[row]), int(tx.packets[row]), int(tx.payload[row]))
        heard = None
        if rx.ssrc[row] >= 0:
            middle, at = leg.report
            heard = rtcp.reception(
                int(rx.ssrc[row]),
                int(rx.base[row]),
                int(rx.highest[row]),
                int(rx.packets[row]),
                int(rx.prior_expected[row]),
                int(rx.prior_packets[row]),
                float(rx.jitter[row]),
                middle,
                int((now - at) * 65536) & 0xFFFFFFFF if middle else 0,
            )
            rx.prior_expected[row] = rx.highest[row] - rx.base[row] + 1
            rx.prior_packets[row] = rx.packets[row]
        packet = rtcp.build(int(tx.ssrc[row]), self._cname, sending, heard, bye=bye)
        # Reports are a courtesy: a peer without an RTCP port answers with ICMP errors.
        with contextlib.suppress(OSError):
            leg.endpoint.send_control(packet, leg.control)
