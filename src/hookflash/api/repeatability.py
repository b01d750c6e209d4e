"""Repeated requests: the same Repeatability-Request-ID runs an operation once (contract section 1.6).

Answers are kept in memory, bounded in number and age, and in the journal, where the answer to a command
becomes durable in the same act as the command: after a crash a repetition still gets the first answer, and
runs nothing. A duplicate that comes while the first is still running waits for it. Answers after which a
client should try again (408, 429, 5xx) are not kept, so that the retry, which carries the same id, does run;
but what was done and could only not be written down is not done again.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, ParamSpec

import msgspec

from hookflash.api.answering import help_headers, render
from hookflash.api.exchange import CHAIN_ID, Answer, HeadedRefusal, Headers
from hookflash.ports.journal import KeptAnswer, NotDurable
from hookflash.wire.repeatability import FIRST_SENT, REQUEST_ID, repeatability
from hookflash.wire.results import ErrorBody, Refusal, internal_error

log = logging.getLogger("hookflash.api")

P = ParamSpec("P")

_RETRIED = frozenset({408, 429})
_ERROR = msgspec.json.Decoder(ErrorBody)
_RESULT = b"repeatability-result"
ACCEPTED = (_RESULT, b"accepted")
"""The answer is kept: a repetition gets the same (OASIS Repeatable Requests 1.0, section 5)."""
REJECTED = (_RESULT, b"rejected")

Write = Callable[[KeptAnswer], Awaitable[None]]
"""Makes an answer durable; fails with ``NotDurable``."""


class NotRepeatable(HeadedRefusal):
    """What the repeatability headers ask for cannot be had; nothing was run."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.status, refusal.code, refusal.message, target=refusal.target)
        self.headers = (REJECTED,)


def read_repeatability(headers: dict[str, str], now: float, age: float) -> str | None:
    """The request id in lower case, or None when the request carries no repeatability headers.

    ``now`` is Unix time, ``age`` the seconds answers are kept. Raises Refusal 400 when the headers are
    incomplete or malformed, 412 when the first attempt is so long ago that its answer is forgotten.
    """
    try:
        read = repeatability(headers.get("repeatability-request-id"), headers.get("repeatability-first-sent"))
    except Refusal as refusal:
        raise NotRepeatable(refusal) from None
    if read is None:
        return None
    if now - read.first_sent > age:
        message = (
            f"The header {FIRST_SENT} lies {now - read.first_sent:.0f} s back; what was first sent more than "
            f"{age:.0f} s ago cannot be recognised any more. Send it anew, with a new {REQUEST_ID}."
        )
        raise NotRepeatable(Refusal(412, "PreconditionFailed", message, target=FIRST_SENT))
    return read.request_id


class Repeat:
    """A request that may be repeated.

    Args:
        key: what makes two requests the same: resource, method, raw path, request id in lower case, with
            spaces between. One string, because its hash is computed only once.
        digest: of the body.
        at: Unix time.
        answering: from the response of the operation to the answer.

    Attributes:
        answer: once the operation was done.
        kept: what a repetition gets, once the operation was done.
    """

    __slots__ = ("_answering", "answer", "at", "digest", "kept", "key")

    def __init__(self, key: str, digest: str, at: float, answering: Callable[[Any], Answer]) -> None:
        self.key = key
        self.digest = digest
        self.at = at
        self._answering = answering
        self.answer: Answer | None = None
        self.kept: KeptAnswer | None = None

    def keep(self, response: Any) -> KeptAnswer:
        """The answer to ``response`` as it is to be kept."""
        answer = self.answer = self._answering(response)
        return self.keeping(answer)

    def keeping(self, answer: Answer) -> KeptAnswer:
        """``answer`` as it is to be kept."""
        chain = ""
        for name, value in answer.headers:
            if name == CHAIN_ID:
                chain = value.decode("latin-1")
        kept = self.kept = KeptAnswer(self.key, self.digest, self.at, answer.status, answer.body, chain)
        return kept


async def _nowhere(answer: KeptAnswer) -> None:
    """Where answers go that need not outlive the process."""


class Repeatability:
    """Answers by key; the least recently used one goes first.

    Args:
        entries: how many answers are kept.
        age: seconds an answer is kept.
        wall: Unix time in seconds.
        write: makes the answers durable that no command carries: those of refusals.
    """

    def __init__(self, entries: int, age: float, wall: Callable[[], float], write: Write = _nowhere) -> None:
        self._entries = entries
        self._age = age
        self._wall = wall
        self._write = write
        # at, digest, status, body, correlationId: plain tuples of plain values, because the garbage collector
        # does not look at those again.
        self._kept: OrderedDict[str, tuple[float, str, int, bytes, str]] = OrderedDict()
        # What was done and could not be made durable: it must not be done again.
        self._owed: OrderedDict[str, KeptAnswer] = OrderedDict()
        # What waits for a running first request; None while nobody does.
        self._running: dict[str, asyncio.Future[None] | None] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def load(self, answers: Iterable[KeptAnswer]) -> None:
        """Answers of an earlier process, oldest first."""
        for answer in answers:
            self._remember(answer)

    async def once(
        self, repeat: Repeat, run: Callable[P, Awaitable[Answer]], *args: P.args, **kw: P.kwargs
    ) -> Answer:
        """The answer of the first request with this key; only that one calls ``run``.

        Raises:
            Refusal: 400/8523, the id was used for another body; 500, done but not durable, or not done.
        """
        key = repeat.key
        while key in self._kept or key in self._running:
            answer = await self._earlier(repeat)
            if answer is not None:
                return answer
        self._running[key] = None
        try:
            if key in self._owed:
                return await self._settle(repeat)
            return await self._first(repeat, run, *args, **kw)
        finally:
            ended = self._running.pop(key)
            if ended is not None:
                ended.set_result(None)

    async def _first(
        self, repeat: Repeat, run: Callable[P, Awaitable[Answer]], *args: P.args, **kw: P.kwargs
    ) -> Answer:
        try:
            answer = await run(*args, **kw)
        except Refusal as refusal:
            if repeat.kept is not None:
                self._owed[repeat.key] = repeat.kept
                if len(self._owed) > self._entries:
                    self._owed.popitem(last=False)
                raise
            # It is an answer too, to be repeated like any other.
            answer = render(refusal)
        if answer.status >= 500 or answer.status in _RETRIED:
            return answer
        if repeat.kept is None:
            try:
                await self._write(repeat.keeping(answer))
            except NotDurable as error:
                # Nothing was changed by what was refused: it may be decided anew after a crash.
                log.error("an answer is kept in memory only: %s", error)
        assert repeat.kept is not None
        self._remember(repeat.kept)
        return Answer(answer.status, answer.body, (*answer.headers, ACCEPTED))

    async def _settle(self, repeat: Repeat) -> Answer:
        """The answer to what was done before but could not be made durable then."""
        owed = self._owed[repeat.key]
        _same_body(owed.digest, owed.at, repeat)
        try:
            await self._write(owed)
        except NotDurable as error:
            raise internal_error(
                f"The request was carried out, but it is still not durable ({error}); look at the server's "
                "disk, then retry."
            ) from error
        del self._owed[repeat.key]
        self._remember(owed)
        return _replayed(owed.status, owed.body, owed.chain)

    def _remember(self, answer: KeptAnswer) -> None:
        key, digest, at, status, body, chain = answer
        self._kept[key] = (at, digest, status, body, chain)
        if len(self._kept) > self._entries:
            self._kept.popitem(last=False)

    async def _earlier(self, repeat: Repeat) -> Answer | None:
        """The answer kept for this key; None when it is too old, or after the wait for one under way."""
        key = repeat.key
        kept = self._kept.get(key)
        if kept is not None:
            since, digest, status, body, chain = kept
            if self._wall() - since <= self._age:
                _same_body(digest, since, repeat)
                self._kept.move_to_end(key)
                return _replayed(status, body, chain)
            del self._kept[key]
            return None
        ended = self._running[key]
        if ended is None:
            ended = self._running[key] = asyncio.get_running_loop().create_future()
        # Shielded, so that one duplicate that gives up does not end the others' wait.
        await asyncio.shield(ended)
        return None


def _same_body(digest: str, at: float, repeat: Repeat) -> None:
    if digest != repeat.digest:
        message = (
            f"The {REQUEST_ID} was used {repeat.at - at:.0f} s ago with another body; a repetition has to be "
            "the same request. Give each new request an id of its own."
        )
        raise NotRepeatable(Refusal(400, 8523, message, target=REQUEST_ID))


def _replayed(status: int, body: bytes, chain: str) -> Answer:
    headers: Headers = (ACCEPTED,)
    if status >= 400:
        headers = (*help_headers(_ERROR.decode(body).error.code), *headers)
    if chain:
        headers = ((CHAIN_ID, chain.encode("latin-1", "replace")), *headers)
    return Answer(status, body, headers)
