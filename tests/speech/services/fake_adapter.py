"""An adapter that only pretends, for the tests of the process around it. Run as such a process.

What it does is in the request: ``say`` (seconds of audio), ``echo`` (what is fed comes back, doubled),
``count`` (samples of what is fed), ``deaf`` (takes no audio), ``wait``, ``hold`` (goes on when cancelled),
``stop`` (the whole process), ``crash``, ``break``, ``refuse``, ``log``, ``environment``.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys

import numpy as np

from hookflash.ports.speech import SpeechError
from hookflash.speech.remote.service import ServiceSettings
from hookflash.speech.services.job import ServiceJob
from hookflash.speech.services.worker import main


class FakeAdapter:
    def __init__(self, settings: ServiceSettings) -> None:
        if settings.kind == "fails":
            raise RuntimeError(f"the key {settings.key} fits nowhere")
        self._settings = settings

    def describe(self) -> dict[str, str]:
        return {"service": self._settings.kind}

    async def serve(self, job: ServiceJob) -> None:
        key = self._settings.key
        match job.request["do"]:
            case "say":
                for second in range(int(job.request["seconds"])):
                    await job.sound(np.full(16_000, second, np.int16), ["hello"] if second == 0 else [])
            case "echo":
                async for pcm in job.audio():
                    await job.sound(pcm * 2)
                await job.result("the end")
            case "count":
                await job.result(sum([len(pcm) async for pcm in job.audio()]))
            case "deaf":
                await job.result("deaf")
                await asyncio.Event().wait()
            case "wait":
                await job.result("waits")
                await asyncio.Event().wait()
            case "hold":
                await job.result("holds")
                while True:
                    try:
                        await asyncio.Event().wait()
                    except asyncio.CancelledError:
                        await job.sound(np.zeros(160, np.int16))
            case "stop":
                os.kill(os.getpid(), signal.SIGSTOP)
            case "crash":
                os.kill(os.getpid(), signal.SIGSEGV)
            case "break":
                raise RuntimeError(f"what has {key} to do with it")
            case "refuse":
                raise SpeechError("x" * 490 + f" {key}", code=403, final=True, outage=True)
            case "log":
                logging.getLogger("aiohttp").warning("headers: %s", {"Authorization": f"Token {key}"})
            case "environment":
                await job.result(dict(os.environ))


if __name__ == "__main__":
    sys.exit(main(make_adapter=FakeAdapter))
