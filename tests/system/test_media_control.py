"""Recordings, streams and previews on a whole server: as the SDK asks, and as only previews could."""

from __future__ import annotations

import base64
import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from azure.communication.callautomation import (
    AudioFormat,
    CallAutomationClient,
    CallConnectionClient,
    FileSource,
    MediaStreamingAudioChannelType,
    MediaStreamingContentType,
    MediaStreamingOptions,
    PhoneNumberIdentifier,
    RecordingChannel,
    RecordingContent,
    RecordingFormat,
    StreamingTransportType,
)
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from system.audio import wav

from hookflash.testing.phones import Phone
from hookflash.testing.server import Server
from hookflash.wire.hmac import sign

BOB = "+14255550190"
PREVIEW = "2024-09-01-preview"


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    with Server(event_types=("Microsoft.Communication.RecordingFileStatusUpdated",)) as server:
        server.webhook.files |= {"/short.wav": wav(0.3), "/long.wav": wav(30)}
        yield server


@pytest.fixture
def server(running: Server) -> Iterator[Server]:
    yield running
    running.phones.clear()
    running.webhook.forget()


@pytest.fixture
def client(server: Server) -> CallAutomationClient:
    return CallAutomationClient(server.url, AzureKeyCredential(server.access_key))


@pytest.fixture
def phone(server: Server) -> Phone:
    return server.phones.add("bob", BOB)


def call_of(server: Server, client: CallAutomationClient, **options: Any) -> CallConnectionClient:
    made = client.create_call(
        PhoneNumberIdentifier(BOB),
        server.webhook.url + "/callbacks",
        source_caller_id_number=PhoneNumberIdentifier(server.number),
        **options,
    )
    server.webhook.wait("CallConnected")
    return client.get_call_connection(str(made.call_connection_id))


def ask(server: Server, method: str, path: str, body: Any = None, version: str = PREVIEW) -> tuple[int, Any]:
    """A request that no SDK of today can make."""
    target = f"{path}?api-version={version}"
    data = b"" if body is None else json.dumps(body).encode()
    host = urlsplit(server.url).netloc
    headers = sign(method, target, host, data, base64.b64decode(server.access_key), time.time())
    request = urllib.request.Request(server.url + target, data or None, method=method)
    for name, value in {**headers, "Content-Type": "application/json"}.items():
        request.add_header(name, value)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            text = answer.read()
            return answer.status, json.loads(text) if text else None
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())["error"]


def verb(call: CallConnectionClient, name: str) -> str:
    return f"/calling/callConnections/{call._call_connection_id}:{name}"


def who() -> dict[str, Any]:
    return {"phoneNumber": {"value": BOB}}


def file(server: Server, name: str) -> dict[str, Any]:
    return {"kind": "file", "file": {"uri": f"{server.webhook.url}/{name}"}}


def heard(phone: Phone) -> list[tuple[str, str]]:
    """What the phone heard in its last call: file and what became of it."""
    call = phone.wait()
    return [(one["sources"][0].rpartition("/")[2], one["state"]) for one in call["heard"]]


# --- previews -------------------------------------------------------------------------------------------


def test_hold_music_by_its_old_name(server: Server, client: CallAutomationClient, phone: Phone) -> None:
    call = call_of(server, client)
    music = {"targetParticipant": who(), "playSourceInfo": file(server, "long.wav"), "operationContext": "m"}
    assert ask(server, "POST", verb(call, "startHoldMusic"), music) == (200, None)
    server.webhook.wait("PlayStarted", operationContext="m")
    assert call.get_participant(PhoneNumberIdentifier(BOB)).is_on_hold
    assert ask(server, "POST", verb(call, "stopHoldMusic"), {"targetParticipant": who()}) == (200, None)
    server.webhook.wait("PlayCanceled", operationContext="m")
    assert not call.get_participant(PhoneNumberIdentifier(BOB)).is_on_hold
    call.hang_up(is_for_everyone=True)


def test_an_announcement_to_a_phone_on_hold(
    server: Server, client: CallAutomationClient, phone: Phone
) -> None:
    call = call_of(server, client)
    call.hold(
        PhoneNumberIdentifier(BOB),
        play_source=FileSource(f"{server.webhook.url}/long.wav"),
        operation_context="music",
    )
    server.webhook.wait("PlayStarted", operationContext="music")
    body = {"playSources": [file(server, "short.wav")], "playTo": who(), "operationContext": "news"}
    assert ask(server, "POST", verb(call, "interruptAudioAndAnnounce"), body) == (202, None)
    server.webhook.wait("PlayStarted", operationContext="news")
    server.webhook.wait("PlayCompleted", operationContext="news")
    assert ("short.wav", "finished") in heard(phone)
    assert call.get_participant(PhoneNumberIdentifier(BOB)).is_on_hold
    call.hang_up(is_for_everyone=True)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/calling/callConnections/c/dialogs/d"),
        ("PATCH", "/calling/callConnections/c/dialogs/d"),
        ("POST", "/calling/callConnections/c/dialogs/d:stop"),
        ("POST", "/calling/callConnections/c:summarizeCall"),
    ],
)
def test_what_is_not_offered_says_so(server: Server, method: str, path: str) -> None:
    status, error = ask(server, method, path, {})
    assert (status, error["code"]) == (405, "8520")
    assert "ialog" in error["message"] or "summarizeCall" in error["message"]


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("startHoldMusic", "2026-03-12"),
        ("interruptAudioAndAnnounce", "2024-09-15"),
        ("startMediaStreaming", "2024-09-15"),
        ("hold", "2024-04-15"),
        ("sendDtmfTones", "2023-03-06"),
    ],
)
def test_an_operation_of_another_version(server: Server, name: str, version: str) -> None:
    status, error = ask(server, "POST", f"/calling/callConnections/c:{name}", {}, version)
    assert (status, error["code"], error["target"]) == (405, "8520", "api-version")


# --- recording ------------------------------------------------------------------------------------------


def test_a_recording_from_start_to_end(server: Server, client: CallAutomationClient, phone: Phone) -> None:
    call = call_of(server, client)
    started = client.start_recording(
        call_connection_id=call._call_connection_id,
        recording_content_type=RecordingContent.AUDIO,
        recording_channel_type=RecordingChannel.MIXED,
        recording_format_type=RecordingFormat.WAV,
        recording_state_callback_url=server.webhook.url + "/recording",
    )
    recording = str(started.recording_id)
    server.webhook.wait("RecordingStateChanged", state="active")
    assert client.get_recording_properties(recording).recording_state == "active"
    with pytest.raises(HttpResponseError) as caught:
        client.start_recording(call_connection_id=call._call_connection_id)
    assert caught.value.error is not None
    assert caught.value.error.code == "8559"
    client.pause_recording(recording)
    server.webhook.wait("RecordingStateChanged", state="inactive")
    client.resume_recording(recording)
    assert client.get_recording_properties(recording).recording_state == "active"
    client.stop_recording(recording)
    with pytest.raises(ResourceNotFoundError, match="Recording not found"):
        client.get_recording_properties(recording)
    published = server.webhook.wait("RecordingFileStatusUpdated")
    assert (published["recordingContentType"], published["recordingFormatType"]) == ("Audio", "Wav")
    status, body = ask(server, "GET", f"/calling/recordings/{quote(recording)}/result")
    assert status == 200
    assert body["recordingStorageInfo"] == published["recordingStorageInfo"]
    assert body["sessionEndReason"] == published["sessionEndReason"] == "CallEnded"
    (chunk,) = body["recordingStorageInfo"]["recordingChunks"]
    assert chunk["contentLocation"].startswith(f"{server.url}/v1/objects/{chunk['documentId']}/")
    call.hang_up(is_for_everyone=True)


# --- streaming ------------------------------------------------------------------------------------------


def test_a_stream_that_cannot_be_opened_fails_and_the_call_goes_on(
    server: Server, client: CallAutomationClient, phone: Phone
) -> None:
    options = MediaStreamingOptions(
        transport_url=server.webhook.url.replace("http", "ws") + "/no-socket",
        transport_type=StreamingTransportType.WEBSOCKET,
        content_type=MediaStreamingContentType.AUDIO,
        audio_channel_type=MediaStreamingAudioChannelType.MIXED,
        audio_format=AudioFormat.PCM24_K_MONO,
        start_media_streaming=False,
    )
    call = call_of(server, client, media_streaming=options)
    shown = call.get_call_properties().media_streaming_subscription
    assert shown is not None
    assert shown.state == "inactive"
    call.start_media_streaming(operation_context="s")
    failed = server.webhook.wait("MediaStreamingFailed", operationContext="s")
    assert failed["resultInformation"]["subCode"] == 8603
    assert failed["mediaStreamingUpdate"]["mediaStreamingStatus"] == "mediaStreamingFailed"
    assert call.get_call_properties().call_connection_state == "connected"
    call.hang_up(is_for_everyone=True)
