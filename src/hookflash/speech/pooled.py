"""Speech out of worker processes."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence

import numpy as np

from hookflash.ports.speech import Spoken
from hookflash.speech.messages import Sound
from hookflash.speech.scripted import Run
from hookflash.speech.speaking_jobs import Document, Pause, Say, Speak
from hookflash.speech.workers import WorkerPool


async def spoken(pool: WorkerPool, request: Speak | Document, owner: str) -> AsyncGenerator[Spoken, None]:
    """What a worker makes of ``request``. Raises SpeechError; closing the iterator stops the work."""
    async with pool.job(request, owner) as job:
        async for output in job:
            if isinstance(output, Sound):
                yield Spoken(np.frombuffer(output.pcm, "<i2"), output.notes)


def runner(pool: WorkerPool) -> Run:
    """A way to speak text and silence in one go, by ``pool``."""

    def run(parts: Sequence[Say | Pause], owner: str) -> AsyncGenerator[Spoken, None]:
        return spoken(pool, Speak(tuple(parts)), owner)

    return run
