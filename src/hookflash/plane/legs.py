"""Legs as rows: opening, connecting, closing. Where a peer is found is learned in :mod:`.latching`."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hookflash.plane.addresses import literal
from hookflash.plane.codecs import CODECS, PTIMES
from hookflash.plane.columns import Columns, Rows, clear_row
from hookflash.plane.columns.jitter import LEAST, MOST
from hookflash.plane.columns.sizes import G722, L16_WIDE, OPUS
from hookflash.plane.columns.wide import CODES, PACKETS, PCM, VOICE
from hookflash.plane.latching import Latching
from hookflash.plane.net import Address, Endpoint, Network
from hookflash.plane.opus import why_no_opus
from hookflash.plane.packets import PacketDesk
from hookflash.plane.slots import Slots
from hookflash.plane.srtp import check_keys
from hookflash.ports.plane import TICK, ConnectLeg, LegClosed, SendTones

MS = 1000 * TICK
KINDS = {G722: CODES, L16_WIDE: PCM, OPUS: PACKETS}
"""Slots of wideband codecs."""


@dataclass(slots=True)
class Leg:
    """What a leg has beside its columns."""

    leg: int
    call: int
    row: int
    endpoint: Endpoint | None
    rx: memoryview
    target: Address | None = None
    """Where SDP says the peer's RTP is."""
    locked: Address | None = None
    """Where it really comes from."""
    connected: bool = False
    """The socket hears only :attr:`locked`."""
    peer: Address | None = None
    """Where our RTP goes."""
    wants_sending: bool = False
    control: Address | None = None
    """Where our RTCP goes, unless it shares the RTP port."""
    control_learned: bool = False
    """The peer's RTCP has come from there."""
    heard_report: tuple[int, float] = (0, 0.0)
    """Middle of the NTP time in the peer's last sender report, and when it came."""
    reporting: bool = False
    """Its RTCP reports are scheduled."""
    reported: tuple[int, int] = (0, 0)
    """Packets sent as of our last report and the one before."""
    sent_before: tuple[int, int] = (0, 0)
    """Packets and octets of former streams (SSRCs) of ours."""
    sendings: deque[SendTones] = field(default_factory=deque)
    told: bool = False


class Legs(Latching):
    """All legs of a plane, by number and by row. ``delays`` bound the jitter buffers' targets, 1/8000 s."""

    def __init__(
        self,
        net: Network,
        columns: Columns,
        rows: Rows,
        entropy: Callable[[int], bytes],
        delays: tuple[int, int] = (LEAST, MOST),
    ) -> None:
        super().__init__(columns)
        self.by_number: dict[int, Leg] = {}
        self.by_row: dict[int, Leg] = {}
        self.packed: NDArray[np.int64] = np.zeros(0, np.int64)
        """Rows whose packets are not of 20 ms."""
        columns.wide.row[:] = -1
        self.slots = Slots(columns)
        self.packets = PacketDesk(columns)
        self.coded: NDArray[np.int64] = np.zeros(0, np.int64)
        """Wideband slots whose octets are G.722."""
        self.wide_used = 0
        """Slots up to the last one that a leg's codec has."""
        self._ports: dict[int, Leg] = {}
        self._net = net
        self._rows = rows
        self._entropy = entropy
        self._delays = delays

    def open(self, number: int, call: int, *, socket: bool, tick: int, now: float) -> Leg:
        """Reserve a row and ports; raises RowsExhausted or PortsExhausted and then changes nothing."""
        row = self._rows.take()
        endpoint = None
        if socket:
            try:
                endpoint = self._net.open(now)
            except Exception:
                self._rows.give(row)
                raise
        columns = self._columns
        clear_row(columns, row)
        columns.setup.open[row] = 1
        columns.jitter.least[row], columns.jitter.most[row] = self._delays
        columns.receive.heard_at[row] = tick
        leg = Leg(
            number,
            call,
            row,
            endpoint,
            memoryview(columns.receive.octets[row]),
        )
        self._start_stream(row)
        self.by_number[number] = leg
        self.by_row[row] = leg
        if endpoint is not None:
            self._ports[endpoint.port] = leg
        return leg

    def _start_stream(self, row: int, first_half: int = 0xFFFF) -> None:
        """Random SSRC, sequence number and time (RFC 3550 section 5.1)."""
        tx = self._columns.transmit
        seed = self._entropy(10)
        tx.ssrc[row] = int.from_bytes(seed[:4], "big")
        tx.sequence[row] = int.from_bytes(seed[4:6], "big") & first_half
        tx.time[row] = int.from_bytes(seed[6:10], "big")
        tx.mark[row] = 1
        tx.octets[row, 0] = 0x80
        tx.octets[row, 8:12] = list(seed[:4])

    def find_port(self, port: int) -> Leg | None:
        """The leg whose RTP port this is."""
        return self._ports.get(port)

    def connect(self, leg: Leg, command: ConnectLeg, tick: int) -> None:
        """Set codec, payload types, directions and peer; learn the peer's address if it is new.

        Raises ValueError for a codec that does not exist, and for packets it can not have: Opus and L16 at
        16,000 Hz are always sent in packets of 20 ms.
        """
        codec = CODECS.get((command.codec, command.clock))
        if codec is None:
            known = ", ".join(f"{name}/{clock}" for name, clock in CODECS)
            raise ValueError(f"leg {leg.leg}: codec {command.codec}/{command.clock} is none of {known}")
        if codec == OPUS and (why := why_no_opus()):
            raise ValueError(f"leg {leg.leg}: {why}")
        if command.ptime not in PTIMES or (command.clock != 8000 and command.ptime != 20):
            raise ValueError(
                f"leg {leg.leg}: packets of {command.ptime} ms; give one of {PTIMES}, "
                "and 20 for codecs whose RTP clock is not 8000 Hz"
            )
        if command.srtp is not None:
            check_keys(command.srtp)
        setup, row = self._columns.setup, leg.row
        first = not setup.connected[row]
        setup.connected[row] = 1
        if first or setup.codec[row] != codec:
            self._set_codec(row, codec)
        self._set_clock(row, round(command.clock * TICK))
        self._pack(row, command.ptime)
        if codec == OPUS:
            self.packets.agree(int(setup.wide[row]), command.opus)
        setup.payload_type[row] = command.payload_type
        setup.event_type[row] = command.event_payload_type
        setup.receive_type[row] = _either(command.receive_payload_type, command.payload_type)
        setup.receive_event_type[row] = _either(
            command.receive_event_payload_type, command.event_payload_type
        )
        setup.noise_type[row] = command.noise_payload_type
        setup.receiving[row] = command.receiving
        self._columns.receive.heard_at[row] = tick
        leg.wants_sending = command.sending
        if leg.endpoint is None:
            return
        setup.control_mux[row] = command.rtcp_mux
        self._protect(leg, command, tick)
        target, control = literal(command.host, command.port), self._control_address(command)
        if first or (control is not None and target != leg.target):
            leg.control, leg.control_learned = control, False
        self.offer(leg, target, tick, first=first)

    def _set_codec(self, row: int, codec: int) -> None:
        """Code with ``codec`` from now on, both ways; what waits to be played was of the one before."""
        c = self._columns
        kind = KINDS.get(codec, 0)
        self._give_slot(row)
        if kind:
            # The voice of an app on this leg gives way; the plane ends it.
            self.slots.give(row, (VOICE,))
            slot = self.slots.take(row, kind)
            if kind == PACKETS:
                self.packets.open(slot, row)
        c.setup.codec[row] = codec
        c.jitter.playing[row] = 0
        c.jitter.rtp[row] = -1
        c.transmit.mark[row] = 1
        c.packing.waiting[row] = 0
        self._index()

    def _set_clock(self, row: int, clock: int) -> None:
        """Count ``clock`` RTP units a tick; what is measured in the units of before goes on in these."""
        setup, rx = self._columns.setup, self._columns.receive
        before = int(setup.clock[row])
        setup.clock[row] = clock
        if before not in (0, clock):
            rx.jitter[row] *= clock / before
            # The times of two clocks have no difference.
            rx.transit[row] = -1

    def _give_slot(self, row: int) -> None:
        """Free the slot of the leg's codec, if that has one."""
        slot = int(self._columns.setup.wide[row])
        if self.slots.give(row, KINDS.values()):
            self.packets.close(slot)

    def _index(self) -> None:
        wide = self._columns.wide
        taken = wide.row >= 0
        self.coded = np.flatnonzero(taken & (wide.kind == CODES))
        used = np.flatnonzero(taken)
        self.wide_used = int(used[-1]) + 1 if len(used) else 0

    def _pack(self, row: int, ptime: int) -> None:
        """Send packets of ``ptime`` ms from now on; what waits for a packet of another length is given up."""
        if self._columns.setup.ptime[row] == ptime:
            return
        self._columns.setup.ptime[row] = ptime
        self._columns.packing.waiting[row] = 0
        others = self.packed[self.packed != row]
        self.packed = others if ptime == 20 else np.append(others, row)

    def _protect(self, leg: Leg, command: ConnectLeg, tick: int) -> None:
        """Protect the leg from now on, or no more. New keys to send with mean a new stream of ours."""
        if not self.secured.set(leg.row, command.srtp, tick, command.source):
            return
        tx, row = self._columns.transmit, leg.row
        leg.sent_before = int(tx.packets[row]), int(tx.payload[row])
        # The peer can only guess the rollover counter if the first packets are lost and the number wraps.
        self._start_stream(row, first_half=0x7FFF)

    @staticmethod
    def _control_address(command: ConnectLeg) -> Address | None:
        port = command.rtcp_port or (command.port + 1 if command.port else 0)
        return literal(command.rtcp_host or command.host, port)

    def close(self, leg: Leg, now: float) -> LegClosed:
        """Free the row and its ports."""
        row, rx = leg.row, self._columns.receive
        lost = int(rx.lost[row])
        if rx.ssrc[row] >= 0:
            lost += max(0, int(rx.highest[row] - rx.base[row]) + 1 - int(rx.packets[row]))
        closed = LegClosed(
            leg.leg,
            int(rx.total[row]),
            int(self._columns.transmit.packets[row]),
            lost,
            float(rx.jitter[row]) * MS / max(int(self._columns.setup.clock[row]), 1),
        )
        self.forget(leg)
        self.packed = self.packed[self.packed != row]
        if leg.endpoint is not None:
            del self._ports[leg.endpoint.port]
            self._net.release(leg.endpoint, now)
        self._columns.setup.open[row] = 0
        self._columns.setup.connected[row] = 0
        if self._columns.setup.wide[row] >= 0:
            self._give_slot(row)
            self._index()
        self._columns.setup.mix[row] = -1
        del self.by_number[leg.leg]
        del self.by_row[row]
        self._rows.give(row)
        return closed


def _either(number: int, otherwise: int) -> int:
    return otherwise if number < 0 else number
