"""Events: media worker -> control."""

from __future__ import annotations

from hookflash.ports.plane_messages import LegQuality, PlaneMessage, SrtpSource


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
    quality: LegQuality = LegQuality()


class LegReport(PlaneMessage, frozen=True):
    """About once a second for each connected leg: how well it is heard; with SRTP, how far its stream has
    come, as far as that is known."""

    leg: int
    quality: LegQuality
    source: SrtpSource | None = None


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
    """The last sample of the play left in ``tick``; ``samples`` of 1/8000 s were played in all.

    It is told in the same tick, unless the play waited for more and is only now told that none will come.
    """

    play: int
    tick: int
    samples: int = 0


class PlayProgress(PlaneMessage, frozen=True):
    """At the end of ``tick``, ``samples`` of 1/8000 s of the play have left; -1: it does not run."""

    play: int
    tick: int
    samples: int


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
    """The rings of all open taps hold what there is up to ``tick``, and voices have room again.

    Said of every tick while somebody speaks or listens at once, else of every fifth.
    """

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
    """Once a second: ticks done, legs open; worst lateness and busiest tick since the last one, in ms.

    ``load`` is the share of the time since then that ticks took, ``skipped`` the ticks left out so far.
    """

    tick: int
    legs: int
    late_ms: float
    busy_ms: float
    load: float = 0.0
    skipped: int = 0


PlaneEvent = (
    WorkerReady
    | LegOpened
    | LegRefused
    | LegClosed
    | LegReport
    | LegLatched
    | LegStarved
    | ClipRefused
    | PlayStarted
    | PlayFinished
    | PlayProgress
    | PlayUnheard
    | ToneHeard
    | TonesSent
    | TonesRefused
    | AudioTapped
    | TapClosed
    | VoiceClosed
    | Heartbeat
)
