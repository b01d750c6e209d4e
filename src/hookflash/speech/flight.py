"""One synthesis that goes on, and everybody who follows it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from hookflash.media.speech import Speech
from hookflash.ports.clock import Clock
from hookflash.ports.speech import RATE, SpeechError, Spoken
from hookflash.speech.cache import Prompt

_log = logging.getLogger(__name__)


class Source(Protocol):
    """Who speaks."""

    name: str

    def synthesise(self, speech: Speech) -> AsyncGenerator[Spoken, None]: ...


@dataclass(frozen=True, slots=True)
class FlightLimits:
    """``patience``: seconds to each piece of audio. ``seconds``: of audio in all."""

    patience: float
    seconds: float


class Flight:
    """Has ``source`` speak, keeps what comes, and gives it to all who :meth:`follow`.

    It ends early when the last follower leaves. ``landed`` is called once when it is over, however that came.

    Attributes:
        whole: the prompt, once all of it has come.
    """

    def __init__(
        self,
        source: Source,
        speech: Speech,
        clock: Clock,
        limits: FlightLimits,
        landed: Callable[[Flight], None],
    ) -> None:
        self.whole: Prompt | None = None
        self._source = source
        self._speech = speech
        self._clock = clock
        self._limits = limits
        self._landed = landed
        self._pieces: list[Spoken] = []
        self._failure: SpeechError | None = None
        self._over = False
        self._late = False
        self._news: set[asyncio.Event] = set()
        self._task = asyncio.create_task(self._run())

    async def follow(self) -> AsyncGenerator[Spoken, None]:
        """All of it, from the beginning. Raises SpeechError."""
        news = asyncio.Event()
        self._news.add(news)
        try:
            at = 0
            while True:
                while at < len(self._pieces):
                    yield self._pieces[at]
                    at += 1
                if self._over:
                    if self._failure is not None:
                        raise self._failure
                    return
                news.clear()
                await news.wait()
        finally:
            self._news.discard(news)
            if not self._news and not self._over:
                self._end(SpeechError("nobody waits for it any more"))
                self._task.cancel()

    async def stop(self) -> None:
        """Break it off."""
        self._end(SpeechError("the server stops"))
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        samples = 0
        try:
            async with aclosing(self._source.synthesise(self._speech)) as spoken:
                while (piece := await self._next(spoken)) is not None:
                    samples += len(piece.pcm)
                    if samples > self._limits.seconds * RATE:
                        raise SpeechError(
                            f"it takes longer than {self._limits.seconds:g} s to say, which is the most here"
                        )
                    self._pieces.append(piece)
                    self._tell()
        except SpeechError as error:
            self._end(error)
        except Exception as error:
            # A mistake of a provider's: those who follow are told, or they would wait for ever.
            _log.exception("the speech provider %s broke off", self._source.name)
            self._end(SpeechError(f"{self._source.name} broke off: {type(error).__name__}: {error}"))
        else:
            self._finish()

    async def _next(self, spoken: AsyncGenerator[Spoken, None]) -> Spoken | None:
        """The next piece, None at the end. Raises SpeechError 408/8565 when it does not come in time."""
        patience = self._limits.patience
        task = asyncio.current_task()
        assert task is not None

        def late() -> None:
            self._late = True
            task.cancel()

        timer = self._clock.call_at(self._clock.now() + patience, late)
        try:
            return await anext(spoken, None)
        except asyncio.CancelledError:
            if not self._late or self._over:
                raise
            task.uncancel()
            raise SpeechError(
                f"no audio came from {self._source.name} within {patience:g} s", code=408
            ) from None
        finally:
            timer.cancel()

    def _finish(self) -> None:
        if self._over:
            return
        if self._pieces:
            pcm = np.concatenate([piece.pcm for piece in self._pieces])
            notes = tuple(note for piece in self._pieces for note in piece.notes)
            self.whole = Prompt(pcm, notes)
        self._end(None)

    def _end(self, failure: SpeechError | None) -> None:
        if self._over:
            return
        self._over, self._failure = True, failure
        self._tell()
        self._landed(self)

    def _tell(self) -> None:
        for news in self._news:
            news.set()
