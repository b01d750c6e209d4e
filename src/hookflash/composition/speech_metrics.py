"""Figures of speech for monitoring."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import NamedTuple

from hookflash.speech.figures import CacheUse, Failures, Times
from hookflash.speech.workers import PoolFigures

Sample = tuple[str, float]
Family = tuple[str, str, str, list[Sample]]
"""Name without prefix, kind, help, samples: what follows the name, and the value."""


class SpeechFigures(NamedTuple):
    """What the figures are made from: failures, times to first audio by provider, use of the cache and its
    bytes by place, worker processes by engine and service."""

    failures: Sequence[Failures]
    first_audio: Mapping[str, Times]
    cache_use: CacheUse
    cache_bytes: Mapping[str, int]
    pools: Sequence[PoolFigures]


def families(speech: SpeechFigures) -> Iterator[Family]:
    """All families, in order."""
    yield (
        "speech_failures_total",
        "counter",
        "Texts and utterances that a provider failed to do, by kind.",
        [(labels(provider=one.provider, does=one.does, kind=one.kind), one.times) for one in speech.failures],
    )
    yield (
        "speech_first_audio_seconds",
        "histogram",
        "From asking a provider to speak to its first audio; what comes from the cache is not counted.",
        [
            sample
            for provider, times in speech.first_audio.items()
            for sample in _histogram({"provider": provider}, times)
        ],
    )
    use = speech.cache_use
    yield (
        "speech_cache_hits_total",
        "counter",
        "Prompts found in the cache, by where.",
        [(labels(cache=place), use.hits[place]) for place in speech.cache_bytes],
    )
    yield (
        "speech_cache_misses_total",
        "counter",
        "Prompts that had to be spoken and were not in the cache.",
        [("", use.misses)],
    )
    yield (
        "speech_cache_bytes",
        "gauge",
        "Prompts kept.",
        [(labels(cache=place), size) for place, size in speech.cache_bytes.items()],
    )
    for name, kind, text, values in (
        (
            "workers",
            "gauge",
            "Processes of an engine, or of a service.",
            (one.processes for one in speech.pools),
        ),
        (
            "worker_starts_total",
            "counter",
            "Processes of an engine or a service that were started.",
            (one.starts for one in speech.pools),
        ),
        (
            "workers_lost_total",
            "counter",
            "Processes of an engine or a service that died or were killed.",
            (one.lost for one in speech.pools),
        ),
        (
            "jobs_running",
            "gauge",
            "Jobs that an engine or a service does.",
            (one.running for one in speech.pools),
        ),
        (
            "jobs_waiting",
            "gauge",
            "Jobs that wait for an engine or a service.",
            (one.waiting for one in speech.pools),
        ),
        (
            "jobs_refused_total",
            "counter",
            "Jobs refused because too many waited, or none was done in time.",
            (one.refused for one in speech.pools),
        ),
    ):
        yield f"speech_{name}", kind, text, list(zip(_engines(speech.pools), values, strict=True))


def labels(**named: str) -> str:
    """Labels as they stand behind a name, with what would end a value escaped."""
    pairs = (f'{name}="{value.translate(_ESCAPES)}"' for name, value in named.items())
    return "{" + ",".join(pairs) + "}"


_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


def _engines(pools: Sequence[PoolFigures]) -> Iterable[str]:
    """The labels of each; two that run the same engine are told apart by a number."""
    seen: dict[str, int] = {}
    for one in pools:
        number = seen[one.engine] = seen.get(one.engine, 0) + 1
        yield labels(engine=one.engine if number == 1 else f"{one.engine} {number}")


def _histogram(named: dict[str, str], times: Times) -> Iterator[Sample]:
    bounds = [*(f"{bound:g}" for bound in times.bounds), "+Inf"]
    for bound, count in zip(bounds, accumulate(times.counts), strict=True):
        yield "_bucket" + labels(**named, le=bound), count
    yield "_sum" + labels(**named), times.total
    yield "_count" + labels(**named), sum(times.counts)
