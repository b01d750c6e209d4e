"""What a phone does on one call, and when."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookflash.phones.virtual.script import (
    KEY_TIME,
    MAX_WAITING,
    Action,
    Answer,
    Connect,
    HangUp,
    Key,
    Performance,
    Reject,
)
from hookflash.ports.virtual_phones import OnCall, Press, Script


def play(performance: Performance, until: float = 1000.0) -> list[tuple[float, Action]]:
    """Everything that is planned, with its time."""
    done = []
    while (at := performance.next_at) is not None and at <= until:
        action = performance.take(at)
        if action is not None:
            done.append((round(at, 3), action))
    return done


@pytest.mark.parametrize(
    ("on_call", "action"), [(OnCall.ANSWER, Answer()), (OnCall.REJECT, Reject()), (OnCall.RING, None)]
)
def test_a_call_is_answered_rejected_or_left_ringing(on_call: OnCall, action: Action | None) -> None:
    performance = Performance(Script(on_call, after_ms=1500))
    performance.rings(10.0)
    assert play(performance) == ([] if action is None else [(11.5, action)])


def test_nothing_is_due_before_its_time() -> None:
    performance = Performance(Script(after_ms=100))
    performance.rings(0.0)
    assert performance.take(0.05) is None
    assert performance.take(0.1) == Answer()
    assert performance.take(0.1) is None


def test_presses_follow_one_another_and_then_it_hangs_up() -> None:
    performance = Performance(Script(press=[Press("12", 500), Press("#", 1000)], hang_up_after_ms=3000))
    performance.up(0.0)
    assert play(performance) == [
        (0.5, Key("1")),
        (0.7, Key("2")),
        (1.7, Key("#")),
        (3.0, HangUp()),
    ]


@pytest.mark.parametrize(
    ("connect", "hang_up", "planned"),
    [
        (0, None, [(1.0, Connect())]),
        (500, None, [(1.5, Connect())]),
        (500, 300, [(1.3, HangUp()), (1.5, Connect())]),
        (500, 500, [(1.5, Connect())]),
        (0, 0, [(1.0, Connect())]),
    ],
)
def test_an_answer_takes_its_time_and_may_be_given_up_before(
    connect: int, hang_up: int | None, planned: list[tuple[float, Action]]
) -> None:
    performance = Performance(Script(connect_after_ms=connect, hang_up_after_ms=hang_up))
    performance.answered(1.0)
    assert play(performance) == planned


@pytest.mark.parametrize(("connect", "hang_up", "at"), [(0, 300, 2.3), (100, 300, 2.2), (300, 300, 2.0)])
def test_hanging_up_counts_from_the_answer(connect: int, hang_up: int, at: float) -> None:
    performance = Performance(Script(connect_after_ms=connect, hang_up_after_ms=hang_up))
    performance.up(2.0)
    assert play(performance) == [(at, HangUp())]


def test_what_is_late_still_comes_in_its_order() -> None:
    performance = Performance(Script(connect_after_ms=500, hang_up_after_ms=300))
    performance.answered(0.0)
    assert [performance.take(9.0), performance.take(9.0)] == [HangUp(), Connect()]


def test_keys_by_hand_come_between_those_of_the_script_at_its_pace() -> None:
    performance = Performance(Script(press=[Press("123")]))
    performance.up(0.0)
    assert performance.take(0.0) == Key("1")
    assert performance.press(0.1, "9")
    assert [(at, action.digit) for at, action in play(performance) if isinstance(action, Key)] == [
        (0.2, "9"),
        (0.4, "2"),
        (0.6, "3"),
    ]


def test_only_so_many_keys_may_wait() -> None:
    performance = Performance(Script())
    assert performance.press(0.0, "1" * MAX_WAITING)
    assert not performance.press(0.0, "2")
    assert performance.take(0.0) == Key("1")
    assert performance.press(0.0, "2")


def test_nothing_happens_after_the_end() -> None:
    performance = Performance(Script(press=[Press("12")], hang_up_after_ms=0))
    performance.up(0.0)
    performance.over()
    assert performance.next_at is None
    assert performance.press(0.0, "1" * MAX_WAITING)


def test_rejecting_at_once_is_known() -> None:
    assert Performance(Script(OnCall.REJECT)).rejects_at_once
    assert not Performance(Script(OnCall.REJECT, after_ms=1)).rejects_at_once
    assert not Performance(Script()).rejects_at_once


KEYS = st.text("0123456789*#ABCD", min_size=1, max_size=8)


@given(
    st.lists(st.tuples(st.integers(0, 3000), KEYS), max_size=5),
    st.lists(st.tuples(st.integers(0, 5000), KEYS), max_size=5),
)
def test_keys_keep_their_order_and_their_distance(
    script: list[tuple[int, str]], by_hand: list[tuple[int, str]]
) -> None:
    performance = Performance(Script(press=[Press(digits, after) for after, digits in script]))
    performance.up(0.0)
    hand = sorted(by_hand)
    done: list[tuple[float, Action]] = []
    for after, digits in hand:
        at = after / 1000
        done += play(performance, at)
        assert performance.press(at, digits)
    done += play(performance)
    times = [at for at, _ in done]
    assert all(later - earlier > KEY_TIME - 0.002 for earlier, later in itertools.pairwise(times))
    pressed = "".join(action.digit for _, action in done if isinstance(action, Key))
    scripted, manual = "".join(d for _, d in script), "".join(d for _, d in hand)
    assert sorted(pressed) == sorted(scripted + manual)
    assert _is_subsequence(scripted, pressed)
    assert _is_subsequence(manual, pressed)


def _is_subsequence(part: str, whole: str) -> bool:
    rest = iter(whole)
    return all(digit in rest for digit in part)
