"""What whoever runs a server can see of it and tell it: media workers, legs, draining, metrics."""

from __future__ import annotations

from typing import Protocol

import msgspec

MAX_LEGS = 1000
"""Most legs in one answer."""
MAX_DRAIN = 7 * 86400.0
"""Most seconds a server may go on with its calls."""


class WorkerView(msgspec.Struct, rename="camel", omit_defaults=True):
    """One media worker. ``state`` is "starting", "ready", "full" (``reason`` says why) or "draining".

    ``load`` (0..1) is the share of its core that it is expected to use with the legs it has now, smoothed;
    ``measuredLoad`` is that of its last second. ``lateMs`` and ``busyMs`` are the worst of its last second:
    how late a tick began, how long one took. ``skippedTicks`` were left out since it was started. ``cpu`` is
    absent unless it is pinned to one.
    """

    worker: int
    state: str
    reason: str
    pid: int
    legs: int
    load: float
    measured_load: float
    late_ms: float
    busy_ms: float
    skipped_ticks: int
    starts: int
    uptime_seconds: float
    silence_seconds: float
    cpu: int | None = None


class TotalsView(msgspec.Struct, rename="camel", omit_defaults=True):
    """Sums since the start; those of packets are over the legs that are closed. ``meanMos`` is absent before
    anything was heard."""

    legs_open: int
    legs_closed: int
    legs_refused: int
    calls_refused: int
    calls_lost: int
    workers_lost: int
    workers_replaced: int
    packets_received: int
    packets_sent: int
    packets_lost: int
    packets_discarded: int
    concealed_seconds: float
    mean_mos: float | None = None


class DrainView(msgspec.Struct, rename="camel"):
    """A server that takes no new calls: how many go on, and the seconds until they are ended."""

    reason: str
    calls: int
    seconds_left: float


class MediaView(msgspec.Struct, rename="camel", omit_defaults=True):
    """The media plane; ``draining`` is absent unless the server is being drained."""

    workers: list[WorkerView]
    totals: TotalsView
    draining: DrainView | None = None


class AbilityView(msgspec.Struct, rename="camel"):
    """A provider of speech, and one of what it is asked for: ``does`` is "speak" or "recognise", ``locales``
    those it is asked for (every one when empty). ``works`` is false from a failure to the next success, and
    where it cannot be asked at all; ``problem`` says why, in words."""

    provider: str
    kind: str
    does: str
    locales: list[str]
    works: bool
    problem: str


class EngineView(msgspec.Struct, rename="camel"):
    """The processes of a built-in engine, or the one of a service (``engine`` is its provider's name): those
    there are, how many jobs they do, how many wait; since the start, processes started and lost, and jobs
    refused. ``problem`` is why none can be started, or ""."""

    engine: str
    processes: int
    running: int
    waiting: int
    starts: int
    lost: int
    refused: int
    problem: str = ""


class SpeechView(msgspec.Struct, rename="camel"):
    """Who speaks and recognises, in the order in which they are asked, and the engines behind it."""

    providers: list[AbilityView]
    engines: list[EngineView]


class QualityView(msgspec.Struct, rename="camel", omit_defaults=True):
    """How well a leg is heard, about a second ago; packets of its whole life. What the far side has not
    reported is absent, and so is ``mos`` (1 to 4.5) before anything was received."""

    received: int
    sent: int
    lost: int
    discarded: int
    duplicates: int
    jitter_ms: float
    buffer_ms: float
    concealed_ms: float
    round_trip_ms: float | None = None
    remote_loss: float | None = None
    remote_jitter_ms: float | None = None
    mos: float | None = None


class LegRow(msgspec.Struct, rename="camel", omit_defaults=True):
    """One leg. ``kind`` is "phone", "virtual" or "app"; ``port`` is ours (0 without one), ``remote`` where
    its audio comes from. The ids are those of its call; ``quality`` is absent before its first second."""

    leg: int
    kind: str
    worker: int
    correlation_id: str
    call_connection_ids: list[str]
    codec: str
    port: int
    remote: str
    encrypted: bool
    quality: QualityView | None = None


class LegPage(msgspec.Struct, rename="camel", omit_defaults=True):
    """Legs; ``next`` is the ``after`` of the next page, absent on the last."""

    value: list[LegRow]
    next: int | None = None


class BanView(msgspec.Struct, rename="camel"):
    """A source of SIP that is not listened to: an address, or the /64 of one. ``reason`` is "unknown",
    "flood", "malformed", "handshake", "password" or "scanner"; it is the ``times``-th ban of late, and
    ``refused`` is what has been dropped unread."""

    source: str
    reason: str
    seconds_left: float
    times: int
    refused: int


class BansView(msgspec.Struct):
    """The bans, the one that ends first in front."""

    value: list[BanView]


class TargetView(msgspec.Struct, rename="camel", omit_defaults=True):
    """A target of a trunk. ``watched`` is whether it is asked by OPTIONS; ``up`` holds until the opposite is
    known. ``since`` is when that last changed (ISO 8601); ``problem`` why the last question failed."""

    target: str
    up: bool
    watched: bool
    since: str | None = None
    problem: str = ""
    priority: int = 0
    weight: int = 1


class RegistrationView(msgspec.Struct, rename="camel", omit_defaults=True):
    """Our registration with a trunk: "registering", "registered", "waiting" for the next try, "refused" (the
    trunk has said no, and it is tried again later) or "left". ``registrar`` and ``secondsLeft`` are there
    while it is known to a server; ``problem`` is why the last try failed."""

    state: str
    since: str
    registrar: str = ""
    seconds_left: float = 0.0
    problem: str = ""


class TrunkView(msgspec.Struct, rename="camel", omit_defaults=True):
    """A trunk: up while any of its targets is. ``calls`` are those it carries now, both directions together;
    ``refused`` how many were not taken since the start, by the limit that said so."""

    name: str
    transport: str
    up: bool
    targets: list[TargetView]
    calls: int
    limits: dict[str, float]
    refused: dict[str, int]
    registration: RegistrationView | None = None


class TrunksView(msgspec.Struct):
    """The trunks of the configuration, in its order."""

    value: list[TrunkView]


class LiftedView(msgspec.Struct):
    """How many bans were lifted."""

    lifted: int


class Operating(Protocol):
    """What is seen and told. ``asker`` is the GUID of the resource that asks; None sees everything."""

    def media(self) -> MediaView: ...

    def speech(self) -> SpeechView: ...

    def legs(self, asker: str | None, after: int, top: int, *, worst: bool) -> LegPage:
        """The legs of the asker's calls behind leg ``after``; with ``worst`` those heard the worst, first."""
        ...

    def metrics(self) -> str:
        """In Prometheus' text format."""
        ...

    def drain_worker(self, worker: int) -> WorkerView | None:
        """Replace a media worker once its calls have ended; None when there is none of that number, or it is
        just being started."""
        ...

    def drain(self, seconds: float | None) -> DrainView:
        """Take no new calls, end the server once the calls it has are over or ``seconds`` are."""
        ...

    def resume(self) -> bool:
        """Take calls again after all; False when the server was not being drained, or ends already."""
        ...

    def bans(self) -> BansView:
        """Who is not listened to on SIP."""
        ...

    def trunks(self) -> TrunksView:
        """The trunks of the configuration, and how they do."""
        ...

    def lift_bans(self, source: str | None) -> int:
        """Lift the ban of a source, or all; returns how many there were."""
        ...

    def may_operate(self, asker: str | None) -> bool:
        """Whether the asker may tell the server what concerns the calls of everybody."""
        ...
