"""Sending: what each leg hears, as the packet of this tick, and out with it."""

from __future__ import annotations

from hookflash.plane.columns import Columns
from hookflash.plane.kernels.output import Mixes, output
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
            send_tones(c.setup, c.transmit, toning, len(toning))
        output(c.setup, c.jitter, c.transmit, plays, mixes, used)
        self._legs.writes.run()
