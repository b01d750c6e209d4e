"""The transaction tables against RFC 3261 section 17 and RFC 6026."""

from __future__ import annotations

import pytest

from hookflash.sip.machines import (
    CLIENT,
    INVITE_CLIENT,
    INVITE_SERVER,
    MACHINES,
    SERVER,
    SIGNAL_OF,
    Machine,
    Signal,
    State,
    signal_of,
)
from hookflash.sip.timers import RETRANSMIT, TimerName

T = TimerName


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
def test_every_state_can_be_reached_and_can_end(machine: Machine) -> None:
    reached, todo = {machine.initial}, [machine.initial]
    while todo:
        here = todo.pop()
        for (state, _), (then, _actions) in machine.transitions.items():
            if state is here and then not in reached:
                reached.add(then)
                todo.append(then)
    assert {state for state, _ in machine.transitions} <= reached
    assert State.TERMINATED in reached
    assert all(state is not State.TERMINATED for state, _ in machine.transitions)


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
def test_every_timer_of_a_state_means_something_there(machine: Machine) -> None:
    for state, names in machine.timers.items():
        for name in names:
            assert (state, SIGNAL_OF[name]) in machine.transitions


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
def test_no_state_has_two_timers_of_a_kind(machine: Machine) -> None:
    for names in machine.timers.values():
        repeating = [name for name in names if name in RETRANSMIT]
        assert len(repeating) <= 1
        assert len(names) - len(repeating) <= 1


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
def test_every_state_but_waiting_for_people_is_bounded_in_time(machine: Machine) -> None:
    waits = {(INVITE_CLIENT.name, State.PROCEEDING), (INVITE_SERVER.name, State.PROCEEDING)}
    waits |= {(SERVER.name, State.TRYING), (SERVER.name, State.PROCEEDING)}
    for state in {state for state, _ in machine.transitions}:
        if (machine.name, state) not in waits:
            assert machine.timers.get(state)


def test_the_timers_stand_in_the_states_of_the_rfc() -> None:
    assert INVITE_CLIENT.timers == {
        State.CALLING: (T.A, T.B),
        State.COMPLETED: (T.D,),
        State.ACCEPTED: (T.M,),
    }
    assert CLIENT.timers == {
        State.TRYING: (T.E, T.F),
        State.PROCEEDING: (T.E, T.F),
        State.COMPLETED: (T.K,),
    }
    assert INVITE_SERVER.timers == {
        State.COMPLETED: (T.G, T.H),
        State.CONFIRMED: (T.I,),
        State.ACCEPTED: (T.L,),
    }
    assert SERVER.timers == {State.COMPLETED: (T.J,)}


@pytest.mark.parametrize(
    ("status", "signal"),
    [
        (100, Signal.PROVISIONAL),
        (199, Signal.PROVISIONAL),
        (200, Signal.SUCCESS),
        (300, Signal.FAILURE),
        (699, Signal.FAILURE),
    ],
)
def test_statuses_fall_into_three_classes(status: int, signal: Signal) -> None:
    assert signal_of(status) is signal
