"""Answers of the domain name system, kept as long as they say."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from typing import NamedTuple

from hookflash.ports.clock import Clock
from hookflash.ports.names import Answer, Names, Question

log = logging.getLogger("hookflash.sip")

SIZE = 1024
"""Answers kept; the least recently used goes first."""
LEAST, MOST = 5.0, 86400.0
"""Seconds an answer is kept at least and at most, whatever it says."""
STALE = 3600.0
"""Seconds beyond that for which an old answer is better than none, when nobody answers (RFC 8767)."""
PAUSE = 30.0
"""Seconds until somebody who did not answer is asked again, while an old answer will do."""


class _Kept(NamedTuple):
    answer: Answer
    until: float
    stale: float


class CachedNames:
    """Implements :class:`~hookflash.ports.names.Names` over another; equal questions wait for one answer."""

    def __init__(self, names: Names, clock: Clock) -> None:
        self._names = names
        self._clock = clock
        self._kept: OrderedDict[Question, _Kept] = OrderedDict()
        self._asking: dict[Question, asyncio.Task[Answer]] = {}

    def __len__(self) -> int:
        return len(self._kept)

    async def ask(self, question: Question) -> Answer:
        """The answer, a kept one if there is one. OSError when nobody can be asked and none is kept."""
        kept = self._kept.get(question)
        if kept is not None:
            self._kept.move_to_end(question)
            if self._clock.now() < kept.until:
                return kept.answer
        asking = self._asking.get(question)
        if asking is None:
            asking = asyncio.get_running_loop().create_task(self._ask(question))
            self._asking[question] = asking
            asking.add_done_callback(lambda _: self._asking.pop(question, None))
        # Whoever gives up waiting does not keep the others from their answer.
        return await asyncio.shield(asking)

    async def _ask(self, question: Question) -> Answer:
        try:
            answer = await self._names.ask(question)
        except OSError as error:
            kept = self._kept.get(question)
            now = self._clock.now()
            if kept is None or now >= kept.stale:
                raise
            log.warning("names out of reach", extra={"host": question.name, "problem": str(error)})
            self._kept[question] = kept._replace(until=min(now + PAUSE, kept.stale))
            return kept.answer
        until = self._clock.now() + min(max(answer.ttl, LEAST), MOST)
        self._kept[question] = _Kept(answer, until, until + STALE)
        self._kept.move_to_end(question)
        while len(self._kept) > SIZE:
            self._kept.popitem(last=False)
        return answer
