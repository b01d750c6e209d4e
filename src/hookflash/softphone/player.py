"""Runs a script on a phone."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import soundfile
import soxr

from hookflash.ports.clock import Clock
from hookflash.softphone.audio import RATE, Samples
from hookflash.softphone.phone import CallFailed, Notice, Softphone
from hookflash.softphone.script import Step

AUDIBLE = 300
"""Root mean square, in 16-bit steps, from which a stretch of audio counts as sound (about -41 dBm0)."""
_LOOK = 0.05


class ExpectationFailed(Exception):
    """What the script expected did not happen; the message says what did."""


def read_wav(path: Path) -> Samples:
    """A sound file as int16 mono 8,000 Hz.

    Raises:
        ValueError: the file cannot be read as sound.
    """
    try:
        data, rate = soundfile.read(path, dtype="int16", always_2d=True)
    except (OSError, soundfile.LibsndfileError) as error:
        raise ValueError(f"{path} cannot be read as a sound file: {error}") from error
    mono = data.mean(axis=1)
    if rate != RATE:
        mono = soxr.resample(mono, rate, RATE)
    return np.asarray(np.clip(mono, -32768, 32767), np.int16)


def level(samples: Samples) -> float:
    """Root mean square of samples; 0 for none."""
    return float(np.sqrt(np.mean(samples.astype(np.float64) ** 2))) if len(samples) else 0.0


class ScriptPlayer:
    """Plays steps on a phone, one after the other."""

    def __init__(self, phone: Softphone, clock: Clock, notice: Notice) -> None:
        self._phone = phone
        self._clock = clock
        self._notice = notice
        self._digits_used = 0

    async def play(self, steps: list[Step]) -> None:
        """Play all steps.

        Raises:
            ExpectationFailed: an expectation was not met in time.
            CallFailed: a call did not come up.
            ValueError: a file or URI cannot be used.
        """
        for step in steps:
            self._notice("step", str(step))
            await self._step(step)

    async def _step(self, step: Step) -> None:
        phone = self._phone
        match step.verb:
            case "dial":
                await phone.dial(step.argument)
            case "answer":
                await phone.answer(step.seconds)
            case "wait":
                await self._pause(step.seconds)
            case "press":
                self._need_call(step)
                phone.audio.press(step.argument)
                await self._until_sent()
            case "play":
                self._need_call(step)
                phone.audio.say(read_wav(Path(step.argument)))
                await self._until_sent()
            case "hangup":
                phone.hang_up()
            case "expect digits":
                await self._expect_digits(step)
            case "expect audio":
                await self._expect_audio(step)
            case "expect silence":
                await self._expect_silence(step)
            case "expect hangup":
                if not await phone.ended(step.seconds):
                    raise ExpectationFailed(f"the far side did not hang up within {step.seconds:g} s")

    def _need_call(self, step: Step) -> None:
        if not self._phone.talking:
            raise ExpectationFailed(f'"{step}" needs a call, but there is none: it has ended or never began')

    async def _pause(self, seconds: float) -> None:
        done = asyncio.Event()
        self._clock.call_at(self._clock.now() + seconds, done.set)
        await done.wait()

    async def _until_sent(self) -> None:
        # The far side may well hang up on a key; what is left of it has nowhere to go then.
        while self._phone.audio.busy and self._phone.talking:
            await self._pause(0.02)

    async def _expect_digits(self, step: Step) -> None:
        deadline = self._clock.now() + step.seconds
        wanted = step.argument
        while True:
            new = self._phone.digits[self._digits_used :]
            if new[: len(wanted)] == wanted:
                self._digits_used += len(wanted)
                return
            if not wanted.startswith(new[: len(wanted)]) or self._clock.now() >= deadline:
                got = f'"{new}"' if new else "nothing"
                raise ExpectationFailed(
                    f'expected the digits "{wanted}" within {step.seconds:g} s, got {got}'
                )
            await self._pause(_LOOK)

    async def _expect_audio(self, step: Step) -> None:
        deadline = self._clock.now() + step.seconds
        start = len(self._phone.audio.heard)
        while level(self._phone.audio.heard[start:][-RATE // 5 :]) < AUDIBLE:
            if self._clock.now() >= deadline:
                raise ExpectationFailed(f"nothing was heard within {step.seconds:g} s")
            self._need_call(step)
            await self._pause(_LOOK)

    async def _expect_silence(self, step: Step) -> None:
        start = len(self._phone.audio.heard)
        await self._pause(step.seconds)
        heard = level(self._phone.audio.heard[start:])
        if heard >= AUDIBLE:
            raise ExpectationFailed(
                f"expected {step.seconds:g} s of silence, but something was heard (level {heard:.0f})"
            )


__all__ = ["CallFailed", "ExpectationFailed", "ScriptPlayer", "level", "read_wav"]
