"""A speech engine that only pretends, for the tests of the pool. Run as a worker.

What it does is in the request: ``say`` (seconds of audio), ``echo`` (what is fed comes back, doubled),
``hang``, ``crash``, ``break``, ``refuse``, ``noise`` (on standard output).
"""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import Any

import numpy as np

from hookflash.ports.speech import SpeechError
from hookflash.speech.jobs import Job
from hookflash.speech.worker import main


class FakeEngine:
    def __init__(self, settings: dict[str, Any]) -> None:
        self._settings = settings

    def describe(self) -> dict[str, str]:
        return {"model": str(self._settings.get("model", "none"))}

    def serve(self, job: Job) -> None:
        match job.request["do"]:
            case "say":
                for second in range(int(job.request["seconds"])):
                    job.sound(np.full(16_000, second, np.int16), ["hello"] if second == 0 else [])
            case "echo":
                for pcm in job.audio():
                    job.sound(pcm * 2)
                job.result({"text": "the end", "final": True})
            case "for ever":
                job.sound(np.zeros(160, np.int16))
                while True:
                    job.check()
                    time.sleep(0.01)
            case "hang":
                job.sound(np.zeros(160, np.int16))
                os.kill(os.getpid(), signal.SIGSTOP)
            case "crash":
                os.kill(os.getpid(), signal.SIGSEGV)
            case "break":
                raise RuntimeError("something in it is wrong")
            case "mumble":
                raise RuntimeError("half a pair: \ud800")
            case "refuse":
                raise SpeechError("there is no such voice", code=403, final=True)
            case "noise":
                print("this is for a terminal", flush=True)
                job.result("still here")
            case "flood":
                for line in range(1000):
                    print(f"line {line} " + "x" * 2000, file=sys.stderr)
                job.result("still here")
            case "environment":
                job.result(dict(os.environ))
            case "nice":
                job.result([os.nice(0), sorted(os.sched_getaffinity(0))])


def load(settings: dict[str, Any]) -> FakeEngine:
    match settings.get("load"):
        case "fails":
            raise RuntimeError("the model is not there")
        case "hangs":
            os.kill(os.getpid(), signal.SIGSTOP)
    return FakeEngine(settings)


if __name__ == "__main__":
    sys.exit(main(make=load))
