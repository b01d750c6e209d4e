"""An exchange to play with: commands and facts in, effects and events out, under a clock moved by hand."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any, TypeVar

import pytest

from hookflash.calls import commands, effects, facts
from hookflash.calls.directory import Directory, Resource
from hookflash.calls.exchange import Exchange
from hookflash.calls.registry import Timings
from hookflash.wire.enums import CallRejectReason, PlaySourceKind, RecognizeInputType, Tone
from hookflash.wire.events import EventData
from hookflash.wire.identifiers import CommunicationUserModel, Identifier, PhoneNumberModel
from hookflash.wire.ids import Minter
from hookflash.wire.parts import CallLocator, CustomCallingContext
from hookflash.wire.requests import (
    AddParticipantRequest,
    AnswerCallRequest,
    CancelAddParticipantRequest,
    ConnectRequest,
    ContinuousDtmfRecognitionRequest,
    CreateCallRequest,
    DtmfOptions,
    FileSource,
    HoldRequest,
    MoveParticipantsRequest,
    MuteParticipantsRequest,
    PlayOptions,
    PlayRequest,
    PlaySource,
    RecognizeOptions,
    RecognizeRequest,
    RedirectCallRequest,
    RejectCallRequest,
    RemoveParticipantRequest,
    SendDtmfTonesRequest,
    TransferToParticipantRequest,
    UnholdRequest,
)

RED = "11111111-1111-4111-8111-111111111111"
BLUE = "22222222-2222-4222-8222-222222222222"
RED_NUMBER = "+18005550100"
BLUE_NUMBER = "+18005550200"
CALLER = "+14255550123"
OUTSIDE = "+14255550999"
OWN_NUMBER = {RED: RED_NUMBER, BLUE: BLUE_NUMBER}
NEWEST = "2026-03-12"

E = TypeVar("E")


class Office:
    """Drives one exchange and remembers everything it decided."""

    RED, BLUE = RED, BLUE
    RED_NUMBER, BLUE_NUMBER = RED_NUMBER, BLUE_NUMBER
    CALLER, OUTSIDE = CALLER, OUTSIDE
    ALICE = f"8:acs:{RED}_0000000a-0000-4000-8000-000000000001"
    BOB = f"8:acs:{BLUE}_0000000b-0000-4000-8000-000000000002"

    def __init__(self, **options: Any) -> None:
        directory = Directory(
            [Resource(RED, "red"), Resource(BLUE, "blue")],
            {RED_NUMBER: RED, BLUE_NUMBER: BLUE},
            options.pop("default_resource", None),
        )
        options.setdefault("timings", Timings())
        minter = Minter("ab", random.Random(7).randbytes)
        self.exchange = Exchange(directory, minter, **options)
        self.now = 100.0
        self.effects: list[effects.Effect] = []

    # --- driving ----------------------------------------------------------------------------------------

    def run(self, command: commands.Command) -> Any:
        """Execute; returns the response. ``last`` are the effects of this command alone."""
        outcome = self.exchange.execute(self.now, command)
        self.last = outcome.effects
        self.effects += outcome.effects
        return outcome.response

    def tell(self, fact: facts.Fact) -> list[effects.Effect]:
        self.last = self.exchange.observe(self.now, fact)
        self.effects += self.last
        return self.last

    def until(self, at: float) -> None:
        """Move the clock to ``at``, firing every timer that is due, in order."""
        while due := [timer for timer in self.timers().items() if timer[1] <= at]:
            timer, when = min(due, key=lambda pair: (pair[1], pair[0]))
            self.now = max(self.now, when)
            self._fired.add(timer)
            self.tell(facts.TimerFired(timer))
        self.now = at

    def later(self, seconds: float) -> None:
        self.until(self.now + seconds)

    _fired: set[int]

    def timers(self) -> dict[int, float]:
        """Timers that are set: id -> when."""
        if not hasattr(self, "_fired"):
            self._fired = set()
        running = {e.timer: e.at for e in self.effects if isinstance(e, effects.StartTimer)}
        stopped = {e.timer for e in self.effects if isinstance(e, effects.StopTimer)}
        return {t: at for t, at in running.items() if t not in stopped and t not in self._fired}

    # --- looking ----------------------------------------------------------------------------------------

    def all(self, kind: type[E]) -> list[E]:
        return [effect for effect in self.effects if isinstance(effect, kind)]

    def lately(self, kind: type[E]) -> list[E]:
        return [effect for effect in self.last if isinstance(effect, kind)]

    def notes(self, connection: str) -> list[effects.Notify]:
        return [note for note in self.all(effects.Notify) if note.connection_id == connection]

    def events(self, connection: str) -> list[EventData]:
        return [note.data for note in self.notes(connection)]

    def names(self, connection: str) -> list[str]:
        return [type(data).__name__ for data in self.events(connection)]

    def result(self, connection: str, name: str) -> tuple[int, int]:
        """Code and sub-code of the last event of that name."""
        event = [data for data in self.events(connection) if type(data).__name__ == name][-1]
        assert event.result_information is not None
        return event.result_information.code, event.result_information.sub_code

    def context(self) -> str:
        """The incomingCallContext of the latest IncomingCall."""
        return self.all(effects.RaiseIncomingCall)[-1].data.incoming_call_context

    # --- the usual requests -----------------------------------------------------------------------------

    def ring(
        self,
        callee: str = RED_NUMBER,
        caller: str = CALLER,
        headers: Mapping[str, str] | None = None,
    ) -> int:
        """A phone calls; returns its leg."""
        leg = self.exchange.new_leg()
        to = Identifier.phone(callee) if callee.startswith("+") else Identifier.parse(callee)
        self.tell(facts.IncomingLeg(leg, Identifier.phone(caller), to, "Carol", headers or {}))
        return leg

    def answer(self, resource: str = RED, version: str = NEWEST, **fields: Any) -> Any:
        if "incoming_call_context" not in fields:
            fields["incoming_call_context"] = self.context()
        fields.setdefault("callback_uri", "https://app.example/cb")
        return self.run(commands.AnswerCall(resource, version, AnswerCallRequest(**fields)))

    def answered(self, version: str = NEWEST, **fields: Any) -> tuple[int, str]:
        """A phone calls, the app answers, the call is up; returns the phone's leg and the connection id."""
        leg = self.ring()
        connection = self.answer(version=version, **fields).call_connection_id
        self.tell(facts.LegUp(leg))
        return leg, connection

    def create(self, *targets: str, resource: str = RED, version: str = NEWEST, **fields: Any) -> Any:
        fields.setdefault("callback_uri", "https://app.example/cb")
        if "source_caller_id_number" not in fields:
            fields["source_caller_id_number"] = PhoneNumberModel(value=OWN_NUMBER[resource])
        request = CreateCallRequest(targets=[model(target) for target in targets], **fields)
        return self.run(commands.CreateCall(resource, version, request))

    def created(self, *targets: str, version: str = NEWEST, **fields: Any) -> tuple[list[int], str]:
        """An app calls phones and all of them answer; returns their legs and the connection id."""
        connection = self.create(*targets, version=version, **fields).call_connection_id
        legs = [dial.leg for dial in self.lately(effects.DialLeg)]
        for leg in legs:
            self.tell(facts.LegUp(leg))
        return legs, connection

    def redirect(self, target: str, resource: str = RED, context: str | None = None) -> None:
        request = RedirectCallRequest(incoming_call_context=context or self.context(), target=model(target))
        self.run(commands.RedirectCall(resource, NEWEST, request))

    def reject(self, reason: CallRejectReason | None = None, resource: str = RED) -> None:
        request = RejectCallRequest(incoming_call_context=self.context(), call_reject_reason=reason)
        self.run(commands.RejectCall(resource, NEWEST, request))

    # --- participants -----------------------------------------------------------------------------------

    def add(self, connection: str, target: str, resource: str = RED, **fields: Any) -> Any:
        version = fields.pop("version", NEWEST)
        if "source_caller_id_number" not in fields:
            fields["source_caller_id_number"] = PhoneNumberModel(value=OWN_NUMBER[resource])
        request = AddParticipantRequest(participant_to_add=model(target), **fields)
        return self.run(commands.AddParticipant(resource, version, connection, request))

    def added(self, connection: str, target: str, **fields: Any) -> int:
        """An app adds somebody who is dialled and answers; returns the leg."""
        self.add(connection, target, **fields)
        leg = self.lately(effects.DialLeg)[0].leg
        self.tell(facts.LegUp(leg))
        return leg

    def cancel_add(self, connection: str, invitation: str, resource: str = RED, **fields: Any) -> Any:
        request = CancelAddParticipantRequest(invitation_id=invitation, **fields)
        return self.run(commands.CancelAddParticipant(resource, NEWEST, connection, request))

    def remove(self, connection: str, target: str, resource: str = RED, **fields: Any) -> Any:
        request = RemoveParticipantRequest(participant_to_remove=model(target), **fields)
        return self.run(commands.RemoveParticipant(resource, NEWEST, connection, request))

    def mute(self, connection: str, *targets: str, resource: str = RED, **fields: Any) -> Any:
        request = MuteParticipantsRequest(target_participants=[model(t) for t in targets], **fields)
        return self.run(commands.MuteParticipants(resource, NEWEST, connection, request))

    def unmute(self, connection: str, *targets: str, resource: str = RED, **fields: Any) -> Any:
        request = MuteParticipantsRequest(target_participants=[model(t) for t in targets], **fields)
        return self.run(commands.UnmuteParticipants(resource, "2024-09-01-preview", connection, request))

    def transfer(
        self, connection: str, target: str, transferee: str | None = None, resource: str = RED, **fields: Any
    ) -> Any:
        version = fields.pop("version", NEWEST)
        request = TransferToParticipantRequest(
            target_participant=model(target),
            transferee=model(transferee) if transferee is not None else None,
            **fields,
        )
        return self.run(commands.Transfer(resource, version, connection, request))

    def connect(self, resource: str = RED, version: str = NEWEST, **locator: Any) -> Any:
        request = ConnectRequest(
            call_locator=CallLocator(**locator), callback_uri="https://app.example/joined"
        )
        return self.run(commands.Connect(resource, version, request))

    def move(self, connection: str, from_call: str, *targets: str, resource: str = RED, **fields: Any) -> Any:
        request = MoveParticipantsRequest(
            target_participants=[model(target) for target in targets], from_call=from_call, **fields
        )
        return self.run(commands.MoveParticipants(resource, NEWEST, connection, request))

    def devices(self, user: str, count: int = 1) -> None:
        self.tell(facts.DevicesChanged(user, count))

    def get(self, connection: str, resource: str = RED) -> Any:
        return self.run(commands.GetCall(resource, NEWEST, connection))

    def people(self, connection: str, resource: str = RED, version: str = NEWEST) -> Any:
        return self.run(commands.ListParticipants(resource, version, connection)).value

    def person(self, connection: str, raw_id: str) -> Any:
        return self.run(commands.GetParticipant(RED, NEWEST, connection, raw_id))

    def hang_up(self, connection: str, resource: str = RED) -> None:
        self.run(commands.HangUp(resource, NEWEST, connection))

    def terminate(self, connection: str, resource: str = RED) -> None:
        self.run(commands.Terminate(resource, NEWEST, connection))

    def play(self, connection: str, *urls: str, to: list[str] | None = None, **fields: Any) -> None:
        version, resource = fields.pop("version", NEWEST), fields.pop("resource", RED)
        if fields.pop("loop", False):
            fields["play_options"] = PlayOptions(loop=True)
        sources = [file_source(url) for url in urls or ("https://x.example/a.wav",)]
        play_to = None if to is None else [model(target) for target in to]
        request = PlayRequest(play_sources=sources, play_to=play_to, **fields)
        self.run(commands.Play(resource, version, connection, request))

    def recognize(self, connection: str, target: str = CALLER, *prompts: str, **fields: Any) -> None:
        options: dict[str, Any] = {}
        for name in ("interrupt_prompt", "initial_silence_timeout_in_seconds", "choices", "speech_options"):
            if name in fields:
                options[name] = fields.pop(name)
        dtmf = DtmfOptions(
            max_tones_to_collect=fields.pop("max_tones", 3),
            stop_tones=fields.pop("stop_tones", None),
            inter_tone_timeout_in_seconds=fields.pop("inter_tone", None),
        )
        request = RecognizeRequest(
            recognize_input_type=fields.pop("kind", RecognizeInputType.DTMF),
            recognize_options=RecognizeOptions(
                target_participant=model(target), dtmf_options=dtmf, **options
            ),
            play_prompts=[file_source(url) for url in prompts] or None,
            **fields,
        )
        self.run(commands.Recognize(RED, NEWEST, connection, request))

    def listen(self, connection: str, target: str = CALLER, **fields: Any) -> None:
        request = ContinuousDtmfRecognitionRequest(target_participant=model(target), **fields)
        self.run(commands.StartContinuousDtmf(RED, NEWEST, connection, request))

    def stop_listening(self, connection: str, target: str = CALLER, **fields: Any) -> None:
        request = ContinuousDtmfRecognitionRequest(target_participant=model(target), **fields)
        self.run(commands.StopContinuousDtmf(RED, NEWEST, connection, request))

    def send(self, connection: str, digits: str, target: str = CALLER, **fields: Any) -> Any:
        tones = [Tone.of_digit(digit) for digit in digits]
        request = SendDtmfTonesRequest(tones=tones, target_participant=model(target), **fields)
        return self.run(commands.SendDtmf(RED, NEWEST, connection, request))

    def hold(self, connection: str, target: str = CALLER, music: str | None = None, **fields: Any) -> None:
        source = file_source(music) if music else None
        resource = fields.pop("resource", RED)
        request = HoldRequest(target_participant=model(target), play_source_info=source, **fields)
        self.run(commands.Hold(resource, NEWEST, connection, request))

    def unhold(self, connection: str, target: str = CALLER, **fields: Any) -> None:
        request = UnholdRequest(target_participant=model(target), **fields)
        self.run(commands.Unhold(fields.pop("resource", RED), NEWEST, connection, request))

    def cancel_all(self, connection: str) -> None:
        self.run(commands.CancelAllMedia(RED, NEWEST, connection))

    # --- facts about audio and keys ---------------------------------------------------------------------

    def plays(self) -> list[effects.PlayAudio]:
        return self.all(effects.PlayAudio)

    def heard_to_the_end(self, play: int) -> None:
        self.tell(facts.AudioStarted(play))
        self.tell(facts.AudioFinished(play))

    def press(self, leg: int, digits: str) -> None:
        for digit in digits:
            self.tell(facts.ToneHeard(leg, digit))

    @property
    def live_connections(self) -> int:
        """How many call connections exist now."""
        return len(self.exchange._registry.connections)

    def nothing_left(self) -> bool:
        """Whether everything begun outside has been ended, and the exchange remembers no live thing."""
        exchange = self.exchange
        pending = exchange._registry.pending
        registry = exchange._registry
        return not (
            exchange.live_calls
            or self.live_connections
            or registry.legs
            or registry.book.open
            or pending.plays
            or pending.sendings
            or pending.streams
            or pending.listenings
            or registry.named
            or registry._by_id
            or pending.timers
        )


def model(target: str) -> Any:
    return (Identifier.phone(target) if target.startswith("+") else Identifier.parse(target)).to_model()


def context(sip: Mapping[str, str] | None = None, voip: Mapping[str, str] | None = None) -> Any:
    """A customCallingContext."""
    return CustomCallingContext(sip_headers=dict(sip or {}), voip_headers=dict(voip or {}))


def file_source(url: str) -> PlaySource:
    return PlaySource(kind=PlaySourceKind.FILE, file=FileSource(uri=url))


@pytest.fixture
def office() -> Office:
    return Office()


@pytest.fixture
def user() -> type[CommunicationUserModel]:
    return CommunicationUserModel


@pytest.fixture
def make_office() -> type[Office]:
    """To build one with other options."""
    return Office
