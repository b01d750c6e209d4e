"""Work that waits for a disk, done in threads, many pieces at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import Executor
from functools import partial

from hookflash.ports.audio import Done, Job


class WriteBehind:
    """Hands jobs to threads. Those that are given in one round of the event loop go together: the way into
    a thread and back costs more than what most of them do there.

    Jobs that are given later may be done earlier.
    """

    def __init__(self, pool: Executor) -> None:
        self._pool = pool
        self._jobs: list[tuple[Job, Done]] = []

    def do(self, job: Job, done: Done) -> None:
        """Do ``job`` in a thread soon; ``done`` is called afterwards in any case."""
        if not self._jobs:
            asyncio.get_running_loop().call_soon(self._go)
        self._jobs.append((job, done))

    def _go(self) -> None:
        jobs, self._jobs = self._jobs, []
        try:
            results = asyncio.get_running_loop().run_in_executor(self._pool, _do, [job for job, _ in jobs])
        except RuntimeError as error:  # the threads have been stopped
            for _, done in jobs:
                done(error)
            return
        results.add_done_callback(partial(_tell, [done for _, done in jobs]))


def _do(jobs: Sequence[Job]) -> list[bool | Exception]:
    results: list[bool | Exception] = []
    for job in jobs:
        try:
            results.append(job())
        except Exception as error:
            # It is the job of one recording; the others go on.
            results.append(error)
    return results


def _tell(told: Sequence[Done], results: asyncio.Future[list[bool | Exception]]) -> None:
    given: Sequence[bool | Exception]
    if results.cancelled():
        given = [RuntimeError("the threads were stopped before it was done")] * len(told)
    else:
        given = results.result()
    for done, result in zip(told, given, strict=True):
        try:
            done(result)
        except Exception as error:
            # What goes wrong with one recording is not the others' loss.
            asyncio.get_running_loop().call_exception_handler(
                {"message": "what a disk has done could not be told", "exception": error}
            )
