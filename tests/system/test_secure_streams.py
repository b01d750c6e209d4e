"""Streams over TLS on a whole server: an app whose certificate an own authority has signed, and others."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from azure.communication.callautomation import (
    AudioFormat,
    MediaStreamingAudioChannelType,
    MediaStreamingContentType,
    MediaStreamingOptions,
    StreamingTransportType,
)
from system import certificates
from system.exact import noise
from system.listener import Listener, until
from system.recorded import say
from system.room import ALICE, Room, ended, result, running

RATE = 16_000


@pytest.fixture(scope="module")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """The authority the server trusts, and a certificate of it."""
    return certificates.make(tmp_path_factory.mktemp("trusted"))


@pytest.fixture(scope="module")
def running_room(
    tmp_path_factory: pytest.TempPathFactory, trusted: tuple[Path, Path, Path]
) -> Iterator[Room]:
    """A server that trusts one authority, which no system knows."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(trusted[0]))
        yield from running(tmp_path_factory.mktemp("secure"))


def shown(files: tuple[Path, Path, Path]) -> ssl.SSLContext:
    """What an app with this certificate shows."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(files[1], files[2])
    return context


def options(url: str) -> MediaStreamingOptions:
    return MediaStreamingOptions(
        transport_url=url,
        transport_type=StreamingTransportType.WEBSOCKET,
        content_type=MediaStreamingContentType.AUDIO,
        audio_channel_type=MediaStreamingAudioChannelType.MIXED,
        audio_format=AudioFormat.PCM16_K_MONO,
        start_media_streaming=True,
        enable_bidirectional=True,
        enable_dtmf_tones=True,
    )


def streaming(data: dict[str, Any]) -> tuple[str, str]:
    update = data["mediaStreamingUpdate"]
    return update["mediaStreamingStatus"], update["mediaStreamingStatusDetails"]


def test_an_app_of_a_trusted_authority_hears_the_call_and_speaks_in_it(
    room: Room, trusted: tuple[Path, Path, Path]
) -> None:
    listener = Listener(tls=shown(trusted))
    call = room.call(ALICE, streaming=options(f"wss://127.0.0.1:{listener.port}/audio?call=7"))
    started = room.webhook.wait("MediaStreamingStarted", callConnectionId=call.id)
    assert streaming(started) == ("mediaStreamingStarted", "subscriptionStarted")
    until(lambda: listener.frames)
    assert listener.frames[0]["kind"] == "AudioMetadata"
    assert listener.headers["x-ms-call-connection-id"] == call.id
    phone = room.phone(ALICE)
    say(phone, noise(1, 2.0))
    until(lambda: np.count_nonzero(listener.heard()) > 5_000)
    before = len(phone.heard())
    listener.say(np.random.default_rng(2).integers(-6_000, 6_001, 2 * RATE).astype("<i2").tobytes())
    until(lambda: np.count_nonzero(phone.heard()[before:]) > 10_000)
    phone.play("press 7")
    until(lambda: {"kind": "DtmfData", "dtmfData": {"data": "7"}} in listener.frames)
    call.sdk.stop_media_streaming()
    stopped = room.webhook.wait("MediaStreamingStopped", callConnectionId=call.id)
    assert streaming(stopped) == ("mediaStreamingStopped", "subscriptionStopped")
    until(lambda: listener.code == 1000)
    ended(room, call)
    listener.close()


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ("authority", "the certificate there is refused: unable to get local issuer certificate."),
        # It is for 127.0.0.1, not for the other addresses of the machine.
        ("name", "the certificate there is refused: IP address mismatch, certificate is not valid for"),
        ("protocol", "no TLS: [SSL: "),
    ],
    ids=["authority", "name", "protocol"],
)
def test_who_shows_no_good_certificate_is_told_nothing_and_the_call_goes_on(
    room: Room, trusted: tuple[Path, Path, Path], tmp_path: Path, wrong: str, reason: str
) -> None:
    host = "127.0.0.2" if wrong == "name" else "127.0.0.1"
    files = certificates.make(tmp_path) if wrong == "authority" else trusted
    listener = Listener(host, None if wrong == "protocol" else shown(files))
    call = room.call(ALICE, streaming=options(f"wss://{host}:{listener.port}/audio"))
    for context in ("made", "again"):
        if context == "again":
            call.sdk.start_media_streaming(operation_context=context)
        failed = room.webhook.wait("MediaStreamingFailed", operationContext=context)
        assert result(failed) == (500, 8603)
        assert streaming(failed) == ("mediaStreamingFailed", "initialWebSocketConnectionFailed")
        message = failed["resultInformation"]["message"]
        assert message.startswith(f"Action failed, not able to establish WebSocket connection: {reason}")
        subscription = call.sdk.get_call_properties().media_streaming_subscription
        assert subscription is not None
        assert subscription.state == "inactive"
    assert listener.headers == {}, "no token has left the server"
    assert "MediaStreamingStarted" not in room.webhook.names(call.id)
    call.sdk.play_media(room.file("short.wav"), operation_context="played")
    room.webhook.wait("PlayCompleted", operationContext="played")
    assert np.count_nonzero(room.phone(ALICE).heard()) > 1_000
    ended(room, call)
    listener.close()
