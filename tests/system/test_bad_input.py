"""Bad input from every side: each gets its documented answer within a bound, and the next call works."""

from __future__ import annotations

import http.client
import json
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from azure.communication.callautomation import CallAutomationClient, FileSource
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ResourceNotFoundError
from system.conftest import System
from system.handset import Handset
from system.harness import ACCESS_KEY

from hookflash.wire.hmac import decode_key, sign

CREATE = "/calling/callConnections?api-version=2026-03-12"
UNKNOWN = "2c006980-8ef1-46c2-84fa-357fefac0893"


def send(
    system: System,
    method: str,
    target: str,
    body: bytes = b"",
    *,
    headers: dict[str, str] | None = None,
    at: float | None = None,
    key: str = ACCESS_KEY,
) -> tuple[int, dict[str, Any]]:
    """A signed request by hand; status and error object."""
    host = f"127.0.0.1:{system.server.http_port}"
    signed = sign(method, target, host, body, decode_key(key), time.time() if at is None else at)
    connection = http.client.HTTPConnection(host, timeout=20)
    connection.request(
        method, target, body, {"Content-Type": "application/json", "Host": host, **signed, **(headers or {})}
    )
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    error: dict[str, Any] = json.loads(text)["error"] if text else {}
    assert "Traceback" not in text.decode()
    return answer.status, error


@contextmanager
def answered(system: System, phone: Handset) -> Iterator[str]:
    """A call from the phone that the app has answered; it ends at the end."""
    ringing = phone.start(f"dial {system.dial}")
    incoming = system.webhook.incoming.get(timeout=10)
    call = system.client().answer_call(incoming["incomingCallContext"], f"{system.webhook.url}/callbacks")
    ringing.result(10)
    assert call.call_connection_id is not None
    system.webhook.wait("CallConnected", callConnectionId=call.call_connection_id)
    yield call.call_connection_id
    phone.play("hangup")
    system.webhook.wait("CallDisconnected", callConnectionId=call.call_connection_id)


@pytest.fixture(autouse=True)
def the_next_call_works(system: System) -> Iterator[None]:
    yield
    system.webhook.statuses.clear()
    phone = Handset("+14255550199")
    try:
        with answered(system, phone) as connection:
            system.client().get_call_connection(connection).play_media_to_all(
                FileSource(url=f"{system.webhook.url}/short.wav"), operation_context="next"
            )
            system.webhook.wait("PlayCompleted", operationContext="next")
    finally:
        phone.close()


# --- the HTTP edge ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"{not json", ""),
        (b"[]", ""),
        (b'{"targets": "nobody", "callbackUri": "http://127.0.0.1/x"}', "targets"),
        (b'{"targets": [{"phoneNumber": {"value": 5}}], "callbackUri": "http://127.0.0.1/x"}', "value"),
        (b'{"targets": [{"phoneNumber": {"value": "+1425"}}]}', "callbackUri"),
        (b'{"targets": [], "callbackUri": "http://127.0.0.1/x"}', "targets"),
        (
            b'{"targets": [{"phoneNumber": {"value": "+14255550123"}}], "callbackUri": "nowhere"}',
            "allbackUri",
        ),
        (b"\xff\xfe", ""),
        (b"[" * 100_000, ""),
    ],
)
def test_a_body_that_cannot_be_used_names_what_is_wrong(system: System, body: bytes, field: str) -> None:
    status, error = send(system, "POST", CREATE, body)
    assert status == 400
    assert error["code"] == "8523"
    assert field in error["message"]


def test_an_unknown_call_is_not_found(system: System) -> None:
    with pytest.raises(ResourceNotFoundError) as raised:
        system.client().get_call_connection(UNKNOWN).get_call_properties()
    assert raised.value.error is not None
    assert raised.value.error.code == "8522"
    assert UNKNOWN in raised.value.message


def test_a_wrong_key_is_refused(system: System) -> None:
    wrong = CallAutomationClient(
        system.server.url, AzureKeyCredential("d3Jvbmcta2V5LXdyb25nLWtleS13cm9uZy1rZXk=")
    )
    with pytest.raises(ClientAuthenticationError) as raised:
        wrong.get_call_connection(UNKNOWN).get_call_properties()
    assert raised.value.error is not None
    assert raised.value.error.code == "7509"


@pytest.mark.parametrize("minutes", [-16, 16])
def test_a_date_outside_the_window_is_refused(system: System, minutes: int) -> None:
    status, error = send(
        system,
        "GET",
        f"/calling/callConnections/{UNKNOWN}?api-version=2026-03-12",
        at=time.time() + 60 * minutes,
    )
    assert (status, error["code"]) == (401, "7509")
    assert "x-ms-date" in error["message"] or "date" in error["message"].lower()


def test_a_body_that_was_changed_on_the_way_is_refused(system: System) -> None:
    host = f"127.0.0.1:{system.server.http_port}"
    signed = sign("POST", CREATE, host, b"{}", decode_key(ACCESS_KEY), time.time())
    connection = http.client.HTTPConnection(host, timeout=20)
    connection.request("POST", CREATE, b'{"a":1}', {"Content-Type": "application/json", **signed})
    assert connection.getresponse().status == 401
    connection.close()


def test_ten_megabytes_are_refused_before_they_are_read(system: System) -> None:
    status, error = send(system, "POST", CREATE, b" " * 10_000_000)
    assert status == 413
    assert "1048576" in error["message"]


def test_a_body_that_is_no_json_is_an_unsupported_media_type(system: System) -> None:
    status, error = send(system, "POST", CREATE, b"<call/>", headers={"Content-Type": "text/xml"})
    assert status == 415
    assert "text/xml" in error["message"]


def test_a_request_without_api_version_is_refused(system: System) -> None:
    status, error = send(system, "GET", f"/calling/callConnections/{UNKNOWN}")
    assert status == 400
    assert "api-version" in error["message"]


@pytest.mark.parametrize(
    ("operation", "version"), [("summarizeCall", "2025-08-15-preview"), ("hold", "2023-10-15")]
)
def test_an_operation_that_is_not_there_for_the_version_is_not_a_404(
    system: System, operation: str, version: str
) -> None:
    status, error = send(
        system, "POST", f"/calling/callConnections/{UNKNOWN}:{operation}?api-version={version}", b"{}"
    )
    assert (status, error["code"]) == (405, "8520")
    assert operation in error["message"]


# --- SIP and RTP --------------------------------------------------------------------------------------------


def test_garbage_on_the_sip_port(system: System) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        to = ("127.0.0.1", system.server.sip_port)
        sender.connect(to)
        for size in (0, 1, 4, 100, 1400, 60_000):
            sender.send(secrets.token_bytes(size))
        sender.send(b"INVITE sip:x SIP/2.0\r\n\r\n")
        sender.send(
            b"INVITE sip:x SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nContent-Length: 99999\r\n\r\n"
        )
        sender.send(b"INVITE sip:x SIP/2.0\r\n" + b"A: b\r\n" * 5000 + b"\r\n")
    with socket.create_connection(to, timeout=10) as stream:
        stream.sendall(secrets.token_bytes(100_000))
        stream.settimeout(10)
        try:
            while stream.recv(4096):
                pass
        except ConnectionResetError:
            pass


def test_garbage_on_the_rtp_port(system: System, phone: Handset) -> None:
    with answered(system, phone) as connection:
        audio = phone.phone.audio
        peer = audio.peer
        assert peer is not None
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            for port in (peer.port, peer.port + 1):
                for size in (0, 1, 11, 12, 172, 1400):
                    stranger.sendto(secrets.token_bytes(size), ("127.0.0.1", port))
            for sequence in range(50):  # well-formed, but not from the caller: must not take over the leg
                header = bytes([0x80, 0, 0, sequence]) + bytes(4) + b"evil"
                stranger.sendto(header + bytes(160), ("127.0.0.1", peer.port))
            stranger.settimeout(0.3)
            with pytest.raises(TimeoutError):
                stranger.recv(2048)
        system.client().get_call_connection(connection).play_media_to_all(
            FileSource(url=f"{system.webhook.url}/short.wav"), operation_context="still"
        )
        system.webhook.wait("PlayCompleted", operationContext="still")


# --- what the app points us at -----------------------------------------------------------------------------


@contextmanager
def hanging_server() -> Iterator[str]:
    """Accepts connections and never says a word."""
    listener = socket.create_server(("127.0.0.1", 0))
    held: list[socket.socket] = []
    stop = threading.Event()

    def accept() -> None:
        listener.settimeout(0.2)
        while not stop.is_set():
            try:
                held.append(listener.accept()[0])
            except TimeoutError:
                continue

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    stop.set()
    thread.join()
    for one in held:
        one.close()
    listener.close()


def play(system: System, connection: str, *urls: str) -> dict[str, Any]:
    """Play files; the data of the PlayFailed that follows."""
    system.client().get_call_connection(connection).play_media_to_all(
        [FileSource(url=url) for url in urls], operation_context="bad"
    )
    return system.webhook.wait("PlayFailed", timeout=25, operationContext="bad")


def test_a_wav_that_is_none(system: System, phone: Handset) -> None:
    system.webhook.files["/fake.wav"] = b"<html>not found, but 200</html>"
    with answered(system, phone) as connection:
        event = play(system, connection, f"{system.webhook.url}/short.wav", f"{system.webhook.url}/fake.wav")
        assert event["resultInformation"]["subCode"] == 8535
        assert event["resultInformation"]["code"] == 400
        assert event["failedPlaySourceIndex"] == 1


def test_a_prompt_that_is_not_there(system: System, phone: Handset) -> None:
    with answered(system, phone) as connection:
        event = play(system, connection, f"{system.webhook.url}/missing.wav")
        assert event["resultInformation"]["subCode"] == 8536
        assert event["failedPlaySourceIndex"] == 0


def test_a_prompt_server_that_hangs(system: System, phone: Handset) -> None:
    with hanging_server() as url, answered(system, phone) as connection:
        event = play(system, connection, f"{url}/prompt.wav")
        assert event["resultInformation"]["subCode"] == 8536


def test_a_callback_that_never_answers(system: System, phone: Handset) -> None:
    with hanging_server() as url:
        ringing = phone.start(f"dial {system.dial}")
        incoming = system.webhook.incoming.get(timeout=10)
        call = system.client().answer_call(incoming["incomingCallContext"], f"{url}/callbacks")
        ringing.result(10)
        assert call.call_connection_id is not None
        system.client().get_call_connection(call.call_connection_id).hang_up(is_for_everyone=True)
        phone.play("expect hangup within 5")


def test_a_callback_that_fails_twice_gets_its_events_in_order(system: System, phone: Handset) -> None:
    system.webhook.statuses[:] = [503, 500]
    with answered(system, phone) as connection:
        pass
    names = system.webhook.names(connection)
    assert names == ["CallConnected", "ParticipantsUpdated", "CallDisconnected"]


def test_a_callback_uri_must_be_a_url(system: System, phone: Handset) -> None:
    ringing = phone.start(f"dial {system.dial}")
    incoming = system.webhook.incoming.get(timeout=10)
    with pytest.raises(HttpResponseError) as raised:
        system.client().answer_call(incoming["incomingCallContext"], "ftp://127.0.0.1/callbacks")
    assert raised.value.status_code == 400
    system.client().reject_call(incoming["incomingCallContext"])
    assert "603" in str(ringing.exception(10))
