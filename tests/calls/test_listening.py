"""Listening to somebody's words, from the effect to the facts that come of it."""

from __future__ import annotations

from typing import Any

import pytest

from hookflash.calls.speech_effects import (
    FinishListening,
    ListeningFailed,
    StartListening,
    StopListening,
    VoiceBegan,
    VoiceEnded,
    WordsHeard,
)
from hookflash.calls.turn import Turn
from hookflash.media.speech import Heard, Listening


class Listener:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def voice_began(self, turn: Turn, at: float) -> None:
        self.told.append(("began", at))

    def voice_ended(self, turn: Turn, at: float) -> None:
        self.told.append(("ended", at))

    def words_heard(self, turn: Turn, heard: Heard) -> None:
        self.told.append(heard)

    def listening_failed(self, turn: Turn, code: int, sub_code: int, message: str) -> None:
        self.told.append((code, sub_code, message))


class Scene:
    def __init__(self, office: Any) -> None:
        self.office = office
        self.listener = Listener()
        self.wish = Listening(("en-US", "de-DE"), ("yes", "no"), "m")
        self.turn = Turn(office.now, office.exchange._registry.pending)
        self.number = self.turn.start_listening(7, 3, self.wish, self.listener)

    def end(self, way: str) -> list[Any]:
        turn = Turn(self.office.now, self.office.exchange._registry.pending)
        getattr(turn, way)(self.number)
        return turn.effects


@pytest.fixture
def scene(make_office) -> Scene:
    return Scene(make_office())


def test_facts_find_whoever_listens(scene):
    assert scene.turn.effects == [StartListening(scene.number, 7, 3, scene.wish)]
    for fact in (
        VoiceBegan(scene.number, 1.5),
        WordsHeard(scene.number, "ye", False),
        VoiceEnded(scene.number, 2.5),
        WordsHeard(scene.number, "yes", True, 0.9, "en-US", "yes"),
        WordsHeard(scene.number, "late", True),
    ):
        assert scene.office.tell(fact) == []
    assert scene.listener.told == [
        ("began", 1.5),
        Heard("ye", False),
        ("ended", 2.5),
        Heard("yes", True, 0.9, "en-US", "yes"),
    ]


def test_a_failure_is_the_last_that_is_heard(scene):
    scene.office.tell(ListeningFailed(scene.number, 400, 8564, "no line"))
    scene.office.tell(ListeningFailed(scene.number, 400, 8564, "late"))
    scene.office.tell(VoiceBegan(scene.number, 1.0))
    scene.office.tell(VoiceEnded(scene.number, 1.0))
    assert scene.listener.told == [(400, 8564, "no line")]


def test_finishing_waits_for_the_last_words(scene):
    assert scene.end("finish_listening") == [FinishListening(scene.number)]
    scene.office.tell(WordsHeard(scene.number, "no", True))
    assert scene.end("finish_listening") == []
    assert scene.end("stop_listening") == []


def test_stopping_is_final(scene):
    assert scene.end("stop_listening") == [StopListening(scene.number)]
    assert scene.end("stop_listening") == []
    scene.office.tell(WordsHeard(scene.number, "no", True))
    assert scene.listener.told == []


def test_what_was_never_begun_is_ignored(scene):
    scene.number = None
    assert scene.end("finish_listening") == scene.end("stop_listening") == []
