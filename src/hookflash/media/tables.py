"""The state tables of media operations.

An *operation* is a play, a recognition or a sending of tones. On the main leg it is *queued* until
everything before it has ended; on a sub leg it begins at once. A play is *preparing* while its sources are
fetched and *playing* from the first sample; a recognition with a prompt does the same, then is *listening*
for the first key and *collecting* after it. A key that interrupts the prompt leads straight to collecting.
Tones are *sending*. Every operation ends exactly once: *completed*, *failed* or *canceled*, and that is
when its one terminal event is sent.

A *subscription* is a continuous DTMF recognition: it listens until somebody stops it, the participant
leaves or the call ends.
"""

from __future__ import annotations

from enum import Enum
from typing import Any

from hookflash.machine import Table


class State(Enum):
    """States of an operation."""

    QUEUED = "queued"
    PREPARING = "preparing"
    PLAYING = "playing"
    LISTENING = "listening"
    COLLECTING = "collecting"
    SENDING = "sending"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"


class Step(Enum):
    """What happens to an operation."""

    PREPARE = "prepare"
    START = "start"
    LISTEN = "listen"
    TONE = "tone"
    SEND = "send"
    COMPLETE = "complete"
    FAIL = "fail"
    CANCEL = "cancel"


class Listening(Enum):
    """States of a subscription."""

    LISTENING = "listening"
    STOPPED = "stopped"


class ListeningStep(Enum):
    TONE = "tone"
    ADOPT = "adopt"
    STOP = "stop"


_ENDS = {Step.COMPLETE: State.COMPLETED, Step.FAIL: State.FAILED, Step.CANCEL: State.CANCELED}

OPERATION: Table[State, Step] = Table(
    name="Media operation",
    rules=(
        "Plays go queued, preparing, playing; recognitions go on to listening and collecting, or begin "
        "there when they "
        "have no prompt; sendings go queued, sending. Whatever has not ended can fail or be canceled, "
        "and completes "
        "only from where its work is done."
    ),
    initial=(State.QUEUED,),
    final=frozenset(_ENDS.values()),
    transitions={
        (State.QUEUED, Step.PREPARE): State.PREPARING,
        (State.QUEUED, Step.LISTEN): State.LISTENING,
        (State.QUEUED, Step.SEND): State.SENDING,
        (State.PREPARING, Step.START): State.PLAYING,
        (State.PREPARING, Step.TONE): State.COLLECTING,
        (State.PLAYING, Step.LISTEN): State.LISTENING,
        (State.PLAYING, Step.TONE): State.COLLECTING,
        (State.LISTENING, Step.TONE): State.COLLECTING,
        (State.COLLECTING, Step.TONE): State.COLLECTING,
        **{
            (state, Step.COMPLETE): State.COMPLETED
            for state in (State.PLAYING, State.COLLECTING, State.SENDING)
        },
        **{
            (state, step): _ENDS[step]
            for state in State
            if state not in _ENDS.values()
            for step in (Step.FAIL, Step.CANCEL)
        },
    },
)

SUBSCRIPTION: Table[Listening, ListeningStep] = Table(
    name="Continuous DTMF recognition",
    rules=(
        "Every key of the participant is reported while it listens. Starting it again adopts the newer "
        "request's "
        "context and callback; stopping it is final."
    ),
    initial=(Listening.LISTENING,),
    final=frozenset({Listening.STOPPED}),
    transitions={
        (Listening.LISTENING, ListeningStep.TONE): Listening.LISTENING,
        (Listening.LISTENING, ListeningStep.ADOPT): Listening.LISTENING,
        (Listening.LISTENING, ListeningStep.STOP): Listening.STOPPED,
    },
)

TABLES: tuple[Table[Any, Any], ...] = (OPERATION, SUBSCRIPTION)
"""Every state table of this room, for the diagrams."""
