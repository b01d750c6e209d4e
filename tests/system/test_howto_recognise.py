"""The how-to page on recognising what callers do, its Python snippets run through the official SDK.

A phone with a synthetic voice is the caller: it speaks and presses keys. Where a snippet of the page does not
compile it is mended, and nothing else.
"""

from __future__ import annotations

from typing import Any

import pytest
from azure.communication.callautomation import (
    DtmfTone,
    PhoneNumberIdentifier,
    RecognitionChoice,
    RecognizeInputType,
    TextSource,
)
from system.room import ALICE, BOB, Call, Room, others, result
from system.spoken import Say, needs_speech

pytestmark = needs_speech
LONG = 90
"""Seconds that a recognition may take to end: the first one starts the voice and the recogniser."""
TARGET = PhoneNumberIdentifier(ALICE)
VOICE = "en-US-ElizabethNeural"
MODEL = "YourCustomSpeechModelEndpointId"
REMINDER = (
    "Hello, This is a reminder for your appointment at 2 PM, Say Confirm to confirm your appointment or "
    "Cancel to cancel the appointment. Thank you!"
)
CHOICES = [
    RecognitionChoice(label="Confirm", phrases=["Confirm", "First", "One"], tone=DtmfTone.ONE),
    RecognitionChoice(label="Cancel", phrases=["Cancel", "Second", "Two"], tone=DtmfTone.TWO),
]


def end(room: Room, call: Call, name: str, context: str) -> dict[str, Any]:
    """The last event of a recognition, and the only one but PlayStarted of its prompt."""
    data = room.webhook.wait(name, LONG, operationContext=context)
    assert others(room, call, context) == ["PlayStarted", name]
    return data


def prompted(room: Room, context: str) -> None:
    """Wait until the prompt is heard."""
    room.webhook.wait("PlayStarted", LONG, operationContext=context)
    room.phone(ALICE).play("expect audio within 30")


def say(room: Room, spoken: Say, text: str) -> None:
    room.phone(ALICE).play(f"play {spoken(text)}")


def dtmf(call: Call, context: str, **options: Any) -> None:
    """The snippet on DTMF."""
    call.sdk.start_recognizing_media(
        **{
            "dtmf_max_tones_to_collect": 3,
            "input_type": RecognizeInputType.DTMF,
            "target_participant": TARGET,
            "initial_silence_timeout": 30,
            "play_prompt": TextSource(text="Welcome to Contoso, please enter 3 DTMF.", voice_name=VOICE),
            "dtmf_inter_tone_timeout": 5,
            "interrupt_prompt": True,
            "dtmf_stop_tones": [DtmfTone.POUND],
            "operation_context": context,
            **options,
        }
    )


def appointment(call: Call, context: str, **options: Any) -> None:
    """The snippet on choices."""
    call.sdk.start_recognizing_media(
        **{
            "input_type": RecognizeInputType.CHOICES,
            "target_participant": TARGET,
            "choices": CHOICES,
            "interrupt_prompt": True,
            "initial_silence_timeout": 30,
            "play_prompt": TextSource(text=REMINDER, voice_name=VOICE),
            "operation_context": context,
            "speech_recognition_model_endpoint_id": MODEL,
            **options,
        }
    )


def open_question(call: Call, context: str, **options: Any) -> None:
    """The snippet on speech; here its prompt may be interrupted, and is, to be done sooner."""
    call.sdk.start_recognizing_media(
        **{
            "input_type": RecognizeInputType.SPEECH,
            "target_participant": TARGET,
            "end_silence_timeout": 1,
            "interrupt_prompt": True,
            "play_prompt": TextSource(text="Hi, how can I help you today?", voice_name=VOICE),
            "operation_context": context,
            "speech_recognition_model_endpoint_id": MODEL,
            **options,
        }
    )


def question_or_key(call: Call, context: str) -> None:
    """The snippet on speech or DTMF."""
    prompt = "Hi, how can I help you today, you can also press 0 to speak to an agent."
    call.sdk.start_recognizing_media(
        dtmf_max_tones_to_collect=1,
        input_type=RecognizeInputType.SPEECH_OR_DTMF,
        target_participant=TARGET,
        end_silence_timeout=1,
        play_prompt=TextSource(text=prompt, voice_name=VOICE),
        initial_silence_timeout=30,
        interrupt_prompt=True,
        operation_context=context,
        speech_recognition_model_endpoint_id=MODEL,
    )


# --- keys -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "tones", "sub_code"),
    [("147", ["one", "four", "seven"], 8531), ("12#", ["one", "two"], 8514)],
    ids=["three", "stop tone"],
)
def test_keys_over_a_spoken_prompt(
    room: Room, talk: Call, keys: str, tones: list[str], sub_code: int
) -> None:
    dtmf(talk, "keys")
    prompted(room, "keys")
    room.phone(ALICE).play(f"press {keys}")
    data = end(room, talk, "RecognizeCompleted", "keys")
    assert data["recognitionType"] == "dtmf"
    assert data["dtmfResult"] == {"tones": tones}
    assert result(data) == (200, sub_code)


def test_no_key_at_all(room: Room, talk: Call) -> None:
    dtmf(talk, "silence", initial_silence_timeout=1)
    assert result(end(room, talk, "RecognizeFailed", "silence")) == (400, 8510)


def test_recognition_is_canceled(room: Room, talk: Call) -> None:
    dtmf(talk, "canceled")
    prompted(room, "canceled")
    talk.sdk.cancel_all_media_operations()
    assert result(end(room, talk, "RecognizeCanceled", "canceled")) == (400, 8508)


# --- choices --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "label", "phrase"),
    [("Confirm.", "Confirm", "confirm"), ("Cancel, please.", "Cancel", "cancel")],
)
def test_a_choice_by_voice_over_the_prompt(
    room: Room, talk: Call, spoken: Say, words: str, label: str, phrase: str
) -> None:
    spoken(words)
    appointment(talk, "AppointmentReminderMenu")
    prompted(room, "AppointmentReminderMenu")
    say(room, spoken, words)
    data = end(room, talk, "RecognizeCompleted", "AppointmentReminderMenu")
    assert result(data) == (200, 8545)
    assert data["recognitionType"] == "choices"
    assert data["choiceResult"]["label"] == label
    assert data["choiceResult"]["recognizedPhrase"].lower() == phrase


def test_a_choice_by_key(room: Room, talk: Call) -> None:
    appointment(talk, "AppointmentReminderMenu")
    prompted(room, "AppointmentReminderMenu")
    room.phone(ALICE).play("press 2")
    data = end(room, talk, "RecognizeCompleted", "AppointmentReminderMenu")
    assert result(data) == (200, 8533)
    assert data["choiceResult"]["label"] == "Cancel"
    assert data["choiceResult"]["recognizedPhrase"] is None


def test_a_key_of_no_choice(room: Room, talk: Call) -> None:
    appointment(talk, "wrong key")
    prompted(room, "wrong key")
    room.phone(ALICE).play("press 9")
    assert result(end(room, talk, "RecognizeFailed", "wrong key")) == (500, 8534)


def test_words_of_no_choice(room: Room, talk: Call, spoken: Say) -> None:
    appointment(talk, "other words")
    prompted(room, "other words")
    say(room, spoken, "My grandmother has a green bicycle.")
    assert result(end(room, talk, "RecognizeFailed", "other words")) == (400, 8547)


# --- speech ---------------------------------------------------------------------------------------------


def test_an_open_question(room: Room, talk: Call, spoken: Say) -> None:
    open_question(talk, "OpenQuestionSpeech")
    prompted(room, "OpenQuestionSpeech")
    say(room, spoken, "I would like to change my address.")
    data = end(room, talk, "RecognizeCompleted", "OpenQuestionSpeech")
    assert result(data) == (200, 8569)
    assert data["recognitionType"] == "speech"
    assert data["speechResult"]["speech"].lower().rstrip(".") == "i would like to change my address"


def test_speech_or_keys_by_voice(room: Room, talk: Call, spoken: Say) -> None:
    question_or_key(talk, "OpenQuestionSpeechOrDtmf")
    prompted(room, "OpenQuestionSpeechOrDtmf")
    say(room, spoken, "I would like to change my address.")
    data = end(room, talk, "RecognizeCompleted", "OpenQuestionSpeechOrDtmf")
    assert (result(data), data["recognitionType"]) == ((200, 8569), "speech")
    assert "change my address" in data["speechResult"]["speech"].lower()


def test_speech_or_keys_by_key(room: Room, talk: Call) -> None:
    question_or_key(talk, "OpenQuestionSpeechOrDtmf")
    prompted(room, "OpenQuestionSpeechOrDtmf")
    room.phone(ALICE).play("press 0")
    data = end(room, talk, "RecognizeCompleted", "OpenQuestionSpeechOrDtmf")
    assert (result(data), data["recognitionType"]) == ((200, 8531), "dtmf")
    assert data["dtmfResult"] == {"tones": ["zero"]}


def test_one_of_a_group_is_asked(room: Room, talk_in_group: Call, spoken: Say) -> None:
    """Recognize(group): what another one says meanwhile is not the answer."""
    wrong = spoken("Cancel, please.")
    spoken("Confirm.")
    appointment(talk_in_group, "Alice's", play_prompt=TextSource(text="Confirm or cancel?", voice_name=VOICE))
    prompted(room, "Alice's")
    room.phone(BOB).play(f"play {wrong}; press 2")
    say(room, spoken, "Confirm.")
    data = end(room, talk_in_group, "RecognizeCompleted", "Alice's")
    assert (result(data), data["choiceResult"]["label"]) == ((200, 8545), "Confirm")


def test_a_whole_conversation(room: Room, talk: Call, spoken: Say) -> None:
    """One call: a spoken greeting, a menu, an open answer, and a spoken farewell."""
    for text in ("Confirm.", "I will be ten minutes late."):
        spoken(text)
    talk.sdk.play_media_to_all(TextSource(text="Good morning.", voice_name=VOICE), operation_context="hello")
    appointment(talk, "menu")  # it waits for the greeting
    room.webhook.wait("PlayCompleted", LONG, operationContext="hello")
    prompted(room, "menu")
    say(room, spoken, "Confirm.")
    assert end(room, talk, "RecognizeCompleted", "menu")["choiceResult"]["label"] == "Confirm"
    open_question(talk, "question")
    prompted(room, "question")
    say(room, spoken, "I will be ten minutes late.")
    heard = end(room, talk, "RecognizeCompleted", "question")["speechResult"]["speech"]
    assert "minutes late" in heard.lower()
    talk.sdk.play_media_to_all(TextSource(text="Thank you.", voice_name=VOICE), operation_context="bye")
    room.webhook.wait("PlayCompleted", LONG, operationContext="bye")
