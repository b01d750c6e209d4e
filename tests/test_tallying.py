"""Counting what is left out."""

from __future__ import annotations

import logging

import pytest

from hookflash.tallying import EVERY, Tally
from hookflash.testing.clock import VirtualClock


def test_the_log_has_a_line_a_minute_with_how_many_there_were(caplog: pytest.LogCaptureFixture) -> None:
    clock = VirtualClock()
    tally = Tally(clock, logging.getLogger("hookflash.test"), "%d left out", {"callConnectionId": "one"})
    for _ in range(5):
        tally.add()
    clock.advance(EVERY)
    tally.add()
    tally.add()
    assert caplog.messages == ["1 left out", "5 left out"]
    assert [vars(line)["callConnectionId"] for line in caplog.records] == ["one", "one"]
    assert tally.count == 7
