"""What happened outside: facts the edges report to the calls room, as plain data.

A *leg* is an integer minted by the exchange (or by a phone edge through ``Exchange.new_leg``); it names one
phone or one app leg everywhere: in facts, in effects and in the plane's columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from hookflash.calls.speech_effects import AudioReady, ListeningFailed, VoiceBegan, VoiceEnded, WordsHeard
from hookflash.wire.identifiers import Identifier


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a leg failed or ended.

    ``status`` is the final SIP status (200 for a normal end, BYE), ``reason`` its phrase. ``sub_code`` is
    set only when the platform itself decided (for example 511532, no trunk); otherwise it follows from
    ``status`` and the leg's direction (contract section 4.5: 560xyz outward, 540xyz inward). ``q850`` is
    the ISDN cause of a Reason header, if there was one.
    """

    status: int
    reason: str
    sub_code: int | None = None
    q850: int | None = None
    q850_text: str = ""


@dataclass(frozen=True, slots=True)
class IncomingLeg:
    """A phone calls us. ``leg`` was taken from ``Exchange.new_leg()`` by the phone edge.

    ``headers`` holds the custom headers that travel into ``customContext.sipHeaders`` (User-To-User, X-*),
    ``voip_headers`` those of a phone that is no SIP trunk, for ``customContext.voipHeaders``. ``outward`` is
    given for a phone of ours: the number (E.164) it shows when it is put through to one that nobody here
    owns, "" for the trunk's own; None does not let it dial such numbers.
    """

    leg: int
    caller: Identifier
    callee: Identifier
    display_name: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    voip_headers: Mapping[str, str] = field(default_factory=dict)
    outward: str | None = None


@dataclass(frozen=True, slots=True)
class LegRinging:
    """A leg we dialled rings (18x)."""

    leg: int


@dataclass(frozen=True, slots=True)
class LegUp:
    """The leg is established: an incoming one was answered and acknowledged, an outgoing one got its 200.

    With ``refers`` its far side is to be asked (ReferLeg) when the phone is transferred.
    """

    leg: int
    refers: bool = False


@dataclass(frozen=True, slots=True)
class LegFailed:
    """A leg that never came up is gone: refused, timed out, cancelled by the caller, no route, no port."""

    leg: int
    cause: Cause


@dataclass(frozen=True, slots=True)
class LegDown:
    """An established leg has ended by the far side (BYE) or by a fault."""

    leg: int
    cause: Cause


@dataclass(frozen=True, slots=True)
class LegMoved:
    """A leg is in the other call now (effect MoveLeg)."""

    leg: int


@dataclass(frozen=True, slots=True)
class LegNotMoved:
    """A leg could not be brought into the other call; it is where it was."""

    leg: int
    message: str


@dataclass(frozen=True, slots=True)
class LegReferred:
    """The far side of a leg has connected the phone elsewhere (effect ReferLeg); the leg is to be ended."""

    leg: int


@dataclass(frozen=True, slots=True)
class LegNotReferred:
    """The far side has not connected the phone elsewhere; the leg is as it was.

    With ``declined`` it does not do such a thing, so that it has to be done here.
    """

    leg: int
    cause: Cause
    declined: bool = False


@dataclass(frozen=True, slots=True)
class LegRefers:
    """The far side of an established leg wants its call to go on with ``target`` in its place (REFER).

    TellReferrer is to follow, with ``refer``. ``by`` is the address of who says so (RFC 3892). In an attended
    transfer ``joins`` is the other leg of that phone, whose call is to become one with this; where that other
    call is not here, ``replaces`` names its dialog at the target.
    """

    leg: int
    refer: int
    target: Identifier
    by: str = ""
    replaces: str = ""
    joins: int | None = None


@dataclass(frozen=True, slots=True)
class DevicesChanged:
    """So many devices of a ``kind`` are there for a user now; with any, a call to the user rings them.

    ``user`` is the rawId.
    """

    user: str
    devices: int
    kind: str = ""


@dataclass(frozen=True, slots=True)
class NobodyListens:
    """No Event Grid subscription matched the IncomingCall of this invitation."""

    context: str


@dataclass(frozen=True, slots=True)
class AudioStarted:
    """The first sample of a play left."""

    play: int


@dataclass(frozen=True, slots=True)
class AudioFinished:
    """The last sample of a play left."""

    play: int


@dataclass(frozen=True, slots=True)
class AudioFailed:
    """A source could not be played; what came before it has been played.

    ``source`` is its 0-based index; ``sub_code`` is 8535 (not a usable WAV), 8536 (download), 8565 (the
    speech provider), 8582 (nothing to say) or 9999. ``code`` goes with it, 0 for the usual one.
    """

    play: int
    source: int
    sub_code: int
    message: str
    code: int = 0


@dataclass(frozen=True, slots=True)
class ToneHeard:
    """A participant pressed a key; ``digit`` over "0123456789*#ABCD".

    ``audible``: it came as tones in the audio, which the others hear as they are.
    """

    leg: int
    digit: str
    audible: bool = False


@dataclass(frozen=True, slots=True)
class TonesDone:
    """All tones of a sending have left."""

    sending: int


@dataclass(frozen=True, slots=True)
class TonesFailed:
    """A sending could not be completed."""

    sending: int
    message: str


@dataclass(frozen=True, slots=True)
class StreamOpened:
    """A stream or transcript is connected; ``again`` after an interruption."""

    stream: int
    again: bool = False


@dataclass(frozen=True, slots=True)
class StreamFailed:
    """A stream or transcript is over by a failure, after the retries that are worth it.

    ``details`` is the status detail of contract section 5.3 (for example "streamConnectionUnsuccessful"),
    ``code`` and ``sub_code`` the result.
    """

    stream: int
    details: str
    code: int
    sub_code: int
    message: str


@dataclass(frozen=True, slots=True)
class RecordingStarted:
    """The recorder runs, or stands ready where the recording begins paused; ``started`` is Unix time."""

    recording: str
    started: float


@dataclass(frozen=True, slots=True)
class RecordingFailed:
    """A recording could not be started, or broke off: the disk is full, the worker died."""

    recording: str
    code: int
    sub_code: int
    message: str


@dataclass(frozen=True, slots=True)
class RecordingChunk:
    """One file of a recording. ``path`` is relative to the recordings' folder, ``end_reason`` as in 5.7."""

    document_id: str
    index: int
    end_reason: str
    path: str
    metadata_path: str


@dataclass(frozen=True, slots=True)
class RecordingOrigin:
    """What a recording was of, for telling of one that was made before the server was restarted.

    ``content_type``, ``channel_type`` and ``format`` are as in the start request. ``broken``: the server died
    while it ran.
    """

    resource: str
    server_call_id: str
    correlation_id: str
    content_type: str
    channel_type: str
    format: str
    broken: bool


@dataclass(frozen=True, slots=True)
class RecordingStored:
    """A recording's files are complete. ``started`` is Unix time, ``duration_ms`` without pauses.

    ``origin`` is given when the recording itself may be known no more.
    """

    recording: str
    chunks: tuple[RecordingChunk, ...]
    started: float
    duration_ms: int
    origin: RecordingOrigin | None = None


@dataclass(frozen=True, slots=True)
class MediaLost:
    """The media worker that carried these calls died; their audio is gone."""

    calls: tuple[int, ...]


class Taking(IntEnum):
    """What can be taken from now on: everything, only what belongs to calls that are there, nothing more."""

    ALL = 0
    ONGOING = 1
    NOTHING = 2


@dataclass(frozen=True, slots=True)
class Pressure:
    """What can be taken from now on, as far as ``source`` is concerned; replaces what it said before.

    ``source`` is "load" (the media workers are full), "media" (none is ready; both are the media's word) or
    "server" (it is being drained). ``reason`` is for people, ``retry_after`` the seconds after which it is
    worth while to ask again.
    """

    source: str
    taking: Taking
    reason: str = ""
    retry_after: int = 5


@dataclass(frozen=True, slots=True)
class Stopping:
    """The server is being stopped in good order: every call ends, and its apps are told."""


@dataclass(frozen=True, slots=True)
class TimerFired:
    """A timer asked for with the effect ``StartTimer`` is due."""

    timer: int


Fact = (
    IncomingLeg
    | LegRinging
    | LegUp
    | LegFailed
    | LegDown
    | LegMoved
    | LegNotMoved
    | LegReferred
    | LegNotReferred
    | LegRefers
    | DevicesChanged
    | NobodyListens
    | AudioReady
    | AudioStarted
    | AudioFinished
    | AudioFailed
    | ToneHeard
    | TonesDone
    | TonesFailed
    | VoiceBegan
    | VoiceEnded
    | WordsHeard
    | ListeningFailed
    | StreamOpened
    | StreamFailed
    | RecordingStarted
    | RecordingFailed
    | RecordingStored
    | MediaLost
    | Pressure
    | Stopping
    | TimerFired
)
