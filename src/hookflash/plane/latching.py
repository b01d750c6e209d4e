"""Learning where a peer's RTP really comes from (symmetric RTP, RFC 4961; latching, RFC 7362), and no more.

A leg *learns*: its socket is open to everybody and every datagram is looked at with its source. A valid
packet from the address in SDP locks the leg at once. Another source (a peer behind NAT) has to prove itself
with :data:`PROBATION` packets in a row, of one SSRC, in sequence and in as many ticks, while nobody better is
heard; for :data:`WINDOW` more ticks the address in SDP can still take the leg back. Then the socket is
connected: the system drops everybody else's packets, and what was queued before is sorted out.

Only signalling makes a leg learn again. With a new address in SDP it is open to any source by these rules.
With the same address it stays where it is as long as that is heard; if it falls silent within :data:`WINDOW`
ticks, the address in SDP or another port of the same hosts (NAT gave the peer a new one) may take over. While
it learns again, audio flows to and from the former source until a new one has proved itself.

Packets of a protected leg count only when they are authentic.
"""

from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import Callable
from typing import TYPE_CHECKING

from hookflash.plane.columns import Columns
from hookflash.plane.kernels.ingest import bounds_of
from hookflash.plane.net import Address, Endpoint
from hookflash.plane.secured import Secured, is_control
from hookflash.plane.sweep import Reads, Writes
from hookflash.ports.plane import LegLatched

if TYPE_CHECKING:
    from hookflash.plane.legs import Leg

PROBATION = 4
"""Packets in a row, in as many ticks, from a source SDP did not name."""
WINDOW = 250
"""Ticks after signalling (or after a source SDP did not name was locked) in which others may take over."""
SILENT = 50
"""Ticks without a packet after which the source is taken to be gone, within the window."""
ALIVE = 25
"""Ticks since its last packet in which the former source is still sent to."""
LEARN_READS = 16
"""Datagrams a learning leg reads in a tick."""
BUDGET = 512
"""Datagrams all learning legs read in a tick, beyond two each."""
LOCKS = 64
"""Legs that find their source in a tick, some 0.1 ms each; others that have none yet wait for the next."""
DRAIN = 64
"""Datagrams sorted or thrown away when a socket changes hands, in a tick."""
MAX_GAP = 16
"""Sequence numbers a source on probation may leave out."""
MAX_CONTROL = 64
"""RTCP packets on RTP ports that are kept for the reports of one tick."""
LONG_AGO = -(1 << 40)
BROADCAST = ipaddress.IPv4Address("255.255.255.255")

Take = Callable[["Leg", int], None]


def literal(host: str, port: int) -> Address | None:
    """An address that can be sent to without asking a name server; None for names, wildcards and port 0.

    Nor is one of many: multicast, and the broadcast address of RFC 919. Who is in the local network and which
    address is its broadcast is not known here; a socket refuses to send there.
    """
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    # An IPv4 address in IPv6 clothes goes where it says.
    meant = getattr(address, "ipv4_mapped", None) or address
    of_many = meant.is_multicast or meant == BROADCAST
    if meant.is_unspecified or of_many or not 0 < port < 65536:
        return None
    return str(address), port


class Latching:
    """The addresses of all legs, and which sweep reads and writes each."""

    def __init__(self, columns: Columns) -> None:
        self.learning: dict[int, Leg] = {}
        self.reads = Reads(columns.receive.octets, columns.receive.length)
        self.writes = Writes(columns.transmit.octets, columns.transmit.length)
        self.secured = Secured(columns)
        self.secure_writes = Writes(self.secured.octets, self.secured.length)
        self.control: list[tuple[Leg, bytes, Address]] = []
        """RTCP that came to RTP ports (RFC 5761), for the reports of this tick."""
        self._watched: dict[int, Leg] = {}
        self._columns = columns

    # --- signalling ---

    def offer(self, leg: Leg, target: Address | None, tick: int, *, first: bool) -> None:
        """SDP says (again) where the peer is; None: it does not."""
        if first:
            assert leg.endpoint is not None
            drain(leg.endpoint, leg.rx)
        if first or (target is not None and target != leg.target):
            leg.target = target
            self._learn(leg, tick, None)
        elif leg.locked is not None and leg.row not in self.learning:
            leg.until = tick + WINDOW
            self._watched[leg.row] = leg
        self.route(leg, tick)

    def forget(self, leg: Leg) -> None:
        """The leg is closed."""
        # Before the socket is closed: from then on its number may be another file's.
        self.reads.remove(leg.row)
        self.writes.remove(leg.row)
        self.secure_writes.remove(leg.row)
        self.secured.remove(leg.row)
        self.learning.pop(leg.row, None)
        self._watched.pop(leg.row, None)

    def _learn(self, leg: Leg, tick: int, hosts: frozenset[str] | None) -> None:
        """Open the leg to everybody, or to ``hosts``; what it is locked to goes on meanwhile."""
        assert leg.endpoint is not None
        if leg.connected:
            with contextlib.suppress(OSError):
                leg.endpoint.disconnect()
            leg.connected = False
            leg.locked_at = int(self._columns.receive.source_at[leg.row])
        leg.candidate, leg.hits = None, 0
        leg.hosts = hosts
        leg.until = tick + WINDOW
        self._watched.pop(leg.row, None)
        self.reads.remove(leg.row)
        self.learning[leg.row] = leg

    def route(self, leg: Leg, tick: int) -> None:
        """Put the leg into the sweep that writes it, if it may send and knows where to."""
        endpoint, row = leg.endpoint, leg.row
        setup = self._columns.setup
        heard = leg.locked is not None and tick - leg.locked_at < ALIVE and bool(setup.receiving[row])
        leg.peer = leg.locked if leg.connected or heard or leg.target is None else leg.target
        may = leg.wants_sending and endpoint is not None and leg.peer is not None
        setup.sending[row] = may
        sweep, other = self.writes, self.secure_writes
        if setup.secure[row]:
            sweep, other = other, sweep
        other.remove(row)
        if not may or endpoint is None or leg.peer is None:
            sweep.remove(row)
        elif leg.connected:
            sweep.add(row, endpoint.send, endpoint.fd)
        else:
            sweep.add(row, _sender(endpoint, leg.peer))

    # --- every tick ---

    def run(self, tick: int, take: Take) -> list[LegLatched]:
        """Read every learning leg; ``take`` ingests what its source says. Who was latched."""
        latched: list[LegLatched] = []
        for leg in list(self._watched.values()) if self._watched else ():
            self._watch(leg, tick)
        spare = BUDGET
        # Which legs the spare reads go to first changes from tick to tick: a flood of some starves nobody.
        legs = list(self.learning.values())
        begin = tick % len(legs) if legs else 0
        for leg in legs[begin:] + legs[:begin]:
            if len(latched) >= LOCKS and leg.locked is None:
                # What has come stays in its socket, in its order, for one of the next ticks.
                continue
            reads = DRAIN if leg.connected else min(LEARN_READS, 2 + max(spare, 0))
            spare -= max(self._read(leg, tick, reads, take, latched) - 2, 0)
        return latched

    def _watch(self, leg: Leg, tick: int) -> None:
        """Signalling repeated the address: learn again only if the source has fallen silent since."""
        waits = tick - int(self._columns.receive.heard_at[leg.row])
        if waits >= SILENT and self._columns.setup.receiving[leg.row] and leg.locked is not None:
            self._learn(leg, tick, frozenset({leg.locked[0], *(leg.target or ())[:1]}))
            self.route(leg, tick)
        elif tick >= leg.until:
            del self._watched[leg.row]

    def _read(self, leg: Leg, tick: int, reads: int, take: Take, latched: list[LegLatched]) -> int:
        """Datagrams of one leg, at most ``reads``; how many."""
        endpoint, garbage = leg.endpoint, self._columns.receive.garbage
        assert endpoint is not None
        done = 0
        while done < reads:
            try:
                length, source = endpoint.recvfrom_into(leg.rx)
            except BlockingIOError:
                if leg.connected:
                    self._settle(leg, endpoint)
                    return done
                break
            except OSError:
                # The network's complaint about something we sent; what is there waits behind it.
                done += 1
                continue
            done += 1
            address = (source[0], source[1])
            if leg.connected and address != leg.locked:
                # It came before the socket was connected.
                continue
            length = self._authentic(leg, length, address, tick)
            if length == 0:
                continue
            if not self._plausible(leg, length):
                garbage[leg.row] += 1
                continue
            if address == leg.locked:
                leg.locked_at = tick
                leg.candidate, leg.hits = None, 0
                take(leg, length)
                continue
            named = address == leg.target or (leg.target is None and leg.locked is None)
            if not named and not self._proven(leg, address, tick):
                continue
            if not self._lock(leg, endpoint, address, tick, connect=named or leg.target is None):
                continue
            latched.append(LegLatched(leg.leg, *address))
            take(leg, length)
            if leg.connected:
                # What others sent before is still queued.
                reads = done + DRAIN
        if not leg.connected:
            self._grow_old(leg, endpoint, tick)
        return done

    def _authentic(self, leg: Leg, length: int, address: Address, tick: int) -> int:
        """The datagram in the leg's row, decrypted; 0 when it is RTCP, and taken, or when there is none."""
        setup, octets = self._columns.setup, self._columns.receive.octets
        if length >= 2 and setup.control_mux[leg.row] and is_control(int(octets[leg.row, 1])):
            self.take_control(leg, length, address)
            return 0
        if setup.secure[leg.row]:
            return self.secured.unprotect_row(leg.row, length, tick)
        return length

    def take_control(self, leg: Leg, length: int, address: Address) -> None:
        """Keep the RTCP packet in the leg's row for the reports of this tick."""
        if len(self.control) < MAX_CONTROL:
            self.control.append((leg, bytes(leg.rx[:length]), address))

    def _plausible(self, leg: Leg, length: int) -> bool:
        """Whether the datagram in the leg's row is RTP of a payload type we agreed on."""
        data = self._columns.receive.octets[leg.row]
        setup, row = self._columns.setup, leg.row
        kinds = (setup.receive_type[row], setup.receive_event_type[row], setup.noise_type[row])
        return bounds_of(data, length)[0] >= 0 and data[1] & 0x7F in kinds

    @staticmethod
    def _proven(leg: Leg, address: Address, tick: int) -> bool:
        """Whether a source SDP did not name has sent enough, with this packet."""
        if leg.hosts is not None and address[0] not in leg.hosts:
            return False
        sequence, ssrc = int.from_bytes(leg.rx[2:4], "big"), bytes(leg.rx[8:12])
        step = (sequence - leg.hit_sequence) & 0xFFFF
        if (address, ssrc) != leg.candidate or not 0 < step <= MAX_GAP:
            leg.candidate, leg.hits = (address, ssrc), 1
        elif tick != leg.hit_tick:
            leg.hits += 1
        leg.hit_sequence, leg.hit_tick = sequence, tick
        return leg.hits >= PROBATION

    def _lock(self, leg: Leg, endpoint: Endpoint, address: Address, tick: int, *, connect: bool) -> bool:
        """Follow ``address`` from now on; False when the system can not send to it."""
        if connect:
            try:
                endpoint.connect(address)
            except OSError:
                return False
            leg.connected = True
        leg.locked, leg.locked_at = address, tick
        leg.until = tick + WINDOW
        leg.candidate, leg.hits = None, 0
        # Its SSRC is taken at once, whatever the former one still sends.
        self._columns.receive.source_at[leg.row] = LONG_AGO
        leg.control_learned = False
        if leg.control is None or leg.control[0] != address[0]:
            leg.control = (address[0], address[1] + 1)
        self.route(leg, tick)
        return True

    def _grow_old(self, leg: Leg, endpoint: Endpoint, tick: int) -> None:
        """Nobody new: keep a source that is heard for good, or send to the address in SDP instead."""
        if leg.locked is None:
            return
        if tick >= leg.until and tick - leg.locked_at < ALIVE:
            with contextlib.suppress(OSError):
                endpoint.connect(leg.locked)
                leg.connected = True
                self.route(leg, tick)
        elif leg.peer == leg.locked and leg.target is not None and tick - leg.locked_at >= ALIVE:
            self.route(leg, tick)

    def _settle(self, leg: Leg, endpoint: Endpoint) -> None:
        """Nothing of others is queued any more: the leg joins the fast path."""
        del self.learning[leg.row]
        leg.hosts = None
        self.reads.add(leg.row, endpoint.recv_into, endpoint.fd)


def drain(endpoint: Endpoint, into: memoryview) -> None:
    """Throw away what is queued."""
    with contextlib.suppress(OSError):
        for _ in range(DRAIN):
            endpoint.recvfrom_into(into)


def _sender(endpoint: Endpoint, address: Address) -> Callable[[memoryview], int]:
    return lambda view: endpoint.sendto(view, address)
