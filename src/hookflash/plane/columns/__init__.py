"""All leg state, one row a leg: numpy arrays in groups, each a named tuple a kernel takes as one argument.

The arrays are as long as the plane may ever grow, but zero pages cost nothing until they are touched, so
memory follows the rows in use. Kernels walk ``range(used)``; ``used`` grows in blocks of :data:`BLOCK` rows.
Since the arrays never move, sockets receive straight into their row. Wideband legs have a *slot* beside their
row (:class:`Wide`), so that a narrowband leg pays nothing for them.

A group's module names the trailing dimensions of its arrays in ``SHAPES`` and what a fresh row holds, where
that is not 0, in ``FIRST``.

Units: *sample* is 1/8000 s unless wideband is said, *tick* 20 ms (160 samples). RTP times and sequence
numbers are kept in wider signed integers, reduced modulo 2**32 and 2**16 unless a column says otherwise.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from hookflash.plane.columns import (
    bridge,
    detect,
    jitter,
    learning,
    packing,
    quality,
    receive,
    setup,
    transmit,
    wide,
)
from hookflash.plane.columns.bridge import Bridge
from hookflash.plane.columns.detect import Detect
from hookflash.plane.columns.jitter import Jitter
from hookflash.plane.columns.learning import Learning
from hookflash.plane.columns.packing import Packing
from hookflash.plane.columns.quality import Quality
from hookflash.plane.columns.receive import Receive
from hookflash.plane.columns.rows import Rows, RowsExhausted
from hookflash.plane.columns.setup import Setup
from hookflash.plane.columns.sizes import (
    ADDRESS,
    BLOCK,
    FRAME,
    G722,
    HISTORY,
    L16,
    L16_WIDE,
    MAX_DIGITS,
    MAX_PLAYS,
    MAX_RULES,
    MISSING,
    OPUS,
    PAST,
    PCMA,
    PCMU,
    RATE,
    RING,
    RING_PAD,
    RX_SIZE,
    TAKE,
    TX_SIZE,
    WIDE_FRAME,
)
from hookflash.plane.columns.transmit import Transmit
from hookflash.plane.columns.wide import Wide

__all__ = [
    "ADDRESS",
    "BLOCK",
    "FRAME",
    "G722",
    "HISTORY",
    "L16",
    "L16_WIDE",
    "MAX_DIGITS",
    "MAX_PLAYS",
    "MAX_RULES",
    "MISSING",
    "OPUS",
    "PAST",
    "PCMA",
    "PCMU",
    "RATE",
    "RING",
    "RING_PAD",
    "RX_SIZE",
    "TAKE",
    "TX_SIZE",
    "WIDE_FRAME",
    "Bridge",
    "Columns",
    "Detect",
    "Jitter",
    "Learning",
    "Packing",
    "Quality",
    "Receive",
    "Rows",
    "RowsExhausted",
    "Setup",
    "Transmit",
    "Wide",
    "clear_row",
    "clear_slot",
    "make_columns",
]


class Columns(NamedTuple):
    """Every group of one plane. All but ``wide`` have one row a leg; ``wide`` has one a wideband leg."""

    setup: Setup
    receive: Receive
    learning: Learning
    jitter: Jitter
    detect: Detect
    transmit: Transmit
    packing: Packing
    bridge: Bridge
    quality: Quality
    wide: Wide


_MODULES: dict[str, ModuleType] = {
    "setup": setup,
    "receive": receive,
    "learning": learning,
    "jitter": jitter,
    "detect": detect,
    "transmit": transmit,
    "packing": packing,
    "bridge": bridge,
    "quality": quality,
    "wide": wide,
}


def _group(kind: Any, rows: int, shapes: dict[str, int]) -> Any:
    """A named tuple of zeroed arrays; the dtypes are the ones its annotations name."""
    arrays = []
    for name, annotation in kind.__annotations__.items():
        dtype = np.dtype(_text(annotation).split("np.", 1)[1].rstrip("]"))
        arrays.append(np.zeros((rows, shapes[name]) if name in shapes else rows, dtype))
    return kind(*arrays)


def _text(annotation: Any) -> str:
    """An annotation as written; named tuples wrap it in a forward reference."""
    return str(getattr(annotation, "__forward_arg__", annotation))


def make_columns(rows: int) -> Columns:
    """Columns for at most ``rows`` legs, all rows free; as many wideband slots."""
    kinds: dict[str, Any] = {
        "setup": Setup,
        "receive": Receive,
        "learning": Learning,
        "jitter": Jitter,
        "detect": Detect,
        "transmit": Transmit,
        "packing": Packing,
        "bridge": Bridge,
        "quality": Quality,
        "wide": Wide,
    }
    return Columns(*(_group(kinds[name], rows, _MODULES[name].SHAPES) for name in Columns._fields))


def clear_row(columns: Columns, row: int) -> None:
    """Reset every column of a row to what a fresh leg has."""
    for name in Columns._fields:
        if name != "wide":
            _clear(columns, name, row)


def clear_slot(columns: Columns, slot: int) -> None:
    """Reset every column of a wideband slot to what a fresh one has."""
    _clear(columns, "wide", slot)


def _clear(columns: Columns, name: str, row: int) -> None:
    group: Any = getattr(columns, name)
    first = _MODULES[name].FIRST
    for field, array in zip(group._fields, group, strict=True):
        array[row] = first.get(field, 0)
