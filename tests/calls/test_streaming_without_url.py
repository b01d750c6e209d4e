"""Audio streaming that was asked for without saying where to: it is there, and fails when it is to start."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from calls.media_room import MediaRoom, details, streaming

from hookflash.calls import audio_effects, commands, effects, facts
from hookflash.wire.decoding import decode
from hookflash.wire.parts import CallLocator
from hookflash.wire.requests import ConnectRequest, CreateCallRequest


@pytest.fixture
def room(office: Any) -> MediaRoom:
    return MediaRoom(office)


def nowhere(**fields: Any) -> Any:
    return streaming(transport_url=None, **fields)


def joined(office: Any, options: Any) -> str:
    """A connection to a call that is there already."""
    office.answered()
    call = next(iter(office.exchange._registry.calls.values()))
    body = ConnectRequest(
        call_locator=CallLocator(server_call_id=call.id),
        callback_uri="https://app.example/cb",
        media_streaming_options=options,
    )
    return str(office.run(commands.Connect(office.RED, "2026-03-12", body)).call_connection_id)


SETUPS = {
    "answer": lambda office, options: office.answered(media_streaming_options=options)[1],
    "connect": joined,
}


@pytest.mark.parametrize("setup", SETUPS)
def test_nothing_is_said_until_it_is_to_start(office, room, setup):
    connection = SETUPS[setup](office, nowhere())
    assert office.get(connection).media_streaming_subscription.state == "inactive"
    assert details(office, connection) == []
    room.stop(connection)
    assert details(office, connection) == []


@pytest.mark.parametrize("setup", SETUPS)
def test_it_fails_when_it_is_to_start_with_the_call(office, room, setup):
    connection = SETUPS[setup](office, nowhere(start_media_streaming=True))
    assert details(office, connection) == [("MediaStreamingFailed", "streamUrlMissing", None)]
    assert office.result(connection, "MediaStreamingFailed") == (400, 8581)
    assert office.all(audio_effects.OpenStream) == []
    assert office.get(connection).media_streaming_subscription.state == "inactive"
    assert office.names(connection).index("CallConnected") < office.names(connection).index(
        "MediaStreamingFailed"
    )


def test_every_start_that_is_asked_for_fails(office, room):
    _, connection = office.answered(media_streaming_options=nowhere())
    room.start(connection, operation_context="one", operation_callback_uri="https://app.example/op")
    room.start(connection, operation_context="two")
    assert details(office, connection) == [
        ("MediaStreamingFailed", "streamUrlMissing", "one"),
        ("MediaStreamingFailed", "streamUrlMissing", "two"),
    ]
    failed = [note for note in office.notes(connection) if type(note.data).__name__ == "MediaStreamingFailed"]
    assert [note.callback_uri for note in failed] == ["https://app.example/op", "https://app.example/cb"]
    assert "transportUrl" in failed[0].data.result_information.message
    assert office.all(audio_effects.OpenStream) == []
    office.hang_up(connection)
    assert office.names(connection)[-1] == "CallDisconnected"
    assert office.all(audio_effects.CloseStream) == []
    assert office.nothing_left()


def test_keys_go_nowhere(office):
    leg, _ = office.answered(
        media_streaming_options=nowhere(start_media_streaming=True, enable_dtmf_tones=True)
    )
    office.effects.clear()
    office.tell(facts.ToneHeard(leg, "1"))
    assert office.all(audio_effects.StreamTone) == []
    assert office.all(effects.Notify) == []


def test_a_request_without_the_url_is_taken():
    body = {
        "targets": [{"phoneNumber": {"value": "+14255550123"}}],
        "callbackUri": "https://app.example/cb",
        "sourceCallerIdNumber": {"value": "+18005550100"},
        "mediaStreamingOptions": {"transportType": "websocket", "audioChannelType": "mixed"},
    }
    request = decode(CreateCallRequest, msgspec.json.encode(body))
    assert request.media_streaming_options.transport_url is None
