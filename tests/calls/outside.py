"""The world around an exchange, as a model that carries out effects and checks each of them.

It keeps phones, app legs, plays, sendings, streams, recordings and timers, and the promises made to apps: one
terminal event for everything that was accepted, and none at all after a connection's last one.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis.stateful import RuleBasedStateMachine

from hookflash.calls import audio_effects, effects, facts, speech_effects
from hookflash.media.speech import Abilities
from hookflash.wire.results import Refusal

TERMINAL = {
    "PlayCompleted",
    "PlayFailed",
    "PlayCanceled",
    "HoldFailed",
    "RecognizeCompleted",
    "RecognizeFailed",
    "RecognizeCanceled",
    "SendDtmfTonesCompleted",
    "SendDtmfTonesFailed",
    "AddParticipantSucceeded",
    "AddParticipantFailed",
    "CancelAddParticipantSucceeded",
    "CancelAddParticipantFailed",
    "RemoveParticipantSucceeded",
    "RemoveParticipantFailed",
    "CallTransferAccepted",
    "CallTransferFailed",
    "MoveParticipantSucceeded",
    "MoveParticipantFailed",
}
LAST = {"CallDisconnected", "AnswerFailed", "ConnectFailed"}


class World(RuleBasedStateMachine):
    """What is outside, and what has been said so far; the rules are elsewhere."""

    def __init__(self, office_type: Any) -> None:
        super().__init__()
        self.office = office_type(memory=3, abilities=Abilities(speaks=True, understands=True))
        self.phones: dict[int, str] = {}  # leg -> calling, dialled, answering, up, moving
        self.app_legs: set[int] = set()
        self.ever: set[int] = set()
        self.mixed: set[int] = set()
        self.muted: set[int] = set()
        self.plays: set[int] = set()
        self.sendings: set[int] = set()
        self.listenings: dict[int, str] = {}  # listening -> open, finishing
        self.streams: dict[int, str] = {}  # stream -> opening, open
        self.recordings: set[str] = set()
        self.timers: dict[int, float] = {}
        self.contexts: list[tuple[str, str]] = []
        self.calls: list[str] = []  # every serverCallId seen
        self.connections: dict[str, str] = {}  # id -> resource
        self.opened: set[str] = set()
        self.ended: set[str] = set()
        self.closed: set[str] = set()
        self.sequence: dict[str, int] = {}
        self.heard: dict[tuple[str, str], int] = {}
        self.accepted: set[str] = set()
        self.begun: Counter[str] = Counter()
        self.terminal: Counter[str] = Counter()
        self.adds: dict[str, str] = {}  # invitationId -> operationContext
        self.reported: dict[tuple[str, str], set[str]] = {}  # (resource, call) -> participantIds
        self.finished: set[tuple[str, str]] = set()
        self.asked: set[int] = set()  # legs whose trunk was asked to transfer
        self.refers: dict[int, bool] = {}  # what phones asked for -> whether the last word was said
        self.serial = 0

    # --- carrying out effects ---------------------------------------------------------------------------

    def carry_out(self, decided: list[effects.Effect]) -> None:
        for effect in decided:
            getattr(self, "_" + type(effect).__name__)(effect)

    def _RingLeg(self, effect: effects.RingLeg) -> None:
        assert self.phones[effect.leg] == "calling"

    def _DialLeg(self, effect: effects.DialLeg) -> None:
        assert effect.leg not in self.ever
        self.ever.add(effect.leg)
        self.phones[effect.leg] = "dialled"

    def _AnswerLeg(self, effect: effects.AnswerLeg) -> None:
        assert self.phones[effect.leg] == "calling"
        self.phones[effect.leg] = "answering"

    def _RefuseLeg(self, effect: effects.RefuseLeg) -> None:
        assert self.phones.pop(effect.leg) == "calling"
        assert effect.status >= 300

    def _EndLeg(self, effect: effects.EndLeg) -> None:
        assert self.phones.pop(effect.leg) in ("dialled", "answering", "up", "moving")
        self.mixed.discard(effect.leg)

    def _MoveLeg(self, effect: effects.MoveLeg) -> None:
        assert self.phones[effect.leg] == "up"
        assert effect.leg not in self.mixed
        self.phones[effect.leg] = "moving"

    def _ReferLeg(self, effect: effects.ReferLeg) -> None:
        assert self.phones[effect.leg] == "up"
        self.asked.add(effect.leg)

    def _TellReferrer(self, effect: effects.TellReferrer) -> None:
        assert not self.refers[effect.refer], "something was said after the last word"
        self.refers[effect.refer] = effect.status >= 200

    def _OpenAppLeg(self, effect: effects.OpenAppLeg) -> None:
        assert effect.leg not in self.ever
        self.ever.add(effect.leg)
        self.app_legs.add(effect.leg)

    def _CloseAppLeg(self, effect: effects.CloseAppLeg) -> None:
        self.app_legs.remove(effect.leg)
        self.mixed.discard(effect.leg)

    def _here(self, leg: int) -> bool:
        return leg in self.app_legs or self.phones.get(leg) == "up"

    def _JoinMix(self, effect: effects.JoinMix) -> None:
        assert effect.leg not in self.mixed
        assert self._here(effect.leg)
        self.mixed.add(effect.leg)

    def _LeaveMix(self, effect: effects.LeaveMix) -> None:
        self.mixed.remove(effect.leg)

    def _MuteLeg(self, effect: effects.MuteLeg) -> None:
        assert self._here(effect.leg)
        (self.muted.add if effect.muted else self.muted.remove)(effect.leg)

    def _PlayAudio(self, effect: effects.PlayAudio) -> None:
        assert effect.legs
        assert effect.sources
        assert all(self._here(leg) for leg in effect.legs)
        self.plays.add(effect.play)

    def _AddListener(self, effect: effects.AddListener) -> None:
        assert effect.play in self.plays
        assert self._here(effect.leg)

    def _RemoveListener(self, effect: effects.RemoveListener) -> None:
        assert effect.play in self.plays
        assert self._here(effect.leg)

    def _StopAudio(self, effect: effects.StopAudio) -> None:
        self.plays.remove(effect.play)

    def _SendTones(self, effect: effects.SendTones) -> None:
        assert self.phones[effect.leg] == "up"
        registry = self.office.exchange._registry
        if registry.calls[effect.call].connections:
            self.sendings.add(effect.sending)
        else:  # a key that phones among themselves pass on: it ends with its leg, and nobody waits for it
            assert effect.sending not in registry.pending.sendings

    def _StopTones(self, effect: effects.StopTones) -> None:
        self.sendings.remove(effect.sending)

    def _StartListening(self, effect: speech_effects.StartListening) -> None:
        assert self._here(effect.leg)
        assert effect.wish.locales
        self.listenings[effect.listening] = "open"

    def _FinishListening(self, effect: speech_effects.FinishListening) -> None:
        assert self.listenings[effect.listening] == "open"
        self.listenings[effect.listening] = "finishing"

    def _StopListening(self, effect: speech_effects.StopListening) -> None:
        del self.listenings[effect.listening]

    def _OpenStream(self, effect: audio_effects.OpenStream) -> None:
        assert effect.stream not in self.streams
        assert effect.leg in self.app_legs
        self._UpdateRoster(audio_effects.UpdateRoster(effect.call, effect.roster))
        self.streams[effect.stream] = "opening"

    def _CloseStream(self, effect: audio_effects.CloseStream) -> None:
        del self.streams[effect.stream]

    def _StreamTone(self, effect: audio_effects.StreamTone) -> None:
        assert self.streams[effect.stream] == "open"

    def _UpdateRoster(self, effect: audio_effects.UpdateRoster) -> None:
        assert all(self._here(leg) for leg, _ in effect.roster)

    def _StartRecording(self, effect: audio_effects.StartRecording) -> None:
        assert effect.recording not in self.recordings
        self._UpdateRoster(audio_effects.UpdateRoster(effect.call, effect.roster))
        self.recordings.add(effect.recording)

    def _StopRecording(self, effect: audio_effects.StopRecording) -> None:
        self.recordings.remove(effect.recording)

    def _StartTimer(self, effect: effects.StartTimer) -> None:
        assert effect.at >= self.office.now
        self.timers[effect.timer] = effect.at

    def _StopTimer(self, effect: effects.StopTimer) -> None:
        del self.timers[effect.timer]

    def _RaiseIncomingCall(self, effect: effects.RaiseIncomingCall) -> None:
        self.contexts.append((effect.data.incoming_call_context, effect.resource))
        self.calls.append(effect.data.server_call_id)

    def _PublishEvent(self, effect: effects.PublishEvent) -> None:
        data: Any = effect.data
        key, name = (effect.resource, data.server_call_id), effect.type.rpartition(".")[2]
        assert key not in self.finished, f"{name} after the end"
        if name == "CallStarted":
            assert key not in self.reported
            self.reported[key] = set()
        elif name == "CallParticipantAdded":
            assert data.participant_id not in self.reported[key]
            self.reported[key].add(data.participant_id)
        elif name == "CallParticipantRemoved":
            self.reported[key].remove(data.participant_id)
        else:
            assert name == "CallEnded"
            assert not self.reported[key], "somebody never left"
            self.finished.add(key)

    def _ConnectionOpened(self, effect: effects.ConnectionOpened) -> None:
        assert effect.connection_id not in self.opened
        self.opened.add(effect.connection_id)
        self.calls.append(effect.server_call_id)

    def _ConnectionClosed(self, effect: effects.ConnectionClosed) -> None:
        assert effect.connection_id in self.ended
        self.closed.add(effect.connection_id)

    # --- what apps are told -----------------------------------------------------------------------------

    def _Notify(self, effect: effects.Notify) -> None:
        data: Any = effect.data
        connection, name = effect.connection_id, type(data).__name__
        if name == "RecordingStateChanged":
            return
        assert connection in self.opened
        assert connection not in self.ended, f"{name} after the last event"
        if name in LAST:
            self.ended.add(connection)
        if name == "ParticipantsUpdated":
            number = data.sequence_number
            assert number > self.sequence.get(connection, 0)
            self.sequence[connection] = number
        context = data.operation_context or ""
        if name == "ContinuousDtmfRecognitionToneReceived":
            before = self.heard.get((connection, context), 0)
            assert data.sequence_id == before + 1
            self.heard[connection, context] = data.sequence_id
        if name == "ContinuousDtmfRecognitionStopped":
            self.heard.pop((connection, context), None)
        if name == "PlayStarted":
            assert self.terminal[context] == 0
            self.begun[context] += 1
            assert self.begun[context] == 1
        if name == "CancelAddParticipantSucceeded":
            self._settle(self.adds[data.invitation_id], name)
        if name in TERMINAL:
            if name.startswith("Move"):
                context = f"{context}:{data.participant.raw_id}"
            self._settle(context, name)

    def _settle(self, context: str, name: str) -> None:
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
        return response

    def perform(self, act: Any, *arguments: Any, **fields: Any) -> Any:
        """As :meth:`ask`, and carry out what was decided."""
        response = self.ask(act, *arguments, **fields)
        if response is not False:
            self.carry_out(self.office.last)
        return response

    def fingerprint(self) -> Any:
        registry = self.office.exchange._registry
        pending = registry.pending
        return (
            [
                (c.id, c.state, c.sequence_number, len(c.undertakings), *map(str, self._desk(c.desk)))
                for c in registry.connections.values()
            ],
            [
                (leg, call.number, person.state, person.muted, person.move)
                for leg, (call, person) in registry.legs.items()
            ],
            [
                (call.number, len(call.reachings), list(call.arriving), list(call.departing), call.recording)
                for call in registry.calls.values()
            ],
            list(registry.book.open),
            list(registry.named),
            [
                list(ids)
                for ids in (
                    pending.plays,
                    pending.timers,
                    pending.sendings,
                    pending.streams,
                    pending.listenings,
                )
            ],
        )

    def _desk(self, desk: Any) -> Any:
        for operation in [*desk.main, *desk.subs, *desk.music.values()]:
            yield operation.serial, operation.state, [target.leg for target in operation.targets]
        for subscription in desk.subscriptions.values():
            yield subscription.request, subscription.heard_so_far

    def context(self) -> str:
        self.serial += 1
        return f"op-{self.serial}"

    # --- the end ----------------------------------------------------------------------------------------

    def everything_is_over(self) -> None:
        assert self.office.nothing_left()
        left = [
            self.phones,
            self.app_legs,
            self.plays,
            self.sendings,
            self.listenings,
            self.streams,
            self.recordings,
            self.timers,
            self.mixed,
        ]
        assert not any(left)
        assert self.opened == self.ended == self.closed == set(self.connections)
        assert {context for context, times in self.terminal.items() if times == 1} == self.accepted
        assert set(self.reported) == self.finished
