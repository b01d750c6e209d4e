"""The official JavaScript SDK speaks to a caller and understands what the caller says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from javascript_app import JavaScriptApp, needs_the_sdk
from system.handset import Handset
from system.harness import ACCESS_KEY, NUMBER, Server, Webhook
from system.spoken import Say, needs_speech

from hookflash.loopback import free_port

pytestmark = [pytest.mark.interop, needs_speech]
LONG = 120
"""Seconds that a step may take: the first ones start the voice and the recogniser."""
ANSWER = "I would like to change my address."


@pytest.fixture
def phone() -> Iterator[Handset]:
    handset = Handset()
    yield handset
    handset.close()


def test_play_and_recognise_with_words(tmp_path: Path, phone: Handset, spoken: Say) -> None:
    needs_the_sdk()
    confirm, answer = spoken("Confirm."), spoken(ANSWER)
    port = free_port()
    webhook = Webhook()
    webhook.url = f"http://127.0.0.1:{port}"  # the subscription leads to the app
    with Server(tmp_path, webhook) as server:
        app = JavaScriptApp("talk.mjs", f"endpoint={server.url}/;accesskey={ACCESS_KEY}", port)

        def prompted(context: str) -> None:
            while app.wait("event", "PlayStarted", LONG)["context"] != context:
                pass
            phone.play("expect audio within 30")

        try:
            app.wait("step", "listening")
            phone.play(f"dial sip:{NUMBER}@127.0.0.1:{server.sip_port}")
            prompted("greeting")
            prompted("AppointmentReminderMenu")
            phone.play(f"play {confirm}")
            choice = app.wait("step", "choice", LONG)
            assert (choice["label"], choice["phrase"].lower()) == ("Confirm", "confirm")
            prompted("OpenQuestionSpeech")
            phone.play(f"play {answer}")
            speech = app.wait("step", "speech", LONG)["speech"]
            assert speech.lower().rstrip(".") == ANSWER.lower().rstrip(".")
            prompted("OpenQuestionSpeechOrDtmf")
            phone.play("press 0")
            assert app.wait("step", "key", LONG)["tones"] == ["zero"]
            ended = app.wait("event", "CallDisconnected", LONG)
            assert ended["data"]["resultInformation"]["subCode"] == 7000
            assert app.process.wait(10) == 0
        finally:
            app.process.kill()
            app.process.wait()
            webhook.close()
    completed = [
        (line["context"], line["data"]["resultInformation"]["subCode"])
        for line in app.seen
        if line.get("event") in ("PlayCompleted", "RecognizeCompleted")
    ]
    assert completed == [
        ("greeting", 0),
        ("AppointmentReminderMenu", 8545),
        ("OpenQuestionSpeech", 8569),
        ("OpenQuestionSpeechOrDtmf", 8531),
        ("farewell", 0),
    ]
