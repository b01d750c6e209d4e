"""The compatibility table in whole calls: of two, on the main leg; of three, on the sub legs."""

from __future__ import annotations

import pytest

from hookflash.calls import effects
from hookflash.wire.results import Refusal

OPERATIONS = ["play", "recognize", "play to", "send", "listen"]
# In a call of three: y runs beside or queues, n is 412/8583. Rows: what runs.
GROUP = {
    #            play recognize play to send listen
    "play": "yyyyy",
    "recognize": "ynnnn",
    "play to": "ynnnn",
    "send": "ynnnn",
    "listen": "yyyyy",
}
# In a call of two recognition is of the main leg.
ONE_TO_ONE = {**GROUP, "recognize": "yyyyy", "play to": "yynnn", "send": "yynnn"}


def ask(office, connection, what, context):
    fields = {"operation_context": context}
    quiet = {**fields, "interrupt_call_media_operation": False}
    {
        "play": lambda: office.play(connection, **quiet),
        "recognize": lambda: office.recognize(connection, **quiet),
        "play to": lambda: office.play(connection, to=[office.CALLER], **quiet),
        "send": lambda: office.send(connection, "1", **fields),
        "listen": lambda: office.listen(connection, **fields),
    }[what]()


@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize("running", OPERATIONS)
@pytest.mark.parametrize("new", OPERATIONS)
def test_cell(office, size, running, new):
    phones = [office.CALLER, office.OUTSIDE][: size - 1]
    _, connection = office.created(*phones)
    ask(office, connection, running, "old one")
    office.later(1.5)
    before = len(office.effects)
    table = GROUP if size == 3 else ONE_TO_ONE
    if table[running][OPERATIONS.index(new)] == "y":
        ask(office, connection, new, "new one")
        return
    with pytest.raises(Refusal) as refused:
        ask(office, connection, new, "new one")
    assert (refused.value.status, refused.value.code) == (412, "8583")
    for words in ("'old one'", office.CALLER, "1.5 s ago"):
        assert words in refused.value.message
    assert len(office.effects) == before


def test_two_apps_in_a_call_are_no_obstacle_to_each_other(office):
    _, mine = office.created(office.CALLER, office.OUTSIDE)
    other = office.connect(server_call_id=office.get(mine).server_call_id).call_connection_id
    ask(office, mine, "play to", "mine")
    ask(office, other, "play to", "theirs")
    assert len(office.all(effects.PlayAudio)) == 2
