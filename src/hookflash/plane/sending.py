"""Sending: what each leg hears, as the packet of this tick, and out with it."""

from __future__ import annotations

from hookflash.plane.columns import Columns
from hookflash.plane.kernels.output import Mixes, output
from hookflash.plane.kernels.packing import pack
from hookflash.plane.kernels.playing import Plays
from hookflash.plane.kernels.tones import send_tones
from hookflash.plane.legs import Legs
from hookflash.plane.sendings import Sendings


class Sender:
    """The last systems of a tick."""

    def __init__(self, columns: Columns, legs: Legs, sendings: Sendings) -> None:
        self._columns = columns
        self._legs = legs
        self._sendings = sendings

    def run(self, plays: Plays, mixes: Mixes, used: int) -> None:
        """Make the packet of every sending leg and send it."""
        c = self._columns
        toning = self._sendings.rows
        if len(toning):
            send_tones(c.setup, c.transmit, c.wide, toning, len(toning))
        output(c.setup, c.jitter, c.transmit, plays, mixes, used)
        writes, packed = self._legs.writes, self._legs.packed
        if not len(packed):
            writes.run()
            return
        seconds = pack(c.setup, c.transmit, c.packing, packed, len(packed))
        writes.run()
        writes.run(packed, c.packing.first, c.packing.first_length)
        if seconds:
            writes.run(packed, c.packing.second, c.packing.second_length)
