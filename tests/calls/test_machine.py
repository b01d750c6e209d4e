"""Tables, the walker, and the diagrams drawn from them."""

from __future__ import annotations

import pytest

from hookflash.calls import tables as call_tables
from hookflash.calls.tables import CONNECTION, INVITATION, LEG, ConnectionEvent, Invitation, Leg, LegEvent
from hookflash.machine import IllegalTransition, Machine
from hookflash.media import tables as media_tables
from hookflash.wire.enums import CallConnectionState

EVERY = [*call_tables.TABLES, *media_tables.TABLES]


def test_a_machine_walks_its_table():
    machine = Machine(LEG, Leg.INVITING)
    assert machine.allows(LegEvent.RING)
    assert machine.fire(LegEvent.RING) is Leg.RINGING
    assert machine.fire(LegEvent.ESTABLISH) is Leg.UP
    assert not machine.over
    assert machine.fire(LegEvent.LEAVE) is Leg.GONE
    assert machine.over


def test_what_the_table_does_not_list_raises_and_says_what_could_happen():
    machine = Machine(LEG, Leg.WAITING)
    with pytest.raises(IllegalTransition, match=r"'hold' cannot happen in state 'waiting'.*answer, fail"):
        machine.fire(LegEvent.HOLD)
    assert machine.state is Leg.WAITING
    with pytest.raises(IllegalTransition, match="nothing, it is final"):
        LEG.step(Leg.GONE, LegEvent.LEAVE)


def test_nothing_begins_in_the_middle():
    with pytest.raises(IllegalTransition, match="begins"):
        Machine(LEG, Leg.UP)


@pytest.mark.parametrize("table", EVERY, ids=lambda table: table.name)
def test_every_table_is_sound(table):
    states = table.states()
    reached = set(table.initial)
    while True:
        more = {target for (source, _), target in table.transitions.items() if source in reached} - reached
        if not more:
            break
        reached |= more
    assert reached == set(states), "every state can be reached"
    for state in states:
        leaves = any(source is state for source, _ in table.transitions)
        assert leaves is (state not in table.final), f"{state} is final or can be left, not both"
    assert table.name
    assert table.rules


@pytest.mark.parametrize("table", EVERY, ids=lambda table: table.name)
def test_the_drawing_shows_every_transition(table):
    drawing = table.mermaid()
    assert drawing.startswith("stateDiagram-v2\n")
    for (source, event), target in table.transitions.items():
        line = next(line for line in drawing.splitlines() if f"{source.value} --> {target.value}:" in line)
        assert event.value in line


def test_the_connection_has_exactly_the_states_of_the_contract():
    assert set(CONNECTION.states()) == set(CallConnectionState)
    machine = Machine(CONNECTION, CallConnectionState.CONNECTING)
    machine.fire(ConnectionEvent.CONNECT)
    machine.fire(ConnectionEvent.TRANSFER)
    machine.fire(ConnectionEvent.ACCEPT_TRANSFER)
    machine.fire(ConnectionEvent.DISCONNECT)
    assert machine.fire(ConnectionEvent.CLOSE) is CallConnectionState.DISCONNECTED


def test_an_invitation_is_decided_once():
    assert set(INVITATION.states()) == set(Invitation)
    assert all(source is Invitation.OFFERED for source, _ in INVITATION.transitions)
