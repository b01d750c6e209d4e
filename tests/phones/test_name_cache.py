"""Answers kept as long as they say."""

from __future__ import annotations

import asyncio

import pytest

from hookflash.phones import name_cache
from hookflash.phones.name_cache import LEAST, MOST, PAUSE, STALE, CachedNames
from hookflash.ports.names import Answer, Question, RecordKind
from hookflash.testing.clock import VirtualClock

QUESTION = Question("a.example", RecordKind.A)


class Script:
    """Answers with how often it was asked."""

    def __init__(self, ttl: float = 60.0) -> None:
        self.ttl = ttl
        self.asked = 0
        self.fails = False
        self.gate: asyncio.Event | None = None

    async def ask(self, question: Question) -> Answer:
        self.asked += 1
        if self.gate is not None:
            await self.gate.wait()
        if self.fails:
            raise OSError("nobody answers")
        return Answer((f"192.0.2.{self.asked}",), self.ttl)


async def test_an_answer_is_kept_for_its_time() -> None:
    names, clock = Script(), VirtualClock()
    cached = CachedNames(names, clock)
    for _ in range(3):
        assert (await cached.ask(QUESTION)).records == ("192.0.2.1",)
    clock.advance(59.9)
    await cached.ask(QUESTION)
    assert names.asked == 1
    clock.advance(0.1)
    assert (await cached.ask(QUESTION)).records == ("192.0.2.2",)


@pytest.mark.parametrize(("ttl", "kept"), [(0.0, LEAST), (1e9, MOST)])
async def test_no_answer_is_kept_too_short_or_too_long(ttl: float, kept: float) -> None:
    names, clock = Script(ttl), VirtualClock()
    cached = CachedNames(names, clock)
    await cached.ask(QUESTION)
    clock.advance(kept - 0.1)
    await cached.ask(QUESTION)
    assert names.asked == 1
    clock.advance(0.1)
    await cached.ask(QUESTION)
    assert names.asked == 2


async def test_equal_questions_wait_for_one_answer_and_one_may_give_up() -> None:
    names = Script()
    names.gate = asyncio.Event()
    cached = CachedNames(names, VirtualClock())
    waiting = [asyncio.ensure_future(cached.ask(QUESTION)) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await asyncio.sleep(0)
    names.gate.set()
    assert [one.records for one in await asyncio.gather(*waiting[1:])] == [("192.0.2.1",)] * 2
    assert names.asked == 1


async def test_an_old_answer_is_better_than_none_for_a_while() -> None:
    names, clock = Script(), VirtualClock()
    cached = CachedNames(names, clock)
    await cached.ask(QUESTION)
    names.fails = True
    clock.advance(61.0)
    for _ in range(3):  # who does not answer is not asked again at once
        assert (await cached.ask(QUESTION)).records == ("192.0.2.1",)
    assert names.asked == 2
    clock.advance(PAUSE)
    await cached.ask(QUESTION)
    assert names.asked == 3
    clock.advance(STALE)
    with pytest.raises(OSError, match="nobody answers"):
        await cached.ask(QUESTION)
    names.fails = False
    assert (await cached.ask(QUESTION)).records == ("192.0.2.5",)


async def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(name_cache, "SIZE", 3)
    names = Script()
    cached = CachedNames(names, VirtualClock())
    first = Question("0.example", RecordKind.A)
    for number in range(5):
        await cached.ask(Question(f"{number}.example", RecordKind.A))
        await cached.ask(first)
    assert len(cached) == 3
    assert names.asked == 5  # the first one was in use all the time
