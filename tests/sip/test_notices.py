"""A peer must not be able to fill the log."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sip.agents import ANSWER, Probe
from sip.test_uac import dial, hear

from hookflash.sip.notices import ALL, BURST, EVERY, MAX_ACCOUNTS, Notices, network_of

ONE, TWO = "192.0.2.1", "2001:db8::1"


def test_the_first_few_lines_are_written_then_one_now_and_then_with_what_was_left_out() -> None:
    notices = Notices()
    told = [notices.due(100.0 + number, "stranger", ONE) for number in range(40)]
    assert told[:BURST] == [{}] * BURST
    # After the first five, with the tokens of the time they took, one each ten seconds.
    later = [(at, one) for at, one in enumerate(told) if at >= BURST and one is not None]
    assert [at for at, _ in later] == [10, 20, 30]
    assert [one for _, one in later] == [{"left_out": 5}, {"left_out": 9}, {"left_out": 9}]
    assert notices.due(140.0 + BURST * EVERY, "stranger", ONE) == {"left_out": 9}
    assert notices.due(140.0 + BURST * EVERY, "stranger", ONE) == {}


def test_other_matters_and_sources_have_accounts_of_their_own_and_a_network_has_one() -> None:
    notices = Notices()
    for _ in range(BURST):
        assert notices.due(0.0, "stranger", ONE) == {}
    assert notices.due(0.0, "stranger", ONE) is None
    assert notices.due(0.0, "password", ONE) == {}
    for last in range(BURST):
        assert notices.due(0.0, "stranger", f"2001:db8::{last}") == {}
    assert notices.due(0.0, "stranger", "2001:db8::ffff%eth0") is None
    assert notices.due(0.0, "stranger", "2001:db8:0:1::") == {}
    assert network_of(TWO) == "2001:db8::/64"


def test_a_crowd_of_sources_cannot_fill_the_log_nor_memory() -> None:
    notices = Notices()
    told = [notices.due(0.0, "stranger", f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}") for n in range(20_000)]
    assert sum(one is not None for one in told) == ALL
    assert len(notices) == MAX_ACCOUNTS
    assert notices.due(1.0, "stranger", ONE) == {}


@given(st.lists(st.tuples(st.floats(0, 30), st.sampled_from([ONE, TWO])), max_size=200))
def test_nothing_is_told_too_often_and_everything_is_counted(steps: list[tuple[float, str]]) -> None:
    notices, now = Notices(), 0.0
    told: dict[str, list[float]] = defaultdict(list)
    asked: dict[str, int] = defaultdict(int)
    counted: dict[str, int] = defaultdict(int)
    for wait, host in steps:
        now += wait
        asked[host] += 1
        due = notices.due(now, "stranger", host)
        if due is None:
            continue
        told[host].append(now)
        left_out = due.get("left_out", 0)
        assert isinstance(left_out, int)
        counted[host] += 1 + left_out
        assert counted[host] == asked[host]
    for times in told.values():
        for first in range(len(times)):
            for last in range(first, len(times)):
                assert last - first + 1 <= BURST + (times[last] - times[first]) / EVERY + 1e-6


def test_answers_and_provisional_responses_without_sense_fill_no_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A callee may send as many of them as it likes."""
    caplog.set_level(logging.INFO, "hookflash.sip")
    probe = Probe()
    invite = dial(probe)
    for number in range(40):
        hear(probe, invite, 183, tag=f"t{number}", Contact="<<<")
        hear(probe, invite, 180, tag=f"r{number}", Require="100rel", RSeq="none")
    for _ in range(40):
        hear(probe, invite, 200, body=ANSWER, Contact="<<<")
    lines = Counter(record.message for record in caplog.records)
    assert lines == {"bad provisional": BURST, "bad answer": BURST}
    assert {record.__dict__["peer"] for record in caplog.records} == {"192.0.2.1"}
    probe.until(400.0)
    assert probe.idle()
