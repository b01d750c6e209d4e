"""Virtual phones as their HTTP surface sees them: what is asked of them, what they show, and who does it."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Protocol

import msgspec
from msgspec import Meta

MAX_WAIT_MS = 3_600_000
"""Longest pause in a script: an hour."""
MAX_POLL_MS = 60_000
"""Longest long poll."""
MAX_DIGITS = 100
"""Keys pressed at once."""
MAX_PRESSES = 100
"""Presses in a script."""

Milliseconds = Annotated[int, Meta(ge=0, le=MAX_WAIT_MS)]
Digits = Annotated[str, Meta(pattern=f"^[0-9*#A-D]{{1,{MAX_DIGITS}}}$")]
RefusalStatus = Annotated[int, Meta(ge=400, le=699)]
IsdnCause = Annotated[int, Meta(ge=1, le=127)]
Phrase = Annotated[str, Meta(max_length=128)]
AssertedId = Annotated[str, Meta(pattern="^[A-Za-z0-9-]{1,64}$")]
Name = Annotated[str, Meta(max_length=256)]
Text = Annotated[str, Meta(max_length=1024)]
HeaderMap = Annotated[dict[Annotated[str, Meta(min_length=1, max_length=256)], Text], Meta(max_length=16)]


class OnCall(Enum):
    """What a phone does by itself when it is called."""

    ANSWER = "answer"
    RING = "ring"
    REJECT = "reject"


class Press(msgspec.Struct, rename="camel", forbid_unknown_fields=True, frozen=True):
    """Press ``digits``, ``afterMs`` after the call is up, or after the last key of the press before."""

    digits: Digits
    after_ms: Milliseconds = 0


class Script(msgspec.Struct, rename="camel", forbid_unknown_fields=True, frozen=True):
    """What a phone does by itself.

    ``onCall`` happens ``afterMs`` after it begins to ring; ``status`` (SIP), ``reason`` and ``q850`` are
    those of a reject. The others are for calls in both directions: a call is up ``connectAfterMs`` after it
    was answered, as a real one whose ACK takes a while; ``press`` begins when it is up, and
    ``hangUpAfterMs`` counts from the answer, so that a shorter one fails the answer.
    """

    on_call: OnCall = OnCall.ANSWER
    after_ms: Milliseconds = 0
    status: RefusalStatus = 486
    reason: Phrase | None = None
    q850: IsdnCause | None = None
    press: Annotated[list[Press], Meta(max_length=MAX_PRESSES)] = []
    hang_up_after_ms: Milliseconds | None = None
    connect_after_ms: Milliseconds = 0


class PhoneDocument(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """A phone to have: ``identity`` is an E.164 number or a communication user's id."""

    identity: Text
    display_name: Name = ""
    script: Script | None = None


class CallDocument(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """A call to make: ``to`` is an E.164 number or a communication user's id.

    A phone with a number may withhold it (``anonymous``), or be told apart from others of the same number by
    ``assertedId``.
    """

    to: Text
    display_name: Name | None = None
    sip_headers: HeaderMap | None = None
    voip_headers: HeaderMap | None = None
    anonymous: bool = False
    asserted_id: AssertedId | None = None


class RejectDocument(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """How to refuse a call that rings."""

    status: RefusalStatus = 486
    reason: Phrase | None = None
    q850: IsdnCause | None = None


class PressDocument(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """Keys to press."""

    digits: Digits


class NothingDocument(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """What has nothing to say."""


# --- what is shown --------------------------------------------------------------------------------------


class CallState(Enum):
    """How far a call is: states only ever follow in this order."""

    RINGING = "ringing"
    UP = "up"
    ENDED = "ended"


class HeardState(Enum):
    """What became of something played to a phone. What broke off counts as stopped."""

    STARTED = "started"
    FINISHED = "finished"
    STOPPED = "stopped"


class HeardView(msgspec.Struct, rename="camel"):
    """Something played to the phone; ``play`` tells plays apart, ``sources`` are URLs."""

    play: int
    sources: list[str]
    state: HeardState


class CauseView(msgspec.Struct, rename="camel", omit_defaults=True):
    """Why a call ended: SIP ``status`` (200: hung up) and its phrase, and the ISDN cause if there was one."""

    status: int
    reason: str
    q850: int | None = None


class CallView(msgspec.Struct, rename="camel", omit_defaults=True):
    """One call of a phone. ``direction`` is the phone's: "in" when it was called."""

    id: int
    direction: str
    from_: str = msgspec.field(name="from")
    to: str
    display_name: str = msgspec.field(name="displayName")
    state: CallState
    sip_headers: dict[str, str] = msgspec.field(name="sipHeaders")
    voip_headers: dict[str, str] = msgspec.field(name="voipHeaders")
    muted: bool
    held: bool
    heard: list[HeardView]
    digits: str
    cause: CauseView | None = None


class PhoneView(msgspec.Struct, rename="camel"):
    """A phone and its newest calls, oldest first."""

    id: str
    identity: str
    display_name: str
    calls: list[CallView]


class Wanted(msgspec.Struct, frozen=True):
    """What a call has to be like; everything that is given has to hold.

    ``state``: the call is in that state or past it. ``heard``: something it heard is in that state.
    ``digits``: these keys are among those sent to it, in a row.
    """

    state: CallState | None = None
    muted: bool | None = None
    held: bool | None = None
    heard: HeardState | None = None
    digits: str = ""


class VirtualPhones(Protocol):
    """The phones of a server. Every method raises ``wire.results.Refusal``.

    ``call`` is a call's number; None means the newest call that is not over.
    """

    def put(self, phone: str, document: PhoneDocument) -> tuple[PhoneView, bool]:
        """Have a phone; True when it is new. One that is there keeps its calls and gets the new script."""
        ...

    def listed(self, after: str, top: int) -> list[PhoneView]:
        """The phones in order of their ids, from beyond ``after``."""
        ...

    def show(self, phone: str) -> PhoneView: ...

    def remove(self, phone: str) -> None:
        """Take a phone away; its calls end."""
        ...

    def remove_all(self) -> None: ...

    async def wait(self, phone: str, call: int | None, wanted: Wanted, timeout_ms: int) -> CallView:
        """A call once it is as wanted; one that has not come yet is waited for. None: the newest."""
        ...

    def call(self, phone: str, document: CallDocument) -> CallView: ...

    def answer(self, phone: str, call: int | None) -> CallView: ...

    def reject(self, phone: str, call: int | None, document: RejectDocument) -> CallView: ...

    def hang_up(self, phone: str, call: int | None) -> CallView: ...

    def press(self, phone: str, call: int | None, document: PressDocument) -> CallView: ...
