"""The state table of a call as one virtual phone sees it."""

from __future__ import annotations

from enum import Enum

from hookflash.machine import Table


class State(Enum):
    """States of a call."""

    RINGING = "ringing"
    ANSWERING = "answering"
    UP = "up"
    ENDED = "ended"


class Event(Enum):
    ANSWER = "answer"
    ESTABLISH = "establish"
    END = "end"


CALL = Table(
    "Virtual phone call",
    "It rings until the side that is called answers; it is up once it has its place in the media plane. "
    "Either side may end it at any time.",
    (State.RINGING,),
    frozenset({State.ENDED}),
    {
        (State.RINGING, Event.ANSWER): State.ANSWERING,
        (State.ANSWERING, Event.ESTABLISH): State.UP,
        (State.RINGING, Event.END): State.ENDED,
        (State.ANSWERING, Event.END): State.ENDED,
        (State.UP, Event.END): State.ENDED,
    },
)

TABLES = (CALL,)
