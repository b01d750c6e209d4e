"""Whatever apps and phones do, in whatever order: what always holds.

The machine plays the outside (:mod:`.outside`): it reports random facts, also late, doubled and out of order,
and sends random commands. After every turn no effect may contradict the model, and at the end everything
begun has been ended.
"""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule, run_state_machine_as_test

from hookflash.calls import commands, effects, facts, speech_effects
from hookflash.calls.facts import Cause
from hookflash.media.recognize import Recognize
from hookflash.media.tables import State
from hookflash.wire.enums import (
    CallRejectReason,
    MediaStreamingAudioChannelType,
    RecognizeInputType,
    RecordingContentType,
    StreamingTransportType,
    Tone,
)
from hookflash.wire.identifiers import Identifier
from hookflash.wire.parts import CallIntelligenceOptions, MediaStreamingOptions
from hookflash.wire.requests import (
    InterruptAudioAndAnnounceRequest,
    RecognitionChoice,
    StartCallRecordingRequest,
    StartHoldMusicRequest,
    StartMediaStreamingRequest,
    StopHoldMusicRequest,
    StopMediaStreamingRequest,
)

from .conftest import file_source, model
from .outside import World

PHONES = ["+14255550123", "+14255550999", "+14255550777"]
CAUSES = st.sampled_from([Cause(486, "Busy Here"), Cause(487, "Request Terminated"), Cause(200, "OK")])
STREAMING = MediaStreamingOptions(
    transport_type=StreamingTransportType.WEBSOCKET,
    audio_channel_type=MediaStreamingAudioChannelType.MIXED,
    transport_url="wss://app.example/audio",
    start_media_streaming=True,
    enable_dtmf_tones=True,
)
SPEECH = CallIntelligenceOptions(cognitive_services_endpoint="https://speech.example/")
KINDS = {
    "ask for words": RecognizeInputType.SPEECH,
    "ask for either": RecognizeInputType.SPEECH_OR_DTMF,
    "offer choices": RecognizeInputType.CHOICES,
}
MENU = [RecognitionChoice(label="Yes", phrases=["yes"], tone=Tone.ONE)]


class Outside(World):
    """Rules: what phones, the platform and apps do."""

    @property
    def _people(self) -> list[str]:
        return [*PHONES, self.office.BOB, self.office.ALICE]

    def _connection(self, data: Any) -> tuple[str, str]:
        """Some connection, more often one that lives."""
        live = sorted(pair for pair in self.connections.items() if pair[0] not in self.ended)
        return data.draw(st.sampled_from(live * 8 + sorted(self.connections.items())))

    # --- what holds between turns -----------------------------------------------------------------------

    @invariant()
    def operations_concern_people_who_are_there_and_queues_move(self) -> None:
        heard: list[int] = []
        for connection in self.office.exchange._registry.connections.values():
            here = {person.leg: person for person in connection.server_call.present()}
            desk = connection.desk
            for operation in [*desk.main, *desk.subs]:
                assert not operation.over
                for target in operation.targets:
                    assert target.leg in here
                    assert not (target.on_hold and operation.cancelable and not operation.survives_hold)
            for operation in [*desk.main[:1], *desk.subs]:
                assert operation.state is not State.QUEUED
            assert all(operation.state is State.QUEUED for operation in desk.main[1:])
            ears = [one.listening for one in [*desk.main[:1], *desk.subs] if isinstance(one, Recognize)]
            heard += [listening for listening in ears if listening is not None]
            assert set(desk.subscriptions) <= set(here)
            assert all(here[leg].on_hold for leg in desk.music)
        assert sorted(heard) == sorted(self.listenings)

    @invariant()
    def every_call_has_somebody_in_it_and_apps_come_up_with_their_caller(self) -> None:
        registry = self.office.exchange._registry
        for call in registry.calls.values():
            assert not call.over
            assert call._lives()
            if any(connection.up for connection in call.connections.values()):
                assert call.originator is None or call.originator.present
            for connection in call.connections.values():
                assert connection.up is connection.participant.present
            for leg, person in call.participants.items():
                assert registry.legs[leg] == (call, person)
                assert self.mixed.issuperset([leg]) is (person.present and not person.on_hold)
                assert person.moving is (self.phones.get(leg) == "moving")
                assert (leg in self.muted) is person.muted
            for move in call.arriving.values():
                assert move.person.present
                assert not move.source.over
            for move in call.departing.values():
                assert move.person.moving
                assert not move.destination.over

    # --- calls that are up, so that what follows has something to work with ------------------------------

    @rule(phones=st.integers(1, 3), invite=st.booleans(), device=st.booleans(), stream=st.booleans())
    def an_app_has_phones_on_the_line(self, phones: int, invite: bool, device: bool, stream: bool) -> None:
        numbers = PHONES[:phones] + ([self.office.BOB] if invite else [])
        if device:
            self.tell(facts.DevicesChanged(self.office.ALICE, 1))
            numbers.append(self.office.ALICE)
        options: dict[str, Any] = {"media_streaming_options": STREAMING} if stream else {}
        options["call_intelligence_options"] = SPEECH
        made = self.perform(self.office.create, *numbers, **options)
        self.connections[made.call_connection_id] = self.office.RED
        for leg in [effect.leg for effect in self.office.last if isinstance(effect, effects.DialLeg)]:
            self.phones[leg] = "up"
            self.tell(facts.LegUp(leg, refers=leg % 3 == 0))

    @rule()
    def an_app_has_answered_a_phone(self) -> None:
        leg = self._ring(self.office.RED_NUMBER)
        answered = self.perform(self.office.answer, call_intelligence_options=SPEECH)
        self.connections[answered.call_connection_id] = self.office.RED
        self.phones[leg] = "up"
        self.tell(facts.LegUp(leg))

    # --- what phones do ---------------------------------------------------------------------------------

    def _ring(self, callee: str) -> int:
        leg = self.office.ring(callee)
        self.ever.add(leg)
        self.phones[leg] = "calling"
        self.carry_out(self.office.last)
        return leg

    @rule(callee=st.sampled_from(["red", "blue", "user", "nobody"]))
    def a_phone_calls(self, callee: str) -> None:
        numbers = {
            "red": self.office.RED_NUMBER,
            "blue": self.office.BLUE_NUMBER,
            "user": self.office.ALICE,
            "nobody": "+19990000000",
        }
        self._ring(numbers[callee])

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
        self._go(data.draw(st.sampled_from(sorted(self.phones))), cause)

    def _go(self, leg: int, cause: Cause) -> None:
        state = self.phones.pop(leg)
        self.mixed.discard(leg)
        was_up = state in ("up", "moving")
        self.tell(facts.LegDown(leg, cause) if was_up else facts.LegFailed(leg, cause))

    @precondition(lambda self: "moving" in self.phones.values())
    @rule(data=st.data(), well=st.booleans())
    def a_leg_arrives_or_returns(self, data: Any, well: bool) -> None:
        leg = data.draw(st.sampled_from(sorted(leg for leg, at in self.phones.items() if at == "moving")))
        self.phones[leg] = "up"
        self.muted.discard(leg)
        if not well:
            registry = self.office.exchange._registry
            self.muted |= {leg} if registry.legs[leg][1].muted else set()
        self.tell(facts.LegMoved(leg) if well else facts.LegNotMoved(leg, "no port"))

    @precondition(lambda self: self.asked)
    @rule(data=st.data(), said=st.sampled_from(["done", "refused", "declined"]))
    def a_trunk_says_what_became_of_a_transfer(self, data: Any, said: str) -> None:
        leg = data.draw(st.sampled_from(sorted(self.asked)))
        self.asked.discard(leg)
        if said == "done":
            self.tell(facts.LegReferred(leg))
        else:
            self.tell(facts.LegNotReferred(leg, Cause(486, "Busy Here"), said == "declined"))

    @precondition(lambda self: "up" in self.phones.values())
    @rule(data=st.data(), whom=st.sampled_from([*PHONES, "+18005550200"]), attended=st.booleans())
    def a_phone_refers(self, data: Any, whom: str, attended: bool) -> None:
        """To somebody else, or its two calls to each other."""
        up = sorted(leg for leg, at in self.phones.items() if at == "up")
        leg, other = data.draw(st.sampled_from(up)), data.draw(st.sampled_from(up))
        refer = len(self.refers) + 1
        self.refers[refer] = False
        joins = other if attended else None
        self.tell(facts.LegRefers(leg, refer, Identifier.phone(whom), joins=joins))

    @rule(leg=st.integers(1, 40), cause=CAUSES)
    def something_late_or_idle_is_said_of_a_leg(self, leg: int, cause: Cause) -> None:
        self.tell(facts.LegRinging(leg))
        if self.phones.get(leg) != "moving":
            self.tell(facts.LegMoved(leg))
            self.tell(facts.LegNotMoved(leg, "late"))
        if leg not in self.phones and leg not in self.app_legs:
            self.tell(facts.LegUp(leg))
            self.tell(facts.LegDown(leg, cause))
            self.tell(facts.LegReferred(leg))
            self.tell(facts.LegNotReferred(leg, cause))

    @rule(bob=st.booleans(), devices=st.integers(0, 2))
    def devices_come_and_go(self, bob: bool, devices: int) -> None:
        self.tell(facts.DevicesChanged(self.office.BOB if bob else self.office.ALICE, devices))

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

    @rule(
        data=st.data(),
        what=st.sampled_from(["began", "began", "ended", "ended", "partly", "last", "fail"]),
        text=st.sampled_from(["", "yes", "something else"]),
        ago=st.floats(0, 2),
    )
    def somebody_speaks(self, data: Any, what: str, text: str, ago: float) -> None:
        listening = data.draw(st.sampled_from([*sorted(self.listenings) * 4, 99]))
        at = self.office.now - ago
        if what in ("last", "fail"):
            self.listenings.pop(listening, None)
        self.tell(
            {
                "began": speech_effects.VoiceBegan(listening, at),
                "ended": speech_effects.VoiceEnded(listening, at),
                "partly": speech_effects.WordsHeard(listening, text, False),
                "last": speech_effects.WordsHeard(listening, text, True, 0.9),
                "fail": speech_effects.ListeningFailed(listening, 400, 8564, "no line"),
            }[what]
        )

    @rule(sending=st.integers(1, 10), well=st.booleans())
    def tones_have_been_sent(self, sending: int, well: bool) -> None:
        self.sendings.discard(sending)
        self.tell(facts.TonesDone(sending) if well else facts.TonesFailed(sending, "no"))

    @rule(data=st.data(), well=st.booleans())
    def a_stream_opens_or_fails(self, data: Any, well: bool) -> None:
        stream = data.draw(st.sampled_from([*sorted(self.streams) * 4, 99]))
        if well:
            if stream in self.streams:
                self.streams[stream] = "open"
            self.tell(facts.StreamOpened(stream))
        else:
            self.streams.pop(stream, None)
            self.tell(facts.StreamFailed(stream, "streamConnectionUnsuccessful", 500, 8603, "no"))

    @rule(data=st.data(), well=st.booleans())
    def a_recording_starts_or_breaks_off(self, data: Any, well: bool) -> None:
        recording = data.draw(st.sampled_from([*sorted(self.recordings) * 4, "none"]))
        if well:
            self.tell(facts.RecordingStarted(recording, 1.0))
        else:
            self.recordings.discard(recording)
            self.tell(facts.RecordingFailed(recording, 500, 9999, "disk full"))

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
        made = self.perform(self.office.create, *[names.get(target, target) for target in called])
        self.connections[made.call_connection_id] = self.office.RED

    @precondition(lambda self: self.contexts)
    @rule(data=st.data(), how=st.sampled_from(["answer", "answer", "answer", "reject", "redirect", "wrong"]))
    def an_app_decides(self, data: Any, how: str) -> None:
        context, resource = data.draw(st.sampled_from(self.contexts[-4:]))
        if how == "answer":
            answered = self.perform(self.office.answer, resource, incoming_call_context=context)
            if answered:
                self.connections[answered.call_connection_id] = resource
        elif how == "redirect":
            target = data.draw(st.sampled_from([*self._people, self.office.RED_NUMBER]))
            self.perform(self.office.redirect, target, resource, context)
        elif how == "reject":
            self.perform(self.office.reject, CallRejectReason.BUSY, resource)
        else:
            wrong = "99999999-9999-4999-8999-999999999999"
            self.perform(self.office.answer, wrong, incoming_call_context=context)

    @rule(data=st.data(), kind=st.sampled_from(["call", "call", "group", "room"]), blue=st.booleans())
    def an_app_connects(self, data: Any, kind: str, blue: bool) -> None:
        resource = self.office.BLUE if blue else self.office.RED
        locator = {
            "call": {"server_call_id": data.draw(st.sampled_from([*self.calls[-6:], "bm9uZQ=="]))},
            "group": {"group_call_id": data.draw(st.sampled_from(["a", "A", "b"]))},
            "room": {"room_id": data.draw(st.sampled_from(["1", "2"]))},
        }[kind]
        joined = self.perform(self.office.connect, resource, **locator)
        if joined:
            self.connections[joined.call_connection_id] = resource

    @precondition(lambda self: self.connections)
    @rule(data=st.data(), everybody=st.booleans())
    def an_app_ends_its_call(self, data: Any, everybody: bool) -> None:
        connection, resource = self._connection(data)
        self.perform(self.office.terminate if everybody else self.office.hang_up, connection, resource)

    @precondition(lambda self: self.connections)
    @rule(data=st.data(), what=st.sampled_from(["add", "add", "remove", "transfer", "mute", "unmute"]))
    def an_app_changes_who_takes_part(self, data: Any, what: str) -> None:
        connection, resource = self._connection(data)
        whom, context, office = data.draw(st.sampled_from(self._people)), self.context(), self.office
        fields = {"operation_context": context}
        if what in ("mute", "unmute"):
            self.perform(
                office.mute if what == "mute" else office.unmute, connection, whom, resource=resource
            )
            return
        if what == "remove":
            done = self.ask(office.remove, connection, whom, resource, **fields)
        elif what == "transfer":
            transferee = data.draw(st.sampled_from([None, *self._people]))
            done = self.ask(office.transfer, connection, whom, transferee, resource, **fields)
        else:
            done = self.ask(office.add, connection, whom, resource, **fields)
            if done:
                self.adds[done.invitation_id] = context
        if done is not False:
            self.accepted.add(context)
            self.carry_out(office.last)

    @precondition(lambda self: self.adds and self.connections)
    @rule(data=st.data())
    def an_app_cancels_an_add(self, data: Any) -> None:
        invitation, context = data.draw(st.sampled_from(sorted(self.adds))), self.context()
        connection, resource = self._connection(data)
        fields = {"operation_context": context}
        if self.ask(self.office.cancel_add, connection, invitation, resource, **fields) is not False:
            self.accepted.add(context)
            self.carry_out(self.office.last)

    @precondition(lambda self: self.connections)
    @rule(data=st.data(), whom=st.lists(st.integers(0, 4), min_size=1, max_size=3))
    def an_app_moves_people(self, data: Any, whom: list[int]) -> None:
        connection, resource = self._connection(data)
        origin, context = self._connection(data)[0], self.context()
        targets = [self._people[index] for index in whom]
        fields = {"resource": resource, "operation_context": context}
        moved = self.ask(self.office.move, connection, origin, *targets, **fields)
        if moved:
            self.accepted |= {f"{context}:{person.identifier.raw_id}" for person in moved.participants}
            self.carry_out(self.office.last)

    @precondition(lambda self: self.connections)
    @rule(
        data=st.data(),
        what=st.sampled_from(
            [
                "play",
                "play to",
                "recognize",
                "prompted",
                *KINDS,
                "send",
                "hold",
                "music",
                "unhold",
                "announce",
                "start music",
                "stop music",
            ]
        ),
        whom=st.sampled_from(PHONES),
        interrupt=st.booleans(),
    )
    def an_app_uses_media(self, data: Any, what: str, whom: str, interrupt: bool) -> None:
        connection, _ = self._connection(data)
        context = self.context()
        office = self.office
        fields = {"operation_context": context}
        loud = {**fields, "interrupt_call_media_operation": interrupt}
        source, party = file_source("https://x/a.wav"), model(whom)
        words: dict[str, Any] = {"kind": KINDS.get(what), "max_tones": None}
        if what == "offer choices":
            words["choices"] = MENU
        announce = InterruptAudioAndAnnounceRequest(play_sources=[source], play_to=party, **fields)
        music = StartHoldMusicRequest(
            target_participant=party, play_source_info=source, loop=interrupt, **fields
        )
        silence = StopHoldMusicRequest(target_participant=party)
        preview = (office.RED, "2024-09-01-preview", connection)
        accepted = {
            "play": lambda: self.perform(office.play, connection, **loud),
            "play to": lambda: self.perform(office.play, connection, to=[whom], **loud),
            "recognize": lambda: self.perform(office.recognize, connection, whom, max_tones=2, **loud),
            "prompted": lambda: self.perform(office.recognize, connection, whom, "https://x/p.wav", **loud),
            **{
                kind: lambda: self.perform(
                    office.recognize, connection, whom, *(["https://x/p.wav"] * interrupt), **words, **loud
                )
                for kind in KINDS
            },
            "send": lambda: self.perform(office.send, connection, "12", whom, **fields),
            "hold": lambda: self.perform(office.hold, connection, whom),
            "music": lambda: self.perform(office.hold, connection, whom, "https://x/m.wav", **fields),
            "unhold": lambda: self.perform(office.unhold, connection, whom),
            "announce": lambda: self.perform(
                office.run, commands.InterruptAudioAndAnnounce(*preview, announce)
            ),
            "start music": lambda: self.perform(office.run, commands.StartHoldMusic(*preview, music)),
            "stop music": lambda: self.perform(office.run, commands.StopHoldMusic(*preview, silence)),
        }[what]()
        if accepted is not False and what not in ("hold", "unhold", "stop music"):
            self.accepted.add(context)

    @precondition(lambda self: self.connections)
    @rule(
        data=st.data(),
        what=st.sampled_from(["listen", "stop", "cancel all", "look", "stream", "stop stream", "record"]),
        whom=st.sampled_from(PHONES),
    )
    def an_app_listens_or_looks(self, data: Any, what: str, whom: str) -> None:
        connection, resource = self._connection(data)
        office, version = self.office, "2026-03-12"
        start, stop = StartMediaStreamingRequest(), StopMediaStreamingRequest()
        record = StartCallRecordingRequest(
            call_connection_id=connection, recording_content_type=RecordingContentType.AUDIO
        )
        {
            "listen": lambda: self.perform(
                office.listen, connection, whom, operation_context=f"listen {whom}"
            ),
            "stop": lambda: self.perform(office.stop_listening, connection, whom),
            "cancel all": lambda: self.perform(office.cancel_all, connection),
            "look": lambda: (
                self.perform(office.get, connection, resource),
                self.perform(office.people, connection, resource),
            ),
            "stream": lambda: self.perform(
                office.run, commands.StartMediaStreaming(resource, version, connection, start)
            ),
            "stop stream": lambda: self.perform(
                office.run, commands.StopMediaStreaming(resource, version, connection, stop)
            ),
            "record": lambda: self.perform(office.run, commands.StartRecording(resource, version, record)),
        }[what]()

    # --- the end ----------------------------------------------------------------------------------------

    def teardown(self) -> None:
        for connection, resource in self.connections.items():
            self.perform(self.office.terminate, connection, resource)
        for leg in sorted(self.phones):
            if leg in self.phones:
                self._go(leg, Cause(200, "OK"))
        self.everything_is_over()


def test_whatever_happens_the_rules_hold(make_office: Any) -> None:
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
