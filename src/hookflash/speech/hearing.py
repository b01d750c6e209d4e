"""Who understands what is said: recognisers in the order of the configuration, the next where one fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hookflash.media.speech import Listening
from hookflash.ports.speech import RATE, Recognised, SpeechError
from hookflash.speech.locales import covers
from hookflash.speech.standing import Standing

KEPT = 60 * RATE
"""Samples of an utterance that are kept for the next recogniser; after more of it there is none."""

Samples = NDArray[np.int16]


class Understander(Protocol):
    """A recogniser as used here; see :class:`hookflash.ports.speech.Recogniser`."""

    @property
    def name(self) -> str: ...

    def recognise(self, audio: AsyncIterator[Samples], wish: Listening) -> AsyncGenerator[Recognised, None]:
        """An asynchronous generator."""
        ...


@dataclass(frozen=True, slots=True)
class Hearer:
    """A recogniser and the locales it is asked for, all when empty ("en" stands for every region)."""

    recogniser: Understander
    locales: tuple[str, ...] = ()

    def takes(self, wanted: Sequence[str]) -> bool:
        """Whether it is asked for one of ``wanted``."""
        return not self.locales or any(covers(mine, one) for one in wanted for mine in self.locales)


class Speech:
    """The audio of one utterance on its way to a recogniser, and once more to the next.

    Bounded by whoever puts it in.
    """

    def __init__(self) -> None:
        self._pieces: list[Samples] = []
        self._size = 0
        self._dropped = 0
        self._ended = False
        self._news = asyncio.Event()

    @property
    def whole(self) -> bool:
        """Whether it can be heard from its beginning."""
        return self._dropped == 0

    def put(self, pcm: Samples) -> None:
        """More of it; an empty array says that the speaker pauses."""
        self._pieces.append(pcm)
        self._size += len(pcm)
        self._news.set()

    def end(self) -> None:
        """That was all."""
        self._ended = True
        self._news.set()

    async def listen(self) -> AsyncGenerator[Samples, None]:
        """All of it from its beginning; waits for what has not come yet."""
        at = 0
        while True:
            while at - self._dropped < len(self._pieces):
                piece = self._pieces[at - self._dropped]
                at += 1
                if self._size > KEPT:
                    self._forget(at)
                yield piece
            if self._ended:
                return
            self._news.clear()
            await self._news.wait()

    def _forget(self, before: int) -> None:
        count = before - self._dropped
        self._size -= sum(map(len, self._pieces[:count]))
        del self._pieces[:count]
        self._dropped = before


class HearingDesk:
    """Understands; see :meth:`understand`.

    Args:
        hearers: who is asked, in order.
        advice: what to do where there is nobody, for the error.

    Attributes:
        standing: who of them fails.
    """

    def __init__(self, hearers: Sequence[Hearer], advice: str = "") -> None:
        self._hearers = tuple(hearers)
        self._advice = advice
        self.standing = Standing("recognise")

    @property
    def hears(self) -> bool:
        """Whether there is anybody to understand."""
        return bool(self._hearers)

    def knows(self, locale: str) -> bool:
        """Whether somebody is asked to understand a language."""
        return any(hearer.takes((locale,)) for hearer in self._hearers)

    def refusal(self, wish: Listening) -> SpeechError | None:
        """Why nobody would understand these languages, before anything is said; None where somebody may."""
        if any(hearer.takes(wish.locales) for hearer in self._hearers):
            return None
        return self._failure([], wish)

    async def understand(self, speech: Speech, wish: Listening) -> AsyncGenerator[Recognised, None]:
        """What is said in ``speech``: partial results, then one final one. Close the iterator to stop.

        Raises:
            SpeechError: nobody understands the languages, or all who do have failed.
        """
        failures: list[SpeechError] = []
        finals: list[Recognised] = []
        for hearer in self._hearers:
            if not hearer.takes(wish.locales) or not speech.whole:
                continue
            try:
                async with aclosing(hearer.recogniser.recognise(speech.listen(), wish)) as results:
                    async for result in results:
                        if result.final:
                            finals.append(result)
                        else:
                            yield _joined([*finals, result])
            except SpeechError as error:
                failures.append(error)
                if not error.final:
                    self.standing.failed(hearer.recogniser.name, error)
                finals.clear()
                if error.final:
                    break
            else:
                self.standing.worked(hearer.recogniser.name)
                yield _joined(finals or [Recognised("", True)])
                return
        raise self._failure(failures, wish)

    def _failure(self, failures: Sequence[SpeechError], wish: Listening) -> SpeechError:
        if failures:
            last = failures[-1]
            text = "; ".join(dict.fromkeys(map(str, failures)))
            return SpeechError(text, code=last.code, sub_code=last.sub_code, outage=last.outage)
        text = f"Nobody here understands {', '.join(wish.locales)}."
        return SpeechError(f"{text} {self._advice}".strip(), outage=not self._hearers)


def _joined(parts: Sequence[Recognised]) -> Recognised:
    """What was understood one after the other, in one; it is as final as the last of it."""
    if len(parts) == 1:
        return parts[0]
    spoken = [one for one in parts if one.text] or [parts[-1]]
    return replace(
        spoken[0],
        text=" ".join(one.text for one in spoken),
        final=parts[-1].final,
        confidence=sum(one.confidence for one in spoken) / len(spoken),
        duration=parts[-1].start + parts[-1].duration - spoken[0].start,
        words=tuple(word for one in spoken for word in one.words),
        choice=spoken[0].choice if len(spoken) == 1 else "",
    )
