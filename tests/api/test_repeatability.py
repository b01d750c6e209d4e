"""Answers kept for repeated requests."""

from __future__ import annotations

import asyncio

import pytest

from hookflash.api.exchange import CHAIN_ID, Answer
from hookflash.api.repeatability import ACCEPTED, REJECTED, NotRepeatable, Repeat, Repeatability
from hookflash.ports.journal import KeptAnswer, NotDurable
from hookflash.wire.results import Refusal, internal_error, invalid_state


def key(number: int, body: str = "digest", at: float = 0.0) -> Repeat:
    return Repeat(f"resource POST /path {number}", body, at, lambda response: Answer(201, response))


class Counter:
    """An operation; each run gives another answer."""

    def __init__(self) -> None:
        self.runs = 0

    async def __call__(self) -> Answer:
        self.runs += 1
        return Answer(201, b"%d" % self.runs)


async def test_the_least_recently_used_answer_goes_first():
    kept = Repeatability(2, 60.0, lambda: 0.0)
    run = Counter()
    for number in (1, 2, 1, 3):
        await kept.once(key(number), run)
    assert len(kept) == 2
    assert run.runs == 3
    assert (await kept.once(key(1), run)).body == b"1"
    assert (await kept.once(key(2), run)).body == b"4"


async def test_an_answer_that_is_too_old_is_not_given():
    now = 0.0
    kept = Repeatability(10, 60.0, lambda: now)
    run = Counter()
    await kept.once(key(1), run)
    now = 60.0
    assert (await kept.once(key(1), run)).body == b"1"
    now = 60.1
    assert (await kept.once(key(1), run)).body == b"2"


async def test_when_the_first_fails_the_next_in_line_runs():
    kept = Repeatability(10, 60.0, lambda: 0.0)
    gate = asyncio.Event()
    runs = 0

    async def run() -> Answer:
        nonlocal runs
        runs += 1
        mine = runs
        await gate.wait()
        if mine == 1:
            raise RuntimeError("the first fails")
        return Answer(200, b"second")

    tasks = [asyncio.create_task(kept.once(key(1), run)) for _ in range(3)]
    await asyncio.sleep(0)
    gate.set()
    first, second, third = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(first, RuntimeError)
    assert second == third == Answer(200, b"second", (ACCEPTED,))
    assert runs == 2


async def test_when_the_first_is_cancelled_the_next_in_line_runs():
    kept = Repeatability(10, 60.0, lambda: 0.0)

    async def hang() -> Answer:
        await asyncio.Event().wait()
        return Answer(500)

    first = asyncio.create_task(kept.once(key(1), hang))
    await asyncio.sleep(0)
    run = Counter()
    second = asyncio.create_task(kept.once(key(1), run))
    third = asyncio.create_task(kept.once(key(1), run))
    await asyncio.sleep(0)
    third.cancel()
    first.cancel()
    assert (await second).body == b"1"
    with pytest.raises(asyncio.CancelledError):
        await first


@pytest.mark.parametrize("status", [408, 429, 500, 503])
async def test_answers_that_ask_for_a_retry_are_not_kept(status):
    kept = Repeatability(10, 60.0, lambda: 0.0)

    async def run() -> Answer:
        return Answer(status)

    await kept.once(key(1), run)
    assert len(kept) == 0


async def test_an_answer_that_a_command_carried_is_not_written_again():
    written: list[KeptAnswer] = []

    async def write(answer: KeptAnswer) -> None:
        written.append(answer)

    kept = Repeatability(10, 60.0, lambda: 5.0, write)
    repeat = key(1, at=5.0)

    async def run() -> Answer:
        repeat.keep(b"made")
        assert repeat.answer is not None
        return repeat.answer

    answer = await kept.once(repeat, run)
    assert (answer.status, answer.body, written) == (201, b"made", [])
    assert repeat.kept == KeptAnswer("resource POST /path 1", "digest", 5.0, 201, b"made", "")
    # Without a command the answer is written by itself.
    await kept.once(key(2), Counter())
    assert [one.key for one in written] == ["resource POST /path 2"]


async def test_the_correlation_id_is_kept_with_the_answer():
    kept = Repeatability(10, 60.0, lambda: 0.0)
    repeat = key(1)

    async def run() -> Answer:
        return Answer(201, b"{}", ((CHAIN_ID, b"correlation"),))

    first = await kept.once(repeat, run)
    assert repeat.kept is not None
    assert repeat.kept.chain == "correlation"
    again = await kept.once(key(1), run)
    assert again == first == Answer(201, b"{}", ((CHAIN_ID, b"correlation"), ACCEPTED))


async def test_answers_of_an_earlier_process_are_given_until_they_are_too_old():
    now = 100.0
    kept = Repeatability(2, 60.0, lambda: now)
    kept.load(KeptAnswer(f"resource POST /path {n}", "digest", 50.0 + n, 204) for n in range(3))
    assert len(kept) == 2
    run = Counter()
    assert (await kept.once(key(2), run)).status == 204
    now = 112.5
    assert (await kept.once(key(2), run)).status == 201


async def test_another_body_under_the_same_id_is_refused_also_while_the_first_runs():
    kept = Repeatability(10, 60.0, lambda: 0.0)
    gate = asyncio.Event()

    async def run() -> Answer:
        await gate.wait()
        return Answer(200)

    first = asyncio.create_task(kept.once(key(1), run))
    await asyncio.sleep(0)
    other = asyncio.create_task(kept.once(key(1, "other"), run))
    await asyncio.sleep(0)
    gate.set()
    assert (await first).status == 200
    with pytest.raises(NotRepeatable, match="another body") as caught:
        await other
    assert caught.value.headers == (REJECTED,)


async def test_a_refusal_that_cannot_be_written_is_kept_in_memory():
    async def write(answer: KeptAnswer) -> None:
        raise NotDurable("no disk")

    kept = Repeatability(10, 60.0, lambda: 0.0, write)
    runs = 0

    async def run() -> Answer:
        nonlocal runs
        runs += 1
        raise invalid_state("not now")

    for _ in range(2):
        assert (await kept.once(key(1), run)).status == 400
    assert runs == 1


async def test_what_is_owed_is_bounded_and_belongs_to_its_body():
    fails = True

    async def write(answer: KeptAnswer) -> None:
        if fails:
            raise NotDurable("no disk")

    kept = Repeatability(2, 60.0, lambda: 0.0, write)
    runs = 0

    async def done(number: int) -> None:
        repeat = key(number)

        async def run() -> Answer:
            nonlocal runs
            runs += 1
            repeat.keep(b"done")
            raise internal_error("not durable")

        with pytest.raises(Refusal):
            await kept.once(repeat, run)

    for number in (1, 2, 3):
        await done(number)
    assert runs == 3
    await done(3)
    assert runs == 3
    with pytest.raises(NotRepeatable):
        await kept.once(key(3, "other"), Counter())
    fails = False
    assert (await kept.once(key(3), Counter())).body == b"done"
    # The oldest was forgotten.
    await done(1)
    assert runs == 4
