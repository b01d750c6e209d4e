"""Learning where a peer's RTP really comes from (symmetric RTP, RFC 4961; latching, RFC 7362), and no more.

A leg *learns*: its socket is open to everybody and every datagram is looked at with its source. A valid
packet from the address in SDP locks the leg at once. Another source (a peer behind NAT) has to prove itself
with :data:`~.kernels.learning.PROBATION` packets in a row, of one SSRC, in sequence and in as many ticks,
while nobody better is heard; for :data:`WINDOW` more ticks the address in SDP can still take the leg back.
Then the socket is connected: the system drops everybody else's packets, and what was queued before is sorted
out.

Only signalling makes a leg learn again. With a new address in SDP it is open to any source by these rules.
With the same address it stays where it is as long as that is heard; if it falls silent within :data:`WINDOW`
ticks, the address in SDP or another port of the same hosts (NAT gave the peer a new one) may take over. While
it learns again, audio flows to and from the former source until a new one has proved itself.

Packets of a protected leg count only when they are authentic.

All that learn are read together, by rounds: one datagram each, then a second one of those that had one, and
so on, each round judged, locked and ingested in a few calls. Thousands of legs may begin at once, so a tick
has a bound for each kind of work; where one is reached, the next tick goes on at that leg. What is not read
waits in its socket, and what is read by a leg that can not be locked in this tick waits in its row. A leg
that is locked is heard at once; telling of it, and sending to where it was found if SDP named another place,
may take some ticks more.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hookflash.plane.addresses import NONE, packed, unpacked
from hookflash.plane.columns import Columns
from hookflash.plane.columns.learning import (
    CONTROL,
    KNOWN,
    LOCK,
    NOBODY,
    NOTHING,
    OPEN,
    PROVEN,
    SETTLING,
    TAKE,
)
from hookflash.plane.kernels.learning import drop_strangers, judge
from hookflash.plane.net import Address, Endpoint
from hookflash.plane.secured import Secured
from hookflash.plane.sweep import Openings, Reads, Writes
from hookflash.ports.plane import LegLatched

if TYPE_CHECKING:
    from hookflash.plane.legs import Leg

WINDOW = 250
"""Ticks after signalling (or after a source SDP did not name was locked) in which others may take over."""
SILENT = 50
"""Ticks without a packet after which the source is taken to be gone, within the window."""
ALIVE = 25
"""Ticks since its last packet in which the former source is still sent to."""
LEARN_READS = 16
"""Datagrams a learning leg reads in a tick."""
DRAIN = 64
"""The same, of a leg whose socket changes hands: what is sorted or thrown away."""
LOOKS = 512
"""Datagrams that legs without a source read in a tick, one each; where more have come, some wait."""
BUDGET = 2048
"""Datagrams all learning legs read in a tick, beyond the first of each."""
LOCKS = 512
"""Legs that are locked in a tick, some 2 us each."""
FOLLOWS = 128
"""Legs in a tick whose source is told and sent to from then on, some 10 us each."""
MAX_CONTROL = 64
"""RTCP packets on RTP ports that are kept for the reports of one tick."""
LONG_AGO = -(1 << 40)

Take = Callable[[NDArray[np.int64]], None]


class Latching:
    """The addresses of all legs, and which sweep reads and writes each."""

    def __init__(self, columns: Columns) -> None:
        self.learning: dict[int, Leg] = {}
        self.reads = Reads(columns.receive.octets, columns.receive.length)
        self.writes = Writes(columns.transmit.octets, columns.transmit.length)
        self.openings = Openings(columns.receive.octets, columns.receive.length, columns.learning.source)
        self.secured = Secured(columns)
        self.secure_writes = Writes(self.secured.octets, self.secured.length)
        self.control: list[tuple[Leg, bytes, Address]] = []
        """RTCP that came to RTP ports (RFC 5761), for the reports of this tick."""
        self._watched: dict[int, Leg] = {}
        self._held: deque[int] = deque()
        """Rows that wait to be locked, in their order; those that learn anew or are closed meanwhile, too."""
        self._locked: dict[int, Leg] = {}
        """What is locked and not told yet, in its order."""
        self._told: list[LegLatched] = []
        """Of legs that could not wait for their turn, because they learn anew."""
        self._room = LOCKS
        """Legs that may still be locked in this tick."""
        self._first = 0
        """The row from which on legs without a source are looked at."""
        self._columns = columns

    # --- signalling ---

    def offer(self, leg: Leg, target: Address | None, tick: int, *, first: bool) -> None:
        """SDP says (again) where the peer is; None: it does not."""
        if self._locked.get(leg.row) is leg:
            self._told.append(self._follow(leg, tick))
        if first:
            assert leg.endpoint is not None
            drain(leg.endpoint, leg.rx)
        if first or (target is not None and target != leg.target):
            leg.target = target
            self._learn(leg, tick, None)
        elif leg.locked is not None and leg.row not in self.learning:
            self._columns.learning.until[leg.row] = tick + WINDOW
            self._columns.learning.watched[leg.row] = 1
            self._watched[leg.row] = leg
        self.route(leg, tick)

    def forget(self, leg: Leg) -> None:
        """The leg is closed."""
        # Before the socket is closed: from then on its number may be another file's.
        self.reads.remove(leg.row)
        self.writes.remove(leg.row)
        self.openings.remove(leg.row)
        self.secure_writes.remove(leg.row)
        self.secured.remove(leg.row)
        self.learning.pop(leg.row, None)
        self._locked.pop(leg.row, None)
        self._told = [latched for latched in self._told if latched.leg != leg.leg]
        self._columns.learning.state[leg.row] = KNOWN
        self._columns.learning.held[leg.row] = 0
        self._unwatch(leg.row)

    def _unwatch(self, row: int) -> None:
        if self._watched.pop(row, None) is not None:
            self._columns.learning.watched[row] = 0

    def _learn(self, leg: Leg, tick: int, hosts: tuple[Address, ...] | None) -> None:
        """Open the leg to everybody, or to ``hosts``, two at most; what it is locked to goes on meanwhile."""
        endpoint, row, learning = leg.endpoint, leg.row, self._columns.learning
        assert endpoint is not None
        if leg.connected:
            with contextlib.suppress(OSError):
                endpoint.disconnect()
            leg.connected = False
            learning.locked_at[row] = self._columns.receive.source_at[row]
        learning.state[row] = NOBODY if leg.locked is None else OPEN
        learning.held[row] = learning.hits[row] = 0
        learning.candidate_ssrc[row] = -1
        learning.until[row] = tick + WINDOW
        learning.few[row] = hosts is not None
        host, other, *_ = (*map(packed, hosts or ()), NONE, NONE)
        for column, address in (
            (learning.target, packed(leg.target)),
            (learning.locked, packed(leg.locked)),
            (learning.host, host),
            (learning.other, other),
        ):
            column[row] = np.frombuffer(address, np.uint8)
        self._unwatch(row)
        self.reads.remove(row)
        # Asked for each time: under test these are others later.
        self.openings.add(
            row, lambda view: endpoint.recvfrom_into(view), endpoint.fd, lambda to: endpoint.connect(to)
        )
        self.learning[row] = leg

    def route(self, leg: Leg, tick: int) -> None:
        """Put the leg into the sweep that writes it, if it may send and knows where to."""
        endpoint, row = leg.endpoint, leg.row
        setup, learning = self._columns.setup, self._columns.learning
        heard = (
            leg.locked is not None and tick - learning.locked_at[row] < ALIVE and bool(setup.receiving[row])
        )
        leg.peer = leg.locked if leg.connected or heard or leg.target is None else leg.target
        learning.followed[row] = leg.target is not None and leg.peer == leg.locked
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
            sweep.add(row, _sender(endpoint, leg.peer), endpoint.fd, packed(leg.peer))

    # --- every tick ---

    def run(self, tick: int, take: Take) -> list[LegLatched]:
        """Read every learning leg; ``take`` ingests what their sources say, of many rows. Who was latched."""
        if self._watched:
            self._watch(tick)
        if self.learning:
            self._learn_all(tick, take)
        latched, self._told = self._told, []
        if self._locked:
            latched += [self._follow(self._locked[row], tick) for row in list(islice(self._locked, FOLLOWS))]
        return latched

    def _learn_all(self, tick: int, take: Take) -> None:
        learning, length = self._columns.learning, self._columns.receive.length
        self._room = LOCKS
        self._lock_held(tick, take)
        rows = looked = self._look()
        spare = BUDGET
        for done in range(1, DRAIN + 1):
            found = rows[length[rows] >= 0]
            if len(found) < len(rows):
                self._settle(rows[length[rows] < 0])
            if not len(found):
                break
            self._judge(found, tick, take)
            going = (learning.held[found] == 0) & (done < LEARN_READS or learning.state[found] == SETTLING)
            rows = found[going]
            if len(rows) > spare:
                # In no order that could fall in with that of the looks.
                rows = np.roll(rows, (tick * 40503) >> 4)[:spare]
            spare -= len(rows)
            self.openings.run(rows, len(rows))
        # What is taken must not be decrypted again with what the fast path reads.
        length[looked] = 0
        self._grow_old(tick)

    def _look(self) -> NDArray[np.int64]:
        """Read a datagram of each leg that has a source, and of some that have none; the rows of these."""
        learning = self._columns.learning
        rows = np.flatnonzero((learning.state != KNOWN) & (learning.held == 0))
        nobody = learning.state[rows] == NOBODY
        heard, rest = rows[~nobody], _from(rows[nobody], self._first)
        self.openings.run(heard, len(heard))
        looked = self.openings.run(rest, LOOKS)
        if looked < len(rest):
            self._first = int(rest[looked])
        return np.concatenate((heard, rest[:looked]))

    def _judge(self, rows: NDArray[np.int64], tick: int, take: Take) -> None:
        """Do what is to be done about a datagram of each of ``rows``."""
        c = self._columns
        drop_strangers(c.receive, c.learning, rows, len(rows))
        if self.secured:
            self.secured.unprotect(tick, rows)
        takes, locks, controls = judge(c.setup, c.receive, c.learning, rows, len(rows), tick)
        verdicts = c.learning.verdict[rows]
        if controls:
            for row in rows[verdicts == CONTROL].tolist():
                source = unpacked(c.learning.source[row].tobytes())
                self.take_control(self.learning[row], int(c.receive.length[row]), source)
                c.receive.length[row] = 0
        if locks:
            found = rows[(verdicts == LOCK) | (verdicts == PROVEN)]
            waiting = found[self._room :]
            c.learning.held[waiting] = c.receive.length[waiting]
            c.receive.length[waiting] = 0
            self._held.extend(waiting.tolist())
            self._lock(found[: self._room], tick)
        if takes or locks:
            take(rows[c.learning.verdict[rows] == TAKE])

    def _lock_held(self, tick: int, take: Take) -> None:
        """The legs whose turn has not come before."""
        learning, length = self._columns.learning, self._columns.receive.length
        waiting: list[int] = []
        while self._held and len(waiting) < self._room:
            row = self._held.popleft()
            if learning.held[row]:
                length[row], learning.held[row] = learning.held[row], 0
                waiting.append(row)
        if waiting:
            rows = np.array(waiting, np.int64)
            self._lock(rows, tick)
            take(rows[learning.verdict[rows] == TAKE])

    def _lock(self, rows: NDArray[np.int64], tick: int) -> None:
        """Take the datagrams in ``rows``, and hear their sources from now on, if we can send to them."""
        c, learning = self._columns, self._columns.learning
        self._room -= len(rows)
        named = learning.verdict[rows] == LOCK
        connected = np.ones(len(rows), np.bool_)
        connected[named] = self.openings.connect(rows[named])
        refused = rows[~connected]
        learning.verdict[refused] = NOTHING
        c.receive.length[refused] = 0
        rows, named = rows[connected], named[connected]
        learning.state[rows] = np.where(named, SETTLING, OPEN)
        learning.verdict[rows] = TAKE
        learning.locked[rows] = learning.source[rows]
        learning.locked_at[rows] = tick
        learning.until[rows] = tick + WINDOW
        learning.hits[rows] = 0
        learning.candidate_ssrc[rows] = -1
        # Its SSRC is taken at once, whatever the former one still sends.
        c.receive.source_at[rows] = LONG_AGO
        for row in rows.tolist():
            self._locked[row] = self.learning[row]

    def _follow(self, leg: Leg, tick: int) -> LegLatched:
        """Send to where the leg was found."""
        del self._locked[leg.row]
        learning = self._columns.learning
        leg.locked = address = unpacked(learning.locked[leg.row].tobytes())
        leg.connected = learning.state[leg.row] in (KNOWN, SETTLING)
        leg.control_learned = False
        if leg.control is None or leg.control[0] != address[0]:
            leg.control = (address[0], address[1] + 1)
        self.route(leg, tick)
        return LegLatched(leg.leg, *address)

    def take_control(self, leg: Leg, length: int, address: Address) -> None:
        """Keep the RTCP packet in the leg's row for the reports of this tick."""
        if len(self.control) < MAX_CONTROL:
            self.control.append((leg, bytes(leg.rx[:length]), address))

    def _settle(self, rows: NDArray[np.int64]) -> None:
        """Nothing is queued of ``rows``: those whose sockets are connected join the fast path."""
        learning = self._columns.learning
        for row in rows[learning.state[rows] == SETTLING].tolist():
            leg = self.learning.pop(row)
            assert leg.endpoint is not None
            learning.state[row] = KNOWN
            self.openings.remove(row)
            self.reads.add(row, leg.endpoint.recv_into, leg.endpoint.fd)

    def _watch(self, tick: int) -> None:
        """Where signalling repeated the address: learn again only if the source has fallen silent since."""
        c, learning = self._columns, self._columns.learning
        rows = np.flatnonzero(learning.watched)
        silent = (tick - c.receive.heard_at[rows] >= SILENT) & (c.setup.receiving[rows] != 0)
        for row in rows[silent].tolist():
            leg = self._watched[row]
            if leg.locked is not None:
                self._learn(leg, tick, (leg.locked, leg.target) if leg.target else (leg.locked,))
                self.route(leg, tick)
        for row in rows[~silent & (tick >= learning.until[rows])].tolist():
            self._unwatch(row)

    def _grow_old(self, tick: int) -> None:
        """Nobody new: keep sources that are heard for good, or send to the addresses in SDP instead."""
        learning = self._columns.learning
        rows = np.flatnonzero(learning.state == OPEN)
        alive = tick - learning.locked_at[rows] < ALIVE
        for row in rows[alive & (tick >= learning.until[rows])][:FOLLOWS].tolist():
            leg = self.learning[row]
            if leg.endpoint is None or leg.locked is None:
                continue
            try:
                leg.endpoint.connect(leg.locked)
            except OSError:
                learning.until[row] = tick + ALIVE
                continue
            leg.connected = True
            learning.state[row] = SETTLING
            self.route(leg, tick)
        for row in rows[~alive & (learning.followed[rows] != 0)][:FOLLOWS].tolist():
            self.route(self.learning[row], tick)


def _from(rows: NDArray[np.int64], row: int) -> NDArray[np.int64]:
    """Rows in ascending order, beginning at ``row`` or the next one there is, the lesser ones last."""
    at = int(np.searchsorted(rows, row))
    return np.concatenate((rows[at:], rows[:at]))


def drain(endpoint: Endpoint, into: memoryview) -> None:
    """Throw away what is queued."""
    with contextlib.suppress(OSError):
        for _ in range(DRAIN):
            endpoint.recvfrom_into(into)


def _sender(endpoint: Endpoint, address: Address) -> Callable[[memoryview], int]:
    return lambda view: endpoint.sendto(view, address)
