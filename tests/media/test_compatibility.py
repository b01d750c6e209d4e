"""Every cell of the contract's compatibility table, as data and as behaviour."""

from __future__ import annotations

import pytest

from hookflash.media.compatibility import ALLOWED, Kind, allowed
from hookflash.media.speech import Abilities
from hookflash.media.tables import State
from hookflash.wire.enums import RecognizeInputType
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


CHOICES = [{"label": "Confirm", "phrases": ["yes"]}]


def start(stage, kind, target=None, /, *, context="menu", interrupt=False, **recognition):
    target = target or stage.CAROL
    stage.line.one_to_one = kind is ONE
    fields = {"operation_context": context}
    loud = {**fields, "interrupt_call_media_operation": interrupt}
    {
        ALL: lambda: stage.play(**loud),
        ONE: lambda: stage.recognize(target, **loud, **recognition),
        TO: lambda: stage.play(to=[target], **loud),
        GROUP: lambda: stage.recognize(target, **loud, **recognition),
        SEND: lambda: stage.send("1", target, **fields),
        LISTEN: lambda: stage.listen(target, **fields),
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


@pytest.mark.parametrize("asked", [RecognizeInputType.SPEECH, RecognizeInputType.CHOICES])
@pytest.mark.parametrize(("running", "may"), [(kind, TABLE[kind][3] == "y") for kind in Kind])
def test_what_a_recognition_asks_for_changes_no_cell(stage, running, may, asked):
    stage.line.cognitive_endpoint = "https://speech.example.org/"
    stage.line.abilities = Abilities(understands=True)
    what = {"kind": asked, "max_tones": None}
    if asked is RecognizeInputType.CHOICES:
        what["choices"] = CHOICES
    start(stage, running, **(what if running in (ONE, GROUP) else {}))
    if may:
        start(stage, GROUP, **what)
    else:
        with pytest.raises(Refusal, match="'menu'"):
            start(stage, GROUP, **what)


# --- the main leg: one after the other ------------------------------------------------------------------


@pytest.mark.parametrize(("running", "new"), [(one, two) for one in (ALL, ONE) for two in (ALL, ONE)])
def test_on_the_main_leg_the_new_one_waits(stage, running, new):
    start(stage, running, context="first")
    start(stage, new, context="second")
    start(stage, ALL, context="third")
    assert [(one.request.context, one.state) for one in stage.desk.main[1:]] == [
        ("second", State.QUEUED),
        ("third", State.QUEUED),
    ]
    finish(stage, running)
    assert [one.request.context for one in stage.desk.main] == ["second", "third"]
    assert stage.desk.main[0].state is not State.QUEUED
    finish(stage, new)
    finish(stage, ALL)
    last = [note.request.context for note in stage.notes if note.name.endswith("Completed")]
    assert last == ["first", "second", "third"]
    assert stage.at_rest()


def finish(stage, kind):
    """The head of the main leg completes."""
    if kind is ALL:
        stage.finished(max(stage.pending.plays))
    else:
        stage.press("123")


@pytest.mark.parametrize("running", [TO, GROUP, SEND, LISTEN])
@pytest.mark.parametrize("new", [ALL, ONE])
def test_nothing_on_a_sub_leg_makes_the_main_leg_wait(stage, running, new):
    start(stage, running)
    start(stage, new)
    assert stage.desk.main[0].state is not State.QUEUED


@pytest.mark.parametrize("running", [ALL, ONE])
@pytest.mark.parametrize("new", [TO, GROUP, SEND, LISTEN])
def test_nothing_on_the_main_leg_makes_a_sub_leg_wait(stage, running, new):
    start(stage, running)
    start(stage, ALL)
    start(stage, new)
    assert all(one.state is not State.QUEUED for one in stage.desk.subs)
    assert len(stage.desk.subs) + len(stage.desk.subscriptions) == 1


# --- interruptCallMediaOperation ------------------------------------------------------------------------

# c: the running one is canceled, b: both go on, n: 412/8583. Tones and subscriptions cannot be interrupted,
# and a sub-leg operation does not interrupt the main leg.
INTERRUPTING = {
    #       ALL ONE TO GROUP
    ALL: "ccbb",
    ONE: "ccbb",
    TO: "cccc",
    GROUP: "cccc",
    SEND: "bbnn",
    LISTEN: "bbbb",
}


@pytest.mark.parametrize(
    ("running", "new", "what"),
    [
        (running, new, INTERRUPTING[running][column])
        for running in Kind
        for column, new in enumerate((ALL, ONE, TO, GROUP))
    ],
)
def test_the_interrupting_cell(stage, running, new, what):
    start(stage, running, context="old")
    if running in (ALL, ONE):
        start(stage, ALL, context="queued")
    if what == "n":
        with pytest.raises(Refusal, match="'old'"):
            start(stage, new, context="new", interrupt=True)
        assert stage.notes == []
        return
    start(stage, new, context="new", interrupt=True)
    canceled = [note.request.context for note in stage.notes if note.name.endswith("Canceled")]
    assert canceled == ([] if what == "b" else ["old", *(["queued"] if running in (ALL, ONE) else [])])
    assert "new" in [one.request.context for one in [*stage.desk.main[:1], *stage.desk.subs]] or what == "b"
    live = [*stage.desk.main, *stage.desk.subs, *stage.desk.subscriptions.values()]
    assert ("old" in [one.request.context for one in live]) is (what == "b")


@pytest.mark.parametrize("new", [TO, GROUP])
def test_interrupting_one_participant_leaves_the_others_alone(stage, new):
    start(stage, TO, stage.DAVE, context="dave's")
    start(stage, new, context="carol's", interrupt=True)
    assert stage.notes == []


def test_the_refusal_names_the_oldest_one_in_the_way_and_that_it_has_no_context(stage):
    start(stage, SEND, context=None)
    stage.now += 61.25
    with pytest.raises(Refusal, match=r"SendDTMF \(no operationContext\) .* began 61\.2 s ago"):
        start(stage, TO)
