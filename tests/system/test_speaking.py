"""Texts and SSML spoken to a phone by the built-in voice, and what happens when its process dies."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from azure.communication.callautomation import (
    CallAutomationClient,
    CallConnectionClient,
    SsmlSource,
    TextSource,
)
from azure.core.credentials import AzureKeyCredential
from system.handset import Handset
from system.harness import ACCESS_KEY, NUMBER, Server, Webhook, running

from hookflash.speech.builtin import missing

pytestmark = pytest.mark.skipif(bool(missing()), reason="hookflash[speech] is not installed")

LONG = "This is one sentence of a very long prompt that nobody would want to listen to. " * 45


@pytest.fixture(scope="module")
def speaker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Webhook]]:
    # A busy machine may take its time to start the voice; what is late is not what these tests are about.
    yield from running(tmp_path_factory.mktemp("speaking"), "[speech]\nfirst_audio = 30\n")


@pytest.fixture
def handset() -> Iterator[Handset]:
    handset = Handset()
    yield handset
    handset.close()


@pytest.fixture
def call(speaker: tuple[Server, Webhook], handset: Handset) -> Iterator[CallConnectionClient]:
    """A call that the phone made and an app with speech answered."""
    server, webhook = speaker
    webhook.forget()
    client = CallAutomationClient(server.url, AzureKeyCredential(ACCESS_KEY))
    ringing = handset.start(f"dial sip:{NUMBER}@127.0.0.1:{server.sip_port}")
    incoming = webhook.incoming.get(timeout=10)
    answered = client.answer_call(
        incoming["incomingCallContext"],
        f"{webhook.url}/callbacks",
        cognitive_services_endpoint="https://speech.example.org/",
    )
    ringing.result(10)
    connection = answered.call_connection_id
    assert connection
    webhook.wait("CallConnected", callConnectionId=connection)
    yield client.get_call_connection(connection)
    handset.play("hangup")
    webhook.wait("CallDisconnected", callConnectionId=connection)


def seconds_heard(handset: Handset) -> float:
    """Seconds in which the phone heard something."""
    heard = handset.phone.audio.heard.astype(float)
    frames = heard[: len(heard) // 160 * 160].reshape(-1, 160)
    return 0.02 * int(np.count_nonzero(np.abs(frames).max(axis=1) > 300))


def speech_workers(server: Server) -> list[int]:
    """The processes of the server that run the voice."""
    assert server.process is not None
    found = []
    for place in Path("/proc").iterdir():
        try:
            words = (place / "cmdline").read_bytes().split(b"\0")
            parent = (place / "stat").read_text().rpartition(")")[2].split()[1]
        except (OSError, IndexError):
            continue
        if b"hookflash.speech.worker" in words and int(parent) == server.process.pid:
            found.append(int(place.name))
    return found


def result(event: dict[str, Any]) -> tuple[int, int]:
    information = event["resultInformation"]
    return information["code"], information["subCode"]


def test_a_text_is_heard(
    speaker: tuple[Server, Webhook], handset: Handset, call: CallConnectionClient
) -> None:
    _, webhook = speaker
    call.play_media_to_all(
        TextSource(text="Welcome to Contoso. How can I help you today?", voice_name="en-US-JennyNeural"),
        operation_context="welcome",
    )
    webhook.wait("PlayStarted", operationContext="welcome", timeout=60)
    completed = webhook.wait("PlayCompleted", operationContext="welcome", timeout=60)
    assert result(completed) == (200, 0)
    assert 1.5 < seconds_heard(handset) < 6.0


def test_ssml_and_text_are_one_play(
    speaker: tuple[Server, Webhook], handset: Handset, call: CallConnectionClient
) -> None:
    _, webhook = speaker
    ssml = (
        '<speak version="1.0" xmlns="http://www.w3.org/2001/10/synthesis" xml:lang="en-US">'
        '<voice name="en-US-GuyNeural"><prosody rate="fast">Press one for sales.</prosody>'
        '<break time="300ms"/>Or hold.</voice></speak>'
    )
    call.play_media(
        [SsmlSource(ssml_text=ssml), TextSource(text="Thank you.", source_locale="en-US")],
        operation_context="menu",
    )
    assert result(webhook.wait("PlayCompleted", operationContext="menu", timeout=60)) == (200, 0)
    assert seconds_heard(handset) > 1.2


def test_malformed_ssml_fails_with_its_place(
    speaker: tuple[Server, Webhook], call: CallConnectionClient
) -> None:
    _, webhook = speaker
    call.play_media_to_all(
        [TextSource(text="Fine.", source_locale="en-US"), SsmlSource(ssml_text="<speak><p>oops</speak>")],
        operation_context="bad",
    )
    failed = webhook.wait("PlayFailed", operationContext="bad", timeout=60)
    assert result(failed) == (400, 8582)
    assert failed["failedPlaySourceIndex"] == 1
    assert "line 1, column" in failed["resultInformation"]["message"]


def test_cancelling_ends_the_words_and_the_next_prompt_plays(
    speaker: tuple[Server, Webhook], handset: Handset, call: CallConnectionClient
) -> None:
    _, webhook = speaker
    call.play_media_to_all(TextSource(text=LONG, source_locale="en-US"), operation_context="long")
    webhook.wait("PlayStarted", operationContext="long", timeout=60)
    call.cancel_all_media_operations()
    webhook.wait("PlayCanceled", operationContext="long")
    call.play_media_to_all(TextSource(text="Next.", source_locale="en-US"), operation_context="next")
    webhook.wait("PlayCompleted", operationContext="next", timeout=60)


def test_a_voice_that_dies_in_the_middle_fails_one_play_only(
    speaker: tuple[Server, Webhook], handset: Handset, call: CallConnectionClient
) -> None:
    server, webhook = speaker
    call.play_media_to_all(
        TextSource(text="To be killed. " + LONG, source_locale="en-US"), operation_context="doomed"
    )
    webhook.wait("PlayStarted", operationContext="doomed", timeout=60)
    victims = speech_workers(server)
    assert len(victims) == 1
    os.kill(victims[0], signal.SIGKILL)
    failed = webhook.wait("PlayFailed", operationContext="doomed", timeout=90)
    assert result(failed) == (400, 8565)
    assert "SIGKILL" in failed["resultInformation"]["message"]
    before = seconds_heard(handset)
    call.play_media_to_all(TextSource(text="I am back.", source_locale="en-US"), operation_context="back")
    webhook.wait("PlayCompleted", operationContext="back", timeout=60)
    assert seconds_heard(handset) > before + 0.3
    assert victims != speech_workers(server)


def test_a_voice_that_hangs_is_killed_in_time(tmp_path: Path, handset: Handset) -> None:
    with contextmanager(running)(tmp_path, "[speech]\nfirst_audio = 8\n") as (server, webhook):
        client = CallAutomationClient(server.url, AzureKeyCredential(ACCESS_KEY))
        ringing = handset.start(f"dial sip:{NUMBER}@127.0.0.1:{server.sip_port}")
        incoming = webhook.incoming.get(timeout=10)
        answered = client.answer_call(
            incoming["incomingCallContext"],
            f"{webhook.url}/callbacks",
            cognitive_services_endpoint="https://speech.example.org/",
        )
        ringing.result(10)
        assert answered.call_connection_id
        call = client.get_call_connection(answered.call_connection_id)
        webhook.wait("CallConnected", callConnectionId=answered.call_connection_id)
        call.play_media_to_all(TextSource(text="One.", source_locale="en-US"), operation_context="one")
        webhook.wait("PlayCompleted", operationContext="one", timeout=60)
        (stuck,) = speech_workers(server)
        os.kill(stuck, signal.SIGSTOP)
        asked = time.monotonic()
        call.play_media_to_all(TextSource(text="Two.", source_locale="en-US"), operation_context="two")
        failed = webhook.wait("PlayFailed", operationContext="two", timeout=60)
        assert result(failed) == (408, 8565)
        assert time.monotonic() - asked > 7
        call.play_media_to_all(TextSource(text="Three.", source_locale="en-US"), operation_context="three")
        webhook.wait("PlayCompleted", operationContext="three", timeout=60)
        assert stuck not in speech_workers(server)
        call.hang_up(is_for_everyone=True)
