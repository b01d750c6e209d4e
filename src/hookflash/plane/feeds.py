"""The sources of a play: files that are fetched and words that are spoken, each ahead of its turn.

Either comes as a stream of parts. A file is one part; words come as they are spoken, so that the first of
them are on their way while the rest is being made.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hookflash.calls.effects import AudioFile
from hookflash.media.speech import Speech
from hookflash.plane.prompts import PromptError
from hookflash.plane.wav import WIDE_RATE, Audio
from hookflash.ports.speech import SpeechError, Spoken

SPEECH_ERROR = 8565
"""Sub-code for words that could not be spoken (contract section 4.3)."""

MUCH = WIDE_RATE
"""Samples from which on a part is made ready beside the event loop."""

NOBODY = "nobody is here to speak; install hookflash[speech] or configure a provider"


class PromptSource(Protocol):
    """Where audio comes from; see :class:`hookflash.plane.prompts.Prompts`."""

    async def fetch(self, url: str, cache_id: str | None = None) -> Audio: ...


class Voice(Protocol):
    """Who speaks; see :class:`hookflash.speech.speaking.SpeakingDesk`."""

    def speak(self, speech: Speech) -> AsyncGenerator[Spoken, None]: ...


class SourceFailed(Exception):
    """A source could not be had; ``code`` 0 stands for the usual one of ``sub_code``."""

    def __init__(self, message: str, sub_code: int, code: int = 0) -> None:
        super().__init__(message)
        self.sub_code = sub_code
        self.code = code


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a source. ``last``: it is known that no other follows. ``notes`` are for the trace."""

    audio: Audio
    last: bool = False
    notes: tuple[str, ...] = ()


_REACH = 47
"""Samples at 16,000 Hz, 3 ms, that the filter looks ahead."""


def _low_pass() -> NDArray[np.float32]:
    """Passes up to 3.6 kHz, 55 dB down from 4.2 kHz."""
    at = np.arange(-_REACH, _REACH + 1)
    taps = np.sinc(at * 2 * 3_850 / WIDE_RATE) * np.kaiser(len(at), 6.8)
    passing: NDArray[np.float32] = (taps / taps.sum()).astype(np.float32)
    return passing


_TAPS = _low_pass()


class Narrower:
    """Speech at 16,000 Hz into audio at both rates, piece by piece without a seam.

    The resamplers of libraries work in blocks and keep a tenth of a second back, which would be missing at
    the end of a piece whose successor is late.
    """

    def __init__(self) -> None:
        self._line = np.zeros(_REACH, np.float32)
        self._wide = np.empty(0, np.int16)

    def feed(self, pcm: NDArray[np.int16], *, last: bool = False) -> Audio | None:
        """What can be played after ``pcm``; 3 ms are kept back until more or the last comes."""
        wide = np.concatenate([self._wide, pcm])
        if last:
            wide = np.append(wide, np.zeros(len(wide) % 2, np.int16))
        narrow = self._narrow(pcm, len(wide) // 2 if last else None)
        self._wide = wide[2 * len(narrow) :]
        if not len(narrow):
            return None
        data, more = narrow.astype("<i2").tobytes(), wide[: 2 * len(narrow)].astype("<i2").tobytes()
        return Audio(hashlib.sha256(data + more).digest(), data, more)

    def _narrow(self, pcm: NDArray[np.int16], flush: int | None) -> NDArray[np.int16]:
        """As many samples at 8,000 Hz as there can be by now, ``flush`` of them at the end."""
        tail = np.zeros(0 if flush is None else _REACH + 2, np.float32)
        line = np.concatenate([self._line, pcm.astype(np.float32), tail])
        count = max(0, (len(line) - len(_TAPS)) // 2 + 1) if flush is None else flush
        if not count:
            self._line = line
            return np.empty(0, np.int16)
        even = np.correlate(line[0::2], _TAPS[0::2], "valid")[:count]
        odd = np.correlate(line[1::2], _TAPS[1::2], "valid")[:count]
        self._line = line[2 * count :]
        narrow: NDArray[np.int16] = np.clip(np.rint(even + odd), -32768, 32767).astype(np.int16)
        return narrow


class Feed:
    """One source of a play, begun at once and taken with :meth:`parts` when its turn comes.

    Args:
        source: what to play.
        slots: taken while something comes.
        prompts, voice: who has it; without a voice words fail.
    """

    def __init__(
        self,
        source: AudioFile | Speech,
        slots: asyncio.Semaphore,
        prompts: PromptSource,
        voice: Voice | None,
    ) -> None:
        self._parts: asyncio.Queue[Part | Exception | None] = asyncio.Queue()
        self._prompts = prompts
        self._voice = voice
        self._task = asyncio.create_task(self._run(source, slots))

    async def parts(self) -> AsyncIterator[Part]:
        """The parts in order. Raises :class:`SourceFailed`, before any or in the middle."""
        while (part := await self._parts.get()) is not None:
            if isinstance(part, Exception):
                raise part
            yield part
            if part.last:
                return

    async def close(self) -> None:
        """Stop what still comes."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self, source: AudioFile | Speech, slots: asyncio.Semaphore) -> None:
        put = self._parts.put_nowait
        try:
            async with slots:
                if isinstance(source, Speech):
                    await self._speak(source)
                else:
                    put(Part(await self._prompts.fetch(source.url, source.cache_id), last=True))
            put(None)
        except PromptError as error:
            put(SourceFailed(str(error), error.sub_code))
        except SpeechError as error:
            put(SourceFailed(str(error), error.sub_code, error.code))
        except Exception as error:
            # A mistake of ours: raised, and logged, where the parts are taken.
            put(error)

    async def _speak(self, speech: Speech) -> None:
        if self._voice is None:
            raise SpeechError(NOBODY)
        narrower = Narrower()
        notes: tuple[str, ...] = ()
        async with aclosing(self._voice.speak(speech)) as spoken:
            async for piece in spoken:
                notes += piece.notes
                if len(piece.pcm) > MUCH:
                    audio = await asyncio.to_thread(narrower.feed, piece.pcm)
                else:
                    audio = narrower.feed(piece.pcm)
                if audio is not None:
                    self._parts.put_nowait(Part(audio, notes=notes))
                    notes = ()
        audio = narrower.feed(np.empty(0, np.int16), last=True)
        if audio is not None:
            self._parts.put_nowait(Part(audio, last=True, notes=notes))
