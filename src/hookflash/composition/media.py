"""The media plane out of settings: workers, where they run, and what each of them takes."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from functools import partial

from hookflash.config import Settings
from hookflash.plane.admission import Limits
from hookflash.plane.control import DeskSettings, MediaDesk
from hookflash.plane.feeds import PromptSource, Voice
from hookflash.plane.hosts import Host
from hookflash.plane.inline import InlinePlane
from hookflash.plane.options import PlaneOptions
from hookflash.plane.process import WorkerProcess
from hookflash.plane.prompts import PromptLimits
from hookflash.ports.clock import Clock

log = logging.getLogger("hookflash.media")


def media_desk(
    settings: Settings, prompts: PromptSource, clock: Clock, voice: Voice | None = None
) -> MediaDesk:
    """A desk over the configured workers."""
    media = settings.media
    first = PlaneOptions().jitter_ms
    plane = PlaneOptions(
        host=settings.sip.bind.host,
        first_port=media.rtp_ports.first,
        last_port=media.rtp_ports.last,
        legs=media.legs,
        jitter_ms=min(max(first, media.jitter_least_ms), media.jitter_most_ms),
        jitter_least_ms=media.jitter_least_ms,
        jitter_most_ms=media.jitter_most_ms,
    )
    hosts: list[Callable[[], Host]]
    cpus: tuple[int | None, ...]
    if media.workers == 0:
        shares, cpus = [plane], (None,)
        hosts = [lambda: InlinePlane(plane.make, clock)]
    else:
        shares = [plane.share(number, media.workers) for number in range(media.workers)]
        cpus = pinned_to(settings)
        hosts = [
            partial(_worker, number, share, cpu)
            for number, (share, cpu) in enumerate(zip(shares, cpus, strict=True))
        ]
    limits = tuple(Limits(media.load_limit, share.legs, share.pairs) for share in shares)
    return MediaDesk(hosts, prompts, clock, settings=DeskSettings(limits=limits, cpus=cpus), voice=voice)


def prompt_limits(settings: Settings) -> PromptLimits:
    """What audio files may be played."""
    return PromptLimits(
        max_bytes=settings.media.prompt_bytes,
        timeout=settings.media.prompt_timeout,
        allow_private=settings.server.private_targets,
        strict=settings.media.strict_files,
    )


def pinned_to(settings: Settings) -> tuple[int | None, ...]:
    """The CPU of each worker, None for one that may run anywhere."""
    media = settings.media
    if not isinstance(media.cpus, str):
        return tuple(media.cpus[: media.workers]) or (None,) * media.workers
    usable = sorted(os.sched_getaffinity(0))
    if len(usable) < media.workers:
        log.warning(
            "media.cpus: %d workers are not pinned, because there are %d CPUs", media.workers, len(usable)
        )
        return (None,) * media.workers
    return tuple(usable[len(usable) - media.workers :])


def _worker(number: int, plane: PlaneOptions, cpu: int | None) -> Host:
    pin = [] if cpu is None else [f"--cpu={cpu}"]
    return WorkerProcess(f"media worker {number}", [*pin, *plane.arguments()])


def beside_media(settings: Settings) -> tuple[int, ...]:
    """The CPUs that no media worker is pinned to; none when all may be used, or there is no other."""
    taken = {cpu for cpu in pinned_to(settings) if cpu is not None} if settings.media.workers else set()
    if not taken:
        return ()
    return tuple(sorted(os.sched_getaffinity(0) - taken))
