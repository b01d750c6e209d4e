"""A recogniser that only pretends, for tests. Run as a worker.

It "understands" how many seconds of audio it was given; a first sample of 1 crashes the process the first
time (``marker`` in its settings is a file that says it has), one of 2 makes it refuse, one of 3 crashes it
every time.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from hookflash.ports.speech import SpeechError
from hookflash.speech.jobs import Job
from hookflash.speech.recognising_jobs import Understand, Understood, Word
from hookflash.speech.worker import main


class Pretender:
    def __init__(self, settings: dict[str, Any]) -> None:
        self._marker = Path(settings["marker"]) if "marker" in settings else None

    def describe(self) -> dict[str, str]:
        return {"model": "none"}

    def serve(self, job: Job) -> None:
        wish = msgspec.convert(job.request, Understand)
        pcm = np.concatenate([np.empty(0, np.int16), *job.audio()])
        if pcm[0] == 1 and self._marker is not None and not self._marker.exists():
            self._marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if pcm[0] == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        if pcm[0] == 2:
            raise SpeechError("it does not like that", code=403)
        seconds = len(pcm) / 16_000
        words = (Word("seconds", 0.0, seconds),) if wish.words else ()
        choice = wish.phrases[0] if wish.phrases else ""
        job.result(msgspec.to_builtins(Understood(f"{seconds:g}", 0.5, choice, words)))


if __name__ == "__main__":
    sys.exit(main(make=Pretender))
