"""Every cell of the contract's compatibility table, as data and as behaviour."""

from __future__ import annotations

import pytest

from hookflash.media.compatibility import ALLOWED, Kind, allowed
from hookflash.wire.results import Refusal

ALL, ONE, TO, GROUP, SEND, LISTEN = Kind

# Rows and columns in the contract's order: y may start, n is 412/8583.
TABLE = {
    #       ALL  ONE  TO  GROUP SEND LISTEN
    ALL: "yyyyyy",
    ONE: "yyyyyy",
    TO: "yynnnn",
    GROUP: "yynnnn",
    SEND: "yynnnn",
    LISTEN: "yyyyyy",
}
CELLS = [(running, new, TABLE[running][column] == "y") for running in Kind for column, new in enumerate(Kind)]


def start(stage, kind, target=None):
    target = target or stage.CAROL
    stage.line.one_to_one = kind is ONE
    {
        ALL: lambda: stage.play(operation_context="menu"),
        ONE: lambda: stage.recognize(target, operation_context="menu", interrupt_call_media_operation=False),
        TO: lambda: stage.play(to=[target], operation_context="menu"),
        GROUP: lambda: stage.recognize(
            target, operation_context="menu", interrupt_call_media_operation=False
        ),
        SEND: lambda: stage.send("1", target, operation_context="menu"),
        LISTEN: lambda: stage.listen(target, operation_context="menu"),
    }[kind]()


def test_the_table_is_complete():
    assert set(ALLOWED) == set(Kind)
    assert [kind.on_main_leg for kind in Kind] == [True, True, False, False, False, False]


@pytest.mark.parametrize(("running", "new", "may"), CELLS)
def test_cell(running, new, may):
    assert allowed(running, new) is may


@pytest.mark.parametrize(("running", "new", "may"), CELLS)
def test_the_desk_obeys_the_cell_for_one_participant(stage, running, new, may):
    start(stage, running)
    stage.now += 2.5
    if may:
        start(stage, new)
        return
    before = list(stage.effects), list(stage.desk.subs), dict(stage.desk.subscriptions)
    with pytest.raises(Refusal) as refused:
        start(stage, new)
    assert (refused.value.status, refused.value.code) == (412, "8583")
    for word in (running.value, new.value, "'menu'", "2.5 s", stage.CAROL):
        assert word in refused.value.message
    assert before == (list(stage.effects), list(stage.desk.subs), dict(stage.desk.subscriptions))


@pytest.mark.parametrize(("running", "new", "may"), CELLS)
def test_another_participant_is_no_obstacle(stage, running, new, may):
    start(stage, running)
    start(stage, new, stage.DAVE)
    assert stage.notes == []
