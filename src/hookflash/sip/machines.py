"""The four transaction machines of RFC 3261 section 17, as tables.

A transaction is one request and its responses. Who sent the request runs a *client* machine, who received it
a *server* machine; INVITE has machines of its own because people take their time to answer and because its
final response is acknowledged. The rules:

INVITE client (17.1.1)
    The INVITE is repeated (timer A, doubling) until any response comes or timer B ends it. A failure
    (3xx-6xx) is acknowledged by the transaction itself, again for each repetition, until timer D. A 2xx moves
    it to *accepted* (RFC 6026): every further 2xx, repeated or from another fork, goes up to the user, who
    acknowledges it, until timer M.
Non-INVITE client (17.1.2)
    The request is repeated (timer E, doubling to T2; at T2 once a provisional came) until a final response or
    timer F. Timer K then absorbs repetitions.
INVITE server (17.2.1)
    Repeated INVITEs get the last provisional again. A failure is repeated (timer G) until ACK or timer H;
    timer I then absorbs repeated ACKs. After a 2xx the user repeats it until ACK; the machine only absorbs
    repeated INVITEs (*accepted*, RFC 6026) until timer L.
Non-INVITE server (17.2.2)
    Repeated requests get the last response again; after the final one until timer J.

A timer runs exactly as long as its transaction is in a state that lists it. What no table mentions changes
nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from hookflash.sip.timers import TimerName


class State(Enum):
    """Where a transaction stands."""

    # That of Enum is written in Python, and the tables are looked up with every message.
    __hash__ = object.__hash__

    CALLING = "calling"
    TRYING = "trying"
    PROCEEDING = "proceeding"
    ACCEPTED = "accepted"
    COMPLETED = "completed"
    CONFIRMED = "confirmed"
    TERMINATED = "terminated"


class Signal(Enum):
    """What can happen to a transaction. Responses are received by clients and sent by servers."""

    __hash__ = object.__hash__

    REQUEST = "request"  # the same request once more
    PROVISIONAL = "1xx"
    SUCCESS = "2xx"
    FAILURE = "3xx-6xx"
    ACK = "ACK"
    RETRANSMIT = "retransmit"  # timer A, E or G
    EXPIRE = "give up"  # timer B, F or H
    LINGER = "linger over"  # timer D, I, J, K, L or M
    BROKEN = "transport error"


SIGNAL_OF = {
    TimerName.A: Signal.RETRANSMIT,
    TimerName.E: Signal.RETRANSMIT,
    TimerName.G: Signal.RETRANSMIT,
    TimerName.B: Signal.EXPIRE,
    TimerName.F: Signal.EXPIRE,
    TimerName.H: Signal.EXPIRE,
    TimerName.D: Signal.LINGER,
    TimerName.I: Signal.LINGER,
    TimerName.J: Signal.LINGER,
    TimerName.K: Signal.LINGER,
    TimerName.L: Signal.LINGER,
    TimerName.M: Signal.LINGER,
}
"""The signal a timer gives when it fires."""


class Action(Enum):
    """What a transition makes the transaction do."""

    SEND = "send"  # the message given with the signal, and keep it for resending
    RESEND = "resend"  # what was sent last
    ACKNOWLEDGE = "acknowledge"  # send the ACK for a failure response
    TELL = "tell user"  # hand the message up
    TELL_TIMEOUT = "tell time-out"
    TELL_BROKEN = "tell transport error"


@dataclass(frozen=True, slots=True)
class Machine:
    """One table: the first state, the timers of each state, and (state, signal) -> (next state, actions)."""

    name: str
    initial: State
    timers: dict[State, tuple[TimerName, ...]]
    transitions: dict[tuple[State, Signal], tuple[State, tuple[Action, ...]]]


_S, _G, _A, _T = State, Signal, Action, TimerName

INVITE_CLIENT = Machine(
    name="INVITE client",
    initial=_S.CALLING,
    timers={_S.CALLING: (_T.A, _T.B), _S.COMPLETED: (_T.D,), _S.ACCEPTED: (_T.M,)},
    transitions={
        (_S.CALLING, _G.RETRANSMIT): (_S.CALLING, (_A.RESEND,)),
        (_S.CALLING, _G.EXPIRE): (_S.TERMINATED, (_A.TELL_TIMEOUT,)),
        (_S.CALLING, _G.BROKEN): (_S.TERMINATED, (_A.TELL_BROKEN,)),
        (_S.CALLING, _G.PROVISIONAL): (_S.PROCEEDING, (_A.TELL,)),
        (_S.CALLING, _G.SUCCESS): (_S.ACCEPTED, (_A.TELL,)),
        (_S.CALLING, _G.FAILURE): (_S.COMPLETED, (_A.ACKNOWLEDGE, _A.TELL)),
        (_S.PROCEEDING, _G.PROVISIONAL): (_S.PROCEEDING, (_A.TELL,)),
        (_S.PROCEEDING, _G.SUCCESS): (_S.ACCEPTED, (_A.TELL,)),
        (_S.PROCEEDING, _G.FAILURE): (_S.COMPLETED, (_A.ACKNOWLEDGE, _A.TELL)),
        (_S.COMPLETED, _G.FAILURE): (_S.COMPLETED, (_A.ACKNOWLEDGE,)),
        (_S.COMPLETED, _G.BROKEN): (_S.TERMINATED, ()),
        (_S.COMPLETED, _G.LINGER): (_S.TERMINATED, ()),
        (_S.ACCEPTED, _G.SUCCESS): (_S.ACCEPTED, (_A.TELL,)),
        (_S.ACCEPTED, _G.LINGER): (_S.TERMINATED, ()),
    },
)

CLIENT = Machine(
    name="non-INVITE client",
    initial=_S.TRYING,
    timers={_S.TRYING: (_T.E, _T.F), _S.PROCEEDING: (_T.E, _T.F), _S.COMPLETED: (_T.K,)},
    transitions={
        (_S.TRYING, _G.RETRANSMIT): (_S.TRYING, (_A.RESEND,)),
        (_S.TRYING, _G.EXPIRE): (_S.TERMINATED, (_A.TELL_TIMEOUT,)),
        (_S.TRYING, _G.BROKEN): (_S.TERMINATED, (_A.TELL_BROKEN,)),
        (_S.TRYING, _G.PROVISIONAL): (_S.PROCEEDING, (_A.TELL,)),
        (_S.TRYING, _G.SUCCESS): (_S.COMPLETED, (_A.TELL,)),
        (_S.TRYING, _G.FAILURE): (_S.COMPLETED, (_A.TELL,)),
        (_S.PROCEEDING, _G.RETRANSMIT): (_S.PROCEEDING, (_A.RESEND,)),
        (_S.PROCEEDING, _G.EXPIRE): (_S.TERMINATED, (_A.TELL_TIMEOUT,)),
        (_S.PROCEEDING, _G.BROKEN): (_S.TERMINATED, (_A.TELL_BROKEN,)),
        (_S.PROCEEDING, _G.PROVISIONAL): (_S.PROCEEDING, (_A.TELL,)),
        (_S.PROCEEDING, _G.SUCCESS): (_S.COMPLETED, (_A.TELL,)),
        (_S.PROCEEDING, _G.FAILURE): (_S.COMPLETED, (_A.TELL,)),
        (_S.COMPLETED, _G.LINGER): (_S.TERMINATED, ()),
    },
)

INVITE_SERVER = Machine(
    name="INVITE server",
    initial=_S.PROCEEDING,
    timers={_S.COMPLETED: (_T.G, _T.H), _S.CONFIRMED: (_T.I,), _S.ACCEPTED: (_T.L,)},
    transitions={
        (_S.PROCEEDING, _G.REQUEST): (_S.PROCEEDING, (_A.RESEND,)),
        (_S.PROCEEDING, _G.PROVISIONAL): (_S.PROCEEDING, (_A.SEND,)),
        (_S.PROCEEDING, _G.SUCCESS): (_S.ACCEPTED, (_A.SEND,)),
        (_S.PROCEEDING, _G.FAILURE): (_S.COMPLETED, (_A.SEND,)),
        (_S.COMPLETED, _G.REQUEST): (_S.COMPLETED, (_A.RESEND,)),
        (_S.COMPLETED, _G.RETRANSMIT): (_S.COMPLETED, (_A.RESEND,)),
        (_S.COMPLETED, _G.EXPIRE): (_S.TERMINATED, ()),
        (_S.COMPLETED, _G.ACK): (_S.CONFIRMED, ()),
        (_S.COMPLETED, _G.BROKEN): (_S.TERMINATED, ()),
        (_S.CONFIRMED, _G.LINGER): (_S.TERMINATED, ()),
        (_S.ACCEPTED, _G.SUCCESS): (_S.ACCEPTED, (_A.SEND,)),
        (_S.ACCEPTED, _G.LINGER): (_S.TERMINATED, ()),
    },
)

SERVER = Machine(
    name="non-INVITE server",
    initial=_S.TRYING,
    timers={_S.COMPLETED: (_T.J,)},
    transitions={
        (_S.TRYING, _G.PROVISIONAL): (_S.PROCEEDING, (_A.SEND,)),
        (_S.TRYING, _G.SUCCESS): (_S.COMPLETED, (_A.SEND,)),
        (_S.TRYING, _G.FAILURE): (_S.COMPLETED, (_A.SEND,)),
        (_S.PROCEEDING, _G.REQUEST): (_S.PROCEEDING, (_A.RESEND,)),
        (_S.PROCEEDING, _G.PROVISIONAL): (_S.PROCEEDING, (_A.SEND,)),
        (_S.PROCEEDING, _G.SUCCESS): (_S.COMPLETED, (_A.SEND,)),
        (_S.PROCEEDING, _G.FAILURE): (_S.COMPLETED, (_A.SEND,)),
        (_S.COMPLETED, _G.REQUEST): (_S.COMPLETED, (_A.RESEND,)),
        (_S.COMPLETED, _G.BROKEN): (_S.TERMINATED, ()),
        (_S.COMPLETED, _G.LINGER): (_S.TERMINATED, ()),
    },
)

MACHINES = (INVITE_CLIENT, CLIENT, INVITE_SERVER, SERVER)
"""All four, for the tests and for drawing."""


def signal_of(status: int) -> Signal:
    """The signal a response with this status is."""
    if status < 200:
        return Signal.PROVISIONAL
    return Signal.SUCCESS if status < 300 else Signal.FAILURE
