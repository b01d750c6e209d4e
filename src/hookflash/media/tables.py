"""The state tables of media operations.

An *operation* is a play, a recognition or a sending of tones. On the main leg it is *queued* until
everything before it has ended; on a sub leg it begins at once. A play is *preparing* while its sources are
fetched and *playing* from the first sample; a recognition with a prompt does the same, then is *listening*
for the first key or word. After a key it is *collecting*; while somebody speaks it is *hearing*, and when
they have been quiet for long enough it is *understanding* until the recogniser has said what that was. A key
or a voice that interrupts the prompt leads straight to collecting or hearing. Tones are *sending*. Every
operation ends exactly once: *completed*, *failed* or *canceled*, and that is when its one terminal event is
sent.

A *subscription* is a continuous DTMF recognition: it listens until somebody stops it, the participant
leaves or the call ends.

A *stream* is what was asked for when the call was set up: audio or transcripts over a WebSocket. It can be
started and stopped any number of times; it is *opening* until its socket is open, and *closed* for good when
the connection ends. A *recording* is *starting*, or *waiting* if it is paused, until the recorder says
that it runs, and then *active* or *paused*; it ends once.
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
    HEARING = "hearing"
    UNDERSTANDING = "understanding"
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
    VOICE = "voice"
    FINISH = "finish"
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


class Stream(Enum):
    """States of an audio stream or a transcript."""

    IDLE = "idle"
    OPENING = "opening"
    OPEN = "open"
    CLOSED = "closed"


class StreamStep(Enum):
    START = "start"
    OPENED = "opened"
    REOPENED = "reopened"
    UPDATE = "update"
    FAIL = "fail"
    STOP = "stop"
    CLOSE = "close"


class Recording(Enum):
    """States of a recording."""

    STARTING = "starting"
    WAITING = "waiting"
    ACTIVE = "active"
    PAUSED = "paused"
    STOPPED = "stopped"
    FAILED = "failed"


class RecordingStep(Enum):
    BEGIN = "begin"
    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"
    FAIL = "fail"


_ENDS = {Step.COMPLETE: State.COMPLETED, Step.FAIL: State.FAILED, Step.CANCEL: State.CANCELED}

OPERATION: Table[State, Step] = Table(
    name="Media operation",
    rules=(
        "Plays go queued, preparing, playing; recognitions go on to listening, or begin there when they have "
        "no prompt, and from there to collecting keys or to hearing and understanding words; sendings go "
        "queued, sending. Whatever has not ended can fail or be canceled, and completes only from where its "
        "work is done."
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
        (State.PLAYING, Step.VOICE): State.HEARING,
        (State.LISTENING, Step.VOICE): State.HEARING,
        (State.HEARING, Step.FINISH): State.UNDERSTANDING,
        (State.HEARING, Step.TONE): State.COLLECTING,
        (State.UNDERSTANDING, Step.TONE): State.COLLECTING,
        **{
            (state, Step.COMPLETE): State.COMPLETED
            for state in (State.PLAYING, State.COLLECTING, State.UNDERSTANDING, State.SENDING)
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

STREAM: Table[Stream, StreamStep] = Table(
    name="Audio stream or transcript",
    rules=(
        "Starting opens the socket. Once open it may be interrupted and reopen, which is reported, and a "
        "transcript may go on in another language (update). Stopping and failing lead back to idle, from "
        "where it can be started anew; the end of the connection closes it."
    ),
    initial=(Stream.IDLE,),
    final=frozenset({Stream.CLOSED}),
    transitions={
        (Stream.IDLE, StreamStep.START): Stream.OPENING,
        (Stream.OPENING, StreamStep.OPENED): Stream.OPEN,
        (Stream.OPENING, StreamStep.FAIL): Stream.IDLE,
        (Stream.OPENING, StreamStep.STOP): Stream.IDLE,
        (Stream.OPEN, StreamStep.REOPENED): Stream.OPEN,
        (Stream.OPEN, StreamStep.UPDATE): Stream.OPEN,
        (Stream.OPEN, StreamStep.FAIL): Stream.IDLE,
        (Stream.OPEN, StreamStep.STOP): Stream.IDLE,
        **{(state, StreamStep.CLOSE): Stream.CLOSED for state in (Stream.IDLE, Stream.OPENING, Stream.OPEN)},
    },
)

RECORDING: Table[Recording, RecordingStep] = Table(
    name="Recording",
    rules=(
        "Starting until the recorder runs; waiting, if it is paused by then, as with pauseOnStart. Active is "
        "what apps are shown as active, everything else as inactive. Stopping and failing are final."
    ),
    initial=(Recording.STARTING, Recording.WAITING),
    final=frozenset({Recording.STOPPED, Recording.FAILED}),
    transitions={
        (Recording.STARTING, RecordingStep.BEGIN): Recording.ACTIVE,
        (Recording.STARTING, RecordingStep.PAUSE): Recording.WAITING,
        (Recording.WAITING, RecordingStep.RESUME): Recording.STARTING,
        (Recording.WAITING, RecordingStep.BEGIN): Recording.PAUSED,
        (Recording.ACTIVE, RecordingStep.PAUSE): Recording.PAUSED,
        (Recording.PAUSED, RecordingStep.RESUME): Recording.ACTIVE,
        **{
            (state, step): end
            for state in (Recording.STARTING, Recording.WAITING, Recording.ACTIVE, Recording.PAUSED)
            for step, end in (
                (RecordingStep.STOP, Recording.STOPPED),
                (RecordingStep.FAIL, Recording.FAILED),
            )
        },
    },
)

TABLES: tuple[Table[Any, Any], ...] = (OPERATION, SUBSCRIPTION, STREAM, RECORDING)
"""Every state table of this room, for the diagrams."""
