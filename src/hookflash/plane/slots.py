"""Which wideband slots are free, and whose they are."""

from __future__ import annotations

from collections.abc import Collection

from hookflash.plane.columns import Columns, Rows, clear_slot


class Slots:
    """Gives legs that speak or hear at 16,000 Hz a row of ``Columns.wide``."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self._slots = Rows(len(columns.wide.row))

    def take(self, row: int, kind: int) -> int:
        """A fresh slot for the leg at ``row``; raises RowsExhausted."""
        slot = self._slots.take()
        clear_slot(self._columns, slot)
        self._columns.wide.row[slot] = row
        self._columns.wide.kind[slot] = kind
        self._columns.setup.wide[row] = slot
        return slot

    def give(self, row: int, kinds: Collection[int]) -> bool:
        """Free the slot of the leg at ``row`` if it is one of ``kinds``; whether it was.

        A leg's one slot may have passed from a voice to a codec: neither may free what is the other's.
        """
        slot = int(self._columns.setup.wide[row])
        if slot < 0 or int(self._columns.wide.kind[slot]) not in kinds:
            return False
        self._columns.setup.wide[row] = -1
        self._columns.wide.row[slot] = -1
        self._slots.give(slot)
        return True
