"""How far one side of a pipe may be ahead of the other."""

from __future__ import annotations

from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookflash.speech.messages import WINDOW, ProtocolError
from hookflash.speech.windows import Incoming, Outgoing


@given(st.lists(st.sampled_from(["send", "arrive", "take", "tell"]), max_size=600))
def test_all_goes_through_and_never_more_than_the_window_is_ahead(steps: list[str]) -> None:
    """Any order of sending, arriving and taking: the sender is stopped in time, and never for ever."""
    outgoing, incoming = Outgoing(), Incoming()
    under_way, told = 0, deque[int]()
    waiting = 0

    def step(what: str) -> None:
        nonlocal under_way, waiting
        if what == "send" and outgoing.open:
            outgoing.sent()
            under_way += 1
        elif what == "arrive" and under_way:
            under_way -= 1
            incoming.came()
            waiting += 1
        elif what == "take" and waiting:
            waiting -= 1
            if more := incoming.took():
                told.append(more)
        elif what == "tell" and told:
            outgoing.taken(told.popleft())
        assert under_way + waiting <= WINDOW

    for what in steps:
        step(what)
    for what in ("arrive", "take", "tell"):
        for _ in range(WINDOW):
            step(what)
    assert outgoing.open


def test_who_does_not_wait_is_found_out() -> None:
    incoming = Incoming()
    for _ in range(WINDOW):
        incoming.came()
    with pytest.raises(ProtocolError, match=f"more than {WINDOW} messages"):
        incoming.came()


def test_several_are_taken_at_once() -> None:
    incoming = Incoming()
    for _ in range(WINDOW):
        incoming.came()
    assert incoming.took(3) == 0
    assert incoming.took(WINDOW - 3) == WINDOW
