"""Whatever is asked of a desk and whatever happens to it: one last event each, in order, then silence.

Two things are driven at random: requests for media, and facts of audio, keys, words and time. People stay in
the call and off hold here, so that queued operations end in the order in which they were accepted; those who
come, go and are put on hold are the business of the tests of whole calls.
"""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from hookflash.calls import effects
from hookflash.calls.speech_effects import FinishListening, StartListening, StopListening
from hookflash.media.line import AudioFailure
from hookflash.media.speech import Abilities, Heard
from hookflash.media.tables import State
from hookflash.wire.enums import RecognizeInputType
from hookflash.wire.results import Refusal

MENU = [
    {"label": "Confirm", "phrases": ["yes"], "tone": "one"},
    {"label": "Cancel", "phrases": ["no"], "tone": "two"},
]
FILE, WORDS, NOTHING = "https://x.example/a.wav", "text:Good day.", "text: "
TERMINAL = ("Completed", "Failed", "Canceled")


class DeskMachine(RuleBasedStateMachine):
    """A desk in a call of three; every request has a context of its own."""

    def __init__(self, stage_type: Any) -> None:
        super().__init__()
        self.stage = stage_type()
        self.stage.line.cognitive_endpoint = "https://speech.example.org/"
        self.stage.line.abilities = Abilities(speaks=True, understands=True)
        self.accepted: list[str] = []
        self.on_main: list[str] = []
        self.jumped: set[str] = set()  # what an announcement ended: recognitions of its participant
        self.told: dict[str, list[str]] = {}
        self.seen = 0
        self.carried = 0
        self.plays: set[int] = set()
        self.listenings: dict[int, str] = {}
        self.serial = 0

    # --- what apps ask ----------------------------------------------------------------------------------

    def _ask(self, act: Any, *, main: bool, **fields: Any) -> None:
        self.serial += 1
        context = f"op-{self.serial}"
        before = (len(self.stage.effects), len(self.stage.notes))
        try:
            act(operation_context=context, **fields)
        except Refusal:
            assert before == (len(self.stage.effects), len(self.stage.notes)), "a refusal changed something"
            return
        self.accepted.append(context)
        if main:
            self.on_main.append(context)
        self._take_note()

    @rule(
        whom=st.sampled_from(["all", "carol", "dave", "both"]),
        sources=st.lists(st.sampled_from([FILE, FILE, WORDS, NOTHING]), min_size=1, max_size=3),
        interrupt=st.booleans(),
        loop=st.booleans(),
    )
    def play(self, whom: str, sources: list[str], interrupt: bool, loop: bool) -> None:
        stage = self.stage
        named = {"all": None, "carol": [stage.CAROL], "dave": [stage.DAVE], "both": [stage.CAROL, stage.DAVE]}
        self._ask(
            lambda **fields: stage.play(*sources, to=named[whom], **fields),
            main=whom == "all",
            interrupt_call_media_operation=interrupt,
            loop=loop,
        )

    @rule(
        kind=st.sampled_from(RecognizeInputType),
        person=st.sampled_from(["carol", "dave"]),
        prompts=st.lists(st.sampled_from([FILE, WORDS, NOTHING]), max_size=2),
        barge=st.booleans(),
        interrupt=st.booleans(),
        one_to_one=st.booleans(),
        most=st.sampled_from([None, 1, 3]),
    )
    def recognize(
        self,
        kind: RecognizeInputType,
        person: str,
        prompts: list[str],
        barge: bool,
        interrupt: bool,
        one_to_one: bool,
        most: int | None,
    ) -> None:
        stage = self.stage
        stage.line.one_to_one = one_to_one
        if kind is RecognizeInputType.DTMF:
            most = most or 2
        whom = stage.CAROL if person == "carol" else stage.DAVE
        options = {"choices": MENU} if kind is RecognizeInputType.CHOICES else {}
        self._ask(
            lambda **fields: stage.recognize(whom, *prompts, **fields),
            main=one_to_one,
            kind=kind,
            interrupt_prompt=barge,
            interrupt_call_media_operation=interrupt,
            max_tones=most,
            stop_tones=["pound"],
            **options,
        )

    @rule(what=st.sampled_from(["send", "announce"]), person=st.sampled_from(["carol", "dave"]))
    def send_or_announce(self, what: str, person: str) -> None:
        whom = self.stage.CAROL if person == "carol" else self.stage.DAVE
        if what == "send":
            self._ask(lambda **fields: self.stage.send("12", whom, **fields), main=False)
        else:
            before = self._over()
            self._ask(lambda **fields: self.stage.announce(to=whom, **fields), main=False)
            self.jumped |= self._over() - before

    @rule()
    def cancel_all(self) -> None:
        self.stage.cancel_all()
        self._take_note()

    # --- what happens -----------------------------------------------------------------------------------

    @precondition(lambda self: self.plays)
    @rule(data=st.data(), what=st.sampled_from(["ready", "start", "start", "finish", "finish", "fail"]))
    def audio_moves_on(self, data: Any, what: str) -> None:
        play = data.draw(st.sampled_from(sorted(self.plays)))
        turn, pending = self.stage.turn(), self.stage.pending
        if what == "ready":
            pending.plays[play].audio_ready(turn, ("a note",))
        elif what == "start":
            pending.plays[play].audio_started(turn)
        else:
            self.plays.remove(play)
            owner = pending.plays.pop(play)
            if what == "finish":
                owner.audio_finished(turn)
            else:
                owner.audio_failed(turn, AudioFailure(0, 8536, "gone", 0))
        self._take_note()

    @precondition(lambda self: self.listenings)
    @rule(
        data=st.data(),
        what=st.sampled_from(["began", "began", "ended", "ended", "partly", "last", "fail"]),
        text=st.sampled_from(["", "yes", "no thanks", "something else"]),
        ago=st.floats(0, 3),
    )
    def somebody_speaks(self, data: Any, what: str, text: str, ago: float) -> None:
        listening = data.draw(st.sampled_from(sorted(self.listenings)))
        turn, pending = self.stage.turn(), self.stage.pending
        owner = pending.listenings[listening]
        if what == "began":
            owner.voice_began(turn, self.stage.now - ago)
        elif what == "ended":
            owner.voice_ended(turn, self.stage.now - ago)
        elif what == "partly":
            owner.words_heard(turn, Heard(text, False))
        else:
            del self.listenings[listening], pending.listenings[listening]
            if what == "last":
                owner.words_heard(turn, Heard(text, True, 0.8))
            else:
                owner.listening_failed(turn, 400, 8564, "no line")
        self._take_note()

    @rule(leg=st.integers(1, 3), digits=st.text("012#", min_size=1, max_size=3))
    def keys(self, leg: int, digits: str) -> None:
        self.stage.press(digits, leg)
        self._take_note()

    @precondition(lambda self: self.stage.pending.timers)
    @rule()
    def time_passes(self) -> None:
        when = {effect.timer: effect.at for effect in self.stage.all(effects.StartTimer)}
        timer = min(self.stage.pending.timers, key=lambda one: when[one])
        self.stage.now = max(self.stage.now, when[timer])
        self.stage.pending.timers.pop(timer)(self.stage.turn())
        self._take_note()

    @precondition(lambda self: self.stage.pending.sendings)
    @rule(well=st.booleans())
    def tones_have_gone(self, well: bool) -> None:
        owner = self.stage.pending.sendings.pop(min(self.stage.pending.sendings))
        if well:
            owner.tones_done(self.stage.turn())
        else:
            owner.tones_failed(self.stage.turn(), "no way")
        self._take_note()

    # --- what always holds ------------------------------------------------------------------------------

    def _take_note(self) -> None:
        """Of what was decided, and of what apps were told."""
        for effect in self.stage.effects[self.carried :]:
            match effect:
                case effects.PlayAudio():
                    self.plays.add(effect.play)
                case effects.StopAudio():
                    self.plays.remove(effect.play)
                case effects.AddListener() | effects.RemoveListener():
                    assert effect.play in self.plays, "audio after its end"
                case StartListening():
                    self.listenings[effect.listening] = "open"
                case FinishListening():
                    assert self.listenings[effect.listening] == "open"
                    self.listenings[effect.listening] = "finishing"
                case StopListening():
                    del self.listenings[effect.listening]
                case effects.StartTimer():
                    assert effect.at >= self.stage.now
        self.carried = len(self.stage.effects)
        for note in self.stage.notes[self.seen :]:
            said = self.told.setdefault(note.request.context, [])
            assert not (said and said[-1].endswith(TERMINAL)), f"{note.name} after {said[-1]}"
            assert note.name not in said
            said.append(note.name)
        self.seen = len(self.stage.notes)

    def _over(self) -> set[str]:
        return {context for context, said in self.told.items() if said[-1].endswith(TERMINAL)}

    @invariant()
    def what_is_open_belongs_to_something_that_lives(self) -> None:
        desk, pending = self.stage.desk, self.stage.pending
        live = [*desk.main, *desk.subs]
        assert not any(operation.over for operation in live)
        assert {getattr(one, "play", None) for one in live} - {None} == self.plays == set(pending.plays)
        ears = {getattr(one, "listening", None) for one in live} - {None}
        assert ears == set(self.listenings) == set(pending.listenings)
        timers = {getattr(one, name, None) for one in live for name in ("timer", "limit")} - {None}
        assert timers == set(pending.timers)

    @invariant()
    def everything_accepted_is_under_way_or_over(self) -> None:
        live = {one.request.context for one in [*self.stage.desk.main, *self.stage.desk.subs]}
        over = self._over()
        assert live | over == set(self.accepted)
        assert not live & over

    @invariant()
    def the_queue_moves_and_nobody_waits_for_nothing(self) -> None:
        desk, pending = self.stage.desk, self.stage.pending
        assert all(one.state is not State.QUEUED for one in [*desk.main[:1], *desk.subs])
        assert all(one.state is State.QUEUED for one in desk.main[1:])
        for one in [*desk.main[:1], *desk.subs]:
            busy = [getattr(one, name, None) for name in ("play", "timer", "limit", "sending")]
            assert any(what is not None for what in busy), f"{one.kind} waits for nothing in {one.state}"
            if one.state is State.UNDERSTANDING:
                assert self.listenings[one.listening] == "finishing"
                assert one.timer in pending.timers

    @invariant()
    def the_main_leg_ends_in_order(self) -> None:
        over = self._over() - self.jumped
        last = [note.request.context for note in self.stage.notes if note.name.endswith(TERMINAL)]
        main = [context for context in last if context in self.on_main and context not in self.jumped]
        assert main == [context for context in self.on_main if context in over]

    def teardown(self) -> None:
        self.stage.desk.close(self.stage.turn())
        self._take_note()
        assert not self.plays
        assert not self.listenings
        assert self.stage.at_rest()
        assert set(self.told) == set(self.accepted)
        assert all(said[-1].endswith(TERMINAL) for said in self.told.values())


def test_one_last_event_each_in_order_and_silence_after_it(stage_type: Any) -> None:
    run_state_machine_as_test(
        lambda: DeskMachine(stage_type),
        settings=settings(
            max_examples=150,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )
