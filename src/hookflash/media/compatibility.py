"""The compatibility table: what may start while something else runs (contract section 6.9), row for row.

The columns of the contract are "new operation allowed (run or queue)" and "disallowed"; a row of
:data:`ALLOWED` is the first of them, and what it does not list is disallowed. A row of a *sub leg* forbids
only for the same participant.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum


class Kind(Enum):
    """Kinds of media operation, named as in the contract's table."""

    PLAY_TO_ALL = "PlayToAll"
    RECOGNIZE_ONE_TO_ONE = "Recognize(1:1)"
    PLAY_TO = "PlayTo"
    RECOGNIZE_GROUP = "Recognize(group)"
    SEND_DTMF = "SendDTMF"
    CONTINUOUS_DTMF = "StartContinuousDtmf"

    @property
    def on_main_leg(self) -> bool:
        """Main-leg operations concern everybody and queue; the others concern one participant and do not."""
        return self in MAIN_LEG


MAIN_LEG = frozenset({Kind.PLAY_TO_ALL, Kind.RECOGNIZE_ONE_TO_ONE})

_EVERYTHING = frozenset(Kind)
_MAIN_LEG_ONLY = MAIN_LEG

ALLOWED: Mapping[Kind, frozenset[Kind]] = {
    Kind.PLAY_TO_ALL: _EVERYTHING,
    Kind.RECOGNIZE_ONE_TO_ONE: _EVERYTHING,
    Kind.PLAY_TO: _MAIN_LEG_ONLY,
    Kind.RECOGNIZE_GROUP: _MAIN_LEG_ONLY,
    Kind.SEND_DTMF: _MAIN_LEG_ONLY,
    Kind.CONTINUOUS_DTMF: _EVERYTHING,
}
"""Running or queued operation -> new operations that are allowed beside it."""


def allowed(running: Kind, new: Kind) -> bool:
    """Whether ``new`` may run or queue while ``running`` runs or queues on the same leg."""
    return new in ALLOWED[running]
