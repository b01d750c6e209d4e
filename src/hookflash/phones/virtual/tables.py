"""The state table of a call as one virtual phone sees it.

A call in either direction is *ringing* until the side that is called answers. *answering* is the time
until it is up: what the script wants of it, and the moment in which it gets its place in the media plane.
Programs see it as ringing. *up* and *ended* are what they say.
A call that several phones ring for is one for each of them: the first to answer has it, the others' end.
"""

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
    "It rings until the side that is called answers; it is up once the script's connectAfterMs is over and "
    "it has its place in the media plane. Either side may end it at any time.",
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
