"""The process that asks a service: one for each, however many texts and speakers there are."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import msgspec

from hookflash.ports.clock import Clock
from hookflash.speech.remote.service import ServiceSettings
from hookflash.speech.workers import PoolLimits, WorkerPool

SERVICE_COMMAND = (sys.executable, "-P", "-m", "hookflash.speech.services.worker")
"""How such a process is started; -P keeps the current directory out of its import path."""


def service_pool(
    settings: ServiceSettings, clock: Clock, *, jobs: int, ready: bool, cpus: Sequence[int] = ()
) -> WorkerPool:
    """The process of a service, as a pool of one: it hands packets on and needs no second one.

    It is as urgent as the server itself: what it does is short, and somebody is waiting for each packet.

    Args:
        jobs: texts that are spoken and speakers who are listened to at a time. Requests to the service are
            bounded in the process, by ``settings.concurrency``. As many jobs may wait while it starts.
        ready: start it with the server, else when it is first needed.
    """
    return WorkerPool(
        settings.name,
        clock,
        PoolLimits(jobs=jobs, ready=int(ready), waiting=jobs),
        settings=msgspec.to_builtins(settings),
        cpus=cpus,
        nice=0,
        command=(*SERVICE_COMMAND, settings.kind),
    )
