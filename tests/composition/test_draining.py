"""A server on its way out of service."""

from __future__ import annotations

import pytest

from hookflash.calls.facts import Pressure, Taking
from hookflash.composition.draining import Draining
from hookflash.testing.clock import VirtualClock


class Calls:
    """So many calls, and what was told about taking more."""

    def __init__(self, count: int, seconds: float = 30) -> None:
        self.count = count
        self.told: list[Pressure] = []
        self.clock = VirtualClock()
        self.draining = Draining(lambda: self.count, self.told.append, self.clock, seconds)


async def test_no_new_calls_are_taken_and_it_is_over_with_the_last_one() -> None:
    calls = Calls(2)
    draining = calls.draining
    assert (draining.reason, draining.seconds_left) == ("", 0.0)
    draining.begin("by SIGTERM")
    assert calls.told == [Pressure("server", Taking.ONGOING, "the server is being drained, by SIGTERM", 10)]
    await calls.clock.elapse(20)
    assert not draining.over.is_set()
    assert (draining.calls, draining.seconds_left) == (2, 10.0)
    calls.count = 0
    await calls.clock.elapse(0.3)
    assert draining.over.is_set()


async def test_without_calls_it_is_over_at_once() -> None:
    calls = Calls(0)
    calls.draining.begin("by SIGTERM")
    assert calls.draining.over.is_set()


async def test_calls_that_do_not_end_get_no_more_than_their_time(caplog: pytest.LogCaptureFixture) -> None:
    calls = Calls(3)
    calls.draining.begin("by SIGTERM")
    await calls.clock.elapse(29.9)
    assert not calls.draining.over.is_set()
    await calls.clock.elapse(0.1)
    assert calls.draining.over.is_set()
    assert "3 calls are ended now" in caplog.text


async def test_no_time_at_all_ends_them_at_once() -> None:
    calls = Calls(3, seconds=0)
    calls.draining.begin("by SIGTERM")
    assert calls.draining.over.is_set()


async def test_another_time_counts_from_when_it_was_given() -> None:
    calls = Calls(1)
    calls.draining.begin("by SIGTERM")
    await calls.clock.elapse(10)
    calls.draining.begin("as it was told to be", 100)
    assert len(calls.told) == 1
    await calls.clock.elapse(99)
    assert not calls.draining.over.is_set()
    calls.draining.begin("again", 0)
    assert calls.draining.over.is_set()
    assert calls.draining.reason == "by SIGTERM"


async def test_it_can_be_called_off_until_it_is_over() -> None:
    calls = Calls(1)
    assert not calls.draining.cancel()
    calls.draining.begin("as it was told to be")
    assert calls.draining.cancel()
    assert calls.told[-1] == Pressure("server", Taking.ALL)
    await calls.clock.elapse(60)
    assert not calls.draining.over.is_set()
    assert calls.draining.reason == ""
    calls.draining.begin("as it was told to be", 0)
    assert not calls.draining.cancel()


async def test_one_call_is_one_call(caplog: pytest.LogCaptureFixture) -> None:
    calls = Calls(1)
    with caplog.at_level("INFO"):
        calls.draining.begin("by SIGTERM")
        await calls.clock.elapse(30)
    assert "draining, by SIGTERM: 1 call goes on for up to 30 s" in caplog.text
    assert "1 call is ended now" in caplog.text
