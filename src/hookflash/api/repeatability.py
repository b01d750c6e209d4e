"""Repeated requests: the same Repeatability-Request-ID runs an operation once (contract section 1.6).

Answers are kept in memory, bounded in number and age. A duplicate that comes while the first is still running
waits for it. Answers after which a client should try again (408, 429, 5xx) are not kept, so that the retry,
which carries the same id, does run.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import ParamSpec

from hookflash.api.answering import render
from hookflash.api.exchange import Answer, Headers
from hookflash.wire.repeatability import FIRST_SENT, REQUEST_ID, repeatability
from hookflash.wire.results import Refusal

P = ParamSpec("P")

_RETRIED = frozenset({408, 429})


Key = str
"""What makes two requests the same, with spaces between: resource, method, raw path, request id in lower
case. One string, because its hash is computed only once."""


def read_repeatability(headers: dict[str, str], now: float, age: float) -> str | None:
    """The request id in lower case, or None when the request carries no repeatability headers.

    ``now`` is Unix time, ``age`` the seconds answers are kept. Raises Refusal 400 when the headers are
    incomplete or malformed, 412 when the first attempt is so long ago that its answer is forgotten.
    """
    read = repeatability(headers.get("repeatability-request-id"), headers.get("repeatability-first-sent"))
    if read is None:
        return None
    if now - read.first_sent > age:
        raise Refusal(
            412,
            "PreconditionFailed",
            f"The header {FIRST_SENT} lies {now - read.first_sent:.0f} s back; what was first sent more than "
            f"{age:.0f} s ago cannot be recognised any more. Send it anew, with a new {REQUEST_ID}.",
            target=FIRST_SENT,
        )
    return read.request_id


class Repeatability:
    """Answers by key; the least recently used one goes first.

    Args:
        entries: how many answers are kept.
        age: seconds an answer is kept.
        now: monotonic seconds.
    """

    def __init__(self, entries: int, age: float, now: Callable[[], float]) -> None:
        self._entries = entries
        self._age = age
        self._now = now
        # Plain tuples of plain values, because the garbage collector does not look at those again.
        self._kept: OrderedDict[Key, tuple[float, int, bytes, Headers]] = OrderedDict()
        # What waits for a running first request; None while nobody does.
        self._running: dict[Key, asyncio.Future[None] | None] = {}

    def __len__(self) -> int:
        return len(self._kept)

    async def once(
        self, key: Key, run: Callable[P, Awaitable[Answer]], *args: P.args, **kw: P.kwargs
    ) -> Answer:
        """The answer of the first request with this key; only that one calls ``run``."""
        while key in self._kept or key in self._running:
            answer = await self._earlier(key)
            if answer is not None:
                return answer
        self._running[key] = None
        try:
            try:
                answer = await run(*args, **kw)
            except Refusal as refusal:
                # It is an answer too, to be repeated like any other.
                answer = render(refusal)
            if answer.status < 500 and answer.status not in _RETRIED:
                self._kept[key] = (self._now(), answer.status, answer.body, answer.headers)
                if len(self._kept) > self._entries:
                    self._kept.popitem(last=False)
            return answer
        finally:
            ended = self._running.pop(key)
            if ended is not None:
                ended.set_result(None)

    async def _earlier(self, key: Key) -> Answer | None:
        """The answer kept for this key; None when it is too old, or after the wait for one under way."""
        kept = self._kept.get(key)
        if kept is not None:
            since, status, body, headers = kept
            if self._now() - since <= self._age:
                self._kept.move_to_end(key)
                return Answer(status, body, headers)
            del self._kept[key]
            return None
        ended = self._running[key]
        if ended is None:
            ended = self._running[key] = asyncio.get_running_loop().create_future()
        # Shielded, so that one duplicate that gives up does not end the others' wait.
        await asyncio.shield(ended)
        return None
