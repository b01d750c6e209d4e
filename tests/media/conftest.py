"""A desk in a made-up call: three participants, events written down instead of sent."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest

from hookflash.calls import effects
from hookflash.calls.turn import Pending, Turn
from hookflash.media.line import AudioFailure, Request
from hookflash.media.scheduler import Desk
from hookflash.media.speech import WORDLESS, Abilities, Heard
from hookflash.wire import requests
from hookflash.wire.enums import RecognizeInputType, Tone
from hookflash.wire.identifiers import CommunicationIdentifierModel, Identifier
from hookflash.wire.results import ResultInformation, not_found

CAROL, DAVE = "+14255550001", "+14255550002"
APP = "8:acs:11111111-1111-4111-8111-111111111111_0000000a-0000-4000-8000-000000000001"
NEWEST = "2026-03-12"


@dataclass
class Person:
    leg: int
    identity: Identifier
    is_phone: bool = True
    on_hold: bool = False


@dataclass
class Note:
    """An event as an operation asked for it."""

    name: str
    code: int
    sub_code: int
    request: Request
    fields: dict[str, Any]
    message: str


@dataclass
class MadeUpLine:
    people: list[Person]
    one_to_one: bool = False
    call: int = 7
    resource: str = "red"
    cognitive_endpoint: str | None = None
    abilities: Abilities = WORDLESS
    notes: list[Note] = field(default_factory=list)

    def find(self, model: CommunicationIdentifierModel, field: str) -> Person:
        wanted = Identifier.from_model(model, field)
        for person in self.people:
            if person.identity.matches(wanted):
                return person
        raise not_found(f"{wanted} is not here")

    def listeners(self) -> tuple[int, ...]:
        return tuple(person.leg for person in self.people if not person.on_hold)

    def is_one_to_one(self) -> bool:
        return self.one_to_one

    def notify(
        self, turn: Turn, event: type, result: ResultInformation, request: Request, **fields: Any
    ) -> None:
        self.notes.append(Note(event.__name__, result.code, result.sub_code, request, fields, result.message))


class Stage:
    """Drives one desk; every call is a turn of its own at ``now``."""

    CAROL, DAVE, APP = CAROL, DAVE, APP

    def __init__(self) -> None:
        self.carol = Person(1, Identifier.phone(CAROL))
        self.dave = Person(2, Identifier.phone(DAVE))
        self.other_app = Person(3, Identifier.user(APP), is_phone=False)
        self.line = MadeUpLine([self.carol, self.dave, self.other_app])
        self.desk = Desk(self.line)
        self.pending = Pending()
        self.now = 50.0
        self.effects: list[effects.Effect] = []

    def turn(self) -> Turn:
        turn = Turn(self.now, self.pending)
        turn.effects = self.effects
        return turn

    @property
    def notes(self) -> list[Note]:
        return self.line.notes

    def names(self) -> list[str]:
        return [note.name for note in self.notes]

    def results(self) -> list[tuple[str, int, int]]:
        return [(note.name, note.code, note.sub_code) for note in self.notes]

    def all(self, kind: type) -> list[Any]:
        return [effect for effect in self.effects if isinstance(effect, kind)]

    # --- requests ---------------------------------------------------------------------------------------

    def play(self, *urls: str, to: list[str] | None = None, **fields: Any) -> None:
        if fields.pop("loop", False):
            fields["play_options"] = requests.PlayOptions(loop=True)
        body = requests.PlayRequest(
            play_sources=[source(url) for url in urls or ("https://x.example/a.wav",)],
            play_to=[model(target) for target in to] if to is not None else None,
            **fields,
        )
        self.desk.play(self.turn(), NEWEST, body)

    def recognize(self, target: str = CAROL, *prompts: str, **fields: Any) -> None:
        dtmf = {
            "maxTonesToCollect": fields.pop("max_tones", 3),
            "interToneTimeoutInSeconds": fields.pop("inter_tone", None),
            "stopTones": fields.pop("stop_tones", None),
        }
        options = {
            "targetParticipant": msgspec.to_builtins(model(target)),
            "interruptPrompt": fields.pop("interrupt_prompt", None),
            "initialSilenceTimeoutInSeconds": fields.pop("silence", None),
            "dtmfOptions": {k: v for k, v in dtmf.items() if v is not None},
            "choices": fields.pop("choices", None),
            "speechLanguage": fields.pop("language", None),
            "speechLanguages": fields.pop("languages", None),
            "speechRecognitionModelEndpointId": fields.pop("model", None),
        }
        end = fields.pop("end_silence", None)
        if end is not None:
            options["speechOptions"] = {"endSilenceTimeoutInMs": end}
        body = requests.RecognizeRequest(
            recognize_input_type=fields.pop("kind", RecognizeInputType.DTMF),
            recognize_options=msgspec.convert(
                {k: v for k, v in options.items() if v is not None}, requests.RecognizeOptions
            ),
            play_prompts=[source(url) for url in prompts] or None,
            **fields,
        )
        self.desk.recognize(self.turn(), NEWEST, body)

    def send(self, digits: str = "12", target: str = CAROL, **fields: Any) -> None:
        tones = [Tone.of_digit(digit) for digit in digits]
        body = requests.SendDtmfTonesRequest(tones=tones, target_participant=model(target), **fields)
        self.desk.send_tones(self.turn(), NEWEST, body)

    def listen(self, target: str = CAROL, **fields: Any) -> None:
        body = requests.ContinuousDtmfRecognitionRequest(target_participant=model(target), **fields)
        self.desk.start_continuous(self.turn(), NEWEST, body)

    def stop_listening(self, target: str = CAROL, **fields: Any) -> None:
        body = requests.ContinuousDtmfRecognitionRequest(target_participant=model(target), **fields)
        self.desk.stop_continuous(self.turn(), NEWEST, body)

    def announce(self, *urls: str, to: str = CAROL, **fields: Any) -> None:
        body = requests.InterruptAudioAndAnnounceRequest(
            play_sources=[source(url) for url in urls or ("https://x.example/n.wav",)],
            play_to=model(to),
            **fields,
        )
        self.desk.announce(self.turn(), "2024-09-01-preview", body)

    def music(
        self,
        url: str = "https://x.example/m.wav",
        context: str | None = None,
        version: str = NEWEST,
        *,
        loop: bool = True,
    ) -> None:
        body = requests.HoldRequest(
            target_participant=model(CAROL), play_source_info=source(url), operation_context=context
        )
        music = self.desk.hold_music(body.play_source_info)
        assert music is not None
        self.desk.start_music(self.turn(), Request(version, context), self.carol, music, loop=loop)

    def cancel_all(self) -> None:
        self.desk.cancel_all(self.turn())

    # --- facts ------------------------------------------------------------------------------------------

    def started(self, play: int) -> None:
        self.pending.plays[play].audio_started(self.turn())

    def finished(self, play: int) -> None:
        self.pending.plays.pop(play).audio_finished(self.turn())

    def failed(
        self, play: int, index: int = 0, sub_code: int = 8535, message: str = "no WAV", code: int = 0
    ) -> None:
        owner = self.pending.plays.pop(play)
        owner.audio_failed(self.turn(), AudioFailure(index, sub_code, message, code))

    def press(self, digits: str, leg: int = 1) -> None:
        for digit in digits:
            self.desk.heard(self.turn(), leg, digit)

    def fire(self) -> None:
        """Let the one timer that is set fire, at its time."""
        (timer,) = self.pending.timers
        self.now = next(e.at for e in self.all(effects.StartTimer) if e.timer == timer)
        self.pending.timers.pop(timer)(self.turn())

    # --- words ------------------------------------------------------------------------------------------

    def ask(self, *prompts: str, **fields: Any) -> None:
        """Recognise words of Carol, where there is somebody to understand them."""
        self.line.cognitive_endpoint = "https://speech.example.org/"
        self.line.abilities = Abilities(speaks=True, understands=True)
        fields.setdefault("kind", RecognizeInputType.SPEECH)
        fields.setdefault("max_tones", None)
        self.recognize(CAROL, *prompts, **fields)

    @property
    def listening(self) -> int:
        """The one listening that is open."""
        (listening,) = self.pending.listenings
        return listening

    def speaks(self, at: float | None = None) -> None:
        listening = self.listening
        self.pending.listenings[listening].voice_began(self.turn(), self.now if at is None else at)

    def is_quiet(self, at: float | None = None) -> None:
        listening = self.listening
        self.pending.listenings[listening].voice_ended(self.turn(), self.now if at is None else at)

    def partly(self, text: str) -> None:
        self.pending.listenings[self.listening].words_heard(self.turn(), Heard(text, False))

    def understood(self, text: str, confidence: float = 0.9, choice: str = "", locale: str = "") -> None:
        owner = self.pending.listenings.pop(self.listening)
        owner.words_heard(self.turn(), Heard(text, True, confidence, locale, choice))

    def says(self, text: str, confidence: float = 0.9, choice: str = "") -> None:
        """All of it: a voice, silence for long enough, and the words."""
        self.speaks()
        self.is_quiet()
        self.due("end silence")
        self.understood(text, confidence, choice)

    def deaf(self, code: int = 400, sub_code: int = 8564, message: str = "No line.") -> None:
        self.pending.listenings.pop(self.listening).listening_failed(self.turn(), code, sub_code, message)

    def armed(self) -> dict[str, float]:
        """The timers that are set, by what they are for, and when they are due."""
        when = {effect.timer: effect.at for effect in self.all(effects.StartTimer)}
        return {getattr(fire, "__name__", ""): when[timer] for timer, fire in self.pending.timers.items()}

    def due(self, name: str = "") -> None:
        """The first timer that is set fires, at its time; ``name`` is what its operation says it was for."""
        when = {effect.timer: effect.at for effect in self.all(effects.StartTimer)}
        timer = min(self.pending.timers, key=lambda one: when[one])
        self.now = when[timer]
        self.pending.timers.pop(timer)(self.turn())
        if name:
            assert ("timer fired", name) in self.traced()[-8:]

    def traced(self) -> list[tuple[str, str]]:
        """What and detail of every operation's trace, newest operation last."""
        operations = [*self.desk.ended, *self.desk.main, *self.desk.subs]
        operations.sort(key=lambda operation: operation.serial)
        return [(entry.what, entry.detail) for one in operations for entry in one.trace.entries]

    def left(self, person: Person) -> None:
        self.line.people.remove(person)
        self.desk.left(self.turn(), person.leg)

    def held(self, person: Person) -> None:
        person.on_hold = True
        self.desk.held(self.turn(), person.leg)

    def at_rest(self) -> bool:
        pending = self.pending
        return self.desk.idle and not (
            pending.plays or pending.sendings or pending.timers or pending.listenings
        )


def model(target: str) -> CommunicationIdentifierModel:
    return (Identifier.phone(target) if target.startswith("+") else Identifier.parse(target)).to_model()


def source(url: str) -> requests.PlaySource:
    """``text:...`` and ``ssml:...`` make sources of those kinds."""
    kind, mark, rest = url.partition(":")
    if kind == "text" and mark:
        return msgspec.convert({"kind": "text", "text": {"text": rest}}, requests.PlaySource)
    if kind == "ssml" and mark:
        return msgspec.convert({"kind": "ssml", "ssml": {"ssmlText": rest}}, requests.PlaySource)
    return msgspec.convert({"kind": "file", "file": {"uri": url}}, requests.PlaySource)


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture(scope="session")
def stage_type() -> type[Stage]:
    """To build them for generated steps."""
    return Stage
