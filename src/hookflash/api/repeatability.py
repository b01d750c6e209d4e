"""Repeated requests: the same Repeatability-Request-ID runs an operation once (contract section 1.6).

Answers are kept in memory, bounded in number and age. A duplicate that comes while the first is still running
waits for it. Answers after which a client should try again (408, 429, 5xx) are not kept, so that the retry,
which carries the same id, does run.
"""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from hookflash.api.exchange import Answer
from hookflash.wire.results import Refusal
from hookflash.wire.timestamps import parse_imf_fixdate

REQUEST_ID = "repeatability-request-id"
FIRST_SENT = "repeatability-first-sent"

_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_RETRIED = frozenset({408, 429})


class Key(NamedTuple):
    """What makes two requests the same: ``path`` is raw, ``request_id`` in lower case."""

    resource: str
    method: str
    path: str
    request_id: str


def read_repeatability(request_id: str | None, first_sent: str | None, now: float, age: float) -> str | None:
    """The request id in lower case, or None when neither header is there.

    ``now`` is Unix time, ``age`` the seconds answers are kept. Raises Refusal 400 when one of the two headers
    is missing or malformed, 412 when the first attempt is so long ago that its answer is forgotten.
    """
    if request_id is None and first_sent is None:
        return None
    if request_id is None:
        raise _unfit("Repeatability-Request-ID", "is missing although Repeatability-First-Sent is given")
    if first_sent is None:
        raise _unfit("Repeatability-First-Sent", "is missing although Repeatability-Request-ID is given")
    if not _UUID.fullmatch(request_id):
        raise _unfit("Repeatability-Request-ID", f"is {request_id[:64]!r}, which is not a UUID")
    sent = parse_imf_fixdate(first_sent)
    if sent is None:
        form = "Sun, 06 Nov 1994 08:49:37 GMT"
        raise _unfit("Repeatability-First-Sent", f"is {first_sent[:64]!r}, not of the form {form!r}")
    if now - sent > age:
        raise Refusal(
            412,
            "PreconditionFailed",
            f"The header Repeatability-First-Sent is {first_sent}; what was first sent more than {age:.0f} s "
            "ago cannot be recognised any more. Send it anew, with a new Repeatability-Request-ID.",
            target="Repeatability-First-Sent",
        )
    return request_id.lower()


def _unfit(header: str, problem: str) -> Refusal:
    message = f"The header {header} {problem}. Send both headers well formed, or neither."
    return Refusal(400, "BadRequest", message, target=header)


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
        self._kept: OrderedDict[Key, tuple[float, Answer]] = OrderedDict()
        self._running: dict[Key, asyncio.Future[None]] = {}

    def __len__(self) -> int:
        return len(self._kept)

    async def once(self, key: Key, run: Callable[[], Awaitable[Answer]]) -> Answer:
        """The answer of the first request with this key; only that one calls ``run``."""
        while True:
            kept = self._kept.get(key)
            if kept is not None:
                since, answer = kept
                if self._now() - since <= self._age:
                    self._kept.move_to_end(key)
                    return answer
                del self._kept[key]
            running = self._running.get(key)
            if running is None:
                return await self._first(key, run)
            # Shielded, so that one duplicate that gives up does not end the others' wait.
            await asyncio.shield(running)

    async def _first(self, key: Key, run: Callable[[], Awaitable[Answer]]) -> Answer:
        done = self._running[key] = asyncio.get_running_loop().create_future()
        try:
            answer = await run()
            if answer.status < 500 and answer.status not in _RETRIED:
                self._kept[key] = (self._now(), answer)
                if len(self._kept) > self._entries:
                    self._kept.popitem(last=False)
            return answer
        finally:
            del self._running[key]
            done.set_result(None)
