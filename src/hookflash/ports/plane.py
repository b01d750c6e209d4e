"""The messages between control and a media worker, and the protocol control sees.

Control sends *commands*, the worker answers with *events*; both are small tagged structs, packed with
MessagePack and exchanged at most once a tick (20 ms) in each direction. A *leg* is one row of the plane's
columns; legs of one *call* hear each other (mix-minus). Ids are integers minted by control and never reused
in the life of the process. Audio in commands is signed 16-bit little-endian PCM, mono, 8,000 Hz.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

TICK = 0.02
"""Length of a media tick in seconds; one RTP packet a leg and tick."""


class PlaneMessage(msgspec.Struct, tag=True, array_like=True, frozen=True):
    """Base of every message; the tag is the class name."""


# --- commands: control -> worker ------------------------------------------------------------------------


class OpenLeg(PlaneMessage, frozen=True):
    """Reserve a row for ``leg`` in ``call``. ``socket`` False makes an app leg: one without a network side.

    Answered by :class:`LegOpened` or :class:`LegRefused`.
    """

    leg: int
    call: int
    socket: bool


class ConnectLeg(PlaneMessage, frozen=True):
    """Say where and how RTP flows; may be repeated after a re-offer.

    ``payload_type`` and ``codec`` ("PCMU" or "PCMA") are what we send and expect; ``event_payload_type`` is
    the negotiated telephone-event payload type at 8,000 Hz, or -1 when none was (DTMF then goes in band).
    ``host``/``port`` are the peer's RTP address from SDP ("" and 0: learn it from the first packet).
    ``sending``/``receiving`` follow the SDP direction as seen from us.
    """

    leg: int
    host: str
    port: int
    payload_type: int
    codec: str
    event_payload_type: int
    sending: bool
    receiving: bool


class JoinMix(PlaneMessage, frozen=True):
    """From now on ``leg`` hears the other joined legs of its call, and they hear it."""

    leg: int


class LeaveMix(PlaneMessage, frozen=True):
    """``leg`` neither hears nor is heard; plays addressed to it still reach it (hold, early legs)."""

    leg: int


class MuteLeg(PlaneMessage, frozen=True):
    """While ``muted``, nobody hears ``leg``; it hears the others as before."""

    leg: int
    muted: bool


class MoveLeg(PlaneMessage, frozen=True):
    """``leg`` belongs to ``call`` from now on; it is in no mix until :class:`JoinMix`.

    It leaves the plays of its former call, and its taps end; all else stays as it is.
    """

    leg: int
    call: int


class CloseLeg(PlaneMessage, frozen=True):
    """Free the row, its sockets and its plays. Answered by :class:`LegClosed`."""

    leg: int


class LoadClip(PlaneMessage, frozen=True):
    """Give the worker a piece of audio to play, once; ``pcm`` is int16 LE mono 8,000 Hz."""

    clip: int
    pcm: bytes


class DropClip(PlaneMessage, frozen=True):
    """Forget a clip; a play that still uses it keeps its own reference."""

    clip: int


class StartPlay(PlaneMessage, frozen=True):
    """Play ``clips`` one after the other, sample-exactly joined, to each of ``legs``.

    ``loop`` repeats the whole list until :class:`StopPlay`. ``more`` True says that :class:`ExtendPlay` will
    follow: when the clips run out the play waits in silence instead of finishing.
    """

    play: int
    legs: tuple[int, ...]
    clips: tuple[int, ...]
    loop: bool
    more: bool


class ExtendPlay(PlaneMessage, frozen=True):
    """Append clips to a running play; ``more`` as in :class:`StartPlay`."""

    play: int
    clips: tuple[int, ...]
    more: bool


class AddPlayLeg(PlaneMessage, frozen=True):
    """Let one more leg hear a running play (someone joined the call)."""

    play: int
    leg: int


class RemovePlayLeg(PlaneMessage, frozen=True):
    """A leg does not hear a running play any more (it was put on hold); the others do."""

    play: int
    leg: int


class StopPlay(PlaneMessage, frozen=True):
    """Stop a play with a short fade; no :class:`PlayFinished` follows."""

    play: int


class SendTones(PlaneMessage, frozen=True):
    """Send DTMF on ``leg``: ``digits`` over "0123456789*#ABCD", each ``tone_ms`` long, ``gap_ms`` apart.

    RFC 4733 when telephone-event was negotiated, in-band tones otherwise. Answered by :class:`TonesSent` or
    :class:`TonesRefused`.
    """

    sending: int
    leg: int
    digits: str
    tone_ms: int
    gap_ms: int


class StopTones(PlaneMessage, frozen=True):
    """Abort a sending; the digit being sent is ended properly. No :class:`TonesSent` follows."""

    sending: int


class OpenTap(PlaneMessage, frozen=True):
    """From now on write a frame a tick into ring ``tap``. Answered by :class:`TapClosed` when it ends.

    ``kind`` is "heard" (what leg ``subject`` hears), "said" (what others hear of leg ``subject``), "whole"
    (all of call ``subject``, prompts included) or "prompts" (those of call ``subject`` alone). ``itself``:
    the leg's own voice is part of what it hears.
    """

    tap: int
    kind: str
    subject: int
    itself: bool = False


class CloseTap(PlaneMessage, frozen=True):
    """Write no more into a ring."""

    tap: int


class OpenVoice(PlaneMessage, frozen=True):
    """What control writes into ring ``voice`` is what ``leg`` says, until :class:`VoiceClosed`."""

    voice: int
    leg: int


class CloseVoice(PlaneMessage, frozen=True):
    """Read no more from a ring."""

    voice: int


class Shutdown(PlaneMessage, frozen=True):
    """Close everything and exit."""


PlaneCommand = (
    OpenLeg
    | ConnectLeg
    | JoinMix
    | LeaveMix
    | MuteLeg
    | MoveLeg
    | CloseLeg
    | LoadClip
    | DropClip
    | StartPlay
    | ExtendPlay
    | AddPlayLeg
    | RemovePlayLeg
    | StopPlay
    | SendTones
    | StopTones
    | OpenTap
    | CloseTap
    | OpenVoice
    | CloseVoice
    | Shutdown
)

# --- events: worker -> control --------------------------------------------------------------------------


class WorkerReady(PlaneMessage, frozen=True):
    """The worker has compiled its kernels and ticks."""

    pid: int


class LegOpened(PlaneMessage, frozen=True):
    """``port`` is the local (even) RTP port, RTCP is the next one; 0 for a leg without a socket."""

    leg: int
    port: int


class LegRefused(PlaneMessage, frozen=True):
    """The row could not be made: ports or rows exhausted. ``reason`` is for people."""

    leg: int
    reason: str


class LegClosed(PlaneMessage, frozen=True):
    """The row is gone. Totals of the leg's life: packets, lost packets (RFC 3550), jitter in ms."""

    leg: int
    received: int
    sent: int
    lost: int
    jitter_ms: float


class LegLatched(PlaneMessage, frozen=True):
    """The peer's RTP really comes from this address; the leg is locked to it now."""

    leg: int
    host: str
    port: int


class LegStarved(PlaneMessage, frozen=True):
    """A receiving leg has had no packet for ``seconds``."""

    leg: int
    seconds: float


class ClipRefused(PlaneMessage, frozen=True):
    """A clip could not be kept; plays pass over it. ``reason`` is for people."""

    clip: int
    reason: str


class PlayStarted(PlaneMessage, frozen=True):
    """The first sample of the play left in ``tick``."""

    play: int
    tick: int


class PlayFinished(PlaneMessage, frozen=True):
    """The last sample of the play left in ``tick``."""

    play: int
    tick: int


class PlayUnheard(PlaneMessage, frozen=True):
    """``leg`` can not hear the play: it hears as many as it can already. Its other legs hear it."""

    play: int
    leg: int
    reason: str


class ToneHeard(PlaneMessage, frozen=True):
    """A key of a leg, reported once: ``digit`` over "0123456789*#ABCD"; ``source`` "rfc4733" or "inband"."""

    leg: int
    digit: str
    source: str
    tick: int


class TonesSent(PlaneMessage, frozen=True):
    """Every digit of the sending has left, including its end."""

    sending: int
    tick: int


class TonesRefused(PlaneMessage, frozen=True):
    """Nothing of the sending leaves; ``reason`` is for people."""

    sending: int
    reason: str


class AudioTapped(PlaneMessage, frozen=True):
    """The rings of all open taps hold what there is up to ``tick``, and voices have room again."""

    tick: int


class TapClosed(PlaneMessage, frozen=True):
    """Nothing more is written into ring ``tap``; ``reason`` is "" when that was asked for."""

    tap: int
    reason: str


class VoiceClosed(PlaneMessage, frozen=True):
    """Nothing more is read from ring ``voice``; ``reason`` is "" when that was asked for."""

    voice: int
    reason: str


class Heartbeat(PlaneMessage, frozen=True):
    """Once a second: ticks done, legs open; worst lateness and busiest tick since the last one, in ms."""

    tick: int
    legs: int
    late_ms: float
    busy_ms: float


PlaneEvent = (
    WorkerReady
    | LegOpened
    | LegRefused
    | LegClosed
    | LegLatched
    | LegStarved
    | ClipRefused
    | PlayStarted
    | PlayFinished
    | PlayUnheard
    | ToneHeard
    | TonesSent
    | TonesRefused
    | AudioTapped
    | TapClosed
    | VoiceClosed
    | Heartbeat
)


class LegUnavailable(Exception):
    """No media leg could be opened (ports, rows or workers exhausted); the message says which."""


class LegMedia(Protocol):
    """What a phone needs from the plane: a leg with a port to put into SDP, and where to send."""

    async def open_leg(self, leg: int, call: int, *, socket: bool = True) -> int:
        """Open a leg; returns the local RTP port, 0 without ``socket``. Raises :class:`LegUnavailable`."""
        ...

    async def move_leg(self, leg: int, call: int) -> int:
        """Bring an open leg into another call; returns its local RTP port from now on.

        The port is another one when the call is on another worker: then the peer has to be told. Raises
        :class:`LegUnavailable`, and then the leg is where it was.
        """
        ...

    def connect_leg(self, command: ConnectLeg) -> None: ...

    def close_leg(self, leg: int) -> None:
        """Close the leg; unknown legs are ignored."""
        ...
