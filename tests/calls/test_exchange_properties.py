"""Whatever apps and phones do, in whatever order: what always holds.

The machine plays the outside: it carries out effects in a small model of phones, plays, sendings and
timers, reports random facts about them (also about things long gone), and sends random commands. It checks
after every turn that no effect contradicts the model, and at the end that everything begun has been ended.
"""

from __future__ import annotations

from collections import Counter
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

from hookflash.calls import effects, facts
from hookflash.calls.facts import Cause
from hookflash.media.tables import State
from hookflash.wire.enums import CallRejectReason
from hookflash.wire.results import Refusal

TERMINAL = {
    "PlayCompleted",
    "PlayFailed",
    "PlayCanceled",
    "RecognizeCompleted",
    "RecognizeFailed",
    "RecognizeCanceled",
    "SendDtmfTonesCompleted",
    "SendDtmfTonesFailed",
}
LAST = {"CallDisconnected", "AnswerFailed"}
PHONES = ["+14255550123", "+14255550999", "+14255550777"]
CAUSES = st.sampled_from([Cause(486, "Busy Here"), Cause(487, "Request Terminated"), Cause(200, "OK")])


class Outside(RuleBasedStateMachine):
    """The world around an exchange."""

    def __init__(self, office_type: Any) -> None:
        super().__init__()
        self.office = office_type(memory=3)
        self.phones: dict[int, str] = {}  # leg -> calling, dialled, answering, up
        self.app_legs: set[int] = set()
        self.mixed: set[int] = set()
        self.plays: set[int] = set()
        self.sendings: set[int] = set()
        self.timers: dict[int, float] = {}
        self.contexts: list[tuple[str, str]] = []
        self.connections: dict[str, str] = {}  # id -> resource
        self.opened: set[str] = set()
        self.ended: set[str] = set()
        self.sequence: dict[str, int] = {}
        self.heard: dict[tuple[str, str], int] = {}
        self.accepted: set[str] = set()
        self.begun: Counter[str] = Counter()
        self.terminal: Counter[str] = Counter()
        self.serial = 0

    # --- carrying out effects ---------------------------------------------------------------------------

    def carry_out(self, decided: list[effects.Effect]) -> None:
        for effect in decided:
            getattr(self, "_" + type(effect).__name__, self._nothing)(effect)

    def _nothing(self, effect: Any) -> None:
        pass

    def _DialLeg(self, effect: effects.DialLeg) -> None:
        assert effect.leg not in self.phones
        self.phones[effect.leg] = "dialled"

    def _AnswerLeg(self, effect: effects.AnswerLeg) -> None:
        assert self.phones[effect.leg] == "calling"
        self.phones[effect.leg] = "answering"

    def _RefuseLeg(self, effect: effects.RefuseLeg) -> None:
        assert self.phones.pop(effect.leg) == "calling"
        assert effect.status >= 300

    def _EndLeg(self, effect: effects.EndLeg) -> None:
        assert self.phones.pop(effect.leg) in ("dialled", "answering", "up")
        self.mixed.discard(effect.leg)

    def _OpenAppLeg(self, effect: effects.OpenAppLeg) -> None:
        assert effect.leg not in self.app_legs
        self.app_legs.add(effect.leg)

    def _CloseAppLeg(self, effect: effects.CloseAppLeg) -> None:
        self.app_legs.remove(effect.leg)
        self.mixed.discard(effect.leg)

    def _JoinMix(self, effect: effects.JoinMix) -> None:
        assert effect.leg not in self.mixed
        assert effect.leg in self.app_legs or self.phones[effect.leg] == "up"
        self.mixed.add(effect.leg)

    def _LeaveMix(self, effect: effects.LeaveMix) -> None:
        self.mixed.remove(effect.leg)

    def _PlayAudio(self, effect: effects.PlayAudio) -> None:
        assert effect.legs
        assert effect.sources
        for leg in effect.legs:
            assert leg in self.app_legs or self.phones[leg] == "up"
        self.plays.add(effect.play)

    def _AddListener(self, effect: effects.AddListener) -> None:
        assert effect.play in self.plays
        assert effect.leg in self.mixed

    def _RemoveListener(self, effect: effects.RemoveListener) -> None:
        assert effect.play in self.plays
        assert effect.leg not in self.mixed

    def _StopAudio(self, effect: effects.StopAudio) -> None:
        self.plays.remove(effect.play)

    def _SendTones(self, effect: effects.SendTones) -> None:
        assert self.phones[effect.leg] == "up"
        self.sendings.add(effect.sending)

    def _StopTones(self, effect: effects.StopTones) -> None:
        self.sendings.remove(effect.sending)

    def _StartTimer(self, effect: effects.StartTimer) -> None:
        assert effect.at >= self.office.now
        self.timers[effect.timer] = effect.at

    def _StopTimer(self, effect: effects.StopTimer) -> None:
        del self.timers[effect.timer]

    def _RaiseIncomingCall(self, effect: effects.RaiseIncomingCall) -> None:
        self.contexts.append((effect.data.incoming_call_context, effect.resource))

    def _ConnectionOpened(self, effect: effects.ConnectionOpened) -> None:
        assert effect.connection_id not in self.opened
        self.opened.add(effect.connection_id)

    def _ConnectionClosed(self, effect: effects.ConnectionClosed) -> None:
        assert effect.connection_id in self.ended

    def _Notify(self, effect: effects.Notify) -> None:
        connection, data = effect.connection_id, effect.data
        name = type(data).__name__
        assert connection in self.opened
        assert connection not in self.ended, f"{name} after the last event"
        if name in LAST:
            self.ended.add(connection)
        if name == "ParticipantsUpdated":
            number = data.sequence_number  # type: ignore[attr-defined]
            assert number > self.sequence.get(connection, 0)
            self.sequence[connection] = number
        context = data.operation_context or ""
        if name == "ContinuousDtmfRecognitionToneReceived":
            number = data.sequence_id  # type: ignore[attr-defined]
            before = self.heard.get((connection, context), 0)
            assert number == before + 1
            self.heard[connection, context] = number
        if name == "ContinuousDtmfRecognitionStopped":
            self.heard.pop((connection, context), None)
        if name == "PlayStarted":
            assert self.terminal[context] == 0
            self.begun[context] += 1
            assert self.begun[context] == 1
        if name in TERMINAL:
            self.terminal[context] += 1
            assert self.terminal[context] == 1, f"a second terminal event: {name}"

    # --- driving ----------------------------------------------------------------------------------------

    def tell(self, fact: facts.Fact) -> None:
        self.carry_out(self.office.tell(fact))

    def ask(self, act: Any, *arguments: Any, **fields: Any) -> Any:
        """Send a command; a refusal must leave everything as it was. Returns the response, False when
        refused.
        """
        before, why = self.fingerprint(), ""
        try:
            response = act(*arguments, **fields)
        except Refusal as refusal:
            why = refusal.message
            response = False
        if response is False:
            assert why
            assert self.fingerprint() == before
            return False
        self.carry_out(self.office.last)
        return response

    def fingerprint(self) -> Any:
        registry = self.office.exchange._registry
        return (
            [
                (c.id, c.state, c.sequence_number, *map(str, self._desk(c.desk)))
                for c in registry.connections.values()
            ],
            [(leg, person.state) for leg, (_, person) in registry.legs.items()],
            list(registry.calls),
            list(registry.book.open),
            list(registry.pending.plays),
            list(registry.pending.timers),
            list(registry.pending.sendings),
        )

    def _desk(self, desk: Any) -> Any:
        for operation in [*desk.main, *desk.subs, *desk.music.values()]:
            yield operation.serial, operation.state, [target.leg for target in operation.targets]
        for subscription in desk.subscriptions.values():
            yield subscription.request, subscription.heard_so_far

    def context(self) -> str:
        self.serial += 1
        return f"op-{self.serial}"

    def connection(self, data: Any) -> tuple[str, str]:
        """Some connection, more often one that lives."""
        live = sorted(pair for pair in self.connections.items() if pair[0] not in self.ended)
        return data.draw(st.sampled_from(live * 8 + sorted(self.connections.items())))

    # --- what holds between turns -----------------------------------------------------------------------

    @invariant()
    def operations_concern_people_who_are_there_and_queues_move(self) -> None:
        for connection in self.office.exchange._registry.connections.values():
            here = {person.leg: person for person in connection.server_call.present()}
            desk = connection.desk
            for operation in [*desk.main, *desk.subs]:
                assert not operation.over
                for target in operation.targets:
                    assert target.leg in here
                    assert not (target.on_hold and operation.cancelable)
            for operation in [*desk.main[:1], *desk.subs]:
                assert operation.state is not State.QUEUED
            assert all(operation.state is State.QUEUED for operation in desk.main[1:])
            assert set(desk.subscriptions) <= set(here)
            assert all(here[leg].on_hold for leg in desk.music)

    @invariant()
    def every_call_has_somebody_in_it_and_apps_come_up_with_their_caller(self) -> None:
        for call in self.office.exchange._registry.calls.values():
            assert any(not person.being_reached for person in call.participants.values())
            assert call.ends() >= 2
            if any(connection.connected for connection in call.connections.values()):
                assert call.originator is None or call.originator.present
            for connection in call.connections.values():
                assert connection.connected is connection.participant.present

    # --- calls that are up, so that what follows has something to work with ------------------------------

    @rule(phones=st.integers(1, 3), invite=st.booleans())
    def an_app_has_phones_on_the_line(self, phones: int, invite: bool) -> None:
        numbers = PHONES[:phones] + ([self.office.BOB] if invite else [])
        made = self.ask(self.office.create, *numbers)
        self.connections[made.call_connection_id] = self.office.RED
        for leg in [effect.leg for effect in self.office.last if isinstance(effect, effects.DialLeg)]:
            self.phones[leg] = "up"
            self.tell(facts.LegUp(leg))

    @rule()
    def an_app_has_answered_a_phone(self) -> None:
        leg = self.office.ring()
        self.phones[leg] = "calling"
        self.carry_out(self.office.last)
        answered = self.ask(self.office.answer)
        self.connections[answered.call_connection_id] = self.office.RED
        self.phones[leg] = "up"
        self.tell(facts.LegUp(leg))

    # --- what phones do ---------------------------------------------------------------------------------

    @rule(callee=st.sampled_from(["red", "blue", "user", "nobody"]))
    def a_phone_calls(self, callee: str) -> None:
        number = {
            "red": self.office.RED_NUMBER,
            "blue": self.office.BLUE_NUMBER,
            "user": self.office.ALICE,
            "nobody": "+19990000000",
        }[callee]
        leg = self.office.ring(number)
        self.phones[leg] = "calling"
        self.carry_out(self.office.last)

    @precondition(lambda self: self.phones)
    @rule(data=st.data())
    def a_phone_answers_or_acknowledges(self, data: Any) -> None:
        leg = data.draw(st.sampled_from(sorted(self.phones)))
        if self.phones[leg] in ("dialled", "answering"):
            self.phones[leg] = "up"
        self.tell(facts.LegUp(leg))

    @precondition(lambda self: self.phones)
    @rule(data=st.data(), cause=CAUSES)
    def a_phone_goes(self, data: Any, cause: Cause) -> None:
        leg = data.draw(st.sampled_from(sorted(self.phones)))
        state = self.phones.pop(leg)
        self.mixed.discard(leg)
        self.tell(facts.LegDown(leg, cause) if state == "up" else facts.LegFailed(leg, cause))

    @rule(leg=st.integers(1, 40), cause=CAUSES)
    def something_late_or_idle_is_said_of_a_leg(self, leg: int, cause: Cause) -> None:
        self.tell(facts.LegRinging(leg))
        if leg not in self.phones and leg not in self.app_legs:
            self.tell(facts.LegUp(leg))
            self.tell(facts.LegDown(leg, cause))

    @rule(data=st.data(), digits=st.text("0123456789*#ABCD", min_size=1, max_size=4))
    def keys_are_pressed(self, data: Any, digits: str) -> None:
        leg = data.draw(st.sampled_from([*sorted(self.phones) * 4, *sorted(self.app_legs), 99]))
        for digit in digits:
            self.tell(facts.ToneHeard(leg, digit))

    # --- what the platform does -------------------------------------------------------------------------

    @precondition(lambda self: self.timers)
    @rule()
    def the_next_timer_fires(self) -> None:
        timer, at = min(self.timers.items(), key=lambda pair: pair[1])
        self.office.now = max(self.office.now, at)
        del self.timers[timer]
        self.tell(facts.TimerFired(timer))

    @rule(data=st.data(), end=st.sampled_from(["start", "finish", "fail"]))
    def audio_moves_on(self, data: Any, end: str) -> None:
        play = data.draw(st.sampled_from([*sorted(self.plays) * 4, 1, 99]))
        if end == "start":
            self.tell(facts.AudioStarted(play))
            return
        self.plays.discard(play)
        self.tell(facts.AudioFinished(play) if end == "finish" else facts.AudioFailed(play, 0, 8535, "bad"))

    @rule(sending=st.integers(1, 10), well=st.booleans())
    def tones_have_been_sent(self, sending: int, well: bool) -> None:
        self.sendings.discard(sending)
        self.tell(facts.TonesDone(sending) if well else facts.TonesFailed(sending, "no"))

    @precondition(lambda self: self.contexts)
    @rule(data=st.data())
    def nobody_listens(self, data: Any) -> None:
        self.tell(facts.NobodyListens(data.draw(st.sampled_from(self.contexts))[0]))

    @rule(number=st.integers(1, 40))
    def the_media_worker_dies(self, number: int) -> None:
        self.tell(facts.MediaLost((number,)))

    # --- what apps do -----------------------------------------------------------------------------------

    @rule(called=st.lists(st.sampled_from([*PHONES, "bob", "blue"]), min_size=1, max_size=3))
    def an_app_calls(self, called: list[str]) -> None:
        names = {"bob": self.office.BOB, "blue": self.office.BLUE_NUMBER}
        made = self.ask(self.office.create, *[names.get(target, target) for target in called])
        self.connections[made.call_connection_id] = self.office.RED

    @precondition(lambda self: self.contexts)
    @rule(data=st.data(), how=st.sampled_from(["answer", "answer", "answer", "reject", "redirect", "wrong"]))
    def an_app_decides(self, data: Any, how: str) -> None:
        context, resource = data.draw(st.sampled_from(self.contexts[-4:]))
        if how == "answer":
            answered = self.ask(self.office.answer, resource, incoming_call_context=context)
            if answered:
                self.connections[answered.call_connection_id] = resource
        elif how == "redirect":
            target = data.draw(st.sampled_from([*PHONES, self.office.BOB, self.office.RED_NUMBER]))
            self.ask(self.office.redirect, target, resource, context)
        elif how == "reject":
            self.ask(self.office.reject, CallRejectReason.BUSY, resource)
        else:
            self.ask(
                self.office.answer, "99999999-9999-4999-8999-999999999999", incoming_call_context=context
            )

    @precondition(lambda self: self.connections)
    @rule(data=st.data(), everybody=st.booleans())
    def an_app_ends_its_call(self, data: Any, everybody: bool) -> None:
        connection, resource = self.connection(data)
        self.ask(self.office.terminate if everybody else self.office.hang_up, connection, resource)

    @precondition(lambda self: self.connections)
    @rule(
        data=st.data(),
        what=st.sampled_from(["play", "play to", "recognize", "prompted", "send", "hold", "music", "unhold"]),
        whom=st.sampled_from(PHONES),
        interrupt=st.booleans(),
    )
    def an_app_uses_media(self, data: Any, what: str, whom: str, interrupt: bool) -> None:
        connection, _ = self.connection(data)
        context = self.context()
        office = self.office
        fields = {"operation_context": context}
        loud = {**fields, "interrupt_call_media_operation": interrupt}
        accepted = {
            "play": lambda: self.ask(office.play, connection, **loud),
            "play to": lambda: self.ask(office.play, connection, to=[whom], **loud),
            "recognize": lambda: self.ask(office.recognize, connection, whom, max_tones=2, **loud),
            "prompted": lambda: self.ask(office.recognize, connection, whom, "https://x/p.wav", **loud),
            "send": lambda: self.ask(office.send, connection, "12", whom, **fields),
            "hold": lambda: self.ask(office.hold, connection, whom),
            "music": lambda: self.ask(office.hold, connection, whom, "https://x/m.wav", **fields),
            "unhold": lambda: self.ask(office.unhold, connection, whom),
        }[what]()
        if accepted is not False and what not in ("hold", "unhold"):
            self.accepted.add(context)

    @precondition(lambda self: self.connections)
    @rule(
        data=st.data(),
        what=st.sampled_from(["listen", "stop", "cancel all", "look"]),
        whom=st.sampled_from(PHONES),
    )
    def an_app_listens_or_looks(self, data: Any, what: str, whom: str) -> None:
        connection, resource = self.connection(data)
        office = self.office
        {
            "listen": lambda: self.ask(office.listen, connection, whom, operation_context=f"listen {whom}"),
            "stop": lambda: self.ask(office.stop_listening, connection, whom),
            "cancel all": lambda: self.ask(office.cancel_all, connection),
            "look": lambda: (
                self.ask(office.get, connection, resource),
                self.ask(office.people, connection, resource),
            ),
        }[what]()

    # --- the end ----------------------------------------------------------------------------------------

    def teardown(self) -> None:
        for connection, resource in self.connections.items():
            self.ask(self.office.terminate, connection, resource)
        for leg in sorted(self.phones):
            if leg in self.phones:
                state = self.phones.pop(leg)
                self.mixed.discard(leg)
                cause = Cause(200, "OK")
                self.tell(facts.LegDown(leg, cause) if state == "up" else facts.LegFailed(leg, cause))
        assert self.office.nothing_left()
        left = [self.phones, self.app_legs, self.plays, self.sendings, self.timers, self.mixed]
        assert not any(left)
        assert self.opened == self.ended == set(self.connections)
        assert {context for context, times in self.terminal.items() if times == 1} == self.accepted


def test_whatever_happens_the_rules_hold(make_office):
    run_state_machine_as_test(
        lambda: Outside(make_office),
        settings=settings(
            max_examples=120,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=[
                HealthCheck.too_slow,
                HealthCheck.filter_too_much,
                HealthCheck.data_too_large,
            ],
        ),
    )
