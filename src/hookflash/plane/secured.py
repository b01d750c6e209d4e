"""The legs whose RTP is protected: between the sockets and the kernels, all of them in a few calls.

What such a leg sends is copied out of its row before it is protected, so that kernels may rely on what they
left there; the copies are sent from here and from nowhere else, and what could not be protected is not sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hookflash.plane import srtp
from hookflash.plane.columns import Columns
from hookflash.ports.plane import SrtpKeys, SrtpSource

KEEP_KEY = 250
"""Ticks for which the peer's former key is still good after a change: what is on its way must not be lost."""
SIZE = 1500
"""Octets of a row of protected packets."""
_BIG_ENDIAN = np.array([1 << 24, 1 << 16, 1 << 8, 1], np.int64)
UNTIL_HEARD = 1 << 62
"""Instead of a tick: until the first authentic packet."""
NOT_RTP = 1
"""The length a datagram that was refused is given: ingest counts it as garbage and reads on."""


@dataclass(slots=True)
class Security:
    """SRTP of one leg, both ways."""

    keys: SrtpKeys
    sender: srtp.Sender
    receiver: srtp.Receiver
    former: srtp.Receiver | None = None
    former_until: int = 0

    def unprotect_control(self, packet: bytes, tick: int) -> bytes | None:
        """SRTCP as RTCP; None when it is not authentic."""
        plain = self.receiver.control(packet)
        if plain is None and self.former is not None and tick < self.former_until:
            plain = self.former.control(packet)
        return plain


class Secured:
    """All protected legs of a plane, by row."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self._legs: dict[int, Security] = {}
        rows = len(columns.setup.open)
        # Zero pages: only the rows of protected legs cost memory.
        self.octets: NDArray[np.uint8] = np.zeros((rows, SIZE), np.uint8)
        self.length: NDArray[np.int32] = np.zeros(rows, np.int32)
        self._rows: NDArray[np.int64] = np.zeros(0, np.int64)
        self._source: NDArray[np.int64] = np.full(rows, -1, np.int64)
        self._newest: NDArray[np.int64] = np.zeros(rows, np.int64)
        self._changing: dict[int, int] = {}
        self._found: dict[int, tuple[Any, ...]] = {}
        self._stale = False
        self._receive: list[list[Any]] = [[], [], []]
        self._send: list[list[Any]] = [[], [], []]

    def __len__(self) -> int:
        return len(self._legs)

    def get(self, row: int) -> Security | None:
        """The protection of a row, None when it has none."""
        return self._legs.get(row)

    def position(self, row: int) -> SrtpSource | None:
        """How far the peer's stream has come; None when that is not known, or the row is not protected."""
        leg = self._legs.get(row)
        if leg is None:
            return None
        source = int(self._source[row])
        return leg.receiver.begun if source < 0 else SrtpSource(source, int(self._newest[row]) >> 16)

    def set(self, row: int, keys: SrtpKeys | None, tick: int, begun: SrtpSource | None = None) -> bool:
        """Protect a row with ``keys``, or no more; whether it needs a new stream (SSRC) to send with them.

        ``begun`` is how far the peer's stream has come elsewhere: it counts when the row had no keys.
        Contexts of keys that stay go on. Raises :class:`ValueError` for keys that make no sense, and then
        changes nothing.
        """
        old = self._legs.get(row)
        if keys is None:
            self.remove(row)
            return False
        srtp.check_keys(keys)
        if old is not None and old.keys == keys:
            return False
        same = old is not None and old.keys.suite == keys.suite
        if old is not None and same and old.keys.send_key == keys.send_key:
            sender, anew = old.sender, False
        else:
            sender, anew = srtp.Sender(keys.suite, keys.send_key), True
        if old is not None and same and old.keys.receive_key == keys.receive_key:
            new = Security(keys, sender, old.receiver, old.former, old.former_until)
        else:
            begun = self.position(row) if old is not None else begun
            receiver = srtp.Receiver(keys.suite, keys.receive_key, begun)
            former = old.receiver if old is not None else None
            new = Security(keys, sender, receiver, former, tick + KEEP_KEY)
            self._source[row] = -1
            if former is not None:
                self._changing[row] = new.former_until
            elif begun is not None:
                self._changing[row] = UNTIL_HEARD
        self._legs[row] = new
        self._columns.setup.secure[row] = 1
        self._attach(row)
        return anew

    def remove(self, row: int) -> None:
        """Forget the keys of a row; one that has none is ignored."""
        if self._legs.pop(row, None) is not None:
            self._columns.setup.secure[row] = 0
            self.length[row] = 0
            self._changing.pop(row, None)
            del self._found[row]
            self._stale = True

    def _attach(self, row: int) -> None:
        """Note where libsrtp finds what belongs to a row; the lists of all rows are made anew when used."""
        rx, leg = self._columns.receive, self._legs[row]
        self._found[row] = (
            leg.receiver.context,
            _pointer("unsigned char *", rx.octets, row),
            _pointer("int *", rx.length, row),
            leg.sender.context,
            _pointer("unsigned char *", self.octets, row),
            _pointer("int *", self.length, row),
        )
        self._stale = True

    def _index(self) -> None:
        """The lists that ``map`` walks, in the order of the rows."""
        if not self._stale:
            return
        self._stale = False
        rows = sorted(self._found)
        self._rows = np.array(rows, np.int64)
        found = [list(column) for column in zip(*(self._found[row] for row in rows), strict=True)]
        self._receive, self._send = (found[:3], found[3:]) if rows else ([[], [], []], [[], [], []])

    # --- what comes in ---

    def unprotect(self, tick: int, rows: NDArray[np.int64] | None = None) -> None:
        """Verify and decrypt in place what was read for ``rows``, or for all; refused ones become garbage.

        RTCP that shares the port (RFC 5761) is left as it is.
        """
        if not self._legs:
            return
        self._index()
        if rows is None:
            places = self._rows
        else:
            # Sorted, as the lists of all rows are: what is found of a packet must stay with its row.
            places = np.sort(rows[self._columns.setup.secure[rows] != 0])
        rx = self._columns.receive
        places = places[rx.length[places] > 0]
        if not len(places):
            return
        kinds = rx.octets[places, 1]
        mux = self._columns.setup.control_mux[places] != 0
        places = places[~(mux & (kinds >= 192) & (kinds <= 223))]
        at = np.searchsorted(self._rows, places).tolist()
        contexts, octets, lengths = self._receive
        if len(at) < len(contexts):
            contexts, octets, lengths = ([all_rows[i] for i in at] for all_rows in self._receive)
        if self._changing:
            self._forget_former(tick)
        # Failing may spoil a packet where it lies, and a former key may be the right one.
        copies = {
            row: rx.octets[row, : rx.length[row]].tobytes()
            for row in (places.tolist() if self._changing else ())
            if row in self._changing
        }
        codes = srtp.unprotect_all(contexts, octets, lengths)
        sources = rx.octets[places, 8:12].astype(np.int64) @ _BIG_ENDIAN
        authentic = np.array(codes) == 0
        good = authentic & (sources == self._source[places])
        for place in np.flatnonzero(~good).tolist():
            row = int(places[place])
            if codes[place] == 0:
                taken = authentic[place] = self._turn_to(row, int(sources[place]))
            else:
                taken = row in copies and self._again(row, copies[row])
            if not taken:
                rx.length[row] = NOT_RTP
        self._advance(places[authentic])

    def _turn_to(self, row: int, source: int) -> bool:
        """An authentic packet is of another source than the one before; whether it may be taken."""
        leg, octets = self._legs[row], self._columns.receive.octets[row]
        receiver = leg.receiver
        if not receiver.known(source.to_bytes(4, "big")):
            return False
        if self._source[row] >= 0:
            receiver.newest[int(self._source[row])] = int(self._newest[row])
        self._source[row] = source
        sequence = int(octets[2]) << 8 | int(octets[3])
        self._newest[row] = receiver.newest.get(source, sequence)
        if leg.former is None:
            self._changing.pop(row, None)
        return True

    def _advance(self, rows: NDArray[np.int64]) -> None:
        """Note how far streams have come whose authentic packets are in ``rows`` (RFC 3711 section 3.3.1)."""
        octets, newest = self._columns.receive.octets, self._newest[rows]
        sequence = octets[rows, 2].astype(np.int64) << 8 | octets[rows, 3]
        step = ((sequence - newest + 0x8000) & 0xFFFF) - 0x8000
        self._newest[rows] = newest + np.maximum(step, 0)

    def _forget_former(self, tick: int) -> None:
        """Keys that were changed so long ago that nothing they protected can be on its way."""
        for row in [row for row, until in self._changing.items() if until <= tick]:
            del self._changing[row]
            self._legs[row].former = None

    def _again(self, row: int, packet: bytes) -> bool:
        """A packet the key is wrong for: with a counter that went on, or with the former key."""
        leg, rx = self._legs[row], self._columns.receive
        _, octets, length, *_ = self._found[row]
        # The former key first: what is late must not use up the attempts with the new one.
        for receiver in (leg.former, leg.receiver):
            if receiver is None:
                continue
            for walked in (False, True):
                if walked and not receiver.try_rollover(packet):
                    break
                rx.octets[row, : len(packet)] = np.frombuffer(packet, np.uint8)
                rx.length[row] = len(packet)
                if srtp.unprotect_all([receiver.context], [octets], [length]) == [0]:
                    self._attach(row)
                    return receiver.known(packet[8:12])
        return False

    # --- what goes out ---

    def protect(
        self, rows: NDArray[np.int64] | None, octets: NDArray[np.uint8], length: NDArray[np.int32]
    ) -> NDArray[np.int64]:
        """Copy the packets of protected rows among ``rows`` (None: all) and protect the copies; those rows.

        They are in :attr:`octets`, their sizes in :attr:`length`: 0 where there is nothing to send, or where
        it could not be protected.
        """
        self._index()
        contexts, copies, lengths = self._send
        if rows is None:
            rows = self._rows
        else:
            rows = rows[self._columns.setup.secure[rows] != 0]
            at = np.searchsorted(self._rows, rows).tolist()
            contexts, copies, lengths = ([all_rows[i] for i in at] for all_rows in self._send)
        sizes = length[rows]
        sizes[sizes > SIZE - srtp.TRAILER] = 0
        width = int(sizes.max(initial=0))
        self.octets[rows, :width] = octets[rows, :width]
        self.length[rows] = sizes
        codes = srtp.protect_all(contexts, copies, lengths)
        if any(codes):
            self.length[rows[np.array(codes) != 0]] = 0
        return rows


def _pointer(kind: str, array: NDArray[Any], row: int) -> Any:
    return srtp.pointer(kind, array.ctypes.data + array.strides[0] * row)
