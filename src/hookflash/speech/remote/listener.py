"""Recognition by a service, in its process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import replace

import msgspec
import numpy as np
from numpy.typing import NDArray

from hookflash.media.speech import Listening
from hookflash.ports.speech import Recognised, SpeechError
from hookflash.speech.messages import Result
from hookflash.speech.recognising_jobs import Listen
from hookflash.speech.running import RunningJob
from hookflash.speech.workers import WorkerPool


class RemoteListener:
    """Implements :class:`hookflash.ports.speech.Recogniser` by ``pool``, which asks a service."""

    def __init__(self, name: str, pool: WorkerPool) -> None:
        self.name = name
        self._pool = pool

    async def recognise(
        self, audio: AsyncIterator[NDArray[np.int16]], wish: Listening
    ) -> AsyncGenerator[Recognised, None]:
        """See :class:`hookflash.ports.speech.Recogniser`."""
        async with self._pool.job(Listen(replace(wish, owner="")), wish.owner) as job:
            pump = asyncio.create_task(_pump(audio, job))
            try:
                async for output in job:
                    if isinstance(output, Result):
                        yield msgspec.convert(output.value, Recognised)
            finally:
                pump.cancel()
                await asyncio.gather(pump, return_exceptions=True)


async def _pump(audio: AsyncIterator[NDArray[np.int16]], job: RunningJob) -> None:
    try:
        async for samples in audio:
            await job.feed(samples)
        await job.finish()
    except Exception as error:
        # Nobody waits for this task: who reads the job has to learn that no more audio comes.
        job.break_off(SpeechError(f"the audio broke off: {type(error).__name__}: {error}"))
