"""Streams and transcripts, whatever is asked and whatever happens: the books always balance."""

from __future__ import annotations

from typing import Any

from calls.media_room import MediaRoom, speech, streaming, transcription
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from hookflash.calls import audio_effects, facts
from hookflash.calls.facts import Cause
from hookflash.wire.results import Refusal

STARTED = {"MediaStreamingStarted", "TranscriptionStarted"}
FAILED = {"MediaStreamingFailed", "TranscriptionFailed"}
KINDS = st.sampled_from(["audio", "text"])


class Sockets(RuleBasedStateMachine):
    """The streaming edge and an app that asks at random; each socket is opening, open or gone.

    What has to hold: nothing is closed, updated or given a key that is not there; one socket of a kind at a
    time; each accepted start is answered by exactly one Started or Failed of its context; after the call
    nothing is left open.
    """

    def __init__(self, office_type: Any) -> None:
        super().__init__()
        self.office = office_type()
        self.room = MediaRoom(self.office)
        self.leg, self.connection = self.office.answered(
            media_streaming_options=streaming(enable_dtmf_tones=True),
            transcription_options=transcription(),
            **speech(),
        )
        self.sockets: dict[int, str] = {}
        self.kinds: dict[int, str] = {}
        self.seen = len(self.office.effects)
        self.contexts = 0
        self.over = False
        self.roster: tuple[Any, ...] | None = None

    # --- the model --------------------------------------------------------------------------------------

    def settle(self) -> None:
        """Carry out what was decided since the last time."""
        for effect in self.office.effects[self.seen :]:
            match effect:
                case audio_effects.OpenStream() | audio_effects.OpenTranscript():
                    kind = "audio" if isinstance(effect, audio_effects.OpenStream) else "text"
                    assert kind not in [self.kinds[one] for one in self.sockets], "two of a kind"
                    assert effect.stream not in self.kinds, "a name is used twice"
                    self.sockets[effect.stream], self.kinds[effect.stream] = "opening", kind
                case audio_effects.CloseStream():
                    assert self.kinds[effect.stream] == "audio"
                    del self.sockets[effect.stream]
                case audio_effects.CloseTranscript():
                    assert self.kinds[effect.stream] == "text"
                    del self.sockets[effect.stream]
                case audio_effects.UpdateTranscript():
                    assert self.sockets[effect.stream] == "open"
                case audio_effects.StreamTone():
                    assert self.sockets[effect.stream] == "open"
                    assert self.kinds[effect.stream] == "audio"
                case audio_effects.UpdateRoster():
                    assert self.sockets
                    assert effect.roster != self.roster
                    self.roster = effect.roster
        self.seen = len(self.office.effects)

    def ask(self, act: Any) -> None:
        refused = ""
        try:
            act()
        except Refusal as refusal:
            refused = refusal.code
        assert refused in ("", "8528" if self.over else "8585")
        self.settle()

    def some(self, data: Any, state: str) -> int | None:
        found = [stream for stream, was in self.sockets.items() if was == state]
        return data.draw(st.sampled_from(found)) if found else None

    @invariant()
    def the_app_sees_what_is_open(self) -> None:
        if self.over:
            return
        properties = self.office.get(self.connection)
        for kind, shown in (
            ("audio", properties.media_streaming_subscription),
            ("text", properties.transcription_subscription),
        ):
            is_open = any(self.sockets[one] == "open" for one in self.sockets if self.kinds[one] == kind)
            assert shown.state == ("active" if is_open else "inactive")

    # --- what happens -----------------------------------------------------------------------------------

    @rule(kind=KINDS)
    def start(self, kind: str) -> None:
        act = self.room.start if kind == "audio" else self.room.transcribe
        self.contexts += 1
        self.ask(lambda: act(self.connection, operation_context=f"start {self.contexts}"))

    @rule(kind=KINDS)
    def stop(self, kind: str) -> None:
        act = self.room.stop if kind == "audio" else self.room.stop_transcribing
        self.ask(lambda: act(self.connection, operation_context="stop"))

    @rule()
    def update(self) -> None:
        self.ask(lambda: self.room.update(self.connection, locale="de-DE"))

    @rule(data=st.data())
    def opens(self, data: Any) -> None:
        stream = self.some(data, "opening")
        if stream is not None:
            self.sockets[stream] = "open"
            self.office.tell(facts.StreamOpened(stream))
            self.settle()

    @rule(data=st.data())
    def comes_back(self, data: Any) -> None:
        stream = self.some(data, "open")
        if stream is not None:
            self.office.tell(facts.StreamOpened(stream, again=True))
            self.settle()

    @rule(data=st.data(), state=st.sampled_from(["opening", "open"]))
    def breaks(self, data: Any, state: str) -> None:
        stream = self.some(data, state)
        if stream is not None:
            del self.sockets[stream]
            self.office.tell(facts.StreamFailed(stream, "serviceTimeout", 500, 8603, "gone"))
            self.settle()

    @rule(stream=st.integers(0, 30), again=st.booleans())
    def a_late_fact(self, stream: int, again: bool) -> None:
        if stream not in self.sockets:
            before = len(self.office.effects)
            self.office.tell(facts.StreamOpened(stream, again))
            self.office.tell(facts.StreamFailed(stream, "badRequest", 400, 8603, "gone"))
            assert len(self.office.effects) == before

    @rule(digit=st.sampled_from("0#"))
    def key(self, digit: str) -> None:
        self.office.press(self.leg, digit)
        self.settle()

    @rule(how=st.sampled_from(["hang up", "lost", "left"]))
    def end(self, how: str) -> None:
        if self.over:
            return
        self.over = True
        if how == "hang up":
            self.office.hang_up(self.connection)
        elif how == "lost":
            self.office.tell(facts.MediaLost((1,)))
        else:
            self.office.tell(facts.LegDown(self.leg, Cause(200, "OK")))
        self.settle()

    def teardown(self) -> None:
        self.end("hang up")
        assert not self.sockets
        assert not self.office.exchange._registry.pending.streams
        assert self.office.nothing_left()
        opened, ended = 0, 0
        for data in self.office.events(self.connection):
            name = type(data).__name__
            if name in STARTED and self.first_time(data):
                opened += 1
            elif name in FAILED | {"MediaStreamingStopped", "TranscriptionStopped"}:
                ended += 1
        assert opened <= len(self.kinds) <= ended
        names = self.office.names(self.connection)
        assert names[-1] == "CallDisconnected"

    @staticmethod
    def first_time(data: Any) -> bool:
        update = getattr(data, "media_streaming_update", None) or data.transcription_update
        details = getattr(update, "media_streaming_status_details", None)
        details = details or update.transcription_status_details
        return bool(details == "subscriptionStarted")


def test_whatever_happens_the_books_balance(make_office):
    run_state_machine_as_test(
        lambda: Sockets(make_office),
        settings=settings(max_examples=80, stateful_step_count=30, deadline=None),
    )
