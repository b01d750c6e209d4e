"""Sending: what each leg hears, as the packet of this tick, and out with it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hookflash.plane.columns import Columns
from hookflash.plane.columns.wide import CODES, PACKETS, PCM
from hookflash.plane.kernels.mixing import Mixes
from hookflash.plane.kernels.output import output
from hookflash.plane.kernels.packing import pack
from hookflash.plane.kernels.playing import Plays
from hookflash.plane.kernels.tones import send_tones
from hookflash.plane.kernels.wide import begin_packets, encode_g722, encode_pcm
from hookflash.plane.legs import Legs
from hookflash.plane.sendings import Sendings


class Sender:
    """The last systems of a tick."""

    def __init__(self, columns: Columns, legs: Legs, sendings: Sendings) -> None:
        self._columns = columns
        self._legs = legs
        self._sendings = sendings
        self._chosen = np.zeros(len(columns.wide.row), np.int64)

    def run(self, plays: Plays, mixes: Mixes, used: int) -> None:
        """Make the packet of every sending leg and send it."""
        c = self._columns
        toning = self._sendings.rows
        if len(toning):
            send_tones(c.setup, c.transmit, c.wide, toning, len(toning))
        if self._legs.wide_used:
            self._encode()
        output(c.setup, c.jitter, c.wide, c.bridge, c.transmit, plays, mixes, used)
        packed, packing = self._legs.packed, c.packing
        if not len(packed):
            self._write()
            return
        seconds = pack(c.setup, c.transmit, packing, packed, len(packed))
        self._write()
        self._write(packed, packing.first, packing.first_length)
        if seconds:
            self._write(packed, packing.second, packing.second_length)

    def _encode(self) -> None:
        """What wideband legs hear, as packets: each kind of codec on its own."""
        c, used, chosen = self._columns, self._legs.wide_used, self._chosen
        for kind in (CODES, PCM, PACKETS):
            count = begin_packets(c.setup, c.transmit, c.wide, kind, used, chosen)
            if count == 0:
                continue
            if kind == CODES:
                encode_g722(c.transmit, c.wide, chosen[:count])
            elif kind == PCM:
                encode_pcm(c.transmit, c.wide, chosen[:count])
            else:
                self._legs.packets.send(chosen[:count])

    def _write(
        self,
        rows: NDArray[np.int64] | None = None,
        octets: NDArray[np.uint8] | None = None,
        length: NDArray[np.int32] | None = None,
    ) -> None:
        """Send what is in ``octets``, for ``rows`` or all: as it is, or protected."""
        legs, tx = self._legs, self._columns.transmit
        legs.writes.run(rows, octets, length)
        if legs.secured:
            rows = legs.secured.protect(
                rows, tx.octets if octets is None else octets, tx.length if length is None else length
            )
            legs.secure_writes.run(rows)
