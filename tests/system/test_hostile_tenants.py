"""A tenant who means ill, with a key of his own, against a server that two resources share."""

from __future__ import annotations

import base64
import contextlib
import json
import signal
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.communication.callautomation import CallAutomationClient, PhoneNumberIdentifier
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import HttpResponseError
from system.harness import ACCESS_KEY, NUMBER, RESOURCE_ID, Server, Webhook

EVIL_KEY = "ZXZpbC10ZXN0cy1vbmx5LW5vdC1hLXNlY3JldC1rZXktMDEtMDI="
EVIL_NUMBER = "+18005550666"
PHONE = "+14255550142"
EVIL = f"""
[[resource]]
name = "evil"
id = "0e0e0e0e-0000-4000-8000-000000000001"
access_keys = ["{EVIL_KEY}"]

[[number]]
e164 = "{EVIL_NUMBER}"
resource = "evil"

[[issuer]]
issuer = "https://127.0.0.1:1/t"
resource = "tests"
"""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Webhook]]:
    webhook = Webhook()
    try:
        with Server(tmp_path_factory.mktemp("tenants"), webhook, EVIL, open_own_surface=False) as server:
            yield server, webhook
    finally:
        webhook.close()


def ask(
    server: Server, method: str, path: str, token: str = "", body: object = None
) -> tuple[int, dict[str, Any]]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(server.url + path, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, json.loads(answer.read() or b"{}")
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read() or b"{}")


def client(server: Server, key: str = ACCESS_KEY) -> CallAutomationClient:
    return CallAutomationClient(server.url, AzureKeyCredential(key))


def eventually(what: Callable[[], bool], why: Callable[[], object]) -> None:
    for _ in range(400):
        if what():
            return
        threading.Event().wait(0.05)
    raise AssertionError(why())


def test_a_key_opens_nothing_of_another_resource_under_hookflash(shared: tuple[Server, Webhook]) -> None:
    server, webhook = shared
    ask(server, "PUT", "/hookflash/phones/victim", ACCESS_KEY, {"identity": PHONE})
    call = client(server).create_call(
        PhoneNumberIdentifier(PHONE),
        f"{webhook.url}/callbacks?code=secret",
        source_caller_id_number=PhoneNumberIdentifier(NUMBER),
    )
    webhook.wait("CallConnected", callConnectionId=call.call_connection_id)
    journal = f"/hookflash/journal/{call.call_connection_id}"
    assert ask(server, "GET", journal, ACCESS_KEY)[0] == 200
    listed = ask(server, "GET", "/hookflash/subscriptions", ACCESS_KEY)[1]["value"]
    assert [one["subscription"]["name"] for one in listed] == ["app"]

    assert ask(server, "GET", "/hookflash/subscriptions", EVIL_KEY) == (200, {"value": []})
    credentials = ask(server, "GET", "/hookflash/credentials", EVIL_KEY)[1]["value"]
    assert {one["resource"] for one in credentials} == {"evil"}
    spy = {"name": "spy", "endpoint": f"{webhook.url}/incoming", "eventTypes": ["All"]}
    for method, path, body in (
        ("GET", journal, None),
        ("DELETE", "/hookflash/subscriptions/app", None),
        ("POST", "/hookflash/subscriptions", {**spy, "name": "app"}),
        ("POST", "/hookflash/subscriptions", {**spy, "resource": "tests"}),
        ("POST", "/hookflash/subscriptions", {**spy, "resource": RESOURCE_ID}),
    ):
        status, answer = ask(server, method, path, EVIL_KEY, body)
        assert (status, answer["error"]["code"]) == (403, "7507"), (method, path)
    assert ask(server, "GET", "/hookflash/subscriptions", ACCESS_KEY)[1]["value"] == listed
    client(server).get_call_connection(str(call.call_connection_id)).hang_up(is_for_everyone=True)


def test_a_key_calls_nobody_in_the_name_of_another_resource(shared: tuple[Server, Webhook]) -> None:
    server, webhook = shared
    with pytest.raises(HttpResponseError) as refused:
        client(server, EVIL_KEY).create_call(
            PhoneNumberIdentifier(PHONE),
            f"{webhook.url}/callbacks",
            source_caller_id_number=PhoneNumberIdentifier(NUMBER),
        )
    assert (refused.value.status_code, refused.value.error.code) == (403, "7507")  # type: ignore[union-attr]
    assert NUMBER in refused.value.message


@pytest.mark.parametrize("algorithm", [[], {}, ["RS256"], None, 5, "none", "HS256", "\u202e"])
def test_tokens_that_nobody_signed_are_refused_without_a_fault(
    shared: tuple[Server, Webhook], algorithm: object
) -> None:
    server, _ = shared
    claims = {"iss": "https://127.0.0.1:1/t", "exp": 10**400, "aud": "https://communication.azure.com/"}
    parts = [{"alg": algorithm, "kid": "../../etc/passwd\n"}, claims, "signature"]
    encoded = (base64.urlsafe_b64encode(json.dumps(one).encode()).decode().rstrip("=") for one in parts)
    path = "/calling/callConnections/2c006980-8ef1-46c2-84fa-357fefac0893?api-version=2026-03-12"
    status, answer = ask(server, "GET", path, ".".join(encoded))
    assert (status, answer["error"]["code"]) == (401, "7501")
    assert "Traceback" not in server.log.read_text()


def test_an_endpoint_that_only_says_it_is_busy_is_cut_off(shared: tuple[Server, Webhook]) -> None:
    server, _ = shared
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                accepted, _ = listener.accept()
            except OSError:
                return
            with accepted, contextlib.suppress(OSError):
                accepted.recv(65536)
                while True:
                    accepted.sendall(b"HTTP/1.1 102 Processing\r\n\r\n" * 100)

    threading.Thread(target=serve, daemon=True).start()
    endpoint = f"http://127.0.0.1:{listener.getsockname()[1]}/incoming?code=secret"
    body = {"name": "busy", "endpoint": endpoint}
    assert ask(server, "POST", "/hookflash/subscriptions", EVIL_KEY, body)[0] == 201

    def detail() -> str:
        (one,) = ask(server, "GET", "/hookflash/subscriptions", EVIL_KEY)[1]["value"]
        return str(one["detail"])

    eventually(lambda: "more than 20 interim responses" in detail(), detail)
    assert ask(server, "DELETE", "/hookflash/subscriptions/busy", EVIL_KEY)[0] == 204
    listener.close()


def test_a_broken_file_takes_no_key_away_when_it_is_read_again(shared: tuple[Server, Webhook]) -> None:
    server, _ = shared
    assert server.process is not None
    good = Path(server.config).read_text()
    before = server.log.read_text().count("not reloaded")
    try:
        for number, text in enumerate(("[server\n", '[server]\nmode = "production"\n', "\x00"), 1):
            server.config.write_text(text)
            server.process.send_signal(signal.SIGHUP)
            wanted = before + number
            eventually(lambda wanted=wanted: told(server) >= wanted, server.log.read_text)  # type: ignore[misc]
            assert ask(server, "GET", "/hookflash/credentials", ACCESS_KEY)[0] == 200
    finally:
        server.config.write_text(good)


def told(server: Server) -> int:
    return server.log.read_text().count("not reloaded")
