"""The built-in recogniser: a model in worker processes that understands whole utterances.

A worker is needed only for the moment of understanding, some 0.2 s for a sentence, so that a few of them
serve many callers. Whenever the speaker pauses, what there is so far is understood at once: if the pause was
the end, the last words are ready before anybody asks for them. Who wants to read along while somebody speaks
is served when a worker has nothing else to do and another one is left for last words, and else waits for the
next time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from enum import Enum

import msgspec
import numpy as np
from numpy.typing import NDArray

from hookflash.media.speech import Listening
from hookflash.ports.speech import RATE, HeardWord, Recognised, SpeechError
from hookflash.speech.messages import Result
from hookflash.speech.recognising_jobs import Understand, Understood
from hookflash.speech.running import WorkerLost
from hookflash.speech.workers import WorkerPool

SETTLED = 12 * RATE
"""Samples of one piece that are not understood again once a pause has followed them."""
MOST = 300 * RATE
"""Samples that are listened to; what comes later is not heard."""
PARTIAL = RATE
"""Samples between one look at what is being said and the next, where partial results are wanted."""
PATIENCE, PATIENCE_PER_SECOND = 8.0, 0.5
"""Seconds a worker has for an utterance, and for each second of it."""

Samples = NDArray[np.int16]


class BuiltinRecogniser:
    """Implements :class:`hookflash.ports.speech.Recogniser` by ``pool``, whose engine takes
    :class:`~hookflash.speech.recognising_jobs.Understand` jobs.

    Args:
        name: what settings and traces call it.
        pool: its processes.
        locale: what it understands, BCP-47.
        words: tell the single words and their times always, which takes longer.
        left_out: told of every partial result that was wanted when all workers were busy.
    """

    def __init__(
        self,
        name: str,
        pool: WorkerPool,
        locale: str = "en-US",
        *,
        words: bool = False,
        left_out: Callable[[], None] = lambda: None,
    ) -> None:
        self._name = name
        self._pool = pool
        self._locale = locale
        self._words = words
        self._left_out = left_out

    @property
    def name(self) -> str:
        return self._name

    async def recognise(
        self, audio: AsyncIterator[Samples], wish: Listening
    ) -> AsyncGenerator[Recognised, None]:
        """See :class:`hookflash.ports.speech.Recogniser`."""
        job = Understand(wish.phrases, self._words or wish.words)
        work = _Utterance(self._pool, job, self._language(wish), wish.owner)
        try:
            async for pcm in audio:
                if not len(pcm):
                    work.pause()
                    continue
                if (found := work.hear(pcm)) is not None:
                    yield found
                if wish.partial and work.look() is Look.NO_WORKER:
                    self._left_out()
            yield await work.end()
        finally:
            work.drop()

    def _language(self, wish: Listening) -> str:
        """The locale to say: the one that was wished for, where it is a region of what this understands."""
        language = self._locale.partition("-")[0].casefold()
        fitting = (one for one in wish.locales if one.partition("-")[0].casefold() == language)
        return next(fitting, self._locale)


class Look(Enum):
    """What became of looking at what is being said."""

    NOT_YET = 0
    BEGUN = 1
    NO_WORKER = 2


class _Utterance:
    """What has been said so far, and the attempts at understanding it."""

    def __init__(self, pool: WorkerPool, wish: Understand, locale: str, owner: str) -> None:
        self._pool = pool
        self._owner = owner
        self._wish = wish
        self._locale = locale
        self._pieces: list[Samples] = []
        self._size = 0
        self._before = 0
        self._settled: list[Understood] = []
        self._attempt: asyncio.Task[Understood] | None = None
        self._glance: asyncio.Task[Understood] | None = None
        self._looked = 0

    def hear(self, pcm: Samples) -> Recognised | None:
        """More is said; what was understood of it before."""
        told = self._take_up() or self._seen()
        room = MOST - self._before - self._size
        self._pieces.append(pcm[:room])
        self._size += min(len(pcm), room)
        return told

    def look(self) -> Look:
        """See what has been said so far, while they go on; :meth:`hear` tells it when it is clear."""
        if self._glance is not None or self._size - self._looked < PARTIAL:
            return Look.NOT_YET
        self._looked = self._size
        if not self._pool.spare:
            return Look.NO_WORKER
        self._glance = self._begin()
        return Look.BEGUN

    def pause(self) -> None:
        """Nothing is said for the moment: try to understand."""
        if self._attempt is None and self._size:
            self._forget_glance()
            self._attempt = self._begin()

    async def end(self) -> Recognised:
        """The last words. Raises SpeechError."""
        if self._size:
            self.pause()
            assert self._attempt is not None
            try:
                last = await self._attempt
            except WorkerLost:
                # It may have been somebody else's audio that broke the worker, or an operator.
                last = await self._understand(self._whole())
            self._settled.append(last)
        return self._told(self._settled, final=True)

    def drop(self) -> None:
        """Nobody wants it any more."""
        self._forget_glance()
        if self._attempt is not None:
            self._attempt.cancel()

    def _begin(self) -> asyncio.Task[Understood]:
        attempt = asyncio.create_task(self._understand(self._whole()))
        attempt.add_done_callback(_look_at)
        return attempt

    def _forget_glance(self) -> None:
        glance, self._glance = self._glance, None
        if glance is not None:
            glance.cancel()

    def _seen(self) -> Recognised | None:
        """What a look has shown, once."""
        glance = self._glance
        if glance is None or not glance.done():
            return None
        self._glance = None
        if glance.cancelled() or glance.exception() is not None:
            return None  # the end will tell
        return self._told([*self._settled, glance.result()], final=False)

    def _take_up(self) -> Recognised | None:
        """They go on: what was understood in the pause is kept, if it was long, or told; the rest is void."""
        attempt, self._attempt = self._attempt, None
        if attempt is None:
            return None
        if not attempt.done():
            attempt.cancel()
            return None
        if attempt.cancelled() or attempt.exception() is not None:
            return None  # the end will tell
        found = attempt.result()
        told = self._told([*self._settled, found], final=False)
        if self._size >= SETTLED and not self._wish.phrases:
            self._settled.append(found)
            self._before += self._size
            self._pieces, self._size, self._looked = [], 0, 0
        return told

    def _whole(self) -> Samples:
        return np.concatenate([np.empty(0, np.int16), *self._pieces])

    async def _understand(self, pcm: Samples) -> Understood:
        offset = self._before / RATE
        async with self._pool.job(self._wish, self._owner) as job:
            job.allow(PATIENCE + PATIENCE_PER_SECOND * len(pcm) / RATE)
            await job.feed(pcm)
            await job.finish()
            async for output in job:
                if isinstance(output, Result):
                    found = msgspec.convert(output.value, Understood)
                    moved = tuple(
                        msgspec.structs.replace(word, start=word.start + offset, end=word.end + offset)
                        for word in found.words
                    )
                    return msgspec.structs.replace(found, words=moved)
        raise SpeechError(f"{self._pool.engine} said nothing about what it heard")

    def _told(self, parts: list[Understood], *, final: bool) -> Recognised:
        spoken = [one for one in parts if one.text]
        words = tuple(
            HeardWord(word.text, word.start, word.end - word.start) for one in spoken for word in one.words
        )
        return Recognised(
            " ".join(one.text for one in spoken),
            final,
            confidence=float(np.mean([one.confidence for one in spoken])) if spoken else 0.0,
            locale=self._locale,
            duration=(self._before + self._size) / RATE,
            words=words,
            choice=spoken[0].choice if len(spoken) == 1 else "",
        )


def _look_at(attempt: asyncio.Task[Understood]) -> None:
    """Whatever becomes of an attempt that nobody waits for is no mistake."""
    if not attempt.cancelled():
        attempt.exception()
