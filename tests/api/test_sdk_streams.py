"""Streams, transcripts and recordings through the SDK: which command each call becomes."""

from __future__ import annotations

import pytest
from api.edge import CONNECTION, Client, FakeEngine, FixedClock, surface
from azure.communication.callautomation import CallAutomationClient
from azure.core.credentials import AzureKeyCredential

from hookflash.calls import commands
from hookflash.config import DEVELOPMENT_ACCESS_KEY

OP = "https://app.example.org/op"
RECORDING = "eyJQbGF0Zm9ybUVuZHBvaW50SWQiOiJhIiwiUmVzb3VyY2VTcGVjaWZpY0lkIjoiYiJ9"


@pytest.fixture
def call(live):
    client = CallAutomationClient(live.url, AzureKeyCredential(DEVELOPMENT_ACCESS_KEY))
    return client.get_call_connection(CONNECTION)


@pytest.fixture
def client(live):
    return CallAutomationClient(live.url, AzureKeyCredential(DEVELOPMENT_ACCESS_KEY))


@pytest.mark.parametrize(
    ("method", "kind"),
    [
        ("start_media_streaming", commands.StartMediaStreaming),
        ("stop_media_streaming", commands.StopMediaStreaming),
        ("start_transcription", commands.StartTranscription),
        ("stop_transcription", commands.StopTranscription),
    ],
)
def test_start_and_stop(call, live, method, kind):
    getattr(call, method)(operation_context="c", operation_callback_url=OP)
    command = live.engine.commands[-1]
    assert type(command) is kind
    assert command.connection_id == CONNECTION
    assert (command.request.operation_context, command.request.operation_callback_uri) == ("c", OP)
    getattr(call, method)()
    assert live.engine.commands[-1].request.operation_context is None


def test_languages(call, live):
    call.start_transcription(locale="fr-FR")
    assert live.engine.commands[-1].request.locale == "fr-FR"
    call.update_transcription(locale="de-DE", operation_context="u")
    command = live.engine.commands[-1]
    assert type(command) is commands.UpdateTranscription
    assert (command.request.locale, command.request.operation_context) == ("de-DE", "u")


@pytest.mark.parametrize(
    ("method", "kind"),
    [
        ("pause_recording", commands.PauseRecording),
        ("resume_recording", commands.ResumeRecording),
        ("stop_recording", commands.StopRecording),
    ],
)
def test_recordings_are_named_by_their_id(client, live, method, kind):
    getattr(client, method)(RECORDING)
    command = live.engine.commands[-1]
    assert type(command) is kind
    assert command.recording_id == RECORDING


@pytest.mark.parametrize("body", [None, b"null", {}])
@pytest.mark.parametrize(
    "name",
    [
        "startMediaStreaming",
        "stopMediaStreaming",
        "startTranscription",
        "stopTranscription",
        "updateTranscription",
    ],
)
async def test_no_body_is_an_empty_one(name, body):
    engine, clock = FakeEngine(), FixedClock()
    path = f"/calling/callConnections/{CONNECTION}:{name}"
    reply = await Client(surface(engine, clock), clock).send("POST", path, body)
    assert reply.status == 202
    assert engine.commands[0].request.operation_context is None


@pytest.mark.parametrize(
    ("name", "body", "kind", "status"),
    [
        (
            "startHoldMusic",
            {"playSourceInfo": {"kind": "file", "file": {"uri": "https://x/a.wav"}}, "loop": False},
            commands.StartHoldMusic,
            200,
        ),
        ("stopHoldMusic", {}, commands.StopHoldMusic, 200),
        (
            "interruptAudioAndAnnounce",
            {"playSources": [{"kind": "file", "file": {"uri": "https://x/a.wav"}}]},
            commands.InterruptAudioAndAnnounce,
            202,
        ),
    ],
)
async def test_previews(name, body, kind, status):
    engine, clock = FakeEngine(), FixedClock()
    who = {"phoneNumber": {"value": "+14255550123"}}
    field = "playTo" if name.startswith("interrupt") else "targetParticipant"
    reply = await Client(surface(engine, clock), clock).send(
        "POST",
        f"/calling/callConnections/{CONNECTION}:{name}",
        {**body, field: who, "operationContext": "c"},
        query="api-version=2024-09-01-preview",
    )
    assert (reply.status, reply.body) == (status, b"")
    (command,) = engine.commands
    assert type(command) is kind
    assert (command.version, command.request.operation_context) == ("2024-09-01-preview", "c")


async def test_the_result_of_a_recording():
    engine, clock = FakeEngine(), FixedClock()
    await Client(surface(engine, clock), clock).send(
        "GET", f"/calling/recordings/{RECORDING}/result", query="api-version=2024-09-01-preview"
    )
    (command,) = engine.commands
    assert type(command) is commands.GetRecordingResult
    assert command.recording_id == RECORDING


async def test_a_body_is_read_as_its_version_knows_it():
    engine, clock = FakeEngine(), FixedClock()
    body = {
        "playSources": [{"kind": "file", "file": {"uri": "https://x/a.wav"}}],
        "interruptCallMediaOperation": True,
    }
    for version, kept in (("2024-04-15", None), ("2024-09-15", True)):
        await Client(surface(engine, clock), clock).send(
            "POST", f"/calling/callConnections/{CONNECTION}:play", body, query=f"api-version={version}"
        )
        assert engine.commands[-1].request.interrupt_call_media_operation is kept
