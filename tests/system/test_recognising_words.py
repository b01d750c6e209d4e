"""Words of a phone, recognised by the built-in recogniser, through the official SDK and real SIP."""

from __future__ import annotations

from typing import Any

from azure.communication.callautomation import (
    DtmfTone,
    PhoneNumberIdentifier,
    RecognitionChoice,
    RecognizeInputType,
)
from system.room import ALICE, Call, Room, result
from system.spoken import Say, needs_speech

pytestmark = needs_speech

CHOICES = [
    RecognitionChoice(label="Confirm", phrases=["confirm", "yes please"], tone=DtmfTone.ONE),
    RecognitionChoice(label="Cancel", phrases=["cancel", "no thanks"], tone=DtmfTone.TWO),
    RecognitionChoice(label="Agent", phrases=["speak to an agent"], tone=DtmfTone.THREE),
]


def recognise(call: Call, kind: RecognizeInputType, context: str, **options: Any) -> None:
    call.sdk.start_recognizing_media(
        kind,
        PhoneNumberIdentifier(ALICE),
        operation_context=context,
        **{"initial_silence_timeout": 10, "end_silence_timeout": 1, **options},
    )


def completed(room: Room, context: str) -> dict[str, Any]:
    return room.webhook.wait("RecognizeCompleted", operationContext=context)


def test_a_spoken_choice_gives_its_label(room: Room, talk: Call, spoken: Say) -> None:
    recognise(talk, RecognizeInputType.CHOICES, "choice", choices=CHOICES)
    room.phone(ALICE).play(f"play {spoken('speak to an agent')}")
    data = completed(room, "choice")
    assert result(data) == (200, 8545)
    assert data["choiceResult"]["label"] == "Agent"
    assert data["choiceResult"]["recognizedPhrase"] == "speak to an agent"


def test_what_is_none_of_the_choices_is_not_taken_for_one(room: Room, talk: Call, spoken: Say) -> None:
    recognise(talk, RecognizeInputType.CHOICES, "other", choices=CHOICES)
    room.phone(ALICE).play(f"play {spoken('What is the weather like today?')}")
    assert result(room.webhook.wait("RecognizeFailed", operationContext="other")) == (400, 8547)


def test_free_speech_is_written_down(room: Room, talk: Call, spoken: Say) -> None:
    recognise(talk, RecognizeInputType.SPEECH, "speech")
    room.phone(ALICE).play(f"play {spoken('The internet has been down since yesterday morning.')}")
    data = completed(room, "speech")
    assert result(data) == (200, 8569)
    heard = data["speechResult"]["speech"].lower().rstrip(".")
    assert heard == "the internet has been down since yesterday morning"


def test_speech_stops_the_prompt(room: Room, talk: Call, spoken: Say) -> None:
    prompt = room.file("long.wav")
    recognise(
        talk,
        RecognizeInputType.SPEECH_OR_DTMF,
        "barge",
        play_prompt=prompt,
        interrupt_prompt=True,
        dtmf_max_tones_to_collect=3,
    )
    room.webhook.wait("PlayStarted", operationContext="barge")
    room.phone(ALICE).play(f"play {spoken('I want to talk about my bill.')}")
    data = completed(room, "barge")
    assert data["recognitionType"] == "speech"
    assert data["speechResult"]["speech"].lower().rstrip(".") == "i want to talk about my bill"


def test_keys_count_where_they_come_first(room: Room, talk: Call) -> None:
    recognise(talk, RecognizeInputType.SPEECH_OR_DTMF, "keys", dtmf_max_tones_to_collect=3)
    room.phone(ALICE).play("press 123")
    data = completed(room, "keys")
    assert data["recognitionType"] == "dtmf"
    assert data["dtmfResult"]["tones"] == ["one", "two", "three"]


def test_silence_is_told_apart_from_speech(room: Room, talk: Call) -> None:
    recognise(talk, RecognizeInputType.SPEECH, "silence", initial_silence_timeout=1)
    assert result(room.webhook.wait("RecognizeFailed", operationContext="silence")) == (400, 8510)
