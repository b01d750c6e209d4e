"""What shall happen outside: effects the calls and media rooms decide on, as plain data.

The engine carries them out in order. Each names who does it: a phone edge, the media edge, the event room, or
the engine itself (timers).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from hookflash.calls.audio_effects import (
    CloseStream,
    CloseTranscript,
    OpenStream,
    OpenTranscript,
    PauseRecording,
    ResumeRecording,
    StartRecording,
    StopRecording,
    StreamTone,
    UpdateRoster,
    UpdateTranscript,
)
from hookflash.calls.facts import Cause
from hookflash.calls.speech_effects import FinishListening, StartListening, StopListening
from hookflash.media.speech import Speech
from hookflash.wire.events import EventData
from hookflash.wire.identifiers import Identifier
from hookflash.wire.models import IncomingCallData

# --- phones ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DialLeg:
    """Call ``target``: a number through a trunk route, a user on all devices that are registered for it.

    Facts to come: LegRinging?, then LegUp or LegFailed. ``caller`` is the number to show (E.164), if any,
    and ``source`` who calls, for devices that can show more than a number. ``call`` names the plane's mix the
    leg belongs to. ``headers`` go out as SIP headers, ``voip_headers`` only to devices that are no SIP trunk.
    A user with several devices is one leg: they all ring, the first to answer has it. ``resource`` is the
    GUID of the resource whose app has asked for the call, or whose user's phone dials; "" for neither.
    ``referrer`` is the address of who referred somebody in the call to the target (RFC 3892), ``replaces``
    the dialog at the target that the leg is to take the place of (RFC 3891).
    """

    leg: int
    call: int
    target: Identifier
    caller: str | None
    display_name: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    voip_headers: Mapping[str, str] = field(default_factory=dict)
    source: Identifier | None = None
    resource: str = ""
    referrer: str = ""
    replaces: str = ""


@dataclass(frozen=True, slots=True)
class MoveLeg:
    """Take an established phone leg out of its call and into ``call``.

    It leaves its mix at once. LegMoved follows, and then a JoinMix brings it into the mix of the new call; or
    LegNotMoved, and then it is where it was, out of the mix.
    """

    leg: int
    call: int


@dataclass(frozen=True, slots=True)
class ReferLeg:
    """Ask the far side of an established leg to call ``target`` in its place (REFER, RFC 3515).

    LegReferred or LegNotReferred follows. ``headers`` are those its call is to have, ``caller`` is the number
    of who asks, if any.
    """

    leg: int
    target: Identifier
    caller: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TellReferrer:
    """Tell the far side of a leg what has become of what it asked for (LegRefers); the leg may be over.

    ``status`` is one of SIP; a final one (>= 200) is the last word.
    """

    leg: int
    refer: int
    status: int
    reason: str


@dataclass(frozen=True, slots=True)
class RingLeg:
    """Tell an incoming caller that it rings (180)."""

    leg: int


@dataclass(frozen=True, slots=True)
class AnswerLeg:
    """Answer an incoming leg. LegUp or LegFailed follows."""

    leg: int
    call: int


@dataclass(frozen=True, slots=True)
class RefuseLeg:
    """Refuse an incoming leg with a final SIP status (>= 300). No fact follows.

    ``retry_after`` is after how many seconds it may call again, 0 when nothing is said about that.
    """

    leg: int
    status: int
    reason: str
    retry_after: int = 0


@dataclass(frozen=True, slots=True)
class EndLeg:
    """End a leg in whatever state: CANCEL, BYE or nothing if it is gone already. No fact follows."""

    leg: int
    cause: Cause


# --- media ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OpenAppLeg:
    """Give an app leg its row in the plane (no socket)."""

    leg: int
    call: int


@dataclass(frozen=True, slots=True)
class CloseAppLeg:
    leg: int


@dataclass(frozen=True, slots=True)
class JoinMix:
    """The leg hears, and is heard by, the other joined legs of its call."""

    leg: int


@dataclass(frozen=True, slots=True)
class LeaveMix:
    """The leg neither hears nor is heard, except for plays addressed to it."""

    leg: int


@dataclass(frozen=True, slots=True)
class MuteLeg:
    """Nobody hears the leg (``muted``), or everybody does again; it goes on hearing."""

    leg: int
    muted: bool


@dataclass(frozen=True, slots=True)
class AudioFile:
    """One file source: a WAV behind an http(s) URL; ``cache_id`` as in contract section 6.2."""

    url: str
    cache_id: str | None = None


@dataclass(frozen=True, slots=True)
class PlayAudio:
    """Play ``sources`` in order to ``legs``: files, and words that have to be spoken.

    A key of the leg ``until_key`` stops it at once, before the fact of the key has led to StopAudio.

    Facts to come: AudioReady, AudioStarted, then AudioFinished or AudioFailed.
    """

    play: int
    call: int
    legs: tuple[int, ...]
    sources: tuple[AudioFile | Speech, ...]
    loop: bool = False
    until_key: int | None = None


@dataclass(frozen=True, slots=True)
class AddListener:
    """One more leg hears a running play."""

    play: int
    leg: int


@dataclass(frozen=True, slots=True)
class RemoveListener:
    """A leg does not hear a running play any more."""

    play: int
    leg: int


@dataclass(frozen=True, slots=True)
class StopAudio:
    """Stop a play (or forget it if it is still being fetched). No fact follows."""

    play: int


@dataclass(frozen=True, slots=True)
class SendTones:
    """Press keys towards a leg: ``digits`` over "0123456789*#ABCD". TonesDone or TonesFailed follows."""

    sending: int
    call: int
    leg: int
    digits: str


@dataclass(frozen=True, slots=True)
class StopTones:
    sending: int


# --- events ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Notify:
    """Send a CloudEvent about ``connection_id`` to ``callback_uri``.

    ``data`` is complete (contract section 5.3); the engine adds id and time. Events with the same
    ``connection_id`` arrive in the order of their effects.
    """

    resource: str
    connection_id: str
    callback_uri: str
    data: EventData


@dataclass(frozen=True, slots=True)
class RaiseIncomingCall:
    """Publish IncomingCall to the matching Event Grid subscriptions of ``resource`` (its GUID).

    When none matches, the fact NobodyListens is reported back.
    """

    resource: str
    data: IncomingCallData


@dataclass(frozen=True, slots=True)
class PublishEvent:
    """Publish one more kind of Event Grid event to the matching subscriptions of ``resource``.

    ``type`` is the full event type, ``data`` a wire model (contract section 5.7).
    """

    resource: str
    type: str
    subject: str
    data: msgspec.Struct


@dataclass(frozen=True, slots=True)
class ConnectionOpened:
    """Journal that a connection lives, with what is needed to end it properly after a crash."""

    connection_id: str
    resource: str
    callback_uri: str
    server_call_id: str
    correlation_id: str
    version: str
    operation_context: str | None


@dataclass(frozen=True, slots=True)
class ConnectionClosed:
    connection_id: str


# --- engine ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StartTimer:
    """Report TimerFired(timer) when the clock reaches ``at`` (the ``now`` scale of Exchange's arguments)."""

    timer: int
    at: float


@dataclass(frozen=True, slots=True)
class StopTimer:
    timer: int


Effect = (
    DialLeg
    | MoveLeg
    | ReferLeg
    | TellReferrer
    | RingLeg
    | AnswerLeg
    | RefuseLeg
    | EndLeg
    | OpenAppLeg
    | CloseAppLeg
    | JoinMix
    | LeaveMix
    | MuteLeg
    | PlayAudio
    | AddListener
    | RemoveListener
    | StopAudio
    | SendTones
    | StopTones
    | StartListening
    | FinishListening
    | StopListening
    | OpenStream
    | CloseStream
    | OpenTranscript
    | UpdateTranscript
    | CloseTranscript
    | StreamTone
    | UpdateRoster
    | StartRecording
    | PauseRecording
    | ResumeRecording
    | StopRecording
    | Notify
    | RaiseIncomingCall
    | PublishEvent
    | ConnectionOpened
    | ConnectionClosed
    | StartTimer
    | StopTimer
)
