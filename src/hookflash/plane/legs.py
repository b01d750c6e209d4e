"""Legs as rows: opening, connecting, and learning where the peer's RTP really comes from.

A leg first *learns*: it reads with the sender's address. A valid packet from the address in SDP locks the leg
to it at once; another source (a peer behind NAT) must send :data:`PROBATION` valid packets in a row while the
SDP address stays silent. A locked leg's socket is connected, so that the operating system drops everybody
else's packets. Only a new address in SDP makes it learn again.
"""

from __future__ import annotations

import contextlib
import ipaddress
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hookflash.plane.columns import Columns, Rows, clear_row
from hookflash.plane.kernels.codec import PCMA, PCMU
from hookflash.plane.kernels.ingest import payload_bounds
from hookflash.plane.net import Address, Endpoint, Network
from hookflash.plane.sweep import Reads, Writes
from hookflash.ports.plane import TICK, ConnectLeg, LegClosed, LegLatched, SendTones

PROBATION = 4
"""Packets in a row from a source SDP did not name."""
LEARN_READS = 4
"""Datagrams a learning leg reads in a tick."""
DRAIN = 64
"""Datagrams thrown away or sorted when a socket changes hands."""
CODECS = {"PCMU": PCMU, "PCMA": PCMA}
PTIMES = (10, 20, 30, 40, 60)
"""ms of audio in a packet we send."""


@dataclass(slots=True)
class Leg:
    """What a leg has beside its columns."""

    leg: int
    call: int
    row: int
    endpoint: Endpoint | None
    rx: memoryview
    target: Address | None = None
    locked: Address | None = None
    candidate: Address | None = None
    hits: int = 0
    wants_sending: bool = False
    control: Address | None = None
    report: tuple[int, float] = (0, 0.0)
    sendings: deque[SendTones] = field(default_factory=deque)
    told: bool = False


def literal(host: str, port: int) -> Address | None:
    """An address that can be sent to without asking a name server; None for names, wildcards and port 0."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    if address.is_unspecified or address.is_multicast or not 0 < port < 65536:
        return None
    return str(address), port


class Legs:
    """All legs of a plane, by number and by row."""

    def __init__(self, net: Network, columns: Columns, rows: Rows, entropy: Callable[[int], bytes]) -> None:
        self.by_number: dict[int, Leg] = {}
        self.by_row: dict[int, Leg] = {}
        self.learning: dict[int, Leg] = {}
        self.reads = Reads(columns.receive.octets, columns.receive.length)
        self.writes = Writes(columns.transmit.octets, columns.transmit.length)
        self.packed: NDArray[np.int64] = np.zeros(0, np.int64)
        """Rows whose packets are not of 20 ms."""
        self._ports: dict[int, Leg] = {}
        self._net = net
        self._columns = columns
        self._rows = rows
        self._entropy = entropy

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

    def _start_stream(self, row: int) -> None:
        """Random SSRC, sequence number and time (RFC 3550 section 5.1)."""
        tx = self._columns.transmit
        seed = self._entropy(10)
        tx.ssrc[row] = int.from_bytes(seed[:4], "big")
        tx.sequence[row] = int.from_bytes(seed[4:6], "big")
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
        if command.codec not in CODECS:
            raise ValueError(f"leg {leg.leg}: codec {command.codec!r} is none of {', '.join(CODECS)}")
        if command.ptime not in PTIMES or (command.clock != 8000 and command.ptime != 20):
            raise ValueError(
                f"leg {leg.leg}: packets of {command.ptime} ms; give one of {PTIMES}, "
                "and 20 for codecs whose RTP clock is not 8000 Hz"
            )
        setup, row = self._columns.setup, leg.row
        first = not setup.connected[row]
        setup.connected[row] = 1
        setup.codec[row] = CODECS[command.codec]
        setup.clock[row] = round(command.clock * TICK)
        self._pack(row, command.ptime)
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
        target = literal(command.host, command.port)
        if first:
            _drain(leg.endpoint, leg.rx)
        if first or (target is not None and target != leg.target):
            self._learn(leg, target)
        self._route(leg)

    def _pack(self, row: int, ptime: int) -> None:
        """Send packets of ``ptime`` ms from now on; what waits for a packet of another length is given up."""
        if self._columns.setup.ptime[row] == ptime:
            return
        self._columns.setup.ptime[row] = ptime
        self._columns.packing.waiting[row] = 0
        others = self.packed[self.packed != row]
        self.packed = others if ptime == 20 else np.append(others, row)

    def _learn(self, leg: Leg, target: Address | None) -> None:
        assert leg.endpoint is not None
        if leg.locked is not None:
            leg.endpoint.disconnect()
        leg.locked = leg.candidate = None
        leg.hits = 0
        leg.target = target
        leg.control = None if target is None else (target[0], target[1] + 1)
        self.reads.remove(leg.row)
        self.learning[leg.row] = leg

    def _route(self, leg: Leg) -> None:
        """Put the leg into the write sweep if it may send and knows where to."""
        endpoint, peer = leg.endpoint, leg.target
        may = leg.wants_sending and endpoint is not None and (leg.locked or peer) is not None
        self._columns.setup.sending[leg.row] = may
        if not may or endpoint is None:
            self.writes.remove(leg.row)
        elif leg.locked is not None:
            self.writes.add(leg.row, endpoint.send, endpoint.fd)
        elif peer is not None:
            self.writes.add(leg.row, _sender(endpoint, peer))

    def learn(self, leg: Leg, take: Callable[[Leg, int], None]) -> LegLatched | None:
        """Read a learning leg's socket; ``take`` ingests each packet of the source the leg locks to."""
        endpoint = leg.endpoint
        assert endpoint is not None
        for _ in range(LEARN_READS):
            try:
                length, source = endpoint.recvfrom_into(leg.rx)
            except OSError:
                return None
            address = (source[0], source[1])
            if not self._plausible(leg, length):
                self._columns.receive.garbage[leg.row] += 1
            elif self._trust(leg, address):
                return self._lock(leg, endpoint, address, length, take)
        return None

    def _plausible(self, leg: Leg, length: int) -> bool:
        """Whether the datagram in the leg's row is RTP of a payload type we agreed on."""
        data = self._columns.receive.octets[leg.row]
        setup = self._columns.setup
        kinds = (int(setup.receive_type[leg.row]), int(setup.receive_event_type[leg.row]))
        return payload_bounds(data, length)[0] >= 0 and int(data[1] & 0x7F) in kinds

    @staticmethod
    def _trust(leg: Leg, address: Address) -> bool:
        if leg.target is None or address == leg.target:
            return True
        leg.hits = leg.hits + 1 if address == leg.candidate else 1
        leg.candidate = address
        return leg.hits >= PROBATION

    def _lock(
        self, leg: Leg, endpoint: Endpoint, address: Address, length: int, take: Callable[[Leg, int], None]
    ) -> LegLatched | None:
        try:
            endpoint.connect(address)
        except OSError:
            return None
        del self.learning[leg.row]
        leg.locked = address
        if leg.control is None or leg.control[0] != address[0]:
            leg.control = (address[0], address[1] + 1)
        take(leg, length)
        # Others' packets that came before the socket was connected are still queued.
        with contextlib.suppress(OSError):
            for _ in range(DRAIN):
                length, source = endpoint.recvfrom_into(leg.rx)
                if (source[0], source[1]) == address:
                    take(leg, length)
        self.reads.add(leg.row, endpoint.recv_into, endpoint.fd)
        self._route(leg)
        return LegLatched(leg.leg, *address)

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
            float(rx.jitter[row]) / 8,
        )
        # Before the socket is closed: from then on its number may be another file's.
        self.reads.remove(row)
        self.writes.remove(row)
        self.learning.pop(row, None)
        self.packed = self.packed[self.packed != row]
        if leg.endpoint is not None:
            del self._ports[leg.endpoint.port]
            self._net.release(leg.endpoint, now)
        self._columns.setup.open[row] = 0
        self._columns.setup.connected[row] = 0
        self._columns.setup.mix[row] = -1
        del self.by_number[leg.leg]
        del self.by_row[row]
        self._rows.give(row)
        return closed


def _either(number: int, otherwise: int) -> int:
    return otherwise if number < 0 else number


def _drain(endpoint: Endpoint, into: memoryview) -> None:
    with contextlib.suppress(OSError):
        for _ in range(DRAIN):
            endpoint.recvfrom_into(into)


def _sender(endpoint: Endpoint, address: Address) -> Callable[[memoryview], int]:
    return lambda view: endpoint.sendto(view, address)
