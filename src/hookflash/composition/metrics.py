"""Figures for monitoring, in Prometheus' text format (version 0.0.4)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from types import MappingProxyType
from typing import NamedTuple

from hookflash.composition.speech_metrics import SpeechFigures, families
from hookflash.composition.trunk_metrics import trunk_families
from hookflash.plane.quality_desk import MOS_STEPS, MediaTotals
from hookflash.plane.roster import WorkerHealth
from hookflash.ports.operating import TrunkView

STATES = ("starting", "ready", "full", "draining")


class Facts(NamedTuple):
    """What the figures are made from: ``alive`` is how much of what is alive, by name; ``speech`` is None
    where there is none; ``left_out`` how many intermediate results of transcripts were not sent, by who was
    too busy for them; ``uploads`` how many files of recordings were sent, by how it went;
    ``tolls`` how many calls out were not allowed, by why; ``trunks`` how each trunk does;
    ``sip_refused`` what of SIP was refused or dropped, by limit; ``contacts`` how many contacts of phones are
    registered, and ``registrations`` how contacts came and went, None where no phone may register."""

    alive: Mapping[str, int]
    workers: Sequence[WorkerHealth]
    totals: MediaTotals
    refused_calls: int
    draining: bool
    speech: SpeechFigures | None = None
    left_out: Mapping[str, int] = MappingProxyType({})
    uploads: Mapping[str, int] = MappingProxyType({})
    tolls: Mapping[str, int] = MappingProxyType({})
    trunks: Sequence[TrunkView] = ()
    sip_refused: Mapping[str, int] = MappingProxyType({})
    contacts: int = 0
    registrations: Mapping[str, int] | None = None


def render(facts: Facts) -> str:
    """All figures."""
    workers, totals = facts.workers, facts.totals
    lines: list[str] = []

    def family(name: str, kind: str, text: str, samples: Iterable[tuple[str, float]]) -> None:
        lines.append(f"# HELP hookflash_{name} {text}")
        lines.append(f"# TYPE hookflash_{name} {kind}")
        lines.extend(f"hookflash_{name}{suffix} {_number(value)}" for suffix, value in samples)

    def one(name: str, kind: str, text: str, value: float) -> None:
        family(name, kind, text, [("", value)])

    def each(name: str, kind: str, text: str, value: Iterable[float]) -> None:
        numbers = (f'{{worker="{health.number}"}}' for health in workers)
        family(name, kind, text, zip(numbers, value, strict=True))

    family(
        "alive",
        "gauge",
        "What is alive now, by kind.",
        [(f'{{kind="{kind}"}}', count) for kind, count in facts.alive.items()],
    )
    one("draining", "gauge", "1 while the server is being drained.", facts.draining)
    one(
        "calls_refused_total",
        "counter",
        "Calls turned away because there was no room for them.",
        facts.refused_calls,
    )
    family(
        "calls_not_allowed_total",
        "counter",
        "Calls out not allowed, by why: where to (prefix), how many (rate), at what expense (spend).",
        [(f'{{why="{why}"}}', count) for why, count in facts.tolls.items()],
    )
    family(
        "transcription_intermediate_left_out_total",
        "counter",
        "Intermediate results of transcripts that were left out, by who was too busy for them.",
        [(f'{{busy="{who}"}}', count) for who, count in facts.left_out.items()],
    )
    family(
        "recording_uploads_total",
        "counter",
        "Files of recordings sent to storage outside, by how it went: uploaded, retried (attempts), failed.",
        [(f'{{result="{result}"}}', count) for result, count in facts.uploads.items()],
    )
    family(
        "sip_refused_total",
        "counter",
        "SIP refused or dropped, by the limit that said so; malformed messages among them.",
        [(f'{{limit="{limit}"}}', count) for limit, count in facts.sip_refused.items()],
    )
    if facts.registrations is not None:
        one("phone_contacts", "gauge", "Contacts of SIP phones that are registered.", facts.contacts)
        family(
            "phone_registrations_total",
            "counter",
            "Contacts that were registered, unregistered, expired or lost, and REGISTERs that were refused.",
            [(f'{{what="{what}"}}', count) for what, count in facts.registrations.items()],
        )
    for name, (kind, text, samples) in trunk_families(facts.trunks).items():
        family(name, kind, text, samples)
    family(
        "media_workers",
        "gauge",
        "Media workers by state.",
        [(f'{{state="{state}"}}', sum(one.state == state for one in workers)) for state in STATES],
    )
    each("media_worker_legs", "gauge", "Legs on a worker.", (one.legs for one in workers))
    each(
        "media_worker_load",
        "gauge",
        "Share of its core a worker is expected to use, smoothed.",
        (one.load for one in workers),
    )
    each(
        "media_worker_late_seconds",
        "gauge",
        "How late the latest tick of the last second began.",
        (one.late_ms / 1e3 for one in workers),
    )
    each(
        "media_worker_busy_seconds",
        "gauge",
        "How long the longest tick of the last second took.",
        (one.busy_ms / 1e3 for one in workers),
    )
    each(
        "media_worker_skipped_ticks_total",
        "counter",
        "Ticks a worker has left out since its start.",
        (one.skipped for one in workers),
    )
    each(
        "media_worker_starts_total", "counter", "Workers started in a place.", (one.starts for one in workers)
    )
    one("media_workers_lost_total", "counter", "Media workers that died.", totals.workers_lost)
    one(
        "media_workers_replaced_total",
        "counter",
        "Media workers replaced after they were drained.",
        totals.workers_replaced,
    )
    one(
        "media_calls_lost_total",
        "counter",
        "Calls that ended because their worker died.",
        totals.calls_lost,
    )
    one(
        "media_legs_refused_total",
        "counter",
        "Legs a worker could not open.",
        totals.legs_refused,
    )
    one("media_legs_closed_total", "counter", "Legs that are over.", totals.legs)
    for name, text, value in (
        ("received", "Packets received on legs that are over.", totals.received),
        ("sent", "Packets sent on legs that are over.", totals.sent),
        ("lost", "Packets lost on the way to us on legs that are over.", totals.lost),
        ("discarded", "Packets that came too late on legs that are over.", totals.discarded),
    ):
        one(f"media_packets_{name}_total", "counter", text, value)
    one(
        "media_concealed_seconds_total",
        "counter",
        "Audio made up for what was missing on legs that are over.",
        totals.concealed_ms / 1e3,
    )
    bounds = [*(f"{step:g}" for step in MOS_STEPS), "+Inf"]
    buckets = [
        (f'_bucket{{le="{bound}"}}', float(count))
        for bound, count in zip(bounds, accumulate(totals.scores), strict=True)
    ]
    family(
        "media_leg_mos",
        "histogram",
        "Estimated opinion scores (G.107) of legs that are over.",
        [*buckets, ("_sum", totals.score_sum), ("_count", float(sum(totals.scores)))],
    )
    if facts.speech is not None:
        for each_family in families(facts.speech):
            family(*each_family)
    return "\n".join(lines) + "\n"


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(round(float(value), 6))
