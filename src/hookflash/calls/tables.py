"""The state tables of a call: the app's connection, a participant's leg, an invitation.

The connection is what an app sees of a call (``callConnectionState``, contract section 1.4): *connecting*
from the request that created or answered the call until both ends are up, *connected* while they talk,
*disconnecting* for the moment in which its operations are ended, and *disconnected*, after which no event
of it is ever sent. Transfers pass through *transferring* and *transferAccepted*. *unknown* is what a
connection is whose state was lost.

A leg is one participant's way into the call. A phone we dial is *inviting* until it says something and
*ringing* after that. A caller, phone or app, is *waiting* while somebody is being reached for it. *joining*
is a leg whose answer is decided but not confirmed: the caller's 200 is not acknowledged yet, or the app
that answered waits for the caller's. *up* legs are in the mix; *held* ones are in the call but out of the
mix. A *moving* leg is on its way from one call to another and in neither. *gone* is final.

An invitation is an IncomingCall that was offered to the apps of a resource. Exactly one thing becomes of it.
"""

from __future__ import annotations

from enum import Enum
from typing import Any

from hookflash.machine import Table
from hookflash.wire.enums import CallConnectionState as Connection


class ConnectionEvent(Enum):
    CONNECT = "connect"
    TRANSFER = "transfer"
    ACCEPT_TRANSFER = "acceptTransfer"
    FAIL_TRANSFER = "failTransfer"
    RECOVER = "recover"
    DISCONNECT = "disconnect"
    CLOSE = "close"


class Leg(Enum):
    """States of a participant's leg."""

    INVITING = "inviting"
    RINGING = "ringing"
    WAITING = "waiting"
    JOINING = "joining"
    UP = "up"
    HELD = "held"
    MOVING = "moving"
    GONE = "gone"


class LegEvent(Enum):
    RING = "ring"
    ANSWER = "answer"
    ESTABLISH = "establish"
    HOLD = "hold"
    UNHOLD = "unhold"
    MOVE = "move"
    ARRIVE = "arrive"
    RETURN = "return"
    FAIL = "fail"
    LEAVE = "leave"


class Invitation(Enum):
    """States of an invitation."""

    OFFERED = "offered"
    ANSWERED = "answered"
    REDIRECTED = "redirected"
    REJECTED = "rejected"
    TAKEN = "taken"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class InvitationEvent(Enum):
    ANSWER = "answer"
    REDIRECT = "redirect"
    REJECT = "reject"
    TAKE = "take"
    CANCEL = "cancel"
    EXPIRE = "expire"


CONNECTION: Table[Connection, ConnectionEvent] = Table(
    name="Connection",
    rules=(
        "What an app sees of its call. Any state but the last can begin to disconnect; a connection is only "
        "disconnected after its operations have ended, and then nothing more is said about it."
    ),
    initial=(Connection.CONNECTING, Connection.UNKNOWN),
    final=frozenset({Connection.DISCONNECTED}),
    transitions={
        (Connection.UNKNOWN, ConnectionEvent.RECOVER): Connection.CONNECTED,
        (Connection.UNKNOWN, ConnectionEvent.DISCONNECT): Connection.DISCONNECTING,
        (Connection.CONNECTING, ConnectionEvent.CONNECT): Connection.CONNECTED,
        (Connection.CONNECTING, ConnectionEvent.DISCONNECT): Connection.DISCONNECTING,
        (Connection.CONNECTED, ConnectionEvent.TRANSFER): Connection.TRANSFERRING,
        (Connection.CONNECTED, ConnectionEvent.DISCONNECT): Connection.DISCONNECTING,
        (Connection.TRANSFERRING, ConnectionEvent.ACCEPT_TRANSFER): Connection.TRANSFER_ACCEPTED,
        (Connection.TRANSFERRING, ConnectionEvent.FAIL_TRANSFER): Connection.CONNECTED,
        (Connection.TRANSFERRING, ConnectionEvent.DISCONNECT): Connection.DISCONNECTING,
        (Connection.TRANSFER_ACCEPTED, ConnectionEvent.DISCONNECT): Connection.DISCONNECTING,
        (Connection.DISCONNECTING, ConnectionEvent.CLOSE): Connection.DISCONNECTED,
    },
)

LEG: Table[Leg, LegEvent] = Table(
    name="Participant leg",
    rules=(
        "How one participant gets into the call and out of it. Dialled phones begin inviting, callers "
        "waiting, apps that answer or connect joining. A leg that never came up fails; one that was up "
        "leaves. Moving ends with arriving in the other call, or with returning to the first."
    ),
    initial=(Leg.INVITING, Leg.WAITING, Leg.JOINING),
    final=frozenset({Leg.GONE}),
    transitions={
        (Leg.INVITING, LegEvent.RING): Leg.RINGING,
        (Leg.INVITING, LegEvent.ESTABLISH): Leg.UP,
        (Leg.INVITING, LegEvent.FAIL): Leg.GONE,
        (Leg.RINGING, LegEvent.RING): Leg.RINGING,
        (Leg.RINGING, LegEvent.ESTABLISH): Leg.UP,
        (Leg.RINGING, LegEvent.FAIL): Leg.GONE,
        (Leg.WAITING, LegEvent.ANSWER): Leg.JOINING,
        (Leg.WAITING, LegEvent.FAIL): Leg.GONE,
        (Leg.JOINING, LegEvent.ESTABLISH): Leg.UP,
        (Leg.JOINING, LegEvent.FAIL): Leg.GONE,
        (Leg.UP, LegEvent.HOLD): Leg.HELD,
        (Leg.UP, LegEvent.LEAVE): Leg.GONE,
        (Leg.UP, LegEvent.MOVE): Leg.MOVING,
        (Leg.HELD, LegEvent.UNHOLD): Leg.UP,
        (Leg.HELD, LegEvent.LEAVE): Leg.GONE,
        (Leg.HELD, LegEvent.MOVE): Leg.MOVING,
        (Leg.MOVING, LegEvent.ARRIVE): Leg.UP,
        (Leg.MOVING, LegEvent.RETURN): Leg.UP,
        (Leg.MOVING, LegEvent.LEAVE): Leg.GONE,
    },
)

INVITATION: Table[Invitation, InvitationEvent] = Table(
    name="Invitation",
    rules=(
        "An incomingCallContext is good for one decision. The caller going away cancels it, a device of the "
        "called user that answers first takes the call, and nobody deciding in time expires it."
    ),
    initial=(Invitation.OFFERED,),
    final=frozenset(state for state in Invitation if state is not Invitation.OFFERED),
    transitions={
        (Invitation.OFFERED, InvitationEvent.ANSWER): Invitation.ANSWERED,
        (Invitation.OFFERED, InvitationEvent.REDIRECT): Invitation.REDIRECTED,
        (Invitation.OFFERED, InvitationEvent.REJECT): Invitation.REJECTED,
        (Invitation.OFFERED, InvitationEvent.TAKE): Invitation.TAKEN,
        (Invitation.OFFERED, InvitationEvent.CANCEL): Invitation.CANCELLED,
        (Invitation.OFFERED, InvitationEvent.EXPIRE): Invitation.EXPIRED,
    },
)

TABLES: tuple[Table[Any, Any], ...] = (CONNECTION, LEG, INVITATION)
"""Every state table of this room, for the diagrams."""
